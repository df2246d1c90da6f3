/*
 * replica_entry.c - versioned values in the store.
 *
 *     value in the store   | version 8 | flags 1 | expiry 8, with EXPIRES | bytes |
 *     flags                STUB 1 | EXPIRES 2 | TENTATIVE 4 | type << 4
 *
 * A stub says "deleted at this version".  An expiry is part of the value: what has expired is a
 * stub of the same version, and becomes one when the sweep meets it.  The store itself expires
 * nothing, so nothing goes without a trace but by eviction: then the slot's floor rises to the
 * highest version the slot ever had, and everything up to it is in doubt.
 *
 * Per slot: floor (a key that is absent may have been deleted at up to that version), high (the
 * highest version seen), digest (sum of a hash of key and version; equal when the same keys have
 * the same versions).  A flush is one version for all slots: all up to it is dead on arrival.
 */
#include "replication/replication_private.h"

#include "base/hash.h"
#include "store/store_internal.h"

#include <string.h>

#define HEAD_BYTES 9u
#define EXPIRY_BYTES 8u
#define PRESSED_NS (30000 * MS)
#define MIX_SEED UINT64_C(0x9E3779B97F4A7C15)

uint8_t *hci_buffer_room(hc_replica *r, buffer *b, size_t bytes)
{
    if (bytes <= b->capacity && b->bytes != NULL) return b->bytes;
    size_t capacity = bytes < 4096 ? 4096 : bytes + bytes / 4;
    uint8_t *made = hci_resize(&r->host, b->bytes, b->capacity, capacity);
    if (made == NULL) return NULL;
    b->bytes = made;
    b->capacity = capacity;
    return made;
}

/* ---- its bytes ---- */

static bool open_bytes(hc_span from, entry *out)
{
    *out = (entry){.version = 0};
    if (from.size < HEAD_BYTES) return false;
    out->version = hci_get64(from.data);
    out->flags = from.data[8];
    size_t head = HEAD_BYTES;
    if (out->flags & ENTRY_EXPIRES) {
        if (from.size < HEAD_BYTES + EXPIRY_BYTES) return false;
        out->expires_at_ms = (int64_t)hci_get64(from.data + HEAD_BYTES);
        head += EXPIRY_BYTES;
    }
    out->value = hc_span_make(from.data + head, from.size - head);
    return true;
}

void hci_entry_open(hc_replica *r, const hc_item *item, entry *out)
{
    (void)r;
    if (item->value.data == NULL || !open_bytes(item->value, out)) *out = (entry){.version = 0};
}

static hc_span close_bytes(hc_replica *r, const entry *e)
{
    size_t head = HEAD_BYTES + (e->flags & ENTRY_EXPIRES ? EXPIRY_BYTES : 0);
    size_t bytes = head + (e->flags & ENTRY_STUB ? 0 : e->value.size);
    uint8_t *to = hci_buffer_room(r, &r->build, bytes);
    if (to == NULL) return hc_span_make(NULL, 0);
    hci_put64(to, e->version);
    to[8] = (uint8_t)e->flags;
    if (e->flags & ENTRY_EXPIRES) hci_put64(to + HEAD_BYTES, (uint64_t)e->expires_at_ms);
    if (bytes > head) memcpy(to + head, e->value.data, bytes - head);
    return hc_span_make(to, bytes);
}

/* ---- reading ---- */

typedef struct reading {
    hc_replica *r;
    size_t size;
} reading;

static void *read_reserve(void *ctx, const hc_item *item)
{
    reading *to = ctx;
    to->size = item->value.size;
    return hci_buffer_room(to->r, &to->r->read, to->size + 1);
}

bool hci_entry_get(hc_replica *r, hc_span key, entry *out)
{
    reading to = {r, 0};
    hc_sink sink = {.ctx = &to, .reserve = read_reserve};
    *out = (entry){.version = 0};
    if (hc_store_read(r->store, key, &sink) != HC_OK) return false;
    if (!open_bytes(hc_span_make(r->read.bytes, to.size), out)) return false;
    if (rule(r, HCI_RULE_G7_FLUSH) && out->version <= r->flush) {
        *out = (entry){.version = 0};
        return false;
    }
    return true;
}

bool hci_entry_live(hc_replica *r, const entry *e)
{
    if (e->version == 0 || (e->flags & ENTRY_STUB)) return false;
    return !(e->flags & ENTRY_EXPIRES) || e->expires_at_ms > hci_clock_ms(r);
}

