/*
 * test_history.c - a second of work is a sample, fifteen of them a span, and both are bounded.
 */
#include "command/history.h"

#include <stdio.h>

#include "support/test_client.h"

static history_sample latest(test_client *on)
{
    history_sample samples[HISTORY_SECONDS];
    size_t count =
        history_read(on->node->history, HISTORY_RING_SECONDS, 0, samples, HISTORY_SECONDS);
    assert_true(count > 0);
    return samples[count - 1];
}

static void pass_ms(test_client *on, int64_t ms)
{
    test_clock_advance_ms(&on->clock, ms);
    (void)node_maintain(on->node);
}

static void assert_about(float got, double want)
{
    if ((double)got < want * 0.999 || (double)got > want * 1.001) {
        print_error("got %f, want %f\n", (double)got, want);
        fail();
    }
}

static void test_a_sample_has_rates_per_second_of_what_was_done(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    pass_ms(&on, 1000); /* the first look has nothing to compare with */
    char line[64];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(line, sizeof line, "SET key:%d value", i);
        test_client_expect(&on, line, "+OK");
    }
    for (int i = 0; i < 30; i++)
        test_client_expect(&on, i < 20 ? "GET key:1" : "GET none", i < 20 ? "\"value\"" : "nil");
    test_client_expect(&on, "INCR key:1", "-ERR...");
    pass_ms(&on, 2000);
    history_sample sample = latest(&on);
    assert_about(sample.values[HISTORY_OPS], 41 / 2.0);
    assert_about(sample.values[HISTORY_READS], 15);
    assert_about(sample.values[HISTORY_WRITES], 11 / 2.0);
    assert_about(sample.values[HISTORY_ERRORS], 0.5);
    assert_about(sample.values[HISTORY_MISSES], 5);
    assert_about(sample.values[HISTORY_KEYS], 10);
    assert_about(sample.values[HISTORY_CLIENTS], 1);
    assert_true(sample.values[HISTORY_USED_BYTES] > 0);
    assert_true(sample.values[HISTORY_USED_BYTES] >= sample.values[HISTORY_ITEM_BYTES]);
    pass_ms(&on, 1000);
    sample = latest(&on);
    assert_true(sample.values[HISTORY_OPS] == 0); /* nothing was done since */
    assert_true(sample.values[HISTORY_LONGEST] == 0);
    test_client_fini(&on);
}

static void test_looks_within_a_second_are_no_samples(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    history_sample samples[HISTORY_SECONDS];
    for (int i = 0; i < 35; i++)
        pass_ms(&on, 100);
    size_t count = history_read(on.node->history, HISTORY_RING_SECONDS, 0, samples, 900);
    assert_int_equal(count, 3); /* the first look began it */
    test_client_fini(&on);
}

static void test_counters_that_start_again_give_no_peak(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    pass_ms(&on, 1000);
    for (int i = 0; i < 100; i++)
        test_client_expect(&on, "GET none", "nil");
    pass_ms(&on, 1000);
    test_client_expect(&on, "CONFIG RESETSTAT", "+OK");
    pass_ms(&on, 1000);
    history_sample sample = latest(&on);
    assert_true(sample.values[HISTORY_OPS] <= 1);
    assert_true(sample.values[HISTORY_MISSES] == 0);
    test_client_fini(&on);
}

static void test_rings_keep_the_latest_and_no_more(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    static history_sample samples[HISTORY_SPANS];
    for (unsigned i = 0; i < HISTORY_SECONDS + 2 * HISTORY_SPAN_SECONDS + 1; i++)
        pass_ms(&on, 1000);
    history *of = on.node->history;
    size_t seconds = history_read(of, HISTORY_RING_SECONDS, 0, samples, HISTORY_SPANS);
    assert_int_equal(seconds, HISTORY_SECONDS);
    for (size_t i = 1; i < seconds; i++)
        assert_int_equal(samples[i].at_ms, samples[i - 1].at_ms + 1000);
    uint64_t last_ms = samples[seconds - 1].at_ms;
    assert_int_equal(history_read(of, HISTORY_RING_SECONDS, last_ms - 3000, samples, 900), 3);
    assert_int_equal(samples[0].at_ms, last_ms - 2000);
    assert_int_equal(history_read(of, HISTORY_RING_SECONDS, last_ms, samples, 900), 0);
    assert_int_equal(history_read(of, HISTORY_RING_SECONDS, 0, samples, 2), 2);
    assert_int_equal(samples[1].at_ms, last_ms);
    size_t spans = history_read(of, HISTORY_RING_SPANS, 0, samples, HISTORY_SPANS);
    assert_int_equal(spans, HISTORY_SECONDS / HISTORY_SPAN_SECONDS + 2);
    assert_int_equal(samples[1].at_ms, samples[0].at_ms + 1000 * HISTORY_SPAN_SECONDS);
    test_client_fini(&on);
}

static void test_a_span_is_the_mean_of_its_seconds(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    pass_ms(&on, 1000);
    for (unsigned second = 0; second < HISTORY_SPAN_SECONDS; second++) {
        for (int i = 0; second == 3 && i < 30; i++)
            test_client_expect(&on, "GET none", "nil");
        pass_ms(&on, 1000);
    }
    history_sample span;
    assert_int_equal(history_read(on.node->history, HISTORY_RING_SPANS, 0, &span, 1), 1);
    assert_about(span.values[HISTORY_MISSES], 2);
    test_client_fini(&on);
}

static void test_every_field_has_a_name_and_a_unit(void **state)
{
    (void)state;
    for (int i = 0; i < HISTORY_FIELD_COUNT; i++) {
        assert_true(history_field_name((history_field)i)[0] != '\0');
        assert_true(history_field_unit((history_field)i)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sample_has_rates_per_second_of_what_was_done),
        cmocka_unit_test(test_looks_within_a_second_are_no_samples),
        cmocka_unit_test(test_counters_that_start_again_give_no_peak),
        cmocka_unit_test(test_rings_keep_the_latest_and_no_more),
        cmocka_unit_test(test_a_span_is_the_mean_of_its_seconds),
        cmocka_unit_test(test_every_field_has_a_name_and_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
