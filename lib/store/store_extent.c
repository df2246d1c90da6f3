/*
 * store_extent.c - values too large to be packed live in a block of their own.
 *
 * The index points at a small stub in a segment (store_item.h), so eviction, expiry and scans treat
 * such an item as any other.  Blocks are counted: the stub holds one reference, and whoever copies
 * the value out holds another, so a value of 512 MiB is copied without the lock and freed by the
 * last one to leave.
 *
 * memory_bytes counts an extent from its creation until it is really freed; one of GRAVE_BYTES_MIN
 * and more, which lies in reserved space for that, is freed by and by (store_grave.c).
 */
#include "store/store_private.h"

#define GRAVE_BYTES_MIN (4u << 20) /* freeing a smaller one takes less than half a millisecond */

static size_t extent_bytes(const hci_extent *extent)
{
    return sizeof *extent + extent->capacity;
}

void hci_extent_count(hc_store *store, int64_t bytes)
{
    if (bytes >= 0)
        memory_add(store, (size_t)bytes);
    else
        memory_subtract(store, (size_t)-bytes);
    atomic_fetch_add_explicit(&store->extent_bytes, (uint64_t)bytes, memory_order_relaxed);
}

hci_extent *hci_extent_create(hc_store *store, hc_span key, const hc_span *parts, size_t part_count,
                              size_t capacity)
{
    size_t value_bytes = 0;
    for (size_t i = 0; i < part_count; i++) {
        value_bytes += parts[i].size;
    }
    if (capacity < key.size + value_bytes) capacity = key.size + value_bytes;
    size_t bytes = sizeof(hci_extent) + capacity, space_bytes = 0;
    if (bytes >= GRAVE_BYTES_MIN) space_bytes = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    hci_extent *extent = space_bytes != 0 ? hci_reserve(&store->host, space_bytes)
                                          : hci_allocate(&store->host, bytes);
    if (extent == NULL) return NULL;
    *extent = (hci_extent){.references = 1,
                           .key_bytes = (uint32_t)key.size,
                           .value_bytes = value_bytes,
                           .value_at = key.size,
                           .capacity = capacity,
                           .space_bytes = space_bytes};
    uint8_t *to = extent->bytes;
    if (key.size > 0) memcpy(to, key.data, key.size);
    to += key.size;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0) memcpy(to, parts[i].data, parts[i].size);
        to += parts[i].size;
    }
    hci_extent_count(store, (int64_t)bytes);
    return extent;
}

void hci_extent_release(hc_store *store, hci_extent *extent)
{
    if (extent == NULL) return;
    if (atomic_fetch_sub_explicit(&extent->references, 1, memory_order_acq_rel) > 1) return;
    size_t bytes = extent_bytes(extent);
    hc_block *block = extent->block;
    if (block != NULL && bytes >= GRAVE_BYTES_MIN) {
        hci_grave_add(store, block, hci_block_space_bytes(block), bytes);
        return;
    }
    if (extent->space_bytes != 0) {
        hci_grave_add(store, extent, extent->space_bytes, bytes);
        return;
    }
    hci_extent_count(store, -(int64_t)bytes);
    if (block != NULL)
        hci_block_free(block);
    else
        hci_release(&store->host, extent, bytes);
}

void hci_extent_link(shard *s, hci_extent *extent)
{
    extent->previous = NULL;
    extent->next = s->extents;
    if (s->extents != NULL) s->extents->previous = extent;
    s->extents = extent;
}

void hci_extent_unlink(shard *s, hci_extent *extent)
{
    if (extent->next != NULL) extent->next->previous = extent->previous;
    if (extent->previous != NULL) {
        extent->previous->next = extent->next;
    } else {
        s->extents = extent->next;
    }
}

void hci_extent_flush(hc_store *store, shard *s)
{
    /* rare: a second flush before the first one's extents are gone */
    while (s->graveyard != NULL && hci_extent_bury(store, s, SIZE_MAX)) {
    }
    s->graveyard = s->extents;
    s->extents = NULL;
}

bool hci_extent_bury(hc_store *store, shard *s, size_t count_max)
{
    for (; s->graveyard != NULL && count_max > 0; count_max--) {
        hci_extent *extent = s->graveyard;
        s->graveyard = extent->next;
        hci_extent_release(store, extent);
    }
    return s->graveyard != NULL;
}
