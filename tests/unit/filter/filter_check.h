/*
 * filter_check.h - what must hold of a filter after every step (F1 to F3 of filter.c).
 */
#ifndef HYPERCACHE_TESTS_FILTER_CHECK_H
#define HYPERCACHE_TESTS_FILTER_CHECK_H

#include "support/test.h"

#include "filter/filter_private.h"

static inline hc_filter_stats filter_stats(hc_filter *filter)
{
    hc_filter_stats stats = {.size = sizeof stats};
    hc_filter_stats_get(filter, &stats);
    return stats;
}

/* F2 and F3; `items` is what the caller knows to be in. */
static inline void filter_check(hc_filter *filter, uint64_t items)
{
    hc_filter_stats stats = filter_stats(filter);
    assert_int_equal(stats.items, items);
    assert_true(stats.items <= stats.capacity && stats.capacity <= stats.slots);
    for (uint32_t i = 0; i < stats.layers; i++) {
        const layer *of = &filter->layers[i];
        uint64_t used;
        assert_true(hci_layer_audit(of, &used));
        assert_int_equal(used, of->items);
        assert_true(of->items <= of->items_max);
        assert_int_equal(of->shift, i * filter->expansion_bits);
        assert_int_equal(of->buckets, (uint64_t)filter->base_buckets << of->shift);
    }
    for (uint32_t i = 0; i <= filter->version_mask; i++) {
        assert_int_equal(filter->versions[i] % 2, 0);
    }
}

/* The n-th item of a test, already hashed. */
static inline uint64_t item_hash(uint64_t n)
{
    return mix(n * UINT64_C(0x9e3779b97f4a7c15) + 1);
}

#endif
