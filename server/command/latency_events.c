/* latency_events.c - a few rings of samples under one lock. */
#include "command/latency_events.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void latency_events_init(latency_events *of)
{
    memset(of, 0, sizeof *of);
    pthread_mutex_init(&of->lock, NULL);
}

void latency_events_fini(latency_events *of)
{
    pthread_mutex_destroy(&of->lock);
}

static bool is_named(const latency_event *event, hc_span name)
{
    return strlen(event->name) == name.size && memcmp(event->name, name.data, name.size) == 0;
}

static latency_event *find(latency_events *in, hc_span name)
{
    for (size_t i = 0; i < in->count; i++)
        if (is_named(&in->events[i], name)) return &in->events[i];
    return NULL;
}

static latency_event *find_or_add(latency_events *in, const char *name)
{
    latency_event *event = find(in, hc_span_make(name, strlen(name)));
    if (event != NULL || in->count == LATENCY_EVENTS_MAX) return event;
    event = &in->events[in->count++];
    (void)snprintf(event->name, sizeof event->name, "%s", name);
    return event;
}

void latency_events_note(latency_events *to, const char *name, int64_t at_s, uint64_t ms)
{
    pthread_mutex_lock(&to->lock);
    latency_event *event = find_or_add(to, name);
    if (event != NULL) {
        if (ms > event->ms_max) event->ms_max = ms;
        size_t last = (event->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES;
        latency_sample *sample = &event->samples[last];
        if (event->count > 0 && sample->at_s == at_s) {
            if (ms > sample->ms) sample->ms = ms;
        } else {
            event->samples[event->next] = (latency_sample){at_s, ms};
            event->next = (event->next + 1) % LATENCY_SAMPLES;
            if (event->count < LATENCY_SAMPLES) event->count++;
        }
    }
    pthread_mutex_unlock(&to->lock);
}

bool latency_events_at(latency_events *of, size_t index, latency_event *event_out)
{
    bool found = false;
    pthread_mutex_lock(&of->lock);
    for (size_t i = 0, seen = 0; i < of->count && !found; i++) {
        if (of->events[i].count == 0) continue;
        found = seen++ == index;
        if (found) *event_out = of->events[i];
    }
    pthread_mutex_unlock(&of->lock);
    return found;
}

bool latency_events_find(latency_events *of, hc_span name, latency_event *event_out)
{
    pthread_mutex_lock(&of->lock);
    const latency_event *event = find(of, name);
    bool found = event != NULL && event->count > 0;
    if (found) *event_out = *event;
    pthread_mutex_unlock(&of->lock);
    return found;
}

size_t latency_events_reset(latency_events *of, const hc_span *name)
{
    size_t had = 0;
    pthread_mutex_lock(&of->lock);
    for (size_t i = 0; i < of->count; i++) {
        latency_event *event = &of->events[i];
        if (event->count == 0 || (name != NULL && !is_named(event, *name))) continue;
        event->count = event->next = 0;
        event->ms_max = 0;
        had++;
    }
    pthread_mutex_unlock(&of->lock);
    return had;
}

latency_sample latency_sample_at(const latency_event *event, size_t i)
{
    assert(i < event->count);
    return event->samples[(event->next + LATENCY_SAMPLES - event->count + i) % LATENCY_SAMPLES];
}
