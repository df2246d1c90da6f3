/*
 * session.h - one client: who it is, which database it works on, what it asked of its connection.
 *
 * The transport embeds a session in each connection, initialises it when the client is accepted
 * and finishes it before it frees the connection.  After request_run_batch it looks at
 * session->close.
 *
 * Threads: session_init and session_fini register and unregister with the node; both and all
 *          requests of a session run on its worker's thread.  Other threads (CLIENT LIST) read the
 *          atomic fields at any time, and the texts under node->sessions_lock, which the owner
 *          takes to change them; the owner reads its own texts without it.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_SESSION_H
#define HYPERCACHE_SERVER_COMMAND_SESSION_H

#include <stdatomic.h>

#include "command/node.h"

#define SESSION_ADDRESS_CHARS 64u /* "[ipv6]:port" or "path:0", with its NUL */
#define SESSION_NAME_BYTES_MAX 256u
#define SESSION_LIBRARY_BYTES_MAX 64u
#define SESSION_NAMED (-1)

typedef struct transaction transaction;         /* transaction.h */
typedef struct cluster_turn cluster_turn;       /* cluster_turn.h */
typedef struct trace_run trace_run;             /* tracing.h */
typedef struct cluster_watch cluster_watch;     /* cluster_exec.c */
typedef struct cluster_writes cluster_writes;   /* cluster_wait.c */
typedef struct watch watch;                     /* watchers.h */
typedef struct tracking_client tracking_client; /* tracking.h */
typedef struct push_inbox push_inbox;           /* push.h */

typedef enum pubsub_kind { PUBSUB_CHANNEL = 0, PUBSUB_PATTERN, PUBSUB_SHARD } pubsub_kind;
enum { PUBSUB_KINDS = 3 };
typedef struct pubsub_session pubsub_session; /* pubsub.c */

typedef enum session_replies {
    SESSION_REPLIES_ON = 0,
    SESSION_REPLIES_OFF,      /* CLIENT REPLY OFF */
    SESSION_REPLIES_SKIP_NEXT /* CLIENT REPLY SKIP: the next command's reply */
} session_replies;

/* On whose behalf a command runs (caller.h). */
typedef struct session_caller {
    hc_trace_context context; /* its trace, and the span that it is a part of */
    bool known;               /* false: nobody said */
    bool sampled;             /* spans are wanted of it */
    bool inner;               /* `context` is of a span of this node: a request of HTTP */
} session_caller;

typedef enum session_block {
    SESSION_NOT_BLOCKED = 0,
    SESSION_BLOCKED, /* WAIT is held back, until held_until_ns */
    SESSION_LET_GO,  /* CLIENT UNBLOCK: as if its time were over */
    SESSION_LET_FAIL /* CLIENT UNBLOCK ERROR */
} session_block;

struct session {
    /* Read by the transport after each batch. */
    bool close;          /* send what is pending, then close; nothing more is run */
    bool paced;          /* run nothing more until push_congested is over, then take this back */
    _Atomic bool parked; /* a pause holds back the next command; others read it too */

    /* Set after a batch that wrote, when replies wait for the log: see durable_covers. */
    uint64_t reply_lsn;

