/*
 * replica_sync.c - getting the data of blocks: at the start, after a restart, on a change of the
 * ring, after a long absence.
 *
 * A node has the data of a block (it is synced) when it has merged all that enough of the other
 * holders have: so many that none of the quorums of the past can have missed them all (N - W + 1,
 * of those that have their data), or everybody else.  Until then it takes writes but does not vote,
 * and is acting primary only where nobody else is (G5).  Pulling names the ring that the asker
 * knows, and a peer that knows another does not answer: so whoever has answered refuses quorums of
 * the ring before.
 *
 * What was in the store before (from a disk, from before the absence, or from when this node held
 * the block last) is tentative: it may have been deleted since.  Tentative values that no synced
 * holder has are dropped at the end.  When all holders started at once there is nothing better, and
 * they are kept.
 *
 * Who was absent for long and lost no memory is in doubt for one reason: stubs may have gone early.
 * That raised floors, so what it has above the floors of all others was not deleted.  It is dropped
 * only when enough others have their data, so that they have all that was confirmed; else it stays,
 * for two that were absent at once may be the only ones with a confirmed write.  What it gets from
 * others in doubt tells it nothing: that may come from an old disk.
 *
 *     PULL blocks  ---->   walk: PUT PUT PUT ... CAS .. PULLED (floors; who is synced; who holds)
 *
 * The CAS are the proposals that the other one holds; this node holds them too from then on (C6).
 */
#include "replication/replication_private.h"

#include "base/hash.h"

#include <string.h>

#define PULL_NS (5000 * MS)
#define SYNC_STEP_NS (100 * MS)
#define WALK_ITEMS 200u /* at a time; of a bucket that has more, all */
#define FLOOR_BYTES 10u
#define EACH_BYTES (1u << 16)

static size_t map_bytes(const hc_replica *r)
{
    return r->topology.blocks / 8;
}

/* ---- every entry of some slots, with the store free to change ---- */

typedef struct picking {
    uint8_t *bytes;
    size_t size;
    unsigned flags; /* any of them; 0: all */
    const uint64_t *floors;
    bool full;
} picking;

static void pick_visit(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    picking *p = ctx;
    bool wanted = p->flags == 0 || (e->flags & p->flags) ||
                  (p->floors != NULL && e->version <= p->floors[slot]);
    if (!wanted) return;
    if (p->size + 12 + key.size > EACH_BYTES * 2) {
        p->full = true;
        return;
    }
    hci_put64(p->bytes + p->size, e->version);
    for (unsigned i = 0; i < 4; i++)
        p->bytes[p->size + 8 + i] = (uint8_t)(key.size >> 8 * i);
    if (key.size > 0) memcpy(p->bytes + p->size + 12, key.data, key.size);
    p->size += 12 + key.size;
}

typedef void (*entry_change)(hc_replica *r, hc_span key, uint64_t version);

static void each_picked(hc_replica *r, const uint8_t *slots, picking p, entry_change change)
{
    bool more = true;
    uint64_t cursor = 0;
    p.bytes = hci_allocate(&r->host, EACH_BYTES * 2);
    if (p.bytes == NULL) return;
    while (more) {
        uint64_t before = cursor;
        p.size = 0;
        p.full = false;
        more = hci_entries_walk(r, slots, &cursor, WALK_ITEMS, pick_visit, &p);
        for (size_t at = 0; at < p.size;) {
            size_t size = p.bytes[at + 8] | (size_t)p.bytes[at + 9] << 8 |
                          (size_t)p.bytes[at + 10] << 16 | (size_t)p.bytes[at + 11] << 24;
            change(r, hc_span_make(p.bytes + at + 12, size), hci_get64(p.bytes + at));
            at += 12 + size;
        }
        if (p.full && change == hci_entry_drop) {
            cursor = before; /* those who found no room are there still */
            more = true;
        }
    }
    hci_release(&r->host, p.bytes, EACH_BYTES * 2);
}

