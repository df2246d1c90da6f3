/*
 * store_read.c - reading without a lock.
 *
 *     remember the shard's sequence
 *     find the item, look at its header, copy the value         all of it may be torn
 *     is the sequence still the same?  then it was not torn, else again
 *
 * A torn header cannot lead astray: an item that would end outside its segment is not believed.
 * A reader that meets writers READ_ATTEMPTS_MAX times, a value in an extent, and a miss while the
 * stash holds something, take the lock instead.
 *
 * Uses are counted in the bucket (bucket_use_add), hits and misses in stripes by thread.
 */
#include "host/relax.h"
#include "store/store_compress.h"
#include "store/store_private.h"
#include "store/store_write.h"

/* What a reader may conclude without a lock. */
typedef enum filter_answer { FILTER_NOT_ASKED, FILTER_NO, FILTER_MAYBE } filter_answer;

static inline filter_answer filter_ask(shard *s, uint64_t hash)
{
    if (s->filter == NULL) return FILTER_NOT_ASKED;
    uint32_t epoch = atomic_load_explicit(&s->filter_epoch, memory_order_acquire);
    if (epoch & 1) return FILTER_NOT_ASKED;
    if (hc_filter_contains_hash(s->filter, filter_hash(hash))) return FILTER_MAYBE;
    bool covered = atomic_load_explicit(&s->filter_epoch, memory_order_relaxed) == epoch;
    return covered ? FILTER_NO : FILTER_NOT_ASKED;
}

#define READ_ATTEMPTS_MAX 128u
/* Called twice in a row, and so often that saving registers around it shows. */
#define HOT inline __attribute__((always_inline))

/* What to do with a value once found. */
typedef struct reading {
    void *buffer; /* used when `sink` is NULL */
    size_t buffer_bytes;
    const hc_sink *sink;
    hc_item *stat; /* not NULL: only tell about the item */
    bool quiet;    /* does not count as a use */
    hc_view *view; /* not NULL: an extent is lent, not copied */
    size_t value_bytes;
} reading;

typedef struct tally {
    uint64_t hits, misses, retries;
    uint64_t filter_answers, filter_false_positives;
} tally;

typedef struct sighting {
    item_header header;
    const uint8_t *body;
    bucket *bucket;
    unsigned slot;
} sighting;

static_assert(FILTER_NOT_ASKED == 0, "answers are cleared as bytes");

typedef enum outcome { SEEN, NOT_SEEN, TORN, NEEDS_LOCK } outcome;

/* ---- stripes ---- */

/* The first threads own a stripe each, all later ones share the last. */
#define STRIPE_SHARED (STRIPES - 1)
static _Atomic uint32_t stripe_next;
static _Thread_local uint32_t stripe_mine; /* number + 1; 0: none yet */

static uint32_t stripe_draw(void)
{
    uint32_t number = STRIPE_SHARED;
    if (atomic_load(&stripe_next) < STRIPE_SHARED) number = atomic_fetch_add(&stripe_next, 1);
    return number < STRIPE_SHARED ? number : STRIPE_SHARED;
}

uint32_t hci_read_stripe(void)
{
    if (stripe_mine == 0) stripe_mine = stripe_draw() + 1;
    return stripe_mine - 1;
}

/* A locked addition would hold up the cache misses of the reads that follow; the owner needs none.
 */
static inline void stripe_add(_Atomic uint64_t *counter, uint64_t add, bool shared)
{
    if (shared) {
        atomic_fetch_add_explicit(counter, add, memory_order_relaxed);
    } else {
        uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
        atomic_store_explicit(counter, now + add, memory_order_relaxed);
    }
}

void hci_read_count(hc_store *store, uint64_t hits, uint64_t misses, uint64_t retries)
{
    uint32_t number = hci_read_stripe();
    read_stripe *stripe = &store->stripes[number];
    bool shared = number == STRIPE_SHARED;
    if (hits > 0) stripe_add(&stripe->hits, hits, shared);
    if (misses > 0) stripe_add(&stripe->misses, misses, shared);
    if (retries > 0) stripe_add(&stripe->retries, retries, shared);
}

static void count_add(hc_store *store, const tally *count)
{
    hci_read_count(store, count->hits, count->misses, count->retries);
    if (count->filter_answers == 0 && count->filter_false_positives == 0) return;
    read_stripe *stripe = &store->stripes[hci_read_stripe()];
    atomic_fetch_add_explicit(&stripe->filter_answers, count->filter_answers, memory_order_relaxed);
    atomic_fetch_add_explicit(&stripe->filter_false_positives, count->filter_false_positives,
                              memory_order_relaxed);
}

