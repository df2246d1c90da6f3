/*
 * http_exchange.h - one request and its response, as a handler sees them.
 *
 *     void get_thing(http_exchange *x)
 *     {
 *         const answer_entry *said = exchange_ask(x, args, 2, ANSWER_INTEGER, NULL);
 *         if (said == NULL) return;       an error, or it has to wait: we are run again later
 *         json_out *out = exchange_json(x, 200);
 *         put_object(out); ... put_end(out);
 *     }
 *
 * Commands run as those of RESP clients do: by request_run_batch, with the connection's session,
 * through the gate, with its counters, slow log, events and log of writes.  There is no second
 * implementation of anything.
 *
 * Waiting: a pause, a snapshot that is waited for or a log that is behind holds a command back, and
 * no thread waits.  Then exchange_run returns false and the handler returns.  When the time has
 * come the handler is run again from its start; commands that ran before are not run again but give
 * the answers they gave, so a handler asks for the same commands in the same order. With sync
 * `always` the connection keeps the response until the log has what was written.
 *
 * Threads: an exchange is for its worker's thread and ends when the handler returns.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_EXCHANGE_H
#define HYPERCACHE_SERVER_HTTP_HTTP_EXCHANGE_H

#include "command/node.h"
#include "command/session.h"
#include "http/http_answer.h"
#include "http/http_json.h"
#include "http/http_route.h"

#define EXCHANGE_ARGS_MAX 2048u                           /* of one command */
#define EXCHANGE_CORRELATION_MAX HC_CORRELATION_BYTES_MAX /* characters of X-Correlation-ID */

/* A response without end, such as events: pulled while the client takes it. */
typedef struct http_stream_ops {
    /* Appends what there is to send, about `bytes_max` at most.  False: it is over.  Called a few
     * times a second, and when the socket takes bytes again. */
    bool (*pull)(void *ctx, http_bytes *to, size_t bytes_max);
    void (*end)(void *ctx); /* the client is gone; frees `ctx` */
} http_stream_ops;

/* ---- the request ---- */

node *exchange_node(const http_exchange *x);
session *exchange_session(const http_exchange *x);
void *exchange_ctx(const http_exchange *x); /* of the route's set */
const http_head *exchange_head(const http_exchange *x);
hc_span exchange_body(const http_exchange *x);
bool exchange_may_admin(const http_exchange *x);
/* The n-th name of the pattern, unescaped. */
hc_span exchange_param(const http_exchange *x, size_t index);
/* What stands behind `name=` in the query, unescaped ('+' is a blank).  *found_out may be NULL. */
hc_span exchange_query(http_exchange *x, const char *name, bool *found_out);
/* A number of the query, within bounds; `otherwise` if it is not there.  False: answered with 400.
 */
bool exchange_query_number(http_exchange *x, const char *name, uint64_t least, uint64_t most,
                           uint64_t otherwise, uint64_t *number_out);
/* Content-Type without its parameters, e.g. "application/json". */
bool exchange_body_is(const http_exchange *x, const char *type);
/* Does Accept name this type? */
bool exchange_accepts(const http_exchange *x, const char *type);
/* Who asks, for logs and traces: the caller's X-Correlation-ID, or one made here. */
hc_span exchange_correlation(const http_exchange *x);

/* ---- commands ---- */

/* Works on the store of that name from here on; empty: the default one.  False: answered with
 * 404. */
bool exchange_store(http_exchange *x, hc_span name);
/* The same with the query's `store`. */
bool exchange_store_of_query(http_exchange *x);

/* Runs a command of 1..EXCHANGE_ARGS_MAX arguments; *at_out is where its answer begins. */
bool exchange_run(http_exchange *x, const hc_span *args, size_t argc, size_t *at_out);
/* The same where an error is answered as exchange_fail does: an answer of that kind, which begins
 * at *at_out (may be NULL).  NULL: it waits, or is answered. */
const answer_entry *exchange_ask(http_exchange *x, const hc_span *args, size_t argc,
                                 answer_kind kind, size_t *at_out);
typedef struct exchange_command {
    const hc_span *args;
    size_t argc;
    size_t at; /* of its answer, afterwards */
} exchange_command;
/* Runs several as a pipeline does, each by itself. */
bool exchange_run_all(http_exchange *x, exchange_command *commands, size_t count);
const http_answer *exchange_tape(const http_exchange *x);
static inline const answer_entry *exchange_answer(const http_exchange *x, size_t at)
{
    return answer_at(exchange_tape(x), at);
}

/* ---- the response ---- */

/* A header; `value` has no CR or LF, others are left out. */
void exchange_header(http_exchange *x, const char *name, hc_span value);
/* Begins a JSON body. */
json_out *exchange_json(http_exchange *x, unsigned status);
/* A body of `type`, to be appended to what is returned. */
http_bytes *exchange_text(http_exchange *x, unsigned status, const char *type);
/* A body that outlives the exchange, sent as it is. */
void exchange_constant(http_exchange *x, unsigned status, const char *type, hc_span body);
void exchange_empty(http_exchange *x, unsigned status);
/* Begins a stream; takes `ctx` over. */
void exchange_stream(http_exchange *x, const char *type, const http_stream_ops *ops, void *ctx);

/* {"error": message, "code": ..., "correlation_id", "timestamp"}; the code follows from the status
 * unless given. */
void exchange_error(http_exchange *x, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* For an answer that is an error of a command: the status that goes with its first word. */
void exchange_fail(http_exchange *x, const answer_entry *error);
/* The status and code that go with an error of a command. */
unsigned exchange_status_of(hc_span error, const char **code_out);
static inline bool exchange_is_error(const answer_entry *entry)
{
    return entry == NULL || entry->kind == ANSWER_ERROR;
}

#endif
