/*
 * histogram.h - how long commands took: counts in buckets that grow with the duration.
 *
 *     0 1 2 ... 15 | 16 17 ... 31 | 32 34 ... 62 | 64 68 ... 124 | ...      nanoseconds
 *     one each       16 buckets     16 buckets     16 buckets
 *
 * Each power of two is divided evenly by 16, so a bucket is at most 1/16 of its durations wide,
 * and what is read out (the bucket's upper end) is at most 6.25 % too high.  The last bucket holds
 * all that took longer than HISTOGRAM_NS_MAX, two minutes.  (Log-linear, as HdrHistogram is; that
 * keeps two decimal digits where this keeps four bits.)
 *
 * Threads: one writer, any number of readers; they see a count some time later.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_HISTOGRAM_H
#define HYPERCACHE_SERVER_COMMAND_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_PART_BITS 4u /* buckets of a power of two, as a power of two */
#define HISTOGRAM_PARTS (1u << HISTOGRAM_PART_BITS)
#define HISTOGRAM_TOP_BIT 36u /* of the longest duration told apart */
#define HISTOGRAM_NS_MAX ((UINT64_C(2) << HISTOGRAM_TOP_BIT) - 1)
#define HISTOGRAM_BUCKETS ((HISTOGRAM_TOP_BIT - HISTOGRAM_PART_BITS + 2) * HISTOGRAM_PARTS)

typedef struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
    _Atomic uint64_t epoch; /* the user's: what the counts belong to */
} histogram;

/* Sums, for reading: counts as plain numbers. */
typedef struct histogram_sum {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
} histogram_sum;

static inline unsigned histogram_bucket(uint64_t ns)
{
    if (ns < HISTOGRAM_PARTS) return (unsigned)ns;
    if (ns > HISTOGRAM_NS_MAX) return HISTOGRAM_BUCKETS - 1;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - HISTOGRAM_PART_BITS;
    return (shift << HISTOGRAM_PART_BITS) + (unsigned)(ns >> shift);
}

/* The longest duration that counts in `bucket`. */
uint64_t histogram_bucket_ns(unsigned bucket);

/* The writer's alone. */
static inline void histogram_count(histogram *of, uint64_t ns, uint64_t times)
{
    _Atomic uint64_t *at = &of->counts[histogram_bucket(ns)];
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + times,
                          memory_order_relaxed);
}

void histogram_add(histogram_sum *to, const histogram *part);

/* The duration that `percent` (0..100) of all did not pass; 0 when there are none. */
uint64_t histogram_percentile_ns(const histogram_sum *of, double percent);

#endif
