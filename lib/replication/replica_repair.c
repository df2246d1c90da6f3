/*
 * replica_repair.c - what two holders have is compared, and what differs is sent: anti-entropy.
 *
 *     one that asks                        its peer
 *     ROOT    one number for all    ---->  equal: CLEAN
 *                                   <----  BLOCKS  a digest a block
 *     SLOTS   of blocks that differ ---->
 *                                   <----  BUCKETS 64 digests of each slot that differs
 *     KEYS    keys and versions     ---->  sends what is newer there (PUT) or asks for it (WANT)
 *
 * Digests of buckets leave out what is younger than the cut: writes still on their way are no
 * difference.  Slots found equal are noted with the time: a stub that is older is known to the peer
 * (G2), and the peer's floor is taken over.  A key that one side lacks is offered
 * (replica_consult.c).
 */
#include "replication/replication_private.h"

#include <string.h>

#define BUCKETS 64u
#define GROUP 32u
#define MORE_NS (20 * MS) /* between rounds when one is not enough */
#define BLOCKS_A_ROUND 8u
#define CUT_MS 5000u
#define KEYS_BYTES_MAX (1u << 20)
#define KEY_HEAD_BYTES 13u /* size u32, version u64, flags u8 */

/* ---- digests ---- */

static bool shared(hc_replica *r, uint32_t with, uint32_t slot)
{
    return hci_place_now(r, slot, r->self) >= 0 && hci_place_now(r, slot, with) >= 0 &&
           hci_counts(r, slot, r->self) && hci_counts(r, slot, with);
}

static uint64_t slot_digest(hc_replica *r, uint32_t slot)
{
    return hci_digest(r, slot) + r->floor[slot] * UINT64_C(0xC2B2AE3D27D4EB4F);
}

static uint64_t block_digest(hc_replica *r, uint32_t block)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->topology.block_slots; i++) {
        uint32_t slot = block * r->topology.block_slots + i;
        sum = sum * 31 + slot_digest(r, slot);
    }
    return sum;
}

static uint64_t root_digest(hc_replica *r, uint32_t with)
{
    uint64_t sum = 0;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        if (shared(r, with, b * r->topology.block_slots)) sum = sum * 31 + block_digest(r, b);
    }
    return sum;
}

static void clean_note(hc_replica *r, uint32_t with, uint32_t slot, uint64_t version)
{
    r->peers[with]->clean[slot] = version;
}

static void clean_note_all(hc_replica *r, uint32_t with, uint64_t version)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (shared(r, with, slot)) clean_note(r, with, slot, version);
    }
}

/* Something came late: what was said of the slot does not hold for it. */
void hci_clean_void(hc_replica *r, uint32_t slot, uint64_t version)
{
    for (uint32_t i = 0; i < r->peer_count; i++) {
        peer *p = r->peers[i];
        if (!p->is_self && p->clean[slot] >= version) p->clean[slot] = version - 1;
    }
}

/* Memory is short here: what is absent was evicted, and would be again. */
static bool is_pressed(const hc_replica *r)
{
    return r->now.now_ns < r->pressed_ns;
}

/* ---- the four steps ---- */

static void root_take(hc_replica *r, uint32_t from, const record *what)
{
    hci_digests_renew(r);
    if (what->entry.version == root_digest(r, from)) {
        clean_note_all(r, from, hci_clock_now(r));
        hci_peer_send(r, from, &(record){.kind = RECORD_CLEAN, .time = what->time});
        return;
    }
    uint8_t *list = hci_buffer_room(r, &r->value, (size_t)r->topology.blocks * 10);
    size_t bytes = 0;
    if (list == NULL) return;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        if (!shared(r, from, b * r->topology.block_slots)) continue;
        list[bytes] = (uint8_t)b;
        list[bytes + 1] = (uint8_t)(b >> 8);
        hci_put64(list + bytes + 2, block_digest(r, b));
        bytes += 10;
    }
    record what_differs = {.kind = RECORD_BLOCKS,
                           .flags = is_pressed(r) ? RECORD_LAST : 0, /* no hurry */
                           .value = hc_span_make(list, bytes)};
    hci_peer_send(r, from, &what_differs);
}

