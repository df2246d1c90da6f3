/*
 * test_resp_parser.c - requests whole, cut at every byte and a byte at a time; and what is no RESP.
 *
 * `feed` is the way the network uses a parser: it shows the unfinished bytes again, at another
 * address, with more behind them.  Each piece is an allocation of its own size, so that a sanitizer
 * sees a step past it.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "resp/resp_parser.h"
#include "support/test_random.h"

#define TEXT_BYTES_MAX 4096u

/* What came out of a stream: requests as text, and how it ended. */
typedef struct outcome_log {
    char text[TEXT_BYTES_MAX]; /* "[SET|k|v][PING]" and, at the end, "ERR ..." or "HTTP" */
    size_t size;
    size_t peak_marks;
} outcome_log;

static void log_bytes(outcome_log *log, const void *bytes, size_t size)
{
    assert_true(log->size + size < sizeof log->text);
    memcpy(log->text + log->size, bytes, size);
    log->size += size;
    log->text[log->size] = '\0';
}

static void log_request(outcome_log *log, const hc_span *args, size_t count)
{
    log_bytes(log, "[", 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) log_bytes(log, "|", 1);
        log_bytes(log, args[i].data, args[i].size);
    }
    log_bytes(log, "]", 1);
}

typedef struct stream {
    resp_parser parser;
    resp_scratch scratch;
    uint8_t *held; /* bytes shown and not done with */
    size_t held_bytes;
    bool lost;
    outcome_log log;
} stream;

static void stream_init(stream *s, const resp_limits *limits)
{
    memset(s, 0, sizeof *s);
    resp_parser_init(&s->parser, limits);
}

static void stream_fini(stream *s)
{
    resp_parser_fini(&s->parser);
    resp_scratch_fini(&s->scratch);
    free(s->held);
}

static void stream_end(stream *s, resp_outcome outcome)
{
    s->lost = true;
    if (outcome == RESP_ERROR)
        log_bytes(&s->log, s->scratch.error, strlen(s->scratch.error));
    else
        log_bytes(&s->log, "HTTP", outcome == RESP_HTTP ? 4 : 0);
}

/* Gives the stream more bytes and takes all requests out. */
static void feed(stream *s, const void *bytes, size_t size)
{
    if (s->lost) return;
    size_t shown = s->held_bytes + size, at = 0;
    uint8_t *data = malloc(shown == 0 ? 1 : shown);
    assert_non_null(data);
    if (s->held_bytes > 0) memcpy(data, s->held, s->held_bytes);
    if (size > 0) memcpy(data + s->held_bytes, bytes, size);
    free(s->held);
    s->held = NULL;
    while (at < shown) {
        size_t used = SIZE_MAX;
        resp_scratch_clear(&s->scratch);
        resp_outcome outcome = resp_parse(&s->parser, data + at, shown - at, &s->scratch, &used);
        assert_true(used <= shown - at);
        at += used;
        if (outcome == RESP_REQUEST)
            log_request(&s->log, s->scratch.args, s->scratch.count);
        else if (outcome == RESP_MORE)
            break;
        else if (outcome != RESP_EMPTY) {
            stream_end(s, outcome);
            break;
        }
    }
    if (s->parser.marks_capacity > s->log.peak_marks) s->log.peak_marks = s->parser.marks_capacity;
    s->held_bytes = shown - at;
    s->held = malloc(s->held_bytes == 0 ? 1 : s->held_bytes);
    assert_non_null(s->held);
    if (s->held_bytes > 0) memcpy(s->held, data + at, s->held_bytes);
    free(data);
}

/* The same bytes in two pieces at every place, and one by one, say the same. */
static void assert_says(const char *bytes, size_t size, const char *want)
{
    for (size_t cut = 0; cut <= size; cut++) {
        stream s;
        stream_init(&s, &resp_limits_default);
        feed(&s, bytes, cut);
        feed(&s, bytes + cut, size - cut);
        assert_string_equal(s.log.text, want);
        stream_fini(&s);
    }
    stream s;
    stream_init(&s, &resp_limits_default);
    for (size_t i = 0; i < size; i++)
        feed(&s, bytes + i, 1);
    assert_string_equal(s.log.text, want);
    stream_fini(&s);
}

#define SAYS(bytes, want) assert_says("" bytes, sizeof(bytes) - 1, want)
#define PROTOCOL "ERR Protocol error: "

