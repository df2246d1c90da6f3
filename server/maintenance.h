/*
 * maintenance.h - the background thread that keeps a node's stores in order.
 *
 * Threads: start and stop belong to one thread.
 */
#ifndef HYPERCACHE_SERVER_MAINTENANCE_H
#define HYPERCACHE_SERVER_MAINTENANCE_H

#include "command/node.h"

#define MAINTENANCE_PERIOD_MS 100 /* between looks when there is little to do */
#define MAINTENANCE_BURST_US 1000 /* steps in a row end after the one that passes this */
#define MAINTENANCE_REST 4        /* times the burst: a fifth of a processor at most */

typedef struct maintenance maintenance;

/* Calls node_maintain about ten times a second, and in bursts with short rests while there is more
 * to do.
 *   HC_ERR_NO_MEMORY  also when there is no thread */
hc_status maintenance_start(node *with, maintenance **maintenance_out);
/* Ends after the step at hand.  Accepts NULL. */
void maintenance_stop(maintenance *of);

#endif
