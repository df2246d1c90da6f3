/*
 * node_stores.c - databases and named stores, and how memory is divided among them.
 *
 * All are in one registry, a database under its number.  Databases are also kept in an array, so
 * that SELECT 3 takes no lock; the node holds a reference to each, so they stay.
 *
 * Memory: with a limit M and n stores in use, each may take what the others leave of M, and never
 * less than M / n (nor than HC_STORE_MEMORY_BYTES_MIN).  So one store in use has all of M, and a
 * second one that fills up pushes the first back to its half.  A named store never has more than
 * it was created with.
 */
#include "command/node_stores.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"
#include "command/durable.h"
#include "command/leases.h"
#include "command/notify.h"
#include "command/tracking.h"
#include "command/watchers.h"

enum { MAINTAIN_ITEMS_MAX = 4096 };

hc_status node_stores_init(node *of)
{
    const hc_stores_options options = {.size = sizeof options,
                                       .stores_max = NODE_DATABASES_MAX + of->options.stores_max};
    atomic_init(&of->eviction, of->options.eviction);
    hc_status status = hc_stores_create(of->options.host, &options, &of->registry);
    if (status != HC_OK) return status;
    of->first = of->options.first != NULL ? *of->options.first : node_store_defaults(of);
    if (of->options.first == NULL) of->first.max_memory_bytes = 0;
    of->options.first = NULL;
    return node_store(of, 0) != NULL ? HC_OK : HC_ERR_NO_MEMORY;
}

void node_stores_fini(node *of)
{
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++)
        hc_store_ref_release(&of->databases[i]);
    hc_stores_destroy(of->registry);
}

/* ---- databases ---- */

static hc_store_options options_of(const node *of, const node_store_settings *wish)
{
    return (hc_store_options){.size = sizeof(hc_store_options),
                              .max_memory_bytes = wish->max_memory_bytes,
                              .default_ttl_ms = wish->default_ttl_ms,
                              .eviction = wish->eviction,
                              .compression = wish->compression,
                              .filter_bits = wish->filter_bits,
                              .filter_rate = wish->filter_rate,
                              .pressure = of->options.pressure};
}

/* stores_lock is held. */
static hc_store *database_create(node *of, unsigned index)
{
    char name[16];
    int chars = snprintf(name, sizeof name, "%u", index);
    node_store_settings wish = index == 0 ? of->first : node_store_defaults(of);
    wish.max_memory_bytes = node_max_memory(of); /* memory_divide gives it its part */
    const hc_store_options options = options_of(of, &wish);
    hc_store_ref *ref = &of->databases[index];
    hc_span called = hc_span_make(name, (size_t)chars);
    if (hc_stores_add(of->registry, called, &options, ref) != HC_OK) return NULL;
    if (durable_store_added(of, called, ref, &wish) != HC_OK) {
        hc_store_ref_release(ref);
        (void)hc_stores_drop(of->registry, called);
        return NULL;
    }
    of->database_count++;
    watchers_store_added(of, ref);
    notify_store_added(of, ref);
    return ref->store;
}

hc_store *node_store(node *of, unsigned index)
{
    assert(index < of->options.databases);
    hc_store *store = atomic_load_explicit(&of->stores[index], memory_order_acquire);
    if (store != NULL) return store;
    pthread_mutex_lock(&of->stores_lock);
    store = atomic_load_explicit(&of->stores[index], memory_order_relaxed);
    if (store == NULL) {
        store = database_create(of, index);
        atomic_store_explicit(&of->stores[index], store, memory_order_release);
    }
    pthread_mutex_unlock(&of->stores_lock);
    return store;
}

unsigned node_databases(const node *of)
{
    return of->options.databases;
}

