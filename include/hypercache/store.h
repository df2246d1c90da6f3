/*
 * store.h - one named space of keys: the packed store.
 *
 *     hc_store *store;
 *     if (hc_store_create(NULL, NULL, &store) != HC_OK) return 1;
 *     hc_store_set(store, HC_SPAN("greeting"), HC_SPAN("hello"), NULL);
 *     char text[16]; size_t size;
 *     hc_store_get(store, HC_SPAN("greeting"), text, sizeof text, &size);
 *     hc_store_destroy(store);
 *
 * Items lie packed, byte after byte, in 64 KiB segments; an index of 64-byte buckets points at
 * them with 5 bytes an item.  Bookkeeping for a small key is under 10 bytes (bench/README.md).
 *
 * Sizes:     keys 0..HC_KEY_BYTES_MAX, values 0..HC_VALUE_BYTES_MAX; both are any bytes.
 * Expiry:    an item whose time has come is never returned, whether or not its memory is back yet.
 * Errors:    every call leaves the store valid; a failed write leaves the key as it was, unless
 *            it says otherwise.  Running out of memory is HC_ERR_NO_MEMORY (the host refused) or
 *            HC_ERR_FULL (max_memory_bytes), never an abort.
 * Ownership: keys and values passed in are copied; spans handed to a callback or by a transaction
 *            are borrowed for as long as it says there.
 * Threads:   all calls may run together on one store, except create and destroy.  Reads take no
 *            lock; a write locks one of the store's shards for a few microseconds.  The library
 *            starts no thread: call hc_store_maintain now and then to give expired memory back.
 * Source:    linear hashing (Litwin 1980) with two choices (Azar et al. 1994) whose alternative
 *            follows from a tag as in the cuckoo filter (Fan et al. 2014); S3-FIFO (Yang et al.
 *            2023) by segments.
 */
#ifndef HYPERCACHE_STORE_H
#define HYPERCACHE_STORE_H

#include <hypercache/host.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_store hc_store;

#define HC_KEY_BYTES_MAX 65536u
#define HC_VALUE_BYTES_MAX (512u << 20)
#define HC_STORE_SHARDS_MAX 1024u
#define HC_STORE_MEMORY_BYTES_MIN (4u << 20) /* smallest max_memory_bytes that is not 0 */
#define HC_STORE_BATCH_MAX 64u               /* keys of one get_many, set_many, prefetch */
#define HC_STORE_PACKED_BYTES_MAX 8192u      /* a value in a segment is smaller than this */

/* Approximations by segments and 2-bit use counters; bench/README.md has their miss ratios. */
typedef enum hc_eviction {
    HC_EVICTION_DEFAULT = 0, /* HC_EVICTION_S3FIFO */
    HC_EVICTION_NONE = 1,    /* writes fail with HC_ERR_FULL at the limit */
    HC_EVICTION_S3FIFO = 2,  /* new items must prove useful; resists scans */
    HC_EVICTION_LRU = 3,     /* oldest, unless used since it was last looked at */
    HC_EVICTION_LFU = 4,     /* least often used */
    HC_EVICTION_FIFO = 5,    /* oldest */
    HC_EVICTION_TTL = 6,     /* what expires first */
    HC_EVICTION_RANDOM = 7,
    HC_EVICTION_VOLATILE = 16 /* added to a policy: only items that have an expiry go */
} hc_eviction;

/* How near the store's memory is to its limit. */
typedef enum hc_pressure_level {
    HC_PRESSURE_NONE = 0,
    HC_PRESSURE_WARNING = 1,
    HC_PRESSURE_CRITICAL = 2,
    HC_PRESSURE_PANIC = 3
} hc_pressure_level;
#define HC_PRESSURE_LEVELS 4u
#define HC_PRESSURE_HYSTERESIS_PERCENT 2u /* a level ends so many points below where it began */

