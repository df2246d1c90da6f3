/*
 * leased.h - reading a value so that many who miss it at once do not all make it anew.
 *
 *     leased_get   hit: here it is
 *                  won: it is missing or nearly expired, and the caller is the one to make it;
 *                       who wins and sets the key, by whatever command, ends the lease
 *                  wait: likewise, but somebody is at it; the old value, if there is one, will do
 *     leased_set   by the winner: refused when the key was written or deleted since, so what was
 *                  made from old data does not come after the news
 *     leased_end   by a winner that gives up
 *
 * For RESP (HC.GET ...), HTTP and any other way in.  docs/stampede.md is for users.
 *
 * Source:  leases of Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013; the win, stale and
 *          recache flags of memcached's meta commands.
 * Threads: any, within gate_enter and gate_leave as all commands.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_LEASED_H
#define HYPERCACHE_SERVER_COMMAND_LEASED_H

#include <hypercache/hypercache.h>

#include "command/node.h"

#define LEASED_LEASE_MS_DEFAULT 10000
#define LEASED_LEASE_MS_MAX 3600000

typedef enum leased_state { LEASED_HIT = 0, LEASED_WON, LEASED_WAIT } leased_state;

typedef struct leased_wish {
    int64_t stale_ms; /* a value that expires within it is stale; 0 or more */
    int64_t lease_ms; /* 1..LEASED_LEASE_MS_MAX */
} leased_wish;

typedef struct leased_answer {
    leased_state state;
    bool found;     /* the sink has a value; always when HIT */
    uint64_t token; /* of WON; otherwise 0 */
    int64_t ms;     /* HIT: fresh for so long, -1: for ever; WON, WAIT: the lease ends in so long */
} leased_answer;

/* One store, unless a command of a cluster runs on a copy of its key: leases live beside the node's
 * store, and end when what was made of the copy is written there. */
typedef struct leased_place {
    hc_store *values, *leases;
} leased_place;

/* `sink` as in hc_store_read; what it was told counts only if answer->found.
 *   HC_ERR_TYPE (no string), HC_ERR_NO_MEMORY, HC_ERR_LIMIT (too many follow the store)
 *   HC_ERR_BUFFER  the sink refused a value; the answer is complete all the same */
hc_status leased_get(node *of, const leased_place *at, hc_span key, const leased_wish *wish,
                     const hc_sink *sink, leased_answer *answer);
/* As hc_store_set, if the lease of that token is still the key's.
 *   HC_ERR_CONFLICT  it is not: nothing changed */
hc_status leased_set(node *of, const leased_place *at, hc_span key, hc_span value, uint64_t token,
                     const hc_set_options *options);
/* Lets the next caller win.
 *   HC_ERR_CONFLICT  as above */
hc_status leased_end(node *of, const leased_place *at, hc_span key, uint64_t token);

#endif
