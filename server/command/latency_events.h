/*
 * latency_events.h - times at which something took too long, by the kind of thing: LATENCY.
 *
 * Each event keeps its last LATENCY_SAMPLES samples, at most one a second, of which the longest
 * counts.  Events are made when first noted, LATENCY_EVENTS_MAX at most.
 *
 * Threads: every function may be called from any; one lock.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_LATENCY_EVENTS_H
#define HYPERCACHE_SERVER_COMMAND_LATENCY_EVENTS_H

#include <pthread.h>

#include <hypercache/types.h>

#define LATENCY_SAMPLES 160u
#define LATENCY_EVENTS_MAX 8u
#define LATENCY_NAME_CHARS 24u

typedef struct latency_sample {
    int64_t at_s; /* wall clock */
    uint64_t ms;
} latency_sample;

typedef struct latency_event {
    char name[LATENCY_NAME_CHARS];
    uint64_t ms_max; /* since the last reset */
    size_t next;     /* where the next sample goes */
    size_t count;
    latency_sample samples[LATENCY_SAMPLES];
} latency_event;

typedef struct latency_events {
    pthread_mutex_t lock; /* guards all below */
    latency_event events[LATENCY_EVENTS_MAX];
    size_t count;
} latency_events;

void latency_events_init(latency_events *of);
void latency_events_fini(latency_events *of);
/* Names beyond LATENCY_EVENTS_MAX are not kept. */
void latency_events_note(latency_events *to, const char *name, int64_t at_s, uint64_t ms);
/* A copy of the `index`-th event that has samples, in the order they were first noted.  False:
 * there are fewer. */
bool latency_events_at(latency_events *of, size_t index, latency_event *event_out);
/* False: no sample of that name. */
bool latency_events_find(latency_events *of, hc_span name, latency_event *event_out);
/* Forgets the samples of one event, or of all when `name` is NULL; returns how many had some. */
size_t latency_events_reset(latency_events *of, const hc_span *name);

/* The i-th sample of a copy, oldest first; i is below event->count. */
latency_sample latency_sample_at(const latency_event *event, size_t i);

#endif
