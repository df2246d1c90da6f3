/*
 * tuning.h - the configuration of a running node: read by CONFIG GET, changed by CONFIG SET and
 * SIGHUP, and carried to whoever acts on it.
 *
 *     CONFIG GET, SET --- settings ---> tuning ---> node   what is in command/tunables.c
 *     SIGHUP -----------> reload -----> tuning ---> net    network.max_clients, idle_timeout, ...
 *                                       tuning ---> sink   logging.level, logging.components
 *
 * Threads: everything may be called from any thread, but init, fini, attach and reload belong to
 *          main's.
 */
#ifndef HYPERCACHE_SERVER_TUNING_H
#define HYPERCACHE_SERVER_TUNING_H

#include <pthread.h>
#include <stdatomic.h>

#include "command/node.h"
#include "command/settings.h"
#include "config/config.h"
#include "net/net.h"
#include "telemetry/log_sink.h"

/* A level for a while. */
typedef struct tuning_level {
    uint64_t until_ns; /* monotonic; 0: as configured */
    hc_log_level level;
} tuning_level;

typedef struct tuning {
    settings settings;              /* for node_options */
    log_sink *sink;                 /* borrowed until fini */
    hc_events *events;              /* likewise; NULL: the log alone is told */
    unsigned workers;               /* never changes */
    _Atomic unsigned overridden;    /* so many of `levels` are set */
    pthread_mutex_t lock;           /* guards all below */
    unsigned clients_asked;         /* network.max_clients as the net was last told */
    config cfg;                     /* what holds now */
    config loaded;                  /* what file, environment and flags said last */
    tuning_level levels[HC_TOPICS]; /* what level_set has changed */
    node *node;                     /* borrowed; NULL: not there */
    net *net;                       /* likewise */
} tuning;

/* Are all values ones that those who act on them can take?  False: `problems` has grown. */
bool tuning_check(const config *cfg, config_problems *problems);

/* `cfg`, which tuning_check has passed, is copied.  Levels take effect at once. */
void tuning_init(tuning *of, const config *cfg, log_sink *sink, unsigned workers);
/* Changes are events from now on.  Before other threads know of it. */
void tuning_tell(tuning *of, hc_events *events);
void tuning_fini(tuning *of);

/* Says whom changes go to from now on; NULL: nobody.  A node or net that is new here is told all
 * its settings.  On return no change is under way. */
void tuning_attach(tuning *of, node *commands, net *clients);

/* Carries out what differs between `next` and what was loaded last, so that a CONFIG SET outlives a
 * SIGHUP that has no news of its key.  The log hears of keys that wait for a restart. */
void tuning_reload(tuning *of, const config *next);

#endif
