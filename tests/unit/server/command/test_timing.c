/*
 * test_timing.c - which commands have a reading of the clock of their own, and who shares.
 *
 * The clock moves by a millisecond whenever it is read, so what is measured tells how often it was.
 */
#include <string.h>

#include "command/timing.h"
#include "support/test_pipeline.h"

enum { STEP_NS = 1000000 };

static uint64_t read_and_step(void *ctx)
{
    test_clock *clock = ctx;
    return atomic_fetch_add(&clock->monotonic_ns, STEP_NS) + STEP_NS;
}

static void init(test_client *on)
{
    test_client_init(on, NULL);
    on->clock.table.monotonic_ns = read_and_step;
    on->clock.table.ctx = &on->clock;
}

static histogram_sum counted(test_client *on, const char *name)
{
    histogram_sum sum;
    observer_sum(&on->node->observer, command_index(command_find(span(name))), &sum);
    return sum;
}

static uint64_t busy_ns(test_client *on, const char *name)
{
    node_counters totals;
    node_totals(on->node, &totals);
    return atomic_load(&totals.busy_ns[command_index(command_find(span(name)))]);
}

static void test_a_command_alone_is_measured_exactly(void **state)
{
    (void)state;
    test_client on;
    init(&on);
    test_client_expect(&on, "SET k v", "+OK");
    assert_int_equal(busy_ns(&on, "set"), STEP_NS);
    histogram_sum sum = counted(&on, "set");
    assert_int_equal(sum.total, 1);
    assert_int_equal(sum.counts[histogram_bucket(STEP_NS)], 1);
    test_client_fini(&on);
}

static void test_quick_commands_share_a_reading(void **state)
{
    (void)state;
    const char *lines[40];
    for (size_t i = 0; i < 40; i++)
        lines[i] = i < 20 ? "GET k" : "INCR n";
    test_client on;
    init(&on);
    (void)test_pipeline_run(&on, lines, 40);
    /* 32 share the first step, 8 the second */
    uint64_t first_ns = STEP_NS / OBSERVER_RUN_MAX, second_ns = STEP_NS / 8;
    assert_int_equal(busy_ns(&on, "get"), 20 * first_ns);
    assert_int_equal(busy_ns(&on, "incr"), 12 * first_ns + 8 * second_ns);
    histogram_sum incr = counted(&on, "incr");
    assert_int_equal(incr.counts[histogram_bucket(first_ns)], 12);
    assert_int_equal(incr.counts[histogram_bucket(second_ns)], 8);
    test_client_fini(&on);
}

static void test_what_may_take_long_is_measured_alone(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET a", "GET b", "KEYS *", "GET c", "GET d", "MGET 1 2 3 4 5 6 7 8 9", "PING"};
    test_client on;
    init(&on);
    (void)test_pipeline_run(&on, lines, 7);
    assert_int_equal(busy_ns(&on, "keys"), STEP_NS);
    assert_int_equal(busy_ns(&on, "mget"), STEP_NS);
    assert_int_equal(busy_ns(&on, "get"), 2 * STEP_NS);
    test_client_fini(&on);
}

static void test_large_values_are_measured_alone(void **state)
{
    (void)state;
    static char line[TIMING_BYTES_MAX + 16];
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "SET k ", 6);
    const char *const lines[] = {"GET k", line, "GET k", "GET k"};
    test_client on;
    init(&on);
    (void)test_pipeline_run(&on, lines, 4);
    assert_int_equal(busy_ns(&on, "set"), STEP_NS);
    test_client_fini(&on);
}

static void test_a_low_threshold_measures_every_command(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET a", "GET b", "GET c"};
    test_client on;
    init(&on);
    observer_set_slow_log(&on.node->observer, 0);
    (void)test_pipeline_run(&on, lines, 3);
    assert_int_equal(busy_ns(&on, "get"), 3 * STEP_NS);
    assert_int_equal(slow_log_count(&on.node->observer.slow_log), 3);
    test_client_fini(&on);
}

static void test_a_slow_run_is_one_entry_that_says_so(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET a", "SET b c", "GET c"};
    test_client on;
    init(&on);
    /* as if the threshold were so low by a latency event alone: runs are still shared */
    observer_set_slow_log(&on.node->observer, 500);
    atomic_store(&on.node->observer.run_max, OBSERVER_RUN_MAX);
    (void)test_pipeline_run(&on, lines, 3);
    test_client_expect(&on, "SLOWLOG GET",
                       "*1 *6 :0 :1000000000 :1000 *3 \"GET\" \"a\" \"... (2 more commands of the "
                       "pipeline)\" \"127.0.0.1:50000\" \"\"");
    test_client_fini(&on);
}

static void test_refused_commands_are_not_measured(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET", "nope", "GET k"};
    test_client on;
    init(&on);
    observer_set_slow_log(&on.node->observer, 0);
    (void)test_pipeline_run(&on, lines, 3);
    assert_int_equal(counted(&on, "get").total, 1);
    assert_int_equal(slow_log_count(&on.node->observer.slow_log), 1);
    test_client_fini(&on);
}

static void test_no_histograms_when_they_are_off(void **state)
{
    (void)state;
    test_client on;
    init(&on);
    atomic_store(&on.node->observer.counts_latency, false);
    test_client_expect(&on, "SET k v", "+OK");
    assert_int_equal(counted(&on, "set").total, 0);
    assert_int_equal(busy_ns(&on, "set"), STEP_NS);
    test_client_fini(&on);
}

static void test_a_reset_forgets_and_counting_goes_on(void **state)
{
    (void)state;
    test_client on;
    init(&on);
    test_client_expect(&on, "SET k v", "+OK");
    test_client_expect(&on, "CONFIG RESETSTAT", "+OK");
    assert_int_equal(counted(&on, "set").total, 0);
    test_client_expect(&on, "SET k v", "+OK");
    assert_int_equal(counted(&on, "set").total, 1);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_alone_is_measured_exactly),
        cmocka_unit_test(test_quick_commands_share_a_reading),
        cmocka_unit_test(test_what_may_take_long_is_measured_alone),
        cmocka_unit_test(test_large_values_are_measured_alone),
        cmocka_unit_test(test_a_low_threshold_measures_every_command),
        cmocka_unit_test(test_a_slow_run_is_one_entry_that_says_so),
        cmocka_unit_test(test_refused_commands_are_not_measured),
        cmocka_unit_test(test_no_histograms_when_they_are_off),
        cmocka_unit_test(test_a_reset_forgets_and_counting_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
