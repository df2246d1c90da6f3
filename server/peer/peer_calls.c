/* peer_calls.c - what commands, HTTP and metrics ask of the cluster (command/cluster.h). */
#include <stdlib.h>
#include <string.h>

#include "peer/peer_private.h"

/* ---- requests ---- */

static void call_enter(void *ctx)
{
    peer *of = ctx;
    (void)pthread_mutex_lock(&of->lock);
    hc_replica_batch_begin(of->replica);
}

static void call_exit(void *ctx)
{
    peer *of = ctx;
    hc_replica_batch_end(of->replica, peer_now(of));
    bool outgoing = of->outgoing;
    (void)pthread_mutex_unlock(&of->lock);
    if (outgoing) peer_wake(of);
}

static hc_status call_ask(void *ctx, const hc_request *what)
{
    peer *of = ctx;
    hc_request q = *what;
    if (q.timeout_ms == 0 && q.value.size > PEER_LARGE_BYTES)
        q.timeout_ms = PEER_REQUEST_MS + (uint32_t)(q.value.size / PEER_LARGE_BYTES_PER_MS);
    hc_status status = hc_replica_request(of->replica, peer_now(of), &q);
    of->asked += status == HC_OK;
    return status;
}

static void call_scan(void *ctx, uint64_t *cursor, size_t count, hc_visit visit, void *visit_ctx)
{
    peer *of = ctx;
    (void)pthread_mutex_lock(&of->lock);
    hc_replica_scan(of->replica, peer_now(of), cursor, count, visit, visit_ctx);
    (void)pthread_mutex_unlock(&of->lock);
}

static bool call_has(void *ctx, hc_span key)
{
    peer *of = ctx;
    hc_replica_slot s = {.size = offsetof(hc_replica_slot, digest)};
    bool live;
    (void)pthread_mutex_lock(&of->lock);
    (void)hc_replica_version(of->replica, peer_now(of), key, &live);
    if (live) hc_replica_slot_get(of->replica, hc_ring_slot(key), &s);
    (void)pthread_mutex_unlock(&of->lock);
    return live && s.has_acting && memcmp(&s.acting, &of->identity.node, sizeof s.acting) == 0;
}

/* ---- figures ---- */

static const peer_route *route_of(const peer *of, const hc_node_id *who)
{
    for (size_t i = 0; i < of->route_count; i++) {
        if (memcmp(&of->routes[i].node, who, sizeof *who) == 0) return &of->routes[i];
    }
    return NULL;
}

static void peer_fill(peer *of, const hc_node_id *who, cluster_peer_figures *to)
{
    hc_replica_peer said = {.size = sizeof said};
    const peer_route *route = route_of(of, who);
    memset(to, 0, sizeof *to);
    to->id = *who;
    if (hc_replica_peer_get(of->replica, peer_now(of), who, &said) == HC_OK) {
        to->queue_bytes = said.queue_bytes;
        to->lag_ms = said.lag_ns / PEER_NS_PER_MS;
        to->hinted_slots = said.dirty_slots;
        to->clock_offset_ms = said.offset_ms;
    }
    if (route == NULL) return;
    to->link_queue_bytes = evbuffer_get_length(route->link->queue) + route->link->socket_bytes;
    to->sent_bytes = route->link->sent_bytes;
    to->received_bytes = route->received_bytes;
    to->connects = route->link->connects;
    to->dropped = route->link->dropped;
}

