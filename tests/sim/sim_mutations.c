/*
 * sim_mutations.c - is each rule of the protocol needed?  The table of tests/sim/README.md.
 *
 *     build/tests/sim/sim_mutations [--seeds N] [--rule NUMBER]
 *
 * Turns one rule off at a time and tries its schedule (sim_schedules.h), which must hold with all
 * rules and break without this one; then up to N random seeds (0), until one fails that does not
 * fail with all rules.  Ends with an error if some rule was not missed by its schedule.
 */
#include "support/sim_rules.h"
#include "support/sim_schedules.h"
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

static const sim_schedule *schedule_of(const char *name)
{
    for (size_t i = 0; i < sim_schedules_count(); i++) {
        if (strcmp(sim_schedules[i].name, name) == 0) return &sim_schedules[i];
    }
    return NULL;
}

static const char *name_of_bit(uint32_t bit)
{
    for (size_t i = 0; i < sim_schedules_count(); i++) {
        if (sim_schedules[i].rule == bit) return sim_schedules[i].name;
    }
    return "";
}

/* False: there is a schedule, and it does not do what it should. */
static bool schedule_row(const char *name)
{
    const sim_schedule *s = schedule_of(name);
    const char *why;
    if (s == NULL) {
        (void)printf("| %s | | |", name);
        return true;
    }
    bool good = sim_schedule_breaks(s, 0, &why) == 0;
    if (s->beside != 0) {
        good = good && sim_schedule_breaks(s, s->rule, &why) == 0;
        good = good && sim_schedule_breaks(s, s->beside, &why) == 0;
    }
    uint64_t seed = sim_schedule_breaks(s, s->rule | s->beside, &why);
    (void)printf("| %s%s%s | %s | %llu: %s |", name, s->beside != 0 ? ", with " : "",
                 name_of_bit(s->beside), s->story, (unsigned long long)seed,
                 seed != 0 ? why : "NOT MISSED");
    return good && seed != 0;
}

static void seeds_row(unsigned rule, uint64_t seeds)
{
    sim_trial_result result = {0};
    uint64_t seed = seed_that_misses(rule, seeds, &result);
    if (seeds == 0)
        (void)printf("\n");
    else if (seed == 0)
        (void)printf(" none of %llu |\n", (unsigned long long)seeds);
    else
        (void)printf(" %llu: %s |\n", (unsigned long long)seed, result.name);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    uint64_t seeds = 0;
    unsigned first = 0, last = sim_rules_count(), unmissed = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seeds") == 0) seeds = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--rule") == 0) {
            first = (unsigned)strtoul(argv[i + 1], NULL, 0);
            last = first + 1;
        }
    }
    (void)printf("| without | schedule | its seed, and what is wrong then |%s\n|---|---|---|%s\n",
                 seeds > 0 ? " random seed |" : "", seeds > 0 ? "---|" : "");
    for (unsigned rule = first; rule < last && rule < sim_rules_count(); rule++) {
        unmissed += !schedule_row(sim_rule_name(rule));
        seeds_row(rule, seeds);
    }
    return unmissed > 0;
}