static void flag_change(hc_replica *r, hc_span key, uint64_t version, bool tentative)
{
    entry e;
    if (!hci_entry_get(r, key, &e) || e.version != version) return;
    if (tentative == ((e.flags & ENTRY_TENTATIVE) != 0)) return;
    uint8_t *bytes = hci_buffer_room(r, &r->build, e.value.size + 32);
    hc_span whole =
        hc_span_make(r->read.bytes, (size_t)(e.value.data - r->read.bytes) + e.value.size);
    if (bytes == NULL) return;
    memcpy(bytes, whole.data, whole.size);
    bytes[8] =
        (uint8_t)(tentative ? e.flags | ENTRY_TENTATIVE : e.flags & ~(unsigned)ENTRY_TENTATIVE);
    if (hc_store_set(r->store, key, hc_span_make(bytes, whole.size), NULL) != HC_OK)
        hci_entry_drop(r, key, version);
}

static void doubt(hc_replica *r, hc_span key, uint64_t version)
{
    flag_change(r, key, version, true);
}

static void trust(hc_replica *r, hc_span key, uint64_t version)
{
    flag_change(r, key, version, false);
}

static void trust_above_floor(hc_replica *r, hc_span key, uint64_t version)
{
    if (version <= r->floor[hc_ring_slot(key)])
        hci_entry_drop(r, key, version);
    else
        trust(r, key, version);
}

/* ---- where it stands ---- */

void hci_sync_again(hc_replica *r)
{
    memset(r->synced, 0, map_bytes(r));
    memset(r->merged, 0, r->topology.blocks * sizeof *r->merged);
    each_picked(r, NULL, (picking){.flags = 0}, doubt);
    r->alone = false;
}

/* A sum, for a set has no order. */
static uint64_t holders_set(const hc_replica *r, uint32_t slot)
{
    const uint16_t *now = hci_holders_now(r, slot);
    uint64_t sum = 1;
    for (uint32_t i = 0; i < r->topology.now_count; i++) {
        const hc_node_id *id = &r->peers[now[i]]->member.id;
        sum += hci_hash(hc_span_make(id->bytes, sizeof id->bytes), 11);
    }
    return sum | 1;
}

/* Was this node without the block since it had its data?  Either it knows so, or it was about to go
 * when it last heard, and it is not any more.  Then the holders are others now, and it has missed
 * what they did in between; or the change was called off, which does not mean that nobody acted
 * upon it: who joins may have told one holder that it is done, confirmed writes together with that
 * one, and died.
 */
static bool was_away(hc_replica *r, uint32_t block, bool holds)
{
    uint32_t slot = block * r->topology.block_slots;
    uint64_t now = holders_set(r, slot), before = r->leaving[block];
    bool known = r->merged_set[block] != 0, held = bit_get(r->held, block);
    bool goes = hci_place_now(r, slot, r->self) >= 0 && hci_place_next(r, slot, r->self) < 0;
    r->leaving[block] = goes ? now : 0;
    return holds && known && (!held || (before != 0 && (before != now || !goes)));
}

void hci_sync_topology(hc_replica *r)
{
    uint8_t doubtful[SLOT_MAP_BYTES] = {0};
    bool any = false;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        uint32_t first = b * r->topology.block_slots;
        bool holds = hci_holds(r, first, r->self);
        bool away = was_away(r, b, holds) && rule(r, HCI_RULE_G5_SYNC);
        any = any || away;
        for (uint32_t i = 0; away && i < r->topology.block_slots; i++)
            bit_set(doubtful, first + i, true);
        if (!holds || away) {
            bit_set(r->synced, b, false);
            bit_set(r->absent, b, false);
        }
        bit_set(r->held, b, holds);
        if (r->merged_set[b] != r->topology.set_hash[b]) r->merged[b] = 0;
        r->merged_set[b] = r->topology.set_hash[b];
    }
    if (any) each_picked(r, doubtful, (picking){.flags = 0}, doubt);
    r->beat_ns = r->now.now_ns;
    for (uint32_t i = 0; i < r->peer_count; i++)
        r->peers[i]->pull_op = 0;
    hci_op_topology(r);
}

/* Of the holders now, other than this node: how many have given what they have, and how many of
 * them had their data.  `merged` has a bit for the first in its low half, for the second in the
 * high one. */
typedef struct merged_counts {
    uint32_t others, all, good;
} merged_counts;

