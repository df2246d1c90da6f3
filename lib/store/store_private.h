/*
 * store_private.h - the store's own structures and the calls between its files.
 *
 *     hc_store -> shard 0..n-1 -> data    4 GiB of address space, cut into 64 KiB segments
 *                              -> buckets the index: linear hashing over 64-byte buckets
 *                              -> stash   items that found no slot (colliding hashes), rare
 *
 * Layers, each file using only those above it:
 *     racy.h store_item.h store_bucket.h store_table.h   bytes and numbers
 *     store_index.c                        hash -> slot; split, merge, displacement, stash
 *     store_filter.c                       keys that are surely not there
 *     store_pressure.c                     levels of memory in use, told to the host
 *     store_segment.c                      segments: take, fill, account, give back
 *     store_extent.c store_block.c         values too large to be packed; taken over, not copied
 *     store_grave.c                        ... and given back a slice at a time
 *     store_compress.c store_train.c       values smaller than they are; dictionaries for them
 *     store_reclaim.c                      cleaning and eviction
 *     store_version.c                      what compare-and-set compares
 *     store_effect.c                       who is told of changes
 *     store_write.c                        one write, the shard being locked
 *     store.c store_read.c store_scan.c store_maintain.c store_inspect.c   the public calls
 *     store_load.c                         store_internal.h: many items at once
 *
 * Threads. A shard's writers hold `lock`. Readers hold nothing: they read `sequence` before and
 * after, and try again when it moved.  A writer moves it
 *     - by two, between making an item's new place visible and giving up its old one (pulse);
 *     - to odd before, and to even after, changing bytes in place (flux).
 */
#ifndef HYPERCACHE_STORE_PRIVATE_H
#define HYPERCACHE_STORE_PRIVATE_H

#include "base/hash.h"
#include "host/host_internal.h"
#include "host/lock.h"
#include "store/store_bucket.h"
#include "store/store_extent.h"
#include "store/store_item.h"
#include "store/store_table.h"

#include <hypercache/filter.h>
#include <hypercache/store.h>

#define SEGMENT_SHIFT 16u
#define SEGMENT_BYTES (1u << SEGMENT_SHIFT)
#define SEGMENTS_MAX (1u << (32 - SEGMENT_SHIFT)) /* of a shard: places have 32 bits */
#define DATA_BYTES ((size_t)SEGMENTS_MAX << SEGMENT_SHIFT)
#define BUCKETS_MAX (1u << 24) /* of a shard: 1 GiB of address space */
#define PAGE_BYTES 4096u
#define BUCKETS_PER_PAGE (PAGE_BYTES / sizeof(bucket))
/* Packed items end here, so that the rest of a segment wasted by the next one stays small. */
#define PACKED_BYTES_MAX HC_STORE_PACKED_BYTES_MAX

/* Items per slot of the index, in 1/1024.  Higher saves index and costs inserts; bench_store. */
#define LOAD_GROW 940u   /* .92: split above; decisions/0008 has what each costs */
#define LOAD_SHRINK 717u /* .70: merge below */

/* A segment whose sweep yielded little is left alone for so long. */
#define SWEEP_PAUSE_MS 2000

#define NONE UINT32_MAX

typedef enum segment_state {
    SEGMENT_UNTOUCHED = 0, /* no physical memory, not counted */
    SEGMENT_FREE,          /* counted, holds nothing */
    SEGMENT_OPEN,          /* being filled */
    SEGMENT_SEALED,        /* full, in its class's queue and in a bin */
    SEGMENT_VICTIM         /* being reclaimed */
} segment_state;

/* What a segment's items have in common (store_policy.c).  Each class has a queue of sealed
 * segments, oldest first, and one open segment. */
#define CLASSES_BY_TTL 4u /* of the policy `ttl`: classes 0..3 */
typedef enum segment_class {
    CLASS_SMALL = 0,             /* new items; policies with one class know only this one */
    CLASS_MAIN = 1,              /* items that proved useful */
    CLASS_HELD = CLASSES_BY_TTL, /* items that must not be evicted */
    SEGMENT_CLASSES
} segment_class;

#define BIN_SHIFT 12u /* segments are binned by live bytes / 4 KiB */
#define SEGMENT_BINS (SEGMENT_BYTES / (1u << BIN_SHIFT) + 1)