typedef struct hc_pressure {
    size_t size; /* sizeof(hc_pressure) */
    void *ctx;
    /* The level has become `level`, several steps at once perhaps.  Comes from the thread whose
     * write, flush, hc_store_end, hc_store_limit or hc_store_maintain noticed, after it gave up the
     * store's locks, one call at a time and in order; that thread's call ends after this one, so be
     * short.  May call the store, and is not called again for what that changes before it returns.
     * `limit_bytes` 0: the limit was taken away.  NULL: nobody is told. */
    void (*changed)(void *ctx, hc_pressure_level level, uint64_t used_bytes, uint64_t limit_bytes);
    /* Where levels begin, in percent of max_memory_bytes: each above the one before, all above
     * HC_PRESSURE_HYSTERESIS_PERCENT and at most 100. */
    uint32_t warning_percent;  /* 0: 85 */
    uint32_t critical_percent; /* 0: 90 */
    uint32_t panic_percent;    /* 0: 95 */
    uint32_t reserved;         /* 0 */
} hc_pressure;

/* Values packed by zstd on their way in, where that saves an eighth at least.  Small ones need a
 * dictionary, which hc_store_maintain trains from values that were written. */
typedef enum hc_compression { HC_COMPRESSION_NONE = 0, HC_COMPRESSION_ZSTD = 1 } hc_compression;

typedef struct hc_store_options {
    size_t size;               /* bytes of this struct, as the caller compiled it */
    uint64_t max_memory_bytes; /* what the store's memory may reach; 0: no limit */
    uint64_t seed;             /* of the hash; 0: drawn from the host */
    int64_t default_ttl_ms;    /* for writes that name no expiry; 0: none */
    uint32_t shards;   /* power of two, 1..HC_STORE_SHARDS_MAX; 0: by the limit, 16 without */
    uint32_t eviction; /* an hc_eviction, perhaps | HC_EVICTION_VOLATILE */
    const hc_pressure *pressure;    /* copied; NULL: all defaults */
    uint32_t compression;           /* an hc_compression */
    uint32_t compression_min_bytes; /* smaller values stay as they are; 32 or more, 0: 64 */
    /* A cuckoo filter (filter.h) in front of the index, which answers most misses; none when both
     * rate and bits are 0.  It takes 1.4 to 2.8 bytes a key and pays for single reads that mostly
     * miss, of keys that hardly change; docs/decisions/0007-store-filter.md has figures. */
    double filter_rate;       /* misses it may let pass, as hc_filter_options; 0: as bits give */
    uint64_t filter_capacity; /* keys planned for; more cost reads a little.  0: from the limit */
    uint32_t filter_bits;     /* of a fingerprint, 8, 12 or 16; 0: the fewest for the rate */
    uint32_t filter_reserved; /* 0 */
    /* 1: a shard holds whole slots of the cluster (ring.h), those of a block side by side, so that
     * a walk through some slots passes over the other shards.  Costs the checksum of a key in each
     * call.  As many shards as blocks make the walk of a block proportional to the block. */
    uint32_t by_slot;
    uint32_t slot_reserved; /* 0 */
} hc_store_options;

/* What is known of an item besides its bytes. */
typedef struct hc_item {
    hc_span key;
    hc_span value;
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: never */
    hc_type type;
    uint32_t reserved;
} hc_item;

/* Creates an empty store.  `host` and `options` NULL take every default.  On error *store_out is
 * NULL.
 *   HC_ERR_INVALID      a field is out of range
 *   HC_ERR_UNSUPPORTED  options come from a newer header and set a field unknown here
 *   HC_ERR_LIMIT        no filter can be so large
 *   HC_ERR_NO_MEMORY    also when address space cannot be reserved, or the filter alone would pass
 *                       the limit */
HC_API
hc_status hc_store_create(const hc_host *host, const hc_store_options *options,
                          hc_store **store_out);
/* Accepts NULL.  No other call may run or follow. */
HC_API
void hc_store_destroy(hc_store *store);

/* ---- reading: no locks ---- */

/* Copies the value of `key` into `buffer` and its size in bytes to *size_out (may be NULL).
 *   HC_ERR_NOT_FOUND
 *   HC_ERR_BUFFER     the value is larger than `buffer_bytes`; nothing is copied, *size_out tells
 *   HC_ERR_NO_MEMORY  to unpack a compressed value
 */
HC_API
hc_status hc_store_get(hc_store *store, hc_span key, void *buffer, size_t buffer_bytes,
                       size_t *size_out);

/* Where a read may put a value of any size.  `reserve` is called with the size in bytes before
 * the value is copied to the place it returns; it may be called again with another size when a
 * writer came between, and then only the last call counts.  NULL refuses: HC_ERR_BUFFER.  It may
 * run under a lock of the store, so it must not call back into it. */