static merged_counts merged_count(const hc_replica *r, uint32_t block)
{
    merged_counts n = {0};
    const uint16_t *now = hci_holders_now(r, block * r->topology.block_slots);
    for (uint32_t i = 0; i < r->topology.now_count; i++) {
        if (now[i] == r->self) continue;
        n.others++;
        n.all += r->merged[block] >> i & 1;
        n.good += r->merged[block] >> (i + HOLDERS_MAX) & 1;
    }
    return n;
}

/* None of the quorums of the past can have missed them all. */
static bool good_enough(const hc_replica *r, const merged_counts *n)
{
    uint32_t count = r->topology.now_count;
    return n->good >= count - hci_majority(count) + 1;
}

static bool merged_enough(const hc_replica *r, const merged_counts *n)
{
    if (n->others == 0) return r->seen_nodes >= r->options.expect_nodes;
    return n->all == n->others || good_enough(r, n);
}

/* Blocks that are done: what becomes of what is left in doubt. */
typedef struct blocks_done {
    uint8_t blocks[HC_RING_BLOCKS_MAX / 8];
    bool any;
} blocks_done;

static void blocks_finish(hc_replica *r, const blocks_done *done, const uint64_t *floors,
                          entry_change change)
{
    uint8_t slots[SLOT_MAP_BYTES] = {0};
    if (!done->any) return;
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        bit_set(slots, slot, bit_get(done->blocks, block_of(r, slot)));
    each_picked(r, slots, (picking){.flags = ENTRY_TENTATIVE, .floors = floors}, change);
    r->beat_ns = r->now.now_ns;
}

static void blocks_look(hc_replica *r)
{
    blocks_done kept = {0}, whole = {0}, cleared = {0};
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        if (!bit_get(r->held, b) || bit_get(r->synced, b)) continue;
        merged_counts n = merged_count(r, b);
        if (rule(r, HCI_RULE_G5_SYNC) && !merged_enough(r, &n)) continue;
        bool only_absent = bit_get(r->absent, b) && !good_enough(r, &n);
        blocks_done *done = n.good == 0 ? &kept : only_absent ? &whole : &cleared;
        if (r->merged[b] == 0) r->alone = true;
        bit_set(done->blocks, b, true);
        done->any = true;
        bit_set(r->synced, b, true);
        bit_set(r->absent, b, false);
    }
    blocks_finish(r, &kept, NULL, trust);
    blocks_finish(r, &whole, r->floor, trust_above_floor);
    blocks_finish(r, &cleared, r->floor, hci_entry_drop);
}

/* ---- asking ---- */

static bool wants_from(const hc_replica *r, uint32_t block, uint32_t who)
{
    int place = hci_place_now(r, block * r->topology.block_slots, who);
    if (place < 0 || !bit_get(r->held, block) || bit_get(r->synced, block)) return false;
    unsigned merged = r->merged[block];
    return !(merged >> place & 1);
}

static void pull_from(hc_replica *r, uint32_t who)
{
    peer *p = r->peers[who];
    uint8_t blocks[HC_RING_BLOCKS_MAX / 8] = {0};
    bool any = false;
    if (p->is_self || !hci_there(r, who) || p->beat_topology != r->topology.id) return;
    if (p->pull_op != 0 && r->now.now_ns - p->pull_ns < PULL_NS) return;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        if (!wants_from(r, b, who)) continue;
        bit_set(blocks, b, true);
        any = true;
    }
    if (!any) return;
    p->pull_op = ++r->op_life << 16;
    p->pull_held = 0;
    p->pull_ns = r->now.now_ns;
    record what = {.kind = RECORD_PULL,
                   .op = p->pull_op,
                   .entry = {.version = r->topology.id},
                   .value = hc_span_make(blocks, map_bytes(r))};
    hci_peer_send(r, who, &what);
}