static void test_arrays_of_bulk_strings_are_requests_however_cut(void **state)
{
    (void)state;
    SAYS("*1\r\n$4\r\nPING\r\n", "[PING]");
    SAYS("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
         "[SET|k|hello][GET|k]");
    SAYS("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "[ECHO|]");
    SAYS("*2\r\n$4\r\nECHO\r\n$11\r\na\r\n$1\r\nb\r\n\r\r\n", "[ECHO|a\r\n$1\r\nb\r\n\r]");
    SAYS("*12\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n"
         "$1\r\nh\r\n$1\r\ni\r\n$1\r\nj\r\n$1\r\nk\r\n$10\r\n0123456789\r\n",
         "[a|b|c|d|e|f|g|h|i|j|k|0123456789]");
}

static void test_requests_without_arguments_are_skipped(void **state)
{
    (void)state;
    SAYS("*0\r\n*-1\r\n*-2147483648\r\n\r\n\n  \r\n*1\r\n$4\r\nPING\r\n", "[PING]");
    SAYS("*1\r\n$4\r\nPING\r\n*0\r\nPING\r\n*0\r\n", "[PING][PING]");
}

static void test_typed_lines_are_requests_however_cut(void **state)
{
    (void)state;
    SAYS("PING\r\nPING\n", "[PING][PING]");
    SAYS(" set  key\tvalue \r\n", "[set|key|value]");
    SAYS("ECHO \"a\\x41\\x7a\\r\\n\\t\\b\\a\\\\\\\"\\q\" 'it\\'s \\n'\r\n",
         "[ECHO|aAz\r\n\t\b\a\\\"q|it's \\n]");
    SAYS("ECHO \"\" ''\r\n", "[ECHO||]");
    SAYS("ECHO \"\\x4\" \"\\xzz\"\r\n", "[ECHO|x4|xzz]");
    SAYS("ECHO ab\"c d\"\r\n", "[ECHO|abc d]");
    SAYS("ECHO a\rb\r\n", "[ECHO|a|b]");
    SAYS("PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n", "[PING][PING][PING]");
}

static void test_a_nul_in_a_typed_line_is_a_byte_like_others(void **state)
{
    (void)state;
    static const char line[] = "ECHO a\0b\r\n";
    stream s;
    stream_init(&s, &resp_limits_default);
    feed(&s, line, sizeof line - 1);
    assert_int_equal(s.log.size, 10);
    assert_memory_equal(s.log.text, "[ECHO|a\0b]", 10);
    stream_fini(&s);
}

static void test_unbalanced_quotes_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"SET \"k v\r\n", "SET 'k v\r\n",  "SET \"k\"v\r\n",
                                        "SET 'k'v\r\n",  "SET \"k\\\r\n", "SET '\\'\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_says(lines[i], strlen(lines[i]), PROTOCOL "unbalanced quotes in request");
}

static void test_the_number_of_arguments_is_a_plain_number_up_to_a_million(void **state)
{
    (void)state;
    static const char *const counts[] = {"1048577",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "+1",
                                         "01",
                                         "-0",
                                         "-01",
                                         "00",
                                         " 1",
                                         "1 ",
                                         "",
                                         "-",
                                         "1e1",
                                         "0x1",
                                         "?",
                                         "--1",
                                         "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char text[64];
        int size = snprintf(text, sizeof text, "*%s\r\n$4\r\nPING\r\n", counts[i]);
        assert_says(text, (size_t)size, PROTOCOL "invalid multibulk length");
    }
    SAYS("*1\n$4\r\nPING\r\n", PROTOCOL "invalid multibulk length");
    SAYS("*1\r$4\r\nPING\r\n", PROTOCOL "invalid multibulk length");
    SAYS("*111111111111111111111111111111111111111", PROTOCOL "too big mbulk count string");
    SAYS("*1048576\r\n*", PROTOCOL "expected '$', got '*'");
    SAYS("*-9223372036854775808\r\nPING\r\n", "[PING]");
}

static void test_the_length_of_an_argument_is_a_plain_number_up_to_512_mb(void **state)
{
    (void)state;
    static const char *const lengths[] = {"-1",
                                          "-2",
                                          "536870913",
                                          "18446744073709551615",
                                          "111111111111111111111",
                                          "+4",
                                          "04",
                                          " 4",
                                          "",
                                          "4 ",
                                          "-",
                                          "0x4",
                                          "?"};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char text[64];
        int size = snprintf(text, sizeof text, "*2\r\n$1\r\nx\r\n$%s\r\nPING\r\n", lengths[i]);
        assert_says(text, (size_t)size, PROTOCOL "invalid bulk length");
    }
    SAYS("*1\r\n$4\nPING\r\n", PROTOCOL "invalid bulk length");
    SAYS("*1\r\n$111111111111111111111111111111111", PROTOCOL "too big bulk count string");
}

