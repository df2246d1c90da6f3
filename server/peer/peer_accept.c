/*
 * peer_accept.c - streams from others: a greeting within PEER_GREETING_MS_MAX, then frames.
 *
 * What a frame claims to hold is believed only as it arrives, up to PEER_FRAME_BYTES_MAX; anything
 * else ends the stream.  A node has one stream to us: the newer ends the older, so that nothing
 * overtakes.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer/peer_private.h"

enum {
    ACCEPTS_PER_TURN = 16,
    READ_BYTES_MAX = 1 << 18,
    READS_PER_TURN = 8,
    LIBEVENT_READ_BYTES = 4096
};

static void accepted_end(peer_accepted *a)
{
    peer *of = a->in;
    if (a->next != NULL) a->next->previous = a->previous;
    if (a->previous != NULL)
        a->previous->next = a->next;
    else
        of->accepted = a->next;
    of->accepted_count--;
    bufferevent_free(a->stream);
    free(a);
}

static void refused_count(peer *of, uint64_t *which)
{
    (void)pthread_mutex_lock(&of->lock);
    (*which)++;
    (void)pthread_mutex_unlock(&of->lock);
}

/* ---- greeting ---- */

static void older_end(const peer_accepted *a)
{
    peer_accepted *next;
    for (peer_accepted *one = a->in->accepted; one != NULL; one = next) {
        next = one->next;
        bool same = one->greeted && memcmp(&one->node, &a->node, sizeof a->node) == 0;
        if (same && one != a) accepted_end(one);
    }
}

/* False: the stream is to end. */
static bool greeting_take(peer_accepted *a, struct evbuffer *in)
{
    peer *of = a->in;
    uint8_t bytes[PEER_GREETING_BYTES];
    peer_greeting from, own;
    if (evbuffer_remove(in, bytes, sizeof bytes) != (int)sizeof bytes ||
        !peer_greeting_read(bytes, &from)) {
        refused_count(of, &of->bad_frames);
        return false;
    }
    peer_greeting_own(of, &own);
    own.verdict = (uint16_t)peer_greeting_judge(&from, &own);
    bool welcome = own.verdict == PEER_WELCOME;
    peer_greeting_write(bytes, &own);
    (void)bufferevent_write(a->stream, bytes, sizeof bytes);
    if (!welcome) {
        refused_count(of, &of->refused_hello);
        (void)evbuffer_drain(in, evbuffer_get_length(in));
        (void)bufferevent_disable(a->stream, EV_READ); /* it ends when that is sent, or too late */
        return true;
    }
    a->greeted = true;
    a->node = from.node;
    a->boot_id = from.boot_id;
    a->address = from.address;
    bufferevent_set_timeouts(a->stream, NULL, NULL);
    older_end(a);
    return true;
}

/* ---- frames ---- */

static void received_count(peer *of, const hc_node_id *from, size_t bytes)
{
    for (size_t i = 0; i < of->route_count; i++) {
        if (memcmp(&of->routes[i].node, from, sizeof *from) != 0) continue;
        of->routes[i].received_bytes += bytes;
        return;
    }
}

static void frame_take(peer_accepted *a, unsigned kind, hc_span message)
{
    peer *of = a->in;
    peer_trace(of, peer_frame_topic(kind), "receive", &a->address, message.size);
    if (kind == PEER_FRAME_MEMBERS) {
        if (message.size > HC_MEMBERSHIP_MESSAGE_BYTES_MAX) return;
        (void)hc_membership_receive(of->members, peer_now_ns(of), &a->address, true, message);
    } else if (kind == PEER_FRAME_REPLICA) {
        (void)pthread_mutex_lock(&of->lock);
        received_count(of, &a->node, message.size + PEER_FRAME_HEAD_BYTES);
        of->receiving_ns = peer_now_ns(of);
        (void)hc_replica_receive(of->replica, peer_now(of), message);
        (void)pthread_mutex_unlock(&of->lock);
    }
}

/* What the replica is told by a node of which it was not told yet would be lost: the stream stands
 * still until membership has heard of that life of it, or PEER_STRANGER_MS have passed. */
static bool is_stranger(peer_accepted *a)
{
    peer *of = a->in;
    const hc_member *m = hc_membership_find(of->members, &a->node);
    bool known = m != NULL && m->boot_id >= a->boot_id && !of->members_changed;
    if (known) {
        a->waits_since_ns = 0;
        return false;
    }
    uint64_t now_ns = peer_now_ns(of);
    if (a->waits_since_ns == 0) a->waits_since_ns = now_ns;
    return now_ns - a->waits_since_ns < PEER_STRANGER_MS * PEER_NS_PER_MS;
}

/* 1: one was taken; 0: none is whole, or it has to wait; -1: it was none. */
static int frame_next(peer_accepted *a, struct evbuffer *in)
{
    uint8_t head[PEER_FRAME_HEAD_BYTES];
    unsigned kind;
    size_t bytes;
    if (evbuffer_copyout(in, head, sizeof head) != (ev_ssize_t)sizeof head) return 0;
    if (!peer_frame_read(head, &kind, &bytes)) return -1;
    if (evbuffer_get_length(in) < sizeof head + bytes) return 0;
    if (kind == PEER_FRAME_REPLICA && is_stranger(a)) return 0;
    const uint8_t *all = evbuffer_pullup(in, (ev_ssize_t)(sizeof head + bytes));
    if (all == NULL) return -1; /* no memory: it will come again */
    frame_take(a, kind, hc_span_make(all + sizeof head, bytes));
    (void)evbuffer_drain(in, sizeof head + bytes);
    return 1;
}

