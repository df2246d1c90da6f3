/*
 * event_log.c - log records of topic EVENT_BUS.
 */
#include "event_log.h"

#include <string.h>

hc_log_field event_text(const char *name, const char *text)
{
    hc_log_field field = {.name = name, .kind = HC_FIELD_TEXT};
    field.text = hc_span_make(text, strlen(text));
    return field;
}

hc_log_field event_number(const char *name, uint64_t number)
{
    hc_log_field field = {.name = name, .kind = HC_FIELD_UINT};
    field.value.u = number;
    return field;
}

void event_log(const hc_log *log, hc_log_level level, const char *operation, const char *message,
               const hc_log_field *fields, size_t field_count)
{
    if (log == NULL || !log->wants(log->ctx, level, HC_TOPIC_EVENT_BUS)) return;
    hc_log_record record = {
        .level = level,
        .topic = HC_TOPIC_EVENT_BUS,
        .operation = operation,
        .message = message,
        .duration_ns = -1,
        .fields = fields,
        .field_count = field_count,
    };
    log->write(log->ctx, &record);
}

void event_memory_pressure(void *log, hc_pressure_level level, uint64_t used_bytes,
                           uint64_t limit_bytes)
{
    static const char *const names[HC_PRESSURE_LEVELS] = {"none", "warning", "critical", "panic"};
    hc_log_field fields[] = {event_text("pressure", names[level]),
                             event_number("usedBytes", used_bytes),
                             event_number("limitBytes", limit_bytes)};
    event_log(log, level != HC_PRESSURE_NONE ? HC_LOG_WARN : HC_LOG_INFO, "memory_pressure",
              level != HC_PRESSURE_NONE ? "a database's memory is near its limit"
                                        : "a database's memory is no longer near its limit",
              fields, sizeof fields / sizeof fields[0]);
}