hc_status node_swap(node *of, unsigned first, unsigned second)
{
    hc_store *a = node_store(of, first), *b = node_store(of, second);
    if (a == NULL || b == NULL) return HC_ERR_NO_MEMORY;
    pthread_mutex_lock(&of->stores_lock);
    hc_status status = durable_is_loading(of) ? HC_OK : durable_swap(of, first, second);
    if (status != HC_OK) {
        pthread_mutex_unlock(&of->stores_lock);
        return status;
    }
    atomic_store_explicit(&of->stores[first], b, memory_order_release);
    atomic_store_explicit(&of->stores[second], a, memory_order_release);
    hc_store_ref ref = of->databases[first];
    of->databases[first] = of->databases[second];
    of->databases[second] = ref;
    atomic_fetch_add(&of->swaps, 1);
    pthread_mutex_unlock(&of->stores_lock);
    return HC_OK;
}

int node_database_of(const node *of, const hc_store *store)
{
    for (unsigned i = 0; i < of->options.databases; i++)
        if (atomic_load_explicit(&of->stores[i], memory_order_acquire) == store) return (int)i;
    return -1;
}

bool node_database_named(const node *of, hc_span name, unsigned *index_out)
{
    int64_t index = 0;
    bool is_default = name.size == 7 && memcmp(name.data, "default", 7) == 0;
    if (!is_default && !integer_parse(name, &index)) return false;
    if (index < 0 || index >= of->options.databases) return false;
    *index_out = (unsigned)index;
    return true;
}

/* ---- named stores ---- */

node_store_settings node_store_defaults(node *of)
{
    return (node_store_settings){.max_memory_bytes = node_max_memory(of),
                                 .default_ttl_ms = of->options.default_ttl_ms,
                                 .eviction = node_eviction(of),
                                 .compression = of->options.compression};
}

hc_status node_store_add(node *of, hc_span name, const node_store_settings *wish)
{
    unsigned database;
    int64_t number;
    if (node_database_named(of, name, &database)) return HC_ERR_EXISTS;
    if (integer_parse(name, &number)) return HC_ERR_INVALID; /* SELECT would read a number */
    hc_store_options options = options_of(of, wish);
    if (options.max_memory_bytes == 0) options.max_memory_bytes = node_max_memory(of);
    pthread_mutex_lock(&of->stores_lock);
    uint32_t named = hc_stores_count(of->registry) - of->database_count;
    hc_status status = HC_ERR_LIMIT; /* for a name that exists it is HC_ERR_EXISTS all the same */
    hc_store_ref ref;
    if (hc_stores_acquire(of->registry, name, &ref) == HC_OK)
        status = HC_ERR_EXISTS;
    else if (named < of->options.stores_max)
        status = hc_stores_add(of->registry, name, &options, &ref);
    if (status == HC_OK) {
        status = durable_store_added(of, name, &ref, wish);
        if (status != HC_OK) (void)hc_stores_drop(of->registry, name);
    }
    if (status == HC_OK) watchers_store_added(of, &ref);
    if (status == HC_OK) notify_store_added(of, &ref);
    hc_store_ref_release(&ref);
    pthread_mutex_unlock(&of->stores_lock);
    return status;
}

hc_status node_store_drop(node *of, hc_span name)
{
    unsigned database;
    if (node_database_named(of, name, &database)) return HC_ERR_UNSUPPORTED;
    hc_store_ref ref;
    hc_status status = hc_stores_acquire(of->registry, name, &ref);
    if (status == HC_OK) {
        pthread_mutex_lock(&of->stores_lock);
        if (!durable_is_loading(of)) durable_store_dropped(of, name);
        status = hc_stores_drop(of->registry, name);
        pthread_mutex_unlock(&of->stores_lock);
    }
    if (status == HC_OK) {
        leases_unfollow(of->leases, ref.store);
        watchers_dropped(of, ref.store);
        tracking_flushed(of);
    }
    hc_store_ref_release(&ref);
    return status;
}

bool node_store_next(node *of, uint32_t *index, hc_store_ref *ref_out)
{
    while (*index < hc_stores_max(of->registry)) {
        if (hc_stores_acquire_at(of->registry, (*index)++, ref_out) == HC_OK) return true;
    }
    return false;
}

