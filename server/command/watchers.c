/*
 * watchers.c - one table of watched keys for the node, in buckets of chains.
 *
 *     buckets [ . | . | . | . ]        stripe of a bucket: its number modulo STRIPES
 *               |       |
 *               w       w -> w         w = (store, key, session); each session also chains its own
 *
 * A watch is taken out by its session alone; until then whoever changes the key marks the session,
 * not the watch, so marking twice does no harm and nothing is freed by a stranger.
 */
#include "command/watchers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_turn.h"
#include "command/fence.h"
#include "command/key_hash.h"
#include "command/tracking.h"

enum { BUCKETS = 1 << 14, STRIPES = 64 };

typedef enum watch_state {
    WATCH_UNSURE = 0, /* in the table, not looked at yet */
    WATCH_ABSENT,
    WATCH_PRESENT
} watch_state;

struct watch {
    watch *next;            /* of the bucket */
    watch *next_of_session; /* its own business */
    session *who;
    hc_store *store; /* only compared: the store may be gone */
    int database;    /* that the store was; SESSION_NAMED */
    uint64_t hash;
    int64_t expires_at_ms; /* of a present key, at the time it was watched */
    watch_state state;     /* guarded by the stripe, as is `next` */
    uint32_t key_bytes;
    uint8_t key[];
};

typedef struct follower {
    watchers *of;
    hc_store *store; /* NULL: not followed */
} follower;

struct watchers {
    node *node;
    uint64_t seed;
    _Atomic size_t watch_count;
    pthread_mutex_t stripes[STRIPES];
    pthread_mutex_t lock; /* guards what follows; taken under stores_lock, above the shards' */
    watch **buckets;      /* made once, by the first who watches or tracks */
    follower *followers;  /* by index of the store (hc_store_info) */
};

/* ---- changes ---- */

static bool is_of(const watch *one, const hc_store *store, uint64_t hash, hc_span key)
{
    return one->hash == hash && one->store == store && one->key_bytes == key.size &&
           memcmp(one->key, key.data, key.size) == 0;
}

static void watch_break(watch *one)
{
    atomic_store_explicit(&one->who->watch_broken, true, memory_order_release);
}

static void key_changed(watchers *of, const hc_store *store, const hc_effect *effect)
{
    uint64_t hash = key_hash(effect->key, of->seed);
    size_t bucket = hash % BUCKETS;
    pthread_mutex_t *stripe = &of->stripes[bucket % STRIPES];
    (void)pthread_mutex_lock(stripe);
    for (watch *one = of->buckets[bucket]; one != NULL; one = one->next) {
        if (!is_of(one, store, hash, effect->key)) continue;
        bool was_gone = effect->kind == HC_EFFECT_EXPIRED && one->state != WATCH_PRESENT;
        if (!was_gone) watch_break(one);
    }
    (void)pthread_mutex_unlock(stripe);
}

static void store_flushed(watchers *of, const hc_store *store)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        pthread_mutex_t *stripe = &of->stripes[i % STRIPES];
        (void)pthread_mutex_lock(stripe);
        for (watch *one = of->buckets[i]; one != NULL; one = one->next)
            if (one->store == store && one->state != WATCH_ABSENT) watch_break(one);
        (void)pthread_mutex_unlock(stripe);
    }
}

void watchers_dropped(node *of, const hc_store *store)
{
    fence();
    if (atomic_load(&of->watchers->watch_count) > 0) store_flushed(of->watchers, store);
}

static void on_change(void *ctx, const hc_effect *effect)
{
    const follower *from = ctx;
    watchers *of = from->of;
    fence();
    tracking_changed(of->node, effect);
    if (atomic_load(&of->watch_count) == 0) return;
    if (effect->kind == HC_EFFECT_FLUSH)
        store_flushed(of, from->store);
    else
        key_changed(of, from->store, effect);
}

/* ---- following stores ---- */

hc_status watchers_init(node *of)
{
    watchers *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->node = of;
    node_random(of, &made->seed, sizeof made->seed);
    for (size_t i = 0; i < STRIPES; i++)
        (void)pthread_mutex_init(&made->stripes[i], NULL);
    (void)pthread_mutex_init(&made->lock, NULL);
    of->watchers = made;
    return HC_OK;
}

void watchers_fini(node *of)
{
    watchers *old = of->watchers;
    if (old == NULL) return;
    assert(atomic_load(&old->watch_count) == 0);
    for (size_t i = 0; i < STRIPES; i++)
        (void)pthread_mutex_destroy(&old->stripes[i]);
    (void)pthread_mutex_destroy(&old->lock);
    free(old->buckets);
    free(old->followers);
    free(old);
    of->watchers = NULL;
}