static void slots_send(hc_replica *r, uint32_t to, uint32_t block)
{
    uint32_t count = r->topology.block_slots, first = block * count;
    uint8_t *list = hci_buffer_room(r, &r->value, (size_t)count * 16);
    if (list == NULL) return;
    for (uint32_t i = 0; i < count; i++) {
        hci_put64(list + 16 * i, hci_digest(r, first + i));
        hci_put64(list + 16 * i + 8, r->floor[first + i]);
    }
    record what = {
        .kind = RECORD_SLOTS, .slot = first, .value = hc_span_make(list, (size_t)count * 16)};
    hci_peer_send(r, to, &what);
}

static void blocks_take(hc_replica *r, uint32_t from, const record *what)
{
    peer *p = r->peers[from];
    uint32_t count = (uint32_t)(what->value.size / 10), sent = 0;
    uint64_t now = hci_clock_now(r);
    hci_digests_renew(r);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = what->value.data + 10 * ((i + p->repair_at) % count);
        uint32_t block = at[0] | (uint32_t)at[1] << 8;
        if (block >= r->topology.blocks) continue;
        uint32_t first = block * r->topology.block_slots;
        if (!shared(r, from, first)) continue;
        if (hci_get64(at + 2) == block_digest(r, block)) {
            for (uint32_t k = 0; k < r->topology.block_slots; k++)
                clean_note(r, from, first + k, now);
        } else if (sent < BLOCKS_A_ROUND) {
            slots_send(r, from, block);
            if (++sent == BLOCKS_A_ROUND) p->repair_at = (i + p->repair_at + 1) % count;
        }
    }
    /* there is more, and more can be mended: unlike what a node without room will never take */
    p->barren = p->fruit ? 0 : p->barren + 1;
    p->fruit = false;
    bool full = is_pressed(r) || (what->flags & RECORD_LAST);
    p->hurried = sent == BLOCKS_A_ROUND && !full && p->barren * BLOCKS_A_ROUND <= count;
    if (p->hurried) p->repair_ns = r->now.now_ns + MORE_NS;
}

/* Buckets of up to GROUP slots that lie side by side, in one walk. */
typedef struct bucketing {
    uint64_t cut;
    uint32_t first;
    uint64_t digests[GROUP][BUCKETS];
} bucketing;

static uint32_t bucket_of(hc_span key)
{
    return (uint32_t)(hci_entry_mix(key, 0) >> 58);
}

static void bucket_visit(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    bucketing *b = ctx;
    if (e->version <= b->cut)
        b->digests[slot - b->first][bucket_of(key)] += hci_entry_mix(key, e->version);
}

/* Of the `slots` that are set, all within GROUP of `first`. */
static void buckets_make(hc_replica *r, uint32_t first, const uint8_t *slots, uint64_t cut,
                         bucketing *out)
{
    uint64_t cursor = 0;
    memset(out, 0, sizeof *out);
    out->cut = cut;
    out->first = first;
    while (hci_entries_walk(r, slots, &cursor, HC_SCAN_COUNT_MAX, bucket_visit, out))
        continue;
}

static void buckets_send(hc_replica *r, uint32_t to, uint32_t first, const uint8_t *slots)
{
    bucketing b;
    uint8_t list[8 * BUCKETS];
    uint64_t back = (uint64_t)CUT_MS << 22, now = hci_clock_now(r);
    buckets_make(r, first, slots, now > back ? now - back : 0, &b);
    for (uint32_t i = 0; i < GROUP && first + i < SLOTS; i++) {
        if (!bit_get(slots, first + i)) continue;
        for (uint32_t k = 0; k < BUCKETS; k++)
            hci_put64(list + (size_t)8 * k, b.digests[i][k]);
        record what = {.kind = RECORD_BUCKETS,
                       .slot = first + i,
                       .time = b.cut,
                       .value = hc_span_make(list, sizeof list)};
        hci_peer_send(r, to, &what);
    }
}

/* One slot of the other: its digest and floor.  True: it differs. */
static bool slot_look(hc_replica *r, uint32_t from, uint32_t slot, const uint8_t *at)
{
    if (!shared(r, from, slot)) return false;
    uint64_t floor = hci_get64(at + 8);
    if (hci_get64(at) != hci_digest(r, slot)) return true;
    clean_note(r, from, slot, hci_clock_now(r));
    if (r->floor[slot] < floor && hci_clock_witness(r, floor)) r->floor[slot] = floor;
    return false;
}

