/*
 * log_json.c - a log record as one line of JSON that is valid whatever the record holds.
 *
 *     {"timestamp":..,"level":..,"correlationId":..,"component":..,"operation":..,"key":..,
 *      "nodeId":..,"duration":..,"success":..,"message":..,<fields>}
 *      |-------------------- head --------------------|
 *
 * How it stays valid in a small buffer: names and fixed values of the head take at most
 * HEAD_BYTES_MAX; each of its four free texts is cut at an eighth of the buffer, so the head leaves
 * room for the message.  The message is cut to what is left, less the closing brace; a field that
 * does not fit whole is undone, and so ends the list.  Text that was cut ends in "...".
 *
 * A "success" among the fields stands in the head, where people look for it.
 */
#include <hypercache/log.h>

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "observe/real_text.h"

/* {"timestamp":"...","level":"UNKNOWN","correlationId":"","component":"STORAGE_ENGINE",
 * "operation":"","key":"","nodeId":"","duration":"9223372036.9s","success":false,"message":""} */
#define HEAD_BYTES_MAX 198u
#define HEAD_TEXTS 4u
#define CUT_MARK "..."
#define CUT_MARK_BYTES 3u
#define UNIT_BYTES_MAX 6u /* of one character as JSON: \u001f */

_Static_assert(HEAD_BYTES_MAX + HEAD_TEXTS * (HC_LOG_JSON_BYTES_MIN / 8) + CUT_MARK_BYTES <=
                   HC_LOG_JSON_BYTES_MIN,
               "the smallest buffer holds any head and a mark for the message");

/* Writes to `at` up to `end`; what does not fit is left out and noted. */
typedef struct writer {
    char *at;
    char *end;
    bool full;
} writer;

static void put(writer *to, const char *bytes, size_t count)
{
    if (count > (size_t)(to->end - to->at)) {
        to->full = true;
        return;
    }
    memcpy(to->at, bytes, count);
    to->at += count;
}

static void put_string(writer *to, const char *string)
{
    put(to, string, strlen(string));
}

/* Puts the first character of `text` into `unit` as it stands inside a JSON string, its size there
 * into *unit_size.  Returns how many bytes of `text` it took. */
static size_t json_unit(hc_span text, char unit[UNIT_BYTES_MAX + 1], size_t *unit_size)
{
    static const char short_names[] = "btn_fr"; /* of 0x08..0x0d; 0x0b has none */
    uint8_t first = text.data[0];
    size_t size = hci_utf8_size(text.data, text.size);
    if (size == 0) {
        memcpy(unit, HCI_UTF8_UNKNOWN, 3);
        *unit_size = 3;
        return 1;
    }
    if (first == '"' || first == '\\') {
        unit[0] = '\\';
        unit[1] = (char)first;
        *unit_size = 2;
    } else if (first >= 0x08 && first <= 0x0d && first != 0x0b) {
        unit[0] = '\\';
        unit[1] = short_names[first - 0x08];
        *unit_size = 2;
    } else if (first < 0x20) {
        (void)snprintf(unit, UNIT_BYTES_MAX + 1, "\\u%04x", first);
        *unit_size = UNIT_BYTES_MAX;
    } else {
        memcpy(unit, text.data, size);
        *unit_size = size;
    }
    return size;
}

/* Writes the inside of a JSON string in at most `limit_bytes` >= CUT_MARK_BYTES.  A text that is
 * longer is cut between characters and marked; returns whether it is whole. */
static bool put_text(writer *to, hc_span text, size_t limit_bytes)
{
    if (limit_bytes > (size_t)(to->end - to->at)) limit_bytes = (size_t)(to->end - to->at);
    char *limit = to->at + limit_bytes;
    char *cut = to->at; /* the last place where the mark still fits */
    while (text.size > 0) {
        char unit[UNIT_BYTES_MAX + 1];
        size_t unit_size;
        size_t taken = json_unit(text, unit, &unit_size);
        if (unit_size > (size_t)(limit - to->at)) {
            to->at = cut;
            put(to, CUT_MARK, CUT_MARK_BYTES);
            return false;
        }
        put(to, unit, unit_size);
        text.data += taken;
        text.size -= taken;
        if ((size_t)(limit - to->at) >= CUT_MARK_BYTES) cut = to->at;
    }
    return true;
}

static hc_span string_span(const char *string)
{
    return string != NULL ? hc_span_make(string, strlen(string)) : hc_span_make(NULL, 0);
}

/* ,"name":  ("," only after something) */
static void put_name(writer *to, const char *name)
{
    if (to->at[-1] != '{') put(to, ",", 1);
    put(to, "\"", 1);
    if (!put_text(to, string_span(name), SIZE_MAX)) to->full = true;
    put(to, "\":", 2);
}

/* A name and a text in quotes; no text, no name. */
static void put_pair(writer *to, const char *name, hc_span text, size_t limit_bytes)
{
    if (text.size == 0) return;
    put_name(to, name);
    put(to, "\"", 1);
    (void)put_text(to, text, limit_bytes);
    put(to, "\"", 1);
}

/* RFC 3339, UTC, milliseconds; times outside the years 0..9999, which have no such form, are moved
 * to its ends.  Days become a date in years that begin in March, so that the leap day is the last
 * day of its year (H. Hinnant, "chrono-compatible low-level date algorithms"). */
