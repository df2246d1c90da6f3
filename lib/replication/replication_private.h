/*
 * replication_private.h - the parts of a replica, and the calls between its files.
 *
 *     replica.c           making one, messages and time in, the public calls
 *     replica_clock.c     versions, and whether this node's clock can be trusted
 *     replica_wire.c      messages to bytes and back
 *     replica_topology.c  who holds a block, now and next; who acts for it
 *     replica_entry.c     versioned values in the store; digests, floors, walking by slot
 *     replica_peer.c      what is known of each node; messages to it
 *     replica_stream.c    writes to a peer in order, confirmed; when they cannot be: dirty slots
 *     replica_pieces.c    records too large for one message
 *     replica_op.c        requests under way, and passing them on
 *     replica_write.c     writes and read-modify-writes, as the acting primary
 *     replica_cas.c       proposals at QUORUM: accepted, committed, taken back
 *     replica_group.c     several keys of one slot in one step
 *     replica_flush.c     everything at once
 *     replica_read.c      reads, and mending what they see
 *     replica_wait.c      how many have a write by now
 *     replica_repair.c    digests with each peer in turn, down to single keys
 *     replica_consult.c   a key that somebody lacks: deleted there, or never seen?
 *     replica_sync.c      getting the data of blocks: first, after a restart, on a change
 *     replica_sweep.c     stubs that everybody has, values that expired, slots that moved away
 *
 * All times are monotonic nanoseconds unless they are versions.  Nothing depends on the order of
 * pointers.
 */
#ifndef HYPERCACHE_REPLICATION_PRIVATE_H
#define HYPERCACHE_REPLICATION_PRIVATE_H

#include "host/host_internal.h"
#include "replication/replication_internal.h"

#include <hypercache/replication.h>

#define MS UINT64_C(1000000)
#define NEVER UINT64_MAX
#define NOBODY UINT32_MAX
#define SLOTS HC_RING_SLOTS
#define SLOT_MAP_BYTES (SLOTS / 8)
#define HOLDERS_MAX HC_RING_REPLICAS_MAX
#define STREAM_AGE_MAX_MS 10000 /* an older write is left to repair: see G3 */
#define RESEND_NS (200 * MS)
#define ALIVE_SILENCE_NS (3000 * MS) /* no word for so long: not counted upon */
#define PARK_NS (200 * MS)           /* a request waits so long for nodes to agree */

/* ---- versioned values ---- */

enum { ENTRY_STUB = 1, ENTRY_EXPIRES = 2, ENTRY_TENTATIVE = 4, ENTRY_TYPE_SHIFT = 4 };

typedef struct entry {
    uint64_t version; /* 0: there is none */
    unsigned flags;   /* of ENTRY_; the type in the bits above */
    int64_t expires_at_ms;
    hc_span value;
} entry;

typedef enum put_result {
    PUT_APPLIED = 0,
    PUT_SAME = 1,  /* it is here already */
    PUT_OLDER = 2, /* what is here is newer */
    PUT_FLOOR = 3, /* nothing is here, and the version is not above the slot's floor */
    PUT_DEAD = 4,  /* flushed */
    PUT_SKEWED = 5 /* from a clock too far ahead */
} put_result;

/* ---- messages ---- */

typedef enum record_kind {
    RECORD_BEAT = 1,     /* value: blocks with data; version: topology; seq, time, expect: clock */
    RECORD_PUT = 2,      /* of a stream: key, entry; op: answer me */
    RECORD_ACK = 3,      /* stream, seq: all up to it */
    RECORD_ANSWER = 4,   /* op, result; perhaps an entry */
    RECORD_CAS = 5,      /* op, key, expect, entry; OLD: of a pull, from seq in life time */
    RECORD_ABORT = 6,    /* key, version */
    RECORD_STATUS = 7,   /* key, version: what became of it? */
    RECORD_READ = 8,     /* op, key */
    RECORD_PROXY = 9,    /* op, request */
    RECORD_PROXY_R = 10, /* op, reply */
    RECORD_PULL = 11,    /* op, value: blocks; version: topology */
    RECORD_PULLED = 12,  /* of a stream: op, expect: sum of the CAS; value: floors */
    RECORD_ROOT = 13,    /* version: digest of all shared slots */
    RECORD_BLOCKS = 14,  /* value: block, digest, ... */
    RECORD_SLOTS = 15,   /* slot: the block's first; value: digests */
    RECORD_BUCKETS = 16, /* slot, time: cut; value: digests */
    RECORD_KEYS = 17,    /* slot, time: cut, seq: buckets, version: floor; value: key, version... */
    RECORD_WANT = 18,    /* slot, version: floor; value: keys */
    RECORD_CLEAN = 19,   /* all shared slots are equal */
    RECORD_CONSULT = 20, /* op, key, version */
    RECORD_HOLD = 21,    /* op: no proposals for a while; LAST: again */
    RECORD_HELD = 22,    /* op, time: the clock */
    RECORD_PIECE = 23,   /* op: of which record; seq: from; time: its size; value: bytes */
    RECORD_HAD = 24      /* op; seq: so much is here; LAST: and what came was not the next */
} record_kind;

