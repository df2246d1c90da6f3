/*
 * notify.h - keyspace notifications: what happened to a key, published as Redis publishes it.
 *
 *     SET k v, of database 0  ->  __keyspace@0__:k   set        (with K)
 *                                 __keyevent@0__:set k          (with E)
 *     in the store "users"    ->  __keyspace@users__:k ...
 *
 * Handlers raise the events of their command, under Redis's names and in its order, once the change
 * is made: notify(of, NOTIFY_STRING, "set", key).  Off, as by default, that is one load.  What no
 * command does (expired, evicted) and what the store knows best (new: a key that was not there)
 * comes from a follower of each store, which is there while one of these is asked for.  A miss is
 * told by notify_misses for commands that only read, by their handlers for others.
 *
 * Order:   events of one client's commands come in their order.  What a follower tells comes in the
 *          order of the changes to the key's shard.
 * Threads: any; publishing is allowed under a shard's lock (pubsub.h).
 */
#ifndef HYPERCACHE_SERVER_COMMAND_NOTIFY_H
#define HYPERCACHE_SERVER_COMMAND_NOTIFY_H

#include "command/node.h"

typedef enum notify_class {
    NOTIFY_KEYSPACE = 1u << 0, /* K: channels by key */
    NOTIFY_KEYEVENT = 1u << 1, /* E: channels by event */
    NOTIFY_GENERIC = 1u << 2,  /* g */
    NOTIFY_STRING = 1u << 3,   /* $ */
    NOTIFY_LIST = 1u << 4,     /* l; never raised, as s, h, z, t and d */
    NOTIFY_SET = 1u << 5,      /* s */
    NOTIFY_HASH = 1u << 6,     /* h */
    NOTIFY_ZSET = 1u << 7,     /* z */
    NOTIFY_EXPIRED = 1u << 8,  /* x */
    NOTIFY_EVICTED = 1u << 9,  /* e */
    NOTIFY_STREAM = 1u << 10,  /* t */
    NOTIFY_MODULE = 1u << 11,  /* d */
    NOTIFY_NEW = 1u << 12,     /* n; not in A */
    NOTIFY_MISS = 1u << 13     /* m; not in A */
} notify_class;

#define NOTIFY_LETTERS_CHARS 20u /* with the NUL */

typedef struct notifier notifier;

/* For node_create and node_destroy; fini comes after the stores are gone.
 *   HC_ERR_NO_MEMORY */
hc_status notify_init(node *of);
void notify_fini(node *of);
/* A store was created; the node's stores_lock is held. */
void notify_store_added(node *of, const hc_store_ref *ref);

/* Reads "KEA" and the like, in any order.  False: a letter that is none. */
bool notify_parse(hc_span letters, uint32_t *flags_out);
/* As Redis writes it: n is left out where A stands. */
void notify_print(uint32_t flags, char *letters);
/* With each letter, so that it reads back as it was; both take NOTIFY_LETTERS_CHARS. */
void notify_print_all(uint32_t flags, char *letters);
/* From now on. */
void notify_set(node *of, uint32_t flags);

/* Would an event of this class be published at all? */
static inline bool notify_wants(const node *of, uint32_t which)
{
    return (atomic_load_explicit(&of->notify_flags, memory_order_relaxed) & which) != 0;
}

/* Publishes; the class is known to be wanted.  `event` is NUL-terminated. */
void notify_raise(const request *of, const char *event, hc_span key);
void notify_raise_in(node *of, unsigned database, const char *event, hc_span key);

/* `event` befell `key` of the session's store. */
static inline void notify(const request *of, notify_class which, const char *event, hc_span key)
{
    if (__builtin_expect(notify_wants(of->node, which), 0)) notify_raise(of, event, key);
}

/* `key` was given a time to expire at: "expire", or "del" if that is past. */
static inline void notify_of_expiry(const request *of, hc_span key, int64_t expires_at_ms)
{
    if (!notify_wants(of->node, NOTIFY_GENERIC)) return;
    notify_raise(of, expires_at_ms <= node_now_ms(of->node) ? "del" : "expire", key);
}

/* The same for a command that only reads: each of its keys that is not there is a miss. */
void notify_misses(const request *of);

#endif