typedef struct hc_view hc_view;
typedef struct hc_sink {
    void *ctx;
    void *(*reserve)(void *ctx, const hc_item *item); /* key.data and value.data are NULL */
    uint64_t quiet; /* not 0: the read does not count as a use for eviction */
    /* Not NULL: a value of `lend_bytes_min` bytes or more that lies in a block of its own, not
     * compressed, is lent as by hc_store_view instead of copied.  The caller sets lend->held to
     * NULL; if it is not NULL after HC_OK the view is to be released, and what `reserve` may have
     * been told does not count. */
    hc_view *lend;
    size_t lend_bytes_min;
} hc_sink;

/* As hc_store_get, to the sink's place.
 *   HC_ERR_NOT_FOUND  and then what `reserve` was told does not count
 *   HC_ERR_BUFFER, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_store_read(hc_store *store, hc_span key, const hc_sink *sink);

/* Tells size (item_out->value.size), type and expiry of `key`; data pointers are NULL.  Does not
 * count as a use for eviction.
 *   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_store_stat(hc_store *store, hc_span key, hc_item *item_out);

typedef struct hc_get {
    hc_span key;         /* in */
    void *buffer;        /* in */
    size_t buffer_bytes; /* in */
    size_t size;         /* out: bytes of the value */
    hc_status status;    /* out: as hc_store_get */
} hc_get;

/* `count` hc_store_get calls, 0..HC_STORE_BATCH_MAX, with their cache misses overlapped. */
HC_API
void hc_store_get_many(hc_store *store, hc_get *gets, size_t count);

/* A value that stays readable until it is released, whatever happens to its key. */
struct hc_view {
    hc_span value;
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: never */
    hc_type type;
    uint32_t reserved;
    hc_store *store;
    void *held; /* the library's; NULL: the value is in `scratch` */
};

/* Hands out the value of `key` without copying it, if it lies in a block of its own, as values of
 * HC_STORE_PACKED_BYTES_MAX bytes and more do: such a block is borrowed by its reference count. No
 * lock is held while it is viewed; it is never changed, and freed by the last one to leave.
 * A value packed in a segment is copied to `scratch`, aligned or not: readers take no lock, so its
 * bytes may be overwritten or moved at any moment, and only a copy can be proven whole.  So a
 * scratch of HC_STORE_PACKED_BYTES_MAX bytes is enough for every such value.
 * Counts as a use.  A viewed block counts in memory_bytes and cannot be evicted, so release it
 * soon, and before hc_store_destroy.
 *   HC_ERR_NOT_FOUND
 * A compressed value is unpacked: into a block made for the view if it is of
 * HC_STORE_PACKED_BYTES_MAX bytes or more, else into `scratch`.
 *   HC_ERR_BUFFER     a copy is larger than `scratch_bytes`; view_out->value.size tells
 *   HC_ERR_NO_MEMORY  to unpack a compressed value
 * On error there is nothing to release. */
HC_API
hc_status hc_store_view(hc_store *store, hc_span key, void *scratch, size_t scratch_bytes,
                        hc_view *view_out);
/* The same, but no use for eviction. */
HC_API
hc_status hc_store_view_quietly(hc_store *store, hc_span key, void *scratch, size_t scratch_bytes,
                                hc_view *view_out);
/* Any thread; a second time, or for a view that failed, it does nothing. */
HC_API
void hc_view_release(hc_view *view);

/* Counts a use of `key` for eviction, and nothing else.
 *   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_store_touch(hc_store *store, hc_span key);

/* Starts the memory accesses that calls for these keys will need; changes nothing.  `count` is
 * 0..HC_STORE_BATCH_MAX; keys may be absent. */
HC_API
void hc_store_prefetch(const hc_store *store, const hc_span *keys, size_t count);

/* ---- writing: one shard locked for a moment ---- */

/* The version of a value is a 64-bit hash of its type and bytes, never 0.  Items store none: that
 * would cost 8 bytes each.  Equal content is an equal version, also after the key was changed and
 * changed back, which is harmless to whoever only wants to replace what it has seen.  Two contents
 * of one version are a matter of 1 in 2^64, unless somebody chose them for that: it is no
 * signature.  The same on every machine. */
HC_API
uint64_t hc_value_version(hc_type type, hc_span value);

