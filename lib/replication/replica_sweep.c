/*
 * replica_sweep.c - a slow walk through everything: stubs whose time is over, values that expired,
 * slots that moved away, what a flush left.
 *
 *     a stub   all holders have it (G2), and it is older than stub_hold_ms     goes
 *              most have it, all have their data, older than stub_keep_ms      goes, and the
 *                                                                 slot's floor rises to it (G3)
 *     a value that expired                                        becomes a stub
 *     a slot that this node does not hold any more                goes, when all holders have it
 */
#include "replication/replication_private.h"

#include <string.h>

#define SWEEP_NS (100 * MS)
#define SWEEP_ITEMS 256u
#define FOUND_BYTES (1u << 17)

typedef enum found { FOUND_STUB = 1, FOUND_EXPIRED = 2, FOUND_MOVED = 3, FOUND_DEAD = 4 } found;

typedef struct sweeping {
    hc_replica *r;
    uint8_t *bytes; /* what u8, version u64, size u32, key */
    size_t size;
    uint64_t stubs;
} sweeping;

static bool moved_away(hc_replica *r, uint32_t slot)
{
    if (hci_holds(r, slot, r->self) || r->topology.joint) return false;
    const uint16_t *now = hci_holders_now(r, slot);
    for (uint32_t i = 0; i < r->topology.now_count; i++) {
        if (!hci_counts(r, slot, now[i])) return false;
    }
    return r->topology.now_count > 0;
}

static void sweep_visit(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    sweeping *s = ctx;
    hc_replica *r = s->r;
    unsigned what = 0;
    bool stub = (e->flags & ENTRY_STUB) != 0;
    s->stubs += stub;
    if (rule(r, HCI_RULE_G7_FLUSH) && e->version <= r->flush)
        what = FOUND_DEAD;
    else if (moved_away(r, slot))
        what = FOUND_MOVED;
    else if (stub)
        what = FOUND_STUB;
    else if (!hci_entry_live(r, e))
        what = FOUND_EXPIRED;
    if (what == 0 || s->size + 13 + key.size > FOUND_BYTES) return;
    uint8_t *to = s->bytes + s->size;
    to[0] = (uint8_t)what;
    hci_put64(to + 1, e->version);
    for (unsigned i = 0; i < 4; i++)
        to[9 + i] = (uint8_t)(key.size >> 8 * i);
    if (key.size > 0) memcpy(to + 13, key.data, key.size);
    s->size += 13 + key.size;
}

static void stub_look(hc_replica *r, hc_span key, uint64_t version)
{
    uint32_t slot = hc_ring_slot(key), others[2 * HOLDERS_MAX];
    uint32_t count = hci_others(r, slot, others), confirmed = 0, syncing = 0;
    int64_t age_ms = hci_clock_ms(r) - hc_version_wall_ms(version);
    if (age_ms < (int64_t)r->options.stub_hold_ms) return;
    for (uint32_t i = 0; i < count; i++) {
        confirmed += r->peers[others[i]]->clean[slot] >= version;
        syncing += !hci_counts(r, slot, others[i]);
    }
    syncing += !hci_counts(r, slot, r->self);
    bool all = confirmed == count && syncing == 0;
    bool most = confirmed + 1 >= hci_majority(count + 1) && syncing == 0 &&
                age_ms >= (int64_t)r->options.stub_keep_ms;
    if (!all && !most && rule(r, HCI_RULE_G3_HOLD)) return;
    if (!all && rule(r, HCI_RULE_G3_HOLD) && r->floor[slot] < version) r->floor[slot] = version;
    hci_entry_drop(r, key, version);
    r->stats.stubs_dropped++;
}

static void expired_look(hc_replica *r, hc_span key, uint64_t version)
{
    entry e;
    if (!hci_entry_get(r, key, &e) || e.version != version || hci_entry_live(r, &e)) return;
    entry stub = {.version = version, .flags = ENTRY_STUB};
    (void)hci_entry_put(r, key, &stub, true);
}

static void sweep_act(hc_replica *r, const sweeping *s)
{
    for (size_t at = 0; at < s->size;) {
        const uint8_t *from = s->bytes + at;
        size_t size =
            from[9] | (size_t)from[10] << 8 | (size_t)from[11] << 16 | (size_t)from[12] << 24;
        uint64_t version = hci_get64(from + 1);
        hc_span key = hc_span_make(from + 13, size);
        if (from[0] == FOUND_STUB)
            stub_look(r, key, version);
        else if (from[0] == FOUND_EXPIRED)
            expired_look(r, key, version);
        else if (from[0] == FOUND_MOVED)
            hci_entry_drop(r, key, version);
        else if (hc_store_delete(r->store, key) == HC_OK)
            bit_set(r->stale_digest, hc_ring_slot(key), true);
        at += 13 + size;
    }
}

uint64_t hci_sweep_tick(hc_replica *r)
{
    if (r->now.now_ns < r->sweep_ns) return r->sweep_ns;
    r->sweep_ns = r->now.now_ns + SWEEP_NS;
    if (r->self == NOBODY) return r->sweep_ns;
    sweeping s = {.r = r, .bytes = hci_allocate(&r->host, FOUND_BYTES)};
    if (s.bytes == NULL) return r->sweep_ns;
    if (r->sweep_cursor == 0) {
        r->stats.stubs = r->stubs_seen;
        r->stubs_seen = 0;
    }
    r->show_dead = true;
    (void)hci_entries_walk(r, NULL, &r->sweep_cursor, SWEEP_ITEMS, sweep_visit, &s);
    r->show_dead = false;
    r->stubs_seen += s.stubs;
    sweep_act(r, &s);
    hci_release(&r->host, s.bytes, FOUND_BYTES);
    return r->sweep_ns;
}
