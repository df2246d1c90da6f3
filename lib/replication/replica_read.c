/*
 * replica_read.c - reads, as the acting primary.
 *
 * ONE answers from this node.  QUORUM asks the other holders, takes the newest version that a
 * majority shows, and when they differ writes it back to a majority before it answers, so that no
 * later read finds less.  If the value here is large, it asks for versions alone, and again for
 * values only when another one has something newer.
 *
 * A holder that lacks the key and whose floor is above the version may have known it deleted: then
 * a majority must hold the version, else it reads as a miss.  A holder of an undecided proposal
 * does not vote: a majority without it contains somebody who would know.
 */
#include "replication/replication_private.h"

#define AGAIN_NS (10 * MS)
#define DOUBT_NS (50 * MS)
#define TERSE_BYTES 4096u        /* of a value that is here */
#define PATIENCE_NS_PER_BYTE 50u /* as if stores read 20 MB/s: a machine may be very busy */

/* The command of an UPDATE is told what was found. */
static void update_reply(hc_replica *r, op *o, const entry *found, hc_reply *reply)
{
    entry before = hci_entry_live(r, found) ? *found : (entry){.version = 0}, after;
    hc_update_action action;
    reply->status = hci_request_apply(r, o, &before, &action, &after);
    if (reply->status == HC_OK && action != HC_UPDATE_KEEP) reply->status = HC_ERR_INVALID;
    reply->outcome = reply->status == HC_OK ? HC_OUTCOME_DONE : HC_OUTCOME_REFUSED;
    reply->version = before.version;
    if (reply->status == HC_OK) reply->value = hc_span_make(o->reply_bytes, o->reply_size);
}

void hci_read_reply(hc_replica *r, op *o, const entry *found)
{
    bool live = hci_entry_live(r, found);
    hc_reply reply = {.outcome = live ? HC_OUTCOME_DONE : HC_OUTCOME_ABSENT,
                      .version = found->version,
                      .have = 1,
                      .need = 1};
    if (o->request.kind == HC_REQUEST_UPDATE) {
        update_reply(r, o, found, &reply);
    } else if (live) {
        reply.value = found->value;
        reply.expires_at_ms = found->expires_at_ms;
        reply.type = (hc_type)(found->flags >> ENTRY_TYPE_SHIFT);
    }
    hci_op_reply(r, o, reply);
    hci_op_end(r, o);
}

/* What is here is large, and is likely what the others have, too. */
static bool is_terse(const op *o, const entry *here)
{
    return !o->whole && (here->flags & ENTRY_STUB) == 0 && here->value.size >= TERSE_BYTES;
}

/* Everybody has to read what is as large: no answer is late, or in doubt, before that is done. */
static void patience_for(const hc_replica *r, op *o, size_t bytes)
{
    uint64_t more_ns = bytes * PATIENCE_NS_PER_BYTE;
    o->retry_ns += more_ns;
    if (o->deadline_ns < r->now.now_ns + DOUBT_NS + 2 * more_ns)
        o->deadline_ns = r->now.now_ns + DOUBT_NS + 2 * more_ns;
}

static void seen_note(hc_replica *r, op *o, uint32_t who, uint64_t version, uint64_t floor)
{
    int place = hci_place_now(r, o->slot, who);
    if (place < 0) return;
    o->seen[place] = version;
    o->seen_floor[place] = floor;
    hci_op_vote(r, o, who, true);
}

void hci_read_run(hc_replica *r, op *o)
{
    entry here;
    uint32_t others[2 * HOLDERS_MAX], have, need;
    if (o->request.level == HC_LEVEL_ONE) {
        (void)hci_entry_get(r, o->request.key, &here);
        hci_read_reply(r, o, &here);
        return;
    }
    if (!hci_op_can(r, o->slot, HC_LEVEL_QUORUM, &have, &need)) {
        hci_op_reply(r, o,
                     (hc_reply){.outcome = HC_OUTCOME_NO_REPLICAS, .have = have, .need = need});
        hci_op_end(r, o);
        return;
    }
    o->kind = OP_READ;
    o->best = (entry){.version = 0};
    o->mixed = o->terse = false;
    hci_op_votes_clear(r, o);
    o->retry_ns = r->now.now_ns + DOUBT_NS;
    (void)hci_entry_get(r, o->request.key, &here);
    if (hci_pending_find(r, o->request.key) != NULL) {
        hci_op_vote(r, o, r->self, false);
    } else if (hci_counts(r, o->slot, r->self)) {
        o->terse = hci_op_hold(r, o, &here) && is_terse(o, &here);
        patience_for(r, o, here.value.size);
        seen_note(r, o, r->self, here.version, r->floor[o->slot]);
    }
    uint32_t count = hci_others(r, o->slot, others);
    hci_traced_own(r, HC_TRACED_SENDS, o, false);
    for (uint32_t i = 0; i < count; i++) {
        record what = {.kind = RECORD_READ,
                       .flags = o->terse ? RECORD_TERSE : 0,
                       .op = o->id,
                       .slot = o->slot,
                       .set_hash = o->set_hash,
                       .key = o->request.key,
                       .trace = o->request.trace,
                       .correlation = o->request.correlation};
        if (hci_place_now(r, o->slot, others[i]) >= 0) hci_peer_send(r, others[i], &what);
    }
    hci_read_decide(r, o, false);
}

