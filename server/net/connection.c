/*
 * connection.c - the life of a connection: open -> (closing -> (lingering)) -> destroyed.
 *
 *     OPEN       waits to read, unless stalled, paced or with requests left over
 *                waits to write while something is unsent or left over
 *     CLOSING    waits to write until all is sent, CLOSE_MS_MAX at most
 *     LINGERING  waits to read the end, LINGER_MS_MAX at most
 *
 * Invariant: between turns every connection waits for something, and what it waits for follows
 * from its fields alone (waits_for_input, waits_for_room).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/pubsub.h"
#include "net/net_private.h"

#define FINISH_TURNS_MAX 16u /* reads of what a client had sent before a drain */

void connection_turn(connection *c, bool writes)
{
    if (!(writes ? c->writes : c->reads)) return; /* not any more: see worker_heavy.c */
    worker_turn_begin(c);
    if (writes)
        connection_write(c);
    else
        connection_read(c);
    connection_settle(c);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    connection *c = ctx;
    (void)fd;
    (void)what;
    if (c->awaits) { /* only now is the event in the way */
        (void)event_del(&c->readable);
        c->reads = false;
        return;
    }
    if (c->heavy && worker_defer(c, false)) return;
    connection_turn(c, false);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    connection *c = ctx;
    (void)fd;
    (void)what;
    if (c->heavy && worker_defer(c, true)) return;
    connection_turn(c, true);
}

static void list_add(connection *c)
{
    worker *w = c->worker;
    c->next = w->connections;
    if (c->next != NULL) c->next->previous = c;
    w->connections = c;
}

static void list_remove(connection *c)
{
    if (c->next != NULL) c->next->previous = c->previous;
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        c->worker->connections = c->next;
}

static void on_answered(session *who)
{
    connection *c = (connection *)(void *)who; /* its first member */
    connection_answered(c);
    connection_settle(c);
}

