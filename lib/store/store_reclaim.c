/*
 * store_reclaim.c - getting room back: cleaning and eviction are one walk through a segment.
 *
 * A victim segment is walked item by item.  What the index no longer points at is garbage and left
 * behind; what it does is copied to an open segment, or dropped; then the whole segment is free.
 *
 *     cleaning   the victim is the segment with the least live bytes; all live items are copied
 *     eviction   the victim, and which of its items are copied, is the policy's choice
 * (store_policy.c)
 *
 * Copying costs; still a segment that is a quarter garbage is cleaned before any live item is
 * evicted: bench/README.md has what that does to the miss ratio under overwrites.
 *
 * The walk goes on in small steps (RECLAIM_ITEMS_MAX items), one with each write that finds memory
 * short, so no write pays for a whole segment unless memory is at its very end.  Copies need a
 * segment to go to: one for each shard is kept back from callers (memory_kept_back).
 */
#include "host/relax.h"
#include "store/store_compress.h"
#include "store/store_private.h"

#define BATCH 16u     /* items whose index buckets are fetched together */
#define ROOM_ITEMS 8u /* few: each may free megabytes */
#define GRAVE_STEP_BYTES (1u << 20)
#define ROOM_STEPS_MAX 65536u   /* steps one write takes to find room, before it gives up */
#define GARBAGE_PERCENT_MAX 20u /* of a shard's segments; above, writes clean as they go */
#define WORTHWHILE_BINS (SEGMENT_BINS * 3 / 4) /* cleaned before anything is evicted */
#define CLEANABLE_BINS (SEGMENT_BINS - 2)      /* at least 4 KiB of garbage */
#define SEGMENTS_FEW 8u /* open ones are most of a shard then, and their room is not garbage */

void hci_item_remove(hc_store *store, shard *s, slot at, removal why)
{
    uint32_t place = hci_index_place(s, at);
    item_ref item;
    item_at(s, place, &item);
    hci_index_remove(s, at);
    if (s->filter != NULL) hci_store_filter_delete(s, item_hash(store, &item));
    s->count--;
    hci_packed_account(s, &item, -1);
    if (item.header.expires_at_ms != HC_EXPIRY_NONE) s->count_with_expiry--;
    if (why == REMOVED_DELETED) s->counters.deletes++;
    if (why == REMOVED_EVICTED) s->counters.evicted++;
    if (why == REMOVED_EXPIRED) s->counters.expired++;
    static const hc_effect_kind effects[] = {[REMOVED_DELETED] = HC_EFFECT_DELETE,
                                             [REMOVED_EVICTED] = HC_EFFECT_EVICTED,
                                             [REMOVED_EXPIRED] = HC_EFFECT_EXPIRED};
    if (effect_wanted(store, effects[why])) {
        hci_effect_tell(store, s, &(hc_effect){.kind = effects[why], .key = item.key});
    }
    hci_segment_live_subtract(store, s, place, item_bytes(&item.header));
    if (item.extent != NULL) {
        hci_extent_unlink(s, item.extent);
        hci_extent_release(store, item.extent);
    }
}

static uint32_t emptiest_segment(const shard *s, unsigned bins)
{
    for (unsigned bin = 0; bin < bins; bin++) {
        if (s->bins[bin] != NONE) return s->bins[bin];
    }
    return NONE;
}

static bool victim_choose(hc_store *store, shard *s, reclaim_goal goal)
{
    bool may_evict = goal != RECLAIM_GARBAGE && store->eviction != HC_EVICTION_NONE;
    uint32_t victim = emptiest_segment(s, may_evict ? WORTHWHILE_BINS : CLEANABLE_BINS);
    bool evict = victim == NONE && may_evict;
    if (evict) victim = hci_policy_victim(store, s);
    if (victim == NONE) return false;
    hci_segment_victimize(s, victim);
    s->reclaim = (reclaim_state){victim, 0, evict, may_evict};
    return true;
}

/* Copies a live item to an open segment of `class`; false when there is none. */
static bool item_move(hc_store *store, shard *s, slot at, const item_ref *item, segment_class class)
{
    size_t bytes = item_bytes(&item->header);
    uint32_t from = (uint32_t)(item->start - s->data), to;
    if (!hci_segment_append(store, s, class, true, bytes, &to)) return false;
    racy_store(s->data + to, item->start, bytes);
    hci_segment_live_add(s, to, bytes);
    hci_segment_expiry_note(s, to, item->header.expires_at_ms);
    if (item->extent != NULL) hci_segment_weight_add(s, to, item->extent->capacity);
    hci_index_place_set(s, at, to);
    hci_segment_live_subtract(store, s, from, bytes);
    s->counters.cleaned_bytes += bytes;
    s->moves++;
    return true;
}

