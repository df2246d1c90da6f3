/*
 * replica_cas.c - writes at QUORUM: a proposal "from version e to version p", accepted by most
 * holders, then committed; or taken back by the one who made it.
 *
 *     coordinator   evaluate on e, propose p  ---CAS--->  acceptor: holds p beside e, unseen
 *                   most accepted: store p, answer        <--YES--
 *                   replicate p               ---PUT--->  p is stored, the proposal settled
 *                   most cannot: take back    --ABORT-->  forgets p
 *                   evaluate again on what is newer
 *
 *     C1  a node never uses a version twice, not even of a proposal that failed.
 *     C2  an acceptor holds one successor of its committed version at a time.
 *     C3  only the coordinator takes a proposal back; who waits for long asks it (STATUS).
 *     C4  when the coordinator's life ended, acceptors complete the proposal; they never take it
 *         back, and yield only to something newer that was committed.
 *     C5  a proposal from e proves that e was committed.
 *     C6  a node that gets its data from others neither votes, nor is done with a block while one
 *         of them holds a proposal there that it does not hold as well.
 *
 * Held proposals are kept beside the store, bounded by HC_REPLICA_PENDING_MAX: so no read, digest
 * or eviction meets them.
 */
#include "replication/replication_private.h"

#include "base/hash.h"

#include <string.h>

#define BUSY_NS (2 * MS)
#define BACKOFF_MIN_MS 5u
#define BACKOFF_MAX_MS 45u
#define ASK_NS (200 * MS)

/* ---- held proposals ---- */

static hc_span pending_key(const pending *p)
{
    return hc_span_make(p->bytes, p->key_size);
}

static entry pending_entry(const pending *p)
{
    entry e = p->entry;
    e.value = hc_span_make(p->bytes + p->key_size, p->value_size);
    return e;
}

pending *hci_pending_find(hc_replica *r, hc_span key)
{
    if (r->pending_count == 0) return NULL;
    uint64_t hash = hci_hash(key, 0);
    for (uint32_t i = 0; i < r->pending_count; i++) {
        pending *p = &r->pending[i];
        if (p->hash != hash || p->key_size != key.size) continue;
        if (key.size == 0 || memcmp(p->bytes, key.data, key.size) == 0) return p;
    }
    return NULL;
}

void hci_pending_remove(hc_replica *r, pending *p)
{
    r->pending_bytes -= p->key_size + p->value_size;
    hci_release(&r->host, p->bytes, p->key_size + p->value_size + 1);
    *p = r->pending[--r->pending_count];
}

void hci_pending_settle(hc_replica *r, hc_span key, uint64_t version)
{
    pending *p = hci_pending_find(r, key);
    if (p != NULL && p->entry.version <= version) hci_pending_remove(r, p);
}

bool hci_pending_in(const hc_replica *r, uint32_t block)
{
    for (uint32_t i = 0; i < r->pending_count; i++) {
        if (block_of(r, hc_ring_slot(pending_key(&r->pending[i]))) == block) return true;
    }
    return false;
}

static bool pending_add(hc_replica *r, hc_span key, const entry *e, uint64_t expect, uint32_t owner)
{
    if (r->pending_count == r->pending_capacity) {
        uint32_t capacity = r->pending_capacity == 0 ? 16 : r->pending_capacity * 2;
        if (capacity > HC_REPLICA_PENDING_MAX) return false;
        pending *grown = hci_resize(&r->host, r->pending, r->pending_capacity * sizeof *grown,
                                    capacity * sizeof *grown);
        if (grown == NULL) return false;
        r->pending = grown;
        r->pending_capacity = capacity;
    }
    size_t size = key.size + e->value.size;
    if (r->pending_count > 0 && r->pending_bytes + size > HC_REPLICA_REQUEST_BYTES_MAX)
        return false;
    uint8_t *bytes = hci_allocate(&r->host, size + 1);
    if (bytes == NULL) return false;
    r->pending_bytes += size;
    if (key.size > 0) memcpy(bytes, key.data, key.size);
    if (e->value.size > 0) memcpy(bytes + key.size, e->value.data, e->value.size);
    r->pending[r->pending_count++] = (pending){.hash = hci_hash(key, 0),
                                               .bytes = bytes,
                                               .key_size = key.size,
                                               .value_size = e->value.size,
                                               .entry = *e,
                                               .expect = expect,
                                               .owner = owner,
                                               .owner_boot = r->peers[owner]->member.boot_id,
                                               .ask_ns = r->now.now_ns + ASK_NS};
    return true;
}

