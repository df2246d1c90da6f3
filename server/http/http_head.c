/*
 * http_head.c - first the end of the head is looked for, line by line and each byte once, so that
 * dribbled bytes cost no more than those that come together; then it is taken apart.
 */
#include "http/http_head.h"

#include <string.h>

#define LENGTH_DIGITS_MAX 18u /* below 2^63 */

static const struct {
    const char *name;
    http_method method;
} methods[] = {{"GET", HTTP_GET},   {"HEAD", HTTP_HEAD},     {"PUT", HTTP_PUT},
               {"POST", HTTP_POST}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}};

const char *http_method_text(http_method method)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].method == method) return methods[i].name;
    return "?";
}

bool http_is_token(uint8_t byte)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
        (byte >= 'A' && byte <= 'Z'))
        return true;
    return byte != 0 && strchr(others, byte) != NULL;
}

static uint8_t lowered(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

bool http_word_is(hc_span word, const char *lower)
{
    size_t i = 0;
    for (; i < word.size && lower[i] != '\0'; i++)
        if (lowered(word.data[i]) != (uint8_t)lower[i]) return false;
    return i == word.size && lower[i] == '\0';
}

static hc_span trimmed(hc_span text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = hc_span_make(text.data + 1, text.size - 1);
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

bool http_list_has(hc_span list, const char *lower)
{
    while (list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        size_t bytes = comma != NULL ? (size_t)(comma - list.data) : list.size;
        if (http_word_is(trimmed(hc_span_make(list.data, bytes)), lower)) return true;
        if (comma == NULL) return false;
        list = hc_span_make(comma + 1, list.size - bytes - 1);
    }
    return false;
}

hc_span http_head_find(const http_head *of, const char *lower, bool *found_out)
{
    for (size_t i = 0; i < of->header_count; i++) {
        if (!http_word_is(of->headers[i].name, lower)) continue;
        *found_out = true;
        return of->headers[i].value;
    }
    *found_out = false;
    return (hc_span){0};
}

/* ---- the end of the head ---- */

/* A head that was cut short must still look like one, or nobody would be told for a long time. */
static unsigned begins_well(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size && i <= HTTP_METHOD_BYTES_MAX; i++) {
        if (data[i] == ' ' && i > 0) return 0;
        if (data[i] < 'A' || data[i] > 'Z') return 400;
    }
    if (size > HTTP_METHOD_BYTES_MAX) return 400;
    return 0;
}

/* 200: *bytes_out is where the head ends. */
static unsigned head_end(const uint8_t *data, size_t size, size_t *seen, size_t *bytes_out)
{
    size_t within = size < HTTP_HEAD_BYTES_MAX ? size : HTTP_HEAD_BYTES_MAX;
    bool first_line = memchr(data, '\n', *seen < within ? *seen : within) == NULL;
    while (*seen < within) {
        const uint8_t *lf = memchr(data + *seen, '\n', within - *seen);
        size_t at = lf != NULL ? (size_t)(lf - data) : within;
        if (first_line && at > HTTP_LINE_BYTES_MAX) return begins_well(data, size) == 0 ? 414 : 400;
        if (lf == NULL) {
            *seen = within;
            break;
        }
        if (at == 0 || data[at - 1] != '\r') return 400; /* a bare LF */
        *seen = at + 1;
        first_line = false;
        if (at >= 3 && data[at - 2] == '\n') {
            *bytes_out = at + 1;
            return 200;
        }
    }
    if (size >= HTTP_HEAD_BYTES_MAX) return 431;
    return begins_well(data, size);
}

/* ---- the request line ---- */

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    uint8_t lower = lowered(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Visible bytes only, and escapes that are whole. */
static bool target_is_sound(hc_span target)
{
    for (size_t i = 0; i < target.size; i++) {
        uint8_t byte = target.data[i];
        if (byte <= 0x20 || byte >= 0x7f || byte == '#' || byte == '\\') return false;
        if (byte != '%') continue;
        if (target.size - i < 3 || hex_digit(target.data[i + 1]) < 0 ||
            hex_digit(target.data[i + 2]) < 0)
            return false;
    }
    return target.size > 0;
}

static unsigned version_parse(hc_span text, http_head *head)
{
    static const char prefix[] = "HTTP/";
    if (text.size != 8 || memcmp(text.data, prefix, 5) != 0 || text.data[6] != '.') return 400;
    for (size_t i = 5; i < 8; i += 2)
        if (text.data[i] < '0' || text.data[i] > '9') return 400;
    if (text.data[5] != '1' || text.data[7] > '1') return 505;
    head->minor_0 = text.data[7] == '0';
    return 200;
}

static http_method method_named(hc_span name)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (name.size == strlen(methods[i].name) &&
            memcmp(name.data, methods[i].name, name.size) == 0)
            return methods[i].method;
    return HTTP_OTHER;
}

static unsigned line_parse(hc_span line, http_head *head)
{
    const uint8_t *first = memchr(line.data, ' ', line.size);
    if (first == NULL) return 400;
    hc_span name = hc_span_make(line.data, (size_t)(first - line.data));
    hc_span rest = hc_span_make(first + 1, line.size - name.size - 1);
    const uint8_t *second = memchr(rest.data, ' ', rest.size);
    if (second == NULL) return 400; /* HTTP/0.9, too */
    hc_span target = hc_span_make(rest.data, (size_t)(second - rest.data));
    hc_span version = hc_span_make(second + 1, rest.size - target.size - 1);
    if (name.size == 0 || name.size > HTTP_METHOD_BYTES_MAX) return 400;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 'A' || name.data[i] > 'Z') return 400;
    head->method = method_named(name);
    unsigned status = version_parse(version, head);
    if (status != 200) return status;
    if (!target_is_sound(target)) return 400;
    bool asterisk = target.size == 1 && target.data[0] == '*' && head->method == HTTP_OPTIONS;
    if (target.data[0] != '/' && !asterisk) return 400; /* absolute form, authority form */
    const uint8_t *mark = memchr(target.data, '?', target.size);
    size_t path_bytes = mark != NULL ? (size_t)(mark - target.data) : target.size;
    head->path = hc_span_make(target.data, path_bytes);
    if (mark != NULL) head->query = hc_span_make(mark + 1, target.size - path_bytes - 1);
    return 200;
}

