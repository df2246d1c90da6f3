/* test_span_encode.c - a span in each form: OTLP's bytes, OTLP's JSON, Zipkin's JSON. */
#include "telemetry/span_encode.h"

#include <jansson.h>
#include <stdio.h>

#include "support/test.h"
#include "telemetry/span_post.h"

static const span_source source = {.node_id = "n1", .version = "9.9"};

static hc_trace_span example(void)
{
    hc_trace_span one = {.kind = HC_TRACE_SERVER,
                         .failed = true,
                         .start_ns = INT64_C(1700000000123456789),
                         .duration_ns = 1500};
    memset(one.context.trace_id, 0xab, sizeof one.context.trace_id);
    memset(one.context.span_id, 0xcd, sizeof one.context.span_id);
    memset(one.parent_id, 0xef, sizeof one.parent_id);
    hc_trace_name(&one, HC_SPAN("GET"));
    hc_trace_text(&one, "db.system.name", HC_SPAN("hyper\"cache"));
    hc_trace_number(&one, "hypercache.slot", 5);
    return one;
}

static json_t *encoded(span_format format, const hc_trace_span *spans, size_t count)
{
    http_bytes to = {.size = 0};
    json_error_t why;
    spans_encode(format, &source, spans, count, &to);
    assert_false(to.failed);
    json_t *found = json_loadb((const char *)to.data, to.size, JSON_REJECT_DUPLICATES, &why);
    if (found == NULL) fail_msg("%s", why.text);
    http_bytes_fini(&to);
    return found;
}

static void assert_field(const json_t *of, const char *name, const char *want)
{
    const char *got = json_string_value(json_object_get(of, name));
    assert_non_null(got);
    assert_string_equal(got, want);
}

static const json_t *within(const json_t *of, const char *name)
{
    const json_t *list = json_object_get(of, name);
    assert_non_null(list);
    return json_is_array(list) ? json_array_get(list, 0) : list;
}

static void test_otlp_json_has_ids_in_hex_and_wide_numbers_as_text(void **state)
{
    (void)state;
    hc_trace_span one = example();
    json_t *all = encoded(SPAN_OTLP_JSON, &one, 1);
    const json_t *scope = within(within(all, "resourceSpans"), "scopeSpans");
    const json_t *span = within(scope, "spans");
    assert_field(span, "traceId", "abababababababababababababababab");
    assert_field(span, "spanId", "cdcdcdcdcdcdcdcd");
    assert_field(span, "parentSpanId", "efefefefefefefef");
    assert_field(span, "startTimeUnixNano", "1700000000123456789");
    assert_field(span, "endTimeUnixNano", "1700000000123458289");
    assert_int_equal(json_integer_value(json_object_get(span, "kind")), 2);
    assert_int_equal(json_integer_value(json_object_get(within(span, "status"), "code")), 2);
    assert_field(within(within(span, "attributes"), "value"), "stringValue", "hyper\"cache");
    json_decref(all);
}

static void test_zipkin_has_microseconds_and_tags(void **state)
{
    (void)state;
    hc_trace_span two[2] = {example(), example()};
    two[1].kind = HC_TRACE_INTERNAL;
    two[1].duration_ns = 0;
    two[1].failed = false;
    memset(two[1].parent_id, 0, sizeof two[1].parent_id);
    json_t *all = encoded(SPAN_ZIPKIN, two, 2);
    const json_t *first = json_array_get(all, 0), *second = json_array_get(all, 1);
    assert_int_equal(json_array_size(all), 2);
    assert_field(first, "id", "cdcdcdcdcdcdcdcd");
    assert_field(first, "kind", "SERVER");
    assert_field(within(first, "localEndpoint"), "serviceName", "n1");
    assert_field(within(first, "tags"), "hypercache.slot", "5");
    assert_field(within(first, "tags"), "error", "true");
    assert_true(json_integer_value(json_object_get(first, "timestamp")) == 1700000000123456);
    assert_int_equal(json_integer_value(json_object_get(first, "duration")), 2);
    assert_null(json_object_get(second, "kind"));
    assert_null(json_object_get(second, "parentId"));
    assert_int_equal(json_integer_value(json_object_get(second, "duration")), 1);
    json_decref(all);
}

