/*
 * span_exporter.h - finished spans leave for a collector, on a thread of their own.
 *
 *     any thread -> hc_traces (a ring) -> [ batch, at most SPAN_BATCH_MAX ] -> POST -> collector
 *                        |                         |
 *                        lost: the ring came round  failed: refused, or SPAN_TRIES_MAX in vain
 *
 * Nobody who makes spans waits: while a batch cannot be sent the ring goes on, and what it loses is
 * counted.  A batch that was not answered, or with 408, 429 or 5xx, is sent again, after 0.2 s,
 * 0.4 s and so on; any other refusal would be given again and ends it.
 *
 * Threads: start and stop belong to one thread; stats may be asked by any.
 */
#ifndef HYPERCACHE_SERVER_TELEMETRY_SPAN_EXPORTER_H
#define HYPERCACHE_SERVER_TELEMETRY_SPAN_EXPORTER_H

#include "telemetry/span_encode.h"

#define SPAN_BATCH_MAX 128u
#define SPAN_TRIES_MAX 6u
#define SPAN_LOOK_MS 250   /* between looks at the ring */
#define SPAN_RETRY_MS 200u /* after the first try; doubled each time */

typedef struct span_exporter span_exporter;

typedef struct span_exporter_options {
    hc_traces *traces; /* these are borrowed until span_exporter_stop */
    const char *node_id;
    const hc_log *log;    /* told when sending begins to fail and when it works again; or NULL */
    const char *endpoint; /* copied */
    span_format format;
} span_exporter_options;

typedef struct span_exporter_stats {
    uint64_t exported, failed; /* spans */
    uint64_t lost;             /* by the ring, before they were read */
    uint64_t posts, refusals;  /* requests; of those: not answered with 2xx */
} span_exporter_stats;

/* On error *exporter_out is NULL.
 *   HC_ERR_INVALID    the endpoint
 *   HC_ERR_NO_MEMORY  or no thread */
hc_status span_exporter_start(const span_exporter_options *options, span_exporter **exporter_out);
/* Sends what there is, if it can be sent at once.  Accepts NULL. */
void span_exporter_stop(span_exporter *of);
span_exporter_stats span_exporter_stats_get(const span_exporter *of); /* NULL: zeros */

#endif