typedef enum answer {
    ANSWER_YES = 0,
    ANSWER_NEWER = 1,   /* something newer is here: the entry */
    ANSWER_BUSY = 2,    /* another proposal is held */
    ANSWER_FLOOR = 3,   /* version: of the floor */
    ANSWER_STALE = 4,   /* not of this set of holders */
    ANSWER_SYNCING = 5, /* done, but it does not count */
    ANSWER_PENDING = 6  /* of a read: a proposal is held, its outcome not known here */
} answer;

/* One record; each kind uses some of the fields, zeros are not sent. */
typedef struct record {
    record_kind kind;
    unsigned result, flags;
    uint32_t slot;
    uint64_t op, set_hash, stream, seq, time, expect;
    entry entry; /* its value is `value` */
    hc_span key, value;
    hc_trace_context trace;
    hc_span correlation; /* only with a trace */
} record;
enum {
    RECORD_FORCE = 1,
    RECORD_OLD = 2,
    RECORD_LAST = 4,
    RECORD_QUARANTINED = 8,
    RECORD_BRIEF = 16, /* of READ: the version alone, whatever its state */
    RECORD_TERSE = 32  /* of READ: all but the value, which is large and perhaps not needed */
};

typedef struct envelope {
    hc_node_id from;
    uint64_t from_boot, to_boot, hlc, flush;
    hc_span records;
} envelope;

/* ---- peers ---- */

typedef struct frame {
    struct frame *next;
    uint64_t seq;
    uint64_t made_ns;
    size_t bytes; /* of the record behind the frame */
    size_t room;  /* for it */
} frame;

#define LARGE_RECORD_BYTES ((size_t)1 << 20) /* a larger one goes in pieces */

/* A record on its way in pieces; a copy of it behind this, or a frame's. */
typedef struct cargo {
    struct cargo *next;
    uint64_t id; /* grows within the life of this node */
    record_kind kind;
    uint64_t op, version;
    const frame *of; /* NULL: it is a copy */
    const uint8_t *from;
    size_t bytes, sent, had, copy_bytes;
    uint64_t resend_ns;
} cargo;

typedef struct buffer {
    uint8_t *bytes;
    size_t capacity;
} buffer;

/* Sending a part of the store: for whom data is missing, or who lacks what it was owed.  Keys are
 * picked a few at a time, and each is sent as it is when there is room. */
typedef struct walk {
    bool on, over;          /* over: all keys are picked */
    uint64_t cursor, since; /* versions below `since` are not sent */
    uint64_t op;            /* of PULL; 0: hints */
    buffer picked;          /* size u32, key; from `at` up to `size` they are still to be sent */
    size_t at, size;
    uint8_t slots[SLOT_MAP_BYTES];
} walk;

