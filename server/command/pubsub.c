/*
 * pubsub.c - tables of topics for all, and in each session a table of its own subscriptions.
 *
 *     pubsub   channels: 64 stripes by hash    shard channels: 64 stripes    patterns: one table
 *                 ^ topic -> listeners                                          ^
 *     session  subscribed: subscription "news" (channel), subscription "n*" (pattern), ...
 *
 * A publisher holds its channel's stripe for writing until the message is in every inbox: so all
 * subscribers see one order.  The patterns it holds for reading, within.
 *
 * A session's own table is its thread's alone; it finds a subscription by kind and name, and gives
 * them in the order in which they were made.
 */
#include "command/pubsub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "command/push.h"
#include "command/topics.h"

typedef struct subscription {
    listener_entry entry;                 /* first: the topic's view of it */
    struct subscription *chained;         /* next in the session's bucket */
    struct subscription *previous, *next; /* of its kind */
    pubsub_kind kind;
} subscription;

struct pubsub_session {
    subscription **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    subscription *first[PUBSUB_KINDS], *last[PUBSUB_KINDS];
};

struct pubsub {
    topics channels[PUBSUB_STRIPES];
    topics shards[PUBSUB_STRIPES];
    topics patterns;
    _Atomic size_t channel_names; /* in all stripes of `channels` */
    _Atomic size_t sessions;
    uint64_t seed; /* of the hashes, so that nobody can choose names that collide */
};

enum { BUCKETS_MIN = 8 };

/* ---- tables ---- */

static void each_table(pubsub *of, void (*call)(topics *))
{
    for (size_t i = 0; i < PUBSUB_STRIPES; i++) {
        call(&of->channels[i]);
        call(&of->shards[i]);
    }
    call(&of->patterns);
}

hc_status pubsub_open(node *of)
{
    of->pubsub = aligned_alloc(_Alignof(pubsub), sizeof *of->pubsub);
    if (of->pubsub == NULL) return HC_ERR_NO_MEMORY;
    memset(of->pubsub, 0, sizeof *of->pubsub);
    of->pubsub->seed = XXH3_64bits(of->run_id, sizeof of->run_id);
    each_table(of->pubsub, topics_init);
    return HC_OK;
}

void pubsub_close(node *of)
{
    if (of->pubsub == NULL) return;
    each_table(of->pubsub, topics_fini);
    free(of->pubsub);
    of->pubsub = NULL;
}

static uint64_t hash_of(const pubsub *in, hc_span name)
{
    return XXH3_64bits_withSeed(name.data, name.size, in->seed);
}

/* The stripe by high bits: the low ones choose the bucket within. */
static topics *table_of(pubsub *in, pubsub_kind kind, uint64_t hash)
{
    static_assert((PUBSUB_STRIPES & (PUBSUB_STRIPES - 1)) == 0, "a power of two");
    size_t stripe = (size_t)(hash >> 48) & (PUBSUB_STRIPES - 1);
    if (kind == PUBSUB_PATTERN) return &in->patterns;
    return kind == PUBSUB_SHARD ? &in->shards[stripe] : &in->channels[stripe];
}

/* ---- a session's own table ---- */

static subscription **bucket_of(const pubsub_session *in, pubsub_kind kind, uint64_t hash)
{
    return &in->buckets[(hash + (unsigned)kind) & (in->bucket_count - 1)];
}

/* The link that leads to it; to NULL if it is not there. */
static subscription **own_link(const pubsub_session *in, pubsub_kind kind, uint64_t hash,
                               hc_span name)
{
    subscription **link = bucket_of(in, kind, hash);
    for (; *link != NULL; link = &(*link)->chained) {
        const topic *to = (*link)->entry.topic;
        if ((*link)->kind == kind && to->hash == hash && to->name_bytes == name.size &&
            (name.size == 0 || memcmp(to->name, name.data, name.size) == 0))
            break;
    }
    return link;
}

/* Doubles the buckets when they are as many as what they hold.  False: there are none at all. */
static bool own_grow(pubsub_session *in)
{
    if (in->count < in->bucket_count) return true;
    size_t wanted = in->bucket_count == 0 ? BUCKETS_MIN : 2 * in->bucket_count;
    subscription **buckets = calloc(wanted, sizeof(subscription *));
    if (buckets == NULL) return in->bucket_count > 0;
    free(in->buckets);
    in->buckets = buckets;
    in->bucket_count = wanted;
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++) {
        for (subscription *one = in->first[kind]; one != NULL; one = one->next) {
            subscription **bucket = bucket_of(in, one->kind, one->entry.topic->hash);
            one->chained = *bucket;
            *bucket = one;
        }
    }
    return true;
}

static pubsub_session *own_of(session *who)
{
    if (who->subscribed == NULL) who->subscribed = calloc(1, sizeof *who->subscribed);
    if (who->subscribed == NULL || !own_grow(who->subscribed)) return NULL;
    return who->subscribed;
}

