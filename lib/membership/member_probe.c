/*
 * member_probe.c - is it there?
 *
 *     0          timeout                      end of the interval
 *     |--PING-----|--PING_REQ to three others--|   no answer: suspect
 *                  --PING on the reliable link
 *
 * Every interval one member is probed, all of them in a random order before any comes again.  An
 * answer may come by any of the three ways.  Loss of datagrams alone can kill nobody.
 *
 * Health (Lifeguard): who gets no answer may itself be what is wrong.  Failed probes, helpers that
 * do not even say "not yet" (NACK), and having to object to one's own death make a node wait longer
 * and probe less often, up to HEALTH_MAX + 1 times; answers make it well again.
 */
#include "membership/membership_private.h"

#include <string.h>

#define INTERVAL_MS 300u
#define INTERVAL_FEW_MS 200u
#define FEW_MEMBERS 16u
#define RTT_SHIFT 3u /* smoothing, as TCP does: 1/8 of the new */
#define RTT_DEVIATIONS 4u

void hci_health_change(hc_membership *members, int by)
{
    int health = (int)members->health + by;
    members->health = health < 0 ? 0 : health > (int)HEALTH_MAX ? HEALTH_MAX : (unsigned)health;
}

/* Few members can be watched more closely. */
uint64_t hci_probe_interval_ns(const hc_membership *members)
{
    uint64_t ms = members->options.probe_interval_ms;
    if (ms == 0) ms = members->count <= FEW_MEMBERS ? INTERVAL_FEW_MS : INTERVAL_MS;
    return ms * MS;
}

static uint64_t interval_ns(const hc_membership *members)
{
    return hci_probe_interval_ns(members) * (members->health + 1);
}

static uint64_t timeout_ns(const hc_membership *members)
{
    uint64_t ns = members->options.probe_timeout_ms * MS;
    if (members->rtt_ns != 0) ns = members->rtt_ns + RTT_DEVIATIONS * members->rtt_deviation_ns;
    if (ns < TIMEOUT_MIN_NS) ns = TIMEOUT_MIN_NS;
    uint64_t most = hci_probe_interval_ns(members) / 2;
    return (ns < most ? ns : most) * (members->health + 1);
}

static void rtt_note(hc_membership *members, uint64_t ns)
{
    if (members->rtt_ns == 0) {
        members->rtt_ns = ns + 1;
        members->rtt_deviation_ns = ns / 2;
        return;
    }
    uint64_t off = ns > members->rtt_ns ? ns - members->rtt_ns : members->rtt_ns - ns;
    members->rtt_deviation_ns += (off >> 2) - (members->rtt_deviation_ns >> 2);
    members->rtt_ns += (ns >> RTT_SHIFT) - (members->rtt_ns >> RTT_SHIFT);
}

/* ---- whom ---- */

static void order_shuffle(hc_membership *members)
{
    for (uint32_t i = members->count; i > 1; i--) {
        uint32_t k = random_below(members, i), kept = members->order[i - 1];
        members->order[i - 1] = members->order[k];
        members->order[k] = kept;
    }
    members->order_at = 0;
}

/* NOBODY: there is no other member alive. */
static uint32_t target_next(hc_membership *members)
{
    for (uint32_t tries = 0; tries < 2 * members->count; tries++) {
        if (members->order_at >= members->count) order_shuffle(members);
        uint32_t number = members->order[members->order_at++];
        if (number != 0 && is_there(&members->records[number])) return number;
    }
    return NOBODY;
}

/* ---- asking ---- */

static void ping_send(hc_membership *members, const hc_address *to, bool reliable,
                      const hc_node_id *target, uint32_t sequence, uint32_t number)
{
    message ping = hci_message_of(members, MESSAGE_PING);
    ping.sequence = sequence;
    ping.target = *target;
    hci_gossip_send(members, to, reliable, &ping, number);
}

/* Its own record, should it be suspected, goes with the question. */
static uint32_t told_first(const hc_membership *members, uint32_t number)
{
    return members->records[number].member.state != HC_MEMBER_ALIVE ? number : NOBODY;
}

static void probe_begin(hc_membership *members, uint64_t now_ns)
{
    probe *p = &members->probe;
    uint32_t number = target_next(members);
    members->probe_ns = now_ns + interval_ns(members);
    *p = (probe){.end_ns = 0};
    if (number == NOBODY) return;
    const hc_member *target = &members->records[number].member;
    *p = (probe){.sequence = ++members->sequence,
                 .target = target->id,
                 .sent_ns = now_ns,
                 .relay_ns = now_ns + timeout_ns(members),
                 .end_ns = members->probe_ns};
    members->stats.probes++;
    ping_send(members, &target->address, false, &p->target, p->sequence,
              told_first(members, number));
}

static void probe_relay(hc_membership *members, uint32_t number)
{
    probe *p = &members->probe;
    const hc_member *target = &members->records[number].member;
    uint32_t chosen[RELAYS], count = 0;
    for (uint32_t tries = 0; tries < 4 * RELAYS && count < RELAYS; tries++) {
        uint32_t helper = random_below(members, members->count);
        bool fits = helper != 0 && helper != number &&
                    members->records[helper].member.state == HC_MEMBER_ALIVE;
        for (uint32_t i = 0; i < count; i++)
            fits = fits && chosen[i] != helper;
        if (fits) chosen[count++] = helper;
    }
    for (uint32_t i = 0; i < count; i++) {
        message request = hci_message_of(members, MESSAGE_PING_REQ);
        request.sequence = p->sequence;
        request.target = target->id;
        request.target_address = target->address;
        hci_gossip_send(members, &members->records[chosen[i]].member.address, false, &request,
                        NOBODY);
    }
    p->nacks_due = count;
    p->relayed = true;
    ping_send(members, &target->address, true, &p->target, p->sequence,
              told_first(members, number));
}

