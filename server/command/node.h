/*
 * node.h - what all commands of one process share: stores, counters, sessions, hooks.
 *
 *     main    fills node_options, node_create ... node_destroy; a background thread calls
 *             node_maintain about ten times a second
 *     net     gives each worker thread a number 0..workers-1 and counts in node_counters(worker)
 *     command handlers use the rest
 *
 * Stores:    databases are known by their number: 0 is created with the node and goes by the name
 *            "default" too, the others are created when first selected, none is ever dropped.
 *            SWAPDB changes which store has which number; a database's name in the registry is
 *            but the number it was created with.
 *            Named stores come and go by STORE CREATE and DROP.  All share one memory limit:
 *            node_maintain gives each what the others leave, never less than its equal part nor
 *            more than its own limit, so between two calls the sum may pass the limit by what was
 *            written since.
 * Threads:   everything may be called from any thread unless it says otherwise.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_NODE_H
#define HYPERCACHE_SERVER_COMMAND_NODE_H

#include <pthread.h>
#include <stdatomic.h>

#include <hypercache/hypercache.h>

#include "command/eviction_watch.h"
#include "command/gate.h"
#include "command/monitor.h"
#include "command/observer.h"
#include "command/request.h"
#include "command/settings.h"
#include "debug/debug_mode.h"

/* What clients read as redis_version: the behaviour they may count on (docs/compatibility.md). */
#define NODE_REDIS_VERSION "7.4.0"
#define NODE_DATABASES_MAX 16u
#define NODE_STORES_MAX 1000u /* named ones, besides the databases */
#define NODE_WORKERS_MAX 256u
#define NODE_RUN_ID_CHARS 40u
#define NODE_COMMANDS_MAX 256u /* rows of the table, subcommands included */

/* Who may use DEBUG: security.debug_commands. */
typedef enum node_debug { NODE_DEBUG_NO = 0, NODE_DEBUG_LOCAL, NODE_DEBUG_YES } node_debug;

/* What a store is made with, less what is the node's affair (hc_store_options). */
typedef struct node_store_settings {
    uint64_t max_memory_bytes; /* 0: the node's at this time */
    int64_t default_ttl_ms;    /* 0: none */
    uint32_t eviction;
    uint32_t compression;
    uint32_t filter_bits; /* 0: no filter, unless there is a rate */
    double filter_rate;   /* of absent keys that it lets pass; 0: as the bits give */
    uint32_t strategy;    /* an hc_strategy; 0: the node's */
} node_store_settings;

typedef struct node_options {
    const hc_host *host;       /* borrowed until node_destroy; NULL: defaults */
    const settings *settings;  /* borrowed likewise; NULL: CONFIG knows only what the node knows */
    const char *node_id;       /* these texts are borrowed likewise; NULL: "" */
    const char *config_file;   /* absolute path, for INFO */
    const char *executable;    /* absolute path, for INFO */
    uint64_t max_memory_bytes; /* all databases together; 0: no limit */
    int64_t default_ttl_ms;    /* 0: none */
    uint32_t eviction;
    uint32_t compression;             /* an hc_compression */
    const node_store_settings *first; /* copied; of database 0; NULL: as the others */
    const hc_pressure *pressure; /* of each database, see hc_store_options; NULL: nobody is told */
    unsigned databases;          /* 1..NODE_DATABASES_MAX; 0: NODE_DATABASES_MAX */
    unsigned stores_max;         /* named stores, 1..NODE_STORES_MAX; 0: 16 */
    unsigned workers;            /* threads that run requests, 1..NODE_WORKERS_MAX; 0: 1 */
    unsigned helpers;            /* threads that run commands for others: numbered behind those */
    unsigned clients_max;        /* for INFO, where settings have no network.max_clients */
    unsigned resp_port;          /* for INFO */
    hc_events *events;           /* borrowed likewise; NULL: nobody is told what happens */
    const allocations *allocations; /* borrowed likewise; NULL: they are not counted */
    hc_traces *traces;              /* likewise; NULL: no spans are made */
    /* Asked by SHUTDOWN: starts the way to the end as SIGTERM does, and returns at once.  Any
     * worker's thread.  NULL: SHUTDOWN is refused. */
    void (*shutdown)(void *ctx);
    void *shutdown_ctx;
} node_options;