static void test_an_argument_ends_in_crlf(void **state)
{
    (void)state;
    SAYS("*1\r\n$4\r\nPINGXX", PROTOCOL "invalid bulk length");
    SAYS("*1\r\n$4\r\nPING\rX", PROTOCOL "invalid bulk length");
    SAYS("*1\r\n$4\r\nPINGX\n", PROTOCOL "invalid bulk length");
    SAYS("*1\r\n$0\r\nX\r\n", PROTOCOL "invalid bulk length");
}

static void test_an_argument_is_a_bulk_string(void **state)
{
    (void)state;
    SAYS("*1\r\nPING\r\n", PROTOCOL "expected '$', got 'P'");
    SAYS("*1\r\n*1\r\n*1\r\n", PROTOCOL "expected '$', got '*'");
    SAYS("*2\r\n$1\r\na\r\n%1\r\n", PROTOCOL "expected '$', got '%'");
    SAYS("*1\r\n\r\n", PROTOCOL "expected '$', got '?'");
    SAYS("*1\r\n\xff", PROTOCOL "expected '$', got '?'");
}

static void test_other_types_and_other_protocols_are_no_requests(void **state)
{
    (void)state;
    for (const char *type = "$%~>_(=|,#!+-:"; *type != '\0'; type++) {
        char text[16], want[64];
        int size = snprintf(text, sizeof text, "%c1\r\n", *type);
        (void)snprintf(want, sizeof want, PROTOCOL "expected '*', got '%c'", *type);
        assert_says(text, (size_t)size, want);
    }
    SAYS("\x16\x03\x01\x02", PROTOCOL "expected '*', got '?'");
    assert_says("\0\0\0\0", 4, PROTOCOL "expected '*', got '?'");
}

static void test_http_is_recognised_and_ends_the_stream(void **state)
{
    (void)state;
    SAYS("POST / HTTP/1.1\r\nSET a b\r\n", "HTTP");
    SAYS("post\r\nSET a b\r\n", "HTTP");
    SAYS("GET / HTTP/1.1\r\nHost: x\r\nSET a b\r\n", "[GET|/|HTTP/1.1]HTTP");
    SAYS("*1\r\n$4\r\nPOST\r\n", "[POST]");
    SAYS("POSTS\r\n", "[POSTS]");
}

static void test_a_typed_line_has_64_kib(void **state)
{
    (void)state;
    const size_t limit = RESP_INLINE_BYTES_MAX;
    char *line = malloc(limit + 2);
    assert_non_null(line);
    memset(line, 'x', limit + 2);
    size_t cuts[] = {1, 1000, limit, limit + 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        stream s;
        stream_init(&s, &resp_limits_default);
        feed(&s, line, cuts[i]);
        feed(&s, line + cuts[i], limit + 1 - cuts[i]); /* one too many, and no end in sight */
        assert_string_equal(s.log.text, PROTOCOL "too big inline request");
        stream_fini(&s);
    }
    resp_parser parser;
    resp_scratch scratch = {0};
    size_t used;
    resp_parser_init(&parser, &resp_limits_default);
    line[limit] = '\n';
    assert_int_equal(resp_parse(&parser, (uint8_t *)line, limit + 1, &scratch, &used),
                     RESP_REQUEST);
    assert_int_equal(used, limit + 1);
    assert_int_equal(scratch.args[0].size, limit);
    resp_scratch_fini(&scratch);
    resp_parser_fini(&parser);
    free(line);
}

static void test_a_declared_length_costs_nothing(void **state)
{
    (void)state;
    stream s;
    stream_init(&s, &resp_limits_default);
    static const char begin[] = "*1048576\r\n$536870912\r\nab";
    feed(&s, begin, sizeof begin - 1);
    assert_int_equal(s.log.size, 0);
    assert_int_equal(s.parser.marks_capacity, 0);
    assert_int_equal(s.scratch.capacity * sizeof(hc_span) / 65536, 0);
    assert_int_equal(resp_parser_needs(&s.parser, s.held_bytes), 536870912);
    stream_fini(&s);
}

