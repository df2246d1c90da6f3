/*
 * store.c - making a store, and its writes: find the shard, lock it, do one write.
 *
 * One reserved space holds the hc_store, its shards and their segment tables; data and index are a
 * space each per shard.  Address space costs nothing until touched, so a new store takes a few
 * pages.
 */
#include "base/crc16.h"
#include "base/options.h"
#include "store/store_compress.h"
#include "store/store_private.h"
#include "store/store_write.h"

#define SHARDS_DEFAULT 16u
#define SHARD_MEMORY_MIN (16u << 20) /* of the limit; else fewer shards */
#define SHARD_MEMORY_MAX (1u << 30)  /* else more, for a shard ends at 4 GiB of packed items */
#define DATA_SPACE_BYTES (DATA_BYTES + PAGE_BYTES) /* racy.h reads a little beyond */
#define INDEX_SPACE_BYTES ((size_t)BUCKETS_MAX * sizeof(bucket))
#define SEGMENT_TABLE_BYTES ((size_t)SEGMENTS_MAX * sizeof(segment))

static_assert(DATA_SPACE_BYTES - DATA_BYTES >= RACY_SLACK, "loads beyond the last item");
static_assert(HC_STORE_SHARDS_MAX % 64 == 0, "hc_txn has one bit a shard");
static_assert(HC_STORE_SHARDS_MAX < HCI_SLOTS, "a shard has more than a slot");

static uint32_t shard_count_choose(const hc_store_options *options)
{
    if (options->shards != 0) return options->shards;
    uint64_t limit = options->max_memory_bytes;
    uint32_t count = SHARDS_DEFAULT;
    if (limit == 0) return count;
    while (count > 1 && limit / count < SHARD_MEMORY_MIN) {
        count /= 2;
    }
    while (count < HC_STORE_SHARDS_MAX && limit / count > SHARD_MEMORY_MAX) {
        count *= 2;
    }
    return count;
}

static hc_status options_check(const hc_store_options *o)
{
    if (o->shards > HC_STORE_SHARDS_MAX || (o->shards & (o->shards - 1)) != 0) {
        return HC_ERR_INVALID;
    }
    if (o->max_memory_bytes != 0 && o->max_memory_bytes < HC_STORE_MEMORY_BYTES_MIN) {
        return HC_ERR_INVALID;
    }
    if (o->default_ttl_ms < 0 || o->default_ttl_ms > HC_EXPIRY_MAX_MS / 2) return HC_ERR_INVALID;
    if (!hci_policy_known(o->eviction)) return HC_ERR_INVALID;
    if (o->compression > HC_COMPRESSION_ZSTD) return HC_ERR_INVALID;
    if (o->compression_min_bytes != 0 && o->compression_min_bytes < COMPRESSION_MIN_BYTES_MIN) {
        return HC_ERR_INVALID;
    }
    if (o->by_slot > 1 || o->slot_reserved != 0) return HC_ERR_INVALID;
    return o->filter_reserved == 0 ? HC_OK : HC_ERR_INVALID;
}

static hc_status shard_init(hc_store *store, shard *s, uint8_t *segment_table)
{
    hci_lock_init(&s->lock);
    s->segments = (segment *)(void *)segment_table;
    s->data = hci_reserve(&store->host, DATA_SPACE_BYTES);
    s->buckets = hci_reserve(&store->host, INDEX_SPACE_BYTES);
    if (s->data == NULL || s->buckets == NULL) return HC_ERR_NO_MEMORY;
    atomic_store_explicit(&s->bucket_count, 1, memory_order_relaxed);
    s->index_pages = 1;
    s->random = hci_random_uint64(&store->host) | 1;
    memory_add(store, PAGE_BYTES);
    hci_segment_reset(store, s);
    return HC_OK;
}

static void shard_fini(hc_store *store, shard *s)
{
    hci_store_filter_fini(s);
    hci_extent_flush(store, s);
    hci_extent_bury(store, s, SIZE_MAX);
    hci_release(&store->host, s->stash, s->stash_capacity * sizeof *s->stash);
    hci_unreserve(&store->host, s->data, DATA_SPACE_BYTES);
    hci_unreserve(&store->host, s->buckets, INDEX_SPACE_BYTES);
    hci_lock_fini(&s->lock);
}