static void slots_take(hc_replica *r, uint32_t from, const record *what)
{
    uint32_t count = r->topology.block_slots;
    if (what->value.size != (size_t)count * 16 || what->slot % count != 0) return;
    for (uint32_t i = 0; i < count; i += GROUP) {
        uint8_t slots[SLOT_MAP_BYTES] = {0};
        bool any = false;
        for (uint32_t k = i; k < count && k < i + GROUP; k++) {
            bool differs = slot_look(r, from, what->slot + k, what->value.data + (size_t)16 * k);
            bit_set(slots, what->slot + k, differs);
            any = any || differs;
        }
        /* without budget the rest waits for another round */
        if (any && r->tokens > 0) buckets_send(r, from, what->slot + i, slots);
    }
}

/* ---- single keys ---- */

typedef struct listing {
    uint64_t cut, mask;
    uint8_t *bytes;
    size_t size;
    bool cut_short;
} listing;

static void list_visit(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    listing *l = ctx;
    (void)slot;
    if (e->version > l->cut || !(l->mask >> bucket_of(key) & 1)) return;
    if (l->size + KEY_HEAD_BYTES + key.size > KEYS_BYTES_MAX) {
        l->cut_short = true;
        return;
    }
    uint8_t *to = l->bytes + l->size;
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(key.size >> 8 * i);
    hci_put64(to + 4, e->version);
    to[12] = (uint8_t)e->flags;
    if (key.size > 0) memcpy(to + KEY_HEAD_BYTES, key.data, key.size);
    l->size += KEY_HEAD_BYTES + key.size;
}

/* Takes the next of a list; false: the end. */
static bool list_take(hc_span *list, hc_span *key, entry *e)
{
    if (list->size < KEY_HEAD_BYTES) return false;
    const uint8_t *at = list->data;
    size_t size = at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
    if (size > list->size - KEY_HEAD_BYTES || size > HC_KEY_BYTES_MAX) return false;
    *e = (entry){.version = hci_get64(at + 4), .flags = at[12]};
    *key = hc_span_make(at + KEY_HEAD_BYTES, size);
    *list = hc_span_make(at + KEY_HEAD_BYTES + size, list->size - KEY_HEAD_BYTES - size);
    return true;
}

static void buckets_take(hc_replica *r, uint32_t from, const record *what)
{
    bucketing mine;
    uint8_t slots[SLOT_MAP_BYTES] = {0};
    uint64_t cursor = 0;
    listing l = {.cut = what->time};
    if (what->value.size != (size_t)8 * BUCKETS || !shared(r, from, what->slot)) return;
    bit_set(slots, what->slot, true);
    buckets_make(r, what->slot, slots, what->time, &mine);
    for (uint32_t i = 0; i < BUCKETS; i++) {
        bool differs = mine.digests[0][i] != hci_get64(what->value.data + (size_t)8 * i);
        l.mask |= (uint64_t)differs << i;
    }
    l.bytes = l.mask != 0 ? hci_buffer_room(r, &r->value, KEYS_BYTES_MAX) : NULL;
    if (l.bytes == NULL) return;
    while (hci_entries_walk(r, slots, &cursor, HC_SCAN_COUNT_MAX, list_visit, &l))
        continue;
    record keys = {.kind = RECORD_KEYS,
                   .flags = l.cut_short || is_pressed(r) ? 0 : RECORD_LAST,
                   .slot = what->slot,
                   .time = l.cut,
                   .seq = l.mask,
                   .entry = {.version = r->floor[what->slot]},
                   .value = hc_span_make(l.bytes, l.size)};
    hci_peer_send(r, from, &keys);
}

typedef struct comparing {
    hc_replica *r;
    uint32_t with;
    const record *keys;
} comparing;

static bool list_find(hc_span list, hc_span key, entry *out)
{
    hc_span at;
    while (list_take(&list, &at, out)) {
        if (at.size == key.size && (key.size == 0 || memcmp(at.data, key.data, key.size) == 0))
            return true;
    }
    return false;
}

/* One of ours: do they lack it, or have an older one? */
static void compare_visit(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    comparing *c = ctx;
    entry theirs;
    if (e->version > c->keys->time || !(c->keys->seq >> bucket_of(key) & 1)) return;
    if (!list_find(c->keys->value, key, &theirs)) {
        bool lacks = (c->keys->flags & RECORD_LAST) != 0;
        if (lacks) hci_offer(c->r, c->with, slot, key, e, c->keys->entry.version);
    } else if (theirs.version < e->version) {
        hci_offer(c->r, c->with, slot, key, e, 0);
    }
}

