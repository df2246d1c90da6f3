/*
 * filter_plan.c - from a capacity and a rate to fingerprint bits and buckets.
 *
 * Somebody else's fingerprint matches by chance once in v, the number of fingerprints there are.  A
 * lookup compares with the used ones of eight slots, so at load a
 *
 *     rate = 1 - (1 - 1/v)^(8 a)        about 8 a / v:   8 bits 3 %, 12 bits .19 %, 16 bits .012 %
 *
 * A rate between those is reached with the wider fingerprint, or with the narrower one in a table
 * that is never filled: at 2.5 %, 8 bits at load .80 take 10.0 bits an item, 12 bits at .95 take
 * 12.6.  The planner prices all three and takes the cheapest.
 *
 * v is 2^bits less the one that means "free"; in the later layers of a chain, whose fingerprints
 * continue those of layer 0 (filter.c), it is (2^base_bits - 1) * 2^(bits - base_bits).
 */
#include "filter/filter_private.h"

#include <math.h>

/* Two buckets of four can be filled to 98 % (Fan et al., table 2), but the last percents cost long
 * searches. */
#define LOAD_MAX 0.95
#define LOAD_MIN (1.0 / 16) /* below, another kind of filter would be wiser */
#define SLOTS_LOOKED_AT (2.0 * BUCKET_SLOTS)
/* Chance is not yet even in a small table.  Of tables of 16 buckets one in 20 failed below its
 * capacity without spare buckets, one in 2000 with two, none of 100000 with four. */
#define SPARE_BUCKETS 4u

static double fingerprints(uint32_t base_bits, uint32_t bits)
{
    return (exp2(base_bits) - 1) * exp2((double)bits - (double)base_bits);
}

double hci_filter_rate(uint32_t base_bits, uint32_t fingerprint_bits, double load)
{
    return -expm1(SLOTS_LOOKED_AT * load * log1p(-1 / fingerprints(base_bits, fingerprint_bits)));
}

/* The load at which hci_filter_rate() gives `rate`. */
static double load_for(uint32_t base_bits, uint32_t fingerprint_bits, double rate)
{
    return log1p(-rate) / (SLOTS_LOOKED_AT * log1p(-1 / fingerprints(base_bits, fingerprint_bits)));
}

bool hci_filter_plan(hc_filter_layout layout, uint32_t base_bits, uint32_t bits_min,
                     uint32_t bits_max, double rate, plan *out)
{
    double cost_best = HUGE_VAL;
    for (uint32_t bits = bits_min; bits <= bits_max; bits += 4) {
        double load = LOAD_MAX;
        if (rate > 0) load = fmin(load, load_for(base_bits != 0 ? base_bits : bits, bits, rate));
        double cost = hci_layer_bucket_bits(layout, bits) / load;
        if (load < LOAD_MIN || cost >= cost_best) continue;
        cost_best = cost;
        *out = (plan){.fingerprint_bits = bits, .load = load};
    }
    return cost_best < HUGE_VAL;
}

uint64_t hci_filter_buckets(uint64_t capacity, double load)
{
    return (uint64_t)ceil((double)capacity / (BUCKET_SLOTS * load)) + SPARE_BUCKETS;
}

uint64_t hci_filter_items_max(uint64_t buckets, double load)
{
    return (uint64_t)floor((double)(buckets - SPARE_BUCKETS) * BUCKET_SLOTS * load);
}
