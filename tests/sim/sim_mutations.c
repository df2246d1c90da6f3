/*
 * sim_mutations.c - is each rule of the protocol needed?  Without it some seed must fail.
 *
 *     build/tests/sim/sim_mutations [--seeds N] [--rule NUMBER]
 *
 * Turns one rule off at a time and runs the seeds from 1 on, at most N (300), until one fails that
 * does not fail with all rules.  Prints a table, and ends with an error if some rule was not
 * missed.
 */
#include "support/sim_rules.h"
#include "support/sim_trial.h"

#include <stdlib.h>
#include <string.h>

#define ALL_KINDS ((1u << SIM_FAULT_KINDS) - 1)

/* Kinds of faults that a seed may draw: all of them, or a few that go together. */
static uint32_t kinds_of(uint64_t seed)
{
    static const uint32_t themes[] = {
        ALL_KINDS,
        1u << SIM_FAULT_KILL | 1u << SIM_FAULT_AMNESIA | 1u << SIM_FAULT_STALE_DISK |
            1u << SIM_FAULT_SPLIT | 1u << SIM_FAULT_ONE_WAY,
        1u << SIM_FAULT_ONE_WAY | 1u << SIM_FAULT_SPLIT | 1u << SIM_FAULT_TAIL |
            1u << SIM_FAULT_PAUSE,
        1u << SIM_FAULT_JOIN | 1u << SIM_FAULT_LEAVE | 1u << SIM_FAULT_SPLIT | 1u << SIM_FAULT_TAIL,
        1u << SIM_FAULT_CLOCK_JUMP | 1u << SIM_FAULT_CLOCK_DRIFT | 1u << SIM_FAULT_SPLIT |
            1u << SIM_FAULT_PAUSE,
        1u << SIM_FAULT_STALE_DISK | 1u << SIM_FAULT_TORN_DISK | 1u << SIM_FAULT_MEMORY |
            1u << SIM_FAULT_AMNESIA};
    return themes[seed % (sizeof themes / sizeof themes[0])];
}

static bool fails(uint64_t seed, uint32_t rules_off, sim_trial_result *result)
{
    sim_plan plan;
    sim_trial_plan(&plan, seed, kinds_of(seed));
    sim_trial_run(&plan, rules_off, NULL, result);
    return result->failed;
}

/* 0: none of them. */
static uint64_t seed_that_misses(unsigned rule, uint64_t seeds, sim_trial_result *result)
{
    sim_trial_result with_all;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        if (fails(seed, 1u << rule, result) && !fails(seed, 0, &with_all)) return seed;
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t seeds = 300;
    unsigned first = 0, last = sim_rules_count(), missed = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seeds") == 0) seeds = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--rule") == 0) {
            first = (unsigned)strtoul(argv[i + 1], NULL, 0);
            last = first + 1;
        }
    }
    (void)printf("| rule turned off | seed that fails | what fails |\n|---|---|---|\n");
    for (unsigned rule = first; rule < last && rule < sim_rules_count(); rule++) {
        sim_trial_result result = {0};
        uint64_t seed = seed_that_misses(rule, seeds, &result);
        if (seed == 0) {
            (void)printf("| %s | none of %llu | |\n", sim_rule_name(rule),
                         (unsigned long long)seeds);
            missed++;
        } else {
            (void)printf("| %s | %llu | %s: %s |\n", sim_rule_name(rule), (unsigned long long)seed,
                         result.name, result.text);
        }
        (void)fflush(stdout);
    }
    return missed > 0;
}
