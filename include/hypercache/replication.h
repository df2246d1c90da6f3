/*
 * replication.h - one store held by several nodes: versions, reads and writes at three levels,
 * streams, repair, and moving data when nodes come and go.
 *
 *     hc_replica *replica;
 *     hc_replica_create(host, &options, &calls, now, &replica);
 *     hc_replica_members(replica, now, members, member_count);    whenever they change
 *     for (;;) {  wait for a message, a request, or until `next_ns`
 *         hc_replica_receive(replica, now, message);
 *         hc_replica_request(replica, now, &request);             calls.reply answers, once
 *         uint64_t next_ns = hc_replica_tick(replica, now);
 *     }
 *
 * A machine without I/O: messages, requests and the time come in; messages and replies go out
 * through `calls`.  The same object runs in the daemon, in an embedding program and in a simulator.
 *
 * Versions:  each value has a version of 64 bits: 42 of milliseconds since 2020, 12 of a counter,
 *            10 of the node's tag.  The higher one wins, everywhere (last writer wins); of equal
 *            ones a deletion wins, then the larger hash of the value.
 * Places:    the ring of slots (ring.h) names the nodes that hold a key; the first of them that is
 *            alive and has its data acts as primary and runs all writes of the key.  Other nodes
 *            pass a request on to it.
 * Levels:    see hc_level; docs/consistency.md says what each survives.
 * Deletes:   leave a stub, a version without a value, until every holder is known to have it.
 * Links:     messages between two nodes arrive in order and unchanged, or not at all; a link may
 *            break and lose any number at any moment.
 * Stores:    one replica a named store; every message names it (store_id).  catalogue.h tells all
 *            nodes which stores there are.
 * Ownership: everything passed in is copied; the store is borrowed and used by the replica alone
 *            as to writes.  Values lie in it behind their versions: read through the replica.
 * Threads:   one at a time for each object; `calls` come from inside the calls below and must not
 *            call back.
 */
#ifndef HYPERCACHE_REPLICATION_H
#define HYPERCACHE_REPLICATION_H

#include <hypercache/host.h>
#include <hypercache/membership.h>
#include <hypercache/ring.h>
#include <hypercache/store.h>
#include <hypercache/trace.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_replica hc_replica;

#define HC_REPLICA_VALUE_BYTES_MAX (HC_VALUE_BYTES_MAX - 64u) /* a version lies before it */
#define HC_REPLICA_MESSAGE_BYTES_MAX (17u << 20) /* usually below 64 KiB: see batch_bytes */
#define HC_REPLICA_REQUESTS_MAX 4096u            /* under way at a time, those of others included */
#define HC_REPLICA_PENDING_MAX 4096u             /* proposals held for others */
#define HC_REPLICA_REQUEST_BYTES_MAX (UINT64_C(1) << 30) /* of all requests, and of proposals */

/* The time, both kinds of it. */
typedef struct hc_moment {
    uint64_t now_ns; /* monotonic */
    int64_t wall_ms; /* Unix milliseconds; may be wrong, and jump */
} hc_moment;

/* How many holders of a key must have a write before it is answered, or are asked by a read. */
typedef enum hc_level {
    HC_LEVEL_ONE = 0,    /* the acting primary */
    HC_LEVEL_QUORUM = 1, /* most of them */
    HC_LEVEL_ALL = 2     /* all of them; of a read as QUORUM */
} hc_level;

typedef enum hc_request_kind {
    HC_REQUEST_GET = 0,
    HC_REQUEST_SET = 1,    /* value, type, expires_at_ms */
    HC_REQUEST_DELETE = 2, /* ABSENT when there was nothing */
    HC_REQUEST_UPDATE = 3, /* value: what calls.update is told to do with the key */
    HC_REQUEST_FLUSH = 4,  /* every key that was written before; no key */
    HC_REQUEST_GROUP = 5,  /* `keys`, all of one slot, in one step; value: as of UPDATE */
    /* Until `holders` nodes besides the one that acts have the key at `version` or newer, or the
     * time is over: DONE, and `have` of them.  At any node and level. */
    HC_REQUEST_WAIT = 6
} hc_request_kind;

#define HC_REPLICA_GROUP_KEYS_MAX 1024u

/* A flag of GET at ONE: this node answers if it holds the key and has its data, though it may lag
 * behind the acting primary (READONLY). */
#define HC_REQUEST_HERE 1u
/* A flag of UPDATE: it will not change the key, so it is a read, as GET is. */
#define HC_REQUEST_READS 2u