/* ---- the coordinator ---- */

void hci_cas_resend(hc_replica *r, op *o)
{
    uint32_t others[2 * HOLDERS_MAX], count = hci_others(r, o->slot, others);
    if (hci_counts(r, o->slot, r->self)) hci_op_vote(r, o, r->self, true);
    for (uint32_t i = 0; i < count; i++) {
        int now = hci_place_now(r, o->slot, others[i]),
            next = hci_place_next(r, o->slot, others[i]);
        bool said = (now < 0 || (o->yes_now >> now & 1)) && (next < 0 || (o->yes_next >> next & 1));
        if (said) continue;
        record what = {.kind = RECORD_CAS,
                       .op = o->id,
                       .slot = o->slot,
                       .set_hash = o->set_hash,
                       .expect = o->expect,
                       .entry = o->best,
                       .key = o->request.key,
                       .value = o->best.value,
                       .trace = o->request.trace,
                       .correlation = o->request.correlation};
        hci_peer_send(r, others[i], &what);
    }
}

void hci_cas_commit(hc_replica *r, op *o)
{
    (void)hci_entry_put(r, o->request.key, &o->best, true);
    hci_pending_settle(r, o->request.key, o->best.version);
    hci_replicate(r, o->slot, o->request.key, &o->best, 0, false, &o->request);
    hci_op_finish(r, o, o->absent ? HC_OUTCOME_ABSENT : HC_OUTCOME_DONE);
}

static void abort_send(hc_replica *r, uint32_t to, hc_span key, uint64_t version)
{
    hci_peer_send(r, to,
                  &(record){.kind = RECORD_ABORT, .entry = {.version = version}, .key = key});
}

void hci_cas_back_off(hc_replica *r, op *o)
{
    r->random = r->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    uint64_t wait = BACKOFF_MIN_MS + (r->random >> 33) % (BACKOFF_MAX_MS - BACKOFF_MIN_MS);
    hci_op_park(r, o, wait * MS);
}

void hci_cas_abort(hc_replica *r, op *o)
{
    uint32_t others[2 * HOLDERS_MAX], count = hci_others(r, o->slot, others);
    pending *held = hci_pending_find(r, o->request.key);
    if (held != NULL && held->entry.version == o->best.version) hci_pending_remove(r, held);
    for (uint32_t i = 0; i < count; i++)
        abort_send(r, others[i], o->request.key, o->best.version);
    if (o->replied)
        hci_op_end(r, o);
    else
        hci_cas_back_off(r, o);
}

bool hci_cas_hold(hc_replica *r, op *o)
{
    if (!pending_add(r, o->request.key, &o->best, o->expect, r->self)) return false;
    o->kind = OP_CAS;
    hci_op_votes_clear(r, o);
    return true;
}

/* Another one has accepted it. */
static void cas_look(hc_replica *r, op *o)
{
    if (!hci_op_won(r, o)) return;
    if (o->group != 0)
        hci_group_look(r, o->group);
    else
        hci_cas_commit(r, o);
}

static bool cas_evaluate(hc_replica *r, op *o, hc_status *status)
{
    entry before, after, live;
    hc_update_action action;
    (void)hci_entry_get(r, o->request.key, &before);
    live = hci_entry_live(r, &before) ? before : (entry){.version = 0};
    o->expect = before.version;
    o->absent = false;
    *status = hci_request_apply(r, o, &live, &action, &after);
    if (*status != HC_OK) return false;
    if (action == HC_UPDATE_KEEP) after = live.version != 0 ? live : (entry){.flags = ENTRY_STUB};
    after.flags &= ~(unsigned)ENTRY_TENTATIVE;
    if (!hci_op_hold(r, o, &after)) *status = HC_ERR_NO_MEMORY;
    return *status == HC_OK;
}