/* Decides about one item of the victim; false when it must stay but cannot be copied. */
static bool item_reclaim(hc_store *store, shard *s, uint32_t place, uint64_t hash,
                         reclaim_goal goal)
{
    slot at;
    if (!hci_index_find_place(s, hash, place, &at)) return true; /* garbage */
    item_ref item;
    item_at(s, place, &item);
    segment_class from = (segment_class)s->segments[segment_of(place)].class, to = from;
    unsigned use = hci_index_use(s, at);
    bool expired = item_expired(store, &item.header);
    bool keep = !s->reclaim.evict;
    if (s->reclaim.evict && goal != RECLAIM_URGENT) keep = hci_policy_keeps(store, s, &to, &use);
    bool held = store->evict_volatile_only && item.header.expires_at_ms == HC_EXPIRY_NONE;
    if (held) to = CLASS_HELD;
    if (!expired && (keep || held)) {
        if (item_move(store, s, at, &item, to)) {
            hci_index_use_set(s, at, use);
            return true;
        }
        /* one that is held cannot go: nor can the segment, and the next victim is another one */
        if (held) s->segments[segment_of(place)].class = CLASS_HELD;
        if (!s->reclaim.may_evict || from == CLASS_HELD || held) return false;
    }
    if (!expired) hci_policy_evicted(store, at, hash, from);
    hci_item_remove(store, s, at, expired ? REMOVED_EXPIRED : REMOVED_EVICTED);
    s->moves++;
    return true;
}

typedef struct batch {
    uint32_t places[BATCH];
    uint64_t hashes[BATCH];
    uint32_t count;
} batch;

/* The next items of the victim, their buckets on the way into the cache. */
static void batch_fill(const hc_store *store, shard *s, batch *out, size_t items_max)
{
    uint32_t base = s->reclaim.victim << SEGMENT_SHIFT;
    uint32_t used = s->segments[s->reclaim.victim].used;
    out->count = 0;
    while (out->count < BATCH && out->count < items_max && s->reclaim.offset < used) {
        uint32_t place = base + s->reclaim.offset;
        item_ref item;
        item_peek(s, place, &item);
        uint64_t hash = item_hash(store, &item);
        bucket_pair pair = index_pair(s, hash);
        __builtin_prefetch(pair.first);
        __builtin_prefetch(pair.second);
        out->places[out->count] = place;
        out->hashes[out->count] = hash;
        out->count++;
        s->reclaim.offset += (uint32_t)item_bytes(&item.header);
    }
}

/* The victim is through: free, or (nothing to copy its last items to) back in its queue. */
static void victim_finish(hc_store *store, shard *s)
{
    uint32_t victim = s->reclaim.victim;
    s->reclaim.victim = NONE;
    if (s->segments[victim].live > 0) {
        hci_segment_restore(s, victim);
        return;
    }
    s->counters.cleaned_segments++;
    hci_segment_free(store, s, victim);
}

void hci_reclaim_give_up(hc_store *store, shard *s)
{
    if (s->reclaim.victim != NONE) victim_finish(store, s);
    s->reclaim = (reclaim_state){.victim = NONE};
}

bool hci_reclaim_step(hc_store *store, shard *s, reclaim_goal goal, size_t items_max)
{
    if (s->reclaim.victim == NONE && !victim_choose(store, s, goal)) return false;
    if (goal != RECLAIM_GARBAGE && store->eviction != HC_EVICTION_NONE) s->reclaim.may_evict = true;
    segment *victim = &s->segments[s->reclaim.victim];
    for (batch items; items_max > 0 && s->reclaim.offset < victim->used && victim->live > 0;
         items_max -= items.count) {
        batch_fill(store, s, &items, items_max);
        for (uint32_t i = 0; i < items.count; i++) {
            if (item_reclaim(store, s, items.places[i], items.hashes[i], goal)) continue;
            victim_finish(store, s);
            return false;
        }
    }
    if (s->reclaim.offset >= victim->used || victim->live == 0) victim_finish(store, s);
    return true;
}

