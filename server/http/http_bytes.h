/*
 * http_bytes.h - bytes that grow at the end: a response being made, a body being received.
 *
 *     data  [ size bytes     | free ]
 *           0                size   capacity
 *
 * All-zero is empty and owns nothing.  A failed append is remembered (`failed`), so that whoever
 * writes a response piece by piece looks once, at the end.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_BYTES_H
#define HYPERCACHE_SERVER_HTTP_HTTP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <hypercache/types.h>

typedef struct http_bytes {
    uint8_t *data;
    size_t size, capacity;
    size_t size_max; /* 0: no limit */
    bool failed;     /* an append found no memory, or passed size_max */
} http_bytes;

/* Releases everything; empty and usable afterwards, with its limit. */
void http_bytes_fini(http_bytes *of);
/* Empty again; keeps up to `keep_bytes` of room. */
void http_bytes_clear(http_bytes *of, size_t keep_bytes);
/* Room for `bytes` more, at data + size.  False: none, and `failed` is set. */
bool http_bytes_grow(http_bytes *of, size_t bytes);
static inline bool http_bytes_reserve(http_bytes *of, size_t bytes)
{
    size_t most = of->size_max == 0 || of->size_max > of->capacity ? of->capacity : of->size_max;
    return (most >= of->size && most - of->size >= bytes) || http_bytes_grow(of, bytes);
}
static inline void http_bytes_add(http_bytes *of, const void *bytes, size_t size)
{
    if (size == 0 || !http_bytes_reserve(of, size)) return;
    memcpy(of->data + of->size, bytes, size);
    of->size += size;
}
static inline void http_bytes_span(http_bytes *of, hc_span bytes)
{
    http_bytes_add(of, bytes.data, bytes.size);
}
static inline void http_bytes_byte(http_bytes *of, uint8_t byte)
{
    http_bytes_add(of, &byte, 1);
}
void http_bytes_text(http_bytes *of, const char *text);
void http_bytes_number(http_bytes *of, uint64_t number);
void http_bytes_format(http_bytes *of, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Drops the first `size` bytes. */
void http_bytes_take(http_bytes *of, size_t size);
static inline hc_span http_bytes_view(const http_bytes *of)
{
    return hc_span_make(of->data, of->size);
}

#endif
