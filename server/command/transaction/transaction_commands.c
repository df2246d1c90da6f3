/*
 * transaction_commands.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * EXEC runs while no other command of any client does (gate.h), so what it reads and writes is one
 * step for everybody, readers without locks included.  One command alone is a step anyway, and only
 * keeps others out if keys are watched: between the look at them and the command none may change.
 */
#include "command/handlers.h"
#include "command/push.h"
#include "command/transaction.h"
#include "command/watchers.h"

void run_multi(request *of)
{
    if (of->session->transaction != NULL)
        request_error(of, "ERR MULTI calls can not be nested");
    else if (transaction_begin(of->session) != HC_OK)
        request_error(of, ERROR_NO_MEMORY);
    else
        reply_ok(of->reply);
}

void run_discard(request *of)
{
    if (of->session->transaction == NULL) {
        request_error(of, "ERR DISCARD without MULTI");
        return;
    }
    transaction_drop(of->session);
    watch_drop(of->session);
    reply_ok(of->reply);
}

/* In the order of their coming; what CLIENT REPLY says among them holds for the rest. */
static void run_all(request *of, const transaction *queue)
{
    hc_block *arrived = of->session->arrived;
    of->reply->ops->array(of->reply, queue->count);
    for (size_t i = 0; i < queue->count; i++) {
        const queued *one = queue->commands[i];
        request inner = {.node = of->node,
                         .session = of->session,
                         .command = one->command,
                         .args = one->args,
                         .argc = one->argc,
                         .reply = of->reply};
        of->session->arrived = one->block;
        request_perform_queued(&inner);
        of->reply = inner.reply;
    }
    of->session->arrived = arrived;
}

/* What had been posted comes before the reply, which it must not interrupt (push.h). */
static void run_in_transaction(request *of, const transaction *queue)
{
    session *who = of->session;
    if (push_waits(who)) push_deliver(who, who->muted != NULL ? who->muted : of->reply, SIZE_MAX);
    who->in_exec = true;
    run_all(of, queue);
    who->in_exec = false;
}

void run_exec(request *of)
{
    session *who = of->session;
    transaction *queue = who->transaction;
    if (queue == NULL) {
        request_error(of, "ERR EXEC without MULTI");
        return;
    }
    bool watching = who->watches != NULL;
    bool begun = (queue->count > 1 || watching) && !queue->spoiled && request_alone_begin(of);
    bool broken = watch_is_broken(who);
    watch_drop(who);
    who->transaction = NULL; /* what runs now is not queued */
    if (queue->spoiled)
        request_error(of, "EXECABORT Transaction discarded because of previous errors.");
    else if (broken)
        of->reply->ops->null_array(of->reply);
    else
        run_in_transaction(of, queue);
    if (begun) request_alone_end(of);
    who->transaction = queue;
    transaction_drop(who);
}

void run_watch(request *of)
{
    if (of->session->transaction != NULL) {
        request_error(of, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (size_t i = 1; i < of->argc; i++) {
        hc_status status = watch_add(of->session, of->args[i]);
        if (status == HC_OK) continue;
        request_error(of,
                      status == HC_ERR_LIMIT ? "ERR too many keys are watched" : ERROR_NO_MEMORY);
        return;
    }
    reply_ok(of->reply);
}

void run_unwatch(request *of)
{
    watch_drop(of->session);
    reply_ok(of->reply);
}
