/*
 * cluster_commands.c - CLUSTER, and what clients say before they go from node to node.
 *
 * All is read from the view (cluster.h).  Every node is shown as the master of the slots it serves,
 * and none as a replica: clients that keep roles apart lose the nodes whose role changes, and here
 * it does with every failure.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_answers.h"
#include "command/command_text.h"
#include "command/handlers.h"

enum { NODES_BYTES_MAX = 4 << 20 };

void cluster_unknown_node(request *of, hc_span id)
{
    int bytes = id.size < 128 ? (int)id.size : 128;
    request_errorf(of, "ERR Unknown node %.*s", bytes, (const char *)id.data);
}

const cluster_view *cluster_view_for(request *of)
{
    if (!cluster_enabled(of->node)) {
        request_error(of, "ERR This instance has cluster support disabled");
        return NULL;
    }
    const cluster_view *view = cluster_view_acquire(of->node);
    if (view == NULL) request_error(of, "LOADING this node is not in its cluster yet");
    return view;
}

static void reply_string(reply *to, const char *string)
{
    reply_text(to, hc_span_make(string, strlen(string)));
}

static void answer_text(request *of, text *said)
{
    if (said->failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        of->reply->ops->verbatim(of->reply, text_span(said));
    text_fini(said);
}

static bool is_down(const cluster_member *member)
{
    return member->is.state == HC_MEMBER_DEAD || member->is.state == HC_MEMBER_LEFT;
}

/* ---- ranges of slots that one member serves ---- */

typedef struct served {
    uint16_t first, last, member;
} served;

/* The next one behind `at`, whose `last` is UINT16_MAX before the first. */
static bool served_next(const cluster_view *view, served *at)
{
    uint32_t slot = at->last == UINT16_MAX ? 0 : at->last + 1u;
    while (slot < HC_RING_SLOTS && view->acting[slot] == CLUSTER_NOBODY)
        slot++;
    if (slot >= HC_RING_SLOTS) return false;
    at->first = (uint16_t)slot;
    at->member = view->acting[slot];
    while (slot + 1 < HC_RING_SLOTS && view->acting[slot + 1] == at->member)
        slot++;
    at->last = (uint16_t)slot;
    return true;
}

#define SERVED_FIRST ((served){.last = UINT16_MAX})

static size_t served_count(const cluster_view *view, size_t member)
{
    size_t count = 0;
    for (served s = SERVED_FIRST; served_next(view, &s);)
        count += member == view->member_count || s.member == member;
    return count;
}

void run_cluster_slots(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    const reply_ops *ops = of->reply->ops;
    of->session->knows_slots = true;
    ops->array(of->reply, served_count(view, view->member_count));
    for (served s = SERVED_FIRST; served_next(view, &s);) {
        const cluster_member *m = &view->members[s.member];
        ops->array(of->reply, 3);
        ops->integer(of->reply, s.first);
        ops->integer(of->reply, s.last);
        ops->array(of->reply, 4);
        reply_string(of->reply, m->host);
        ops->integer(of->reply, m->is.resp_port);
        reply_string(of->reply, m->id);
        ops->array(of->reply, 0);
    }
    cluster_view_release(view);
}

static void answer_shard(request *of, const cluster_view *view, size_t member)
{
    const reply_ops *ops = of->reply->ops;
    const cluster_member *m = &view->members[member];
    ops->map(of->reply, 2);
    reply_string(of->reply, "slots");
    ops->array(of->reply, 2 * served_count(view, member));
    for (served s = SERVED_FIRST; served_next(view, &s);) {
        if (s.member != member) continue;
        ops->integer(of->reply, s.first);
        ops->integer(of->reply, s.last);
    }
    reply_string(of->reply, "nodes");
    ops->array(of->reply, 1);
    ops->map(of->reply, 7);
    reply_string(of->reply, "id");
    reply_string(of->reply, m->id);
    reply_string(of->reply, "port");
    ops->integer(of->reply, m->is.resp_port);
    reply_string(of->reply, "ip");
    reply_string(of->reply, m->host);
    reply_string(of->reply, "endpoint");
    reply_string(of->reply, m->host);
    reply_string(of->reply, "role");
    reply_string(of->reply, "master");
    reply_string(of->reply, "replication-offset");
    ops->integer(of->reply, 0);
    reply_string(of->reply, "health");
    reply_string(of->reply, is_down(m) ? "fail" : m->is.ready ? "online" : "loading");
}

void run_cluster_shards(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    of->session->knows_slots = true;
    of->reply->ops->array(of->reply, view->member_count);
    for (size_t i = 0; i < view->member_count; i++)
        answer_shard(of, view, i);
    cluster_view_release(view);
}

