/*
 * store_policy.c - which segment goes, and which of its items may stay.
 *
 * Items carry no list links and no time: all there is to tell them apart is the segment they lie in
 * and a 2-bit use counter in the index.  Each policy is three small decisions on these:
 *
 *              new item's class         victim                    its item stays if
 *     s3fifo   small, or main if its    oldest of small, while    used: small moves to main,
 *              ghost is remembered      that is over 15 %,        uses 0; main loses a use
 *                                       else oldest of main
 *     lfu      as s3fifo                as s3fifo                 used: uses kept; main loses a
 *                                                                 use one time in four
 *     lru      one class                oldest                    used since last looked at
 *     fifo     one class                oldest                    never
 *     random   one class                any                       never
 *     ttl      by time to live, four    the one that is through   never
 *                                       with expiring first
 *
 * They are approximations; bench/README.md has each one's miss ratio beside the exact policy.  A
 * ghost is the tag of the item last evicted from small, kept in the spare byte of its bucket: no
 * memory.
 *
 * Volatile policies put items without an expiry in a class of their own that is cleaned, never
 * evicted.  Such an item can lie in another class only where the policy has just become volatile
 * (hc_store_evict_by); whoever comes across it there moves it.
 *
 * Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023 (S3-FIFO); by
 * segments as in Segcache (Yang et al., NSDI 2021).
 */
#include "store/store_private.h"

#define SMALL_PERCENT 15u    /* of the segments; more is a reason to evict from small */
#define LFU_FORGET_ONE_IN 4u /* looks at a kept item cost it a use */
#define RANDOM_TRIES 32u

static const int64_t TTL_CLASS_BOUND_MS[CLASSES_BY_TTL - 1] = {100000, 400000, 1600000};

bool hci_policy_known(uint32_t eviction)
{
    return (eviction & ~(uint32_t)HC_EVICTION_VOLATILE) <= HC_EVICTION_RANDOM;
}

void hci_policy_take(hc_store *store, uint32_t eviction)
{
    store->evict_volatile_only = (eviction & HC_EVICTION_VOLATILE) != 0;
    store->eviction = (hc_eviction)(eviction & ~(uint32_t)HC_EVICTION_VOLATILE);
    if (store->eviction == HC_EVICTION_DEFAULT) store->eviction = HC_EVICTION_S3FIFO;
}

static uint64_t random_next(shard *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random;
}

static bool is_two_queued(const hc_store *store)
{
    return store->eviction == HC_EVICTION_S3FIFO || store->eviction == HC_EVICTION_LFU;
}

static segment_class class_by_ttl(const hc_store *store, int64_t expires_at_ms)
{
    unsigned class = CLASSES_BY_TTL - 1;
    if (expires_at_ms == HC_EXPIRY_NONE) return (segment_class) class;
    int64_t ttl_ms = expires_at_ms - hci_wall_ms(&store->host);
    for (class = 0; class < CLASSES_BY_TTL - 1; class ++) {
        if (ttl_ms <= TTL_CLASS_BOUND_MS[class]) break;
    }
    return (segment_class) class;
}

segment_class hci_policy_class(const hc_store *store, shard *s, uint64_t hash,
                               const segment *old_segment, int64_t expires_at_ms)
{
    if (store->evict_volatile_only && expires_at_ms == HC_EXPIRY_NONE) return CLASS_HELD;
    if (store->eviction == HC_EVICTION_TTL) return class_by_ttl(store, expires_at_ms);
    if (!is_two_queued(store)) return CLASS_SMALL;
    if (old_segment != NULL && old_segment->class != CLASS_HELD) {
        return (segment_class)old_segment->class;
    }
    return hci_index_ghost_take(s, hash) ? CLASS_MAIN : CLASS_SMALL;
}

const char *hci_policy_class_name(const hc_store *store, segment_class class)
{
    static const char *const by_ttl[CLASSES_BY_TTL] = {"ttl up to 100 s", "ttl up to 400 s",
                                                       "ttl up to 1600 s", "ttl longer or none"};
    if (class == CLASS_HELD) return "held";
    if (store->eviction == HC_EVICTION_TTL) return by_ttl[class];
    if (!is_two_queued(store)) return "any";
    return class == CLASS_SMALL ? "small" : "main";
}

/* ---- the victim ---- */

static uint32_t oldest_of_two_queues(const shard *s)
{
    const segment_queue *small = &s->queues[CLASS_SMALL], *main = &s->queues[CLASS_MAIN];
    uint32_t open = (uint32_t)(s->open[CLASS_SMALL] != NONE) + (s->open[CLASS_MAIN] != NONE);
    uint32_t small_count = small->count + (s->open[CLASS_SMALL] != NONE);
    bool small_is_large = small_count * 100 > (small->count + main->count + open) * SMALL_PERCENT;
    if (small->count > 0 && (small_is_large || main->count == 0)) return small->first;
    return main->first;
}

