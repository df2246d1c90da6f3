/* tracking_private.h - what tracking.c (clients, messages), tracking_table.c (keys that were read)
 * and tracking_prefix.c (BCAST) share. */
#ifndef HYPERCACHE_SERVER_COMMAND_TRACKING_PRIVATE_H
#define HYPERCACHE_SERVER_COMMAND_TRACKING_PRIVATE_H

#include "command/push.h"
#include "command/tracking.h"

enum { TRACKING_STRIPES = 64 };

typedef struct tracked tracked;
typedef struct prefix prefix;

/* One session, from its first CLIENT TRACKING ON on; the table's references outlive it. */
struct tracking_client {
    _Atomic size_t references;
    uint64_t id;
    push_inbox *inbox; /* with a reference of its own */
    _Atomic bool on, bcast, noloop;
    _Atomic bool broken;
    bool optin, optout, caching; /* the session's own */
    _Atomic uint64_t redirect_id;
    push_inbox *redirect;             /* guarded by tracking.clients_lock; NULL: none */
    tracking_client *next, *previous; /* of those that are on; likewise */
};

typedef struct tracking_stripe {
    pthread_mutex_t lock; /* guards what follows */
    tracked **buckets;
    size_t bucket_count; /* power of two; 0: none yet */
    size_t keys;
    size_t cursor; /* where the next key to go is looked for */
} tracking_stripe;

struct tracking {
    uint64_t seed;
    push *flush, *flush_subscriber; /* null, in either form; NULL until the first client */
    _Atomic size_t keys_max;
    _Atomic size_t keys, items, bytes; /* of the table */
    _Atomic size_t client_count;
    _Atomic size_t prefix_count;
    _Atomic bool flushed;  /* a flush is to be told */
    _Atomic unsigned turn; /* the stripe that loses a key next */
    tracking_stripe stripes[TRACKING_STRIPES];
    pthread_mutex_t clients_lock;
    tracking_client *clients;
    pthread_mutex_t prefixes_lock;           /* guards what follows */
    prefix *prefixes[TRACKING_PREFIXES_MAX]; /* in the order of their texts */
};

/* The client whose command this thread runs; NULL: none, or one that never tracked. */
tracking_client *tracking_running(void);

void tracking_retain(tracking_client *of);
void tracking_release(tracking_client *of);

/* An invalidation of `count` keys for clients to share, made as they are needed. */
typedef struct tracking_notice {
    node *node;
    const hc_span *keys; /* NULL: everything */
    size_t count;
    push *own, *subscriber; /* NULL: not made yet */
    bool failed;            /* no memory: the flush instead */
} tracking_notice;
void tracking_tell(tracking_notice *what, tracking_client *to);
void tracking_notice_fini(tracking_notice *of);

/* tracking_table.c */
/* False: no memory. */
bool tracking_table_add(tracking *of, hc_span key, tracking_client *reader);
/* Takes `key` out and tells its readers. */
void tracking_table_invalidate(node *of, hc_span key);
void tracking_table_clear(tracking *of);
/* Takes keys out while there are too many. */
void tracking_table_trim(node *of);

/* tracking_prefix.c */
/* Adds the client to those of `text`.
 *   HC_ERR_LIMIT, HC_ERR_NO_MEMORY */
hc_status tracking_prefix_add(tracking *of, hc_span text, tracking_client *to);
void tracking_prefix_remove(tracking *of, tracking_client *from); /* from all */
void tracking_prefix_changed(node *of, hc_span key);
void tracking_prefix_send(node *of);

#endif