    /* For the commands, by the owner alone. */
    bool wrote;             /* in the present batch */
    uint64_t batches;       /* run so far, the present one included: see correlation.h */
    const request *batch;   /* the first request of the present one */
    hc_span correlation;    /* the caller's id of what runs now, else empty: see correlation.h */
    uint64_t written_lsn;   /* of the log, behind the latest write */
    uint64_t held_mark;     /* of SAVE: the snapshot's ticket; 0: none waits */
    uint64_t held_until_ns; /* of a command that is parked: until when at most; 0: no such time */
    bool held_for_log;      /* of WAITAOF: until written_lsn is durable */
    bool alone;             /* has the node to itself: request_alone_begin */
    bool in_cluster;        /* holds its lock: cluster_pause */
    bool may_debug;         /* its transport has asked who may: DEBUG is not refused */
    cluster_turn *turn;     /* what the cluster is to answer; NULL: nothing */
    cluster_watch *cluster_watches; /* what WATCH named in a cluster; latest first */
    size_t cluster_watch_count;
    cluster_writes *cluster_writes; /* what WAIT is about; NULL: nothing */
    hc_store *leased;               /* where leases are if not in `store`; NULL: there */
    void (*answered)(session *who);
    session_caller caller; /* of what runs now */
    session_caller next_caller;
    /* For tracing.c: */
    trace_run *running;          /* what runs now; NULL: tracing is off */
    trace_run *unsynced;         /* answered, and waits for the log */
    uint64_t received_ns;        /* the batch's first byte was seen; 0: not noted */
    hc_trace_context told;       /* of the latest that was traced */
    const request *told_request; /* which that was, in batch told_batch */
    uint64_t told_batch;
    char told_trace_id[HC_TRACE_ID_CHARS], told_span_id[HC_SPAN_ID_CHARS];
    size_t last_error;                 /* its code, by observer_error */
    char caller_id[HC_TRACE_ID_CHARS]; /* of `caller`, while that is its correlation */
    union {                            /* session_is_plain looks at both at once */
        struct {
            session_replies replies;
            uint32_t next_caller_is; /* 0: of none; 1: of the next command; 2: the one after */
        };
        uint64_t asks;
    };
    bool knows_slots;           /* it asked for the slots, so that MOVED means something to it */
    bool in_exec;               /* while what was queued runs: its replies are parts of one */
    pubsub_session *subscribed; /* NULL: it never subscribed */
    transaction *transaction;   /* NULL: commands run as they come */
    watch *watches;             /* what WATCH named; latest first */
    size_t watch_bytes;         /* of their keys */
    reply *muted;               /* while a request runs unheard: the reply it would have had */
    hc_block *arrived;          /* where a large request lies; NULL: elsewhere.  The transport's,
                                   unless the command took it over and says so by NULL */
    hc_store *store;            /* of `database`, or of `selected` */
    hc_store_ref selected;      /* a named store; all zero: a database */
    uint64_t swaps;             /* node->swaps when `store` was looked up */
    node *node;
    unsigned worker; /* index of the node's counters */

    /* Written by the owner, read by all. */
    uint64_t id;          /* never changes */
    uint64_t created_ns;  /* monotonic; never changes */
    int descriptor;       /* never changes; -1: none */
    _Atomic int database; /* SESSION_NAMED: `store_name` says which */
    _Atomic int protocol; /* as reply->protocol, for CLIENT LIST */
    _Atomic bool no_evict;
    _Atomic bool no_touch;    /* what it reads does not count as used */
    _Atomic int block;        /* a session_block; whoever lets it go changes it, too */
    _Atomic int queued_count; /* of the transaction; -1: none */
    _Atomic size_t queued_bytes;
    _Atomic size_t watch_count;
    _Atomic uint64_t last_ns;            /* monotonic: start of the latest batch */
    _Atomic(const command *) last;       /* latest command; NULL: none yet */
    _Atomic size_t input_bytes_held;     /* the transport may set these: buffers in use */
    _Atomic size_t input_bytes_free;     /* ... and their unused rest */
    _Atomic size_t output_bytes_pending; /* not yet sent */
    _Atomic size_t output_bytes_held;    /* of those, in a buffer of the connection */
    _Atomic size_t output_bytes_room;    /* that buffer, used or not */
    _Atomic size_t output_bytes_peak;    /* the largest it ever was */
    _Atomic size_t argument_bytes;       /* beside the buffers, for a request that is unfinished */
    _Atomic uint64_t input_bytes;        /* since connected */
    _Atomic uint64_t output_bytes;
    _Atomic bool monitors; /* MONITOR: told of every command, reads and writes nothing */
    _Atomic bool killed;   /* set by CLIENT KILL: runs nothing more, and is to be closed */
    _Atomic(tracking_client *) tracking;          /* NULL: never asked for */
    _Atomic bool watch_broken;                    /* set by whoever changes a watched key */
    _Atomic uint32_t subscriptions[PUBSUB_KINDS]; /* how many of each kind; pubsub.h */
    _Atomic(push_inbox *) inbox;                  /* NULL: nobody posted anything yet (push.h) */

