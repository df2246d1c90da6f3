/*
 * filter_layer.c - one layer: buckets, and the search for room.
 *
 * Both buckets of an item follow from its fingerprint and either of them, so a fingerprint can be
 * moved without knowing whose it is.  When both are full, a breadth-first search looks for the
 * nearest bucket with a free slot that a series of such moves can reach:
 *
 *     nodes   0: bucket i1    1: bucket i2      the roots
 *             2: where the fingerprint in slot 0 of node 0 would go, 3: slot 1 ...
 *
 * Then the moves run from the far end, each filling a slot that the one before has freed.
 *
 * Readers take no lock.  Buckets belong to stripes, each with a version that is odd while one of
 * them is being changed:
 *
 *     writer  version odd | new buckets (release) | version even (release)
 *     reader  version (acquire) | both buckets (acquire) | version again: the same and even, or
 * retry
 *
 * A reader that saw any new word also sees the odd version, for that word was released after it.  A
 * move changes both buckets inside one such pair, so a fingerprint is always found.  Hits need no
 * second look at the version, and a reader that loses READ_ATTEMPTS_MAX times says "yes": in a
 * filter that is always a permitted answer, so nobody waits for a writer that lost its core.
 */
#include "filter/filter_private.h"

#include <assert.h>

#include "host/relax.h"

#define READ_ATTEMPTS_MAX 256u
#define SEARCH_NODES_MAX (HC_FILTER_KICKS_MAX + 2) /* and the two roots */

_Static_assert(SEARCH_NODES_MAX <= UINT16_MAX, "a node's parent fits in 16 bits");

/* ---- buckets ---- */

typedef struct pair {
    uint32_t first, second; /* may be the same */
    uint32_t fingerprint;
} pair;

/* The other bucket of `fingerprint`: the residues of the two add up to the same number (modulo
 * base_buckets), their refinements differ by the same bits, so each is the other's other. */
static inline uint32_t other_bucket(const hc_filter *filter, const layer *in, uint32_t bucket,
                                    uint32_t fingerprint)
{
    uint64_t drawn = mix(fingerprint & ((1u << filter->base_bits) - 1));
    uint32_t sum = scale((uint32_t)(drawn >> 32), filter->base_buckets);
    uint32_t residue = bucket >> in->shift;
    uint32_t other = sum - residue + (sum >= residue ? 0 : filter->base_buckets);
    uint32_t refinement_mask = (1u << in->shift) - 1;
    return other << in->shift | ((bucket ^ (uint32_t)drawn) & refinement_mask);
}

static inline pair pair_of(const hc_filter *filter, const layer *in, identity who)
{
    pair found;
    found.fingerprint = who.fingerprint & ((1u << in->fingerprint_bits) - 1);
    found.first = who.residue << in->shift | (who.refinement & ((1u << in->shift) - 1));
    found.second = other_bucket(filter, in, found.first, found.fingerprint);
    return found;
}

/* The stored form of a bucket; it may span two words. */
static inline uint64_t bucket_bits_get(const layer *in, uint32_t bucket)
{
    uint64_t position = (uint64_t)bucket * in->bucket_bits;
    const _Atomic uint64_t *word = in->words + (position >> 6);
    unsigned shift = position & 63;
    uint64_t low = atomic_load_explicit(word, memory_order_acquire) >> shift;
    uint64_t high = atomic_load_explicit(word + 1, memory_order_acquire) << 1 << (63 - shift);
    return (low | high) & in->bucket_mask;
}

static void bucket_bits_set(layer *in, uint32_t bucket, uint64_t bits)
{
    uint64_t position = (uint64_t)bucket * in->bucket_bits;
    _Atomic uint64_t *word = in->words + (position >> 6);
    unsigned shift = position & 63;
    uint64_t low = atomic_load_explicit(word, memory_order_relaxed);
    low = (low & ~(in->bucket_mask << shift)) | bits << shift;
    atomic_store_explicit(word, low, memory_order_release);
    if (shift + in->bucket_bits <= 64) return;
    uint64_t high = atomic_load_explicit(word + 1, memory_order_relaxed);
    high = (high & ~(in->bucket_mask >> (64 - shift))) | bits >> (64 - shift);
    atomic_store_explicit(word + 1, high, memory_order_release);
}

