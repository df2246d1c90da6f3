/*
 * named_stores.c - stores with names and settings of their own; one is dropped while it is in use.
 *
 * Prints:
 *
 *     users: ada was born in 1815
 *     dropped, and empty for those who still hold it: 0 keys
 */
#include <hypercache/hypercache.h>
#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    const hc_store_options small = {.size = sizeof small,
                                    .max_memory_bytes = 8 << 20,
                                    .default_ttl_ms = 60000,
                                    .eviction = HC_EVICTION_LRU};
    hc_stores *stores;
    hc_store_ref users;
    char year[8];
    size_t size;

    if (hc_stores_create(NULL, NULL, &stores) != HC_OK) return 1;
    if (hc_stores_add(stores, HC_SPAN("users"), &small, NULL) != HC_OK) return 1;

    /* Keep the reference for as long as the store is needed: finding it takes a lock. */
    if (hc_stores_acquire(stores, HC_SPAN("users"), &users) != HC_OK) return 1;
    hc_store_set(users.store, HC_SPAN("ada"), HC_SPAN("1815"), NULL);
    if (hc_store_get(users.store, HC_SPAN("ada"), year, sizeof year, &size) == HC_OK)
        printf("users: ada was born in %.*s\n", (int)size, year);

    hc_stores_drop(stores, HC_SPAN("users")); /* perhaps by another thread */
    if (hc_store_ref_dropped(&users))
        printf("dropped, and empty for those who still hold it: %" PRIu64 " keys\n",
               hc_store_count(users.store));
    hc_store_ref_release(&users);
    hc_stores_destroy(stores);
    return 0;
}
