/*
 * bits.h - a value as a row of bits: counting and finding them, and offsets as commands name them.
 *
 * Bit 0 is the highest of the first byte, as Redis numbers them.
 *
 * Threads: no state; any thread.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_BITS_H
#define HYPERCACHE_SERVER_COMMAND_BITS_H

#include <hypercache/types.h>

#define ERROR_BIT_OFFSET "ERR bit offset is not an integer or out of range"

/* The offset of a bit from an argument: 0 up to the last bit of the largest value.  With `width`
 * not 0, "#3" is three times `width`.  False when it is none. */
bool bits_offset_parse(hc_span text, unsigned width, uint64_t *offset_out);

/* How many of the bits first..last are set; first <= last < 8 * value.size. */
uint64_t bits_count(hc_span value, uint64_t first, uint64_t last);

/* The first of the bits first..last that is `bit`, or -1.  The same bounds. */
int64_t bits_find(hc_span value, uint64_t first, uint64_t last, bool bit);

/* `width` bits, 1..64, from `offset` on as a number; what is past the end reads as 0. */
uint64_t bits_get(hc_span value, uint64_t offset, unsigned width);

/* Writes the low `width` bits of `number` from bit `offset` of `window` on. */
void bits_put(uint8_t *window, unsigned offset, unsigned width, uint64_t number);

#endif
