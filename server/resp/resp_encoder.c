/*
 * resp_encoder.c - every reply makes sure of its room once, then writes without looking.
 *
 *     data  [ answers so far ][ $5 CRLF | 5 bytes for the caller | CRLF ][ free ]
 *                              ^bulk_at                                  ^size
 *
 * A bulk is written whole, its end included, before the caller fills it: taking it back is
 * setting size to bulk_at.
 */
#include "resp/resp_encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN (16u << 10)    /* bytes */
#define CAPACITY_KEEP (2048u << 10) /* bytes; more is given back by clear */
#define LINE_BYTES_MAX 32u          /* type, 64-bit number, CRLF */
#define REAL_BYTES_MAX 40u

static resp_encoder *encoder_of(reply *to)
{
    return (resp_encoder *)(void *)to;
}

static __attribute__((noinline)) bool encoder_grow(resp_encoder *e, size_t bytes)
{
    if (e->failed) return false;
    e->failed = true;
    if (bytes > e->bytes_max || e->size > e->bytes_max - bytes) return false;
    size_t capacity = e->capacity == 0 ? CAPACITY_MIN : e->capacity;
    while (capacity < e->size + bytes)
        capacity = capacity > SIZE_MAX / 2 ? e->size + bytes : 2 * capacity;
    uint8_t *data = realloc(e->data, capacity);
    if (data == NULL) return false;
    e->data = data;
    e->capacity = capacity;
    e->failed = false;
    return true;
}

/* Room for `bytes` more at data + size; NULL: none.  Ends the chance to cancel a bulk. */
static inline uint8_t *encoder_reserve(resp_encoder *e, size_t bytes)
{
    e->bulk_at = RESP_NO_BULK;
    if (__builtin_expect(e->failed || e->capacity - e->size < bytes, 0) && !encoder_grow(e, bytes))
        return NULL;
    return e->data + e->size;
}

/* ---- numbers ---- */

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

static __attribute__((noinline)) uint8_t *number_write_long(uint8_t *to, uint64_t value)
{
    size_t digits = 2;
    for (uint64_t rest = value / 100; rest > 0; rest /= 10)
        digits++;
    uint8_t *at = to + digits;
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, digit_pairs + 2 * (value % 100), 2);
    }
    if (value >= 10)
        memcpy(at - 2, digit_pairs + 2 * value, 2);
    else
        *(at - 1) = (uint8_t)('0' + value);
    return to + digits;
}

/* Writes `value` in decimal at `to`; returns the place behind it. */
static inline uint8_t *number_write(uint8_t *to, uint64_t value)
{
    if (value < 10) {
        *to = (uint8_t)('0' + value);
        return to + 1;
    }
    if (value < 100) {
        memcpy(to, digit_pairs + 2 * value, 2);
        return to + 2;
    }
    return number_write_long(to, value);
}

static inline uint8_t *crlf_write(uint8_t *to)
{
    memcpy(to, "\r\n", 2);
    return to + 2;
}

/* A type mark, a number and CRLF. */
static inline void header_write(resp_encoder *e, char mark, uint64_t value)
{
    uint8_t *to = encoder_reserve(e, LINE_BYTES_MAX);
    if (to == NULL) return;
    *to++ = (uint8_t)mark;
    to = crlf_write(number_write(to, value));
    e->size = (size_t)(to - e->data);
}

static inline void bytes_write(resp_encoder *e, const void *bytes, size_t size)
{
    uint8_t *to = encoder_reserve(e, size);
    if (to == NULL) return;
    memcpy(to, bytes, size);
    e->size += size;
}

/* A line whose text must not hold a line end, or it would pass for replies of its own. */
static void line_write(resp_encoder *e, char mark, hc_span text)
{
    uint8_t *to = encoder_reserve(e, text.size + 3);
    if (to == NULL) return;
    *to++ = (uint8_t)mark;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        *to++ = c == '\r' || c == '\n' ? ' ' : c;
    }
    crlf_write(to);
    e->size += text.size + 3;
}

/* ---- the table ---- */

