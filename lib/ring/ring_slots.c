/*
 * ring_slots.c - placing blocks of slots on nodes: weighted rendezvous with a limit to each node.
 *
 * Every block ranks all nodes: by -log2(u) / weight, u being a hash of node and block as a number
 * between 0 and 1; least is best (weighted rendezvous).  Alone that would leave some nodes 10 %
 * above their share.  So each node has a limit, and who gets in is decided as in the college
 * admissions problem: a block asks its nodes in its order; a full node keeps the blocks for which
 * its own number is least and sends the others on.  The outcome is the same in whatever order they
 * ask.
 *
 * Primaries are placed first, all blocks together, then second holders, and so on; a limit is for
 * all ranks so far.  Logarithms are integers: no two machines may differ in a last digit.
 */
#include "ring/ring_private.h"

#include "base/hash.h"

#include <assert.h>
#include <string.h>

#define LOG_BITS 24u /* of the fraction */
#define NOWHERE UINT32_MAX

/* One making's tools; all arrays are in `memory`. */
typedef struct placing {
    hc_ring *ring;
    uint32_t blocks, nodes;
    uint64_t *cost;   /* [block * nodes + node]: -log2(u); cost / weight is the rank */
    uint16_t *order;  /* [block * nodes + i]: the block's i-th best node */
    uint32_t *next;   /* [block]: whom it asks next */
    uint32_t *asking; /* blocks that have no place yet in this rank */
    uint32_t *load;   /* [node]: blocks held, ranks before included */
    uint32_t *limit;  /* [node] */
    uint32_t *worst; /* [node]: of those of this rank, the one it would give up first; or NOWHERE */
    void *memory;
    size_t memory_bytes;
} placing;

/* -log2 of (h + 1) / 2^64 with LOG_BITS binary digits, by squaring: each squaring doubles the
 * logarithm and shows its next digit. */
static uint64_t minus_log2(uint64_t h)
{
    if (h == UINT64_MAX) return 0;
    uint64_t x = h + 1;
    unsigned shift = (unsigned)__builtin_clzll(x);
    uint64_t mantissa = x << shift >> 32, fraction = 0; /* of 32 bits, the highest set */
    for (unsigned i = 0; i < LOG_BITS; i++) {
        uint64_t square = mantissa * mantissa;
        bool two = square >> 63;
        mantissa = square >> (two ? 32 : 31);
        fraction = fraction << 1 | two;
    }
    return ((uint64_t)(shift + 1) << LOG_BITS) - fraction;
}

/* Does `a` rank before `b` for this block? */
static bool node_before(const placing *p, uint32_t block, uint32_t a, uint32_t b)
{
    const uint64_t *cost = p->cost + (size_t)block * p->nodes;
    uint64_t left = cost[a] * p->ring->nodes[b].weight;
    uint64_t right = cost[b] * p->ring->nodes[a].weight;
    return left != right ? left < right : a < b;
}

/* Does this node prefer block `a` to `b`? */
static bool block_before(const placing *p, uint32_t node, uint32_t a, uint32_t b)
{
    uint64_t left = p->cost[(size_t)a * p->nodes + node];
    uint64_t right = p->cost[(size_t)b * p->nodes + node];
    return left != right ? left < right : a < b;
}

/* ---- the blocks' rankings ---- */

static void rank_sift(const placing *p, uint32_t block, uint16_t *heap, uint32_t at, uint32_t count)
{
    uint16_t sinking = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && node_before(p, block, heap[child], heap[child + 1])) child++;
        if (!node_before(p, block, sinking, heap[child])) break;
        heap[at] = heap[child];
    }
    heap[at] = sinking;
}

static void block_rank(const placing *p, uint32_t block)
{
    uint16_t *order = p->order + (size_t)block * p->nodes;
    for (uint32_t i = 0; i < p->nodes; i++) {
        uint64_t h = hci_hash(p->ring->nodes[i].name, block);
        p->cost[(size_t)block * p->nodes + i] = minus_log2(h);
        order[i] = (uint16_t)i;
    }
    for (uint32_t i = p->nodes / 2; i > 0; i--)
        rank_sift(p, block, order, i - 1, p->nodes);
    for (uint32_t i = p->nodes; i > 1; i--) {
        uint16_t last = order[0];
        order[0] = order[i - 1];
        order[i - 1] = last;
        rank_sift(p, block, order, 0, i - 1);
    }
}