/* ---- headers ---- */

static bool value_is_sound(hc_span value)
{
    for (size_t i = 0; i < value.size; i++)
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f) return false;
    return true;
}

static bool host_is_sound(hc_span host)
{
    for (size_t i = 0; i < host.size; i++) {
        uint8_t byte = host.data[i];
        bool fits = (byte >= '0' && byte <= '9') || (lowered(byte) >= 'a' && lowered(byte) <= 'z');
        if (!fits && (byte == 0 || strchr("-._:[]", byte) == NULL)) return false;
    }
    return true;
}

static bool length_parse(hc_span text, uint64_t *length_out)
{
    if (text.size == 0 || text.size > LENGTH_DIGITS_MAX) return false;
    if (text.size > 1 && text.data[0] == '0') return false;
    *length_out = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        *length_out = *length_out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

typedef struct counts {
    unsigned host, length, transfer, expect;
} counts;

/* What the header says of the request's limits, which there must be once. */
static unsigned header_take(http_head *head, const http_header *one, counts *seen)
{
    if (http_word_is(one->name, "host")) {
        head->host = one->value;
        return seen->host++ == 0 && host_is_sound(one->value) ? 200 : 400;
    }
    if (http_word_is(one->name, "content-length")) {
        head->has_length = true;
        return seen->length++ == 0 && length_parse(one->value, &head->length) ? 200 : 400;
    }
    if (http_word_is(one->name, "transfer-encoding")) {
        head->chunked = true;
        return seen->transfer++ == 0 && http_word_is(one->value, "chunked") ? 200 : 400;
    }
    if (http_word_is(one->name, "expect")) {
        head->expects_continue = true;
        if (seen->expect++ != 0) return 400;
        return http_word_is(one->value, "100-continue") ? 200 : 417;
    }
    if (http_word_is(one->name, "connection")) {
        if (http_list_has(one->value, "close"))
            head->keeps_alive = false;
        else if (head->minor_0 && http_list_has(one->value, "keep-alive"))
            head->keeps_alive = true;
    }
    return 200;
}

static unsigned header_parse(hc_span line, http_head *head, counts *seen)
{
    if (head->header_count == HTTP_HEADERS_MAX) return 431;
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (colon == NULL || colon == line.data) return 400;
    http_header *one = &head->headers[head->header_count++];
    one->name = hc_span_make(line.data, (size_t)(colon - line.data));
    for (size_t i = 0; i < one->name.size; i++) /* a blank at the front would be a fold */
        if (!http_is_token(one->name.data[i])) return 400;
    one->value = trimmed(hc_span_make(colon + 1, line.size - one->name.size - 1));
    if (!value_is_sound(one->value)) return 400;
    return header_take(head, one, seen);
}

static unsigned check_whole(const http_head *head, const counts *seen)
{
    if (!head->minor_0 && (seen->host == 0 || head->host.size == 0)) return 400;
    if (seen->transfer > 0 && (seen->length > 0 || head->minor_0)) return 400;
    return 200;
}

unsigned http_head_parse(const uint8_t *data, size_t size, size_t *seen, http_head *head)
{
    size_t bytes = 0;
    unsigned status = head_end(data, size, seen, &bytes);
    if (status != 200) return status;
    memset(head, 0, offsetof(http_head, headers));
    head->bytes = bytes;
    counts counted = {0};
    bool first = true;
    for (size_t at = 0; at + 2 < bytes;) {
        const uint8_t *lf = memchr(data + at, '\n', bytes - at);
        size_t end = (size_t)(lf - data) - 1;
        hc_span line = hc_span_make(data + at, end - at);
        if (first) {
            status = line_parse(line, head);
            head->keeps_alive = !head->minor_0;
        } else {
            status = header_parse(line, head, &counted);
        }
        if (status != 200) return status;
        first = false;
        at = end + 2;
    }
    return first ? 400 : check_whole(head, &counted);
}
