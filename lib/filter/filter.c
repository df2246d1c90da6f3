/*
 * filter.c - the handle: one layer, or a chain of them that grows.
 *
 * Why layers refine each other.  Say two items x and y, x kept in layer 0 and y in layer 1, and
 * layer 1 happens to take y for x.  In a chain of unrelated filters, delete(x) may find y's
 * fingerprint first and take that, and y is lost: a false negative.  Here what layer k + 1 knows of
 * an item continues what layer k knows:
 *
 *     hash        [ residue, 32 bits | fingerprint, 32 bits ]  and a second mix of both
 *     bucket      layer k:  residue (mod base_buckets) | the first shift_k bits of the refinement
 *     fingerprint layer k:  the first fingerprint_bits_k
 *
 * and the other bucket follows from the fingerprint of layer 0 alone, part by part.  So items that
 * look the same in one layer look the same in every earlier one.  Delete takes the newest match. If
 * that was another item's, z, then z looks like x in the earlier layer that keeps x, and what x
 * leaves there is z's from now on.  Every item stays covered.
 *
 *     F1  each copy that was added and not deleted has a fingerprint of its own in some layer, in
 *         one of the two buckets where the item is looked for;
 *     F2  layer->items is the number of its used slots, and at most items_max;
 *     F3  base_buckets << shift is the number of its buckets, shift rising by expansion_bits.
 *
 * Rates add up over layers.  A layer may use half of what the target leaves after those before it,
 * so the sum stays below the target however long the chain grows; when even 16 bits cannot do that,
 * the chain is full.
 */
#include "filter/filter_private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/options.h"

#define CAPACITY_DEFAULT 1024u
#define RATE_DEFAULT 0.01
#define RATE_MAX 0.5
#define EXPANSION_BITS_DEFAULT 1u

/* ---- identity ---- */

/* In `layers` layers; the first alone needs no second mix. */
static inline identity identity_of(const hc_filter *filter, uint64_t hash, uint32_t layers)
{
    uint64_t again = layers > 1 ? mix(hash) : 0;
    uint32_t base_values = (1u << filter->base_bits) - 1;
    uint32_t base = 1 + scale((uint32_t)hash, base_values); /* never 0, which is a free slot */
    identity who;
    who.residue = scale((uint32_t)(hash >> 32), filter->base_buckets);
    who.refinement = (uint32_t)again;
    who.fingerprint = base | (uint32_t)(again >> 32) << filter->base_bits;
    return who;
}

static uint32_t layer_count(const hc_filter *filter)
{
    return atomic_load_explicit(&filter->layer_count, memory_order_acquire);
}

/* ---- rates ---- */

static double layer_rate(const hc_filter *filter, const layer *of, uint64_t items)
{
    double load = (double)items / ((double)of->buckets * BUCKET_SLOTS);
    return hci_filter_rate(filter->base_bits, of->fingerprint_bits, load);
}

/* What the target leaves for the next layer; half of it is for those after. */
static double rate_left(const hc_filter *filter)
{
    double left = filter->rate_target;
    for (uint32_t i = 0; i < layer_count(filter); i++) {
        left -= layer_rate(filter, &filter->layers[i], filter->layers[i].items_max);
    }
    return left / 2;
}

/* ---- create, destroy ---- */

hc_filter *hci_filter_make(const hci_host *host, hc_filter_layout layout, uint32_t base_buckets)
{
    hc_filter *made = hci_allocate(host, sizeof *made);
    if (made == NULL) return NULL;
    memset(made, 0, sizeof *made);
    made->host = *host;
    made->layout = layout;
    made->base_buckets = base_buckets;
    hci_lock_init(&made->lock);
    uint32_t versions = 1;
    while (versions < base_buckets && versions < VERSIONS_MAX) {
        versions *= 2;
    }
    made->version_mask = versions - 1;
    made->versions = hci_allocate(host, versions * sizeof *made->versions);
    if (made->versions == NULL) goto no_memory;
    for (uint32_t i = 0; i < versions; i++) {
        atomic_init(&made->versions[i], 0);
    }
    if (layout == HC_FILTER_LAYOUT_SEMI_SORTED) {
        made->ranks = hci_allocate(host, RANK_TABLE * sizeof *made->ranks);
        if (made->ranks == NULL) goto no_memory;
        hci_filter_ranks_init(made->ranks);
    }
    return made;
no_memory:
    hc_filter_destroy(made);
    return NULL;
}