typedef struct peer {
    hc_member member;
    bool known, is_self;
    uint64_t heard_ns; /* the last message of this life; 0: none */
    /* its own word, by BEAT */
    uint64_t beat_topology, beat_epoch;
    uint8_t *synced; /* bit a block */
    bool quarantined;
    uint64_t their_ns, their_ns_at; /* its clock at its last beat, ours then */
    int64_t offset_ms;              /* its wall clock less ours */
    uint64_t offset_ns;             /* when measured; 0: never */
    /* the message being filled */
    uint8_t *out;
    size_t out_bytes, out_capacity;
    /* the stream to it */
    uint64_t stream, seq, acked, sent; /* sent: of seq, so many went out */
    frame *first, *last;
    size_t queue_bytes;
    uint64_t resend_ns;
    bool broken;           /* it gets nothing now but dirty bits */
    uint64_t mend_ns;      /* not before */
    uint64_t broken_since; /* version */
    uint32_t dirty_count;
    uint8_t *dirty; /* bit a slot */
    walk *hints, *serving;
    uint32_t large; /* frames that go in pieces */
    /* records to it in pieces, in this order; and the one from it */
    cargo *cargo_first, *cargo_last;
    uint64_t cargo_id, parcel_id;
    size_t cargo_bytes;
    buffer parcel;
    size_t parcel_bytes, parcel_had; /* when it is whole; now */
    bool parcel_told;                /* that a piece is missing */
    /* the stream from it */
    uint64_t in_stream, in_seq;
    bool ack_due;
    uint64_t flush;   /* the last it knows of */
    uint64_t hold_op; /* the flush that it holds proposals for */
    /* repair */
    uint64_t *clean; /* [slot]: all up to this version was equal */
    uint64_t repair_ns, pull_ns, pull_op, root_hlc;
    uint64_t pull_held; /* sum of versions: of its proposals that came with this pull */
    uint32_t repair_at;
    uint32_t barren; /* rounds in a row that mended nothing */
    bool fruit;      /* something was mended since the last round */
    bool hurried;    /* the next round comes early, for there is more */
} peer;

/* ---- requests under way ---- */

typedef enum op_kind {
    OP_FREE = 0,
    OP_PARKED = 1,   /* waits for nodes to agree, or for another proposal */
    OP_PROXY = 2,    /* another node runs it */
    OP_WRITE = 3,    /* waits for confirmations */
    OP_CAS = 4,      /* likewise, of a proposal */
    OP_COMPLETE = 5, /* likewise, of one that a dead node began */
    OP_READ = 6,
    OP_MEND = 7, /* a read that writes back what it found */
    OP_CONSULT = 8,
    OP_FLUSH = 9,
    OP_GROUP = 10, /* waits for its parts, which are CAS */
    OP_WAIT = 11   /* for others to have a write */
} op_kind;

typedef struct op {
    uint64_t id;
    op_kind kind;
    hc_request request; /* key and value are in `bytes` */
    uint8_t *bytes;
    size_t bytes_size;
    uint32_t slot;
    uint32_t origin; /* peer that passed it on; NOBODY: it is ours */
    uint64_t origin_op, origin_boot;
    bool replied, applied;
    uint64_t deadline_ns, retry_ns;
    uint64_t began_ns;    /* FLUSH: its hold */
    uint32_t target;      /* of PROXY */
    uint64_t target_boot; /* likewise */
    /* votes: bits of places among the holders */
    uint64_t set_hash;
    uint32_t yes_now, no_now, yes_next, no_next;
    uint32_t tries;
    uint64_t version, expect;
    bool mixed;        /* READ: not all answered the same */
    bool terse, whole; /* READ: others tell their versions alone; no, with their values */
    uint64_t seen[HOLDERS_MAX], seen_floor[HOLDERS_MAX]; /* READ, CONSULT: by place */
    uint32_t towards;                                    /* CONSULT: who lacks the key */
    entry best; /* newest seen, or what is written; its value is in `held` */
    uint8_t *held;
    size_t held_size;
    uint8_t *reply_bytes; /* UPDATE: its answer */
    size_t reply_size;
    bool absent;                    /* of DELETE: there was nothing */
    uint64_t group;                 /* CAS: of this op it is a part; 0: of none */
    uint64_t *parts;                /* GROUP: ops */
    uint32_t part_count, part_room; /* of `parts` */
} op;

/* A proposal that was accepted and is not decided. */
typedef struct pending {
    uint64_t hash; /* of the key */
    uint8_t *bytes;
    size_t key_size, value_size;
    entry entry; /* less its value */
    uint64_t expect;
    uint32_t owner; /* peer */
    uint64_t owner_boot, ask_ns;
    uint64_t set_hash;
    uint64_t completing; /* op */
    uint64_t pull_op;    /* the last pull that it came with, too */
} pending;

/* ---- the whole ---- */

typedef struct topology {
    uint32_t blocks, block_slots;
    uint32_t now_count, next_count; /* holders of each block */
    uint16_t *now, *next;           /* [block * HOLDERS_MAX + rank] -> peer */
    uint64_t *set_hash;             /* [block] */
    uint64_t id, signature;
    uint64_t epoch, epoch_seen; /* seen: the highest of other views */
    bool joint;
} topology;

