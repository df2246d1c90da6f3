/*
 * cluster_turn.h - a batch of one client whose commands the cluster answers, now or later.
 *
 *     batch   GET a   SET b 1   DEL c d   PING ...
 *             job     job       job       not of the cluster: runs when the jobs before are
 * answered part    part      part part |       |         |  | v       v         v  v the replica:
 * answers at once what this node decides alone, else later and in any order
 *
 * Replies leave in the order of the commands.  What is answered at once is rendered at once; from
 * the first job that is not, all wait in the turn.  No thread does: the session runs nothing more
 * (cluster_awaits) until its worker was woken and has called cluster_turn_render.
 *
 * Threads: a turn belongs to its session's worker; answers come under the lock of whoever answers
 *          (cluster_calls.enter), which the worker holds, too, while its batch runs.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_CLUSTER_TURN_H
#define HYPERCACHE_SERVER_COMMAND_CLUSTER_TURN_H

#include "command/command_args.h"

typedef struct cluster_turn cluster_turn;
typedef struct cluster_part cluster_part;

#define CLUSTER_KEYS_MAX 1024u /* of one command, or of one transaction with what it watches */

/* ---- for batch.c ---- */

/* Does the cluster run such commands?  One load. */
static inline bool cluster_may_take(const request *of)
{
    uint32_t cares = atomic_load_explicit(&of->node->cares, memory_order_relaxed);
    return __builtin_expect((cares & NODE_CLUSTERED) != 0, 0) &&
           (of->command->cares & NODE_CLUSTERED) != 0;
}
/* The command, which is fit to run, was answered, or is a job of the session's turn. */
void cluster_take(request *of);
static inline bool cluster_is_on(const node *of)
{
    return (atomic_load_explicit(&of->cares, memory_order_relaxed) & NODE_CLUSTERED) != 0;
}
/* While the session queues, in a cluster: it cannot be part of the transaction, and that was
 * answered. */
bool cluster_spoils(request *of);
/* Forgets what WATCH asked the cluster about; and what WAIT would. */
void cluster_watch_drop(session *of);
void cluster_writes_drop(session *of);
/* Must this one, whatever it is, wait for the replies of those before it in the batch? */
bool cluster_holds(const request *of);
/* Before a command that is not the cluster's, and at the end of a batch. */
void cluster_pause(session *of);
void cluster_batch_end(session *of);

/* ---- for the transport ---- */

/* Replies are missing: nothing is to be read or run for this session. */
static inline bool cluster_awaits(const session *of)
{
    return of->turn != NULL;
}
/* `wake` is called, by any thread, when a turn of the worker is answered.  NULL: no more, and none
 * is under way when it returns. */
void cluster_wake_by(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx);
/* Calls `answered` of all sessions whose turns are.  The worker, when it was woken. */
void cluster_turns_answered(node *of, unsigned worker);
/* Writes the replies that were missing; the turn is over. */
void cluster_turn_render(session *of, reply *to);
/* The client is gone. */
void cluster_turn_abandon(session *of);

/* ---- for server/peer ---- */

/* Under its lock: the answer to the request whose id was the part's. */
void cluster_part_answer(uint64_t id, const hc_reply *said);

#endif
