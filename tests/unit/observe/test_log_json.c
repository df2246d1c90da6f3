/*
 * test_log_json.c - one line of valid JSON, read back by another parser (jansson).
 */
#include "support/test.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/test_random.h"
#include <hypercache/log.h>

#define LINE_BYTES_MAX 8192u

static json_t *parse(const char *line, size_t size)
{
    json_error_t error;
    json_t *object = json_loadb(
        line, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (object == NULL)
        print_error("%s at %d: %.*s\n", error.text, error.position, (int)size, line);
    assert_non_null(object);
    assert_true(json_is_object(object));
    return object;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "(none)";
}

static void test_a_record_reads_as_the_product_documents_it(void **state)
{
    (void)state;
    hc_log_field fields[] = {
        {.name = "bytes", .kind = HC_FIELD_UINT, .value.u = UINT64_MAX},
        {.name = "success", .kind = HC_FIELD_BOOL, .value.b = true},
        {.name = "delta", .kind = HC_FIELD_INT, .value.i = INT64_MIN},
        {.name = "ratio", .kind = HC_FIELD_REAL, .value.r = 0.1},
        {.name = "peer", .kind = HC_FIELD_TEXT, .text = HC_SPAN("a\"b")},
        {.name = "empty", .kind = HC_FIELD_TEXT},
    };
    hc_log_record record = {
        .level = HC_LOG_INFO,
        .topic = HC_TOPIC_RESP_SERVER,
        .time_ms = INT64_C(1755804645123),
        .operation = "SET",
        .message = "Item stored",
        .correlation_id = HC_SPAN("req-123"),
        .key = HC_SPAN("user:1"),
        .duration_ns = 2340000,
        .fields = fields,
        .field_count = sizeof fields / sizeof *fields,
    };
    char line[1024];
    size_t size = hc_log_record_json(&record, "node-1", line, sizeof line);
    const char *want =
        "{\"timestamp\":\"2025-08-21T19:30:45.123Z\",\"level\":\"INFO\","
        "\"correlationId\":\"req-123\",\"component\":\"RESP_SERVER\",\"operation\":\"SET\","
        "\"key\":\"user:1\",\"nodeId\":\"node-1\",\"duration\":\"2.3ms\",\"success\":true,"
        "\"message\":\"Item stored\",\"bytes\":18446744073709551615,"
        "\"delta\":-9223372036854775808,\"ratio\":0.1,\"peer\":\"a\\\"b\",\"empty\":\"\"}";
    test_assert_span(hc_span_make(line, size), span(want));
}

static void test_an_empty_record_has_only_what_is_known(void **state)
{
    (void)state;
    hc_log_record record = {.level = (hc_log_level)99, .duration_ns = -1};
    char line[HC_LOG_JSON_BYTES_MIN];
    size_t size = hc_log_record_json(&record, NULL, line, sizeof line);
    test_assert_span(hc_span_make(line, size),
                     span("{\"level\":\"UNKNOWN\",\"component\":\"RESP_SERVER\"}"));
}

static void test_a_buffer_below_the_minimum_is_refused_untouched(void **state)
{
    (void)state;
    hc_log_record record = {.message = "m"};
    char line[HC_LOG_JSON_BYTES_MIN] = {0};
    for (size_t bytes = 0; bytes < sizeof line; bytes++) {
        assert_int_equal(hc_log_record_json(&record, NULL, line, bytes), 0);
        assert_int_equal(line[0], 0);
    }
}

static void test_times_are_rfc_3339_in_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t time_ms;
        const char *text;
    } cases[] = {
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(951868799999), "2000-02-29T23:59:59.999Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(1709164800000), "2024-02-29T00:00:00.000Z"},
        {INT64_C(1735689599999), "2024-12-31T23:59:59.999Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hc_log_record record = {.time_ms = cases[i].time_ms, .duration_ns = -1};
        char line[HC_LOG_JSON_BYTES_MIN];
        json_t *object = parse(line, hc_log_record_json(&record, NULL, line, sizeof line));
        assert_string_equal(text_of(object, "timestamp"), cases[i].text);
        json_decref(object);
    }
}

