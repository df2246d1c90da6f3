/*
 * capture.c - frames side by side in a ring of bytes.
 *
 *     ring   | .... [head: frame, kept bytes][frame, kept bytes] .... |   both parts may wrap
 *                   ^head                            ^head + used
 *
 * A frame that does not fit makes the oldest go, however many that takes; it always fits then,
 * since the smallest ring is larger than the largest frame.
 */
#include "debug/capture.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Static_assert(CAPTURE_BYTES_MIN > sizeof(capture_frame) + CAPTURE_KEPT_BYTES_MAX,
               "a frame fits in the smallest ring");

void capture_init(capture *of)
{
    memset(of, 0, sizeof *of);
    atomic_store(&of->only, CAPTURE_NOBODY);
    (void)pthread_mutex_init(&of->lock, NULL);
}

void capture_fini(capture *of)
{
    free(of->ring);
    (void)pthread_mutex_destroy(&of->lock);
}

/* The lock is held. */
static void ring_drop(capture *of)
{
    free(of->ring);
    of->ring = NULL;
    of->capacity = of->head = of->used = 0;
    of->frames = 0;
    of->next_number = 1;
}

hc_status capture_start(capture *of, uint64_t client, size_t bytes)
{
    if (bytes == 0) bytes = CAPTURE_BYTES;
    if (bytes < CAPTURE_BYTES_MIN || bytes > CAPTURE_BYTES_MAX || client == CAPTURE_NOBODY)
        return HC_ERR_INVALID;
    uint8_t *ring = malloc(bytes);
    if (ring == NULL) return HC_ERR_NO_MEMORY;
    (void)pthread_mutex_lock(&of->lock);
    ring_drop(of);
    of->ring = ring;
    of->capacity = bytes;
    of->client = client;
    of->running = true;
    atomic_store(&of->only, client);
    (void)pthread_mutex_unlock(&of->lock);
    return HC_OK;
}

static void stop(capture *of)
{
    atomic_store(&of->only, CAPTURE_NOBODY);
    of->running = false;
}

void capture_stop(capture *of)
{
    (void)pthread_mutex_lock(&of->lock);
    stop(of);
    (void)pthread_mutex_unlock(&of->lock);
}

void capture_clear(capture *of)
{
    (void)pthread_mutex_lock(&of->lock);
    stop(of);
    ring_drop(of);
    (void)pthread_mutex_unlock(&of->lock);
}

capture_status capture_state(capture *of)
{
    (void)pthread_mutex_lock(&of->lock);
    uint64_t noted = of->next_number > 0 ? of->next_number - 1 : 0;
    capture_status now = {.running = of->running,
                          .client = of->client,
                          .frames = of->frames,
                          .bytes = of->used,
                          .bytes_max = of->capacity,
                          .dropped = noted - of->frames};
    (void)pthread_mutex_unlock(&of->lock);
    return now;
}

/* ---- the ring; the lock is held ---- */

static void ring_read(const capture *of, size_t at, void *to, size_t size)
{
    size_t first = of->capacity - at < size ? of->capacity - at : size;
    if (first > 0) memcpy(to, of->ring + at, first);
    if (size > first) memcpy((uint8_t *)to + first, of->ring, size - first);
}

static void ring_write(capture *of, const void *from, size_t size)
{
    size_t at = (of->head + of->used) % of->capacity;
    size_t first = of->capacity - at < size ? of->capacity - at : size;
    if (first > 0) memcpy(of->ring + at, from, first);
    if (size > first) memcpy(of->ring, (const uint8_t *)from + first, size - first);
    of->used += size;
}

static void oldest_drop(capture *of)
{
    capture_frame frame;
    ring_read(of, of->head, &frame, sizeof frame);
    size_t bytes = sizeof frame + frame.kept;
    of->head = (of->head + bytes) % of->capacity;
    of->used -= bytes;
    of->frames--;
}

static void frame_add(capture *of, capture_frame *frame, const uint8_t *data)
{
    while (of->capacity - of->used < sizeof *frame + frame->kept)
        oldest_drop(of);
    frame->number = of->next_number++;
    ring_write(of, frame, sizeof *frame);
    ring_write(of, data, frame->kept);
    of->frames++;
}

/* ---- noting ---- */

static void place_parse(const char *text, capture_place *to)
{
    char host[CAPTURE_ADDRESS_CHARS];
    const char *colon = strrchr(text, ':');
    to->is_v6 = text[0] == '[';
    if (colon == NULL) return;
    to->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    const char *from = to->is_v6 ? text + 1 : text;
    size_t size = (size_t)(colon - from) - (to->is_v6 ? 1 : 0);
    if (size >= sizeof host) return;
    memcpy(host, from, size);
    host[size] = '\0';
    (void)inet_pton(to->is_v6 ? AF_INET6 : AF_INET, host, to->address);
}

static int64_t wall_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void capture_note(capture *of, const capture_talk *talk, bool from_client, const void *data,
                  size_t kept, size_t size)
{
    capture_place client = {0}, node = {0};
    place_parse(talk->client_address, &client);
    place_parse(talk->local_address, &node);
    node.is_v6 = client.is_v6;
    capture_frame frame = {.time_us = wall_us(),
                           .client = talk->client,
                           .from = from_client ? client : node,
                           .to = from_client ? node : client,
                           .from_client = from_client};
    uint32_t *ours = &talk->noted[from_client ? 0 : 1], *others = &talk->noted[from_client ? 1 : 0];
    const uint8_t *at = data;
    (void)pthread_mutex_lock(&of->lock);
    while (size > 0 && of->running) {
        size_t part = size < CAPTURE_FRAME_BYTES_MAX ? size : CAPTURE_FRAME_BYTES_MAX;
        size_t known = kept < part ? kept : part;
        frame.size = (uint32_t)part;
        frame.kept = (uint32_t)(known < CAPTURE_KEPT_BYTES_MAX ? known : CAPTURE_KEPT_BYTES_MAX);
        frame.sequence = *ours;
        frame.acknowledged = *others;
        frame_add(of, &frame, at);
        *ours += (uint32_t)part;
        at += known;
        kept -= known;
        size -= part;
    }
    (void)pthread_mutex_unlock(&of->lock);
}

void capture_each(capture *of, size_t count,
                  void (*visit)(void *ctx, const capture_frame *frame, const uint8_t *data),
                  void *ctx)
{
    capture_frame frame;
    uint8_t data[CAPTURE_KEPT_BYTES_MAX];
    (void)pthread_mutex_lock(&of->lock);
    size_t at = of->head;
    for (uint64_t i = 0; i < of->frames; i++) {
        ring_read(of, at, &frame, sizeof frame);
        at = (at + sizeof frame) % of->capacity;
        if (of->frames - i <= count) {
            ring_read(of, at, data, frame.kept);
            visit(ctx, &frame, data);
        }
        at = (at + frame.kept) % of->capacity;
    }
    (void)pthread_mutex_unlock(&of->lock);
}
