/*
 * peer_link.c - streams to others.
 *
 *     IDLE --something to say--> CONNECTING --socket--> GREETING --WELCOME--> OPEN
 *      ^                             |                     |                   |
 *      |                             +---- refused, late, broken, not welcome -+
 *      +--nothing is queued----- WAITING (backs off: 20 ms, 40 ms .. 2 s, and a third of chance)
 *
 * Messages are queued under peer.lock, by any thread, and handed to the socket by the cluster's
 * thread as the socket takes them; when a link breaks what it held is lost, which membership and
 * replica are made for.  A node that is refused twice in a row where one was is told to membership.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer/peer_private.h"

static void link_connect(peer_link *link);

/* ---- queueing; under the lock ---- */

void peer_link_queue(peer_link *link, peer_frame_kind kind, hc_span message)
{
    uint8_t head[PEER_FRAME_HEAD_BYTES];
    size_t queued = evbuffer_get_length(link->queue);
    bool fits = message.size <= PEER_FRAME_BYTES_MAX &&
                queued + sizeof head + message.size <= PEER_LINK_QUEUE_BYTES_MAX;
    if (!fits || evbuffer_expand(link->queue, sizeof head + message.size) != 0) {
        link->dropped++;
        return;
    }
    peer_frame_write(head, kind, message.size);
    (void)evbuffer_add(link->queue, head, sizeof head); /* there is room */
    (void)evbuffer_add(link->queue, message.data, message.size);
    link->in->outgoing = true;
    peer_trace(link->in, peer_frame_topic(kind), "send", &link->to, message.size);
}

static peer_link *link_find(const peer *of, const hc_address *to)
{
    for (size_t i = 0; i < of->link_count; i++) {
        if (peer_address_same(&of->links[i]->to, to)) return of->links[i];
    }
    return NULL;
}

peer_link *peer_link_to(peer *of, const hc_address *to)
{
    peer_link *link = link_find(of, to);
    if (link != NULL || of->link_count == PEER_LINKS_MAX) return link;
    link = calloc(1, sizeof *link);
    if (link == NULL) return NULL;
    link->queue = evbuffer_new();
    if (link->queue == NULL) {
        free(link);
        return NULL;
    }
    link->in = of;
    link->to = *to;
    link->backoff_ms = PEER_BACKOFF_MS_MIN;
    of->links[of->link_count++] = link;
    return link;
}

void peer_link_send(peer *of, const hc_address *to, peer_frame_kind kind, hc_span message)
{
    peer_link *link = peer_link_to(of, to);
    if (link != NULL) peer_link_queue(link, kind, message);
}

bool peer_links_empty(const peer *of)
{
    for (size_t i = 0; i < of->link_count; i++) {
        const peer_link *link = of->links[i];
        if (link->open && (link->socket_bytes > 0 || evbuffer_get_length(link->queue) > 0))
            return false;
    }
    return true;
}

/* ---- the stream ---- */

static void timer_set(peer_link *link, uint32_t ms)
{
    struct timeval in = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    (void)event_add(link->timer, &in);
}

static void stream_end(peer_link *link)
{
    peer *of = link->in;
    if (link->stream != NULL) bufferevent_free(link->stream);
    link->stream = NULL;
    (void)pthread_mutex_lock(&of->lock);
    (void)evbuffer_drain(link->queue, evbuffer_get_length(link->queue));
    link->open = false;
    link->socket_bytes = 0;
    (void)pthread_mutex_unlock(&of->lock);
}

static void link_failed(peer_link *link)
{
    bool was_open = link->state == LINK_OPEN;
    stream_end(link);
    link->state = LINK_WAITING;
    if (was_open) { /* it may be there again, or its machine may say at once that it is not */
        link->backoff_ms = PEER_BACKOFF_MS_MIN;
        timer_set(link, PEER_TICK_MS_MIN);
        return;
    }
    uint32_t chance;
    evutil_secure_rng_get_bytes(&chance, sizeof chance);
    timer_set(link, link->backoff_ms + chance % (link->backoff_ms / 3 + 1));
    link->backoff_ms =
        link->backoff_ms * 2 < PEER_BACKOFF_MS_MAX ? link->backoff_ms * 2 : PEER_BACKOFF_MS_MAX;
}