/* Memory that a large value arrives in, piece by piece, and that a store then takes over: it is
 * neither copied nor is there a moment with two of it.  Physical memory follows what was written,
 * not `bytes_max`; no store counts it before it takes it.
 *     hc_block_create(NULL, bytes_max, &block);
 *     ... write to hc_block_data(block) ...
 *     options.block = block;
 *     hc_store_set(store, key, hc_span_make(hc_block_data(block) + offset, size), &options);
 *     hc_block_release(block);
 * A store takes it if the value lies in it, is not packed or compressed, and little is before it
 * (an eighth of its size; behind it the caller sees to that); else it copies as ever.  From the
 * call on its bytes must not be changed, whatever the call returned; they may be read until the
 * release. HC_ERR_INVALID    0 bytes, or more than HC_BLOCK_BYTES_MAX HC_ERR_NO_MEMORY  also when
 * address space cannot be reserved */
typedef struct hc_block hc_block;
#define HC_BLOCK_BYTES_MAX (1024u << 20)
HC_API
hc_status hc_block_create(const hc_host *host, size_t bytes_max, hc_block **block_out);
/* `bytes_max` bytes, zero until written. */
HC_API
uint8_t *hc_block_data(hc_block *block);
/* Accepts NULL.  Before the store that may have taken it is destroyed; any thread. */
HC_API
void hc_block_release(hc_block *block);
/* The same for who must not wait while up to 512 MiB go back to the system: `store` gives them back
 * by and by, as hc_store_bury says. */
HC_API
void hc_block_bury(hc_block *block, hc_store *store);

typedef enum hc_condition {
    HC_IF_ALWAYS = 0,
    HC_IF_ABSENT = 1,
    HC_IF_PRESENT = 2,
    HC_IF_VERSION = 3 /* present, and its value is of hc_set_options.version */
} hc_condition;

typedef struct hc_set_options {
    size_t size;
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: the store's default_ttl_ms; in the past: not stored */
    hc_condition condition;
    hc_type type;
    bool keep_expiry; /* an existing item keeps its expiry; expires_at_ms is for a new one */
    bool no_default;  /* HC_EXPIRY_NONE is never, whatever default_ttl_ms says */
    uint8_t reserved[6];
    uint64_t version; /* for HC_IF_VERSION: hc_value_version of what is to be replaced */
    hc_block *block;  /* NULL, or where the value lies: see hc_block_create */
} hc_set_options;

/* Stores `value` under `key`.  `options` NULL: always, no expiry, a string.
 *   HC_ERR_CONFLICT   the condition does not hold; nothing changed
 *   HC_ERR_NOT_FOUND  HC_IF_VERSION, and the key is absent
 *   HC_ERR_INVALID    expiry or type out of range
 *   HC_ERR_LIMIT      key or value too large
 *   HC_ERR_FULL, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_store_set(hc_store *store, hc_span key, hc_span value, const hc_set_options *options);

typedef struct hc_set {
    hc_span key, value;
    const hc_set_options *options; /* may be NULL */
    hc_status status;              /* out: as hc_store_set */
} hc_set;

/* `count` hc_store_set calls in order, 0..HC_STORE_BATCH_MAX, with their cache misses overlapped.
 * Not one atomic step: see hc_store_begin. */
HC_API
void hc_store_set_many(hc_store *store, hc_set *sets, size_t count);

/*   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_store_delete(hc_store *store, hc_span key);
/* Deletes `key` if its value is of that version.
 *   HC_ERR_NOT_FOUND, HC_ERR_CONFLICT (another version; nothing changed), HC_ERR_NO_MEMORY */
HC_API
hc_status hc_store_delete_if(hc_store *store, hc_span key, uint64_t version);

/* Gives an item another expiry; HC_EXPIRY_NONE takes it away; a time in the past deletes.
 *   HC_ERR_NOT_FOUND, HC_ERR_INVALID, HC_ERR_FULL, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_store_expire(hc_store *store, hc_span key, int64_t expires_at_ms);

/* Adds `delta` to the decimal number at `key`, 0 if absent, and keeps its expiry.
 *   HC_ERR_NOT_NUMBER, HC_ERR_RANGE (would overflow), HC_ERR_TYPE, HC_ERR_FULL, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_store_increment(hc_store *store, hc_span key, int64_t delta, int64_t *value_out);

/* Appends to the string at `key`, empty if absent, and keeps its expiry.  *size_out (may be NULL)
 * is the new size in bytes.
 *   HC_ERR_LIMIT, HC_ERR_TYPE, HC_ERR_FULL, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_store_append(hc_store *store, hc_span key, hc_span tail, size_t *size_out);

/* Removes everything in one step.  Takes time for the shards, not for the items; what writes do not
 * use again goes back to the host with hc_store_maintain. */
