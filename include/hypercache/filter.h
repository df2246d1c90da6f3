/*
 * filter.h - "have I seen this?" in about a byte and a half an item: the cuckoo filter.
 *
 *     hc_filter_options options = {.size = sizeof options, .capacity = 1000000};
 *     hc_filter *filter;
 *     if (hc_filter_create(NULL, &options, &filter) != HC_OK) return 1;
 *     hc_filter_add(filter, HC_SPAN("a"));
 *     hc_filter_contains(filter, HC_SPAN("a"));   true, always
 *     hc_filter_contains(filter, HC_SPAN("b"));   false, except once in a hundred
 *     hc_filter_destroy(filter);
 *
 * An item leaves a fingerprint of 8, 12 or 16 bits in one of two buckets of four slots.  A filter
 * says "no" only of items that are not in it: no false negative, also after an add that failed,
 * after growth, and after a load.  It says "yes" wrongly at a rate that it plans and reports.
 *
 * Delete:    only what was added.  Deleting an item that never was may take away the fingerprint
 *            of another that looks the same, and that one is lost then.  No filter can tell.
 * Multiset:  an item added n times must be deleted n times.  A layer has room for eight copies.
 * Source:    Fan et al., "Cuckoo Filter: Practically Better Than Bloom", CoNEXT 2014; semi-sorted
 *            buckets as in its section 5.2.
 * Ownership: items are hashed, never kept.
 * Threads:   all calls may run together on one filter, except create, load and destroy.  Reads
 *            take no lock and wait for nobody; writes take the filter's lock.
 */
#ifndef HYPERCACHE_FILTER_H
#define HYPERCACHE_FILTER_H

#include <hypercache/host.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_filter hc_filter;

#define HC_FILTER_CAPACITY_MAX UINT64_C(4000000000) /* items of one layer */
#define HC_FILTER_RATE_MIN 0.00001                  /* lowest target: 1 in 100000 */
#define HC_FILTER_LAYERS_MAX 32u
#define HC_FILTER_KICKS_MAX 500u /* Fan et al.; past it a table is full, not unlucky */

/* What happens when `capacity` items are in. */
typedef enum hc_filter_growth {
    HC_FILTER_GROWTH_DEFAULT = 0, /* HC_FILTER_GROWTH_FIXED */
    HC_FILTER_GROWTH_FIXED = 1,   /* add returns HC_ERR_FULL */
    HC_FILTER_GROWTH_CHAIN = 2    /* another layer is added; a read looks into all of them */
} hc_filter_growth;

typedef enum hc_filter_layout {
    HC_FILTER_LAYOUT_DEFAULT = 0, /* HC_FILTER_LAYOUT_PLAIN */
    HC_FILTER_LAYOUT_PLAIN = 1,   /* fingerprints side by side: fastest */
    HC_FILTER_LAYOUT_SEMI_SORTED =
        2 /* one bit an item less, some nanoseconds more; 8 KiB a filter */
} hc_filter_layout;

typedef struct hc_filter_options {
    size_t size;       /* bytes of this struct, as the caller compiled it */
    uint64_t capacity; /* items of the first layer, 1..HC_FILTER_CAPACITY_MAX; 0: 1024 */
    /* Target share of wrong answers for items that are not in, HC_FILTER_RATE_MIN..0.5, kept up to
     * `capacity` and, in a chain, over all layers.  0: 0.01, or whatever fingerprint_bits give.
     * Below about 0.0001 memory grows as 1/rate, for 16 bits are all there are. */
    double false_positive_rate;
    uint64_t seed;             /* of the hash of items; 0: drawn from the host */
    uint32_t fingerprint_bits; /* 8, 12 or 16; 0: whichever takes the least memory */
    hc_filter_growth growth;
    hc_filter_layout layout;
    uint32_t expansion; /* chain: size of a layer by the one before, 1, 2, 4 .. 16; 0: 2 */
    uint32_t kicks_max; /* buckets searched for room, 1..HC_FILTER_KICKS_MAX; 0: the most */
    uint32_t reserved;  /* 0 */
} hc_filter_options;

/* Creates an empty filter.  `host` and `options` NULL take every default.  On error *filter_out is
 * NULL.
 *   HC_ERR_INVALID      a field is out of range, or the rate is too low for those fingerprints
 *   HC_ERR_LIMIT        this capacity at this rate needs more buckets than a layer may have
 *   HC_ERR_UNSUPPORTED  options come from a newer header and set a field unknown here
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_filter_create(const hc_host *host, const hc_filter_options *options,
                           hc_filter **filter_out);
/* Accepts NULL.  No other call may run or follow. */
HC_API
void hc_filter_destroy(hc_filter *filter);

/* ---- items ---- */

/* Adds one copy of `item`.  On error the filter is as it was.
 *   HC_ERR_FULL       capacity is reached and may not grow (fixed, HC_FILTER_LAYERS_MAX, or one
 *                     more layer would break the target rate); or eight copies of an item that
 *                     looks like this one are in already and the last layer is not half full
 *   HC_ERR_NO_MEMORY  a chain could not grow */
