/*
 * filter_bucket.h - a bucket: four fingerprints in one 64-bit number, its "lanes".
 *
 *     lanes    [ 0 .. | fp 3 | fp 2 | fp 1 | fp 0 ]      each 8, 12 or 16 bits; 0 is a free slot
 *
 * Plain buckets are stored as their lanes.  Semi-sorted ones use that the order of four
 * fingerprints tells nothing: sorted, their four top nibbles are one of only 3876 combinations,
 * C(16 + 3, 4), so 12 bits name what would take 16.
 *
 *     stored   [ rank of the top nibbles, 12 bits | rest 3 | rest 2 | rest 1 | rest 0 ]
 *
 * The rank is the combinatorial number of a <= b <= c <= d:
 *     C(a, 1) + C(b + 1, 2) + C(c + 2, 3) + C(d + 3, 4)
 * and four free slots have rank 0 and rests 0, so zeroed memory is an empty table either way.
 */
#ifndef HYPERCACHE_FILTER_BUCKET_H
#define HYPERCACHE_FILTER_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKET_SLOTS 4u
#define RANKS 3876u      /* that occur */
#define RANK_TABLE 4096u /* entries: whatever 12 bits a torn read or a file gives stays inside */
#define RANK_BITS 12u
#define NIBBLE_BITS 4u

/* Lowest bit of each lane. */
static inline uint64_t lanes_ones(unsigned lane_bits)
{
    return 1 | UINT64_C(1) << lane_bits | UINT64_C(1) << 2 * lane_bits |
           UINT64_C(1) << 3 * lane_bits;
}

/* A number whose lowest set bit lies in the lowest free lane; 0 when no lane is free.  (Bits above
 * the first may be wrong: a borrow runs on from a free lane.) */
static inline uint64_t lanes_free(uint64_t lanes, unsigned lane_bits)
{
    uint64_t ones = lanes_ones(lane_bits);
    return (lanes - ones) & ~lanes & ones << (lane_bits - 1);
}

/* The same for lanes that hold `fingerprint`. */
static inline uint64_t lanes_find(uint64_t lanes, unsigned lane_bits, uint32_t fingerprint)
{
    return lanes_free(lanes ^ fingerprint * lanes_ones(lane_bits), lane_bits);
}

static inline uint32_t lanes_get(uint64_t lanes, unsigned lane_bits, unsigned slot)
{
    return (uint32_t)(lanes >> slot * lane_bits & ((UINT64_C(1) << lane_bits) - 1));
}

static inline unsigned lanes_count(uint64_t lanes, unsigned lane_bits, uint32_t fingerprint)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
        count += lanes_get(lanes, lane_bits, slot) == fingerprint;
    }
    return count;
}

/* `found` is what lanes_free or lanes_find returned, not 0. */
static inline uint64_t lanes_toggle(uint64_t lanes, unsigned lane_bits, uint64_t found,
                                    uint32_t fingerprint)
{
    unsigned top = (unsigned)__builtin_ctzll(found); /* the top bit of that lane */
    return lanes ^ (uint64_t)fingerprint << (top + 1 - lane_bits);
}

/* ---- semi-sorted ---- */

/* Fills table[rank] with the four nibbles that have it, lowest first, lowest in the lowest bits. */
void hci_filter_ranks_init(uint16_t table[RANK_TABLE]);

/* From lanes to the stored form; the order of lanes does not matter. */
uint64_t hci_filter_semi_sort(uint64_t lanes, unsigned lane_bits);

/* And back, sorted by their top nibbles. */
static inline uint64_t semi_sorted_lanes(uint64_t stored, unsigned lane_bits,
                                         const uint16_t *rank_table)
{
    unsigned rest_bits = lane_bits - NIBBLE_BITS;
    uint64_t rest_mask = (UINT64_C(1) << rest_bits) - 1;
    uint64_t nibbles = rank_table[stored >> BUCKET_SLOTS * rest_bits & (RANK_TABLE - 1)];
    uint64_t lanes = 0;
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
        uint64_t rest = stored >> slot * rest_bits & rest_mask;
        uint64_t nibble = nibbles >> slot * NIBBLE_BITS & 15;
        lanes |= (nibble << rest_bits | rest) << slot * lane_bits;
    }
    return lanes;
}

#endif
