/*
 * sim_ring.c - how even the ring of slots is, how much a joining node moves, how long it takes.
 *
 *     build/tests/sim/sim_ring [--quick]
 *
 * Shares and moves are counted over all 16384 slots with 3 copies of each; what moves at best when
 * one node joins n others is 1 / (n + 1) of all copies.  Means over some sets of node names, the
 * worst of them for the balance.  bench/README.md has the table.
 */
#include <hypercache/ring.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COPIES 3u

typedef struct setting {
    uint32_t blocks, slack_percent;
} setting;

/* Node i of the set `set`; names like those of real nodes: 20 bytes that say nothing. */
static hc_ring *ring_of(uint32_t set, uint32_t nodes, setting with, double *ms_out)
{
    static char names[HC_RING_NODES_MAX][32];
    static hc_ring_node list[HC_RING_NODES_MAX];
    for (uint32_t i = 0; i < nodes; i++) {
        int size = snprintf(names[i], sizeof names[i], "node-%08x-%u", (set + 1) * 2654435761u, i);
        list[i] = (hc_ring_node){.name = hc_span_make(names[i], (size_t)size)};
    }
    hc_ring_options options = {.size = sizeof options,
                               .replicas = COPIES,
                               .blocks = with.blocks,
                               .slack_percent = with.slack_percent};
    hc_ring *ring;
    clock_t start = clock();
    hc_status status = hc_ring_create(NULL, &options, list, nodes, &ring);
    assert(status == HC_OK);
    (void)status;
    *ms_out = (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
    return ring;
}

static double most_over_mean(const hc_ring *ring)
{
    uint32_t nodes = (uint32_t)hc_ring_node_count(ring);
    double most = 0, primary, any;
    for (uint32_t i = 0; i < nodes; i++) {
        hc_ring_share(ring, i, &primary, &any);
        if (primary > most) most = primary;
    }
    return most * nodes;
}

static bool is_holder(const hc_ring *of, uint64_t slot, hc_span name)
{
    uint32_t holders[HC_RING_REPLICAS_MAX];
    size_t count = hc_ring_holders(of, slot, holders);
    for (size_t i = 0; i < count; i++) {
        hc_span one = hc_ring_node_at(of, holders[i]).name;
        if (one.size == name.size && memcmp(one.data, name.data, name.size) == 0) return true;
    }
    return false;
}

/* Copies that somebody must fetch, over those that a new node must have. */
static double moved_over_ideal(const hc_ring *before, const hc_ring *after)
{
    uint64_t moved = 0, copies = 0;
    uint32_t holders[HC_RING_REPLICAS_MAX];
    for (uint64_t slot = 0; slot < HC_RING_SLOTS; slot++) {
        size_t count = hc_ring_holders(after, slot, holders);
        copies += count;
        for (size_t i = 0; i < count; i++)
            moved += !is_holder(before, slot, hc_ring_node_at(after, holders[i]).name);
    }
    return (double)moved / (double)copies * (double)hc_ring_node_count(after);
}

static unsigned ranges_of(const hc_ring *ring)
{
    unsigned ranges = 0;
    uint32_t last = UINT32_MAX, holders[HC_RING_REPLICAS_MAX];
    for (uint64_t slot = 0; slot < HC_RING_SLOTS; slot++) {
        (void)hc_ring_holders(ring, slot, holders);
        ranges += holders[0] != last;
        last = holders[0];
    }
    return ranges;
}

static void row(uint32_t nodes, setting with, uint32_t sets)
{
    double worst = 0, moved = 0, ms = 0, took;
    unsigned ranges = 0;
    for (uint32_t set = 0; set < sets; set++) {
        hc_ring *before = ring_of(set, nodes, with, &took);
        ms += took / sets;
        double balance = most_over_mean(before);
        if (balance > worst) worst = balance;
        ranges = ranges_of(before);
        if (nodes < HC_RING_NODES_MAX) {
            hc_ring *after = ring_of(set, nodes + 1, with, &took);
            moved += moved_over_ideal(before, after) / sets;
            hc_ring_destroy(after);
        }
        hc_ring_destroy(before);
    }
    (void)printf("| %u | %u, %u %% | %.3f | %.2f | %u | %.1f |\n", nodes, with.blocks,
                 with.slack_percent, worst, moved, ranges, ms);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const setting settings[] = {{512, 5}, {2048, 10}, {4096, 10}};
    static const uint32_t sizes[] = {3, 5, 10, 16, 20, 32, 64, 100, 300, 1000};
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    (void)printf("| nodes | blocks, slack | most / mean primaries, worst set | copies moved by a "
                 "join / ideal | ranges | build, ms |\n|---|---|---|---|---|---|\n");
    for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            if (sizes[i] * 2 > settings[s].blocks) continue; /* under two blocks a node */
            row(sizes[i], settings[s], quick ? 1 : sizes[i] > 64 ? 2 : 5);
        }
    }
    return 0;
}
