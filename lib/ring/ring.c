/*
 * ring.c - making a ring and asking it; the two kinds are in ring_slots.c and ring_circle.c.
 */
#include "ring/ring_private.h"

#include "base/crc16.h"
#include "base/hash.h"
#include "base/options.h"

#include <assert.h>
#include <string.h>

#define REPLICAS_DEFAULT 1u
#define BLOCKS_DEFAULT 512u
#define SLACK_PERCENT_DEFAULT 5u
#define SLACK_PERCENT_MAX 100u
#define POINTS_DEFAULT 160u
#define ID_VERSION 1u /* of the way places are chosen: another way, another id */

static_assert(HC_RING_SLOTS == HCI_SLOTS, "one number of slots");
static_assert(HC_RING_NODES_MAX <= UINT16_MAX, "hc_ring.holders");

static hc_status options_resolve(const hc_ring_options *options, hc_ring_options *o)
{
    hc_status status =
        hci_options_copy(o, sizeof *o, options, options != NULL ? options->size : sizeof *o);
    if (status != HC_OK) return status;
    if (o->replicas == 0) o->replicas = REPLICAS_DEFAULT;
    if (o->blocks == 0) o->blocks = BLOCKS_DEFAULT;
    if (o->slack_percent == 0) o->slack_percent = SLACK_PERCENT_DEFAULT;
    if (o->points == 0) o->points = POINTS_DEFAULT;
    bool fits = (unsigned)o->kind <= HC_RING_KIND_CIRCLE && o->replicas <= HC_RING_REPLICAS_MAX &&
                o->blocks >= HC_RING_BLOCKS_MIN && o->blocks <= HC_RING_BLOCKS_MAX &&
                (o->blocks & (o->blocks - 1)) == 0 && o->slack_percent <= SLACK_PERCENT_MAX &&
                o->points <= HC_RING_POINTS_MAX;
    return fits ? HC_OK : HC_ERR_INVALID;
}

static int span_compare(hc_span a, hc_span b)
{
    size_t least = a.size < b.size ? a.size : b.size;
    int order = least > 0 ? memcmp(a.data, b.data, least) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* ---- nodes ---- */

static hc_status nodes_check(const hc_ring_node *nodes, size_t count, size_t *text_bytes_out)
{
    size_t bytes = 0;
    if (count > HC_RING_NODES_MAX) return HC_ERR_INVALID;
    for (size_t i = 0; i < count; i++) {
        const hc_ring_node *n = &nodes[i];
        if (n->name.size == 0 || n->name.size > HC_RING_NAME_BYTES_MAX) return HC_ERR_INVALID;
        if (n->zone.size > HC_RING_NAME_BYTES_MAX) return HC_ERR_INVALID;
        if (n->weight > HC_RING_WEIGHT_MAX || n->reserved != 0) return HC_ERR_INVALID;
        bytes += n->name.size + n->zone.size;
    }
    *text_bytes_out = bytes;
    return HC_OK;
}

static hc_span text_keep(hc_ring *ring, size_t *used, hc_span text)
{
    uint8_t *to = ring->texts + *used;
    if (text.size > 0) memcpy(to, text.data, text.size);
    *used += text.size;
    return hc_span_make(to, text.size);
}

/* By insertion: at most a thousand, and mostly in order already. */
static hc_status nodes_take(hc_ring *ring, const hc_ring_node *nodes, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        ring_node made = {.name = text_keep(ring, &used, nodes[i].name),
                          .zone_name = text_keep(ring, &used, nodes[i].zone),
                          .weight = nodes[i].weight != 0 ? nodes[i].weight : WEIGHT_USUAL,
                          .user = nodes[i].user};
        size_t at = i;
        for (; at > 0; at--) {
            int order = span_compare(ring->nodes[at - 1].name, made.name);
            if (order == 0) return HC_ERR_EXISTS;
            if (order < 0) break;
            ring->nodes[at] = ring->nodes[at - 1];
        }
        ring->nodes[at] = made;
        ring->node_count++;
    }
    return HC_OK;
}

