/*
 * store_internal.h - what persistence asks of a store beyond <hypercache/store.h>: many items in,
 * and all items out, a shard at a time.
 */
#ifndef HYPERCACHE_STORE_INTERNAL_H
#define HYPERCACHE_STORE_INTERNAL_H

#include <hypercache/store.h>

#define HCI_LOAD_ITEMS_MAX 1024u /* of one hci_store_load */

typedef struct hci_load_item {
    hc_span key, value;
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: never, whatever the store's default is */
    hc_type type;
} hci_load_item;

uint32_t hci_store_shards(const hc_store *store);
/* The number of the shard in which `key` is, or would be. */
uint32_t hci_store_shard_of(const hc_store *store, hc_span key);
/* Likewise of a slot; false: the store is not made by slot, and any shard may have some of it. */
bool hci_store_shard_of_slot(const hc_store *store, uint32_t key_slot, uint32_t *shard_out);
/* `keys` items are about to come: an empty index gets its final size at once and need not grow
 * step by step.  Nobody else uses the store meanwhile. */
void hci_store_presize(hc_store *store, uint64_t keys);
/* Sets all items, those of equal keys in their order; shard after shard from number `first_shard`
 * on, each locked once, so that threads which begin at different ones seldom meet.
 *   the status of the first that failed */
hc_status hci_store_load(hc_store *store, uint32_t first_shard, const hci_load_item *items,
                         size_t count);
/* As hc_store_scan within one shard; *position is 0 at first, and again at the end. */
void hci_store_scan_shard(hc_store *store, uint32_t shard_number, uint32_t *position, size_t count,
                          hc_visit visit, void *ctx);

#endif
