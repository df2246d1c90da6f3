/*
 * replica_topology.c - who holds a block now, who will when the change under way is done, and who
 * acts for it.
 *
 *     now    the ring of the members that are ACTIVE or LEAVING
 *     next   the ring of those that are ACTIVE or JOINING; the same when nobody comes or goes
 *
 * Both follow from the members' records alone.  While they differ, a quorum is one of `now` and one
 * of `next`, and nodes that know different rings refuse each other's writes (set_hash), so no
 * quorum of the old ring can form beside one of the new.
 *
 * The acting primary is the first holder that is alive and has its data; when none has its data,
 * the first that is alive.
 */
#include "replication/replication_private.h"

#include "base/hash.h"

#include <string.h>

#define SIGNATURE_SEED 3u

static bool in_now(const hc_member *m)
{
    return m->state != HC_MEMBER_LEFT && (m->ring == HC_RING_ACTIVE || m->ring == HC_RING_LEAVING);
}

static bool in_next(const hc_member *m)
{
    return m->state != HC_MEMBER_LEFT && (m->ring == HC_RING_ACTIVE || m->ring == HC_RING_JOINING);
}

/* ---- making it ---- */

static uint64_t signature_of(const hc_replica *r)
{
    uint64_t sum = 1;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        const hc_member *m = &r->peers[i]->member;
        if (!r->peers[i]->known || (!in_now(m) && !in_next(m))) continue;
        uint64_t seed = hci_hash(hc_span_make(m->zone, strlen(m->zone)), m->weight);
        seed ^= (uint64_t)in_now(m) << 1 | (uint64_t)in_next(m);
        sum += hci_hash(hc_span_make(m->id.bytes, sizeof m->id.bytes), seed ^ SIGNATURE_SEED);
    }
    return sum;
}

static hc_status ring_make(hc_replica *r, bool (*in)(const hc_member *), hc_ring **out)
{
    size_t count = 0, bytes = (r->peer_count + 1) * sizeof(hc_ring_node);
    hc_ring_node *nodes = hci_allocate(&r->host, bytes);
    *out = NULL;
    if (nodes == NULL) return HC_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        const hc_member *m = &r->peers[i]->member;
        if (!r->peers[i]->known || !in(m)) continue;
        nodes[count++] = (hc_ring_node){.name = hc_span_make(m->id.bytes, sizeof m->id.bytes),
                                        .zone = hc_span_make(m->zone, strlen(m->zone)),
                                        .weight = m->weight,
                                        .user = i};
    }
    hc_ring_options o = {.size = sizeof o,
                         .replicas = r->options.replicas,
                         .blocks = r->options.blocks,
                         .slack_percent = r->options.slack_percent};
    hc_host host = {.size = sizeof host, .memory = &r->host.memory};
    hc_status status = hc_ring_create(&host, &o, nodes, count, out);
    hci_release(&r->host, nodes, bytes);
    return status;
}

static uint32_t table_fill(const hc_replica *r, const hc_ring *ring, uint16_t *table)
{
    size_t count = 0;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        uint32_t nodes[HC_RING_REPLICAS_MAX];
        count = hc_ring_holders(ring, (uint64_t)b * r->topology.block_slots, nodes);
        for (size_t i = 0; i < count; i++)
            table[b * HOLDERS_MAX + i] = (uint16_t)hc_ring_node_at(ring, nodes[i]).user;
    }
    return (uint32_t)count;
}

/* Sums, for a set has no order. */
static void set_hashes_fill(hc_replica *r)
{
    topology *t = &r->topology;
    for (uint32_t b = 0; b < t->blocks; b++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < t->now_count; i++) {
            const hc_node_id *id = &r->peers[t->now[b * HOLDERS_MAX + i]]->member.id;
            sum += hci_hash(hc_span_make(id->bytes, sizeof id->bytes), 11);
        }
        for (uint32_t i = 0; i < t->next_count; i++) {
            const hc_node_id *id = &r->peers[t->next[b * HOLDERS_MAX + i]]->member.id;
            sum += hci_hash(hc_span_make(id->bytes, sizeof id->bytes), 12);
        }
        t->set_hash[b] = sum | 1;
    }
}

/* ---- the epoch: a Lamport clock of views ---- */

static void epoch_raise(hc_replica *r, uint64_t to)
{
    topology *t = &r->topology;
    t->epoch = to;
    r->beat_ns = r->now.now_ns; /* all hear of it at once */
    if (r->calls.view != NULL) r->calls.view(r->calls.ctx, t->epoch, t->id);
}

