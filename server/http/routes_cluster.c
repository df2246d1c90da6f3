/*
 * routes_cluster.c - /api/cluster: members, ring, how far each peer is behind; orders.
 *
 * A node that is alone answers as a cluster of one, with enabled: false.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/cluster.h"
#include "http/http_private.h"
#include "http/http_values.h"

static const char *state_text(cluster_state state)
{
    static const char *const texts[] = {"forming", "ok", "partial"};
    return (size_t)state < sizeof texts / sizeof texts[0] ? texts[state] : "unknown";
}

/* Clustered, but nothing is known yet.  True: answered. */
static bool forming(http_exchange *x, const cluster_view *view)
{
    if (view != NULL || !cluster_enabled(exchange_node(x))) return false;
    exchange_error(x, 503, "CLUSTER_FORMING", "the cluster is not formed yet");
    return true;
}

/* ---- status ---- */

static void put_figures(json_out *out, const cluster_figures *figures)
{
    put_uint_as(out, "waiting", figures->waiting);
    put_uint_as(out, "asked", figures->asked);
    put_uint_as(out, "timeouts", figures->timeouts);
    put_uint_as(out, "refused_hello", figures->refused_hello);
    put_uint_as(out, "bad_frames", figures->bad_frames);
}

static void put_view(json_out *out, const cluster_view *view)
{
    put_string_as(out, "state", state_text(view->state));
    put_bool_as(out, "ready", view->ready);
    put_bool_as(out, "moving", view->moving);
    put_uint_as(out, "epoch", view->epoch);
    char topology[17];
    (void)snprintf(topology, sizeof topology, "%016llx", (unsigned long long)view->topology);
    put_string_as(out, "topology", topology);
    put_uint_as(out, "replicas", view->replicas);
    put_uint_as(out, "slots_served", view->slots_served);
    put_uint_as(out, "members", view->member_count);
    put_uint_as(out, "health", view->health);
}

static void get_status(http_exchange *x)
{
    node *on = exchange_node(x);
    const cluster_view *view = cluster_view_acquire(on);
    cluster_figures figures;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_bool_as(out, "enabled", cluster_enabled(on));
    put_string_as(out, "node_id", on->options.node_id);
    if (view != NULL) {
        (void)cluster_figures_get(on, &figures, NULL, 0);
        put_view(out, view);
        put_figures(out, &figures);
    } else if (cluster_enabled(on)) {
        put_string_as(out, "state", "forming");
        put_bool_as(out, "ready", false);
    } else {
        put_string_as(out, "state", "ok");
        put_bool_as(out, "ready", true);
        put_bool_as(out, "moving", false);
        put_uint_as(out, "replicas", 1);
        put_uint_as(out, "slots_served", HC_RING_SLOTS);
        put_uint_as(out, "members", 1);
    }
    put_end(out);
    cluster_view_release(view);
}

/* ---- members ---- */

static void put_member(json_out *out, const cluster_member *one)
{
    put_object(out);
    put_string_as(out, "id", one->id);
    put_string_as(out, "host", one->host);
    put_bool_as(out, "is_self", one->is_self);
    put_string_as(out, "state", cluster_state_word(one->is.state));
    put_string_as(out, "ring", cluster_ring_word(one->is.ring));
    put_uint_as(out, "resp_port", one->is.resp_port);
    put_uint_as(out, "http_port", one->is.http_port);
    put_uint_as(out, "weight", one->is.weight);
    put_string_as(out, "zone", one->is.zone);
    put_bool_as(out, "ready", one->is.ready);
    put_bool_as(out, "linked", one->linked);
    put_bool_as(out, "agrees", one->agrees);
    put_uint_as(out, "since_ms", (uint64_t)one->since_ms);
    put_uint_as(out, "slots_acting", one->slots_acting);
    put_uint_as(out, "slots_held", one->slots_held);
    put_uint_as(out, "synced_blocks", one->synced_blocks);
    put_uint_as(out, "incarnation", one->is.incarnation);
    put_end(out);
}

/* The one member of a node that is alone. */
static void put_self(json_out *out, http_exchange *x)
{
    const node *on = exchange_node(x);
    put_object(out);
    put_string_as(out, "id", on->run_id);
    put_string_as(out, "node_id", on->options.node_id);
    put_string_as(out, "host", "");
    put_bool_as(out, "is_self", true);
    put_string_as(out, "state", "alive");
    put_uint_as(out, "since_ms", (uint64_t)on->started_ms);
    put_uint_as(out, "slots_acting", HC_RING_SLOTS);
    put_uint_as(out, "slots_held", HC_RING_SLOTS);
    put_end(out);
}

static void get_members(http_exchange *x)
{
    const cluster_view *view = cluster_view_acquire(exchange_node(x));
    if (forming(x, view)) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_array_as(out, "members");
    for (size_t i = 0; view != NULL && i < view->member_count; i++)
        put_member(out, &view->members[i]);
    if (view == NULL) put_self(out, x);
    put_end(out);
    put_end(out);
    cluster_view_release(view);
}

/* ---- ring ---- */

static void put_holders(json_out *out, const char *name, const cluster_view *view,
                        const uint16_t *holders, size_t count)
{
    put_array_as(out, name);
    for (size_t i = 0; i < count; i++)
        if (holders[i] < view->member_count) put_string(out, view->members[holders[i]].id);
    put_end(out);
}

