/* test_multi_set_commands.c - several keys set in one step: all of them or none. */
#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"

#define PAIRS "-ERR wrong number of key-value pairs"
#define NUMKEYS "-ERR invalid numkeys value"
#define SYNTAX "-ERR syntax error"

static void test_msetex_sets_all_with_one_expiry(void **state)
{
    (void)state;
    TEST_STEPS({"MSETEX 2 a 1 b 2 EX 10", ":1"}, {"TTL a", ":10"}, {"TTL b", ":10"},
               {"MSETEX 2 a 3 c 4 keepttl", ":1"}, {"MGET a b c", "*3 \"3\" \"2\" \"4\""},
               {"TTL a", ":10"}, {"TTL c", ":-1"}, {"MSETEX 1 a 5", ":1"}, {"TTL a", ":-1"},
               {"MSETEX 1 a 6 PX 1500", ":1"}, {"PTTL a", ":1500"},
               {"MSETEX 1 a 6 EXAT 1000000100", ":1"}, {"TTL a", ":100"},
               {"MSETEX 1 a 6 PXAT 1000000200000", ":1"}, {"TTL a", ":200"},
               {"MSETEX 2 a 7 a 8", ":1"}, {"GET a", "\"8\""}, {"MSETEX 1 a 1 EXAT 5", ":1"},
               {"EXISTS a", ":0"});
}

static void test_msetex_conditions_look_at_all_keys(void **state)
{
    (void)state;
    TEST_STEPS({"MSETEX 2 a 1 b 2 NX EX 10", ":1"}, {"MSETEX 2 c 1 b 9 NX", ":0"},
               {"MGET a b c", "*3 \"1\" \"2\" nil"}, {"MSETEX 2 c 1 b 9 XX", ":0"},
               {"MGET a b c", "*3 \"1\" \"2\" nil"}, {"MSETEX 2 a 8 b 9 PX 5000 XX", ":1"},
               {"MGET a b c", "*3 \"8\" \"9\" nil"});
}

static void test_msetex_refuses_what_redis_refuses(void **state)
{
    (void)state;
    TEST_STEPS(
        {"MSETEX", "-ERR wrong number of arguments for 'msetex' command"},
        {"MSETEX 1 a", "-ERR wrong number of arguments for 'msetex' command"},
        {"MSETEX a 1 EX 10", NUMKEYS}, {"MSETEX 0 a 1", NUMKEYS}, {"MSETEX -1 a 1", NUMKEYS},
        {"MSETEX 2147483648 a 1", NUMKEYS}, {"MSETEX 2147483647 a 1", PAIRS},
        {"MSETEX 2 a 1 b", PAIRS}, {"MSETEX 1 a 1 what", SYNTAX}, {"MSETEX 1 a 1 NX XX", SYNTAX},
        {"MSETEX 1 a 1 EX 10 PX 5", SYNTAX}, {"MSETEX 1 a 1 KEEPTTL EX 10", SYNTAX},
        {"MSETEX 1 a 1 EX", SYNTAX}, {"MSETEX 1 a 1 GET", SYNTAX}, {"MSETEX 1 a 1 IFEQ x", SYNTAX},
        {"MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command"},
        {"MSETEX 1 a 1 EX x", "-ERR value is not an integer or out of range"}, {"DBSIZE", ":0"});
}

static void test_msetex_tells_its_keys(void **state)
{
    (void)state;
    TEST_STEPS(
        {"COMMAND GETKEYS MSETEX 2 a 1 b 2 EX 10", "*2 \"a\" \"b\""},
        {"COMMAND GETKEYS MSETEX 9 a 1 b 2", "*2 \"a\" \"b\""},
        {"COMMAND INFO msetex",
         "*1 *10 \"msetex\" :-4 ~3 +write +denyoom +movablekeys :0 :0 :0 ~3 +@write +@string "
         "+@slow ~2 \"request_policy:multi_shard\" \"response_policy:agg_min\" ~1 %3 "
         "\"flags\" ~2 +OW +update \"begin_search\" %2 \"type\" \"index\" \"spec\" %1 "
         "\"index\" :1 \"find_keys\" %2 \"type\" \"keynum\" \"spec\" %3 \"keynumidx\" :0 "
         "\"firstkey\" :1 \"keystep\" :2 ~0"});
}

/* ---- at the limit of memory ---- */

