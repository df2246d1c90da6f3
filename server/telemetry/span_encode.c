/* span_encode.c - the choice among forms, and the two that are JSON. */
#include "telemetry/span_encode.h"

#include <inttypes.h>
#include <stdio.h>

#include "http/http_json.h"
#include "telemetry/span_otlp.h"

const char *span_format_type(span_format format)
{
    return format == SPAN_OTLP ? "application/x-protobuf" : "application/json";
}

const char *span_format_path(span_format format)
{
    return format == SPAN_ZIPKIN ? "/api/v2/spans" : "/v1/traces";
}

/* ---- pieces ---- */

static void put_named(json_out *out, const char *name, const char *text)
{
    put_key(out, name);
    put_string(out, text);
}

static void put_ids(json_out *out, const hc_trace_span *span, const char *own, const char *parent)
{
    char trace_id[HC_TRACE_ID_CHARS], id[HC_SPAN_ID_CHARS];
    const hc_trace_context above = {.span_id = {0}};
    hc_trace_id_text(span->context.trace_id, trace_id);
    put_named(out, "traceId", trace_id);
    hc_span_id_text(span->context.span_id, id);
    put_named(out, own, id);
    if (memcmp(span->parent_id, above.span_id, sizeof span->parent_id) == 0) return;
    hc_span_id_text(span->parent_id, id);
    put_named(out, parent, id);
}

/* ---- OTLP ---- */

static void put_wide(json_out *out, const char *name, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    put_named(out, name, text);
}

static void put_attribute(json_out *out, const char *name, hc_span text)
{
    put_object(out);
    put_named(out, "key", name);
    put_key(out, "value");
    put_object(out);
    put_key(out, "stringValue");
    put_text(out, text);
    put_end(out);
    put_end(out);
}

static void put_attributes(json_out *out, const hc_trace_span *span)
{
    put_key(out, "attributes");
    put_array(out);
    for (uint32_t i = 0; i < span->attribute_count; i++) {
        const hc_trace_attribute *one = &span->attributes[i];
        char number[24];
        if (one->is_text) {
            put_attribute(out, one->name, hc_trace_text_of(span, one));
            continue;
        }
        (void)snprintf(number, sizeof number, "%" PRId64, one->number);
        put_object(out);
        put_named(out, "key", one->name);
        put_key(out, "value");
        put_object(out);
        put_named(out, "intValue", number);
        put_end(out);
        put_end(out);
    }
    put_end(out);
}

static void put_otlp_span(json_out *out, const hc_trace_span *span)
{
    put_object(out);
    put_ids(out, span, "spanId", "parentSpanId");
    put_named(out, "name", span->name);
    put_key(out, "kind");
    put_uint(out, span->kind);
    put_wide(out, "startTimeUnixNano", (uint64_t)span->start_ns);
    put_wide(out, "endTimeUnixNano", (uint64_t)span->start_ns + span->duration_ns);
    put_attributes(out, span);
    put_key(out, "status");
    put_object(out);
    if (span->failed) {
        put_key(out, "code");
        put_uint(out, OTLP_STATUS_ERROR);
    }
    put_end(out);
    put_end(out);
}

static void put_source(json_out *out, const span_source *source)
{
    put_key(out, "resource");
    put_object(out);
    put_key(out, "attributes");
    put_array(out);
    put_attribute(out, "service.name", HC_SPAN(OTLP_SERVICE));
    put_attribute(out, "service.instance.id",
                  hc_span_make(source->node_id, strlen(source->node_id)));
    put_attribute(out, "service.version", hc_span_make(source->version, strlen(source->version)));
    put_end(out);
    put_end(out);
}

static void otlp_json(json_out *out, const span_source *source, const hc_trace_span *spans,
                      size_t count)
{
    put_object(out);
    put_key(out, "resourceSpans");
    put_array(out);
    put_object(out);
    put_source(out, source);
    put_key(out, "scopeSpans");
    put_array(out);
    put_object(out);
    put_key(out, "scope");
    put_object(out);
    put_named(out, "name", OTLP_SERVICE);
    put_named(out, "version", source->version);
    put_end(out);
    put_key(out, "spans");
    put_array(out);
    for (size_t i = 0; i < count; i++)
        put_otlp_span(out, &spans[i]);
    for (unsigned level = 0; level < 6; level++)
        put_end(out);
}

/* ---- Zipkin ---- */

static void put_tags(json_out *out, const hc_trace_span *span)
{
    char number[24];
    put_key(out, "tags");
    put_object(out);
    for (uint32_t i = 0; i < span->attribute_count; i++) {
        const hc_trace_attribute *one = &span->attributes[i];
        put_key(out, one->name);
        if (one->is_text) {
            put_text(out, hc_trace_text_of(span, one));
            continue;
        }
        (void)snprintf(number, sizeof number, "%" PRId64, one->number);
        put_string(out, number);
    }
    if (span->failed) put_named(out, "error", "true");
    put_end(out);
}

static void put_zipkin_span(json_out *out, const span_source *source, const hc_trace_span *span)
{
    static const char *const kinds[] = {[HC_TRACE_SERVER] = "SERVER",
                                        [HC_TRACE_CLIENT] = "CLIENT",
                                        [HC_TRACE_PRODUCER] = "PRODUCER",
                                        [HC_TRACE_CONSUMER] = "CONSUMER"};
    uint64_t duration_us = (span->duration_ns + 500) / 1000;
    put_object(out);
    put_ids(out, span, "id", "parentId");
    put_named(out, "name", span->name);
    if (span->kind < sizeof kinds / sizeof *kinds && kinds[span->kind] != NULL)
        put_named(out, "kind", kinds[span->kind]);
    put_key(out, "timestamp");
    put_int(out, span->start_ns / 1000);
    put_key(out, "duration");
    put_uint(out, duration_us > 0 ? duration_us : 1); /* at least, says the format */
    put_key(out, "localEndpoint");
    put_object(out);
    put_named(out, "serviceName", source->node_id[0] != '\0' ? source->node_id : OTLP_SERVICE);
    put_end(out);
    put_tags(out, span);
    put_end(out);
}

void spans_encode(span_format format, const span_source *source, const hc_trace_span *spans,
                  size_t count, http_bytes *to)
{
    json_out out;
    if (format == SPAN_OTLP) {
        otlp_encode(source, spans, count, to);
        return;
    }
    put_begin(&out, to);
    if (format == SPAN_OTLP_JSON) {
        otlp_json(&out, source, spans, count);
        return;
    }
    put_array(&out);
    for (size_t i = 0; i < count; i++)
        put_zipkin_span(&out, source, &spans[i]);
    put_end(&out);
}