typedef struct segment {
    uint32_t used; /* bytes filled */
    uint32_t live; /* of these, bytes of items the index points at */
    uint32_t next, previous;
    uint32_t bin_next, bin_previous;
    int64_t sweep_at_ms;    /* nothing in it expires before; INT64_MAX: nothing will */
    int64_t last_expiry_ms; /* all in it has expired then; INT64_MAX: something never does */
    uint8_t state, class, bin;
    bool heavy; /* sealed for the extents of its stubs, not because it was full */
    uint8_t reserved[4];
} segment;

/* The bin of a sealed segment, by what cleaning would gain: the unused end of a heavy one is no
 * gain, for the segment that its stubs were copied to would be sealed as early. */
static inline uint8_t segment_bin(const segment *of)
{
    uint32_t kept = of->live + (of->heavy ? SEGMENT_BYTES - of->used : 0);
    return (uint8_t)(kept >> BIN_SHIFT);
}

typedef struct segment_queue {
    uint32_t first, last, count;
} segment_queue;

typedef struct stash_entry {
    uint64_t hash;
    uint32_t place;
    uint32_t use;
} stash_entry;

/* A reclaim in progress: it goes on where it stopped, so no single write pays for a segment. */
typedef struct reclaim_state {
    uint32_t victim; /* segment, or NONE */
    uint32_t offset; /* of the next item in it */
    bool evict;      /* drops what the policy does not keep; else copies all */
    bool may_evict;  /* drops what cannot be copied; else stops there */
} reclaim_state;

typedef struct shard_counters {
    uint64_t sets, deletes, evicted, expired, displaced, cleaned_segments, cleaned_bytes;
} shard_counters;

#define DICTIONARIES_MAX 8u /* in use at a time; store_train.c */

/* Compressed items that the index points at. */
typedef struct packed_counters {
    uint64_t items, raw_bytes, stored_bytes;
    uint32_t by_dictionary[16]; /* items; as many as store_compress.h has numbers for */
} packed_counters;

typedef enum filter_state { FILTER_COVERS = 0, FILTER_GIVEN_UP, FILTER_BUILDING } filter_state;

struct shard {
    /* what readers read */
    _Alignas(64) _Atomic uint64_t sequence;
    uint8_t *data;
    bucket *buckets;
    _Atomic uint32_t bucket_count;
    _Atomic uint32_t stash_count;  /* not 0: a miss must look again under the lock */
    _Atomic uint32_t filter_epoch; /* odd: the filter does not cover all keys */
    hc_filter *filter;             /* NULL: none; never changes */

    _Alignas(64) hci_lock lock;
    /* guarded by `lock` from here on */
    _Atomic uint64_t count; /* items; atomic only so that hc_store_count need not lock */
    uint64_t count_with_expiry;
    uint64_t live_bytes;    /* of packed items */
    uint32_t segment_count; /* segments counted in memory_bytes */
    uint32_t fresh;         /* segments from here on were never used since create or flush */
    uint32_t resident;      /* of those, segments below this one are counted: a flush left them */
    uint32_t free_first;    /* list of SEGMENT_FREE */
    uint32_t free_count;
    uint32_t untouched_first;              /* list of given back segments below `fresh` */
    uint32_t open[SEGMENT_CLASSES];        /* segment, or NONE */
    uint64_t open_weight[SEGMENT_CLASSES]; /* bytes of extents whose stubs went there */
    segment_queue queues[SEGMENT_CLASSES];
    uint32_t bins[SEGMENT_BINS]; /* first segment of each */
    segment *segments;
    reclaim_state reclaim;
    uint32_t sweep_next;  /* segment the expiry sweep looks at next */
    uint32_t index_pages; /* of the index, counted in memory_bytes */
    stash_entry *stash;
    uint32_t stash_capacity;
    hci_extent *extents;
    hci_extent *graveyard; /* extents of a flush, freed by and by */
    bool in_txn;           /* between hc_store_begin and hc_store_end */
    bool txn_told;         /* and somebody was told of a change */
    uint64_t moves;  /* grows when reclaim moves or drops items: slots found before are stale */
    uint64_t random; /* state of store_policy.c's generator, not 0 */
    shard_counters counters;
    packed_counters packed;
    filter_state filter_state;
    uint32_t filter_position;   /* FILTER_BUILDING: hashes reversed below it are in */
    uint64_t filter_rebuild_ns; /* FILTER_GIVEN_UP: not before, by the monotonic clock */
};

/* Reads are counted here and not in the shard, so that readers of one key share no cache line.
 * A thread sticks to one stripe. */