/* ---- finding ---- */

static HOT outcome slot_look(const shard *s, uint32_t place, uint64_t hash, hc_span key,
                             sighting *out)
{
    uint8_t window[16];
    const uint8_t *start = s->data + place;
    uint64_t low = racy_load64(start), high = 0;
    memcpy(window, &low, 8);
    /* the short form's two bytes are in the first word already */
    if (window[0] >= ITEM_LONG || window[1] >= 128) high = racy_load64(start + 8);
    memcpy(window + 8, &high, 8);
    item_header_get(window, &out->header);
    if (out->header.key_bytes != key.size) return NOT_SEEN;
    out->body = start + out->header.header_bytes;
    size_t end = (place & (SEGMENT_BYTES - 1)) + item_bytes(&out->header);
    if (end > SEGMENT_BYTES) return TORN;
    if (out->header.flags & ITEM_EXTENT) {
        return racy_load64(out->body + 8) == hash ? NEEDS_LOCK : NOT_SEEN;
    }
    return racy_equal(key.data, out->body, key.size) ? SEEN : NOT_SEEN;
}

static HOT outcome bucket_look(const shard *s, bucket *b, uint64_t hash, hc_span key, sighting *out)
{
    for (unsigned match = bucket_match(b, tag_of(hash)); match != 0; match &= match - 1) {
        out->slot = (unsigned)__builtin_ctz(match);
        outcome o = slot_look(s, bucket_place(b, out->slot), hash, key, out);
        if (o == NOT_SEEN) continue;
        out->bucket = b;
        return o;
    }
    return NOT_SEEN;
}

static inline outcome look(const shard *s, uint64_t hash, hc_span key, sighting *out)
{
    bucket_pair pair = index_pair(s, hash);
    __builtin_prefetch(pair.second);
    outcome o = bucket_look(s, pair.first, hash, key, out);
    if (o == NOT_SEEN) o = bucket_look(s, pair.second, hash, key, out);
    if (o != NOT_SEEN) return o;
    uint32_t stashed =
        atomic_load_explicit(&((shard *)(uintptr_t)s)->stash_count, memory_order_acquire);
    return stashed == 0 ? NOT_SEEN : NEEDS_LOCK;
}

static inline bool unchanged(shard *s, uint64_t sequence)
{
    return atomic_load_explicit(&s->sequence, memory_order_relaxed) == sequence;
}

/* ---- handing out ---- */

/* `value_bytes` is the raw size, here and below. */
static hc_item item_describe(const item_header *header, size_t value_bytes)
{
    hc_item item = {0};
    item.key.size = header->key_bytes;
    item.value.size = value_bytes;
    item.expires_at_ms = header->expires_at_ms;
    item.type = item_type(header);
    return item;
}

static void view_describe(hc_view *view, const item_header *header, hc_span value)
{
    view->value = value;
    view->expires_at_ms = header->expires_at_ms;
    view->type = item_type(header);
}

static inline void *place_for(reading *r, const item_header *header, size_t value_bytes)
{
    r->value_bytes = value_bytes;
    if (r->sink != NULL) {
        hc_item item = item_describe(header, value_bytes);
        return r->sink->reserve(r->sink->ctx, &item);
    }
    return value_bytes <= r->buffer_bytes ? r->buffer : NULL;
}

/* ---- compressed values ---- */

/* A block to lend in place of one that is compressed. */
static void *lend(hc_store *store, hc_view *view, size_t value_bytes)
{
    hci_extent *extent = hci_extent_create(store, hc_span_make(NULL, 0), NULL, 0, value_bytes);
    view->held = extent;
    return extent != NULL ? extent->bytes : NULL;
}

/* `stored` is whole and stays so. */
static hc_status deliver_unpacked(hc_store *store, hci_codec *codec, hc_span stored,
                                  const item_header *header, reading *r)
{
    size_t value_bytes = hci_unpacked_bytes(stored);
    bool lent = r->view != NULL && value_bytes >= HC_STORE_PACKED_BYTES_MAX;
    void *to = lent ? lend(store, r->view, value_bytes) : place_for(r, header, value_bytes);
    if (r->view != NULL) view_describe(r->view, header, hc_span_make(to, value_bytes));
    if (to == NULL) return lent ? HC_ERR_NO_MEMORY : HC_ERR_BUFFER;
    hc_status status = hci_unpack(store, codec, stored, to);
    if (status != HC_OK && lent) hc_view_release(r->view);
    return status;
}

