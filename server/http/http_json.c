/* http_json.c - runs of plain bytes are copied as they are; the rest is escaped one by one. */
#include "http/http_json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void put_begin(json_out *of, http_bytes *to)
{
    *of = (json_out){.to = to};
}

static void member_begin(json_out *of)
{
    uint64_t level = UINT64_C(1) << (of->depth & 63);
    if (of->after_key) {
        of->after_key = false;
        return;
    }
    if (of->depth > 0 && (of->started & level) != 0) http_bytes_byte(of->to, ',');
    of->started |= level;
}

static void level_begin(json_out *of, bool object)
{
    member_begin(of);
    assert(of->depth + 1 < JSON_DEPTH_MAX);
    of->depth++;
    uint64_t level = UINT64_C(1) << (of->depth & 63);
    of->started &= ~level;
    of->objects = object ? of->objects | level : of->objects & ~level;
    http_bytes_byte(of->to, object ? '{' : '[');
}

void put_object(json_out *of)
{
    level_begin(of, true);
}

void put_array(json_out *of)
{
    level_begin(of, false);
}

void put_end(json_out *of)
{
    assert(of->depth > 0);
    bool object = (of->objects & (UINT64_C(1) << (of->depth & 63))) != 0;
    of->depth--;
    http_bytes_byte(of->to, object ? '}' : ']');
}

/* How many bytes the UTF-8 character at the front has; 0: it is none. */
static size_t utf8_bytes(const uint8_t *at, size_t size)
{
    uint8_t first = at[0];
    size_t bytes = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (bytes == 0 || first > 0xf4 || bytes > size) return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if (first == 0xe0 && at[1] < 0xa0) return 0; /* longer than need be */
    if (first == 0xed && at[1] > 0x9f) return 0; /* half of a surrogate pair */
    if (first == 0xf0 && at[1] < 0x90) return 0;
    if (first == 0xf4 && at[1] > 0x8f) return 0;
    return bytes;
}

bool text_is_utf8(hc_span text)
{
    for (size_t i = 0; i < text.size;) {
        if (text.data[i] < 0x80) {
            i++;
            continue;
        }
        size_t bytes = utf8_bytes(text.data + i, text.size - i);
        if (bytes == 0) return false;
        i += bytes;
    }
    return true;
}

static void escape_add(http_bytes *to, uint8_t byte)
{
    static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; i + 1 < sizeof shorts - 1; i += 2) {
        if ((uint8_t)shorts[i] != byte) continue;
        char text[2] = {'\\', shorts[i + 1]};
        http_bytes_add(to, text, 2);
        return;
    }
    http_bytes_format(to, "\\u%04x", byte);
}

static void quoted(http_bytes *to, hc_span text)
{
    size_t plain = 0;
    http_bytes_byte(to, '"');
    for (size_t i = 0; i < text.size;) {
        uint8_t byte = text.data[i];
        size_t bytes = byte < 0x80 ? 1 : utf8_bytes(text.data + i, text.size - i);
        /* '<' is escaped, lest somebody put it into a page as it is */
        bool escapes = byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f || byte == '<';
        if (bytes > 0 && !escapes) {
            i += bytes;
            continue;
        }
        http_bytes_add(to, text.data + plain, i - plain);
        if (bytes == 0)
            http_bytes_text(to, "\xef\xbf\xbd");
        else
            escape_add(to, byte);
        plain = ++i;
    }
    http_bytes_add(to, text.data + plain, text.size - plain);
    http_bytes_byte(to, '"');
}

void put_key_span(json_out *of, hc_span name)
{
    member_begin(of);
    quoted(of->to, name);
    http_bytes_byte(of->to, ':');
    of->after_key = true;
}

void put_key(json_out *of, const char *name)
{
    put_key_span(of, hc_span_make(name, strlen(name)));
}

void put_text(json_out *of, hc_span text)
{
    member_begin(of);
    quoted(of->to, text);
}

void put_string(json_out *of, const char *text)
{
    put_text(of, hc_span_make(text, strlen(text)));
}

void put_uint(json_out *of, uint64_t number)
{
    member_begin(of);
    http_bytes_number(of->to, number);
}

void put_int(json_out *of, int64_t number)
{
    member_begin(of);
    if (number < 0) http_bytes_byte(of->to, '-');
    http_bytes_number(of->to, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void put_real(json_out *of, double number)
{
    if (!isfinite(number)) {
        put_null(of);
        return;
    }
    member_begin(of);
    http_bytes_format(of->to, "%.17g", number);
}

void put_short_real(json_out *of, double number)
{
    member_begin(of);
    http_bytes_format(of->to, "%.6g", number);
}

void put_seconds(json_out *of, int64_t ms)
{
    member_begin(of);
    http_bytes_format(of->to, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
}

void put_bool(json_out *of, bool value)
{
    member_begin(of);
    http_bytes_text(of->to, value ? "true" : "false");
}

void put_null(json_out *of)
{
    member_begin(of);
    http_bytes_add(of->to, "null", 4);
}

void put_object_as(json_out *of, const char *name)
{
    put_key(of, name);
    put_object(of);
}

void put_array_as(json_out *of, const char *name)
{
    put_key(of, name);
    put_array(of);
}

void put_text_as(json_out *of, const char *name, hc_span text)
{
    put_key(of, name);
    put_text(of, text);
}

void put_string_as(json_out *of, const char *name, const char *text)
{
    put_key(of, name);
    put_string(of, text);
}

void put_uint_as(json_out *of, const char *name, uint64_t number)
{
    put_key(of, name);
    put_uint(of, number);
}

void put_int_as(json_out *of, const char *name, int64_t number)
{
    put_key(of, name);
    put_int(of, number);
}

void put_bool_as(json_out *of, const char *name, bool value)
{
    put_key(of, name);
    put_bool(of, value);
}

void put_raw(json_out *of, hc_span text)
{
    member_begin(of);
    http_bytes_span(of->to, text);
}

void put_base64(json_out *of, hc_span bytes)
{
    member_begin(of);
    http_bytes_byte(of->to, '"');
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        if (left > 1) group |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2) group |= bytes.data[i + 2];
        char text[4] = {base64_digits[group >> 18], base64_digits[(group >> 12) & 63],
                        left > 1 ? base64_digits[(group >> 6) & 63] : '=',
                        left > 2 ? base64_digits[group & 63] : '='};
        http_bytes_add(of->to, text, sizeof text);
    }
    http_bytes_byte(of->to, '"');
}

void put_value(json_out *of, const char *name, hc_span bytes)
{
    put_key(of, name);
    if (text_is_utf8(bytes)) {
        put_text(of, bytes);
        return;
    }
    put_base64(of, bytes);
    put_key(of, "encoding");
    put_string(of, "base64");
}

bool base64_decode(hc_span text, http_bytes *to)
{
    size_t pads = 0;
    if (text.size % 4 != 0) return false;
    while (pads < 2 && pads < text.size && text.data[text.size - 1 - pads] == '=')
        pads++;
    for (size_t i = 0; i < text.size; i += 4) {
        uint32_t group = 0;
        bool last = i + 4 == text.size;
        for (size_t k = 0; k < 4; k++) {
            bool pad = last && k >= 4 - pads;
            const char *digit =
                pad || text.data[i + k] == 0 ? NULL : strchr(base64_digits, text.data[i + k]);
            if (digit == NULL && !pad) return false;
            group = group << 6 | (digit != NULL ? (uint32_t)(digit - base64_digits) : 0);
        }
        uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
        http_bytes_add(to, bytes, last ? 3 - pads : 3);
    }
    return !to->failed;
}
