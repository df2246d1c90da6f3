/*
 * leases.c - see leases.h.
 *
 * Locks: a key's shard, then the bucket's stripe; nothing is called while a stripe is held.  A
 * write to a store that is followed looks into the key's bucket without a lock first: most are
 * empty, and what was put there under the shard's lock is seen under it.
 */
#include "command/leases.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    WAYS = 16,
    BUCKETS = LEASES_MAX / WAYS, /* power of two */
    STRIPES = 64,
    STORES_MAX = 2048 /* more than a node can have: databases and named stores */
};

typedef struct entry {
    uint64_t hash, token, ends_ns; /* token 0: free */
} entry;

typedef struct bucket {
    _Atomic uint32_t used; /* entries; changes under the stripe's lock */
    uint32_t reserved;
    entry entries[WAYS];
} bucket;

/* One store that is followed. */
typedef struct followed {
    leases *owner;
    hc_store *store;
    /* Part of every hash, so changing it ends all leases of the store.  Changes under the locks of
     * all shards, and is read under that of one. */
    uint64_t epoch;
} followed;

struct leases {
    uint64_t seed;
    _Atomic uint64_t next_token, next_epoch;
    _Atomic uint64_t taken, refused, forgotten;
    _Atomic(bucket *) buckets; /* NULL until a store is followed; then never changes */
    pthread_mutex_t stripes[STRIPES];
    pthread_mutex_t follow_lock; /* guards changes to what follows */
    _Atomic uint32_t count;      /* of places used in `stores`, emptied ones included */
    _Atomic(followed *) stores[STORES_MAX];
};

leases *leases_create(uint64_t seed, uint64_t first_token)
{
    leases *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    made->seed = seed;
    atomic_init(&made->next_token, first_token != 0 ? first_token : 1);
    atomic_init(&made->next_epoch, 1);
    pthread_mutex_init(&made->follow_lock, NULL);
    for (unsigned i = 0; i < STRIPES; i++)
        pthread_mutex_init(&made->stripes[i], NULL);
    return made;
}

void leases_destroy(leases *of)
{
    if (of == NULL) return;
    for (uint32_t i = 0; i < atomic_load(&of->count); i++) {
        followed *one = atomic_load(&of->stores[i]);
        if (one != NULL) leases_unfollow(of, one->store);
    }
    free(atomic_load(&of->buckets));
    for (unsigned i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&of->stripes[i]);
    pthread_mutex_destroy(&of->follow_lock);
    free(of);
}

/* ---- buckets ---- */

static uint64_t hash_of(const followed *store, hc_span key)
{
    uint64_t seed = store->owner->seed ^ store->epoch * UINT64_C(0x9e3779b97f4a7c15);
    return XXH3_64bits_withSeed(key.data, key.size, seed);
}

static bucket *bucket_of(leases *of, uint64_t hash)
{
    return &atomic_load_explicit(&of->buckets, memory_order_acquire)[hash % BUCKETS];
}

static pthread_mutex_t *stripe_of(leases *of, uint64_t hash)
{
    return &of->stripes[hash % BUCKETS % STRIPES];
}

/* NULL: none.  The stripe is held. */
static entry *find(bucket *in, uint64_t hash)
{
    for (unsigned i = 0; i < WAYS; i++)
        if (in->entries[i].token != 0 && in->entries[i].hash == hash) return &in->entries[i];
    return NULL;
}

static void use_add(bucket *in, uint32_t amount)
{
    uint32_t used = atomic_load_explicit(&in->used, memory_order_relaxed);
    atomic_store_explicit(&in->used, used + amount, memory_order_release);
}

static void clear(bucket *in, entry *one)
{
    *one = (entry){0};
    use_add(in, UINT32_MAX); /* one less */
}

/* A free entry, the one that has ended, or in their absence the one that ends first. */
static entry *make_room(leases *of, bucket *in, uint64_t now_ns)
{
    entry *first = &in->entries[0];
    for (unsigned i = 0; i < WAYS; i++) {
        entry *one = &in->entries[i];
        if (one->token == 0) return one;
        if (one->ends_ns < first->ends_ns) first = one;
    }
    if (first->ends_ns > now_ns) atomic_fetch_add(&of->forgotten, 1);
    clear(in, first);
    return first;
}

/* Ends the lease of a hash: any, if `token` is 0. */
static bool end_hash(leases *of, uint64_t hash, uint64_t token)
{
    bucket *in = bucket_of(of, hash);
    if (atomic_load_explicit(&in->used, memory_order_acquire) == 0) return false;
    pthread_mutex_lock(stripe_of(of, hash));
    entry *one = find(in, hash);
    bool ends = one != NULL && (token == 0 || one->token == token);
    if (ends) clear(in, one);
    pthread_mutex_unlock(stripe_of(of, hash));
    return ends;
}

/* ---- stores ---- */