/* As deliver.  The codec comes before the look at the sequence: see store_train.c. */
static bool deliver_packed(hc_store *store, shard *s, uint64_t sequence, const sighting *seen,
                           reading *r, hc_status *status_out)
{
    size_t stored_bytes = seen->header.value_bytes;
    hci_codec *codec = hci_codec_take(store);
    uint8_t *room = codec != NULL ? hci_codec_stored_room(store, codec, stored_bytes) : NULL;
    bool whole = atomic_load_explicit(&s->sequence, memory_order_seq_cst) == sequence;
    *status_out = HC_ERR_NO_MEMORY;
    if (whole && room != NULL) {
        racy_copy(room, seen->body + seen->header.key_bytes, stored_bytes);
        whole = unchanged(s, sequence);
        if (whole) {
            hc_span stored = hc_span_make(room, stored_bytes);
            *status_out = deliver_unpacked(store, codec, stored, &seen->header, r);
        }
    }
    hci_codec_put(store, codec);
    return whole;
}

/* The raw size that a sighting tells; may be torn. */
static size_t sighting_value_bytes(const sighting *seen)
{
    if (!(seen->header.flags & ITEM_COMPRESSED)) return seen->header.value_bytes;
    uint64_t head = racy_load64(seen->body + seen->header.key_bytes);
    return packed_head_get((const uint8_t *)&head).raw_bytes;
}

/* The value of a sighting that has not been proven untorn yet.  False: it was torn. */
static bool deliver(hc_store *store, shard *s, uint64_t sequence, const sighting *seen, reading *r,
                    hc_status *status_out)
{
    *status_out = HC_ERR_NOT_FOUND;
    bool expired = item_expired(store, &seen->header);
    size_t value_bytes = sighting_value_bytes(seen);
    if (expired || r->stat != NULL || r->sink != NULL) {
        /* these act on the header, so it must be true */
        if (!unchanged(s, sequence)) return false;
        if (expired) return true;
    }
    *status_out = HC_OK;
    if (r->stat != NULL) {
        *r->stat = item_describe(&seen->header, value_bytes);
        return true;
    }
    if (seen->header.flags & ITEM_COMPRESSED) {
        return deliver_packed(store, s, sequence, seen, r, status_out);
    }
    void *to = place_for(r, &seen->header, value_bytes);
    if (to != NULL && r->value_bytes > 0) {
        racy_copy(to, seen->body + seen->header.key_bytes, r->value_bytes);
    }
    if (to == NULL && (r->value_bytes > 0 || r->sink != NULL)) *status_out = HC_ERR_BUFFER;
    if (r->view != NULL) view_describe(r->view, &seen->header, hc_span_make(to, value_bytes));
    return unchanged(s, sequence);
}

/* Where a block of its own is lent to; NULL: it is to be copied. */
static hc_view *view_for(const reading *r, size_t value_bytes)
{
    if (r->sink == NULL) return r->view;
    return value_bytes >= r->sink->lend_bytes_min ? r->sink->lend : NULL;
}

/* Copies or lends what read_locked found. */
static hc_status deliver_locked(hc_store *store, hci_codec *codec, const item_ref *item, reading *r)
{
    if (item->header.flags & ITEM_COMPRESSED) {
        if (codec == NULL) return HC_ERR_NO_MEMORY;
        return deliver_unpacked(store, codec, item->value, &item->header, r);
    }
    hc_view *lent = item->extent != NULL ? view_for(r, item->value.size) : NULL;
    if (lent != NULL) {
        lent->store = store;
        item_lend(item, lent);
        return HC_OK;
    }
    void *to = place_for(r, &item->header, item->value.size);
    if (to != NULL && r->value_bytes > 0) memcpy(to, item->value.data, r->value_bytes);
    if (r->view != NULL) view_describe(r->view, &item->header, hc_span_make(to, r->value_bytes));
    return to == NULL && (r->value_bytes > 0 || r->sink != NULL) ? HC_ERR_BUFFER : HC_OK;
}

