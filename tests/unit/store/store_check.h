/*
 * store_check.h - recounts a store from its items and compares with its books.
 *
 *   I1  each slot of the index points at an item whose hash leads to that bucket
 *   I2  the index points at no place twice, and at `count` items
 *   I3  each segment's live bytes are those of the items the index points at
 *   I4  queues and bins hold the sealed segments, each once; bins are what segment_bin says
 *   I5  memory_bytes is the sum of segments, index, extents, stash, tables and compressor
 *   I6  compressed items are counted, and those of each dictionary
 *   I7  what expires in a segment does so after its sweep time, or that is a pause away at most
 *   I8  a filter that covers all keys has each of them, and no other
 */
#ifndef HYPERCACHE_TESTS_STORE_CHECK_H
#define HYPERCACHE_TESTS_STORE_CHECK_H

#include "support/test.h"

#include "store/store_compress.h"
#include "store/store_private.h"

#include <stdlib.h>

typedef struct store_recount {
    const hc_store *store;
    const shard *s;
    uint64_t items, with_expiry, live_bytes;
    uint32_t *live; /* by segment */
    uint64_t extent_bytes, memory_bytes;
    uint64_t missed_by_filter; /* items */
    packed_counters packed;
} store_recount;

static inline void check_item(store_recount *r, uint32_t place)
{
    const segment *seg = &r->s->segments[segment_of(place)];
    item_ref item;
    item_at(r->s, place, &item);
    assert_true(seg->state == SEGMENT_OPEN || seg->state == SEGMENT_SEALED ||
                seg->state == SEGMENT_VICTIM);
    size_t bytes = item_bytes(&item.header);
    assert_true((place & (SEGMENT_BYTES - 1)) + bytes <= seg->used);
    assert_int_equal(item_hash(r->store, &item), hash_of(r->store, item.key));
    if (item.header.expires_at_ms != HC_EXPIRY_NONE) {
        assert_true(seg->sweep_at_ms <= item.header.expires_at_ms ||
                    seg->sweep_at_ms <= hci_wall_ms(&r->store->host) + SWEEP_PAUSE_MS);
        r->with_expiry++;
    }
    if (item.extent != NULL) {
        r->extent_bytes += sizeof *item.extent + item.extent->capacity;
        assert_int_equal(item.extent->value_bytes, item.header.value_bytes);
        assert_int_equal(item.extent->references, 1);
    }
    if (item.header.flags & ITEM_COMPRESSED) {
        r->packed.items++;
        r->packed.raw_bytes += hci_item_raw_bytes(&item);
        r->packed.stored_bytes += item.value.size;
        r->packed.by_dictionary[item.value.data[0] & PACKED_DICTIONARY]++;
    }
    r->live[segment_of(place)] += (uint32_t)bytes;
    r->live_bytes += bytes;
    r->items++;
    const hc_filter *filter = r->s->filter;
    if (filter == NULL) return;
    r->missed_by_filter +=
        !hc_filter_contains_hash(filter, filter_hash(item_hash(r->store, &item)));
}

static inline void check_index(store_recount *r)
{
    for (uint32_t at = 0; at < r->s->bucket_count; at++) {
        bucket *b = &r->s->buckets[at];
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            if (bucket_tag(b, i) == 0) continue;
            uint64_t hash = hci_index_hash_at(r->store, r->s, bucket_place(b, i));
            bucket_pair pair = index_pair(r->s, hash);
            assert_true(pair.first == b || pair.second == b);
            assert_ptr_equal(shard_of(r->store, hash), r->s);
            assert_int_equal(tag_of(hash), bucket_tag(b, i));
            check_item(r, bucket_place(b, i));
        }
    }
    for (uint32_t i = 0; i < r->s->stash_count; i++) {
        assert_int_equal(hci_index_hash_at(r->store, r->s, r->s->stash[i].place),
                         r->s->stash[i].hash);
        check_item(r, r->s->stash[i].place);
    }
    assert_int_equal(r->items, r->s->count);
    assert_int_equal(r->with_expiry, r->s->count_with_expiry);
    assert_int_equal(r->live_bytes, r->s->live_bytes);
    assert_memory_equal(&r->packed, &r->s->packed, sizeof r->packed);
}

