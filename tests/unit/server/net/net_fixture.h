/*
 * net_fixture.h - a server with commands of its own, and clients that talk to it.
 *
 * The commands stand in for server/command, so that what is tested is the network alone: PING, ECHO
 * text, BIG bytes, HELLO version, ID and QUIT; LISTEN and TELL count bytes, which posts to all that
 * listen (push.h); RAN, how many requests ran before; HOLD, which keeps its worker until
 * held_release. Included by one file of each test program.
 */
#ifndef HYPERCACHE_TESTS_NET_FIXTURE_H
#define HYPERCACHE_TESTS_NET_FIXTURE_H

#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/cluster/cluster_turn.h"
#include "command/command.h"
#include "command/durable.h"
#include "command/pause.h"
#include "command/push.h"
#include "command/session.h"
#include "command/tracing.h"
#include "net/net.h"
#include "support/test_host.h"
#include "unit/server/net/net_clients.h"

/* ---- the commands ---- */

static node_counters counters[4];
static _Atomic uint64_t requests_run, batches_run, next_session_id;
static _Atomic unsigned sessions_open;

node_counters *node_worker_counters(node *of, unsigned worker)
{
    (void)of;
    return &counters[worker];
}

uint64_t node_now_ns(const node *of)
{
    (void)of;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void session_init(session *of, node *on, const session_options *options)
{
    memset(of, 0, sizeof *of);
    of->node = on;
    of->worker = options->worker;
    of->id = ++next_session_id;
    (void)snprintf(of->address, sizeof of->address, "%s", options->address);
    sessions_open++;
}

void session_fini(session *of)
{
    push_session_end(of);
    sessions_open--;
}

uint64_t pause_left_ns(node *of)
{
    (void)of;
    return 0;
}

/* There is no log, so nothing waits for one. */
bool durable_covers(const session *of)
{
    (void)of;
    return true;
}

bool durable_lets(const session *of, uint64_t now_ns)
{
    (void)of, (void)now_ns;
    return true;
}

void durable_wake_by(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx)
{
    (void)of, (void)worker, (void)wake, (void)ctx;
}

void durable_waits(node *of, unsigned worker, bool waits)
{
    (void)of, (void)worker, (void)waits;
}

void durable_flush(node *of)
{
    (void)of;
}

void durable_flush_by(node *of, uint64_t at_ns)
{
    (void)of, (void)at_ns;
}

uint64_t durable_gather_ns(const node *of)
{
    (void)of;
    return 0;
}

/* Nobody traces. */
void tracing_synced(session *of)
{
    (void)of;
}

/* Nor a cluster that could answer later. */
void cluster_wake_by(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx)
{
    (void)of, (void)worker, (void)wake, (void)ctx;
}

void cluster_turns_answered(node *of, unsigned worker)
{
    (void)of, (void)worker;
}

void cluster_turn_render(session *of, reply *to)
{
    (void)of, (void)to;
}

bool command_takes_block(hc_span name)
{
    (void)name;
    return false;
}

static inline size_t number_of(hc_span text)
{
    char copy[32] = "";
    memcpy(copy, text.data, text.size < sizeof copy ? text.size : sizeof copy - 1);
    return strtoul(copy, NULL, 10);
}

static inline bool is(hc_span text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

enum { LISTENERS_MAX = 64 };
static push_inbox *listeners[LISTENERS_MAX];
static size_t listener_count;
static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void listeners_add(session *who)
{
    push_inbox *inbox = push_inbox_of(who);
    pthread_mutex_lock(&listeners_lock);
    if (inbox != NULL && listener_count < LISTENERS_MAX) {
        push_inbox_retain(inbox);
        listeners[listener_count++] = inbox;
    }
    pthread_mutex_unlock(&listeners_lock);
}

static inline void listeners_forget(void)
{
    while (listener_count > 0)
        push_inbox_release(listeners[--listener_count]);
}

/* Each message is numbered, in `bytes` digits.  Returns how many posts were taken. */
static inline size_t listeners_tell(session *teller, size_t count, size_t bytes)
{
    static int number;
    size_t taken = 0;
    char text[2048];
    pthread_mutex_lock(&listeners_lock);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text, "%0*d", (int)bytes, number++);
        const push_item items[] = {push_head(1), push_bulk(hc_span_make(text, bytes))};
        push *what = push_create(teller->node, items, 2);
        for (size_t k = 0; k < listener_count; k++)
            taken += push_post(listeners[k], what);
        push_release(what);
    }
    pthread_mutex_unlock(&listeners_lock);
    push_pace(teller);
    return taken;
}