static hc_effects table_of(follower *which)
{
    return (hc_effects){.size = sizeof(hc_effects),
                        .ctx = which,
                        .changed = on_change,
                        .kinds = ((1u << HC_EFFECT_KINDS) - 1) & ~(1u << HC_EFFECT_COMMIT)};
}

/* The lock is held, and `followers` is there. */
static hc_status follow(watchers *of, const hc_store_ref *ref)
{
    hc_store_info info = {.size = sizeof info};
    hc_store_ref_info(ref, &info);
    follower *which = &of->followers[info.index];
    if (which->store == ref->store) return HC_OK;
    *which = (follower){.of = of, .store = ref->store};
    const hc_effects table = table_of(which);
    hc_status status = hc_store_follow(ref->store, &table);
    if (status != HC_OK) which->store = NULL;
    return status;
}

void watchers_store_added(node *of, const hc_store_ref *ref)
{
    watchers *in = of->watchers;
    hc_store_info info = {.size = sizeof info};
    hc_store_ref_info(ref, &info);
    (void)pthread_mutex_lock(&in->lock);
    if (in->followers != NULL) {
        in->followers[info.index].store = NULL; /* of one that is gone */
        (void)follow(in, ref);                  /* the first follower of a new store */
    }
    (void)pthread_mutex_unlock(&in->lock);
}

hc_status watchers_attach(node *of)
{
    watchers *in = of->watchers;
    hc_status status = HC_OK;
    if (atomic_load_explicit(&of->watchers_attached, memory_order_acquire)) return HC_OK;
    (void)pthread_mutex_lock(&in->lock);
    if (in->buckets == NULL) in->buckets = calloc(BUCKETS, sizeof *in->buckets);
    if (in->buckets != NULL && in->followers == NULL)
        in->followers = calloc(hc_stores_max(of->registry), sizeof *in->followers);
    if (in->followers == NULL) status = HC_ERR_NO_MEMORY;
    hc_store_ref ref;
    uint32_t at = 0;
    while (status == HC_OK && node_store_next(of, &at, &ref)) {
        status = follow(in, &ref);
        hc_store_ref_release(&ref);
    }
    if (status == HC_OK) atomic_store_explicit(&of->watchers_attached, true, memory_order_release);
    (void)pthread_mutex_unlock(&in->lock);
    return status;
}

/* ---- a session's watches ---- */

/* The stripe is held. */
static bool is_watched(const watchers *of, const session *who, uint64_t hash, hc_span key)
{
    for (const watch *one = of->buckets[hash % BUCKETS]; one != NULL; one = one->next)
        if (one->who == who && is_of(one, who->store, hash, key)) return true;
    return false;
}

static watch *watch_create(session *who, hc_span key, uint64_t hash)
{
    watch *made = malloc(sizeof *made + key.size);
    if (made == NULL) return NULL;
    *made = (watch){.who = who,
                    .store = who->store,
                    .database = atomic_load_explicit(&who->database, memory_order_relaxed),
                    .hash = hash,
                    .expires_at_ms = HC_EXPIRY_NONE,
                    .key_bytes = (uint32_t)key.size};
    if (key.size > 0) memcpy(made->key, key.data, key.size);
    return made;
}

/* Looks at the key: what changes it from here on has seen the watch. */
static void watch_look(watchers *of, watch *one)
{
    hc_item item;
    hc_status status = hc_store_stat(one->store, hc_span_make(one->key, one->key_bytes), &item);
    pthread_mutex_t *stripe = &of->stripes[one->hash % BUCKETS % STRIPES];
    (void)pthread_mutex_lock(stripe);
    one->state = status == HC_OK ? WATCH_PRESENT : WATCH_ABSENT;
    if (status == HC_OK) one->expires_at_ms = item.expires_at_ms;
    (void)pthread_mutex_unlock(stripe);
}

static bool is_too_much(const session *who, hc_span key)
{
    size_t count = atomic_load_explicit(&who->watch_count, memory_order_relaxed);
    return count >= WATCH_KEYS_MAX || key.size > WATCH_BYTES_MAX - who->watch_bytes;
}

