/*
 * types.h - what every other header speaks in: status, span, type of a value, time.
 *
 * Time:    points in time are Unix milliseconds, UTC; HC_EXPIRY_NONE (0) means "never".
 * Threads: everything here is a plain value.
 */
#ifndef HYPERCACHE_TYPES_H
#define HYPERCACHE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HC_API __attribute__((visibility("default")))
#else
#define HC_API
#endif

#define HC_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* 0, or a negative number whose meaning never changes. */
typedef enum hc_status {
    HC_OK = 0,
    HC_ERR_INVALID = -1,     /* an argument is out of its documented range */
    HC_ERR_NO_MEMORY = -2,   /* the host's memory refused, or address space ran out */
    HC_ERR_NOT_FOUND = -3,   /* no such key, node, file ... */
    HC_ERR_EXISTS = -4,      /* it is there already */
    HC_ERR_LIMIT = -5,       /* a named limit of this library would be passed */
    HC_ERR_UNSUPPORTED = -6, /* asked by a newer header than this library knows */
    HC_ERR_FULL = -7,        /* max_memory is reached and nothing may or can be evicted */
    HC_ERR_TYPE = -8,        /* the key holds a value of another type */
    HC_ERR_RANGE = -9,       /* a number would overflow */
    HC_ERR_BUFFER = -10,     /* the caller's buffer is too small; the needed size is reported */
    HC_ERR_NOT_NUMBER = -11, /* the value is not a decimal 64-bit integer */
    HC_ERR_CONFLICT = -12,   /* a condition (version, presence) does not hold */
    HC_ERR_IO = -13,         /* the host's I/O failed */
    HC_ERR_CORRUPT = -14,    /* bytes that fail their checksum or their format */
    HC_ERR_NO_SPACE = -15,   /* the disk, or a quota on it, is full */
    HC_ERR_BUSY = -16        /* somebody else holds it */
} hc_status;

/* A short English text for `status`, static, never NULL. */
HC_API
const char *hc_status_text(hc_status status);

/* Bytes that someone else owns.  `data` may be NULL when `size` is 0. */
typedef struct hc_span {
    const uint8_t *data;
    size_t size; /* bytes */
} hc_span;

static inline hc_span hc_span_make(const void *data, size_t size)
{
    hc_span span;
    span.data = (const uint8_t *)data;
    span.size = size;
    return span;
}

/* The span of a string literal, without its final NUL. */
#define HC_SPAN(literal) hc_span_make("" literal, sizeof(literal) - 1)

/* What a value is.  The tag is stored with each item (3 bits). */
typedef enum hc_type {
    HC_TYPE_STRING = 0, /* bytes */
    HC_TYPE_FILTER = 1  /* a cuckoo filter, as hc_filter_serialize writes it */
} hc_type;

#define HC_EXPIRY_NONE ((int64_t)0)
/* Greatest point in time an item can expire at: 2^48 - 1 ms, in the year 10889. */
#define HC_EXPIRY_MAX_MS ((int64_t)281474976710655)

#ifdef __cplusplus
}
#endif
#endif
