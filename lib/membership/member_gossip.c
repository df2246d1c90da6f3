/*
 * member_gossip.c - news spreads: a few records with every message, everything now and then.
 *
 * News has so many sends left; the freshest goes first.  That reaches all with high probability
 * after a few rounds; a sync of all records with one random member every sync_interval_ms makes it
 * certain, and heals what was cut.  The dead, and seeds where nobody known lives, are asked for
 * ever: so islands find each other and a node that comes back is met.
 */
#include "membership/membership_private.h"

#define SYNC_MEMBERS 32u /* above, syncs are rarer: by one interval for each doubling */
#define NEWS_MAX 16u     /* records in one datagram */

/* Fills `out` with up to NEWS_MAX records that are news, those with the most sends left first; less
 * `but`.  One pass, which ends when all news was met. */
static uint32_t freshest(const hc_membership *members, uint32_t but, uint32_t out[NEWS_MAX])
{
    uint32_t count = 0, met = 0;
    for (uint32_t i = 0; met < members->news && i < members->count; i++) {
        uint32_t left = members->records[i].sends_left;
        if (left == 0) continue;
        met++;
        if (i == but) continue;
        uint32_t at = count < NEWS_MAX ? count++ : NEWS_MAX;
        for (; at > 0 && members->records[out[at - 1]].sends_left < left; at--) {
            if (at < NEWS_MAX) out[at] = out[at - 1];
        }
        if (at < NEWS_MAX) out[at] = i;
    }
    return count;
}

void hci_gossip_send(hc_membership *members, const hc_address *to, bool reliable,
                     const message *what, uint32_t first)
{
    uint32_t told[NEWS_MAX + 1], count = 0;
    size_t bytes = hci_wire_begin(members, what);
    if (first != NOBODY) told[count++] = first;
    count += freshest(members, first, told + count);
    for (uint32_t i = 0; i < count && i < NEWS_MAX; i++) {
        record *r = &members->records[told[i]];
        size_t with = hci_wire_add(members, bytes, r, HC_MEMBERSHIP_DATAGRAM_BYTES_MAX);
        if (with == bytes) break;
        bytes = with;
        if (r->sends_left > 0 && --r->sends_left == 0) members->news--;
    }
    hci_send(members, to, reliable, hci_wire_end(members, bytes));
}

void hci_sync_send(hc_membership *members, const hc_address *to, message_kind kind)
{
    message what = hci_message_of(members, kind);
    size_t bytes = hci_wire_begin(members, &what);
    for (uint32_t i = 0; i < members->count; i++)
        bytes = hci_wire_add(members, bytes, &members->records[i], HC_MEMBERSHIP_MESSAGE_BYTES_MAX);
    hci_send(members, to, true, hci_wire_end(members, bytes));
}

/* To different ones: of few members each is met in a round or two, whatever the dice say.  Also to
 * those just declared dead: they are the ones who could object. */
static void gossip_round(hc_membership *members)
{
    uint32_t met[GOSSIP_FANOUT], sent = 0;
    for (uint32_t tries = 0; tries < 4 * GOSSIP_FANOUT && sent < GOSSIP_FANOUT; tries++) {
        uint32_t number = random_below(members, members->count);
        bool again = number == 0 || members->records[number].member.state == HC_MEMBER_LEFT;
        for (uint32_t i = 0; i < sent; i++)
            again = again || met[i] == number;
        if (again) continue;
        if (members->news == 0) return;
        message what = hci_message_of(members, MESSAGE_GOSSIP);
        hci_gossip_send(members, &members->records[number].member.address, false, &what, NOBODY);
        met[sent++] = number;
    }
}

/* All records cost more when there are many, and news spreads by itself. */
static unsigned sync_stretch(const hc_membership *members)
{
    unsigned stretch = 1;
    for (uint32_t count = members->count; count > SYNC_MEMBERS; count /= 2)
        stretch++;
    return stretch;
}

static void sync_round(hc_membership *members)
{
    for (uint32_t tries = 0; tries < 4 * members->count; tries++) {
        uint32_t number = random_below(members, members->count);
        if (number == 0 || members->records[number].member.state != HC_MEMBER_ALIVE) continue;
        hci_sync_send(members, &members->records[number].member.address, MESSAGE_SYNC);
        return;
    }
}

/* ---- the lost ---- */

static bool somebody_lives_at(const hc_membership *members, const hc_address *address)
{
    for (uint32_t i = 0; i < members->count; i++) {
        const record *r = &members->records[i];
        if (is_there(r) && hci_same_address(&r->member.address, address)) return true;
    }
    return false;
}

void hci_sync_seeds(hc_membership *members, uint64_t now_ns, bool all)
{
    /* alone: look more often */
    uint64_t pause = members->options.retry_interval_ms * MS;
    if (hci_table_alive(members) == 1) pause = pause / 10 + 1;
    members->seeds_ns = now_ns + pause;
    for (uint32_t i = 0; i < members->seed_count; i++) {
        if (!all && somebody_lives_at(members, &members->seeds[i])) continue;
        if (hci_same_address(&members->seeds[i], &self_of(members)->member.address)) continue;
        hci_sync_send(members, &members->seeds[i], MESSAGE_SYNC);
    }
}

uint64_t hci_dead_tick(hc_membership *members, uint64_t now_ns)
{
    uint64_t next = NEVER;
    for (uint32_t i = 1; i < members->count; i++) {
        record *r = &members->records[i];
        if (r->member.state != HC_MEMBER_DEAD || r->member.ring == HC_RING_OUT) continue;
        if (now_ns >= r->retry_ns) {
            r->retry_ns = now_ns + members->options.retry_interval_ms * MS;
            hci_sync_send(members, &r->member.address, MESSAGE_SYNC);
        }
        if (r->retry_ns < next) next = r->retry_ns;
    }
    return next;
}

/* ---- time ---- */

uint64_t hci_gossip_tick(hc_membership *members, uint64_t now_ns)
{
    uint64_t next = NEVER;
    if (now_ns >= members->gossip_ns) {
        members->gossip_ns = now_ns + members->options.gossip_interval_ms * MS;
        gossip_round(members);
    }
    if (now_ns >= members->sync_ns) {
        uint64_t interval = members->options.sync_interval_ms * MS * sync_stretch(members);
        /* not all members at once */
        members->sync_ns = now_ns + interval / 2 + random_below(members, 1000) * interval / 1000;
        sync_round(members);
    }
    if (now_ns >= members->seeds_ns) hci_sync_seeds(members, now_ns, false);
    uint64_t due[3] = {members->gossip_ns, members->sync_ns, members->seeds_ns};
    for (unsigned i = 0; i < 3; i++)
        next = due[i] < next ? due[i] : next;
    return next;
}
