/*
 * worker.c - one thread, one event loop, its listeners and its connections.
 *
 * Told to drain, a worker closes its listeners, lets each connection take one last look at its
 * socket and finish what it has, and leaves the loop when the last one is gone or the time is up.
 */
#include <stdlib.h>
#include <string.h>

#include "net/net_private.h"

static void connections_destroy(worker *w)
{
    while (w->connections != NULL)
        connection_destroy(w->connections);
}

static void listeners_close(worker *w)
{
    while (w->listener_count > 0)
        listener_close(&w->listeners[--w->listener_count]);
}

static void on_drain_timeout(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    worker *w = ctx;
    net_log(w->net->options.host, HC_LOG_WARN, "drain", "clients too slow were cut off",
            (net_fact){.name = "worker", .number = w->index}, NET_NO_FACT);
    connections_destroy(w);
    (void)event_base_loopbreak(w->base);
}

static bool is_done(const worker *w)
{
    if (!w->draining || w->connections != NULL) return false;
    return w->http == NULL || w->net->options.http_calls->connections(w->http) == 0;
}

void worker_done_look(worker *w)
{
    if (is_done(w)) (void)event_base_loopbreak(w->base);
}

static void worker_drain(worker *w)
{
    struct timeval limit = timeval_of_ms(w->net->options.drain_timeout_ms);
    w->draining = true;
    listeners_close(w);
    (void)event_add(&w->drain_timeout, &limit);
    connection *next;
    for (connection *c = w->connections; c != NULL; c = next) {
        next = c->next;
        connection_finish(c);
    }
    if (w->http != NULL) w->net->options.http_calls->drain(w->http);
    worker_done_look(w);
}

static void client_kill(worker *w, uint64_t session_id)
{
    for (connection *c = w->connections; c != NULL; c = c->next) {
        if (c->session.id != session_id) continue;
        connection_destroy(c);
        return;
    }
    if (w->http != NULL) (void)w->net->options.http_calls->kill(w->http, session_id);
}

static void killed_close(worker *w)
{
    connection *next;
    for (connection *c = w->connections; c != NULL; c = next) {
        next = c->next;
        if (atomic_load_explicit(&c->session.killed, memory_order_relaxed)) connection_destroy(c);
    }
}

static uint32_t tick_ms(const worker *w)
{
    uint32_t idle_ms = w->idle_timeout_ms;
    return idle_ms != 0 && idle_ms / 4 < TICK_MS ? idle_ms / 4 + 1 : TICK_MS;
}

/* Takes over what others may have changed; connections look at the worker's own copies. */
static void settings_take(worker *w)
{
    uint32_t idle_ms = atomic_load_explicit(&w->net->idle_timeout_ms, memory_order_relaxed);
    bool news = idle_ms != w->idle_timeout_ms;
    w->limits.request_bytes_max =
        atomic_load_explicit(&w->net->request_bytes_max, memory_order_relaxed);
    w->idle_timeout_ms = idle_ms;
    struct timeval interval = timeval_of_ms(tick_ms(w));
    if (news && idle_ms != 0) (void)event_add(&w->tick, &interval); /* perhaps sooner than it was */
}

/* One look at each connection that got messages; the rest has its turn after other connections. */
static void pushes_deliver(worker *w)
{
    node *on = w->net->options.node;
    for (size_t i = 0; i < PUSHES_PER_TURN; i++) {
        session *who = push_next(on, w->index);
        if (who == NULL) return;
        connection *c = (connection *)(void *)who; /* its first member */
        connection_push(c);
        connection_settle(c);
    }
    mailbox_wake(&w->mailbox);
}

void worker_pace(connection *c)
{
    worker *w = c->worker;
    struct timeval interval = timeval_of_ms(PACE_MS);
    if (c->waits) return;
    c->waits = true;
    c->paced_next = NULL;
    c->paced_previous = w->paced_last;
    if (w->paced_last != NULL)
        w->paced_last->paced_next = c;
    else
        w->paced_first = c;
    w->paced_last = c;
    if (!event_pending(&w->resume, EV_TIMEOUT, NULL)) (void)event_add(&w->resume, &interval);
}

