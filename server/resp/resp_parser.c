/*
 * resp_parser.c - one loop over headers; the bodies between them are stepped over, not read.
 *
 *     *3 CRLF  $3 CRLF SET CRLF  $5 CRLF hello CRLF  $1 CRLF x CRLF
 *     count    header  body      header  body ...
 *
 * A request that is whole in the buffer goes straight from bytes to spans (array_parse).  One that
 * breaks off leaves its arguments as marks (offsets), and array_resume goes on behind them.
 *
 * Invariants:
 *   P1  an idle parser (args_expected 0, at 0) owns no memory;
 *   P2  bytes before `at` are never looked at again; what is looked at twice is at most one
 *       header of COUNT_BYTES_MAX bytes for each read;
 *   P3  marks lie before `at`, in order, and do not overlap;
 *   P4  the outcome does not depend on how the bytes were cut into reads.
 */
#include "resp/resp_parser.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "resp/resp_inline.h"

#define COUNT_BYTES_MAX 32u     /* of a number in a header; any longer is no number */
#define COUNT_BYTES_FAST 12u    /* up to ten digits and CRLF, read without looking for the end */
#define SHORT_BYTES_MAX 99u     /* of an argument whose header is read at a glance */
#define SHORT_ARG_BYTES_MIN 6u  /* "$0" CRLF CRLF; a header of two digits has five */
#define MARKS_MIN 16u           /* arguments */
#define SCRATCH_ARGS_KEEP 8192u /* arguments; more is given back after the batch */

const resp_limits resp_limits_default = {
    .args_max = RESP_ARGS_MAX,
    .bulk_bytes_max = RESP_BULK_BYTES_MAX,
    .inline_bytes_max = RESP_INLINE_BYTES_MAX,
    .request_bytes_max = RESP_REQUEST_BYTES_MAX,
};

const resp_limits resp_limits_unauthenticated = {
    .args_max = 10,
    .bulk_bytes_max = 16384,
    .inline_bytes_max = RESP_INLINE_BYTES_MAX,
    .request_bytes_max = 10 * (16384 + COUNT_BYTES_MAX),
    .unauthenticated = true,
};

void resp_scratch_fini(resp_scratch *scratch)
{
    free(scratch->args);
    memset(scratch, 0, sizeof *scratch);
}

void resp_scratch_clear(resp_scratch *scratch)
{
    scratch->count = 0;
    if (scratch->capacity > SCRATCH_ARGS_KEEP) resp_scratch_fini(scratch);
}

void resp_parser_init(resp_parser *parser, const resp_limits *limits)
{
    assert(limits != NULL && limits->request_bytes_max <= RESP_REQUEST_BYTES_MAX);
    *parser = (resp_parser){.limits = limits, .bulk_bytes = RESP_BULK_NONE};
}

void resp_parser_fini(resp_parser *parser)
{
    free(parser->marks);
    parser->marks = NULL;
}

void resp_parser_reset(resp_parser *parser)
{
    const resp_limits *limits = parser->limits;
    resp_parser_fini(parser);
    *parser = (resp_parser){.limits = limits, .bulk_bytes = RESP_BULK_NONE};
}

size_t resp_parser_needs(const resp_parser *parser, size_t size)
{
    if (parser->bulk_bytes == RESP_BULK_NONE) return 1;
    size_t end = (size_t)parser->at + parser->bulk_bytes + 2;
    return end > size ? end - size : 1;
}

/* Out of line, to keep their buffers off the stack of the hot path. */
#define COLD __attribute__((noinline, cold))
#define HOT inline __attribute__((always_inline))
#define LIKELY(condition) __builtin_expect((condition), 1)
#define UNLIKELY(condition) __builtin_expect((condition), 0)

static COLD resp_outcome fail(resp_scratch *scratch, const char *text)
{
    (void)snprintf(scratch->error, sizeof scratch->error, "ERR Protocol error: %s", text);
    return RESP_ERROR;
}

static COLD resp_outcome fail_byte(resp_scratch *scratch, char expected, uint8_t got)
{
    char text[32];
    (void)snprintf(text, sizeof text, "expected '%c', got '%c'", expected,
                   got >= ' ' && got < 0x7f ? (char)got : '?');
    return fail(scratch, text);
}

/* ---- numbers of headers ---- */

typedef enum count_result { COUNT_OK, COUNT_MORE, COUNT_BAD, COUNT_LONG } count_result;

typedef struct decimal {
    int64_t value;
    size_t bytes; /* of its text, CRLF included */
} decimal;