#define STRIPES 64u
typedef struct read_stripe {
    _Alignas(64) _Atomic uint64_t hits;
    _Atomic uint64_t misses;
    _Atomic uint64_t retries;
    _Atomic uint64_t filter_answers;
    _Atomic uint64_t filter_false_positives;
} read_stripe;

/* store_pressure.c has the idea. */
typedef struct pressure_state {
    _Atomic uint64_t above_bytes, below_bytes; /* memory at or past these changes the level */
    _Atomic bool due;                          /* it did: tell once no lock is held */
    _Atomic uint32_t level;
    uint32_t percent[HC_PRESSURE_LEVELS];
    hci_lock lock; /* held while telling */
    hc_pressure table;
} pressure_state;
typedef struct hci_compressor hci_compressor;

/* Who is told of changes.  Written under the locks of all shards, read under that of one. */
typedef struct follower_list {
    uint32_t kinds; /* all that somebody wants */
    uint32_t count;
    hc_effects tables[HC_STORE_FOLLOWERS_MAX];
} follower_list;

struct hc_store {
    shard *shards;
    uint32_t shard_count;
    hc_eviction eviction;
    bool evict_volatile_only;
    uint64_t seed;
    uint64_t hash_mask;  /* all ones; tests take bits away to make hashes collide */
    uint32_t slot_shift; /* the shard is the key's slot >> this; 0: it is the hash's */
    int64_t default_ttl_ms;
    _Atomic uint64_t memory_limit; /* UINT64_MAX: none */
    _Atomic uint64_t memory_bytes;
    _Atomic uint64_t extent_bytes;
    _Atomic uint64_t filter_bytes;
    hci_lock graves_lock; /* guards `graves`, and is held for no other lock */
    grave *graves;        /* store_grave.c */
    _Atomic bool has_graves;
    _Atomic uint32_t room_next; /* shard where a large value looks for room first */
    pressure_state pressure;
    hci_compressor *compressor; /* NULL: values are stored as they are */
    follower_list followers;
    hci_host host;
    size_t space_bytes; /* reserved for this struct and what follows it */
    read_stripe stripes[STRIPES];
};

/* ---- hashes: bits 0..31 position, 32..39 tag, 44..63 shard ---- */

uint64_t hci_hash_by_slot(const hc_store *store, hc_span key, uint64_t hash); /* store_load.c */
static inline uint64_t hash_of(const hc_store *store, hc_span key)
{
    uint64_t hash = hci_hash(key, store->seed) & store->hash_mask;
    return __builtin_expect(store->slot_shift != 0, 0) ? hci_hash_by_slot(store, key, hash) : hash;
}

static inline shard *shard_of(const hc_store *store, uint64_t hash)
{
    return &store->shards[hash >> 44 & (store->shard_count - 1)];
}

static inline uint8_t tag_of(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> 32);
    return tag == 0 ? 1 : tag;
}

/* ---- sequence ---- */

static inline void sequence_add(shard *s, uint64_t add)
{
    uint64_t now = atomic_load_explicit(&s->sequence, memory_order_relaxed);
    atomic_store_explicit(&s->sequence, now + add, memory_order_release);
}

static inline void pulse(shard *s)
{
    sequence_add(s, 2);
}

static inline void flux_begin(shard *s)
{
    sequence_add(s, 1);
}

static inline void flux_end(shard *s)
{
    sequence_add(s, 1);
}

/* ---- store_index.c ---- */

/* Where the index keeps an item: a bucket's slot, or (bucket NULL) a stash entry. */
typedef struct slot {
    bucket *bucket;
    uint32_t index;
} slot;

typedef struct bucket_pair {
    bucket *first, *second;
} bucket_pair;

static inline index_table table_now(const shard *s)
{
    shard *mutable_s = (shard *)(uintptr_t)s;
    return table_of(atomic_load_explicit(&mutable_s->bucket_count, memory_order_acquire));
}

/* The two buckets where an item of this hash may lie. */
static inline bucket_pair index_pair(const shard *s, uint64_t hash)
{
    index_table t = table_now(s);
    uint32_t position = (uint32_t)hash;
    return (bucket_pair){&s->buckets[table_address(t, position)],
                         &s->buckets[table_address(t, table_other(position, tag_of(hash)))]};
}

/* Under the lock.  False: the key is not in the index. */
bool hci_index_find(const hc_store *store, const shard *s, uint64_t hash, hc_span key,
                    slot *slot_out);
