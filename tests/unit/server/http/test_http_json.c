/* test_http_json.c - JSON as it is written, base64 both ways, times and answers of commands. */
#include "support/test.h"

#include <math.h>
#include <string.h>

#include "http/http_answer.h"
#include "http/http_json.h"
#include "http/http_print.h"
#include "http/http_values.h"

static void assert_bytes(http_bytes *of, const char *text)
{
    http_bytes_byte(of, '\0');
    assert_false(of->failed);
    assert_string_equal((const char *)of->data, text);
    http_bytes_fini(of);
}

static void test_commas_and_nesting(void **state)
{
    (void)state;
    http_bytes bytes = {0};
    json_out out;
    put_begin(&out, &bytes);
    put_object(&out);
    put_key(&out, "a");
    put_array(&out);
    put_int(&out, -1);
    put_int(&out, INT64_MIN);
    put_uint(&out, UINT64_MAX);
    put_object(&out);
    put_end(&out);
    put_array(&out);
    put_end(&out);
    put_null(&out);
    put_end(&out);
    put_key(&out, "b");
    put_bool(&out, true);
    put_key(&out, "c");
    put_real(&out, HUGE_VAL);
    put_key(&out, "d");
    put_seconds(&out, 1500);
    put_end(&out);
    assert_bytes(&bytes, "{\"a\":[-1,-9223372036854775808,18446744073709551615,{},[],null],"
                         "\"b\":true,\"c\":null,\"d\":1.500}");
}

static void test_texts_are_escaped_and_always_utf8(void **state)
{
    (void)state;
    const struct {
        hc_span text;
        const char *want;
        bool utf8;
    } rows[] = {
        {HC_SPAN("a\"b\\c\n\t\x01\x7f</"), "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\\u003c/\"", true},
        {HC_SPAN("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
         "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", true},
        {HC_SPAN("\xff\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", false},
        {HC_SPAN("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", false}, /* too long a NUL */
        {HC_SPAN("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", false},
        {HC_SPAN(""), "\"\"", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_bytes bytes = {0};
        json_out out;
        put_begin(&out, &bytes);
        put_text(&out, rows[i].text);
        assert_bytes(&bytes, rows[i].want);
        assert_int_equal(text_is_utf8(rows[i].text), rows[i].utf8);
    }
}

static void test_base64_there_and_back(void **state)
{
    (void)state;
    uint8_t every[256];
    for (unsigned i = 0; i < 256; i++)
        every[i] = (uint8_t)i;
    for (size_t size = 0; size <= sizeof every; size++) {
        http_bytes text = {0}, back = {0};
        json_out out;
        put_begin(&out, &text);
        put_base64(&out, hc_span_make(every, size));
        assert_true(base64_decode(hc_span_make(text.data + 1, text.size - 2), &back));
        assert_int_equal(back.size, size);
        if (size > 0) assert_memory_equal(back.data, every, size);
        http_bytes_fini(&text);
        http_bytes_fini(&back);
    }
    http_bytes bytes = {0};
    assert_false(base64_decode(HC_SPAN("a"), &bytes));
    assert_false(base64_decode(HC_SPAN("a==="), &bytes));
    assert_false(base64_decode(HC_SPAN("a=aa"), &bytes));
    assert_false(base64_decode(HC_SPAN("aa\0a"), &bytes));
    http_bytes_fini(&bytes);
}

static void test_times_to_live(void **state)
{
    (void)state;
    const struct {
        hc_span text;
        int64_t ms; /* -1: none */
    } rows[] = {{HC_SPAN("30m"), 1800000},
                {HC_SPAN("90"), 90000},
                {HC_SPAN("250ms"), 250},
                {HC_SPAN("1h30m"), 5400000},
                {HC_SPAN("1d"), 86400000},
                {HC_SPAN("0s"), 0},
                {HC_SPAN(""), -1},
                {HC_SPAN("m"), -1},
                {HC_SPAN("1w"), -1},
                {HC_SPAN("-1s"), -1},
                {HC_SPAN("1h30"), -1},
                {HC_SPAN("1.5h"), -1},
                {HC_SPAN("99999999999999d"), -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        assert_int_equal(ttl_parse(rows[i].text, &ms), rows[i].ms >= 0);
        if (rows[i].ms >= 0) assert_int_equal(ms, rows[i].ms);
    }
}

static void test_answers_are_kept_and_printed(void **state)
{
    (void)state;
    http_answer tape;
    answer_init(&tape);
    reply *to = &tape.base;
    to->ops->array(to, 5);
    to->ops->map(to, 2);
    reply_text(to, HC_SPAN("k"));
    to->ops->array(to, 0);
    to->ops->integer(to, 1);
    to->ops->null(to);
    to->ops->status(to, HC_SPAN("OK"));
    to->ops->error(to, HC_SPAN("ERR x"));
    (void)to->ops->bulk(to, 10);
    to->ops->bulk_cancel(to);
    reply_text(to, HC_SPAN("\xff"));
    to->ops->integer(to, INT64_MAX);
    reply_text(to, HC_SPAN("next"));
    http_bytes bytes = {0};
    json_out out;
    put_begin(&out, &bytes);
    size_t next = answer_put(&out, &tape, 0);
    assert_int_equal(next, answer_next(&tape, 0));
    assert_int_equal(answer_at(&tape, next)->kind, ANSWER_BULK);
    assert_null(answer_at(&tape, next + 1));
    assert_bytes(&bytes,
                 "[{\"map\":[[\"k\",[]],[1,null]]},{\"status\":\"OK\"},{\"error\":\"ERR x\"},"
                 "{\"base64\":\"/w==\"},{\"integer\":\"9223372036854775807\"}]");
    answer_fini(&tape);
}

static void test_answers_too_deep_are_cut(void **state)
{
    (void)state;
    http_answer tape;
    answer_init(&tape);
    for (unsigned i = 0; i < 200; i++)
        tape.base.ops->array(&tape.base, 1);
    tape.base.ops->integer(&tape.base, 1);
    http_bytes bytes = {0};
    json_out out;
    put_begin(&out, &bytes);
    assert_int_equal(answer_put(&out, &tape, 0), 201);
    assert_false(bytes.failed);
    http_bytes_fini(&bytes);
    answer_fini(&tape);
}

static void test_info_becomes_an_object(void **state)
{
    (void)state;
    http_bytes bytes = {0};
    json_out out;
    put_begin(&out, &bytes);
    info_put(&out, HC_SPAN("# A\r\nx:1\r\ny:-0.5\r\nz:01\r\nv:1.2.3\r\n\r\n# B\r\nw:a:b\r\n"));
    assert_bytes(&bytes, "{\"A\":{\"x\":1,\"y\":-0.5,\"z\":\"01\",\"v\":\"1.2.3\"},"
                         "\"B\":{\"w\":\"a:b\"}}");
    put_begin(&out, &bytes);
    fields_put(&out, HC_SPAN("id=3 addr=a:1 name= "));
    assert_bytes(&bytes, "{\"id\":3,\"addr\":\"a:1\",\"name\":\"\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas_and_nesting),
        cmocka_unit_test(test_texts_are_escaped_and_always_utf8),
        cmocka_unit_test(test_base64_there_and_back),
        cmocka_unit_test(test_times_to_live),
        cmocka_unit_test(test_answers_are_kept_and_printed),
        cmocka_unit_test(test_answers_too_deep_are_cut),
        cmocka_unit_test(test_info_becomes_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
