/*
 * sim_history.h - what clients saw of one key: could one register, used by one at a time, have
 * answered so?
 *
 *     client 1   |--- write 1 ---|     |-- read: 2 --|
 *     client 2        |------ write 2 ------ (no answer)        linearizable: 1 then 2
 *
 * An operation takes effect once, at one moment between its invocation and its answer.  One whose
 * outcome is not known took effect at some moment after its invocation, or never; it is recorded
 * without an answer.  One that was refused did nothing and is not recorded at all.
 *
 * Source: Wing & Gong 1993 (the search), Lowe 2017 (what was seen already is not searched again).
 */
#ifndef HYPERCACHE_TESTS_SIM_HISTORY_H
#define HYPERCACHE_TESTS_SIM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_HISTORY_OPS_MAX 512u
#define SIM_HISTORY_STEPS_MAX 2000000u /* of one search; beyond it the verdict is TOO_HARD */
#define SIM_PENDING UINT64_MAX
#define SIM_ABSENT INT64_MIN /* the value of a key that is not there */

typedef enum sim_op_kind {
    SIM_READ,      /* result: what it saw */
    SIM_WRITE,     /* of argument; SIM_ABSENT deletes */
    SIM_CAS,       /* of argument if the value is `expected`; result: 1 done, 0 not */
    SIM_INCREMENT, /* by argument, absent counts as 0; result: the sum */
    SIM_OP_KINDS
} sim_op_kind;

typedef struct sim_op {
    sim_op_kind kind;
    uint32_t client;
    uint64_t invoked_ns, returned_ns; /* SIM_PENDING: nobody knows what became of it */
    int64_t argument, expected, result;
} sim_op;

typedef struct sim_history {
    sim_op ops[SIM_HISTORY_OPS_MAX];
    size_t count;
    /* A value may vanish at any moment, as in a cache that evicts; it must not come back. */
    bool may_vanish;
} sim_history;

typedef enum sim_verdict { SIM_LINEARIZABLE, SIM_BROKEN, SIM_TOO_HARD } sim_verdict;

/* In any order of ops. */
sim_verdict sim_history_check(const sim_history *of);
/* Of a broken history the earliest moment at which it was broken, less all that changed nothing and
 * is not needed for the contradiction. */
void sim_history_shrink(sim_history *broken);
/* One line an operation, by time of invocation; times in ms. */
void sim_history_print(const sim_history *of, FILE *to);

#endif
