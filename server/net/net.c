/*
 * net.c - start and stop: every socket is bound before the first thread runs, so a port in use is
 * found while nothing has happened yet.
 */
#include "net/net.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net_private.h"

static const char *const bind_default[] = {"127.0.0.1", "::1"};

static hc_status options_take(net *in, const net_options *given)
{
    net_options *o = &in->options;
    *o = *given;
    if (o->bind == NULL) {
        o->bind = bind_default;
        o->bind_count = sizeof bind_default / sizeof *bind_default;
    }
    if (o->workers == 0) o->workers = 1;
    if (o->clients_max == 0) o->clients_max = NET_CLIENTS_MAX;
    if (o->drain_timeout_ms == 0) o->drain_timeout_ms = NET_DRAIN_MS;
    if (o->request_bytes_max == 0) o->request_bytes_max = NET_REQUEST_BYTES;
    if (o->output_soft_bytes == 0) o->output_soft_bytes = NET_OUTPUT_SOFT;
    if (o->output_hard_bytes == 0) o->output_hard_bytes = NET_OUTPUT_HARD;
    if (o->node == NULL || o->bind_count == 0 || o->bind_count > NET_BIND_MAX ||
        o->workers > NODE_WORKERS_MAX || o->request_bytes_max > NET_REQUEST_BYTES ||
        o->output_hard_bytes < o->output_soft_bytes)
        return HC_ERR_INVALID;
    atomic_init(&in->idle_timeout_ms, o->idle_timeout_ms);
    atomic_init(&in->request_bytes_max, (uint32_t)o->request_bytes_max);
    in->resp.port = o->port;
    in->http.port = o->http_port;
    atomic_init(&in->connections, 0);
    atomic_init(&in->clients_max, o->clients_max);
    return HC_OK;
}

static bool address_parse(const char *text, struct sockaddr_storage *address_out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)address_out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)address_out;
    memset(address_out, 0, sizeof *address_out);
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        address_out->ss_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        address_out->ss_family = AF_INET6;
        return true;
    }
    return false;
}

static void address_set_port(struct sockaddr_storage *address, uint16_t port)
{
    /* The port lies at the same place in both kinds. */
    ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

/* Learns the port the system chose. */
static bool port_learn(port_addresses *on, int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t bytes = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &bytes) != 0) return false;
    on->port = ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
    return true;
}

static bool is_missing_ipv6(const struct sockaddr_storage *address, int why)
{
    return address->ss_family == AF_INET6 && (why == EAFNOSUPPORT || why == EADDRNOTAVAIL);
}

/* Finds out which addresses can be had, by listening on each alone for a moment: with
 * SO_REUSEPORT the kernel would let two processes share the port without a word. */
static hc_status addresses_probe(const net_options *o, port_addresses *on)
{
    for (size_t i = 0; i < o->bind_count; i++) {
        struct sockaddr_storage address;
        net_fact where = {.name = "address", .text = o->bind[i]};
        if (!address_parse(o->bind[i], &address)) {
            net_log(o->host, HC_LOG_ERROR, "bind", "not a numeric IP address", where, NET_NO_FACT);
            return HC_ERR_INVALID;
        }
        address_set_port(&address, on->port);
        int fd = listener_socket(&address, false);
        int why = errno;
        net_fact error = {.name = "error", .text = strerror(why)};
        if (fd < 0 && is_missing_ipv6(&address, why)) {
            net_log(o->host, HC_LOG_INFO, "bind", "no IPv6 here: address skipped", where, error);
            continue;
        }
        if (fd < 0) {
            net_log(o->host, HC_LOG_ERROR, "bind", "cannot listen", where, error);
            return why == EADDRINUSE ? HC_ERR_EXISTS : HC_ERR_IO;
        }
        bool known = on->port != 0 || port_learn(on, fd);
        (void)close(fd);
        if (!known) return HC_ERR_IO;
        address_set_port(&address, on->port);
        on->addresses[on->count++] = address;
    }
    return on->count > 0 ? HC_OK : HC_ERR_IO;
}

static hc_status worker_listen(worker *w, const port_addresses *on, bool http)
{
    net *in = w->net;
    for (size_t i = 0; i < on->count; i++) {
        int fd = listener_socket(&on->addresses[i], true);
        if (fd < 0) {
            net_log(in->options.host, HC_LOG_ERROR, "bind", "cannot listen",
                    (net_fact){.name = "port", .number = on->port},
                    (net_fact){.name = "error", .text = strerror(errno)});
            return errno == EADDRINUSE ? HC_ERR_EXISTS : HC_ERR_IO;
        }
        hc_status status = listener_open(&w->listeners[w->listener_count++], w, fd, http);
        if (status != HC_OK) return status;
    }
    return HC_OK;
}

static hc_status workers_make(net *in)
{
    in->workers = calloc(in->options.workers, sizeof *in->workers);
    if (in->workers == NULL) return HC_ERR_NO_MEMORY;
    for (unsigned i = 0; i < in->options.workers; i++) {
        hc_status status = worker_init(&in->workers[i], in, i);
        if (status == HC_OK) status = worker_listen(&in->workers[i], &in->resp, false);
        if (status == HC_OK) status = worker_listen(&in->workers[i], &in->http, true);
        if (status != HC_OK) return status;
    }
    return HC_OK;
}

/* Signals are the main thread's: workers start with all of them blocked. */
static hc_status workers_start(net *in)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGPROF); /* by which a profile sees them */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    hc_status status = HC_OK;
    for (unsigned i = 0; i < in->options.workers && status == HC_OK; i++) {
        worker *w = &in->workers[i];
        char name[16];
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            status = HC_ERR_NO_MEMORY;
            break;
        }
        w->started = true;
        (void)snprintf(name, sizeof name, "worker-%u", i % 1000);
        (void)pthread_setname_np(w->thread, name);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

