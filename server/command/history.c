/*
 * history.c - differences of counters once a second, in two rings.
 *
 * What has been counted so far is kept beside the rings, so that a sample is the difference.  A
 * counter that went back (CONFIG RESETSTAT, a store dropped) counts as if nothing had happened for
 * that second: a wrong peak would be worse.
 */
#include "command/history.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "command/command.h"
#include "command/memory_report.h"

enum { NS_PER_SECOND = 1000000000 };

typedef struct ring {
    history_sample *samples;
    size_t size, count, next; /* `next` is written next */
} ring;

/* Counted since the start. */
typedef struct counted {
    uint64_t commands, reads, writes, errors, hits, misses, evicted, expired;
    uint64_t input, output, connections, rejected, processor_us;
} counted;

struct history {
    pthread_mutex_t lock; /* guards the rings */
    ring rings[2];
    history_sample seconds[HISTORY_SECONDS];
    history_sample spans[HISTORY_SPANS];
    /* history_tick's own */
    uint64_t sampled_ns; /* 0: never */
    counted before;
    histogram_sum durations; /* of all commands, at `sampled_ns` */
    history_sample span;     /* sums, of `in_span` seconds */
    unsigned in_span;
};

history *history_create(void)
{
    history *of = calloc(1, sizeof *of);
    if (of == NULL) return NULL;
    (void)pthread_mutex_init(&of->lock, NULL);
    of->rings[HISTORY_RING_SECONDS] = (ring){.samples = of->seconds, .size = HISTORY_SECONDS};
    of->rings[HISTORY_RING_SPANS] = (ring){.samples = of->spans, .size = HISTORY_SPANS};
    return of;
}

void history_destroy(history *of)
{
    if (of == NULL) return;
    (void)pthread_mutex_destroy(&of->lock);
    free(of);
}

/* ---- what is counted ---- */

