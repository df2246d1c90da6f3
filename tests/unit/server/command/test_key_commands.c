/* test_key_commands.c - DEL, EXISTS, TOUCH, TYPE, RENAME, COPY. */
#include "support/test_client.h"

static void test_counts_name_each_key_each_time(void **state)
{
    (void)state;
    TEST_STEPS({"MSET a 1 b 2 c 3", "+OK"}, {"EXISTS a a x b", ":3"}, {"TOUCH a a x", ":2"},
               {"SET e ''", "+OK"}, {"TOUCH e", ":1"}, {"DEL a a x", ":1"}, {"UNLINK b c b", ":2"},
               {"EXISTS a b c", ":0"}, {"DEL", "-ERR wrong number of arguments for 'del' command"});
}

static void test_type_is_string_or_none(void **state)
{
    (void)state;
    TEST_STEPS({"TYPE k", "+none"}, {"SET k v", "+OK"}, {"TYPE k", "+string"});
}

static void test_rename_moves_value_and_expiry(void **state)
{
    (void)state;
    TEST_STEPS({"SET a v EX 40", "+OK"}, {"SET b w", "+OK"}, {"RENAME a b", "+OK"},
               {"GET b", "\"v\""}, {"TTL b", ":40"}, {"EXISTS a", ":0"},
               {"RENAME a b", "-ERR no such key"}, {"GET b", "\"v\""}, {"RENAME b b", "+OK"},
               {"GET b", "\"v\""}, {"TTL b", ":40"}, {"RENAME none none", "-ERR no such key"},
               {"SET c w", "+OK"}, {"RENAME c b", "+OK"}, {"TTL b", ":-1"});
}

static void test_renamenx_leaves_a_taken_name(void **state)
{
    (void)state;
    TEST_STEPS({"MSET a 1 b 2", "+OK"}, {"RENAMENX a b", ":0"}, {"MGET a b", "*2 \"1\" \"2\""},
               {"RENAMENX a c", ":1"}, {"MGET a c", "*2 nil \"1\""},
               {"RENAMENX a d", "-ERR no such key"}, {"RENAMENX c c", ":0"});
}

static void test_copy_within_a_database(void **state)
{
    (void)state;
    TEST_STEPS({"SET a v EX 40", "+OK"}, {"COPY a b", ":1"}, {"GET b", "\"v\""}, {"TTL b", ":40"},
               {"SET a w", "+OK"}, {"COPY a b", ":0"}, {"GET b", "\"v\""},
               {"COPY a b REPLACE", ":1"}, {"GET b", "\"w\""}, {"TTL b", ":-1"},
               {"COPY none b REPLACE", ":0"}, {"GET b", "\"w\""},
               {"COPY a a", "-ERR source and destination objects are the same"},
               {"COPY a b foo", "-ERR syntax error"}, {"COPY a b DB", "-ERR syntax error"},
               {"COPY a b DB x", "-ERR value is not an integer or out of range"},
               {"COPY a b DB 16", "-ERR DB index is out of range"},
               {"COPY a b DB -1", "-ERR DB index is out of range"});
}

static void test_copy_to_another_database(void **state)
{
    (void)state;
    TEST_STEPS({"SET a v EX 40", "+OK"}, {"COPY a a DB 3", ":1"}, {"COPY a a DB 3", ":0"},
               {"COPY a a DB 3 REPLACE", ":1"}, {"SELECT 3", "+OK"}, {"GET a", "\"v\""},
               {"TTL a", ":40"}, {"COPY a b DB 0", ":1"}, {"SELECT 0", "+OK"}, {"GET b", "\"v\""},
               {"COPY none b DB 3", ":0"}, {"DBSIZE", ":2"});
}

static void test_a_default_ttl_is_not_given_to_copies_that_never_expire(void **state)
{
    (void)state;
    const node_options options = {.default_ttl_ms = 5000};
    test_client on;
    test_client_init(&on, &options);
    test_client_expect(&on, "SET a v", "+OK");
    test_client_expect(&on, "PTTL a", ":5000");
    test_client_expect(&on, "PERSIST a", ":1");
    test_client_expect(&on, "RENAME a b", "+OK");
    test_client_expect(&on, "PTTL b", ":-1");
    test_client_expect(&on, "COPY b c", ":1");
    test_client_expect(&on, "PTTL c", ":-1");
    test_client_fini(&on);
}

static void test_move_takes_a_key_to_another_database(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v EX 40", "+OK"}, {"MOVE k 3", ":1"}, {"EXISTS k", ":0"}, {"MOVE k 3", ":0"},
               {"SELECT 3", "+OK"}, {"GET k", "\"v\""}, {"TTL k", ":40"}, {"SELECT 0", "+OK"},
               {"SET k w", "+OK"}, {"MOVE k 3", ":0"}, {"GET k", "\"w\""},
               {"CF.RESERVE f 100", "+OK"}, {"CF.ADD f a", "..."}, {"MOVE f 3", ":1"},
               {"TYPE f", "+none"}, {"SELECT 3", "+OK"}, {"CF.COUNT f a", ":1"},
               {"STORE CREATE mine", "+OK"}, {"SELECT mine", "+OK"}, {"SET m 1", "+OK"},
               {"MOVE m 0", ":1"}, {"SELECT 0", "+OK"}, {"GET m", "\"1\""});
}

static void test_move_refuses_what_redis_refuses(void **state)
{
    (void)state;
    TEST_STEPS({"MOVE k 0", "-ERR source and destination objects are the same"},
               {"MOVE k 16", "-ERR DB index is out of range"},
               {"MOVE k -1", "-ERR DB index is out of range"},
               {"MOVE k x", "-ERR value is not an integer or out of range"},
               {"MOVE k 99999999999",
                "-ERR value is out of range, value must between -2147483648 and 2147483647"},
               {"MOVE k", "-ERR wrong number of arguments for 'move' command"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_name_each_key_each_time),
        cmocka_unit_test(test_type_is_string_or_none),
        cmocka_unit_test(test_rename_moves_value_and_expiry),
        cmocka_unit_test(test_renamenx_leaves_a_taken_name),
        cmocka_unit_test(test_copy_within_a_database),
        cmocka_unit_test(test_copy_to_another_database),
        cmocka_unit_test(test_move_takes_a_key_to_another_database),
        cmocka_unit_test(test_move_refuses_what_redis_refuses),
        cmocka_unit_test(test_a_default_ttl_is_not_given_to_copies_that_never_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
