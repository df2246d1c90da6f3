/*
 * debug_inspect.c - DEBUG's looks inside: one key's record, shards, filter buckets, owners,
 * members, queues.  Nothing changes, and no use of a key is counted.
 *
 * Keys are looked for in the store that the client has selected, on this node, whoever owns them.
 */
#include "command/debug_private.h"

#include <stdlib.h>

#include "command/cluster.h"

enum { LAYERS_SHOWN_MAX = HC_FILTER_LAYERS_MAX };

/* ---- the store ---- */

bool debug_look(request *of, hc_item *item_out, hc_inspection *in_out)
{
    hc_store *store = of->session->store;
    hc_span key = of->args[2];
    *in_out = (hc_inspection){.size = sizeof *in_out};
    if (hc_store_stat(store, key, item_out) == HC_OK &&
        hc_store_inspect(store, key, in_out) == HC_OK)
        return true;
    request_error(of, ERROR_NO_KEY);
    return false;
}

void debug_record(request *of)
{
    hc_item item;
    hc_inspection in;
    if (!debug_look(of, &item, &in)) return;
    const debug_figure figures[] = {
        {"shard", in.shard},
        {"segment", in.segment},
        {"segment_offset", in.segment_offset},
        {"segment_used_bytes", in.segment_used_bytes},
        {"segment_live_bytes", in.segment_live_bytes},
        {"bucket_first", in.bucket_first},
        {"bucket_second", in.bucket_second},
        {"bucket", in.bucket},
        {"slot", in.slot},
        {"uses", in.use},
        {"memory_bytes", in.memory_bytes},
        {"header_bytes", in.header_bytes},
        {"key_bytes", in.key_bytes},
        {"value_bytes", in.value_bytes},
        {"stored_bytes", in.stored_bytes},
        {"extent_bytes", in.extent_bytes},
        {"extent_references", in.extent_references},
        {"expires_at_ms", (uint64_t)in.expires_at_ms},
    };
    of->reply->ops->map(of->reply, DEBUG_COUNT(figures) + 4);
    tell_text(of->reply, "type", type_name(in.type));
    tell_text(of->reply, "segment_state", in.segment_state);
    tell_text(of->reply, "segment_class", in.segment_class);
    tell_flag(of->reply, "stashed", in.bucket == HC_INSPECTION_STASH);
    tell_figures(of->reply, figures, DEBUG_COUNT(figures));
}

static void tell_shard(reply *to, uint32_t number, const hc_shard_inspection *in)
{
    const debug_figure figures[] = {
        {"shard", number},
        {"keys", in->keys},
        {"live_bytes", in->live_bytes},
        {"used_bytes", in->used_bytes},
        {"segments", in->segments},
        {"segments_free", in->segments_free},
        {"segments_open", in->segments_open},
        {"segments_sealed", in->segments_sealed},
        {"segments_victim", in->segments_victim},
        {"buckets", in->buckets},
        {"index_slots", in->index_slots},
        {"stashed", in->stashed},
        {"displaced", in->displaced},
        {"evicted", in->evicted},
        {"expired", in->expired},
        {"cleaned_segments", in->cleaned_segments},
    };
    to->ops->map(to, DEBUG_COUNT(figures) + 1);
    tell_figures(to, figures, DEBUG_COUNT(figures));
    reply_text(to, HC_SPAN("index_load"));
    to->ops->real(to, in->index_slots > 0 ? (double)in->keys / (double)in->index_slots : 0);
}

void debug_shards(request *of)
{
    hc_store *store = of->session->store;
    uint32_t count = 0;
    hc_shard_inspection in = {.size = sizeof in};
    while (count < HC_STORE_SHARDS_MAX && hc_store_inspect_shard(store, count, &in) == HC_OK)
        count++;
    of->reply->ops->array(of->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        (void)hc_store_inspect_shard(store, i, &in); /* shards never go */
        tell_shard(of->reply, i, &in);
    }
}

static void tell_bucket(reply *to, const hc_filter_place *place, unsigned which)
{
    to->ops->map(to, 2);
    tell_figures(to, &(debug_figure){"bucket", place->buckets[which]}, 1);
    reply_text(to, HC_SPAN("fingerprints"));
    to->ops->array(to, 4);
    for (unsigned slot = 0; slot < 4; slot++)
        to->ops->integer(to, place->slots[which][slot]);
}

static void tell_layer(reply *to, const hc_filter_place *place)
{
    to->ops->map(to, 2);
    tell_figures(to, &(debug_figure){"fingerprint", place->fingerprint}, 1);
    reply_text(to, HC_SPAN("buckets"));
    to->ops->array(to, 2);
    tell_bucket(to, place, 0);
    tell_bucket(to, place, 1);
}

void debug_filter(request *of)
{
    hc_filter_place places[LAYERS_SHOWN_MAX];
    hc_filter_inspection in = {.size = sizeof in};
    if (hc_store_inspect_filter(of->session->store, of->args[2], places, LAYERS_SHOWN_MAX, &in) !=
        HC_OK) {
        of->reply->ops->null(of->reply);
        return;
    }
    of->reply->ops->map(of->reply, 4);
    tell_figures(of->reply, &(debug_figure){"shard", in.shard}, 1);
    tell_flag(of->reply, "covers", in.covers);
    tell_flag(of->reply, "contains", in.contains);
    reply_text(of->reply, HC_SPAN("layers"));
    of->reply->ops->array(of->reply, in.layers);
    for (uint32_t i = 0; i < in.layers; i++)
        tell_layer(of->reply, &places[i]);
}

/* ---- the cluster ---- */

