/*
 * ring_private.h - a ring from inside.
 *
 *     slots    holders[block * replicas + rank] -> node
 *     circle   points, sorted by position -> node
 *
 * Nodes are sorted by name, so nothing depends on the order in which they were named.
 */
#ifndef HYPERCACHE_RING_PRIVATE_H
#define HYPERCACHE_RING_PRIVATE_H

#include "host/host_internal.h"

#include <hypercache/ring.h>

#define WEIGHT_USUAL 100u

typedef struct ring_node {
    hc_span name; /* the ring's own bytes */
    hc_span zone_name;
    uint32_t zone; /* 0..zone_count - 1 */
    uint32_t weight;
    uint64_t user;
} ring_node;

typedef struct ring_point {
    uint64_t position;
    uint32_t node;
} ring_point;

struct hc_ring {
    hci_host host;
    hc_ring_options options; /* zeros replaced */
    uint32_t node_count, zone_count;
    uint32_t replicas; /* the fewer of options.replicas and nodes */
    ring_node *nodes;
    uint8_t *texts; /* names and zones, one behind the other */
    size_t text_bytes;
    uint16_t *holders;
    ring_point *points;
    size_t point_count;
    uint64_t id;
};

/* False: `node` is among them already, or its zone is while another zone is free. */
bool hci_ring_may_join(const hc_ring *ring, const uint32_t *nodes, size_t count, uint32_t node);

/* ring_slots.c.  HC_ERR_NO_MEMORY: what was made is freed with the ring. */
hc_status hci_ring_slots_make(hc_ring *ring);

/* ring_circle.c: likewise. */
hc_status hci_ring_circle_make(hc_ring *ring);
size_t hci_ring_circle_holders(const hc_ring *ring, uint64_t position, uint32_t *nodes);
void hci_ring_circle_share(const hc_ring *ring, uint32_t node, double *primary, double *any);
void hci_ring_circle_diff(const hc_ring *from, const hc_ring *to, hc_ring_visit visit, void *ctx);
/* Reports the stretch if its holders differ. */
void hci_ring_compare(const hc_ring *from, const hc_ring *to, uint64_t first, uint64_t last,
                      hc_ring_visit visit, void *ctx);

#endif
