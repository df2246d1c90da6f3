/*
 * request.h - the context of one command: who asks, on which store, with which arguments.
 *
 * It is the only thing passed along; commands read nothing from globals.
 *
 *     net      owns connections; embeds a session in each; parses; calls request_run_batch
 *     command  owns the table, the sessions' registry, the stores of the node
 *
 * Ownership: arguments are views into the connection's read buffer, valid until the batch returns.
 * Threads:   a session belongs to its worker; what other threads may read of it (CLIENT LIST) is
 *            copied under the registry's lock or atomic.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_REQUEST_H
#define HYPERCACHE_SERVER_COMMAND_REQUEST_H

#include <hypercache/hypercache.h>

#include "command/reply.h"

typedef struct node node;       /* everything commands share: stores, options, counters (node.h) */
typedef struct session session; /* one client (session.h) */
typedef struct command command; /* one row of the table (command.h) */

typedef struct request {
    node *node;
    session *session;
    const command *command; /* set by request_run_batch */
    const hc_span *args;    /* args[0] is the name as the client spelled it */
    size_t argc;            /* >= 1 */
    reply *reply;
} request;

#define REQUEST_BATCH_MAX 64u

/* Runs `count` requests of one session in order: looks up their commands, prefetches the index for
 * all their keys, then runs each.  Stops early once reply->ops->pending() passes
 * `output_soft_bytes`, or once the session is to be closed; returns how many were run: at
 * least one, unless the session is parked then (pause.h).  For a session that was killed none is,
 * and it says all were. */
size_t request_run_batch(request *requests, size_t count, size_t output_soft_bytes);

#endif
