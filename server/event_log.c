/*
 * event_log.c - log records of topic EVENT_BUS, and events.
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

void event_memory_pressure(void *events, hc_pressure_level level, uint64_t used_bytes,
                           uint64_t limit_bytes)
{
    static const char *const names[HC_PRESSURE_LEVELS] = {"none", "warning", "critical", "panic"};
    bool pressed = level != HC_PRESSURE_NONE;
    hc_log_field fields[] = {event_text("pressure", names[level]),
                             event_number("usedBytes", used_bytes),
                             event_number("limitBytes", limit_bytes)};
    hc_event event = {.message = pressed ? "a database's memory is near its limit"
                                         : "a database's memory is no longer near its limit",
                      .fields = fields,
                      .field_count = sizeof fields / sizeof fields[0],
                      .has_level = !pressed,
                      .level = HC_LOG_INFO};
    hc_events_emit(events, HC_EVENT_MEMORY_PRESSURE, &event);
}

void event_tell(hc_events *events, hc_event_kind kind, const char *operation, const char *message,
                const hc_log_field *fields, size_t field_count)
{
    hc_event event = {
        .operation = operation, .message = message, .fields = fields, .field_count = field_count};
    hc_events_emit(events, kind, &event);
}