struct hc_replica {
    hci_host host;
    hc_replica_options options;
    hc_replica_calls calls;
    hc_store *store;
    uint32_t rules_off; /* for tests: see replication_internal.h */
    hc_moment now;
    uint64_t random;
    uint32_t batches; /* begun and not ended: nothing is sent */
    /* clock */
    uint64_t clock; /* the last version, less the tag */
    int64_t skew_ms;
    uint64_t judged_ns; /* when enough were there to tell; 0: never */
    bool quarantined;
    uint16_t tag;
    /* slots */
    uint64_t flush;
    uint64_t hold_until_ns; /* no proposals before: see replica_flush.c */
    uint64_t hold_op;       /* the last flush that asked for it */
    uint32_t hold_by;
    bool hold_many;
    uint64_t floor[SLOTS], high[SLOTS], digest[SLOTS];
    uint8_t stale_digest[SLOT_MAP_BYTES]; /* something left unseen */
    topology topology;
    uint8_t *synced, *held;  /* bit a block */
    uint8_t *absent;         /* bit a block: not synced, for an absence alone */
    uint16_t *merged;        /* [block]: bits of holders that gave us all they have */
    uint64_t *merged_set;    /* [block]: set_hash of that */
    uint64_t *leaving;       /* [block]: the holders now, while this node is about to go; or 0 */
    uint64_t lost_ns;        /* since when too few can be heard; 0: enough are */
    uint64_t pressed_ns;     /* until then this node evicts, and wants nothing back: see G4 */
    bool alone, ready, flip; /* alone: has its data because nobody else was there */
    uint32_t seen_nodes;     /* the most members ever seen */
    peer **peers;
    uint32_t peer_count, peer_capacity, self;
    op **ops;
    uint32_t op_count, op_capacity, op_open;
    size_t op_bytes, pending_bytes; /* their keys and values: see HC_REPLICA_REQUEST_BYTES_MAX */
    uint64_t op_life;
    pending *pending;
    uint32_t pending_count, pending_capacity;
    buffer read, build, value; /* scratch */
    uint64_t ticked_ns, beat_ns, sweep_ns, sweep_cursor, stubs_seen;
    bool show_dead;           /* a walk meets what a flush killed, too */
    int64_t tokens;           /* bytes the background may send */
    uint64_t pace;            /* so many more a second */
    uint64_t pace_ns, due_ns; /* next look at it; when the next tick was asked for */
    bool late;                /* a tick came late since the last look */
    hc_replica_stats stats;
};

