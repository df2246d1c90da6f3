/*
 * peer_traced.c - what this node does for a request that carries a trace: a log line with the
 * request's correlation id, on the node that runs it and on each that takes its writes.
 */
#include <string.h>

#include "command/tracing.h"
#include "peer/peer_private.h"

static const char *message_of(const hc_traced *what)
{
    switch (what->kind) {
    case HC_TRACED_REQUEST:
        return "a request of another node runs here";
    case HC_TRACED_WRITE:
        return what->taken ? "a write of another node is stored"
                           : "a write of another node is not stored";
    case HC_TRACED_PROPOSAL:
        return what->taken ? "a proposal of another node is accepted"
                           : "a proposal of another node is not accepted";
    case HC_TRACED_READ:
        return "a read of another node is answered";
    case HC_TRACED_SENDS:
        return "a request goes to the other holders";
    case HC_TRACED_ANSWERED:
        return "a request is answered";
    }
    return "";
}

hc_span peer_request_name(hc_request_kind kind)
{
    static const char *const names[] = {"GET", "SET", "DELETE", "UPDATE", "FLUSH", "GROUP", "WAIT"};
    const char *name = (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "";
    return hc_span_make(name, strlen(name));
}

static bool is_of_others(const hc_traced *what)
{
    return what->kind <= HC_TRACED_READ;
}

static void line_write(const hc_log *log, const hc_traced *what)
{
    char id[HC_TRACE_ID_CHARS], span_id[HC_SPAN_ID_CHARS], from[CLUSTER_ID_CHARS + 1];
    hc_log_field fields[4];
    size_t count = 0;
    hc_trace_id_text(what->trace.trace_id, id);
    hc_span_id_text(what->trace.span_id, span_id);
    hc_span trace_id = hc_span_make(id, HC_TRACE_ID_CHARS - 1);
    if (hc_trace_has_span(&what->trace)) {
        fields[count++] =
            (hc_log_field){.name = "trace_id", .kind = HC_FIELD_TEXT, .text = trace_id};
        fields[count++] = (hc_log_field){.name = "span_id",
                                         .kind = HC_FIELD_TEXT,
                                         .text = hc_span_make(span_id, HC_SPAN_ID_CHARS - 1)};
    }
    if (is_of_others(what)) {
        cluster_id_text(&what->from, from);
        fields[count++] = (hc_log_field){
            .name = "from", .kind = HC_FIELD_TEXT, .text = hc_span_make(from, CLUSTER_ID_CHARS)};
    }
    if (what->kind != HC_TRACED_REQUEST && what->kind != HC_TRACED_SENDS)
        fields[count++] =
            (hc_log_field){.name = "success", .kind = HC_FIELD_BOOL, .value.b = what->taken != 0};
    hc_log_record line = {.level = HC_LOG_DEBUG,
                          .topic = HC_TOPIC_REPLICATION,
                          .operation = (const char *)peer_request_name(what->request).data,
                          .message = message_of(what),
                          .correlation_id =
                              what->correlation.size > 0 ? what->correlation : trace_id,
                          .key = what->key,
                          .duration_ns = -1,
                          .fields = fields,
                          .field_count = count};
    log->write(log->ctx, &line);
}

void peer_traced(void *ctx, hc_traced *what)
{
    peer *of = ctx;
    const hc_log *log = of->options.host != NULL ? of->options.host->log : NULL;
    if (log != NULL && log->wants(log->ctx, HC_LOG_DEBUG, HC_TOPIC_REPLICATION))
        line_write(log, what);
    if (hc_trace_has_span(&what->trace) && tracing_on(of->options.node)) peer_spans_note(of, what);
}
