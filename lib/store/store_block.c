/*
 * store_block.c - a large value that arrived in memory which the store can take over.
 *
 *     space  [ hc_block | extent | key ...    |...| what the caller writes: .. value .. ]
 *            0          EXTENT_AT             DATA_AT           ^extent->bytes + value_at
 *
 * The whole is reserved address space, so pages nobody wrote to cost nothing: neither the room for
 * the longest key nor what `bytes_max` was too much.  Taking it over fills in the extent's header
 * and copies the key; the caller's own reference is one more on the extent, so that what else lies
 * in the block can be read until hc_block_release, even if the key is deleted meanwhile.
 */
#include "store/store_private.h"

#define EXTENT_AT 1024u
#define DATA_AT (18u * PAGE_BYTES)
#define PAGES_AROUND 4u /* begun at both ends of header, key and value: counted in full */

struct hc_block {
    hci_host host;
    hc_store *store; /* that took it; NULL: none did */
    size_t space_bytes, bytes_max;
};

static_assert(sizeof(hc_block) <= EXTENT_AT, "the header has its place");
static_assert(EXTENT_AT + sizeof(hci_extent) + HC_KEY_BYTES_MAX <= DATA_AT, "any key has room");

static hci_extent *block_extent(hc_block *block)
{
    return (hci_extent *)(void *)((uint8_t *)block + EXTENT_AT);
}

hc_status hc_block_create(const hc_host *host, size_t bytes_max, hc_block **block_out)
{
    hci_host resolved;
    *block_out = NULL;
    hc_status status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    if (bytes_max == 0 || bytes_max > HC_BLOCK_BYTES_MAX) return HC_ERR_INVALID;
    size_t space_bytes = DATA_AT + (bytes_max + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    hc_block *block = hci_reserve(&resolved, space_bytes);
    if (block == NULL) return HC_ERR_NO_MEMORY;
    *block = (hc_block){.host = resolved, .space_bytes = space_bytes, .bytes_max = bytes_max};
    *block_out = block;
    return HC_OK;
}

uint8_t *hc_block_data(hc_block *block)
{
    return (uint8_t *)block + DATA_AT;
}

size_t hci_block_space_bytes(const hc_block *block)
{
    return block->space_bytes;
}

void hci_block_free(hc_block *block)
{
    hci_host host = block->host;
    hci_unreserve(&host, block, block->space_bytes);
}

void hc_block_release(hc_block *block)
{
    if (block == NULL) return;
    if (block->store != NULL)
        hci_extent_release(block->store, block_extent(block));
    else
        hci_block_free(block);
}

/* Their memory comes from one place. */
static bool may_give_back(const hc_store *store, const hc_block *block)
{
    const hc_memory *ours = &store->host.memory, *its = &block->host.memory;
    return ours->ctx == its->ctx && ours->unreserve == its->unreserve;
}

void hc_block_bury(hc_block *block, hc_store *store)
{
    if (block != NULL && block->store == NULL && may_give_back(store, block))
        hci_grave_add(store, block, block->space_bytes, 0);
    else
        hc_block_release(block);
}

/* May this store take it, and does the value fill it? */
static bool may_take(const hc_store *store, hc_block *block, hc_span value)
{
    uintptr_t first = (uintptr_t)hc_block_data(block), at = (uintptr_t)value.data;
    if (block->store != NULL || !may_give_back(store, block)) return false;
    if (at < first || at - first > block->bytes_max) return false;
    if (value.size > block->bytes_max - (at - first)) return false;
    return at - first + PAGES_AROUND * PAGE_BYTES <= value.size / 8;
}

hc_status hci_block_take(hc_store *store, shard *held, hc_block *block, hc_span key, hc_span value,
                         hci_extent **extent_out)
{
    *extent_out = NULL;
    if (!may_take(store, block, value)) return HC_OK;
    hci_extent *extent = block_extent(block);
    size_t before = (size_t)(value.data - hc_block_data(block));
    size_t counted = key.size + before + value.size + PAGES_AROUND * PAGE_BYTES;
    hc_status status = hci_reclaim_room(store, held, sizeof *extent + counted);
    if (status != HC_OK) return status;
    *extent = (hci_extent){.references = 2, /* the caller's and that of extent_out */
                           .key_bytes = (uint32_t)key.size,
                           .value_bytes = value.size,
                           .capacity = counted,
                           .value_at = (size_t)(value.data - extent->bytes),
                           .block = block};
    if (key.size > 0) memcpy(extent->bytes, key.data, key.size);
    block->store = store;
    hci_extent_count(store, (int64_t)(sizeof *extent + counted));
    *extent_out = extent;
    return HC_OK;
}
