/*
 * store_maintain.c - what nobody waits for: expired memory, garbage, an index too large; and
 * statistics.
 *
 * Expiry: each segment knows before when nothing in it can expire (sweep_at_ms).  The sweep passes
 * by those whose time has not come and walks through the others, which is a sequential read, taking
 * out what has expired.  A segment that yielded little is left alone for SWEEP_PAUSE_MS, so items
 * with scattered expiries cost one sequential look in that time, whatever they are.
 *
 * Cleaning goes on until garbage is at most GARBAGE_PERCENT_IDLE of the segments; then free
 * segments go back to the host.
 */
#include "base/options.h"
#include "store/store_compress.h"
#include "store/store_private.h"

#define ITEMS_DEFAULT 4096u
#define SWEEP_YIELD_MIN                                                                            \
    16u /* one expired in so many items, or the segment is left alone a while                      \
         */
#define GARBAGE_PERCENT_IDLE 10u
#define SEGMENTS_FREE_KEPT 2u /* of a shard: saves giving back and touching again */
#define SEGMENTS_PER_KEPT 16u /* a small shard keeps none */
#define SHRINK_STEPS_MAX 64u
#define SWEEP_BATCH 16u
#define GRAVE_BYTES_STEP (1u << 20) /* some 100 us */

typedef struct sweep_entry {
    uint64_t hash;
    uint32_t place;
} sweep_entry;

/* Takes the expired items at these places out. */
static size_t sweep_remove(hc_store *store, shard *s, const sweep_entry *entries, size_t count)
{
    size_t removed = 0;
    for (size_t i = 0; i < count; i++) {
        slot at;
        if (!hci_index_find_place(s, entries[i].hash, entries[i].place, &at))
            continue; /* garbage */
        hci_item_remove(store, s, at, REMOVED_EXPIRED);
        removed++;
    }
    if (removed > 0) s->moves++;
    return removed;
}

/* Walks through one segment; returns the number of items looked at. */
static size_t segment_sweep(hc_store *store, shard *s, uint32_t number, int64_t now_ms)
{
    sweep_entry expired[SWEEP_BATCH] = {{0, 0}};
    uint32_t base = number << SEGMENT_SHIFT, used = s->segments[number].used;
    size_t pending = 0, looked = 0, removed = 0;
    int64_t next_ms = INT64_MAX;
    for (uint32_t offset = 0; offset < used; looked++) {
        item_ref item;
        item_peek(s, base + offset, &item);
        int64_t expires_at_ms = item.header.expires_at_ms;
        if (expiry_passed(expires_at_ms, now_ms)) {
            uint64_t hash = item_hash(store, &item);
            bucket_pair pair = index_pair(s, hash);
            expired[pending++] = (sweep_entry){hash, base + offset};
            __builtin_prefetch(pair.first);
            __builtin_prefetch(pair.second);
        } else if (expires_at_ms != HC_EXPIRY_NONE && expires_at_ms < next_ms) {
            next_ms = expires_at_ms;
        }
        offset += (uint32_t)item_bytes(&item.header);
        if (pending < SWEEP_BATCH) continue;
        removed += sweep_remove(store, s, expired, pending);
        pending = 0;
    }
    removed += sweep_remove(store, s, expired, pending);
    if (next_ms != INT64_MAX && removed < looked / SWEEP_YIELD_MIN &&
        next_ms < now_ms + SWEEP_PAUSE_MS) {
        next_ms = now_ms + SWEEP_PAUSE_MS;
    }
    s->segments[number].sweep_at_ms = next_ms;
    return looked;
}

/* Goes on through the shard's segments; true when it stopped for having done enough. */
static bool shard_sweep(hc_store *store, shard *s, int64_t now_ms, size_t items_max)
{
    size_t looked = 0;
    for (uint32_t i = 0; i < s->fresh; i++) {
        if (looked >= items_max) return true;
        uint32_t number = s->sweep_next++;
        if (s->sweep_next >= s->fresh) s->sweep_next = 0;
        segment *seg = &s->segments[number];
        bool holds = seg->state == SEGMENT_SEALED || seg->state == SEGMENT_OPEN;
        if (holds && seg->sweep_at_ms <= now_ms) looked += segment_sweep(store, s, number, now_ms);
    }
    return false;
}

static bool shard_shrink_index(hc_store *store, shard *s)
{
    for (uint32_t i = 0; i < SHRINK_STEPS_MAX; i++) {
        if (!hci_index_shrink(store, s)) return false;
    }
    return true;
}

static bool shard_give_back(hc_store *store, shard *s)
{
    uint32_t flushed = s->resident > s->fresh ? s->resident - s->fresh : 0;
    uint32_t kept = s->segment_count / SEGMENTS_PER_KEPT;
    if (kept > SEGMENTS_FREE_KEPT) kept = SEGMENTS_FREE_KEPT;
    if (!memory_fits(store, 0, memory_kept_back(store))) kept = 0;
    if (s->free_count + flushed <= kept) return false;
    return hci_segment_discard(store, s) && s->free_count + flushed > kept + 1;
}

static bool shard_maintain(hc_store *store, shard *s, size_t items_max)
{
    bool more = false;
    if (s->count_with_expiry > 0) {
        more |= shard_sweep(store, s, hci_wall_ms(&store->host), items_max);
    }
    more |= hci_extent_bury(store, s, items_max);
    more |= shard_shrink_index(store, s);
    more |= hci_store_filter_maintain(store, s, items_max);
    if (!memory_fits(store, 0, memory_kept_back(store)) && !hci_segment_available(store, s)) {
        more |= hci_reclaim_step(store, s, RECLAIM_ROOM, items_max);
    } else if (hci_reclaim_due(s, GARBAGE_PERCENT_IDLE)) {
        more |= hci_reclaim_step(store, s, RECLAIM_GARBAGE, items_max);
    }
    more |= shard_give_back(store, s);
    return more;
}

