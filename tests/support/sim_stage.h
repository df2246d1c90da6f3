/*
 * sim_stage.h - what a schedule of faults is written in: keys by their holders, cuts, steps of
 * milliseconds, counters that must add up.
 *
 *     sim_replicas *c = sim_stage_set(seed, 3, rules_off, NULL);
 *     const char *key = sim_stage_key(c, 0, 1);             node 0 acts for it, then node 1
 *     sim_stage_part(c, 0, 1, true);                        neither hears the other
 */
#ifndef HYPERCACHE_TESTS_SIM_STAGE_H
#define HYPERCACHE_TESTS_SIM_STAGE_H

#include "replication/replication_internal.h"
#include "support/sim_replicas.h"

/* `nodes` replicas that hold everything and know each other, on wires of one millisecond; `change`,
 * if not NULL, may alter what they are made with before they start. */
sim_replicas *sim_stage_set(uint64_t seed, uint32_t nodes, uint32_t rules_off,
                            void (*change)(sim_replicas *c));
/* Long waits, and no repair that would mend what is to be seen. */
void sim_stage_patient(sim_replicas *c);
extern const char *const sim_stage_unfit; /* the schedule did not come to its point */
void sim_stage_wires(sim_replicas *c, uint64_t delay_ms);
void sim_stage_part(sim_replicas *c, uint32_t a, uint32_t b, bool is_cut); /* both ways */
void sim_stage_isolate(sim_replicas *c, uint32_t number, bool is_cut);
void sim_stage_heal(sim_replicas *c);
/* It loses its memory, comes back at once, and all hear of it. */
void sim_stage_amnesia(sim_replicas *c, uint32_t number);

/* A key whose first and second holder are these, as node `first` sees it; static. */
const char *sim_stage_key(sim_replicas *c, uint32_t first, uint32_t second);
bool sim_stage_done(const sim_reply *said); /* answered, and not refused or uncertain */
/* What QUORUM reads of a key, asked at `at` again and again for up to `seconds`: text; "" when it
 * is absent, NULL when nobody says. */
const char *sim_stage_read(sim_replicas *c, uint32_t at, const char *key, double seconds);
/* Is the counter between what was confirmed and what may be? */
bool sim_stage_adds_up(sim_replicas *c, uint32_t at, const char *key, long confirmed,
                       long possible);

#endif