static inline bool rule(const hc_replica *r, uint32_t which)
{
    return (r->rules_off & which) == 0;
}
static inline bool bit_get(const uint8_t *map, uint32_t at)
{
    return map[at / 8] >> at % 8 & 1;
}
static inline void bit_set(uint8_t *map, uint32_t at, bool on)
{
    if (on)
        map[at / 8] |= (uint8_t)(1u << at % 8);
    else
        map[at / 8] &= (uint8_t) ~(1u << at % 8);
}
static inline bool same_node(const hc_node_id *a, const hc_node_id *b)
{
    return __builtin_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline bool has_trace(const hc_trace_context *trace)
{
    static const hc_trace_context none;
    return __builtin_memcmp(trace, &none, sizeof none) != 0;
}

/* Makes room for `bytes`; what was in it stays.  NULL: no memory, and nothing has changed. */
uint8_t *hci_buffer_room(hc_replica *r, buffer *b, size_t bytes);

/* ---- replica.c ---- */
void hci_record_take(hc_replica *r, uint32_t from, const record *what, uint64_t hlc);

/* ---- replica_clock.c ---- */
uint64_t hci_clock_now(hc_replica *r);                   /* as a version of counter and tag 0 */
uint64_t hci_clock_stamp(hc_replica *r, uint64_t over);  /* a new version above `over` */
bool hci_clock_witness(hc_replica *r, uint64_t version); /* false: too far ahead to be believed */
int64_t hci_clock_ms(hc_replica *r);                     /* Unix, by which values expire */
void hci_clock_measure(hc_replica *r, peer *p, const record *beat, uint64_t hlc);
void hci_clock_judge(hc_replica *r);

/* ---- replica_wire.c ---- */
#define ENVELOPE_BYTES 88u
#define ENVELOPE_TAIL_BYTES 16u
#define RECORD_BYTES_MAX 128u /* of all but key, value and correlation */
void hci_wire_head(hc_replica *r, uint8_t *to, uint64_t to_boot);
void hci_wire_seal(hc_replica *r, uint8_t *message, size_t bytes); /* head and records */
size_t hci_wire_put(uint8_t *to, const record *what);              /* returns its size */
hc_status hci_wire_unseal(const hc_replica *r, hc_span message, envelope *out);
/* 1: a record; 0: one of a kind or form not known, passed over; -1: the end, or garbage. */
int hci_wire_take(hc_span *records, record *out);
void hci_put64(uint8_t *to, uint64_t value);
uint64_t hci_get64(const uint8_t *from);

/* ---- replica_topology.c ---- */
hc_status hci_topology_update(hc_replica *r);
/* Another node's view, when it may have changed: the epochs of equal ones become equal. */
void hci_topology_heard(hc_replica *r, uint32_t from);
static inline uint32_t block_of(const hc_replica *r, uint32_t slot)
{
    return slot / r->topology.block_slots;
}
const uint16_t *hci_holders_now(const hc_replica *r, uint32_t slot);
const uint16_t *hci_holders_next(const hc_replica *r, uint32_t slot);
int hci_place_now(const hc_replica *r, uint32_t slot, uint32_t peer);  /* -1: none */
int hci_place_next(const hc_replica *r, uint32_t slot, uint32_t peer); /* likewise */
bool hci_holds(const hc_replica *r, uint32_t slot, uint32_t peer);     /* now or next */
bool hci_counts(const hc_replica *r, uint32_t slot, uint32_t peer);    /* there, and has its data */
bool hci_there(const hc_replica *r, uint32_t peer);
uint32_t hci_acting(const hc_replica *r, uint32_t slot); /* or NOBODY */
/* Every holder but this node, each once. */
uint32_t hci_others(const hc_replica *r, uint32_t slot, uint32_t out[2 * HOLDERS_MAX]);

/* ---- replica_entry.c ---- */
bool hci_entry_get(hc_replica *r, hc_span key, entry *out); /* value is good until the next get */
bool hci_entry_live(hc_replica *r, const entry *e);
int hci_entry_compare(hc_replica *r, const entry *a, const entry *b);
put_result hci_entry_put(hc_replica *r, hc_span key, const entry *e, bool force);
void hci_entry_drop(hc_replica *r, hc_span key, uint64_t version); /* leaves no trace */
void hci_entry_flush(hc_replica *r, uint64_t version);
void hci_entry_open(hc_replica *r, const hc_item *item, entry *out);
uint64_t hci_entry_mix(hc_span key, uint64_t version);
uint64_t hci_digest(hc_replica *r, uint32_t slot);
void hci_digests_renew(hc_replica *r);
void hci_evicted(void *ctx, const hc_effect *effect);
typedef void (*entry_visit)(void *ctx, uint32_t slot, hc_span key, const entry *e);
/* The one place that walks the store by slot; `slots` NULL: all.  False: the walk is over.  Of a
 * store made by slot it meets only the shards that have some of them. */
bool hci_entries_walk(hc_replica *r, const uint8_t *slots, uint64_t *cursor, size_t count,
                      entry_visit visit, void *ctx);

/* ---- replica_peer.c ---- */
hc_status hci_peer_update(hc_replica *r, const hc_member *member, uint32_t *number_out);
uint32_t hci_peer_find(const hc_replica *r, const hc_node_id *id);
void hci_peer_destroy(hc_replica *r, peer *p);
void hci_peer_send(hc_replica *r, uint32_t to, const record *what);
void hci_flush_out(hc_replica *r);
void hci_beat_send(hc_replica *r, uint32_t to);
void hci_beat_take(hc_replica *r, uint32_t from, const record *what, uint64_t hlc);
/* Tells the program of what came with a trace; returns the trace to go on with. */
hc_trace_context hci_traced(hc_replica *r, uint32_t from, hc_traced_kind kind, const record *what,
                            bool taken);
/* The same of a request that this node runs. */
void hci_traced_own(hc_replica *r, hc_traced_kind kind, op *o, bool taken);

/* ---- replica_stream.c ---- */
void hci_stream_put(hc_replica *r, uint32_t to, uint32_t slot, record *what);
void hci_stream_reset(hc_replica *r, peer *p);
void hci_stream_take(hc_replica *r, uint32_t from, const record *what);
void hci_stream_acked(hc_replica *r, uint32_t from, const record *what);
uint64_t hci_stream_tick(hc_replica *r);
void hci_dirty(hc_replica *r, peer *p, uint32_t slot);
/* A write to all other holders; op 0: none waits for their answers.  `of` is the request it is
 * for; NULL: none. */
void hci_replicate(hc_replica *r, uint32_t slot, hc_span key, const entry *e, uint64_t op_id,
                   bool force, const hc_request *of);

void hci_stream_pump(hc_replica *r, uint32_t to); /* frames that could not be sent before */

/* ---- replica_pieces.c ---- */
void hci_pieces_send(hc_replica *r, uint32_t to, const record *what);
bool hci_pieces_send_frame(hc_replica *r, uint32_t to, const frame *f); /* false: no memory */
void hci_pieces_forget(hc_replica *r, peer *p, const frame *f);         /* it is about to go */
bool hci_pieces_stream(const peer *p); /* one of the stream's is on its way */
void hci_pieces_reset(hc_replica *r, peer *p);
void hci_piece_take(hc_replica *r, uint32_t from, const record *what, uint64_t hlc);
void hci_had_take(hc_replica *r, uint32_t from, const record *what);
uint64_t hci_pieces_tick(hc_replica *r);

/* ---- replica_op.c ---- */
hc_status hci_op_new(hc_replica *r, const hc_request *request, op **out);
op *hci_op_find(hc_replica *r, uint64_t id);
void hci_op_end(hc_replica *r, op *o);
void hci_op_run(hc_replica *r, op *o, bool may_pass);
void hci_op_reply(hc_replica *r, op *o, hc_reply reply);      /* once; the op stays */
void hci_op_finish(hc_replica *r, op *o, hc_outcome outcome); /* replies and ends */
void hci_op_gone(hc_replica *r);                              /* members have changed */
void hci_op_topology(hc_replica *r); /* those under way start again with other holders */
uint32_t hci_majority(uint32_t of);
void hci_op_park(hc_replica *r, op *o, uint64_t wait_ns);
bool hci_op_hold(hc_replica *r, op *o, const entry *e); /* copies it to `best`; false: no memory */
void hci_op_votes_clear(hc_replica *r, op *o);
void hci_op_vote(hc_replica *r, op *o, uint32_t peer, bool yes);
bool hci_op_won(const hc_replica *r, const op *o);
bool hci_op_lost(const hc_replica *r, const op *o);
bool hci_op_can(hc_replica *r, uint32_t slot, hc_level level, uint32_t *have, uint32_t *need);
void hci_op_patience(hc_replica *r, uint32_t from); /* something large is coming from there */
uint64_t hci_op_tick(hc_replica *r);
void hci_proxy_take(hc_replica *r, uint32_t from, const record *what);
void hci_proxy_answer(hc_replica *r, uint32_t from, const record *what);
void hci_answer_take(hc_replica *r, uint32_t from, const record *what);

/* ---- replica_write.c, replica_cas.c, replica_read.c ---- */
void hci_write_run(hc_replica *r, op *o);
void hci_write_answer(hc_replica *r, op *o, uint32_t from, const record *what);
/* One key of an update: what is stored goes in; what came out is checked, and made an entry. */
void hci_update_fill(hc_update *u, const entry *before);
hc_status hci_update_check(const hc_update *u);
entry hci_update_entry(const hc_update *u); /* without a version; of DELETE a stub */
hc_status hci_op_answer_keep(hc_replica *r, op *o, hc_span text);
/* What the request makes of the key: STORE or DELETE into *after (its value is borrowed). */
hc_status hci_request_apply(hc_replica *r, op *o, const entry *before, hc_update_action *action,
                            entry *after);
void hci_cas_run(hc_replica *r, op *o);
void hci_cas_take(hc_replica *r, uint32_t from, const record *what);
void hci_cas_answer(hc_replica *r, op *o, uint32_t from, const record *what);
void hci_cas_resend(hc_replica *r, op *o);
bool hci_cas_superseded(hc_replica *r, op *o); /* true: taken back; `o` may have ended */
/* The steps of a proposal, for those that are parts of a group: it is held here, unseen; what most
 * have accepted is stored; what cannot be is forgotten by all; and tried again after a moment. */
bool hci_cas_hold(hc_replica *r, op *o); /* false: no room */
void hci_cas_commit(hc_replica *r, op *o);
void hci_cas_abort(hc_replica *r, op *o);
void hci_cas_back_off(hc_replica *r, op *o);
void hci_abort_take(hc_replica *r, uint32_t from, const record *what);
void hci_status_take(hc_replica *r, uint32_t from, const record *what);
pending *hci_pending_find(hc_replica *r, hc_span key);
void hci_pending_remove(hc_replica *r, pending *p);
void hci_pending_settle(hc_replica *r, hc_span key, uint64_t version); /* this was written */
bool hci_pending_in(const hc_replica *r, uint32_t block);
/* All that are held for these slots go to who pulls them; the sum of their versions. */
uint64_t hci_pending_send(hc_replica *r, uint32_t to, const uint8_t *slots, uint64_t pull_op);
uint64_t hci_pending_tick(hc_replica *r);
void hci_read_run(hc_replica *r, op *o);
void hci_read_take(hc_replica *r, uint32_t from, const record *what);
void hci_read_answer(hc_replica *r, op *o, uint32_t from, const record *what);
void hci_read_decide(hc_replica *r, op *o, bool last);
void hci_write_again(hc_replica *r, op *o);
/* What a GET or an UPDATE that only reads has found, as its reply; the op ends. */
void hci_read_reply(hc_replica *r, op *o, const entry *found);

/* ---- replica_group.c ---- */
/* Puts the keys of a GROUP before its value, and the first of them where a key stands.
 *   HC_ERR_INVALID, HC_ERR_LIMIT, HC_ERR_NO_MEMORY */
hc_status hci_group_pack(hc_replica *r, hc_request *q);
bool hci_group_valid(hc_span packed, uint32_t slot); /* is it what the above made? */
void hci_group_run(hc_replica *r, op *o);
void hci_group_look(hc_replica *r, uint64_t id); /* a part was accepted by one more */
void hci_group_lost(hc_replica *r, uint64_t id); /* a part cannot be accepted */
void hci_group_end(hc_replica *r, op *o);

/* ---- replica_wait.c ---- */
void hci_wait_run(hc_replica *r, op *o);
void hci_wait_answer(hc_replica *r, op *o, uint32_t from, const record *what);
void hci_wait_done(hc_replica *r, op *o); /* replies with as many as there are */

/* ---- replica_flush.c ---- */
void hci_flush_run(hc_replica *r, op *o);
void hci_flush_look(hc_replica *r, op *o);
void hci_flush_again(hc_replica *r, op *o);
void hci_flush_heard(hc_replica *r);
bool hci_flush_holds(const hc_replica *r); /* proposals have to wait */
void hci_hold_take(hc_replica *r, uint32_t from, const record *what);
void hci_held_take(hc_replica *r, uint32_t from, const record *what);

/* ---- replica_repair.c, replica_consult.c, replica_sync.c, replica_sweep.c ---- */
uint64_t hci_repair_tick(hc_replica *r);
void hci_repair_take(hc_replica *r, uint32_t from, const record *what);
void hci_clean_void(hc_replica *r, uint32_t slot, uint64_t version);
void hci_offer(hc_replica *r, uint32_t to, uint32_t slot, hc_span key, const entry *e,
               uint64_t their_floor);
void hci_consult(hc_replica *r, uint32_t slot, hc_span key, const entry *e, uint32_t towards);
void hci_consult_take(hc_replica *r, uint32_t from, const record *what);
void hci_consult_answer(hc_replica *r, op *o, uint32_t from, const record *what);
void hci_consult_decide(hc_replica *r, op *o, bool last);
void hci_sync_topology(hc_replica *r); /* blocks came or went */
void hci_sync_again(hc_replica *r);    /* nothing here is to be trusted any more */
uint64_t hci_sync_tick(hc_replica *r);
void hci_pull_take(hc_replica *r, uint32_t from, const record *what);
void hci_pulled_take(hc_replica *r, uint32_t from, const record *what);
void hci_walk_begin(walk *w, uint64_t since, uint64_t pull_op); /* of the slots that are set then */
bool hci_walk_step(hc_replica *r, uint32_t to, walk *w);        /* false: it is over */
uint64_t hci_sweep_tick(hc_replica *r);

#endif
