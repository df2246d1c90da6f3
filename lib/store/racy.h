/*
 * racy.h - reading bytes that a writer may be changing, without undefined behaviour.
 *
 * Readers take no lock.  They may look at a segment while a writer changes it, and throw the bytes
 * away when the shard's sequence shows that it did.  C11 allows that only for atomic objects, so
 * segment memory is accessed as aligned 8-byte atomic words, and unaligned items are put together
 * by shifting:
 *
 *      word 0            word 1            word 2
 *     |b b b A A A A A| |A A A A A A A A| |A A b b b b b b|     an item A between neighbours b
 *
 * Loads acquire and stores release, hence no fence is needed around them: what a reader loads
 * before its last look at the sequence stays before it, and what a writer stores after moving the
 * sequence stays after it (Boehm, "Can Seqlocks Get Along With Programming Language Memory
 * Models?", MSPC 2012).  On x86-64 these are plain moves.
 *
 * A load may touch up to 8 bytes beyond the item, so address space ends in RACY_SLACK spare bytes.
 * Stores are for the one writer that holds the shard's lock: the neighbours' bytes in the first
 * and last word are written back as they were.
 */
#ifndef HYPERCACHE_STORE_RACY_H
#define HYPERCACHE_STORE_RACY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RACY_SLACK 16u

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "items are put together from words by shifting: little-endian machines only"
#endif

static inline _Atomic uint64_t *racy_word(const uint8_t *at)
{
    return (_Atomic uint64_t *)((uintptr_t)at & ~(uintptr_t)7);
}

static inline uint64_t racy_load_word(const uint8_t *at)
{
    return atomic_load_explicit(racy_word(at), memory_order_acquire);
}

/* The 8 bytes at `at`. */
static inline uint64_t racy_load64(const uint8_t *at)
{
    unsigned shift = (unsigned)((uintptr_t)at & 7) * 8;
    uint64_t low = racy_load_word(at);
    uint64_t high = racy_load_word(at + 8);
    return low >> shift | high << 1 << (63 - shift);
}

static inline void racy_copy(void *to, const uint8_t *from, size_t bytes)
{
    uint8_t *out = to;
    unsigned shift = (unsigned)((uintptr_t)from & 7) * 8;
    uint64_t low = racy_load_word(from);
    while (bytes >= 8) {
        uint64_t high = racy_load_word(from + 8);
        uint64_t value = low >> shift | high << 1 << (63 - shift);
        memcpy(out, &value, 8);
        low = high;
        from += 8;
        out += 8;
        bytes -= 8;
    }
    if (bytes > 0) {
        uint64_t value = racy_load64(from);
        memcpy(out, &value, bytes);
    }
}

static inline bool racy_equal(const uint8_t *key, const uint8_t *at, size_t bytes)
{
    uint64_t mine = 0, difference = 0;
    unsigned shift = (unsigned)((uintptr_t)at & 7) * 8;
    uint64_t low = racy_load_word(at);
    for (; bytes >= 8; bytes -= 8, key += 8) {
        uint64_t high = racy_load_word(at += 8);
        memcpy(&mine, key, 8);
        difference |= mine ^ (low >> shift | high << 1 << (63 - shift));
        low = high;
    }
    if (bytes > 0) {
        mine = 0;
        memcpy(&mine, key, bytes);
        difference |= mine ^ (racy_load64(at) & (~UINT64_C(0) >> (64 - 8 * bytes)));
    }
    return difference == 0;
}

/* Stores `bytes` <= 8 - (at & 7) bytes of `value` into one word. */
static inline void racy_store_part(uint8_t *at, uint64_t value, size_t bytes)
{
    unsigned shift = (unsigned)((uintptr_t)at & 7) * 8;
    uint64_t mask = ~UINT64_C(0) >> (64 - 8 * bytes) << shift;
    _Atomic uint64_t *word = racy_word(at);
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, (old & ~mask) | (value << shift & mask), memory_order_release);
}

static inline void racy_store(uint8_t *to, const void *from, size_t bytes)
{
    const uint8_t *in = from;
    uint64_t value = 0;
    size_t head = (8 - ((uintptr_t)to & 7)) & 7;
    if (head > bytes) head = bytes;
    if (head > 0) {
        memcpy(&value, in, head);
        racy_store_part(to, value, head);
        to += head;
        in += head;
        bytes -= head;
    }
    for (; bytes >= 8; bytes -= 8, to += 8, in += 8) {
        memcpy(&value, in, 8);
        atomic_store_explicit((_Atomic uint64_t *)(void *)to, value, memory_order_release);
    }
    if (bytes > 0) {
        value = 0;
        memcpy(&value, in, bytes);
        racy_store_part(to, value, bytes);
    }
}

#endif