static void test_durations_have_the_unit_that_suits_them(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0ns"},
        {999, "999ns"},
        {1000, "1.0us"},
        {12345, "12.3us"},
        {999949, "999.9us"},
        {999950, "1.0ms"},
        {2300000, "2.3ms"},
        {2349999, "2.3ms"},
        {2350000, "2.4ms"},
        {1500000000, "1.5s"},
        {INT64_C(3600000000000), "3600.0s"},
        {INT64_MAX, "9223372036.9s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hc_log_record record = {.duration_ns = cases[i].ns};
        char line[HC_LOG_JSON_BYTES_MIN];
        json_t *object = parse(line, hc_log_record_json(&record, NULL, line, sizeof line));
        assert_string_equal(text_of(object, "duration"), cases[i].text);
        json_decref(object);
    }
}

static void test_bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
    (void)state;
    static const struct {
        const char *key, *json;
    } cases[] = {
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xc3\xa9", "\xc3\xa9"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xf5", "\xef\xbf\xbd"},                                 /* beyond U+10FFFF */
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut short */
        {"\xe2\x82(", "\xef\xbf\xbd\xef\xbf\xbd("},
        {"\"\\/\b\f\n\r\t\v\x01\x7f", "\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u0001\x7f"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hc_log_record record = {.key = span(cases[i].key), .duration_ns = -1};
        char line[HC_LOG_JSON_BYTES_MIN + 1], want[256];
        size_t size = hc_log_record_json(&record, NULL, line, sizeof line - 1);
        line[size] = '\0';
        (void)snprintf(want, sizeof want, "\"key\":\"%s\"}", cases[i].json);
        assert_non_null(strstr(line, want));
        json_decref(parse(line, size));
    }
}

static void test_reals_stay_json_whatever_they_are(void **state)
{
    (void)state;
    static const double values[] = {0.0,        -0.0,    0.1,    1.0 / 3,
                                    1e300,      -1e-300, 5e-324, 1e21,
                                    123456789., 2.5e15,  -1,     1.7976931348623157e308};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        hc_log_field field = {.name = "v", .kind = HC_FIELD_REAL, .value.r = values[i]};
        hc_log_record record = {.fields = &field, .field_count = 1, .duration_ns = -1};
        char line[HC_LOG_JSON_BYTES_MIN];
        json_t *object = parse(line, hc_log_record_json(&record, NULL, line, sizeof line));
        double back = json_number_value(json_object_get(object, "v"));
        assert_memory_equal(&back, &values[i], i == 1 ? 0 : sizeof back);
        json_decref(object);
    }
    static const double not_numbers[] = {(double)INFINITY, -(double)INFINITY, (double)NAN};
    for (size_t i = 0; i < 3; i++) {
        hc_log_field field = {.name = "v", .kind = HC_FIELD_REAL, .value.r = not_numbers[i]};
        hc_log_record record = {.fields = &field, .field_count = 1, .duration_ns = -1};
        char line[HC_LOG_JSON_BYTES_MIN];
        json_t *object = parse(line, hc_log_record_json(&record, NULL, line, sizeof line));
        assert_true(json_is_null(json_object_get(object, "v")));
        json_decref(object);
    }
}

