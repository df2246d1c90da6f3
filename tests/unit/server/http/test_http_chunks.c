/* test_http_chunks.c - bodies in chunks: to one piece, however they come, or refused. */
#include "support/test.h"

#include <string.h>

#include "http/http_chunks.h"

#define BYTES_MAX 100u

static unsigned take(const char *text, size_t step, http_bytes *body, size_t *used_out)
{
    http_chunks chunks = {0};
    size_t size = strlen(text), at = 0, used;
    unsigned status = 0;
    http_bytes_fini(body);
    while (status == 0 && at < size) {
        size_t part = size - at < step ? size - at : step;
        status =
            http_chunks_take(&chunks, (const uint8_t *)text + at, part, BYTES_MAX, body, &used);
        at += used;
    }
    *used_out = at;
    return status;
}

static void test_chunks_become_one_piece_in_any_pieces(void **state)
{
    (void)state;
    const char *text = "5\r\nhello\r\n6;name=\"v\"\r\n world\r\n0\r\nX-A: b\r\n\r\nGET";
    http_bytes body = {0};
    for (size_t step = 1; step <= strlen(text); step++) {
        size_t used;
        assert_int_equal(take(text, step, &body, &used), 200);
        assert_int_equal(used, strlen(text) - 3);
        assert_int_equal(body.size, 11);
        assert_memory_equal(body.data, "hello world", 11);
    }
    http_bytes_fini(&body);
}

static void test_an_empty_body_is_one(void **state)
{
    (void)state;
    http_bytes body = {0};
    size_t used;
    assert_int_equal(take("0\r\n\r\n", 1, &body, &used), 200);
    assert_int_equal(body.size, 0);
    http_bytes_fini(&body);
}

static void test_what_is_not_to_the_letter_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *text;
        unsigned status;
    } rows[] = {
        {"\r\n", 400},
        {"g\r\n", 400},
        {"-1\r\n", 400},
        {"0x1\r\n", 400},
        {"1 \r\na\r\n", 400},
        {"1\na\r\n", 400},
        {"1\r\nab\r\n", 400},
        {"1\r\na\n\n", 400},
        {"1\r\na\r\r\n", 400},
        {"123456789\r\n", 400},
        {"0\r\nbad\r\n", 400},
        {"0\r\nHost: a\r\n", 400},
        {"0\r\n: a\r\n", 400},
        {"0\r\nContent-Length: 1\r\n", 400},
        {"65\r\n" /* 101 */ "aaaaaaaaaaaaaaaaaaaaaaaaaaa", 413},
        {"60\r\n" /* 96, then 16 more */
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaa"
         "\r\n10\r\na",
         413},
    };
    http_bytes body = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t step = 1; step < 40; step += 13) {
            size_t used;
            if (take(rows[i].text, step, &body, &used) != rows[i].status)
                fail_msg("%s", rows[i].text);
        }
    }
    http_bytes_fini(&body);
}

static void test_lines_and_trailers_have_bounds(void **state)
{
    (void)state;
    static char text[16 << 10];
    http_bytes body = {0};
    size_t used;
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "1;", 2);
    assert_int_equal(take(text, SIZE_MAX, &body, &used), 400);
    assert_true(used <= CHUNK_LINE_BYTES_MAX + 1);
    memcpy(text, "0\r\n", 3);
    for (size_t at = 3; at + 104 < sizeof text; at += 104) {
        text[at + 1] = ':';
        memcpy(text + at + 102, "\r\n", 2);
    }
    assert_int_equal(take(text, SIZE_MAX, &body, &used), 431);
    http_bytes_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks_become_one_piece_in_any_pieces),
        cmocka_unit_test(test_an_empty_body_is_one),
        cmocka_unit_test(test_what_is_not_to_the_letter_is_refused),
        cmocka_unit_test(test_lines_and_trailers_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
