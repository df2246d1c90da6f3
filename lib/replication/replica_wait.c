/*
 * replica_wait.c - WAIT: how many nodes have a write by now?
 *
 * Any node may ask: it looks at its own store and asks the other holders for the version that they
 * have, again and again until there are enough of them or the time is over.  One that has something
 * newer has had the write; so has one that has flushed it since.
 */
#include "replication/replication_private.h"

#define ASK_NS (5 * MS)

static void note(hc_replica *r, op *o, uint32_t who, uint64_t version)
{
    int place = hci_place_now(r, o->slot, who);
    if (place >= 0 && version >= o->request.version) o->yes_now |= 1u << place;
}

/* One of those that have it is the one that acts, and does not count. */
static uint32_t copies(const op *o)
{
    uint32_t have = (uint32_t)__builtin_popcount(o->yes_now);
    return have > 0 ? have - 1 : 0;
}

void hci_wait_done(hc_replica *r, op *o)
{
    hci_op_reply(r, o,
                 (hc_reply){.outcome = HC_OUTCOME_DONE,
                            .have = copies(o),
                            .need = o->request.holders,
                            .version = o->request.version});
    hci_op_end(r, o);
}

void hci_wait_run(hc_replica *r, op *o)
{
    entry here;
    uint32_t others[2 * HOLDERS_MAX];
    if (o->kind != OP_WAIT) hci_op_votes_clear(r, o);
    o->kind = OP_WAIT;
    (void)hci_entry_get(r, o->request.key, &here);
    note(r, o, r->self, here.version > r->flush ? here.version : r->flush);
    if (copies(o) >= o->request.holders) {
        hci_wait_done(r, o);
        return;
    }
    o->retry_ns = r->now.now_ns + ASK_NS;
    uint32_t count = hci_others(r, o->slot, others);
    for (uint32_t i = 0; i < count; i++) {
        int place = hci_place_now(r, o->slot, others[i]);
        if (place < 0 || (o->yes_now >> place & 1)) continue;
        record what = {.kind = RECORD_READ,
                       .flags = RECORD_BRIEF,
                       .op = o->id,
                       .slot = o->slot,
                       .set_hash = o->set_hash,
                       .key = o->request.key};
        hci_peer_send(r, others[i], &what);
    }
}

void hci_wait_answer(hc_replica *r, op *o, uint32_t from, const record *what)
{
    if (what->result != ANSWER_YES || what->expect != o->set_hash) return;
    note(r, o, from, what->entry.version);
    if (copies(o) >= o->request.holders) hci_wait_done(r, o);
}
