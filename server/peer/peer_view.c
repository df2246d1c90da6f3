/*
 * peer_view.c - draws the cluster as this node sees it, and publishes it when it looks different.
 *
 * Slots are asked for by block, and the digests, which may cost a walk through the store, not at
 * all.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/peer_private.h"

#define VIEW_NS (CLUSTER_VIEW_MS * PEER_NS_PER_MS)
#define VIEW_IDLE_NS (100 * PEER_NS_PER_MS) /* nothing is known to have changed */

/* ---- members ---- */

static int by_id(const void *a, const void *b)
{
    const cluster_member *left = a, *right = b;
    return memcmp(left->is.id.bytes, right->is.id.bytes, sizeof left->is.id.bytes);
}

/* Since when this node knows the member's state. */
static int64_t since_of(peer *of, const hc_member *m)
{
    int64_t now_ms = node_now_ms(of->options.node);
    for (size_t i = 0; i < of->since_count; i++) {
        peer_since *one = &of->since[i];
        if (memcmp(&one->node, &m->id, sizeof m->id) != 0) continue;
        if (one->state != m->state || one->boot_id != m->boot_id) one->since_ms = now_ms;
        one->state = m->state;
        one->boot_id = m->boot_id;
        return one->since_ms;
    }
    peer_since *more = of->since_count < HC_MEMBERS_MAX
                           ? realloc(of->since, (of->since_count + 1) * sizeof *more)
                           : NULL;
    if (more == NULL) return now_ms;
    of->since = more;
    of->since[of->since_count++] =
        (peer_since){.node = m->id, .boot_id = m->boot_id, .state = m->state, .since_ms = now_ms};
    return now_ms;
}

static void member_fill(peer *of, cluster_member *to, const hc_member *m, bool is_self)
{
    hc_replica_peer said = {.size = sizeof said};
    to->is = *m;
    to->is_self = is_self;
    to->linked = to->agrees = is_self;
    to->since_ms = since_of(of, m);
    cluster_id_text(&m->id, to->id);
    cluster_host_text(&m->address, to->host);
    if (is_self) {
        hc_replica_stats own = {.size = sizeof own};
        (void)pthread_mutex_lock(&of->lock);
        hc_replica_stats_get(of->replica, &own);
        (void)pthread_mutex_unlock(&of->lock);
        to->synced_blocks = own.synced_blocks;
        return;
    }
    (void)pthread_mutex_lock(&of->lock);
    for (size_t i = 0; i < of->route_count; i++) {
        if (memcmp(&of->routes[i].node, &m->id, sizeof m->id) == 0)
            to->linked = of->routes[i].link->open;
    }
    if (hc_replica_peer_get(of->replica, peer_now(of), &m->id, &said) == HC_OK) {
        to->agrees = said.there && said.topology_id == hc_replica_topology_id(of->replica) &&
                     said.epoch == hc_replica_epoch(of->replica);
        to->synced_blocks = said.synced_blocks;
    }
    (void)pthread_mutex_unlock(&of->lock);
}

/* ---- slots ---- */

static uint16_t member_of(const cluster_view *view, const hc_node_id *id)
{
    for (size_t i = 0; i < view->member_count; i++) {
        if (memcmp(&view->members[i].is.id, id, sizeof *id) == 0) return (uint16_t)i;
    }
    return CLUSTER_NOBODY;
}

static bool range_same(const cluster_range *a, const cluster_range *b)
{
    return a->acting == b->acting && a->holder_count == b->holder_count &&
           a->next_count == b->next_count &&
           memcmp(a->holders, b->holders, sizeof a->holders) == 0 &&
           memcmp(a->next, b->next, sizeof a->next) == 0;
}

static void block_read(peer *of, const cluster_view *view, uint32_t slot, cluster_range *to)
{
    hc_replica_slot s = {.size = offsetof(hc_replica_slot, digest)};
    hc_replica_slot_get(of->replica, slot, &s);
    memset(to, 0, sizeof *to);
    to->acting = s.has_acting ? member_of(view, &s.acting) : CLUSTER_NOBODY;
    to->holder_count = (uint8_t)s.holder_count;
    to->next_count = (uint8_t)s.next_count;
    for (uint32_t i = 0; i < s.holder_count; i++)
        to->holders[i] = member_of(view, &s.holders[i]);
    for (uint32_t i = 0; i < s.next_count; i++)
        to->next[i] = member_of(view, &s.next[i]);
}

