/* histogram.c - reading durations back out of their buckets. */
#include "command/histogram.h"

#include <assert.h>

static_assert(HISTOGRAM_BUCKETS == 544, "4352 bytes for a command that a worker has run");

uint64_t histogram_bucket_ns(unsigned bucket)
{
    assert(bucket < HISTOGRAM_BUCKETS);
    if (bucket < HISTOGRAM_PARTS) return bucket;
    unsigned shift = bucket / HISTOGRAM_PARTS - 1;
    uint64_t first = (uint64_t)(HISTOGRAM_PARTS + bucket % HISTOGRAM_PARTS) << shift;
    return first + (UINT64_C(1) << shift) - 1;
}

void histogram_add(histogram_sum *to, const histogram *part)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t count = atomic_load_explicit(&part->counts[i], memory_order_relaxed);
        to->counts[i] += count;
        to->total += count;
    }
}

uint64_t histogram_percentile_ns(const histogram_sum *of, double percent)
{
    double wanted = percent / 100 * (double)of->total;
    uint64_t seen = 0, longest = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (of->counts[i] == 0) continue;
        longest = histogram_bucket_ns(i);
        seen += of->counts[i];
        if ((double)seen >= wanted) break;
    }
    return longest;
}
