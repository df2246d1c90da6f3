/*
 * transaction.c - commands copied aside.
 *
 *     transaction.commands -> [ . | . | . ]
 *                               |
 *                               +-> { GET, 2, [args[0] | args[1]] G E T k }
 */
#include "command/transaction.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "command/handlers.h"
#include "command/watchers.h"

enum { CAPACITY_MIN = 8 };

static void note_size(session *who)
{
    const transaction *of = who->transaction;
    int count = of != NULL ? (int)of->count : -1;
    atomic_store_explicit(&who->queued_count, count, memory_order_relaxed);
    atomic_store_explicit(&who->queued_bytes, of != NULL ? of->bytes : 0, memory_order_relaxed);
}

hc_status transaction_begin(session *who)
{
    assert(who->transaction == NULL);
    who->transaction = calloc(1, sizeof *who->transaction);
    if (who->transaction == NULL) return HC_ERR_NO_MEMORY;
    note_size(who);
    return HC_OK;
}

void transaction_drop(session *who)
{
    transaction *of = who->transaction;
    if (of == NULL) return;
    for (size_t i = 0; i < of->count; i++) {
        hc_block_bury(of->commands[i]->block, who->store);
        free(of->commands[i]);
    }
    free(of->commands);
    free(of);
    who->transaction = NULL;
    note_size(who);
}

static bool reserve(transaction *to)
{
    if (to->count < to->capacity) return true;
    size_t capacity = to->capacity == 0 ? CAPACITY_MIN : 2 * to->capacity;
    queued **commands = realloc(to->commands, capacity * sizeof *commands);
    if (commands == NULL) return false;
    to->commands = commands;
    to->capacity = capacity;
    return true;
}

/* 0: more than any limit. */
static size_t block_bytes(const request *of)
{
    size_t bytes = sizeof(queued) + of->argc * sizeof(hc_span);
    for (size_t i = 0; i < of->argc; i++) {
        if (of->args[i].size > TRANSACTION_BYTES_MAX) return 0;
        bytes += of->args[i].size;
        if (bytes > TRANSACTION_BYTES_MAX) return 0;
    }
    return bytes;
}

/* Behind the spans, for which there is room. */
static void arguments_copy(queued *to, const request *of)
{
    uint8_t *at = (uint8_t *)&to->args[of->argc];
    for (size_t i = 0; i < of->argc; i++) {
        if (of->args[i].size > 0) memcpy(at, of->args[i].data, of->args[i].size);
        to->args[i] = hc_span_make(at, of->args[i].size);
        at += of->args[i].size;
    }
}

hc_status transaction_add(transaction *to, const request *of)
{
    size_t bytes = block_bytes(of);
    if (bytes == 0 || to->count == TRANSACTION_COMMANDS_MAX) return HC_ERR_LIMIT;
    if (bytes > TRANSACTION_BYTES_MAX - to->bytes) return HC_ERR_LIMIT;
    if (!reserve(to)) return HC_ERR_NO_MEMORY;
    hc_block *block = of->session->arrived;
    size_t head_bytes = sizeof(queued) + of->argc * sizeof(hc_span);
    queued *one = malloc(block != NULL ? head_bytes : bytes);
    if (one == NULL) return HC_ERR_NO_MEMORY;
    *one = (queued){.command = of->command, .argc = of->argc, .block = block};
    of->session->arrived = NULL;
    if (block != NULL)
        memcpy(one->args, of->args, of->argc * sizeof(hc_span));
    else
        arguments_copy(one, of);
    to->commands[to->count++] = one;
    to->bytes += bytes;
    to->flags |= of->command->flags;
    return HC_OK;
}

bool transaction_runs_at_once(const command *row)
{
    void (*const runs[])(request *) = {run_exec, run_discard, run_multi,   run_watch,
                                       run_quit, run_reset,   run_hc_trace};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        if (row->run == runs[i]) return true;
    return false;
}

bool transaction_refuses(request *of)
{
    if (of->command->run != run_exec) return false;
    transaction_drop(of->session);
    watch_drop(of->session);
    request_error(of, "EXECABORT Transaction discarded because of: wrong number of arguments for "
                      "'exec' command");
    return true;
}

bool transaction_takes(request *of)
{
    session *who = of->session;
    if (transaction_runs_at_once(of->command)) return false;
    if ((of->command->flags & COMMAND_NO_MULTI) != 0) {
        transaction_spoil(who);
        request_error(of, "ERR Command not allowed inside a transaction");
        return true;
    }
    hc_status status = transaction_add(who->transaction, of);
    if (status != HC_OK) {
        transaction_spoil(who);
        request_error(of, status == HC_ERR_LIMIT ? "ERR too much is queued in this transaction"
                                                 : ERROR_NO_MEMORY);
        return true;
    }
    note_size(who);
    of->reply->ops->status(of->reply, HC_SPAN("QUEUED"));
    return true;
}
