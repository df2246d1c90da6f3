/*
 * wire.h - numbers as bytes, lowest first, and a reader that cannot run over the end.
 *
 *     wire_reader r = {.at = bytes, .left = size};
 *     uint32_t count = wire_get_u32(&r);
 *     hc_span name = wire_get_span(&r, wire_get_u16(&r));
 *     if (r.failed) return HC_ERR_CORRUPT;
 *
 * A reader that has failed stays so, and gives zeros.
 */
#ifndef HYPERCACHE_PERSISTENCE_WIRE_H
#define HYPERCACHE_PERSISTENCE_WIRE_H

#include <string.h>

#include <hypercache/types.h>

static inline void wire_put_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void wire_put_u32(uint8_t *to, uint32_t value)
{
    wire_put_u16(to, (uint16_t)value);
    wire_put_u16(to + 2, (uint16_t)(value >> 16));
}

static inline void wire_put_u64(uint8_t *to, uint64_t value)
{
    wire_put_u32(to, (uint32_t)value);
    wire_put_u32(to + 4, (uint32_t)(value >> 32));
}

static inline uint16_t wire_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t wire_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

static inline uint64_t wire_u64(const uint8_t *from)
{
    return (uint64_t)wire_u32(from) | (uint64_t)wire_u32(from + 4) << 32;
}

typedef struct wire_reader {
    const uint8_t *at;
    size_t left;
    bool failed;
} wire_reader;

/* The next `size` bytes; on failure NULL and 0. */
static inline hc_span wire_get_span(wire_reader *r, size_t size)
{
    if (r->failed || size > r->left) {
        r->failed = true;
        return hc_span_make(NULL, 0);
    }
    hc_span span = hc_span_make(r->at, size);
    r->at += size;
    r->left -= size;
    return span;
}

static inline uint16_t wire_get_u16(wire_reader *r)
{
    hc_span span = wire_get_span(r, 2);
    return span.data == NULL ? 0 : wire_u16(span.data);
}

static inline uint32_t wire_get_u32(wire_reader *r)
{
    hc_span span = wire_get_span(r, 4);
    return span.data == NULL ? 0 : wire_u32(span.data);
}

static inline uint64_t wire_get_u64(wire_reader *r)
{
    hc_span span = wire_get_span(r, 8);
    return span.data == NULL ? 0 : wire_u64(span.data);
}

#endif
