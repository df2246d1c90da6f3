/*
 * test_filter_bucket.c - four fingerprints in one number, plain and semi-sorted.
 */
#include "support/test.h"

#include <stdlib.h>

#include "filter/filter_bucket.h"
#include "support/test_random.h"

static const unsigned widths[] = {8, 12, 16};

static uint64_t lanes_of(const uint32_t fingerprints[BUCKET_SLOTS], unsigned lane_bits)
{
    uint64_t lanes = 0;
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
        lanes |= (uint64_t)fingerprints[slot] << slot * lane_bits;
    }
    return lanes;
}

static void test_find_and_free_agree_with_looking_at_each_slot(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 1);
    for (int round = 0; round < 100000; round++) {
        unsigned bits = widths[round % 3];
        uint32_t fingerprints[BUCKET_SLOTS];
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            /* few values, the edges among them, so that equal and free lanes are common */
            uint32_t value = (uint32_t)test_random_below(&random, 4);
            fingerprints[slot] = value == 3 ? (1u << bits) - 1 : value;
        }
        uint64_t lanes = lanes_of(fingerprints, bits);
        for (uint32_t wanted = 1; wanted < 4; wanted++) {
            uint32_t fingerprint = wanted == 3 ? (1u << bits) - 1 : wanted;
            unsigned count = lanes_count(lanes, bits, fingerprint);
            uint64_t found = lanes_find(lanes, bits, fingerprint);
            assert_int_equal(found != 0, count > 0);
            if (count == 0) continue;
            uint64_t less = lanes_toggle(lanes, bits, found, fingerprint);
            assert_int_equal(lanes_count(less, bits, fingerprint), count - 1);
            assert_int_equal(lanes_count(less, bits, 0), lanes_count(lanes, bits, 0) + 1);
            uint64_t free_slot = lanes_free(less, bits);
            assert_true(free_slot != 0);
            uint64_t more = lanes_toggle(less, bits, free_slot, fingerprint);
            assert_int_equal(lanes_count(more, bits, fingerprint), count);
        }
        assert_int_equal(lanes_free(lanes, bits) != 0, lanes_count(lanes, bits, 0) > 0);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void test_semi_sorting_keeps_the_fingerprints(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 2);
    static uint16_t ranks[RANK_TABLE];
    hci_filter_ranks_init(ranks);
    for (int round = 0; round < 100000; round++) {
        unsigned bits = widths[round % 3];
        uint32_t fingerprints[BUCKET_SLOTS];
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            bool used = test_random_below(&random, 4) != 0;
            fingerprints[slot] = used ? (uint32_t)test_random_below(&random, 1u << bits) : 0;
        }
        uint64_t stored = hci_filter_semi_sort(lanes_of(fingerprints, bits), bits);
        assert_true(stored >> (BUCKET_SLOTS * bits - 4) == 0); /* four bits saved */
        qsort(fingerprints, BUCKET_SLOTS, sizeof *fingerprints, by_value);
        assert_true(semi_sorted_lanes(stored, bits, ranks) == lanes_of(fingerprints, bits));
    }
    assert_true(hci_filter_semi_sort(0, 8) == 0);
}

static void test_every_rank_below_3876_is_used_and_none_above(void **state)
{
    (void)state;
    static uint16_t ranks[RANK_TABLE];
    hci_filter_ranks_init(ranks);
    for (unsigned rank = 1; rank < RANK_TABLE; rank++) {
        assert_int_equal(ranks[rank] != 0, rank < RANKS);
    }
    assert_int_equal(ranks[RANKS - 1], 0xffff);
}

static void test_any_stored_bits_decode_without_harm(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 3);
    static uint16_t ranks[RANK_TABLE];
    hci_filter_ranks_init(ranks);
    for (int round = 0; round < 100000; round++) {
        unsigned bits = widths[round % 3];
        uint64_t lanes = semi_sorted_lanes(test_random_next(&random), bits, ranks);
        assert_true(bits == 16 || lanes >> BUCKET_SLOTS * bits == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_and_free_agree_with_looking_at_each_slot),
        cmocka_unit_test(test_semi_sorting_keeps_the_fingerprints),
        cmocka_unit_test(test_every_rank_below_3876_is_used_and_none_above),
        cmocka_unit_test(test_any_stored_bits_decode_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
