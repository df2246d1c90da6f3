/*
 * store_filter.c - a cuckoo filter in front of each shard's index, that knows its keys exactly.
 *
 *     a read   filter says no ------------------------------> not found, the index is not touched
 *              filter says maybe, or is not to be asked ----> the index, as without a filter
 *
 * Every key in the index is in the filter once: added with its slot, deleted with it, whether it
 * was deleted, expired or evicted; moving or overwriting an item changes nothing.  All of that
 * happens under the shard's lock, so add and delete are never out of step.
 *
 * When an add finds no room (eight keys of one hash, or memory refused) the filter no longer covers
 * all keys.  Its epoch becomes odd then: readers do not ask it, writers leave it alone, and
 * maintain builds it again, from the index, in the order of the hashes' reversed digits:
 *
 *     | in the filter already | still to come ... |       digits of a hash, reversed
 *                             ^ filter_position
 *
 * Whether a key that comes or goes meanwhile concerns the filter follows from its hash alone.
 *
 * Readers ask without a lock.  Epoch, filter, epoch again: if it moved, the "no" does not count.
 *
 * The filter's memory comes from the host by way of this file, so it is counted to the byte and
 * cannot pass the limit.  It is sized when the store is made; past that it grows by layers, and
 * gives nothing back before the store does.  It pays seldom: docs/decisions/0007-store-filter.md.
 */
#include "store/store_private.h"

#define KEYS_DEFAULT (UINT64_C(1) << 20) /* of a store without limit; more keys, more layers */
#define BYTES_PER_KEY_GUESS 128u         /* of a store with one */
#define REBUILD_PAUSE_NS UINT64_C(10000000000) /* after one that failed */

/* ---- memory: the host's, counted ---- */

static void *filter_allocate(void *ctx, size_t bytes)
{
    hc_store *store = ctx;
    if (!memory_fits(store, bytes, memory_kept_back(store))) return NULL;
    void *block = hci_allocate(&store->host, bytes);
    if (block == NULL) return NULL;
    memory_add(store, bytes);
    atomic_fetch_add_explicit(&store->filter_bytes, bytes, memory_order_relaxed);
    return block;
}

static void filter_release(void *ctx, void *block, size_t bytes)
{
    hc_store *store = ctx;
    if (block == NULL) return;
    memory_subtract(store, bytes);
    atomic_fetch_sub_explicit(&store->filter_bytes, bytes, memory_order_relaxed);
    hci_release(&store->host, block, bytes);
}

/* Filters neither resize nor reserve; a table must be complete all the same. */
static void *filter_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    void *next = filter_allocate(ctx, new_bytes);
    if (next == NULL) return NULL;
    if (block != NULL) memcpy(next, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    filter_release(ctx, block, old_bytes);
    return next;
}

static void *filter_reserve(void *ctx, size_t bytes)
{
    return hci_reserve(&((hc_store *)ctx)->host, bytes);
}

static void filter_unreserve(void *ctx, void *space, size_t bytes)
{
    hci_unreserve(&((hc_store *)ctx)->host, space, bytes);
}

static bool filter_discard(void *ctx, void *space, size_t bytes)
{
    return hci_discard(&((hc_store *)ctx)->host, space, bytes);
}

/* ---- create, destroy ---- */

/* Keys of one shard.  They spread unevenly, so each gets an eighth more than its part. */
static uint64_t shard_capacity(const hc_store *store, const hc_store_options *options,
                               uint32_t shards)
{
    uint64_t keys = options->filter_capacity;
    if (keys == 0) {
        uint64_t limit = store->memory_limit;
        keys = limit == UINT64_MAX ? KEYS_DEFAULT : limit / BYTES_PER_KEY_GUESS;
    }
    keys /= shards;
    return keys + keys / 8 + 64;
}