static void slots_count(cluster_member *members, const cluster_range *range, uint32_t slots)
{
    if (range->acting != CLUSTER_NOBODY) members[range->acting].slots_acting += slots;
    for (uint32_t i = 0; i < range->holder_count; i++) {
        if (range->holders[i] != CLUSTER_NOBODY) members[range->holders[i]].slots_held += slots;
    }
}

static void slots_fill(peer *of, cluster_view *view)
{
    cluster_member *members = (cluster_member *)(uintptr_t)view->members;
    cluster_range *ranges = (cluster_range *)(uintptr_t)view->ranges;
    uint32_t blocks = view->range_count > 0 ? (uint32_t)view->range_count : 1;
    uint32_t each = HC_RING_SLOTS / blocks;
    size_t used = 0;
    (void)pthread_mutex_lock(&of->lock);
    view->epoch = hc_replica_epoch(of->replica);
    view->topology = hc_replica_topology_id(of->replica);
    for (uint32_t b = 0; b < blocks; b++) {
        cluster_range one;
        block_read(of, view, b * each, &one);
        one.first = (uint16_t)(b * each);
        one.last = (uint16_t)(one.first + each - 1);
        slots_count(members, &one, each);
        for (uint32_t slot = one.first; slot <= one.last; slot++)
            view->acting[slot] = one.acting;
        if (one.acting != CLUSTER_NOBODY) view->slots_served += each;
        if (used > 0 && range_same(&ranges[used - 1], &one))
            ranges[used - 1].last = one.last;
        else
            ranges[used++] = one;
    }
    (void)pthread_mutex_unlock(&of->lock);
    view->range_count = used;
}

/* ---- the whole ---- */

static cluster_view *view_make(peer *of)
{
    size_t count = hc_membership_count(of->members);
    cluster_view *view = cluster_view_create(count, of->options.blocks);
    if (view == NULL) return NULL;
    cluster_member *members = (cluster_member *)(uintptr_t)view->members;
    for (size_t i = 0; i < count; i++) {
        member_fill(of, &members[i], hc_membership_at(of->members, i), i == 0);
        view->moving = view->moving || members[i].is.ring == HC_RING_JOINING ||
                       members[i].is.ring == HC_RING_LEAVING;
    }
    if (count > 2) qsort(members + 1, count - 1, sizeof *members, by_id);
    slots_fill(of, view);
    view->ready = of->ready;
    view->replicas = of->options.replicas;
    view->health = hc_membership_health(of->members);
    view->state = view->slots_served == HC_RING_SLOTS ? CLUSTER_OK
                  : view->slots_served > 0            ? CLUSTER_PARTIAL
                                                      : CLUSTER_FORMING;
    return view;
}

static bool view_same(const cluster_view *a, const cluster_view *b)
{
    return a->state == b->state && a->ready == b->ready && a->moving == b->moving &&
           a->epoch == b->epoch && a->topology == b->topology && a->health == b->health &&
           a->member_count == b->member_count && a->range_count == b->range_count &&
           memcmp(a->members, b->members, a->member_count * sizeof *a->members) == 0 &&
           memcmp(a->ranges, b->ranges, a->range_count * sizeof *a->ranges) == 0;
}

static void state_tell(peer *of, const cluster_view *before, const cluster_view *view)
{
    static const char *const words[] = {"forming", "ok", "partial"};
    if (before != NULL && before->state == view->state) return;
    peer_log(of, view->state == CLUSTER_PARTIAL ? HC_LOG_WARN : HC_LOG_INFO, HC_TOPIC_HASH_RING,
             "cluster", "the cluster's state has changed",
             (peer_fact){.name = "state", .text = words[view->state]},
             (peer_fact){.name = "slotsServed", .number = view->slots_served});
}

void peer_view_renew(peer *of, bool now)
{
    uint64_t now_ns = peer_now_ns(of);
    uint64_t least_ns = of->view_stale ? VIEW_NS : VIEW_IDLE_NS;
    if (!now && now_ns - of->view_ns < least_ns) return;
    of->view_ns = now_ns;
    of->view_stale = false;
    cluster_view *view = view_make(of);
    if (view == NULL) return; /* the one before stays */
    const cluster_view *before = cluster_view_acquire(of->options.node);
    if (before == NULL || !view_same(before, view)) {
        state_tell(of, before, view);
        peer_tell_view(of, before, view);
        cluster_view_publish(of->options.node, view);
    } else {
        cluster_view_release(view);
    }
    cluster_view_release(before);
}
