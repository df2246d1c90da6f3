/*
 * tracking_table.c - who read which key: a hash table in stripes, each with its lock and growing on
 * its own.
 *
 *     stripe = low bits of the hash           key "a" -> readers [ c1 | c7 | c9 ]  by address
 *     bucket = the bits above them
 *
 * An entry goes when its key changes, when the table is full, or with a flush; a client that goes
 * leaves its references behind until then, as Redis leaves its ids.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "command/key_hash.h"
#include "command/tracking_private.h"

enum { BUCKETS_MIN = 16, READERS_MIN = 4, LOOKS_MAX = 2 * TRACKING_STRIPES };

struct tracked {
    tracked *next; /* of the bucket */
    uint64_t hash;
    tracking_client **readers; /* rising; `one` if there is room for one only */
    uint32_t count, capacity;
    tracking_client *one;
    uint32_t key_bytes;
    uint8_t key[];
};

static tracking_stripe *stripe_of(tracking *of, uint64_t hash)
{
    return &of->stripes[hash % TRACKING_STRIPES];
}

/* The stripe has buckets. */
static tracked **bucket_of(const tracking_stripe *in, uint64_t hash)
{
    return &in->buckets[hash / TRACKING_STRIPES % in->bucket_count];
}

static size_t bytes_of(const tracked *one)
{
    size_t readers = one->readers == &one->one ? 0 : one->capacity * sizeof(tracking_client *);
    return sizeof *one + one->key_bytes + readers;
}

/* The place of the pointer to it, or of the NULL at the end of its bucket. */
static tracked **find(const tracking_stripe *in, uint64_t hash, hc_span key)
{
    tracked **at = bucket_of(in, hash);
    for (; *at != NULL; at = &(*at)->next) {
        const tracked *one = *at;
        if (one->hash != hash || one->key_bytes != key.size) continue;
        if (memcmp(one->key, key.data, key.size) == 0) break;
    }
    return at;
}

static bool stripe_grow(tracking_stripe *in)
{
    if (in->keys < in->bucket_count) return true;
    size_t count = in->bucket_count == 0 ? BUCKETS_MIN : 2 * in->bucket_count;
    tracked **buckets = calloc(count, sizeof(tracked *));
    if (buckets == NULL) return in->bucket_count > 0; /* longer chains will do */
    tracking_stripe next = {.buckets = buckets, .bucket_count = count};
    for (size_t i = 0; i < in->bucket_count; i++) {
        for (tracked *one = in->buckets[i], *rest; one != NULL; one = rest) {
            rest = one->next;
            tracked **bucket = bucket_of(&next, one->hash);
            one->next = *bucket;
            *bucket = one;
        }
    }
    free(in->buckets);
    in->buckets = buckets;
    in->bucket_count = count;
    in->cursor = 0;
    return true;
}

static tracked *tracked_create(hc_span key, uint64_t hash)
{
    tracked *made = malloc(sizeof *made + key.size);
    if (made == NULL) return NULL;
    *made = (tracked){.hash = hash, .capacity = 1, .key_bytes = (uint32_t)key.size};
    made->readers = &made->one;
    if (key.size > 0) memcpy(made->key, key.data, key.size);
    return made;
}

/* Counts and drops its references. */
static void tracked_destroy(tracking *of, tracked *one)
{
    atomic_fetch_sub(&of->keys, 1);
    atomic_fetch_sub(&of->items, one->count);
    atomic_fetch_sub(&of->bytes, bytes_of(one));
    for (uint32_t i = 0; i < one->count; i++)
        tracking_release(one->readers[i]);
    if (one->readers != &one->one) free(one->readers);
    free(one);
}

static bool readers_reserve(tracking *of, tracked *one)
{
    assert(one->capacity > 0); /* a key is tracked for somebody */
    if (one->count < one->capacity) return true;
    uint32_t capacity = one->capacity == 1 ? READERS_MIN : 2 * one->capacity;
    tracking_client **readers = malloc(capacity * sizeof(tracking_client *));
    if (readers == NULL) return false;
    size_t before = bytes_of(one);
    memcpy(readers, one->readers, one->count * sizeof(tracking_client *));
    if (one->readers != &one->one) free(one->readers);
    one->readers = readers;
    one->capacity = capacity;
    atomic_fetch_add(&of->bytes, bytes_of(one) - before);
    return true;
}