HC_API
hc_status hc_filter_add(hc_filter *filter, hc_span item);
/* Adds `item` unless the filter says that it is in, in one atomic step.
 *   HC_ERR_EXISTS     it is in, or looks like one that is
 *   HC_ERR_FULL, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_filter_add_absent(hc_filter *filter, hc_span item);
/* False: `item` is not in.  True: it is, or it looks like one that is. */
HC_API
bool hc_filter_contains(const hc_filter *filter, hc_span item);
/* How many copies of `item` may be in: never less than were added and not deleted. */
HC_API
size_t hc_filter_count(hc_filter *filter, hc_span item);
/* Takes one copy of `item` out; see Delete above.
 *   HC_ERR_NOT_FOUND  it was not in, for sure */
HC_API
hc_status hc_filter_delete(hc_filter *filter, hc_span item);
/* Takes all items out.  A chain starts again with its first layer; memory is kept for its growth.
 */
HC_API
void hc_filter_clear(hc_filter *filter);

/* ---- the same for callers that have a hash already ----
 * `hash` is 64 well-mixed bits of the item, from one function for the filter's whole life; the
 * calls above use hc_filter_hash. */

HC_API
uint64_t hc_filter_hash(const hc_filter *filter, hc_span item);
HC_API
hc_status hc_filter_add_hash(hc_filter *filter, uint64_t hash);
HC_API
hc_status hc_filter_add_absent_hash(hc_filter *filter, uint64_t hash);
HC_API
bool hc_filter_contains_hash(const hc_filter *filter, uint64_t hash);
HC_API
size_t hc_filter_count_hash(hc_filter *filter, uint64_t hash);
HC_API
hc_status hc_filter_delete_hash(hc_filter *filter, uint64_t hash);
/* Starts the memory accesses that the calls above will need; changes nothing. */
HC_API
void hc_filter_prefetch_hash(const hc_filter *filter, uint64_t hash);

/* ---- what it is and how it does ---- */

/* Where the fingerprint of a hash belongs in one layer, and what lies there, for debugging. */
typedef struct hc_filter_place {
    uint32_t fingerprint; /* never 0 in the first layer */
    uint32_t buckets[2];  /* may be the same one */
    uint32_t slots[2][4]; /* the fingerprints in those; 0: free */
} hc_filter_place;

/* Fills at most `places_max`, the oldest layer first, and returns how many layers there are.  What
 * is told of one layer holds for one moment. */
HC_API
size_t hc_filter_inspect_hash(hc_filter *filter, uint64_t hash, hc_filter_place *places,
                              size_t places_max);

typedef struct hc_filter_stats {
    size_t size;       /* in: sizeof(hc_filter_stats); fields beyond it are not written */
    uint64_t items;    /* copies now in */
    uint64_t capacity; /* items that the present layers take */
    uint64_t slots;    /* fingerprints that they could hold: capacity / slots is the load then */
    uint64_t buckets;  /* of four slots, over all layers */
    uint64_t memory_bytes; /* all of the filter */
    uint64_t added, deleted;
    uint64_t refused;     /* adds that returned an error other than HC_ERR_EXISTS */
    uint64_t kicks;       /* fingerprints moved to make room */
    double load;          /* items / slots */
    double rate_target;   /* false_positive_rate; 0: none was asked */
    double rate_now;      /* expected of items that are not in, at the present load */
    double rate_capacity; /* the same when the present layers are at capacity */
    uint32_t layers;
    uint32_t fingerprint_bits; /* of the newest layer */
    hc_filter_growth growth;
    hc_filter_layout layout;
    uint32_t expansion;
    uint32_t kicks_max;
} hc_filter_stats;

HC_API
void hc_filter_stats_get(hc_filter *filter, hc_filter_stats *stats);
/* The rate that the filter really has: asks it for `probes` random hashes, none of which anybody
 * added, and returns the share of "yes".  One sample's standard error is sqrt(rate / probes). */
HC_API
double hc_filter_measure(const hc_filter *filter, uint64_t probes, uint64_t seed);

/* ---- keeping it ----
 * The form is the same on every machine, carries its version and a checksum, and includes the
 * seed: whoever reads it can make items that collide. */

/* Bytes that hc_filter_serialize needs now; a chain may need more after the next add. */
HC_API
size_t hc_filter_serialized_size(hc_filter *filter);
/* Writes the filter to `buffer` and its size in bytes to *size_out (may be NULL).  Writers wait
 * meanwhile, readers do not.
 *   HC_ERR_BUFFER  `buffer_bytes` is too small; *size_out says how many are needed */
HC_API
hc_status hc_filter_serialize(hc_filter *filter, void *buffer, size_t buffer_bytes,
                              size_t *size_out);
/* Makes a filter from what hc_filter_serialize wrote.  Any bytes are safe: nothing is believed
 * that was not checked, and memory is bounded by their number.  On error *filter_out is NULL.
 *   HC_ERR_CORRUPT      cut, changed, or never such a form
 *   HC_ERR_UNSUPPORTED  of a newer version
 *   HC_ERR_INVALID      the host, as hc_filter_create
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_filter_load(const hc_host *host, hc_span bytes, hc_filter **filter_out);

#ifdef __cplusplus
}
#endif
#endif
