/*
 * store_registry.c - named stores: an array of entries, each alive for as long as it is counted.
 *
 *     entries   | users | sessions |  .  | queue |  .  |      the array holds one count of each
 *                   |
 *               store, name, settings, uses 3               the other two are references
 *
 * An entry is found and counted under the lock, where the array's own count keeps it alive; a
 * reference is given back without the lock, by whoever brings the count to zero, long after the
 * entry left the array perhaps.
 *
 * Dropping empties the store before the array gives up its count, so memory comes back at once
 * even when somebody holds on to it.
 */
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include <hypercache/stores.h>

#include "base/options.h"
#include "host/host_internal.h"
#include "host/lock.h"

#define STORES_DEFAULT 64u

typedef struct entry {
    hc_stores *registry;
    hc_store *store;
    hc_store_options options;
    int64_t created_at_ms;
    atomic_uint uses; /* references, and one while it is in the array */
    atomic_bool dropped;
    uint32_t index;
    size_t name_bytes;
    uint8_t name[HC_STORE_NAME_BYTES_MAX];
} entry;

struct hc_stores {
    const hc_host *given; /* for the stores */
    hci_host host;
    uint32_t stores_max;
    atomic_uint living; /* entries, dropped ones that are still used included */
    hci_lock lock;      /* guards what follows */
    uint32_t count;
    entry **entries; /* stores_max of them; NULL: free */
};