static size_t round_to_page(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* Takes the options over, which are in range, into a store that is all zero. */
static hc_status store_configure(hc_store *store, const hc_store_options *o)
{
    hci_policy_take(store, o->eviction);
    store->seed = o->seed != 0 ? o->seed : hci_random_uint64(&store->host);
    store->hash_mask = UINT64_MAX;
    store->default_ttl_ms = o->default_ttl_ms;
    store->memory_limit = o->max_memory_bytes != 0 ? o->max_memory_bytes : UINT64_MAX;
    return hci_pressure_init(&store->pressure, o->pressure);
}

hc_status hc_store_create(const hc_host *host, const hc_store_options *options,
                          hc_store **store_out)
{
    hc_store_options o;
    hci_host resolved;
    *store_out = NULL;
    hc_status status =
        hci_options_copy(&o, sizeof o, options, options != NULL ? options->size : sizeof o);
    if (status == HC_OK) status = options_check(&o);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;

    uint32_t shards = shard_count_choose(&o);
    size_t head_bytes = round_to_page(sizeof(hc_store));
    size_t shards_bytes = round_to_page(shards * sizeof(shard));
    size_t space_bytes = head_bytes + shards_bytes + shards * SEGMENT_TABLE_BYTES;
    uint8_t *space = hci_reserve(&resolved, space_bytes);
    if (space == NULL) return HC_ERR_NO_MEMORY;
    hc_store *store = (hc_store *)(void *)space;
    store->space_bytes = space_bytes;
    store->host = resolved;
    hci_grave_init(store);
    store->shards = (shard *)(void *)(space + head_bytes);
    status = store_configure(store, &o);
    if (o.by_slot != 0)
        store->slot_shift = (uint32_t)__builtin_ctz(HCI_SLOTS) - (uint32_t)__builtin_ctz(shards);
    memory_add(store, head_bytes + shards_bytes);
    if (status == HC_OK) status = hci_compressor_create(store, &o);
    for (uint32_t i = 0; i < shards && status == HC_OK; i++) {
        uint8_t *segments = space + head_bytes + shards_bytes + i * SEGMENT_TABLE_BYTES;
        store->shard_count = i + 1; /* what destroy has to undo */
        status = shard_init(store, &store->shards[i], segments);
        if (status == HC_OK) status = hci_store_filter_init(store, &store->shards[i], &o, shards);
    }
    if (status != HC_OK) {
        hc_store_destroy(store);
        return status;
    }
    *store_out = store;
    hci_pressure_look(store);
    return HC_OK;
}

void hc_store_destroy(hc_store *store)
{
    if (store == NULL) return;
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard_fini(store, &store->shards[i]);
    }
    hci_grave_fini(store);
    hci_pressure_fini(&store->pressure);
    hci_compressor_destroy(store);
    hci_host host = store->host;
    hci_unreserve(&host, store, store->space_bytes);
}

/* ---- writing ---- */

static hc_status set_options_resolve(const hc_store *store, const hc_set_options *options,
                                     hc_set_options *out)
{
    if (options == NULL) {
        *out = (hc_set_options){.expires_at_ms = hci_write_default_expiry(store)};
        return HC_OK;
    }
    hc_status status = hci_options_copy(out, sizeof *out, options, options->size);
    if (status != HC_OK) return status;
    if (out->expires_at_ms < 0 || out->expires_at_ms > HC_EXPIRY_MAX_MS) return HC_ERR_INVALID;
    if ((unsigned)out->condition > HC_IF_VERSION || (unsigned)out->type > HC_TYPE_FILTER) {
        return HC_ERR_INVALID;
    }
    if (out->expires_at_ms == HC_EXPIRY_NONE && !out->no_default) {
        out->expires_at_ms = hci_write_default_expiry(store);
    }
    return HC_OK;
}

/* Large values are copied before the lock is taken; `held` is the shard whose lock the caller has.
 */