/* A node without a zone has one of its own. */
static void zones_number(hc_ring *ring)
{
    for (uint32_t i = 0; i < ring->node_count; i++) {
        ring_node *n = &ring->nodes[i];
        n->zone = ring->zone_count;
        for (uint32_t k = 0; k < i && n->zone_name.size > 0; k++) {
            if (span_compare(ring->nodes[k].zone_name, n->zone_name) != 0) continue;
            n->zone = ring->nodes[k].zone;
            break;
        }
        if (n->zone == ring->zone_count) ring->zone_count++;
    }
}

static uint64_t id_of(const hc_ring *ring)
{
    const hc_ring_options *o = &ring->options;
    bool is_slots = o->kind == HC_RING_KIND_SLOTS;
    uint32_t numbers[6] = {ID_VERSION,
                           o->kind,
                           o->replicas,
                           is_slots ? o->blocks : o->points,
                           is_slots ? o->slack_percent : 0,
                           ring->node_count};
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint8_t bytes[4] = {(uint8_t)numbers[i], (uint8_t)(numbers[i] >> 8),
                            (uint8_t)(numbers[i] >> 16), (uint8_t)(numbers[i] >> 24)};
        id = hci_hash(hc_span_make(bytes, sizeof bytes), id);
    }
    for (uint32_t i = 0; i < ring->node_count; i++) {
        const ring_node *n = &ring->nodes[i];
        id = hci_hash(n->zone_name, hci_hash(n->name, id + n->weight));
    }
    return id != 0 ? id : 1;
}

/* ---- making ---- */

