/* test_histogram.c - buckets, their ends, and what is read out of them. */
#include "command/histogram.h"

#include "support/test.h"

static void test_buckets_follow_each_other_without_a_gap(void **state)
{
    (void)state;
    for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        uint64_t last = histogram_bucket_ns(i);
        assert_int_equal(histogram_bucket(last), i);
        assert_int_equal(histogram_bucket(last + 1), i + 1);
    }
    assert_int_equal(histogram_bucket_ns(HISTOGRAM_BUCKETS - 1), HISTOGRAM_NS_MAX);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_what_is_read_is_a_sixteenth_too_high_at_most(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns <= HISTOGRAM_NS_MAX; ns += ns / 7 + 1) {
        uint64_t read = histogram_bucket_ns(histogram_bucket(ns));
        assert_in_range(read, ns, ns + ns / HISTOGRAM_PARTS);
    }
}

static void test_percentiles_of_one_to_a_thousand(void **state)
{
    (void)state;
    static histogram one;
    static histogram_sum sum;
    for (uint64_t us = 1; us <= 1000; us++)
        histogram_count(&one, us * 1000, 3);
    histogram_add(&sum, &one);
    assert_int_equal(sum.total, 3000);
    static const double percents[] = {1, 50, 99, 99.9, 100};
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        uint64_t exact = (uint64_t)(percents[i] * 10000); /* ns */
        uint64_t got = histogram_percentile_ns(&sum, percents[i]);
        assert_in_range(got, exact, exact + exact / HISTOGRAM_PARTS);
    }
}

static void test_none_counted_reads_zero(void **state)
{
    (void)state;
    static const histogram_sum sum;
    assert_int_equal(histogram_percentile_ns(&sum, 50), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_follow_each_other_without_a_gap),
        cmocka_unit_test(test_what_is_read_is_a_sixteenth_too_high_at_most),
        cmocka_unit_test(test_percentiles_of_one_to_a_thousand),
        cmocka_unit_test(test_none_counted_reads_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
