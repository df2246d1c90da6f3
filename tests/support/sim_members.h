/*
 * sim_members.h - a cluster of memberships on a network in memory.
 *
 *     sim_members *c = sim_members_start(seed, 10);
 *     sim_members_run(c, 5);                       virtual seconds
 *     sim_member_stop(c, 3);
 */
#ifndef HYPERCACHE_TESTS_SIM_MEMBERS_H
#define HYPERCACHE_TESTS_SIM_MEMBERS_H

#include "support/sim_network.h"

#include <hypercache/membership.h>

typedef struct sim_members sim_members;

typedef struct sim_member {
    sim_members *in;
    uint32_t number;        /* of its machine: its address */
    uint32_t id_number;     /* of its id */
    hc_membership *members; /* NULL: down */
    uint64_t boot_id;
    uint64_t cluster_id; /* 0: the usual one */
    bool frozen;         /* see sim_member_freeze */
    bool superseded;
} sim_member;

struct sim_members {
    sim_network *network;
    test_random random;
    hc_host host;
    uint32_t count;
    sim_member *nodes;
    hc_membership_options options; /* for those to be started */
    unsigned deaths;               /* that anybody told of */
    unsigned attachments;          /* that arrived */
};

hc_address sim_member_address(uint32_t number);
uint32_t sim_member_number(const hc_address *address);
hc_node_id sim_member_id(uint32_t id_number);

/* Nobody runs yet. */
sim_members *sim_members_make(uint64_t seed, uint32_t count);
/* All run; number 0 is everybody's seed. */
sim_members *sim_members_start(uint64_t seed, uint32_t count);
void sim_members_end(sim_members *c);
void sim_members_run(sim_members *c, double seconds);

/* `image` empty: with number 0 as the seed. */
void sim_member_start(sim_members *c, uint32_t number, uint32_t id_number, hc_span image);
/* As a machine that loses power. */
void sim_member_stop(sim_members *c, uint32_t number);
/* What a membership of this node is made with. */
hc_membership_calls sim_member_calls(sim_member *at);
void sim_member_tick(sim_member *at);
/* Its process stands still, or goes on. */
void sim_member_freeze(sim_member *at);
void sim_member_thaw(sim_member *at);
uint64_t sim_member_now(const sim_member *at);

/* Does everybody who is up say this of that one? */
bool sim_members_say(const sim_members *c, uint32_t of, hc_member_state state);

#endif