static void changed(void *ctx, const hc_effect *effect)
{
    followed *store = ctx;
    if (effect->kind == HC_EFFECT_FLUSH)
        store->epoch = atomic_fetch_add(&store->owner->next_epoch, 1);
    else
        (void)end_hash(store->owner, hash_of(store, effect->key), 0);
}

static hc_effects effects_of(followed *store)
{
    return (hc_effects){.size = sizeof(hc_effects),
                        .ctx = store,
                        .changed = changed,
                        .kinds = 1u << HC_EFFECT_SET | 1u << HC_EFFECT_APPEND |
                                 1u << HC_EFFECT_PATCH | 1u << HC_EFFECT_EXPIRY |
                                 1u << HC_EFFECT_DELETE | 1u << HC_EFFECT_FLUSH};
}

/* Usually one or two are followed, so they are looked through. */
static followed *followed_find(leases *of, const hc_store *store, uint32_t *at_out)
{
    uint32_t count = atomic_load_explicit(&of->count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        followed *one = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        if (one == NULL || one->store != store) continue;
        if (at_out != NULL) *at_out = i;
        return one;
    }
    return NULL;
}

static uint32_t free_place(leases *of)
{
    uint32_t count = atomic_load(&of->count);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load(&of->stores[i]) == NULL) return i;
    return count;
}

/* follow_lock is held. */
static hc_status follow(leases *of, hc_store *store)
{
    uint32_t at = free_place(of);
    if (at == STORES_MAX) return HC_ERR_LIMIT;
    if (atomic_load(&of->buckets) == NULL)
        atomic_store_explicit(&of->buckets, calloc(BUCKETS, sizeof(bucket)), memory_order_release);
    followed *one = malloc(sizeof *one);
    if (one == NULL || atomic_load(&of->buckets) == NULL) {
        free(one);
        return HC_ERR_NO_MEMORY;
    }
    *one = (followed){of, store, atomic_fetch_add(&of->next_epoch, 1)};
    const hc_effects effects = effects_of(one);
    hc_status status = hc_store_follow(store, &effects);
    if (status != HC_OK) {
        free(one);
        return status;
    }
    atomic_store_explicit(&of->stores[at], one, memory_order_release);
    if (at == atomic_load(&of->count))
        atomic_store_explicit(&of->count, at + 1, memory_order_release);
    return HC_OK;
}

hc_status leases_follow(leases *of, hc_store *store)
{
    if (followed_find(of, store, NULL) != NULL) return HC_OK;
    pthread_mutex_lock(&of->follow_lock);
    hc_status status = followed_find(of, store, NULL) != NULL ? HC_OK : follow(of, store);
    pthread_mutex_unlock(&of->follow_lock);
    return status;
}

void leases_unfollow(leases *of, hc_store *store)
{
    uint32_t at;
    pthread_mutex_lock(&of->follow_lock);
    followed *one = followed_find(of, store, &at);
    if (one != NULL) {
        const hc_effects effects = effects_of(one);
        (void)hc_store_unfollow(store, &effects);
        atomic_store_explicit(&of->stores[at], NULL, memory_order_release);
        free(one);
    }
    pthread_mutex_unlock(&of->follow_lock);
}

/* ---- leases ---- */

bool leases_take(leases *of, hc_store *store, hc_span key, uint64_t now_ns, uint64_t lease_ns,
                 lease *out)
{
    uint64_t hash = hash_of(followed_find(of, store, NULL), key);
    bucket *in = bucket_of(of, hash);
    pthread_mutex_lock(stripe_of(of, hash));
    entry *one = find(in, hash);
    bool is_free = one == NULL || one->ends_ns <= now_ns;
    if (one == NULL) {
        one = make_room(of, in, now_ns);
        use_add(in, 1);
    }
    if (is_free) *one = (entry){hash, atomic_fetch_add(&of->next_token, 1), now_ns + lease_ns};
    *out = (lease){one->token, one->ends_ns};
    pthread_mutex_unlock(stripe_of(of, hash));
    atomic_fetch_add_explicit(is_free ? &of->taken : &of->refused, 1, memory_order_relaxed);
    return is_free;
}

bool leases_hold(leases *of, hc_store *store, hc_span key, uint64_t token)
{
    uint64_t hash = hash_of(followed_find(of, store, NULL), key);
    pthread_mutex_lock(stripe_of(of, hash));
    const entry *one = find(bucket_of(of, hash), hash);
    bool holds = token != 0 && one != NULL && one->token == token;
    pthread_mutex_unlock(stripe_of(of, hash));
    return holds;
}

bool leases_end(leases *of, hc_store *store, hc_span key, uint64_t token)
{
    return token != 0 && end_hash(of, hash_of(followed_find(of, store, NULL), key), token);
}

leases_counts leases_count(const leases *of)
{
    return (leases_counts){.taken = atomic_load_explicit(&of->taken, memory_order_relaxed),
                           .refused = atomic_load_explicit(&of->refused, memory_order_relaxed),
                           .forgotten = atomic_load_explicit(&of->forgotten, memory_order_relaxed)};
}