/* Nobody listens there: whoever was there is gone. */
static void link_refused(peer_link *link)
{
    peer *of = link->in;
    size_t count = hc_membership_count(of->members);
    for (size_t i = 1; i < count; i++) {
        const hc_member *m = hc_membership_at(of->members, i);
        if (!peer_address_same(&m->address, &link->to) || m->state > HC_MEMBER_SUSPECT) continue;
        hc_node_id gone = m->id;
        hc_membership_refused(of->members, peer_now_ns(of), &gone);
        peer_turn_soon(of);
        return;
    }
}

static void stream_fill(peer_link *link)
{
    peer *of = link->in;
    struct evbuffer *out = bufferevent_get_output(link->stream);
    (void)pthread_mutex_lock(&of->lock);
    size_t given = evbuffer_get_length(out);
    if (given < PEER_SOCKET_BYTES_MAX) {
        int moved = evbuffer_remove_buffer(link->queue, out, PEER_SOCKET_BYTES_MAX - given);
        if (moved > 0) link->sent_bytes += (uint64_t)moved;
    }
    link->socket_bytes = evbuffer_get_length(out);
    (void)pthread_mutex_unlock(&of->lock);
}

static void on_taken(struct bufferevent *stream, void *ctx)
{
    peer_link *link = ctx;
    (void)stream;
    if (link->state == LINK_OPEN) stream_fill(link);
}

static void welcome_take(peer_link *link, const peer_greeting *from)
{
    static const char *const why[] = {"", "it is of another cluster, or its secret differs",
                                      "it speaks another version", "it is this node itself",
                                      "it has too many links"};
    peer *of = link->in;
    char address[PEER_ADDRESS_CHARS];
    peer_greeting own;
    peer_greeting_own(of, &own);
    unsigned verdict = from->verdict;
    if (verdict == PEER_WELCOME) verdict = peer_greeting_judge(from, &own);
    if (verdict != PEER_WELCOME) {
        peer_address_text(&link->to, address);
        if (link->backoff_ms == PEER_BACKOFF_MS_MIN && verdict != PEER_MYSELF)
            peer_log(of, HC_LOG_WARN, HC_TOPIC_GOSSIP, "link", "a node was not linked with",
                     (peer_fact){.name = "address", .text = address},
                     (peer_fact){.name = "reason", .text = why[verdict > 4 ? 4 : verdict]});
        link_failed(link);
        return;
    }
    link->state = LINK_OPEN;
    link->backoff_ms = PEER_BACKOFF_MS_MIN;
    (void)event_del(link->timer);
    (void)pthread_mutex_lock(&of->lock);
    link->open = true;
    link->node = from->node;
    link->node_known = true;
    link->connects++;
    (void)pthread_mutex_unlock(&of->lock);
    stream_fill(link);
}

static void on_readable(struct bufferevent *stream, void *ctx)
{
    peer_link *link = ctx;
    uint8_t bytes[PEER_GREETING_BYTES];
    peer_greeting from;
    struct evbuffer *in = bufferevent_get_input(stream);
    if (evbuffer_get_length(in) < sizeof bytes) return;
    bool greets = link->state == LINK_GREETING &&
                  evbuffer_remove(in, bytes, sizeof bytes) == (int)sizeof bytes &&
                  peer_greeting_read(bytes, &from);
    if (greets)
        welcome_take(link, &from);
    else
        link_failed(link); /* an acceptor says nothing else */
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    peer_link *link = ctx;
    peer *of = link->in;
    uint8_t bytes[PEER_GREETING_BYTES];
    peer_greeting own;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        int one = 1;
        unsigned silent_ms = PEER_SILENT_MS_MAX;
        (void)setsockopt(bufferevent_getfd(stream), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        /* After a cut TCP waits twice as long each time before it tries again: a new stream is
         * there sooner. */
        (void)setsockopt(bufferevent_getfd(stream), IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms,
                         sizeof silent_ms);
        peer_greeting_own(of, &own);
        peer_greeting_write(bytes, &own);
        link->state = LINK_GREETING;
        if (bufferevent_write(stream, bytes, sizeof bytes) != 0 ||
            bufferevent_enable(stream, EV_READ | EV_WRITE) != 0)
            link_failed(link);
        return;
    }
    bool refused = link->state == LINK_CONNECTING && errno == ECONNREFUSED;
    link_failed(link);
    if (refused) link_refused(link);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    peer_link *link = ctx;
    (void)fd, (void)what;
    if (link->state == LINK_WAITING) {
        link->state = LINK_IDLE;
        if (link->wanted) link_connect(link);
    } else if (link->state == LINK_CONNECTING || link->state == LINK_GREETING) {
        link_failed(link); /* too late */
    }
}