void hc_filter_destroy(hc_filter *filter)
{
    if (filter == NULL) return;
    for (uint32_t i = 0; i < HC_FILTER_LAYERS_MAX; i++) {
        hci_layer_fini(filter, &filter->layers[i]);
    }
    hci_host host = filter->host;
    if (filter->ranks != NULL) {
        hci_release(&host, filter->ranks, RANK_TABLE * sizeof *filter->ranks);
    }
    if (filter->versions != NULL) {
        hci_release(&host, (void *)filter->versions,
                    (filter->version_mask + (size_t)1) * sizeof *filter->versions);
    }
    hci_lock_fini(&filter->lock);
    hci_release(&host, filter, sizeof *filter);
}

/* Puts defaults for what is 0; false when a field is out of range. */
static bool options_complete(hc_filter_options *options)
{
    if (options->capacity == 0) options->capacity = CAPACITY_DEFAULT;
    if (options->false_positive_rate == 0 && options->fingerprint_bits == 0) {
        options->false_positive_rate = RATE_DEFAULT;
    }
    if (options->growth == HC_FILTER_GROWTH_DEFAULT) options->growth = HC_FILTER_GROWTH_FIXED;
    if (options->layout == HC_FILTER_LAYOUT_DEFAULT) options->layout = HC_FILTER_LAYOUT_PLAIN;
    if (options->expansion == 0) options->expansion = 1u << EXPANSION_BITS_DEFAULT;
    if (options->kicks_max == 0) options->kicks_max = HC_FILTER_KICKS_MAX;
    uint32_t bits = options->fingerprint_bits, expansion = options->expansion;
    double rate = options->false_positive_rate;
    return options->capacity <= HC_FILTER_CAPACITY_MAX &&
           (rate == 0 || (rate >= HC_FILTER_RATE_MIN && rate <= RATE_MAX)) &&
           (bits == 0 || bits == 8 || bits == 12 || bits == 16) &&
           (options->growth == HC_FILTER_GROWTH_FIXED ||
            options->growth == HC_FILTER_GROWTH_CHAIN) &&
           (options->layout == HC_FILTER_LAYOUT_PLAIN ||
            options->layout == HC_FILTER_LAYOUT_SEMI_SORTED) &&
           expansion <= 1u << EXPANSION_BITS_MAX && (expansion & (expansion - 1)) == 0 &&
           options->kicks_max <= HC_FILTER_KICKS_MAX && options->reserved == 0;
}

static hc_status filter_build(const hci_host *host, const hc_filter_options *options,
                              hc_filter **filter_out)
{
    double rate = options->false_positive_rate;
    if (options->growth == HC_FILTER_GROWTH_CHAIN) rate /= 2; /* as rate_left() */
    uint32_t bits = options->fingerprint_bits;
    plan first;
    if (!hci_filter_plan(options->layout, 0, bits != 0 ? bits : 8,
                         bits != 0 ? bits : FINGERPRINT_BITS_MAX, rate, &first)) {
        return HC_ERR_INVALID;
    }
    uint64_t buckets = hci_filter_buckets(options->capacity, first.load);
    if (buckets > LAYER_BUCKETS_MAX) return HC_ERR_LIMIT;
    hc_filter *made = hci_filter_make(host, options->layout, (uint32_t)buckets);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->base_bits = first.fingerprint_bits;
    made->seed = options->seed != 0 ? options->seed : hci_random_uint64(host);
    made->kicks_max = options->kicks_max;
    made->expansion_bits = (uint32_t)__builtin_ctz(options->expansion);
    made->growth = options->growth;
    made->rate_target = options->false_positive_rate;
    hc_status status =
        hci_layer_init(made, &made->layers[0], 0, first.fingerprint_bits, options->capacity);
    if (status != HC_OK) {
        hc_filter_destroy(made);
        return status;
    }
    made->layers_made = 1;
    atomic_init(&made->layer_count, 1);
    *filter_out = made;
    return HC_OK;
}

hc_status hc_filter_create(const hc_host *host, const hc_filter_options *options,
                           hc_filter **filter_out)
{
    assert(filter_out != NULL);
    *filter_out = NULL;
    hci_host resolved;
    hc_status status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    hc_filter_options known;
    status = hci_options_copy(&known, sizeof known, options, options != NULL ? options->size : 0);
    if (status != HC_OK) return status;
    if (!options_complete(&known)) return HC_ERR_INVALID;
    return filter_build(&resolved, &known, filter_out);
}

/* ---- the chain ---- */

