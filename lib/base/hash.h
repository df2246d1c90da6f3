/*
 * hash.h - the one hash of the library: XXH3, 64 bits, seeded.
 *
 * The seed is secret to the process (drawn from the host), so nobody outside can choose keys that
 * collide.  Equal seeds give equal hashes on every machine.
 *
 * Inlined whole (XXH_INLINE_ALL): for short keys the call would cost as much as the hash.
 */
#ifndef HYPERCACHE_BASE_HASH_H
#define HYPERCACHE_BASE_HASH_H

#include <hypercache/types.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hci_hash(hc_span key, uint64_t seed)
{
    return XXH3_64bits_withSeed(key.data, key.size, seed);
}

#endif