static void encode_status(reply *to, hc_span text)
{
    resp_encoder *e = encoder_of(to);
    if (text.size == 2 && memcmp(text.data, "OK", 2) == 0)
        bytes_write(e, "+OK\r\n", 5);
    else
        line_write(e, '+', text);
}

static void encode_error(reply *to, hc_span text)
{
    line_write(encoder_of(to), '-', text);
}

static void encode_integer(reply *to, int64_t value)
{
    resp_encoder *e = encoder_of(to);
    uint8_t *at = encoder_reserve(e, LINE_BYTES_MAX);
    if (at == NULL) return;
    *at++ = ':';
    if (value < 0) *at++ = '-';
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    at = crlf_write(number_write(at, magnitude));
    e->size = (size_t)(at - e->data);
}

static uint8_t *encode_bulk(reply *to, size_t size)
{
    resp_encoder *e = encoder_of(to);
    size_t before = e->size;
    if (size > e->bytes_max) {
        e->failed = true;
        return NULL;
    }
    uint8_t *at = encoder_reserve(e, size + LINE_BYTES_MAX);
    if (at == NULL) return NULL;
    *at++ = '$';
    at = crlf_write(number_write(at, size));
    uint8_t *place = at;
    at = crlf_write(at + size);
    e->size = (size_t)(at - e->data);
    e->bulk_at = before;
    return place;
}

static void encode_bulk_cancel(reply *to)
{
    resp_encoder *e = encoder_of(to);
    if (e->bulk_at == RESP_NO_BULK) return;
    e->size = e->bulk_at;
    e->bulk_at = RESP_NO_BULK;
    if (e->lent_count == 0 || e->lents[e->lent_count - 1].at < e->size) return;
    hc_view_release(&e->lents[--e->lent_count].view);
    if (e->lent_count == 0) e->queued -= RESP_LENT_PENDING;
}

static bool lents_reserve(resp_encoder *e)
{
    if (e->lent_count < e->lent_capacity) return true;
    if (e->lent_count == RESP_LENTS_MAX) return false;
    size_t capacity = e->lent_capacity == 0 ? 1 : 2 * e->lent_capacity;
    resp_lent *lents = realloc(e->lents, capacity * sizeof *lents);
    if (lents == NULL) return false;
    e->lents = lents;
    e->lent_capacity = capacity;
    return true;
}

static bool encode_lend(reply *to, hc_view *view)
{
    resp_encoder *e = encoder_of(to);
    size_t size = view->value.size, before = e->size;
    if (!e->may_lend || size > e->bytes_max || !lents_reserve(e)) return false;
    uint8_t *at = encoder_reserve(e, 2 * LINE_BYTES_MAX);
    if (at == NULL) return false;
    *at++ = '$';
    at = crlf_write(number_write(at, size));
    e->lents[e->lent_count++] = (resp_lent){.view = *view, .at = (size_t)(at - e->data)};
    e->size = (size_t)(crlf_write(at) - e->data);
    e->bulk_at = before;
    if (e->lent_count == 1) e->queued += RESP_LENT_PENDING;
    view->held = NULL;
    return true;
}

static void encode_null(reply *to)
{
    if (to->protocol >= 3)
        bytes_write(encoder_of(to), "_\r\n", 3);
    else
        bytes_write(encoder_of(to), "$-1\r\n", 5);
}

static void encode_null_array(reply *to)
{
    if (to->protocol >= 3)
        bytes_write(encoder_of(to), "_\r\n", 3);
    else
        bytes_write(encoder_of(to), "*-1\r\n", 5);
}

/* The shortest decimal that reads back as `value`. */
static size_t real_text(double value, char *text)
{
    int bytes = 0;
    if (isnan(value)) return (size_t)snprintf(text, REAL_BYTES_MAX, "nan");
    if (isinf(value)) return (size_t)snprintf(text, REAL_BYTES_MAX, value > 0 ? "inf" : "-inf");
    for (int digits = 15; digits <= 17; digits++) {
        bytes = snprintf(text, REAL_BYTES_MAX, "%.*g", digits, value);
        if (memcmp(&(double){strtod(text, NULL)}, &value, sizeof value) == 0) break;
    }
    return (size_t)bytes;
}