static hc_status extent_prepare(hc_store *store, shard *held, hc_span key, hc_span value,
                                hc_block *block, hci_extent **extent_out)
{
    *extent_out = NULL;
    if (key.size > HC_KEY_BYTES_MAX || value.size > HC_VALUE_BYTES_MAX) return HC_ERR_LIMIT;
    if (!hci_value_is_large(key.size, value.size)) return HC_OK;
    hc_status status = HC_OK;
    if (block != NULL) status = hci_block_take(store, held, block, key, value, extent_out);
    if (status != HC_OK || *extent_out != NULL) return status;
    status = hci_reclaim_room(store, held, sizeof(hci_extent) + key.size + value.size);
    if (status != HC_OK) return status;
    *extent_out = hci_extent_create(store, key, &value, 1, 0);
    return *extent_out != NULL ? HC_OK : HC_ERR_NO_MEMORY;
}

/* One write to a shard that is locked (`held`) or is locked here. */
static hc_status set_packed(hc_store *store, shard *s, bool held, uint64_t hash, hc_span key,
                            const packing *packed, const hc_set_options *o)
{
    hc_span value = packed->value.stored;
    hci_extent *extent;
    bool done = false;
    if (hci_value_is_large(key.size, value.size) && value.size <= OVER_EXTENT_BYTES_MAX) {
        if (!held) hci_lock_acquire(&s->lock);
        done = hci_write_over_extent(store, s, hash, key, &packed->value, o);
        if (!held) hci_lock_release(&s->lock);
    }
    if (done) return HC_OK;
    hc_status status = extent_prepare(store, held ? s : NULL, key, value, o->block, &extent);
    if (status != HC_OK) return status;
    if (!held) hci_lock_acquire(&s->lock);
    status = hci_write_set(store, s, hash, key, &packed->value, o, &extent);
    if (!held) hci_lock_release(&s->lock);
    hci_extent_release(store, extent);
    return status;
}

static hc_status set_one(hc_store *store, uint64_t hash, hc_span key, hc_span value,
                         const hc_set_options *options)
{
    hc_set_options o;
    hc_status status = set_options_resolve(store, options, &o);
    if (status != HC_OK) return status;
    packing packed = hci_pack(store, value);
    status = set_packed(store, shard_of(store, hash), false, hash, key, &packed, &o);
    hci_pack_end(store, &packed);
    pressure_tell(store);
    return status;
}

hc_status hc_store_set(hc_store *store, hc_span key, hc_span value, const hc_set_options *options)
{
    return set_one(store, hash_of(store, key), key, value, options);
}

void hc_store_set_many(hc_store *store, hc_set *sets, size_t count)
{
    uint64_t hashes[HC_STORE_BATCH_MAX];
    assert(count <= HC_STORE_BATCH_MAX);
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(store, sets[i].key);
    }
    hci_read_prefetch(store, hashes, count);
    for (size_t i = 0; i < count; i++) {
        sets[i].status = set_one(store, hashes[i], sets[i].key, sets[i].value, sets[i].options);
    }
}

hc_status hc_store_delete(hc_store *store, hc_span key)
{
    uint64_t hash = hash_of(store, key);
    shard *s = shard_of(store, hash);
    hci_lock_acquire(&s->lock);
    hc_status status = hci_write_delete(store, s, hash, key);
    hci_lock_release(&s->lock);
    pressure_tell(store);
    return status;
}

hc_status hc_store_delete_if(hc_store *store, hc_span key, uint64_t version)
{
    uint64_t hash = hash_of(store, key);
    shard *s = shard_of(store, hash);
    hci_lock_acquire(&s->lock);
    hc_status status = hci_write_delete_if(store, s, hash, key, version);
    hci_lock_release(&s->lock);
    pressure_tell(store);
    return status;
}

hc_status hc_store_expire(hc_store *store, hc_span key, int64_t expires_at_ms)
{
    if (expires_at_ms < 0 || expires_at_ms > HC_EXPIRY_MAX_MS) return HC_ERR_INVALID;
    uint64_t hash = hash_of(store, key);
    shard *s = shard_of(store, hash);
    hci_lock_acquire(&s->lock);
    hc_status status = hci_write_expire(store, s, hash, key, expires_at_ms);
    hci_lock_release(&s->lock);
    pressure_tell(store);
    return status;
}

