/* test_latency_commands.c - LATENCY and SLOWLOG as clients see them. */
#include <stdio.h>

#include "support/test_client.h"

static void note(test_client *on, const char *name, int64_t at_s, uint64_t ms)
{
    latency_events_note(&on->node->observer.events, name, at_s, ms);
}

static void test_one_sample_a_second_and_the_longest(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    note(&on, "command", 100, 5);
    note(&on, "command", 100, 9);
    note(&on, "command", 100, 7);
    note(&on, "command", 103, 2);
    note(&on, "fast-command", 101, 1);
    test_client_expect(&on, "LATENCY LATEST",
                       "*2 *4 \"command\" :103 :2 :9 *4 \"fast-command\" :101 :1 :1");
    test_client_expect(&on, "LATENCY HISTORY command", "*2 *2 :100 :9 *2 :103 :2");
    test_client_expect(&on, "LATENCY HISTORY nothing", "*0");
    test_client_expect(&on, "LATENCY RESET nothing command", ":1");
    test_client_expect(&on, "LATENCY LATEST", "*1 *4 \"fast-command\" :101 :1 :1");
    test_client_expect(&on, "LATENCY RESET", ":1");
    test_client_expect(&on, "LATENCY RESET", ":0");
    test_client_fini(&on);
}

static void test_samples_and_events_are_bounded(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    for (int64_t i = 0; i < 1000; i++)
        note(&on, "command", i, 1);
    latency_event event;
    assert_true(latency_events_find(&on.node->observer.events, span("command"), &event));
    assert_int_equal(event.count, LATENCY_SAMPLES);
    assert_int_equal(latency_sample_at(&event, 0).at_s, 1000 - LATENCY_SAMPLES);
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        note(&on, names[i], 1, 1);
    assert_false(latency_events_find(&on.node->observer.events, span("i"), &event));
    test_client_fini(&on);
}

static void test_graph_and_doctor_are_texts(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "LATENCY GRAPH command",
                       "-ERR No samples available for event 'command'");
    test_client_expect(&on, "LATENCY DOCTOR", "=\"Nothing is watched: ...");
    observer_set_event_threshold(&on.node->observer, 3);
    test_client_expect(&on, "LATENCY DOCTOR", "=\"Nothing took 3 ms or longer ...");
    note(&on, "command", TEST_CLOCK_START_MS / 1000 - 70, 4);
    note(&on, "command", TEST_CLOCK_START_MS / 1000 - 5, 8);
    test_client_expect(&on, "LATENCY DOCTOR",
                       "=\"command: 2 times in 65 s, 6 ms on average, 8 ms at worst.\\n...");
    test_client_expect(&on, "LATENCY GRAPH command",
                       "=\"command - high 8 ms, low 4 ms (all time high 8 ms)\\n"
                       "----------------------------------------"
                       "----------------------------------------\\n"
                       " #\\n |\\n#|\\n||\\n||\\n\\n15\\nms\\n...");
    test_client_fini(&on);
}

/* The test's clock stands still, so every command takes no time at all. */
static void test_histograms_name_their_commands(void **state)
{
    (void)state;
    TEST_STEPS({"LATENCY HISTOGRAM", "%0"}, {"SET k v", "+OK"}, {"GET k", "\"v\""},
               {"LATENCY HISTOGRAM SET", "%1 \"set\" %2 \"calls\" :1 \"histogram_usec\" %1 :1 :1"},
               {"LATENCY HISTOGRAM get nope Set", "%2 ..."}, {"CLIENT ID", ":1"},
               {"CLIENT GETNAME", "nil"}, {"LATENCY HISTOGRAM client", "%2 \"client|..."},
               {"LATENCY HISTOGRAM client|id", "%1 \"client|id\" ..."}, {"CONFIG RESETSTAT", "+OK"},
               {"LATENCY HISTOGRAM set", "%0"});
}

static void test_slowlog_answers_as_redis(void **state)
{
    (void)state;
    const char *range = "-ERR count should be greater than or equal to -1";
    TEST_STEPS({"SLOWLOG LEN", ":0"}, {"SLOWLOG GET", "*0"}, {"SLOWLOG GET -1", "*0"},
               {"SLOWLOG GET -2", range}, {"SLOWLOG GET x", range}, {"SLOWLOG RESET", "+OK"},
               {"SLOWLOG RESET x", "-ERR wrong number of arguments for 'slowlog|reset' command"},
               {"SLOWLOG nope", "-ERR unknown subcommand 'nope'. Try SLOWLOG HELP."},
               {"SLOWLOG HELP", "*11 ..."}, {"LATENCY HELP", "*15 ..."});
}

static void test_errors_are_counted_by_code(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    (void)test_client_run(&on, "nope");
    (void)test_client_run(&on, "GET");
    (void)test_client_run(&on, "HELLO 9");
    node_counters totals;
    node_totals(on.node, &totals);
    observer *seen = &on.node->observer;
    assert_int_equal(atomic_load(&totals.error_codes[observer_error(seen, span("ERR x"))]), 2);
    assert_int_equal(atomic_load(&totals.error_codes[observer_error(seen, span("NOPROTO x"))]), 1);
    assert_string_equal(observer_error_name(seen, observer_error(seen, span("oneword"))), "ERR");
    for (int i = 0; i < 100; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "CODE%d x", i);
        assert_in_range(observer_error(seen, span(text)), 2, OBSERVER_ERRORS_MAX - 1);
    }
    assert_string_equal(observer_error_name(seen, OBSERVER_ERRORS_MAX - 1), "OTHERS");
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_sample_a_second_and_the_longest),
        cmocka_unit_test(test_samples_and_events_are_bounded),
        cmocka_unit_test(test_graph_and_doctor_are_texts),
        cmocka_unit_test(test_histograms_name_their_commands),
        cmocka_unit_test(test_slowlog_answers_as_redis),
        cmocka_unit_test(test_errors_are_counted_by_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