hc_status node_store_acquire(node *of, hc_span name, hc_store_ref *ref_out)
{
    unsigned database;
    if (!node_database_named(of, name, &database))
        return hc_stores_acquire(of->registry, name, ref_out);
    *ref_out = (hc_store_ref){0};
    hc_status status = HC_ERR_NOT_FOUND;
    hc_store_info info = {.size = sizeof info};
    pthread_mutex_lock(&of->stores_lock);
    if (of->databases[database].held != NULL) { /* by the name it was created with */
        hc_store_ref_info(&of->databases[database], &info);
        status = hc_stores_acquire(of->registry, info.name, ref_out);
    }
    pthread_mutex_unlock(&of->stores_lock);
    return status;
}

/* ---- memory ---- */

static uint64_t used_by(hc_store *store)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(store, &stats);
    return stats.memory_bytes;
}

/* What a store may take in any case; 0: all. */
static uint64_t own_limit(node *of, const hc_store_ref *ref)
{
    unsigned database;
    hc_store_info info = {.size = sizeof info};
    hc_store_ref_info(ref, &info);
    if (!node_database_named(of, info.name, &database)) return info.options->max_memory_bytes;
    return database == 0 ? of->first.max_memory_bytes : 0;
}

static uint64_t part_of(uint64_t limit, uint64_t others, uint64_t stores, uint64_t own)
{
    assert(stores > 0);
    uint64_t part = others < limit ? limit - others : 0;
    if (part < limit / stores) part = limit / stores;
    if (own != 0 && part > own) part = own;
    return part > HC_STORE_MEMORY_BYTES_MIN ? part : HC_STORE_MEMORY_BYTES_MIN;
}

/* Gives each store its limit: see the head of this file.  stores_lock is held. */
static void memory_divide(node *of)
{
    uint64_t limit = atomic_load(&of->max_memory_bytes);
    uint64_t sum = 0, stores = 0;
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        sum += used_by(ref.store);
        stores++;
    }
    if (sum > atomic_load(&of->memory_peak_bytes)) atomic_store(&of->memory_peak_bytes, sum);
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        uint64_t own = own_limit(of, &ref), used = used_by(ref.store);
        uint64_t others = sum > used ? sum - used : 0;
        uint64_t part = limit == 0 ? own : part_of(limit, others, stores, own);
        (void)hc_store_limit(ref.store, part); /* in range, so it cannot fail */
    }
}

hc_status node_set_max_memory(node *of, uint64_t bytes)
{
    if (bytes != 0 && bytes < HC_STORE_MEMORY_BYTES_MIN) return HC_ERR_INVALID;
    pthread_mutex_lock(&of->stores_lock);
    atomic_store(&of->max_memory_bytes, bytes);
    memory_divide(of);
    pthread_mutex_unlock(&of->stores_lock);
    return HC_OK;
}

uint64_t node_max_memory(const node *of)
{
    return atomic_load(&of->max_memory_bytes);
}

hc_status node_set_eviction(node *of, uint32_t eviction)
{
    hc_status status = HC_OK;
    if (eviction == node_eviction(of)) return HC_OK; /* database 0 may have begun with another */
    pthread_mutex_lock(&of->stores_lock);
    for (unsigned i = 0; i < of->options.databases && status == HC_OK; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_relaxed);
        if (store != NULL) status = hc_store_evict_by(store, eviction);
    }
    if (status == HC_OK) atomic_store(&of->eviction, eviction);
    pthread_mutex_unlock(&of->stores_lock);
    return status;
}

uint32_t node_eviction(const node *of)
{
    return atomic_load_explicit(&((node *)(uintptr_t)of)->eviction, memory_order_relaxed);
}

bool node_stores_maintain(node *of)
{
    bool more = false;
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        if (hc_store_maintain(ref.store, MAINTAIN_ITEMS_MAX)) more = true;
    }
    pthread_mutex_lock(&of->stores_lock);
    memory_divide(of);
    pthread_mutex_unlock(&of->stores_lock);
    return more;
}
