/* test_info_commands.c - INFO: the fields clients read, by section. */
#include "support/test_client.h"

static void expect_has(test_client *on, const char *line, const char *const *parts, size_t count)
{
    const char *got = test_client_run(on, line);
    for (size_t i = 0; i < count; i++) {
        if (strstr(got, parts[i]) == NULL) print_error("%s lacks %s\n%s\n", line, parts[i], got);
        assert_non_null(strstr(got, parts[i]));
    }
}

static void test_info_has_what_clients_read(void **state)
{
    (void)state;
    static const char *const fields[] = {"# Server\\r\\n",
                                         "\\nredis_version:7.4.",
                                         "\\nredis_mode:standalone\\r",
                                         "\\nrun_id:",
                                         "\\narch_bits:64\\r",
                                         "\\ntcp_port:6379\\r",
                                         "\\nrole:master\\r",
                                         "\\nmaster_repl_offset:0\\r",
                                         "\\nconnected_clients:1\\r",
                                         "\\nmaxclients:0\\r",
                                         "\\nloading:0\\r",
                                         "\\ncluster_enabled:0\\r",
                                         "\\nmaxmemory_policy:allkeys-s3fifo\\r",
                                         "\\nused_memory:",
                                         "\\nmaxmemory:0\\r",
                                         "\\ndb0:keys=2,expires=1,avg_ttl=95000\\r\\n\"",
                                         "\\nuptime_in_seconds:5\\r",
                                         "\\ntotal_commands_processed:4\\r",
                                         "\\nkeyspace_hits:1\\r",
                                         "\\nkeyspace_misses:1\\r"};
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "SET a 1", "+OK");
    test_client_expect(&on, "SET b 2 EX 100", "+OK");
    test_client_expect(&on, "GET a", "\"1\"");
    test_client_expect(&on, "GET none", "nil");
    test_clock_advance_ms(&on.clock, 5000);
    expect_has(&on, "INFO", fields, sizeof fields / sizeof fields[0]);
    assert_null(strstr(test_client_run(&on, "INFO"), "cmdstat_"));
    test_client_fini(&on);
}

static void test_sections_are_chosen_by_name(void **state)
{
    (void)state;
    TEST_STEPS({"INFO foo", "=\"\""},
               {"INFO cluster", "=\"# Cluster\\r\\ncluster_enabled:0\\r\\n\""},
               {"info CLUSTER cluster", "=\"# Cluster\\r\\ncluster_enabled:0\\r\\n\""},
               {"INFO modules cluster",
                "=\"# Modules\\r\\n\\r\\n# Cluster\\r\\ncluster_enabled:0\\r\\n\""},
               {"INFO keyspace", "=\"# Keyspace\\r\\n\""},
               {"INFO replication", "=\"# Replication\\r\\nrole:master\\r\\n..."});
    static const char *const all[] = {"# Server", "# Keyspace", "\\ncmdstat_info:calls=1,usec="};
    test_client on;
    test_client_init(&on, NULL);
    expect_has(&on, "INFO all", all, 3);
    expect_has(&on, "INFO everything", all, 2);
    expect_has(&on, "INFO default", all, 2);
    assert_non_null(strstr(test_client_run(&on, "INFO commandstats"), "\\ncmdstat_info:calls=4,"));
    test_client_fini(&on);
}

static void test_what_was_observed_has_sections(void **state)
{
    (void)state;
    static const char *const errors[] = {"\\nerrorstat_ERR:count=2\\r",
                                         "\\nerrorstat_NOPROTO:count=1\\r"};
    static const char *const latencies[] = {
        "\\nlatency_percentiles_usec_set:p50=0.000,p99=0.000,p99.9=0.000\\r"};
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "SET a 1", "+OK");
    (void)test_client_run(&on, "nope");
    (void)test_client_run(&on, "GET");
    (void)test_client_run(&on, "HELLO 9");
    expect_has(&on, "INFO errorstats", errors, 2);
    expect_has(&on, "INFO latencystats", latencies, 1);
    test_client_expect(&on, "CONFIG RESETSTAT", "+OK");
    test_client_expect(&on, "INFO errorstats", "=\"# Errorstats\\r\\n\"");
    assert_null(strstr(test_client_run(&on, "INFO latencystats"), "usec_set"));
    test_client_fini(&on);
}

static void test_average_ttl_is_of_those_that_expire(void **state)
{
    (void)state;
    TEST_STEPS({"SET a 1", "+OK"},
               {"INFO keyspace", "=\"# Keyspace\\r\\ndb0:keys=1,expires=0,"
                                 "avg_ttl=0\\r\\n\""},
               {"DEL a", ":1"}, {"SET b 1 PX 1000", "+OK"}, {"@400", ""},
               {"INFO keyspace", "=\"# Keyspace\\r\\ndb0:keys=1,expires=1,avg_ttl=600\\r\\n\""},
               {"@1000", ""}, /* past, and not swept yet */
               {"INFO keyspace", "=\"# Keyspace\\r\\ndb0:keys=1,expires=1,avg_ttl=0\\r\\n\""});
}

static void test_time_is_told_in_two_numbers(void **state)
{
    (void)state;
    TEST_STEPS({"TIME", "*2 \"1000000000\" \"0\""}, {"@1250", ""},
               {"TIME", "*2 \"1000000001\" \"250000\""}, {"LOLWUT", "=\"HyperCache ver. ..."});
}

/* ---- SHUTDOWN ---- */

static void note_shutdown(void *ctx)
{
    ++*(int *)ctx;
}

static void test_shutdown_asks_and_closes(void **state)
{
    (void)state;
    static const char *const good[] = {"SHUTDOWN", "SHUTDOWN NOSAVE", "shutdown nosave now force"};
    static const char *const bad[] = {"SHUTDOWN foo", "SHUTDOWN NOSAVE SAVE", "SHUTDOWN ABORT NOW"};
    int asked = 0;
    const node_options options = {.shutdown = note_shutdown, .shutdown_ctx = &asked};
    test_client on;
    test_client_init(&on, &options);
    for (int i = 0; i < 3; i++)
        test_client_expect(&on, bad[i], "-ERR syntax error");
    test_client_expect(&on, "SHUTDOWN ABORT", "-ERR No shutdown in progress.");
    test_client_expect(&on, "SHUTDOWN SAVE", "-ERR Errors trying to SHUTDOWN. Check logs.");
    assert_int_equal(asked, 0);
    for (int i = 0; i < 3; i++) {
        on.client.close = false;
        test_client_expect(&on, good[i], "");
        assert_int_equal(asked, i + 1);
        assert_true(on.client.close);
    }
    test_client_fini(&on);
    TEST_STEPS({"SHUTDOWN", "-ERR Errors trying to SHUTDOWN. Check logs."});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_has_what_clients_read),
        cmocka_unit_test(test_sections_are_chosen_by_name),
        cmocka_unit_test(test_what_was_observed_has_sections),
        cmocka_unit_test(test_average_ttl_is_of_those_that_expire),
        cmocka_unit_test(test_time_is_told_in_two_numbers),
        cmocka_unit_test(test_shutdown_asks_and_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