/* Same view: the higher epoch.  Another view, and an epoch not below: this one goes above it when
 * it changes to that view, or the other when it changes to this one; so they are told apart. */
void hci_topology_heard(hc_replica *r, uint32_t from)
{
    topology *t = &r->topology;
    const peer *p = r->peers[from];
    if (p->beat_epoch <= t->epoch || t->id == 0) return;
    if (p->beat_topology == t->id)
        epoch_raise(r, p->beat_epoch);
    else
        t->epoch_seen = p->beat_epoch > t->epoch_seen ? p->beat_epoch : t->epoch_seen;
}

hc_status hci_topology_update(hc_replica *r)
{
    topology *t = &r->topology;
    hc_ring *now, *next;
    uint64_t signature = signature_of(r);
    if (signature == t->signature) return HC_OK;
    hc_status status = ring_make(r, in_now, &now);
    if (status != HC_OK) return status;
    status = ring_make(r, in_next, &next);
    if (status != HC_OK) {
        hc_ring_destroy(now);
        return status;
    }
    t->now_count = table_fill(r, now, t->now);
    t->next_count = table_fill(r, next, t->next);
    t->joint = hc_ring_id(now) != hc_ring_id(next);
    t->id = hc_ring_id(now) * 31 + hc_ring_id(next);
    t->signature = signature;
    set_hashes_fill(r);
    epoch_raise(r, (t->epoch > t->epoch_seen ? t->epoch : t->epoch_seen) + 1);
    hc_ring_destroy(now);
    hc_ring_destroy(next);
    hci_sync_topology(r);
    return HC_OK;
}

/* ---- asking it ---- */

const uint16_t *hci_holders_now(const hc_replica *r, uint32_t slot)
{
    return &r->topology.now[block_of(r, slot) * HOLDERS_MAX];
}

const uint16_t *hci_holders_next(const hc_replica *r, uint32_t slot)
{
    return &r->topology.next[block_of(r, slot) * HOLDERS_MAX];
}

static int place_in(const uint16_t *holders, uint32_t count, uint32_t who)
{
    for (uint32_t i = 0; i < count; i++) {
        if (holders[i] == who) return (int)i;
    }
    return -1;
}

int hci_place_now(const hc_replica *r, uint32_t slot, uint32_t who)
{
    return place_in(hci_holders_now(r, slot), r->topology.now_count, who);
}

int hci_place_next(const hc_replica *r, uint32_t slot, uint32_t who)
{
    return place_in(hci_holders_next(r, slot), r->topology.next_count, who);
}

bool hci_holds(const hc_replica *r, uint32_t slot, uint32_t who)
{
    return hci_place_now(r, slot, who) >= 0 || hci_place_next(r, slot, who) >= 0;
}

bool hci_there(const hc_replica *r, uint32_t who)
{
    const peer *p = r->peers[who];
    if (p->is_self) return true;
    bool alive = p->known && p->member.state == HC_MEMBER_ALIVE;
    return alive && p->heard_ns != 0 && r->now.now_ns - p->heard_ns < ALIVE_SILENCE_NS;
}

bool hci_counts(const hc_replica *r, uint32_t slot, uint32_t who)
{
    const peer *p = r->peers[who];
    uint32_t block = block_of(r, slot);
    if (p->is_self) return bit_get(r->synced, block);
    return hci_there(r, who) && p->beat_topology == r->topology.id && bit_get(p->synced, block);
}

uint32_t hci_acting(const hc_replica *r, uint32_t slot)
{
    const uint16_t *holders = hci_holders_now(r, slot);
    uint32_t spare = NOBODY;
    for (uint32_t i = 0; i < r->topology.now_count; i++) {
        uint32_t who = holders[i];
        bool quarantined = r->peers[who]->is_self ? r->quarantined : r->peers[who]->quarantined;
        if (quarantined || !hci_there(r, who)) continue;
        if (hci_counts(r, slot, who)) return who;
        if (spare == NOBODY) spare = who;
    }
    return spare;
}

uint32_t hci_others(const hc_replica *r, uint32_t slot, uint32_t out[2 * HOLDERS_MAX])
{
    uint32_t count = 0;
    const uint16_t *now = hci_holders_now(r, slot), *next = hci_holders_next(r, slot);
    for (uint32_t i = 0; i < r->topology.now_count; i++) {
        if (now[i] != r->self) out[count++] = now[i];
    }
    for (uint32_t i = 0; i < r->topology.next_count; i++) {
        if (next[i] != r->self && hci_place_now(r, slot, next[i]) < 0) out[count++] = next[i];
    }
    return count;
}
