/* test_trace_context.c - traceparent is read strictly, written as read, and a span's words fit. */
#include "support/test.h"

#include <stdio.h>

#include <hypercache/trace.h>

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00-" ID "-00f067aa0ba902b7-01"

static void test_a_traceparent_is_read_and_written_back(void **state)
{
    (void)state;
    hc_trace_context context;
    bool sampled = false;
    char text[HC_TRACEPARENT_CHARS], id[HC_TRACE_ID_CHARS], span_id[HC_SPAN_ID_CHARS];
    assert_true(hc_traceparent_parse(HC_SPAN(PARENT), &context, &sampled));
    assert_true(sampled);
    hc_traceparent_text(&context, true, text);
    assert_string_equal(text, PARENT);
    hc_trace_id_text(context.trace_id, id);
    assert_string_equal(id, ID);
    hc_span_id_text(context.span_id, span_id);
    assert_string_equal(span_id, "00f067aa0ba902b7");
    assert_true(hc_trace_has_span(&context));
    assert_true(hc_traceparent_parse(HC_SPAN("00-" ID "-00f067aa0ba902b7-00"), &context, &sampled));
    assert_false(sampled);
}

static void test_what_is_no_traceparent_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {PARENT, true},
        {"01-" ID "-00f067aa0ba902b7-01-more", true}, /* a later version */
        {"01-" ID "-00f067aa0ba902b7-01", true},
        {"01-" ID "-00f067aa0ba902b7-01more", false},
        {PARENT "-more", false},
        {"ff-" ID "-00f067aa0ba902b7-01", false},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false},
        {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
        {"00-" ID "-0000000000000000-01", false},
        {"00-" ID "-00f067aa0ba902bg-01", false},
        {"00_" ID "-00f067aa0ba902b7-01", false},
        {"00-" ID "-00f067aa0ba902b7-0", false},
        {"0", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hc_trace_context context;
        bool sampled;
        if (hc_traceparent_parse(span(rows[i].text), &context, &sampled) != rows[i].good)
            fail_msg("%s", rows[i].text);
    }
}

static void test_an_id_of_the_callers_is_a_trace_id_if_it_looks_like_one(void **state)
{
    (void)state;
    uint8_t a[HC_TRACE_ID_BYTES], b[HC_TRACE_ID_BYTES];
    assert_true(hc_trace_id_parse(HC_SPAN(ID), a));
    assert_true(hc_trace_id_parse(HC_SPAN("4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"), b));
    assert_memory_equal(a, b, sizeof a);
    assert_false(hc_trace_id_parse(HC_SPAN("order-17"), a));
    assert_false(hc_trace_id_parse(HC_SPAN("00000000000000000000000000000000"), a));
    assert_false(hc_trace_id_parse(HC_SPAN("4bf92f35-77b3-4da6-a3ce929d0e0e-4736"), a));
    assert_false(hc_trace_id_parse(HC_SPAN("4bf92f3577b34da6a3ce929d0e0e473-"), a));
}

static void test_words_that_do_not_fit_are_cut_or_left_out(void **state)
{
    (void)state;
    static char long_text[HC_TRACE_TEXT_BYTES];
    hc_trace_span one = {.kind = HC_TRACE_SERVER};
    memset(long_text, 'x', sizeof long_text);
    hc_trace_name(&one, hc_span_make(long_text, sizeof long_text));
    assert_int_equal(strlen(one.name), HC_TRACE_NAME_CHARS - 1);
    hc_trace_text(&one, "a", HC_SPAN("first"));
    hc_trace_text(&one, "b", hc_span_make(long_text, sizeof long_text));
    hc_trace_text(&one, "c", HC_SPAN("no room"));
    hc_trace_number(&one, "d", -4);
    test_assert_span(hc_trace_text_of(&one, &one.attributes[0]), HC_SPAN("first"));
    assert_int_equal(one.attributes[1].text_bytes, HC_TRACE_TEXT_BYTES - 5);
    assert_int_equal(one.attributes[2].text_bytes, 0);
    assert_int_equal(one.attributes[3].number, -4);
    for (unsigned i = 0; i < HC_TRACE_ATTRIBUTES_MAX; i++)
        hc_trace_number(&one, "e", 1);
    assert_int_equal(one.attribute_count, HC_TRACE_ATTRIBUTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_traceparent_is_read_and_written_back),
        cmocka_unit_test(test_what_is_no_traceparent_is_refused),
        cmocka_unit_test(test_an_id_of_the_callers_is_a_trace_id_if_it_looks_like_one),
        cmocka_unit_test(test_words_that_do_not_fit_are_cut_or_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