typedef struct hc_request {
    size_t size;
    uint64_t id; /* the caller's, handed back with the reply */
    hc_request_kind kind;
    hc_level level;
    hc_span key, value;
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: never */
    hc_type type;
    uint32_t timeout_ms; /* 0: request_timeout_ms */
    hc_trace_context trace;
    uint32_t flags; /* of HC_REQUEST_HERE, HC_REQUEST_READS */
    uint32_t reserved;
    const hc_span *keys; /* of GROUP, which has no `key`; each once */
    size_t key_count;    /* 1..HC_REPLICA_GROUP_KEYS_MAX */
    uint64_t version;    /* of WAIT: of the reply to the write that is waited for */
    uint32_t holders;    /* of WAIT */
    uint32_t wait_reserved;
    /* By what name it is found, if that is not its trace's id; HC_CORRELATION_BYTES_MAX.  It goes
     * where the trace goes, so without one nowhere. */
    hc_span correlation;
} hc_request;

typedef enum hc_outcome {
    HC_OUTCOME_DONE = 0,
    HC_OUTCOME_ABSENT = 1,      /* GET, DELETE: no such key */
    HC_OUTCOME_NO_REPLICAS = 2, /* fewer than needed: refused before anything was applied */
    HC_OUTCOME_UNCERTAIN = 3,   /* applied, but not confirmed in time: may stay or be lost */
    HC_OUTCOME_TRY_AGAIN = 4,   /* nodes do not agree yet who holds the key; nothing was applied */
    HC_OUTCOME_DOWN = 5,        /* no holder is alive; nothing was applied */
    HC_OUTCOME_CLOCK = 6,       /* this node's clock is wrong, and nobody else can; not applied */
    HC_OUTCOME_REFUSED = 7      /* `status` says why; nothing was applied */
} hc_outcome;

typedef struct hc_reply {
    size_t size;
    uint64_t id; /* of the request */
    hc_outcome outcome;
    hc_status status; /* of REFUSED */
    hc_span value;    /* of GET; of UPDATE: its answer.  Borrowed until the call returns */
    int64_t expires_at_ms;
    hc_type type;
    uint32_t have, need; /* confirmations */
    uint64_t version;    /* of what was read or written; 0: none */
} hc_reply;

typedef enum hc_update_action {
    HC_UPDATE_KEEP = 0,  /* the key stays as it is */
    HC_UPDATE_STORE = 1, /* it becomes `value`, `type`, `expires_at_ms` */
    HC_UPDATE_DELETE = 2
} hc_update_action;

/* One read-modify-write step, e.g. "increment". */
typedef struct hc_update {
    size_t size;
    hc_span key, arguments; /* in: of the request */
    bool present;           /* in; false: the three below are empty */
    hc_update_action action;
    hc_span value; /* in, then out: borrowed until the next update or the end of the call */
    int64_t expires_at_ms;
    hc_type type;
    uint32_t reserved;
    uint64_t version;       /* in: of `value`; 0: absent */
    hc_span answer;         /* out: for the reply */
    hc_trace_context trace; /* in: of the request */
} hc_update;

typedef enum hc_traced_kind {
    /* Another node asked: */
    HC_TRACED_REQUEST = 0,  /* passed on to this node, which runs it now */
    HC_TRACED_WRITE = 1,    /* of an acting primary; `taken`: it is stored here */
    HC_TRACED_PROPOSAL = 2, /* likewise, of a read-modify-write; `taken`: accepted */
    HC_TRACED_READ = 3,     /* a part of a read at QUORUM */
    /* This node runs a request, its own or one that was passed on: */
    HC_TRACED_SENDS = 4,   /* the other holders are about to get it, once or again */
    HC_TRACED_ANSWERED = 5 /* `taken`: DONE or ABSENT */
} hc_traced_kind;
#define HC_TRACED_KINDS 6u

/* What is done on somebody's behalf. */
typedef struct hc_traced {
    size_t size;
    hc_traced_kind kind;
    uint32_t taken;          /* 0 or 1 */
    hc_node_id from;         /* of the first four kinds */
    hc_request_kind request; /* what it is; of WRITE, PROPOSAL and READ: SET or GET */
    /* Never all zero.  Of REQUEST and SENDS it may be given another span_id: what is done for the
     * request from then on is done under that. */
    hc_trace_context trace;
    hc_span key, correlation;
    uint64_t version; /* 0: none */
} hc_traced;