/* < 0: `a` gives way to `b`. */
int hci_entry_compare(hc_replica *r, const entry *a, const entry *b)
{
    if (a->version != b->version) return a->version < b->version ? -1 : 1;
    if (!rule(r, HCI_RULE_TIE)) return -1;
    bool a_stub = (a->flags & ENTRY_STUB) != 0, b_stub = (b->flags & ENTRY_STUB) != 0;
    if (a_stub || b_stub) return (int)a_stub - (int)b_stub;
    if (a->expires_at_ms != b->expires_at_ms) return a->expires_at_ms < b->expires_at_ms ? -1 : 1;
    uint64_t left = hci_hash(a->value, 0), right = hci_hash(b->value, 0);
    return left == right ? 0 : left < right ? -1 : 1;
}

/* ---- slots ---- */

uint64_t hci_entry_mix(hc_span key, uint64_t version)
{
    uint64_t x = hci_hash(key, 0) ^ version * MIX_SEED;
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    return x ^ x >> 29;
}

/* Under a lock of the store: what went is not told, so the slot is to be counted again. */
void hci_evicted(void *ctx, const hc_effect *effect)
{
    hc_replica *r = ctx;
    uint32_t slot = hc_ring_slot(effect->key);
    if (r->floor[slot] < r->high[slot]) r->floor[slot] = r->high[slot];
    bit_set(r->stale_digest, slot, true);
    r->pressed_ns = r->now.now_ns + PRESSED_NS;
}

static void digest_count(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    hc_replica *r = ctx;
    r->digest[slot] += hci_entry_mix(key, e->version);
}

void hci_digests_renew(hc_replica *r)
{
    uint8_t slots[SLOT_MAP_BYTES];
    uint64_t cursor = 0;
    bool any = false;
    memcpy(slots, r->stale_digest, sizeof slots);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (!bit_get(slots, slot)) continue;
        r->digest[slot] = 0;
        any = true;
    }
    memset(r->stale_digest, 0, sizeof r->stale_digest);
    while (any && hci_entries_walk(r, slots, &cursor, HC_SCAN_COUNT_MAX, digest_count, r))
        continue;
}

uint64_t hci_digest(hc_replica *r, uint32_t slot)
{
    if (bit_get(r->stale_digest, slot)) hci_digests_renew(r);
    return r->digest[slot];
}

/* ---- writing ---- */

static void remove_known(hc_replica *r, uint32_t slot, hc_span key, uint64_t version)
{
    if (hc_store_delete(r->store, key) != HC_OK) return;
    r->digest[slot] -= hci_entry_mix(key, version);
}

void hci_entry_drop(hc_replica *r, hc_span key, uint64_t version)
{
    entry e;
    if (!hci_entry_get(r, key, &e) || e.version != version) return;
    remove_known(r, hc_ring_slot(key), key, version);
}

/* No room: as if it had been written and evicted at once. */
static void write_failed(hc_replica *r, uint32_t slot, hc_span key, uint64_t before, uint64_t after)
{
    if (before != 0) remove_known(r, slot, key, before);
    if (r->floor[slot] < after) r->floor[slot] = after;
}

static put_result put_judge(hc_replica *r, uint32_t slot, const entry *here, const entry *e,
                            bool force)
{
    if (rule(r, HCI_RULE_G7_FLUSH) && e->version <= r->flush) return PUT_DEAD;
    if (!hci_clock_witness(r, e->version)) return PUT_SKEWED;
    if (here->version == 0) {
        bool doubtful = e->version <= r->floor[slot] && !force;
        return doubtful && rule(r, HCI_RULE_G4_CONSULT) ? PUT_FLOOR : PUT_APPLIED;
    }
    int order = hci_entry_compare(r, here, e);
    return order < 0 ? PUT_APPLIED : order == 0 ? PUT_SAME : PUT_OLDER;
}