void hci_pulled_take(hc_replica *r, uint32_t from, const record *what)
{
    peer *p = r->peers[from];
    size_t map = map_bytes(r), at = 3 * map;
    const uint8_t *served = what->value.data;
    if (what->op != p->pull_op || p->pull_op == 0 || what->value.size < at) return;
    p->pull_op = 0;
    if (what->entry.version != r->topology.id) return;
    bool all_held = p->pull_held > 0 && p->pull_held == what->expect;
    for (; at + FLOOR_BYTES <= what->value.size; at += FLOOR_BYTES) {
        uint32_t slot = served[at] | (uint32_t)served[at + 1] << 8;
        uint64_t floor = hci_get64(served + at + 2);
        if (slot < SLOTS && r->floor[slot] < floor && hci_clock_witness(r, floor))
            r->floor[slot] = floor;
    }
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        int place = hci_place_now(r, b * r->topology.block_slots, from);
        if (!bit_get(served, b) || place < 0) continue;
        bool held = bit_get(served + 2 * map, b);
        if (held && !all_held && rule(r, HCI_RULE_C6_SYNC)) continue;
        r->merged[b] |= (uint16_t)(1u << place);
        if (bit_get(served + map, b)) r->merged[b] |= (uint16_t)(1u << (place + (int)HOLDERS_MAX));
    }
    blocks_look(r);
}

/* ---- answering ---- */

void hci_pull_take(hc_replica *r, uint32_t from, const record *what)
{
    walk *w = r->peers[from]->serving;
    if (what->entry.version != r->topology.id || what->value.size != map_bytes(r)) return;
    hci_walk_begin(w, 0, what->op);
    w->on = true;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        bool wanted = bit_get(what->value.data, block_of(r, slot));
        bit_set(w->slots, slot, wanted && hci_holds(r, slot, r->self));
    }
}

static void pulled_send(hc_replica *r, uint32_t to, const walk *w)
{
    size_t map = map_bytes(r), bytes = 3 * map;
    size_t most = bytes + (size_t)SLOTS * FLOOR_BYTES;
    uint8_t *list = hci_allocate(&r->host, most);
    if (list == NULL) return; /* it will ask again */
    memset(list, 0, bytes);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        uint32_t b = block_of(r, slot);
        if (!bit_get(w->slots, slot)) continue;
        bit_set(list, b, true);
        if (r->floor[slot] == 0) continue;
        list[bytes] = (uint8_t)slot;
        list[bytes + 1] = (uint8_t)(slot >> 8);
        hci_put64(list + bytes + 2, r->floor[slot]);
        bytes += FLOOR_BYTES;
    }
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        bit_set(list + map, b, bit_get(r->synced, b));
        bit_set(list + 2 * map, b, hci_pending_in(r, b));
    }
    record what = {.kind = RECORD_PULLED,
                   .op = w->op,
                   .expect = hci_pending_send(r, to, w->slots, w->op),
                   .entry = {.version = r->topology.id},
                   .value = hc_span_make(list, bytes)};
    hci_stream_put(r, to, 0, &what);
    hci_release(&r->host, list, most);
}

void hci_walk_begin(walk *w, uint64_t since, uint64_t pull_op)
{
    buffer picked = w->picked;
    *w = (walk){.since = since, .op = pull_op, .picked = picked};
}

typedef struct walk_picking {
    hc_replica *r;
    walk *w;
    bool failed;
} walk_picking;

static void walk_pick(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    walk_picking *p = ctx;
    walk *w = p->w;
    (void)slot;
    if (e->version < w->since || p->failed) return;
    size_t bytes = w->size + 4 + key.size;
    if (bytes > w->picked.capacity && hci_buffer_room(p->r, &w->picked, bytes * 2) == NULL) {
        p->failed = true;
        return;
    }
    uint8_t *to = w->picked.bytes + w->size;
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(key.size >> 8 * i);
    if (key.size > 0) memcpy(to + 4, key.data, key.size);
    w->size = bytes;
}

/* False: no memory, and nothing has changed. */
static bool walk_refill(hc_replica *r, walk *w)
{
    walk_picking p = {r, w, false};
    uint64_t before = w->cursor;
    w->at = w->size = 0;
    bool more = hci_entries_walk(r, w->slots, &w->cursor, WALK_ITEMS, walk_pick, &p);
    if (p.failed) {
        w->cursor = before;
        w->size = 0;
        return false;
    }
    w->over = !more;
    return true;
}

