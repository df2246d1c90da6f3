/* test_memory_commands.c - MEMORY: figures of one key and of the process. */
#include <string.h>

#include "support/test_client.h"

#define SYNTAX "-ERR syntax error"

static void test_usage_is_what_the_item_takes(void **state)
{
    (void)state;
    /* header 2 bytes, key 1, value 5, index 6; an expiry takes bytes of its own */
    TEST_STEPS({"SET k hello", "+OK"}, {"MEMORY USAGE k", ":14"}, {"MEMORY USAGE none", "nil"},
               {"MEMORY USAGE k SAMPLES 5", ":14"}, {"MEMORY USAGE k SAMPLES -1", SYNTAX},
               {"MEMORY USAGE k SAMPLES", SYNTAX}, {"MEMORY USAGE k FOO 1", SYNTAX},
               {"MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range"},
               {"SET k hello PX 5", "+OK"}, {"@6", ""}, {"MEMORY USAGE k", "nil"});
}

static void test_stats_is_one_map(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "MEMORY STATS", "%27 \"peak.allocated\" :...");
    test_client_expect(&on, "SET k v", "+OK");
    const char *figures = test_client_run(&on, "MEMORY STATS");
    assert_int_equal(strncmp(figures, "%28 ", 4), 0);
    assert_non_null(strstr(figures, " \"db.0\" %2 \"overhead.hashtable.main\" :"));
    assert_non_null(strstr(figures, " \"keys.count\" :1 "));
    assert_non_null(strstr(figures, " \"dataset.percentage\" ,"));
    test_client_fini(&on);
}

static void test_reports_are_texts(void **state)
{
    (void)state;
    TEST_STEPS({"MEMORY DOCTOR", "=\"There is hardly anything in memory..."},
               {"MEMORY MALLOC-STATS", "=\"<malloc ..."}, {"MEMORY PURGE", "+OK"},
               {"MEMORY HELP", "*..."},
               {"MEMORY PURGE x", "-ERR wrong number of arguments for 'memory|purge' command"},
               {"MEMORY nope", "-ERR unknown subcommand 'nope'. Try MEMORY HELP."});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage_is_what_the_item_takes),
        cmocka_unit_test(test_stats_is_one_map),
        cmocka_unit_test(test_reports_are_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
