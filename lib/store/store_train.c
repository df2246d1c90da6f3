/*
 * store_train.c - dictionaries for small values: trained, kept while items need them, freed.
 *
 *     writes count ---> due? ---> samples of the newest live values ---> train, on 7/8 of them
 *                                    better than what there is, on the last eighth? ---> current
 *
 * All of it is done by hc_store_maintain, never by a write.  The first training is due after
 * FIRST_VALUES small values, another one when the share of bytes left after compression has grown
 * by DECAY_PERCENT over what it once was.  A training that brings nothing doubles the number of
 * values to wait for before the next.
 *
 * There are at most DICTIONARIES_MAX dictionaries; when all numbers are taken by dictionaries that
 * items still need, the last one stays current.  One that is not current goes in two steps:
 *
 *     RETIRE_WRITERS   until each codec has been put back: no value is on its way into the store
 *                      with this number.  Then, under each shard's lock, its items are counted: 0.
 *                      The shard's sequence is moved, so a reader that found an item before fails.
 *     RETIRE_READERS   until each codec has been put back again: nobody unpacks with it.
 *
 * A reader takes its codec, then looks at the sequence; we move the sequence, then look for codecs.
 * All four are sequentially consistent, so one of the two sees the other.  Nobody waits: where a
 * codec is in use, the next call looks again.
 *
 * Cost: training takes about 5 ms for 256 KiB of samples; zstd's trainer takes its working memory,
 * a few hundred KiB, from the C library.  Its "fast cover" of 200-byte pieces needs a tenth of the
 * time of zstd's default trainer for the same size of values (bench/README.md).
 */
#include "store/store_compress_private.h"

#define ZDICT_STATIC_LINKING_ONLY /* for fast cover with parameters that are given */
#include <zdict.h>

#define DICTIONARY_BYTES 16384u
#define SAMPLE_BYTES (256u << 10) /* sixteen times the dictionary; more brought under 1 % */
#define SAMPLES_MAX 4096u
#define SAMPLES_MIN 64u
#define SAMPLES_BYTES_MIN (32u << 10)
#define SAMPLE_VALUE_BYTES_MAX 2048u /* of each value, so that large ones leave room for others */
#define SAMPLE_SEGMENTS_MAX 4u       /* of each class and shard */
#define HELD_OUT_ONE_IN 8u
#define FIRST_VALUES 1000u
#define WINDOW_VALUES 4096u
#define DECAY_PERCENT 15u
#define GAIN_SHIFT 4u                    /* a new dictionary must be better by a sixteenth */
#define PATIENCE_MAX (UINT64_C(1) << 24) /* small values */
#define COVER_PIECE_BYTES 200u
#define COVER_MATCH_BYTES 8u
#define COVER_TABLE_BITS 16u

typedef struct sample_set {
    hc_store *store;
    hci_codec *codec;
    size_t count, bytes;
    size_t bytes_max; /* for now */
    size_t sizes[SAMPLES_MAX];
    uint8_t data[SAMPLE_BYTES];
} sample_set;

void hci_train_init(hci_compressor *c)
{
    c->train_at = FIRST_VALUES;
    c->patience = FIRST_VALUES;
    c->next_id = 1;
}

void hci_dictionary_destroy(hc_store *store, dictionary *d)
{
    if (d == NULL) return;
    (void)ZSTD_freeCDict(d->compress);
    (void)ZSTD_freeDDict(d->decompress);
    hci_compressor_release(store, d->bytes, d->size);
    hci_compressor_release(store, d, sizeof *d);
}

/* ---- samples ---- */

static bool samples_full(const sample_set *set)
{
    return set->bytes >= set->bytes_max || set->count == SAMPLES_MAX;
}

