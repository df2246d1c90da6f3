/* test_reply.c - appends each reply to one line and counts what is owed. */
#include "support/test_reply.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

static void add(test_reply *to, const char *chars, size_t size)
{
    assert_true(to->size + size < TEST_REPLY_BYTES_MAX);
    memcpy(to->text + to->size, chars, size);
    to->size += size;
    to->text[to->size] = '\0';
}

static void add_escaped(test_reply *to, const uint8_t *bytes, size_t size)
{
    add(to, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        char shown[8];
        int chars;
        if (bytes[i] == '\r' || bytes[i] == '\n')
            chars = snprintf(shown, sizeof shown, "\\%c", bytes[i] == '\r' ? 'r' : 'n');
        else if (bytes[i] < 0x20 || bytes[i] > 0x7e || bytes[i] == '"' || bytes[i] == '\\')
            chars = snprintf(shown, sizeof shown, "\\x%02x", bytes[i]);
        else
            chars = snprintf(shown, sizeof shown, "%c", bytes[i]);
        add(to, shown, (size_t)chars);
    }
    add(to, "\"", 1);
}

static void bulk_finish(test_reply *to)
{
    if (to->bulk == NULL) return;
    uint8_t *bulk = to->bulk;
    to->bulk = NULL;
    add_escaped(to, bulk, to->bulk_size);
    free(bulk);
}

/* Begins a reply that announces `more` others. */
static test_reply *begin(reply *base, size_t more)
{
    test_reply *to = (test_reply *)base;
    bulk_finish(to);
    assert_true(to->wanted > 0); /* otherwise: more replies than were announced */
    to->wanted += more;
    to->wanted--;
    if (to->size > 0) add(to, " ", 1);
    return to;
}

static void add_line(reply *base, char mark, hc_span text)
{
    test_reply *to = begin(base, 0);
    add(to, &mark, 1);
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        add(to, c == '\r' || c == '\n' ? " " : &c, 1);
    }
}

static void put_status(reply *base, hc_span text)
{
    add_line(base, '+', text);
}

static void put_error(reply *base, hc_span text)
{
    add_line(base, '-', text);
}

static void add_number(reply *base, char mark, size_t more, long long value)
{
    char digits[32];
    int chars = snprintf(digits, sizeof digits, "%c%lld", mark, value);
    add(begin(base, more), digits, (size_t)chars);
}

static void put_integer(reply *base, int64_t value)
{
    add_number(base, ':', 0, value);
}

static void put_real(reply *base, double value)
{
    char digits[64];
    int chars = snprintf(digits, sizeof digits, ",%.17g", value);
    add(begin(base, 0), digits, (size_t)chars);
}

static void put_boolean(reply *base, bool value)
{
    add(begin(base, 0), value ? "#t" : "#f", 2);
}

static void put_null(reply *base)
{
    add(begin(base, 0), "nil", 3);
}

static void put_null_array(reply *base)
{
    add(begin(base, 0), "nil*", 4);
}

static uint8_t *put_bulk(reply *base, size_t size)
{
    test_reply *to = (test_reply *)base;
    if (to->refuse_bulks) return NULL;
    begin(base, 0);
    to->bulk = malloc(size + 1);
    to->bulk_size = size;
    assert_non_null(to->bulk);
    memset(to->bulk, '~', size);
    return to->bulk;
}

static void cancel_bulk(reply *base)
{
    test_reply *to = (test_reply *)base;
    if (to->refuse_bulks) return;
    assert_non_null(to->bulk);
    free(to->bulk);
    to->bulk = NULL;
    to->wanted++;
    if (to->size > 0) to->text[--to->size] = '\0'; /* the blank before it */
}

static void put_verbatim(reply *base, hc_span text)
{
    test_reply *to = begin(base, 0);
    add(to, "=", 1);
    add_escaped(to, text.data, text.size);
}

static void put_array(reply *base, size_t count)
{
    add_number(base, '*', count, (long long)count);
}

static void put_map(reply *base, size_t pairs)
{
    add_number(base, '%', 2 * pairs, (long long)pairs);
}

static void put_set(reply *base, size_t count)
{
    add_number(base, '~', count, (long long)count);
}

static void put_push(reply *base, size_t count)
{
    test_reply *to = (test_reply *)base;
    if (to->wanted == 0) to->wanted = 1; /* nobody asked for it */
    add_number(base, '>', count, (long long)count);
}

static size_t get_pending(const reply *base)
{
    return ((const test_reply *)base)->pending;
}

static const reply_ops ops = {
    .status = put_status,
    .error = put_error,
    .integer = put_integer,
    .real = put_real,
    .boolean = put_boolean,
    .null = put_null,
    .null_array = put_null_array,
    .bulk = put_bulk,
    .bulk_cancel = cancel_bulk,
    .verbatim = put_verbatim,
    .array = put_array,
    .map = put_map,
    .set = put_set,
    .push = put_push,
    .pending = get_pending,
};

void test_reply_init(test_reply *to)
{
    *to = (test_reply){.base = {.ops = &ops, .protocol = 2}, .wanted = 1};
    to->text = malloc(TEST_REPLY_BYTES_MAX);
    assert_non_null(to->text);
    to->text[0] = '\0';
}

void test_reply_fini(test_reply *to)
{
    free(to->bulk);
    free(to->text);
    *to = (test_reply){.wanted = 0};
}

void test_reply_clear(test_reply *to)
{
    free(to->bulk);
    to->bulk = NULL;
    to->size = 0;
    to->text[0] = '\0';
    to->wanted = 1;
}

const char *test_reply_text(test_reply *to)
{
    bulk_finish(to);
    assert_int_equal(to->wanted, 0);
    return to->text;
}
