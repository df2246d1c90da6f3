/* test_string_commands.c - GET, MGET, MSET, APPEND, GETRANGE, SETRANGE and their edges. */
#include <stdlib.h>

#include "support/test_client.h"

static void test_get_answers_a_value_or_null(void **state)
{
    (void)state;
    TEST_STEPS({"GET k", "nil"}, {"SET k v", "+OK"}, {"get k", "\"v\""}, {"SET k ''", "+OK"},
               {"GET k", "\"\""}, {"SET b '\\0\\r\\n\\xff'", "+OK"},
               {"GET b", "\"\\x00\\r\\n\\xff\""}, {"SET '' empty", "+OK"}, {"GET ''", "\"empty\""},
               {"GET", "-ERR wrong number of arguments for 'get' command"},
               {"GET a b", "-ERR wrong number of arguments for 'get' command"});
}

static void test_mget_answers_in_order_with_nulls(void **state)
{
    (void)state;
    TEST_STEPS({"MSET a 1 b 2", "+OK"}, {"MGET a x b a", "*4 \"1\" nil \"2\" \"1\""},
               {"MGET", "-ERR wrong number of arguments for 'mget' command"});
}

static void test_mset_takes_pairs_and_the_last_one_wins(void **state)
{
    (void)state;
    TEST_STEPS({"MSET a 1 a 2", "+OK"}, {"GET a", "\"2\""},
               {"MSET a", "-ERR wrong number of arguments for 'mset' command"},
               {"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"},
               {"SET t v EX 100", "+OK"}, {"MSET t w", "+OK"}, {"TTL t", ":-1"});
}

static void test_mset_of_many_keys_sets_all(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    enum { PAIRS = 1000 };
    hc_span *args = calloc(1 + 2 * PAIRS, sizeof *args);
    uint32_t names[PAIRS];
    args[0] = span("mset");
    for (uint32_t i = 0; i < PAIRS; i++) {
        names[i] = i;
        args[1 + 2 * i] = args[2 + 2 * i] = hc_span_make(&names[i], sizeof names[i]);
    }
    assert_string_equal(test_client_run_args(&on, args, 1 + 2 * PAIRS), "+OK");
    test_client_expect(&on, "DBSIZE", ":1000");
    free(args);
    test_client_fini(&on);
}

static void test_msetnx_sets_all_or_none(void **state)
{
    (void)state;
    TEST_STEPS({"MSETNX a 1 b 2", ":1"}, {"MSETNX c 3 a 9", ":0"},
               {"MGET a b c", "*3 \"1\" \"2\" nil"}, {"MSETNX d 1 d 2", ":1"}, {"GET d", "\"2\""},
               {"MSETNX a", "-ERR wrong number of arguments for 'msetnx' command"});
}

static void test_append_and_strlen_count_bytes_and_keep_the_expiry(void **state)
{
    (void)state;
    TEST_STEPS({"STRLEN k", ":0"}, {"APPEND k ab", ":2"}, {"APPEND k cd", ":4"},
               {"GET k", "\"abcd\""}, {"EXPIRE k 100", ":1"}, {"APPEND k ''", ":4"},
               {"APPEND k e", ":5"}, {"TTL k", ":100"}, {"STRLEN k", ":5"}, {"APPEND new ''", ":0"},
               {"EXISTS new", ":1"});
}

static void test_getrange_clamps_as_redis_does(void **state)
{
    (void)state;
    TEST_STEPS(
        {"SET k abcdef", "+OK"}, {"GETRANGE k 0 2", "\"abc\""}, {"GETRANGE k -3 -1", "\"def\""},
        {"GETRANGE k 0 -1", "\"abcdef\""}, {"GETRANGE k 4 100", "\"ef\""},
        {"GETRANGE k 6 9", "\"\""}, {"GETRANGE k 3 1", "\"\""}, {"GETRANGE k -100 1", "\"ab\""},
        {"GETRANGE k 0 -100", "\"a\""}, {"GETRANGE k -1 -3", "\"\""}, {"SUBSTR k 1 1", "\"b\""},
        {"GETRANGE none 0 1", "\"\""},
        {"GETRANGE k -9223372036854775808 9223372036854775807", "\"abcdef\""},
        {"GETRANGE k 9223372036854775807 9223372036854775807", "\"\""},
        {"GETRANGE k a 1", "-ERR value is not an integer or out of range"},
        {"GETRANGE k 0 9223372036854775808", "-ERR value is not an integer or out of range"});
}

