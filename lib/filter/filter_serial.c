/*
 * filter_serial.c - to bytes and back.  All numbers are little-endian.
 *
 *       0  "HCFILTER"                       8 bytes
 *       8  version                          u32, 1
 *      12  layers                           u32
 *      16  size of all, checksum included   u64
 *      24  seed                             u64
 *      32  target rate                      IEEE 754 double, as u64
 *      40  added, deleted                   u64 each
 *      56  base_buckets, base_bits          u32 each
 *      64  growth, layout                   u32 each
 *      72  expansion_bits, kicks_max        u32 each
 *      80  per layer: fingerprint_bits, shift   u32 each
 *                     items, items_max          u64 each
 *                     words of its table        u64 each, as many as its buckets need
 *     end  XXH3-64 of all before            u64
 *
 * Loading believes nothing: the checksum finds accidents, and every number is checked against its
 * range, against the others and against the size of the input, for a checksum can be made to fit.
 * A table is only allocated after its bytes were seen to be there, and its used slots are counted.
 */
#include "filter/filter_private.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

#define MAGIC "HCFILTER"
#define MAGIC_BYTES 8u
#define VERSION 1u
#define HEADER_BYTES 80u
#define LAYER_HEADER_BYTES 24u
#define CHECKSUM_BYTES 8u

/* ---- bytes ---- */

static uint8_t *put_u32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        *to++ = (uint8_t)(value >> 8 * i);
    }
    return to;
}

static uint8_t *put_u64(uint8_t *to, uint64_t value)
{
    return put_u32(put_u32(to, (uint32_t)value), (uint32_t)(value >> 32));
}