static inline uint64_t lanes_load(const layer *in, uint32_t bucket)
{
    uint64_t bits = bucket_bits_get(in, bucket);
    return in->ranks == NULL ? bits : semi_sorted_lanes(bits, in->fingerprint_bits, in->ranks);
}

static void lanes_store(layer *in, uint32_t bucket, uint64_t lanes)
{
    uint64_t bits = in->ranks == NULL ? lanes : hci_filter_semi_sort(lanes, in->fingerprint_bits);
    bucket_bits_set(in, bucket, bits);
}

/* ---- versions ---- */

static inline _Atomic uint32_t *version_of(const hc_filter *filter, uint32_t bucket)
{
    return &filter->versions[bucket & filter->version_mask];
}

static void version_step(_Atomic uint32_t *version)
{
    uint32_t now = atomic_load_explicit(version, memory_order_relaxed);
    atomic_store_explicit(version, now + 1, memory_order_release);
}

static void change_begin(const hc_filter *filter, uint32_t a, uint32_t b)
{
    version_step(version_of(filter, a));
    if (version_of(filter, a) != version_of(filter, b)) version_step(version_of(filter, b));
}

static void change_end(const hc_filter *filter, uint32_t a, uint32_t b)
{
    change_begin(filter, a, b); /* from odd to even */
}

/* ---- reading ---- */

bool hci_layer_contains(const hc_filter *filter, const layer *in, identity who)
{
    pair at = pair_of(filter, in, who);
    const _Atomic uint32_t *first_version = version_of(filter, at.first);
    const _Atomic uint32_t *second_version = version_of(filter, at.second);
    uint64_t ones = lanes_ones(in->fingerprint_bits), wanted = at.fingerprint * ones;
    uint64_t tops = ones << (in->fingerprint_bits - 1);
    for (unsigned attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt++) {
        uint32_t first = atomic_load_explicit(first_version, memory_order_acquire);
        uint32_t second = atomic_load_explicit(second_version, memory_order_acquire);
        /* lanes_find() of both, with what does not change taken out of it */
        uint64_t differs = lanes_load(in, at.first) ^ wanted;
        if (((differs - ones) & ~differs & tops) != 0) return true;
        differs = lanes_load(in, at.second) ^ wanted;
        if (((differs - ones) & ~differs & tops) != 0) return true;
        bool quiet = ((first | second) & 1) == 0 &&
                     atomic_load_explicit(first_version, memory_order_relaxed) == first &&
                     atomic_load_explicit(second_version, memory_order_relaxed) == second;
        if (quiet) return false;
        hci_cpu_relax();
    }
    return true;
}

void hci_layer_prefetch(const hc_filter *filter, const layer *in, identity who)
{
    pair at = pair_of(filter, in, who);
    __builtin_prefetch((const void *)(in->words + ((uint64_t)at.first * in->bucket_bits >> 6)));
    __builtin_prefetch((const void *)(in->words + ((uint64_t)at.second * in->bucket_bits >> 6)));
}

size_t hci_layer_count(const hc_filter *filter, const layer *in, identity who)
{
    pair at = pair_of(filter, in, who);
    unsigned bits = in->fingerprint_bits;
    size_t count = lanes_count(lanes_load(in, at.first), bits, at.fingerprint);
    if (at.second != at.first) {
        count += lanes_count(lanes_load(in, at.second), bits, at.fingerprint);
    }
    return count;
}

void hci_layer_inspect(const hc_filter *filter, const layer *in, identity who, hc_filter_place *out)
{
    pair at = pair_of(filter, in, who);
    out->fingerprint = at.fingerprint;
    out->buckets[0] = at.first;
    out->buckets[1] = at.second;
    for (unsigned b = 0; b < 2; b++) {
        uint64_t lanes = lanes_load(in, out->buckets[b]);
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
            out->slots[b][slot] = lanes_get(lanes, in->fingerprint_bits, slot);
    }
}

