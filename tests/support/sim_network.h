/*
 * sim_network.h - a network and its time, in memory: what is sent arrives later, or twice, or
 * never.
 *
 * One thread, virtual time, one seeded generator: the same seed gives the same run.  Datagrams may
 * be lost, doubled and overtake each other; reliable messages come in order and whole, later when
 * the wire is bad, or are lost when it is cut, as a connection that breaks.
 */
#ifndef HYPERCACHE_TESTS_SIM_NETWORK_H
#define HYPERCACHE_TESTS_SIM_NETWORK_H

#include "support/test_random.h"

#include <hypercache/types.h>

#define SIM_MS UINT64_C(1000000)
#define SIM_SECOND (1000 * SIM_MS)

typedef struct sim_network sim_network;

typedef struct sim_options {
    uint64_t seed;
    uint32_t nodes;
    /* A message arrives; `bytes` are borrowed. */
    void (*deliver)(void *ctx, uint32_t to, uint32_t from, bool reliable, hc_span bytes);
    /* The time that sim_wake asked for. */
    void (*wake)(void *ctx, uint32_t node);
    void *ctx;
    uint64_t events_max; /* of a run, then nothing happens any more; 0: no limit */
} sim_options;

/* How the wires are; may be changed at any time. */
typedef struct sim_weather {
    uint64_t delay_min_ns, delay_max_ns; /* of each message, evenly */
    unsigned loss_permille;              /* of datagrams */
    unsigned double_permille;            /* of datagrams */
    unsigned slow_permille;              /* of messages: ten times delay_max_ns */
    unsigned corrupt_permille;           /* of messages: one bit is turned */
} sim_weather;

typedef struct sim_counters {
    uint64_t events, datagrams, reliables, bytes, lost, doubled, cut, corrupted;
} sim_counters;

sim_network *sim_create(const sim_options *options);
void sim_destroy(sim_network *of);
sim_weather *sim_weather_of(sim_network *of);
const sim_counters *sim_counters_of(const sim_network *of);
uint64_t sim_now(const sim_network *of); /* ns, from 1 s on */
test_random *sim_random(sim_network *of);

void sim_send(sim_network *of, uint32_t from, uint32_t to, bool reliable, hc_span bytes);
/* One wake-up a node: a new one replaces the one before.  UINT64_MAX: none. */
void sim_wake(sim_network *of, uint32_t node, uint64_t at_ns);
/* Nothing passes from `from` to `to` any more, or again. */
void sim_cut(sim_network *of, uint32_t from, uint32_t to, bool is_cut);
bool sim_is_cut(const sim_network *of, uint32_t from, uint32_t to);
/* Splits into those of `group` (one bool a node) and the others; NULL heals everything. */
void sim_split(sim_network *of, const bool *group);
/* The node's process stands still: what arrives waits in its sockets, SIM_HELD_MAX messages. */
#define SIM_HELD_MAX 512u
void sim_hold(sim_network *of, uint32_t node);
void sim_release(sim_network *of, uint32_t node); /* it gets all of it now */
/* What is on its way to the node is lost, as with the machine. */
void sim_drop(sim_network *of, uint32_t node);
/* More happened than events_max: nodes that talk without end. */
bool sim_exhausted(const sim_network *of);
/* Lets time pass. */
void sim_run(sim_network *of, uint64_t until_ns);

#endif
