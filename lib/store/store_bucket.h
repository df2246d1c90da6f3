/*
 * store_bucket.h - one cache line of the index: twelve items' tags and places.
 *
 *     byte 0..11   tags      8 bits of each item's hash, 0 for a free slot
 *          12..14  use       2-bit use counters, four to a byte; advisory, readers write them too
 *          15      ghost     tag of the item last evicted from here, 0 for none (store_policy.c)
 *          16..63  places    32-bit offset of each item in its shard's data
 *
 * A reader compares all twelve tags in one step; 1 lookup in 21 touches an item in vain.
 */
#ifndef HYPERCACHE_STORE_BUCKET_H
#define HYPERCACHE_STORE_BUCKET_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define BUCKET_SLOTS 12u
#define BUCKET_ALL 0xFFFu /* a mask of all slots */
#define BUCKET_USE_MAX 3u

typedef struct bucket {
    _Alignas(64) _Atomic uint8_t tags[BUCKET_SLOTS];
    _Atomic uint8_t use[3];
    _Atomic uint8_t ghost;
    _Atomic uint32_t places[BUCKET_SLOTS];
} bucket;
static_assert(sizeof(bucket) == 64, "a bucket is one cache line");

#if !defined(__SSE2__)
/* One bit for each byte of `word` that is `tag`; exact, without borrow between bytes. */
static inline unsigned bucket_match_word(uint64_t word, uint8_t tag)
{
    const uint64_t low7 = UINT64_C(0x7F7F7F7F7F7F7F7F);
    uint64_t other = word ^ UINT64_C(0x0101010101010101) * tag;
    uint64_t zero = ~(((other & low7) + low7) | other | low7); /* 0x80 where equal */
    return (unsigned)((zero >> 7) * UINT64_C(0x0102040810204080) >> 56);
}
#endif

/* One bit for each slot whose tag is `tag`. */
static inline unsigned bucket_match(const bucket *b, uint8_t tag)
{
    _Atomic uint64_t *words = (_Atomic uint64_t *)(uintptr_t)b;
    uint64_t low = atomic_load_explicit(&words[0], memory_order_acquire);
    uint64_t high = atomic_load_explicit(&words[1], memory_order_acquire);
#if defined(__SSE2__)
    __m128i tags = _mm_set_epi64x((long long)high, (long long)low);
    int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag)));
    return (unsigned)mask & BUCKET_ALL;
#else
    return (bucket_match_word(low, tag) | bucket_match_word(high, tag) << 8) & BUCKET_ALL;
#endif
}

/* One bit for each used slot whose tag has these low bits, `mask` + 1 being a power of two. */
static inline unsigned bucket_match_low(const bucket *b, uint8_t low_bits, uint8_t mask)
{
    _Atomic uint64_t *words = (_Atomic uint64_t *)(uintptr_t)b;
    uint64_t low = atomic_load_explicit(&words[0], memory_order_acquire);
    uint64_t high = atomic_load_explicit(&words[1], memory_order_acquire);
#if defined(__SSE2__)
    __m128i tags = _mm_set_epi64x((long long)high, (long long)low);
    __m128i bits = _mm_and_si128(tags, _mm_set1_epi8((char)mask));
    int same = _mm_movemask_epi8(_mm_cmpeq_epi8(bits, _mm_set1_epi8((char)low_bits)));
    int none = _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_setzero_si128()));
    return (unsigned)(same & ~none) & BUCKET_ALL;
#else
    const uint64_t each = UINT64_C(0x0101010101010101);
    unsigned same = bucket_match_word(low & each * mask, low_bits) |
                    bucket_match_word(high & each * mask, low_bits) << 8;
    unsigned none = bucket_match_word(low, 0) | bucket_match_word(high, 0) << 8;
    return same & ~none & BUCKET_ALL;
#endif
}

static inline unsigned bucket_free_slots(const bucket *b)
{
    return bucket_match(b, 0);
}

static inline unsigned bucket_count(const bucket *b)
{
    /* where there is no popcount instruction the builtin is a call: add up pairs, fours, all */
    unsigned used = BUCKET_ALL & ~bucket_free_slots(b);
    used -= used >> 1 & 0x555;
    used = (used & 0x333) + (used >> 2 & 0x333);
    return (used + (used >> 4) + (used >> 8)) & 15;
}

static inline uint8_t bucket_tag(const bucket *b, unsigned slot)
{
    return atomic_load_explicit(&((bucket *)(uintptr_t)b)->tags[slot], memory_order_relaxed);
}

static inline uint32_t bucket_place(const bucket *b, unsigned slot)
{
    return atomic_load_explicit(&((bucket *)(uintptr_t)b)->places[slot], memory_order_acquire);
}

static inline unsigned bucket_use(const bucket *b, unsigned slot)
{
    bucket *mutable_b = (bucket *)(uintptr_t)b;
    unsigned byte = atomic_load_explicit(&mutable_b->use[slot / 4], memory_order_relaxed);
    return byte >> slot % 4 * 2 & 3;
}

/* Not one atomic step: a use counted by another thread meanwhile may be lost, which is harmless. */
static inline void bucket_use_set(bucket *b, unsigned slot, unsigned use)
{
    unsigned shift = slot % 4 * 2;
    unsigned byte = atomic_load_explicit(&b->use[slot / 4], memory_order_relaxed);
    byte = (byte & ~(3u << shift)) | use << shift;
    atomic_store_explicit(&b->use[slot / 4], (uint8_t)byte, memory_order_relaxed);
}

/* Counts a use; writes nothing once the counter is full, so hot items stay in every cache. */
static inline void bucket_use_add(bucket *b, unsigned slot)
{
    unsigned use = bucket_use(b, slot);
    if (use < BUCKET_USE_MAX) bucket_use_set(b, slot, use + 1);
}

/* The place first: whoever sees the tag sees the place. */
static inline void bucket_put(bucket *b, unsigned slot, uint8_t tag, uint32_t place, unsigned use)
{
    atomic_store_explicit(&b->places[slot], place, memory_order_release);
    bucket_use_set(b, slot, use);
    atomic_store_explicit(&b->tags[slot], tag, memory_order_release);
}

static inline void bucket_clear(bucket *b, unsigned slot)
{
    atomic_store_explicit(&b->tags[slot], 0, memory_order_release);
}

#endif
