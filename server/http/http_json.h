/*
 * http_json.h - JSON onto bytes, commas and escapes taken care of.
 *
 *     json_out out;
 *     put_begin(&out, bytes);
 *     put_object(&out);
 *     put_text_as(&out, "key", key);      a member: put_key, put_text
 *     put_end(&out);
 *
 * Texts that are not UTF-8 cannot stand in JSON: put_value says so, and writes base64.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_JSON_H
#define HYPERCACHE_SERVER_HTTP_HTTP_JSON_H

#include "http/http_bytes.h"

#define JSON_DEPTH_MAX 64u

typedef struct json_out {
    http_bytes *to;
    uint64_t objects; /* a bit a level: it is an object */
    uint64_t started; /* a bit a level: it has a member */
    unsigned depth;
    bool after_key;
} json_out;

void put_begin(json_out *of, http_bytes *to);
void put_object(json_out *of);
void put_array(json_out *of);
void put_end(json_out *of); /* of the innermost object or array */
void put_key(json_out *of, const char *name);
void put_key_span(json_out *of, hc_span name); /* bytes that are no UTF-8 become U+FFFD */
void put_text(json_out *of, hc_span text);     /* likewise */
void put_string(json_out *of, const char *text);
void put_uint(json_out *of, uint64_t number);
void put_int(json_out *of, int64_t number);
void put_real(json_out *of, double number);       /* null, if it is not finite */
void put_seconds(json_out *of, int64_t ms);       /* 1.500 */
void put_short_real(json_out *of, double number); /* finite; six digits */
void put_bool(json_out *of, bool value);
void put_null(json_out *of);
void put_base64(json_out *of, hc_span bytes);
/* A text as it is, already JSON. */
void put_raw(json_out *of, hc_span text);

/* Members of an object: a name and its value in one call; put_end ends an array, an object. */
void put_object_as(json_out *of, const char *name);
void put_array_as(json_out *of, const char *name);
void put_text_as(json_out *of, const char *name, hc_span text);
void put_string_as(json_out *of, const char *name, const char *text);
void put_uint_as(json_out *of, const char *name, uint64_t number);
void put_int_as(json_out *of, const char *name, int64_t number);
void put_bool_as(json_out *of, const char *name, bool value);

bool text_is_utf8(hc_span text);
/* "name": the bytes as text; if they are no UTF-8, in base64, and "encoding": "base64" behind. */
void put_value(json_out *of, const char *name, hc_span bytes);
/* Appends the bytes that the text in base64 stands for.  False: it is none. */
bool base64_decode(hc_span text, http_bytes *to);

#endif