/* libevent reads 4 KiB at a time, which a stream of megabytes notices: what else is there is taken
 * here.  The end, or an error, is left for libevent to find. */
static void more_read(const peer_accepted *a, struct evbuffer *in)
{
    if (a->in->options.dress != NULL) return; /* its bytes are not those of the socket */
    (void)evbuffer_unfreeze(in, 0);
    for (unsigned i = 0; i < READS_PER_TURN; i++) {
        struct evbuffer_iovec room;
        if (evbuffer_get_length(in) > PEER_FRAME_BYTES_MAX) break;
        if (evbuffer_reserve_space(in, READ_BYTES_MAX, &room, 1) != 1) break;
        ssize_t got =
            recv(bufferevent_getfd(a->stream), room.iov_base, READ_BYTES_MAX, MSG_DONTWAIT);
        room.iov_len = got > 0 ? (size_t)got : 0;
        (void)evbuffer_commit_space(in, &room, 1);
        if (got < (ssize_t)READ_BYTES_MAX) break;
    }
    (void)evbuffer_freeze(in, 0);
}

/* All that came together is answered together. */
static void batch(peer *of, bool begins)
{
    (void)pthread_mutex_lock(&of->lock);
    if (begins)
        hc_replica_batch_begin(of->replica);
    else
        hc_replica_batch_end(of->replica, peer_now(of));
    (void)pthread_mutex_unlock(&of->lock);
}

static void on_readable(struct bufferevent *stream, void *ctx)
{
    peer_accepted *a = ctx;
    peer *of = a->in;
    struct evbuffer *in = bufferevent_get_input(stream);
    if (evbuffer_get_length(in) >= LIBEVENT_READ_BYTES) more_read(a, in);
    if (!a->greeted) {
        if (evbuffer_get_length(in) < PEER_GREETING_BYTES) return;
        if (!greeting_take(a, in)) {
            accepted_end(a);
            return;
        }
        if (!a->greeted) return;
    }
    int taken;
    batch(of, true);
    while ((taken = frame_next(a, in)) > 0)
        continue;
    batch(of, false);
    if (taken < 0) {
        refused_count(of, &of->bad_frames);
        accepted_end(a);
    }
    peer_links_flush(of); /* answers, at once */
    peer_turn_soon(of);
}

void peer_accepted_look(peer *of)
{
    peer_accepted *next;
    for (peer_accepted *a = of->accepted; a != NULL; a = next) {
        next = a->next;
        if (a->waits_since_ns != 0) on_readable(a->stream, a);
    }
}

static void on_sent(struct bufferevent *stream, void *ctx)
{
    peer_accepted *a = ctx;
    if ((bufferevent_get_enabled(stream) & EV_READ) == 0) accepted_end(a); /* it was refused */
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    peer_accepted *a = ctx;
    (void)stream;
    if ((what & BEV_EVENT_CONNECTED) == 0) accepted_end(a); /* else: its dress is on */
}

static void accepted_make(peer *of, int fd)
{
    struct timeval late = {.tv_sec = PEER_GREETING_MS_MAX / 1000};
    int one = 1;
    peer_accepted *a = of->accepted_count < PEER_ACCEPTED_MAX ? calloc(1, sizeof *a) : NULL;
    struct bufferevent *stream = a != NULL ? peer_stream(of, fd, true) : NULL;
    if (stream == NULL) {
        free(a);
        (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    a->in = of;
    a->stream = stream;
    a->next = of->accepted;
    if (a->next != NULL) a->next->previous = a;
    of->accepted = a;
    of->accepted_count++;
    bufferevent_setcb(stream, on_readable, on_sent, on_event, a);
    bufferevent_set_timeouts(stream, &late, &late);
    (void)bufferevent_set_max_single_read(stream, READ_BYTES_MAX);
    bufferevent_setwatermark(stream, EV_READ, 0, PEER_FRAME_BYTES_MAX + PEER_FRAME_HEAD_BYTES);
    if (bufferevent_enable(stream, EV_READ | EV_WRITE) != 0) accepted_end(a);
}

static void on_acceptable(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got < 0) return;
        accepted_make(ctx, got);
    }
}

hc_status peer_accept_start(peer *of)
{
    of->acceptable = event_new(of->base, of->tcp, EV_READ | EV_PERSIST, on_acceptable, of);
    if (of->acceptable == NULL) return HC_ERR_NO_MEMORY;
    return event_add(of->acceptable, NULL) == 0 ? HC_OK : HC_ERR_IO;
}

void peer_accept_stop(peer *of)
{
    if (of->acceptable != NULL) event_free(of->acceptable);
    of->acceptable = NULL;
    for (peer_accepted *a = of->accepted, *next; a != NULL; a = next) {
        next = a->next;
        accepted_end(a);
    }
}
