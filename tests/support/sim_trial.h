/*
 * sim_trial.h - one run of a whole cluster: faults by a plan while clients work, then everything is
 * mended, and what was promised must hold.
 *
 *     formation -> faults (plan) -> mended, clients stop -> quiet -> every key is read -> verdict
 *
 * Checked, by the names of design (see SIM_INVARIANTS):
 *     I1   equal topology ids name equal holders, sampled while it runs and all at the end
 *     I2   in the end: one topology and epoch, equal digests, nothing owed, nothing pending
 *     I3   no value older than an acknowledged write at QUORUM, no value from nowhere or of a
 *          refused write: by histories and by the versions that are left in the end
 *     I4   an acknowledged value is there unless it may be evicted: likewise
 *     I5   on one node, of one key, versions never go back while the node has its data
 *     I6   operations at QUORUM have an order that real time allows: histories
 *     I7   queues, proposals and requests stay within their caps
 *     I8   nobody is told dead while wires and processes are well (plans without such faults)
 *     I10  in the end all name the same node to act for each slot: a client is sent on once
 *     I11  what expired is not read 500 ms later (plans without wrong clocks)
 *     I12  one reply a request
 *     I13  one of two takes a lock, sums are exact: histories
 *     L    formation, quiet and the last reads come in bounded time
 * Not here: I9, what a join moves (test_ring.c, sim_ring.c).
 *
 * A kill or a loss of memory is left out while another node is not whole: more than that nobody
 * promised to survive with three holders.  So is one after memory was short: what was evicted is
 * not told from what was never there when its floor is lost, too (docs/consistency.md).
 */
#ifndef HYPERCACHE_TESTS_SIM_TRIAL_H
#define HYPERCACHE_TESTS_SIM_TRIAL_H

#include "support/sim_faults.h"
#include "support/sim_history.h"

#define SIM_INVARIANTS "I1 I2 I3 I4 I5 I6 I7 I8 I10 I11 I12 I13 L"

typedef struct sim_trial_result {
    bool failed;
    char name[8];   /* of what does not hold */
    char text[256]; /* how */
    uint64_t virtual_ns, events, messages, bytes, requests;
    uint64_t outcomes[8], unanswered;   /* of hc_outcome; never answered */
    uint64_t injected[SIM_FAULT_KINDS]; /* faults that came to pass */
    uint64_t histories, operations, too_hard;
    uint64_t settled_ms; /* from mending until all was quiet */
} sim_trial_result;

/* The plan that a seed stands for; `kinds` as in sim_plan_make. */
void sim_trial_plan(sim_plan *plan, uint64_t seed, uint32_t kinds);
/* Numbers of rules as in sim_rules.h; `tell` NULL: silent, else a failure is explained there. */
void sim_trial_run(const sim_plan *plan, uint32_t rules_off, FILE *tell, sim_trial_result *out);
/* The same of a failed plan with as few faults as fail in the same way; returns runs. */
unsigned sim_trial_shrink(sim_plan *plan, uint32_t rules_off, const sim_trial_result *failed);

#endif