    /* Guarded by node->sessions_lock. */
    char address[SESSION_ADDRESS_CHARS];       /* the client's */
    char local_address[SESSION_ADDRESS_CHARS]; /* ours */
    char name[SESSION_NAME_BYTES_MAX + 1];
    char store_name[HC_STORE_NAME_BYTES_MAX + 1];
    char library_name[SESSION_LIBRARY_BYTES_MAX + 1];
    char library_version[SESSION_LIBRARY_BYTES_MAX + 1];
    session *next, *previous;
};

typedef struct session_options {
    const char *address;       /* copied, cut to fit; NULL: "" */
    const char *local_address; /* likewise */
    int descriptor;            /* -1: none */
    /* The cluster has answered what the session waits for (cluster_turn.h): called by its worker.
     * NULL: it cannot wait, and keys of a cluster are refused. */
    void (*answered)(session *who);
    unsigned worker; /* whose thread runs the requests */
} session_options;

/* Cannot fail.  `on` outlives the session. */
void session_init(session *of, node *on, const session_options *options);
/* Accepts a session that is all zero. */
void session_fini(session *of);

static inline bool session_is_parked(const session *of)
{
    return atomic_load_explicit(&of->parked, memory_order_relaxed);
}
/* The owner: `parked` as it has become. */
static inline void session_park(session *of, bool parked)
{
    if (session_is_parked(of) == parked) return;
    atomic_store_explicit(&of->parked, parked, memory_order_relaxed);
    if (parked)
        atomic_fetch_add(&of->node->parked, 1);
    else
        atomic_fetch_sub(&of->node->parked, 1);
}

/* It waits, and not for a pause. */
static inline bool session_is_blocked(const session *of)
{
    return atomic_load_explicit(&of->block, memory_order_relaxed) == SESSION_BLOCKED;
}

/* Does what it reads count as used? */
static inline bool session_touches(const session *of)
{
    return !atomic_load_explicit(&of->no_touch, memory_order_relaxed);
}

_Static_assert(sizeof(session_replies) == 4, "beside next_caller_is, in `asks`");
/* Does it ask nothing of the commands that it runs? */
static inline bool session_is_plain(const session *of)
{
    uintptr_t any = (uintptr_t)atomic_load_explicit(&of->tracking, memory_order_relaxed) |
                    (uintptr_t)of->transaction | (uintptr_t)of->subscribed |
                    (uintptr_t)of->selected.held | (uintptr_t)of->asks | (uintptr_t)of->turn |
                    (uintptr_t)atomic_load_explicit(&of->monitors, memory_order_relaxed);
    return any == 0;
}

static inline bool session_tracks(const session *of)
{
    return __builtin_expect(atomic_load_explicit(&of->tracking, memory_order_relaxed) != NULL, 0);
}

/* Makes `index`, below node_databases(), the session's database.
 *   HC_ERR_NO_MEMORY  and then it stays where it was */
hc_status session_select(session *of, unsigned index);
/* Makes the store of that name the session's; the name of a database is as its number.
 *   HC_ERR_NOT_FOUND, HC_ERR_NO_MEMORY  and then it stays where it was */
hc_status session_select_name(session *of, hc_span name);
/* After SWAPDB the session's database may be another store, and what it watched counts as changed.
 * Asked inside the gate, before a command runs. */
void session_follow_swaps(session *of);
static inline void session_look_for_swaps(session *of)
{
    uint64_t swaps = atomic_load_explicit(&of->node->swaps, memory_order_relaxed);
    if (__builtin_expect(swaps != of->swaps, 0)) session_follow_swaps(of);
}
/* The store that was selected by name has been dropped since. */
static inline bool session_store_dropped(const session *of)
{
    return of->selected.held != NULL && hc_store_ref_dropped(&of->selected);
}

#endif
