/*
 * filter_private.h - the parts of a filter, for the files of this folder.
 */
#ifndef HYPERCACHE_FILTER_PRIVATE_H
#define HYPERCACHE_FILTER_PRIVATE_H

#include <stdatomic.h>

#include <hypercache/filter.h>

#include "filter/filter_bucket.h"
#include "host/host_internal.h"
#include "host/lock.h"

#define FINGERPRINT_BITS_MAX 16u
#define LAYER_BUCKETS_MAX (UINT64_C(1) << 30)
#define VERSIONS_MAX 1024u /* 4 KiB: collisions of two writers' buckets cost a reader one retry */
#define EXPANSION_BITS_MAX 4u

/* One table of buckets.  All but `words` and `items` is fixed when it is made. */
typedef struct layer {
    _Atomic uint64_t *words; /* buckets side by side, lowest bits first, and one word to spare */
    const uint16_t *ranks;   /* the filter's rank table when semi-sorted, else NULL */
    uint64_t bucket_mask;    /* bucket_bits ones */
    uint32_t bucket_bits;    /* 28..64 */
    uint32_t fingerprint_bits;
    uint32_t shift;     /* buckets == base_buckets << shift */
    uint32_t buckets;   /* 1..LAYER_BUCKETS_MAX */
    uint64_t items_max; /* the load that its rate was planned for */
    uint64_t items;     /* guarded by the filter's lock */
} layer;

struct hc_filter {
    /* Read by everybody, written at most when the chain grows. */
    atomic_uint layer_count; /* layers in use; those below it never change their place */
    uint32_t base_buckets;   /* of layer 0 */
    uint32_t base_bits;      /* fingerprint bits of layer 0 */
    uint32_t version_mask;   /* versions - 1 */
    uint64_t seed;
    /* Odd while a bucket of that stripe (bucket & version_mask) is being changed. */
    _Atomic uint32_t *versions;
    uint16_t *ranks; /* NULL when plain */
    layer layers[HC_FILTER_LAYERS_MAX];

    uint8_t apart[64]; /* what readers use shares no cache line with what writers change */

    hci_lock lock;        /* guards what follows, and all changes of buckets */
    uint32_t layers_made; /* >= layer_count: hc_filter_clear keeps what the chain had grown to */
    uint32_t kicks_max;
    uint32_t expansion_bits; /* log2 of expansion */
    hc_filter_growth growth;
    hc_filter_layout layout;
    double rate_target; /* 0: none */
    uint64_t added, deleted, refused, kicks;
    hci_host host;
};

/* Where an item may be, in every layer at once: filter.c says why layers share it. */
typedef struct identity {
    uint32_t residue;     /* 0..base_buckets-1 */
    uint32_t refinement;  /* its lowest `shift` bits continue the residue */
    uint32_t fingerprint; /* its lowest fingerprint_bits; those of layer 0 are never all 0 */
} identity;

/* ---- filter.c ---- */

static inline uint64_t mix(uint64_t bits) /* the finalizer of SplitMix64 */
{
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

/* A number below `bound`, evenly from 32 random bits. */
static inline uint32_t scale(uint32_t bits, uint32_t bound)
{
    return (uint32_t)((uint64_t)bits * bound >> 32);
}

/* Builds an empty filter without layers from checked values; NULL when memory is refused. */
hc_filter *hci_filter_make(const hci_host *host, hc_filter_layout layout, uint32_t base_buckets);

/* ---- filter_layer.c ---- */

/* Fails with HC_ERR_NO_MEMORY.  `made` may be passed to fini in any case. */
hc_status hci_layer_init(const hc_filter *filter, layer *made, uint32_t shift,
                         uint32_t fingerprint_bits, uint64_t items_max);
void hci_layer_fini(const hc_filter *filter, layer *old);
/* Words of a table, the spare one included. */
uint64_t hci_layer_words(uint64_t buckets, uint32_t bucket_bits);
uint32_t hci_layer_bucket_bits(hc_filter_layout layout, uint32_t fingerprint_bits);

/* The calls from here on need the filter's lock, except contains and prefetch. */
bool hci_layer_contains(const hc_filter *filter, const layer *in, identity who);
void hci_layer_prefetch(const hc_filter *filter, const layer *in, identity who);
/* False when no room was found; then nothing has changed. */
bool hci_layer_add(hc_filter *filter, layer *to, identity who);
bool hci_layer_delete(hc_filter *filter, layer *from, identity who);
size_t hci_layer_count(const hc_filter *filter, const layer *in, identity who);
void hci_layer_inspect(const hc_filter *filter, const layer *in, identity who,
                       hc_filter_place *out);
void hci_layer_clear(layer *old);
/* Used slots, counted one by one; false when a bucket cannot be what any filter wrote. */
bool hci_layer_audit(const layer *in, uint64_t *used_out);

/* ---- filter_plan.c ---- */

typedef struct plan {
    uint32_t fingerprint_bits;
    double load; /* at capacity */
} plan;

/* Chooses what costs the least memory among fingerprints of `bits_min`..`bits_max` such that a full
 * layer answers wrongly at most at `rate` (0: any).  `base_bits` are those of layer 0.  False when
 * even the widest would have to be nearly empty. */
bool hci_filter_plan(hc_filter_layout layout, uint32_t base_bits, uint32_t bits_min,
                     uint32_t bits_max, double rate, plan *out);
/* The expected share of wrong answers of a layer at that load. */
double hci_filter_rate(uint32_t base_bits, uint32_t fingerprint_bits, double load);
/* Buckets for `capacity` items; above LAYER_BUCKETS_MAX when they are too many. */
uint64_t hci_filter_buckets(uint64_t capacity, double load);
/* Items that `buckets` may take, the inverse. */
uint64_t hci_filter_items_max(uint64_t buckets, double load);

#endif