void run_cluster_nodes(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    text said;
    text_init(&said, NODES_BYTES_MAX);
    of->session->knows_slots = true;
    for (size_t i = 0; i < view->member_count; i++) {
        const cluster_member *m = &view->members[i];
        const char *doubt = is_down(m) ? ",fail" : m->is.state == HC_MEMBER_SUSPECT ? ",fail?" : "";
        text_printf(&said, "%s %s:%u@%u %smaster%s - 0 %" PRId64 " %" PRIu64 " %s", m->id, m->host,
                    m->is.resp_port, m->is.address.port, m->is_self ? "myself," : "", doubt,
                    m->since_ms, view->epoch,
                    m->is_self || m->linked ? "connected" : "disconnected");
        for (served s = SERVED_FIRST; served_next(view, &s);) {
            if (s.member != i) continue;
            text_printf(&said, s.first == s.last ? " %u" : " %u-%u", s.first, s.last);
        }
        text_add(&said, "\n", 1);
    }
    cluster_view_release(view);
    answer_text(of, &said);
}

/* ---- what this node knows ---- */

static const char *state_word(const cluster_view *view)
{
    return view->state == CLUSTER_OK ? "ok" : "fail";
}

void run_cluster_info(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_figures figures;
    (void)cluster_figures_get(of->node, &figures, NULL, 0);
    uint32_t doubtful = 0, serving = 0;
    for (size_t i = 0; i < view->member_count; i++) {
        const cluster_member *m = &view->members[i];
        if (m->is.state == HC_MEMBER_SUSPECT) doubtful += m->slots_acting;
        serving += m->slots_acting > 0;
    }
    text said;
    text_init(&said, NODES_BYTES_MAX);
    text_printf(&said,
                "cluster_enabled:1\r\ncluster_state:%s\r\ncluster_slots_assigned:%u\r\n"
                "cluster_slots_ok:%u\r\ncluster_slots_pfail:%u\r\ncluster_slots_fail:%u\r\n",
                state_word(view), HC_RING_SLOTS, view->slots_served - doubtful, doubtful,
                HC_RING_SLOTS - view->slots_served);
    text_printf(&said,
                "cluster_known_nodes:%zu\r\ncluster_size:%u\r\ncluster_current_epoch:%" PRIu64
                "\r\ncluster_my_epoch:%" PRIu64 "\r\ncluster_topology:%016" PRIx64 "\r\n",
                view->member_count, serving, view->epoch, view->epoch, view->topology);
    text_printf(&said,
                "cluster_stats_messages_sent:%" PRIu64
                "\r\ncluster_stats_messages_received:%" PRIu64
                "\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n",
                figures.membership.sent, figures.membership.received);
    cluster_view_release(view);
    answer_text(of, &said);
}

void run_cluster_myid(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    reply_string(of->reply, view->members[0].id);
    cluster_view_release(view);
}

static void answer_link(request *of, const cluster_member *member, uint64_t waiting)
{
    const reply_ops *ops = of->reply->ops;
    ops->map(of->reply, 6);
    reply_string(of->reply, "direction");
    reply_string(of->reply, "to");
    reply_string(of->reply, "node");
    reply_string(of->reply, member->id);
    reply_string(of->reply, "create-time");
    ops->integer(of->reply, member->since_ms);
    reply_string(of->reply, "events");
    reply_string(of->reply, waiting > 0 ? "rw" : "r");
    reply_string(of->reply, "send-buffer-allocated");
    ops->integer(of->reply, (int64_t)waiting);
    reply_string(of->reply, "send-buffer-used");
    ops->integer(of->reply, (int64_t)waiting);
}

void run_cluster_links(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_figures figures;
    cluster_peer_figures *peers = calloc(view->member_count, sizeof *peers);
    size_t known =
        peers == NULL ? 0 : cluster_figures_get(of->node, &figures, peers, view->member_count);
    if (known > view->member_count) known = view->member_count;
    size_t linked = 0;
    for (size_t i = 1; i < view->member_count; i++)
        linked += view->members[i].linked;
    of->reply->ops->array(of->reply, linked);
    for (size_t i = 1; i < view->member_count; i++) {
        const cluster_member *m = &view->members[i];
        uint64_t waiting = 0;
        for (size_t p = 0; p < known; p++)
            if (memcmp(&peers[p].id, &m->is.id, sizeof m->is.id) == 0)
                waiting = peers[p].link_queue_bytes;
        if (m->linked) answer_link(of, m, waiting);
    }
    free(peers);
    cluster_view_release(view);
}

void run_cluster_replicas(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    bool known = false;
    for (size_t i = 0; i < view->member_count; i++)
        known |= argument_is(of->args[2], view->members[i].id);
    cluster_view_release(view);
    if (known)
        of->reply->ops->array(of->reply, 0);
    else
        cluster_unknown_node(of, of->args[2]);
}