enum { VALUE_BYTES = 1000 };
#define OOM "-OOM command not allowed when used memory > 'maxmemory'."

static void full_node_init(test_client *on, char fill)
{
    const node_options options = {.max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                  .eviction = HC_EVICTION_NONE};
    char line[VALUE_BYTES + 64], value[VALUE_BYTES + 1];
    test_client_init(on, &options);
    memset(value, fill, VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
    for (int i = 0; i < 100000; i++) {
        snprintf(line, sizeof line, "SET key:%d %s", i, value);
        if (strcmp(test_client_run(on, line), "+OK") != 0) return;
    }
    fail_msg("the store never became full");
}

/* Runs `name` over old and new keys with values that cannot all fit. */
static void expect_none_is_set(const char *head, const char *tail)
{
    test_client on;
    full_node_init(&on, 'o');
    char *line = malloc(64 * 4096);
    size_t used = (size_t)sprintf(line, "%s", head);
    for (int i = 0; i < 16; i++) {
        used += (size_t)sprintf(line + used, " %s:%d ", i % 2 == 0 ? "key" : "new", i);
        memset(line + used, 'n', 3000);
        used += 3000;
    }
    strcpy(line + used, tail);
    test_client_expect(&on, "SET short s EX 100", "+OK");
    uint64_t keys = hc_store_count(on.client.store);
    test_client_expect(&on, line, OOM);
    char old[VALUE_BYTES + 3], get[32];
    memset(old, 'o', sizeof old);
    old[0] = old[VALUE_BYTES + 1] = '"';
    old[VALUE_BYTES + 2] = '\0';
    for (int i = 0; i < 16; i += 2) {
        snprintf(get, sizeof get, "GET key:%d", i);
        const char *got = test_client_run(&on, get);
        assert_true(strcmp(got, old) == 0 || strcmp(got, "nil") == 0);
        snprintf(get, sizeof get, "GET new:%d", i + 1);
        test_client_expect(&on, get, "nil");
    }
    assert_true(hc_store_count(on.client.store) <= keys);
    free(line);
    test_client_fini(&on);
}

static void test_a_set_of_many_that_meets_the_limit_leaves_no_part(void **state)
{
    (void)state;
    expect_none_is_set("MSET", "");
    expect_none_is_set("MSETEX 16", " EX 100");
}

static void test_what_is_put_back_keeps_its_expiry(void **state)
{
    (void)state;
    test_client on;
    full_node_init(&on, 'o');
    char *line = malloc(1 << 20);
    test_client_expect(&on, "DEL key:0 key:1 key:2 key:3", ":4");
    test_client_expect(&on, "SET k old EX 100", "+OK");
    test_client_expect(&on, "SET l old", "+OK");
    size_t used = (size_t)sprintf(line, "MSET k new l new k newer big ");
    memset(line + used, 'b', 50000);
    line[used + 50000] = '\0';
    while (strcmp(test_client_run(&on, line), OOM) != 0)
        test_client_expect(&on,
                           "APPEND filler " /* it fitted: less room next time */
                           "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                           ":...");
    test_client_expect(&on, "MGET k l", "*2 \"old\" \"old\"");
    test_client_expect(&on, "TTL k", ":100");
    test_client_expect(&on, "TTL l", ":-1");
    free(line);
    test_client_fini(&on);
}

static void test_a_key_that_is_too_long_is_seen_before_anything_is_set(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    size_t size = HC_KEY_BYTES_MAX + 1;
    uint8_t *key = calloc(1, size);
    const hc_span args[] = {HC_SPAN("MSET"), HC_SPAN("a"), HC_SPAN("1"), hc_span_make(key, size),
                            HC_SPAN("2")};
    assert_string_equal(test_client_run_args(&on, args, 5), "-ERR key is longer than 65536 bytes");
    test_client_expect(&on, "DBSIZE", ":0");
    free(key);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msetex_sets_all_with_one_expiry),
        cmocka_unit_test(test_msetex_conditions_look_at_all_keys),
        cmocka_unit_test(test_msetex_refuses_what_redis_refuses),
        cmocka_unit_test(test_msetex_tells_its_keys),
        cmocka_unit_test(test_a_set_of_many_that_meets_the_limit_leaves_no_part),
        cmocka_unit_test(test_what_is_put_back_keeps_its_expiry),
        cmocka_unit_test(test_a_key_that_is_too_long_is_seen_before_anything_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
