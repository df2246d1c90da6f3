/*
 * exposition.h - the node's metrics registry and all that is told on its page.
 *
 *     exposition_create(&options, &page);          main, after node_create
 *     hc_metrics_add(exposition_metrics(page), ..) whoever counts something of its own
 *     hc_metrics_write(exposition_metrics(page), format, put, ctx);   GET /metrics
 *
 * Threads: the page may be written by any thread, several at once.
 */
#ifndef HYPERCACHE_SERVER_METRICS_EXPOSITION_H
#define HYPERCACHE_SERVER_METRICS_EXPOSITION_H

#include <hypercache/metrics.h>

#include "command/node.h"
#include "telemetry/log_sink.h"
#include "telemetry/span_exporter.h"

typedef struct exposition exposition;

typedef struct exposition_options {
    const hc_host *host;           /* these are borrowed until exposition_destroy */
    node *node;                    /* whose metrics they are */
    log_sink *sink;                /* NULL: no families of the log */
    const span_exporter *exporter; /* NULL: spans are not sent */
    const char *data_dir;          /* whose disk is measured; NULL: nothing is kept */
} exposition_options;

/* Every series has the label node=<node_id>; there is a lane for each worker.
 *   HC_ERR_INVALID, HC_ERR_NO_MEMORY */
hc_status exposition_create(const exposition_options *options, exposition **exposition_out);
/* Accepts NULL. */
void exposition_destroy(exposition *of);
hc_metrics *exposition_metrics(exposition *of);
/* A histogram with a lane for each worker: for net_options. */
hc_metric *exposition_loop_lag(exposition *of);

#endif
