/* sim_log.c - a ring of lines. */
#include "support/sim_log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

void sim_log_init(sim_log *log, bool on)
{
    *log = (sim_log){.on = on};
    if (!on) return;
    log->lines = calloc(SIM_LOG_LINES_MAX, sizeof *log->lines);
    assert(log->lines != NULL);
}

void sim_log_fini(sim_log *log)
{
    free(log->lines);
    *log = (sim_log){0};
}

void sim_log_add(sim_log *log, uint64_t now_ns, const char *who, unsigned number,
                 const char *format, ...)
{
    if (!log->on) return;
    char *line = log->lines[log->count++ % SIM_LOG_LINES_MAX];
    int used = snprintf(line, SIM_LOG_LINE_BYTES_MAX, "%11.3f ms  %-6s %u  ", (double)now_ns / 1e6,
                        who, number);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line + used, SIM_LOG_LINE_BYTES_MAX - (size_t)used, format, arguments);
    va_end(arguments);
}

void sim_log_print(const sim_log *log, size_t lines_max, FILE *to)
{
    uint64_t kept = log->count < SIM_LOG_LINES_MAX ? log->count : SIM_LOG_LINES_MAX;
    if (kept > lines_max) kept = lines_max;
    for (uint64_t i = log->count - kept; i < log->count; i++)
        (void)fprintf(to, "  %s\n", log->lines[i % SIM_LOG_LINES_MAX]);
}