/* All that is not 1..10 digits and CRLF with bytes behind: negative, wrong, or not all here. */
static COLD count_result count_classify(const uint8_t *text, size_t left, decimal *number_out)
{
    size_t i = left > 0 && text[0] == '-' ? 1 : 0;
    size_t first = i;
    int64_t value = 0;
    bool fits = true;
    for (; i < left && text[i] >= '0' && text[i] <= '9'; i++) {
        if (i >= COUNT_BYTES_MAX) return COUNT_LONG;
        if (i > first && text[first] == '0') return COUNT_BAD;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text[i] - '0', &value))
            fits = false; /* gathered as negative: that side is one longer */
    }
    if (i == left) return COUNT_MORE;
    if (text[i] != '\r' || i == first) return COUNT_BAD;
    if (i + 1 == left) return COUNT_MORE;
    if (text[i + 1] != '\n' || !fits) return COUNT_BAD;
    if (first == 1 && value == 0) return COUNT_BAD;
    if (first == 0 && __builtin_sub_overflow((int64_t)0, value, &value)) return COUNT_BAD;
    *number_out = (decimal){.value = value, .bytes = i + 2};
    return COUNT_OK;
}

/* A number and its CRLF at `text`. */
static HOT count_result count_read(const uint8_t *text, size_t left, decimal *number_out)
{
    if (LIKELY(left >= COUNT_BYTES_FAST)) {
        unsigned digit = (unsigned)text[0] - '0';
        bool plain = digit <= 9 && (digit != 0 || text[1] == '\r');
        int64_t value = digit;
        size_t i = 1;
        for (; i < COUNT_BYTES_FAST - 2 && (digit = (unsigned)text[i] - '0') <= 9; i++)
            value = value * 10 + (int64_t)digit;
        if (LIKELY(plain && text[i] == '\r' && text[i + 1] == '\n')) {
            *number_out = (decimal){.value = value, .bytes = i + 2};
            return COUNT_OK;
        }
    }
    decimal rare = {0}; /* a copy of its own lets the usual one stay in registers */
    count_result result = count_classify(text, left, &rare);
    *number_out = rare;
    return result;
}

/* ---- arguments ---- */

typedef struct cursor {
    const uint8_t *data;
    size_t size;         /* bytes shown */
    size_t at;           /* bytes dealt with */
    uint32_t bulk_bytes; /* RESP_BULK_NONE: at a header */
} cursor;

static COLD resp_outcome header_refuse(count_result result, resp_scratch *scratch)
{
    if (result == COUNT_MORE) return RESP_MORE;
    return fail(scratch,
                result == COUNT_LONG ? "too big bulk count string" : "invalid bulk length");
}

static HOT resp_outcome header_take(cursor *c, const resp_limits *limits, resp_scratch *scratch)
{
    if (c->at == c->size) return RESP_MORE;
    if (UNLIKELY(c->data[c->at] != '$')) return fail_byte(scratch, '$', c->data[c->at]);
    decimal length;
    count_result result = count_read(c->data + c->at + 1, c->size - c->at - 1, &length);
    if (UNLIKELY(result != COUNT_OK)) return header_refuse(result, scratch);
    if (UNLIKELY(length.value < 0 || length.value > (int64_t)limits->bulk_bytes_max)) {
        bool shy = length.value > 0 && limits->unauthenticated;
        return fail(scratch, shy ? "unauthenticated bulk length" : "invalid bulk length");
    }
    if (UNLIKELY(c->at + 1 + length.bytes + (size_t)length.value + 2 > limits->request_bytes_max))
        return fail(scratch, "too big request");
    c->at += 1 + length.bytes;
    c->bulk_bytes = (uint32_t)length.value;
    return RESP_REQUEST;
}

/* Takes one whole argument or, with RESP_MORE, as much of it as is here. */
static HOT resp_outcome arg_take(cursor *c, const resp_limits *limits, resp_scratch *scratch,
                                 resp_mark *mark_out)
{
    if (c->bulk_bytes == RESP_BULK_NONE) {
        resp_outcome outcome = header_take(c, limits, scratch);
        if (UNLIKELY(outcome != RESP_REQUEST)) return outcome;
    }
    size_t bytes = c->bulk_bytes;
    if (UNLIKELY(c->size - c->at < bytes + 2)) return RESP_MORE;
    const uint8_t *end = c->data + c->at + bytes;
    if (UNLIKELY(end[0] != '\r' || end[1] != '\n')) return fail(scratch, "invalid bulk length");
    *mark_out = (resp_mark){.offset = (uint32_t)c->at, .size = (uint32_t)bytes};
    c->at += bytes + 2;
    c->bulk_bytes = RESP_BULK_NONE;
    return RESP_REQUEST;
}

static inline hc_span mark_span(const uint8_t *data, resp_mark mark)
{
    return hc_span_make(data + mark.offset, mark.size);
}

/* ---- a request that breaks off ---- */