void hci_read_take(hc_replica *r, uint32_t from, const record *what)
{
    uint32_t slot = hc_ring_slot(what->key), block = block_of(r, slot);
    record reply = {.kind = RECORD_ANSWER, .op = what->op, .expect = what->set_hash};
    entry here;
    if (what->flags & RECORD_BRIEF) {
        (void)hci_entry_get(r, what->key, &here);
        reply.entry.version = here.version > r->flush ? here.version : r->flush;
    } else if (what->set_hash != r->topology.set_hash[block] && rule(r, HCI_RULE_JOINT)) {
        reply.result = ANSWER_STALE;
    } else if (!bit_get(r->synced, block) && rule(r, HCI_RULE_G5_SYNC)) {
        reply.result = ANSWER_SYNCING;
    } else if (hci_pending_find(r, what->key) != NULL) {
        reply.result = ANSWER_PENDING;
    } else {
        (void)hci_entry_get(r, what->key, &here);
        reply.entry = here;
        bool bare = (here.flags & ENTRY_STUB) || (what->flags & RECORD_TERSE);
        reply.value = bare ? hc_span_make(NULL, 0) : here.value;
        reply.seq = r->floor[slot];
    }
    (void)hci_traced(r, from, HC_TRACED_READ, what, reply.result == ANSWER_YES);
    hci_peer_send(r, from, &reply);
}

/* Enough have answered: the newest, unless it may have been deleted. */
static void decided(hc_replica *r, op *o, bool last)
{
    if (o->best.version <= r->flush && rule(r, HCI_RULE_G7_FLUSH)) {
        entry none = {.version = 0}; /* flushed meanwhile, and whoever answered knows it by now */
        hci_read_reply(r, o, &none);
        return;
    }
    uint32_t count = r->topology.now_count, holding = 0, doubting = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!(o->yes_now >> i & 1)) continue;
        holding += o->best.version != 0 && o->seen[i] == o->best.version;
        doubting += o->best.version != 0 && o->seen[i] == 0 && o->seen_floor[i] >= o->best.version;
    }
    if (doubting > 0 && holding < hci_majority(count) && rule(r, HCI_RULE_G4_CONSULT)) {
        bool all = o->yes_now == (1u << count) - 1;
        if (!all && !last) return;
        entry none = {.version = 0};
        hci_read_reply(r, o, &none);
        return;
    }
    if (!o->mixed) {
        hci_read_reply(r, o, &o->best);
        return;
    }
    o->kind = OP_MEND;
    o->version = o->best.version;
    o->tries = 0;
    o->retry_ns = NEVER;
    hci_write_again(r, o);
}

void hci_read_decide(hc_replica *r, op *o, bool last)
{
    if (hci_op_won(r, o)) {
        decided(r, o, last);
        if (!last) return;
    } else if (hci_op_lost(r, o) || last) {
        hci_op_park(r, o, AGAIN_NS);
    }
}

void hci_read_answer(hc_replica *r, op *o, uint32_t from, const record *what)
{
    if (what->expect != o->set_hash) return;
    /* what is too far ahead could not be written back, and may be gone when the clock is right */
    bool believed = hci_clock_witness(r, what->entry.version);
    if (what->result != ANSWER_YES || !believed) {
        hci_op_vote(r, o, from, false);
    } else {
        if (o->terse && what->entry.version > o->best.version) { /* now the value is wanted */
            o->whole = true;
            hci_op_park(r, o, MS);
            return;
        }
        bool first = o->yes_now == 0;
        if (!first && what->entry.version != o->best.version) o->mixed = true;
        if (what->entry.version != 0 && !o->terse &&
            hci_entry_compare(r, &o->best, &what->entry) < 0) {
            if (!hci_op_hold(r, o, &what->entry)) return;
        }
        seen_note(r, o, from, what->entry.version, what->seq);
    }
    hci_read_decide(r, o, false);
}