hc_status hc_store_increment(hc_store *store, hc_span key, int64_t delta, int64_t *value_out)
{
    if (key.size > HC_KEY_BYTES_MAX) return HC_ERR_LIMIT;
    uint64_t hash = hash_of(store, key);
    shard *s = shard_of(store, hash);
    hci_lock_acquire(&s->lock);
    hc_status status = hci_write_increment(store, s, hash, key, delta, value_out);
    hci_lock_release(&s->lock);
    pressure_tell(store);
    return status;
}

hc_status hc_store_append(hc_store *store, hc_span key, hc_span tail, size_t *size_out)
{
    if (key.size > HC_KEY_BYTES_MAX || tail.size > HC_VALUE_BYTES_MAX) return HC_ERR_LIMIT;
    uint64_t hash = hash_of(store, key);
    shard *s = shard_of(store, hash);
    hci_lock_acquire(&s->lock);
    hc_status status = hci_write_append(store, s, hash, key, tail, size_out);
    hci_lock_release(&s->lock);
    pressure_tell(store);
    return status;
}

void hc_store_flush(hc_store *store)
{
    hci_shards_lock(store);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard *s = &store->shards[i];
        hci_index_reset(store, s);
        hci_segment_reset(store, s);
        hci_extent_flush(store, s);
        hci_store_filter_clear(s);
        s->count = 0;
        s->count_with_expiry = 0;
        s->packed = (packed_counters){0};
        s->moves++;
    }
    if (effect_wanted(store, HC_EFFECT_FLUSH)) {
        hci_effect_tell(store, store->shards, &(hc_effect){.kind = HC_EFFECT_FLUSH});
    }
    hci_shards_unlock(store);
    pressure_tell(store);
}

/* ---- transactions ---- */

void hc_store_begin(hc_store *store, const hc_span *keys, size_t count, hc_txn *txn)
{
    *txn = (hc_txn){.store = store};
    for (size_t i = 0; i < count; i++) {
        size_t number = (size_t)(shard_of(store, hash_of(store, keys[i])) - store->shards);
        txn->locked[number / 64] |= UINT64_C(1) << number % 64;
    }
    for (uint32_t i = 0; i < store->shard_count; i++) {
        if (!(txn->locked[i / 64] >> i % 64 & 1)) continue;
        hci_lock_acquire(&store->shards[i].lock);
        store->shards[i].in_txn = true;
    }
}

void hc_store_end(hc_txn *txn)
{
    hci_effect_commit(txn->store, txn);
    for (uint32_t i = 0; i < txn->store->shard_count; i++) {
        if (txn->locked[i / 64] >> i % 64 & 1) hci_lock_release(&txn->store->shards[i].lock);
    }
    hci_views_drop(txn);
    pressure_tell(txn->store);
    *txn = (hc_txn){.store = NULL};
}

/* The key's shard, which the transaction must hold. */
static shard *txn_shard(const hc_txn *txn, uint64_t hash)
{
    shard *s = shard_of(txn->store, hash);
    size_t number = (size_t)(s - txn->store->shards);
    assert(txn->locked[number / 64] >> number % 64 & 1);
    (void)number;
    return s;
}

hc_status hc_txn_get(hc_txn *txn, hc_span key, hc_item *item_out)
{
    uint64_t hash = hash_of(txn->store, key);
    shard *s = txn_shard(txn, hash);
    slot at;
    item_ref item;
    bool hit = hci_write_find(txn->store, s, hash, key, &at, &item);
    hci_read_count(txn->store, hit, !hit, 0);
    if (!hit) return HC_ERR_NOT_FOUND;
    unsigned use = hci_index_use(s, at);
    if (use < BUCKET_USE_MAX && txn->quiet == 0) hci_index_use_set(s, at, use + 1);
    *item_out = (hc_item){.key = item.key,
                          .value = item.value,
                          .expires_at_ms = item.header.expires_at_ms,
                          .type = item_type(&item.header)};
    if (!(item.header.flags & ITEM_COMPRESSED)) return HC_OK;
    return hci_views_add(txn, item.value, &item_out->value);
}

