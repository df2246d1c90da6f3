/*
 * cluster_route.c - where a client that knows slots is sent.
 *
 * Such a client is told MOVED only if it gets an answer there at once: the owner is alive and knows
 * the same ring as this node.  In every other case this node asks the owner itself, so that two
 * nodes that differ for a moment never send a client to and fro.
 */
#include <stdio.h>

#include "command/cluster/cluster_private.h"

/* Keys that lie in several slots have no one place. */
bool cluster_slot_of(const request *of, uint32_t *slot_out)
{
    size_t count = command_key_count(of->command, of->args, of->argc);
    if (count == 0) return false;
    *slot_out = hc_ring_slot(of->args[command_key_at(of->command, 0)]);
    for (size_t i = 1; i < count; i++)
        if (hc_ring_slot(of->args[command_key_at(of->command, i)]) != *slot_out) return false;
    return true;
}

static bool would_answer(const cluster_member *owner)
{
    return !owner->is_self && owner->agrees && owner->is.state == HC_MEMBER_ALIVE &&
           owner->is.resp_port != 0 && owner->host[0] != '\0';
}

bool cluster_moved(const request *of, char text[CLUSTER_MOVED_CHARS])
{
    uint32_t slot;
    if (!of->session->knows_slots || !cluster_slot_of(of, &slot)) return false;
    return cluster_moved_from(of->session, slot, text);
}

bool cluster_moved_from(const session *who, uint32_t slot, char text[CLUSTER_MOVED_CHARS])
{
    if (!who->knows_slots) return false;
    const cluster_view *view = cluster_view_acquire(who->node);
    if (view == NULL) return false;
    uint16_t acting = view->acting[slot];
    bool moved = acting != CLUSTER_NOBODY && would_answer(&view->members[acting]);
    if (moved)
        (void)snprintf(text, CLUSTER_MOVED_CHARS, "MOVED %u %s:%u", (unsigned)slot,
                       view->members[acting].host, view->members[acting].is.resp_port);
    cluster_view_release(view);
    return moved;
}