static void put_time(writer *to, int64_t time_ms)
{
    const int64_t day_ms = 86400000, era_days = 146097 /* 400 years */;
    const int64_t first_ms = INT64_C(-62167219200000), last_ms = INT64_C(253402300799999);
    if (time_ms < first_ms) time_ms = first_ms;
    if (time_ms > last_ms) time_ms = last_ms;
    /* From 1 March of the year -400 on, so that nothing below is negative. */
    int64_t since_ms = time_ms + (719468 + era_days) * day_ms;
    int64_t days = since_ms / day_ms;
    int in_day_ms = (int)(since_ms % day_ms);
    int era = (int)(days / era_days), day_of_era = (int)(days % era_days);
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096);
    year_of_era /= 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int from_march = (5 * day_of_year + 2) / 153; /* months */
    int day = day_of_year - (153 * from_march + 2) / 5 + 1;
    int month = from_march < 10 ? from_march + 3 : from_march - 9;
    int year = year_of_era + (era - 1) * 400 + (month <= 2 ? 1 : 0);
    char text[48];
    int size = snprintf(text, sizeof text, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", year, month,
                        day, in_day_ms / 3600000, in_day_ms / 60000 % 60, in_day_ms / 1000 % 60,
                        in_day_ms % 1000);
    put(to, text, (size_t)size);
}

/* "850ns", "12.3us", "2.3ms", "1.5s": one decimal, rounded half up. */
static void put_duration(writer *to, int64_t duration_ns)
{
    static const char *const units[] = {"us", "ms", "s"};
    char text[40];
    int size;
    if (duration_ns < 1000) {
        size = snprintf(text, sizeof text, "\"%" PRId64 "ns\"", duration_ns);
    } else {
        int64_t tenth_ns = 100;
        size_t unit = 0;
        int64_t tenths = duration_ns / tenth_ns + (duration_ns % tenth_ns >= tenth_ns / 2);
        while (tenths >= 10000 && unit < 2) {
            tenth_ns *= 1000;
            unit++;
            tenths = duration_ns / tenth_ns + (duration_ns % tenth_ns >= tenth_ns / 2);
        }
        size = snprintf(text, sizeof text, "\"%" PRId64 ".%d%s\"", tenths / 10, (int)(tenths % 10),
                        units[unit]);
    }
    put(to, text, (size_t)size);
}

static void put_real(writer *to, double value)
{
    char text[HCI_REAL_CHARS];
    if (isfinite(value))
        put(to, text, hci_real_text(value, text));
    else
        put_string(to, "null"); /* JSON has no such numbers */
}

static void put_value(writer *to, const hc_log_field *field)
{
    char text[24];
    switch (field->kind) {
    case HC_FIELD_TEXT:
        put(to, "\"", 1);
        if (!put_text(to, field->text, SIZE_MAX)) to->full = true;
        put(to, "\"", 1);
        return;
    case HC_FIELD_INT:
        put(to, text, hci_format_int64(field->value.i, text));
        return;
    case HC_FIELD_UINT:
        put(to, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, field->value.u));
        return;
    case HC_FIELD_BOOL:
        put_string(to, field->value.b ? "true" : "false");
        return;
    case HC_FIELD_REAL:
        put_real(to, field->value.r);
        return;
    }
    put_string(to, "null");
}

static bool is_success(const hc_log_field *field)
{
    return field->kind == HC_FIELD_BOOL && field->name != NULL &&
           strcmp(field->name, "success") == 0;
}

static void put_head(writer *to, const hc_log_record *record, const char *node_id,
                     size_t text_bytes_max)
{
    if (record->time_ms != 0) {
        put_name(to, "timestamp");
        put_time(to, record->time_ms);
    }
    put_pair(to, "level", string_span(hc_log_level_name(record->level)), SIZE_MAX);
    put_pair(to, "correlationId", record->correlation_id, text_bytes_max);
    put_pair(to, "component", string_span(hc_topic_name(record->topic)), SIZE_MAX);
    put_pair(to, "operation", string_span(record->operation), text_bytes_max);
    put_pair(to, "key", record->key, text_bytes_max);
    put_pair(to, "nodeId", string_span(node_id), text_bytes_max);
    if (record->duration_ns >= 0) {
        put_name(to, "duration");
        put_duration(to, record->duration_ns);
    }
    for (size_t i = 0; i < record->field_count; i++) {
        if (!is_success(&record->fields[i])) continue;
        put_name(to, "success");
        put_value(to, &record->fields[i]);
        break;
    }
}

static void put_fields(writer *to, const hc_log_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const hc_log_field *field = &record->fields[i];
        if (field->name == NULL || is_success(field)) continue;
        char *before = to->at;
        put_name(to, field->name);
        put_value(to, field);
        if (to->full) {
            to->at = before;
            return;
        }
    }
}

size_t hc_log_record_json(const hc_log_record *record, const char *node_id, char *buffer,
                          size_t buffer_bytes)
{
    if (buffer_bytes < HC_LOG_JSON_BYTES_MIN) return 0;
    writer to = {.at = buffer, .end = buffer + buffer_bytes - 1}; /* less the closing brace */
    put(&to, "{", 1);
    put_head(&to, record, node_id, buffer_bytes / 8);
    if (record->message != NULL && record->message[0] != '\0') {
        put_name(&to, "message");
        put(&to, "\"", 1);
        to.end--; /* room for the quote */
        (void)put_text(&to, string_span(record->message), SIZE_MAX);
        to.end++;
        put(&to, "\"", 1);
    }
    assert(!to.full); /* see HEAD_BYTES_MAX */
    put_fields(&to, record);
    *to.at++ = '}';
    return (size_t)(to.at - buffer);
}
