/*
 * collectors.h - what an exposition is put together from; each tells whole families.
 *
 * `ctx` of each is the exposition.  Threads: that which writes the page.
 */
#ifndef HYPERCACHE_SERVER_METRICS_COLLECTORS_H
#define HYPERCACHE_SERVER_METRICS_COLLECTORS_H

#include "metrics/exposition.h"

struct exposition {
    exposition_options options;
    hc_metrics *metrics;
    hc_metric *loop_lag;
};

void request_metrics(void *ctx, hc_metrics_page *page);
void client_metrics(void *ctx, hc_metrics_page *page);
void store_metrics(void *ctx, hc_metrics_page *page);
void persistence_metrics(void *ctx, hc_metrics_page *page);
void event_metrics(void *ctx, hc_metrics_page *page);
void cluster_metrics(void *ctx, hc_metrics_page *page);
void trace_metrics(void *ctx, hc_metrics_page *page);
void process_metrics(void *ctx, hc_metrics_page *page);

/* Families as tables have them. */
#define GAUGE(variable, family_name, family_unit, family_help)                                     \
    static const hc_metric_family variable = {                                                     \
        .name = family_name, .kind = HC_METRIC_GAUGE, .unit = family_unit, .help = family_help}
#define COUNTER(variable, family_name, family_help)                                                \
    static const hc_metric_family variable = {                                                     \
        .name = family_name, .kind = HC_METRIC_COUNTER, .help = family_help}

/* A family of one series without labels of its own. */
static inline void tell_count(hc_metrics_page *page, const hc_metric_family *family, uint64_t value)
{
    hc_page_family(page, family);
    hc_page_count(page, NULL, 0, value);
}
static inline void tell_value(hc_metrics_page *page, const hc_metric_family *family, double value)
{
    hc_page_family(page, family);
    hc_page_value(page, NULL, 0, value);
}

#endif
