/*
 * request_metrics.c - commands by name: how many, how long, with what outcome.
 *
 * A row of the table that was never called is not told, so the page grows with what is used; once
 * told it is told for good, all outcomes at once, so that rates see their first step.
 */
#include "command/command.h"
#include "metrics/collectors.h"

#include <string.h>

static const hc_metric_family requests = {
    .name = "hypercache_requests",
    .kind = HC_METRIC_COUNTER,
    .help = "Commands by name and outcome: ok, error (the reply was one), rejected (never ran)."};
static const hc_metric_family durations = {
    .name = "hypercache_request_duration_seconds",
    .kind = HC_METRIC_HISTOGRAM,
    .unit = "seconds",
    .help = "Time to run a command; the commands of a pipeline share one reading of the clock."};
static const hc_metric_family errors = {.name = "hypercache_errors",
                                        .kind = HC_METRIC_COUNTER,
                                        .help = "Error replies by their first word."};
static const hc_metric_family slow = {
    .name = "hypercache_slow_log_entries", .kind = HC_METRIC_GAUGE, .help = "Entries of SLOWLOG."};

static uint64_t read_of(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

static void tell_outcomes(hc_metrics_page *page, const node_counters *totals, size_t row)
{
    char name[COMMAND_NAME_CHARS];
    uint64_t calls = read_of(&totals->calls[row]), rejected = read_of(&totals->rejections[row]);
    uint64_t failed = read_of(&totals->failures[row]);
    if (calls + rejected == 0) return;
    command_full_name(command_row(row), name);
    failed = failed > rejected ? failed - rejected : 0;
    const struct {
        hc_span status;
        uint64_t count;
    } outcomes[] = {{HC_SPAN("ok"), calls > failed ? calls - failed : 0},
                    {HC_SPAN("error"), failed},
                    {HC_SPAN("rejected"), rejected}};
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        hc_metric_label labels[] = {{"operation", hc_span_make(name, strlen(name))},
                                    {"status", outcomes[i].status}};
        hc_page_count(page, labels, 2, outcomes[i].count);
    }
}

static void tell_durations(hc_metrics_page *page, node *of, const node_counters *totals, size_t row)
{
    char name[COMMAND_NAME_CHARS];
    histogram_sum sum;
    observer_sum(&of->observer, row, &sum);
    if (sum.total == 0) return;
    hc_metric_durations told = {.sum_ns = read_of(&totals->busy_ns[row])};
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        bool last = i == HISTOGRAM_BUCKETS - 1;
        if (sum.counts[i] == 0) continue;
        told.counts[hc_metric_bucket(last ? UINT64_MAX : histogram_bucket_ns(i))] += sum.counts[i];
    }
    exemplar found[HC_METRIC_BOUNDS + 1];
    hc_metric_exemplar shown[HC_METRIC_BOUNDS + 1] = {{0}};
    for (uint32_t i = 0; i <= HC_METRIC_BOUNDS; i++) {
        if (!exemplars_find(&of->observer.exemplars, row, i, &found[i])) continue;
        shown[i] = (hc_metric_exemplar){
            .label = "trace_id", /* that of a request that is not traced finds its log lines */
            .id = hc_span_make(found[i].id, strlen(found[i].id)),
            .ns = found[i].ns,
            .time_ms = found[i].time_ms};
    }
    told.exemplars = shown;
    command_full_name(command_row(row), name);
    hc_metric_label label = {"operation", hc_span_make(name, strlen(name))};
    hc_page_durations(page, &label, 1, &told);
}

void request_metrics(void *ctx, hc_metrics_page *page)
{
    node *of = ((exposition *)ctx)->options.node;
    node_counters totals;
    node_totals(of, &totals);
    hc_page_family(page, &requests);
    for (size_t i = 0; i < command_row_count(); i++)
        tell_outcomes(page, &totals, i);
    hc_page_family(page, &durations);
    for (size_t i = 0; i < command_row_count(); i++)
        tell_durations(page, of, &totals, i);
    hc_page_family(page, &errors);
    for (size_t i = 0; i < OBSERVER_ERRORS_MAX; i++) {
        const char *code = observer_error_name(&of->observer, i);
        if (code == NULL) continue;
        hc_metric_label label = {"code", hc_span_make(code, strlen(code))};
        hc_page_count(page, &label, 1, read_of(&totals.error_codes[i]));
    }
    tell_count(page, &slow, slow_log_count(&of->observer.slow_log));
}