hc_status hci_store_filter_init(hc_store *store, shard *s, const hc_store_options *options,
                                uint32_t shards)
{
    if (options->filter_rate == 0 && options->filter_bits == 0) return HC_OK;
    hc_memory memory = {.size = sizeof memory,
                        .ctx = store,
                        .allocate = filter_allocate,
                        .resize = filter_resize,
                        .release = filter_release,
                        .reserve = filter_reserve,
                        .unreserve = filter_unreserve,
                        .discard = filter_discard};
    hc_host host = {.size = sizeof host,
                    .log = &store->host.log,
                    .clock = &store->host.clock,
                    .random = &store->host.random,
                    .memory = &memory};
    hc_filter_options wanted = {.size = sizeof wanted,
                                .capacity = shard_capacity(store, options, shards),
                                .false_positive_rate = options->filter_rate,
                                .fingerprint_bits = options->filter_bits,
                                .seed = 1, /* hashes come ready made */
                                .growth = HC_FILTER_GROWTH_CHAIN};
    return hc_filter_create(&host, &wanted, &s->filter);
}

void hci_store_filter_fini(shard *s)
{
    hc_filter_destroy(s->filter);
    s->filter = NULL;
}

/* ---- keeping step with the index ---- */

static void epoch_add(shard *s)
{
    uint32_t epoch = atomic_load_explicit(&s->filter_epoch, memory_order_relaxed);
    atomic_store_explicit(&s->filter_epoch, epoch + 1, memory_order_release);
}

static bool is_covering(const shard *s)
{
    return s->filter_state == FILTER_COVERS;
}

/* From now on it does not cover all keys, until it is built again, not before `rebuild_ns`. */
static void give_up(shard *s, uint64_t rebuild_ns)
{
    if (is_covering(s)) epoch_add(s);
    s->filter_state = FILTER_GIVEN_UP;
    s->filter_rebuild_ns = rebuild_ns;
}

/* Whether the filter has, or must have, the key of this hash. */
static bool is_concerned(const shard *s, uint64_t hash)
{
    if (is_covering(s)) return true;
    return s->filter_state == FILTER_BUILDING &&
           hci_bits_reverse((uint32_t)hash) < s->filter_position;
}

void hci_store_filter_add(hc_store *store, shard *s, uint64_t hash)
{
    if (s->filter == NULL || !is_concerned(s, hash)) return;
    if (hc_filter_add_hash(s->filter, filter_hash(hash)) == HC_OK) return;
    bool building = !is_covering(s);
    give_up(s, building ? hci_monotonic_ns(&store->host) + REBUILD_PAUSE_NS : 0);
}

void hci_store_filter_delete(shard *s, uint64_t hash)
{
    if (s->filter == NULL || !is_concerned(s, hash)) return;
    hc_status status = hc_filter_delete_hash(s->filter, filter_hash(hash));
    assert(status == HC_OK);
    (void)status;
}

void hci_store_filter_clear(shard *s)
{
    if (s->filter == NULL) return;
    hc_filter_clear(s->filter);
    if (!is_covering(s)) epoch_add(s);
    s->filter_state = FILTER_COVERS;
}

/* ---- building again ---- */

typedef struct rebuild {
    hc_store *store;
    shard *s;
    size_t count;
    bool failed;
} rebuild;

static void rebuild_place(void *ctx, uint32_t place)
{
    rebuild *r = ctx;
    uint64_t hash = hci_index_hash_at(r->store, r->s, place);
    r->count++;
    if (hci_bits_reverse((uint32_t)hash) < r->s->filter_position) return; /* the index shrank */
    if (hc_filter_add_hash(r->s->filter, filter_hash(hash)) != HC_OK) r->failed = true;
}

bool hci_store_filter_maintain(hc_store *store, shard *s, size_t items_max)
{
    if (s->filter == NULL || is_covering(s)) return false;
    if (s->filter_state == FILTER_GIVEN_UP) {
        if (hci_monotonic_ns(&store->host) < s->filter_rebuild_ns) return false;
        hc_filter_clear(s->filter);
        s->filter_state = FILTER_BUILDING;
        s->filter_position = 0;
    }
    rebuild r = {.store = store, .s = s};
    /* an empty bucket is work as well */
    for (size_t i = 0; i < items_max && r.count < items_max; i++) {
        uint32_t position = hci_bits_reverse(s->filter_position);
        position = hci_scan_position(store, s, position, rebuild_place, &r);
        if (r.failed) {
            give_up(s, hci_monotonic_ns(&store->host) + REBUILD_PAUSE_NS);
            return false;
        }
        s->filter_position = hci_bits_reverse(position);
        if (position != 0) continue;
        s->filter_state = FILTER_COVERS;
        epoch_add(s);
        return false;
    }
    return true;
}
