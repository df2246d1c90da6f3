/* info_statistics.c - INFO commandstats, errorstats, latencystats: what observer.h counted. */
#include <inttypes.h>

#include "command/command.h"
#include "command/info_sections.h"

void info_commandstats(text *to, node *of)
{
    node_counters totals;
    node_totals(of, &totals);
    for (size_t i = 0; i < command_row_count(); i++) {
        uint64_t calls = atomic_load(&totals.calls[i]);
        uint64_t rejected = atomic_load(&totals.rejections[i]);
        uint64_t failed = atomic_load(&totals.failures[i]);
        if (calls + rejected == 0) continue;
        char name[COMMAND_NAME_CHARS];
        command_full_name(command_row(i), name);
        double microseconds = (double)atomic_load(&totals.busy_ns[i]) / 1000;
        text_printf(to,
                    "cmdstat_%s:calls=%" PRIu64 ",usec=%.0f,usec_per_call=%.2f,rejected_calls="
                    "%" PRIu64 ",failed_calls=%" PRIu64 "\r\n",
                    name, calls, microseconds, calls > 0 ? microseconds / (double)calls : 0,
                    rejected, failed > rejected ? failed - rejected : 0);
    }
}

void info_errorstats(text *to, node *of)
{
    node_counters totals;
    node_totals(of, &totals);
    for (size_t i = 0; i < OBSERVER_ERRORS_MAX; i++) {
        uint64_t count = atomic_load(&totals.error_codes[i]);
        const char *name = observer_error_name(&of->observer, i);
        if (name == NULL || count == 0) continue;
        text_printf(to, "errorstat_%s:count=%" PRIu64 "\r\n", name, count);
    }
}

void info_latencystats(text *to, node *of)
{
    double percents[OBSERVER_PERCENTILES_MAX];
    size_t count = observer_percentiles(&of->observer, percents);
    for (size_t i = 0; i < command_row_count() && count > 0; i++) {
        histogram_sum sum;
        observer_sum(&of->observer, i, &sum);
        if (sum.total == 0) continue;
        char name[COMMAND_NAME_CHARS];
        command_full_name(command_row(i), name);
        text_printf(to, "latency_percentiles_usec_%s:", name);
        for (size_t p = 0; p < count; p++) {
            double us = (double)histogram_percentile_ns(&sum, percents[p]) / 1000;
            text_printf(to, "%sp%g=%.3f", p > 0 ? "," : "", percents[p], us);
        }
        text_printf(to, "\r\n");
    }
}
