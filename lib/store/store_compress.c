/*
 * store_compress.c - codecs, and a value's way into its stored form and back.
 *
 *     frame, as zstd makes it   | magic 4 | flags 1 | raw size 1..4 | block header 3 | block |
 *     short form                                            | head 2, 3 or 5         | block |
 *
 * Packing writes the head over the end of the frame's beginning; unpacking writes that beginning
 * back in front of the block, for which buffers have HEADROOM_BYTES before their first byte.
 * Packing compares the beginning it would make up with the true one: where they differ (several
 * blocks, or one that is raw or a run), the whole frame is kept.
 *
 * Cost: a 200-byte value takes about 1.2 us to pack and .4 us to unpack (bench_compress).  Where
 * values do not get smaller, fewer and fewer are tried: after MISSES_MAX in a row one in two, and
 * in the end one in PAUSE_MAX.
 */
#include "store/store_compress_private.h"

#define HEADROOM_BYTES 16u
#define MAGIC_BYTES 4u
#define BLOCK_HEADER_BYTES 3u
#define FRAME_START_BYTES_MAX (MAGIC_BYTES + 1 + 4 + BLOCK_HEADER_BYTES)
#define BLOCK_BYTES_MAX (1u << 17) /* RFC 8878, 3.1.1.2.4 */
#define TIMED_ONE_IN 16u
#define MISSES_MAX 8u
#define PAUSE_SHIFT_MAX 8u
#define BUFFER_KEPT_BYTES (64u << 10)   /* of an idle codec; larger ones are given back */
#define CONTEXT_KEPT_BYTES (256u << 10) /* likewise */
#define BLOCK_PREFIX_BYTES 16u          /* of a context's memory: its size, and alignment */

static_assert(FRAME_START_BYTES_MAX <= HEADROOM_BYTES, "unpacking writes it before the block");
static_assert(DICTIONARIES_MAX <= PACKED_DICTIONARY, "the head has four bits for it");

typedef struct codec_buffer {
    uint8_t *data;
    size_t capacity;
} codec_buffer;

struct hci_codec {
    codec_stripe *stripe; /* where it was taken */
    ZSTD_CCtx *compress;  /* NULL until needed, as the next */
    ZSTD_DCtx *decompress;
    uint64_t dictionary_id; /* which `compress` refers to; 0: none */
    codec_buffer stored, plain;
    uint32_t ticks;
};