static bool marks_reserve(resp_parser *parser, uint32_t count)
{
    if (count <= parser->marks_capacity) return true;
    uint32_t capacity = parser->marks_capacity == 0 ? MARKS_MIN : 2 * parser->marks_capacity;
    while (capacity < count)
        capacity *= 2; /* count <= RESP_ARGS_MAX, so it cannot overflow */
    resp_mark *marks = realloc(parser->marks, capacity * sizeof *marks);
    if (marks == NULL) return false;
    parser->marks = marks;
    parser->marks_capacity = capacity;
    return true;
}

/* Keeps what array_parse found before the bytes ran out: `seen` spans on top of the scratch. */
static COLD resp_outcome array_suspend(resp_parser *parser, cursor c, uint32_t expected,
                                       uint32_t seen, resp_scratch *scratch)
{
    if (!marks_reserve(parser, seen)) return RESP_NO_MEMORY;
    scratch->count -= seen;
    for (uint32_t i = 0; i < seen; i++) {
        hc_span arg = scratch->args[scratch->count + i];
        parser->marks[i] =
            (resp_mark){.offset = (uint32_t)(arg.data - c.data), .size = (uint32_t)arg.size};
    }
    parser->args_expected = expected;
    parser->args_seen = seen;
    parser->bulk_bytes = c.bulk_bytes;
    parser->at = (uint32_t)c.at;
    return RESP_MORE;
}

static COLD resp_outcome array_resume(resp_parser *parser, const uint8_t *data, size_t size,
                                      resp_scratch *scratch, size_t *used_out)
{
    cursor c = {.data = data, .size = size, .at = parser->at, .bulk_bytes = parser->bulk_bytes};
    resp_outcome outcome = RESP_REQUEST;
    while (parser->args_seen < parser->args_expected) {
        if (!marks_reserve(parser, parser->args_seen + 1)) return RESP_NO_MEMORY;
        outcome = arg_take(&c, parser->limits, scratch, &parser->marks[parser->args_seen]);
        if (outcome != RESP_REQUEST) break;
        parser->args_seen++;
    }
    parser->at = (uint32_t)c.at;
    parser->bulk_bytes = c.bulk_bytes;
    if (outcome != RESP_REQUEST) return outcome;
    for (uint32_t i = 0; i < parser->args_seen; i++) {
        if (!resp_scratch_grow(scratch)) return RESP_NO_MEMORY;
        scratch->args[scratch->count++] = mark_span(data, parser->marks[i]);
    }
    *used_out = c.at;
    resp_parser_reset(parser);
    return RESP_REQUEST;
}

/* ---- a request from its first byte ---- */

static HOT bool is_line_end(const uint8_t *at)
{
    return memcmp(at, "\r\n", 2) == 0; /* one comparison of 16 bits */
}

/* The `*count` line.  RESP_REQUEST: *count_out arguments follow, 0 for a request to skip. */
static HOT resp_outcome array_begin(cursor *c, const resp_limits *limits, resp_scratch *scratch,
                                    uint32_t *count_out)
{
    decimal args;
    uint32_t digit = c->size >= 4 ? (uint32_t)c->data[1] - '0' : UINT32_MAX;
    if (LIKELY(digit <= 9 && is_line_end(c->data + 2) && digit <= limits->args_max)) {
        c->at = 4;
        *count_out = digit;
        return RESP_REQUEST;
    }
    count_result result = count_read(c->data + 1, c->size - 1, &args);
    if (UNLIKELY(result != COUNT_OK)) {
        if (result == COUNT_MORE) return RESP_MORE;
        return fail(scratch, result == COUNT_LONG ? "too big mbulk count string"
                                                  : "invalid multibulk length");
    }
    if (UNLIKELY(args.value > (int64_t)limits->args_max))
        return fail(scratch, limits->unauthenticated ? "unauthenticated multibulk length"
                                                     : "invalid multibulk length");
    c->at = 1 + args.bytes;
    *count_out = args.value > 0 ? (uint32_t)args.value : 0;
    return RESP_REQUEST;
}

/* Takes arguments of up to SHORT_BYTES_MAX bytes while they come whole and plain, which almost all
 * do; returns how many.  What it does not take, arg_take judges.  All it takes ends before
 * request_bytes_max, so there is nothing to compare with that for each. */
