/* durable_private.h - what durable.c and durable_stores.c share. */
#ifndef HYPERCACHE_SERVER_COMMAND_DURABLE_PRIVATE_H
#define HYPERCACHE_SERVER_COMMAND_DURABLE_PRIVATE_H

#include "command/durable.h"

#define KEPT_MAX (NODE_DATABASES_MAX + NODE_STORES_MAX)
#define KEPT_SETTINGS_BYTES 160u

/* One store that the log keeps. */
typedef struct kept_store {
    hc_store_ref ref; /* all zero: a free entry */
    bool is_logged;   /* the log knows it, as `id`; false: there was none yet */
    uint32_t id;
    size_t name_bytes;
    char name[HC_STORE_NAME_BYTES_MAX];
    uint32_t own_strategy; /* it was made with; HC_STRATEGY_DEFAULT: the node's */
    uint32_t strategy;     /* as the log has it */
} kept_store;

typedef enum log_rest {
    LOG_WORKS = 0,
    LOG_RESTS, /* comes again within LOG_WRITE_NS */
    LOG_SLEEPS /* nothing was written for a while */
} log_rest;

typedef struct durable_waker {
    _Alignas(64) _Atomic bool waits;
    void (*wake)(void *ctx);
    void *ctx;
} durable_waker;

struct durable {
    _Atomic(hc_persistence *) log;
    durable_calls calls;
    _Atomic bool loading;
    _Atomic uint64_t loading_bytes, loading_bytes_all;
    int64_t loading_started_ms;
    _Atomic uint32_t strategy, sync;
    _Atomic uint64_t interval_ms;
    _Atomic int last_snapshot;                      /* SHUTDOWN's wish */
    _Atomic uint64_t snapshot_ended, snapshot_good; /* tickets */
    _Atomic int snapshot_status;                    /* of the latest */
    _Atomic bool flush_wanted;
    _Atomic uint64_t flush_at_ns; /* 0: no such wish */
    _Atomic int rest;             /* of the log's thread, a log_rest */
    _Atomic uint64_t gather_ns;
    uint64_t looked_lsn; /* the log thread's: what it began to look at */
    char *why;           /* of durable_recover */
    size_t why_bytes;
    durable_waker wakers[DURABLE_WAKE_WORKERS];
    kept_store kept[KEPT_MAX]; /* under stores_lock, or while loading main's */
};

void durable_stores_release(node *of);

#endif
