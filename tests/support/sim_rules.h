/*
 * sim_rules.h - the core's rules, each of which can be turned off, to prove that some run of the
 * simulation needs it.
 */
#ifndef HYPERCACHE_TESTS_SIM_RULES_H
#define HYPERCACHE_TESTS_SIM_RULES_H

#include <hypercache/replication.h>

/* How many there are; rule i is bit i. */
unsigned sim_rules_count(void);
const char *sim_rule_name(unsigned rule);
void sim_rules_off(hc_replica *replica, uint32_t rules);

#endif
