/*
 * tracking.h - client-side caching: who read which key, and who is told that it changed.
 *
 *     default   a client reads k  -> table: k -> { client }     k changes -> that client is told
 *     BCAST     a client names prefixes                         k changes -> those whose prefix
 * fits
 *
 * Order: a key is in the table before it is read, and messages come after the reply of the command
 * that runs (push.h).  So a value that was read before a change is followed by the message, and one
 * read after it may be, which costs the client a read.
 *
 * As in Redis names of keys are one space for all databases.  A key's message goes out at once;
 * those of BCAST are gathered for one message a prefix at the end of the batch that made the
 * changes; a flush tells every client null, once.
 *
 * Memory:  at most tracking-table-max-keys keys and TRACKING_BYTES_MAX bytes in the table; who read
 *          a key that has to go is told as if it had changed.  A message that there is no memory
 *          for becomes the null of a flush, which is made with the first: a client never keeps a
 * value that it should not. Threads: calls for a session come from its own thread, tracking_changed
 * from any, under a lock of the store.  Locks, each above the next: store, stripe of the table or
 * prefixes, clients, push.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_TRACKING_H
#define HYPERCACHE_SERVER_COMMAND_TRACKING_H

#include "command/session.h"

#define TRACKING_KEYS_DEFAULT 1000000u
#define TRACKING_BYTES_MAX ((size_t)256 << 20)
#define TRACKING_PREFIXES_MAX 1024u      /* different ones, of all clients */
#define TRACKING_PREFIX_BYTES_MAX 65536u /* of one */
#define TRACKING_PENDING_MAX 256u        /* keys of a prefix that wait; then they go out */

typedef struct tracking tracking;

typedef struct tracking_wish {
    bool bcast, optin, optout, noloop;
    uint64_t redirect; /* id of a client that was seen just now; 0: none */
    const hc_span *prefixes;
    size_t prefix_count;
} tracking_wish;

/* For node_create and node_destroy.
 *   HC_ERR_NO_MEMORY */
hc_status tracking_init(node *of);
void tracking_fini(node *of);

/* What is asked for fits what is already on (tracking_commands.c has looked).
 *   HC_ERR_NOT_FOUND   no such client to redirect to
 *   HC_ERR_LIMIT       TRACKING_PREFIXES_MAX, TRACKING_PREFIX_BYTES_MAX
 *   HC_ERR_NO_MEMORY, and what watchers_attach says; then it is as it was, or off */
hc_status tracking_on(session *who, const tracking_wish *wish);
void tracking_off(session *who);
void tracking_end(session *who); /* for session_fini */

/* What a session has asked for; all false without tracking. */
typedef struct tracking_state {
    bool on, bcast, optin, optout, noloop;
    bool caching; /* CLIENT CACHING was said for the next command */
    bool broken;  /* the client it redirects to is gone */
    uint64_t redirect;
} tracking_state;
tracking_state tracking_state_of(const session *who);
/* The same for another thread that holds sessions_lock; without optin, optout and caching. */
tracking_state tracking_shown(const session *who);
void tracking_cache_next(session *who); /* CLIENT CACHING YES or NO */
/* Visits the prefixes of a session in their order; returns how many.  `visit` may be NULL. */
size_t tracking_prefixes(session *who, void (*visit)(void *ctx, hc_span prefix), void *ctx);
/* A prefix of the session that begins like `prefix`, or is its beginning.  False: none. */
bool tracking_overlap(session *who, hc_span prefix, hc_span *with_out);

/* ---- for batch.c: only for sessions that have, or had, tracking on ---- */

/* Before a command or one inside EXEC runs, and after it. */
void tracking_enter(request *of);
void tracking_leave(request *of);
/* After a command, or the whole of an EXEC. */
void tracking_answered(request *of);

/* ---- changes ---- */

void tracking_changed(node *of, const hc_effect *effect); /* for watchers.c */
void tracking_flushed(node *of); /* for what replaces the content of a store in another way */
/* Sends what is gathered, at the end of a batch and of node_maintain. */
void tracking_send(node *of);
static inline bool tracking_gathered(const node *of)
{
    return atomic_load_explicit(&of->tracking_gathered, memory_order_relaxed);
}

/* ---- figures and limits ---- */

typedef struct tracking_totals {
    size_t clients, keys, items, prefixes;
} tracking_totals;
tracking_totals tracking_totals_of(node *of);
size_t tracking_keys_max(const node *of);
void tracking_keys_max_set(node *of, size_t keys); /* 0: no limit; surplus goes with later reads */

#endif
