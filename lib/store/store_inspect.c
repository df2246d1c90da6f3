/*
 * store_inspect.c - everything there is to know of one item, of one shard, or of a key's place in
 * the filter, for people who look for a reason.
 *
 * Looking takes the shard's lock and changes nothing: no use is counted, and an expired item that
 * is still in memory is shown as it lies there.
 */
#include <hypercache/inspect.h>

#include "store/store_compress.h"
#include "store/store_private.h"

static const char *const STATE_NAMES[] = {
    [SEGMENT_UNTOUCHED] = "untouched", [SEGMENT_FREE] = "free",     [SEGMENT_OPEN] = "open",
    [SEGMENT_SEALED] = "sealed",       [SEGMENT_VICTIM] = "victim",
};

static void inspect_index(const shard *s, uint64_t hash, slot at, hc_inspection *out)
{
    bucket_pair pair = index_pair(s, hash);
    out->bucket_first = (uint32_t)(pair.first - s->buckets);
    out->bucket_second = (uint32_t)(pair.second - s->buckets);
    out->bucket = at.bucket != NULL ? (uint32_t)(at.bucket - s->buckets) : HC_INSPECTION_STASH;
    out->slot = at.index;
    out->use = hci_index_use(s, at);
}

static void inspect_item(const item_ref *item, hc_inspection *out)
{
    out->key_bytes = item->header.key_bytes;
    out->value_bytes = hci_item_raw_bytes(item);
    out->stored_bytes = item->header.value_bytes;
    out->header_bytes = item->header.header_bytes;
    out->memory_bytes = item_bytes(&item->header);
    if (item->extent != NULL) {
        out->extent_bytes = sizeof *item->extent + item->extent->capacity;
        out->extent_references = item->extent->references;
        out->header_bytes += ITEM_STUB_BYTES + (uint32_t)sizeof *item->extent;
        out->memory_bytes += out->extent_bytes;
    }
    out->expires_at_ms = item->header.expires_at_ms;
    out->type = item_type(&item->header);
}

static void inspect_segment(const hc_store *store, const shard *s, uint32_t place,
                            hc_inspection *out)
{
    const segment *seg = &s->segments[segment_of(place)];
    out->segment = segment_of(place);
    out->segment_offset = place & (SEGMENT_BYTES - 1);
    out->segment_used_bytes = seg->used;
    out->segment_live_bytes = seg->live;
    out->segment_state = STATE_NAMES[seg->state];
    out->segment_class = hci_policy_class_name(store, (segment_class)seg->class);
}

hc_status hc_store_inspect(hc_store *store, hc_span key, hc_inspection *out)
{
    hc_inspection all = {.size = out->size};
    uint64_t hash = hash_of(store, key);
    shard *s = shard_of(store, hash);
    slot at;
    item_ref item;
    all.shard = (uint32_t)(s - store->shards);
    hci_lock_acquire(&s->lock);
    bool found = hci_index_find(store, s, hash, key, &at);
    if (found) {
        uint32_t place = hci_index_place(s, at);
        item_at(s, place, &item);
        inspect_index(s, hash, at, &all);
        inspect_item(&item, &all);
        inspect_segment(store, s, place, &all);
    }
    hci_lock_release(&s->lock);
    if (!found) return HC_ERR_NOT_FOUND;
    memcpy(out, &all, out->size < sizeof all ? out->size : sizeof all);
    return HC_OK;
}

hc_status hc_store_inspect_shard(hc_store *store, uint32_t number, hc_shard_inspection *out)
{
    hc_shard_inspection all = {.size = out->size};
    if (number >= store->shard_count) return HC_ERR_NOT_FOUND;
    shard *s = &store->shards[number];
    hci_lock_acquire(&s->lock);
    all.keys = s->count;
    all.live_bytes = s->live_bytes;
    all.buckets = s->bucket_count;
    all.index_slots = (uint64_t)s->bucket_count * BUCKET_SLOTS;
    all.stashed = s->stash_count;
    all.displaced = s->counters.displaced;
    all.evicted = s->counters.evicted;
    all.expired = s->counters.expired;
    all.cleaned_segments = s->counters.cleaned_segments;
    for (uint32_t i = 0; i < s->fresh; i++) {
        const segment *seg = &s->segments[i];
        all.segments_open += seg->state == SEGMENT_OPEN;
        all.segments_sealed += seg->state == SEGMENT_SEALED;
        all.segments_victim += seg->state == SEGMENT_VICTIM;
        if (seg->state >= SEGMENT_OPEN) all.used_bytes += seg->used;
    }
    all.segments = s->segment_count;
    all.segments_free =
        all.segments - all.segments_open - all.segments_sealed - all.segments_victim;
    hci_lock_release(&s->lock);
    memcpy(out, &all, out->size < sizeof all ? out->size : sizeof all);
    return HC_OK;
}

hc_status hc_store_inspect_filter(hc_store *store, hc_span key, hc_filter_place *places,
                                  size_t places_max, hc_filter_inspection *out)
{
    hc_filter_inspection all = {.size = out->size};
    uint64_t hash = hash_of(store, key);
    shard *s = shard_of(store, hash);
    if (s->filter == NULL) return HC_ERR_UNSUPPORTED;
    all.shard = (uint32_t)(s - store->shards);
    hci_lock_acquire(&s->lock);
    all.layers = (uint32_t)hc_filter_inspect_hash(s->filter, filter_hash(hash), places, places_max);
    all.covers = s->filter_state == FILTER_COVERS;
    all.contains = hc_filter_contains_hash(s->filter, filter_hash(hash));
    hci_lock_release(&s->lock);
    memcpy(out, &all, out->size < sizeof all ? out->size : sizeof all);
    return HC_OK;
}
