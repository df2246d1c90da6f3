/*
 * routes_traces.c - /api/traces: the latest traces that this node has spans of, each with its
 * spans.
 *
 * What other nodes did for a request is in their own lists; a collector has the whole.
 */
#include <stdlib.h>
#include <string.h>

#include "command/tracing.h"
#include "http/http_private.h"

#define LIMIT_DEFAULT 20u
#define LIMIT_MAX 100u
#define SPANS_MAX 2048u /* looked at; as many as the ring has */

/* ---- one span, one trace ---- */

static void put_attributes(json_out *out, const hc_trace_span *span)
{
    put_key(out, "attributes");
    put_object(out);
    for (uint32_t i = 0; i < span->attribute_count; i++) {
        const hc_trace_attribute *one = &span->attributes[i];
        put_key(out, one->name);
        if (one->is_text)
            put_text(out, hc_trace_text_of(span, one));
        else
            put_int(out, one->number);
    }
    put_end(out);
}

static void put_times(json_out *out, int64_t start_ns, uint64_t duration_ns)
{
    put_key(out, "start_us");
    put_int(out, start_ns / 1000);
    put_key(out, "duration_us");
    put_uint(out, (duration_ns + 500) / 1000);
}

static void put_span(json_out *out, const node *on, const hc_trace_span *span)
{
    static const char *const kinds[] = {"", "internal", "server", "client", "producer", "consumer"};
    static const uint8_t none[HC_SPAN_ID_BYTES];
    char id[HC_SPAN_ID_CHARS];
    put_object(out);
    hc_span_id_text(span->context.span_id, id);
    put_key(out, "span_id");
    put_string(out, id);
    put_key(out, "parent_id");
    hc_span_id_text(span->parent_id, id);
    if (memcmp(span->parent_id, none, sizeof none) == 0)
        put_null(out);
    else
        put_string(out, id);
    put_key(out, "name");
    put_string(out, span->name);
    put_key(out, "kind");
    put_string(out, span->kind < sizeof kinds / sizeof *kinds ? kinds[span->kind] : "");
    put_key(out, "node");
    put_string(out, on->options.node_id);
    put_times(out, span->start_ns, span->duration_ns);
    put_key(out, "error");
    put_bool(out, span->failed);
    put_attributes(out, span);
    put_end(out);
}

static bool is_of(const hc_trace_span *span, const uint8_t id[HC_TRACE_ID_BYTES])
{
    return memcmp(span->context.trace_id, id, HC_TRACE_ID_BYTES) == 0;
}

/* The span that lasts longest speaks for its trace: it is the one above the others. */
static void put_trace(json_out *out, const node *on, const hc_trace_span *spans, size_t count,
                      const uint8_t id[HC_TRACE_ID_BYTES])
{
    const hc_trace_span *top = NULL;
    char text[HC_TRACE_ID_CHARS];
    for (size_t i = 0; i < count; i++)
        if (is_of(&spans[i], id) && (top == NULL || spans[i].duration_ns >= top->duration_ns))
            top = &spans[i];
    put_object(out);
    hc_trace_id_text(id, text);
    put_key(out, "trace_id");
    put_string(out, text);
    put_key(out, "name");
    put_string(out, top->name);
    put_times(out, top->start_ns, top->duration_ns);
    put_key(out, "error");
    put_bool(out, top->failed);
    put_key(out, "spans");
    put_array(out);
    for (size_t i = 0; i < count; i++)
        if (is_of(&spans[i], id)) put_span(out, on, &spans[i]);
    put_end(out);
    put_end(out);
}

/* ---- routes ---- */

/* All that the ring has; to be freed.  NULL: answered with an error. */
static hc_trace_span *spans_read(http_exchange *x, size_t *count_out)
{
    hc_traces *from = exchange_node(x)->options.traces;
    uint64_t last = hc_traces_last(from);
    hc_trace_span *spans = malloc(SPANS_MAX * sizeof *spans);
    if (spans == NULL) {
        exchange_error(x, 507, NULL, "no memory for this response");
        return NULL;
    }
    *count_out =
        hc_traces_read(from, last > SPANS_MAX ? last - SPANS_MAX : 0, spans, SPANS_MAX, NULL);
    return spans;
}

static bool was_told(const hc_trace_span *spans, size_t from, size_t count)
{
    for (size_t i = from + 1; i < count; i++)
        if (is_of(&spans[i], spans[from].context.trace_id)) return true;
    return false;
}

static void get_traces(http_exchange *x)
{
    node *on = exchange_node(x);
    uint64_t limit;
    size_t count;
    if (!exchange_query_number(x, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit)) return;
    hc_trace_span *spans = spans_read(x, &count);
    if (spans == NULL) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_key(out, "enabled");
    put_bool(out, tracing_on(on));
    put_key(out, "sample_ratio");
    put_short_real(out, tracing_ratio(on));
    put_key(out, "traces");
    put_array(out);
    for (size_t i = count; i-- > 0 && limit > 0;) { /* the latest first */
        if (was_told(spans, i, count)) continue;
        put_trace(out, on, spans, count, spans[i].context.trace_id);
        limit--;
    }
    put_end(out);
    put_end(out);
    free(spans);
}

static void get_trace(http_exchange *x)
{
    uint8_t id[HC_TRACE_ID_BYTES];
    size_t count, at = 0;
    if (!hc_trace_id_parse(exchange_param(x, 0), id)) {
        exchange_error(x, 400, NULL, "a trace has an id of 32 hexadecimal digits");
        return;
    }
    hc_trace_span *spans = spans_read(x, &count);
    if (spans == NULL) return;
    while (at < count && !is_of(&spans[at], id))
        at++;
    if (at == count)
        exchange_error(x, 404, "TRACE_NOT_FOUND", "this node has no spans of this trace");
    else
        put_trace(exchange_json(x, 200), exchange_node(x), spans, count, id);
    free(spans);
}

static const http_route rows[] = {
    {HTTP_GET, "/api/traces", get_traces, 0, "The latest traces with this node's spans of them",
     "limit", NULL, "200 400"},
    {HTTP_GET, "/api/traces/{id}", get_trace, 0, "This node's spans of one trace", NULL, NULL,
     "200 400 404"},
};

const http_route_set http_routes_traces = {rows, sizeof rows / sizeof rows[0], NULL};
