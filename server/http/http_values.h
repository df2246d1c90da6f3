/*
 * http_values.h - what clients say of values: times to live, versions, bodies in JSON.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_VALUES_H
#define HYPERCACHE_SERVER_HTTP_HTTP_VALUES_H

#include <jansson.h>

#include "command/value_test.h"
#include "http/http_exchange.h"

#define HTTP_JSON_BYTES_MAX (64u << 20) /* of a body: read as JSON it takes several times that */
#define HTTP_JSON_DEPTH_MAX 64u
#define HTTP_TTL_MS_MAX (INT64_C(1) << 45) /* a thousand years */

/* "30m", "1h30m", "250ms", "90": units ms, s, m, h, d, none is seconds.  False: it is no such
 * time. */
bool ttl_parse(hc_span text, int64_t *ms_out);

/* Reads the body as one JSON object.  NULL: answered with 400, 413 or 415.  The caller calls
 * json_decref. */
json_t *body_object(http_exchange *x);
/* Any JSON value; NULL: answered. */
json_t *body_json(http_exchange *x);

/* What an item of JSON says is to be written. */
typedef struct value_wish {
    hc_span value;
    int64_t ttl_ms; /* 0: none is said */
    char *text;     /* where a value that is no string, or is base64, lies; to be freed */
} value_wish;

/* "value", "encoding", "ttl", "ttl_hours", "ttl_ms" of `item`; other names are refused, but for
 * "key", "version", "store".  False: *why_out says what is wrong, in words that live on; nothing is
 * to be freed.  The value lies in `item` or in `text`. */
bool value_wish_read(const json_t *item, value_wish *wish_out, const char **why_out);
void value_wish_fini(value_wish *of);

/* ---- versions: ETag ---- */

#define ETAG_CHARS (VALUE_DIGEST_CHARS + 2u)
/* "\"0123456789abcdef\"" */
void etag_of(hc_span value, char etag[ETAG_CHARS]);

typedef enum etag_match {
    ETAG_NONE = 0, /* no such header */
    ETAG_ANY,      /* * */
    ETAG_ONE,      /* `digest` */
    ETAG_NEVER     /* nothing that we give out */
} etag_match;

/* Reads If-Match or If-None-Match (`lower`), which for a write names one version or *.  False:
 * answered with 400. */
bool etag_read(http_exchange *x, const char *lower, etag_match *match_out, hc_span *digest_out);
/* Is the version among those that If-None-Match lists? */
bool etag_listed(const http_exchange *x, const char etag[ETAG_CHARS]);

#endif