/* ---- limits ---- */

#define PART_BITS 16u /* of a block, in amounts */

typedef struct portion {
    uint64_t weight;
    uint64_t most;   /* 1 / 2^PART_BITS blocks */
    uint64_t wanted; /* out: likewise */
    bool is_full;
} portion;

/* Shares `amount` out by weight, no portion above its most; what one cannot take goes to others. */
static void amount_share(portion *portions, uint32_t count, uint64_t amount)
{
    uint64_t weight = 0;
    for (uint32_t i = 0; i < count; i++)
        weight += portions[i].weight;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < count; i++) {
            portion *to = &portions[i];
            if (to->is_full || to->weight * amount <= to->most * weight) continue;
            to->is_full = again = true;
            to->wanted = to->most;
            amount -= to->most < amount ? to->most : amount;
            weight -= to->weight;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!portions[i].is_full) portions[i].wanted = portions[i].weight * amount / weight;
    }
}

/* What each node should hold when `ranks` holders of each block are placed.  While there are as
 * many zones as that, no zone can hold a block twice. */
static hc_status limits_set(placing *p, uint32_t ranks)
{
    hc_ring *ring = p->ring;
    uint32_t zones = ring->zone_count;
    uint64_t blocks = (uint64_t)p->blocks << PART_BITS;
    size_t bytes = ((size_t)zones + p->nodes) * sizeof(portion);
    portion *zone = hci_allocate(&ring->host, bytes), *member = zone + zones;
    if (zone == NULL) return HC_ERR_NO_MEMORY;
    memset(zone, 0, bytes);
    for (uint32_t i = 0; i < p->nodes; i++) {
        portion *in = &zone[ring->nodes[i].zone];
        in->weight += ring->nodes[i].weight;
        in->most = (ranks <= zones ? 0 : in->most) + blocks;
    }
    amount_share(zone, zones, blocks * ranks);
    for (uint32_t z = 0; z < zones; z++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < p->nodes; i++) {
            if (ring->nodes[i].zone != z) continue;
            member[count++] = (portion){.weight = ring->nodes[i].weight, .most = blocks};
        }
        amount_share(member, count, zone[z].wanted);
        for (uint32_t i = 0, k = 0; i < p->nodes; i++) {
            if (ring->nodes[i].zone != z) continue;
            uint64_t wanted = member[k++].wanted * (100 + ring->options.slack_percent) / 100;
            uint32_t limit = (uint32_t)(wanted >> PART_BITS) + 1;
            p->limit[i] = limit < p->blocks ? limit : p->blocks;
        }
    }
    hci_release(&ring->host, zone, bytes);
    return HC_OK;
}

/* ---- asking and being sent on ---- */

static uint32_t holder(const placing *p, uint32_t block, uint32_t rank)
{
    return p->ring->holders[(size_t)block * p->ring->replicas + rank];
}

static bool may_hold(const placing *p, uint32_t block, uint32_t rank, uint32_t node)
{
    uint32_t before[HC_RING_REPLICAS_MAX];
    for (uint32_t i = 0; i < rank; i++)
        before[i] = holder(p, block, i);
    return hci_ring_may_join(p->ring, before, rank, node);
}

static void hold(placing *p, uint32_t block, uint32_t rank, uint32_t node)
{
    p->ring->holders[(size_t)block * p->ring->replicas + rank] = (uint16_t)node;
}

/* Finds the block that `node` would give up first: walks them, for a node holds few. */
static void worst_find(placing *p, uint32_t rank, uint32_t node, const bool *placed)
{
    p->worst[node] = NOWHERE;
    for (uint32_t b = 0; b < p->blocks; b++) {
        if (!placed[b] || holder(p, b, rank) != node) continue;
        if (p->worst[node] == NOWHERE || block_before(p, node, p->worst[node], b)) {
            p->worst[node] = b;
        }
    }
}

/* `block` asks the next on its list until somebody takes it; returns whom that sent away, or
 * NOWHERE.  When all refuse, it stays unplaced. */
