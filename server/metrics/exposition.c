/*
 * exposition.c - a registry and the list of its collectors.
 */
#include "metrics/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "metrics/collectors.h"

static const hc_metrics_collector collectors[] = {
    process_metrics,     request_metrics, client_metrics,  store_metrics,
    persistence_metrics, event_metrics,   cluster_metrics, trace_metrics,
};

static const hc_metric_family loop_lag = {
    .name = "hypercache_event_loop_lag_seconds",
    .kind = HC_METRIC_HISTOGRAM,
    .unit = "seconds",
    .help = "How late a worker's timer was, once a second: what kept it from serving others."};

hc_status exposition_create(const exposition_options *options, exposition **exposition_out)
{
    *exposition_out = NULL;
    const char *id = options->node->options.node_id;
    hc_metric_label node_label = {"node", hc_span_make(id, strlen(id))};
    hc_metrics_options metrics = {.size = sizeof metrics,
                                  .labels = &node_label,
                                  .label_count = 1,
                                  .lanes = options->node->options.workers};
    exposition *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->options = *options;
    hc_status status = hc_metrics_create(options->host, &metrics, &made->metrics);
    for (size_t i = 0; i < sizeof collectors / sizeof *collectors && status == HC_OK; i++)
        status = hc_metrics_collect(made->metrics, collectors[i], made);
    if (status == HC_OK)
        status = hc_metrics_add(made->metrics, &loop_lag, NULL, 0, &made->loop_lag);
    if (status != HC_OK) {
        exposition_destroy(made);
        return status;
    }
    *exposition_out = made;
    return HC_OK;
}

void exposition_destroy(exposition *of)
{
    if (of == NULL) return;
    hc_metrics_destroy(of->metrics);
    free(of);
}

hc_metrics *exposition_metrics(exposition *of)
{
    return of->metrics;
}

hc_metric *exposition_loop_lag(exposition *of)
{
    return of->loop_lag;
}
