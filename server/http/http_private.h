/*
 * http_private.h - how service, workers, connections and exchanges hang together.
 *
 *     service 1--n worker 1--n connection 1--1 session
 *
 * http_service.c has what is shared, http_router.c finds rows, http_worker.c the loop's side,
 * http_connection.c a connection's life and http_turn.c its bytes, http_exchange.c what handlers
 * call, http_respond.c writes responses, http_log.c log lines, http_guard.c says who may ask at
 * all.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_PRIVATE_H
#define HYPERCACHE_SERVER_HTTP_HTTP_PRIVATE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>

#include "http/http_chunks.h"
#include "http/http_exchange.h"
#include "http/http_service.h"

#define HTTP_INPUT_BYTES (64u << 10)  /* most that one turn reads */
#define HTTP_KEEP_BYTES (64u << 10)   /* of a worker's buffers, between requests */
#define HTTP_TICK_MS 250u             /* while there are connections */
#define HTTP_LINGER_MS 1000u          /* for a refused client to stop sending */
#define HTTP_POLL_MS 5u               /* between looks at connections that wait for a time */
#define HTTP_STREAMS_MAX 128u         /* at once */
#define HTTP_STREAM_BYTES (64u << 10) /* unsent; a stream is pulled while less waits */
#define HTTP_TEXT_BYTES (160u << 10)  /* of unescaped parameters of one request; fixed */
#define HTTP_DATE_CHARS 64u

typedef struct http_connection http_connection;

typedef struct http_segment {
    const char *text; /* in the pattern */
    uint16_t size;
    bool is_param;
} http_segment;

#define HTTP_SEGMENTS_MAX 8u

typedef struct http_compiled {
    const http_route *route;
    void *ctx;
    http_segment segments[HTTP_SEGMENTS_MAX];
    unsigned segment_count;
} http_compiled;

struct http_service {
    http_service_options options; /* zeros replaced by defaults */
    const char *hosts[HTTP_HOSTS_MAX];
    http_compiled routes[HTTP_ROUTES_MAX];
    size_t route_count;
    _Atomic unsigned connections;
    _Atomic unsigned streams; /* of those */
};

typedef enum http_state {
    HTTP_OPEN = 0, /* reads, runs, answers */
    HTTP_STREAMS,  /* a response without end */
    HTTP_CLOSING,  /* sends what is queued, then ends */
    HTTP_LINGERS,  /* all sent; reads and drops, lest a reset overtake the error */
    HTTP_DEAD      /* to be destroyed by http_connection_settle */
} http_state;

/* On whose behalf a request runs: http_caller.c. */
typedef struct http_caller {
    hc_trace_context parent;      /* as traceparent says */
    hc_trace_context own;         /* the same trace, and this request's span in it */
    bool found;                   /* false: not looked for yet */
    bool has_parent, sampled;     /* by traceparent */
    bool samples;                 /* spans are made of it here */
    char made[HC_TRACE_ID_CHARS]; /* the correlation id; "": the caller's header has one */
} http_caller;

typedef enum http_wait {
    HTTP_WAIT_NONE = 0,
    HTTP_WAIT_PARKED,  /* the session is: its request runs again later */
    HTTP_WAIT_CLUSTER, /* other nodes answer its commands: likewise */
    HTTP_WAIT_PACED,   /* it published more than others have taken */
    HTTP_WAIT_LOG      /* its response waits until the log has what was written */
} http_wait;

struct http_connection {
    session session; /* first: a session of HTTP is found by it */
    http_worker *worker;
    struct event readable, writable;
    http_connection *next, *previous;
    http_connection *wait_next, *wait_previous;
    int fd;
    http_state state;
    http_wait waits;
    bool reads, writes; /* events added */
    bool ended;         /* the client sends no more */
    bool lingers;       /* closing because of an error */
    bool head_known;    /* of the request that `in` begins with; it may be answered */
    bool continued;     /* 100 Continue was sent for it */
    bool answered;      /* a request, ever */
    bool more;          /* `in` may hold whole requests: they run when the socket takes output */
    bool hears;         /* durable_hears, when it was parked */
    size_t seen;        /* of `in`: no head ends before */
    http_bytes in;      /* received, not answered */
    http_bytes body;    /* decoded chunks */
    http_chunks chunks;
    size_t
        chunk_bytes; /* of `in`, that the last of the chunks had; they are gone with the request */
    http_bytes out;  /* answered, not sent */
    size_t sent;     /* of out */
    http_answer *tape;    /* of a request that waits: what its commands have answered so far */
    size_t taped;         /* how many commands that were */
    uint64_t request_ns;  /* when its first byte came; 0: none has */
    uint64_t body_ns;     /* when its head was whole */
    size_t body_bytes;    /* that came since */
    uint64_t idle_ns;     /* since when nothing is asked */
    uint64_t write_ns;    /* since when output waits; 0: none does */
    size_t written;       /* bytes, since then */
    uint64_t deadline_ns; /* of CLOSING and LINGERS */
    const http_stream_ops *stream;
    void *stream_ctx;
    http_caller caller; /* of the request that `in` begins with */
};

