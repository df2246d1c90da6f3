/*
 * watchers.h - who wants to know that a key has changed: WATCH, and client-side caching.
 *
 *     store --effect, under the shard's lock--> watchers --> watched keys: session.watch_broken
 *                                                       `--> tracking.h: invalidations
 *
 * One follower for each store (hc_store_follow), put there when the first key is watched or the
 * first client tracks, and from then on for each store that comes.  Until then a write costs what
 * it did without; afterwards a call, and two looks at counters while nobody watches.
 *
 * A watch is broken by what Redis says breaks it: any effect on the key, the same value set again
 * too; a flush if the key was there when it was watched; and its expiry if it was there and its
 * time comes before EXEC; and a swap of its database.  A key that had already expired when it was
 * watched is absent, and that its memory is given back changes nothing.
 *
 * Exactness: a watch is in the table before the key is looked at, so no change is missed.  EXEC
 * asks while no other command runs.
 *
 * Threads: calls for a session come from its own thread.  Locks: a stripe of the table, below the
 *          shards' locks and above none.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_WATCHERS_H
#define HYPERCACHE_SERVER_COMMAND_WATCHERS_H

#include "command/session.h"

#define WATCH_KEYS_MAX 65536u              /* of one session */
#define WATCH_BYTES_MAX ((size_t)64 << 20) /* of their names */

typedef struct watchers watchers;

/* For node_create and node_destroy; fini comes after the stores are gone.
 *   HC_ERR_NO_MEMORY */
hc_status watchers_init(node *of);
void watchers_fini(node *of);
/* A store was created; the node's stores_lock is held. */
void watchers_store_added(node *of, const hc_store_ref *ref);
/* From now on all stores are followed.
 *   HC_ERR_NO_MEMORY, HC_ERR_LIMIT (a store has too many followers) */
hc_status watchers_attach(node *of);

/* Two databases have exchanged their stores, and no command runs.  A watched key of either breaks
 * if it was there or is there now; else the watch goes on in the store that its database has. */
void watchers_swapped(node *of, hc_store *first, hc_store *second);

/* A store was dropped: what was watched in it counts as changed, if it was there. */
void watchers_dropped(node *of, const hc_store *store);

/* Watches `key` of the session's store, unless it does already.
 *   HC_ERR_LIMIT, HC_ERR_NO_MEMORY, and what watchers_attach says */
hc_status watch_add(session *who, hc_span key);
/* Forgets all keys, and that one was changed. */
void watch_drop(session *who);
/* Databases were swapped: keys watched in those count as changed, whether they are there or not. */
void watch_look_for_swaps(session *who);
/* Has a watched key changed, or its time come? */
bool watch_is_broken(session *who);

#endif
