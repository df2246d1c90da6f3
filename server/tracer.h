/*
 * tracer.h - the configuration's tracing keys as a ring of spans and, if they are to be sent, an
 * exporter.
 *
 * Threads: main's.
 */
#ifndef HYPERCACHE_SERVER_TRACER_H
#define HYPERCACHE_SERVER_TRACER_H

#include "config/config.h"
#include "telemetry/span_exporter.h"

typedef struct tracer {
    hc_traces *traces;
    span_exporter *exporter; /* NULL: spans are kept here alone */
} tracer;

/* Spans are sent whenever there are any: tracing.enabled can change later.  `host` and `cfg` are
 * borrowed until tracer_stop.  False: `why` (`why_bytes`) is a sentence. */
bool tracer_start(tracer *of, const hc_host *host, const config *cfg, char *why, size_t why_bytes);
/* Nobody makes spans any more.  Accepts one that is all zero. */
void tracer_stop(tracer *of);

#endif
