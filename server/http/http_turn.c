/*
 * http_turn.c - a turn: one read, the requests in it one after the other, one send.
 *
 *     socket --read--> worker's input --parse, run--> worker's out --send--> socket
 *                          |  ^                           |
 *              unfinished  v  | next turn      not taken  v
 *                       connection.in               connection.out
 *
 * A connection holds bytes of its own only between turns.  After an error that leaves unclear where
 * the next request begins, nothing more is read: the answer says Connection: close.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/cluster/cluster_turn.h"
#include "command/durable.h"
#include "http/http_private.h"

#define READ_BYTES_MIN 4096u
#define SEND_BYTES_MAX (256u << 10) /* in one call */
#define IN_KEEP_BYTES 4096u
#define TURN_OUTPUT_BYTES (256u << 10) /* of responses, in one turn */

/* ---- output ---- */

static size_t socket_send(http_connection *c, const uint8_t *data, size_t size)
{
    ssize_t sent;
    if (size > SEND_BYTES_MAX) size = SEND_BYTES_MAX;
    do {
        sent = send(c->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) c->state = HTTP_DEAD;
        return 0;
    }
    node_count(&c->worker->counters->output_bytes, (uint64_t)sent);
    node_count(&c->worker->counters->writes, 1);
    node_count(&c->session.output_bytes, (uint64_t)sent);
    return (size_t)sent;
}

/* Sends what the worker's buffer has for this connection, and keeps the rest. */
static void output_flush(http_connection *c)
{
    http_bytes *made = &c->worker->out;
    size_t sent = 0;
    if (made->failed) c->state = HTTP_DEAD;
    if (c->waits != HTTP_WAIT_LOG && http_unsent(c) == 0 && c->state != HTTP_DEAD) {
        while (sent < made->size) {
            size_t bytes = socket_send(c, made->data + sent, made->size - sent);
            sent += bytes;
            if (bytes == 0) break;
        }
    }
    if (sent < made->size && c->state != HTTP_DEAD) {
        if (http_unsent(c) == 0) {
            c->out.size = c->sent = 0;
            c->write_ns = node_now_ns(c->worker->node);
            c->written = 0;
        }
        http_bytes_add(&c->out, made->data + sent, made->size - sent);
        if (c->out.failed) c->state = HTTP_DEAD;
    }
    http_bytes_clear(made, HTTP_KEEP_BYTES);
}

static void waiting_send(http_connection *c)
{
    while (c->state != HTTP_DEAD && http_unsent(c) > 0) {
        size_t bytes = socket_send(c, c->out.data + c->sent, http_unsent(c));
        c->sent += bytes;
        c->written += bytes;
        if (bytes == 0) return;
    }
    http_bytes_fini(&c->out);
    c->sent = 0;
    c->write_ns = 0;
}

/* ---- one request ---- */

static void exchange_begin(http_connection *c, http_exchange *x, const http_head *head)
{
    http_worker *w = c->worker;
    *x = (http_exchange){.worker = w,
                         .connection = c,
                         .head = head,
                         .tape = c->tape != NULL ? c->tape : &w->tape,
                         .taped = c->taped,
                         .since_ns = c->request_ns};
    w->texts.size = 0;
    w->texts.failed = false;
    if (c->tape == NULL) answer_clear(&w->tape, HTTP_KEEP_BYTES);
    http_respond_begin(x);
}

static void tape_drop(http_connection *c)
{
    if (c->tape == NULL) return;
    answer_fini(c->tape);
    free(c->tape);
    c->tape = NULL;
    c->taped = 0;
}

/* The handler waits: its commands' answers are kept for when it is run again. */
static void tape_keep(http_connection *c, http_exchange *x)
{
    if (c->tape == NULL) {
        c->tape = malloc(sizeof *c->tape);
        if (c->tape == NULL) {
            c->state = HTTP_DEAD;
            return;
        }
        *c->tape = c->worker->tape;
        answer_init(&c->worker->tape);
    }
    c->taped = x->taped;
    http_wait_begin(c, cluster_awaits(&c->session) ? HTTP_WAIT_CLUSTER : HTTP_WAIT_PARKED);
}

