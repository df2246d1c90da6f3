/*
 * data_commands.h - commands out of an append-only file: which may run, and running them.
 *
 *     pass 1   commands_judge      is it a write that is known here?  Else it is refused, by name
 *     pass 2   commands_run        on a node, by the same table as a client's
 *
 * A SELECT of a database that is not there leads astray: what follows it is refused as well, up to
 * the next SELECT.
 *
 * Threads: one.
 */
#ifndef HYPERCACHE_SERVER_DATA_DATA_COMMANDS_H
#define HYPERCACHE_SERVER_DATA_DATA_COMMANDS_H

#include "command/node.h"
#include "command/session.h"
#include "data/aof_reader.h"
#include "data/data_clock.h"
#include "data/data_refusals.h"

typedef struct commands_judge {
    refusals *refused; /* NULL: it was told before */
    bool astray;
} commands_judge;

/* Goes through the commands of one file in their order. */
bool commands_may_run(commands_judge *by, const aof_command *command);
/* An aof_visit for pass 1; ctx is a commands_judge. */
hc_status commands_visit_judge(void *ctx, const aof_command *commands, size_t count);

typedef struct commands_answer commands_answer;

#define COMMANDS_FAILURE_BYTES 160u

typedef struct commands_runner {
    node *node;
    data_clock *clock; /* the node's; stands */
    session client;
    commands_judge judge;
    commands_answer *answers; /* AOF_BATCH_MAX */
    uint64_t ran;
    uint64_t failed;         /* that were answered with an error; the first one: */
    uint64_t failure_offset; /* of the command in its file */
    char failure[COMMANDS_FAILURE_BYTES];
    bool goes_on; /* after one that fails */
} commands_runner;

/* For one file.  `clock` is that of the node's host.
 *   HC_ERR_NO_MEMORY */
hc_status commands_runner_init(commands_runner *of, node *on, data_clock *clock, bool goes_on);
void commands_runner_fini(commands_runner *of);
/* An aof_visit for pass 2; ctx is a commands_runner.
 *   HC_ERR_INVALID  a command failed */
hc_status commands_visit_run(void *ctx, const aof_command *commands, size_t count);

#endif