/* The slow way.  An extent is copied after the lock is gone: it is held by its count, and its
 * dictionary by the codec, which is taken before. */
static hc_status read_locked(hc_store *store, shard *s, uint64_t hash, hc_span key, reading *r)
{
    slot at;
    item_ref item;
    hci_codec *codec = NULL;
    hci_lock_acquire(&s->lock);
    if (!hci_write_find(store, s, hash, key, &at, &item)) {
        hci_lock_release(&s->lock);
        return HC_ERR_NOT_FOUND;
    }
    unsigned use = hci_index_use(s, at);
    if (use < BUCKET_USE_MAX && !r->quiet) hci_index_use_set(s, at, use + 1);
    if (r->stat != NULL) {
        *r->stat = item_describe(&item.header, hci_item_raw_bytes(&item));
        hci_lock_release(&s->lock);
        return HC_OK;
    }
    if (item.header.flags & ITEM_COMPRESSED) codec = hci_codec_take(store);
    if (item.extent != NULL) {
        item.extent->references++;
        hci_lock_release(&s->lock);
    }
    hc_status status = deliver_locked(store, codec, &item, r);
    hci_codec_put(store, codec);
    if (item.extent != NULL) {
        hci_extent_release(store, item.extent);
    } else {
        hci_lock_release(&s->lock);
    }
    return status;
}

/* `answer` is the filter's. */
static inline hc_status read_filtered(hc_store *store, uint64_t hash, hc_span key, reading *r,
                                      tally *count, filter_answer answer)
{
    shard *s = shard_of(store, hash);
    hc_status status = HC_ERR_NOT_FOUND;
    sighting seen;
    if (answer == FILTER_NO) {
        count->misses++;
        count->filter_answers++;
        return HC_ERR_NOT_FOUND;
    }
    for (uint32_t attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt++, count->retries++) {
        uint64_t sequence = atomic_load_explicit(&s->sequence, memory_order_acquire);
        if (sequence & 1) {
            hci_cpu_relax();
            continue;
        }
        outcome o = look(s, hash, key, &seen);
        if (o == TORN) continue;
        if (o == NEEDS_LOCK) break;
        if (o == NOT_SEEN) {
            if (!unchanged(s, sequence)) continue;
            count->misses++;
            count->filter_false_positives += answer == FILTER_MAYBE;
            return HC_ERR_NOT_FOUND;
        }
        if (!deliver(store, s, sequence, &seen, r, &status)) continue;
        count->hits += status != HC_ERR_NOT_FOUND;
        count->misses += status == HC_ERR_NOT_FOUND;
        if (!r->quiet) bucket_use_add(seen.bucket, seen.slot);
        return status;
    }
    status = read_locked(store, s, hash, key, r);
    count->hits += status != HC_ERR_NOT_FOUND;
    count->misses += status == HC_ERR_NOT_FOUND;
    return status;
}

static inline hc_status read_one(hc_store *store, uint64_t hash, hc_span key, reading *r,
                                 tally *count)
{
    return read_filtered(store, hash, key, r, count, filter_ask(shard_of(store, hash), hash));
}

/* ---- the public calls ---- */

hc_status hc_store_get(hc_store *store, hc_span key, void *buffer, size_t buffer_bytes,
                       size_t *size_out)
{
    reading r = {.buffer = buffer, .buffer_bytes = buffer_bytes};
    tally count = {0};
    hc_status status = read_one(store, hash_of(store, key), key, &r, &count);
    count_add(store, &count);
    if (size_out != NULL && status != HC_ERR_NOT_FOUND) *size_out = r.value_bytes;
    return status;
}

hc_status hc_store_read(hc_store *store, hc_span key, const hc_sink *sink)
{
    reading r = {.sink = sink, .quiet = sink->quiet != 0};
    tally count = {0};
    hc_status status = read_one(store, hash_of(store, key), key, &r, &count);
    count_add(store, &count);
    return status;
}

hc_status hc_store_stat(hc_store *store, hc_span key, hc_item *item_out)
{
    reading r = {.stat = item_out, .quiet = true};
    tally count = {0};
    return read_one(store, hash_of(store, key), key, &r, &count);
}

hc_status hc_store_touch(hc_store *store, hc_span key)
{
    hc_item item;
    reading r = {.stat = &item};
    tally count = {0};
    return read_one(store, hash_of(store, key), key, &r, &count);
}

