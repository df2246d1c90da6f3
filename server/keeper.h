/*
 * keeper.h - keeps the node's data: opens the directory, brings the stores back, runs the log's
 * thread and the snapshots' thread.
 *
 *     keeper_open      the directory is locked and looked at; the node answers LOADING
 *     net_start        clients may connect
 *     keeper_recover   the stores come back; then all is served
 *     keeper_stop      after net_stop: what is left is written, perhaps a last snapshot
 *
 * Threads: these calls are main's.
 */
#ifndef HYPERCACHE_SERVER_KEEPER_H
#define HYPERCACHE_SERVER_KEEPER_H

#include "command/node.h"
#include "config/config.h"

typedef struct keeper keeper;

typedef struct keeper_options {
    const hc_host *host; /* borrowed until keeper_stop */
    node *node;          /* likewise */
    const config *cfg;   /* read by keeper_open alone */
    bool shows_progress; /* a bar on stdout while loading */
    /* The disk failed and on_disk_error is abort.  Any thread. */
    void (*fatal)(void *ctx);
    void *fatal_ctx;
    /* True: the node is to end, so loading is given up (HC_ERR_BUSY).  Any thread; NULL: never. */
    bool (*stopping)(void *ctx);
    void *stopping_ctx;
} keeper_options;

/* On error *keeper_out is NULL and `why` (`why_bytes`) says what is wrong with the directory.
 *   as hc_persistence_open */
hc_status keeper_open(const keeper_options *options, keeper **keeper_out, char *why,
                      size_t why_bytes);
/* Starts the threads too.  On error `why` says more; keeper_stop must follow all the same. */
hc_status keeper_recover(keeper *of, char *why, size_t why_bytes);
/* Accepts NULL.  False: not everything could be written; the log says what. */
bool keeper_stop(keeper *of);

#endif