/* What open segments have not been filled with yet. */
static uint64_t open_room(const shard *s)
{
    uint64_t room = 0;
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        uint32_t open = s->open[class];
        if (open != NONE) room += SEGMENT_BYTES - s->segments[open].used;
    }
    return room;
}

bool hci_reclaim_due(const shard *s, unsigned garbage_percent)
{
    uint32_t unused = s->free_count + (s->resident > s->fresh ? s->resident - s->fresh : 0);
    uint32_t used = s->segment_count - unused;
    uint64_t bytes = (uint64_t)used << SEGMENT_SHIFT;
    uint64_t garbage = bytes - s->live_bytes;
    if (used < SEGMENTS_FEW) {
        if (garbage < SEGMENT_BYTES) return false; /* no segment would come of it */
        garbage -= open_room(s);
        if (garbage < SEGMENT_BYTES) return false;
    }
    return garbage * 100 > bytes * garbage_percent;
}

void hci_reclaim_ahead(hc_store *store, shard *s)
{
    if (!hci_segment_available(store, s)) {
        if (hci_grave_any(store) && hci_grave_dig(store, SEGMENT_BYTES)) return;
        hci_reclaim_step(store, s, RECLAIM_ROOM, RECLAIM_ITEMS_MAX);
    } else if (hci_reclaim_due(s, GARBAGE_PERCENT_MAX)) {
        hci_reclaim_step(store, s, RECLAIM_GARBAGE, RECLAIM_ITEMS_MAX);
    }
}

/* One step towards room in one shard; false when it has nothing to give. */
static bool room_step(hc_store *store, shard *s)
{
    if (s->graveyard != NULL) {
        (void)hci_extent_bury(store, s, RECLAIM_ITEMS_MAX);
        return true;
    }
    if (hci_segment_discard(store, s)) return true;
    return hci_reclaim_step(store, s, RECLAIM_ROOM, ROOM_ITEMS);
}

typedef enum room { ROOM_MADE, ROOM_BUSY, ROOM_NOWHERE } room;

/* The same in any shard whose lock is free: memory is the store's, not the shard's.  ROOM_BUSY:
 * nothing was to be had but in shards that others hold just now. */
static room room_step_elsewhere(hc_store *store, const shard *held, uint32_t *next)
{
    room found = ROOM_NOWHERE;
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard *s = &store->shards[(*next)++ & (store->shard_count - 1)];
        if (s == held) continue;
        if (!hci_lock_try_acquire(&s->lock)) {
            found = ROOM_BUSY;
            continue;
        }
        bool progress = room_step(store, s);
        hci_lock_release(&s->lock);
        if (progress) return ROOM_MADE;
    }
    return found;
}

/* Where to look for room first: the fuller of two shards taken in turn, so that no shard shrinks
 * for the sake of the others. */
static uint32_t room_first(hc_store *store)
{
    uint32_t mask = store->shard_count - 1;
    uint32_t a = atomic_fetch_add_explicit(&store->room_next, 1, memory_order_relaxed);
    uint32_t b = a * 0x9e3779b9u >> 16;
    uint64_t count_a = atomic_load_explicit(&store->shards[a & mask].count, memory_order_relaxed);
    uint64_t count_b = atomic_load_explicit(&store->shards[b & mask].count, memory_order_relaxed);
    return count_b > count_a ? b : a;
}

/* Until a shard's lock is free.  Who holds one may not wait for another: two such would wait for
 * ever. */
static void room_wait(hc_store *store, const shard *held, uint32_t next)
{
    hci_cpu_relax();
    if (held != NULL) return;
    shard *s = &store->shards[next & (store->shard_count - 1)];
    hci_lock_acquire(&s->lock);
    hci_lock_release(&s->lock);
}

hc_status hci_reclaim_room(hc_store *store, shard *held, uint64_t bytes)
{
    uint32_t next = room_first(store);
    for (uint32_t step = 0; step < ROOM_STEPS_MAX; step++) {
        if (memory_fits(store, bytes, memory_kept_back(store))) return HC_OK;
        if (hci_grave_dig(store, GRAVE_STEP_BYTES)) continue;
        if (held != NULL && room_step(store, held)) continue;
        room found = room_step_elsewhere(store, held, &next);
        if (found == ROOM_NOWHERE) return HC_ERR_FULL;
        if (found == ROOM_BUSY) room_wait(store, held, next);
    }
    return HC_ERR_FULL;
}