struct bufferevent *peer_stream(const peer *of, int fd, bool accepted)
{
    const peer_options *o = &of->options;
    if (o->dress != NULL) return o->dress(o->dress_ctx, of->base, fd, accepted);
    return bufferevent_socket_new(of->base, fd, BEV_OPT_CLOSE_ON_FREE);
}

static void link_connect(peer_link *link)
{
    peer *of = link->in;
    struct sockaddr_storage to;
    socklen_t bytes = peer_sockaddr(of, &link->to, &to);
    if (link->timer == NULL) link->timer = evtimer_new(of->base, on_timer, link);
    if (link->timer == NULL || bytes == 0) return;
    link->state = LINK_CONNECTING;
    link->stream = peer_stream(of, -1, false);
    if (link->stream == NULL) {
        link_failed(link);
        return;
    }
    bufferevent_setcb(link->stream, on_readable, on_taken, on_event, link);
    (void)bufferevent_set_max_single_write(link->stream, PEER_SOCKET_BYTES_MAX);
    bufferevent_setwatermark(link->stream, EV_WRITE, PEER_SOCKET_BYTES_MAX / 2, 0);
    timer_set(link, PEER_SILENT_MS_MAX);
    if (bufferevent_socket_connect(link->stream, (struct sockaddr *)&to, (int)bytes) != 0 &&
        link->state == LINK_CONNECTING)
        link_failed(link);
}

/* ---- all of them ---- */

void peer_links_flush(peer *of)
{
    (void)pthread_mutex_lock(&of->lock);
    of->outgoing = false;
    size_t count = of->link_count;
    (void)pthread_mutex_unlock(&of->lock);
    for (size_t i = 0; i < count; i++) { /* links are never removed while the thread runs */
        peer_link *link = of->links[i];
        if (link->state == LINK_OPEN) {
            stream_fill(link);
        } else if (link->state == LINK_IDLE) {
            (void)pthread_mutex_lock(&of->lock);
            bool speaks = evbuffer_get_length(link->queue) > 0;
            (void)pthread_mutex_unlock(&of->lock);
            if (speaks || link->wanted) link_connect(link);
        }
    }
}

void peer_links_destroy(peer *of)
{
    for (size_t i = 0; i < of->link_count; i++) {
        peer_link *link = of->links[i];
        if (link->stream != NULL) bufferevent_free(link->stream);
        if (link->timer != NULL) event_free(link->timer);
        evbuffer_free(link->queue);
        free(link);
    }
    of->link_count = 0;
    free(of->routes);
    of->routes = NULL;
    of->route_count = 0;
}

static uint64_t received_before(const peer *of, const hc_node_id *who)
{
    for (size_t i = 0; i < of->route_count; i++) {
        if (memcmp(&of->routes[i].node, who, sizeof *who) == 0) return of->routes[i].received_bytes;
    }
    return 0;
}

void peer_routes_renew(peer *of)
{
    size_t count = hc_membership_count(of->members), used = 0;
    peer_route *routes = calloc(count + 1, sizeof *routes);
    if (routes == NULL) return; /* those before serve still */
    for (size_t i = 0; i < of->link_count; i++)
        of->links[i]->wanted = false;
    for (size_t i = 1; i < count; i++) {
        const hc_member *m = hc_membership_at(of->members, i);
        peer_link *link = m->state < HC_MEMBER_LEFT ? peer_link_to(of, &m->address) : NULL;
        if (link == NULL) continue;
        link->wanted = m->state <= HC_MEMBER_SUSPECT;
        routes[used++] = (peer_route){
            .node = m->id, .link = link, .received_bytes = received_before(of, &m->id)};
    }
    free(of->routes);
    of->routes = routes;
    of->route_count = used;
    of->outgoing = true;
}