void connection_open(worker *w, int fd, const struct sockaddr_storage *from)
{
    char address[SESSION_ADDRESS_CHARS] = "", local_address[SESSION_ADDRESS_CHARS] = "";
    struct sockaddr_storage local = {0};
    socklen_t local_bytes = sizeof local;
    connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)close(fd);
        atomic_fetch_sub_explicit(&w->net->connections, 1, memory_order_relaxed);
        return;
    }
    address_text(from, address);
    if (getsockname(fd, (struct sockaddr *)&local, &local_bytes) == 0)
        address_text(&local, local_address);
    c->worker = w;
    c->fd = fd;
    c->protocol = 2;
    c->heard = true;
    resp_parser_init(&c->parser, &w->limits);
    session_init(&c->session, w->net->options.node,
                 &(session_options){.address = address,
                                    .local_address = local_address,
                                    .descriptor = fd,
                                    .answered = on_answered,
                                    .worker = w->index});
    (void)event_assign(&c->readable, w->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    (void)event_assign(&c->writable, w->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
    list_add(c);
    net_log(w->net->options.host, HC_LOG_DEBUG, "accept", "client connected",
            (net_fact){.name = "client", .text = address}, NET_NO_FACT);
    connection_settle(c);
}

void connection_input_drop(connection *c)
{
    if (c->in.block == NULL) {
        byte_queue_fini(&c->in);
        return;
    }
    hc_block_bury(c->in.block, c->session.store);
    c->in = (byte_queue){0};
}

void connection_destroy(connection *c)
{
    worker *w = c->worker;
    if (c->reads) (void)event_del(&c->readable);
    if (c->writes) (void)event_del(&c->writable);
    list_remove(c);
    worker_unpace(c);
    worker_unawait(c);
    worker_unpark(c);
    worker_undefer(c);
    net_log(w->net->options.host, HC_LOG_DEBUG, "close", "client gone",
            (net_fact){.name = "client", .text = c->session.address}, NET_NO_FACT);
    connection_unlend(c); /* while the session holds the store */
    connection_input_drop(c);
    session_fini(&c->session);
    (void)close(c->fd); /* not before: whoever kills a listed session shuts its descriptor down */
    resp_parser_fini(&c->parser);
    byte_queue_fini(&c->out);
    free(c);
    atomic_fetch_sub_explicit(&w->net->connections, 1, memory_order_relaxed);
    worker_done_look(w);
}

static bool waits_for_input(const connection *c)
{
    if (c->state == CONNECTION_LINGERING) return true;
    return c->state == CONNECTION_OPEN && !c->ended && !c->more && !c->stalled &&
           !c->session.paced && !c->awaits && !cluster_awaits(&c->session);
}

/* While replies wait for the log nothing is read.  Most clients send nothing meanwhile either, so
 * the event stays until it comes, which saves two system calls a request. */
static bool watches_input(const connection *c)
{
    return waits_for_input(c) || (c->awaits && c->reads && c->state == CONNECTION_OPEN);
}

static bool waits_for_room(const connection *c)
{
    if (c->awaits) return false;
    if (c->out.tail > 0) return true;
    bool may_run = c->more && !c->session.paced && !session_is_parked(&c->session) &&
                   !cluster_awaits(&c->session);
    return c->state == CONNECTION_OPEN && (c->pushed || may_run);
}

/* Does its next turn move much, as far as can be told? */
static bool is_heavy(const connection *c)
{
    if (!(c->more || c->read_much) && (c->in.tail | c->out.tail) == 0) return false; /* as most */
    return c->more || c->read_much || c->lent != NULL || byte_queue_size(&c->out) > 0 ||
           byte_queue_size(&c->in) > CARRY_BYTES_MAX;
}

/* Adds or removes an event.  False: libevent or the system refused. */
static bool event_want(struct event *on, bool *added, bool wanted)
{
    if (*added == wanted) return true;
    if ((wanted ? event_add(on, NULL) : event_del(on)) != 0) return false;
    *added = wanted;
    return true;
}

static void deadline_set(connection *c, uint32_t ms)
{
    c->deadline_ns = node_now_ns(c->worker->net->options.node) + (uint64_t)ms * 1000000u;
    worker_tick_need(c->worker);
}

/* For CLIENT LIST; of most clients between two turns there is nothing to tell, again. */
static void session_report(connection *c)
{
    session *who = &c->session;
    size_t in = byte_queue_size(&c->in), out = byte_queue_size(&c->out);
    bool any = (c->in.capacity | c->out.capacity | c->parser.marks_capacity) != 0;
    if (!any && !c->told) return;
    c->told = any;
    atomic_store_explicit(&who->input_bytes_held, in, memory_order_relaxed);
    atomic_store_explicit(&who->input_bytes_free, c->in.capacity - in, memory_order_relaxed);
    atomic_store_explicit(&who->output_bytes_pending, connection_unsent(c), memory_order_relaxed);
    atomic_store_explicit(&who->output_bytes_held, out, memory_order_relaxed);
    atomic_store_explicit(&who->output_bytes_room, c->out.capacity, memory_order_relaxed);
    if (c->out.capacity > atomic_load_explicit(&who->output_bytes_peak, memory_order_relaxed))
        atomic_store_explicit(&who->output_bytes_peak, c->out.capacity, memory_order_relaxed);
    atomic_store_explicit(&who->argument_bytes, c->parser.marks_capacity * sizeof(resp_mark),
                          memory_order_relaxed);
}

/* All is sent: a refused client that may still be sending gets time to read why. */
static void close_sent(connection *c)
{
    if (c->lingers && !c->ended && shutdown(c->fd, SHUT_WR) == 0) {
        c->state = CONNECTION_LINGERING;
        deadline_set(c, LINGER_MS_MAX);
    } else {
        c->state = CONNECTION_DEAD;
    }
}

void connection_settle(connection *c)
{
    bool answers_come = cluster_awaits(&c->session);
    if (c->state == CONNECTION_OPEN && c->ended && !c->more && !answers_come)
        c->state = CONNECTION_CLOSING;
    if (c->state == CONNECTION_CLOSING) {
        connection_input_drop(c);
        if (c->out.tail == 0)
            close_sent(c);
        else if (c->deadline_ns == 0)
            deadline_set(c, CLOSE_MS_MAX);
    }
    if (durable_awaits(&c->session) && c->state != CONNECTION_DEAD) worker_await(c);
    c->pushed = push_held(&c->session);
    if (session_is_parked(&c->session)) worker_park(c);
    if (c->pushed) worker_tick_need(c->worker);
    if (c->session.paced && c->state == CONNECTION_OPEN) worker_pace(c);
    if (c->state == CONNECTION_DEAD || !event_want(&c->readable, &c->reads, watches_input(c)) ||
        !event_want(&c->writable, &c->writes, waits_for_room(c))) {
        connection_destroy(c);
        return;
    }
    c->heavy = is_heavy(c);
    session_report(c);
}

void connection_finish(connection *c)
{
    if (c->state == CONNECTION_LINGERING) c->state = CONNECTION_DEAD;
    for (unsigned turn = 0; turn < FINISH_TURNS_MAX && waits_for_input(c); turn++) {
        c->heard = false;
        connection_read(c); /* what arrived before we were told */
        if (!c->heard) break;
    }
    if (push_waits(&c->session)) connection_push(c);
    if (session_is_blocked(&c->session)) c->state = CONNECTION_CLOSING; /* its WAIT ends, too */
    c->ended = true;
    connection_settle(c);
}

void connection_tick(connection *c, uint64_t now_ns)
{
    uint64_t idle_ns = (uint64_t)c->worker->idle_timeout_ms * 1000000u;
    bool over = c->deadline_ns != 0 && now_ns >= c->deadline_ns;
    if (c->heard) {
        c->heard = false;
        c->silent_since_ns = now_ns;
    } else if (idle_ns != 0 && now_ns - c->silent_since_ns >= idle_ns) {
        /* Who listens may be silent, and who waits. */
        over = !pubsub_subscribed(&c->session) && !session_is_parked(&c->session);
    }
    if (c->pushed && !over) over = connection_overflows(c);
    if (over) connection_destroy(c);
}
