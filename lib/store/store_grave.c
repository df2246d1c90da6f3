/*
 * store_grave.c - the memory of a large value that is gone goes back a slice at a time.
 *
 *     space  [ grave |        counted still       | given back ]
 *            0                                    left         space_bytes
 *
 * Giving 512 MiB back to the system takes some 50 ms, and whoever drops a value's last reference is
 * a reader or writer that others wait behind.  So the space stays, with this file's header where
 * the value's was, until it has been dug up from its end: by hc_store_maintain, by hc_store_bury,
 * and, first of all, by who finds memory short.  memory_bytes counts what is not given back yet,
 * unless it never did: a block that no store took.
 *
 * Not freed by a thread of its own: the library has none.  Not moved to a free list either: the
 * next large value seldom has the same size.
 */
#include "store/store_private.h"

#define SLICE_BYTES_MAX (256u << 10) /* in one call of the host: some 25 us, under the lock */

static_assert(sizeof(grave) <= PAGE_BYTES, "the first page stays to the end");

void hci_grave_init(hc_store *store)
{
    hci_lock_init(&store->graves_lock);
}

void hci_grave_add(hc_store *store, void *space, size_t space_bytes, size_t counted_bytes)
{
    grave *g = space;
    *g = (grave){
        .space_bytes = space_bytes, .left_bytes = space_bytes, .counted_bytes = counted_bytes};
    hci_lock_acquire(&store->graves_lock);
    g->next = store->graves;
    store->graves = g;
    atomic_store_explicit(&store->has_graves, true, memory_order_relaxed);
    hci_lock_release(&store->graves_lock);
}

bool hci_grave_any(const hc_store *store)
{
    return atomic_load_explicit(&((hc_store *)(uintptr_t)store)->has_graves, memory_order_relaxed);
}

static void uncount(hc_store *store, grave *g, size_t bytes)
{
    if (bytes > g->counted_bytes) bytes = g->counted_bytes;
    g->counted_bytes -= bytes;
    hci_extent_count(store, -(int64_t)bytes);
}

/* Of the latest grave; the lock is held.  Returns the bytes of space that are gone. */
static size_t slice_dig(hc_store *store, size_t bytes_max)
{
    grave *g = store->graves;
    size_t slice = bytes_max < SLICE_BYTES_MAX ? bytes_max : SLICE_BYTES_MAX;
    slice = (slice + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (g->left_bytes > slice + PAGE_BYTES &&
        hci_discard(&store->host, (uint8_t *)g + g->left_bytes - slice, slice)) {
        g->left_bytes -= slice;
        uncount(store, g, slice);
        return slice;
    }
    slice = g->left_bytes;
    store->graves = g->next;
    if (g->next == NULL) atomic_store_explicit(&store->has_graves, false, memory_order_relaxed);
    uncount(store, g, g->counted_bytes);
    hci_unreserve(&store->host, g, g->space_bytes);
    return slice;
}

bool hci_grave_dig(hc_store *store, size_t bytes_max)
{
    bool dug = false;
    for (size_t done = 0; done < bytes_max && hci_grave_any(store); dug = true) {
        hci_lock_acquire(&store->graves_lock);
        if (store->graves != NULL) done += slice_dig(store, bytes_max - done);
        hci_lock_release(&store->graves_lock);
    }
    return dug;
}

bool hc_store_bury(hc_store *store, size_t bytes_max)
{
    if (!hci_grave_any(store)) return false;
    (void)hci_grave_dig(store, bytes_max);
    pressure_tell(store);
    return hci_grave_any(store);
}

void hci_grave_fini(hc_store *store)
{
    while (store->graves != NULL) {
        grave *g = store->graves;
        store->graves = g->next;
        hci_unreserve(&store->host, g, g->space_bytes);
    }
    hci_lock_fini(&store->graves_lock);
}
