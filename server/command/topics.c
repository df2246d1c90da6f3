/* topics.c - chained buckets that double with the topics; a failure to grow makes chains longer. */
#include "command/topics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 16, LISTENERS_MIN = 2 };

void topics_init(topics *of)
{
    pthread_rwlockattr_t attributes;
    memset(of, 0, sizeof *of);
    /* Readers are publishers: without this they could keep a new subscriber out for ever. */
    (void)pthread_rwlockattr_init(&attributes);
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&of->lock, &attributes);
    (void)pthread_rwlockattr_destroy(&attributes);
}

void topics_fini(topics *of)
{
    assert(of->first == NULL);
    (void)pthread_rwlock_destroy(&of->lock);
    free(of->buckets);
    of->buckets = NULL;
}

static topic **bucket_of(const topics *of, uint64_t hash)
{
    return &of->buckets[hash & (of->bucket_count - 1)];
}

topic *topics_find(const topics *of, uint64_t hash, hc_span name)
{
    if (of->bucket_count == 0) return NULL;
    for (topic *one = *bucket_of(of, hash); one != NULL; one = one->chained) {
        if (one->hash == hash && one->name_bytes == name.size &&
            (name.size == 0 || memcmp(one->name, name.data, name.size) == 0))
            return one;
    }
    return NULL;
}

static hc_status buckets_grow(topics *of)
{
    size_t had = of->bucket_count, wanted = had == 0 ? BUCKETS_MIN : 2 * had;
    if (atomic_load_explicit(&of->count, memory_order_relaxed) < had) return HC_OK;
    topic **buckets = calloc(wanted, sizeof(topic *));
    if (buckets == NULL) return had > 0 ? HC_OK : HC_ERR_NO_MEMORY;
    free(of->buckets);
    of->buckets = buckets;
    of->bucket_count = wanted;
    for (topic *one = of->first; one != NULL; one = one->next) {
        topic **bucket = bucket_of(of, one->hash);
        one->chained = *bucket;
        *bucket = one;
    }
    return HC_OK;
}

/* With nobody in it yet. */
static topic *topic_add(topics *of, uint64_t hash, hc_span name)
{
    if (buckets_grow(of) != HC_OK) return NULL;
    topic *made = calloc(1, sizeof *made + name.size);
    if (made == NULL) return NULL;
    made->hash = hash;
    made->name_bytes = name.size;
    if (name.size > 0) memcpy(made->name, name.data, name.size);
    topic **bucket = bucket_of(of, hash);
    made->chained = *bucket;
    *bucket = made;
    made->previous = of->last;
    if (of->last != NULL)
        of->last->next = made;
    else
        of->first = made;
    of->last = made;
    atomic_fetch_add_explicit(&of->count, 1, memory_order_relaxed);
    return made;
}

static void topic_remove(topics *of, topic *gone)
{
    topic **link = bucket_of(of, gone->hash);
    while (*link != gone)
        link = &(*link)->chained;
    *link = gone->chained;
    if (gone->next != NULL)
        gone->next->previous = gone->previous;
    else
        of->last = gone->previous;
    if (gone->previous != NULL)
        gone->previous->next = gone->next;
    else
        of->first = gone->next;
    atomic_fetch_sub_explicit(&of->count, 1, memory_order_relaxed);
    free(gone->listeners);
    free(gone);
}

static bool listeners_grow(topic *of)
{
    if (of->count < of->capacity) return true;
    size_t capacity = of->capacity == 0 ? LISTENERS_MIN : 2 * of->capacity;
    listener_entry **listeners = realloc(of->listeners, capacity * sizeof(listener_entry *));
    if (listeners == NULL) return false;
    of->listeners = listeners;
    of->capacity = capacity;
    return true;
}

hc_status topics_join(topics *of, uint64_t hash, hc_span name, listener_entry *entry)
{
    topic *to = topics_find(of, hash, name);
    if (to == NULL) to = topic_add(of, hash, name);
    if (to == NULL) return HC_ERR_NO_MEMORY;
    if (!listeners_grow(to)) {
        if (to->count == 0) topic_remove(of, to);
        return HC_ERR_NO_MEMORY;
    }
    entry->topic = to;
    entry->place = to->count;
    to->listeners[to->count++] = entry;
    return HC_OK;
}

void topics_leave(topics *of, listener_entry *entry)
{
    topic *from = entry->topic;
    assert(from->listeners[entry->place] == entry);
    listener_entry *last = from->listeners[--from->count];
    from->listeners[entry->place] = last;
    last->place = entry->place;
    if (from->count == 0) topic_remove(of, from);
}