/* Of each class's oldest segment the one whose last item expires first. */
static uint32_t expiring_first(const shard *s)
{
    uint32_t best = NONE;
    for (unsigned class = 0; class < CLASSES_BY_TTL; class ++) {
        uint32_t number = s->queues[class].first;
        if (number == NONE) continue;
        if (best == NONE || s->segments[number].last_expiry_ms < s->segments[best].last_expiry_ms) {
            best = number;
        }
    }
    return best;
}

static uint32_t any_segment(shard *s)
{
    for (unsigned i = 0; i < RANDOM_TRIES && s->fresh > 0; i++) {
        uint32_t number = (uint32_t)(random_next(s) % s->fresh);
        const segment *seg = &s->segments[number];
        if (seg->state == SEGMENT_SEALED && seg->class != CLASS_HELD) return number;
    }
    return s->queues[CLASS_SMALL].first;
}

static uint32_t victim_now(const hc_store *store, shard *s)
{
    switch (store->eviction) {
    case HC_EVICTION_S3FIFO:
    case HC_EVICTION_LFU:
        return oldest_of_two_queues(s);
    case HC_EVICTION_TTL:
        return expiring_first(s);
    case HC_EVICTION_RANDOM:
        return any_segment(s);
    default:
        return s->queues[CLASS_SMALL].first;
    }
}

uint32_t hci_policy_victim(hc_store *store, shard *s)
{
    uint32_t victim = victim_now(store, s);
    if (victim != NONE) return victim;
    /* few packed bytes, much memory: the stubs of extents lie in the open segments */
    hci_segment_seal(store, s);
    return victim_now(store, s);
}

/* ---- the verdict ---- */

bool hci_policy_keeps(const hc_store *store, shard *s, segment_class *class, unsigned *use)
{
    bool used = *use > 0;
    bool small = *class == CLASS_SMALL;
    switch (store->eviction) {
    case HC_EVICTION_S3FIFO:
        *use = small || !used ? 0 : *use - 1;
        *class = CLASS_MAIN;
        return used;
    case HC_EVICTION_LFU:
        if (used && !small && random_next(s) % LFU_FORGET_ONE_IN == 0) --*use;
        *class = CLASS_MAIN;
        return used;
    case HC_EVICTION_LRU:
        *use = 0;
        return used;
    default:
        return false;
    }
}

void hci_policy_evicted(const hc_store *store, slot at, uint64_t hash, segment_class class)
{
    if (is_two_queued(store) && class == CLASS_SMALL) hci_index_ghost_put(at, hash);
}

/* ---- another policy at run time ---- */

/* The class under the present policy of a segment that was filled under another one. */
static segment_class class_again(const hc_store *store, const segment *seg, bool same_classes)
{
    if (store->evict_volatile_only) {
        bool nothing_expires = seg->sweep_at_ms == INT64_MAX;
        if (seg->class == CLASS_HELD || nothing_expires) return CLASS_HELD;
    }
    if (same_classes && seg->class != CLASS_HELD) return (segment_class)seg->class;
    return store->eviction == HC_EVICTION_TTL ? CLASSES_BY_TTL - 1 : CLASS_SMALL;
}

/* Open segments are sealed and a reclaim in progress is given up, so that every segment with items
 * is in a queue; then each goes to the queue where the present policy looks for it.  Queues are
 * joined in the order small, main, held: what the old policy valued goes last. */
static void shard_sort_again(hc_store *store, shard *s, bool same_classes)
{
    hci_reclaim_give_up(store, s);
    hci_segment_seal(store, s);
    segment_queue old[SEGMENT_CLASSES];
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        old[class] = s->queues[class];
        s->queues[class] = (segment_queue){NONE, NONE, 0};
    }
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        uint32_t next;
        for (uint32_t number = old[class].first; number != NONE; number = next) {
            next = s->segments[number].next;
            hci_segment_queue(s, number, class_again(store, &s->segments[number], same_classes));
        }
    }
}

hc_status hc_store_evict_by(hc_store *store, uint32_t eviction)
{
    if (!hci_policy_known(eviction)) return HC_ERR_INVALID;
    hci_shards_lock(store);
    bool by_ttl = store->eviction == HC_EVICTION_TTL, two_queued = is_two_queued(store);
    hci_policy_take(store, eviction);
    bool same_classes =
        by_ttl == (store->eviction == HC_EVICTION_TTL) && two_queued == is_two_queued(store);
    for (uint32_t i = 0; i < store->shard_count; i++)
        shard_sort_again(store, &store->shards[i], same_classes);
    hci_shards_unlock(store);
    return HC_OK;
}

uint32_t hc_store_eviction(hc_store *store)
{
    hci_lock_acquire(&store->shards[0].lock); /* a change holds all of them */
    uint32_t eviction = (uint32_t)store->eviction;
    if (store->evict_volatile_only) eviction |= HC_EVICTION_VOLATILE;
    hci_lock_release(&store->shards[0].lock);
    return eviction;
}