void worker_unpace(connection *c)
{
    worker *w = c->worker;
    if (!c->waits) return;
    c->waits = false;
    if (c->paced_next != NULL)
        c->paced_next->paced_previous = c->paced_previous;
    else
        w->paced_last = c->paced_previous;
    if (c->paced_previous != NULL)
        c->paced_previous->paced_next = c->paced_next;
    else
        w->paced_first = c->paced_next;
}

/* Those who waited may go on, one after the other, until there is too much again. */
static void on_resume(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    worker *w = ctx;
    struct timeval interval = timeval_of_ms(PACE_MS);
    for (unsigned turns = 0; w->paced_first != NULL; turns++) {
        connection *c = w->paced_first;
        if (turns == PACED_PER_TURN || push_congested(w->net->options.node)) {
            if (!event_pending(&w->resume, EV_TIMEOUT, NULL))
                (void)event_add(&w->resume, &interval);
            return;
        }
        worker_unpace(c);
        c->session.paced = false;
        connection_write(c); /* its requests go on */
        connection_settle(c);
    }
}

static void on_push(void *ctx)
{
    mailbox_wake(ctx);
}

static void on_unpark(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    worker_park_look(ctx, true);
}

static void on_mail(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    worker *w = ctx;
    message messages[MAILBOX_MESSAGES_MAX];
    size_t count = mailbox_take(&w->mailbox, messages);
    for (size_t i = 0; i < count; i++) {
        if (messages[i].kind == MESSAGE_KILL)
            client_kill(w, messages[i].id);
        else if (messages[i].kind == MESSAGE_DRAIN && !w->draining)
            worker_drain(w);
    }
    settings_take(w);
    if (atomic_exchange(&w->sweep, false)) killed_close(w);
    cluster_turns_answered(w->net->options.node, w->index);
    worker_await_look(w);
    worker_park_look(w, false);
    if (w->http != NULL) w->net->options.http_calls->look(w->http);
    pushes_deliver(w);
}

void worker_tick_need(worker *w)
{
    struct timeval interval = timeval_of_ms(tick_ms(w));
    if (!event_pending(&w->tick, EV_TIMEOUT, NULL)) (void)event_add(&w->tick, &interval);
}

/* Looks at every connection once a second, and only while one may have to end. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    worker *w = ctx;
    uint64_t now_ns = node_now_ns(w->net->options.node);
    bool again = w->idle_timeout_ms != 0;
    connection *next;
    for (connection *c = w->connections; c != NULL; c = next) {
        next = c->next;
        again |= c->deadline_ns != 0 || c->pushed;
        connection_tick(c, now_ns);
    }
    if (again) worker_tick_need(w);
}

static void lag_measure(worker *w)
{
    struct timeval interval = timeval_of_ms(LAG_MS);
    if (w->net->options.loop_lag == NULL) return;
    w->lag_due_ns = node_now_ns(w->net->options.node) + LAG_MS * UINT64_C(1000000);
    (void)event_add(&w->lag, &interval);
}

/* A timer that comes late was kept waiting by what everybody else had to wait for, too. */
static void on_lag(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    worker *w = ctx;
    uint64_t now_ns = node_now_ns(w->net->options.node);
    uint64_t late_ns = now_ns > w->lag_due_ns ? now_ns - w->lag_due_ns : 0;
    hc_metric_observe(w->net->options.loop_lag, w->index, late_ns);
    if (!w->draining) lag_measure(w);
}

static struct event_base *base_create(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL) return NULL;
    struct event_base *base = NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static void http_gone(void *ctx)
{
    worker *w = ctx;
    atomic_fetch_sub_explicit(&w->net->connections, 1, memory_order_relaxed);
    worker_done_look(w);
}