/* Workers that HOLD keeps, and leave to go on, one of them each. */
static _Atomic unsigned held;
static sem_t held_leave;

static inline bool one_held(void *ctx)
{
    (void)ctx;
    return held == 1;
}

static inline void hold(void)
{
    held++;
    while (sem_wait(&held_leave) != 0)
        ;
    held--;
}

static inline void held_release(void)
{
    assert_int_equal(sem_post(&held_leave), 0);
}

static inline void request_run(const request *r)
{
    const reply_ops *ops = r->reply->ops;
    if (is(r->args[0], "PING")) {
        ops->status(r->reply, span("PONG"));
    } else if (is(r->args[0], "ECHO") && r->argc == 2) {
        uint8_t *place = ops->bulk(r->reply, r->args[1].size);
        if (place != NULL) memcpy(place, r->args[1].data, r->args[1].size);
    } else if (is(r->args[0], "BIG") && r->argc == 2) {
        size_t size = number_of(r->args[1]);
        uint8_t *place = ops->bulk(r->reply, size);
        if (place != NULL) memset(place, 'b', size);
    } else if (is(r->args[0], "QUIT")) {
        ops->status(r->reply, span("OK"));
        r->session->close = true;
    } else if (is(r->args[0], "HELLO") && r->argc == 2) {
        r->reply->protocol = (int)number_of(r->args[1]);
        ops->null(r->reply);
    } else if (is(r->args[0], "LISTEN")) {
        listeners_add(r->session);
        ops->status(r->reply, span("OK"));
    } else if (is(r->args[0], "TELL") && r->argc == 3) {
        size_t taken = listeners_tell(r->session, number_of(r->args[1]), number_of(r->args[2]));
        ops->integer(r->reply, (int64_t)taken);
    } else if (is(r->args[0], "RAN")) {
        ops->integer(r->reply, (int64_t)requests_run);
    } else if (is(r->args[0], "HOLD")) {
        hold();
        ops->status(r->reply, span("OK"));
    } else if (is(r->args[0], "ID")) {
        ops->integer(r->reply, (int64_t)r->session->id);
    } else {
        ops->error(r->reply, span("ERR unknown"));
    }
}

size_t request_run_batch(request *requests, size_t count, size_t output_soft_bytes)
{
    size_t ran = 0;
    batches_run++;
    while (ran < count) {
        request_run(&requests[ran++]);
        requests_run++;
        if (requests->session->close || requests->session->paced) break;
        if (requests->reply->ops->pending(requests->reply) > output_soft_bytes) break;
    }
    return ran;
}

/* ---- the server and its clients ---- */

static test_log logged;
static hc_host host;
static node the_node; /* only what messages need: the rest of it the network never looks at */

static const char *const loopback[] = {"127.0.0.1"};

static inline net_options options_make(void)
{
    test_log_init(&logged, HC_LOG_DEBUG);
    host = test_host_of(NULL, NULL, NULL, &logged);
    the_node.options.workers = sizeof counters / sizeof counters[0];
    if (the_node.offices == NULL) assert_int_equal(push_open(&the_node), HC_OK);
    return (net_options){
        .host = &host, .node = &the_node, .bind = loopback, .bind_count = 1, .workers = 2};
}

static inline void start(const net_options *options)
{
    requests_run = batches_run = 0;
    assert_int_equal(sem_init(&held_leave, 0, 0), 0);
    assert_int_equal(net_start(options, &server), HC_OK);
    assert_int_not_equal(net_port(server), 0);
}

static inline void stop(void)
{
    net_stop(server);
    server = NULL;
    listeners_forget();
    push_close(&the_node);
    (void)sem_destroy(&held_leave);
    assert_int_equal(sessions_open, 0);
}

#endif