static void tell_holders(reply *to, const char *name, const cluster_view *view,
                         const uint16_t *members, size_t count)
{
    reply_text(to, hc_span_make(name, strlen(name)));
    to->ops->array(to, count);
    for (size_t i = 0; i < count; i++) {
        const char *id = members[i] < view->member_count ? view->members[members[i]].id : "";
        reply_text(to, hc_span_make(id, strlen(id)));
    }
}

static void tell_range(reply *to, const cluster_view *view, const cluster_range *range,
                       uint32_t slot)
{
    const debug_figure figures[] = {
        {"slot", slot}, {"first_slot", range->first}, {"last_slot", range->last}};
    bool served = range->acting < view->member_count;
    to->ops->map(to, DEBUG_COUNT(figures) + 4);
    tell_figures(to, figures, DEBUG_COUNT(figures));
    tell_text(to, "owner", served ? view->members[range->acting].id : "");
    tell_flag(to, "is_self", served && view->members[range->acting].is_self);
    tell_holders(to, "holders", view, range->holders, range->holder_count);
    tell_holders(to, "next_holders", view, range->next, range->next_count);
}

/* Alone, this node owns everything. */
static void tell_owner_alone(request *of, uint32_t slot)
{
    const debug_figure figures[] = {
        {"slot", slot}, {"first_slot", 0}, {"last_slot", HC_RING_SLOTS - 1}};
    hc_span self = hc_span_make(of->node->run_id, strlen(of->node->run_id));
    of->reply->ops->map(of->reply, DEBUG_COUNT(figures) + 4);
    tell_figures(of->reply, figures, DEBUG_COUNT(figures));
    tell_text(of->reply, "owner", of->node->run_id);
    tell_flag(of->reply, "is_self", true);
    reply_text(of->reply, HC_SPAN("holders"));
    of->reply->ops->array(of->reply, 1);
    reply_text(of->reply, self);
    reply_text(of->reply, HC_SPAN("next_holders"));
    of->reply->ops->array(of->reply, 0);
}

static bool is_forming(request *of, const cluster_view *view)
{
    if (view != NULL || !cluster_enabled(of->node)) return false;
    request_error(of, "LOADING this node is not in its cluster yet");
    return true;
}

void debug_owner(request *of)
{
    uint32_t slot = hc_ring_slot(of->args[2]);
    const cluster_view *view = cluster_view_acquire(of->node);
    if (is_forming(of, view)) return;
    if (view == NULL) {
        tell_owner_alone(of, slot);
        return;
    }
    size_t at = 0;
    while (at + 1 < view->range_count && view->ranges[at].last < slot)
        at++;
    if (at < view->range_count)
        tell_range(of->reply, view, &view->ranges[at], slot);
    else
        request_error(of, "LOADING this node knows no ring yet");
    cluster_view_release(view);
}

static void tell_member(reply *to, const cluster_member *one)
{
    const debug_figure figures[] = {
        {"incarnation", one->is.incarnation},   {"weight", one->is.weight},
        {"resp_port", one->is.resp_port},       {"http_port", one->is.http_port},
        {"cluster_port", one->is.address.port}, {"since_ms", (uint64_t)one->since_ms},
        {"slots_acting", one->slots_acting},    {"slots_held", one->slots_held},
        {"synced_blocks", one->synced_blocks},
    };
    to->ops->map(to, DEBUG_COUNT(figures) + 9);
    tell_text(to, "id", one->id);
    tell_text(to, "host", one->host);
    tell_text(to, "state", cluster_state_word(one->is.state));
    tell_text(to, "ring", cluster_ring_word(one->is.ring));
    tell_text(to, "zone", one->is.zone);
    tell_flag(to, "is_self", one->is_self);
    tell_flag(to, "ready", one->is.ready);
    tell_flag(to, "linked", one->linked);
    tell_flag(to, "agrees", one->agrees);
    tell_figures(to, figures, DEBUG_COUNT(figures));
}

void debug_members(request *of)
{
    const cluster_view *view = cluster_view_acquire(of->node);
    if (is_forming(of, view)) return;
    size_t count = view != NULL ? view->member_count : 0;
    of->reply->ops->array(of->reply, count);
    for (size_t i = 0; i < count; i++)
        tell_member(of->reply, &view->members[i]);
    cluster_view_release(view);
}

static void tell_queue(reply *to, const cluster_peer_figures *one)
{
    char id[CLUSTER_ID_CHARS + 1];
    const debug_figure figures[] = {
        {"queue_bytes", one->queue_bytes},
        {"lag_ms", one->lag_ms},
        {"hinted_slots", one->hinted_slots},
        {"link_queue_bytes", one->link_queue_bytes},
        {"sent_bytes", one->sent_bytes},
        {"received_bytes", one->received_bytes},
        {"connects", one->connects},
        {"dropped", one->dropped},
        {"clock_offset_ms", (uint64_t)one->clock_offset_ms},
    };
    cluster_id_text(&one->id, id);
    to->ops->map(to, DEBUG_COUNT(figures) + 1);
    tell_text(to, "id", id);
    tell_figures(to, figures, DEBUG_COUNT(figures));
}

void debug_queues(request *of)
{
    cluster_figures figures;
    size_t most = cluster_figures_get(of->node, &figures, NULL, 0);
    cluster_peer_figures *peers = calloc(most + 1, sizeof *peers);
    if (peers == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    size_t count = cluster_figures_get(of->node, &figures, peers, most);
    if (count > most) count = most; /* one more has joined since */
    of->reply->ops->array(of->reply, count);
    for (size_t i = 0; i < count; i++)
        tell_queue(of->reply, &peers[i]);
    free(peers);
}