hc_status hc_txn_view(hc_txn *txn, hc_span key, hc_view *view_out)
{
    uint64_t hash = hash_of(txn->store, key);
    slot at;
    item_ref item;
    *view_out = (hc_view){.store = txn->store};
    if (!hci_write_find(txn->store, txn_shard(txn, hash), hash, key, &at, &item)) {
        return HC_ERR_NOT_FOUND;
    }
    if (item.extent == NULL || item.header.flags & ITEM_COMPRESSED) return HC_ERR_UNSUPPORTED;
    item_lend(&item, view_out);
    return HC_OK;
}

hc_status hc_txn_stat(hc_txn *txn, hc_span key, hc_item *item_out)
{
    uint64_t hash = hash_of(txn->store, key);
    slot at;
    item_ref item;
    if (!hci_write_find(txn->store, txn_shard(txn, hash), hash, key, &at, &item)) {
        return HC_ERR_NOT_FOUND;
    }
    bool packed = (item.header.flags & ITEM_COMPRESSED) != 0;
    size_t bytes = packed ? hci_item_raw_bytes(&item) : item.value.size;
    *item_out = (hc_item){.value = hc_span_make(NULL, bytes),
                          .expires_at_ms = item.header.expires_at_ms,
                          .type = item_type(&item.header)};
    return HC_OK;
}

hc_status hc_txn_touch(hc_txn *txn, hc_span key)
{
    uint64_t hash = hash_of(txn->store, key);
    shard *s = txn_shard(txn, hash);
    slot at;
    item_ref item;
    if (!hci_write_find(txn->store, s, hash, key, &at, &item)) return HC_ERR_NOT_FOUND;
    unsigned use = hci_index_use(s, at);
    if (use < BUCKET_USE_MAX) hci_index_use_set(s, at, use + 1);
    return HC_OK;
}

hc_status hc_txn_set(hc_txn *txn, hc_span key, hc_span value, const hc_set_options *options)
{
    hc_set_options o;
    uint64_t hash = hash_of(txn->store, key);
    shard *s = txn_shard(txn, hash);
    hc_status status = set_options_resolve(txn->store, options, &o);
    if (status != HC_OK) return status;
    packing packed = hci_pack(txn->store, value);
    status = set_packed(txn->store, s, true, hash, key, &packed, &o);
    hci_pack_end(txn->store, &packed);
    hci_views_drop(txn);
    return status;
}

hc_status hc_txn_patch(hc_txn *txn, hc_span key, size_t offset, hc_span patch, size_t *size_out)
{
    if (key.size > HC_KEY_BYTES_MAX) return HC_ERR_LIMIT;
    uint64_t hash = hash_of(txn->store, key);
    shard *s = txn_shard(txn, hash);
    hc_status status = hci_write_patch(txn->store, s, hash, key, offset, patch, size_out);
    hci_views_drop(txn);
    return status;
}

hc_status hc_txn_delete(hc_txn *txn, hc_span key)
{
    uint64_t hash = hash_of(txn->store, key);
    hc_status status = hci_write_delete(txn->store, txn_shard(txn, hash), hash, key);
    hci_views_drop(txn);
    return status;
}

hc_status hc_txn_delete_if(hc_txn *txn, hc_span key, uint64_t version)
{
    uint64_t hash = hash_of(txn->store, key);
    hc_status status = hci_write_delete_if(txn->store, txn_shard(txn, hash), hash, key, version);
    hci_views_drop(txn);
    return status;
}

hc_status hc_txn_expire(hc_txn *txn, hc_span key, int64_t expires_at_ms)
{
    if (expires_at_ms < 0 || expires_at_ms > HC_EXPIRY_MAX_MS) return HC_ERR_INVALID;
    uint64_t hash = hash_of(txn->store, key);
    hc_status status = hci_write_expire(txn->store, txn_shard(txn, hash), hash, key, expires_at_ms);
    hci_views_drop(txn);
    return status;
}