/* Keys of theirs that are newer, or missing here. */
static size_t wanted_list(hc_replica *r, uint32_t slot, hc_span list, uint8_t *to)
{
    uint64_t unwanted = is_pressed(r) ? r->floor[slot] : 0;
    hc_span key;
    entry theirs, mine;
    size_t bytes = 0;
    while (list_take(&list, &key, &theirs)) {
        (void)hci_entry_get(r, key, &mine);
        if (theirs.version <= mine.version || theirs.version <= r->flush) continue;
        if (mine.version == 0 && theirs.version <= unwanted) continue;
        memcpy(to + bytes, key.data - KEY_HEAD_BYTES, KEY_HEAD_BYTES + key.size);
        hci_put64(to + bytes + 4, mine.version);
        bytes += KEY_HEAD_BYTES + key.size;
    }
    return bytes;
}

static void keys_take(hc_replica *r, uint32_t from, const record *what)
{
    uint8_t slots[SLOT_MAP_BYTES] = {0};
    uint64_t cursor = 0;
    comparing c = {r, from, what};
    if (!shared(r, from, what->slot)) return;
    bit_set(slots, what->slot, true);
    while (hci_entries_walk(r, slots, &cursor, HC_SCAN_COUNT_MAX, compare_visit, &c))
        continue;
    uint8_t *list = hci_buffer_room(r, &r->value, what->value.size + 1);
    if (list == NULL) return;
    size_t bytes = wanted_list(r, what->slot, what->value, list);
    record want = {.kind = RECORD_WANT,
                   .slot = what->slot,
                   .entry = {.version = r->floor[what->slot]},
                   .value = hc_span_make(list, bytes)};
    if (bytes > 0) hci_peer_send(r, from, &want);
}

/* `version` in the list is what they have: 0 for nothing, and then their floor counts. */
static void want_take(hc_replica *r, uint32_t from, const record *what)
{
    hc_span list = what->value, key;
    entry theirs, mine;
    if (!shared(r, from, what->slot)) return;
    while (list_take(&list, &key, &theirs)) {
        uint32_t slot = hc_ring_slot(key);
        if (slot != what->slot || !hci_entry_get(r, key, &mine)) continue;
        hci_offer(r, from, slot, key, &mine, theirs.version == 0 ? what->entry.version : 0);
    }
}

void hci_repair_take(hc_replica *r, uint32_t from, const record *what)
{
    if (r->peers[from]->beat_topology != r->topology.id) return;
    switch ((int)what->kind) {
    case RECORD_ROOT:
        root_take(r, from, what);
        break;
    case RECORD_CLEAN:
        if (what->time != 0 && what->time == r->peers[from]->root_hlc)
            clean_note_all(r, from, what->time);
        break;
    case RECORD_BLOCKS:
        blocks_take(r, from, what);
        break;
    case RECORD_SLOTS:
        slots_take(r, from, what);
        break;
    case RECORD_BUCKETS:
        buckets_take(r, from, what);
        break;
    case RECORD_KEYS:
        keys_take(r, from, what);
        break;
    case RECORD_WANT:
        want_take(r, from, what);
        break;
    default:
        break;
    }
}

/* ---- in time ---- */

uint64_t hci_repair_tick(hc_replica *r)
{
    uint64_t next = NEVER, interval = r->options.repair_interval_ms * MS;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        peer *p = r->peers[i];
        if (p->is_self || !hci_there(r, i) || p->beat_topology != r->topology.id) continue;
        if (r->now.now_ns >= p->repair_ns && r->tokens > 0 && !p->broken) {
            r->random = r->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            p->repair_ns = r->now.now_ns + interval / 2 + (r->random >> 33) % (interval + 1);
            hci_digests_renew(r);
            p->root_hlc = hci_clock_now(r);
            r->stats.repair_rounds++;
            if (!p->hurried) p->barren = 0;
            p->hurried = false;
            record what = {
                .kind = RECORD_ROOT, .time = p->root_hlc, .entry = {.version = root_digest(r, i)}};
            hci_peer_send(r, i, &what);
        }
        if (p->repair_ns < next) next = p->repair_ns;
    }
    return next;
}