/* Draws a record with texts of any bytes and any length; `bytes` backs them. */
static void record_draw(test_random *random, hc_log_record *record, hc_log_field fields[8],
                        char strings[3][600], uint8_t *bytes, size_t bytes_max)
{
    static const char *const names[8] = {"f0", "f1", "f2", "success", "f4", NULL, "f6", "f7"};
    test_random_bytes(random, bytes, bytes_max);
    bool printable = test_random_below(random, 2) == 0;
    for (size_t i = 0; printable && i < bytes_max; i++) {
        bytes[i] = (uint8_t)(' ' + bytes[i] % 95);
    }
    memset(record, 0, sizeof *record);
    record->level = (hc_log_level)test_random_below(random, 6);
    record->topic = (hc_topic)test_random_below(random, 11);
    uint64_t magnitude = test_random_below(random, 60);
    record->time_ms = (int64_t)test_random_next(random) >> magnitude;
    record->duration_ns = (int64_t)(test_random_next(random) >> magnitude);
    record->correlation_id = hc_span_make(bytes, test_random_below(random, bytes_max));
    record->key = hc_span_make(bytes, test_random_below(random, bytes_max));
    for (size_t i = 0; i < 3; i++) {
        size_t size = test_random_below(random, 600);
        memcpy(strings[i], bytes + test_random_below(random, bytes_max - 600), size);
        strings[i][size == 0 ? 0 : size - 1] = '\0';
    }
    record->operation = strings[0];
    record->message = strings[1];
    record->fields = fields;
    record->field_count = test_random_below(random, 9);
    for (size_t i = 0; i < record->field_count; i++) {
        fields[i].name = names[i];
        fields[i].kind = i == 3 ? HC_FIELD_BOOL : (hc_field_kind)test_random_below(random, 6);
        fields[i].text = hc_span_make(bytes, test_random_below(random, 300));
        fields[i].value.u = i == 3 ? 1 : test_random_next(random);
        if (fields[i].kind == HC_FIELD_BOOL) fields[i].value.b = true;
    }
}

static void test_any_bytes_in_any_buffer_give_valid_json(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 4);
    for (size_t round = 0; round < 6000; round++) {
        hc_log_record record;
        hc_log_field fields[8];
        char strings[3][600];
        uint8_t bytes[2000];
        memset(fields, 0, sizeof fields);
        record_draw(&random, &record, fields, strings, bytes, sizeof bytes);
        size_t line_bytes =
            HC_LOG_JSON_BYTES_MIN + round % (LINE_BYTES_MAX - HC_LOG_JSON_BYTES_MIN);
        char *line = malloc(line_bytes); /* exactly: a sanitizer sees a byte too many */
        assert_non_null(line);
        size_t size = hc_log_record_json(&record, strings[2], line, line_bytes);
        assert_in_range(size, 2, line_bytes);
        json_t *object = parse(line, size);
        assert_non_null(json_object_get(object, "level"));
        assert_non_null(json_object_get(object, "component"));
        if (record.field_count > 3) assert_true(json_is_true(json_object_get(object, "success")));
        json_decref(object);
        free(line);
    }
}

static void test_a_full_line_loses_whole_fields_from_the_end_first(void **state)
{
    (void)state;
    char long_text[300];
    memset(long_text, 'x', sizeof long_text);
    hc_log_field fields[] = {
        {.name = "first", .kind = HC_FIELD_TEXT, .text = hc_span_make(long_text, 150)},
        {.name = "second", .kind = HC_FIELD_TEXT, .text = hc_span_make(long_text, 200)},
        {.name = "third", .kind = HC_FIELD_BOOL},
    };
    hc_log_record record = {
        .duration_ns = -1, .message = "whole message", .fields = fields, .field_count = 3};
    for (size_t bytes = 512; bytes < 700; bytes++) {
        char line[700];
        json_t *object = parse(line, hc_log_record_json(&record, NULL, line, bytes));
        assert_string_equal(text_of(object, "message"), "whole message");
        const json_t *first = json_object_get(object, "first");
        const json_t *second = json_object_get(object, "second");
        const json_t *third = json_object_get(object, "third");
        assert_true(first != NULL);
        assert_true(second == NULL || json_string_length(second) == 200);
        assert_true(third == NULL || second != NULL);
        json_decref(object);
    }
    /* The second field alone is dropped here, and with it the third, though that would fit. */
    fields[1].text = hc_span_make(long_text, 300);
    char line[512];
    json_t *object = parse(line, hc_log_record_json(&record, NULL, line, sizeof line));
    assert_null(json_object_get(object, "second"));
    assert_null(json_object_get(object, "third"));
    json_decref(object);
}

