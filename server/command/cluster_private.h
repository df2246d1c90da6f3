/* cluster_private.h - for the files of the cluster in this folder. */
#ifndef HYPERCACHE_SERVER_COMMAND_CLUSTER_PRIVATE_H
#define HYPERCACHE_SERVER_COMMAND_CLUSTER_PRIVATE_H

#include <pthread.h>

#include "command/cluster.h"

enum { CLUSTER_ALONE = 0, CLUSTER_EXPECTED, CLUSTER_ATTACHED };

typedef struct cluster {
    _Atomic int state;
    pthread_mutex_t view_lock; /* guards the two below */
    const cluster_view *view;  /* NULL: none yet */
    uint64_t view_number;
    pthread_rwlock_t calls_lock; /* written to attach and detach */
    cluster_calls calls;
} cluster;

/* NULL: there are none.  Else cluster_calls_let must follow. */
const cluster_calls *cluster_calls_hold(node *of);
void cluster_calls_let(node *of);

#endif
