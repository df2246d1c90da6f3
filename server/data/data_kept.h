/*
 * data_kept.h - a data directory, opened without a server: its stores in a node, its log behind it.
 *
 *     data_kept_init      a node without data
 *     data_kept_open      the directory is locked; what is in it is in the node, and what is
 *                         changed there from now on is kept; what was there before, with the next
 *                         snapshot
 *     data_kept_save      a snapshot of all
 *     data_kept_close     everything is on the disk
 *     data_kept_fini      any time after init
 *
 * Threads: one.
 */
#ifndef HYPERCACHE_SERVER_DATA_DATA_KEPT_H
#define HYPERCACHE_SERVER_DATA_DATA_KEPT_H

#include "command/node.h"
#include "data/data_clock.h"
#include "data/data_output.h"

/* Not moved between init and fini. */
typedef struct data_kept {
    data_clock clock;
    hc_host host;
    node *node;
    hc_persistence *log; /* NULL: no directory is open */
    FILE *err;
    data_bar bar;
    bool disk_failed; /* while it was open; told on `err` */
} data_kept;

/* `err`: where damages and bars are shown.
 *   HC_ERR_NO_MEMORY */
hc_status data_kept_init(data_kept *of, FILE *err);
void data_kept_fini(data_kept *of);

/*   as hc_persistence_open and hc_persistence_recover; damages were told on `err` */
hc_status data_kept_open(data_kept *of, const char *directory);
/*   as hc_persistence_snapshot */
hc_status data_kept_save(data_kept *of);
/*   as hc_persistence_close; accepts one that is not open */
hc_status data_kept_close(data_kept *of);

/* ---- a walk through all stores that hold something ---- */

typedef struct data_kept_store {
    hc_store *store;
    int database; /* -1: a named one */
    hc_span name; /* of a named one; borrowed */
} data_kept_store;

/* From *at 0 on; false at the end. */
bool data_kept_next(data_kept *of, uint32_t *at, data_kept_store *out);

/* ---- words ---- */

void data_print_damage(FILE *to, const hc_damage *damage);
/* What a status means of a data directory, for people. */
const char *data_status_text(hc_status status);

#endif