typedef struct hc_replica_calls {
    size_t size;
    void *ctx;
    /* At most HC_REPLICA_MESSAGE_BYTES_MAX bytes over the link to that node; may be lost. */
    void (*send)(void *ctx, const hc_node_id *to, hc_span message);
    /* Once for every hc_replica_request that returned HC_OK; may come before it returns. */
    void (*reply)(void *ctx, const hc_reply *reply);
    /* Decides what becomes of a key: from `update` alone, since it may be asked again when another
     * write came first, and on any node.  An error refuses the request with that status.  NULL:
     * such requests are HC_ERR_UNSUPPORTED. */
    hc_status (*update)(void *ctx, hc_update *update);
    /* This node should say of itself that it has its data (hc_membership_set_ready), or no more;
     * a node that joins or leaves has done so when it is `may_flip`: it may become ACTIVE, or OUT.
     * May be NULL. */
    void (*changed)(void *ctx, bool ready, bool may_flip);
    /* Something is done that carries a trace.  May be NULL. */
    void (*traced)(void *ctx, hc_traced *what);
    /* This node's view of who holds what is another one now: drop what was made from it.  May be
     * NULL. */
    void (*view)(void *ctx, uint64_t epoch, uint64_t topology_id);
    /* As `update`, for all keys of a GROUP together, in the order of the request; the answer is
     * that of the first.  `arguments` are the same for all.  NULL: likewise. */
    hc_status (*update_group)(void *ctx, hc_update *updates, size_t count);
    /* A flush: all up to that version is gone.  Kept by the program and handed back after a restart
     * (flush_version), for what an old disk still has may not come back.  May be NULL. */
    void (*flushed)(void *ctx, uint64_t version);
} hc_replica_calls;

typedef struct hc_replica_options {
    size_t size;
    uint64_t cluster_id; /* of name and secret; messages of others are dropped */
    uint64_t store_id;   /* of the store's name; likewise */
    uint8_t secret[HC_MEMBERSHIP_SECRET_BYTES];
    hc_node_id self;
    uint64_t boot_id;       /* grows with each start */
    hc_store *store;        /* without default_ttl_ms; what is in it came from a disk, or nothing */
    uint32_t replicas;      /* holders of each key, 1..HC_RING_REPLICAS_MAX; 0: 3 */
    uint32_t blocks;        /* as hc_ring_options */
    uint32_t slack_percent; /* likewise */
    uint32_t expect_nodes;  /* members to wait for before data is trusted; 0: 1 */
    uint32_t request_timeout_ms; /* 0: 1000 */
    uint32_t beat_interval_ms;   /* state and clock to every peer; 0: 500 */
    uint32_t repair_interval_ms; /* digests with every peer; 0: 10000 */
    uint32_t stub_hold_ms;       /* a stub known to all goes after that; 0: 30000 */
    uint32_t stub_keep_ms;       /* one known to most goes after that; 0: 3600000 */
    uint32_t skew_warn_ms;       /* 0: 250 */
    uint32_t skew_stop_ms;       /* 0: 500 */
    uint32_t batch_bytes;        /* of a message before it is sent; 0: 65536 */
    uint64_t queue_bytes_max;    /* unconfirmed, to one peer; 0: 64 MiB */
    /* The most that all repair and moving together send; less while peers are slow to confirm or
     * ticks come late (stats.background_bytes_per_second).  0: 100 MB. */
    uint64_t background_bytes_per_second;
    uint64_t flush_version; /* the last that calls.flushed told before the restart; 0: none */
} hc_replica_options;

/* `now` as in all calls.
 *   HC_ERR_INVALID      a field is out of range, or a call is missing
 *   HC_ERR_UNSUPPORTED, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_replica_create(const hc_host *host, const hc_replica_options *options,
                            const hc_replica_calls *calls, hc_moment now, hc_replica **replica_out);
/* Accepts NULL.  Requests under way are never answered. */
HC_API
void hc_replica_destroy(hc_replica *replica);

/* All members as this node knows them, itself included, in any order: call it first, and whenever
 * membership tells of a change.
 *   HC_ERR_LIMIT, HC_ERR_NO_MEMORY  the ring is as it was: call it again */
HC_API
hc_status hc_replica_members(hc_replica *replica, hc_moment now, const hc_member *members,
                             size_t count);

/* Any bytes are safe.
 *   HC_ERR_CORRUPT      not a message of this cluster and store, or damaged; dropped
 *   HC_ERR_UNSUPPORTED  of a version not known here; dropped
 *   HC_ERR_NOT_FOUND    of a node not known, or of an earlier life of it or of this one; dropped */
HC_API
hc_status hc_replica_receive(hc_replica *replica, hc_moment now, hc_span message);

/* Which store a message is for, and who says to have sent it: to find the replica.  Nothing is
 * believed yet; see catalogue.h for stores that are not known.
 *   HC_ERR_CORRUPT  not a message of a replica */
HC_API
hc_status hc_replica_message_peek(hc_span message, uint64_t *store_id_out, hc_node_id *from_out);

/*   HC_ERR_INVALID, HC_ERR_LIMIT (a size, or HC_REPLICA_REQUESTS_MAX), HC_ERR_UNSUPPORTED,
 *   HC_ERR_NO_MEMORY: there will be no reply */