static inline void check_segments(const store_recount *r)
{
    const shard *s = r->s;
    uint32_t sealed = 0, queued = 0, binned = 0, counted = 0, vacant = 0;
    for (uint32_t number = 0; number < s->fresh; number++) {
        const segment *seg = &s->segments[number];
        bool holds = seg->state != SEGMENT_FREE && seg->state != SEGMENT_UNTOUCHED;
        if (holds) assert_int_equal(seg->live, r->live[number]);
        if (!holds) assert_int_equal(r->live[number], 0);
        if (seg->state == SEGMENT_SEALED) assert_true(seg->live > 0);
        sealed += seg->state == SEGMENT_SEALED;
        vacant += seg->state == SEGMENT_FREE;
        counted += seg->state != SEGMENT_UNTOUCHED;
    }
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        uint32_t before = NONE, count = 0;
        for (uint32_t n = s->queues[class].first; n != NONE; n = s->segments[n].next) {
            assert_int_equal(s->segments[n].previous, before);
            assert_int_equal(s->segments[n].class, class);
            before = n;
            count++;
        }
        assert_int_equal(s->queues[class].last, before);
        assert_int_equal(s->queues[class].count, count);
        queued += count;
    }
    for (unsigned bin = 0; bin < SEGMENT_BINS; bin++) {
        for (uint32_t n = s->bins[bin]; n != NONE; n = s->segments[n].bin_next) {
            assert_int_equal(segment_bin(&s->segments[n]), bin);
            binned++;
        }
    }
    if (s->resident > s->fresh) counted += s->resident - s->fresh;
    assert_int_equal(queued, sealed);
    assert_int_equal(binned, sealed);
    assert_int_equal(vacant, s->free_count);
    assert_int_equal(counted, s->segment_count);
}

/* Bytes of the filter, which has every key once while it covers them. */
static inline uint64_t check_filter(const store_recount *r)
{
    const shard *s = r->s;
    if (s->filter == NULL) return 0;
    hc_filter_stats stats = {.size = sizeof stats};
    hc_filter_stats_get(s->filter, &stats);
    assert_int_equal(s->filter_epoch & 1, s->filter_state != FILTER_COVERS);
    if (s->filter_state == FILTER_COVERS) {
        assert_int_equal(stats.items, s->count);
        assert_int_equal(r->missed_by_filter, 0);
    }
    return stats.memory_bytes;
}

/* No call may run meanwhile. */
static inline void store_check(const hc_store *store)
{
    store_recount total = {.store = store};
    total.live = calloc(SEGMENTS_MAX, sizeof *total.live);
    assert_non_null(total.live);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        const shard *s = &store->shards[i];
        store_recount r = {.store = store, .s = s, .live = total.live};
        memset(r.live, 0, s->fresh * sizeof *r.live);
        assert_int_equal(s->sequence & 1, 0);
        check_index(&r);
        check_segments(&r);
        total.extent_bytes += r.extent_bytes;
        for (const hci_extent *e = s->graveyard; e != NULL; e = e->next) {
            total.extent_bytes += sizeof *e + e->capacity;
        }
        total.memory_bytes += ((uint64_t)s->segment_count << SEGMENT_SHIFT) +
                              (uint64_t)s->index_pages * PAGE_BYTES +
                              s->stash_capacity * sizeof *s->stash + check_filter(&r);
    }
    for (const grave *g = store->graves; g != NULL; g = g->next) {
        total.extent_bytes += g->counted_bytes;
    }
    assert_int_equal(store->has_graves, store->graves != NULL);
    size_t head = (sizeof *store + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    size_t shards = store->shard_count * sizeof(shard);
    shards = (shards + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    assert_int_equal(total.extent_bytes, store->extent_bytes);
    total.memory_bytes += head + shards + hci_compressor_bytes(store);
    assert_int_equal(total.memory_bytes + total.extent_bytes, store->memory_bytes);
    free(total.live);
}

#endif