/* Counted by one worker, read by all: the writer uses node_count, readers take relaxed loads. */
typedef struct node_counters {
    _Alignas(64) _Atomic uint64_t connections; /* accepted since start; net counts */
    _Atomic uint64_t connections_rejected;     /* at the limit; net counts */
    _Atomic uint64_t input_bytes;              /* net counts */
    _Atomic uint64_t output_bytes;             /* net counts */
    _Atomic uint64_t reads, writes;            /* of sockets, that moved bytes; net counts */
    _Atomic uint64_t protocol_errors;          /* net counts */
    _Atomic uint64_t commands;
    _Atomic uint64_t errors;                           /* replies that were errors */
    _Atomic uint64_t error_codes[OBSERVER_ERRORS_MAX]; /* of those, by observer_error */
    _Atomic uint64_t pushes; /* messages sent that nobody asked for, see push.h */
    /* Clients closed because too much waited for them; net counts. */
    _Atomic uint64_t push_overflows;
    _Atomic uint64_t calls[NODE_COMMANDS_MAX];
    _Atomic uint64_t failures[NODE_COMMANDS_MAX];
    _Atomic uint64_t rejections[NODE_COMMANDS_MAX]; /* refused before they ran: arity */
    _Atomic uint64_t busy_ns[NODE_COMMANDS_MAX];    /* as timing.h measures it */
} node_counters;

/* The cuckoo filter that a worker had last, taken out of its value (filter_value.c); for it alone.
 */
typedef struct node_filter {
    _Alignas(64) hc_filter *filter; /* NULL: none */
    uint64_t checksum;              /* of the value it was made from */
    size_t value_bytes;             /* likewise */
    uint8_t *written;               /* where values are written before they are stored */
    size_t written_bytes_max;
} node_filter;

