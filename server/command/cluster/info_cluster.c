/* info_cluster.c - INFO cluster, and what INFO replication says of one: the view and the figures of
 * cluster.h as lines. */
#include <inttypes.h>
#include <stdlib.h>

#include "command/cluster.h"
#include "command/info_sections.h"

enum { PEERS_SHOWN_MAX = 128 };

static void print_members(text *to, const cluster_view *view)
{
    for (size_t i = 0; i < view->member_count && i < PEERS_SHOWN_MAX; i++) {
        const cluster_member *m = &view->members[i];
        text_printf(to,
                    "member%zu:id=%s,host=%s,port=%u,cluster_port=%u,state=%s,ring=%s,ready=%d,"
                    "linked=%d,agrees=%d,slots=%" PRIu32 ",held=%" PRIu32 "\r\n",
                    i, m->id, m->host, m->is.resp_port, m->is.address.port,
                    cluster_state_word(m->is.state), cluster_ring_word(m->is.ring), m->is.ready,
                    m->linked, m->agrees, m->slots_acting, m->slots_held);
    }
}

static void print_peers(text *to, const cluster_peer_figures *peers, size_t count)
{
    for (size_t i = 0; i < count && i < PEERS_SHOWN_MAX; i++) {
        char id[CLUSTER_ID_CHARS + 1];
        const cluster_peer_figures *p = &peers[i];
        cluster_id_text(&p->id, id);
        text_printf(to,
                    "peer%zu:id=%s,lag_ms=%" PRIu64 ",queue_bytes=%" PRIu64 ",hinted_slots=%" PRIu64
                    ",link_queue_bytes=%" PRIu64 ",sent_bytes=%" PRIu64 ",received_bytes=%" PRIu64
                    ",connects=%" PRIu64 ",dropped=%" PRIu64 ",clock_offset_ms=%" PRId64 "\r\n",
                    i + 1, id, p->lag_ms, p->queue_bytes, p->hinted_slots, p->link_queue_bytes,
                    p->sent_bytes, p->received_bytes, p->connects, p->dropped, p->clock_offset_ms);
    }
}

static void print_replica(text *to, const hc_replica_stats *r)
{
    text_printf(to,
                "cluster_requests:%" PRIu64 "\r\ncluster_proxied:%" PRIu64
                "\r\ncluster_writes_applied:%" PRIu64 "\r\ncluster_writes_refused:%" PRIu64
                "\r\ncluster_conflicts_resolved:%" PRIu64 "\r\ncluster_queue_bytes:%" PRIu64
                "\r\ncluster_hinted_slots:%" PRIu64 "\r\ncluster_repair_rounds:%" PRIu64
                "\r\ncluster_repaired_keys:%" PRIu64 "\r\ncluster_stubs:%" PRIu64 "\r\n",
                r->requests, r->proxied, r->applied, r->refused, r->resolved, r->queue_bytes,
                r->dirty_slots, r->repair_rounds, r->repaired, r->stubs);
    text_printf(to,
                "cluster_synced_blocks:%" PRIu64 "\r\ncluster_held_blocks:%" PRIu64
                "\r\ncluster_clock_skew_ms:%" PRId64 "\r\ncluster_clock_quarantined:%u\r\n",
                r->synced_blocks, r->held_blocks, r->skew_ms, r->quarantined);
}

void info_copies(text *to, node *of)
{
    const cluster_view *view = cluster_view_acquire(of);
    if (view == NULL) return;
    size_t linked = 0;
    for (size_t i = 1; i < view->member_count; i++)
        linked += view->members[i].linked;
    cluster_figures figures;
    cluster_peer_figures peers[PEERS_SHOWN_MAX];
    size_t count = cluster_figures_get(of, &figures, peers, PEERS_SHOWN_MAX);
    uint64_t lag_ms = 0;
    for (size_t i = 0; i < count && i < PEERS_SHOWN_MAX; i++)
        if (peers[i].lag_ms > lag_ms) lag_ms = peers[i].lag_ms;
    text_printf(
        to,
        "hypercache_copies:%" PRIu32 "\r\nhypercache_peers:%zu\r\nhypercache_peers_linked:%zu\r\n"
        "hypercache_replication_lag_ms:%" PRIu64 "\r\nhypercache_replication_queue_bytes:%" PRIu64
        "\r\n",
        view->replicas, view->member_count - 1, linked, lag_ms, figures.replica.queue_bytes);
    cluster_view_release(view);
}

void info_cluster(text *to, node *of)
{
    static const char *const states[] = {"forming", "ok", "partial"};
    text_printf(to, "cluster_enabled:%d\r\n", cluster_enabled(of));
    const cluster_view *view = cluster_view_acquire(of);
    if (view == NULL) return;
    text_printf(
        to,
        "cluster_state:%s\r\ncluster_ready:%d\r\ncluster_moving:%d\r\ncluster_epoch:%" PRIu64
        "\r\ncluster_topology:%016" PRIx64 "\r\ncluster_slots_served:%" PRIu32
        "\r\ncluster_known_nodes:%zu\r\n"
        "cluster_replicas:%" PRIu32 "\r\ncluster_health:%u\r\n",
        states[view->state], view->ready, view->moving, view->epoch, view->topology,
        view->slots_served, view->member_count, view->replicas, view->health);
    print_members(to, view);
    cluster_view_release(view);
    cluster_figures figures;
    cluster_peer_figures *peers = calloc(PEERS_SHOWN_MAX, sizeof *peers);
    size_t count = cluster_figures_get(of, &figures, peers, peers != NULL ? PEERS_SHOWN_MAX : 0);
    if (peers != NULL) print_peers(to, peers, count);
    free(peers);
    print_replica(to, &figures.replica);
    text_printf(to,
                "cluster_waiting:%" PRIu64 "\r\ncluster_uncertain:%" PRIu64
                "\r\ncluster_links_refused:%" PRIu64 "\r\ncluster_bad_frames:%" PRIu64
                "\r\ncluster_bad_datagrams:%" PRIu64 "\r\ncluster_probes:%" PRIu64
                "\r\ncluster_probes_failed:%" PRIu64 "\r\ncluster_deaths:%" PRIu64 "\r\n",
                figures.waiting, figures.timeouts, figures.refused_hello, figures.bad_frames,
                figures.datagrams_bad, figures.membership.probes, figures.membership.probes_failed,
                figures.membership.deaths);
}
