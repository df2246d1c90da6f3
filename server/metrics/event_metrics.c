/*
 * event_metrics.c - events by kind, those left out of a flood included.
 */
#include "metrics/collectors.h"

#include <string.h>

static const hc_metric_family events = {
    .name = "hypercache_events",
    .kind = HC_METRIC_COUNTER,
    .help = "Events by kind and by how much they matter: info, warning, critical."};

void event_metrics(void *ctx, hc_metrics_page *page)
{
    const exposition *of = ctx;
    hc_events *from = of->options.node->options.events;
    if (from == NULL) return;
    hc_page_family(page, &events);
    for (unsigned i = 0; i < HC_EVENT_KINDS; i++) {
        const hc_event_meaning *means = hc_event_meaning_of((hc_event_kind)i);
        const char *severity = hc_event_severity(means->level);
        hc_metric_label labels[] = {{"kind", hc_span_make(means->name, strlen(means->name))},
                                    {"severity", hc_span_make(severity, strlen(severity))}};
        hc_page_count(page, labels, 2, hc_events_count(from, (hc_event_kind)i));
    }
}
