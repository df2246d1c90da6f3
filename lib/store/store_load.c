/*
 * store_load.c - many items at once, from a file that was checked.
 *
 *     hashes of all -> order by shard, stable -> per shard: lock, prefetch ahead, write, unlock
 *
 * Two things make a load faster than as many calls of hc_store_set: a shard's lock is taken once
 * for all its items, while the buckets of the next ones are on their way to the cache; and the
 * index has its final size from the start (hci_store_presize), so that no bucket is ever split,
 * which would read every item's key once more.
 */
#include "base/crc16.h"
#include "store/store_compress.h"
#include "store/store_internal.h"
#include "store/store_private.h"
#include "store/store_write.h"

#define AHEAD 12u          /* items whose buckets are fetched before they are needed */
#define LOAD_PRESIZED 922u /* items per slot in 1/1024: 0.90, just below where growing begins */

uint32_t hci_store_shards(const hc_store *store)
{
    return store->shard_count;
}

#define SHARD_AT 44u /* as shard_of reads it */

static uint32_t number_of(const hc_store *store, uint64_t hash)
{
    return (uint32_t)(shard_of(store, hash) - store->shards);
}

uint32_t hci_store_shard_of(const hc_store *store, hc_span key)
{
    return number_of(store, hash_of(store, key));
}

uint64_t hci_hash_by_slot(const hc_store *store, hc_span key, uint64_t hash)
{
    uint64_t number = (uint64_t)(hci_slot(key) >> store->slot_shift);
    return (hash & ((UINT64_C(1) << SHARD_AT) - 1)) | number << SHARD_AT;
}

bool hci_store_shard_of_slot(const hc_store *store, uint32_t key_slot, uint32_t *shard_out)
{
    *shard_out = key_slot >> store->slot_shift;
    return store->slot_shift != 0;
}

void hci_store_presize(hc_store *store, uint64_t keys)
{
    uint64_t per_shard = keys / store->shard_count;
    uint64_t buckets = per_shard * 1024 / (BUCKET_SLOTS * LOAD_PRESIZED) + 1;
    if (buckets > BUCKETS_MAX) buckets = BUCKETS_MAX;
    /* where keys will be evicted, nobody knows how many stay */
    if (!memory_fits(store, buckets * sizeof(bucket) * store->shard_count * 4, 0)) return;
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard *s = &store->shards[i];
        hci_lock_acquire(&s->lock);
        hci_index_presize(store, s, (uint32_t)buckets);
        hci_lock_release(&s->lock);
    }
}

/* What is compressed or has memory of its own takes the way of any write. */
static bool is_plain(const hc_store *store, const hci_load_item *item)
{
    return store->compressor == NULL && !hci_value_is_large(item->key.size, item->value.size);
}

static hc_set_options options_of(const hci_load_item *item)
{
    return (hc_set_options){.size = sizeof(hc_set_options),
                            .expires_at_ms = item->expires_at_ms,
                            .type = item->type,
                            .no_default = true};
}

/* The lock is held, and given up for what is not plain. */
static hc_status write_one(hc_store *store, shard *s, uint64_t hash, const hci_load_item *item)
{
    hc_set_options options = options_of(item);
    if (is_plain(store, item)) {
        if (item->key.size > HC_KEY_BYTES_MAX) return HC_ERR_LIMIT;
        hci_extent *none = NULL;
        new_value value = {.raw = item->value, .stored = item->value};
        return hci_write_set(store, s, hash, item->key, &value, &options, &none);
    }
    hci_lock_release(&s->lock);
    hc_status status = hc_store_set(store, item->key, item->value, &options);
    hci_lock_acquire(&s->lock);
    return status;
}

static void buckets_prefetch(const shard *s, uint64_t hash)
{
    bucket_pair pair = index_pair(s, hash);
    __builtin_prefetch(pair.first, 1);
    __builtin_prefetch(pair.second, 1);
}

/* Items order[0 .. count-1], all of one shard. */
static hc_status shard_load(hc_store *store, shard *s, const hci_load_item *items,
                            const uint64_t *hashes, const uint16_t *order, size_t count)
{
    hc_status status = HC_OK;
    hci_lock_acquire(&s->lock);
    for (size_t i = 0; i < count && i < AHEAD; i++)
        buckets_prefetch(s, hashes[order[i]]);
    for (size_t i = 0; i < count && status == HC_OK; i++) {
        if (i + AHEAD < count) buckets_prefetch(s, hashes[order[i + AHEAD]]);
        status = write_one(store, s, hashes[order[i]], &items[order[i]]);
    }
    hci_lock_release(&s->lock);
    return status;
}

hc_status hci_store_load(hc_store *store, uint32_t first_shard, const hci_load_item *items,
                         size_t count)
{
    uint64_t hashes[HCI_LOAD_ITEMS_MAX];
    uint16_t order[HCI_LOAD_ITEMS_MAX];
    uint16_t ends[HC_STORE_SHARDS_MAX + 1] = {0}; /* of each shard's items in `order` */
    assert(count <= HCI_LOAD_ITEMS_MAX);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(store, items[i].key);
        ends[number_of(store, hashes[i]) + 1]++;
    }
    for (uint32_t i = 0; i < store->shard_count; i++)
        ends[i + 1] = (uint16_t)(ends[i + 1] + ends[i]);
    for (size_t i = 0; i < count; i++)
        order[ends[number_of(store, hashes[i])]++] = (uint16_t)i;
    hc_status status = HC_OK;
    for (uint32_t i = 0; i < store->shard_count && status == HC_OK; i++) {
        uint32_t number = (first_shard + i) % store->shard_count;
        uint16_t begin = number == 0 ? 0 : ends[number - 1]; /* ends[] moved on by one shard */
        if (begin == ends[number]) continue;
        status = shard_load(store, &store->shards[number], items, hashes, order + begin,
                            (size_t)(ends[number] - begin));
    }
    pressure_tell(store);
    return status;
}