/* A key that is kept as it is, is written again: only a majority knows that it is so still. */
void hci_cas_run(hc_replica *r, op *o)
{
    uint32_t have, need;
    hc_status status;
    if (!hci_op_can(r, o->slot, o->request.level, &have, &need)) {
        hci_op_reply(r, o,
                     (hc_reply){.outcome = HC_OUTCOME_NO_REPLICAS, .have = have, .need = need});
        hci_op_end(r, o);
        return;
    }
    if (hci_pending_find(r, o->request.key) != NULL || hci_flush_holds(r)) {
        hci_op_park(r, o, BUSY_NS);
        return;
    }
    if (!cas_evaluate(r, o, &status)) {
        hci_op_reply(r, o, (hc_reply){.outcome = HC_OUTCOME_REFUSED, .status = status});
        hci_op_end(r, o);
        return;
    }
    uint64_t over = o->expect > r->floor[o->slot] ? o->expect : r->floor[o->slot];
    o->best.version = o->version = hci_clock_stamp(r, over > r->flush ? over : r->flush);
    if (!hci_cas_hold(r, o)) {
        hci_op_reply(r, o, (hc_reply){.outcome = HC_OUTCOME_REFUSED, .status = HC_ERR_LIMIT});
        hci_op_end(r, o);
        return;
    }
    hci_traced_own(r, HC_TRACED_SENDS, o, false);
    hci_cas_resend(r, o);
    cas_look(r, o);
}

/* A floor or a flush refuses for good.  When most do, and have not taken it before, it was never
 * committed and never will be. */
static bool complete_hopeless(hc_replica *r, op *o, uint32_t from)
{
    uint32_t refusing = 0;
    int place = hci_place_now(r, o->slot, from);
    if (o->kind != OP_COMPLETE || place < 0) return false;
    o->seen_floor[place] = 1;
    for (uint32_t i = 0; i < r->topology.now_count; i++)
        refusing += o->seen_floor[i] != 0;
    if (refusing < hci_majority(r->topology.now_count)) return false;
    pending *held = hci_pending_find(r, o->request.key);
    if (held != NULL && held->entry.version == o->best.version) hci_pending_remove(r, held);
    hci_op_end(r, o);
    return true;
}

/* What it was evaluated on is not there and below the floor: deleted, or evicted?  All are asked,
 * so that it is either sent or dropped here before the next try. */
static void expect_doubt(hc_replica *r, const op *o, uint32_t from, uint64_t floor)
{
    entry here;
    if (o->expect == 0 || o->expect > floor) return;
    if (hci_entry_get(r, o->request.key, &here) && here.version == o->expect)
        hci_consult(r, o->slot, o->request.key, &here, from);
}

/* Something else succeeded what it was evaluated on, and may be gone again, everywhere: then others
 * cannot see any more that it is too late.  Only this node commits it, so this node can tell. */
bool hci_cas_superseded(hc_replica *r, op *o)
{
    entry here;
    (void)hci_entry_get(r, o->request.key, &here);
    if (o->kind != OP_CAS || here.version == o->expect || here.version == o->best.version)
        return false;
    if (o->group != 0)
        hci_group_lost(r, o->group);
    else
        hci_cas_abort(r, o);
    return true;
}

