/*
 * crc64.c - eight bytes a step: table k holds the checksum of a byte followed by k zero bytes, so
 * the eight bytes of a word are looked up side by side.
 *
 * The tables, 16 KiB, are filled at first use: by whoever comes, each to the same content.
 */
#include "base/crc64.h"

#include <stdatomic.h>

#define POLYNOMIAL_REFLECTED UINT64_C(0x95AC9329AC4BC9B5)

static uint64_t tables[8][256];
static atomic_int table_state; /* 0: nobody was here; 1: being filled; 2: ready */

static uint64_t crc_of_byte(uint8_t byte)
{
    uint64_t crc = byte;
    for (unsigned bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL_REFLECTED : 0);
    return crc;
}

static void tables_fill(void)
{
    for (unsigned byte = 0; byte < 256; byte++)
        tables[0][byte] = crc_of_byte((uint8_t)byte);
    for (unsigned k = 1; k < 8; k++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t before = tables[k - 1][byte];
            tables[k][byte] = tables[0][before & 0xFF] ^ before >> 8;
        }
    }
}

static bool tables_ready(void)
{
    if (atomic_load_explicit(&table_state, memory_order_acquire) == 2) return true;
    int nobody = 0;
    if (!atomic_compare_exchange_strong(&table_state, &nobody, 1)) return false;
    tables_fill();
    atomic_store_explicit(&table_state, 2, memory_order_release);
    return true;
}

static uint64_t little_endian(const uint8_t *at)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)at[i] << 8 * i;
    return word;
}

uint64_t hci_crc64(uint64_t crc, hc_span bytes)
{
    const uint8_t *at = bytes.data, *end = bytes.data + bytes.size;
    if (bytes.size == 0) return crc;
    if (!tables_ready()) { /* another thread fills them: the slow way this once */
        for (; at < end; at++)
            crc = crc_of_byte((uint8_t)(crc ^ *at)) ^ crc >> 8;
        return crc;
    }
    for (; end - at >= 8; at += 8) {
        uint64_t word = crc ^ little_endian(at);
        crc = 0;
        for (unsigned i = 0; i < 8; i++)
            crc ^= tables[7 - i][word >> 8 * i & 0xFF];
    }
    for (; at < end; at++)
        crc = tables[0][(uint8_t)(crc ^ *at)] ^ crc >> 8;
    return crc;
}