static void counts_note(session *who, pubsub_kind kind, int change)
{
    pubsub_session *in = who->subscribed;
    uint32_t now = atomic_load_explicit(&who->subscriptions[kind], memory_order_relaxed);
    atomic_store_explicit(&who->subscriptions[kind], now + (uint32_t)change, memory_order_relaxed);
    in->count += (size_t)change;
    if (change > 0 && in->count == 1)
        atomic_fetch_add_explicit(&who->node->pubsub->sessions, 1, memory_order_relaxed);
    if (change < 0 && in->count == 0)
        atomic_fetch_sub_explicit(&who->node->pubsub->sessions, 1, memory_order_relaxed);
}

static void own_add(session *who, subscription *made, uint64_t hash)
{
    pubsub_session *in = who->subscribed;
    subscription **bucket = bucket_of(in, made->kind, hash);
    made->chained = *bucket;
    *bucket = made;
    made->previous = in->last[made->kind];
    if (made->previous != NULL)
        made->previous->next = made;
    else
        in->first[made->kind] = made;
    in->last[made->kind] = made;
    counts_note(who, made->kind, 1);
}

static void own_remove(session *who, subscription **link)
{
    pubsub_session *in = who->subscribed;
    subscription *gone = *link;
    *link = gone->chained;
    if (gone->next != NULL)
        gone->next->previous = gone->previous;
    else
        in->last[gone->kind] = gone->previous;
    if (gone->previous != NULL)
        gone->previous->next = gone->next;
    else
        in->first[gone->kind] = gone->next;
    counts_note(who, gone->kind, -1);
}

/* ---- subscribing ---- */

/* Under the table's lock. */
static void names_note(pubsub *in, pubsub_kind kind, size_t change)
{
    if (kind == PUBSUB_CHANNEL)
        atomic_fetch_add_explicit(&in->channel_names, change, memory_order_relaxed);
}

static hc_status table_join(pubsub *in, subscription *made, uint64_t hash, hc_span name)
{
    topics *table = table_of(in, made->kind, hash);
    (void)pthread_rwlock_wrlock(&table->lock);
    size_t before = atomic_load_explicit(&table->count, memory_order_relaxed);
    hc_status status = topics_join(table, hash, name, &made->entry);
    names_note(in, made->kind, atomic_load_explicit(&table->count, memory_order_relaxed) - before);
    (void)pthread_rwlock_unlock(&table->lock);
    return status;
}

static void table_leave(pubsub *in, subscription *gone)
{
    topics *table = table_of(in, gone->kind, gone->entry.topic->hash);
    (void)pthread_rwlock_wrlock(&table->lock);
    size_t before = atomic_load_explicit(&table->count, memory_order_relaxed);
    topics_leave(table, &gone->entry);
    names_note(in, gone->kind, atomic_load_explicit(&table->count, memory_order_relaxed) - before);
    (void)pthread_rwlock_unlock(&table->lock);
}

hc_status pubsub_subscribe(session *who, pubsub_kind kind, hc_span name)
{
    pubsub *in = who->node->pubsub;
    pubsub_session *own = own_of(who);
    push_inbox *inbox = push_inbox_of(who);
    if (own == NULL || inbox == NULL) return HC_ERR_NO_MEMORY;
    uint64_t hash = hash_of(in, name);
    if (*own_link(own, kind, hash, name) != NULL) return HC_ERR_EXISTS;
    if (own->count >= PUBSUB_SUBSCRIPTIONS_MAX) return HC_ERR_LIMIT;
    subscription *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->kind = kind;
    made->entry.inbox = inbox;
    hc_status status = table_join(in, made, hash, name);
    if (status == HC_OK)
        own_add(who, made, hash);
    else
        free(made);
    return status;
}

bool pubsub_unsubscribe(session *who, pubsub_kind kind, hc_span name)
{
    pubsub *in = who->node->pubsub;
    if (pubsub_count(who, kind) == 0) return false;
    subscription **link = own_link(who->subscribed, kind, hash_of(in, name), name);
    subscription *gone = *link;
    if (gone == NULL) return false;
    own_remove(who, link);
    table_leave(in, gone);
    free(gone);
    return true;
}

bool pubsub_oldest(const session *who, pubsub_kind kind, hc_span *name_out)
{
    if (pubsub_count(who, kind) == 0) return false;
    *name_out = topic_name(who->subscribed->first[kind]->entry.topic);
    return true;
}

size_t pubsub_count(const session *who, pubsub_kind kind)
{
    return atomic_load_explicit(&who->subscriptions[kind], memory_order_relaxed);
}

bool pubsub_subscribed(const session *who)
{
    return (pubsub_count(who, PUBSUB_CHANNEL) | pubsub_count(who, PUBSUB_PATTERN) |
            pubsub_count(who, PUBSUB_SHARD)) != 0;
}

