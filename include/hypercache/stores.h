/*
 * stores.h - many stores, each with a name, made and dropped while the program runs.
 *
 *     hc_stores *stores;
 *     hc_store_ref users;
 *     hc_stores_create(NULL, NULL, &stores);
 *     hc_store_options options = {.size = sizeof options, .max_memory_bytes = 64 << 20};
 *     hc_stores_add(stores, HC_SPAN("users"), &options, &users);
 *     hc_store_set(users.store, HC_SPAN("ada"), HC_SPAN("1815"), NULL);
 *     hc_store_ref_release(&users);
 *     hc_stores_drop(stores, HC_SPAN("users"));
 *     hc_stores_destroy(stores);
 *
 * Names:     1..HC_STORE_NAME_BYTES_MAX of A-Z a-z 0-9 _ . : -
 * Settings:  what a store was made with is kept and told, and does not change.
 * Dropping:  takes the name away and empties the store at once.  Whoever holds a reference may go
 *            on using the store, empty as it is, until the reference is released; the last one
 *            frees it.  hc_store_ref_dropped tells them.
 * Threads:   all calls may run together, except create and destroy.  Finding a store takes the
 *            registry's lock for a look through the names; using one takes nothing, so keep the
 *            reference rather than find the store for each operation.
 */
#ifndef HYPERCACHE_STORES_H
#define HYPERCACHE_STORES_H

#include <hypercache/host.h>
#include <hypercache/store.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_stores hc_stores;

#define HC_STORES_MAX 1024u         /* of one registry */
#define HC_STORE_NAME_BYTES_MAX 64u /* of a name */

typedef struct hc_stores_options {
    size_t size;         /* bytes of this struct, as the caller compiled it */
    uint32_t stores_max; /* 1..HC_STORES_MAX; 0: 64 */
    uint32_t reserved;   /* 0 */
} hc_stores_options;

/* One user's hold on a store.  All zero: on none. */
typedef struct hc_store_ref {
    hc_store *store;
    void *held; /* the library's */
} hc_store_ref;

/* Creates a registry without stores.  `host` and `options` NULL take every default.  On error
 * *stores_out is NULL.
 *   HC_ERR_INVALID      a field is out of range
 *   HC_ERR_UNSUPPORTED  options come from a newer header and set a field unknown here
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_stores_create(const hc_host *host, const hc_stores_options *options,
                           hc_stores **stores_out);
/* Destroys the registry and its stores; accepts NULL.  No reference is held, and no other call may
 * run or follow. */
HC_API
void hc_stores_destroy(hc_stores *stores);

/* Whether `name` can be the name of a store. */
HC_API
bool hc_store_name_fits(hc_span name);

/* Creates a store; `options` as hc_store_create.  *ref_out (may be NULL) is a reference to it, and
 * all zero on error.
 *   HC_ERR_EXISTS       there is a store of that name
 *   HC_ERR_LIMIT        there are stores_max stores
 *   HC_ERR_INVALID      the name does not fit, or an option is out of range
 *   HC_ERR_UNSUPPORTED, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_stores_add(hc_stores *stores, hc_span name, const hc_store_options *options,
                        hc_store_ref *ref_out);
/* Takes a store away: see Dropping above.
 *   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_stores_drop(hc_stores *stores, hc_span name);

/* *ref_out is all zero on error.
 *   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_stores_acquire(hc_stores *stores, hc_span name, hc_store_ref *ref_out);
/* The store at `index`, for walks: each store has an index below hc_stores_max() for all its life.
 *   HC_ERR_NOT_FOUND  none there, or no such index */
HC_API
hc_status hc_stores_acquire_at(hc_stores *stores, uint32_t index, hc_store_ref *ref_out);
/* Any thread; clears the reference, and does nothing to one that is all zero. */
HC_API
void hc_store_ref_release(hc_store_ref *ref);

/* Cheap enough to ask before each operation.  False for a reference that is all zero. */
HC_API
bool hc_store_ref_dropped(const hc_store_ref *ref);

typedef struct hc_store_info {
    size_t size;           /* in: sizeof(hc_store_info); fields beyond it are not written */
    hc_span name;          /* borrowed for as long as the reference is held */
    int64_t created_at_ms; /* Unix time */
    uint64_t users;        /* references held, this one included */
    uint32_t index;        /* as for hc_stores_acquire_at */
    uint32_t dropped;      /* 0 or 1 */
    /* As the store was made with, less `pressure`; size is that of this library.  Borrowed
     * likewise. */
    const hc_store_options *options;
} hc_store_info;

/* `ref` is not all zero. */
HC_API
void hc_store_ref_info(const hc_store_ref *ref, hc_store_info *info);

HC_API
uint32_t hc_stores_count(hc_stores *stores);
HC_API
uint32_t hc_stores_max(const hc_stores *stores);

#ifdef __cplusplus
}
#endif
#endif
