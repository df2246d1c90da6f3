/*
 * ring_circle.c - the circle: a node's points are hashes of its name and a counter; the holders of
 * a position are the owners of the next points, each node once.
 *
 *     0 ----a----b--a---c------b----c---- 2^64 - 1 (and on at 0)
 *              ^ position: b, then a, then c
 */
#include "ring/ring_private.h"

#include "base/hash.h"

#include <assert.h>

static size_t node_points(const hc_ring *ring, uint32_t node)
{
    size_t points = (size_t)ring->options.points * ring->nodes[node].weight / WEIGHT_USUAL;
    return points > 0 ? points : 1;
}

static bool point_before(const ring_point *a, const ring_point *b)
{
    return a->position != b->position ? a->position < b->position : a->node < b->node;
}

/* Heap sort: no recursion, no memory. */
static void sift_down(ring_point *points, size_t at, size_t count)
{
    ring_point sinking = points[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && point_before(&points[child], &points[child + 1])) child++;
        if (!point_before(&sinking, &points[child])) break;
        points[at] = points[child];
    }
    points[at] = sinking;
}

static void points_sort(ring_point *points, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        sift_down(points, i - 1, count);
    for (size_t i = count; i > 1; i--) {
        ring_point greatest = points[0];
        points[0] = points[i - 1];
        points[i - 1] = greatest;
        sift_down(points, 0, i - 1);
    }
}

hc_status hci_ring_circle_make(hc_ring *ring)
{
    for (uint32_t i = 0; i < ring->node_count; i++)
        ring->point_count += node_points(ring, i);
    ring->points = hci_allocate(&ring->host, ring->point_count * sizeof *ring->points);
    if (ring->points == NULL) return HC_ERR_NO_MEMORY;
    size_t at = 0;
    for (uint32_t i = 0; i < ring->node_count; i++) {
        size_t points = node_points(ring, i);
        for (size_t k = 0; k < points; k++)
            ring->points[at++] = (ring_point){hci_hash(ring->nodes[i].name, k + 1), i};
    }
    points_sort(ring->points, ring->point_count);
    return HC_OK;
}

/* The first point at or after `position`; the first of all when there is none. */
static size_t point_after(const hc_ring *ring, uint64_t position)
{
    size_t low = 0, high = ring->point_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring->points[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ring->point_count ? low : 0;
}

size_t hci_ring_circle_holders(const hc_ring *ring, uint64_t position, uint32_t *nodes)
{
    size_t count = 0, at = point_after(ring, position);
    for (size_t step = 0; step < ring->point_count && count < ring->replicas; step++) {
        uint32_t node = ring->points[at].node;
        if (hci_ring_may_join(ring, nodes, count, node)) nodes[count++] = node;
        at = at + 1 < ring->point_count ? at + 1 : 0;
    }
    assert(count == ring->replicas);
    return count;
}

void hci_ring_circle_share(const hc_ring *ring, uint32_t node, double *primary, double *any)
{
    uint64_t before = ring->points[ring->point_count - 1].position;
    *primary = *any = 0;
    for (size_t i = 0; i < ring->point_count; i++) {
        uint32_t nodes[HC_RING_REPLICAS_MAX];
        double part = (double)(ring->points[i].position - before) * 0x1p-64;
        before = ring->points[i].position;
        size_t count = hci_ring_circle_holders(ring, before, nodes);
        *primary += nodes[0] == node ? part : 0;
        for (size_t k = 0; k < count; k++)
            *any += nodes[k] == node ? part : 0;
    }
}

/* The stretches between the points of both rings, the last one reaching round to the end. */
void hci_ring_circle_diff(const hc_ring *from, const hc_ring *to, hc_ring_visit visit, void *ctx)
{
    size_t a = 0, b = 0;
    uint64_t first = 0;
    while (a < from->point_count || b < to->point_count) {
        bool take_from =
            b == to->point_count ||
            (a < from->point_count && from->points[a].position <= to->points[b].position);
        uint64_t last = take_from ? from->points[a++].position : to->points[b++].position;
        if (last < first) continue; /* a point in both */
        hci_ring_compare(from, to, first, last, visit, ctx);
        if (last == UINT64_MAX) return;
        first = last + 1;
    }
    hci_ring_compare(from, to, first, UINT64_MAX, visit, ctx);
}
