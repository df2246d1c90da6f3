/*
 * test_filter_plan.c - rates, loads and sizes against figures of the paper and against each other.
 */
#include "support/test.h"

#include <math.h>

#include "filter/filter_private.h"

static void test_rates_are_those_of_the_paper(void **state)
{
    (void)state;
    /* Fan et al., section 5.1: about 2 * 4 * load / 2^bits. */
    assert_true(fabs(hci_filter_rate(8, 8, 0.95) - 7.6 / 256) < 0.0005);
    assert_true(fabs(hci_filter_rate(12, 12, 0.95) - 7.6 / 4096) < 0.00001);
    assert_true(fabs(hci_filter_rate(16, 16, 0.95) - 7.6 / 65536) < 0.0000001);
    assert_true(hci_filter_rate(8, 8, 0) == 0);
    /* Fingerprints that continue 8 bits are a little fewer than 2^12: 255 * 16. */
    assert_true(hci_filter_rate(8, 12, 0.95) > hci_filter_rate(12, 12, 0.95));
}

static void test_the_cheapest_fingerprint_is_chosen(void **state)
{
    (void)state;
    static const struct {
        double rate;
        uint32_t bits;
        bool filled; /* to the most that cuckoo hashing allows */
    } cases[] = {
        {0.5, 8, true},    {0.03, 8, true},     {0.025, 8, false},
        {0.01, 12, true},  {0.0019, 12, true},  {0.0016, 12, false},
        {0.001, 16, true}, {0.0001, 16, false}, {0.00001, 16, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan chosen;
        assert_true(hci_filter_plan(HC_FILTER_LAYOUT_PLAIN, 0, 8, 16, cases[i].rate, &chosen));
        assert_int_equal(chosen.fingerprint_bits, cases[i].bits);
        assert_int_equal(chosen.load > 0.9499, cases[i].filled);
        double rate =
            hci_filter_rate(chosen.fingerprint_bits, chosen.fingerprint_bits, chosen.load);
        assert_true(rate <= cases[i].rate * 1.000001);
        if (!cases[i].filled) assert_true(rate >= cases[i].rate * 0.999999);
    }
}

static void test_a_rate_out_of_reach_is_said_so(void **state)
{
    (void)state;
    plan chosen;
    assert_false(hci_filter_plan(HC_FILTER_LAYOUT_PLAIN, 0, 8, 8, 0.0001, &chosen));
    assert_false(hci_filter_plan(HC_FILTER_LAYOUT_PLAIN, 0, 8, 16, 0.000001, &chosen));
    assert_true(hci_filter_plan(HC_FILTER_LAYOUT_PLAIN, 0, 8, 8, 0, &chosen)); /* any rate */
}

static void test_items_fit_into_the_buckets_planned_for_them(void **state)
{
    (void)state;
    for (uint64_t capacity = 1; capacity < 100000000; capacity = capacity * 3 + 1) {
        for (int load = 1; load <= 19; load++) {
            uint64_t buckets = hci_filter_buckets(capacity, load / 20.0);
            assert_true(hci_filter_items_max(buckets, load / 20.0) + 1 >= capacity);
            assert_true((double)capacity <= (double)buckets * BUCKET_SLOTS * load / 20.0);
        }
    }
    assert_true(hci_filter_buckets(HC_FILTER_CAPACITY_MAX, 0.95) <= LAYER_BUCKETS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_those_of_the_paper),
        cmocka_unit_test(test_the_cheapest_fingerprint_is_chosen),
        cmocka_unit_test(test_a_rate_out_of_reach_is_said_so),
        cmocka_unit_test(test_items_fit_into_the_buckets_planned_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