static void http_hears(void *ctx)
{
    worker_tell_wishes(ctx);
}

static hc_status http_open(worker *w)
{
    http_hooks hooks = {.ctx = w, .gone = http_gone, .hears = http_hears};
    if (w->net->http_service == NULL) return HC_OK;
    return w->net->options.http_calls->worker_create(w->net->http_service, w->base, w->index,
                                                     &hooks, &w->http);
}

static const capture no_capture = {.only = CAPTURE_NOBODY};

hc_status worker_init(worker *w, net *in, unsigned index)
{
    node *on = in->options.node;
    memset(w, 0, sizeof *w);
    if (!mailbox_init(&w->mailbox)) return HC_ERR_IO;
    w->net = in;
    w->index = index;
    w->limits = resp_limits_default;
    w->counters = node_worker_counters(on, index);
    w->capture = in->options.capture != NULL ? in->options.capture : &no_capture;
    resp_encoder_init(&w->encoder, in->options.output_hard_bytes);
    for (size_t i = 0; i < REQUEST_BATCH_MAX; i++)
        w->requests[i] = (request){.node = on, .reply = &w->encoder.base};
    w->base = base_create();
    if (w->base == NULL) {
        worker_fini(w);
        return HC_ERR_NO_MEMORY;
    }
    (void)event_assign(&w->mail, w->base, w->mailbox.wake_fd, EV_READ | EV_PERSIST, on_mail, w);
    (void)evtimer_assign(&w->tick, w->base, on_tick, w);
    (void)evtimer_assign(&w->lag, w->base, on_lag, w);
    (void)evtimer_assign(&w->resume, w->base, on_resume, w);
    (void)evtimer_assign(&w->unpark, w->base, on_unpark, w);
    (void)evtimer_assign(&w->drain_timeout, w->base, on_drain_timeout, w);
    worker_heavy_init(w);
    if (event_add(&w->mail, NULL) != 0) {
        worker_fini(w);
        return HC_ERR_IO;
    }
    if (http_open(w) != HC_OK) {
        worker_fini(w);
        return HC_ERR_NO_MEMORY;
    }
    settings_take(w);
    lag_measure(w);
    push_attach(on, index, on_push, &w->mailbox);
    durable_wake_by(on, index, on_push, &w->mailbox);
    cluster_wake_by(on, index, on_push, &w->mailbox);
    w->attached = true;
    return HC_OK;
}

void worker_fini(worker *w)
{
    if (w->net == NULL) return;
    connections_destroy(w);
    if (w->http != NULL) w->net->options.http_calls->worker_destroy(w->http);
    w->http = NULL;
    listeners_close(w);
    if (w->attached) {
        push_detach(w->net->options.node, w->index);
        durable_wake_by(w->net->options.node, w->index, NULL, NULL);
        cluster_wake_by(w->net->options.node, w->index, NULL, NULL);
    }
    if (w->base != NULL) {
        (void)event_del(&w->mail);
        (void)event_del(&w->tick);
        (void)event_del(&w->drain_timeout);
        (void)event_del(&w->lag);
        (void)event_del(&w->resume);
        (void)event_del(&w->unpark);
        (void)event_del(&w->heavy);
        event_base_free(w->base);
    }
    mailbox_fini(&w->mailbox);
    resp_scratch_fini(&w->scratch);
    resp_encoder_fini(&w->encoder);
    byte_queue_fini(&w->spare);
    w->net = NULL;
}

void *worker_main(void *ctx)
{
    worker *w = ctx;
    bool goes_on = true;
    while (goes_on) {
        uint64_t awaited = w->awaited;
        bool sleeps = worker_sleeps(w);
        int ended = event_base_loop(w->base, sleeps ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
        worker_wakes(w);
        worker_await_turn(w, awaited, sleeps);
        goes_on = ended == 0 && event_base_got_break(w->base) == 0 && !is_done(w);
    }
    return NULL;
}
