/* peer_gossip.c - datagrams of membership: one socket, a bounded number of them a turn. */
#include <errno.h>

#include "peer/peer_private.h"

static void on_datagram(evutil_socket_t fd, short what, void *ctx)
{
    peer *of = ctx;
    (void)what;
    uint8_t bytes[HC_MEMBERSHIP_DATAGRAM_BYTES_MAX + 1];
    uint64_t bad = 0;
    for (unsigned i = 0; i < PEER_DATAGRAMS_PER_TURN; i++) {
        struct sockaddr_storage from;
        socklen_t from_bytes = sizeof from;
        hc_address address;
        ssize_t got = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_bytes);
        if (got < 0) break; /* none is left, or an error of an earlier send */
        peer_address_of((struct sockaddr *)&from, &address);
        peer_trace(of, HC_TOPIC_GOSSIP, "receive", &address, (size_t)got);
        hc_status status = (size_t)got > HC_MEMBERSHIP_DATAGRAM_BYTES_MAX
                               ? HC_ERR_CORRUPT
                               : hc_membership_receive(of->members, peer_now_ns(of), &address,
                                                       false, hc_span_make(bytes, (size_t)got));
        bad += status != HC_OK;
    }
    if (bad > 0) {
        (void)pthread_mutex_lock(&of->lock);
        of->datagrams_bad += bad;
        (void)pthread_mutex_unlock(&of->lock);
    }
    peer_turn_soon(of);
}

void peer_gossip_send(peer *of, const hc_address *to, hc_span message)
{
    struct sockaddr_storage address;
    socklen_t bytes = peer_sockaddr(of, to, &address);
    if (bytes == 0) return;
    peer_trace(of, HC_TOPIC_GOSSIP, "send", to, message.size);
    /* May be lost like any datagram. */
    (void)sendto(of->udp, message.data, message.size, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (struct sockaddr *)&address, bytes);
}

hc_status peer_gossip_start(peer *of)
{
    of->gossip = event_new(of->base, of->udp, EV_READ | EV_PERSIST, on_datagram, of);
    if (of->gossip == NULL) return HC_ERR_NO_MEMORY;
    return event_add(of->gossip, NULL) == 0 ? HC_OK : HC_ERR_IO;
}

void peer_gossip_stop(peer *of)
{
    if (of->gossip != NULL) event_free(of->gossip);
    of->gossip = NULL;
}