static HOT uint32_t args_take_short(cursor *c, const resp_limits *limits, hc_span *to,
                                    uint32_t count)
{
    size_t shown = c->size < limits->request_bytes_max ? c->size : limits->request_bytes_max;
    const uint8_t *data = c->data;
    size_t at = c->at;
    hc_span *const first_to = to, *const end_to = to + count;
    if (UNLIKELY(limits->bulk_bytes_max < SHORT_BYTES_MAX)) return 0;
    for (; to < end_to && shown - at >= SHORT_ARG_BYTES_MIN && data[at] == '$'; to++) {
        size_t tens = (size_t)data[at + 1] - '0', ones = (size_t)data[at + 2] - '0';
        size_t bytes = tens, body = at + 4;
        if (tens > 9) break;
        if (ones <= 9) {
            bytes = 10 * tens + ones;
            body++;
            if (tens == 0) break;
        }
        size_t end = body + bytes;
        if (end + 2 > shown || !is_line_end(data + body - 2) || !is_line_end(data + end)) break;
        *to = hc_span_make(data + body, bytes);
        at = end + 2;
    }
    c->at = at;
    return (uint32_t)(to - first_to);
}

static resp_outcome array_parse(resp_parser *parser, const uint8_t *data, size_t size,
                                resp_scratch *scratch, size_t *used_out)
{
    cursor c = {.data = data, .size = size, .bulk_bytes = RESP_BULK_NONE};
    uint32_t expected = 0;
    resp_outcome outcome = array_begin(&c, parser->limits, scratch, &expected);
    if (outcome != RESP_REQUEST) return outcome;
    if (UNLIKELY(scratch->args == NULL) && !resp_scratch_grow(scratch)) return RESP_NO_MEMORY;
    for (uint32_t seen = 0; seen < expected; seen++) {
        size_t room = scratch->capacity - scratch->count;
        uint32_t most = expected - seen < room ? expected - seen : (uint32_t)room;
        uint32_t taken = args_take_short(&c, parser->limits, scratch->args + scratch->count, most);
        scratch->count += taken;
        seen += taken;
        if (seen == expected) break;
        resp_mark mark = {0};
        outcome = arg_take(&c, parser->limits, scratch, &mark);
        if (UNLIKELY(outcome != RESP_REQUEST))
            return outcome == RESP_MORE ? array_suspend(parser, c, expected, seen, scratch)
                                        : outcome;
        if (scratch->count == scratch->capacity && !resp_scratch_grow(scratch))
            return RESP_NO_MEMORY;
        scratch->args[scratch->count++] = mark_span(data, mark);
    }
    *used_out = c.at;
    return RESP_REQUEST;
}

/* What may begin a typed line: blanks and printable ASCII, but no mark of a RESP type.  Anything
 * else is another protocol (TLS begins with 0x16) or lost framing; taken as commands, each line of
 * it would get an error of its own. */
static bool inline_may_begin(uint8_t first)
{
    if (first == '\t' || first == '\n' || first == '\v' || first == '\f' || first == '\r')
        return true;
    return first >= ' ' && first < 0x7f && memchr("$%~>_(=|,#!+-:", first, 14) == NULL;
}

static bool arg_is(hc_span arg, const char *word)
{
    return arg.size == strlen(word) && strncasecmp((const char *)arg.data, word, arg.size) == 0;
}

static COLD resp_outcome inline_parse(resp_parser *parser, uint8_t *data, size_t size,
                                      resp_scratch *scratch, size_t *used_out)
{
    if (!inline_may_begin(data[0])) return fail_byte(scratch, '*', data[0]);
    uint8_t *end = memchr(data + parser->at, '\n', size - parser->at);
    size_t line_bytes = end == NULL ? size : (size_t)(end - data);
    if (line_bytes > parser->limits->inline_bytes_max)
        return fail(scratch, "too big inline request");
    parser->at = (uint32_t)line_bytes;
    if (end == NULL) return RESP_MORE;
    parser->at = 0;
    size_t before = scratch->count;
    resp_outcome outcome = resp_inline_split(data, line_bytes, scratch);
    if (outcome != RESP_REQUEST) return outcome;
    *used_out = line_bytes + 1;
    bool http = scratch->count > before &&
                (arg_is(scratch->args[before], "POST") || arg_is(scratch->args[before], "Host:"));
    return http ? RESP_HTTP : RESP_REQUEST;
}

resp_outcome resp_parse(resp_parser *parser, uint8_t *data, size_t size, resp_scratch *scratch,
                        size_t *used_out)
{
    assert(size > 0 && parser->at <= size);
    size_t before = scratch->count, used = 0;
    resp_outcome outcome;
    if (parser->args_expected != 0)
        outcome = array_resume(parser, data, size, scratch, &used);
    else if (resp_is_inline(*data))
        outcome = inline_parse(parser, data, size, scratch, &used);
    else
        outcome = array_parse(parser, data, size, scratch, &used);
    *used_out = used;
    if (LIKELY(outcome == RESP_REQUEST)) return scratch->count > before ? RESP_REQUEST : RESP_EMPTY;
    scratch->count = before; /* a request that failed halfway left some behind */
    return outcome;
}
