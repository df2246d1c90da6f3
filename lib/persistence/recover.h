/*
 * recover.h - what a directory holds, decided before anything is loaded.
 */
#ifndef HYPERCACHE_PERSISTENCE_RECOVER_H
#define HYPERCACHE_PERSISTENCE_RECOVER_H

#include "persistence/log_read.h"

typedef struct recovery_plan {
    dir_listing listing;
    manifest manifest; /* the newest that can be used */
    log_scan scan;
    bool empty; /* there is nothing of ours */
} recovery_plan;

/* HC_ERR_CORRUPT (told), HC_ERR_UNSUPPORTED, HC_ERR_IO, HC_ERR_NO_MEMORY; fini in any case. */
hc_status hci_plan_make(const persist_dir *dir, const hc_persistence_hooks *hooks, bool salvage,
                        recovery_plan *out);
void hci_plan_fini(recovery_plan *plan, const hci_host *host);

/* ---- load.c ---- */

typedef struct loaded_store {
    hc_store *store; /* NULL: none */
    bool whole;      /* its log has everything since S0, else only what is before S1 */
} loaded_store;

/* Loads what the plan says into stores. */
typedef struct loader {
    const persist_dir *dir;
    const hc_persistence_hooks *hooks;
    const recovery_plan *plan;
    const hc_recovery *recovery;
    bool salvage;
    uint32_t threads; /* tasks of hooks->parallel */
    /* what is there, by id */
    store_entry *entries; /* of the plan's manifest, changed as the log goes on */
    loaded_store *stores;
    /* ours */
    struct load_worker *workers;  /* `threads` of them */
    hc_persistence_hooks telling; /* as `hooks`, by one thread at a time */
    hci_lock tell_lock;
    _Atomic int32_t status; /* of the tasks: the first that failed */
    uint64_t bytes, bytes_all, records, snapshot_records;
} loader;

/* fini in any case. */
hc_status hci_load(loader *with);
void hci_load_fini(loader *with);

/* ---- check.c ---- */

/* hc_persistence_verify of a directory that nobody changes; the caller has its lock, or made it. */
hc_status hci_verify(const persist_dir *dir, const hc_persistence_hooks *hooks,
                     hc_persistence_check *check);
/* Makes the directory if it is not there.  HC_ERR_EXISTS: it holds something. */
hc_status hci_dir_make_empty(const persist_dir *dir);

/* Tables of a host's that may be NULL or shorter than ours. */
hc_status hci_hooks_copy(const hc_persistence_hooks *from, hc_persistence_hooks *to);

#endif
