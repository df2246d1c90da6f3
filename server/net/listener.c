/*
 * listener.c - listening sockets and accepting.
 *
 * Each worker listens by itself on every address; the kernel spreads new connections among them
 * (SO_REUSEPORT).  Socket options that every connection needs are set on the listener: Linux hands
 * them down, which saves calls at each accept.
 *
 * When descriptors run out, accept fails while the listener stays readable; to wait instead of
 * spinning, it is left alone for ACCEPT_BACKOFF_MS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/net_private.h"

#define BACKLOG 511

void address_text(const struct sockaddr_storage *address, char text[SESSION_ADDRESS_CHARS])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        (void)snprintf(text, SESSION_ADDRESS_CHARS, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        (void)snprintf(text, SESSION_ADDRESS_CHARS, "%s:%u", host, ntohs(in->sin_port));
    }
}

static bool options_set(int fd, int family, bool shared)
{
    int on = 1;
    return (family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

void listener_keepalive(int fd, uint32_t keepalive_ms)
{
    int on = keepalive_ms != 0, seconds = (int)((keepalive_ms + 999) / 1000);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (on) (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
}

int listener_socket(const struct sockaddr_storage *address, bool shared)
{
    int family = address->ss_family;
    socklen_t bytes = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (options_set(fd, family, shared) &&
        bind(fd, (const struct sockaddr *)(const void *)address, bytes) == 0 &&
        (!shared || listen(fd, BACKLOG) == 0))
        return fd;
    int why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

static void client_reject(worker *w, int fd, bool http)
{
    static const char text[] = "-ERR max number of clients reached\r\n";
    static const char http_text[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (http)
        (void)send(fd, http_text, sizeof http_text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        (void)send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
    node_count(&w->counters->connections_rejected, 1);
}

static void http_open(worker *w, int fd, const struct sockaddr_storage *from)
{
    char address[SESSION_ADDRESS_CHARS] = "", local_address[SESSION_ADDRESS_CHARS] = "";
    struct sockaddr_storage local = {0};
    socklen_t local_bytes = sizeof local;
    address_text(from, address);
    if (getsockname(fd, (struct sockaddr *)&local, &local_bytes) == 0)
        address_text(&local, local_address);
    w->net->options.http_calls->accept(w->http, fd, address, local_address);
}

static void client_accept(listener *on, int fd, const struct sockaddr_storage *from)
{
    worker *w = on->worker;
    net *in = w->net;
    unsigned open = atomic_fetch_add_explicit(&in->connections, 1, memory_order_relaxed);
    if (open >= atomic_load_explicit(&in->clients_max, memory_order_relaxed)) {
        atomic_fetch_sub_explicit(&in->connections, 1, memory_order_relaxed);
        client_reject(w, fd, on->http);
        return;
    }
    node_count(&w->counters->connections, 1);
    if (on->http)
        http_open(w, fd, from);
    else
        connection_open(w, fd, from);
}

/* Whether accept failed for want of something, rather than of a client. */
static bool is_shortage(int why)
{
    return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

static void listener_pause(listener *on)
{
    const hc_host *host = on->worker->net->options.host;
    struct timeval pause = timeval_of_ms(ACCEPT_BACKOFF_MS);
    if (!on->short_of_descriptors)
        net_log(host, HC_LOG_WARN, "accept", "cannot accept clients for now",
                (net_fact){.name = "error", .text = strerror(errno)}, NET_NO_FACT);
    on->short_of_descriptors = true;
    (void)event_del(&on->acceptable);
    (void)event_add(&on->retry, &pause);
}

static void on_retry(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    listener *on = ctx;
    (void)event_add(&on->acceptable, NULL);
}

static void on_acceptable(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    listener *on = ctx;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t bytes = sizeof from;
        int client = accept4(fd, (struct sockaddr *)&from, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            on->short_of_descriptors = false;
            client_accept(on, client, &from);
        } else if (is_shortage(errno)) {
            listener_pause(on);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } /* else that client is gone again: next */
    }
}

hc_status listener_open(listener *on, worker *of, int fd, bool http)
{
    *on = (listener){.worker = of, .fd = fd, .http = http};
    (void)event_assign(&on->acceptable, of->base, fd, EV_READ | EV_PERSIST, on_acceptable, on);
    (void)evtimer_assign(&on->retry, of->base, on_retry, on);
    return event_add(&on->acceptable, NULL) == 0 ? HC_OK : HC_ERR_IO;
}

void listener_close(listener *on)
{
    (void)event_del(&on->acceptable);
    (void)event_del(&on->retry);
    (void)close(on->fd);
}
