/*
 * store_table.h - the arithmetic of linear hashing: from a position to the number of a bucket.
 *
 * With N the power of two at or below the number of buckets, position p belongs to bucket p mod 2N
 * if there is one, else to p mod N:
 *
 *      0 .. s-1 | s .. N-1 | N .. N+s-1          s buckets have been split
 *      2N rule    N rule     2N rule
 *
 * An item may also lie in the bucket of its other position, p XOR a constant chosen by its tag; the
 * other position of that one is p again.
 */
#ifndef HYPERCACHE_STORE_TABLE_H
#define HYPERCACHE_STORE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define TABLE_OFFSETS 16u

typedef struct index_table {
    uint32_t count; /* buckets, > 0 */
    uint32_t low;   /* N - 1 */
    uint32_t high;  /* 2N - 1 */
} index_table;

static inline index_table table_of(uint32_t count)
{
    uint32_t high = UINT32_MAX >> __builtin_clz(count);
    return (index_table){count, high >> 1, high};
}

static inline uint32_t table_address(index_table t, uint32_t position)
{
    uint32_t address = position & t.high;
    return address < t.count ? address : address & t.low;
}

/* True when bucket `at` follows the 2N rule, so that its number holds all position bits in use. */
static inline bool table_is_split(index_table t, uint32_t at)
{
    return at > t.low || at + t.low + 1 < t.count;
}

static inline uint32_t table_offset(unsigned number)
{
    /* any constants do that differ from each other in few low bits and are spread over all 32 */
    static const uint32_t offsets[TABLE_OFFSETS] = {
        0x9E3779B1, 0x85EBCA6E, 0xC2B2AE3F, 0x27D4EB2C, 0x165667C5, 0xD3A2646A,
        0xFD7046D7, 0xB55A4F08, 0x6C8E9CF9, 0x3C6EF362, 0xA54FF533, 0x510E5274,
        0x9B05688D, 0x1F83D9A6, 0x5BE0CD1B, 0xCBBB9D5E,
    };
    return offsets[number % TABLE_OFFSETS];
}

static inline uint32_t table_other(uint32_t position, uint8_t tag)
{
    return position ^ table_offset(tag);
}

#endif
