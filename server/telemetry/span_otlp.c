/*
 * span_otlp.c - protobuf by hand: a field is its number and kind as one varint, then its value.
 *
 *     request  1 resource_spans  1 resource     1 attributes  1 key  2 value
 *                                2 scope_spans  1 scope
 *                                               2 spans
 *
 * A message inside another stands behind its size, so it is written aside first.
 */
#include "telemetry/span_otlp.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
#define FLAG_SAMPLED 1u

static void varint_put(http_bytes *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        http_bytes_byte(to, (uint8_t)(value | 0x80));
    http_bytes_byte(to, (uint8_t)value);
}

static void head_put(http_bytes *to, unsigned field, unsigned kind)
{
    varint_put(to, field << 3 | kind);
}

static void fixed_put(http_bytes *to, unsigned field, uint64_t value, unsigned bytes)
{
    head_put(to, field, bytes == 8 ? FIXED64 : FIXED32);
    for (unsigned i = 0; i < bytes; i++)
        http_bytes_byte(to, (uint8_t)(value >> 8 * i));
}

static void number_put(http_bytes *to, unsigned field, uint64_t value)
{
    head_put(to, field, VARINT);
    varint_put(to, value);
}

static void bytes_put(http_bytes *to, unsigned field, const void *data, size_t size)
{
    head_put(to, field, BYTES);
    varint_put(to, size);
    http_bytes_add(to, data, size);
}

static void text_put(http_bytes *to, unsigned field, const char *text)
{
    bytes_put(to, field, text, strlen(text));
}

/* Moves what was written aside into `to`. */
static void message_put(http_bytes *to, unsigned field, http_bytes *aside)
{
    bytes_put(to, field, aside->data, aside->size);
    if (aside->failed) to->failed = true;
    http_bytes_clear(aside, SIZE_MAX);
}

/* What is written aside, a level each. */
typedef struct levels {
    http_bytes value, attribute, span, scope, resource;
} levels;

static void attribute_end(levels *of, http_bytes *to, unsigned field, const char *name)
{
    text_put(&of->attribute, 1, name);
    message_put(&of->attribute, 2, &of->value);
    message_put(to, field, &of->attribute);
}

static void attribute_text(levels *of, http_bytes *to, unsigned field, const char *name,
                           hc_span text)
{
    bytes_put(&of->value, 1, text.data, text.size);
    attribute_end(of, to, field, name);
}

static void span_put(levels *of, const hc_trace_span *span)
{
    static const uint8_t none[HC_SPAN_ID_BYTES];
    http_bytes *to = &of->span;
    bytes_put(to, 1, span->context.trace_id, HC_TRACE_ID_BYTES);
    bytes_put(to, 2, span->context.span_id, HC_SPAN_ID_BYTES);
    if (memcmp(span->parent_id, none, sizeof none) != 0)
        bytes_put(to, 4, span->parent_id, HC_SPAN_ID_BYTES);
    text_put(to, 5, span->name);
    number_put(to, 6, span->kind);
    fixed_put(to, 7, (uint64_t)span->start_ns, 8);
    fixed_put(to, 8, (uint64_t)span->start_ns + span->duration_ns, 8);
    for (uint32_t i = 0; i < span->attribute_count; i++) {
        const hc_trace_attribute *one = &span->attributes[i];
        if (one->is_text) {
            attribute_text(of, to, 9, one->name, hc_trace_text_of(span, one));
            continue;
        }
        number_put(&of->value, 3, (uint64_t)one->number);
        attribute_end(of, to, 9, one->name);
    }
    if (span->failed) {
        number_put(&of->value, 3, OTLP_STATUS_ERROR);
        message_put(to, 15, &of->value);
    }
    fixed_put(to, 16, FLAG_SAMPLED, 4);
}

void otlp_encode(const span_source *source, const hc_trace_span *spans, size_t count,
                 http_bytes *to)
{
    levels of = {.value = {.size = 0}};
    hc_span id = hc_span_make(source->node_id, strlen(source->node_id));
    hc_span version = hc_span_make(source->version, strlen(source->version));
    attribute_text(&of, &of.span, 1, "service.name", HC_SPAN(OTLP_SERVICE));
    attribute_text(&of, &of.span, 1, "service.instance.id", id);
    attribute_text(&of, &of.span, 1, "service.version", version);
    message_put(&of.resource, 1, &of.span);
    text_put(&of.span, 1, OTLP_SERVICE);
    text_put(&of.span, 2, source->version);
    message_put(&of.scope, 1, &of.span);
    for (size_t i = 0; i < count; i++) {
        span_put(&of, &spans[i]);
        message_put(&of.scope, 2, &of.span);
    }
    message_put(&of.resource, 2, &of.scope);
    message_put(to, 1, &of.resource);
    http_bytes_fini(&of.value);
    http_bytes_fini(&of.attribute);
    http_bytes_fini(&of.span);
    http_bytes_fini(&of.scope);
    http_bytes_fini(&of.resource);
}
