/*
 * bits.c - bits in words of eight bytes.
 *
 * A word is counted by adding neighbours, in ever wider fields (Warren, Hacker's Delight, 5-1):
 * pairs, fours, bytes.  Bytes of up to 31 words are added before their sum is taken, which is the
 * multiplication that a word alone would need each time.
 */
#include "command/bits.h"

#include <assert.h>
#include <string.h>

#include "command/command_args.h"

enum {
    WORD_BYTES = 8,
    WORDS_A_SUM = 31 /* a byte of one word counts 8 at most, and a byte of the sum 255 */
};

bool bits_offset_parse(hc_span text, unsigned width, uint64_t *offset_out)
{
    bool by_width = width > 0 && text.size > 0 && text.data[0] == '#';
    int64_t offset;
    if (by_width) text = hc_span_make(text.data + 1, text.size - 1);
    if (!integer_parse(text, &offset)) return false;
    if (by_width && __builtin_mul_overflow(offset, (int64_t)width, &offset)) return false;
    if (offset < 0 || offset / 8 >= (int64_t)HC_VALUE_BYTES_MAX) return false;
    *offset_out = (uint64_t)offset;
    return true;
}

static uint64_t word_at(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Each byte of the result is the number of bits set in that byte of `word`. */
static uint64_t byte_counts(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
}

/* The sum of eight bytes: first in four fields of 16 bits, which cannot overflow. */
static uint64_t sum_of_bytes(uint64_t bytes)
{
    uint64_t pairs = (bytes & 0x00ff00ff00ff00ffu) + (bytes >> 8 & 0x00ff00ff00ff00ffu);
    return (pairs * 0x0001000100010001u) >> 48;
}

static uint64_t count_bytes(const uint8_t *from, size_t size)
{
    uint64_t count = 0;
    while (size >= WORD_BYTES) {
        uint64_t bytes = 0;
        for (unsigned i = 0; i < WORDS_A_SUM && size >= WORD_BYTES; i++) {
            bytes += byte_counts(word_at(from));
            from += WORD_BYTES;
            size -= WORD_BYTES;
        }
        count += sum_of_bytes(bytes);
    }
    for (; size > 0; size--)
        count += (unsigned)__builtin_popcount(*from++);
    return count;
}

/* The bits of a byte from `first` on, and those up to `last`. */
static uint8_t mask_from(uint64_t first)
{
    return (uint8_t)(0xff >> (first & 7));
}

static uint8_t mask_to(uint64_t last)
{
    return (uint8_t)(0xff << (7 - (last & 7)));
}

uint64_t bits_count(hc_span value, uint64_t first, uint64_t last)
{
    size_t begin = first / 8, end = last / 8;
    assert(first <= last && end < value.size);
    if (begin == end) {
        unsigned only = value.data[begin] & mask_from(first) & mask_to(last);
        return (unsigned)__builtin_popcount(only);
    }
    return (unsigned)__builtin_popcount(value.data[begin] & mask_from(first)) +
           count_bytes(value.data + begin + 1, end - begin - 1) +
           (unsigned)__builtin_popcount(value.data[end] & mask_to(last));
}

/* The first set bit of a byte that has one. */
static int64_t place_in(size_t at, unsigned byte)
{
    return (int64_t)at * 8 + __builtin_clz(byte) - 24;
}

int64_t bits_find(hc_span value, uint64_t first, uint64_t last, bool bit)
{
    /* what is looked for is a set bit of byte ^ flip */
    const uint8_t flip = bit ? 0x00 : 0xff;
    const uint64_t nothing = bit ? 0 : UINT64_MAX;
    size_t at = first / 8, end = last / 8;
    assert(first <= last && end < value.size);
    unsigned byte = (value.data[at] ^ flip) & mask_from(first);
    if (at < end && byte == 0) {
        at++;
        while (at + WORD_BYTES <= end && word_at(value.data + at) == nothing)
            at += WORD_BYTES;
        while (at < end && value.data[at] == (uint8_t)nothing)
            at++;
        byte = value.data[at] ^ flip;
    }
    if (at == end) byte &= mask_to(last);
    return byte == 0 ? -1 : place_in(at, byte);
}

uint64_t bits_get(hc_span value, uint64_t offset, unsigned width)
{
    uint64_t number = 0;
    assert(width >= 1 && width <= 64);
    for (unsigned got = 0; got < width;) {
        size_t at = (size_t)((offset + got) / 8);
        unsigned in_byte = (unsigned)((offset + got) & 7);
        unsigned take = 8 - in_byte < width - got ? 8 - in_byte : width - got;
        unsigned byte = at < value.size ? value.data[at] : 0;
        byte = byte >> (8 - in_byte - take) & ((1u << take) - 1);
        number = number << take | byte;
        got += take;
    }
    return number;
}

void bits_put(uint8_t *window, unsigned offset, unsigned width, uint64_t number)
{
    assert(width >= 1 && width <= 64);
    for (unsigned put = 0; put < width;) {
        unsigned in_byte = (offset + put) & 7;
        unsigned take = 8 - in_byte < width - put ? 8 - in_byte : width - put;
        unsigned shift = 8 - in_byte - take;
        unsigned mask = ((1u << take) - 1) << shift;
        unsigned byte = (unsigned)(number >> (width - put - take)) << shift & mask;
        uint8_t *to = &window[(offset + put) / 8];
        *to = (uint8_t)((*to & ~mask) | byte);
        put += take;
    }
}
