/*
 * trace_lines.h - what the log tells of each command at level TRACE.
 *
 *     RESP_SERVER     the request and its reply: sizes, client, key
 *     HASH_RING       the slot of its key and who serves that
 *     FILTER          what the store's filter says of its key, and where it looks
 *     STORAGE_ENGINE  where its key lies now: shard, bucket and slot, segment, uses
 *
 * Cost:    none while no component is at TRACE: it is one of node_care, at which each command looks
 *          in any case.  trace_lines_watch sees a changed level within a tenth of a second.
 * Threads: trace_lines_watch is node_maintain's, trace_lines_tell the worker's.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_TRACE_LINES_H
#define HYPERCACHE_SERVER_COMMAND_TRACE_LINES_H

#include "command/node.h"

/* Sets NODE_TRACED, and node.correlates, as the log's levels want it. */
void trace_lines_watch(node *of);
/* The command ran, and its reply took so many bytes. */
void trace_lines_tell(const request *of, size_t reply_bytes);

static inline bool trace_lines_wanted(const node *of)
{
    uint32_t cares = atomic_load_explicit(&of->cares, memory_order_relaxed);
    return __builtin_expect((cares & NODE_TRACED) != 0, 0);
}

#endif
