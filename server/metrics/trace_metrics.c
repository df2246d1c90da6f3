/*
 * trace_metrics.c - spans made, and what became of them.
 */
#include "metrics/collectors.h"

#include "command/tracing.h"

COUNTER(made, "hypercache_trace_spans", "Spans that ended, of requests that are traced.");
COUNTER(exported, "hypercache_trace_spans_exported",
        "Spans that the collector took (tracing.endpoint).");
COUNTER(failed, "hypercache_trace_spans_failed",
        "Spans given up: the collector refused them, or did not answer for long.");
COUNTER(dropped, "hypercache_trace_spans_dropped",
        "Spans lost before they were sent: more ended than the collector takes.");
GAUGE(ratio, "hypercache_trace_sample_ratio", "ratio",
      "Share of requests traced, whose caller does not decide; 0 while tracing is off.");

void trace_metrics(void *ctx, hc_metrics_page *page)
{
    const exposition *of = ctx;
    const node *on = of->options.node;
    span_exporter_stats stats = span_exporter_stats_get(of->options.exporter);
    tell_count(page, &made, hc_traces_last(on->options.traces));
    tell_count(page, &exported, stats.exported);
    tell_count(page, &failed, stats.failed);
    tell_count(page, &dropped, stats.lost);
    tell_value(page, &ratio, tracing_on(on) ? tracing_ratio(on) : 0);
}