static inline uint64_t load(_Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

static inline void add(_Atomic uint64_t *to, uint64_t value)
{
    atomic_fetch_add_explicit(to, value, memory_order_relaxed);
}

/* ---- memory ---- */

void *hci_compressor_allocate(hc_store *store, size_t bytes)
{
    void *block = hci_allocate(&store->host, bytes);
    if (block == NULL) return NULL;
    memory_add(store, bytes);
    add(&store->compressor->bytes, bytes);
    return block;
}

void hci_compressor_release(hc_store *store, void *block, size_t bytes)
{
    if (block == NULL) return;
    memory_subtract(store, bytes);
    atomic_fetch_sub_explicit(&store->compressor->bytes, bytes, memory_order_relaxed);
    hci_release(&store->host, block, bytes);
}

static void *context_allocate(void *store, size_t bytes)
{
    uint8_t *block = hci_compressor_allocate(store, bytes + BLOCK_PREFIX_BYTES);
    if (block == NULL) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    return block + BLOCK_PREFIX_BYTES;
}

static void context_release(void *store, void *address)
{
    if (address == NULL) return;
    uint8_t *block = (uint8_t *)address - BLOCK_PREFIX_BYTES;
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    hci_compressor_release(store, block, bytes + BLOCK_PREFIX_BYTES);
}

ZSTD_customMem hci_compressor_memory(hc_store *store)
{
    return (ZSTD_customMem){context_allocate, context_release, store};
}

uint64_t hci_compressor_bytes(const hc_store *store)
{
    return store->compressor == NULL ? 0 : load(&store->compressor->bytes);
}

static size_t compressor_space(void)
{
    return (sizeof(hci_compressor) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* ---- codecs ---- */

static void buffer_fini(hc_store *store, codec_buffer *buffer)
{
    hci_compressor_release(store, buffer->data, buffer->capacity);
    *buffer = (codec_buffer){0};
}

/* Forgets what was in it. */
static bool buffer_room(hc_store *store, codec_buffer *buffer, size_t bytes)
{
    if (bytes <= buffer->capacity) return true;
    size_t capacity = bytes < 512 ? 512 : bytes + bytes / 4;
    buffer_fini(store, buffer);
    buffer->data = hci_compressor_allocate(store, capacity);
    if (buffer->data != NULL) buffer->capacity = capacity;
    return buffer->data != NULL;
}

uint8_t *hci_codec_stored_room(hc_store *store, hci_codec *codec, size_t bytes)
{
    if (!buffer_room(store, &codec->stored, bytes + HEADROOM_BYTES)) return NULL;
    return codec->stored.data + HEADROOM_BYTES;
}

static void codec_destroy(hc_store *store, hci_codec *codec)
{
    if (codec == NULL) return;
    (void)ZSTD_freeCCtx(codec->compress);
    (void)ZSTD_freeDCtx(codec->decompress);
    buffer_fini(store, &codec->stored);
    buffer_fini(store, &codec->plain);
    hci_compressor_release(store, codec, sizeof *codec);
}

/* The codec of this stripe, else any that lies idle: threads come and go, and late ones share a
 * stripe.  NULL: all are in use. */
static hci_codec *idle_take(hci_compressor *c, uint32_t home)
{
    for (uint32_t i = 0; i < STRIPES; i++) {
        codec_stripe *stripe = &c->stripes[(home + i) % STRIPES];
        if (atomic_load_explicit(&stripe->idle, memory_order_relaxed) == NULL) continue;
        hci_codec *codec = atomic_exchange_explicit(&stripe->idle, NULL, memory_order_acquire);
        if (codec != NULL) return codec;
    }
    return NULL;
}

/* False: as many lie idle as are kept. */
static bool idle_put(hci_compressor *c, uint32_t home, hci_codec *codec)
{
    for (uint32_t i = 0; i < STRIPES; i++) {
        codec_stripe *stripe = &c->stripes[(home + i) % STRIPES];
        hci_codec *none = NULL;
        if (atomic_compare_exchange_strong_explicit(&stripe->idle, &none, codec,
                                                    memory_order_release, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

hci_codec *hci_codec_take(hc_store *store)
{
    uint32_t home = hci_read_stripe();
    codec_stripe *stripe = &store->compressor->stripes[home];
    /* sequentially consistent: see store_train.c */
    atomic_fetch_add_explicit(&stripe->held, 1, memory_order_seq_cst);
    hci_codec *codec = idle_take(store->compressor, home);
    if (codec == NULL) {
        codec = hci_compressor_allocate(store, sizeof *codec);
        if (codec != NULL) *codec = (hci_codec){0};
    }
    if (codec != NULL) {
        codec->stripe = stripe;
    } else {
        atomic_fetch_sub_explicit(&stripe->held, 1, memory_order_release);
    }
    return codec;
}

static void codec_trim(hc_store *store, hci_codec *codec)
{
    if (codec->stored.capacity > BUFFER_KEPT_BYTES) {
        buffer_fini(store, &codec->stored);
        if (ZSTD_sizeof_CCtx(codec->compress) > CONTEXT_KEPT_BYTES) {
            (void)ZSTD_freeCCtx(codec->compress);
            codec->compress = NULL;
        }
    }
    if (codec->plain.capacity > BUFFER_KEPT_BYTES) buffer_fini(store, &codec->plain);
}

void hci_codec_put(hc_store *store, hci_codec *codec)
{
    if (codec == NULL) return;
    codec_stripe *stripe = codec->stripe;
    hci_compressor *c = store->compressor;
    codec_trim(store, codec);
    if (!idle_put(c, (uint32_t)(stripe - c->stripes), codec)) codec_destroy(store, codec);
    atomic_fetch_sub_explicit(&stripe->held, 1, memory_order_release);
}

static bool codec_begin(const hc_store *store, hci_codec *codec, uint64_t *start_ns)
{
    bool timed = codec->ticks++ % TIMED_ONE_IN == 0;
    *start_ns = timed ? hci_monotonic_ns(&store->host) : 0;
    return timed;
}

static void codec_finish(const hc_store *store, bool timed, uint64_t start_ns,
                         _Atomic uint64_t *ns_out)
{
    if (timed) add(ns_out, (hci_monotonic_ns(&store->host) - start_ns) * TIMED_ONE_IN);
}

/* ---- the stored form ---- */

/* The beginning of a frame of one compressed block, FRAME_START_BYTES_MAX at most, written to end
 * right before `block`; returns its size. */
static size_t frame_start_bytes(uint32_t raw_bytes)
{
    size_t size_bytes = raw_bytes < 256 ? 1 : raw_bytes < 65536 + 256 ? 2 : 4;
    return MAGIC_BYTES + 1 + size_bytes + BLOCK_HEADER_BYTES;
}

static void frame_start_put(uint8_t *to, uint32_t raw_bytes, uint32_t block_bytes)
{
    const uint32_t magic = ZSTD_MAGICNUMBER;
    uint32_t size_code = raw_bytes < 256 ? 0 : raw_bytes < 65536 + 256 ? 1 : 2;
    uint32_t size = size_code == 1 ? raw_bytes - 256 : raw_bytes;
    uint32_t block_header = 1u | 2u << 1 | block_bytes << 3; /* last, compressed, size */
    memcpy(to, &magic, MAGIC_BYTES);
    to += MAGIC_BYTES;
    *to++ = (uint8_t)(size_code << 6 | 0x20); /* a single segment, no checksum */
    memcpy(to, &size, sizeof size);
    memcpy(to + (1u << size_code), &block_header, BLOCK_HEADER_BYTES);
}

/* Returns its size. */
static size_t head_put(uint8_t *to, unsigned number, bool whole, uint32_t raw_bytes)
{
    unsigned size_code = raw_bytes < 256 ? 0 : raw_bytes < 65536 ? 1 : 2;
    to[0] = (uint8_t)(number | size_code << PACKED_SIZE_SHIFT | (whole ? PACKED_WHOLE : 0));
    memcpy(to + 1, &raw_bytes, 1u << size_code);
    return 1 + (1u << size_code);
}

static packed_head head_of(hc_span stored)
{
    uint8_t window[8] = {0};
    memcpy(window, stored.data, stored.size < sizeof window ? stored.size : sizeof window);
    return packed_head_get(window);
}

size_t hci_unpacked_bytes(hc_span stored)
{
    return head_of(stored).raw_bytes;
}

size_t hci_item_raw_bytes(const item_ref *item)
{
    if (!(item->header.flags & ITEM_COMPRESSED)) return item->value.size;
    return head_of(item->value).raw_bytes;
}

void hci_packed_account(shard *s, const item_ref *item, int sign)
{
    if (!(item->header.flags & ITEM_COMPRESSED)) return;
    packed_head head = head_of(item->value);
    uint64_t times = sign > 0 ? 1 : UINT64_MAX; /* wraps to minus one */
    s->packed.items += times;
    s->packed.raw_bytes += times * head.raw_bytes;
    s->packed.stored_bytes += times * item->value.size;
    s->packed.by_dictionary[head.dictionary] += (uint32_t)times;
}

/* ---- packing ---- */

static bool compress_context(hc_store *store, hci_codec *codec, const dictionary *with)
{
    if (codec->compress == NULL) {
        codec->dictionary_id = 0;
        codec->compress = ZSTD_createCCtx_advanced(hci_compressor_memory(store));
        if (codec->compress == NULL) return false;
        (void)ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
        (void)ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_dictIDFlag, 0);
    }
    uint64_t id = with != NULL ? with->id : 0;
    if (codec->dictionary_id == id) return true;
    /* a value that did not fit has left the last session open; no dictionary can be named then */
    (void)ZSTD_CCtx_reset(codec->compress, ZSTD_reset_session_only);
    size_t status = ZSTD_CCtx_refCDict(codec->compress, with != NULL ? with->compress : NULL);
    assert(!ZSTD_isError(status));
    (void)status;
    codec->dictionary_id = id;
    return true;
}

size_t hci_codec_frame(hc_store *store, hci_codec *codec, const dictionary *with, hc_span value,
                       void *room, size_t room_bytes)
{
    if (!compress_context(store, codec, with)) return 0;
    size_t bytes = ZSTD_compress2(codec->compress, room, room_bytes, value.data, value.size);
    return ZSTD_isError(bytes) ? 0 : bytes;
}

/* The stored form of `value` in the codec's room; no data when it does not pay. */
static hc_span pack_with(hc_store *store, hci_codec *codec, const dictionary *with, hc_span value)
{
    const hc_span nothing = hc_span_make(NULL, 0);
    uint8_t expected[FRAME_START_BYTES_MAX + 4], head[PACKED_HEAD_BYTES_MAX];
    unsigned number = with != NULL ? with->number : 0;
    uint32_t raw_bytes = (uint32_t)value.size;
    size_t stored_max = value.size - (value.size >> SAVING_SHIFT);
    size_t start_bytes = frame_start_bytes(raw_bytes);
    size_t head_bytes = head_put(head, number, false, raw_bytes);
    size_t room_bytes = stored_max + start_bytes - head_bytes;
    uint8_t *room = hci_codec_stored_room(store, codec, room_bytes);
    if (room == NULL) return nothing;
    size_t frame_bytes = hci_codec_frame(store, codec, with, value, room, room_bytes);
    if (frame_bytes == 0) return nothing;
    size_t block_bytes = frame_bytes > start_bytes ? frame_bytes - start_bytes : 0;
    if (block_bytes > 0 && block_bytes <= BLOCK_BYTES_MAX) {
        frame_start_put(expected, raw_bytes, (uint32_t)block_bytes);
        if (memcmp(expected, room, start_bytes) == 0) {
            uint8_t *start = room + start_bytes - head_bytes;
            memcpy(start, head, head_bytes);
            return hc_span_make(start, head_bytes + block_bytes);
        }
    }
    if (head_bytes + frame_bytes > stored_max) return nothing;
    (void)head_put(head, number, true, raw_bytes);
    memcpy(room - head_bytes, head, head_bytes);
    return hc_span_make(room - head_bytes, head_bytes + frame_bytes);
}

/* Not exact when threads share the stripe, which is harmless. */
static bool pause_goes_on(codec_stripe *stripe)
{
    uint32_t pause = atomic_load_explicit(&stripe->pause, memory_order_relaxed);
    if (pause == 0) return false;
    atomic_store_explicit(&stripe->pause, pause - 1, memory_order_relaxed);
    return true;
}

static void pause_adapt(codec_stripe *stripe, bool paid)
{
    uint32_t misses = atomic_load_explicit(&stripe->misses, memory_order_relaxed);
    if (paid) {
        if (misses > 0) atomic_store_explicit(&stripe->misses, 0, memory_order_relaxed);
        return;
    }
    if (misses < MISSES_MAX + PAUSE_SHIFT_MAX) misses++;
    atomic_store_explicit(&stripe->misses, misses, memory_order_relaxed);
    if (misses < MISSES_MAX) return;
    atomic_store_explicit(&stripe->pause, 1u << (misses - MISSES_MAX), memory_order_relaxed);
}

static void pack_try(hc_store *store, codec_stripe *stripe, packing *out)
{
    hci_codec *codec = hci_codec_take(store);
    if (codec == NULL) return;
    hci_compressor *c = store->compressor;
    const dictionary *with = NULL;
    if (out->value.raw.size <= SMALL_VALUE_BYTES_MAX) {
        with = atomic_load_explicit(&c->current, memory_order_seq_cst);
    }
    uint64_t start_ns;
    bool timed = codec_begin(store, codec, &start_ns);
    hc_span stored = pack_with(store, codec, with, out->value.raw);
    codec_finish(store, timed, start_ns, &stripe->compression_ns);
    pause_adapt(stripe, stored.data != NULL);
    if (stored.data != NULL) {
        out->value.stored = stored;
        out->value.flags = ITEM_COMPRESSED;
        out->codec = codec;
    } else {
        hci_codec_put(store, codec);
    }
}

packing hci_pack(hc_store *store, hc_span value)
{
    packing out = {{.raw = value, .stored = value}, NULL};
    hci_compressor *c = store->compressor;
    if (c == NULL || value.size < c->value_bytes_min || value.size > COMPRESSED_VALUE_BYTES_MAX) {
        return out;
    }
    codec_stripe *stripe = &c->stripes[hci_read_stripe()];
    if (!pause_goes_on(stripe)) pack_try(store, stripe, &out);
    add(out.value.flags != 0 ? &stripe->compressions : &stripe->skipped, 1);
    if (value.size <= SMALL_VALUE_BYTES_MAX) {
        add(&stripe->small_values, 1);
        add(&stripe->small_raw_bytes, value.size);
        add(&stripe->small_stored_bytes, out.value.stored.size);
    }
    return out;
}

void hci_pack_end(hc_store *store, packing *packed)
{
    hci_codec_put(store, packed->codec);
    packed->codec = NULL;
}

/* ---- unpacking ---- */

/* The frame that `stored` stands for; no data: no memory. */
static hc_span frame_of(hc_store *store, hci_codec *codec, hc_span stored, const packed_head *head)
{
    hc_span block = hc_span_make(stored.data + head->head_bytes, stored.size - head->head_bytes);
    if (head->whole) return block;
    uint8_t start[FRAME_START_BYTES_MAX + 4];
    bool is_ours = codec->stored.data != NULL && stored.data == codec->stored.data + HEADROOM_BYTES;
    uint8_t *at = (uint8_t *)(uintptr_t)block.data;
    if (!is_ours) {
        at = hci_codec_stored_room(store, codec, block.size);
        if (at == NULL) return hc_span_make(NULL, 0);
        memcpy(at, block.data, block.size);
    }
    size_t start_bytes = frame_start_bytes(head->raw_bytes);
    frame_start_put(start, head->raw_bytes, (uint32_t)block.size);
    memcpy(at - start_bytes, start, start_bytes);
    return hc_span_make(at - start_bytes, start_bytes + block.size);
}

hc_status hci_unpack(hc_store *store, hci_codec *codec, hc_span stored, void *to)
{
    packed_head head = head_of(stored);
    assert(stored.size > head.head_bytes && head.raw_bytes <= COMPRESSED_VALUE_BYTES_MAX);
    if (codec->decompress == NULL) {
        codec->decompress = ZSTD_createDCtx_advanced(hci_compressor_memory(store));
        if (codec->decompress == NULL) return HC_ERR_NO_MEMORY;
    }
    hc_span frame = frame_of(store, codec, stored, &head);
    if (frame.data == NULL) return HC_ERR_NO_MEMORY;
    const dictionary *with = atomic_load_explicit(
        &store->compressor->dictionaries[head.dictionary % (DICTIONARIES_MAX + 1)],
        memory_order_acquire);
    assert(with != NULL || head.dictionary == 0);
    uint64_t start_ns;
    bool timed = codec_begin(store, codec, &start_ns);
    size_t bytes = ZSTD_decompress_usingDDict(codec->decompress, to, head.raw_bytes, frame.data,
                                              frame.size, with != NULL ? with->decompress : NULL);
    codec_finish(store, timed, start_ns, &codec->stripe->decompression_ns);
    add(&codec->stripe->decompressions, 1);
    assert(bytes == head.raw_bytes);
    return bytes == head.raw_bytes ? HC_OK : HC_ERR_CORRUPT;
}

hc_status hci_unpack_view(hc_store *store, hci_codec *codec, hc_span stored, hc_span *value_out)
{
    packed_head head = head_of(stored);
    *value_out = hc_span_make(NULL, head.raw_bytes);
    if (!buffer_room(store, &codec->plain, head.raw_bytes)) return HC_ERR_NO_MEMORY;
    hc_status status = hci_unpack(store, codec, stored, codec->plain.data);
    if (status == HC_OK) value_out->data = codec->plain.data;
    return status;
}

/* ---- views of a transaction ---- */

typedef struct view {
    struct view *next;
    size_t bytes;
    uint8_t value[];
} view;

hc_status hci_views_add(hc_txn *txn, hc_span stored, hc_span *value_out)
{
    size_t raw_bytes = head_of(stored).raw_bytes;
    hci_codec *codec = hci_codec_take(txn->store);
    if (codec == NULL) return HC_ERR_NO_MEMORY;
    view *v = hci_compressor_allocate(txn->store, sizeof *v + raw_bytes);
    hc_status status = HC_ERR_NO_MEMORY;
    if (v != NULL) {
        *v = (view){.next = txn->views, .bytes = raw_bytes};
        txn->views = v;
        status = hci_unpack(txn->store, codec, stored, v->value);
        *value_out = hc_span_make(v->value, raw_bytes);
    }
    hci_codec_put(txn->store, codec);
    return status;
}

void hci_views_drop(hc_txn *txn)
{
    while (txn->views != NULL) {
        view *v = txn->views;
        txn->views = v->next;
        hci_compressor_release(txn->store, v, sizeof *v + v->bytes);
    }
}

/* ---- making one, and what it did ---- */

hc_status hci_compressor_create(hc_store *store, const hc_store_options *options)
{
    if (options->compression == HC_COMPRESSION_NONE) return HC_OK;
    hci_compressor *c = hci_reserve(&store->host, compressor_space());
    if (c == NULL) return HC_ERR_NO_MEMORY;
    store->compressor = c;
    c->value_bytes_min = options->compression_min_bytes;
    if (c->value_bytes_min == 0) c->value_bytes_min = COMPRESSION_MIN_BYTES_DEFAULT;
    hci_lock_init(&c->train_lock);
    hci_train_init(c);
    memory_add(store, compressor_space());
    add(&c->bytes, compressor_space());
    return HC_OK;
}

void hci_compressor_destroy(hc_store *store)
{
    hci_compressor *c = store->compressor;
    if (c == NULL) return;
    for (unsigned i = 0; i < STRIPES; i++) {
        codec_destroy(store, atomic_load(&c->stripes[i].idle));
    }
    for (unsigned i = 1; i <= DICTIONARIES_MAX; i++) {
        hci_dictionary_destroy(store, atomic_load(&c->dictionaries[i]));
    }
    hci_lock_fini(&c->train_lock);
    hci_unreserve(&store->host, c, compressor_space());
    store->compressor = NULL;
}

void hci_compressor_stats(hc_store *store, hc_store_stats *out)
{
    hci_compressor *c = store->compressor;
    if (c == NULL) return;
    out->compression_memory_bytes = load(&c->bytes);
    out->dictionary_trainings = load(&c->trainings);
    for (unsigned i = 1; i <= DICTIONARIES_MAX; i++) {
        out->dictionaries += atomic_load(&c->dictionaries[i]) != NULL;
    }
    for (unsigned i = 0; i < STRIPES; i++) {
        codec_stripe *stripe = &c->stripes[i];
        out->compressions += load(&stripe->compressions);
        out->compressions_skipped += load(&stripe->skipped);
        out->decompressions += load(&stripe->decompressions);
        out->compression_ns += load(&stripe->compression_ns);
        out->decompression_ns += load(&stripe->decompression_ns);
    }
}

void hci_compressor_stats_reset(hc_store *store)
{
    hci_compressor *c = store->compressor;
    for (unsigned i = 0; c != NULL && i < STRIPES; i++) {
        codec_stripe *stripe = &c->stripes[i];
        atomic_store(&stripe->compressions, 0);
        atomic_store(&stripe->skipped, 0);
        atomic_store(&stripe->decompressions, 0);
        atomic_store(&stripe->compression_ns, 0);
        atomic_store(&stripe->decompression_ns, 0);
    }
}