static void
test_a_request_of_a_million_dribbled_arguments_is_linear_in_time_and_memory(void **state)
{
    (void)state;
    enum { ARGS = 1000000, ARG_BYTES = 7, HEAD_BYTES = 10 };
    const size_t size = HEAD_BYTES + (size_t)ARGS * ARG_BYTES;
    uint8_t *data = malloc(size + 1);
    assert_non_null(data);
    memcpy(data, "*1000000\r\n", HEAD_BYTES);
    for (size_t i = 0; i < ARGS; i++)
        memcpy(data + HEAD_BYTES + i * ARG_BYTES, "$1\r\nx\r\n", ARG_BYTES);
    resp_parser parser;
    resp_scratch scratch = {0};
    resp_parser_init(&parser, &resp_limits_default);
    size_t used;
    for (size_t shown = 1; shown < size; shown += 3) { /* quadratic, this would take hours */
        assert_int_equal(resp_parse(&parser, data, shown, &scratch, &used), RESP_MORE);
        assert_true((size_t)parser.marks_capacity <= 16 + 2 * shown / ARG_BYTES);
    }
    assert_int_equal(resp_parse(&parser, data, size, &scratch, &used), RESP_REQUEST);
    assert_int_equal(used, size);
    assert_int_equal(scratch.count, ARGS);
    assert_ptr_equal(scratch.args[ARGS - 1].data, data + size - 3);
    assert_null(parser.marks);
    resp_scratch_clear(&scratch);
    assert_null(scratch.args); /* what only this request needed is given back */
    resp_parser_fini(&parser);
    free(data);
}

static void test_limits_before_authentication_are_narrow(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *want;
    } cases[] = {
        {"*11\r\n", PROTOCOL "unauthenticated multibulk length"},
        {"*1\r\n$16385\r\n", PROTOCOL "unauthenticated bulk length"},
        {"*1\r\n$-1\r\n", PROTOCOL "invalid bulk length"},
        {"*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", "[AUTH|x]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stream s;
        stream_init(&s, &resp_limits_unauthenticated);
        feed(&s, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(s.log.text, cases[i].want);
        stream_fini(&s);
    }
}

static void test_a_request_past_the_limit_is_refused_before_its_bytes_come(void **state)
{
    (void)state;
    resp_limits limits = resp_limits_default;
    limits.request_bytes_max = 1000;
    stream s;
    stream_init(&s, &limits);
    static const char fits[] = "*1\r\n$988\r\n"; /* 10 bytes, 988, CRLF: 1000 */
    feed(&s, fits, sizeof fits - 1);
    assert_int_equal(s.log.size, 0);
    stream_fini(&s);
    stream_init(&s, &limits);
    static const char over[] = "*1\r\n$989\r\n";
    feed(&s, over, sizeof over - 1);
    assert_string_equal(s.log.text, PROTOCOL "too big request");
    stream_fini(&s);
}

/* Lengths of one, two and three digits take different ways through the parser. */
static void test_an_argument_of_any_length_comes_out_however_cut(void **state)
{
    (void)state;
    static const int lengths[] = {0, 1, 9, 10, 11, 98, 99, 100, 101, 999};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char body[1000], text[2200], want[2200];
        memset(body, 'b', sizeof body);
        int size = snprintf(text, sizeof text, "*3\r\n$%d\r\n%.*s\r\n$1\r\nx\r\n$%d\r\n%.*s\r\n",
                            lengths[i], lengths[i], body, lengths[i], lengths[i], body);
        (void)snprintf(want, sizeof want, "[%.*s|x|%.*s]", lengths[i], body, lengths[i], body);
        assert_says(text, (size_t)size, want);
    }
}

