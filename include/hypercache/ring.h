/*
 * ring.h - which nodes hold a key: consistent hashing.
 *
 *     hc_ring_node nodes[] = {{.name = HC_SPAN("cache-1:6379")}, {.name =
 * HC_SPAN("cache-2:6379")}}; hc_ring *ring; if (hc_ring_create(NULL, NULL, nodes, 2, &ring) !=
 * HC_OK) return 1; uint32_t holders[HC_RING_REPLICAS_MAX]; size_t count = hc_ring_find(ring,
 * HC_SPAN("user:1"), holders);   holders[0] is the primary hc_ring_destroy(ring);
 *
 * A ring is made once and never changes; when nodes come or go, make another and hc_ring_diff the
 * two.  It is a pure function of its options and the set of nodes: whoever knows the same nodes, in
 * any order, on any machine, has the same ring, and hc_ring_id tells whether two have.
 *
 * Two kinds:
 *     slots   the 16384 slots of Redis Cluster, in equal blocks; each block ranks all nodes by
 *             weighted rendezvous, and no node takes more than its share plus `slack_percent`.
 *             Balanced to a few percent, moves little.  hypercached uses it.
 *     circle  many points a node on a circle of 2^64; a key goes to the next point.  For programs
 *             that shard over servers which know nothing of each other.
 *
 * Source:    Thaler & Ravishankar 1998 (rendezvous), Gale & Shapley 1962 (who gets a full node),
 *            Karger et al. 1997 (circle).
 * Ownership: names and zones are copied.
 * Threads:   everything may be called at once, except destroy.
 */
#ifndef HYPERCACHE_RING_H
#define HYPERCACHE_RING_H

#include <hypercache/host.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_ring hc_ring;

#define HC_RING_SLOTS 16384u
#define HC_RING_NODES_MAX 1024u
#define HC_RING_REPLICAS_MAX 8u
#define HC_RING_BLOCKS_MIN 16u
#define HC_RING_BLOCKS_MAX HC_RING_SLOTS
#define HC_RING_NAME_BYTES_MAX 255u
#define HC_RING_WEIGHT_MAX 65535u
#define HC_RING_POINTS_MAX 4096u /* of a node of the usual weight */

typedef enum hc_ring_kind { HC_RING_KIND_SLOTS = 0, HC_RING_KIND_CIRCLE = 1 } hc_ring_kind;

typedef struct hc_ring_options {
    size_t size; /* bytes of this struct, as the caller compiled it */
    hc_ring_kind kind;
    uint32_t replicas;      /* nodes that hold a key, 1..HC_RING_REPLICAS_MAX; 0: 1 */
    uint32_t blocks;        /* slots: power of two, HC_RING_BLOCKS_MIN..MAX; 0: 512 */
    uint32_t slack_percent; /* slots: of a node's share, 1..100; 0: 5 */
    uint32_t points;        /* circle: of a node of weight 100, 1..HC_RING_POINTS_MAX; 0: 160 */
} hc_ring_options;

typedef struct hc_ring_node {
    hc_span name;    /* 1..HC_RING_NAME_BYTES_MAX bytes, unlike all others; decides the place */
    hc_span zone;    /* copies go to different zones while there are any; empty: one of its own */
    uint32_t weight; /* share beside the others, 1..HC_RING_WEIGHT_MAX; 0: 100 */
    uint32_t reserved;
    uint64_t user; /* the caller's, handed back by hc_ring_node_at */
} hc_ring_node;

/* `count` 0..HC_RING_NODES_MAX; a ring without nodes finds nobody.  `host` and `options` NULL take
 * every default.  On error *ring_out is NULL.
 *   HC_ERR_INVALID      a field is out of range
 *   HC_ERR_EXISTS       two nodes of one name
 *   HC_ERR_UNSUPPORTED  options come from a newer header and set a field unknown here
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_ring_create(const hc_host *host, const hc_ring_options *options,
                         const hc_ring_node *nodes, size_t count, hc_ring **ring_out);
/* Accepts NULL. */
HC_API
void hc_ring_destroy(hc_ring *ring);

/* The nodes of a ring are numbered 0..hc_ring_node_count() - 1 in the order of their names.  Spans
 * are borrowed from the ring. */
HC_API
size_t hc_ring_node_count(const hc_ring *ring);
HC_API
hc_ring_node hc_ring_node_at(const hc_ring *ring, uint32_t node);

/* Equal for equal rings: a hash of kind, numbers, names, zones and weights; never 0. */
HC_API
uint64_t hc_ring_id(const hc_ring *ring);

/* The nodes that hold `key`, best first; returns how many: the fewer of `replicas` and nodes. */
HC_API
size_t hc_ring_find(const hc_ring *ring, hc_span key, uint32_t nodes[HC_RING_REPLICAS_MAX]);

/* Where `key` lies: its slot 0..HC_RING_SLOTS - 1 as Redis Cluster counts them, hash tags included,
 * or its position on the circle.  Keys that lie at one place are held by the same nodes. */
HC_API
uint64_t hc_ring_place(const hc_ring *ring, hc_span key);
/* As hc_ring_find, of a place; of a ring of slots it is below HC_RING_SLOTS. */
HC_API
size_t hc_ring_holders(const hc_ring *ring, uint64_t place, uint32_t nodes[HC_RING_REPLICAS_MAX]);
/* The slot of `key` in any ring of slots. */
HC_API
uint32_t hc_ring_slot(hc_span key);

/* What part of all places a node holds, 0..1: as the primary, and as any of the holders. */
HC_API
void hc_ring_share(const hc_ring *ring, uint32_t node, double *primary_out, double *any_out);

/* The places first..last, both included, have other holders, or in another order. */
typedef struct hc_ring_change {
    uint64_t first, last;
    uint32_t from[HC_RING_REPLICAS_MAX], to[HC_RING_REPLICAS_MAX]; /* nodes of the two rings */
    size_t from_count, to_count;
} hc_ring_change;
typedef void (*hc_ring_visit)(void *ctx, const hc_ring_change *change);

/* Calls `visit` for every stretch of places that differs, from low to high.
 *   HC_ERR_INVALID  the rings are of different kinds */
HC_API
hc_status hc_ring_diff(const hc_ring *from, const hc_ring *to, hc_ring_visit visit, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