HC_API
void hc_store_flush(hc_store *store);

/* ---- several steps as one ---- */

/* Between begin and end the caller alone writes to the shards of the named keys, so reads and
 * writes of those keys inside are one atomic step to every other call.  Keep it short: others
 * wait.  One transaction a thread at a time; inside, only hc_txn_ calls on this store. */
typedef struct hc_txn {
    hc_store *store;
    void *views;                               /* the library's: compressed values, unpacked */
    uint64_t locked[HC_STORE_SHARDS_MAX / 64]; /* one bit a shard */
    uint64_t quiet; /* the caller may set it: from then on no get counts as a use for eviction */
} hc_txn;

/* Locks the shards of `count` keys, in an order that cannot deadlock.  Cannot fail. */
HC_API
void hc_store_begin(hc_store *store, const hc_span *keys, size_t count, hc_txn *txn);
HC_API
void hc_store_end(hc_txn *txn);

/* `key` must be one of those named at begin.  Spans of *item_out are borrowed until the next write
 * inside this transaction, or its end.  Counts as a use for eviction, unless it is `quiet`.
 *   HC_ERR_NOT_FOUND
 *   HC_ERR_NO_MEMORY  to unpack a compressed value; the key is there */
HC_API
hc_status hc_txn_get(hc_txn *txn, hc_span key, hc_item *item_out);
/* Lends the value beyond the transaction's end, as hc_store_view does and with what it asks; no use
 * for eviction.
 *   HC_ERR_NOT_FOUND
 *   HC_ERR_UNSUPPORTED  it lies in no block of its own, or is compressed */
HC_API
hc_status hc_txn_view(hc_txn *txn, hc_span key, hc_view *view_out);
/* As hc_store_stat and hc_store_touch. */
HC_API
hc_status hc_txn_stat(hc_txn *txn, hc_span key, hc_item *item_out);
HC_API
hc_status hc_txn_touch(hc_txn *txn, hc_span key);
/* As hc_store_set; `value` must not be borrowed from the store. */
HC_API
hc_status hc_txn_set(hc_txn *txn, hc_span key, hc_span value, const hc_set_options *options);
/* Writes `patch` over the string at `key` from `offset` on, empty if absent, and keeps its expiry;
 * what is missing before `offset` becomes zero bytes.  *size_out (may be NULL) is the size then.
 * A value of HC_STORE_PACKED_BYTES_MAX bytes and more is changed where it lies, however large,
 * unless somebody views it or it outgrows its block.  An empty patch makes the value at least
 * `offset` bytes; after that, in this transaction, a patch within that size cannot fail.
 *   HC_ERR_LIMIT, HC_ERR_TYPE, HC_ERR_FULL, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_txn_patch(hc_txn *txn, hc_span key, size_t offset, hc_span patch, size_t *size_out);
HC_API
hc_status hc_txn_delete(hc_txn *txn, hc_span key);
HC_API
hc_status hc_txn_delete_if(hc_txn *txn, hc_span key, uint64_t version);
HC_API
hc_status hc_txn_expire(hc_txn *txn, hc_span key, int64_t expires_at_ms);

/* ---- following what changes ---- */

typedef enum hc_effect_kind {
    HC_EFFECT_SET = 0,     /* the key has this value, type and expiry now */
    HC_EFFECT_APPEND = 1,  /* `value` was added to the end of its string; expiry as it was */
    HC_EFFECT_EXPIRY = 2,  /* it has this expiry now */
    HC_EFFECT_DELETE = 3,  /* it was removed by a call */
    HC_EFFECT_EXPIRED = 4, /* it was removed because its time had come */
    HC_EFFECT_EVICTED = 5, /* it was removed to make room */
    HC_EFFECT_FLUSH = 6,   /* everything was removed; no key */
    HC_EFFECT_COMMIT = 7,  /* the end of a transaction that had an effect; no key */
    HC_EFFECT_PATCH = 8    /* as hc_txn_patch with `offset` and `value`; expiry as it was */
} hc_effect_kind;
#define HC_EFFECT_KINDS 9u

