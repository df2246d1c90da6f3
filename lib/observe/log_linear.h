/*
 * log_linear.h - durations counted in buckets that grow with them, one set a lane.
 *
 *     0 1 2 ... 15 | 16 17 ... 31 | 32 34 ... 62 | 64 68 ... 124 | ...      nanoseconds
 *     one each       16 buckets     16 buckets     16 buckets
 *
 * A bucket is at most 1/16 of its durations wide.  The last holds all from two minutes on.
 *
 * Threads: one writer a lane, any number of readers.
 */
#ifndef HYPERCACHE_OBSERVE_LOG_LINEAR_H
#define HYPERCACHE_OBSERVE_LOG_LINEAR_H

#include <stdatomic.h>
#include <stdint.h>

#define LOG_LINEAR_PART_BITS 4u
#define LOG_LINEAR_PARTS (1u << LOG_LINEAR_PART_BITS)
#define LOG_LINEAR_TOP_BIT 36u
#define LOG_LINEAR_NS_MAX ((UINT64_C(2) << LOG_LINEAR_TOP_BIT) - 1)
#define LOG_LINEAR_BUCKETS ((LOG_LINEAR_TOP_BIT - LOG_LINEAR_PART_BITS + 2) * LOG_LINEAR_PARTS)

typedef struct log_linear {
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t counts[LOG_LINEAR_BUCKETS];
} log_linear;

static inline unsigned log_linear_bucket(uint64_t ns)
{
    if (ns < LOG_LINEAR_PARTS) return (unsigned)ns;
    if (ns > LOG_LINEAR_NS_MAX) return LOG_LINEAR_BUCKETS - 1;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - LOG_LINEAR_PART_BITS;
    return (shift << LOG_LINEAR_PART_BITS) + (unsigned)(ns >> shift);
}

/* The longest duration that counts in `bucket`, but for the last. */
static inline uint64_t log_linear_end_ns(unsigned bucket)
{
    if (bucket < LOG_LINEAR_PARTS) return bucket;
    unsigned shift = bucket / LOG_LINEAR_PARTS - 1;
    uint64_t first = (uint64_t)(LOG_LINEAR_PARTS + bucket % LOG_LINEAR_PARTS) << shift;
    return first + (UINT64_C(1) << shift) - 1;
}

#endif
