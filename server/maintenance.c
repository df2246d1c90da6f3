/*
 * maintenance.c - a thread that waits on a condition, so that it can be stopped at any time.
 */
#include "maintenance.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define STACK_BYTES (256u << 10)

struct maintenance {
    node *node;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stopping;
};

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* False: it is time to stop. */
static bool rest_until(maintenance *of, int64_t us)
{
    struct timespec until = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    int expired = 0;
    (void)pthread_mutex_lock(&of->lock);
    while (!of->stopping && expired == 0)
        expired = pthread_cond_timedwait(&of->changed, &of->lock, &until);
    bool running = !of->stopping;
    (void)pthread_mutex_unlock(&of->lock);
    return running;
}

static void *maintenance_run(void *ctx)
{
    maintenance *of = ctx;
    int64_t next;
    do {
        /* Processor time: being kept waiting by others is no work that would call for rest. */
        int64_t start = now_us(CLOCK_THREAD_CPUTIME_ID), spent = 0;
        bool more = true;
        while (more && spent < MAINTENANCE_BURST_US) {
            more = node_maintain(of->node);
            spent = now_us(CLOCK_THREAD_CPUTIME_ID) - start;
        }
        int64_t rest = more ? spent * MAINTENANCE_REST : MAINTENANCE_PERIOD_MS * 1000;
        next = now_us(CLOCK_MONOTONIC) + rest;
    } while (rest_until(of, next));
    return NULL;
}

static void maintenance_free(maintenance *of)
{
    (void)pthread_cond_destroy(&of->changed);
    (void)pthread_mutex_destroy(&of->lock);
    free(of);
}

hc_status maintenance_start(node *with, maintenance **maintenance_out)
{
    *maintenance_out = NULL;
    maintenance *of = calloc(1, sizeof *of);
    if (of == NULL) return HC_ERR_NO_MEMORY;
    of->node = with;
    (void)pthread_mutex_init(&of->lock, NULL);
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&of->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed == 0) {
        (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
        failed = pthread_create(&of->thread, &attributes, maintenance_run, of);
        (void)pthread_attr_destroy(&attributes);
    }
    if (failed != 0) {
        maintenance_free(of);
        return HC_ERR_NO_MEMORY;
    }
    *maintenance_out = of;
    return HC_OK;
}

void maintenance_stop(maintenance *of)
{
    if (of == NULL) return;
    (void)pthread_mutex_lock(&of->lock);
    of->stopping = true;
    (void)pthread_cond_signal(&of->changed);
    (void)pthread_mutex_unlock(&of->lock);
    (void)pthread_join(of->thread, NULL);
    maintenance_free(of);
}
