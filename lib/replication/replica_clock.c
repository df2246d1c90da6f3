/*
 * replica_clock.c - versions: a clock that never goes back, and whether to trust the wall clock.
 *
 *     version   | milliseconds since 2020: 42 | counter: 12 | tag of the node: 10 |
 *
 * The clock follows the wall clock, and whatever version it has seen; between two milliseconds it
 * counts.  So a write that knows of another gets the higher version, whatever the clocks say.
 * A node whose wall clock is far from the others' median stops acting as primary, and no node
 * believes a version far ahead of its own wall clock: one bad clock cannot win for ever.
 *
 * Source: Kulkarni et al. 2014 (hybrid logical clocks); offsets as in NTP, over one round trip.
 */
#include "replication/replication_private.h"

#define EPOCH_MS INT64_C(1577836800000) /* 2020-01-01 */
#define TAG_BITS 10u
#define COUNTER_BITS 12u
#define ROUND_TRIP_NS_MAX (500 * MS) /* a slower one measures nothing */
#define OFFSET_AGE_NS_MAX (30000 * MS)

int64_t hc_version_wall_ms(uint64_t version)
{
    return (int64_t)(version >> (TAG_BITS + COUNTER_BITS)) + EPOCH_MS;
}

uint32_t hc_version_tag(uint64_t version)
{
    return (uint32_t)(version & ((1u << TAG_BITS) - 1));
}

static uint64_t wall_clock(const hc_replica *r, int64_t ahead_ms)
{
    int64_t ms = r->now.wall_ms + ahead_ms - EPOCH_MS;
    return ms > 0 ? (uint64_t)ms << COUNTER_BITS : 0;
}

uint64_t hci_clock_now(hc_replica *r)
{
    uint64_t wall = wall_clock(r, 0);
    if (r->clock < wall) r->clock = wall;
    return r->clock << TAG_BITS;
}

uint64_t hci_clock_stamp(hc_replica *r, uint64_t over)
{
    uint64_t wall = wall_clock(r, 0);
    if (rule(r, HCI_RULE_C1_FRESH)) {
        r->clock++;
        if (r->clock < wall) r->clock = wall;
    } else {
        r->clock = wall;
    }
    if (r->clock <= over >> TAG_BITS) r->clock = (over >> TAG_BITS) + 1;
    return r->clock << TAG_BITS | r->tag;
}

bool hci_clock_witness(hc_replica *r, uint64_t version)
{
    uint64_t seen = version >> TAG_BITS;
    if (rule(r, HCI_RULE_SKEW) && seen > wall_clock(r, r->options.skew_stop_ms) &&
        seen > r->clock && !r->quarantined) {
        return false;
    }
    if (seen > r->clock) r->clock = seen;
    return true;
}

int64_t hci_clock_ms(hc_replica *r)
{
    return hc_version_wall_ms(hci_clock_now(r));
}

/* A beat tells the sender's two clocks (seq: monotonic, time: wall), the last monotonic time it
 * heard from us (expect) and how long ago that was (op). */
void hci_clock_measure(hc_replica *r, peer *p, const record *beat, uint64_t hlc)
{
    (void)hlc;
    p->their_ns = beat->seq;
    p->their_ns_at = r->now.now_ns;
    if (beat->expect == 0 || beat->expect + beat->op > r->now.now_ns) return;
    uint64_t trip = r->now.now_ns - beat->expect - beat->op;
    if (trip > ROUND_TRIP_NS_MAX) return;
    p->offset_ms = (int64_t)beat->time + (int64_t)(trip / 2 / MS) - r->now.wall_ms;
    p->offset_ns = r->now.now_ns;
}

void hci_clock_judge(hc_replica *r)
{
    int64_t offsets[HC_MEMBERS_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        const peer *p = r->peers[i];
        bool fresh = p->offset_ns != 0 && r->now.now_ns - p->offset_ns < OFFSET_AGE_NS_MAX;
        if (!p->is_self && (!fresh || !hci_there(r, i))) continue;
        int64_t offset = p->is_self ? 0 : p->offset_ms;
        uint32_t at = count++;
        for (; at > 0 && offsets[at - 1] > offset; at--)
            offsets[at] = offsets[at - 1];
        offsets[at] = offset;
    }
    if (count < 3) { /* of two nobody can tell who is wrong; what most said holds for a while */
        if (r->judged_ns != 0 && r->now.now_ns - r->judged_ns < OFFSET_AGE_NS_MAX) return;
        r->skew_ms = 0;
        r->quarantined = false;
        return;
    }
    r->judged_ns = r->now.now_ns;
    r->skew_ms = -offsets[count / 2];
    int64_t skew = r->skew_ms < 0 ? -r->skew_ms : r->skew_ms;
    r->quarantined = rule(r, HCI_RULE_SKEW) && skew > (int64_t)r->options.skew_stop_ms;
}
