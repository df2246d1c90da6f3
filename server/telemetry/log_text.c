/*
 * log_text.c - appends pieces to a buffer that remembers when it is full.
 */
#include "telemetry/log_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct line {
    char *text;
    size_t bytes, used;
} line;

__attribute__((format(printf, 2, 3))) static void add(line *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(to->text + to->used, to->bytes - to->used, format, args);
    va_end(args);
    if (size < 0) return;
    size_t room = to->bytes - to->used - 1;
    to->used += (size_t)size < room ? (size_t)size : room;
}

static void add_span(line *to, hc_span span)
{
    for (size_t i = 0; i < span.size && to->used + 1 < to->bytes; i++) {
        uint8_t byte = span.data[i];
        if (byte < 0x20 || byte > 0x7e) {
            add(to, "\\x%02x", byte);
        } else {
            add(to, "%c", byte);
        }
    }
}

static void add_quoted(line *to, const char *name, hc_span span)
{
    add(to, " %s=\"", name);
    add_span(to, span);
    add(to, "\"");
}

static void add_field(line *to, const hc_log_field *field)
{
    switch (field->kind) {
    case HC_FIELD_TEXT:
        add_quoted(to, field->name, field->text);
        break;
    case HC_FIELD_INT:
        add(to, " %s=%" PRId64, field->name, field->value.i);
        break;
    case HC_FIELD_UINT:
        add(to, " %s=%" PRIu64, field->name, field->value.u);
        break;
    case HC_FIELD_BOOL:
        add(to, " %s=%s", field->name, field->value.b ? "true" : "false");
        break;
    case HC_FIELD_REAL:
        add(to, " %s=%g", field->name, field->value.r);
        break;
    }
}

size_t log_record_text(const hc_log_record *record, char *buffer, size_t buffer_bytes)
{
    assert(buffer_bytes > 0);
    line to = {buffer, buffer_bytes, 0};
    buffer[0] = '\0';
    time_t seconds = (time_t)(record->time_ms / 1000);
    struct tm tm;
    char stamp[32] = "";
    if (gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    add(&to, "%s.%03dZ %-5s %s", stamp, (int)(record->time_ms % 1000),
        hc_log_level_name(record->level), hc_topic_name(record->topic));
    if (record->operation != NULL) add(&to, " %s:", record->operation);
    if (record->message != NULL) {
        add(&to, " ");
        add_span(&to, hc_span_make(record->message, strlen(record->message)));
    }
    if (record->key.size > 0) add_quoted(&to, "key", record->key);
    if (record->correlation_id.size > 0) add_quoted(&to, "correlationId", record->correlation_id);
    if (record->duration_ns >= 0) add(&to, " duration=%.3fms", (double)record->duration_ns / 1e6);
    for (size_t i = 0; i < record->field_count; i++)
        add_field(&to, &record->fields[i]);
    return to.used;
}
