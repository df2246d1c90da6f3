/*
 * store_scan.c - walking through all items in an order that survives growing and shrinking.
 *
 *     cursor   | shard | bucket position, its bits counted from the top |
 *
 * The walk goes through the positions 0 .. N-1 of the smaller table size as if their binary digits
 * stood in reverse (P. Noordhuis's scan of Redis): all buckets that one bucket may be split into,
 * or merged with, come together.  A bucket that has been split is visited with its other half.
 * Items are visited with their first bucket wherever they lie (hci_index_visit), so displacement
 * does not matter.
 *
 * hc_store_random draws a position and walks on from there until it meets an item.
 */
#include "store/store_compress.h"
#include "store/store_internal.h"
#include "store/store_private.h"

#include <hypercache/glob.h>

typedef struct visiting {
    hc_store *store;
    const shard *s;
    hc_visit visit;
    void *ctx;
    size_t count; /* items visited */
    size_t skip;  /* items to pass by first */
    size_t count_max;
    const hc_span *pattern; /* NULL: any key */
    bool keys_only;         /* values without data */
} visiting;

static void visit_place(void *ctx, uint32_t place)
{
    visiting *v = ctx;
    item_ref item;
    item_at(v->s, place, &item);
    if (item_expired(v->store, &item.header)) return;
    if (v->count >= v->count_max) return;
    if (v->skip > 0) {
        v->skip--;
        return;
    }
    v->count++;
    if (v->visit == NULL) return;
    if (v->pattern != NULL && !hc_glob_match(*v->pattern, item.key)) return;
    hc_item out = {.key = item.key,
                   .value = item.value,
                   .expires_at_ms = item.header.expires_at_ms,
                   .type = item_type(&item.header)};
    hci_codec *codec = NULL;
    bool packed = (item.header.flags & ITEM_COMPRESSED) != 0;
    if (packed || v->keys_only)
        out.value = hc_span_make(NULL, packed ? hci_item_raw_bytes(&item) : item.value.size);
    if (packed && !v->keys_only) {
        codec = hci_codec_take(v->store);
        if (codec != NULL) (void)hci_unpack_view(v->store, codec, item.value, &out.value);
    }
    v->visit(v->ctx, &out);
    hci_codec_put(v->store, codec);
}

/* The position's bucket, and the other half if it has been split. */
uint32_t hci_scan_position(const hc_store *store, const shard *s, uint32_t position,
                           hci_place_visit visit, void *ctx)
{
    uint32_t buckets = s->bucket_count;
    uint32_t low = (UINT32_MAX >> __builtin_clz(buckets)) >> 1;
    uint32_t at = position & low;
    hci_index_visit(store, s, at, visit, ctx);
    if (at + low + 1 < buckets) hci_index_visit(store, s, at + low + 1, visit, ctx);
    return hci_bits_reverse(hci_bits_reverse(position | ~low) + 1);
}

static void scan(hc_store *store, uint64_t *cursor, size_t count, visiting *v)
{
    uint64_t number = *cursor >> 32;
    uint32_t position = (uint32_t)*cursor;
    if (count > HC_SCAN_COUNT_MAX) count = HC_SCAN_COUNT_MAX;
    v->count_max = SIZE_MAX;
    do {
        if (number >= store->shard_count) {
            *cursor = 0;
            return;
        }
        shard *s = &store->shards[number];
        v->s = s;
        hci_lock_acquire(&s->lock);
        position = hci_scan_position(store, s, position, visit_place, v);
        hci_lock_release(&s->lock);
        if (position == 0) number++;
    } while (v->count < count);
    *cursor = number < store->shard_count ? number << 32 | position : 0;
}

void hci_store_scan_shard(hc_store *store, uint32_t shard_number, uint32_t *position, size_t count,
                          hc_visit visit, void *ctx)
{
    shard *s = &store->shards[shard_number];
    visiting v = {.store = store, .s = s, .visit = visit, .ctx = ctx, .count_max = SIZE_MAX};
    do {
        hci_lock_acquire(&s->lock);
        *position = hci_scan_position(store, s, *position, visit_place, &v);
        hci_lock_release(&s->lock);
    } while (*position != 0 && v.count < count);
}

void hc_store_scan(hc_store *store, uint64_t *cursor, size_t count, hc_visit visit, void *ctx)
{
    visiting v = {.store = store, .visit = visit, .ctx = ctx};
    scan(store, cursor, count, &v);
}

void hc_store_scan_keys(hc_store *store, uint64_t *cursor, size_t count, hc_visit visit, void *ctx)
{
    visiting v = {.store = store, .visit = visit, .ctx = ctx, .keys_only = true};
    scan(store, cursor, count, &v);
}

hc_status hc_store_scan_match(hc_store *store, uint64_t *cursor, size_t count, hc_span pattern,
                              hc_visit visit, void *ctx)
{
    if (pattern.size > HC_GLOB_PATTERN_BYTES_MAX) return HC_ERR_LIMIT;
    visiting v = {.store = store, .visit = visit, .ctx = ctx, .pattern = &pattern};
    scan(store, cursor, count, &v);
    return HC_OK;
}

/* One item of one shard: a random one of the first bucket at or after a random position that has
 * any. */
static size_t shard_random(hc_store *store, shard *s, hc_visit visit, void *ctx)
{
    uint64_t random = hci_random_uint64(&store->host);
    uint32_t start = (uint32_t)(random % s->bucket_count);
    for (uint32_t i = 0; i < s->bucket_count; i++) {
        uint32_t at = (start + i) % s->bucket_count;
        visiting counting = {.store = store, .s = s, .count_max = SIZE_MAX};
        hci_index_visit(store, s, at, visit_place, &counting);
        if (counting.count == 0) continue;
        visiting one = {.store = store,
                        .s = s,
                        .visit = visit,
                        .ctx = ctx,
                        .skip = (size_t)(random >> 32) % counting.count,
                        .count_max = 1};
        hci_index_visit(store, s, at, visit_place, &one);
        if (one.count > 0) return one.count;
    }
    return 0;
}

size_t hc_store_random(hc_store *store, hc_visit visit, void *ctx)
{
    uint32_t start = (uint32_t)hci_random_uint64(&store->host);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard *s = &store->shards[(start + i) & (store->shard_count - 1)];
        hci_lock_acquire(&s->lock);
        size_t visited = shard_random(store, s, visit, ctx);
        hci_lock_release(&s->lock);
        if (visited > 0) return visited;
    }
    return 0;
}