/* Only the counter's own worker may call it: a plain add, seen by others some time later. */
static inline void node_count(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

typedef struct push_office push_office; /* push_inbox.c */
typedef struct tracking tracking;       /* tracking.h */
typedef struct watchers watchers;       /* watchers.h */
typedef struct durable durable;         /* durable.h */
typedef struct cluster cluster;         /* cluster.h */
typedef struct notifier notifier;       /* notify.c */
typedef struct history history;         /* history.h */
typedef struct pubsub pubsub;           /* pubsub.c */

/* What of the whole node each command has to be asked about; most of the time there is nothing. */
typedef enum node_care {
    NODE_PAUSED = 1u << 0,    /* pause.h */
    NODE_MONITORED = 1u << 1, /* monitor.h */
    NODE_MISSES = 1u << 2,    /* misses are events (notify.h) */
    NODE_LOADING = 1u << 3,   /* durable.h */
    NODE_LOGGED = 1u << 4,    /* likewise: of what writes */
    NODE_CLUSTERED = 1u << 5, /* cluster.h */
    NODE_TRACED = 1u << 6,    /* trace_lines.h */
    NODE_KEPT = 1u << 7,      /* durable.h: of what neither reads nor writes (SAVE, WAITAOF) */
    NODE_SPANS = 1u << 9      /* tracing.h */
} node_care;

/* For tracing.c. */
typedef struct node_tracing {
    _Atomic uint64_t share;  /* of 2^32 requests, that are traced */
    _Atomic uint64_t seed;   /* of ids */
    _Atomic uint64_t forced; /* the second, and how many were forced in it */
} node_tracing;

/* Fields are for server/command; others use the functions below. */
struct node {
    node_options options; /* as given, zeros replaced by defaults; never changes */
    char run_id[NODE_RUN_ID_CHARS + 1];
    gate gate;         /* each worker's batches go through its door */
    _Atomic int debug; /* a node_debug */
    debug_mode debugging;
    _Atomic uint32_t cares;  /* node_care: batch.c looks at it before each command */
    _Atomic bool correlates; /* see correlation_is_told */
    monitors monitors;       /* who is told of every command */
    node_tracing tracing;
    observer observer;  /* durations, slow commands, errors by code */
    int64_t started_ms; /* wall clock */
    uint64_t started_ns;
    watchers *watchers;                             /* of keys, in all stores */
    tracking *tracking;                             /* of clients that cache */
    _Atomic bool tracking_gathered;                 /* it has messages to send */
    _Atomic bool watchers_attached;                 /* the stores are followed */
    hc_stores *registry;                            /* all stores, databases included */
    _Atomic(hc_store *) stores[NODE_DATABASES_MAX]; /* NULL until first used; SWAPDB changes it */
    hc_store_ref databases[NODE_DATABASES_MAX];     /* what keeps them; under stores_lock */
    unsigned database_count;                        /* of those; under stores_lock */
    _Atomic uint64_t swaps;                         /* of databases, so far */
    node_store_settings first;                      /* of database 0; never changes */
    pthread_mutex_t stores_lock;                    /* creates stores one at a time */
    _Atomic int pause_mode;                         /* pause.h */
    _Atomic uint64_t pause_until_ns;                /* monotonic */
    _Atomic size_t parked;                          /* sessions that a pause holds back */
    _Atomic uint64_t max_memory_bytes;
    _Atomic uint32_t eviction;            /* of the databases, and of stores to come */
    node_filter *filters;                 /* options.workers of them */
    struct leases *leases;                /* who makes values anew (leases.h) */
    node_counters *counters;              /* options.workers of them */
    node_counters *counters_base;         /* one: sums at the last CONFIG RESETSTAT */
    pthread_mutex_t counters_lock;        /* guards counters_base */
    durable *durable;                     /* its log, if it has one */
    cluster *cluster;                     /* whom it works with */
    void (*cut)(void *ctx, session *who); /* see node_set_cut; NULL: none */
    void *cut_ctx;
    void (*unpaused)(void *ctx); /* see node_set_unpaused; NULL: none */
    void *unpaused_ctx;
    pthread_mutex_t sessions_lock; /* guards the list and each session's texts */
    session *sessions;             /* oldest first */
    session *sessions_last;
    size_t session_count;
    _Atomic uint64_t next_session_id;
    pubsub *pubsub;
    notifier *notifier;
    _Atomic uint32_t notify_flags; /* notify_class; 0: nothing is raised */
    push_office *offices;          /* options.workers of them */
    _Atomic size_t push_bytes;     /* of all messages alive */
    _Atomic uint64_t push_hard_bytes, push_soft_bytes, push_soft_ms; /* push_limits */
    _Atomic unsigned cluster_port;                                   /* 0: none */
    _Atomic unsigned http_port;                                      /* 0: none */
    _Atomic uint64_t session_peak;
    _Atomic uint64_t memory_peak_bytes;
    uint64_t sampled_commands; /* node_maintain's own, for ops_per_second */
    uint64_t sampled_ns;
    uint64_t sampled_input, sampled_output;
    eviction_watch eviction_watch; /* likewise */
    _Atomic uint64_t ops_per_second;
    _Atomic uint64_t input_per_second, output_per_second; /* bytes */
    history *history;                                     /* how it has been, second by second */
    uint64_t startup_bytes; /* of the stores, when there was no item yet; never changes */
};

/* Options are copied.  On error *node_out is NULL.
 *   HC_ERR_INVALID, HC_ERR_NO_MEMORY */
hc_status node_create(const node_options *options, node **node_out);
/* Accepts NULL.  No session is left and no other call runs. */
void node_destroy(node *of);

/* The store of database `index`, created when this is its first use.  NULL: no memory.  `index`
 * is below node_databases(). */
hc_store *node_store(node *of, unsigned index);
unsigned node_databases(const node *of);
/* From now on each of the two databases is the store that the other one was.  Inside
 * gate_exclusive_begin; sessions follow by session_look_for_swaps.
 *   HC_ERR_NO_MEMORY */
hc_status node_swap(node *of, unsigned first, unsigned second);
/* The number of the database that a store is at this time; -1: of none. */
int node_database_of(const node *of, const hc_store *store);

/* Is `name` that of a database, "0".. or "default"?  Then it is no name for another store. */
bool node_database_named(const node *of, hc_span name, unsigned *index_out);
/* The settings that a store has when nothing else is said. */
node_store_settings node_store_defaults(node *of);
/*   HC_ERR_INVALID (the name, or a setting out of range), HC_ERR_EXISTS (a database's name too),
 *   HC_ERR_LIMIT (stores_max), HC_ERR_NO_MEMORY */
hc_status node_store_add(node *of, hc_span name, const node_store_settings *wish);
/*   HC_ERR_NOT_FOUND, HC_ERR_UNSUPPORTED (a database) */
hc_status node_store_drop(node *of, hc_span name);
/* For a walk through all stores in use, from *index 0 on; false at the end.  The caller releases
 * the reference.  Stores that come and go meanwhile may be missed. */
bool node_store_next(node *of, uint32_t *index, hc_store_ref *ref_out);
/* A reference to the store of that name, a database in use included.
 *   HC_ERR_NOT_FOUND */
hc_status node_store_acquire(node *of, hc_span name, hc_store_ref *ref_out);

/* `worker` is below options.workers. */
node_counters *node_worker_counters(node *of, unsigned worker);

/* All workers together since the start or the last CONFIG RESETSTAT; close, not exact, while they
 * work. */
void node_totals(node *of, node_counters *totals_out);
/* Counters of workers and stores start again from zero. */
void node_reset_statistics(node *of);

/* One bounded step of housekeeping on each store, and the division of memory among them.
 * True: more to do at once.  One thread at a time. */
bool node_maintain(node *of);

/* Applies a new limit at once.  0: none.
 *   HC_ERR_INVALID  not 0 and below HC_STORE_MEMORY_BYTES_MIN */
hc_status node_set_max_memory(node *of, uint64_t bytes);
uint64_t node_max_memory(const node *of);

/* When it is not the present one, databases change at once; stores that STORE CREATE made keep what
 * they were made with. HC_ERR_INVALID  no hc_eviction */
hc_status node_set_eviction(node *of, uint32_t eviction);
uint32_t node_eviction(const node *of);

/* `cut` is called, by any worker and with sessions_lock held, for each session that was marked as
 * killed: its client sees the end of the connection before the killer sees its reply, and its
 * worker frees it soon.  It must neither block nor call back.  To be set while no worker runs; NULL
 * takes it away. */
static inline void node_set_cut(node *of, void (*cut)(void *ctx, session *who), void *ctx)
{
    of->cut = cut;
    of->cut_ctx = ctx;
}

/* `unpaused` is called, by any worker, when a pause was ended before its time: each worker has to
 * run soon what it holds back.  As above. */
static inline void node_set_unpaused(node *of, void (*unpaused)(void *ctx), void *ctx)
{
    of->unpaused = unpaused;
    of->unpaused_ctx = ctx;
}

/* Whoever changes what a care stands for says so; a care that is set for nothing costs time only.
 */
static inline void node_care_set(node *of, node_care care, bool set)
{
    if (set)
        (void)atomic_fetch_or(&of->cares, (uint32_t)care);
    else
        (void)atomic_fetch_and(&of->cares, ~(uint32_t)care);
}

/* What INFO tells; known once it is listened on. */
static inline void node_set_cluster_port(node *of, unsigned port)
{
    atomic_store(&of->cluster_port, port);
}

static inline void node_set_http_port(node *of, unsigned port)
{
    atomic_store(&of->http_port, port);
}

size_t node_session_count(node *of);
void node_random(const node *of, void *bytes, size_t size); /* from the host */
int64_t node_now_ms(const node *of);                        /* the host's wall clock */
int64_t node_now_us(const node *of);  /* likewise; the host's clock counts milliseconds only */
uint64_t node_now_ns(const node *of); /* the host's monotonic clock */

#endif
