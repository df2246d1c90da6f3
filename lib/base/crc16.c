/*
 * crc16.c - eight bytes a step ("slicing by 8", Kounavis and Berry 2005).
 *
 * Every key passes here, so the usual byte a step, each waiting for the table of the one before,
 * would cost more than the hash.  after[n][b] is the checksum of byte b followed by n zero bytes.
 * A checksum is linear, so eight bytes at once are eight independent loads, then XOR:
 *
 *     crc       hi    lo
 *     bytes     b0    b1    b2    b3    b4    b5    b6    b7
 *     tables    7     6     5     4     3     2     1     0
 *
 * Linear also means that a table follows from its eight one-bit entries: the constants below are
 * x^(16 + 8n + bit) modulo the polynomial, and the compiler does the rest.
 */
#include "base/crc16.h"

#include <string.h>

/* clang-format off */
#define ENTRY(b, c0, c1, c2, c3, c4, c5, c6, c7)                                    \
    (uint16_t)(((b) & 1 ? c0 : 0) ^ ((b) & 2 ? c1 : 0) ^ ((b) & 4 ? c2 : 0) ^       \
               ((b) & 8 ? c3 : 0) ^ ((b) & 16 ? c4 : 0) ^ ((b) & 32 ? c5 : 0) ^     \
               ((b) & 64 ? c6 : 0) ^ ((b) & 128 ? c7 : 0))
#define ENTRIES_4(b, ...)                                                           \
    ENTRY(b, __VA_ARGS__), ENTRY((b) + 1, __VA_ARGS__),                             \
    ENTRY((b) + 2, __VA_ARGS__), ENTRY((b) + 3, __VA_ARGS__)
#define ENTRIES_16(b, ...)                                                          \
    ENTRIES_4(b, __VA_ARGS__), ENTRIES_4((b) + 4, __VA_ARGS__),                     \
    ENTRIES_4((b) + 8, __VA_ARGS__), ENTRIES_4((b) + 12, __VA_ARGS__)
#define ENTRIES_64(b, ...)                                                          \
    ENTRIES_16(b, __VA_ARGS__), ENTRIES_16((b) + 16, __VA_ARGS__),                  \
    ENTRIES_16((b) + 32, __VA_ARGS__), ENTRIES_16((b) + 48, __VA_ARGS__)
#define TABLE(...)                                                                  \
    {ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__),                       \
     ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__)}

static const uint16_t after[8][256] = {
    TABLE(0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48c4, 0x9188),
    TABLE(0x3331, 0x6662, 0xccc4, 0x89a9, 0x0373, 0x06e6, 0x0dcc, 0x1b98),
    TABLE(0x3730, 0x6e60, 0xdcc0, 0xa9a1, 0x4363, 0x86c6, 0x1dad, 0x3b5a),
    TABLE(0x76b4, 0xed68, 0xcaf1, 0x85c3, 0x1ba7, 0x374e, 0x6e9c, 0xdd38),
    TABLE(0xaa51, 0x4483, 0x8906, 0x022d, 0x045a, 0x08b4, 0x1168, 0x22d0),
    TABLE(0x45a0, 0x8b40, 0x06a1, 0x0d42, 0x1a84, 0x3508, 0x6a10, 0xd420),
    TABLE(0xb861, 0x60e3, 0xc1c6, 0x93ad, 0x377b, 0x6ef6, 0xddec, 0xabf9),
    TABLE(0x47d3, 0x8fa6, 0x0f6d, 0x1eda, 0x3db4, 0x7b68, 0xf6d0, 0xfd81),
};
/* clang-format on */

uint16_t hci_crc16(hc_span bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    unsigned crc = 0;
    for (; left >= 8; at += 8, left -= 8) {
        crc = (unsigned)after[7][at[0] ^ crc >> 8] ^ after[6][at[1] ^ (crc & 0xff)] ^
              after[5][at[2]] ^ after[4][at[3]] ^ after[3][at[4]] ^ after[2][at[5]] ^
              after[1][at[6]] ^ after[0][at[7]];
    }
    if (left >= 4) {
        crc = (unsigned)after[3][at[0] ^ crc >> 8] ^ after[2][at[1] ^ (crc & 0xff)] ^
              after[1][at[2]] ^ after[0][at[3]];
        at += 4;
        left -= 4;
    }
    for (; left > 0; at++, left--) {
        crc = (crc << 8 & 0xff00) ^ after[0][at[0] ^ crc >> 8];
    }
    return (uint16_t)crc;
}

uint16_t hci_slot(hc_span key)
{
    const uint8_t *open = key.size > 0 ? memchr(key.data, '{', key.size) : NULL;
    if (open != NULL) {
        const uint8_t *tag = open + 1;
        const uint8_t *close = memchr(tag, '}', (size_t)(key.data + key.size - tag));
        if (close != NULL && close > tag) key = hc_span_make(tag, (size_t)(close - tag));
    }
    return hci_crc16(key) & (HCI_SLOTS - 1);
}
