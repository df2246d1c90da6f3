/*
 * sim_director.h - makes the faults of a plan happen in a world, and ends them.
 */
#ifndef HYPERCACHE_TESTS_SIM_DIRECTOR_H
#define HYPERCACHE_TESTS_SIM_DIRECTOR_H

#include "support/sim_faults.h"
#include "support/sim_nodes.h"

typedef struct sim_director {
    sim_world *world;
    sim_plan plan;
    uint64_t start_ns;
    uint32_t timer;
    size_t next;                       /* fault to begin */
    uint64_t until_ns[SIM_FAULTS_MAX]; /* of those that last; 0: not, or over */
    uint64_t injected[SIM_FAULT_KINDS];
} sim_director;

void sim_director_init(sim_director *d, sim_world *world, const sim_plan *plan, uint32_t timer);
/* The plan's time begins now. */
void sim_director_start(sim_director *d);
void sim_director_timer(sim_director *d);
/* Ends all faults and starts whoever is down. */
void sim_director_mend(sim_director *d);
/* All that run have their data, and nobody is down. */
bool sim_director_whole(const sim_director *d);

#endif
