/*
 * transaction.h - what a client queued between MULTI and EXEC, and which keys it watches.
 *
 *     WATCH k    ...    MULTI    SET k v    GET k    EXEC
 *           ^ watchers.h  ^ begin  ^ add     ^ add    ^ run while no other command runs (gate.h)
 *
 * Arguments are views into a buffer that the next read overwrites, so they are copied, each command
 * in a piece of memory of its own.  Only a request that lies in an hc_block stays there: the
 * transaction takes that over (session->arrived), and EXEC passes it on to the store.
 *
 * Limits:  a command beyond TRANSACTION_COMMANDS_MAX or TRANSACTION_BYTES_MAX is refused, and with
 *          it the transaction: EXEC answers EXECABORT.
 * Threads: the session's own.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_TRANSACTION_H
#define HYPERCACHE_SERVER_COMMAND_TRANSACTION_H

#include "command/command_args.h"

#define TRANSACTION_COMMANDS_MAX (1u << 20)
#define TRANSACTION_BYTES_MAX ((size_t)1 << 30) /* of copies; Redis's client-query-buffer-limit */

typedef struct queued {
    const command *command;
    size_t argc;
    hc_block *block; /* where the arguments lie; NULL: behind `args` */
    hc_span args[];
} queued;

struct transaction {
    queued **commands;
    size_t count, capacity;
    size_t bytes;   /* of all blocks */
    uint32_t flags; /* command_flag of all together */
    bool spoiled;   /* a command was refused: EXEC will be */
    bool has_slot;  /* in a cluster: some command has keys */
    uint32_t slot;  /* theirs */
};

/* Makes `who` queue its commands from now on.
 *   HC_ERR_NO_MEMORY */
hc_status transaction_begin(session *who);
/* Back to running commands as they come, whatever was queued; the keys stay watched. */
void transaction_drop(session *who);
/* Queues a copy of `of`.
 *   HC_ERR_LIMIT, HC_ERR_NO_MEMORY */
hc_status transaction_add(transaction *to, const request *of);

/* Is it one that runs while its session queues: EXEC, DISCARD, MULTI, WATCH, QUIT, RESET? */
bool transaction_runs_at_once(const command *row);
/* What becomes of a command that arrives while its session queues.  False: it is to run now;
 * true: it was answered. */
bool transaction_takes(request *of);
/* EXEC with a wrong number of arguments ends the transaction, if there is one, and says so. */
bool transaction_refuses(request *of);
/* A command was refused before it ran. */
static inline void transaction_spoil(session *who)
{
    if (who->transaction != NULL) who->transaction->spoiled = true;
}

#endif