static void sample_add(sample_set *set, const item_ref *item)
{
    hc_span value = item->value;
    size_t raw_bytes = hci_item_raw_bytes(item);
    if (item->extent != NULL || raw_bytes < set->store->compressor->value_bytes_min ||
        raw_bytes > SMALL_VALUE_BYTES_MAX) {
        return;
    }
    if (item->header.flags & ITEM_COMPRESSED) {
        if (hci_unpack_view(set->store, set->codec, item->value, &value) != HC_OK) return;
    }
    size_t bytes = value.size < SAMPLE_VALUE_BYTES_MAX ? value.size : SAMPLE_VALUE_BYTES_MAX;
    if (bytes > set->bytes_max - set->bytes) bytes = set->bytes_max - set->bytes;
    memcpy(set->data + set->bytes, value.data, bytes);
    set->bytes += bytes;
    set->sizes[set->count++] = bytes;
}

/* The live items of one segment. */
static void sample_segment(sample_set *set, const shard *s, uint32_t number)
{
    uint32_t place = number << SEGMENT_SHIFT, end = place + s->segments[number].used;
    while (place < end && !samples_full(set)) {
        item_ref item;
        slot at;
        item_peek(s, place, &item);
        uint64_t hash = item_hash(set->store, &item);
        if (hci_index_find_place(s, hash, place, &at)) {
            item_at(s, place, &item);
            sample_add(set, &item);
        }
        place += (uint32_t)item_bytes(&item.header);
    }
}

/* The segment being filled first, then those sealed last. */
static void sample_shard(sample_set *set, shard *s)
{
    hci_lock_acquire(&s->lock);
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        if (s->open[class] != NONE) sample_segment(set, s, s->open[class]);
        uint32_t number = s->queues[class].last;
        for (unsigned i = 0; i < SAMPLE_SEGMENTS_MAX && number != NONE; i++) {
            if (samples_full(set)) break;
            sample_segment(set, s, number);
            number = s->segments[number].previous;
        }
    }
    hci_lock_release(&s->lock);
}

static bool samples_collect(hc_store *store, sample_set *set)
{
    set->store = store;
    set->count = set->bytes = 0;
    set->codec = hci_codec_take(store);
    if (set->codec == NULL) return false;
    for (uint32_t i = 0; i < store->shard_count; i++) {
        set->bytes_max = (size_t)SAMPLE_BYTES * (i + 1) / store->shard_count;
        uint32_t next = store->compressor->sample_next++;
        sample_shard(set, &store->shards[next & (store->shard_count - 1)]);
    }
    hci_codec_put(store, set->codec);
    return set->count >= SAMPLES_MIN && set->bytes >= SAMPLES_BYTES_MIN;
}

/* ---- training ---- */

static size_t cover(uint8_t *to, const sample_set *set)
{
    const ZDICT_fastCover_params_t parameters = {
        .k = COVER_PIECE_BYTES,
        .d = COVER_MATCH_BYTES,
        .f = COVER_TABLE_BITS,
        .accel = 1,
        .splitPoint = 1.0,
        .zParams = {.compressionLevel = COMPRESSION_LEVEL},
    };
    unsigned count = (unsigned)(set->count - set->count / HELD_OUT_ONE_IN);
    size_t size = ZDICT_trainFromBuffer_fastCover(to, DICTIONARY_BYTES, set->data, set->sizes,
                                                  count, parameters);
    return ZDICT_isError(size) ? 0 : size;
}

/* NULL: no memory, or samples without anything in common. */
static dictionary *dictionary_train(hc_store *store, const sample_set *set, unsigned number)
{
    const ZSTD_customMem memory = hci_compressor_memory(store);
    const ZSTD_compressionParameters parameters =
        ZSTD_getCParams(COMPRESSION_LEVEL, 0, DICTIONARY_BYTES);
    dictionary *d = hci_compressor_allocate(store, sizeof *d);
    if (d == NULL) return NULL;
    *d = (dictionary){.number = number, .id = store->compressor->next_id++};
    d->bytes = hci_compressor_allocate(store, DICTIONARY_BYTES);
    if (d->bytes == NULL) goto failed;
    d->size = DICTIONARY_BYTES;
    size_t size = cover(d->bytes, set);
    if (size == 0) goto failed;
    d->compress = ZSTD_createCDict_advanced(d->bytes, size, ZSTD_dlm_byRef, ZSTD_dct_fullDict,
                                            parameters, memory);
    d->decompress =
        ZSTD_createDDict_advanced(d->bytes, size, ZSTD_dlm_byRef, ZSTD_dct_fullDict, memory);
    if (d->compress != NULL && d->decompress != NULL) return d;
failed:
    hci_dictionary_destroy(store, d);
    return NULL;
}

