/*
 * peer_address.c - addresses: of the cluster (IPv6, with IPv4 mapped into it) and of sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer/peer_private.h"

enum { PORT_TRIES = 16, LISTEN_BACKLOG = 128, GOSSIP_RECEIVE_BYTES = 1 << 20 };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool is_v4(const hc_address *address)
{
    return memcmp(address->ip, mapped, sizeof mapped) == 0;
}

bool peer_address_same(const hc_address *a, const hc_address *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool peer_address_is_any(const hc_address *address)
{
    for (size_t i = is_v4(address) ? sizeof mapped : 0; i < sizeof address->ip; i++) {
        if (address->ip[i] != 0) return false;
    }
    return true;
}

socklen_t peer_sockaddr(const peer *of, const hc_address *from, struct sockaddr_storage *to)
{
    memset(to, 0, sizeof *to);
    if (of->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)to;
        if (!is_v4(from)) return 0;
        in->sin_family = AF_INET;
        in->sin_port = htons(from->port);
        memcpy(&in->sin_addr, from->ip + sizeof mapped, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)to;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(from->port);
    memcpy(&in6->sin6_addr, from->ip, sizeof from->ip);
    return sizeof *in6;
}

void peer_address_of(const struct sockaddr *from, hc_address *to)
{
    memset(to, 0, sizeof *to);
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
        memcpy(to->ip, mapped, sizeof mapped);
        memcpy(to->ip + sizeof mapped, &in->sin_addr, 4);
        to->port = ntohs(in->sin_port);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;
        memcpy(to->ip, &in6->sin6_addr, sizeof to->ip);
        to->port = ntohs(in6->sin6_port);
    }
}

void peer_address_text(const hc_address *address, char text[PEER_ADDRESS_CHARS])
{
    char host[CLUSTER_HOST_CHARS];
    cluster_host_text(address, host);
    (void)snprintf(text, PEER_ADDRESS_CHARS, is_v4(address) ? "%s:%u" : "[%s]:%u", host,
                   address->port);
}

/* ---- sockets ---- */

static int socket_open(const peer *of, int type, const hc_address *at)
{
    struct sockaddr_storage bound;
    int one = 1, off = 0, receive = GOSSIP_RECEIVE_BYTES;
    int fd = socket(of->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (type == SOCK_STREAM) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (type == SOCK_DGRAM) (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    if (of->family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    socklen_t bytes = peer_sockaddr(of, at, &bound);
    bool ok = bind(fd, (struct sockaddr *)&bound, bytes) == 0 &&
              (type != SOCK_STREAM || listen(fd, LISTEN_BACKLOG) == 0);
    if (ok) return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage bound;
    socklen_t bytes = sizeof bound;
    hc_address address = {.port = 0};
    if (getsockname(fd, (struct sockaddr *)&bound, &bytes) == 0)
        peer_address_of((struct sockaddr *)&bound, &address);
    return address.port;
}

/* One number for both: when the system chooses, what it chose for TCP may be taken for UDP. */
static bool sockets_try(peer *of, hc_address at)
{
    of->tcp = socket_open(of, SOCK_STREAM, &at);
    if (of->tcp < 0) return false;
    at.port = of->port = port_of(of->tcp);
    of->udp = socket_open(of, SOCK_DGRAM, &at);
    if (of->udp >= 0) return true;
    int error = errno;
    (void)close(of->tcp);
    of->tcp = -1;
    errno = error;
    return false;
}

/* The address of the first interface that is none of this machine alone. */
static bool address_find(const peer *of, hc_address *out)
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) != 0) return false;
    for (struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
        bool fits = one->ifa_addr != NULL && (one->ifa_flags & IFF_LOOPBACK) == 0 &&
                    (one->ifa_flags & IFF_UP) != 0 && one->ifa_addr->sa_family == of->family;
        if (!fits) continue;
        peer_address_of(one->ifa_addr, out);
        found = !(out->ip[0] == 0xFE && (out->ip[1] & 0xC0) == 0x80); /* no link-local one */
    }
    freeifaddrs(all);
    return found;
}

hc_status peer_sockets_open(peer *of, char *why, size_t why_bytes)
{
    const peer_options *o = &of->options;
    hc_address at;
    if (!cluster_host_parse(o->bind, &at)) {
        (void)snprintf(why, why_bytes, "%s is no numeric address", o->bind);
        return HC_ERR_INVALID;
    }
    of->family = is_v4(&at) ? AF_INET : AF_INET6;
    at.port = o->port;
    bool open = false;
    for (unsigned i = 0; !open && i < (o->port == 0 ? PORT_TRIES : 1); i++)
        open = sockets_try(of, at);
    if (!open) {
        int error = errno;
        (void)snprintf(why, why_bytes, "cannot use port %u of %s for the cluster: %s", o->port,
                       o->bind, strerror(error));
        return error == EADDRINUSE ? HC_ERR_EXISTS : HC_ERR_IO;
    }
    of->address = at;
    bool known = !peer_address_is_any(&at);
    if (o->advertise[0] != '\0')
        known = cluster_host_parse(o->advertise, &of->address);
    else if (!known)
        known = address_find(of, &of->address);
    of->address.port = of->port;
    if (known) return HC_OK;
    (void)snprintf(why, why_bytes,
                   "network.advertise: which address others find this node at is "
                   "not known");
    return HC_ERR_INVALID;
}