static void bulk_write(reply *to, const void *bytes, size_t size)
{
    uint8_t *place = encode_bulk(to, size);
    if (place != NULL && size > 0) memcpy(place, bytes, size);
    encoder_of(to)->bulk_at = RESP_NO_BULK;
}

static void encode_real(reply *to, double value)
{
    char text[REAL_BYTES_MAX];
    size_t size = real_text(value, text);
    if (to->protocol >= 3)
        line_write(encoder_of(to), ',', hc_span_make(text, size));
    else
        bulk_write(to, text, size);
}

static void encode_boolean(reply *to, bool value)
{
    if (to->protocol >= 3)
        bytes_write(encoder_of(to), value ? "#t\r\n" : "#f\r\n", 4);
    else
        encode_integer(to, value ? 1 : 0);
}

static void encode_verbatim(reply *to, hc_span text)
{
    if (to->protocol < 3) {
        bulk_write(to, text.data, text.size);
        return;
    }
    resp_encoder *e = encoder_of(to);
    if (text.size > e->bytes_max) {
        e->failed = true;
        return;
    }
    uint8_t *at = encoder_reserve(e, text.size + LINE_BYTES_MAX);
    if (at == NULL) return;
    *at++ = '=';
    at = crlf_write(number_write(at, text.size + 4));
    memcpy(at, "txt:", 4);
    if (text.size > 0) memcpy(at + 4, text.data, text.size);
    at = crlf_write(at + 4 + text.size);
    e->size = (size_t)(at - e->data);
}

static void encode_array(reply *to, size_t count)
{
    header_write(encoder_of(to), '*', count);
}

static void encode_map(reply *to, size_t pairs)
{
    bool flat = to->protocol < 3;
    header_write(encoder_of(to), flat ? '*' : '%', flat ? 2 * pairs : pairs);
}

static void encode_set(reply *to, size_t count)
{
    header_write(encoder_of(to), to->protocol < 3 ? '*' : '~', count);
}

static void encode_push(reply *to, size_t count)
{
    header_write(encoder_of(to), to->protocol < 3 ? '*' : '>', count);
}

static size_t encode_pending(const reply *to)
{
    const resp_encoder *e = (const resp_encoder *)(const void *)to;
    return e->size + e->queued;
}

static const reply_ops encoder_ops = {
    .status = encode_status,
    .error = encode_error,
    .integer = encode_integer,
    .real = encode_real,
    .boolean = encode_boolean,
    .null = encode_null,
    .null_array = encode_null_array,
    .bulk = encode_bulk,
    .bulk_cancel = encode_bulk_cancel,
    .lend = encode_lend,
    .verbatim = encode_verbatim,
    .array = encode_array,
    .map = encode_map,
    .set = encode_set,
    .push = encode_push,
    .pending = encode_pending,
};

void resp_encoder_init(resp_encoder *encoder, size_t bytes_max)
{
    *encoder = (resp_encoder){.base = {.ops = &encoder_ops, .protocol = 2},
                              .bulk_at = RESP_NO_BULK,
                              .bytes_max = bytes_max};
}

void resp_lents_release(resp_lent *lents, size_t first, size_t count)
{
    for (size_t i = first; i < count; i++)
        hc_view_release(&lents[i].view);
    free(lents);
}

static void lents_drop(resp_encoder *e)
{
    resp_lents_release(e->lents, 0, e->lent_count);
    e->lents = NULL;
    e->lent_count = e->lent_capacity = 0;
}

void resp_encoder_fini(resp_encoder *encoder)
{
    lents_drop(encoder);
    free(encoder->data);
    encoder->data = NULL;
    encoder->size = encoder->capacity = 0;
}

void resp_encoder_clear(resp_encoder *encoder)
{
    encoder->size = 0;
    encoder->queued = 0;
    encoder->bulk_at = RESP_NO_BULK;
    encoder->failed = false;
    encoder->may_lend = false;
    if (__builtin_expect(encoder->lents != NULL, 0)) lents_drop(encoder);
    if (encoder->capacity > CAPACITY_KEEP) resp_encoder_fini(encoder);
}