/* A change that was made, told as its result: followed in order by another store, effects make it
 * equal.  Spans are borrowed until the call returns. */
typedef struct hc_effect {
    hc_effect_kind kind;
    hc_type type; /* of SET */
    bool more; /* made inside hc_store_begin .. hc_store_end, of which COMMIT will tell the end */
    bool created; /* of SET and APPEND: the key was not there */
    hc_span key;
    hc_span value;         /* of SET, APPEND, PATCH: as it was given, never compressed */
    int64_t expires_at_ms; /* of SET and EXPIRY; HC_EXPIRY_NONE: never */
    uint64_t offset;       /* of APPEND and PATCH: bytes of the string before `value` */
} hc_effect;

typedef struct hc_effects {
    size_t size; /* sizeof(hc_effects) */
    void *ctx;
    /* Comes right after the change, under the lock of the key's shard, so changes of one key come
     * in their order; FLUSH under the locks of all shards, COMMIT under those of its transaction,
     * after which the same thread tells it.  Several shards may call at once.  Must be short and
     * must not call the store.  Other keys than those named at hc_store_begin may be evicted
     * meanwhile by the same thread: such an effect has more = false. */
    void (*changed)(void *ctx, const hc_effect *effect);
    uint32_t kinds; /* bit 1u << hc_effect_kind for each that is wanted */
    uint32_t reserved;
} hc_effects;

#define HC_STORE_FOLLOWERS_MAX 8u

/* From when it returns, `table`, which is copied, is told every change, after those who followed
 * earlier.  Takes the locks of all shards; not inside `changed`.  Not followed, a change costs one
 * comparison.
 *   HC_ERR_INVALID      `changed` NULL, or no kind
 *   HC_ERR_UNSUPPORTED  from a newer header, with a field unknown here
 *   HC_ERR_LIMIT        HC_STORE_FOLLOWERS_MAX follow already */
HC_API
hc_status hc_store_follow(hc_store *store, const hc_effects *table);
/* The follower with this `changed` and `ctx` is not called any more when it returns.
 *   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_store_unfollow(hc_store *store, const hc_effects *table);

/* ---- walking ---- */

/* Called for each item, under a shard's lock: must be short and must not call the store.  `item`
 * and its spans are borrowed until it returns.  A compressed value that there is no memory to
 * unpack has no data. */
typedef void (*hc_visit)(void *ctx, const hc_item *item);

/* Visits about `count` items (at least one bucket, at most HC_SCAN_COUNT_MAX plus one bucket) from
 * *cursor on, and moves *cursor; start with 0, done when it is 0 again.  The cursor is plain data:
 * nothing is held between calls.  A key present from the first call to the last is visited at
 * least once, however the table grows and shrinks meanwhile; others may or may not be.  Any
 * cursor value is safe. */
#define HC_SCAN_COUNT_MAX 10000u
HC_API
void hc_store_scan(hc_store *store, uint64_t *cursor, size_t count, hc_visit visit, void *ctx);
/* The same walk for keys alone: values have their sizes but no data, so none is unpacked. */
HC_API
void hc_store_scan_keys(hc_store *store, uint64_t *cursor, size_t count, hc_visit visit, void *ctx);
/* The walk of hc_store_scan, calling `visit` only for keys that match `pattern` (glob.h); `count`
 * is of items looked at.  Matching runs under the shard's lock: with patterns and long keys from
 * strangers, rather copy keys out of hc_store_scan and match them afterwards. HC_ERR_LIMIT  the
 * pattern is longer than HC_GLOB_PATTERN_BYTES_MAX; nothing was done */
HC_API
hc_status hc_store_scan_match(hc_store *store, uint64_t *cursor, size_t count, hc_span pattern,
                              hc_visit visit, void *ctx);

/* Visits one item chosen at random, or none when the store is empty; returns how many. */
HC_API
size_t hc_store_random(hc_store *store, hc_visit visit, void *ctx);

/* ---- looking after it ---- */

/* Does a bounded piece of housekeeping: gives back the memory of expired items, shrinks the index,
 * returns free segments to the host, trains a dictionary.  Looks at no more than `items_max` items
 * (0: 4096).  Returns true when there is more to do now.  Call it some times a second, from any
 * thread. */
HC_API
bool hc_store_maintain(hc_store *store, size_t items_max);