put_result hci_entry_put(hc_replica *r, hc_span key, const entry *e, bool force)
{
    entry here;
    uint32_t slot = hc_ring_slot(key);
    (void)hci_entry_get(r, key, &here);
    put_result result = put_judge(r, slot, &here, e, force);
    /* what a peer has as well is not tentative any more */
    bool proven =
        result == PUT_SAME && (here.flags & ENTRY_TENTATIVE) && !(e->flags & ENTRY_TENTATIVE);
    if (result == PUT_SAME && !(e->flags & ENTRY_TENTATIVE)) hci_pending_settle(r, key, e->version);
    if (result != PUT_APPLIED && !proven) return result;
    entry stored = *e;
    if (proven) stored.flags &= ~(unsigned)ENTRY_TENTATIVE;
    if (!rule(r, HCI_RULE_G1_STUB) && (e->flags & ENTRY_STUB)) {
        if (here.version != 0) remove_known(r, slot, key, here.version);
        return result;
    }
    hc_span bytes = close_bytes(r, &stored);
    if (r->high[slot] < e->version) r->high[slot] = e->version;
    if (bytes.data == NULL || hc_store_set(r->store, key, bytes, NULL) != HC_OK) {
        write_failed(r, slot, key, here.version, e->version);
        return result;
    }
    if (here.version != 0) r->digest[slot] -= hci_entry_mix(key, here.version);
    r->digest[slot] += hci_entry_mix(key, e->version);
    if (here.version != e->version) {
        hci_clean_void(r, slot, e->version);
        if (here.version != 0 && hc_version_tag(here.version) != hc_version_tag(e->version)) {
            r->stats.resolved++;
        }
        hci_pending_settle(r, key, e->version);
    }
    return result;
}

void hci_entry_flush(hc_replica *r, uint64_t version)
{
    if (version <= r->flush || !rule(r, HCI_RULE_G7_FLUSH)) return;
    bool all = true;
    r->flush = version;
    if (r->calls.flushed != NULL) r->calls.flushed(r->calls.ctx, version);
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        all = all && r->high[slot] <= version;
    if (all) {
        hc_store_flush(r->store);
        memset(r->digest, 0, sizeof r->digest);
        memset(r->stale_digest, 0, sizeof r->stale_digest);
    } else {
        memset(r->stale_digest, 0xFF, sizeof r->stale_digest); /* the sweep removes the dead */
    }
}

/* ---- walking ---- */

#define WALK_COST_BYTES 16 /* of the background's budget, for each item looked at */

typedef struct walking {
    hc_replica *r;
    const uint8_t *slots;
    entry_visit visit;
    void *ctx;
    size_t seen; /* items, of other slots too */
} walking;

static void walk_visit(void *ctx, const hc_item *item)
{
    walking *w = ctx;
    entry e;
    uint32_t slot = hc_ring_slot(item->key);
    w->seen++;
    if (w->slots != NULL && !bit_get(w->slots, slot)) return;
    hci_entry_open(w->r, item, &e);
    if (e.version == 0) return;
    if (!w->r->show_dead && rule(w->r, HCI_RULE_G7_FLUSH) && e.version <= w->r->flush) return;
    w->visit(w->ctx, slot, item->key, &e);
}

/* Of a store made by slot: shard after shard that has any of them.  cursor: shard << 32 | place. */
static void shards_walk(walking *w, const uint8_t *shards, uint64_t *cursor, size_t count)
{
    hc_store *store = w->r->store;
    uint32_t number = (uint32_t)(*cursor >> 32), place = (uint32_t)*cursor;
    for (; number < hci_store_shards(store) && w->seen < count; number++, place = 0) {
        if (!bit_get(shards, number)) continue;
        hci_store_scan_shard(store, number, &place, count - w->seen, walk_visit, w);
        if (place != 0) break;
    }
    *cursor = number < hci_store_shards(store) ? (uint64_t)number << 32 | place : 0;
}

bool hci_entries_walk(hc_replica *r, const uint8_t *slots, uint64_t *cursor, size_t count,
                      entry_visit visit, void *ctx)
{
    walking w = {r, slots, visit, ctx, 0};
    uint8_t shards[HC_STORE_SHARDS_MAX / 8] = {0};
    uint32_t number;
    if (slots != NULL && hci_store_shard_of_slot(r->store, 0, &number)) {
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            if (slots[slot / 8] == 0) slot |= 7;
            if (!bit_get(slots, slot)) continue;
            (void)hci_store_shard_of_slot(r->store, slot, &number);
            bit_set(shards, number, true);
        }
        shards_walk(&w, shards, cursor, count);
    } else {
        hc_store_scan(r->store, cursor, count, walk_visit, &w);
    }
    if (slots != NULL) r->tokens -= (int64_t)w.seen * WALK_COST_BYTES;
    return *cursor != 0;
}
