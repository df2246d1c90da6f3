/*
 * http_route.h - one row an endpoint and method: what runs it, and what is said of it.
 *
 *     static const http_route rows[] = {
 *         {HTTP_GET, "/api/cache/{key}", get_key, 0, "Value of a key", "store raw", NULL, "200
 * 404"},
 *     };
 *     const http_route_set set = {rows, 1, ctx};       main hands sets of other modules to
 * net_start
 *
 * GET rows answer HEAD too, and OPTIONS is answered from the table.  /openapi.json is printed from
 * it, so a row that says nothing would be missed there: a test wants all of them told.
 *
 * A pattern is of literal segments and `{names}`; each name takes one segment, unescaped once, so a
 * key may hold any byte: '/' as %2F, NUL as %00.  The first row that fits wins.
 *
 * Handlers run on a worker's thread and must not block.  One may be run again from its start, when
 * a command that it asked for had to wait (http_exchange.h).
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_ROUTE_H
#define HYPERCACHE_SERVER_HTTP_HTTP_ROUTE_H

#include "http/http_head.h"

#define HTTP_PARAMS_MAX 4u   /* names of a pattern */
#define HTTP_ROUTES_MAX 256u /* rows of all sets */

typedef struct http_exchange http_exchange;

typedef enum http_route_flag {
    HTTP_ROUTE_ADMIN = 1u << 0, /* only with security.http_admin */
    HTTP_ROUTE_JSON = 1u << 1,  /* its body, if there is one, is JSON */
    HTTP_ROUTE_DEBUG = 1u << 2  /* only with debug.enabled */
} http_route_flag;

typedef struct http_route {
    http_method method;
    const char *pattern;
    void (*handle)(http_exchange *x);
    unsigned flags;
    const char *summary;
    const char *query; /* names of what may stand behind '?', with blanks between; NULL: nothing */
    const char *body;  /* what the request's body is; NULL: none */
    const char *answers; /* statuses it gives beside those that any may give */
} http_route;

typedef struct http_route_set {
    const http_route *rows; /* borrowed for as long as the service lives, as is ctx */
    size_t count;
    void *ctx; /* exchange_ctx() of its handlers */
} http_route_set;

#endif
