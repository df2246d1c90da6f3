/*
 * peer_company.c - may this node believe that it is the only one of its ring?
 *
 * One that is alone serves whatever it has, at any level: one of one is a quorum.  So it must not
 * take itself for alone because it has not heard of the others yet.  It is alone
 *
 *     when it formed its ring itself, and nobody came since;
 *     when its list of members, as it was before the restart, names nobody else;
 *     when others were there in this life, and have left;
 *     when it has neither list nor seeds, so that there is nobody to hear of.
 *
 * In any other case its replica is told that this node is still joining, which serves nothing.  The
 * list is on the disk before the replica hears of a change of the ring, so it is never too old.
 */
#include "peer/peer_private.h"

static bool in_ring(const hc_member *m)
{
    return m->ring == HC_RING_ACTIVE || m->ring == HC_RING_LEAVING;
}

static bool has_others(const peer *of)
{
    size_t count = hc_membership_count(of->members);
    for (size_t i = 1; i < count; i++) /* 0 is this node */
        if (in_ring(hc_membership_at(of->members, i))) return true;
    return false;
}

void peer_company_begin(peer *of, bool has_list)
{
    bool was_there = of->identity.ring == HC_RING_ACTIVE;
    of->may_be_alone = was_there && !has_others(of) && (has_list || of->seed_count == 0);
}

void peer_company_formed(peer *of)
{
    if (!has_others(of)) of->may_be_alone = true;
}

/* A sum, for a set has no order: who is in the ring, and how. */
static uint64_t ring_sum(const hc_member *list, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t one = (uint64_t)list[i].ring + 1;
        for (size_t b = 0; b < sizeof list[i].id.bytes; b++)
            one = (one ^ list[i].id.bytes[b]) * UINT64_C(0x9e3779b97f4a7c15);
        sum += list[i].ring == HC_RING_OUT ? 0 : one;
    }
    return sum;
}

void peer_company_tell(peer *of, hc_member *list, size_t count)
{
    uint64_t sum = ring_sum(list, count);
    if (sum != of->ring_sum) peer_image_store(of, true);
    of->ring_sum = sum;
    if (has_others(of))
        of->may_be_alone = true; /* from now on it knows when they leave */
    else if (!of->may_be_alone && list[0].ring == HC_RING_ACTIVE)
        list[0].ring = HC_RING_JOINING;
}