/* The field of that number in a message; size 0: it has none. */
static hc_span field_of(hc_span message, unsigned wanted)
{
    const uint8_t *at = message.data, *end = at + message.size;
    while (at < end) {
        unsigned head = *at++;
        if (head >= 0x80) head = (head & 0x7f) | (unsigned)*at++ << 7;
        size_t size = 0;
        if ((head & 7) == 2) {
            for (unsigned shift = 0;; shift += 7) {
                size |= (size_t)(*at & 0x7f) << shift;
                if ((*at++ & 0x80) == 0) break;
            }
        } else if ((head & 7) == 0) {
            while (at[size++] >= 0x80)
                continue;
        } else {
            size = (head & 7) == 1 ? 8 : 4;
        }
        assert_true(size <= (size_t)(end - at));
        if (head >> 3 == wanted) return hc_span_make(at, size);
        at += size;
    }
    return hc_span_make(NULL, 0);
}

static void test_otlp_bytes_hold_what_the_span_holds(void **state)
{
    (void)state;
    hc_trace_span one = example();
    http_bytes to = {.size = 0};
    spans_encode(SPAN_OTLP, &source, &one, 1, &to);
    hc_span resource = field_of(http_bytes_view(&to), 1);
    hc_span service = field_of(field_of(resource, 1), 1);
    test_assert_span(field_of(service, 1), HC_SPAN("service.name"));
    test_assert_span(field_of(field_of(service, 2), 1), HC_SPAN("hypercached"));
    hc_span span = field_of(field_of(resource, 2), 2);
    test_assert_span(field_of(span, 1), hc_span_make(one.context.trace_id, HC_TRACE_ID_BYTES));
    test_assert_span(field_of(span, 2), hc_span_make(one.context.span_id, HC_SPAN_ID_BYTES));
    test_assert_span(field_of(span, 4), hc_span_make(one.parent_id, HC_SPAN_ID_BYTES));
    test_assert_span(field_of(span, 5), HC_SPAN("GET"));
    test_assert_span(field_of(span, 6), HC_SPAN("\x02"));
    hc_span start = field_of(span, 7);
    assert_int_equal(start.size, 8);
    for (unsigned i = 0; i < 8; i++) /* the lowest byte first */
        assert_int_equal(start.data[i], (uint64_t)one.start_ns >> 8 * i & 0xff);
    hc_span attribute = field_of(span, 9);
    test_assert_span(field_of(attribute, 1), HC_SPAN("db.system.name"));
    test_assert_span(field_of(field_of(attribute, 2), 1), HC_SPAN("hyper\"cache"));
    test_assert_span(field_of(field_of(span, 15), 3), HC_SPAN("\x02"));
    http_bytes_fini(&to);
}

static void test_endpoints_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *port, *path;
    } rows[] = {
        {"http://127.0.0.1:4318", "127.0.0.1", "4318", "/v1/traces"},
        {"HTTP://collector", "collector", "80", "/v1/traces"},
        {"http://collector:9411/", "collector", "9411", "/v1/traces"},
        {"http://[::1]:4318/a/b", "::1", "4318", "/a/b"},
        {"https://collector:4318", NULL, NULL, NULL},
        {"collector:4318", NULL, NULL, NULL},
        {"http://", NULL, NULL, NULL},
        {"http://:4318", NULL, NULL, NULL},
        {"http://host:", NULL, NULL, NULL},
        {"http://host:123456", NULL, NULL, NULL},
        {"http://host:1a", NULL, NULL, NULL},
        {"http://[::1", NULL, NULL, NULL},
        {"http://host/a b", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        span_endpoint found;
        bool good = span_endpoint_parse(rows[i].text, "/v1/traces", &found);
        if (good != (rows[i].host != NULL)) fail_msg("%s", rows[i].text);
        if (!good) continue;
        assert_string_equal(found.host, rows[i].host);
        assert_string_equal(found.port, rows[i].port);
        assert_string_equal(found.path, rows[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_otlp_json_has_ids_in_hex_and_wide_numbers_as_text),
        cmocka_unit_test(test_zipkin_has_microseconds_and_tags),
        cmocka_unit_test(test_otlp_bytes_hold_what_the_span_holds),
        cmocka_unit_test(test_endpoints_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
