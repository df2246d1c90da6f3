/*
 * gate.h - the door through which every batch goes, and by which one command can have the node to
 * itself.
 *
 *     worker 0   --[ batch ]--[ batch ]----------------[ batch ]--
 *     worker 1   ------[ batch ]-- wants all --[ EXEC ]--[ batch ]
 *                                 ^closed              ^open: whoever waits goes in first
 *
 * A worker enters through its own door, so that batches of different workers never write to one
 * cache line: two exchanges of a word nobody else writes to, and two looks at one nobody changes.
 * gate_exclusive_begin shuts all doors and waits until everyone who is inside has left; until
 * gate_exclusive_end no batch of any worker runs.
 *
 * Fair both ways, by turns: at the end of an exclusive step every worker that waits at its door is
 * let in for one batch before the next exclusive step begins, and those queue in the order of their
 * coming.  So a worker waits for two exclusive steps at most, and the n-th exclusive step for n-1
 * others and as many batches.
 *
 * Why not the shards' locks: reads take none, and would see half of an EXEC
 * (docs/decisions/0009-gate.md).
 *
 * Threads: any; a worker's door is for its own thread.  Nothing is entered twice: who is inside
 *          leaves before it begins an exclusive step.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_GATE_H
#define HYPERCACHE_SERVER_COMMAND_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <hypercache/types.h>

typedef struct gate_door {
    _Alignas(64) _Atomic bool inside; /* a batch runs */
    bool waits;                       /* at the closed door; guarded by gate.lock */
} gate_door;

typedef struct gate_turn gate_turn; /* one exclusive step that waits for its turn; on its stack */

typedef struct gate {
    gate_door *doors;
    unsigned count;
    _Atomic bool closed;    /* changes under `lock` only */
    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t left;    /* somebody left while the gate was closed */
    pthread_cond_t opened;  /* who waited at a door is inside now */
    gate_turn *turns;       /* exclusive steps that wait, first come first */
    gate_turn **turns_last; /* where the next one is hung */
    bool taken;             /* an exclusive step runs, or waits for the doors alone */
} gate;

/*   HC_ERR_NO_MEMORY */
hc_status gate_init(gate *of, unsigned workers);
/* Accepts a gate that is all zero.  Nobody is inside. */
void gate_fini(gate *of);

void gate_enter_closed(gate *of, gate_door *door);
void gate_leave_closed(gate *of);

static inline void gate_enter(gate *of, unsigned worker)
{
    gate_door *door = &of->doors[worker];
    atomic_store(&door->inside, true); /* before the look at `closed`, for all to see: seq_cst */
    if (__builtin_expect(atomic_load(&of->closed), 0)) gate_enter_closed(of, door);
}

static inline void gate_leave(gate *of, unsigned worker)
{
    atomic_store(&of->doors[worker].inside, false); /* likewise, or a wake-up would be lost */
    if (__builtin_expect(atomic_load(&of->closed), 0)) gate_leave_closed(of);
}

/* From here to the end the caller is the only one between gate_enter and gate_leave, and the only
 * one here. */
void gate_exclusive_begin(gate *of);
void gate_exclusive_end(gate *of);

#endif