void hci_cas_answer(hc_replica *r, op *o, uint32_t from, const record *what)
{
    if (what->expect != o->best.version) return; /* to an earlier proposal */
    if (what->result == ANSWER_YES) {
        if (hci_cas_superseded(r, o)) return;
        hci_op_vote(r, o, from, true);
        cas_look(r, o);
        return;
    }
    if (what->result == ANSWER_NEWER) {
        uint64_t id = o->id, proposed = o->best.version;
        (void)hci_entry_put(r, o->request.key, &what->entry, true);
        o = hci_op_find(r, id);
        if (o != NULL && o->kind == OP_COMPLETE && what->entry.version > proposed) {
            hci_op_end(r, o); /* it yields to what was committed */
            return;
        }
    } else if (what->result == ANSWER_FLOOR) {
        (void)hci_clock_witness(r, what->entry.version);
        if (r->floor[o->slot] < what->entry.version && what->entry.version != r->flush)
            r->floor[o->slot] = what->entry.version;
        if (complete_hopeless(r, o, from)) return;
        if (o->kind == OP_CAS) expect_doubt(r, o, from, what->entry.version);
    }
    hci_op_vote(r, o, from, false);
    if (o->kind != OP_CAS || !hci_op_lost(r, o)) return;
    if (o->group != 0)
        hci_group_lost(r, o->group);
    else
        hci_cas_abort(r, o);
}

/* ---- the acceptor ---- */

static void answer_newer(record *reply, const entry *here)
{
    reply->result = ANSWER_NEWER;
    reply->entry = *here;
    reply->value = here->flags & ENTRY_STUB ? hc_span_make(NULL, 0) : here->value;
}

/* What is held already decides; true: nothing stands in the way. */
static bool held_judge(hc_replica *r, const record *what, record *reply)
{
    pending *held = hci_pending_find(r, what->key);
    if (held == NULL) return true;
    if (held->entry.version == what->entry.version) {
        reply->result = ANSWER_YES;
        return false;
    }
    if (held->entry.version == what->expect && rule(r, HCI_RULE_C5_PROOF)) {
        entry proven = pending_entry(held);
        (void)hci_entry_put(r, what->key, &proven, true);
        held = hci_pending_find(r, what->key);
        if (held != NULL) hci_pending_remove(r, held);
        return true;
    }
    if (held->entry.version > what->expect && rule(r, HCI_RULE_C2_ONE)) {
        reply->result = ANSWER_BUSY;
        return false;
    }
    hci_pending_remove(r, held);
    return true;
}

static bool has_accepted(hc_replica *r, const record *what)
{
    const pending *held = hci_pending_find(r, what->key);
    return held != NULL && held->entry.version == what->entry.version;
}

static void cas_judge(hc_replica *r, uint32_t from, const record *what, record *reply)
{
    uint32_t slot = hc_ring_slot(what->key), block = block_of(r, slot);
    entry here;
    bool agreed = what->set_hash == r->topology.set_hash[block] || !rule(r, HCI_RULE_JOINT);
    reply->result = ANSWER_STALE;
    if (!agreed || !hci_holds(r, slot, r->self)) return;
    reply->result = ANSWER_SYNCING;
    if (!bit_get(r->synced, block) && rule(r, HCI_RULE_C6_SYNC)) return;
    reply->result = ANSWER_FLOOR;
    reply->entry.version = r->flush > r->floor[slot] ? r->flush : r->floor[slot];
    if (what->entry.version <= r->flush || !hci_clock_witness(r, what->entry.version)) return;
    bool any = hci_entry_get(r, what->key, &here);
    if (!any && what->entry.version <= r->floor[slot]) return;
    if (!any && what->expect != 0 && what->expect <= r->floor[slot] && !has_accepted(r, what))
        return; /* evaluated on what may have been deleted since: the stub has gone */
    reply->entry.version = 0;
    if (any && here.version == what->entry.version) {
        reply->result = ANSWER_YES;
        return;
    }
    if (any && (here.version > what->entry.version ||
                (here.version > what->expect && rule(r, HCI_RULE_C2_ONE)))) {
        answer_newer(reply, &here);
        return;
    }
    if (!held_judge(r, what, reply)) return;
    bool dead = what->expect != 0 && what->expect <= r->flush; /* evaluated on what was flushed */
    if (dead && rule(r, HCI_RULE_G7_FLUSH)) {
        reply->result = ANSWER_FLOOR;
        reply->entry.version = r->flush;
        return;
    }
    bool kept = !hci_flush_holds(r) && pending_add(r, what->key, &what->entry, what->expect, from);
    reply->result = kept ? ANSWER_YES : ANSWER_BUSY;
}

