/*
 * tracing.h - spans of what the node does: which requests are traced, and what is told of them.
 *
 *     GET                SERVER     from the first byte to the last of its answer
 *       parse            INTERNAL   bytes to arguments
 *       store            INTERNAL   the handler at work
 *       fsync            INTERNAL   the reply waits for the log (sync `always`)
 *       route            INTERNAL   in a cluster: whose is it
 *       proxy            CLIENT     another node was asked; its own spans are below this one
 *       replicate        PRODUCER   to the other holders: each has a span CONSUMER below it
 *
 * Who is traced: the caller's traceparent decides; without one, one request in 1/sample_ratio; and,
 * after the fact, those that failed or were slow, TRACING_FORCED_PER_S a second at most.
 *
 * Cost:    off, none: it is one of node_care.  On, each command is looked at and timed alone.
 * Threads: any; a trace_run belongs to its session's worker, or to the turn that took it over.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_TRACING_H
#define HYPERCACHE_SERVER_COMMAND_TRACING_H

#include "command/session.h"

#define TRACING_FORCED_PER_S 20u

/* One command of a client, while it runs and is waited for. */
typedef struct trace_run {
    struct trace_run *next;
    uint64_t since_ns, handled_ns; /* monotonic; handled: its handler was done */
    uint64_t errors;               /* of the worker, before it */
    bool sampled;                  /* else only the above is there */
    bool taken;                    /* another owner tells of it */
    hc_trace_span span;
} trace_run;

static inline bool tracing_on(const node *of)
{
    uint32_t cares = atomic_load_explicit(&of->cares, memory_order_relaxed);
    return __builtin_expect((cares & NODE_SPANS) != 0, 0);
}
void tracing_set_on(node *of, bool on);
void tracing_set_ratio(node *of, double ratio); /* 0..1 */
double tracing_ratio(const node *of);
/* Is the next request without a parent to be traced? */
bool tracing_draws(node *of);
/* May one that failed or was slow be traced after all?  Counts it. */
bool tracing_forces(node *of);

/* ---- spans ---- */

void tracing_id(node *of, uint8_t id[HC_SPAN_ID_BYTES]); /* never all zero */
/* A span below `parent`, with an id of its own. */
void tracing_child(node *of, const hc_trace_context *parent, const char *name, hc_trace_kind kind,
                   hc_trace_span *span_out);
/* It took from `since_ns` to `until_ns`, monotonic. */
void tracing_add(node *of, hc_trace_span *span, uint64_t since_ns, uint64_t until_ns);
/* The same of a child without attributes. */
void tracing_part(node *of, const hc_trace_context *parent, const char *name, uint64_t since_ns,
                  uint64_t until_ns);
/* "1.2.3.4:5" as network.peer.address and .port. */
void tracing_peer(hc_trace_span *to, const char *address);

/* ---- a client's command; while tracing is on ---- */

void tracing_begin(trace_run *run, request *of, uint64_t since_ns);
void tracing_end(trace_run *run, request *of, bool ran);
/* Its handler ran, from `since_ns` to now. */
void tracing_handled(request *of, uint64_t since_ns);
/* It was slow: traced after all, if it was not.  The fields of its log lines, 0 or 2. */
size_t tracing_slow(const request *of, uint64_t ns, hc_log_field fields[2]);

/* Takes over what runs now, for whoever answers it later; NULL: it is not traced. */
trace_run *tracing_take(session *of);
/* It is answered.  Any thread. */
void tracing_answered(node *of, trace_run *run, const char *error);
/* The same of one that is not traced: it is after all, if it failed or was slow, by a trace of its
 * own. */
void tracing_late(node *of, const command *row, uint64_t since_ns, const char *error);
/* Replies of this session need not wait for the log any more. */
void tracing_synced(session *of);

#endif
