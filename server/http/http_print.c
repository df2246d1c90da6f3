/* http_print.c - see http_print.h. */
#include "http/http_print.h"

#include <string.h>

#define EXACT_MAX (INT64_C(1) << 53) /* a double holds all integers below */
#define NUMBER_CHARS_MAX 16u

static void put_number(json_out *to, int64_t number)
{
    if (number > -EXACT_MAX && number < EXACT_MAX) {
        put_int(to, number);
        return;
    }
    put_object(to);
    put_key(to, "integer");
    http_bytes_byte(to->to, '"');
    to->after_key = true; /* the number is written into the quotes */
    put_int(to, number);
    http_bytes_byte(to->to, '"');
    put_end(to);
}

static void put_wrapped(json_out *to, const char *name, hc_span text)
{
    put_object(to);
    put_text_as(to, name, text);
    put_end(to);
}

static void put_bulk(json_out *to, hc_span text)
{
    if (text_is_utf8(text)) {
        put_text(to, text);
        return;
    }
    put_object(to);
    put_key(to, "base64");
    put_base64(to, text);
    put_end(to);
}

/* What is no aggregate. */
static void put_leaf(json_out *to, const http_answer *of, const answer_entry *entry)
{
    switch (entry->kind) {
    case ANSWER_STATUS:
        put_wrapped(to, "status", answer_text(of, entry));
        break;
    case ANSWER_ERROR:
        put_wrapped(to, "error", answer_text(of, entry));
        break;
    case ANSWER_INTEGER:
        put_number(to, entry->as.integer);
        break;
    case ANSWER_REAL:
        put_real(to, entry->as.real);
        break;
    case ANSWER_BOOLEAN:
        put_bool(to, entry->as.integer != 0);
        break;
    case ANSWER_BULK:
        put_bulk(to, answer_text(of, entry));
        break;
    default:
        put_null(to);
        break;
    }
}

/* Walks without recursion: how deep answers are is not ours to say. */
typedef struct level {
    size_t left; /* members still to come */
    bool pairs;  /* of a map: each two are in brackets */
    bool opened;
} level;

size_t answer_put(json_out *to, const http_answer *of, size_t at)
{
    level levels[JSON_DEPTH_MAX / 4];
    size_t depth = 0;
    do {
        const answer_entry *entry = answer_at(of, at);
        if (entry == NULL) break;
        at++;
        level *in = depth > 0 ? &levels[depth - 1] : NULL;
        if (in != NULL && in->pairs && in->left % 2 == 0) put_array(to);
        bool nests = entry->kind == ANSWER_ARRAY || entry->kind == ANSWER_MAP;
        if (nests && depth < sizeof levels / sizeof levels[0]) {
            bool map = entry->kind == ANSWER_MAP;
            if (map) {
                put_object(to);
                put_key(to, "map");
            }
            put_array(to);
            levels[depth++] = (level){.left = entry->as.count * (map ? 2 : 1), .pairs = map};
        } else {
            put_leaf(to, of, entry);
            if (nests) at = answer_next(of, at - 1); /* too deep: it is null */
            if (in != NULL && --in->left % 2 == 0 && in->pairs) put_end(to);
        }
        while (depth > 0 && levels[depth - 1].left == 0) {
            depth--;
            put_end(to);
            if (levels[depth].pairs) put_end(to);
            if (depth > 0 && --levels[depth - 1].left % 2 == 0 && levels[depth - 1].pairs)
                put_end(to);
        }
    } while (depth > 0);
    return at;
}

/* ---- plain ---- */

size_t answer_put_plain(json_out *to, const http_answer *of, size_t at)
{
    const answer_entry *entry = answer_at(of, at);
    if (entry == NULL) return at;
    size_t next = at + 1;
    if (entry->kind == ANSWER_MAP) {
        put_object(to);
        for (size_t i = 0; i < entry->as.count && answer_at(of, next + 1) != NULL; i++) {
            put_key_span(to, answer_text(of, answer_at(of, next)));
            next = answer_put_plain(to, of, next + 1);
        }
        put_end(to);
    } else if (entry->kind == ANSWER_ARRAY) {
        put_array(to);
        for (size_t i = 0; i < entry->as.count; i++)
            next = answer_put_plain(to, of, next);
        put_end(to);
    } else if (entry->kind == ANSWER_BULK || entry->kind == ANSWER_STATUS) {
        put_text(to, answer_text(of, entry));
    } else {
        put_leaf(to, of, entry);
    }
    return next;
}

/* ---- INFO ---- */

/* A number as JSON has it, too: no plus, no leading zeros, digits on both sides of a dot. */
static bool is_number(hc_span text)
{
    size_t i = text.size > 0 && text.data[0] == '-' ? 1 : 0, first = i, digits = 0;
    if (text.size == 0 || text.size > NUMBER_CHARS_MAX) return false;
    for (; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        digits++;
    if (digits == 0 || (digits > 1 && text.data[first] == '0')) return false;
    if (i == text.size) return true;
    if (text.data[i++] != '.' || i == text.size) return false;
    for (; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9') return false;
    return true;
}

static void put_guessed(json_out *to, hc_span value)
{
    if (is_number(value))
        put_raw(to, value);
    else
        put_text(to, value);
}

void info_put(json_out *to, hc_span info)
{
    bool open = false;
    put_object(to);
    while (info.size > 0) {
        const uint8_t *end = memchr(info.data, '\n', info.size);
        size_t bytes = end != NULL ? (size_t)(end - info.data) : info.size;
        hc_span line = hc_span_make(info.data, bytes);
        info = hc_span_make(info.data + bytes, info.size - bytes);
        if (end != NULL) info = hc_span_make(info.data + 1, info.size - 1);
        if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
        const uint8_t *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;
        if (line.size > 2 && line.data[0] == '#') {
            if (open) put_end(to);
            put_key_span(to, hc_span_make(line.data + 2, line.size - 2));
            put_object(to);
            open = true;
        } else if (colon != NULL && open) {
            size_t name = (size_t)(colon - line.data);
            put_key_span(to, hc_span_make(line.data, name));
            put_guessed(to, hc_span_make(colon + 1, line.size - name - 1));
        }
    }
    if (open) put_end(to);
    put_end(to);
}

void fields_put(json_out *to, hc_span line)
{
    put_object(to);
    while (line.size > 0) {
        const uint8_t *blank = memchr(line.data, ' ', line.size);
        size_t bytes = blank != NULL ? (size_t)(blank - line.data) : line.size;
        const uint8_t *equals = memchr(line.data, '=', bytes);
        if (equals != NULL) {
            size_t name = (size_t)(equals - line.data);
            put_key_span(to, hc_span_make(line.data, name));
            put_guessed(to, hc_span_make(equals + 1, bytes - name - 1));
        }
        if (blank == NULL) break;
        line = hc_span_make(blank + 1, line.size - bytes - 1);
    }
    put_end(to);
}
