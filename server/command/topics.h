/*
 * topics.h - names and who listens to each: a hash table that pubsub.c keeps several of.
 *
 *     topics  buckets -> topic "news" -> topic "sport"         chains
 *             first .. last                                    in order of their first listener
 *     topic   listeners [ a | b | c ]    each knows its place, so leaving is O(1)
 *
 * A topic is there as long as somebody listens.
 *
 * Threads: the caller holds `lock`, for writing where something changes; `count` may be read by
 *          anyone at any time, to skip a table that is empty.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_TOPICS_H
#define HYPERCACHE_SERVER_COMMAND_TOPICS_H

#include <pthread.h>
#include <stdatomic.h>

#include "command/push.h"

typedef struct topic topic;

/* That one session listens to one topic. */
typedef struct listener_entry listener_entry;
struct listener_entry {
    topic *topic;
    push_inbox *inbox; /* borrowed: the session takes its entries out before it ends */
    size_t place;      /* in topic->listeners */
};

struct topic {
    topic *chained; /* next in the bucket */
    topic *previous, *next;
    uint64_t hash;
    listener_entry **listeners;
    size_t count, capacity;
    size_t name_bytes;
    uint8_t name[];
};

static inline hc_span topic_name(const topic *of)
{
    return hc_span_make(of->name, of->name_bytes);
}

typedef struct topics {
    _Alignas(64) pthread_rwlock_t lock;
    _Atomic size_t count;
    topic **buckets;
    size_t bucket_count; /* 0 or a power of two */
    topic *first, *last;
} topics;

void topics_init(topics *of);
void topics_fini(topics *of); /* nobody listens any more */

topic *topics_find(const topics *of, uint64_t hash, hc_span name); /* NULL: nobody listens */
/* Adds `entry`, which must not be there; fills its topic and place.
 *   HC_ERR_NO_MEMORY */
hc_status topics_join(topics *of, uint64_t hash, hc_span name, listener_entry *entry);
/* Takes it out; frees the topic if it was the last. */
void topics_leave(topics *of, listener_entry *entry);

#endif
