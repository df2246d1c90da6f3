/*
 * sim_faults.h - what goes wrong in a run, and when: a list that follows from a seed, and that can
 * be made shorter while the run still fails.
 *
 *     seed -> plan -> run red? -> the same with fewer faults -> ... -> the few that matter
 *
 * Each seed takes a few kinds of faults only, so that runs differ in kind and not just in order
 * (swarm testing: Groce et al. 2012).
 */
#ifndef HYPERCACHE_TESTS_SIM_FAULTS_H
#define HYPERCACHE_TESTS_SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_FAULTS_MAX 32u
#define SIM_SHRINK_RUNS_MAX 80u

#define SIM_FAULT_KINDS_LIST(X)                                                                    \
    X(LOSS, "loss", "permille of datagrams lost, reliable ones sent again")                        \
    X(DOUBLE, "doubling", "permille of datagrams doubled")                                         \
    X(REORDER, "reordering", "delays up to so many ms, so that datagrams overtake")                \
    X(TAIL, "delay tail", "permille of messages ten times as slow")                                \
    X(CORRUPT, "corruption", "permille of messages with a bit turned")                             \
    X(ONE_WAY, "one-way cut", "nothing passes from node to other")                                 \
    X(SPLIT, "split", "those in the bits of amount, and the rest")                                 \
    X(CIRCLE, "ring partition", "each sees its neighbours only")                                   \
    X(PAUSE, "pause", "the process stands still")                                                  \
    X(KILL, "kill", "comes back with all that its disk had")                                       \
    X(STALE_DISK, "stale disk", "killed; comes back with an older image of its keys")              \
    X(TORN_DISK, "torn disk", "killed; comes back with some of its keys")                          \
    X(AMNESIA, "amnesia", "killed; comes back with nothing but its id")                            \
    X(MOVE, "new address", "killed; comes back elsewhere")                                         \
    X(CLOCK_JUMP, "clock jump", "the wall clock is amount - 2000 ms off for a while")              \
    X(CLOCK_DRIFT, "clock drift", "the wall clock runs amount - 20000 ppm fast")                   \
    X(CLOCK_STROBE, "clock strobe", "the wall clock is amount ms off every other moment")          \
    X(CLOG, "clog", "nothing reaches the node, then all of it at once")                            \
    X(LATER, "later version", "the node says more than others understand")                         \
    X(MEMORY, "memory pressure", "the store may take 4 MiB only")                                  \
    X(JOIN, "join", "a new node joins the ring")                                                   \
    X(LEAVE, "leave", "a node leaves the ring")

typedef enum sim_fault_kind {
#define X(name, text, help) SIM_FAULT_##name,
    SIM_FAULT_KINDS_LIST(X)
#undef X
        SIM_FAULT_KINDS
} sim_fault_kind;

typedef struct sim_fault {
    sim_fault_kind kind;
    uint32_t at_ms, for_ms; /* from the start of the first phase */
    uint32_t node, other, amount;
} sim_fault;

typedef struct sim_plan {
    uint64_t seed;
    uint32_t nodes, length_ms;
    size_t count;
    sim_fault faults[SIM_FAULTS_MAX]; /* by at_ms */
} sim_plan;

/* `kinds`: a bit for each kind that may be drawn. */
void sim_plan_make(sim_plan *plan, uint64_t seed, uint32_t nodes, uint32_t length_ms,
                   uint32_t kinds);
/* Takes faults away, then makes them shorter, for as long as `still_fails` says so; returns how
 * often it was asked, at most SIM_SHRINK_RUNS_MAX. */
unsigned sim_plan_shrink(sim_plan *plan, bool (*still_fails)(void *ctx, const sim_plan *plan),
                         void *ctx);
void sim_plan_print(const sim_plan *plan, FILE *to);
const char *sim_fault_name(sim_fault_kind kind);
/* "killed, disk and memory": the node is not there for a while. */
bool sim_fault_kills(sim_fault_kind kind);

#endif
