/*
 * key_hash.h - a seeded hash of a key, for the tables of watched and tracked keys.
 *
 * Eight bytes at a time are folded by a 64 x 64 -> 128 bit multiplication, as in wyhash and
 * rapidhash (Wang Yi 2019): all bits of the product depend on all bits of both sides.  The seed is
 * drawn at start, so that nobody can choose keys that meet in one bucket.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_KEY_HASH_H
#define HYPERCACHE_SERVER_COMMAND_KEY_HASH_H

#include <string.h>

#include <hypercache/types.h>

static inline uint64_t key_hash_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t key_hash(hc_span key, uint64_t seed)
{
    const uint64_t one = 0xa0761d6478bd642fu, two = 0xe7037ed1a0b428dbu;
    uint64_t hash = seed ^ one;
    size_t at = 0;
    for (; at + 8 <= key.size; at += 8) {
        uint64_t word;
        memcpy(&word, key.data + at, 8);
        hash = key_hash_fold(hash ^ word, two ^ seed);
    }
    uint64_t tail = 0;
    if (at < key.size) memcpy(&tail, key.data + at, key.size - at);
    return key_hash_fold(hash ^ tail, one ^ (uint64_t)key.size);
}

#endif
