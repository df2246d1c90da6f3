/*
 * http_worker.c - the HTTP side of a worker's loop: its connections, those of them that wait,
 * ticks.
 *
 * Waiting ones are in a list.  Those that wait for the log are looked at when durable_told says so;
 * for the others there is a timer, as long as there is one of them.
 */
#include <stdlib.h>

#include "command/durable.h"
#include "command/pause.h"
#include "command/push.h"
#include "command/tracing.h"
#include "http/http_private.h"

static struct timeval interval_of(uint32_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

/* ---- those that wait ---- */

static bool is_told(const http_connection *c)
{
    return c->waits == HTTP_WAIT_LOG || (c->waits == HTTP_WAIT_PARKED && c->hears);
}

static void hearing_change(http_worker *w, bool more)
{
    bool before = w->hearing > 0;
    w->hearing = more ? w->hearing + 1 : w->hearing - 1;
    if ((w->hearing > 0) != before) w->hooks.hears(w->hooks.ctx);
}

void http_wait_begin(http_connection *c, http_wait why)
{
    http_worker *w = c->worker;
    struct timeval interval = interval_of(HTTP_POLL_MS);
    if (c->waits != HTTP_WAIT_NONE) return;
    c->waits = why;
    if (why == HTTP_WAIT_LOG) durable_flush(w->node);
    c->hears = why == HTTP_WAIT_PARKED && durable_hears(&c->session);
    c->wait_next = NULL;
    c->wait_previous = w->waiting_last;
    if (w->waiting_last != NULL)
        w->waiting_last->wait_next = c;
    else
        w->waiting_first = c;
    w->waiting_last = c;
    if (is_told(c)) hearing_change(w, true);
    /* The first look is soon in any case: it may have become durable just before we told. */
    if (!event_pending(&w->poll, EV_TIMEOUT, NULL)) (void)event_add(&w->poll, &interval);
}

void http_wait_end(http_connection *c)
{
    http_worker *w = c->worker;
    if (c->waits == HTTP_WAIT_NONE) return;
    if (is_told(c)) hearing_change(w, false);
    c->waits = HTTP_WAIT_NONE;
    c->hears = false;
    if (c->wait_next != NULL)
        c->wait_next->wait_previous = c->wait_previous;
    else
        w->waiting_last = c->wait_previous;
    if (c->wait_previous != NULL)
        c->wait_previous->wait_next = c->wait_next;
    else
        w->waiting_first = c->wait_next;
}

static bool may_go(const http_connection *c, uint64_t now_ns)
{
    const session *who = &c->session;
    int block = atomic_load_explicit(&who->block, memory_order_relaxed);
    if (c->waits == HTTP_WAIT_CLUSTER) return false; /* http_turn_answered */
    if (c->waits == HTTP_WAIT_LOG) return durable_covers(who);
    if (c->waits == HTTP_WAIT_PACED) return !push_congested(c->worker->node);
    if (block != SESSION_NOT_BLOCKED) /* WAIT */
        return block != SESSION_BLOCKED || now_ns >= who->held_until_ns;
    if (c->hears || who->held_until_ns != 0) return durable_lets(who, now_ns);
    return pause_left_ns(c->worker->node) == 0;
}

static void waiting_look(http_worker *w)
{
    uint64_t now_ns = node_now_ns(w->node);
    http_connection *last = w->waiting_last, *next;
    for (http_connection *c = w->waiting_first; c != NULL; c = next) {
        next = c == last ? NULL : c->wait_next; /* who comes again is behind */
        if (!may_go(c, now_ns)) continue;
        http_wait why = c->waits;
        http_wait_end(c);
        if (why == HTTP_WAIT_LOG) {
            c->session.reply_lsn = 0;
            tracing_synced(&c->session);
        }
        if (why == HTTP_WAIT_PACED) c->session.paced = false;
        http_turn_go_on(c);
        http_connection_settle(c);
    }
}

static void on_poll(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    http_worker *w = ctx;
    struct timeval interval = interval_of(HTTP_POLL_MS);
    waiting_look(w);
    for (http_connection *c = w->waiting_first; c != NULL; c = c->wait_next) {
        if (c->waits == HTTP_WAIT_CLUSTER) continue;
        if (is_told(c) && c->session.held_until_ns == 0) continue;
        if (!event_pending(&w->poll, EV_TIMEOUT, NULL)) (void)event_add(&w->poll, &interval);
        return;
    }
}

static void killed_close(http_worker *w)
{
    http_connection *next;
    for (http_connection *c = w->connections; c != NULL; c = next) {
        next = c->next;
        if (atomic_load_explicit(&c->session.killed, memory_order_relaxed))
            http_connection_destroy(c);
    }
}

void http_worker_look(http_worker *w)
{
    if (w->connections == NULL) return;
    killed_close(w);
    waiting_look(w);
}

bool http_worker_hears(const http_worker *w)
{
    return w->hearing > 0;
}

bool http_worker_kill(http_worker *w, uint64_t session_id)
{
    for (http_connection *c = w->connections; c != NULL; c = c->next) {
        if (c->session.id != session_id) continue;
        http_connection_destroy(c);
        return true;
    }
    return false;
}

void http_worker_drain(http_worker *w)
{
    http_connection *next;
    w->draining = true;
    for (http_connection *c = w->connections; c != NULL; c = next) {
        next = c->next;
        http_connection_finish(c);
    }
}

size_t http_worker_connections(const http_worker *w)
{
    return w->connection_count;
}

/* ---- the loop ---- */

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    http_worker *w = ctx;
    struct timeval interval = interval_of(HTTP_TICK_MS);
    uint64_t now_ns = node_now_ns(w->node);
    http_connection *next;
    for (http_connection *c = w->connections; c != NULL; c = next) {
        next = c->next;
        http_connection_tick(c, now_ns);
    }
    if (w->connections != NULL) (void)event_add(&w->tick, &interval);
}

hc_status http_worker_create(http_service *service, struct event_base *base, unsigned index,
                             const http_hooks *hooks, http_worker **worker_out)
{
    *worker_out = NULL;
    http_worker *w = calloc(1, sizeof *w);
    if (w == NULL) return HC_ERR_NO_MEMORY;
    w->service = service;
    w->node = service->options.node;
    w->base = base;
    w->index = index;
    w->hooks = *hooks;
    w->counters = node_worker_counters(w->node, index);
    answer_init(&w->tape);
    node_random(w->node, w->correlation_seed, sizeof w->correlation_seed);
    w->correlation_seed[0] |= 1;         /* not both zero */
    w->texts.size_max = HTTP_TEXT_BYTES; /* it never moves: spans point into it */
    if (!http_bytes_reserve(&w->texts, HTTP_TEXT_BYTES)) {
        http_worker_destroy(w);
        return HC_ERR_NO_MEMORY;
    }
    (void)evtimer_assign(&w->tick, base, on_tick, w);
    (void)evtimer_assign(&w->poll, base, on_poll, w);
    *worker_out = w;
    return HC_OK;
}

void http_worker_destroy(http_worker *w)
{
    if (w == NULL) return;
    while (w->connections != NULL)
        http_connection_destroy(w->connections);
    if (event_initialized(&w->tick)) (void)event_del(&w->tick);
    if (event_initialized(&w->poll)) (void)event_del(&w->poll);
    answer_fini(&w->tape);
    http_bytes_fini(&w->texts);
    http_bytes_fini(&w->extra);
    http_bytes_fini(&w->payload);
    http_bytes_fini(&w->out);
    free(w);
}