/* ---- writing ---- */

/* Puts a fingerprint into a bucket; false when it is full. */
static bool bucket_put(hc_filter *filter, layer *to, uint32_t bucket, uint32_t fingerprint)
{
    uint64_t lanes = lanes_load(to, bucket);
    uint64_t found = lanes_free(lanes, to->fingerprint_bits);
    if (found == 0) return false;
    change_begin(filter, bucket, bucket);
    lanes_store(to, bucket, lanes_toggle(lanes, to->fingerprint_bits, found, fingerprint));
    change_end(filter, bucket, bucket);
    return true;
}

/* Takes a fingerprint out of a bucket; false when it is not there. */
static bool bucket_take(hc_filter *filter, layer *from, uint32_t bucket, uint32_t fingerprint)
{
    uint64_t lanes = lanes_load(from, bucket);
    uint64_t found = lanes_find(lanes, from->fingerprint_bits, fingerprint);
    if (found == 0) return false;
    change_begin(filter, bucket, bucket);
    lanes_store(from, bucket, lanes_toggle(lanes, from->fingerprint_bits, found, fingerprint));
    change_end(filter, bucket, bucket);
    return true;
}

/* Moves a fingerprint that is in `from` to `to`, which has room. */
static void bucket_move(hc_filter *filter, layer *in, uint32_t from, uint32_t to,
                        uint32_t fingerprint)
{
    unsigned bits = in->fingerprint_bits;
    uint64_t lanes_to = lanes_load(in, to), lanes_from = lanes_load(in, from);
    uint64_t free_slot = lanes_free(lanes_to, bits);
    uint64_t used_slot = lanes_find(lanes_from, bits, fingerprint);
    assert(from != to && free_slot != 0 && used_slot != 0);
    change_begin(filter, from, to);
    lanes_store(in, to, lanes_toggle(lanes_to, bits, free_slot, fingerprint));
    lanes_store(in, from, lanes_toggle(lanes_from, bits, used_slot, fingerprint));
    change_end(filter, from, to);
    filter->kicks++;
}

typedef struct node {
    uint32_t bucket;
    uint16_t parent;      /* its node; of a root: itself */
    uint16_t fingerprint; /* what would move here from the parent's bucket */
} node;

/* Whether `bucket` is `at` or one of its ancestors.  The shortest path never goes through a bucket
 * twice, so leaving those out loses nothing, and it ends the search early among copies of one item,
 * whose moves only lead in circles. */
static bool on_path(const node *nodes, uint32_t at, uint32_t bucket)
{
    while (nodes[at].bucket != bucket) {
        if (nodes[at].parent == at) return false;
        at = nodes[at].parent;
    }
    return true;
}

/* Returns the node with a free slot, or SEARCH_NODES_MAX when there is none near. */
static uint32_t search(const hc_filter *filter, const layer *in, pair at, node *nodes)
{
    uint32_t nodes_max = filter->kicks_max + 2;
    uint32_t count = 2;
    nodes[0] = (node){.bucket = at.first, .parent = 0};
    nodes[1] = (node){.bucket = at.second, .parent = 1};
    for (uint32_t next = 0; next < count; next++) {
        uint64_t lanes = lanes_load(in, nodes[next].bucket);
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            uint32_t fingerprint = lanes_get(lanes, in->fingerprint_bits, slot);
            uint32_t to = other_bucket(filter, in, nodes[next].bucket, fingerprint);
            if (on_path(nodes, next, to)) continue;
            if (count == nodes_max) return SEARCH_NODES_MAX;
            nodes[count] = (node){
                .bucket = to, .parent = (uint16_t)next, .fingerprint = (uint16_t)fingerprint};
            if (lanes_free(lanes_load(in, to), in->fingerprint_bits) != 0) return count;
            count++;
        }
    }
    return SEARCH_NODES_MAX;
}

