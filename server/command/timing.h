/*
 * timing.h - how long the commands of a batch take, without asking the clock for each.
 *
 *     GET GET GET SET | KEYS * | GET GET ...        | a reading of the clock
 *      one run          alone    the next run
 *
 * A reading costs about as much as a small command's index look-up, so commands that can only be
 * quick (`light` rows: constant time; few, small arguments) share one: they form runs of at most
 * OBSERVER_RUN_MAX, and a run's time is divided evenly among its commands.  A command that may take
 * long, by its row or by its size, is measured alone; so is every command of a batch of one, and
 * every command at all while a threshold below OBSERVER_RUN_SLOW_US is set.  A run that passes a
 * threshold as a whole is reported as one entry that says so.
 *
 * Threads: the worker's own.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_TIMING_H
#define HYPERCACHE_SERVER_COMMAND_TIMING_H

#include "command/command.h"
#include "command/node.h"

#define TIMING_BYTES_MAX                                                                           \
    16384u /* of arguments or of replies, for a command or run to count as light */
#define TIMING_ARGUMENTS_MAX 8u

typedef struct timing {
    node *node;
    node_counters *counters;
    request *requests; /* of the batch; those that were refused have no command */
    unsigned worker;
    uint32_t run_max;
    uint64_t since_ns; /* when the run began */
    size_t first;      /* its first request */
    size_t pending;    /* bytes of replies then */
} timing;

/* Before the first request of a batch runs; `counters` are the worker's. */
void timing_begin(timing *of, node_counters *counters, request *requests, size_t pending);
/* One command alone, begun at `since_ns`, is over. */
void timing_single(request *of, node_counters *counters, uint64_t since_ns);
/* Ends the run before request `next`, which is `pending` bytes of replies later. */
void timing_close(timing *of, size_t next, size_t pending);
/* The run's time begins now: what it waited for before was not its own. */
void timing_restart(timing *of);

bool timing_is_heavy_by_size(const request *of);

/* Must it be measured alone? */
static inline bool timing_is_heavy(const request *of)
{
    if (of->command == NULL) return false;
    return !of->command->light || (of->argc > 2 && timing_is_heavy_by_size(of));
}

#endif
