/*
 * replica_consult.c - a key that this node has and a peer lacks: was it deleted, or never there?
 *
 * A peer's floor at or above the version leaves both possible (G4).  So all holders are asked:
 *     something newer, or a stub          it wins, and goes to all
 *     most are without it, with floors    it was deleted: this node drops it
 *     most have it                        it was lost there: it goes to who lacks it
 *     all have answered, and neither      dropped: a miss is always right in a cache
 *     too few answers                     left as it is, and not spread
 */
#include "replication/replication_private.h"

#define CONSULTS_MAX 256u
#define CONSULT_MS 300u

void hci_offer(hc_replica *r, uint32_t to, uint32_t slot, hc_span key, const entry *e,
               uint64_t their_floor)
{
    bool doubtful = e->version <= their_floor && !(e->flags & ENTRY_STUB);
    if (doubtful && rule(r, HCI_RULE_G4_CONSULT)) {
        hci_consult(r, slot, key, e, to);
        return;
    }
    record what = {.kind = RECORD_PUT,
                   .flags = RECORD_FORCE,
                   .set_hash = r->topology.set_hash[block_of(r, slot)],
                   .entry = *e,
                   .key = key,
                   .value = e->flags & ENTRY_STUB ? hc_span_make(NULL, 0) : e->value};
    r->stats.repaired++;
    r->peers[to]->fruit = true;
    r->tokens -= (int64_t)(what.value.size + key.size);
    hci_stream_put(r, to, slot, &what);
}

static void note(hc_replica *r, op *o, uint32_t who, uint64_t version, uint64_t floor)
{
    int place = hci_place_now(r, o->slot, who);
    if (place < 0) return;
    o->seen[place] = version;
    o->seen_floor[place] = floor;
    o->yes_now |= 1u << place;
}

void hci_consult(hc_replica *r, uint32_t slot, hc_span key, const entry *e, uint32_t towards)
{
    op *o;
    uint32_t others[2 * HOLDERS_MAX], open = 0;
    hc_request q = {.size = sizeof q, .kind = HC_REQUEST_GET, .key = key, .timeout_ms = CONSULT_MS};
    for (uint32_t i = 0; i < r->op_count; i++)
        open += r->ops[i] != NULL && r->ops[i]->kind == OP_CONSULT;
    if (open >= CONSULTS_MAX || hci_op_new(r, &q, &o) != HC_OK) return;
    r->stats.consults++;
    o->kind = OP_CONSULT;
    o->replied = true;
    o->towards = towards;
    o->version = e->version;
    hci_op_votes_clear(r, o);
    if (bit_get(r->synced, block_of(r, slot))) note(r, o, r->self, e->version, r->floor[slot]);
    uint32_t count = hci_others(r, slot, others);
    for (uint32_t i = 0; i < count; i++) {
        if (hci_place_now(r, slot, others[i]) < 0) continue;
        record what = {.kind = RECORD_CONSULT,
                       .op = o->id,
                       .slot = slot,
                       .entry = {.version = e->version},
                       .key = o->request.key};
        hci_peer_send(r, others[i], &what);
    }
}

void hci_consult_take(hc_replica *r, uint32_t from, const record *what)
{
    uint32_t slot = hc_ring_slot(what->key);
    record reply = {.kind = RECORD_ANSWER, .op = what->op, .seq = r->floor[slot]};
    entry here;
    if (!bit_get(r->synced, block_of(r, slot))) {
        reply.result = ANSWER_SYNCING;
    } else if (hci_entry_get(r, what->key, &here)) {
        reply.entry = here;
        reply.value = here.flags & ENTRY_STUB ? hc_span_make(NULL, 0) : here.value;
        if (here.version == what->entry.version && !(here.flags & ENTRY_STUB))
            reply.value = hc_span_make(NULL, 0); /* the asker has it */
    }
    hci_peer_send(r, from, &reply);
}

static void drop(hc_replica *r, op *o)
{
    if (r->floor[o->slot] < o->version) r->floor[o->slot] = o->version;
    hci_entry_drop(r, o->request.key, o->version);
    r->stats.dropped_keys++;
}

void hci_consult_decide(hc_replica *r, op *o, bool last)
{
    uint32_t count = r->topology.now_count, holding = 0, without = 0;
    bool all = o->yes_now == (1u << count) - 1;
    entry here;
    for (uint32_t i = 0; i < count; i++) {
        if (!(o->yes_now >> i & 1)) continue;
        holding += o->seen[i] >= o->version;
        without += o->seen[i] == 0 && o->seen_floor[i] >= o->version;
    }
    bool mine = hci_entry_get(r, o->request.key, &here) && here.version == o->version;
    if (!mine) {
        hci_op_end(r, o);
        return;
    }
    if (without >= hci_majority(count)) {
        drop(r, o);
    } else if (holding >= hci_majority(count)) {
        uint64_t no_floor = 0;
        hci_offer(r, o->towards, o->slot, o->request.key, &here, no_floor);
    } else if (all) {
        drop(r, o);
    } else if (!last) {
        return;
    }
    hci_op_end(r, o);
}

void hci_consult_answer(hc_replica *r, op *o, uint32_t from, const record *what)
{
    if (what->result != ANSWER_YES) return;
    bool stub = (what->entry.flags & ENTRY_STUB) != 0;
    if (what->entry.version > o->version || (what->entry.version == o->version && stub)) {
        uint32_t towards = o->towards;
        entry e = what->entry;
        (void)hci_entry_put(r, o->request.key, &e, true);
        hci_offer(r, towards, o->slot, o->request.key, &e, 0);
        hci_op_end(r, o);
        return;
    }
    note(r, o, from, what->entry.version, what->seq);
    hci_consult_decide(r, o, false);
}