/* The newest that is here; it may have gone meanwhile. */
static void walk_send(hc_replica *r, uint32_t to, walk *w)
{
    const uint8_t *at = w->picked.bytes + w->at;
    size_t size = at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
    hc_span key = hc_span_make(at + 4, size);
    uint32_t slot = hc_ring_slot(key);
    entry e;
    w->at += 4 + size;
    if (!hci_entry_get(r, key, &e)) return;
    record what = {.kind = RECORD_PUT,
                   .set_hash = r->topology.set_hash[block_of(r, slot)],
                   .entry = e,
                   .key = key,
                   .value = e.flags & ENTRY_STUB ? hc_span_make(NULL, 0) : e.value};
    r->tokens -= (int64_t)(key.size + what.value.size + RECORD_BYTES_MAX);
    hci_stream_put(r, to, slot, &what);
}

/* Only a quarter of the queue is the background's, so that it never breaks a stream itself. */
bool hci_walk_step(hc_replica *r, uint32_t to, walk *w)
{
    const peer *p = r->peers[to];
    while (r->tokens > 0 && p->queue_bytes < r->options.queue_bytes_max / 4 && !p->broken) {
        if (w->at < w->size) {
            walk_send(r, to, w);
        } else if (!w->over) {
            if (!walk_refill(r, w)) return true;
        } else {
            if (w->op != 0) pulled_send(r, to, w);
            return false;
        }
    }
    return true;
}

/* ---- in time ---- */

/* Nobody else was there, and now somebody is: what each of them had is merged. */
static void company_look(hc_replica *r)
{
    bool others = false;
    for (uint32_t i = 0; i < r->peer_count; i++)
        others = others || (!r->peers[i]->is_self && hci_there(r, i));
    if (!r->alone || !others) return;
    r->alone = false;
    if (!rule(r, HCI_RULE_G5_SYNC)) return;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        uint32_t slot = b * r->topology.block_slots;
        uint32_t own = hci_place_now(r, slot, r->self) >= 0; /* one that joins is none of them */
        if (r->topology.now_count > own && r->merged[b] == 0 && hci_holds(r, slot, r->self))
            bit_set(r->synced, b, false);
    }
}

static void absence_look(hc_replica *r)
{
    uint32_t members = 0, there = 0;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        const peer *p = r->peers[i];
        if (!p->known || p->member.ring == HC_RING_OUT) continue;
        members++;
        there += hci_there(r, i);
    }
    if (there < hci_majority(members)) {
        if (r->lost_ns == 0) r->lost_ns = r->now.now_ns;
        return;
    }
    bool long_ago = r->lost_ns != 0 && r->now.now_ns - r->lost_ns > r->options.stub_keep_ms * MS;
    r->lost_ns = 0;
    if (!long_ago || !rule(r, HCI_RULE_G6_ABSENCE)) return;
    for (size_t i = 0; i < map_bytes(r); i++)
        r->absent[i] |= r->synced[i];
    hci_sync_again(r);
}

static void report(hc_replica *r)
{
    bool ready = true, flip = r->topology.joint;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        uint32_t slot = b * r->topology.block_slots;
        if (bit_get(r->held, b) && !bit_get(r->synced, b)) ready = false;
        const uint16_t *next = hci_holders_next(r, slot);
        for (uint32_t i = 0; flip && i < r->topology.next_count; i++)
            flip = hci_counts(r, slot, next[i]);
    }
    hc_member_ring ring = r->peers[r->self]->member.ring;
    flip = flip && (ring == HC_RING_JOINING || ring == HC_RING_LEAVING);
    if (ready == r->ready && flip == r->flip) return;
    r->ready = ready;
    r->flip = flip;
    if (r->calls.changed != NULL) r->calls.changed(r->calls.ctx, ready, flip);
}

uint64_t hci_sync_tick(hc_replica *r)
{
    if (r->self == NOBODY) return NEVER;
    absence_look(r);
    company_look(r);
    blocks_look(r);
    bool any = false;
    for (uint32_t b = 0; b < r->topology.blocks && !any; b++)
        any = bit_get(r->held, b) && !bit_get(r->synced, b);
    for (uint32_t i = 0; any && i < r->peer_count; i++)
        pull_from(r, i);
    report(r);
    return any ? r->now.now_ns + SYNC_STEP_NS : NEVER;
}
