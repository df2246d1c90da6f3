/*
 * inspect.h - how a store lies in memory, for people who look for a reason: one item, one shard, a
 * key's place in the filter.
 *
 *     hc_inspection in = {.size = sizeof in};
 *     if (hc_store_inspect(store, HC_SPAN("user:1"), &in) == HC_OK) ...   in.segment, in.bucket
 *
 * Looking changes nothing and is no use of an item.  What is told held for one moment; its numbers
 * mean something to who knows lib/store, and may mean something else in another version.
 *
 * Threads: any; each call takes the lock of one shard.
 */
#ifndef HYPERCACHE_INSPECT_H
#define HYPERCACHE_INSPECT_H

#include <hypercache/filter.h>
#include <hypercache/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One item as it lies in memory, for debugging: where it is and why it is (not) evicted. */
typedef struct hc_inspection {
    size_t size;           /* in: sizeof(hc_inspection); fields beyond it are not written */
    uint64_t memory_bytes; /* all of the item but its share of the index, 5.9 bytes */
    uint64_t key_bytes;
    uint64_t value_bytes;      /* as a read gives it */
    uint64_t stored_bytes;     /* the value as it lies there: fewer when compressed */
    uint64_t extent_bytes;     /* its block, room for appends included; 0: packed in the segment */
    int64_t expires_at_ms;     /* HC_EXPIRY_NONE: never; in the past: not swept yet */
    const char *segment_state; /* static: "open", "sealed" or "victim" */
    const char *segment_class; /* static: what its items have in common, by the eviction policy */
    hc_type type;
    uint32_t header_bytes; /* bookkeeping inside memory_bytes */
    uint32_t shard;
    uint32_t segment, segment_offset; /* in the shard; of a block: where its stub is */
    uint32_t segment_used_bytes, segment_live_bytes;
    uint32_t bucket_first, bucket_second; /* where the hash leads */
    uint32_t bucket;                      /* which of them holds it, or HC_INSPECTION_STASH */
    uint32_t slot;                        /* in the bucket or the stash */
    uint32_t use;                         /* counted uses, 0..3 */
    uint32_t extent_references;           /* 1, and one for each reader and view */
    uint32_t reserved;
} hc_inspection;
#define HC_INSPECTION_STASH UINT32_MAX

/* Is no use of the item.
 *   HC_ERR_NOT_FOUND  out is as it was */
HC_API
hc_status hc_store_inspect(hc_store *store, hc_span key, hc_inspection *out);

/* One shard: its segments and the load of its part of the index. */
typedef struct hc_shard_inspection {
    size_t size;   /* in: sizeof(hc_shard_inspection); fields beyond it are not written */
    uint64_t keys; /* expired ones not yet swept included */
    uint64_t live_bytes;
    uint64_t used_bytes;           /* filled, in segments that hold something */
    uint64_t buckets, index_slots; /* keys / index_slots is the load */
    uint64_t stashed;              /* items in the overflow stash */
    uint64_t displaced;            /* so far: items moved to their other bucket */
    uint64_t evicted, expired, cleaned_segments;
    uint32_t segments;      /* that take memory: the sum of those below */
    uint32_t segments_free; /* empty */
    uint32_t segments_open;
    uint32_t segments_sealed;
    uint32_t segments_victim; /* being reclaimed: 0 or 1 */
    uint32_t reserved;
} hc_shard_inspection;

/* `shard` is below the number of shards, where hc_inspection.shard says which is a key's.  Takes
 * the shard's lock for a look at each of its segments.
 *   HC_ERR_NOT_FOUND  there is no such shard, and *out is as it was */
HC_API
hc_status hc_store_inspect_shard(hc_store *store, uint32_t shard, hc_shard_inspection *out);

/* The filter of a key's shard. */
typedef struct hc_filter_inspection {
    size_t size; /* in: sizeof(hc_filter_inspection); fields beyond it are not written */
    uint32_t shard;
    uint32_t layers;
    bool covers;   /* it has all keys of the shard, so reads ask it */
    bool contains; /* it says that the key may be there */
    uint8_t reserved[6];
} hc_filter_inspection;

/* Where the filter has `key`, or would have it: at most `places_max` layers of it, the oldest
 * first. Does not look into the index, and is no use of the item. HC_ERR_UNSUPPORTED  the store has
 * no filter, and *out is as it was */
HC_API
hc_status hc_store_inspect_filter(hc_store *store, hc_span key, hc_filter_place *places,
                                  size_t places_max, hc_filter_inspection *out);

#ifdef __cplusplus
}
#endif
#endif