bool hc_store_maintain(hc_store *store, size_t items_max)
{
    bool more = false;
    if (items_max == 0) items_max = ITEMS_DEFAULT;
    size_t each = items_max / store->shard_count + 1;
    (void)hci_grave_dig(store, GRAVE_BYTES_STEP);
    more |= hci_grave_any(store);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard *s = &store->shards[i];
        hci_lock_acquire(&s->lock);
        more |= shard_maintain(store, s, each);
        hci_lock_release(&s->lock);
    }
    hci_compressor_maintain(store);
    hci_pressure_look(store);
    return more;
}

/* ---- statistics ---- */

/* Of segments, without looking at each. */
static void stats_add_segments(const shard *s, hc_store_stats *out)
{
    uint64_t flushed = s->resident > s->fresh ? s->resident - s->fresh : 0;
    uint64_t used_bytes = (s->segment_count - s->free_count - flushed) << SEGMENT_SHIFT;
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        if (s->open[class] == NONE) continue;
        used_bytes -= SEGMENT_BYTES - s->segments[s->open[class]].used;
        out->segments_open++;
    }
    out->segments_free += s->free_count + flushed;
    out->garbage_bytes += used_bytes - s->live_bytes;
}

static void stats_add_shard(shard *s, hc_store_stats *out)
{
    hci_lock_acquire(&s->lock);
    out->keys += s->count;
    out->keys_with_expiry += s->count_with_expiry;
    out->live_bytes += s->live_bytes;
    out->segment_bytes += (uint64_t)s->segment_count << SEGMENT_SHIFT;
    out->index_bytes += (uint64_t)s->index_pages * PAGE_BYTES;
    out->buckets += s->bucket_count;
    out->index_slots += (uint64_t)s->bucket_count * BUCKET_SLOTS;
    stats_add_segments(s, out);
    out->stashed += s->stash_count;
    out->sets += s->counters.sets;
    out->deletes += s->counters.deletes;
    out->evicted += s->counters.evicted;
    out->expired += s->counters.expired;
    out->displaced += s->counters.displaced;
    out->cleaned_segments += s->counters.cleaned_segments;
    out->cleaned_bytes += s->counters.cleaned_bytes;
    out->compressed_items += s->packed.items;
    out->compressed_raw_bytes += s->packed.raw_bytes;
    out->compressed_stored_bytes += s->packed.stored_bytes;
    if (s->filter != NULL) {
        hc_filter_stats filter = {.size = sizeof filter};
        hc_filter_stats_get(s->filter, &filter);
        out->filter_bits = filter.fingerprint_bits;
    }
    hci_lock_release(&s->lock);
}

void hc_store_stats_get(hc_store *store, hc_store_stats *stats)
{
    hc_store_stats all = {.size = stats->size};
    uint64_t limit = atomic_load_explicit(&store->memory_limit, memory_order_relaxed);
    all.max_memory_bytes = limit == UINT64_MAX ? 0 : limit;
    all.memory_bytes = atomic_load_explicit(&store->memory_bytes, memory_order_relaxed);
    all.filter_bytes = atomic_load_explicit(&store->filter_bytes, memory_order_relaxed);
    all.extent_bytes = atomic_load_explicit(&store->extent_bytes, memory_order_relaxed);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        stats_add_shard(&store->shards[i], &all);
    }
    for (uint32_t i = 0; i < STRIPES; i++) {
        read_stripe *stripe = &store->stripes[i];
        all.hits += atomic_load_explicit(&stripe->hits, memory_order_relaxed);
        all.misses += atomic_load_explicit(&stripe->misses, memory_order_relaxed);
        all.read_retries += atomic_load_explicit(&stripe->retries, memory_order_relaxed);
        all.filter_answers += atomic_load_explicit(&stripe->filter_answers, memory_order_relaxed);
        all.filter_false_positives +=
            atomic_load_explicit(&stripe->filter_false_positives, memory_order_relaxed);
    }
    hci_compressor_stats(store, &all);
    memcpy(stats, &all, stats->size < sizeof all ? stats->size : sizeof all);
}

void hc_store_stats_reset(hc_store *store)
{
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard *s = &store->shards[i];
        hci_lock_acquire(&s->lock);
        s->counters = (shard_counters){0};
        hci_lock_release(&s->lock);
    }
    for (uint32_t i = 0; i < STRIPES; i++) {
        read_stripe *stripe = &store->stripes[i];
        atomic_store_explicit(&stripe->hits, 0, memory_order_relaxed);
        atomic_store_explicit(&stripe->misses, 0, memory_order_relaxed);
        atomic_store_explicit(&stripe->retries, 0, memory_order_relaxed);
        atomic_store_explicit(&stripe->filter_answers, 0, memory_order_relaxed);
        atomic_store_explicit(&stripe->filter_false_positives, 0, memory_order_relaxed);
    }
    hci_compressor_stats_reset(store);
}

uint64_t hc_store_count(const hc_store *store)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < store->shard_count; i++) {
        count += atomic_load_explicit(&store->shards[i].count, memory_order_relaxed);
    }
    return count;
}

hc_status hc_store_limit(hc_store *store, uint64_t max_memory_bytes)
{
    if (max_memory_bytes != 0 && max_memory_bytes < HC_STORE_MEMORY_BYTES_MIN) {
        return HC_ERR_INVALID;
    }
    atomic_store_explicit(&store->memory_limit,
                          max_memory_bytes != 0 ? max_memory_bytes : UINT64_MAX,
                          memory_order_relaxed);
    hci_pressure_look(store);
    return HC_OK;
}