static hc_status view(hc_store *store, hc_span key, reading *r, hc_view *view_out)
{
    tally count = {0};
    *view_out = (hc_view){.store = store};
    r->view = view_out;
    hc_status status = read_one(store, hash_of(store, key), key, r, &count);
    count_add(store, &count);
    if (status == HC_ERR_NOT_FOUND) *view_out = (hc_view){.store = store}; /* no torn one's size */
    return status;
}

hc_status hc_store_view(hc_store *store, hc_span key, void *scratch, size_t scratch_bytes,
                        hc_view *view_out)
{
    reading r = {.buffer = scratch, .buffer_bytes = scratch_bytes};
    return view(store, key, &r, view_out);
}

hc_status hc_store_view_quietly(hc_store *store, hc_span key, void *scratch, size_t scratch_bytes,
                                hc_view *view_out)
{
    reading r = {.buffer = scratch, .buffer_bytes = scratch_bytes, .quiet = true};
    return view(store, key, &r, view_out);
}

void hc_view_release(hc_view *view)
{
    hci_extent *extent = view->held;
    view->held = NULL;
    if (extent != NULL) hci_extent_release(view->store, extent);
}

/* Two rounds, so that each round's cache misses overlap: the buckets, then the items. */
void hci_read_prefetch(const hc_store *store, const uint64_t *hashes, size_t count)
{
    bucket_pair pairs[HC_STORE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        pairs[i] = index_pair(shard_of(store, hashes[i]), hashes[i]);
        __builtin_prefetch(pairs[i].first);
        __builtin_prefetch(pairs[i].second);
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *data = shard_of(store, hashes[i])->data;
        uint8_t tag = tag_of(hashes[i]);
        bucket *both[2] = {pairs[i].first, pairs[i].second};
        for (unsigned j = 0; j < 2; j++) {
            unsigned match = bucket_match(both[j], tag);
            if (match == 0) continue;
            const uint8_t *item = data + bucket_place(both[j], (unsigned)__builtin_ctz(match));
            __builtin_prefetch(item);
            __builtin_prefetch(item + 64);
        }
    }
}

static void filters_prefetch(const hc_store *store, const uint64_t *hashes, size_t count)
{
    if (store->shards[0].filter == NULL) return;
    for (size_t i = 0; i < count; i++) {
        hc_filter_prefetch_hash(shard_of(store, hashes[i])->filter, filter_hash(hashes[i]));
    }
}

/* The filters' answers; the index is fetched for those that they let pass. */
static void filters_ask(const hc_store *store, const uint64_t *hashes, size_t count,
                        filter_answer *answers)
{
    uint64_t passed[HC_STORE_BATCH_MAX];
    size_t passed_count = 0;
    if (store->shards[0].filter == NULL) {
        memset(answers, FILTER_NOT_ASKED, count * sizeof *answers);
        hci_read_prefetch(store, hashes, count);
        return;
    }
    filters_prefetch(store, hashes, count);
    for (size_t i = 0; i < count; i++) {
        answers[i] = filter_ask(shard_of(store, hashes[i]), hashes[i]);
        if (answers[i] != FILTER_NO) passed[passed_count++] = hashes[i];
    }
    hci_read_prefetch(store, passed, passed_count);
}

void hc_store_prefetch(const hc_store *store, const hc_span *keys, size_t count)
{
    uint64_t hashes[HC_STORE_BATCH_MAX];
    if (count > HC_STORE_BATCH_MAX) count = HC_STORE_BATCH_MAX;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(store, keys[i]);
    }
    filters_prefetch(store, hashes, count);
    hci_read_prefetch(store, hashes, count);
}

void hc_store_get_many(hc_store *store, hc_get *gets, size_t count)
{
    uint64_t hashes[HC_STORE_BATCH_MAX];
    filter_answer answers[HC_STORE_BATCH_MAX];
    tally total = {0};
    assert(count <= HC_STORE_BATCH_MAX);
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(store, gets[i].key);
    }
    filters_ask(store, hashes, count, answers);
    for (size_t i = 0; i < count; i++) {
        reading r = {.buffer = gets[i].buffer, .buffer_bytes = gets[i].buffer_bytes};
        gets[i].status = read_filtered(store, hashes[i], gets[i].key, &r, &total, answers[i]);
        gets[i].size = gets[i].status == HC_ERR_NOT_FOUND ? 0 : r.value_bytes;
    }
    count_add(store, &total);
}
