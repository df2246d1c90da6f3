/*
 * span_post.h - one POST to a collector, from a thread that may wait.
 *
 * Plain HTTP/1.1, a connection a request, everything with a limit: a collector that hangs costs
 * its exporter SPAN_POST_MS and nobody else anything.
 */
#ifndef HYPERCACHE_SERVER_TELEMETRY_SPAN_POST_H
#define HYPERCACHE_SERVER_TELEMETRY_SPAN_POST_H

#include <hypercache/types.h>

#define SPAN_POST_MS 3000
#define SPAN_HOST_CHARS 256u
#define SPAN_PATH_CHARS 256u

typedef struct span_endpoint {
    char host[SPAN_HOST_CHARS]; /* a name, or an address without brackets */
    char port[8];
    char path[SPAN_PATH_CHARS];
} span_endpoint;

/* "http://host:port/path"; without a path it is `path`.  False: it is none. */
bool span_endpoint_parse(const char *text, const char *path, span_endpoint *out);

/* The status of the answer; 0: there was none.  `wake_fd`: readable when it should give up;
 * -1: never. */
unsigned span_post(const span_endpoint *to, const char *type, hc_span body, int wake_fd);

#endif