static void put_range(json_out *out, const cluster_view *view, const cluster_range *range)
{
    put_object(out);
    put_uint_as(out, "first", range->first);
    put_uint_as(out, "last", range->last);
    put_key(out, "acting");
    if (range->acting < view->member_count)
        put_string(out, view->members[range->acting].id);
    else
        put_null(out);
    put_holders(out, "holders", view, range->holders, range->holder_count);
    if (range->next_count > 0) put_holders(out, "next", view, range->next, range->next_count);
    put_end(out);
}

static void get_ring(http_exchange *x)
{
    const node *on = exchange_node(x);
    const cluster_view *view = cluster_view_acquire(exchange_node(x));
    if (forming(x, view)) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_uint_as(out, "slots", HC_RING_SLOTS);
    put_array_as(out, "ranges");
    for (size_t i = 0; view != NULL && i < view->range_count; i++)
        put_range(out, view, &view->ranges[i]);
    if (view == NULL) {
        put_object(out);
        put_uint_as(out, "first", 0);
        put_uint_as(out, "last", HC_RING_SLOTS - 1);
        put_string_as(out, "acting", on->run_id);
        put_array_as(out, "holders");
        put_string(out, on->run_id);
        put_end(out);
        put_end(out);
    }
    put_end(out);
    put_end(out);
    cluster_view_release(view);
}

/* ---- lag ---- */

static void put_lag(json_out *out, const cluster_view *view, const cluster_peer_figures *one)
{
    char id[CLUSTER_ID_CHARS + 1];
    cluster_id_text(&one->id, id);
    put_object(out);
    put_string_as(out, "source", view->members[0].id);
    put_string_as(out, "target", id);
    put_uint_as(out, "lag_ms", one->lag_ms);
    put_key(out, "seconds");
    put_seconds(out, (int64_t)one->lag_ms);
    put_uint_as(out, "queue_bytes", one->queue_bytes);
    put_uint_as(out, "hinted_slots", one->hinted_slots);
    put_uint_as(out, "link_queue_bytes", one->link_queue_bytes);
    put_uint_as(out, "sent_bytes", one->sent_bytes);
    put_uint_as(out, "received_bytes", one->received_bytes);
    put_uint_as(out, "connects", one->connects);
    put_uint_as(out, "dropped", one->dropped);
    put_int_as(out, "clock_offset_ms", one->clock_offset_ms);
    put_end(out);
}

static void get_lag(http_exchange *x)
{
    node *on = exchange_node(x);
    const cluster_view *view = cluster_view_acquire(on);
    cluster_figures figures;
    if (forming(x, view)) return;
    size_t most = view != NULL ? view->member_count : 0;
    cluster_peer_figures *peers = calloc(most + 1, sizeof *peers);
    if (peers == NULL) {
        cluster_view_release(view);
        exchange_error(x, 507, NULL, "no memory for this response");
        return;
    }
    size_t count = view != NULL ? cluster_figures_get(on, &figures, peers, most) : 0;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_array_as(out, "lag");
    for (size_t i = 0; i < count && i < most; i++)
        put_lag(out, view, &peers[i]);
    put_end(out);
    put_end(out);
    free(peers);
    cluster_view_release(view);
}

/* ---- orders ---- */

static void order_respond(http_exchange *x, hc_status status)
{
    if (status == HC_ERR_UNSUPPORTED) {
        exchange_error(x, 409, "NO_CLUSTER", "this node is in no cluster; see cluster.enabled");
    } else if (status == HC_ERR_INVALID) {
        exchange_error(x, 400, NULL, "an address is \"10.0.0.1:7946\" or \"[fe80::1]:7946\"");
    } else if (status == HC_ERR_LIMIT) {
        exchange_error(x, 429, "BUSY", "too many such orders wait");
    } else if (status != HC_OK) {
        exchange_error(x, 500, NULL, "%s", hc_status_text(status));
    } else {
        json_out *out = exchange_json(x, 202);
        put_object(out);
        put_string_as(out, "status", "begun");
        put_end(out);
    }
}

static void post_leave(http_exchange *x)
{
    order_respond(x, cluster_leave(exchange_node(x)));
}

static void post_join(http_exchange *x)
{
    json_t *body = body_object(x);
    if (body == NULL) return;
    const json_t *address = json_object_get(body, "address");
    if (json_is_string(address))
        order_respond(x, cluster_meet(exchange_node(x), hc_span_make(json_string_value(address),
                                                                     json_string_length(address))));
    else
        exchange_error(x, 400, NULL, "\"address\" is a text");
    json_decref(body);
}

static const http_route rows[] = {
    {HTTP_GET, "/api/cluster/status", get_status, 0, "State of the cluster as this node sees it",
     NULL, NULL, "200"},
    {HTTP_GET, "/api/cluster/members", get_members, 0, "Who is in it", NULL, NULL, "200 503"},
    {HTTP_GET, "/api/cluster/ring", get_ring, 0, "Who serves and holds which slots", NULL, NULL,
     "200 503"},
    {HTTP_GET, "/api/cluster/lag", get_lag, 0, "How far each peer is behind this node", NULL, NULL,
     "200 503"},
    {HTTP_POST, "/api/cluster/leave", post_leave, HTTP_ROUTE_ADMIN,
     "Gives this node's slots to the others and leaves", NULL, NULL, "202 403 409 429"},
    {HTTP_POST, "/api/cluster/join", post_join, HTTP_ROUTE_ADMIN | HTTP_ROUTE_JSON,
     "Contacts a node of the cluster", NULL, "{\"address\": \"10.0.0.1:7946\"}",
     "202 400 403 409 415 429"},
};

const http_route_set http_routes_cluster = {rows, sizeof rows / sizeof rows[0], NULL};