/* Under the lock: the slot that points at `place`. */
bool hci_index_find_place(const shard *s, uint64_t hash, uint32_t place, slot *slot_out);
uint32_t hci_index_place(const shard *s, slot at);
void hci_index_place_set(shard *s, slot at, uint32_t place);
unsigned hci_index_use(const shard *s, slot at);
void hci_index_use_set(shard *s, slot at, unsigned use);
/* The new item must be complete.  HC_ERR_NO_MEMORY: it found no slot, and the stash cannot grow. */
hc_status hci_index_insert(hc_store *store, shard *s, uint64_t hash, uint32_t place);
void hci_index_remove(shard *s, slot at);
/* Remembers that the item was evicted; forgets it, telling whether it was remembered. */
void hci_index_ghost_put(slot at, uint64_t hash);
bool hci_index_ghost_take(shard *s, uint64_t hash);
/* After an insert or a remove: one step towards the load the index should have. */
void hci_index_grow(hc_store *store, shard *s);
/* True when a step was taken and another may be due. */
bool hci_index_shrink(hc_store *store, shard *s);
/* Everything out at once. */
void hci_index_reset(hc_store *store, shard *s);
/* An empty index, not larger yet, gets that many buckets; nobody reads it meanwhile. */
void hci_index_presize(hc_store *store, shard *s, uint32_t buckets);
uint64_t hci_index_hash_at(const hc_store *store, const shard *s, uint32_t place);
/* Calls `visit` with the place of each item whose first bucket is number `at`. */
typedef void (*hci_place_visit)(void *ctx, uint32_t place);
void hci_index_visit(const hc_store *store, const shard *s, uint32_t at, hci_place_visit visit,
                     void *ctx);

/* ---- store_segment.c: under the lock ---- */

static inline uint32_t segment_of(uint32_t place)
{
    return place >> SEGMENT_SHIFT;
}

/* Where `bytes` <= PACKED_BYTES_MAX can be written, or false when a segment is needed and none is
 * to be had: for callers' writes the last free one is kept back, so that reclaim always finds it.
 */
bool hci_segment_append(hc_store *store, shard *s, segment_class class, bool for_reclaim,
                        size_t bytes, uint32_t *place_out);
/* True while a caller's write would find a segment when its open one is full. */
bool hci_segment_available(const hc_store *store, const shard *s);
/* An item at `place` is now, or no longer, what the index points at. */
void hci_segment_live_add(shard *s, uint32_t place, size_t bytes);
void hci_segment_live_subtract(hc_store *store, shard *s, uint32_t place, size_t bytes);
void hci_segment_weight_add(shard *s, uint32_t place, size_t extent_bytes);
void hci_segment_expiry_note(shard *s, uint32_t place, int64_t expires_at_ms);
/* Takes a sealed segment out of queue and bin to reclaim it. */
void hci_segment_victimize(shard *s, uint32_t number);
/* The victim holds nothing live any more. */
void hci_segment_free(hc_store *store, shard *s, uint32_t number);
/* Stops half-way: the victim goes back to its queue. */
void hci_segment_restore(shard *s, uint32_t number);
/* Gives one free segment back to the host; false when there is none, or the host refuses. */
bool hci_segment_discard(hc_store *store, shard *s);
/* All segments free; takes the same time however many there are. */
void hci_segment_reset(hc_store *store, shard *s);
/* Closes the segments being filled, so that they can be reclaimed. */
void hci_segment_seal(hc_store *store, shard *s);
/* Puts a sealed segment that is in no queue at the young end of that of `class`. */
void hci_segment_queue(shard *s, uint32_t number, segment_class class);

/* ---- memory ---- */

static inline void memory_add(hc_store *store, size_t bytes)
{
    uint64_t now =
        atomic_fetch_add_explicit(&store->memory_bytes, bytes, memory_order_relaxed) + bytes;
    if (now >= atomic_load_explicit(&store->pressure.above_bytes, memory_order_relaxed)) {
        atomic_store_explicit(&store->pressure.due, true, memory_order_relaxed);
    }
}

static inline void memory_subtract(hc_store *store, size_t bytes)
{
    uint64_t now =
        atomic_fetch_sub_explicit(&store->memory_bytes, bytes, memory_order_relaxed) - bytes;
    if (now < atomic_load_explicit(&store->pressure.below_bytes, memory_order_relaxed)) {
        atomic_store_explicit(&store->pressure.due, true, memory_order_relaxed);
    }
}