/* Bytes of the samples held out, compressed with `with`. */
static size_t score(hc_store *store, const sample_set *set, const dictionary *with,
                    size_t *raw_bytes_out)
{
    size_t bytes = 0, at = set->bytes;
    *raw_bytes_out = 0;
    hci_codec *codec = hci_codec_take(store);
    uint8_t *room =
        codec != NULL ? hci_codec_stored_room(store, codec, SAMPLE_VALUE_BYTES_MAX) : NULL;
    for (size_t i = 0; i < set->count / HELD_OUT_ONE_IN; i++) {
        size_t size = set->sizes[set->count - 1 - i];
        at -= size;
        hc_span value = hc_span_make(set->data + at, size);
        size_t frame = room != NULL ? hci_codec_frame(store, codec, with, value, room, size) : 0;
        bytes += frame != 0 ? frame : size;
        *raw_bytes_out += size;
    }
    hci_codec_put(store, codec);
    return bytes;
}

static bool is_better(hc_store *store, const sample_set *set, const dictionary *d,
                      const dictionary *than)
{
    size_t raw_bytes;
    size_t bytes = score(store, set, d, &raw_bytes);
    if (bytes > raw_bytes - (raw_bytes >> SAVING_SHIFT)) return false;
    if (than == NULL) return true;
    size_t bytes_before = score(store, set, than, &raw_bytes);
    return bytes < bytes_before - (bytes_before >> GAIN_SHIFT);
}

static void publish_dictionary(hci_compressor *c, dictionary *d)
{
    atomic_store(&c->dictionaries[d->number], d);
    atomic_store(&c->current, d);
    atomic_fetch_add(&c->trainings, 1);
    for (unsigned i = 0; i < STRIPES; i++) {
        atomic_store_explicit(&c->stripes[i].misses, 0, memory_order_relaxed);
        atomic_store_explicit(&c->stripes[i].pause, 0, memory_order_relaxed);
    }
}

static unsigned number_free(hci_compressor *c)
{
    for (unsigned number = 1; number <= DICTIONARIES_MAX; number++) {
        if (atomic_load(&c->dictionaries[number]) == NULL) return number;
    }
    return 0;
}

/* False: what there is stays. */
static bool train(hc_store *store)
{
    hci_compressor *c = store->compressor;
    unsigned number = number_free(c);
    if (number == 0) return false;
    sample_set *set = hci_compressor_allocate(store, sizeof *set);
    if (set == NULL) return false;
    dictionary *d = NULL;
    if (samples_collect(store, set)) d = dictionary_train(store, set, number);
    if (d != NULL && !is_better(store, set, d, atomic_load(&c->current))) {
        hci_dictionary_destroy(store, d);
        d = NULL;
    }
    hci_compressor_release(store, set, sizeof *set);
    if (d != NULL) publish_dictionary(c, d);
    return d != NULL;
}

static small_sums small_sums_now(hci_compressor *c)
{
    small_sums now = {0};
    for (unsigned i = 0; i < STRIPES; i++) {
        codec_stripe *stripe = &c->stripes[i];
        now.values += atomic_load_explicit(&stripe->small_values, memory_order_relaxed);
        now.raw_bytes += atomic_load_explicit(&stripe->small_raw_bytes, memory_order_relaxed);
        now.stored_bytes += atomic_load_explicit(&stripe->small_stored_bytes, memory_order_relaxed);
    }
    return now;
}