/* Writes an error for a request that cannot be read further. */
static void refuse(http_connection *c, const http_head *head, unsigned status)
{
    http_exchange *x = &c->worker->exchange;
    node_count(&c->worker->counters->protocol_errors, 1);
    exchange_begin(c, x, head);
    x->closes = true;
    exchange_error(x, status, NULL, "%s", http_status_text(status));
    http_respond_end(x);
    c->state = HTTP_CLOSING;
    c->lingers = true;
    tape_drop(c);
}

void http_turn_late(http_connection *c)
{
    refuse(c, NULL, 408);
    output_flush(c);
}

static void allow_add(http_exchange *x, unsigned allowed)
{
    static const http_method all[] = {HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE};
    char text[64] = "OPTIONS";
    size_t used = 7;
    if ((allowed & HTTP_GET) != 0) allowed |= HTTP_HEAD;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if ((allowed & all[i]) == 0) continue;
        const char *name = http_method_text(all[i]);
        text[used++] = ',';
        text[used++] = ' ';
        memcpy(text + used, name, strlen(name));
        used += strlen(name);
    }
    exchange_header(x, "Allow", hc_span_make(text, used));
}

static bool row_is_open(http_exchange *x, unsigned flags)
{
    if ((flags & HTTP_ROUTE_DEBUG) != 0 && !debug_mode_on(&x->worker->node->debugging))
        exchange_error(x, 403, "DEBUG_OFF", "this needs debug.enabled: true");
    else if ((flags & HTTP_ROUTE_ADMIN) != 0 && !exchange_may_admin(x))
        exchange_error(x, 403, "ADMIN_OFF", "this needs security.http_admin: true");
    else
        return true;
    return false;
}

/* Answers without a handler where none is to run.  True: there is a row to run. */
static bool routes(http_exchange *x)
{
    unsigned allowed = 0;
    if (!http_guard_passes(x)) return false;
    http_router_find(x, &allowed);
    if (x->route != NULL) return row_is_open(x, x->route->route->flags);
    if (http_page_serves(x)) return false;
    bool whole = x->head->path.data[0] == '*';
    if (x->head->method == HTTP_OPTIONS && (allowed != 0 || whole)) {
        allow_add(x, whole ? ~0u : allowed);
        exchange_empty(x, 204);
    } else if (allowed != 0) {
        allow_add(x, allowed);
        exchange_error(x, 405, NULL, "this path has no such method");
    } else {
        exchange_error(x, 404, "NO_SUCH_PATH", "nothing is served under this path");
    }
    return false;
}

/* The row that is not found needs no body; one that is refused has none that is read. */
static bool refused_early(http_connection *c, const http_head *head)
{
    http_worker *w = c->worker;
    size_t most = w->service->options.body_bytes_max;
    if (head->has_length && head->length > most) {
        refuse(c, head, 413);
        return true;
    }
    return false;
}

static void stream_begin(http_connection *c, http_exchange *x)
{
    atomic_fetch_add_explicit(&c->worker->service->streams, 1, memory_order_relaxed);
    c->stream = x->stream;
    c->stream_ctx = x->stream_ctx;
    c->state = HTTP_STREAMS;
}

/* A stream too many is refused after all; HEAD wants but its head. */
static void streams_limit(http_exchange *x)
{
    const http_service *of = x->worker->service;
    bool head = x->head->method == HTTP_HEAD;
    if (x->stream == NULL ||
        (!head && atomic_load_explicit(&of->streams, memory_order_relaxed) < HTTP_STREAMS_MAX))
        return;
    x->stream->end(x->stream_ctx);
    x->stream = NULL;
    if (head) return;
    exchange_error(x, 429, NULL, "%u streams are open already", HTTP_STREAMS_MAX);
}

