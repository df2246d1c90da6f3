/*
 * span_encode.h - a batch of spans as bytes that collectors read.
 *
 *     OTLP protobuf   opentelemetry-proto's ExportTraceServiceRequest, written by hand: it is six
 *                     kinds of fields
 *     OTLP JSON       the same as JSON: ids in hex, 64-bit numbers as strings, enumerations as
 *                     numbers
 *     Zipkin JSON     zipkin-api's version 2: microseconds, attributes as tags
 *
 * Threads: pure.
 */
#ifndef HYPERCACHE_SERVER_TELEMETRY_SPAN_ENCODE_H
#define HYPERCACHE_SERVER_TELEMETRY_SPAN_ENCODE_H

#include <hypercache/trace.h>

#include "http/http_bytes.h"

typedef enum span_format { SPAN_OTLP = 0, SPAN_OTLP_JSON, SPAN_ZIPKIN } span_format;

/* Whose spans they are. */
typedef struct span_source {
    const char *node_id;
    const char *version;
} span_source;

/* Appends one request's body; out of memory is to->failed. */
void spans_encode(span_format format, const span_source *source, const hc_trace_span *spans,
                  size_t count, http_bytes *to);
const char *span_format_type(span_format format); /* Content-Type */
const char *span_format_path(span_format format); /* where a collector takes it, as a rule */

#endif