hc_status watch_add(session *who, hc_span key)
{
    watchers *of = who->node->watchers;
    if (key.size > HC_KEY_BYTES_MAX) return HC_OK; /* there never is such a key */
    hc_status status = watchers_attach(who->node);
    if (status != HC_OK) return status;
    uint64_t hash = key_hash(key, of->seed);
    watch **bucket = &of->buckets[hash % BUCKETS];
    pthread_mutex_t *stripe = &of->stripes[hash % BUCKETS % STRIPES];
    (void)pthread_mutex_lock(stripe);
    bool watched = is_watched(of, who, hash, key);
    (void)pthread_mutex_unlock(stripe);
    if (watched) return HC_OK;
    if (is_too_much(who, key)) return HC_ERR_LIMIT;
    watch *made = watch_create(who, key, hash);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->next_of_session = who->watches;
    who->watches = made;
    who->watch_bytes += key.size;
    atomic_fetch_add_explicit(&who->watch_count, 1, memory_order_relaxed);
    atomic_fetch_add(&of->watch_count, 1); /* first: a change looks at it before the table */
    (void)pthread_mutex_lock(stripe);
    made->next = *bucket;
    *bucket = made;
    (void)pthread_mutex_unlock(stripe);
    fence();
    watch_look(of, made);
    return HC_OK;
}

static void take_out(watchers *of, watch *one)
{
    pthread_mutex_t *stripe = &of->stripes[one->hash % BUCKETS % STRIPES];
    (void)pthread_mutex_lock(stripe);
    watch **at = &of->buckets[one->hash % BUCKETS];
    while (*at != one)
        at = &(*at)->next;
    *at = one->next;
    (void)pthread_mutex_unlock(stripe);
}

void watch_drop(session *who)
{
    cluster_watch_drop(who);
    watchers *of = who->node->watchers;
    while (who->watches != NULL) {
        watch *one = who->watches;
        who->watches = one->next_of_session;
        take_out(of, one);
        free(one);
        atomic_fetch_sub(&of->watch_count, 1);
    }
    who->watch_bytes = 0;
    atomic_store_explicit(&who->watch_count, 0, memory_order_relaxed);
    atomic_store_explicit(&who->watch_broken, false, memory_order_relaxed);
}

void watch_look_for_swaps(session *who)
{
    for (watch *one = who->watches; one != NULL; one = one->next_of_session) {
        if (one->database == SESSION_NAMED) continue;
        if (node_store(who->node, (unsigned)one->database) != one->store) watch_break(one);
    }
}

/* ---- SWAPDB ---- */

/* Moves watches to the other store; those of keys that were absent are left to be looked at.  The
 * stripe is held. */
static size_t bucket_swap(watch *one, hc_store *first, hc_store *second)
{
    size_t left = 0;
    for (; one != NULL; one = one->next) {
        if (one->store != first && one->store != second) continue;
        one->store = one->store == first ? second : first;
        if (one->state == WATCH_PRESENT) watch_break(one);
        one->state = WATCH_UNSURE;
        left++;
    }
    return left;
}

/* Copies the key of the next watch in `bucket` that is to be looked at, and its store.  The look
 * itself cannot be made here: a read may wait for a shard, whose holder may wait for the stripe. */
static bool next_unsure(watchers *of, size_t bucket, hc_store **store_out, uint8_t *key,
                        size_t *bytes_out)
{
    pthread_mutex_t *stripe = &of->stripes[bucket % STRIPES];
    (void)pthread_mutex_lock(stripe);
    watch *one = of->buckets[bucket];
    while (one != NULL && one->state != WATCH_UNSURE)
        one = one->next;
    if (one != NULL) {
        one->state = WATCH_ABSENT;
        *store_out = one->store;
        *bytes_out = one->key_bytes;
        memcpy(key, one->key, one->key_bytes);
    }
    (void)pthread_mutex_unlock(stripe);
    return one != NULL;
}

void watchers_swapped(node *on, hc_store *first, hc_store *second)
{
    watchers *of = on->watchers;
    if (first == second || atomic_load(&of->watch_count) == 0) return;
    uint8_t key[HC_KEY_BYTES_MAX];
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        pthread_mutex_t *stripe = &of->stripes[bucket % STRIPES];
        (void)pthread_mutex_lock(stripe);
        size_t left = bucket_swap(of->buckets[bucket], first, second);
        (void)pthread_mutex_unlock(stripe);
        hc_store *store;
        size_t bytes;
        for (; left > 0 && next_unsure(of, bucket, &store, key, &bytes); left--) {
            hc_item item;
            const hc_span name = hc_span_make(key, bytes);
            if (hc_store_stat(store, name, &item) != HC_OK) continue;
            key_changed(of, store, &(hc_effect){.kind = HC_EFFECT_SET, .key = name});
        }
    }
}

bool watch_is_broken(session *who)
{
    if (atomic_load_explicit(&who->watch_broken, memory_order_acquire)) return true;
    if (who->watches == NULL) return false;
    int64_t now_ms = node_now_ms(who->node);
    for (const watch *one = who->watches; one != NULL; one = one->next_of_session) {
        if (one->state != WATCH_PRESENT || one->expires_at_ms == HC_EXPIRY_NONE) continue;
        if (one->expires_at_ms <= now_ms) return true;
    }
    return false;
}
