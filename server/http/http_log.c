/* http_log.c - a line for each request, built only when somebody wants it. */
#include <string.h>

#include "http/http_private.h"

#define PATH_BYTES_MAX 200u /* of a path in a log line */

static hc_log_field text_field(const char *name, hc_span text)
{
    return (hc_log_field){.name = name, .kind = HC_FIELD_TEXT, .text = text};
}

/* The path as the table has it: keys are told by the commands, hashed if that is wanted. */
static hc_span path_of(const http_exchange *x)
{
    if (x->route != NULL)
        return hc_span_make(x->route->route->pattern, strlen(x->route->route->pattern));
    hc_span path = x->head->path;
    if (path.size > PATH_BYTES_MAX) path.size = PATH_BYTES_MAX;
    return path;
}

void http_log_request(const http_exchange *x)
{
    const http_service_options *options = &x->worker->service->options;
    const hc_log *log = options->host != NULL ? options->host->log : NULL;
    if (log == NULL || !log->wants(log->ctx, HC_LOG_DEBUG, HC_TOPIC_HTTP_API)) return;
    const char *address = x->connection->session.address;
    char trace_id[HC_TRACE_ID_CHARS], span_id[HC_SPAN_ID_CHARS];
    hc_trace_id_text(x->connection->caller.own.trace_id, trace_id);
    hc_span_id_text(x->connection->caller.own.span_id, span_id);
    hc_log_field fields[] = {
        text_field("path", path_of(x)),
        {.name = "status", .kind = HC_FIELD_INT, .value.i = x->status},
        text_field("client", hc_span_make(address, strlen(address))),
        text_field("trace_id", hc_span_make(trace_id, HC_TRACE_ID_CHARS - 1)),
        text_field("span_id", hc_span_make(span_id, HC_SPAN_ID_CHARS - 1)),
    };
    size_t count = sizeof fields / sizeof fields[0] - (http_caller_is_traced(x) ? 0 : 2);
    hc_log_record record = {.level = HC_LOG_DEBUG,
                            .topic = HC_TOPIC_HTTP_API,
                            .operation = http_method_text(x->head->method),
                            .message = "answered",
                            .correlation_id = x->correlation,
                            .duration_ns = (int64_t)(node_now_ns(x->worker->node) - x->since_ns),
                            .fields = fields,
                            .field_count = count};
    log->write(log->ctx, &record);
}