/* Runs a request that is whole.  False: it has to wait, and stays in `in`. */
static bool answer(http_connection *c, const http_head *head, hc_span body)
{
    http_worker *w = c->worker;
    http_exchange *x = &w->exchange;
    session *who = &c->session;
    exchange_begin(c, x, head);
    x->body = body;
    x->closes = !head->keeps_alive || w->draining;
    http_caller_lend(x);
    if (routes(x)) x->route->route->handle(x);
    http_caller_return(x);
    if (c->state == HTTP_DEAD) return true;
    if (x->parked) {
        tape_keep(c, x);
        return false;
    }
    streams_limit(x);
    http_respond_end(x);
    http_log_request(x);
    http_caller_span(x);
    tape_drop(c);
    if (atomic_load_explicit(&who->database, memory_order_relaxed) != 0)
        (void)session_select(who, 0); /* what it selected it would keep alive */
    if (x->stream != NULL)
        stream_begin(c, x);
    else if (x->closes)
        c->state = HTTP_CLOSING;
    if (durable_awaits(who))
        http_wait_begin(c, HTTP_WAIT_LOG);
    else if (who->paced)
        http_wait_begin(c, HTTP_WAIT_PACED);
    return true;
}

static void request_end(http_connection *c, uint64_t now_ns)
{
    c->head_known = c->continued = false;
    c->seen = 0;
    c->request_ns = 0;
    c->caller.found = false;
    c->body_bytes = 0;
    c->idle_ns = now_ns;
    http_bytes_fini(&c->body);
    c->chunks.at = CHUNK_SIZE;
    c->chunks.line_bytes = c->chunks.trailer_bytes = 0;
    c->chunk_bytes = 0;
    c->answered = true;
}

