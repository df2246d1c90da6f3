/* observer.c - histograms by worker and command, error codes, thresholds. */
#include "command/observer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

hc_status observer_init(observer *of, unsigned workers, size_t commands)
{
    static const double percents[] = {50, 99, 99.9};
    of->workers = workers;
    of->commands = commands;
    slow_log_init(&of->slow_log);
    latency_events_init(&of->events);
    exemplars_init(&of->exemplars);
    pthread_mutex_init(&of->lock, NULL);
    atomic_init(&of->epoch, 1);
    atomic_init(&of->counts_latency, true);
    observer_set_percentiles(of, percents, sizeof percents / sizeof percents[0]);
    observer_set_slow_log(of, OBSERVER_SLOW_US);
    of->histograms = calloc(workers * commands, sizeof *of->histograms);
    return of->histograms != NULL ? HC_OK : HC_ERR_NO_MEMORY;
}

void observer_fini(observer *of)
{
    if (of->workers == 0) return;
    for (size_t i = 0; of->histograms != NULL && i < of->workers * of->commands; i++)
        free(atomic_load(&of->histograms[i]));
    free(of->histograms);
    slow_log_fini(&of->slow_log);
    latency_events_fini(&of->events);
    exemplars_fini(&of->exemplars);
    pthread_mutex_destroy(&of->lock);
    of->workers = 0;
}

/* ---- durations ---- */

histogram *observer_renew(_Atomic(histogram *) *place, uint64_t epoch)
{
    histogram *one = atomic_load_explicit(place, memory_order_relaxed);
    if (one == NULL) {
        one = calloc(1, sizeof *one);
        if (one == NULL) return NULL;
        atomic_init(&one->epoch, epoch);
        atomic_store_explicit(place, one, memory_order_release);
        return one;
    }
    /* Readers that see zeros too early or too late only see a moment of the reset. */
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        atomic_store_explicit(&one->counts[i], 0, memory_order_relaxed);
    atomic_store_explicit(&one->epoch, epoch, memory_order_release);
    return one;
}

void observer_sum(observer *of, size_t command, histogram_sum *sum_out)
{
    memset(sum_out, 0, sizeof *sum_out);
    uint64_t epoch = atomic_load(&of->epoch);
    for (unsigned worker = 0; worker < of->workers; worker++) {
        const histogram *one = atomic_load_explicit(
            &of->histograms[worker * of->commands + command], memory_order_acquire);
        if (one == NULL) continue;
        if (atomic_load_explicit(&one->epoch, memory_order_acquire) != epoch) continue;
        histogram_add(sum_out, one);
    }
}

void observer_reset(observer *of)
{
    atomic_fetch_add(&of->epoch, 1);
}

/* ---- errors ---- */

static size_t error_find(observer *of, hc_span code)
{
    uint32_t count = atomic_load_explicit(&of->error_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        if (strlen(of->errors[i]) == code.size && memcmp(of->errors[i], code.data, code.size) == 0)
            return i;
    }
    return OBSERVER_ERRORS_MAX;
}

static size_t error_add(observer *of, hc_span code)
{
    pthread_mutex_lock(&of->lock);
    size_t index = error_find(of, code);
    if (index == OBSERVER_ERRORS_MAX) {
        index = atomic_load_explicit(&of->error_count, memory_order_relaxed);
        if (index == OBSERVER_ERRORS_MAX - 1) code = HC_SPAN("OTHERS");
        if (index < OBSERVER_ERRORS_MAX) {
            memcpy(of->errors[index], code.data, code.size);
            atomic_store_explicit(&of->error_count, (uint32_t)index + 1, memory_order_release);
        } else {
            index = OBSERVER_ERRORS_MAX - 1;
        }
    }
    pthread_mutex_unlock(&of->lock);
    return index;
}

size_t observer_error(observer *of, hc_span text)
{
    size_t looked = text.size < OBSERVER_ERROR_CHARS ? text.size : OBSERVER_ERROR_CHARS;
    const uint8_t *blank = looked > 0 ? memchr(text.data, ' ', looked) : NULL;
    hc_span code = HC_SPAN("ERR");
    if (blank != NULL) code = hc_span_make(text.data, (size_t)(blank - text.data));
    size_t index = error_find(of, code);
    return index < OBSERVER_ERRORS_MAX ? index : error_add(of, code);
}

const char *observer_error_name(observer *of, size_t index)
{
    uint32_t count = atomic_load_explicit(&of->error_count, memory_order_acquire);
    return index < count ? of->errors[index] : NULL;
}

/* ---- settings ---- */

/* What the workers look at follows from both thresholds. */
static void thresholds_join(observer *of)
{
    int64_t log_us = atomic_load(&of->slow_log_us);
    uint64_t event_ms = atomic_load(&of->event_ms);
    uint64_t slow_us = log_us < 0 ? UINT64_MAX : (uint64_t)log_us;
    if (event_ms != 0 && event_ms < slow_us / 1000) slow_us = event_ms * 1000;
    bool closely = slow_us < OBSERVER_RUN_SLOW_US;
    atomic_store(&of->run_max, closely ? 1 : OBSERVER_RUN_MAX);
    atomic_store(&of->slow_ns, slow_us < UINT64_MAX / 1000 ? slow_us * 1000 : UINT64_MAX);
}

void observer_set_slow_log(observer *of, int64_t threshold_us)
{
    atomic_store(&of->slow_log_us, threshold_us);
    thresholds_join(of);
}

void observer_set_event_threshold(observer *of, uint64_t ms)
{
    atomic_store(&of->event_ms, ms);
    thresholds_join(of);
}

void observer_set_percentiles(observer *of, const double *percents, size_t count)
{
    assert(count <= OBSERVER_PERCENTILES_MAX);
    pthread_mutex_lock(&of->lock);
    for (size_t i = 0; i < count; i++)
        of->percentiles[i] = percents[i];
    of->percentile_count = count;
    pthread_mutex_unlock(&of->lock);
}

size_t observer_percentiles(observer *of, double percents[OBSERVER_PERCENTILES_MAX])
{
    pthread_mutex_lock(&of->lock);
    size_t count = of->percentile_count;
    memcpy(percents, of->percentiles, count * sizeof *percents);
    pthread_mutex_unlock(&of->lock);
    return count;
}
