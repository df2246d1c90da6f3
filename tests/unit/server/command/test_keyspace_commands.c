/* test_keyspace_commands.c - SCAN, KEYS, RANDOMKEY, DBSIZE, FLUSHDB, FLUSHALL. */
#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"

static void fill(test_client *on, unsigned keys)
{
    for (unsigned i = 0; i < keys; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "SET key:%u v", i);
        test_client_expect(on, line, "+OK");
    }
}

/* Counts the key:N of one SCAN reply in `seen`; returns the next cursor. */
static unsigned long long take_page(const char *page, unsigned *seen, unsigned keys, unsigned *got)
{
    unsigned long long cursor = 0;
    assert_int_equal(sscanf(page, "*2 \"%llu\"", &cursor), 1);
    for (const char *at = strstr(page, "\"key:"); at != NULL; at = strstr(at + 1, "\"key:")) {
        unsigned long number = strtoul(at + 5, NULL, 10);
        assert_true(number < keys);
        seen[number]++;
        (*got)++;
    }
    return cursor;
}

static void scan_all(const char *options, unsigned expected_keys)
{
    enum { KEYS = 1000, PAGES_MAX = 2000 };
    unsigned seen[KEYS] = {0}, got = 0, pages = 0;
    unsigned long long cursor = 0;
    test_client on;
    test_client_init(&on, NULL);
    fill(&on, KEYS);
    do {
        char line[128];
        (void)snprintf(line, sizeof line, "SCAN %llu%s", cursor, options);
        cursor = take_page(test_client_run(&on, line), seen, KEYS, &got);
    } while (cursor != 0 && ++pages < PAGES_MAX);
    assert_int_equal(cursor, 0);
    unsigned distinct = 0;
    for (unsigned i = 0; i < KEYS; i++)
        if (seen[i] > 0) distinct++;
    assert_int_equal(distinct, expected_keys);
    test_client_fini(&on);
}

static void test_scan_visits_every_key(void **state)
{
    (void)state;
    scan_all("", 1000);
    scan_all(" COUNT 1", 1000);
    scan_all(" COUNT 300", 1000);
    scan_all(" COUNT 9223372036854775807", 1000);
}

static void test_scan_filters(void **state)
{
    (void)state;
    scan_all(" MATCH key:1*", 111);
    scan_all(" MATCH key:?", 10);
    scan_all(" TYPE string COUNT 100 MATCH *99", 10);
    scan_all(" TYPE STRING", 1000);
    scan_all(" TYPE hash", 0);
}

static void test_scan_refuses_bad_arguments(void **state)
{
    (void)state;
    TEST_STEPS({"SCAN 0", "*2 \"0\" *0"}, {"SCAN abc", "-ERR invalid cursor"},
               {"SCAN ''", "*2 \"0\" *0"}, {"SCAN '1 '", "-ERR invalid cursor"},
               {"SCAN 18446744073709551616", "-ERR invalid cursor"},
               {"SCAN 18446744073709551615", "*2 ..."}, {"SCAN 0 COUNT 0", "-ERR syntax error"},
               {"SCAN 0 COUNT -5", "-ERR syntax error"},
               {"SCAN 0 COUNT x", "-ERR value is not an integer or out of range"},
               {"SCAN 0 MATCH", "-ERR syntax error"}, {"SCAN 0 foo bar", "-ERR syntax error"},
               {"SCAN 0 TYPE nothing", "*2 \"0\" *0"});
}

static void test_keys_answers_with_all_that_match(void **state)
{
    (void)state;
    TEST_STEPS({"KEYS *", "*0"}, {"MSET one 1 two 2 three 3", "+OK"}, {"KEYS o*", "*1 \"one\""},
               {"KEYS *", "*3 ..."}, {"KEYS t*", "*2 ..."}, {"KEYS [a-o]ne", "*1 \"one\""},
               {"KEYS x", "*0"}, {"SET '' v", "+OK"}, {"KEYS ''", "*1 \"\""});
}

