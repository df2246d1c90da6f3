/*
 * store_extent.h - values too large to be packed: how they lie, what is left of them, and the calls
 * of store_extent.c, store_block.c and store_grave.c.
 *
 * Threads: what takes a shard is called under its lock; release and the graves by anyone.
 */
#ifndef HYPERCACHE_STORE_EXTENT_H
#define HYPERCACHE_STORE_EXTENT_H

#include <stdatomic.h>

#include <hypercache/store.h>

typedef struct shard shard; /* store_private.h */

typedef struct hci_extent {
    _Atomic uint32_t references; /* the index holds one, each reader in progress one */
    uint32_t key_bytes;
    size_t value_bytes;
    size_t capacity;    /* bytes behind this header; in a hc_block, bytes counted for it */
    size_t value_at;    /* offset of the value in `bytes` */
    hc_block *block;    /* that it lies in; NULL: none */
    size_t space_bytes; /* reserved, where it is large and in no block; 0: it was allocated */
    struct hci_extent *next, *previous; /* all extents of the shard; unlinked when removed */
    uint8_t bytes[];                    /* key, then, right behind it or later, value */
} hci_extent;

/* What is left of a large value that is gone; it begins the value's space (store_grave.c). */
typedef struct grave {
    struct grave *next;
    size_t space_bytes;
    size_t left_bytes;    /* of the space: behind them all is given back */
    size_t counted_bytes; /* in memory_bytes and extent_bytes */
} grave;

static inline uint8_t *extent_value(hci_extent *extent)
{
    return extent->bytes + extent->value_at;
}

/* Bytes that the value may have where it lies. */
static inline size_t extent_room(const hci_extent *extent)
{
    return extent->block != NULL ? extent->value_bytes : extent->capacity - extent->key_bytes;
}

/* ---- store_block.c ---- */

/* The block as an extent that holds `value`, which lies in it, and one more
 * reference; NULL and HC_OK: it cannot be taken.  As hci_reclaim_room. */
hc_status hci_block_take(hc_store *store, shard *held, hc_block *block, hc_span key, hc_span value,
                         hci_extent **extent_out);
/* The last reference to its extent is gone. */
void hci_block_free(hc_block *block);
size_t hci_block_space_bytes(const hc_block *block); /* from where the block itself begins */

/* ---- store_extent.c ---- */

hci_extent *hci_extent_create(hc_store *store, hc_span key, const hc_span *parts, size_t part_count,
                              size_t capacity);
void hci_extent_flush(hc_store *store, shard *s);
/* Gives up one reference; the last one frees it, or buries it if it is large. */
void hci_extent_release(hc_store *store, hci_extent *extent);
/* So many bytes more, or less, that extents take. */
void hci_extent_count(hc_store *store, int64_t bytes);
void hci_extent_link(shard *s, hci_extent *extent);
void hci_extent_unlink(shard *s, hci_extent *extent);
/* Frees up to `count_max` extents left by a flush; true when there are more. */
bool hci_extent_bury(hc_store *store, shard *s, size_t count_max);

/* ---- store_grave.c ---- */

void hci_grave_init(hc_store *store);
/* Accepts a store with graves; gives all back. */
void hci_grave_fini(hc_store *store);
/* A reserved space of a page and more, in which nothing is needed any more. */
void hci_grave_add(hc_store *store, void *space, size_t space_bytes, size_t counted_bytes);
bool hci_grave_any(const hc_store *store);
/* Gives back up to about `bytes_max`; false when there was nothing. */
bool hci_grave_dig(hc_store *store, size_t bytes_max);

#endif
