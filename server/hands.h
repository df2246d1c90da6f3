/*
 * hands.h - more threads for work that is in pieces: loading, and snapshots of an idle server.
 */
#ifndef HYPERCACHE_SERVER_HANDS_H
#define HYPERCACHE_SERVER_HANDS_H

#include <pthread.h>
#include <stdatomic.h>

#include <hypercache/persistence.h>

#define HANDS_MAX 8u

/* Cores, HANDS_MAX at most. */
uint32_t hands_count(void);
/* As hc_persistence_hooks.parallel wants it; a task for which no thread is to be had runs here. */
void hands_run(void *ctx, uint32_t count, void (*task)(void *task_ctx, uint32_t index),
               void *task_ctx);

/* A second thread for one snapshot.  It works only while the clients leave more than a core idle,
 * looked at again and again: a snapshot is never in a hurry. */
typedef struct snapshot_hand {
    hc_persistence *data;
    const atomic_bool *stopping;
    _Atomic uint64_t first_cpu_ns; /* of the first thread, so that it does not count as busy */
    bool runs;
    pthread_t thread;
} snapshot_hand;

/* None is started on a single core. */
void snapshot_hand_start(snapshot_hand *hand, hc_persistence *data, const atomic_bool *stopping);
/* The first thread, after each of its steps. */
void snapshot_hand_note(snapshot_hand *hand);
void snapshot_hand_join(snapshot_hand *hand);

#endif