hc_status hc_stores_create(const hc_host *host, const hc_stores_options *options,
                           hc_stores **stores_out)
{
    hc_stores_options o;
    hci_host resolved;
    *stores_out = NULL;
    hc_status status =
        hci_options_copy(&o, sizeof o, options, options != NULL ? options->size : sizeof o);
    if (status == HC_OK && (o.stores_max > HC_STORES_MAX || o.reserved != 0))
        status = HC_ERR_INVALID;
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    if (o.stores_max == 0) o.stores_max = STORES_DEFAULT;
    hc_stores *made = hci_allocate(&resolved, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    size_t bytes = o.stores_max * sizeof *made->entries;
    *made = (hc_stores){.given = host, .host = resolved, .stores_max = o.stores_max};
    made->entries = hci_allocate(&resolved, bytes);
    if (made->entries == NULL) {
        hci_release(&resolved, made, sizeof *made);
        return HC_ERR_NO_MEMORY;
    }
    memset(made->entries, 0, bytes);
    hci_lock_init(&made->lock);
    *stores_out = made;
    return HC_OK;
}

static void entry_release(entry *of)
{
    if (atomic_fetch_sub_explicit(&of->uses, 1, memory_order_acq_rel) > 1) return;
    hc_stores *registry = of->registry;
    hc_store_destroy(of->store);
    hci_release(&registry->host, of, sizeof *of);
    atomic_fetch_sub_explicit(&registry->living, 1, memory_order_release); /* our last look at it */
}

void hc_stores_destroy(hc_stores *stores)
{
    if (stores == NULL) return;
    for (uint32_t i = 0; i < stores->stores_max; i++) {
        if (stores->entries[i] != NULL) entry_release(stores->entries[i]);
    }
    assert(atomic_load_explicit(&stores->living, memory_order_acquire) == 0);
    hci_lock_fini(&stores->lock);
    hci_host host = stores->host;
    hci_release(&host, stores->entries, stores->stores_max * sizeof *stores->entries);
    hci_release(&host, stores, sizeof *stores);
}

/* ---- names ---- */

static bool name_char_fits(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
}

bool hc_store_name_fits(hc_span name)
{
    if (name.size == 0 || name.size > HC_STORE_NAME_BYTES_MAX) return false;
    for (size_t i = 0; i < name.size; i++) {
        if (!name_char_fits(name.data[i])) return false;
    }
    return true;
}

/* The lock is held. */
static entry *find(const hc_stores *stores, hc_span name)
{
    for (uint32_t i = 0; i < stores->stores_max && name.size > 0; i++) {
        entry *one = stores->entries[i];
        if (one == NULL || one->name_bytes != name.size) continue;
        if (memcmp(one->name, name.data, name.size) == 0) return one;
    }
    return NULL;
}

/* ---- adding and dropping ---- */

/* Its only count is the array's. */
static hc_status entry_create(hc_stores *stores, hc_span name, const hc_store_options *options,
                              entry **entry_out)
{
    entry *made = hci_allocate(&stores->host, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    *made = (entry){.registry = stores,
                    .options = *options,
                    .created_at_ms = hci_wall_ms(&stores->host),
                    .uses = 1,
                    .name_bytes = name.size};
    memcpy(made->name, name.data, name.size);
    made->options.pressure = NULL; /* only lent to hc_store_create */
    hc_status status = hc_store_create(stores->given, options, &made->store);
    if (status == HC_OK)
        *entry_out = made;
    else
        hci_release(&stores->host, made, sizeof *made);
    return status;
}

/* The lock is held, and there is a free place. */
static void entry_place(hc_stores *stores, entry *made)
{
    uint32_t index = 0;
    while (stores->entries[index] != NULL)
        index++;
    made->index = index;
    stores->entries[index] = made;
    stores->count++;
    atomic_fetch_add_explicit(&stores->living, 1, memory_order_relaxed);
}

static void refer(entry *to, hc_store_ref *ref_out)
{
    atomic_fetch_add_explicit(&to->uses, 1, memory_order_relaxed);
    *ref_out = (hc_store_ref){to->store, to};
}

hc_status hc_stores_add(hc_stores *stores, hc_span name, const hc_store_options *options,
                        hc_store_ref *ref_out)
{
    hc_store_options o;
    entry *made;
    if (ref_out != NULL) *ref_out = (hc_store_ref){0};
    if (!hc_store_name_fits(name)) return HC_ERR_INVALID;
    hc_status status =
        hci_options_copy(&o, sizeof o, options, options != NULL ? options->size : sizeof o);
    if (status != HC_OK) return status;
    hci_lock_acquire(&stores->lock);
    if (find(stores, name) != NULL)
        status = HC_ERR_EXISTS;
    else if (stores->count == stores->stores_max)
        status = HC_ERR_LIMIT;
    else
        status = entry_create(stores, name, &o, &made);
    if (status == HC_OK) {
        entry_place(stores, made);
        if (ref_out != NULL) refer(made, ref_out);
    }
    hci_lock_release(&stores->lock);
    return status;
}

hc_status hc_stores_drop(hc_stores *stores, hc_span name)
{
    hci_lock_acquire(&stores->lock);
    entry *going = find(stores, name);
    if (going != NULL) {
        stores->entries[going->index] = NULL;
        stores->count--;
        atomic_store_explicit(&going->dropped, true, memory_order_release);
    }
    hci_lock_release(&stores->lock);
    if (going == NULL) return HC_ERR_NOT_FOUND;
    hc_store_flush(going->store);
    entry_release(going);
    return HC_OK;
}

/* ---- references ---- */

hc_status hc_stores_acquire(hc_stores *stores, hc_span name, hc_store_ref *ref_out)
{
    *ref_out = (hc_store_ref){0};
    hci_lock_acquire(&stores->lock);
    entry *found = find(stores, name);
    if (found != NULL) refer(found, ref_out);
    hci_lock_release(&stores->lock);
    return found != NULL ? HC_OK : HC_ERR_NOT_FOUND;
}

hc_status hc_stores_acquire_at(hc_stores *stores, uint32_t index, hc_store_ref *ref_out)
{
    *ref_out = (hc_store_ref){0};
    if (index >= stores->stores_max) return HC_ERR_NOT_FOUND;
    hci_lock_acquire(&stores->lock);
    entry *found = stores->entries[index];
    if (found != NULL) refer(found, ref_out);
    hci_lock_release(&stores->lock);
    return found != NULL ? HC_OK : HC_ERR_NOT_FOUND;
}

void hc_store_ref_release(hc_store_ref *ref)
{
    entry *of = ref->held;
    *ref = (hc_store_ref){0};
    if (of != NULL) entry_release(of);
}

bool hc_store_ref_dropped(const hc_store_ref *ref)
{
    const entry *of = ref->held;
    return of != NULL && atomic_load_explicit(&of->dropped, memory_order_acquire);
}

void hc_store_ref_info(const hc_store_ref *ref, hc_store_info *info)
{
    const entry *of = ref->held;
    assert(of != NULL && info->size >= sizeof info->size);
    bool dropped = hc_store_ref_dropped(ref);
    unsigned uses = atomic_load_explicit(&of->uses, memory_order_relaxed);
    hc_store_info full = {.size = info->size,
                          .name = hc_span_make(of->name, of->name_bytes),
                          .created_at_ms = of->created_at_ms,
                          .users = uses - (dropped || uses < 2 ? 0 : 1), /* less the array's */
                          .index = of->index,
                          .dropped = dropped,
                          .options = &of->options};
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
}

uint32_t hc_stores_count(hc_stores *stores)
{
    hci_lock_acquire(&stores->lock);
    uint32_t count = stores->count;
    hci_lock_release(&stores->lock);
    return count;
}

uint32_t hc_stores_max(const hc_stores *stores)
{
    return stores->stores_max;
}
