/*
 * resp_inline.c - two indexes run over the line: `from` reads, `to` writes, and `to` never passes
 * `from`, because every escape is longer than what it stands for.
 *
 *     "a\x41b" c
 *      ^to ^from
 */
#include "resp/resp_inline.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_ARGS_MIN 256u

bool resp_scratch_grow(resp_scratch *scratch)
{
    if (scratch->count < scratch->capacity) return true;
    size_t capacity = scratch->capacity == 0 ? SCRATCH_ARGS_MIN : 2 * scratch->capacity;
    hc_span *args = realloc(scratch->args, capacity * sizeof *args);
    if (args == NULL) return false;
    scratch->args = args;
    scratch->capacity = capacity;
    return true;
}

/* What ends a bare word. */
static bool is_break(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_blank(uint8_t c)
{
    return is_break(c) || c == '\v' || c == '\f';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static uint8_t escape_value(uint8_t c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

typedef struct splitter {
    uint8_t *line;
    size_t size, from, to;
} splitter;

/* Behind an opening `quote`; ends behind the closing one.  False: the line ends first, or the
 * closing quote is not the end of its word. */
static bool quoted_take(splitter *s, uint8_t quote)
{
    while (s->from < s->size) {
        uint8_t c = s->line[s->from++];
        if (c == quote) return s->from == s->size || is_blank(s->line[s->from]);
        if (c == '\\' && s->from < s->size) {
            uint8_t next = s->line[s->from];
            if (quote == '\'') {
                if (next == '\'') {
                    c = next;
                    s->from++;
                }
            } else if (next == 'x' && s->size - s->from > 2 &&
                       hex_value(s->line[s->from + 1]) >= 0 &&
                       hex_value(s->line[s->from + 2]) >= 0) {
                c = (uint8_t)(hex_value(s->line[s->from + 1]) * 16 +
                              hex_value(s->line[s->from + 2]));
                s->from += 3;
            } else {
                c = escape_value(next);
                s->from++;
            }
        }
        s->line[s->to++] = c;
    }
    return false;
}

/* At the first byte of a word; ends behind its last. */
static bool word_take(splitter *s)
{
    while (s->from < s->size && !is_break(s->line[s->from])) {
        uint8_t c = s->line[s->from++];
        if (c == '"' || c == '\'') return quoted_take(s, c);
        s->line[s->to++] = c;
    }
    return true;
}

resp_outcome resp_inline_split(uint8_t *line, size_t size, resp_scratch *scratch)
{
    splitter s = {.line = line, .size = size};
    for (;;) {
        while (s.from < size && is_blank(line[s.from]))
            s.from++;
        if (s.from == size) return RESP_REQUEST;
        size_t start = s.to = s.from;
        if (!word_take(&s)) {
            (void)snprintf(scratch->error, sizeof scratch->error,
                           "ERR Protocol error: unbalanced quotes in request");
            return RESP_ERROR;
        }
        assert(s.to <= s.from);
        if (!resp_scratch_grow(scratch)) return RESP_NO_MEMORY;
        scratch->args[scratch->count++] = hc_span_make(line + start, s.to - start);
    }
}