static uint64_t processor_us(void)
{
    struct rusage used = {0};
    (void)getrusage(RUSAGE_SELF, &used);
    int64_t us = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000;
    return (uint64_t)(us + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static counted count_now(node *on, const hc_store_stats *stores)
{
    node_counters totals;
    node_totals(on, &totals);
    counted now = {
        .commands = atomic_load(&totals.commands),
        .errors = atomic_load(&totals.errors),
        .input = atomic_load(&totals.input_bytes),
        .output = atomic_load(&totals.output_bytes),
        .connections = atomic_load(&totals.connections),
        .rejected = atomic_load(&totals.connections_rejected),
        .hits = stores->hits,
        .misses = stores->misses,
        .evicted = stores->evicted,
        .expired = stores->expired,
        .processor_us = processor_us(),
    };
    for (size_t i = 0; i < command_row_count(); i++) {
        uint32_t flags = command_row(i)->flags;
        if ((flags & COMMAND_WRITE) != 0) now.writes += atomic_load(&totals.calls[i]);
        if ((flags & COMMAND_READONLY) != 0) now.reads += atomic_load(&totals.calls[i]);
    }
    return now;
}

static void sum_durations(node *on, histogram_sum *sum)
{
    histogram_sum one;
    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; i < command_row_count(); i++) {
        observer_sum(&on->observer, i, &one);
        if (one.total == 0) continue;
        for (size_t k = 0; k < HISTOGRAM_BUCKETS; k++)
            sum->counts[k] += one.counts[k];
        sum->total += one.total;
    }
}

/* ---- one sample ---- */

static float rate(uint64_t now, uint64_t before, double seconds)
{
    return now > before ? (float)((double)(now - before) / seconds) : 0;
}

static void fill_rates(history_sample *to, const counted *now, const counted *before, double s)
{
    float *at = to->values;
    at[HISTORY_OPS] = rate(now->commands, before->commands, s);
    at[HISTORY_READS] = rate(now->reads, before->reads, s);
    at[HISTORY_WRITES] = rate(now->writes, before->writes, s);
    at[HISTORY_ERRORS] = rate(now->errors, before->errors, s);
    at[HISTORY_HITS] = rate(now->hits, before->hits, s);
    at[HISTORY_MISSES] = rate(now->misses, before->misses, s);
    at[HISTORY_EVICTED] = rate(now->evicted, before->evicted, s);
    at[HISTORY_EXPIRED] = rate(now->expired, before->expired, s);
    at[HISTORY_INPUT_BYTES] = rate(now->input, before->input, s);
    at[HISTORY_OUTPUT_BYTES] = rate(now->output, before->output, s);
    at[HISTORY_CONNECTIONS] = rate(now->connections, before->connections, s);
    at[HISTORY_REJECTED] = rate(now->rejected, before->rejected, s);
    at[HISTORY_PROCESSORS] = rate(now->processor_us, before->processor_us, s) / 1000000;
}

/* Leaves `now` in place of `before`. */
static void fill_durations(history_sample *to, const histogram_sum *now, histogram_sum *before)
{
    histogram_sum passed = {.total = 0};
    for (size_t k = 0; k < HISTOGRAM_BUCKETS; k++) {
        if (now->counts[k] <= before->counts[k]) continue;
        passed.counts[k] = now->counts[k] - before->counts[k];
        passed.total += passed.counts[k];
    }
    static const struct {
        history_field field;
        double percent;
    } wanted[] = {{HISTORY_P50, 50},
                  {HISTORY_P95, 95},
                  {HISTORY_P99, 99},
                  {HISTORY_P999, 99.9},
                  {HISTORY_LONGEST, 100}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        uint64_t ns = histogram_percentile_ns(&passed, wanted[i].percent);
        to->values[wanted[i].field] = (float)((double)ns / NS_PER_SECOND);
    }
    *before = *now;
}

static void fill_gauges(history_sample *to, const memory_report *memory)
{
    float *at = to->values;
    at[HISTORY_USED_BYTES] = (float)memory->used_bytes;
    at[HISTORY_ITEM_BYTES] = (float)memory->dataset_bytes;
    at[HISTORY_GARBAGE_BYTES] = (float)memory->stores.garbage_bytes;
    at[HISTORY_INDEX_BYTES] = (float)memory->stores.index_bytes;
    at[HISTORY_CLIENT_BYTES] = (float)memory->client_bytes;
    at[HISTORY_HEAP_BYTES] = (float)memory->heap_bytes;
    at[HISTORY_RESIDENT_BYTES] = (float)memory->resident_bytes;
    at[HISTORY_KEYS] = (float)memory->stores.keys;
    at[HISTORY_CLIENTS] = (float)memory->clients;
}

/* ---- the rings ---- */

static void ring_add(ring *to, const history_sample *sample)
{
    to->samples[to->next] = *sample;
    to->next = (to->next + 1) % to->size;
    if (to->count < to->size) to->count++;
}

static bool is_duration(history_field field)
{
    static const bool durations[] = {
#define HISTORY_FIELD_DURATION(id, name, unit, duration) duration,
        HISTORY_FIELDS(HISTORY_FIELD_DURATION)
#undef HISTORY_FIELD_DURATION
    };
    return durations[field];
}

static void span_add(history_sample *span, const history_sample *second)
{
    span->at_ms = second->at_ms;
    for (size_t i = 0; i < HISTORY_FIELD_COUNT; i++) {
        if (!is_duration((history_field)i))
            span->values[i] += second->values[i] / (float)HISTORY_SPAN_SECONDS;
        else if (span->values[i] < second->values[i])
            span->values[i] = second->values[i];
    }
}

static void keep(history *of, const history_sample *second)
{
    span_add(&of->span, second);
    of->in_span++;
    (void)pthread_mutex_lock(&of->lock);
    ring_add(&of->rings[HISTORY_RING_SECONDS], second);
    if (of->in_span == HISTORY_SPAN_SECONDS) ring_add(&of->rings[HISTORY_RING_SPANS], &of->span);
    (void)pthread_mutex_unlock(&of->lock);
    if (of->in_span < HISTORY_SPAN_SECONDS) return;
    memset(&of->span, 0, sizeof of->span);
    of->in_span = 0;
}

void history_tick(history *of, node *on, uint64_t now_ns)
{
    if (of->sampled_ns != 0 && now_ns - of->sampled_ns < NS_PER_SECOND) return;
    const memory_report memory = memory_report_make(on);
    const counted now = count_now(on, &memory.stores);
    histogram_sum durations;
    sum_durations(on, &durations);
    if (of->sampled_ns != 0) {
        history_sample sample = {.at_ms = (uint64_t)node_now_ms(on)};
        double seconds = (double)(now_ns - of->sampled_ns) / NS_PER_SECOND;
        fill_rates(&sample, &now, &of->before, seconds);
        fill_durations(&sample, &durations, &of->durations);
        fill_gauges(&sample, &memory);
        keep(of, &sample);
    } else {
        of->durations = durations;
    }
    of->before = now;
    of->sampled_ns = now_ns;
}

size_t history_read(history *of, history_ring which, uint64_t after_ms, history_sample *samples,
                    size_t samples_max)
{
    (void)pthread_mutex_lock(&of->lock);
    const ring *from = &of->rings[which];
    size_t copied = 0, skip = from->count > samples_max ? from->count - samples_max : 0;
    for (size_t i = skip; i < from->count; i++) {
        const history_sample *one =
            &from->samples[(from->next + from->size - from->count + i) % from->size];
        if (one->at_ms > after_ms) samples[copied++] = *one;
    }
    (void)pthread_mutex_unlock(&of->lock);
    return copied;
}

const char *history_field_name(history_field field)
{
    static const char *const names[] = {
#define HISTORY_FIELD_NAME(id, name, unit, duration) name,
        HISTORY_FIELDS(HISTORY_FIELD_NAME)
#undef HISTORY_FIELD_NAME
    };
    return names[field];
}

const char *history_field_unit(history_field field)
{
    static const char *const units[] = {
#define HISTORY_FIELD_UNIT(id, name, unit, duration) unit,
        HISTORY_FIELDS(HISTORY_FIELD_UNIT)
#undef HISTORY_FIELD_UNIT
    };
    return units[field];
}
