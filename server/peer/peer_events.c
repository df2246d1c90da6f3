/*
 * peer_events.c - what of the cluster is worth an event: members that come and go, this node's
 * data, a split and its end; and, looked at once a second, conflicts, hints and the clock.
 */
#include "peer/peer_private.h"

void peer_tell_member(const peer *of, const hc_member *before, const hc_member *after)
{
    char id[CLUSTER_ID_CHARS + 1], address[PEER_ADDRESS_CHARS];
    const hc_member *m = after != NULL ? after : before;
    bool was_there = before != NULL && before->state <= HC_MEMBER_SUSPECT;
    bool is_there = after != NULL && after->state <= HC_MEMBER_SUSPECT;
    bool reborn = before != NULL && after != NULL && before->boot_id != after->boot_id;
    cluster_id_text(&m->id, id);
    peer_address_text(&m->address, address);
    peer_fact who = {.name = "member", .text = id}, where = {.name = "address", .text = address};
    if (before == NULL && is_there)
        peer_tell(of, HC_EVENT_NODE_JOINED, "a node was met", who, where);
    else if (is_there && (!was_there || reborn))
        peer_tell(of, HC_EVENT_NODE_REJOINED, "a node is back", who, where);
    else if (was_there && after != NULL && after->state == HC_MEMBER_LEFT)
        peer_tell(of, HC_EVENT_NODE_LEFT, "a node has left", who, where);
    else if (was_there && !is_there)
        peer_tell(of, HC_EVENT_NODE_FAILED, "a node does not answer any more", who, where);
}

void peer_tell_view(peer *of, const cluster_view *before, const cluster_view *view)
{
    size_t holders = 0, there = 0;
    for (size_t i = 0; i < view->member_count; i++) {
        const hc_member *m = &view->members[i].is;
        if (m->ring != HC_RING_ACTIVE && m->ring != HC_RING_LEAVING) continue;
        holders++;
        there += m->state <= HC_MEMBER_SUSPECT;
    }
    bool is_few = holders > 1 && there * 2 <= holders, was_few = of->is_few;
    peer_fact some = {.name = "reachable", .number = there},
              all = {.name = "members", .number = holders};
    of->is_few = is_few;
    if (is_few && !was_few)
        peer_tell(of, HC_EVENT_CLUSTER_SPLIT, "half of the nodes or more cannot be reached", some,
                  all);
    else if (!is_few && was_few)
        peer_tell(of, HC_EVENT_CLUSTER_MERGED, "most nodes can be reached again", some, all);
    bool served = before != NULL && before->state != CLUSTER_FORMING;
    if (!served && view->state == CLUSTER_OK && !of->formed_told) {
        of->formed_told = true;
        peer_tell(of, HC_EVENT_CLUSTER_FORMED, "all slots are served", some, all);
    }
}

void peer_tell_stats(peer *of)
{
    hc_replica_stats now = {.size = sizeof now}, *was = &of->told;
    (void)pthread_mutex_lock(&of->lock);
    hc_replica_stats_get(of->replica, &now);
    (void)pthread_mutex_unlock(&of->lock);
    if (now.resolved > was->resolved)
        peer_tell(of, HC_EVENT_CONFLICT_RESOLVED, "writes of other nodes replaced values here",
                  (peer_fact){.name = "keys", .number = now.resolved - was->resolved},
                  PEER_NO_FACT);
    if (now.dirty_slots > 0 && was->dirty_slots == 0)
        peer_tell(of, HC_EVENT_HINT_STORED, "nodes miss writes, and will get them",
                  (peer_fact){.name = "slots", .number = now.dirty_slots}, PEER_NO_FACT);
    if (now.dirty_slots == 0 && was->dirty_slots > 0)
        peer_tell(of, HC_EVENT_HINT_REPLAYED, "nodes get the writes that they missed", PEER_NO_FACT,
                  PEER_NO_FACT);
    if (now.quarantined != 0 && was->quarantined == 0)
        peer_tell(of, HC_EVENT_CLOCK_SKEWED, "this node's clock is wrong: it runs no writes",
                  (peer_fact){.name = "skewMs",
                              .number = (uint64_t)(now.skew_ms < 0 ? -now.skew_ms : now.skew_ms)},
                  PEER_NO_FACT);
    *was = now;
}
