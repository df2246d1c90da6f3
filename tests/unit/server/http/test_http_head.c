/* test_http_head.c - heads of requests: what is taken apart, and what is refused. */
#include "support/test.h"

#include <string.h>

#include "http/http_head.h"

static unsigned parse(const char *text, http_head *head)
{
    size_t seen = 0;
    return http_head_parse((const uint8_t *)text, strlen(text), &seen, head);
}

static void assert_span(hc_span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    if (span.size > 0) assert_memory_equal(span.data, text, span.size);
}

static void test_a_head_is_taken_apart(void **state)
{
    (void)state;
    http_head head;
    bool found;
    const char *text = "PUT /api/cache/k?store=s&x HTTP/1.1\r\nHost: localhost:1\r\n"
                       "Content-Length: 12\r\nX-A:  b c \r\nx-a: second\r\n\r\nbody";
    assert_int_equal(parse(text, &head), 200);
    assert_int_equal(head.method, HTTP_PUT);
    assert_span(head.path, "/api/cache/k");
    assert_span(head.query, "store=s&x");
    assert_span(head.host, "localhost:1");
    assert_true(head.has_length && head.length == 12 && !head.chunked && head.keeps_alive);
    assert_int_equal(head.bytes, strlen(text) - 4);
    assert_span(http_head_find(&head, "x-a", &found), "b c");
    assert_true(found);
    (void)http_head_find(&head, "x-b", &found);
    assert_false(found);
}

static void test_bytes_may_come_one_by_one(void **state)
{
    (void)state;
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
    http_head head;
    size_t seen = 0, size = strlen(text);
    for (size_t have = 0; have < size; have++)
        assert_int_equal(http_head_parse((const uint8_t *)text, have, &seen, &head), 0);
    assert_int_equal(http_head_parse((const uint8_t *)text, size, &seen, &head), 200);
    assert_int_equal(head.header_count, 2);
}

static void test_whether_the_connection_goes_on(void **state)
{
    (void)state;
    const struct {
        const char *text;
        bool keeps;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_head head;
        assert_int_equal(parse(rows[i].text, &head), 200);
        assert_int_equal(head.keeps_alive, rows[i].keeps);
    }
}

static void test_what_may_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *text;
        unsigned status;
    } rows[] = {
        {"GET / HTTP/1.1\nHost: a\n\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
         400},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"GET /\r\n\r\n", 400},
        {"get / HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417},
        {"*1\r\n$4\r\nPING\r\n", 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_head head;
        if (parse(rows[i].text, &head) == rows[i].status) continue;
        fail_msg("%s", rows[i].text);
    }
}

static void test_a_head_has_bounds(void **state)
{
    (void)state;
    static char text[64 << 10];
    http_head head;
    size_t seen = 0;
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    assert_int_equal(http_head_parse((uint8_t *)text, HTTP_LINE_BYTES_MAX, &seen, &head), 0);
    assert_int_equal(http_head_parse((uint8_t *)text, HTTP_LINE_BYTES_MAX + 1, &seen, &head), 414);
    static const char line[] = "GET / HTTP/1.1\r\nA: ";
    memcpy(text, line, sizeof line - 1);
    seen = 0;
    assert_int_equal(http_head_parse((uint8_t *)text, HTTP_HEAD_BYTES_MAX - 1, &seen, &head), 0);
    assert_int_equal(http_head_parse((uint8_t *)text, HTTP_HEAD_BYTES_MAX, &seen, &head), 431);
    size_t used = 16;
    for (unsigned i = 0; i <= HTTP_HEADERS_MAX; i++, used += 6)
        memcpy(text + used, "A: b\r\n", 6);
    memcpy(text + used, "\r\n", 3);
    assert_int_equal(parse(text, &head), 431);
}

static void test_lists_are_searched_by_words(void **state)
{
    (void)state;
    assert_true(http_list_has(HC_SPAN("a, B ,c"), "b"));
    assert_true(http_list_has(HC_SPAN("close"), "close"));
    assert_false(http_list_has(HC_SPAN("closed, un close"), "close"));
    assert_false(http_list_has(HC_SPAN(""), "close"));
    assert_true(http_word_is(HC_SPAN("ChunKed"), "chunked"));
    assert_false(http_word_is(HC_SPAN("chunke"), "chunked"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_is_taken_apart),
        cmocka_unit_test(test_bytes_may_come_one_by_one),
        cmocka_unit_test(test_whether_the_connection_goes_on),
        cmocka_unit_test(test_what_may_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_a_head_has_bounds),
        cmocka_unit_test(test_lists_are_searched_by_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
