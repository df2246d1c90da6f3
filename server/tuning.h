/*
 * tuning.h - the configuration of a running node: read by CONFIG GET, changed by CONFIG SET and
 * SIGHUP, and carried to whoever acts on it.
 *
 *     CONFIG GET, SET --- settings ---> tuning ---> node   cache.max_memory
 *     SIGHUP -----------> reload -----> tuning ---> net    network.max_clients
 *                                       tuning ---> sink   logging.level, logging.components
 *
 * Threads: everything may be called from any thread, but init, fini, attach and reload belong to
 *          main's.
 */
#ifndef HYPERCACHE_SERVER_TUNING_H
#define HYPERCACHE_SERVER_TUNING_H

#include <pthread.h>

#include "command/node.h"
#include "command/settings.h"
#include "config/config.h"
#include "net/net.h"
#include "telemetry/log_sink.h"

typedef struct tuning {
    settings settings;    /* for node_options */
    log_sink *sink;       /* borrowed until fini */
    unsigned workers;     /* never changes */
    pthread_mutex_t lock; /* guards all below */
    config cfg;           /* what holds now */
    config loaded;        /* what file, environment and flags said last */
    node *node;           /* borrowed; NULL: not there */
    net *net;             /* likewise */
} tuning;

/* `cfg` is copied.  Levels take effect at once. */
void tuning_init(tuning *of, const config *cfg, log_sink *sink, unsigned workers);
void tuning_fini(tuning *of);

/* Says whom changes go to from now on; NULL: nobody.  On return no change is under way. */
void tuning_attach(tuning *of, node *commands, net *clients);

/* Carries out what differs between `next` and what was loaded last, so that a CONFIG SET outlives a
 * SIGHUP that has no news of its key.  The log hears of keys that wait for a restart. */
void tuning_reload(tuning *of, const config *next);

#endif