static uint64_t peer_sum(const peer *p)
{
    return hci_hash(hc_span_make(p->member.id.bytes, sizeof p->member.id.bytes), 12);
}

static uint32_t peer_by_sum(const hc_replica *r, uint64_t sum)
{
    for (uint32_t i = 0; i < r->peer_count; i++)
        if (peer_sum(r->peers[i]) == sum) return i;
    return NOBODY;
}

/* What those hold who give this node its data, it holds too: so it cannot vote for another one
 * when it has its data, and need not wait until this one is decided, for which its own vote may be
 * needed.  Its coordinator stays the same; that may have been an earlier life of this node. */
static void pending_adopt(hc_replica *r, uint32_t from, const record *what)
{
    peer *p = r->peers[from];
    uint32_t owner = peer_by_sum(r, what->seq);
    if (what->op == 0 || what->op != p->pull_op || owner == NOBODY) return;
    if (owner == r->self && what->time == r->options.boot_id) {
        p->pull_held += what->entry.version; /* this node's own: it is under way, or decided */
        return;
    }
    pending *held = hci_pending_find(r, what->key);
    if (held == NULL) {
        if (!hci_clock_witness(r, what->entry.version)) return;
        if (!pending_add(r, what->key, &what->entry, what->expect, owner)) return;
        held = &r->pending[r->pending_count - 1];
        held->owner_boot = what->time;
    }
    if (held->entry.version != what->entry.version || held->pull_op == what->op) return;
    held->pull_op = what->op;
    p->pull_held += what->entry.version;
}

uint64_t hci_pending_send(hc_replica *r, uint32_t to, const uint8_t *slots, uint64_t pull_op)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->pending_count; i++) {
        const pending *held = &r->pending[i];
        entry e = pending_entry(held);
        uint32_t slot = hc_ring_slot(pending_key(held));
        if (!bit_get(slots, slot)) continue;
        record what = {.kind = RECORD_CAS,
                       .flags = RECORD_OLD,
                       .op = pull_op,
                       .slot = slot,
                       .seq = peer_sum(r->peers[held->owner]),
                       .time = held->owner_boot,
                       .expect = held->expect,
                       .entry = e,
                       .key = pending_key(held),
                       .value = e.value};
        hci_peer_send(r, to, &what);
        sum += e.version;
    }
    return sum;
}

void hci_cas_take(hc_replica *r, uint32_t from, const record *what)
{
    if (what->flags & RECORD_OLD) {
        pending_adopt(r, from, what);
        return;
    }
    record reply = {.kind = RECORD_ANSWER, .op = what->op, .expect = what->entry.version};
    cas_judge(r, from, what, &reply);
    (void)hci_traced(r, from, HC_TRACED_PROPOSAL, what, reply.result == ANSWER_YES);
    hci_peer_send(r, from, &reply);
}

void hci_abort_take(hc_replica *r, uint32_t from, const record *what)
{
    pending *held = hci_pending_find(r, what->key);
    if (held != NULL && held->entry.version == what->entry.version && held->owner == from)
        hci_pending_remove(r, held);
}

/* What is stored as proposed was committed, whatever else is in doubt here.  Something newer ends
 * the proposal; whether that is to be believed is judged as of any write. */
static void status_stored(hc_replica *r, uint32_t from, const record *what, const entry *here)
{
    uint32_t slot = hc_ring_slot(what->key);
    bool same = here->version == what->entry.version;
    record put = {.kind = RECORD_PUT,
                  .flags = same || bit_get(r->synced, block_of(r, slot)) ? RECORD_FORCE : 0,
                  .set_hash = r->topology.set_hash[block_of(r, slot)],
                  .entry = *here,
                  .key = what->key,
                  .value = here->flags & ENTRY_STUB ? hc_span_make(NULL, 0) : here->value};
    if (same) put.entry.flags &= ~(unsigned)ENTRY_TENTATIVE;
    hci_stream_put(r, from, slot, &put);
    if (!same) abort_send(r, from, what->key, what->entry.version);
}

