/*
 * cluster_metrics.c - members, slots, and how far each peer is behind, as this node sees it.
 *
 * A node that is alone tells hypercache_cluster_enabled 0 and no more.  `source` and `target` are
 * ids of nodes, as CLUSTER NODES has them.
 */
#include <string.h>

#include "command/cluster.h"
#include "metrics/collectors.h"

#define PEERS_MAX 128u

GAUGE(enabled, "hypercache_cluster_enabled", NULL, "1 if the node is one of a cluster.");
GAUGE(state, "hypercache_cluster_state", NULL,
      "0 forming: nothing is served; 1 ok; 2 some slots have nobody who serves them.");
GAUGE(members, "hypercache_members", NULL, "Members by state, as this node sees them.");
GAUGE(served, "hypercache_slots_served", NULL, "Slots that somebody serves, of 16384.");
GAUGE(own, "hypercache_slots_own", NULL, "Slots that this node serves.");
GAUGE(ready, "hypercache_node_ready", NULL, "1 if the node has the data of all slots it holds.");
GAUGE(moving, "hypercache_ring_moving", NULL, "1 while members come or go.");
GAUGE(health, "hypercache_gossip_health", NULL,
      "0: well; up to 8: the node does not trust its own judgement of others.");
COUNTER(epoch, "hypercache_ring_changes", "Changes of the ring since the start.");
GAUGE(skew, "hypercache_clock_skew_seconds", "seconds",
      "This node's wall clock less the median of all.");
GAUGE(unconfirmed, "hypercache_replication_queue_bytes", "bytes",
      "Writes sent or to be sent, and not confirmed.");
GAUGE(hinted, "hypercache_hinted_slots", NULL, "Slots with writes that a peer missed.");
GAUGE(unsynced, "hypercache_unsynced_blocks", NULL, "Blocks whose data has not all arrived.");
COUNTER(proxied, "hypercache_proxied_requests", "Requests passed on to another node.");
COUNTER(applied, "hypercache_replicated_writes", "Writes of others that were applied.");
COUNTER(resolved, "hypercache_conflicts_resolved", "Of those: replaced another node's value.");
COUNTER(repairs, "hypercache_repair_rounds", "Comparisons with a peer.");
COUNTER(repaired, "hypercache_repaired_keys", "Keys sent because a peer lacked them.");
COUNTER(timeouts, "hypercache_cluster_timeouts",
        "Requests that ended without knowing whether they were applied.");
COUNTER(probes, "hypercache_gossip_probes", "Probes of members sent.");
COUNTER(probes_failed, "hypercache_gossip_probe_failures", "Of those: not answered.");
COUNTER(suspicions, "hypercache_gossip_suspicions", "Members suspected.");
COUNTER(deaths, "hypercache_gossip_deaths", "Members declared dead, or heard to be.");
GAUGE(lag, "hypercache_replication_lag_seconds", "seconds",
      "Age of the oldest write that the target has not confirmed.");
GAUGE(peer_queue, "hypercache_peer_queue_bytes", "bytes", "Bytes not yet taken by the link.");
COUNTER(peer_sent, "hypercache_peer_sent_bytes", "Bytes sent to the peer.");
COUNTER(peer_received, "hypercache_peer_received_bytes", "Bytes received from the peer.");
COUNTER(peer_dropped, "hypercache_peer_dropped_messages",
        "Messages dropped: no link, or its queue full.");
COUNTER(peer_connects, "hypercache_peer_connects", "Links made to the peer.");

static void tell_members(hc_metrics_page *page, const cluster_view *view)
{
    const hc_span names[] = {HC_SPAN("alive"), HC_SPAN("suspect"), HC_SPAN("dead"),
                             HC_SPAN("left")};
    uint64_t counts[sizeof names / sizeof *names] = {0};
    for (size_t i = 0; i < view->member_count; i++) {
        size_t at = (size_t)view->members[i].is.state;
        if (at < sizeof names / sizeof *names) counts[at]++;
    }
    hc_page_family(page, &members);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hc_metric_label label = {"state", names[i]};
        hc_page_count(page, &label, 1, counts[i]);
    }
}

