/*
 * varint.h - numbers below 2^32 in 1..5 bytes (LEB128).
 *
 *     300  =  0b10_0101100  ->  1|0101100  0|0000010      seven bits a byte, lowest first;
 *                                                          the top bit says "more follow"
 *
 * There is exactly one encoding of each number: the shortest.  hci_varint_get() is for bytes that
 * we wrote ourselves into memory; whatever comes from a disk or a socket goes through
 * hci_varint_get_checked().
 */
#ifndef HYPERCACHE_BASE_VARINT_H
#define HYPERCACHE_BASE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define HCI_VARINT_BYTES_MAX 5u

/* The bytes that hci_varint_put() writes for `value`. */
static inline size_t hci_varint_size(uint32_t value)
{
    if (value < 1u << 7) return 1;
    if (value < 1u << 14) return 2;
    if (value < 1u << 21) return 3;
    return value < 1u << 28 ? 4 : 5;
}

/* Writes `value` and returns its size in bytes. */
static inline size_t hci_varint_put(uint8_t *to, uint32_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        to[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[size++] = (uint8_t)value;
    return size;
}

/* Reads what hci_varint_put() wrote and returns its size in bytes.  Reads at most
 * HCI_VARINT_BYTES_MAX bytes, whatever they are. */
static inline size_t hci_varint_get(const uint8_t *from, uint32_t *value_out)
{
    uint32_t value = from[0];
    if (value < 0x80) {
        *value_out = value;
        return 1;
    }
    value &= 0x7f;
    size_t size = 1;
    while (size < HCI_VARINT_BYTES_MAX) {
        uint32_t byte = from[size];
        value |= (byte & 0x7f) << (7 * size);
        size++;
        if (byte < 0x80) break;
    }
    *value_out = value;
    return size;
}

/* The same for `size` bytes that nobody vouches for.  Returns 0, and *value_out is 0, when they
 * are cut short, do not fit in 32 bits, or are not the shortest encoding. */
static inline size_t hci_varint_get_checked(const uint8_t *from, size_t size, uint32_t *value_out)
{
    uint64_t value = 0;
    *value_out = 0;
    for (size_t i = 0; i < size && i < HCI_VARINT_BYTES_MAX; i++) {
        value |= (uint64_t)(from[i] & 0x7f) << (7 * i);
        if (from[i] >= 0x80) continue;
        if (value > UINT32_MAX || (i > 0 && from[i] == 0)) return 0;
        *value_out = (uint32_t)value;
        return i + 1;
    }
    return 0;
}

#endif