/* What libevent would print is no log line of ours; what matters of it comes back as a failure. */
static void libevent_say(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

static void unpaused(void *ctx)
{
    net *in = ctx;
    for (unsigned i = 0; i < in->options.workers; i++) {
        mailbox_wake(&in->workers[i].mailbox);
    }
}

/* CLIENT KILL has marked a session, of RESP or HTTP.  It is listed, so its descriptor is open: who
 * ends a connection takes it from the list first. */
static void cut(void *ctx, session *who)
{
    net *in = ctx;
    worker *w = &in->workers[who->worker];
    (void)shutdown(who->descriptor, SHUT_RDWR);
    atomic_store(&w->sweep, true);
    mailbox_wake(&w->mailbox);
}

/* Routes and addresses of the HTTP API, before anything listens. */
static hc_status http_prepare(net *in)
{
    if (in->options.http == NULL) return HC_OK;
    hc_status status = in->options.http_calls->service_create(in->options.http, &in->http_service);
    if (status == HC_OK) status = addresses_probe(&in->options, &in->http);
    if (status != HC_OK && in->options.http_failed_out != NULL) *in->options.http_failed_out = true;
    return status;
}

static void addresses_tell(const net *in, const port_addresses *on, const char *what)
{
    for (size_t i = 0; i < on->count; i++) {
        char text[SESSION_ADDRESS_CHARS];
        address_text(&on->addresses[i], text);
        net_log(in->options.host, HC_LOG_INFO, "listen", what,
                (net_fact){.name = "address", .text = text},
                (net_fact){.name = "workers", .number = in->options.workers});
    }
}

hc_status net_start(const net_options *options, net **net_out)
{
    *net_out = NULL;
    event_set_log_callback(libevent_say);
    net *in = calloc(1, sizeof *in);
    if (in == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = options_take(in, options);
    if (status == HC_OK) status = addresses_probe(&in->options, &in->resp);
    if (status == HC_OK) status = http_prepare(in);
    if (status == HC_OK) node_set_http_port(options->node, net_http_port(in));
    if (status == HC_OK) status = workers_make(in);
    if (status == HC_OK) net_set_keepalive(in, in->options.keepalive_ms);
    if (status == HC_OK) node_set_cut(options->node, cut, in);
    if (status == HC_OK) node_set_unpaused(options->node, unpaused, in);
    if (status == HC_OK) status = workers_start(in);
    if (status != HC_OK) {
        net_stop(in);
        return status;
    }
    addresses_tell(in, &in->resp, "ready for clients");
    addresses_tell(in, &in->http, "ready for HTTP clients");
    *net_out = in;
    return HC_OK;
}

void net_stop(net *in)
{
    if (in == NULL) return;
    unsigned made = in->workers == NULL ? 0 : in->options.workers;
    for (unsigned i = 0; i < made; i++) {
        worker *w = &in->workers[i];
        if (w->started) (void)mailbox_post(&w->mailbox, (message){.kind = MESSAGE_DRAIN});
    }
    for (unsigned i = 0; i < made; i++) {
        if (in->workers[i].started) (void)pthread_join(in->workers[i].thread, NULL);
    }
    if (in->options.node != NULL) node_set_cut(in->options.node, NULL, NULL);
    if (in->options.node != NULL) node_set_unpaused(in->options.node, NULL, NULL);
    for (unsigned i = 0; i < made; i++)
        worker_fini(&in->workers[i]);
    free(in->workers);
    if (in->http_service != NULL) in->options.http_calls->service_destroy(in->http_service);
    free(in);
}

uint16_t net_port(const net *in)
{
    return in->resp.port;
}

uint16_t net_http_port(const net *in)
{
    return in->http_service != NULL ? in->http.port : 0;
}

unsigned net_connections(const net *in)
{
    return atomic_load_explicit(&in->connections, memory_order_relaxed);
}

void net_set_clients_max(net *in, unsigned clients_max)
{
    unsigned limit = clients_max == 0 ? NET_CLIENTS_MAX : clients_max;
    atomic_store_explicit(&in->clients_max, limit, memory_order_relaxed);
}

static void workers_look(net *in)
{
    for (unsigned i = 0; i < in->options.workers; i++) /* full: it will look for another's sake */
        (void)mailbox_post(&in->workers[i].mailbox, (message){.kind = MESSAGE_SETTINGS});
}

void net_set_idle_timeout(net *in, uint32_t idle_timeout_ms)
{
    atomic_store_explicit(&in->idle_timeout_ms, idle_timeout_ms, memory_order_relaxed);
    workers_look(in);
}

void net_set_request_bytes_max(net *in, size_t request_bytes_max)
{
    bool fits = request_bytes_max != 0 && request_bytes_max <= NET_REQUEST_BYTES;
    uint32_t bytes = fits ? (uint32_t)request_bytes_max : NET_REQUEST_BYTES;
    atomic_store_explicit(&in->request_bytes_max, bytes, memory_order_relaxed);
    workers_look(in);
}

/* Connections inherit it from the socket that accepts them. */
void net_set_keepalive(net *in, uint32_t keepalive_ms)
{
    for (unsigned i = 0; i < in->options.workers; i++)
        for (size_t at = 0; at < in->workers[i].listener_count; at++)
            listener_keepalive(in->workers[i].listeners[at].fd, keepalive_ms);
}

bool net_kill_client(net *in, uint64_t session_id)
{
    bool asked = true; /* any worker may have it */
    for (unsigned i = 0; i < in->options.workers; i++) {
        message what = {.kind = MESSAGE_KILL, .id = session_id};
        asked = mailbox_post(&in->workers[i].mailbox, what) && asked;
    }
    return asked;
}
