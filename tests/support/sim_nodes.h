/*
 * sim_nodes.h - a cluster of whole nodes in memory: membership, replica, store, a clock of its own.
 *
 *     sim_world *world = sim_world_make(&options);
 *     sim_node_start(&world->nodes[0], SIM_DISK_NOTHING);
 *     sim_run(world->network, ...);
 *
 * Machines of the network: two addresses for each node (a node may move), then SIM_TIMERS_MAX that
 * send nothing and only wake up, for clients and the director of faults.
 */
#ifndef HYPERCACHE_TESTS_SIM_NODES_H
#define HYPERCACHE_TESTS_SIM_NODES_H

#include "support/sim_log.h"
#include "support/sim_network.h"

#include <hypercache/membership.h>
#include <hypercache/replication.h>
#include <hypercache/store.h>

#define SIM_NODES_MAX 8u
#define SIM_TIMERS_MAX 16u
#define SIM_EVENTS_MAX 1000000u /* of a run: ten times what the busiest of them needs */
#define SIM_WALL_START_MS INT64_C(1700000000000)
#define SIM_STORE_BYTES_MAX (UINT64_C(64) << 20)

typedef struct sim_world sim_world;

/* What a process finds when it starts. */
typedef enum sim_disk_kind {
    SIM_DISK_NOTHING, /* its id and boot id, nothing more */
    SIM_DISK_MEMBERS, /* and who the others were */
    SIM_DISK_ALL,     /* and its keys as the disk image has them */
    SIM_DISK_TORN     /* and some of those */
} sim_disk_kind;

typedef struct sim_disk {
    uint8_t *members; /* image of membership */
    size_t members_bytes;
    uint8_t *keys; /* raw items of the store, one behind the other; see sim_nodes.c */
    size_t keys_bytes, keys_capacity;
    uint64_t flush; /* the last one */
} sim_disk;

typedef struct sim_node {
    sim_world *in;
    uint32_t number, endpoint;
    uint64_t boot_id;
    hc_membership *members; /* NULL, with the two below: down */
    hc_replica *replica;
    hc_store *store;
    test_random random;
    hc_clock clock;
    hc_host host;
    hc_member_ring ring; /* it starts as */
    bool frozen, clogged, superseded, members_changed, in_calls, gone;
    bool later;         /* see sim_versions.h */
    uint32_t strobe_ms; /* of its wall clock; 0: none */
    uint64_t flush;     /* the last that its replica told */
    unsigned unreadied; /* so often it said that it lacks data */
    uint64_t drift_from_ns;
    int64_t offset_ms, drift_ppm;
    sim_disk disk;
} sim_node;

typedef struct sim_world_options {
    uint64_t seed;
    uint32_t nodes, spare;      /* that run from the start; that may join */
    hc_replica_options replica; /* numbers; the rest is filled in */
    uint32_t rules_off;         /* see sim_rules.h */
    bool log;
    void (*reply)(void *ctx, sim_node *at, const hc_reply *reply);
    void (*timer)(void *ctx, uint32_t timer);
    hc_status (*update)(void *ctx, hc_update *update);
    void *ctx;
} sim_world_options;

struct sim_world {
    sim_world_options options;
    sim_network *network;
    uint32_t count; /* of nodes, spare ones included */
    sim_node nodes[SIM_NODES_MAX];
    test_random random; /* of the world, not of its nodes */
    sim_log log;
    unsigned deaths; /* that anybody told of */
};

sim_world *sim_world_make(const sim_world_options *options);
void sim_world_end(sim_world *world);
uint64_t sim_world_now(const sim_world *world);
void sim_world_timer(sim_world *world, uint32_t timer, uint64_t at_ns);

void sim_node_start(sim_node *at, sim_disk_kind disk);
/* As a machine that loses power; what sim_node_save kept stays. */
void sim_node_stop(sim_node *at);
/* Its disk has now what its memory has. */
void sim_node_save(sim_node *at);
void sim_node_freeze(sim_node *at);
void sim_node_thaw(sim_node *at);
void sim_node_clog(sim_node *at, bool clogged); /* its wires hold back what is for it */
void sim_node_move(sim_node *at);               /* to its other address; only while it is down */
void sim_node_leave(sim_node *at);
void sim_node_clock(sim_node *at, int64_t offset_ms, int64_t drift_ppm);
bool sim_node_up(const sim_node *at); /* runs and is not frozen */
hc_moment sim_node_moment(const sim_node *at);
/* False: it cannot take it, and nothing will be answered. */
bool sim_node_request(sim_node *at, const hc_request *request);
hc_node_id sim_node_id(uint32_t number);
/* Its node, or -1. */
int sim_node_of_id(const hc_node_id *id);

#endif