static void test_setrange_pads_overwrites_and_refuses_what_is_too_long(void **state)
{
    (void)state;
    TEST_STEPS(
        {"SETRANGE k 2 ab", ":4"}, {"GET k", "\"\\x00\\x00ab\""}, {"SETRANGE k 0 x", ":4"},
        {"GET k", "\"x\\x00ab\""}, {"SETRANGE k 3 yz", ":5"}, {"SETRANGE k 1 ''", ":5"},
        {"SETRANGE none 9 ''", ":0"}, {"EXISTS none", ":0"},
        {"SETRANGE k -1 x", "-ERR offset is out of range"},
        {"SETRANGE k -1 ''", "-ERR offset is out of range"},
        {"SETRANGE k x y", "-ERR value is not an integer or out of range"},
        {"SETRANGE k 536870912 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
        {"SETRANGE k 9223372036854775807 x",
         "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
        {"SETRANGE k 9223372036854775807 ''", ":5"}, {"EXPIRE k 50", ":1"},
        {"SETRANGE k 0 q", ":5"}, {"TTL k", ":50"});
}

static void test_getdel_answers_once(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v", "+OK"}, {"GETDEL k", "\"v\""}, {"GETDEL k", "nil"}, {"EXISTS k", ":0"});
}

static void test_keys_of_any_length_up_to_64_kib(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 255, 256, 65535, 65536};
    test_client on;
    test_client_init(&on, NULL);
    uint8_t *key = malloc(70000);
    memset(key, 'k', 70000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        hc_span set[] = {span("SET"), hc_span_make(key, sizes[i]), span("v")};
        assert_string_equal(test_client_run_args(&on, set, 3), "+OK");
        hc_span get[] = {span("GET"), hc_span_make(key, sizes[i])};
        assert_string_equal(test_client_run_args(&on, get, 2), "\"v\"");
    }
    const char *refused = "-ERR key is longer than 65536 bytes";
    hc_span big = hc_span_make(key, 65537);
    hc_span set[] = {span("SET"), big, span("v")}, get[] = {span("GET"), big};
    hc_span append[] = {span("APPEND"), big, span("v")}, incr[] = {span("INCR"), big};
    hc_span mset[] = {span("MSET"), span("a"), span("1"), big, span("v")};
    hc_span range[] = {span("SETRANGE"), big, span("0"), span("v")};
    hc_span del[] = {span("DEL"), big}, rename[] = {span("RENAME"), span("a"), big};
    assert_string_equal(test_client_run_args(&on, set, 3), refused);
    assert_string_equal(test_client_run_args(&on, get, 2), "nil");
    assert_string_equal(test_client_run_args(&on, append, 3), refused);
    assert_string_equal(test_client_run_args(&on, incr, 2), refused);
    assert_string_equal(test_client_run_args(&on, mset, 5), refused);
    test_client_expect(&on, "EXISTS a", ":0"); /* nothing of it was set */
    test_client_expect(&on, "SET a 1", "+OK");
    assert_string_equal(test_client_run_args(&on, range, 4), refused);
    assert_string_equal(test_client_run_args(&on, del, 2), ":0");
    assert_string_equal(test_client_run_args(&on, rename, 3), refused);
    free(key);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_answers_a_value_or_null),
        cmocka_unit_test(test_mget_answers_in_order_with_nulls),
        cmocka_unit_test(test_mset_takes_pairs_and_the_last_one_wins),
        cmocka_unit_test(test_mset_of_many_keys_sets_all),
        cmocka_unit_test(test_msetnx_sets_all_or_none),
        cmocka_unit_test(test_append_and_strlen_count_bytes_and_keep_the_expiry),
        cmocka_unit_test(test_getrange_clamps_as_redis_does),
        cmocka_unit_test(test_setrange_pads_overwrites_and_refuses_what_is_too_long),
        cmocka_unit_test(test_getdel_answers_once),
        cmocka_unit_test(test_keys_of_any_length_up_to_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
