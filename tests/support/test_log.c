/*
 * test_log.c - a ring of JSON lines.
 */
#include "support/test_log.h"

#include <string.h>

static bool log_wants(void *ctx, hc_log_level level, hc_topic topic)
{
    const test_log *log = ctx;
    (void)topic;
    return level <= log->level_max;
}

static void log_write(void *ctx, const hc_log_record *record)
{
    test_log *log = ctx;
    size_t number = atomic_fetch_add(&log->count, 1);
    char *line = log->lines[number % TEST_LOG_LINES];
    size_t size = hc_log_record_json(record, NULL, line, TEST_LOG_LINE_BYTES - 1);
    line[size] = '\0';
}

void test_log_init(test_log *log, hc_log_level level_max)
{
    memset(log, 0, sizeof *log);
    log->level_max = level_max;
    log->table = (hc_log){
        .size = sizeof(hc_log),
        .ctx = log,
        .wants = log_wants,
        .write = log_write,
    };
}

bool test_log_has(const test_log *log, const char *text)
{
    size_t kept = atomic_load(&log->count);
    if (kept > TEST_LOG_LINES) kept = TEST_LOG_LINES;
    for (size_t i = 0; i < kept; i++) {
        if (strstr(log->lines[i], text) != NULL) return true;
    }
    return false;
}