HC_API
hc_status hc_replica_request(hc_replica *replica, hc_moment now, const hc_request *request);

/* Does what is due; returns when to call again at the latest. */
HC_API
uint64_t hc_replica_tick(hc_replica *replica, hc_moment now);

/* What is put and received between these two sends nothing before the last of them ends: fewer,
 * longer messages, and one confirmation for many writes.  They may be nested; keep them short. */
HC_API
void hc_replica_batch_begin(hc_replica *replica);
HC_API
void hc_replica_batch_end(hc_replica *replica, hc_moment now);

/* ---- what it knows ---- */

/* Who holds a slot, and who acts for it. */
typedef struct hc_replica_slot {
    size_t size;
    uint32_t holder_count, next_count;
    hc_node_id holders[HC_RING_REPLICAS_MAX]; /* now, best first */
    hc_node_id next[HC_RING_REPLICAS_MAX];    /* when the change under way is done */
    bool has_acting, synced;                  /* synced: this node has the slot's data */
    bool held;                                /* this node is among the holders */
    hc_node_id acting;
    /* Equal where the same keys have the same versions.  It may have to be counted anew, over the
     * whole store: whoever does not need it says so by a `size` that ends before it. */
    uint64_t digest;
    uint64_t floor; /* below it, a key that is not here may have been deleted */
} hc_replica_slot;
HC_API
void hc_replica_slot_get(const hc_replica *replica, uint32_t slot, hc_replica_slot *out);

/* What this node itself has of a key, for tests and debugging: its version, also of a stub; 0:
 * nothing.  *live_out: a value that has not expired. */
HC_API
uint64_t hc_replica_version(hc_replica *replica, hc_moment now, hc_span key, bool *live_out);

/* Visits the keys with a live value, of slots that this node acts for, among about `count` items
 * from *cursor on: 0 to begin, and 0 again when all were seen.  A key that is there throughout is
 * visited.  `visit` must not call the store or the replica. */
HC_API
void hc_replica_scan(hc_replica *replica, hc_moment now, uint64_t *cursor, size_t count,
                     hc_visit visit, void *ctx);

/* Equal on nodes that know the same ring. */
HC_API
uint64_t hc_replica_topology_id(const hc_replica *replica);
/* Orders views: it rises with every change of the ring, and nodes that know the same ring come to
 * the same epoch, the highest of any of them.  Two islands that meet go on above both. */
HC_API
uint64_t hc_replica_epoch(const hc_replica *replica);

/* What another node said last. */
typedef struct hc_replica_peer {
    size_t size;
    uint64_t topology_id, epoch; /* 0: nothing yet */
    uint64_t heard_ns;           /* when; 0: never */
    uint64_t queue_bytes;        /* unconfirmed, to it */
    uint64_t lag_ns;             /* the oldest of these was made so long ago; 0: none */
    uint64_t dirty_slots;        /* owed to it */
    int64_t offset_ms;           /* its wall clock less this node's */
    bool there;                  /* alive, and heard lately */
    bool quarantined;            /* says that its clock is wrong */
    uint8_t reserved[6];
    uint64_t synced_blocks; /* of which it has all data, by its own word */
} hc_replica_peer;
/*   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_replica_peer_get(const hc_replica *replica, hc_moment now, const hc_node_id *node,
                              hc_replica_peer *out);

/* The parts of a version. */
HC_API
int64_t hc_version_wall_ms(uint64_t version); /* Unix milliseconds */
HC_API
uint32_t hc_version_tag(uint64_t version); /* of the node that made it */

typedef struct hc_replica_stats {
    size_t size;
    uint64_t requests, proxied;       /* of this node; passed on by it */
    uint64_t sent, sent_bytes;        /* messages */
    uint64_t received, dropped;       /* good ones, bad ones */
    uint64_t applied, refused;        /* writes of others: newer; older, or not to be trusted */
    uint64_t resolved;                /* of applied: replaced another node's value */
    uint64_t queue_bytes;             /* unconfirmed, to all peers */
    uint64_t dirty_slots;             /* owed to peers: their hints */
    uint64_t repair_rounds, repaired; /* with a difference or none; keys sent */
    uint64_t consults, dropped_keys;  /* doubtful keys asked about; given up */
    uint64_t stubs, stubs_dropped;    /* now here; collected */
    uint64_t pending;                 /* proposals now held */
    uint64_t synced_blocks, held_blocks;
    int64_t skew_ms; /* of this node's clock, to the median of all */
    uint32_t quarantined;
    uint32_t requests_open;
    uint64_t background_bytes_per_second; /* now */
} hc_replica_stats;
HC_API
void hc_replica_stats_get(const hc_replica *replica, hc_replica_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
