/*
 * caller.h - on whose behalf a command runs, when its client says so: HC.TRACE.
 *
 *     HC.TRACE 00-4bf9...-01 GET k       GET k, on that behalf
 *     HC.TRACE 00-4bf9...-01             the next command, whatever it is, as in a pipeline
 *
 * HC.TRACE before a command is taken off before anything else looks at it, so that pauses, routes,
 * transactions and the slow log see the command alone.  A traceparent that is none is passed over:
 * nobody's command fails for it.
 *
 * HTTP sets session.caller and session.correlation itself, around the commands of a request.
 *
 * Threads: the session's own.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_CALLER_H
#define HYPERCACHE_SERVER_COMMAND_CALLER_H

#include "command/session.h"

/* Before a command that is not plain: from here on it runs on its caller's behalf.  True: it was
 * taken out of HC.TRACE, and is to be looked up. */
bool caller_begin(request *of);
/* It has run, or it was not to run now. */
void caller_end(session *of, bool ran);

/* For what is sent to other nodes: the trace, all zero if nobody asked; and the caller's own name
 * for it if that is another, else empty. */
void caller_tell(const request *of, hc_trace_context *trace_out, hc_span *name_out);
/* The id of a trace that goes with a caller's own name for a request. */
void caller_trace_id(hc_span name, uint8_t id[HC_TRACE_ID_BYTES]);

#endif