/* Adds a layer, or takes one that hc_filter_clear left. */
static hc_status chain_grow(hc_filter *filter)
{
    uint32_t count = layer_count(filter);
    if (filter->growth != HC_FILTER_GROWTH_CHAIN || count == HC_FILTER_LAYERS_MAX) {
        return HC_ERR_FULL;
    }
    const layer *newest = &filter->layers[count - 1];
    /* A new layer is for more items, not for more copies of one. */
    if (newest->items < newest->items_max / 2) return HC_ERR_FULL;
    if (count == filter->layers_made) {
        uint32_t shift = newest->shift + filter->expansion_bits;
        uint64_t buckets = (uint64_t)filter->base_buckets << shift;
        uint32_t bits_max = filter->rate_target > 0 ? FINGERPRINT_BITS_MAX : filter->base_bits;
        double rate = filter->rate_target > 0 ? rate_left(filter) : 0;
        plan next;
        if (buckets > LAYER_BUCKETS_MAX || rate < 0 ||
            !hci_filter_plan(filter->layout, filter->base_bits, filter->base_bits, bits_max, rate,
                             &next)) {
            return HC_ERR_FULL;
        }
        uint64_t items_max = hci_filter_items_max(buckets, next.load);
        hc_status status = hci_layer_init(filter, &filter->layers[count], shift,
                                          next.fingerprint_bits, items_max > 0 ? items_max : 1);
        if (status != HC_OK) return status;
        filter->layers_made++;
    }
    atomic_store_explicit(&filter->layer_count, count + 1, memory_order_release);
    return HC_OK;
}

/* The oldest layer with room comes first, so that what deletes freed is used again. */
static hc_status add_locked(hc_filter *filter, identity who)
{
    hc_status status = HC_OK;
    for (uint32_t i = 0; status == HC_OK; i++) {
        if (i == layer_count(filter)) status = chain_grow(filter);
        if (status != HC_OK) break;
        layer *to = &filter->layers[i];
        if (to->items < to->items_max && hci_layer_add(filter, to, who)) break;
    }
    if (status == HC_OK) {
        filter->added++;
    } else {
        filter->refused++;
    }
    return status;
}

static inline bool contains(const hc_filter *filter, identity who, uint32_t layers)
{
    for (uint32_t i = layers; i-- > 0;) { /* the newest is the largest */
        if (hci_layer_contains(filter, &filter->layers[i], who)) return true;
    }
    return false;
}

/* ---- items ---- */

hc_status hc_filter_add_hash(hc_filter *filter, uint64_t hash)
{
    identity who = identity_of(filter, hash, HC_FILTER_LAYERS_MAX);
    hci_lock_acquire(&filter->lock);
    hc_status status = add_locked(filter, who);
    hci_lock_release(&filter->lock);
    return status;
}

hc_status hc_filter_add_absent_hash(hc_filter *filter, uint64_t hash)
{
    identity who = identity_of(filter, hash, HC_FILTER_LAYERS_MAX);
    hci_lock_acquire(&filter->lock);
    hc_status status = HC_ERR_EXISTS;
    if (!contains(filter, who, layer_count(filter))) status = add_locked(filter, who);
    hci_lock_release(&filter->lock);
    return status;
}

bool hc_filter_contains_hash(const hc_filter *filter, uint64_t hash)
{
    uint32_t layers = layer_count(filter); /* once: the identity must do for all of them */
    return contains(filter, identity_of(filter, hash, layers), layers);
}

size_t hc_filter_count_hash(hc_filter *filter, uint64_t hash)
{
    identity who = identity_of(filter, hash, HC_FILTER_LAYERS_MAX);
    size_t count = 0;
    hci_lock_acquire(&filter->lock);
    for (uint32_t i = 0; i < layer_count(filter); i++) {
        count += hci_layer_count(filter, &filter->layers[i], who);
    }
    hci_lock_release(&filter->lock);
    return count;
}

size_t hc_filter_inspect_hash(hc_filter *filter, uint64_t hash, hc_filter_place *places,
                              size_t places_max)
{
    identity who = identity_of(filter, hash, HC_FILTER_LAYERS_MAX);
    hci_lock_acquire(&filter->lock);
    size_t layers = layer_count(filter);
    for (size_t i = 0; i < layers && i < places_max; i++)
        hci_layer_inspect(filter, &filter->layers[i], who, &places[i]);
    hci_lock_release(&filter->lock);
    return layers;
}