static bool reader_add(tracking *of, tracked *to, tracking_client *reader)
{
    uint32_t low = 0, high = to->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (to->readers[middle] == reader) return true;
        if ((uintptr_t)to->readers[middle] < (uintptr_t)reader)
            low = middle + 1;
        else
            high = middle;
    }
    if (!readers_reserve(of, to)) return false;
    memmove(&to->readers[low + 1], &to->readers[low], (to->count - low) * sizeof *to->readers);
    to->readers[low] = reader;
    to->count++;
    tracking_retain(reader);
    atomic_fetch_add(&of->items, 1);
    return true;
}

bool tracking_table_add(tracking *of, hc_span key, tracking_client *reader)
{
    if (key.size > HC_KEY_BYTES_MAX) return true; /* there never is such a key */
    uint64_t hash = key_hash(key, of->seed);
    tracking_stripe *in = stripe_of(of, hash);
    (void)pthread_mutex_lock(&in->lock);
    bool added = stripe_grow(in);
    tracked **at = added ? find(in, hash, key) : NULL;
    if (added && *at == NULL && (*at = tracked_create(key, hash)) != NULL) {
        in->keys++;
        atomic_fetch_add(&of->keys, 1); /* before the key is read, hence seen by its next change */
        atomic_fetch_add(&of->bytes, bytes_of(*at));
    }
    added = added && *at != NULL && reader_add(of, *at, reader);
    (void)pthread_mutex_unlock(&in->lock);
    return added;
}

/* ---- going ---- */

static bool is_told(const tracking_client *reader)
{
    if (!atomic_load(&reader->on) || atomic_load(&reader->bcast)) return false;
    return !(atomic_load(&reader->noloop) && reader == tracking_running());
}

/* Tells the readers of an entry that is out of the table, and frees it. */
static void dismiss(node *of, tracked *one)
{
    hc_span key = hc_span_make(one->key, one->key_bytes);
    tracking_notice what = {.node = of, .keys = &key, .count = 1};
    for (uint32_t i = 0; i < one->count; i++)
        if (is_told(one->readers[i])) tracking_tell(&what, one->readers[i]);
    tracking_notice_fini(&what);
    tracked_destroy(of->tracking, one);
}

void tracking_table_invalidate(node *of, hc_span key)
{
    tracking *table = of->tracking;
    uint64_t hash = key_hash(key, table->seed);
    tracking_stripe *in = stripe_of(table, hash);
    tracked *one = NULL;
    (void)pthread_mutex_lock(&in->lock);
    tracked **at = in->bucket_count > 0 ? find(in, hash, key) : NULL;
    if (at != NULL && *at != NULL) {
        one = *at;
        *at = one->next;
        in->keys--;
    }
    (void)pthread_mutex_unlock(&in->lock);
    if (one != NULL) dismiss(of, one);
}

/* One from the next bucket that has any; NULL: the stripe is empty. */
static tracked *take_any(tracking_stripe *in)
{
    tracked *one = NULL;
    (void)pthread_mutex_lock(&in->lock);
    while (in->keys > 0 && one == NULL) {
        tracked **bucket = &in->buckets[in->cursor++ % in->bucket_count];
        one = *bucket;
        if (one != NULL) *bucket = one->next;
    }
    if (one != NULL) in->keys--;
    (void)pthread_mutex_unlock(&in->lock);
    return one;
}

static bool is_full(const tracking *of)
{
    size_t keys_max = atomic_load_explicit(&of->keys_max, memory_order_relaxed);
    if (keys_max != 0 && atomic_load_explicit(&of->keys, memory_order_relaxed) > keys_max)
        return true;
    return atomic_load_explicit(&of->bytes, memory_order_relaxed) > TRACKING_BYTES_MAX;
}

void tracking_table_trim(node *of)
{
    tracking *table = of->tracking;
    for (unsigned looks = 0; looks < LOOKS_MAX && is_full(table); looks++) {
        unsigned turn = atomic_fetch_add_explicit(&table->turn, 1, memory_order_relaxed);
        tracked *one = take_any(&table->stripes[turn % TRACKING_STRIPES]);
        if (one != NULL) dismiss(of, one);
    }
}

void tracking_table_clear(tracking *of)
{
    for (size_t i = 0; i < TRACKING_STRIPES; i++)
        for (tracked *one; (one = take_any(&of->stripes[i])) != NULL;)
            tracked_destroy(of, one);
}
