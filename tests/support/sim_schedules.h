/*
 * sim_schedules.h - for each rule of the protocol a run, step by step, that goes wrong without it.
 *
 * Random seeds find what nobody thought of; these find what somebody did think of, each time and in
 * milliseconds.  A schedule must hold with all rules, and break without its rule.  Where two rules
 * each cover for the other, the schedule must hold without either and break without both: then
 * `beside` names the other one.
 */
#ifndef HYPERCACHE_TESTS_SIM_SCHEDULES_H
#define HYPERCACHE_TESTS_SIM_SCHEDULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* It is tried with the seeds from 1 to this. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SIM_SCHEDULE_SEEDS 2u
#else
#define SIM_SCHEDULE_SEEDS 5u
#endif

typedef struct sim_schedule {
    uint32_t rule;     /* of hci_rule */
    uint32_t beside;   /* likewise; 0: none */
    const char *name;  /* of the rule, as sim_rules.h has it */
    const char *story; /* what happens, and what is then lost */
    /* NULL: it holds; else what is wrong. */
    const char *(*run)(uint64_t seed, uint32_t rules_off);
} sim_schedule;

extern const sim_schedule sim_schedules[];
size_t sim_schedules_count(void);
/* 0: it holds with all these seeds; else the first with which it does not, and why. */
uint64_t sim_schedule_breaks(const sim_schedule *of, uint32_t rules_off, const char **why_out);

/* ---- sim_schedules_deletes.c ---- */
const char *sim_schedule_deleted_while_away(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_old_disk(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_stub_gone_early(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_empty_voter(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_two_absent(uint64_t seed, uint32_t rules_off); /* of no rule */
const char *sim_schedule_long_absence(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_flushed_while_away(uint64_t seed, uint32_t rules_off);

/* ---- sim_schedules_proposals.c ---- */
const char *sim_schedule_version_twice(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_two_successors(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_forgotten_vote(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_dead_coordinator(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_unproven(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_voter_without_data(uint64_t seed, uint32_t rules_off);

/* ---- sim_schedules_changes.c ---- */
const char *sim_schedule_quorum_of_old(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_missed_change(uint64_t seed, uint32_t rules_off);   /* of no rule */
const char *sim_schedule_join_called_off(uint64_t seed, uint32_t rules_off); /* likewise */
const char *sim_schedule_vote_beside_two_restarts(uint64_t seed, uint32_t rules_off); /* likewise */
const char *sim_schedule_unconfirmed(uint64_t seed, uint32_t rules_off);
const char *sim_schedule_equal_versions(uint64_t seed, uint32_t rules_off);

#endif