static void test_limits_hold_for_a_request_that_is_here_whole(void **state)
{
    (void)state;
    static const struct {
        uint32_t args, bulk_bytes, request_bytes;
        const char *bytes, *want;
    } cases[] = {
        {10, 10, 100, "*1\r\n$10\r\n0123456789\r\n", "[0123456789]"},
        {10, 9, 100, "*1\r\n$10\r\n0123456789\r\n", PROTOCOL "invalid bulk length"},
        {10, 500, 20, "*1\r\n$9\r\n012345678\r\n", "[012345678]"}, /* 19 bytes */
        {10, 500, 18, "*1\r\n$9\r\n012345678\r\n", PROTOCOL "too big request"},
        {10, 500, 30, "*2\r\n$9\r\n012345678\r\n$9\r\n012345678\r\n", PROTOCOL "too big request"},
        {2, 500, 100, "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "[a|b]"},
        {2, 500, 100, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
         PROTOCOL "invalid multibulk length"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        resp_limits limits = resp_limits_default;
        limits.args_max = cases[i].args;
        limits.bulk_bytes_max = cases[i].bulk_bytes;
        limits.request_bytes_max = cases[i].request_bytes;
        stream s;
        stream_init(&s, &limits);
        feed(&s, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(s.log.text, cases[i].want);
        stream_fini(&s);
    }
}

static void test_one_scratch_holds_the_arguments_of_many_requests(void **state)
{
    (void)state;
    char text[] = "*2\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n*3\r\n$1\r\nd\r\n";
    size_t size = sizeof text - 1, at = 0, used;
    resp_parser parser;
    resp_scratch scratch = {0};
    resp_parser_init(&parser, &resp_limits_default);
    assert_int_equal(resp_parse(&parser, (uint8_t *)text, size, &scratch, &used), RESP_REQUEST);
    at += used;
    assert_int_equal(resp_parse(&parser, (uint8_t *)text + at, size - at, &scratch, &used),
                     RESP_REQUEST);
    at += used;
    assert_int_equal(resp_parse(&parser, (uint8_t *)text + at, size - at, &scratch, &used),
                     RESP_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(scratch.count, 3); /* those of the unfinished one are elsewhere */
    test_assert_span(scratch.args[0], span("a"));
    test_assert_span(scratch.args[1], span("b"));
    test_assert_span(scratch.args[2], span("c"));
    resp_parser_reset(&parser);
    assert_null(parser.marks);
    resp_scratch_fini(&scratch);
}

/* Random streams of valid requests, cut at random: what comes out is what went in. */
static void test_random_requests_come_out_as_they_went_in(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 20261122);
    for (int turn = 0; turn < 300; turn++) {
        char bytes[TEXT_BYTES_MAX];
        outcome_log want = {.size = 0};
        size_t size = 0;
        for (uint64_t requests = 1 + test_random_below(&random, 8); requests > 0; requests--) {
            hc_span args[5];
            uint8_t body[5][40];
            size_t count = 1 + test_random_below(&random, 5);
            size += (size_t)sprintf(bytes + size, "*%zu\r\n", count);
            for (size_t i = 0; i < count; i++) {
                size_t length = test_random_below(&random, sizeof body[i]);
                test_random_bytes(&random, body[i], length);
                args[i] = hc_span_make(body[i], length);
                size += (size_t)sprintf(bytes + size, "$%zu\r\n", length);
                memcpy(bytes + size, body[i], length);
                memcpy(bytes + size + length, "\r\n", 2);
                size += length + 2;
            }
            log_request(&want, args, count);
        }
        stream s;
        stream_init(&s, &resp_limits_default);
        for (size_t at = 0; at < size;) {
            size_t piece = 1 + test_random_below(&random, turn % 2 == 0 ? 7 : 300);
            if (piece > size - at) piece = size - at;
            feed(&s, bytes + at, piece);
            at += piece;
        }
        assert_int_equal(s.log.size, want.size);
        assert_memory_equal(s.log.text, want.text, want.size);
        assert_null(s.parser.marks);
        stream_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_of_bulk_strings_are_requests_however_cut),
        cmocka_unit_test(test_requests_without_arguments_are_skipped),
        cmocka_unit_test(test_typed_lines_are_requests_however_cut),
        cmocka_unit_test(test_a_nul_in_a_typed_line_is_a_byte_like_others),
        cmocka_unit_test(test_unbalanced_quotes_are_refused),
        cmocka_unit_test(test_the_number_of_arguments_is_a_plain_number_up_to_a_million),
        cmocka_unit_test(test_the_length_of_an_argument_is_a_plain_number_up_to_512_mb),
        cmocka_unit_test(test_an_argument_ends_in_crlf),
        cmocka_unit_test(test_an_argument_is_a_bulk_string),
        cmocka_unit_test(test_other_types_and_other_protocols_are_no_requests),
        cmocka_unit_test(test_http_is_recognised_and_ends_the_stream),
        cmocka_unit_test(test_a_typed_line_has_64_kib),
        cmocka_unit_test(test_a_declared_length_costs_nothing),
        cmocka_unit_test(
            test_a_request_of_a_million_dribbled_arguments_is_linear_in_time_and_memory),
        cmocka_unit_test(test_limits_before_authentication_are_narrow),
        cmocka_unit_test(test_a_request_past_the_limit_is_refused_before_its_bytes_come),
        cmocka_unit_test(test_an_argument_of_any_length_comes_out_however_cut),
        cmocka_unit_test(test_limits_hold_for_a_request_that_is_here_whole),
        cmocka_unit_test(test_one_scratch_holds_the_arguments_of_many_requests),
        cmocka_unit_test(test_random_requests_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