/* Bytes that callers' writes leave free, so that each shard can reclaim: one segment a shard. */
static inline uint64_t memory_kept_back(const hc_store *store)
{
    return (uint64_t)store->shard_count << SEGMENT_SHIFT;
}

static inline bool memory_fits(const hc_store *store, uint64_t bytes, uint64_t kept_back)
{
    uint64_t limit =
        atomic_load_explicit(&((hc_store *)(uintptr_t)store)->memory_limit, memory_order_relaxed);
    uint64_t now =
        atomic_load_explicit(&((hc_store *)(uintptr_t)store)->memory_bytes, memory_order_relaxed);
    return limit == UINT64_MAX || now + bytes + kept_back <= limit;
}

/* ---- store_pressure.c ---- */

/* `options` may be NULL.  HC_ERR_INVALID, HC_ERR_UNSUPPORTED; fini is needed in any case. */
hc_status hci_pressure_init(pressure_state *pressure, const hc_pressure *options);
void hci_pressure_fini(pressure_state *pressure);
/* Both without any lock of the store: tells what is due; looks whether something is, and tells. */
void hci_pressure_tell(hc_store *store);
void hci_pressure_look(hc_store *store);

/* The end of each call that may change memory. */
static inline void pressure_tell(hc_store *store)
{
    if (atomic_load_explicit(&store->pressure.due, memory_order_relaxed)) hci_pressure_tell(store);
}

/* ---- items, under the lock ---- */

typedef struct item_ref {
    item_header header;
    const uint8_t *start;
    hci_extent *extent; /* NULL: packed */
    hc_span key, value;
} item_ref;

/* An item that perhaps nothing points at any more, and whose extent is gone then: of one in an
 * extent neither key nor value are shown. */
static inline void item_peek(const shard *s, uint32_t place, item_ref *out)
{
    out->start = s->data + place;
    item_header_get(out->start, &out->header);
    const uint8_t *body = out->start + out->header.header_bytes;
    out->extent = NULL;
    if (out->header.flags & ITEM_EXTENT) {
        memcpy(&out->extent, body, sizeof out->extent);
        out->key = out->value = hc_span_make(NULL, 0);
        return;
    }
    out->key = hc_span_make(body, out->header.key_bytes);
    out->value = hc_span_make(body + out->header.key_bytes, out->header.value_bytes);
}

/* An item that the index points at, or is about to. */
static inline void item_at(const shard *s, uint32_t place, item_ref *out)
{
    item_peek(s, place, out);
    if (out->extent == NULL) return;
    out->key = hc_span_make(out->extent->bytes, out->header.key_bytes);
    out->value = hc_span_make(extent_value(out->extent), out->header.value_bytes);
}

/* Of an item in a block, which is the view's as well from then on. */
static inline void item_lend(const item_ref *item, hc_view *out)
{
    out->value = item->value;
    out->expires_at_ms = item->header.expires_at_ms;
    out->type = item_type(&item->header);
    out->held = item->extent;
    item->extent->references++;
}

static inline uint64_t item_hash(const hc_store *store, const item_ref *item)
{
    if (item->extent == NULL) return hash_of(store, item->key);
    uint64_t hash;
    memcpy(&hash, item->start + item->header.header_bytes + 8, sizeof hash);
    return hash;
}

static inline bool expiry_passed(int64_t expires_at_ms, int64_t now_ms)
{
    return expires_at_ms != HC_EXPIRY_NONE && expires_at_ms <= now_ms;
}

static inline bool item_expired(const hc_store *store, const item_header *header)
{
    return header->expires_at_ms != HC_EXPIRY_NONE &&
           expiry_passed(header->expires_at_ms, hci_wall_ms(&store->host));
}

typedef enum removal { REMOVED_DELETED, REMOVED_EVICTED, REMOVED_EXPIRED } removal;
/* Takes an item out of index and accounts; its bytes become garbage, its extent is released. */
void hci_item_remove(hc_store *store, shard *s, slot at, removal why);

/* ---- store_effect.c ---- */

/* Under the lock of the shard, and of all others for HC_EFFECT_FLUSH. */
void hci_effect_tell(hc_store *store, shard *s, hc_effect *effect);
/* In hc_store_end, all the transaction's locks still being held. */
void hci_effect_commit(hc_store *store, const hc_txn *txn);

static inline bool effect_wanted(const hc_store *store, hc_effect_kind kind)
{
    return store->followers.kinds >> kind & 1;
}