struct http_exchange {
    http_worker *worker;
    http_connection *connection;
    const http_head *head;
    hc_span body;
    const http_compiled *route; /* NULL: none fits */
    hc_span params[HTTP_PARAMS_MAX];
    hc_span correlation;
    http_answer *tape;
    size_t cursor; /* commands that the handler asked for, this time */
    size_t taped;  /* commands that have run */
    size_t tape_at;
    bool parked; /* the handler has to be run again */
    uint64_t since_ns;
    /* The response. */
    unsigned status;
    const char *type;
    bool closes;
    bool has_constant;
    hc_span constant; /* instead of worker->payload */
    json_out json;
    const http_stream_ops *stream;
    void *stream_ctx;
};

struct http_worker {
    http_service *service;
    node *node;
    struct event_base *base;
    unsigned index;
    http_hooks hooks;
    node_counters *counters;
    struct event tick, poll;
    http_connection *connections;
    size_t connection_count;
    http_connection *waiting_first, *waiting_last;
    size_t hearing; /* of those, that wait to be told */
    bool draining;
    uint64_t correlation_seed[2];
    int64_t date_s;
    char date[HTTP_DATE_CHARS];

    /* One request's tools, shared by all connections. */
    http_head head;
    http_exchange exchange;
    http_answer tape;
    http_bytes texts;   /* unescaped parameters; room for all is there from the start */
    http_bytes extra;   /* headers that the handler added */
    http_bytes payload; /* the body of the response */
    http_bytes out;     /* responses of one turn */
    request requests[REQUEST_BATCH_MAX];
    uint8_t input[HTTP_INPUT_BYTES];
};

/* http_router.c */
hc_status http_router_add(http_service *to, const http_route_set *set);
/* Finds the row for x->head and fills route and params.  *allowed_out, where there is none: methods
 * that rows for this path have. */
void http_router_find(http_exchange *x, unsigned *allowed_out);
/* Unescapes onto texts, which has room. */
hc_span http_unescape(http_bytes *texts, hc_span escaped, bool plus_is_blank);

/* http_guard.c */
/* May this request be answered at all?  False: answered with an error. */
bool http_guard_passes(http_exchange *x);

/* http_page.c */
/* Answers with a file of the console.  False: there is none of this path. */
bool http_page_serves(http_exchange *x);

/* http_respond.c */
void http_respond_begin(http_exchange *x);
/* Appends head and body to worker->out. */
void http_respond_end(http_exchange *x);
const char *http_status_text(unsigned status);
/* Code of an error that has none of its own. */
const char *http_status_code(unsigned status);

/* http_caller.c */
/* Finds out, or remembers, who asks: x->correlation. */
void http_caller_begin(http_exchange *x);
/* The session's commands run on the caller's behalf, until it is returned. */
void http_caller_lend(http_exchange *x);
void http_caller_return(http_exchange *x);
/* traceparent, if the caller sent one or the request is traced. */
void http_caller_tell(http_exchange *x, http_bytes *to);
/* Is there a trace to name in its log line? */
bool http_caller_is_traced(const http_exchange *x);
/* It is answered: its span. */
void http_caller_span(const http_exchange *x);

/* http_log.c */
/* A line at level DEBUG for a request that was answered. */
void http_log_request(const http_exchange *x);

/* http_connection.c */
void http_connection_destroy(http_connection *c);
/* After anything was done for it: ends it if it is over, else waits for what it needs next. */
void http_connection_settle(http_connection *c);
void http_connection_finish(http_connection *c);
void http_connection_tick(http_connection *c, uint64_t now_ns);
void http_wait_begin(http_connection *c, http_wait why);
void http_wait_end(http_connection *c);

/* http_turn.c: none of them destroys; http_connection_settle must follow. */
void http_turn_read(http_connection *c);
void http_turn_write(http_connection *c);
/* What held its request or response back is over. */
void http_turn_go_on(http_connection *c);
/* The cluster has answered what its request asked for. */
void http_turn_answered(http_connection *c);
/* Asks its stream for more. */
void http_turn_pull(http_connection *c);
/* Its request took too long to come: answers with 408. */
void http_turn_late(http_connection *c);
static inline size_t http_unsent(const http_connection *c)
{
    return c->out.size - c->sent;
}

/* The rows of the service itself; each file has one set. */
extern const http_route_set http_routes_cache;
extern const http_route_set http_routes_batch;
extern const http_route_set http_routes_stores;
extern const http_route_set http_routes_node;
extern const http_route_set http_routes_cluster;
extern const http_route_set http_routes_command;
extern const http_route_set http_routes_console;
extern const http_route_set http_routes_debug;
extern const http_route_set http_routes_events;
extern const http_route_set http_routes_traces;
extern const http_route_set http_routes_openapi;

#endif