static void probe_end(hc_membership *members, uint64_t now_ns, uint32_t number)
{
    probe *p = &members->probe;
    p->end_ns = 0;
    if (p->acked) return;
    members->stats.probes_failed++;
    hci_health_change(members, p->nacks_due > 0 ? 1 : 0);
    hci_table_accuse(members, now_ns, number, false);
}

/* ---- answering ---- */

static void answer(hc_membership *members, const hc_address *to, bool reliable, message_kind kind,
                   uint32_t sequence, uint32_t first)
{
    message reply = hci_message_of(members, kind);
    reply.sequence = sequence;
    hci_gossip_send(members, to, reliable, &reply, first);
}

static void relay_begin(hc_membership *members, uint64_t now_ns, const hc_address *from,
                        const message *what)
{
    for (uint32_t i = 0; i < RELAYING_MAX; i++) {
        relaying *r = &members->relaying[i];
        if (r->sequence != 0) continue;
        uint64_t timeout = timeout_ns(members);
        *r = (relaying){.sequence = ++members->sequence,
                        .origin_sequence = what->sequence,
                        .origin = *from,
                        .nack_ns = now_ns + timeout * 4 / 5,
                        .end_ns = now_ns + interval_ns(members)};
        ping_send(members, &what->target_address, false, &what->target, r->sequence, NOBODY);
        return;
    }
}

static void ack_take(hc_membership *members, uint64_t now_ns, const message *what)
{
    probe *p = &members->probe;
    if (p->end_ns != 0 && what->sequence == p->sequence) {
        if (!p->acked) {
            if (!p->relayed) rtt_note(members, now_ns - p->sent_ns);
            hci_health_change(members, -1);
        }
        p->acked = true;
        return;
    }
    for (uint32_t i = 0; i < RELAYING_MAX; i++) {
        relaying *r = &members->relaying[i];
        if (r->sequence == 0 || r->sequence != what->sequence) continue;
        answer(members, &r->origin, false, MESSAGE_ACK, r->origin_sequence, NOBODY);
        r->sequence = 0;
    }
}

void hci_probe_message(hc_membership *members, uint64_t now_ns, const hc_address *from,
                       bool reliable, const message *what)
{
    uint32_t sender = hci_table_find(members, &what->sender);
    uint32_t first = sender != NOBODY && sender != 0 ? told_first(members, sender) : NOBODY;
    switch (what->kind) {
    case MESSAGE_PING:
        if (!hci_same_id(&what->target, &self_of(members)->member.id)) return; /* it has moved */
        answer(members, from, reliable, MESSAGE_ACK, what->sequence, first);
        break;
    case MESSAGE_ACK:
        ack_take(members, now_ns, what);
        break;
    case MESSAGE_PING_REQ:
        relay_begin(members, now_ns, from, what);
        break;
    default: /* MESSAGE_NACK: the helper is well */
        if (members->probe.sequence == what->sequence && members->probe.nacks_due > 0) {
            members->probe.nacks_due--;
        }
        break;
    }
}

/* ---- time ---- */

static uint64_t relaying_tick(hc_membership *members, uint64_t now_ns)
{
    uint64_t next = NEVER;
    for (uint32_t i = 0; i < RELAYING_MAX; i++) {
        relaying *r = &members->relaying[i];
        if (r->sequence == 0) continue;
        if (!r->nacked && now_ns >= r->nack_ns) {
            answer(members, &r->origin, false, MESSAGE_NACK, r->origin_sequence, NOBODY);
            r->nacked = true;
        }
        if (now_ns >= r->end_ns) {
            r->sequence = 0;
            continue;
        }
        uint64_t due = r->nacked ? r->end_ns : r->nack_ns;
        next = due < next ? due : next;
    }
    return next;
}

uint64_t hci_probe_tick(hc_membership *members, uint64_t now_ns)
{
    probe *p = &members->probe;
    uint64_t next = relaying_tick(members, now_ns);
    uint32_t number = p->end_ns != 0 ? hci_table_find(members, &p->target) : NOBODY;
    if (number == NOBODY) {
        p->end_ns = 0; /* none, or of a member that was forgotten */
    } else if (now_ns >= p->end_ns) {
        probe_end(members, now_ns, number);
    } else if (!p->acked && !p->relayed && now_ns >= p->relay_ns) {
        probe_relay(members, number);
    }
    if (now_ns >= members->probe_ns) probe_begin(members, now_ns);
    if (members->probe_ns < next) next = members->probe_ns;
    if (p->end_ns != 0 && !p->acked && !p->relayed && p->relay_ns < next) next = p->relay_ns;
    return next;
}

void hci_probe_shift(hc_membership *members, uint64_t by_ns)
{
    probe *p = &members->probe;
    p->sent_ns += by_ns;
    p->relay_ns += by_ns;
    if (p->end_ns != 0) p->end_ns += by_ns;
    for (uint32_t i = 0; i < RELAYING_MAX; i++) {
        members->relaying[i].nack_ns += by_ns;
        members->relaying[i].end_ns += by_ns;
    }
}