hc_status hc_filter_delete_hash(hc_filter *filter, uint64_t hash)
{
    identity who = identity_of(filter, hash, HC_FILTER_LAYERS_MAX);
    hc_status status = HC_ERR_NOT_FOUND;
    hci_lock_acquire(&filter->lock);
    for (uint32_t i = layer_count(filter); i-- > 0;) { /* the newest match: see above */
        if (!hci_layer_delete(filter, &filter->layers[i], who)) continue;
        filter->deleted++;
        status = HC_OK;
        break;
    }
    hci_lock_release(&filter->lock);
    return status;
}

void hc_filter_clear(hc_filter *filter)
{
    hci_lock_acquire(&filter->lock);
    for (uint32_t i = 0; i < layer_count(filter); i++) {
        hci_layer_clear(&filter->layers[i]);
    }
    atomic_store_explicit(&filter->layer_count, 1, memory_order_release);
    hci_lock_release(&filter->lock);
}

void hc_filter_prefetch_hash(const hc_filter *filter, uint64_t hash)
{
    identity who = identity_of(filter, hash, HC_FILTER_LAYERS_MAX);
    for (uint32_t i = layer_count(filter); i-- > 0;) {
        hci_layer_prefetch(filter, &filter->layers[i], who);
    }
}

uint64_t hc_filter_hash(const hc_filter *filter, hc_span item)
{
    return hci_hash(item, filter->seed);
}

hc_status hc_filter_add(hc_filter *filter, hc_span item)
{
    return hc_filter_add_hash(filter, hc_filter_hash(filter, item));
}

hc_status hc_filter_add_absent(hc_filter *filter, hc_span item)
{
    return hc_filter_add_absent_hash(filter, hc_filter_hash(filter, item));
}

bool hc_filter_contains(const hc_filter *filter, hc_span item)
{
    return hc_filter_contains_hash(filter, hc_filter_hash(filter, item));
}

size_t hc_filter_count(hc_filter *filter, hc_span item)
{
    return hc_filter_count_hash(filter, hc_filter_hash(filter, item));
}

hc_status hc_filter_delete(hc_filter *filter, hc_span item)
{
    return hc_filter_delete_hash(filter, hc_filter_hash(filter, item));
}

/* ---- statistics ---- */

static uint64_t memory_bytes(const hc_filter *filter)
{
    uint64_t bytes = sizeof *filter + (filter->version_mask + (uint64_t)1) * sizeof(uint32_t);
    if (filter->ranks != NULL) bytes += RANK_TABLE * sizeof *filter->ranks;
    for (uint32_t i = 0; i < filter->layers_made; i++) {
        const layer *of = &filter->layers[i];
        bytes += hci_layer_words(of->buckets, of->bucket_bits) * sizeof *of->words;
    }
    return bytes;
}

void hc_filter_stats_get(hc_filter *filter, hc_filter_stats *stats)
{
    hc_filter_stats all = {.size = sizeof all};
    double right_now = 1, right_capacity = 1; /* chances that no layer answers wrongly */
    hci_lock_acquire(&filter->lock);
    all.layers = layer_count(filter);
    for (uint32_t i = 0; i < all.layers; i++) {
        const layer *of = &filter->layers[i];
        all.items += of->items;
        all.capacity += of->items_max;
        all.buckets += of->buckets;
        right_now *= 1 - layer_rate(filter, of, of->items);
        right_capacity *= 1 - layer_rate(filter, of, of->items_max);
        all.fingerprint_bits = of->fingerprint_bits;
    }
    all.slots = all.buckets * BUCKET_SLOTS;
    all.memory_bytes = memory_bytes(filter);
    all.added = filter->added;
    all.deleted = filter->deleted;
    all.refused = filter->refused;
    all.kicks = filter->kicks;
    all.load = (double)all.items / (double)all.slots;
    all.rate_target = filter->rate_target;
    all.rate_now = 1 - right_now;
    all.rate_capacity = 1 - right_capacity;
    all.growth = filter->growth;
    all.layout = filter->layout;
    all.expansion = 1u << filter->expansion_bits;
    all.kicks_max = filter->kicks_max;
    hci_lock_release(&filter->lock);
    size_t known = stats->size < sizeof all ? stats->size : sizeof all;
    all.size = stats->size;
    memcpy(stats, &all, known);
}

double hc_filter_measure(const hc_filter *filter, uint64_t probes, uint64_t seed)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t wrong = 0;
    for (uint64_t i = 1; i <= probes; i++) {
        wrong += hc_filter_contains_hash(filter, mix(seed + i * golden));
    }
    return probes > 0 ? (double)wrong / (double)probes : 0;
}
