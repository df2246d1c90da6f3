/*
 * http_service.h - the HTTP API: what all workers share, and what each has of its own.
 *
 *     http_service   routes, limits                       made once, read by all
 *     http_worker    connections of one event loop        net makes one a worker
 *
 *     net: listener accepts -> http_worker_accept -> parse, route, run, answer
 *
 * A connection owns no buffer while it is idle.  Input grows with the bytes that came, a body to
 * body_bytes_max; more than HTTP_OUTPUT_SOFT unsent, and nothing more is read or run for the
 * client.
 *
 * Threads: a service does not change but for its atomics; a worker's functions belong to its
 * thread.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_SERVICE_H
#define HYPERCACHE_SERVER_HTTP_HTTP_SERVICE_H

#include <event2/event.h>

#include "command/node.h"
#include "http/http_route.h"

#define HTTP_SETS_MAX 16u
#define HTTP_HOSTS_MAX 16u
#define HTTP_BODY_BYTES (64u << 20) /* default */
#define HTTP_BODY_MAX (513u << 20)  /* most: the largest value and what stands around it */
#define HTTP_TIMEOUT_MS 10000u      /* default */
#define HTTP_IDLE_MS 300000u        /* between requests of a connection */
#define HTTP_RATE_BYTES 1024u       /* a second, after timeout_ms, of a body or a response */
#define HTTP_OUTPUT_SOFT (1u << 20) /* unsent bytes past which a client has to wait */

typedef struct http_service http_service;
typedef struct http_worker http_worker;

typedef struct http_service_options {
    node *node;                 /* borrowed until http_service_destroy, as all that follows */
    const hc_host *host;        /* takes the log lines; may be NULL */
    const http_route_set *sets; /* of other modules, copied; after the service's own */
    size_t set_count;           /* at most HTTP_SETS_MAX */
    const char *const *hosts;   /* copied, the texts borrowed; names that clients may call us by,
                                   beside addresses, localhost */
    size_t host_count;          /* at most HTTP_HOSTS_MAX */
    size_t body_bytes_max;      /* 0: HTTP_BODY_BYTES */
    uint32_t timeout_ms;        /* for a head to come, and before rates are looked at; 0: default */
    bool admin;                 /* rows of HTTP_ROUTE_ADMIN, and commands that write */
} http_service_options;

/*   HC_ERR_INVALID   an option, or a row
 *   HC_ERR_NO_MEMORY */
hc_status http_service_create(const http_service_options *options, http_service **service_out);
void http_service_destroy(http_service *of); /* accepts NULL */
/* All rows, for whoever prints or checks them. */
size_t http_service_routes(const http_service *of);
const http_route *http_service_route(const http_service *of, size_t index);
unsigned http_service_connections(const http_service *of);

/* What a worker tells net; called by its thread. */
typedef struct http_hooks {
    void *ctx;
    void (*gone)(void *ctx);  /* a connection has ended; also one that accept could not make */
    void (*hears)(void *ctx); /* http_worker_hears may have changed */
} http_hooks;

/*   HC_ERR_NO_MEMORY */
hc_status http_worker_create(http_service *service, struct event_base *base, unsigned index,
                             const http_hooks *hooks, http_worker **worker_out);
/* Cuts off what is left.  Accepts NULL. */
void http_worker_destroy(http_worker *of);
/* Takes `fd` over. */
void http_worker_accept(http_worker *of, int fd, const char *address, const char *local_address);
/* Does a connection wait for durable_told? */
bool http_worker_hears(const http_worker *of);
/* Something was told, a pause is over, or a session was killed: looks who may go on or has to go.
 */
void http_worker_look(http_worker *of);
/* Ends the connection of that session.  False: it is none of this worker's. */
bool http_worker_kill(http_worker *of, uint64_t session_id);
/* Answers what had been received, then closes; streams end at once. */
void http_worker_drain(http_worker *of);
size_t http_worker_connections(const http_worker *of);

/* The functions above as net calls them: it is linked without them where there is no HTTP API, as
 * in its tests. */
typedef struct http_transport {
    hc_status (*service_create)(const http_service_options *options, http_service **service_out);
    void (*service_destroy)(http_service *of);
    hc_status (*worker_create)(http_service *service, struct event_base *base, unsigned index,
                               const http_hooks *hooks, http_worker **worker_out);
    void (*worker_destroy)(http_worker *of);
    void (*accept)(http_worker *of, int fd, const char *address, const char *local_address);
    bool (*hears)(const http_worker *of);
    void (*look)(http_worker *of);
    bool (*kill)(http_worker *of, uint64_t session_id);
    void (*drain)(http_worker *of);
    size_t (*connections)(const http_worker *of);
} http_transport;
extern const http_transport http_transport_calls;

#endif
