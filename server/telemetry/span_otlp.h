/* span_otlp.h - spans as OTLP's protobuf; see span_encode.h. */
#ifndef HYPERCACHE_SERVER_TELEMETRY_SPAN_OTLP_H
#define HYPERCACHE_SERVER_TELEMETRY_SPAN_OTLP_H

#include "telemetry/span_encode.h"

#define OTLP_SERVICE "hypercached"
#define OTLP_STATUS_ERROR 2u

void otlp_encode(const span_source *source, const hc_trace_span *spans, size_t count,
                 http_bytes *to);

#endif