/* Somebody holds a proposal of ours for long: what became of it? */
void hci_status_take(hc_replica *r, uint32_t from, const record *what)
{
    entry here;
    uint32_t slot = hc_ring_slot(what->key);
    uint64_t version = what->entry.version;
    pending *held = hci_pending_find(r, what->key);
    if (held != NULL && held->entry.version == version) return; /* not decided yet */
    bool any = hci_entry_get(r, what->key, &here);
    if (any && here.version >= version) {
        status_stored(r, from, what, &here);
    } else if (!any && (r->floor[slot] >= version || r->flush >= version)) {
        /* committed or not, it went since: a miss is what is left of it */
        here = (entry){.version = hci_clock_stamp(r, version), .flags = ENTRY_STUB};
        (void)hci_entry_put(r, what->key, &here, true);
        hci_replicate(r, slot, what->key, &here, 0, true, NULL);
    } else {
        abort_send(r, from, what->key, version);
    }
}

/* ---- in time ---- */

static void complete(hc_replica *r, pending *held)
{
    op *o;
    hc_request q = {.size = sizeof q,
                    .kind = HC_REQUEST_UPDATE,
                    .level = HC_LEVEL_QUORUM,
                    .key = pending_key(held)};
    entry e = pending_entry(held);
    if (hci_op_new(r, &q, &o) != HC_OK) return;
    o->replied = true; /* nobody waits */
    o->kind = OP_COMPLETE;
    o->expect = held->expect;
    o->version = e.version;
    if (!hci_op_hold(r, o, &e)) {
        hci_op_end(r, o);
        return;
    }
    held->completing = o->id;
    hci_op_votes_clear(r, o);
    hci_cas_resend(r, o);
    cas_look(r, o);
}

static bool owner_gone(const hc_replica *r, const pending *held)
{
    const peer *p = r->peers[held->owner];
    return !p->known || p->member.boot_id != held->owner_boot ||
           p->member.state == HC_MEMBER_LEFT || p->member.ring == HC_RING_OUT;
}

/* The ring has changed and this node does not hold the key any more.  Whatever was decided is with
 * those who do: they had all proposals of before settled when they got their data (C6), and since
 * then none was committed without most of them. */
static bool is_others_now(const hc_replica *r, const pending *held)
{
    return !r->topology.joint && !hci_holds(r, hc_ring_slot(pending_key(held)), r->self);
}

uint64_t hci_pending_tick(hc_replica *r)
{
    uint64_t next = NEVER;
    for (uint32_t i = r->pending_count; i-- > 0;) {
        pending *held = &r->pending[i];
        if (i >= r->pending_count || (held->owner == r->self && !owner_gone(r, held))) continue;
        if (held->entry.version <= r->flush && rule(r, HCI_RULE_G7_FLUSH)) {
            hci_pending_remove(r, held);
            continue;
        }
        if (is_others_now(r, held)) {
            hci_pending_remove(r, held);
            continue;
        }
        bool asks = r->now.now_ns >= held->ask_ns;
        if (asks && !rule(r, HCI_RULE_C3_OWNER)) {
            hci_pending_remove(r, held);
            continue;
        }
        if (owner_gone(r, held)) {
            if (!rule(r, HCI_RULE_C4_COMPLETE))
                hci_pending_remove(r, held);
            else if (hci_op_find(r, held->completing) == NULL &&
                     bit_get(r->synced, block_of(r, hc_ring_slot(pending_key(held)))))
                complete(r, held);
            next = r->now.now_ns + ASK_NS;
            continue;
        }
        if (asks) {
            held->ask_ns = r->now.now_ns + ASK_NS;
            record what = {.kind = RECORD_STATUS,
                           .entry = {.version = held->entry.version},
                           .key = pending_key(held)};
            hci_peer_send(r, held->owner, &what);
        }
        if (held->ask_ns < next) next = held->ask_ns;
    }
    return next;
}