bool hci_layer_add(hc_filter *filter, layer *to, identity who)
{
    pair at = pair_of(filter, to, who);
    bool added = bucket_put(filter, to, at.first, at.fingerprint) ||
                 bucket_put(filter, to, at.second, at.fingerprint);
    if (!added) {
        node nodes[SEARCH_NODES_MAX];
        uint32_t end = search(filter, to, at, nodes);
        if (end == SEARCH_NODES_MAX) return false;
        for (; nodes[end].parent != end; end = nodes[end].parent) {
            bucket_move(filter, to, nodes[nodes[end].parent].bucket, nodes[end].bucket,
                        nodes[end].fingerprint);
        }
        added = bucket_put(filter, to, nodes[end].bucket, at.fingerprint);
        assert(added);
    }
    to->items++;
    return added;
}

bool hci_layer_delete(hc_filter *filter, layer *from, identity who)
{
    pair at = pair_of(filter, from, who);
    bool deleted = bucket_take(filter, from, at.first, at.fingerprint) ||
                   bucket_take(filter, from, at.second, at.fingerprint);
    if (deleted) from->items--;
    return deleted;
}

/* ---- a layer as a whole ---- */

uint32_t hci_layer_bucket_bits(hc_filter_layout layout, uint32_t fingerprint_bits)
{
    uint32_t lanes_bits = BUCKET_SLOTS * fingerprint_bits;
    if (layout != HC_FILTER_LAYOUT_SEMI_SORTED) return lanes_bits;
    return lanes_bits - BUCKET_SLOTS * NIBBLE_BITS + RANK_BITS;
}

uint64_t hci_layer_words(uint64_t buckets, uint32_t bucket_bits)
{
    return (buckets * bucket_bits + 63) / 64 + 1;
}

static size_t layer_bytes(const layer *of)
{
    return (size_t)hci_layer_words(of->buckets, of->bucket_bits) * sizeof *of->words;
}

hc_status hci_layer_init(const hc_filter *filter, layer *made, uint32_t shift,
                         uint32_t fingerprint_bits, uint64_t items_max)
{
    uint32_t bucket_bits = hci_layer_bucket_bits(filter->layout, fingerprint_bits);
    *made = (layer){
        .ranks = filter->ranks,
        .bucket_mask = UINT64_MAX >> (64 - bucket_bits),
        .bucket_bits = bucket_bits,
        .fingerprint_bits = fingerprint_bits,
        .shift = shift,
        .buckets = filter->base_buckets << shift,
        .items_max = items_max,
    };
    if (hci_layer_words(made->buckets, bucket_bits) > SIZE_MAX / sizeof *made->words) {
        return HC_ERR_NO_MEMORY; /* more than this machine can address */
    }
    made->words = hci_allocate(&filter->host, layer_bytes(made));
    if (made->words == NULL) return HC_ERR_NO_MEMORY;
    hci_layer_clear(made);
    return HC_OK;
}

void hci_layer_fini(const hc_filter *filter, layer *old)
{
    if (old->words != NULL) {
        hci_release(&filter->host, (void *)old->words, layer_bytes(old));
    }
    old->words = NULL;
}

void hci_layer_clear(layer *old)
{
    uint64_t words = hci_layer_words(old->buckets, old->bucket_bits);
    for (uint64_t i = 0; i < words; i++) {
        atomic_store_explicit(&old->words[i], 0, memory_order_release);
    }
    old->items = 0;
}

bool hci_layer_audit(const layer *in, uint64_t *used_out)
{
    uint64_t used = 0;
    for (uint32_t bucket = 0; bucket < in->buckets; bucket++) {
        uint64_t bits = bucket_bits_get(in, bucket);
        uint64_t rank = bits >> (in->bucket_bits - RANK_BITS);
        if (in->ranks != NULL && rank >= RANKS) return false;
        uint64_t lanes = lanes_load(in, bucket);
        used += BUCKET_SLOTS - lanes_count(lanes, in->fingerprint_bits, 0);
    }
    *used_out = used;
    return true;
}