static uint32_t block_ask(placing *p, uint32_t rank, uint32_t block, bool *placed)
{
    while (p->next[block] < p->nodes) {
        uint32_t node = p->order[(size_t)block * p->nodes + p->next[block]++];
        uint32_t worst = p->worst[node];
        if (!may_hold(p, block, rank, node)) continue;
        if (p->load[node] < p->limit[node]) {
            hold(p, block, rank, node);
            placed[block] = true;
            p->load[node]++;
            if (worst == NOWHERE || block_before(p, node, worst, block)) p->worst[node] = block;
            return NOWHERE;
        }
        if (worst == NOWHERE || !block_before(p, node, block, worst)) continue;
        hold(p, block, rank, node);
        placed[block] = true;
        placed[worst] = false;
        worst_find(p, rank, node, placed);
        return worst;
    }
    return NOWHERE;
}

/* Every node that may have it is full: the one least above its limit gets one more. */
static void block_force(placing *p, uint32_t rank, uint32_t block)
{
    uint32_t best = NOWHERE;
    for (uint32_t i = 0; i < p->nodes; i++) {
        uint32_t node = p->order[(size_t)block * p->nodes + i];
        if (!may_hold(p, block, rank, node)) continue;
        if (best == NOWHERE ||
            (uint64_t)p->load[node] * p->limit[best] < (uint64_t)p->load[best] * p->limit[node]) {
            best = node;
        }
    }
    assert(best != NOWHERE);
    hold(p, block, rank, best);
    p->load[best]++;
}

static hc_status rank_place(placing *p, uint32_t rank, bool *placed)
{
    hc_status status = limits_set(p, rank + 1);
    if (status != HC_OK) return status;
    for (uint32_t i = 0; i < p->nodes; i++)
        p->worst[i] = NOWHERE;
    uint32_t waiting = p->blocks;
    for (uint32_t b = 0; b < p->blocks; b++) {
        p->asking[b] = p->blocks - 1 - b;
        p->next[b] = 0;
        placed[b] = false;
    }
    while (waiting > 0) {
        uint32_t sent_away = block_ask(p, rank, p->asking[--waiting], placed);
        if (sent_away != NOWHERE) p->asking[waiting++] = sent_away;
    }
    for (uint32_t b = 0; b < p->blocks; b++) {
        if (!placed[b]) block_force(p, rank, b);
    }
    return HC_OK;
}

/* ---- making ---- */

static void *carve(uint8_t **at, size_t bytes)
{
    void *part = *at;
    *at += (bytes + 7) / 8 * 8;
    return part;
}

static hc_status placing_init(placing *p, hc_ring *ring, bool **placed_out)
{
    size_t blocks = ring->options.blocks, nodes = ring->node_count;
    *p = (placing){.ring = ring, .blocks = (uint32_t)blocks, .nodes = (uint32_t)nodes};
    p->memory_bytes = blocks * nodes * (sizeof *p->cost + sizeof *p->order) +
                      blocks * (sizeof *p->next + sizeof *p->asking + sizeof(bool)) +
                      nodes * 3 * sizeof *p->load + 7 * 8;
    p->memory = hci_allocate(&ring->host, p->memory_bytes);
    if (p->memory == NULL) return HC_ERR_NO_MEMORY;
    uint8_t *at = p->memory;
    p->cost = carve(&at, blocks * nodes * sizeof *p->cost);
    p->order = carve(&at, blocks * nodes * sizeof *p->order);
    p->next = carve(&at, blocks * sizeof *p->next);
    p->asking = carve(&at, blocks * sizeof *p->asking);
    p->load = carve(&at, nodes * sizeof *p->load);
    p->limit = carve(&at, nodes * sizeof *p->limit);
    p->worst = carve(&at, nodes * sizeof *p->worst);
    *placed_out = carve(&at, blocks * sizeof **placed_out);
    memset(p->load, 0, nodes * sizeof *p->load);
    return HC_OK;
}

hc_status hci_ring_slots_make(hc_ring *ring)
{
    placing p;
    bool *placed;
    size_t holders = (size_t)ring->options.blocks * ring->replicas;
    ring->holders = hci_allocate(&ring->host, holders * sizeof *ring->holders);
    if (ring->holders == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = placing_init(&p, ring, &placed);
    if (status != HC_OK) return status;
    for (uint32_t b = 0; b < p.blocks; b++)
        block_rank(&p, b);
    for (uint32_t rank = 0; rank < ring->replicas && status == HC_OK; rank++)
        status = rank_place(&p, rank, placed);
    hci_release(&ring->host, p.memory, p.memory_bytes);
    return status;
}
