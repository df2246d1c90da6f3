/*
 * member_table.c - the records, and what a newer one changes.
 *
 * Of two records of a node the one of the later boot is newer, then the one of the higher
 * incarnation, then the worse state: alive < suspect < dead < left.  Its place in the ring has a
 * version of its own and is merged by itself.  Merging is the same in any order and any number of
 * times, so members that have heard the same agree.
 *
 * A suspicion ends by the node's objection (a higher incarnation) or by its death.  It is long at
 * first and gets shorter with every other member that suspects the same (Lifeguard), from
 * SUSPICION_STRETCH times down to the least.
 */
#include "membership/membership_private.h"

#include "base/hash.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SLACK_NS (25 * MS) /* for the objection of one who wakes up to arrive */

/* ---- names ---- */

uint64_t hci_mark(const hc_node_id *id)
{
    uint64_t mark = hci_hash(hc_span_make(id->bytes, sizeof id->bytes), 0);
    return mark != 0 ? mark : 1;
}

bool hci_same_id(const hc_node_id *a, const hc_node_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool hci_same_address(const hc_address *a, const hc_address *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* ---- by id: open addressing, no deletion marks (the index is made anew) ---- */

static uint32_t slot_of(const hc_membership *members, const hc_node_id *id)
{
    uint32_t slot = (uint32_t)hci_mark(id) % INDEX_SLOTS;
    while (members->index[slot] != 0) {
        if (hci_same_id(&members->records[members->index[slot] - 1].member.id, id)) break;
        slot = (slot + 1) % INDEX_SLOTS;
    }
    return slot;
}

uint32_t hci_table_find(const hc_membership *members, const hc_node_id *id)
{
    uint16_t number = members->index[slot_of(members, id)];
    return number != 0 ? number - 1u : NOBODY;
}

static hc_status room_make(hc_membership *members)
{
    if (members->count < members->capacity) return HC_OK;
    uint32_t before = members->capacity, after = before == 0 ? 8 : before * 2;
    if (after > HC_MEMBERS_MAX) return HC_ERR_LIMIT;
    if (members->order_capacity < after) {
        uint32_t *order = hci_resize(&members->host, members->order, before * sizeof *order,
                                     after * sizeof *order);
        if (order == NULL) return HC_ERR_NO_MEMORY;
        members->order = order;
        members->order_capacity = after;
    }
    record *records = hci_resize(&members->host, members->records, before * sizeof *records,
                                 after * sizeof *records);
    if (records == NULL) return HC_ERR_NO_MEMORY;
    members->records = records;
    members->capacity = after;
    return HC_OK;
}

/* At a random place among those who are still to be probed in this round. */
static void order_insert(hc_membership *members, uint32_t number)
{
    uint32_t last = members->count - 1;
    uint32_t at = members->order_at + random_below(members, last - members->order_at + 1);
    members->order[last] = members->order[at];
    members->order[at] = number;
}

hc_status hci_table_add(hc_membership *members, uint64_t now_ns, const hc_member *member)
{
    hc_status status = room_make(members);
    if (status != HC_OK) return status;
    uint32_t number = members->count++;
    members->records[number] = (record){
        .member = *member, .since_ns = now_ns, .suspect_until_ns = NEVER, .retry_ns = now_ns};
    members->index[slot_of(members, &member->id)] = (uint16_t)(number + 1);
    order_insert(members, number);
    return HC_OK;
}

void hci_table_remove(hc_membership *members, uint32_t number)
{
    assert(number > 0 && number < members->count);
    hc_member gone = members->records[number].member;
    members->news -= members->records[number].sends_left > 0;
    members->records[number] = members->records[--members->count];
    memset(members->index, 0, sizeof members->index);
    for (uint32_t i = 0; i < members->count; i++)
        members->index[slot_of(members, &members->records[i].member.id)] = (uint16_t)(i + 1);
    for (uint32_t i = 0; i < members->count; i++)
        members->order[i] = i;
    members->order_at = members->count; /* shuffled anew before the next probe */
    members->calls.changed(members->calls.ctx, &gone, NULL);
}

unsigned hci_table_alive(const hc_membership *members)
{
    unsigned alive = 0;
    for (uint32_t i = 0; i < members->count; i++)
        alive += is_there(&members->records[i]);
    return alive;
}

/* ---- news ---- */

static unsigned digits_of(const hc_membership *members)
{
    return (unsigned)ceil(log10((double)members->count + 1));
}

void hci_table_tell(hc_membership *members, uint32_t number)
{
    record *r = &members->records[number];
    members->news += r->sends_left == 0;
    r->sends_left = GOSSIP_MULTIPLIER * digits_of(members);
}

void hci_table_renew(hc_membership *members, uint32_t incarnation_over)
{
    hc_member *self = &self_of(members)->member;
    if (self->incarnation < incarnation_over) self->incarnation = incarnation_over;
    self->incarnation++;
    hci_table_tell(members, 0);
}

static void state_set(hc_membership *members, uint64_t now_ns, record *r, hc_member_state state)
{
    if (state == HC_MEMBER_SUSPECT && r->member.state != state) members->stats.suspicions++;
    if (state == HC_MEMBER_DEAD && r->member.state != state) members->stats.deaths++;
    r->member.state = state;
    r->since_ns = now_ns;
    members->table_ns = 0;
    r->retry_ns = now_ns + members->options.retry_interval_ms * MS;
    if (state == HC_MEMBER_SUSPECT) return;
    r->suspect_until_ns = NEVER;
    r->accuser_count = 0;
}

/* ---- suspicion ---- */

static uint64_t suspicion_ns(const hc_membership *members, uint32_t confirmations)
{
    double n = hci_table_alive(members), digits = log10(n < 10 ? 10 : n);
    double least = (double)(members->options.pause_ms * MS + SLACK_NS);
    least -= (double)hci_probe_interval_ns(members); /* which a failed probe took before */
    least *= 0.5 + 0.5 * digits;
    uint32_t possible = n > 2 ? (uint32_t)n - 2 : 0; /* neither it nor the first accuser */
    if (possible > CONFIRMATIONS) possible = CONFIRMATIONS;
    if (possible == 0 || confirmations >= possible) return (uint64_t)least;
    double share = log((double)confirmations + 1) / log((double)possible + 1);
    return (uint64_t)(least * SUSPICION_STRETCH - least * (SUSPICION_STRETCH - 1) * share);
}

/* Notes an accuser; true: a new one, which is worth telling. */
static bool accuser_note(hc_membership *members, record *r, uint64_t accuser, bool refused)
{
    if (accuser == 0) return false;
    for (uint32_t i = 0; i < r->accuser_count; i++) {
        if (r->accusers[i] != accuser) continue;
        bool more = refused && !r->refused[i];
        r->refused[i] |= refused;
        return more;
    }
    if (r->accuser_count == ACCUSERS_MAX) return false;
    r->accusers[r->accuser_count] = accuser;
    r->refused[r->accuser_count++] = refused;
    uint32_t confirmations = r->accuser_count - 1;
    r->suspect_until_ns = r->since_ns + suspicion_ns(members, confirmations);
    members->table_ns = 0;
    return true;
}

/* Its machine answers that nothing listens there, to two members or to the only other one. */
static bool refusal_is_proof(const hc_membership *members, const record *r)
{
    unsigned refused = 0;
    for (uint32_t i = 0; i < r->accuser_count; i++)
        refused += r->refused[i];
    return refused >= 2 || (refused == 1 && hci_table_alive(members) == 2);
}

static void changed(hc_membership *members, const hc_member *before, uint32_t number)
{
    const hc_member *after = &members->records[number].member;
    if (memcmp(before, after, sizeof *before) == 0) return;
    members->calls.changed(members->calls.ctx, before, after);
}

static void suspect(hc_membership *members, uint64_t now_ns, uint32_t number, uint64_t accuser,
                    bool refused)
{
    record *r = &members->records[number];
    hc_member before = r->member;
    if (r->member.state == HC_MEMBER_ALIVE) {
        state_set(members, now_ns, r, HC_MEMBER_SUSPECT);
        r->suspect_until_ns = now_ns + suspicion_ns(members, 0);
    }
    if (accuser_note(members, r, accuser, refused)) hci_table_tell(members, number);
    if (refusal_is_proof(members, r)) {
        state_set(members, now_ns, r, HC_MEMBER_DEAD);
        hci_table_tell(members, number);
    }
    changed(members, &before, number);
}

void hci_table_accuse(hc_membership *members, uint64_t now_ns, uint32_t number, bool refused)
{
    record *r = &members->records[number];
    if (number == 0 || !is_there(r)) return;
    bool is_first = r->member.state == HC_MEMBER_ALIVE;
    suspect(members, now_ns, number, hci_mark(&self_of(members)->member.id), refused);
    if (!is_first || r->member.state != HC_MEMBER_SUSPECT) return;
    message told = hci_message_of(members, MESSAGE_GOSSIP); /* it hears of it first */
    hci_gossip_send(members, &r->member.address, false, &told, number);
}

/* ---- merging ---- */

/* What is said of this node itself. */
static void merge_self(hc_membership *members, const hc_member *said)
{
    hc_member *self = &self_of(members)->member;
    if (said->boot_id > self->boot_id) {
        /* A ghost of this node, of an earlier life with a clock that ran ahead, or a twin. */
        bool is_twin =
            said->state <= HC_MEMBER_SUSPECT && !hci_same_address(&said->address, &self->address);
        if (is_twin) {
            members->superseded = true;
            members->calls.superseded(members->calls.ctx, said);
            return;
        }
        self->boot_id = said->boot_id + 1;
        hci_table_renew(members, 0);
        return;
    }
    if (said->boot_id < self->boot_id) {
        hci_table_tell(members, 0);
        return;
    }
    if (said->state == HC_MEMBER_ALIVE || said->incarnation < self->incarnation || members->left) {
        return;
    }
    hci_table_renew(members, said->incarnation);
    members->gossip_ns = 0; /* at once: it is a matter of life */
    hci_health_change(members, 1);
    members->stats.refuted++;
}

static void merge_ring_self(hc_membership *members, const hc_member *said)
{
    hc_member *self = &self_of(members)->member;
    if (said->boot_id > self->boot_id || said->ring_version <= self->ring_version) return;
    hc_member before = *self;
    self->ring = said->ring;
    self->ring_version = said->ring_version;
    hci_table_tell(members, 0);
    changed(members, &before, 0);
}

/* Two nodes of one tag: the one of the greater id takes another. */
static void tag_settle(hc_membership *members, const hc_member *other)
{
    hc_member *self = &self_of(members)->member, before = *self;
    bool taken[HC_MEMBER_TAGS] = {false};
    if (other->tag != self->tag || other->state >= HC_MEMBER_DEAD) return;
    if (memcmp(self->id.bytes, other->id.bytes, sizeof self->id.bytes) < 0) return;
    for (uint32_t i = 1; i < members->count; i++)
        taken[members->records[i].member.tag] = true;
    while (taken[self->tag])
        self->tag = (uint16_t)((self->tag + 1) % HC_MEMBER_TAGS);
    hci_table_renew(members, 0);
    changed(members, &before, 0);
}

static bool is_newer(const hc_member *a, const hc_member *b)
{
    if (a->boot_id != b->boot_id) return a->boot_id > b->boot_id;
    if (a->incarnation != b->incarnation) return a->incarnation > b->incarnation;
    return a->state > b->state;
}

static void merge_ring(record *r, const hc_member *said)
{
    hc_member *mine = &r->member;
    if (said->ring_version < mine->ring_version) return;
    if (said->ring_version == mine->ring_version && said->ring <= mine->ring) return;
    mine->ring = said->ring;
    mine->ring_version = said->ring_version;
}

/* Takes what the node says of itself, and leaves the ring alone. */
static void take_over(hc_membership *members, uint64_t now_ns, record *r, const hc_member *said)
{
    hc_member_ring ring = r->member.ring;
    uint32_t ring_version = r->member.ring_version;
    hc_member_state state = r->member.state;
    r->member = *said;
    r->member.ring = ring;
    r->member.ring_version = ring_version;
    r->member.state = state;
    state_set(members, now_ns, r, said->state);
}

static void merge_other(hc_membership *members, uint64_t now_ns, uint32_t number, const news *what)
{
    record *r = &members->records[number];
    const hc_member *said = &what->member;
    hc_member before = r->member;
    bool same_life = said->boot_id == before.boot_id && said->incarnation == before.incarnation;
    merge_ring(r, said);
    if (said->state == HC_MEMBER_SUSPECT && (same_life || is_newer(said, &before))) {
        if (!same_life) {
            hc_member alive = *said;
            alive.state = HC_MEMBER_ALIVE;
            take_over(members, now_ns, r, &alive);
        }
        if (is_there(r)) suspect(members, now_ns, number, what->accuser, what->refused);
    } else if (is_newer(said, &before)) {
        take_over(members, now_ns, r, said);
    }
    r = &members->records[number];
    if (memcmp(&before, &r->member, sizeof before) == 0) return;
    hci_table_tell(members, number);
    changed(members, &before, number);
}

void hci_table_merge(hc_membership *members, uint64_t now_ns, const news *what)
{
    uint32_t number = hci_table_find(members, &what->member.id);
    if (number == 0) {
        merge_ring_self(members, &what->member);
        merge_self(members, &what->member);
        return;
    }
    if (number != NOBODY) {
        merge_other(members, now_ns, number, what);
    } else {
        bool gone = what->member.state >= HC_MEMBER_DEAD && what->member.ring == HC_RING_OUT;
        if (gone) return; /* who was forgotten stays so */
        hc_member said = what->member;
        if (said.state == HC_MEMBER_SUSPECT) said.state = HC_MEMBER_ALIVE;
        if (hci_table_add(members, now_ns, &said) != HC_OK) return;
        number = members->count - 1;
        hci_table_tell(members, number);
        members->calls.changed(members->calls.ctx, NULL, &members->records[number].member);
        if (what->member.state == HC_MEMBER_SUSPECT) {
            suspect(members, now_ns, number, what->accuser, what->refused);
        }
    }
    tag_settle(members, &what->member);
}

/* ---- time ---- */

/* More than half of those who hold data are here: this side may decide who does not any more. */
static bool has_ring_majority(const hc_membership *members)
{
    unsigned in = 0, alive = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        const record *r = &members->records[i];
        if (r->member.ring == HC_RING_OUT || r->member.ring == HC_RING_JOINING) continue;
        in++;
        alive += is_there(r);
    }
    return alive * 2 > in;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool passed(uint64_t since_ns, uint32_t ms, uint64_t now_ns)
{
    return now_ns - since_ns >= ms * MS;
}

uint64_t hci_table_tick(hc_membership *members, uint64_t now_ns)
{
    uint64_t next = now_ns + TABLE_LOOK_NS;
    if (now_ns < members->table_ns) return members->table_ns;
    members->table_ns = next; /* what changes below makes it sooner */
    for (uint32_t i = members->count; i-- > 1;) {
        record *r = &members->records[i];
        hc_member before = r->member;
        if (r->member.state == HC_MEMBER_SUSPECT) {
            if (r->suspect_until_ns > now_ns) {
                next = least(next, r->suspect_until_ns);
                continue;
            }
            state_set(members, now_ns, r, HC_MEMBER_DEAD);
        } else if (is_there(r)) {
            continue;
        } else if (r->member.ring != HC_RING_OUT) {
            bool over = r->member.state == HC_MEMBER_LEFT ||
                        passed(r->since_ns, members->options.evict_after_ms, now_ns);
            if (!over || !has_ring_majority(members)) continue;
            r->member.ring = HC_RING_OUT;
            r->member.ring_version += RING_VERSIONS_OUT;
        } else if (passed(r->since_ns, members->options.forget_after_ms, now_ns)) {
            hci_table_remove(members, i);
            continue;
        } else {
            continue;
        }
        hci_table_tell(members, i);
        changed(members, &before, i);
    }
    if (!members->left) next = least(next, hci_dead_tick(members, now_ns));
    return members->table_ns = least(members->table_ns, next);
}

void hci_table_shift(hc_membership *members, uint64_t by_ns)
{
    for (uint32_t i = 0; i < members->count; i++) {
        record *r = &members->records[i];
        r->since_ns += by_ns;
        if (r->suspect_until_ns != NEVER) r->suspect_until_ns += by_ns;
        r->retry_ns += by_ns;
    }
}