static size_t call_figures(void *ctx, cluster_figures *to, cluster_peer_figures *peers,
                           size_t peers_max)
{
    peer *of = ctx;
    const cluster_view *view = cluster_view_acquire(of->options.node);
    (void)pthread_mutex_lock(&of->lock);
    to->replica.size = sizeof to->replica;
    hc_replica_stats_get(of->replica, &to->replica);
    to->membership = of->membership_stats;
    to->asked = of->asked;
    to->waiting = of->asked - of->answered;
    to->timeouts = of->timeouts;
    to->refused_hello = of->refused_hello;
    to->bad_frames = of->bad_frames;
    to->datagrams_bad = of->datagrams_bad;
    size_t count = view != NULL && view->member_count > 0 ? view->member_count - 1 : 0;
    for (size_t i = 0; i < count && i < peers_max; i++)
        peer_fill(of, &view->members[i + 1].is.id, &peers[i]);
    (void)pthread_mutex_unlock(&of->lock);
    cluster_view_release(view);
    return count;
}

/* ---- orders ---- */

static hc_status order_post(peer *of, const peer_order *order)
{
    (void)pthread_mutex_lock(&of->orders_lock);
    bool fits = of->order_count < PEER_ORDERS_MAX;
    if (fits) of->orders[of->order_count++] = *order;
    (void)pthread_mutex_unlock(&of->orders_lock);
    if (!fits) return HC_ERR_LIMIT;
    peer_wake(of);
    return HC_OK;
}

static hc_status call_meet(void *ctx, const hc_address *address)
{
    return order_post(ctx, &(peer_order){.kind = ORDER_MEET, .address = *address});
}

static hc_status call_leave(void *ctx)
{
    return order_post(ctx, &(peer_order){.kind = ORDER_LEAVE});
}

static hc_status call_forget(void *ctx, const hc_node_id *who)
{
    peer *of = ctx;
    hc_status status = HC_ERR_NOT_FOUND;
    const cluster_view *view = cluster_view_acquire(of->options.node);
    for (size_t i = 0; view != NULL && i < view->member_count; i++) {
        const cluster_member *m = &view->members[i];
        if (memcmp(&m->is.id, who, sizeof *who) != 0) continue;
        bool alive = m->is_self || m->is.state <= HC_MEMBER_SUSPECT;
        status = alive ? HC_ERR_CONFLICT : HC_OK;
    }
    cluster_view_release(view);
    if (status != HC_OK) return status;
    return order_post(of, &(peer_order){.kind = ORDER_FORGET, .node = *who});
}

static void meet(peer *of, const hc_address *address)
{
    if (of->met_count == PEER_ORDERS_MAX) { /* the first one has had its time */
        memmove(of->met, of->met + 1, (PEER_ORDERS_MAX - 1) * sizeof *of->met);
        of->met_count--;
    }
    of->met[of->met_count++] = *address;
    peer_seeds_tell(of);
}

void peer_orders_take(peer *of)
{
    peer_order orders[PEER_ORDERS_MAX];
    uint64_t now_ns = peer_now_ns(of);
    (void)pthread_mutex_lock(&of->orders_lock);
    size_t count = of->order_count;
    memcpy(orders, of->orders, count * sizeof *orders);
    of->order_count = 0;
    (void)pthread_mutex_unlock(&of->orders_lock);
    for (size_t i = 0; i < count; i++) {
        if (orders[i].kind == ORDER_MEET) {
            meet(of, &orders[i].address);
        } else if (orders[i].kind == ORDER_FORGET) {
            (void)hc_membership_forget(of->members, now_ns, &orders[i].node);
        } else if (!of->leaving) {
            of->leaving = true;
            hc_membership_set_ring(of->members, now_ns, HC_RING_LEAVING);
            of->members_changed = true;
        }
    }
    if (count > 0) peer_turn_soon(of);
}

void peer_calls_attach(peer *of)
{
    cluster_attach(of->options.node,
                   &(cluster_calls){.ctx = of,
                                    .figures = call_figures,
                                    .scan = call_scan,
                                    .has = call_has,
                                    .meet = call_meet,
                                    .forget = call_forget,
                                    .leave = call_leave,
                                    .enter = call_enter,
                                    .exit = call_exit,
                                    .ask = call_ask,
                                    .reads = of->options.reads,
                                    .writes = of->options.writes,
                                    .default_ttl_ms = of->options.default_ttl_ms});
}
