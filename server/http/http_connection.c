/*
 * http_connection.c - the life of a connection: open -> (streams) -> (closing -> (lingering)) ->
 * destroyed.
 *
 * Time limits, looked at four times a second:
 *     a head has timeout_ms from its first byte, and so has the first byte of a connection
 *     a body, and a response that waits to be taken, have that long and then HTTP_RATE_BYTES a
 *     second on the average
 *     between requests HTTP_IDLE_MS
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/durable.h"
#include "http/http_private.h"

#define CLOSE_MS_MAX 10000u /* for a closing client to take its last response */

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    http_turn_read(ctx);
    http_connection_settle(ctx);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    http_turn_write(ctx);
    http_connection_settle(ctx);
}

static void on_answered(session *who)
{
    http_connection *c = (http_connection *)(void *)who; /* its first member */
    http_turn_answered(c);
    http_connection_settle(c);
}

void http_worker_accept(http_worker *w, int fd, const char *address, const char *local_address)
{
    http_connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)close(fd);
        w->hooks.gone(w->hooks.ctx);
        return;
    }
    c->worker = w;
    c->fd = fd;
    c->idle_ns = node_now_ns(w->node);
    session_init(&c->session, w->node,
                 &(session_options){.address = address,
                                    .local_address = local_address,
                                    .descriptor = fd,
                                    .answered = on_answered,
                                    .worker = w->index});
    (void)event_assign(&c->readable, w->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    (void)event_assign(&c->writable, w->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
    c->next = w->connections;
    if (c->next != NULL) c->next->previous = c;
    w->connections = c;
    w->connection_count++;
    atomic_fetch_add_explicit(&w->service->connections, 1, memory_order_relaxed);
    struct timeval interval = {.tv_usec = HTTP_TICK_MS * 1000};
    if (!event_pending(&w->tick, EV_TIMEOUT, NULL)) (void)event_add(&w->tick, &interval);
    http_connection_settle(c);
}

void http_connection_destroy(http_connection *c)
{
    http_worker *w = c->worker;
    if (c->reads) (void)event_del(&c->readable);
    if (c->writes) (void)event_del(&c->writable);
    http_wait_end(c);
    if (c->next != NULL) c->next->previous = c->previous;
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        w->connections = c->next;
    w->connection_count--;
    if (c->stream != NULL) {
        c->stream->end(c->stream_ctx);
        atomic_fetch_sub_explicit(&w->service->streams, 1, memory_order_relaxed);
    }
    session_fini(&c->session);
    (void)close(c->fd); /* not before: whoever kills a listed session shuts its descriptor down */
    if (c->tape != NULL) {
        answer_fini(c->tape);
        free(c->tape);
    }
    http_bytes_fini(&c->in);
    http_bytes_fini(&c->body);
    http_bytes_fini(&c->out);
    free(c);
    atomic_fetch_sub_explicit(&w->service->connections, 1, memory_order_relaxed);
    w->hooks.gone(w->hooks.ctx);
}

static bool waits_for_input(const http_connection *c)
{
    if (c->state == HTTP_LINGERS || c->state == HTTP_STREAMS) return !c->ended;
    return c->state == HTTP_OPEN && !c->ended && !c->more && c->waits == HTTP_WAIT_NONE &&
           http_unsent(c) <= HTTP_OUTPUT_SOFT;
}

static bool event_want(struct event *on, bool *added, bool wanted)
{
    if (*added == wanted) return true;
    if ((wanted ? event_add(on, NULL) : event_del(on)) != 0) return false;
    *added = wanted;
    return true;
}

static void deadline_set(http_connection *c, uint32_t ms)
{
    c->deadline_ns = node_now_ns(c->worker->node) + (uint64_t)ms * 1000000u;
}

/* All is sent: a refused client that may still be sending gets time to read why. */
static void close_sent(http_connection *c)
{
    if (c->lingers && !c->ended && shutdown(c->fd, SHUT_WR) == 0) {
        c->state = HTTP_LINGERS;
        deadline_set(c, HTTP_LINGER_MS);
    } else {
        c->state = HTTP_DEAD;
    }
}

static void session_report(http_connection *c)
{
    size_t held = c->in.size + c->body.size;
    atomic_store_explicit(&c->session.input_bytes_held, held, memory_order_relaxed);
    atomic_store_explicit(&c->session.input_bytes_free, c->in.capacity + c->body.capacity - held,
                          memory_order_relaxed);
    atomic_store_explicit(&c->session.output_bytes_pending, http_unsent(c), memory_order_relaxed);
}

void http_connection_settle(http_connection *c)
{
    bool held = c->waits == HTTP_WAIT_LOG;
    bool idle = c->waits == HTTP_WAIT_NONE && !c->more;
    if (c->state == HTTP_OPEN && c->ended && idle) c->state = HTTP_CLOSING;
    if (c->state == HTTP_CLOSING && !held) {
        if (http_unsent(c) == 0)
            close_sent(c);
        else if (c->deadline_ns == 0)
            deadline_set(c, CLOSE_MS_MAX);
    }
    bool writes = !held && c->state != HTTP_LINGERS && (http_unsent(c) > 0 || c->more);
    if (c->state == HTTP_DEAD || !event_want(&c->readable, &c->reads, waits_for_input(c)) ||
        !event_want(&c->writable, &c->writes, writes)) {
        http_connection_destroy(c);
        return;
    }
    session_report(c);
}

void http_connection_finish(http_connection *c)
{
    if (c->state == HTTP_LINGERS) c->state = HTTP_DEAD;
    if (c->state == HTTP_STREAMS) c->state = HTTP_CLOSING;
    if (c->state == HTTP_OPEN && waits_for_input(c)) http_turn_read(c); /* what has arrived */
    if (c->waits == HTTP_WAIT_PARKED) c->state = HTTP_CLOSING;
    c->ended = true;
    http_connection_settle(c);
}

/* Did fewer bytes pass than must have, `since_ns` and after the first timeout_ms? */
static bool too_slow(const http_connection *c, uint64_t since_ns, size_t bytes, uint64_t now_ns)
{
    uint64_t free_ms = c->worker->service->options.timeout_ms;
    uint64_t passed_ms = now_ns > since_ns ? (now_ns - since_ns) / 1000000u : 0;
    return passed_ms > free_ms && bytes < (passed_ms - free_ms) * HTTP_RATE_BYTES / 1000 + 1;
}

static bool input_is_late(const http_connection *c, uint64_t now_ns)
{
    uint64_t timeout_ns = (uint64_t)c->worker->service->options.timeout_ms * 1000000u;
    if (c->head_known) return too_slow(c, c->body_ns, c->body_bytes, now_ns);
    if (c->request_ns != 0) return now_ns - c->request_ns > timeout_ns;
    return false;
}

void http_connection_tick(http_connection *c, uint64_t now_ns)
{
    bool over = c->deadline_ns != 0 && now_ns >= c->deadline_ns;
    uint64_t idle_ms = HTTP_IDLE_MS, timeout_ms = c->worker->service->options.timeout_ms;
    if (c->write_ns != 0 && c->waits != HTTP_WAIT_LOG)
        over = over || too_slow(c, c->write_ns, c->written, now_ns);
    if (c->state == HTTP_STREAMS) {
        http_turn_pull(c);
    } else if (c->state == HTTP_OPEN && waits_for_input(c) && !over) {
        if (!c->answered && timeout_ms < idle_ms) idle_ms = timeout_ms;
        if (c->request_ns == 0 && now_ns > c->idle_ns + idle_ms * 1000000u) over = true;
        if (input_is_late(c, now_ns)) {
            http_turn_late(c);
        }
    }
    if (over) c->state = HTTP_DEAD;
    http_connection_settle(c);
}