/* The caller has made sure that the bytes are there. */
static uint32_t take_u32(const uint8_t **from)
{
    const uint8_t *at = *from;
    *from += 4;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t take_u64(const uint8_t **from)
{
    uint64_t low = take_u32(from);
    return low | (uint64_t)take_u32(from) << 32;
}

static uint64_t table_words(const layer *of)
{
    return hci_layer_words(of->buckets, of->bucket_bits);
}

/* ---- out ---- */

static size_t size_locked(const hc_filter *filter)
{
    uint64_t size = HEADER_BYTES + CHECKSUM_BYTES;
    uint32_t layers = atomic_load(&filter->layer_count);
    for (uint32_t i = 0; i < layers; i++) {
        size += LAYER_HEADER_BYTES + table_words(&filter->layers[i]) * sizeof(uint64_t);
    }
    return (size_t)size; /* its tables are in memory, so it fits */
}

static uint8_t *put_layer(uint8_t *to, const layer *of)
{
    to = put_u32(to, of->fingerprint_bits);
    to = put_u32(to, of->shift);
    to = put_u64(to, of->items);
    to = put_u64(to, of->items_max);
    uint64_t words = table_words(of);
    for (uint64_t i = 0; i < words; i++) {
        to = put_u64(to, atomic_load_explicit(&of->words[i], memory_order_relaxed));
    }
    return to;
}

static void serialize_locked(const hc_filter *filter, uint8_t *buffer, size_t size)
{
    uint64_t rate_bits;
    memcpy(&rate_bits, &filter->rate_target, sizeof rate_bits);
    uint32_t layers = atomic_load(&filter->layer_count);
    memcpy(buffer, MAGIC, MAGIC_BYTES);
    uint8_t *to = put_u32(buffer + MAGIC_BYTES, VERSION);
    to = put_u32(to, layers);
    to = put_u64(to, size);
    to = put_u64(to, filter->seed);
    to = put_u64(to, rate_bits);
    to = put_u64(to, filter->added);
    to = put_u64(to, filter->deleted);
    to = put_u32(to, filter->base_buckets);
    to = put_u32(to, filter->base_bits);
    to = put_u32(to, (uint32_t)filter->growth);
    to = put_u32(to, (uint32_t)filter->layout);
    to = put_u32(to, filter->expansion_bits);
    to = put_u32(to, filter->kicks_max);
    assert(to == buffer + HEADER_BYTES);
    for (uint32_t i = 0; i < layers; i++) {
        to = put_layer(to, &filter->layers[i]);
    }
    to = put_u64(to, hci_hash(hc_span_make(buffer, size - CHECKSUM_BYTES), 0));
    assert(to == buffer + size);
}

size_t hc_filter_serialized_size(hc_filter *filter)
{
    hci_lock_acquire(&filter->lock);
    size_t size = size_locked(filter);
    hci_lock_release(&filter->lock);
    return size;
}

hc_status hc_filter_serialize(hc_filter *filter, void *buffer, size_t buffer_bytes,
                              size_t *size_out)
{
    hci_lock_acquire(&filter->lock);
    size_t size = size_locked(filter);
    hc_status status = size <= buffer_bytes ? HC_OK : HC_ERR_BUFFER;
    if (status == HC_OK) serialize_locked(filter, buffer, size);
    hci_lock_release(&filter->lock);
    if (size_out != NULL) *size_out = size;
    return status;
}

/* ---- in ---- */

typedef struct header {
    uint32_t layers;
    uint64_t seed;
    double rate_target;
    uint64_t added, deleted;
    uint32_t base_buckets, base_bits;
    uint32_t growth, layout;
    uint32_t expansion_bits, kicks_max;
} header;

static bool bits_are_valid(uint32_t bits)
{
    return bits == 8 || bits == 12 || bits == 16;
}

static bool header_is_valid(const header *in)
{
    return in->layers >= 1 && in->layers <= HC_FILTER_LAYERS_MAX &&
           (in->growth == HC_FILTER_GROWTH_CHAIN ||
            (in->growth == HC_FILTER_GROWTH_FIXED && in->layers == 1)) &&
           (in->layout == HC_FILTER_LAYOUT_PLAIN || in->layout == HC_FILTER_LAYOUT_SEMI_SORTED) &&
           (in->rate_target == 0 ||
            (in->rate_target >= HC_FILTER_RATE_MIN && in->rate_target <= 0.5)) &&
           in->base_buckets >= 1 && in->base_buckets <= LAYER_BUCKETS_MAX &&
           bits_are_valid(in->base_bits) && in->expansion_bits <= EXPANSION_BITS_MAX &&
           in->kicks_max >= 1 && in->kicks_max <= HC_FILTER_KICKS_MAX;
}

static hc_status header_read(hc_span bytes, header *out)
{
    const uint8_t *from = bytes.data;
    if (bytes.size < HEADER_BYTES + CHECKSUM_BYTES) return HC_ERR_CORRUPT;
    if (memcmp(from, MAGIC, MAGIC_BYTES) != 0) return HC_ERR_CORRUPT;
    from += MAGIC_BYTES;
    uint32_t version = take_u32(&from);
    out->layers = take_u32(&from);
    uint64_t size = take_u64(&from);
    const uint8_t *end = bytes.data + bytes.size - CHECKSUM_BYTES;
    uint64_t checksum = take_u64(&end);
    bool intact = size == bytes.size &&
                  checksum == hci_hash(hc_span_make(bytes.data, bytes.size - CHECKSUM_BYTES), 0);
    if (!intact) return HC_ERR_CORRUPT; /* of any version: they all end in this checksum */
    if (version != VERSION) return version > VERSION ? HC_ERR_UNSUPPORTED : HC_ERR_CORRUPT;
    out->seed = take_u64(&from);
    uint64_t rate_bits = take_u64(&from);
    memcpy(&out->rate_target, &rate_bits, sizeof rate_bits);
    out->added = take_u64(&from);
    out->deleted = take_u64(&from);
    out->base_buckets = take_u32(&from);
    out->base_bits = take_u32(&from);
    out->growth = take_u32(&from);
    out->layout = take_u32(&from);
    out->expansion_bits = take_u32(&from);
    out->kicks_max = take_u32(&from);
    return header_is_valid(out) ? HC_OK : HC_ERR_CORRUPT;
}

/* Reads layer `number` from *from, which ends at `end`, into its place in the filter. */
static hc_status layer_read(hc_filter *filter, uint32_t number, const uint8_t **from,
                            const uint8_t *end)
{
    if ((size_t)(end - *from) < LAYER_HEADER_BYTES) return HC_ERR_CORRUPT;
    uint32_t bits = take_u32(from);
    uint32_t shift = take_u32(from);
    uint64_t items = take_u64(from);
    uint64_t items_max = take_u64(from);
    if (!bits_are_valid(bits) || bits < filter->base_bits ||
        (number == 0 && bits != filter->base_bits) || shift != number * filter->expansion_bits ||
        shift > 30 || (uint64_t)filter->base_buckets << shift > LAYER_BUCKETS_MAX) {
        return HC_ERR_CORRUPT;
    }
    uint64_t buckets = (uint64_t)filter->base_buckets << shift;
    uint64_t words =
        hci_layer_words(buckets, hci_layer_bucket_bits(filter->layout, bits)); /* <= 2^30 + 1 */
    if (items_max < 1 || items_max > buckets * BUCKET_SLOTS || items > items_max ||
        (uint64_t)(end - *from) < words * sizeof(uint64_t)) {
        return HC_ERR_CORRUPT;
    }
    layer *into = &filter->layers[number];
    hc_status status = hci_layer_init(filter, into, shift, bits, items_max);
    if (status != HC_OK) return status;
    for (uint64_t i = 0; i < words; i++) {
        atomic_store_explicit(&into->words[i], take_u64(from), memory_order_relaxed);
    }
    into->items = items;
    uint64_t used;
    return hci_layer_audit(into, &used) && used == items ? HC_OK : HC_ERR_CORRUPT;
}

static hc_status filter_read(const hci_host *host, hc_span bytes, hc_filter **filter_out)
{
    header in;
    hc_status status = header_read(bytes, &in);
    if (status != HC_OK) return status;
    hc_filter *made = hci_filter_make(host, (hc_filter_layout)in.layout, in.base_buckets);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->base_bits = in.base_bits;
    made->seed = in.seed;
    made->kicks_max = in.kicks_max;
    made->expansion_bits = in.expansion_bits;
    made->growth = (hc_filter_growth)in.growth;
    made->rate_target = in.rate_target;
    made->added = in.added;
    made->deleted = in.deleted;
    const uint8_t *from = bytes.data + HEADER_BYTES;
    const uint8_t *end = bytes.data + bytes.size - CHECKSUM_BYTES;
    for (uint32_t i = 0; status == HC_OK && i < in.layers; i++) {
        status = layer_read(made, i, &from, end);
    }
    if (status == HC_OK && from != end) status = HC_ERR_CORRUPT;
    if (status != HC_OK) {
        hc_filter_destroy(made);
        return status;
    }
    made->layers_made = in.layers;
    atomic_init(&made->layer_count, in.layers);
    *filter_out = made;
    return HC_OK;
}

hc_status hc_filter_load(const hc_host *host, hc_span bytes, hc_filter **filter_out)
{
    assert(filter_out != NULL);
    *filter_out = NULL;
    hci_host resolved;
    hc_status status = hci_host_resolve(host, &resolved);
    return status == HC_OK ? filter_read(&resolved, bytes, filter_out) : status;
}