void pubsub_end(session *who)
{
    pubsub_session *own = who->subscribed;
    if (own == NULL) return;
    for (unsigned kind = 0; kind < PUBSUB_KINDS; kind++) {
        while (own->first[kind] != NULL) {
            subscription *gone = own->first[kind];
            hc_span name = topic_name(gone->entry.topic);
            own_remove(who, own_link(own, gone->kind, gone->entry.topic->hash, name));
            assert(own->first[kind] != gone);
            table_leave(who->node->pubsub, gone);
            free(gone);
        }
    }
    free(own->buckets);
    free(own);
    who->subscribed = NULL;
}

/* ---- publishing ---- */

static size_t topic_post(const topic *to, node *of, const push_item *items, size_t count)
{
    push *what = push_create(of, items, count); /* NULL: push_post knows what to do */
    size_t posted = 0;
    for (size_t i = 0; i < to->count; i++)
        posted += push_post(to->listeners[i]->inbox, what);
    push_release(what);
    return posted;
}

static size_t patterns_post(node *of, hc_span channel, hc_span payload)
{
    topics *table = &of->pubsub->patterns;
    size_t posted = 0;
    if (atomic_load_explicit(&table->count, memory_order_relaxed) == 0) return 0;
    (void)pthread_rwlock_rdlock(&table->lock);
    for (const topic *one = table->first; one != NULL; one = one->next) {
        if (!hc_glob_match(topic_name(one), channel)) continue;
        const push_item items[] = {push_head(4), push_bulk(HC_SPAN("pmessage")),
                                   push_bulk(topic_name(one)), push_bulk(channel),
                                   push_bulk(payload)};
        posted += topic_post(one, of, items, sizeof items / sizeof items[0]);
    }
    (void)pthread_rwlock_unlock(&table->lock);
    return posted;
}

size_t pubsub_publish(node *of, pubsub_kind kind, hc_span channel, hc_span payload)
{
    assert(kind != PUBSUB_PATTERN);
    bool plain = kind == PUBSUB_CHANNEL;
    uint64_t hash = hash_of(of->pubsub, channel);
    topics *table = table_of(of->pubsub, kind, hash);
    if (atomic_load_explicit(&table->count, memory_order_relaxed) == 0)
        return plain ? patterns_post(of, channel, payload) : 0;
    size_t posted = 0;
    (void)pthread_rwlock_wrlock(&table->lock);
    const topic *to = topics_find(table, hash, channel);
    if (to != NULL) {
        const push_item items[] = {push_head(3),
                                   push_bulk(plain ? HC_SPAN("message") : HC_SPAN("smessage")),
                                   push_bulk(channel), push_bulk(payload)};
        posted += topic_post(to, of, items, sizeof items / sizeof items[0]);
    }
    if (plain) posted += patterns_post(of, channel, payload);
    (void)pthread_rwlock_unlock(&table->lock);
    return posted;
}

bool pubsub_has_listeners(const node *of)
{
    const pubsub *in = of->pubsub;
    return (atomic_load_explicit(&in->channel_names, memory_order_relaxed) |
            atomic_load_explicit(&in->patterns.count, memory_order_relaxed)) != 0;
}

/* ---- looking at it ---- */

size_t pubsub_listeners(node *of, pubsub_kind kind, hc_span name)
{
    uint64_t hash = hash_of(of->pubsub, name);
    topics *table = table_of(of->pubsub, kind, hash);
    (void)pthread_rwlock_rdlock(&table->lock);
    const topic *to = topics_find(table, hash, name);
    size_t count = to != NULL ? to->count : 0;
    (void)pthread_rwlock_unlock(&table->lock);
    return count;
}

/* The tables of a kind, one after the other; NULL at the end. */
static topics *table_at(pubsub *in, pubsub_kind kind, size_t index)
{
    if (kind == PUBSUB_PATTERN) return index == 0 ? &in->patterns : NULL;
    if (index == PUBSUB_STRIPES) return NULL;
    return kind == PUBSUB_SHARD ? &in->shards[index] : &in->channels[index];
}

size_t pubsub_names(node *of, pubsub_kind kind)
{
    size_t names = 0;
    const topics *table;
    for (size_t i = 0; (table = table_at(of->pubsub, kind, i)) != NULL; i++)
        names += atomic_load_explicit(&table->count, memory_order_relaxed);
    return names;
}

size_t pubsub_sessions(const node *of)
{
    return atomic_load_explicit(&of->pubsub->sessions, memory_order_relaxed);
}

void pubsub_each(node *of, pubsub_kind kind, void (*visit)(void *ctx, hc_span name), void *ctx)
{
    topics *table;
    for (size_t i = 0; (table = table_at(of->pubsub, kind, i)) != NULL; i++) {
        (void)pthread_rwlock_rdlock(&table->lock);
        for (const topic *one = table->first; one != NULL; one = one->next)
            visit(ctx, topic_name(one));
        (void)pthread_rwlock_unlock(&table->lock);
    }
}
