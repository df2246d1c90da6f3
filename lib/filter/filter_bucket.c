/*
 * filter_bucket.c - the way into the semi-sorted code; the way out is in filter_bucket.h.
 */
#include "filter/filter_bucket.h"

#include <string.h>

static uint32_t rank_of(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return a + b * (b + 1) / 2 + c * (c + 1) * (c + 2) / 6 + d * (d + 1) * (d + 2) * (d + 3) / 24;
}

void hci_filter_ranks_init(uint16_t table[RANK_TABLE])
{
    memset(table, 0, RANK_TABLE * sizeof *table);
    for (uint32_t d = 0; d < 16; d++) {
        for (uint32_t c = 0; c <= d; c++) {
            for (uint32_t b = 0; b <= c; b++) {
                for (uint32_t a = 0; a <= b; a++) {
                    table[rank_of(a, b, c, d)] = (uint16_t)(a | b << 4 | c << 8 | d << 12);
                }
            }
        }
    }
}

static void sort_two(uint32_t *a, uint32_t *b)
{
    uint32_t low = *a < *b ? *a : *b;
    uint32_t high = *a < *b ? *b : *a;
    *a = low;
    *b = high;
}

uint64_t hci_filter_semi_sort(uint64_t lanes, unsigned lane_bits)
{
    uint32_t sorted[BUCKET_SLOTS];
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
        sorted[slot] = lanes_get(lanes, lane_bits, slot);
    }
    sort_two(&sorted[0], &sorted[1]); /* the sorting network of four */
    sort_two(&sorted[2], &sorted[3]);
    sort_two(&sorted[0], &sorted[2]);
    sort_two(&sorted[1], &sorted[3]);
    sort_two(&sorted[1], &sorted[2]);
    unsigned rest_bits = lane_bits - NIBBLE_BITS;
    uint64_t stored = rank_of(sorted[0] >> rest_bits, sorted[1] >> rest_bits,
                              sorted[2] >> rest_bits, sorted[3] >> rest_bits);
    for (unsigned slot = BUCKET_SLOTS; slot-- > 0;) {
        stored = stored << rest_bits | (sorted[slot] & ((1u << rest_bits) - 1));
    }
    return stored;
}