static void test_a_long_message_is_cut_between_characters_and_marked(void **state)
{
    (void)state;
    char message[1201];
    for (size_t i = 0; i < 400; i++) {
        memcpy(message + 3 * i, "\xe2\x82\xac", 3);
    }
    message[1200] = '\0';
    for (size_t bytes = HC_LOG_JSON_BYTES_MIN; bytes < HC_LOG_JSON_BYTES_MIN + 8; bytes++) {
        hc_log_record record = {.message = message, .duration_ns = -1};
        char line[HC_LOG_JSON_BYTES_MIN + 8];
        size_t size = hc_log_record_json(&record, NULL, line, bytes);
        assert_in_range(size, bytes - 5, bytes); /* uses the room: less than 2 characters left */
        json_t *object = parse(line, size);
        const char *got = text_of(object, "message");
        size_t length = strlen(got);
        assert_string_equal(got + length - 3, "...");
        assert_int_equal((length - 3) % 3, 0);
        assert_memory_equal(got, message, length - 3);
        json_decref(object);
    }
}

static void test_a_long_key_leaves_room_for_the_rest(void **state)
{
    (void)state;
    static uint8_t key[65536];
    memset(key, 1, sizeof key); /* six bytes each as JSON */
    hc_log_record record = {.time_ms = 1,
                            .key = hc_span_make(key, sizeof key),
                            .correlation_id = hc_span_make(key, sizeof key),
                            .message = "what happened",
                            .duration_ns = INT64_MAX};
    char line[HC_LOG_JSON_BYTES_MIN];
    json_t *object = parse(line, hc_log_record_json(&record, "node", line, sizeof line));
    assert_string_equal(text_of(object, "message"), "what happened");
    assert_string_equal(text_of(object, "nodeId"), "node");
    json_decref(object);
}

static void test_a_locale_with_a_decimal_comma_changes_nothing(void **state)
{
    (void)state;
    /* Where no such locale is installed the C locale stays, and the check still holds. */
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)setlocale(LC_NUMERIC, names[i]);
        hc_log_field field = {.name = "v", .kind = HC_FIELD_REAL, .value.r = 1.5};
        hc_log_record record = {.fields = &field, .field_count = 1, .duration_ns = -1};
        char line[HC_LOG_JSON_BYTES_MIN + 1];
        size_t size = hc_log_record_json(&record, NULL, line, sizeof line - 1);
        line[size] = '\0';
        (void)setlocale(LC_NUMERIC, "C");
        assert_non_null(strstr(line, "\"v\":1.5}"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_reads_as_the_product_documents_it),
        cmocka_unit_test(test_an_empty_record_has_only_what_is_known),
        cmocka_unit_test(test_a_buffer_below_the_minimum_is_refused_untouched),
        cmocka_unit_test(test_times_are_rfc_3339_in_utc),
        cmocka_unit_test(test_durations_have_the_unit_that_suits_them),
        cmocka_unit_test(test_bytes_that_are_not_utf8_become_replacement_characters),
        cmocka_unit_test(test_reals_stay_json_whatever_they_are),
        cmocka_unit_test(test_any_bytes_in_any_buffer_give_valid_json),
        cmocka_unit_test(test_a_full_line_loses_whole_fields_from_the_end_first),
        cmocka_unit_test(test_a_long_message_is_cut_between_characters_and_marked),
        cmocka_unit_test(test_a_long_key_leaves_room_for_the_rest),
        cmocka_unit_test(test_a_locale_with_a_decimal_comma_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
