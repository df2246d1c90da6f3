/*
 * observer.h - what the node remembers of its commands: how long they took, which were slow, which
 * errors they gave.
 *
 *     timing.c   measures runs of commands and reports them here
 *     SLOWLOG, LATENCY, INFO commandstats, latencystats, errorstats read it
 *
 * Histograms are made when a worker first runs a command, so what is never run costs a pointer.
 * A reset moves the epoch: a worker clears its histogram when it next counts in it, and readers
 * pass over what is of an older epoch; so nothing is lost and nothing is locked.
 *
 * Threads: observer_count belongs to the worker; all else may be called from any thread.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_OBSERVER_H
#define HYPERCACHE_SERVER_COMMAND_OBSERVER_H

#include <assert.h>

#include "command/exemplars.h"
#include "command/histogram.h"
#include "command/latency_events.h"
#include "command/slow_log.h"

#define OBSERVER_SLOW_US 10000      /* default of slowlog.threshold_us */
#define OBSERVER_RUN_MAX 32u        /* commands of a pipeline that share one reading of the clock */
#define OBSERVER_RUN_SLOW_US 10000u /* a threshold below it times every command on its own */
#define OBSERVER_ERRORS_MAX 64u     /* error codes told apart; the last place is for all others */
#define OBSERVER_ERROR_CHARS 32u
#define OBSERVER_PERCENTILES_MAX 16u

typedef struct observer {
    unsigned workers;
    size_t commands;                  /* rows */
    _Atomic(histogram *) *histograms; /* workers x commands; NULL: not run yet */
    _Atomic uint64_t epoch;           /* from 1 */
    _Atomic bool counts_latency;      /* latency.histograms */
    _Atomic uint64_t slow_ns;         /* a run as long is looked at; UINT64_MAX: none */
    _Atomic uint32_t run_max;         /* OBSERVER_RUN_MAX or 1 */
    _Atomic int64_t slow_log_us;      /* below 0: no slow log */
    _Atomic uint64_t event_ms;        /* of latency events; 0: none are kept */
    slow_log slow_log;
    latency_events events;
    exemplars exemplars;  /* of slow commands */
    pthread_mutex_t lock; /* guards what follows, but error_count grows under it alone */
    _Atomic uint32_t error_count;
    char errors[OBSERVER_ERRORS_MAX][OBSERVER_ERROR_CHARS + 1]; /* never change once counted */
    double percentiles[OBSERVER_PERCENTILES_MAX];               /* of INFO latencystats */
    size_t percentile_count;
} observer;

/*   HC_ERR_NO_MEMORY */
hc_status observer_init(observer *of, unsigned workers, size_t commands);
/* Accepts one that is all zero. */
void observer_fini(observer *of);

/* The worker's histogram at `place`, made or cleared; NULL: no memory. */
histogram *observer_renew(_Atomic(histogram *) *place, uint64_t epoch);
/* `times` commands of that row took `ns` each.  Without memory they are not counted. */
static inline void observer_count(observer *of, unsigned worker, size_t row, uint64_t ns,
                                  uint64_t times)
{
    assert(worker < of->workers && row < of->commands);
    if (!atomic_load_explicit(&of->counts_latency, memory_order_relaxed)) return;
    _Atomic(histogram *) *place = &of->histograms[worker * of->commands + row];
    histogram *one = atomic_load_explicit(place, memory_order_relaxed);
    uint64_t epoch = atomic_load_explicit(&of->epoch, memory_order_relaxed);
    if (one == NULL || atomic_load_explicit(&one->epoch, memory_order_relaxed) != epoch)
        one = observer_renew(place, epoch);
    if (one != NULL) histogram_count(one, ns, times);
}
/* All workers together, since the last reset. */
void observer_sum(observer *of, size_t command, histogram_sum *sum_out);
void observer_reset(observer *of);

/* The number of an error's code, that is its first word ("ERR" when there is but one), below
 * OBSERVER_ERRORS_MAX. */
size_t observer_error(observer *of, hc_span text);
/* NULL: no such number yet. */
const char *observer_error_name(observer *of, size_t index);

/* ---- settings ---- */

void observer_set_slow_log(observer *of, int64_t threshold_us); /* below 0: none */
void observer_set_event_threshold(observer *of, uint64_t ms);   /* 0: none */
void observer_set_percentiles(observer *of, const double *percents, size_t count);
size_t observer_percentiles(observer *of, double percents[OBSERVER_PERCENTILES_MAX]);

#endif
