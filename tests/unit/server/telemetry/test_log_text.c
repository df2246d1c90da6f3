/*
 * test_log_text.c - records as lines for people.
 */
#include "support/test.h"

#include <hypercache/log.h>

#include "telemetry/log_text.h"

static hc_log_record record_make(void)
{
    return (hc_log_record){.level = HC_LOG_WARN,
                           .topic = HC_TOPIC_RESP_SERVER,
                           .time_ms = 1700000000123,
                           .duration_ns = -1};
}

static void test_a_bare_record_is_time_level_and_component(void **state)
{
    (void)state;
    hc_log_record record = record_make();
    char text[256];
    size_t size = log_record_text(&record, text, sizeof text);
    assert_string_equal(text, "2023-11-14T22:13:20.123Z WARN  RESP_SERVER");
    assert_int_equal(size, strlen(text));
}

static void test_everything_a_record_holds_is_shown(void **state)
{
    (void)state;
    hc_log_record record = record_make();
    hc_log_field fields[] = {
        {.name = "text", .kind = HC_FIELD_TEXT, .text = span("a b")},
        {.name = "int", .kind = HC_FIELD_INT, .value.i = -5},
        {.name = "uint", .kind = HC_FIELD_UINT, .value.u = UINT64_MAX},
        {.name = "bool", .kind = HC_FIELD_BOOL, .value.b = true},
        {.name = "real", .kind = HC_FIELD_REAL, .value.r = 0.5},
    };
    record.operation = "SET";
    record.message = "slow";
    record.key = span("k");
    record.correlation_id = span("c-1");
    record.duration_ns = 1500000;
    record.fields = fields;
    record.field_count = 5;
    char text[512];
    (void)log_record_text(&record, text, sizeof text);
    assert_string_equal(text, "2023-11-14T22:13:20.123Z WARN  RESP_SERVER SET: slow key=\"k\" "
                              "correlationId=\"c-1\" duration=1.500ms text=\"a b\" int=-5 "
                              "uint=18446744073709551615 bool=true real=0.5");
}

static void test_bytes_from_outside_cannot_break_the_line_or_the_terminal(void **state)
{
    (void)state;
    hc_log_record record = record_make();
    record.message = "a\nb\x1b[31m";
    record.key = hc_span_make("\x00\xff\r", 3);
    char text[256];
    (void)log_record_text(&record, text, sizeof text);
    assert_string_equal(text, "2023-11-14T22:13:20.123Z WARN  RESP_SERVER a\\x0ab\\x1b[31m "
                              "key=\"\\x00\\xff\\x0d\"");
}

static void test_what_does_not_fit_is_cut(void **state)
{
    (void)state;
    hc_log_record record = record_make();
    char message[1000], text[1000];
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    record.message = message;
    record.key = span("key");
    for (size_t room = 1; room < 200; room++) {
        memset(text, '#', sizeof text);
        size_t size = log_record_text(&record, text, room);
        assert_int_equal(size, room - 1);
        assert_int_equal(text[size], '\0');
        assert_int_equal(text[room], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bare_record_is_time_level_and_component),
        cmocka_unit_test(test_everything_a_record_holds_is_shown),
        cmocka_unit_test(test_bytes_from_outside_cannot_break_the_line_or_the_terminal),
        cmocka_unit_test(test_what_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
