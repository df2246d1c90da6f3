/*
 * correlation.h - the id by which log lines, events and traces of one request are found.
 *
 *     9f3c01d2a4b8 | 0000002a | 00000000 0c41    32 hex digits, as of a W3C trace
 *     the run        session    command's number
 *
 * It is not made until somebody asks for it: it follows from where the request stands.
 *
 * Threads: the session's own.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_CORRELATION_H
#define HYPERCACHE_SERVER_COMMAND_CORRELATION_H

#include "command/node.h"

#define CORRELATION_CHARS (HC_CORRELATION_BYTES_MAX + 1) /* with its NUL */

/* Of a request of the batch that runs. */
void request_correlation(const request *of, char id[CORRELATION_CHARS]);
/* Do other nodes' logs want it of every request?  REPLICATION is at DEBUG. */
static inline bool correlation_is_told(const node *of)
{
    return atomic_load_explicit(&of->correlates, memory_order_relaxed);
}

#endif