void hci_shards_lock(hc_store *store);
void hci_shards_unlock(hc_store *store);

/* ---- store_reclaim.c ---- */

#define RECLAIM_ITEMS_MAX 64u /* items one write looks at to keep ahead */
typedef enum reclaim_goal {
    RECLAIM_GARBAGE, /* only copies */
    RECLAIM_ROOM,    /* evicts what the policy does not keep */
    RECLAIM_URGENT   /* evicts whatever it meets: a write is waiting */
} reclaim_goal;
/* No reclaim is in progress then; what it has done stays done. */
void hci_reclaim_give_up(hc_store *store, shard *s);
/* Looks at up to `items_max` items.  False: nothing can be gained. */
bool hci_reclaim_step(hc_store *store, shard *s, reclaim_goal goal, size_t items_max);
/* Keeps a segment ahead of the writes; called once a write. */
void hci_reclaim_ahead(hc_store *store, shard *s);
/* Makes room for `bytes` more, in `held` (locked by the caller; may be NULL) and then in shards
 * that nobody else holds. */
hc_status hci_reclaim_room(hc_store *store, shard *held, uint64_t bytes);
/* True when so much of the shard's segments is garbage that cleaning pays. */
bool hci_reclaim_due(const shard *s, unsigned garbage_percent);

/* ---- store_filter.c: init, and the others under the lock ---- */

hc_status hci_store_filter_init(hc_store *store, shard *s, const hc_store_options *options,
                                uint32_t shards);
void hci_store_filter_fini(shard *s);
/* The key of this hash is now, or no longer, in the index; or none is. */
void hci_store_filter_add(hc_store *store, shard *s, uint64_t hash);
void hci_store_filter_delete(shard *s, uint64_t hash);
void hci_store_filter_clear(shard *s);
/* Goes on building a filter again; true when there is more to do. */
bool hci_store_filter_maintain(hc_store *store, shard *s, size_t items_max);

/* The store's hash has its shard's number in it, the same in all keys of this filter: spread it. */
static inline uint64_t filter_hash(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* ---- store_scan.c: under the lock ---- */

static inline uint32_t hci_bits_reverse(uint32_t v)
{
    v = (v >> 1 & 0x55555555u) | (v & 0x55555555u) << 1;
    v = (v >> 2 & 0x33333333u) | (v & 0x33333333u) << 2;
    v = (v >> 4 & 0x0F0F0F0Fu) | (v & 0x0F0F0F0Fu) << 4;
    return __builtin_bswap32(v);
}

/* Visits the items whose hashes have the low digits of `position`, those that all buckets of the
 * present table have in common; returns the next position, 0 at the end of the shard.  In reversed
 * digits positions only rise, and what was passed is what has been visited. */
uint32_t hci_scan_position(const hc_store *store, const shard *s, uint32_t position,
                           hci_place_visit visit, void *ctx);

/* ---- store_policy.c ---- */

bool hci_policy_known(uint32_t eviction);
/* Before the store is used, or under the locks of all its shards. */
void hci_policy_take(hc_store *store, uint32_t eviction);
/* Where an item is written; `old_segment` (may be NULL) is where the key's item was. */
segment_class hci_policy_class(const hc_store *store, shard *s, uint64_t hash,
                               const segment *old_segment, int64_t expires_at_ms);
/* Static, for people. */
const char *hci_policy_class_name(const hc_store *store, segment_class class);
/* The sealed segment to evict from, or NONE. */
uint32_t hci_policy_victim(hc_store *store, shard *s);
/* Whether an item of a victim stays; then where and with how many uses. */
bool hci_policy_keeps(const hc_store *store, shard *s, segment_class *class, unsigned *use);
/* Just before an item of this class is evicted. */
void hci_policy_evicted(const hc_store *store, slot at, uint64_t hash, segment_class class);

/* ---- store_version.c ---- */

/* Under the lock.
 *   HC_ERR_NO_MEMORY */
hc_status hci_item_version(hc_store *store, const item_ref *item, uint64_t *version_out);

/* ---- store_read.c ---- */

/* 0..STRIPES - 1, the same for all calls of a thread. */
uint32_t hci_read_stripe(void);
void hci_read_count(hc_store *store, uint64_t hits, uint64_t misses, uint64_t retries);
void hci_read_prefetch(const hc_store *store, const uint64_t *hashes, size_t count);

#endif