static void test_a_pattern_has_a_bound(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    char pattern[1025];
    memset(pattern, 'a', sizeof pattern);
    hc_span long_one[] = {span("KEYS"), hc_span_make(pattern, 1025)};
    hc_span fitting[] = {span("KEYS"), hc_span_make(pattern, 1024)};
    hc_span scan[] = {span("SCAN"), span("0"), span("MATCH"), long_one[1]};
    assert_string_equal(test_client_run_args(&on, long_one, 2),
                        "-ERR pattern is longer than 1024 bytes");
    assert_string_equal(test_client_run_args(&on, scan, 4),
                        "-ERR pattern is longer than 1024 bytes");
    assert_string_equal(test_client_run_args(&on, fitting, 2), "*0");
    test_client_fini(&on);
}

static void test_scan_returns_early_when_keys_are_large(void **state)
{
    (void)state;
    enum { KEYS = 40, KEY_BYTES = 60000 };
    test_client on;
    test_client_init(&on, NULL);
    uint8_t *key = malloc(KEY_BYTES);
    memset(key, 'k', KEY_BYTES);
    for (unsigned i = 0; i < KEYS; i++) {
        key[0] = (uint8_t)i;
        hc_span set[] = {span("SET"), hc_span_make(key, KEY_BYTES), span("v")};
        assert_string_equal(test_client_run_args(&on, set, 3), "+OK");
    }
    free(key);
    test_client_expect(&on, "DBSIZE", ":40");
    /* The fixture's line has room for a million bytes, so most keys are dropped by the pattern. */
    unsigned long long cursor = 0;
    unsigned calls = 0;
    do {
        char line[64];
        (void)snprintf(line, sizeof line, "SCAN %llu COUNT 10000 MATCH x", cursor);
        const char *page = test_client_run(&on, line);
        assert_int_equal(sscanf(page, "*2 \"%llu\"", &cursor), 1);
    } while (cursor != 0 && ++calls < 100);
    assert_int_equal(cursor, 0);
    test_client_fini(&on);
}

static void test_randomkey_is_one_of_the_keys(void **state)
{
    (void)state;
    TEST_STEPS({"RANDOMKEY", "nil"}, {"SET only v", "+OK"}, {"RANDOMKEY", "\"only\""},
               {"RANDOMKEY x", "-ERR wrong number of arguments for 'randomkey' command"});
}

static void test_flushes_empty_one_database_or_all(void **state)
{
    (void)state;
    TEST_STEPS({"DBSIZE", ":0"}, {"MSET a 1 b 2", "+OK"}, {"DBSIZE", ":2"}, {"SELECT 9", "+OK"},
               {"SET c 3", "+OK"}, {"DBSIZE", ":1"}, {"FLUSHDB", "+OK"}, {"DBSIZE", ":0"},
               {"SET c 3", "+OK"}, {"SELECT 0", "+OK"}, {"DBSIZE", ":2"}, {"FLUSHDB ASYNC", "+OK"},
               {"DBSIZE", ":0"}, {"SET a 1", "+OK"}, {"FLUSHALL sync", "+OK"}, {"DBSIZE", ":0"},
               {"SELECT 9", "+OK"}, {"DBSIZE", ":0"}, {"FLUSHALL foo", "-ERR syntax error"},
               {"FLUSHDB sync async", "-ERR syntax error"});
}

/* ---- SWAPDB ---- */

/* Another client of the same node. */
static void second_init(test_client *of, const test_client *first)
{
    const session_options client = {.address = "127.0.0.1:50001", .descriptor = 9};
    *of = (test_client){.node = first->node};
    session_init(&of->client, of->node, &client);
    test_reply_init(&of->reply);
}

static void second_fini(test_client *of)
{
    session_fini(&of->client);
    test_reply_fini(&of->reply);
}

