/*
 * http_head.h - the head of a request, from bytes: strict, so that no two readers disagree on it.
 *
 *     GET /api/cache/k?store=s HTTP/1.1\r\n
 *     Host: localhost:9080\r\n            spans of `head` point into the bytes read
 *     \r\n                                everything behind is the body
 *
 * A proxy and a server that see different requests in the same bytes let strangers put requests
 * into each other's mouths.  So what the standard leaves to taste is refused: lines end with CRLF,
 * nothing is folded, no blank stands before a colon, there is one Host, one Content-Length of plain
 * digits, and either that or one Transfer-Encoding, which is "chunked" (RFC 9112, section 11.2).
 *
 * Errors:  the status to answer with; the connection is not usable afterwards.
 * Threads: pure.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_HEAD_H
#define HYPERCACHE_SERVER_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hypercache/types.h>

#define HTTP_HEADERS_MAX 64u
#define HTTP_HEAD_BYTES_MAX (16u << 10) /* all of it; 431 beyond */
#define HTTP_LINE_BYTES_MAX (8u << 10)  /* of the request line; 414 beyond */
#define HTTP_METHOD_BYTES_MAX 16u       /* of its name */

typedef enum http_method {
    HTTP_GET = 1u << 0,
    HTTP_HEAD = 1u << 1,
    HTTP_PUT = 1u << 2,
    HTTP_POST = 1u << 3,
    HTTP_DELETE = 1u << 4,
    HTTP_OPTIONS = 1u << 5,
    HTTP_OTHER = 1u << 6 /* a method, but none of ours */
} http_method;

typedef struct http_header {
    hc_span name, value;
} http_header;

typedef struct http_head {
    http_method method;
    hc_span path;  /* as sent, escapes and all; "*" for OPTIONS */
    hc_span query; /* behind the '?'; empty: none */
    hc_span host;  /* empty: none, in HTTP/1.0 */
    bool minor_0;  /* HTTP/1.0 */
    bool keeps_alive;
    bool chunked;
    bool expects_continue;
    bool has_length;
    uint64_t length; /* of the body */
    size_t bytes;    /* of the head */
    size_t header_count;
    http_header headers[HTTP_HEADERS_MAX];
} http_head;

/* Looks for the head in what came so far; `*seen` remembers, between calls for one request, how far
 * was looked, and starts at 0.
 *   0      not whole yet
 *   200    *head_out is filled
 *   else   the status of the refusal: 400, 414, 431, 417, 505 */
unsigned http_head_parse(const uint8_t *data, size_t size, size_t *seen, http_head *head_out);

/* The header's value; *found_out false: there is none.  `lower` is its name in lower case.  The
 * first one, if there are several. */
hc_span http_head_find(const http_head *of, const char *lower, bool *found_out);
/* The words of the method, as "GET". */
const char *http_method_text(http_method method);
/* Equal but for case; `lower` is lower case. */
bool http_word_is(hc_span word, const char *lower);
/* Is the word one of a list with commas, as "close" in "keep-alive, close"? */
bool http_list_has(hc_span list, const char *lower);
/* A byte of a token (RFC 9110, 5.6.2). */
bool http_is_token(uint8_t byte);

#endif