/* Values of 4 MiB and more that are gone go back to the host a slice at a time, for all of one at
 * once takes long: by hc_store_maintain, by writes that find memory short, and by this call, for
 * who brings such values in.  Gives back up to about `bytes_max`; returns true when there is more.
 * One comparison when there is nothing; any thread. */
HC_API
bool hc_store_bury(hc_store *store, size_t bytes_max);

typedef struct hc_store_stats {
    size_t size;   /* in: sizeof(hc_store_stats); fields beyond it are not written */
    uint64_t keys; /* items, expired ones not yet swept included */
    uint64_t keys_with_expiry;
    uint64_t live_bytes;    /* keys, values and headers of items */
    uint64_t memory_bytes;  /* segments, extents, index and tables: counts against the limit */
    uint64_t segment_bytes; /* of which packed segments */
    uint64_t extent_bytes;  /* of which values too large for a segment */
    uint64_t index_bytes;   /* of which index buckets */
    uint64_t max_memory_bytes;
    uint64_t hits, misses; /* of get, read, get_many and hc_txn_get */
    uint64_t sets, deletes;
    uint64_t evicted, expired;                /* items */
    uint64_t buckets;                         /* of the index */
    uint64_t displaced;                       /* items moved to their other bucket */
    uint64_t stashed;                         /* items now in the overflow stash */
    uint64_t cleaned_segments, cleaned_bytes; /* live bytes the cleaner copied */
    uint64_t read_retries;                    /* reads that met a writer */
    uint64_t index_slots;                     /* keys / index_slots is the load of the index */
    uint64_t segments_open, segments_free;    /* being filled; counted, but empty */
    uint64_t garbage_bytes; /* of segments in use: what was overwritten or removed, unused ends */
    /* compression: what it holds now, then what it did */
    uint64_t compressed_items;
    uint64_t compressed_raw_bytes;     /* of their values, as written */
    uint64_t compressed_stored_bytes;  /* of the same values, as they lie in memory */
    uint64_t compression_memory_bytes; /* dictionaries and contexts; part of memory_bytes */
    uint64_t dictionaries;             /* that items may need */
    uint64_t dictionary_trainings;     /* that brought a better one */
    uint64_t compressions;             /* values stored compressed */
    uint64_t compressions_skipped;     /* values large enough that stayed raw: it did not pay */
    uint64_t decompressions;
    uint64_t compression_ns, decompression_ns; /* time in all of these, projected from every 16th */
    uint64_t filter_bytes;                     /* of memory_bytes: filters */
    uint64_t filter_answers;                   /* misses that the filter answered */
    uint64_t filter_false_positives;           /* misses that it let pass */
    uint64_t filter_bits;                      /* of a fingerprint; 0: no filter */
} hc_store_stats;

/* Sums are taken shard by shard, so under writes they are close, not exact. */
HC_API
void hc_store_stats_get(hc_store *store, hc_store_stats *stats);
/* The number of keys, expired ones not yet swept included.  O(shards). */
HC_API
uint64_t hc_store_count(const hc_store *store);
HC_API
void hc_store_stats_reset(hc_store *store); /* hits, misses and other counters to 0 */

/* Changes the limit at run time; the store shrinks by evicting during the next writes and
 * maintain calls.
 *   HC_ERR_INVALID */
HC_API
hc_status hc_store_limit(hc_store *store, uint64_t max_memory_bytes);
/* Changes the policy at run time: an hc_eviction, perhaps | HC_EVICTION_VOLATILE.  What is stored
 * stays, and so do its use counts; its age is forgotten where the old policy kept none.  Takes time
 * for the segments (64 KiB each), and locks all shards meanwhile: about 1 ms for 1 GB.  Under a
 * volatile policy items without an expiry are spared whenever they were written.
 *   HC_ERR_INVALID */
HC_API
hc_status hc_store_evict_by(hc_store *store, uint32_t eviction);
/* The present policy, never HC_EVICTION_DEFAULT. */
HC_API
uint32_t hc_store_eviction(hc_store *store);
/* The present level; always HC_PRESSURE_NONE without a limit.  A store that evicts lives just below
 * its limit, so there HC_PRESSURE_PANIC says no more than that eviction is at work. */
HC_API
hc_pressure_level hc_store_pressure(const hc_store *store);

#ifdef __cplusplus
}
#endif
#endif