static void test_swapdb_is_seen_by_every_client_at_once(void **state)
{
    (void)state;
    test_client a, b;
    test_client_init(&a, NULL);
    second_init(&b, &a);
    test_client_expect(&b, "SELECT 1", "+OK");
    test_client_expect(&a, "SET k zero EX 100", "+OK");
    test_client_expect(&b, "SET k one", "+OK");
    test_client_expect(&a, "SWAPDB 0 1", "+OK");
    test_client_expect(&a, "GET k", "\"one\"");
    test_client_expect(&b, "GET k", "\"zero\"");
    test_client_expect(&b, "TTL k", ":100");
    test_client_expect(&b, "SWAPDB 1 7", "+OK");
    test_client_expect(&b, "GET k", "nil");
    test_client_expect(&b, "SELECT 7", "+OK");
    test_client_expect(&b, "GET k", "\"zero\"");
    test_client_expect(&b, "STORE INFO 7", "%23 \"name\" \"7\" \"kind\" \"database\"...");
    test_client_expect(&b, "STORE INFO default", "%23 \"name\" \"0\" \"kind\" \"database\"...");
    test_client_expect(&a, "COPY k k DB 7 REPLACE", ":1");
    test_client_expect(&b, "GET k", "\"one\"");
    assert_int_equal(node_database_of(a.node, a.client.store), 0);
    assert_int_equal(node_database_of(a.node, b.client.store), 7);
    second_fini(&b);
    test_client_fini(&a);
}

static void test_swapdb_breaks_watches_of_its_databases(void **state)
{
    (void)state;
    static const struct {
        const char *swap, *exec;
    } cases[] = {{"SWAPDB 0 1", "nil*"}, {"SWAPDB 1 2", "*1 +PONG"}, {"SWAPDB 0 0", "*1 +PONG"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_client a, b;
        test_client_init(&a, NULL);
        second_init(&b, &a);
        test_client_expect(&a, "SET k v", "+OK");
        test_client_expect(&a, "WATCH k", "+OK");
        test_client_expect(&a, "SELECT 5", "+OK");
        test_client_expect(&b, cases[i].swap, "+OK");
        test_client_expect(&a, "MULTI", "+OK");
        test_client_expect(&a, "PING", "+QUEUED");
        test_client_expect(&a, "EXEC", cases[i].exec);
        second_fini(&b);
        test_client_fini(&a);
    }
}

static void test_swapdb_refuses_what_redis_refuses(void **state)
{
    (void)state;
    TEST_STEPS({"SWAPDB 0 x", "-ERR invalid second DB index"},
               {"SWAPDB x 0", "-ERR invalid first DB index"},
               {"SWAPDB x y", "-ERR invalid first DB index"},
               {"SWAPDB 99999999999 0", "-ERR invalid first DB index"},
               {"SWAPDB 0 16", "-ERR DB index is out of range"},
               {"SWAPDB -1 0", "-ERR DB index is out of range"}, {"SWAPDB 3 3", "+OK"},
               {"SWAPDB 0", "-ERR wrong number of arguments for 'swapdb' command"});
}

static void test_nobody_is_waited_for(void **state)
{
    (void)state;
    TEST_STEPS({"WAIT 0 0", ":0"}, {"WAIT -1 0", ":0"},
               {"WAIT x 0", "-ERR value is not an integer or out of range"},
               {"WAIT 0 x", "-ERR timeout is not an integer or out of range"},
               {"WAIT 0 -1", "-ERR timeout is negative"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_visits_every_key),
        cmocka_unit_test(test_scan_filters),
        cmocka_unit_test(test_scan_refuses_bad_arguments),
        cmocka_unit_test(test_keys_answers_with_all_that_match),
        cmocka_unit_test(test_a_pattern_has_a_bound),
        cmocka_unit_test(test_scan_returns_early_when_keys_are_large),
        cmocka_unit_test(test_randomkey_is_one_of_the_keys),
        cmocka_unit_test(test_flushes_empty_one_database_or_all),
        cmocka_unit_test(test_swapdb_is_seen_by_every_client_at_once),
        cmocka_unit_test(test_swapdb_breaks_watches_of_its_databases),
        cmocka_unit_test(test_swapdb_refuses_what_redis_refuses),
        cmocka_unit_test(test_nobody_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
