/*
 * leases.h - who is making a value anew: one caller at a time for each key.
 *
 *     no lease --take--> held by a token --key written, deleted, store emptied--> no lease
 *                             |  ^
 *              its time is over  take: another token
 *
 * Leases live beside the stores, not in them: an item takes no byte more.  They are exact for every
 * thread, since all of this happens under the lock of the key's shard: leases are taken inside
 * hc_store_begin of the key, and a follower of the store (hc_store_follow) ends them when the key
 * changes.  A value that expires or is evicted ends none: its maker is still at work.
 *
 *     bucket by hash of store and key   | hash token ends | hash token ends | ... 16 of them
 *
 * Bounded: LEASES_MAX of 24 bytes, allocated when the first is taken.  A bucket that is full
 * forgets the lease that ends first, so with very many at once two callers may make the same value,
 * but nobody waits longer.  Two keys of one hash (64 bits) share a lease, to the same effect as a
 * slow maker.
 *
 * Threads: all calls may run together, except create and destroy.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_LEASES_H
#define HYPERCACHE_SERVER_COMMAND_LEASES_H

#include <hypercache/hypercache.h>

typedef struct leases leases;

#define LEASES_MAX 16384u

typedef struct lease {
    uint64_t token; /* never 0; no two leases of a node have the same, nor after a restart */
    uint64_t ends_ns;
} lease;

typedef struct leases_counts {
    uint64_t taken;
    uint64_t refused;   /* somebody else had it */
    uint64_t forgotten; /* before their end, since a bucket was full */
} leases_counts;

/* Tokens count from `first_token`.  NULL: no memory. */
leases *leases_create(uint64_t seed, uint64_t first_token);
/* Accepts NULL. */
void leases_destroy(leases *of);

/* From here on keys of this store can be leased; any number of times.  Not inside hc_store_begin.
 *   HC_ERR_NO_MEMORY, HC_ERR_LIMIT (the store has too many followers) */
hc_status leases_follow(leases *of, hc_store *store);
/* Before the store goes away, while nobody else uses it; does nothing to one that is not followed.
 */
void leases_unfollow(leases *of, hc_store *store);

/* These run between hc_store_begin and hc_store_end of `key`,
 * on a store that is followed. */

/* True: the lease is the caller's, *out.  False: somebody has it, and *out tells until when. */
bool leases_take(leases *of, hc_store *store, hc_span key, uint64_t now_ns, uint64_t lease_ns,
                 lease *out);
/* Is the lease of that token still the key's?  Also after its time, if nobody took another. */
bool leases_hold(leases *of, hc_store *store, hc_span key, uint64_t token);
/* Ends it, if it is that of the token. */
bool leases_end(leases *of, hc_store *store, hc_span key, uint64_t token);

leases_counts leases_count(const leases *of);

#endif