static hc_status ring_fill(hc_ring *ring, const hc_ring_node *nodes, size_t count)
{
    if (count == 0) return HC_OK;
    ring->nodes = hci_allocate(&ring->host, count * sizeof *ring->nodes);
    ring->texts = hci_allocate(&ring->host, ring->text_bytes);
    if (ring->nodes == NULL || ring->texts == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = nodes_take(ring, nodes, count);
    if (status != HC_OK) return status;
    zones_number(ring);
    ring->replicas = count < ring->options.replicas ? (uint32_t)count : ring->options.replicas;
    return ring->options.kind == HC_RING_KIND_SLOTS ? hci_ring_slots_make(ring)
                                                    : hci_ring_circle_make(ring);
}

hc_status hc_ring_create(const hc_host *host, const hc_ring_options *options,
                         const hc_ring_node *nodes, size_t count, hc_ring **ring_out)
{
    hc_ring_options o;
    hci_host resolved;
    size_t text_bytes;
    *ring_out = NULL;
    hc_status status = options_resolve(options, &o);
    if (status == HC_OK) status = nodes_check(nodes, count, &text_bytes);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    hc_ring *ring = hci_allocate(&resolved, sizeof *ring);
    if (ring == NULL) return HC_ERR_NO_MEMORY;
    *ring = (hc_ring){.host = resolved, .options = o, .text_bytes = text_bytes};
    status = ring_fill(ring, nodes, count);
    if (status != HC_OK) {
        ring->node_count = (uint32_t)count; /* what was allocated for */
        hc_ring_destroy(ring);
        return status;
    }
    ring->id = id_of(ring);
    *ring_out = ring;
    return HC_OK;
}

void hc_ring_destroy(hc_ring *ring)
{
    if (ring == NULL) return;
    hci_host host = ring->host;
    size_t holders = (size_t)ring->options.blocks * ring->replicas;
    hci_release(&host, ring->nodes, ring->node_count * sizeof *ring->nodes);
    hci_release(&host, ring->texts, ring->text_bytes);
    hci_release(&host, ring->holders, holders * sizeof *ring->holders);
    hci_release(&host, ring->points, ring->point_count * sizeof *ring->points);
    hci_release(&host, ring, sizeof *ring);
}

/* ---- asking ---- */

size_t hc_ring_node_count(const hc_ring *ring)
{
    return ring->node_count;
}

hc_ring_node hc_ring_node_at(const hc_ring *ring, uint32_t node)
{
    assert(node < ring->node_count);
    const ring_node *n = &ring->nodes[node];
    return (hc_ring_node){
        .name = n->name, .zone = n->zone_name, .weight = n->weight, .user = n->user};
}

uint64_t hc_ring_id(const hc_ring *ring)
{
    return ring->id;
}

uint32_t hc_ring_slot(hc_span key)
{
    return hci_slot(key);
}

uint64_t hc_ring_place(const hc_ring *ring, hc_span key)
{
    return ring->options.kind == HC_RING_KIND_SLOTS ? hci_slot(key) : hci_hash(key, 0);
}

static const uint16_t *slot_holders(const hc_ring *ring, uint64_t slot)
{
    assert(slot < HC_RING_SLOTS);
    return ring->holders + slot * ring->options.blocks / HC_RING_SLOTS * ring->replicas;
}

size_t hc_ring_holders(const hc_ring *ring, uint64_t place, uint32_t nodes[HC_RING_REPLICAS_MAX])
{
    if (ring->node_count == 0) return 0;
    if (ring->options.kind == HC_RING_KIND_CIRCLE) {
        return hci_ring_circle_holders(ring, place, nodes);
    }
    const uint16_t *holders = slot_holders(ring, place);
    for (uint32_t i = 0; i < ring->replicas; i++)
        nodes[i] = holders[i];
    return ring->replicas;
}

size_t hc_ring_find(const hc_ring *ring, hc_span key, uint32_t nodes[HC_RING_REPLICAS_MAX])
{
    return hc_ring_holders(ring, hc_ring_place(ring, key), nodes);
}

static bool among(const uint32_t *nodes, size_t count, uint32_t node)
{
    for (size_t i = 0; i < count; i++) {
        if (nodes[i] == node) return true;
    }
    return false;
}

bool hci_ring_may_join(const hc_ring *ring, const uint32_t *nodes, size_t count, uint32_t node)
{
    if (among(nodes, count, node)) return false;
    if (count >= ring->zone_count) return true;
    for (size_t i = 0; i < count; i++) {
        if (ring->nodes[nodes[i]].zone == ring->nodes[node].zone) return false;
    }
    return true;
}

void hc_ring_share(const hc_ring *ring, uint32_t node, double *primary_out, double *any_out)
{
    assert(node < ring->node_count);
    if (ring->options.kind == HC_RING_KIND_CIRCLE) {
        hci_ring_circle_share(ring, node, primary_out, any_out);
        return;
    }
    size_t primary = 0, any = 0;
    for (size_t i = 0; i < (size_t)ring->options.blocks * ring->replicas; i++) {
        if (ring->holders[i] != node) continue;
        any++;
        primary += i % ring->replicas == 0;
    }
    *primary_out = (double)primary / ring->options.blocks;
    *any_out = (double)any / ring->options.blocks;
}

/* ---- differences ---- */

void hci_ring_compare(const hc_ring *from, const hc_ring *to, uint64_t first, uint64_t last,
                      hc_ring_visit visit, void *ctx)
{
    hc_ring_change change = {.first = first, .last = last};
    change.from_count = hc_ring_holders(from, first, change.from);
    change.to_count = hc_ring_holders(to, first, change.to);
    bool equal = change.from_count == change.to_count;
    for (size_t i = 0; i < change.from_count && equal; i++) {
        equal = span_compare(from->nodes[change.from[i]].name, to->nodes[change.to[i]].name) == 0;
    }
    if (!equal) visit(ctx, &change);
}

hc_status hc_ring_diff(const hc_ring *from, const hc_ring *to, hc_ring_visit visit, void *ctx)
{
    if (from->options.kind != to->options.kind) return HC_ERR_INVALID;
    if (from->options.kind == HC_RING_KIND_CIRCLE) {
        hci_ring_circle_diff(from, to, visit, ctx);
        return HC_OK;
    }
    uint32_t blocks =
        from->options.blocks > to->options.blocks ? from->options.blocks : to->options.blocks;
    uint32_t slots = HC_RING_SLOTS / blocks;
    for (uint32_t i = 0; i < blocks; i++) {
        uint64_t first = (uint64_t)i * slots;
        hci_ring_compare(from, to, first, first + slots - 1, visit, ctx);
    }
    return HC_OK;
}