static void head_is_known(http_connection *c, const http_head *head, size_t size, uint64_t now_ns)
{
    c->head_known = true;
    c->body_ns = now_ns;
    c->body_bytes = 0;
    bool waits_for_us = head->expects_continue && !head->minor_0 && size == head->bytes &&
                        (head->chunked || head->length > 0);
    if (!waits_for_us || c->continued) return;
    c->continued = true;
    http_bytes_text(&c->worker->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* Finds the body of the request at the front.  0: more is needed; 200: `*body_out`, and the request
 * is the first `*used_out` bytes; else the status of the refusal.  Chunks that were decoded are cut
 * off: `*size` gets smaller. */
static unsigned body_find(http_connection *c, const http_head *head, const uint8_t *data,
                          size_t *size, hc_span *body_out, size_t *used_out)
{
    size_t rest = *size - head->bytes, used = 0;
    if (!head->chunked) {
        c->body_bytes = rest;
        if (rest < head->length) return 0;
        *body_out = hc_span_make(data + head->bytes, (size_t)head->length);
        *used_out = head->bytes + (size_t)head->length;
        return 200;
    }
    unsigned status = 200;
    if (c->chunks.at != CHUNK_DONE) {
        status = http_chunks_take(&c->chunks, data + head->bytes, rest,
                                  c->worker->service->options.body_bytes_max, &c->body, &used);
        c->chunk_bytes = used;
        c->body_bytes += used;
    }
    if (status == 0) *size = head->bytes;
    *body_out = http_bytes_view(&c->body);
    *used_out = head->bytes + c->chunk_bytes;
    return status;
}

/* Takes one request off the front.  Returns how many bytes it had; 0: none is whole, or it waits,
 * or the connection is over. */
static size_t take_one(http_connection *c, const uint8_t *data, size_t *size, uint64_t now_ns)
{
    http_head *head = &c->worker->head;
    size_t seen = c->head_known ? 0 : c->seen, used = 0;
    hc_span body = {0};
    if (c->request_ns == 0) c->request_ns = now_ns;
    unsigned status = http_head_parse(data, *size, &seen, head);
    c->seen = seen;
    if (status == 0) return 0;
    if (status != 200) {
        refuse(c, NULL, status);
        return 0;
    }
    if (!c->head_known) {
        if (refused_early(c, head)) return 0;
        head_is_known(c, head, *size, now_ns);
    }
    status = body_find(c, head, data, size, &body, &used);
    if (status == 0) return 0;
    if (status != 200) {
        refuse(c, head, status);
        return 0;
    }
    if (!answer(c, head, body)) return 0;
    request_end(c, now_ns);
    return used;
}

/* Runs what is whole in `data`; returns how many bytes were used up. */
static size_t consume(http_connection *c, const uint8_t *data, size_t *size)
{
    size_t at = 0;
    uint64_t now_ns = node_now_ns(c->worker->node);
    while (at < *size && c->state == HTTP_OPEN && c->waits == HTTP_WAIT_NONE &&
           c->worker->out.size < TURN_OUTPUT_BYTES) {
        size_t left = *size - at;
        size_t used = take_one(c, data + at, &left, now_ns);
        *size = at + left;
        if (used == 0) break;
        at += used;
    }
    if (c->state != HTTP_OPEN) at = *size; /* nobody will ask for the rest */
    c->more = at < *size && c->worker->out.size >= TURN_OUTPUT_BYTES;
    return at;
}

/* ---- input ---- */

static void input_end(http_connection *c, ssize_t got)
{
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    c->ended = true;
    if (got < 0 || c->state == HTTP_STREAMS) c->state = HTTP_DEAD;
}

static ssize_t socket_read(http_connection *c, uint8_t *to, size_t size)
{
    ssize_t got;
    do {
        got = recv(c->fd, to, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        input_end(c, got);
        return 0;
    }
    node_count(&c->worker->counters->input_bytes, (uint64_t)got);
    node_count(&c->worker->counters->reads, 1);
    node_count(&c->session.input_bytes, (uint64_t)got);
    return got;
}

/* Runs what the connection's own buffer has. */
static void own_consume(http_connection *c)
{
    size_t size = c->in.size;
    size_t used = consume(c, c->in.data, &size);
    c->in.size = size;
    http_bytes_take(&c->in, used);
    if (c->in.size == 0) http_bytes_fini(&c->in);
}

static void own_read(http_connection *c)
{
    size_t bytes = c->in.size < READ_BYTES_MIN ? READ_BYTES_MIN : c->in.size;
    if (bytes > HTTP_INPUT_BYTES) bytes = HTTP_INPUT_BYTES;
    if (!http_bytes_reserve(&c->in, bytes)) {
        c->in.failed = false;
        refuse(c, NULL, 507);
        return;
    }
    c->in.size += (size_t)socket_read(c, c->in.data + c->in.size, bytes);
    own_consume(c);
}

static void shared_read(http_connection *c)
{
    http_worker *w = c->worker;
    size_t size = (size_t)socket_read(c, w->input, HTTP_INPUT_BYTES);
    if (size == 0) return;
    size_t used = consume(c, w->input, &size);
    http_bytes_add(&c->in, w->input + used, size - used);
    if (c->in.failed) c->state = HTTP_DEAD;
}

void http_turn_read(http_connection *c)
{
    http_worker *w = c->worker;
    if (c->state == HTTP_LINGERS || c->state == HTTP_STREAMS) {
        (void)socket_read(c, w->input, HTTP_INPUT_BYTES); /* and drops it */
        return;
    }
    if (c->in.size > 0)
        own_read(c);
    else
        shared_read(c);
    output_flush(c);
}

void http_turn_go_on(http_connection *c)
{
    waiting_send(c);
    if (c->state != HTTP_OPEN || http_unsent(c) > HTTP_OUTPUT_SOFT) return;
    own_consume(c);
    output_flush(c);
}

void http_turn_answered(http_connection *c)
{
    if (c->tape == NULL) return; /* nobody waits */
    cluster_turn_render(&c->session, &c->tape->base);
    http_wait_end(c);
    http_turn_go_on(c);
}

void http_turn_write(http_connection *c)
{
    waiting_send(c);
    if (c->state == HTTP_STREAMS) http_turn_pull(c);
    if (c->state == HTTP_OPEN && http_unsent(c) == 0 && c->more && c->waits == HTTP_WAIT_NONE) {
        own_consume(c);
        output_flush(c);
    }
}

void http_turn_pull(http_connection *c)
{
    http_worker *w = c->worker;
    if (c->state != HTTP_STREAMS || http_unsent(c) > 0) return;
    bool more = c->stream->pull(c->stream_ctx, &w->out, HTTP_STREAM_BYTES);
    output_flush(c);
    if (!more && c->state == HTTP_STREAMS) c->state = HTTP_CLOSING;
}