static void tell_view(hc_metrics_page *page, const cluster_view *view)
{
    tell_count(page, &state, (uint64_t)view->state);
    tell_members(page, view);
    tell_count(page, &served, view->slots_served);
    tell_count(page, &own, view->member_count > 0 ? view->members[0].slots_acting : 0);
    tell_count(page, &ready, view->ready);
    tell_count(page, &moving, view->moving);
    tell_count(page, &health, view->health);
    tell_count(page, &epoch, view->epoch);
}

static void tell_figures(hc_metrics_page *page, const cluster_figures *f)
{
    const hc_replica_stats *r = &f->replica;
    tell_value(page, &skew, (double)r->skew_ms / 1000);
    tell_count(page, &unconfirmed, r->queue_bytes);
    tell_count(page, &hinted, r->dirty_slots);
    tell_count(page, &unsynced,
               r->held_blocks > r->synced_blocks ? r->held_blocks - r->synced_blocks : 0);
    tell_count(page, &proxied, r->proxied);
    tell_count(page, &applied, r->applied);
    tell_count(page, &resolved, r->resolved);
    tell_count(page, &repairs, r->repair_rounds);
    tell_count(page, &repaired, r->repaired);
    tell_count(page, &timeouts, f->timeouts);
    tell_count(page, &probes, f->membership.probes);
    tell_count(page, &probes_failed, f->membership.probes_failed);
    tell_count(page, &suspicions, f->membership.suspicions);
    tell_count(page, &deaths, f->membership.deaths);
}

typedef struct peers_told {
    hc_metrics_page *page;
    hc_span source;
    const cluster_peer_figures *peers;
    size_t count;
} peers_told;

/* A family with a series for each peer: the field at `offset`, in thousandths if `thousandths`. */
static void tell_peers(const peers_told *to, const hc_metric_family *family, size_t offset,
                       bool thousandths)
{
    hc_page_family(to->page, family);
    for (size_t i = 0; i < to->count; i++) {
        char target[CLUSTER_ID_CHARS + 1];
        uint64_t value;
        cluster_id_text(&to->peers[i].id, target);
        memcpy(&value, (const char *)&to->peers[i] + offset, sizeof value);
        hc_metric_label labels[] = {{"source", to->source},
                                    {"target", hc_span_make(target, CLUSTER_ID_CHARS)}};
        if (thousandths)
            hc_page_value(to->page, labels, 2, (double)value / 1000);
        else
            hc_page_count(to->page, labels, 2, value);
    }
}

void cluster_metrics(void *ctx, hc_metrics_page *page)
{
    node *of = ((exposition *)ctx)->options.node;
    tell_count(page, &enabled, cluster_enabled(of));
    const cluster_view *view = cluster_view_acquire(of);
    if (view == NULL) return;
    cluster_figures figures;
    cluster_peer_figures peers[PEERS_MAX];
    size_t count = cluster_figures_get(of, &figures, peers, PEERS_MAX);
    tell_view(page, view);
    tell_figures(page, &figures);
    const char *self = view->member_count > 0 ? view->members[0].id : "";
    peers_told to = {page, hc_span_make(self, strlen(self)), peers,
                     count < PEERS_MAX ? count : PEERS_MAX};
    tell_peers(&to, &lag, offsetof(cluster_peer_figures, lag_ms), true);
    tell_peers(&to, &peer_queue, offsetof(cluster_peer_figures, link_queue_bytes), false);
    tell_peers(&to, &peer_sent, offsetof(cluster_peer_figures, sent_bytes), false);
    tell_peers(&to, &peer_received, offsetof(cluster_peer_figures, received_bytes), false);
    tell_peers(&to, &peer_dropped, offsetof(cluster_peer_figures, dropped), false);
    tell_peers(&to, &peer_connects, offsetof(cluster_peer_figures, connects), false);
    cluster_view_release(view);
}