/* Looks at one window of values after another. */
static bool is_decayed(hci_compressor *c, const small_sums *now, uint32_t *share_out)
{
    *share_out = c->baseline;
    if (now->values - c->window.values < WINDOW_VALUES) return false;
    uint64_t raw_bytes = now->raw_bytes - c->window.raw_bytes;
    uint64_t stored_bytes = now->stored_bytes - c->window.stored_bytes;
    c->window = *now;
    if (raw_bytes == 0) return false;
    *share_out = (uint32_t)(stored_bytes * 1024 / raw_bytes);
    if (c->baseline == 0 || *share_out < c->baseline) c->baseline = *share_out;
    return *share_out * 100 > c->baseline * (100 + DECAY_PERCENT);
}

static void train_when_due(hc_store *store)
{
    hci_compressor *c = store->compressor;
    small_sums now = small_sums_now(c);
    uint32_t share = 0;
    bool wanted = atomic_load(&c->current) == NULL || is_decayed(c, &now, &share);
    if (!wanted || now.values < c->train_at) return;
    if (train(store)) {
        c->patience = FIRST_VALUES;
        c->baseline = 0;
        c->window = small_sums_now(c);
    } else {
        if (c->patience < PATIENCE_MAX) c->patience *= 2;
        c->baseline = share; /* this is what can be had */
    }
    c->train_at = now.values + c->patience;
}

/* ---- retiring ---- */

/* Items stored with dictionary `number`; `pulse_too` moves the sequences of the shards. */
static uint64_t users_count(hc_store *store, unsigned number, bool pulse_too)
{
    uint64_t users = 0;
    for (uint32_t i = 0; i < store->shard_count; i++) {
        shard *s = &store->shards[i];
        hci_lock_acquire(&s->lock);
        users += s->packed.by_dictionary[number];
        if (pulse_too) atomic_fetch_add_explicit(&s->sequence, 2, memory_order_seq_cst);
        hci_lock_release(&s->lock);
    }
    return users;
}

static void retire_choose(hc_store *store)
{
    hci_compressor *c = store->compressor;
    for (unsigned number = 1; number <= DICTIONARIES_MAX; number++) {
        const dictionary *d = atomic_load(&c->dictionaries[number]);
        if (d == NULL || d == atomic_load(&c->current)) continue;
        if (users_count(store, number, false) > 0) continue;
        c->retiring = number;
        c->phase = RETIRE_WRITERS;
        c->quiet = 0;
        return;
    }
}

/* True when each stripe was without a codec in use at some moment of this phase. */
static bool all_quiet(hci_compressor *c)
{
    for (unsigned i = 0; i < STRIPES; i++) {
        if (atomic_load_explicit(&c->stripes[i].held, memory_order_seq_cst) == 0) {
            c->quiet |= UINT64_C(1) << i;
        }
    }
    return c->quiet == UINT64_MAX;
}

static void retire_step(hc_store *store)
{
    hci_compressor *c = store->compressor;
    if (c->phase == RETIRE_NONE) retire_choose(store);
    if (c->phase == RETIRE_WRITERS && all_quiet(c)) {
        bool unused = users_count(store, c->retiring, true) == 0;
        c->phase = unused ? RETIRE_READERS : RETIRE_NONE;
        c->quiet = 0;
    }
    if (c->phase == RETIRE_READERS && all_quiet(c)) {
        hci_dictionary_destroy(store, atomic_exchange(&c->dictionaries[c->retiring], NULL));
        c->phase = RETIRE_NONE;
    }
}

void hci_compressor_maintain(hc_store *store)
{
    hci_compressor *c = store->compressor;
    if (c == NULL || !hci_lock_try_acquire(&c->train_lock)) return;
    retire_step(store);
    train_when_due(store);
    hci_lock_release(&c->train_lock);
}
