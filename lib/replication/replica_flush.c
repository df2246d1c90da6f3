/*
 * replica_flush.c - FLUSH: one version for everything, and one moment for each key.
 *
 *     coordinator    HOLD ----------------->  all   accept no proposals for HOLD_NS
 *                    <------ their clocks ---
 *                    a version above all of these, in the head of every message
 *                    <------ it, in the heads of theirs: done
 *
 * What was accepted before the hold is below the version and dies with it.  A proposal that was
 * evaluated on something that dies is refused by whoever knows the version; and nobody accepts one
 * between telling its clock and knowing the version.  So no increment outlives the flush together
 * with the sum it was added to, and none that was evaluated after it is lost.
 *
 * The answer says DONE only when all knew the version while they still held; later it is
 * UNCERTAIN.  At ONE there is neither hold nor waiting.
 */
#include "replication/replication_private.h"

#define HOLD_NS (1000 * MS)
#define HOLD_TRUST_NS (800 * MS) /* counted from before it began anywhere */
#define HOLD_AGAIN_NS (100 * MS)
#define HOLD_FIRST_NS (400 * MS) /* clocks that took longer are asked for anew */

bool hci_flush_holds(const hc_replica *r)
{
    return r->now.now_ns < r->hold_until_ns && rule(r, HCI_RULE_G7_FLUSH);
}

static void hold_note(hc_replica *r, uint32_t by, uint64_t flush_op)
{
    bool same = r->hold_by == by && r->hold_op == flush_op;
    r->hold_many = hci_flush_holds(r) && (r->hold_many || !same);
    r->hold_by = by;
    r->hold_op = flush_op;
    r->hold_until_ns = r->now.now_ns + HOLD_NS;
}

/* Its version is known.  Of several holds none is let go before its time. */
static void hold_release(hc_replica *r, uint32_t by, uint64_t flush_op)
{
    if (!r->hold_many && r->hold_by == by && r->hold_op == flush_op) r->hold_until_ns = 0;
}

static bool is_needed(const peer *p)
{
    return !p->is_self && p->known && p->member.ring != HC_RING_OUT;
}

/* Nobody who counts in any quorum may be missing: all but a minority of any block's holders. */
static bool enough(const hc_replica *r, const op *o, bool second)
{
    uint32_t have = 1, members = 1, count = r->topology.now_count;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        const peer *p = r->peers[i];
        if (!is_needed(p)) continue;
        members++;
        have += second ? p->flush >= o->version : p->hold_op == o->id;
    }
    bool quorum = o->request.level == HC_LEVEL_QUORUM && count > 0;
    return have + (quorum ? count - hci_majority(count) : 0) >= members;
}

static void hold_send(hc_replica *r, const op *o)
{
    for (uint32_t i = 0; i < r->peer_count; i++) {
        const peer *p = r->peers[i];
        if (!is_needed(p) || p->hold_op == o->id) continue;
        hci_peer_send(r, i, &(record){.kind = RECORD_HOLD, .op = o->id});
    }
}

static void version_tell(hc_replica *r, op *o, uint64_t over)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (r->high[slot] > over) over = r->high[slot];
    }
    o->version = hci_clock_stamp(r, over > r->flush ? over : r->flush);
    hci_entry_flush(r, o->version);
    hold_release(r, r->self, o->id);
    for (uint32_t i = 0; i < r->peer_count; i++) {
        record release = {.kind = RECORD_HOLD, .flags = RECORD_LAST, .op = o->id};
        hci_peer_send(r, i, &release);
        hci_beat_send(r, i);
    }
}

static void hold_begin(hc_replica *r, op *o)
{
    o->began_ns = r->now.now_ns;
    hold_note(r, r->self, o->id);
    for (uint32_t i = 0; i < r->peer_count; i++)
        r->peers[i]->hold_op = 0;
    hold_send(r, o);
}

void hci_flush_run(hc_replica *r, op *o)
{
    o->kind = OP_FLUSH;
    if (o->request.level == HC_LEVEL_ONE) {
        version_tell(r, o, 0);
        hci_op_finish(r, o, HC_OUTCOME_DONE);
        return;
    }
    o->retry_ns = r->now.now_ns + HOLD_AGAIN_NS;
    hold_begin(r, o);
    hci_flush_look(r, o);
}

void hci_flush_look(hc_replica *r, op *o)
{
    if (o->version == 0) {
        if (!enough(r, o, false)) return;
        version_tell(r, o, o->expect);
    }
    if (!enough(r, o, true)) return;
    bool held = r->now.now_ns - o->began_ns < HOLD_TRUST_NS;
    hci_op_finish(r, o, held ? HC_OUTCOME_DONE : HC_OUTCOME_UNCERTAIN);
}

/* Something was lost, or somebody is slow. */
void hci_flush_again(hc_replica *r, op *o)
{
    o->retry_ns = r->now.now_ns + HOLD_AGAIN_NS;
    if (o->version != 0) {
        for (uint32_t i = 0; i < r->peer_count; i++) {
            if (r->peers[i]->flush < o->version) hci_beat_send(r, i);
        }
    } else if (r->now.now_ns - o->began_ns > HOLD_FIRST_NS) {
        hold_begin(r, o);
    } else {
        hold_send(r, o);
    }
}

/* ---- between nodes ---- */

void hci_hold_take(hc_replica *r, uint32_t from, const record *what)
{
    if (what->flags & RECORD_LAST) {
        hold_release(r, from, what->op);
        return;
    }
    hold_note(r, from, what->op);
    hci_peer_send(r, from,
                  &(record){.kind = RECORD_HELD, .op = what->op, .time = hci_clock_now(r)});
}

void hci_held_take(hc_replica *r, uint32_t from, const record *what)
{
    op *o = hci_op_find(r, what->op);
    if (o == NULL || o->kind != OP_FLUSH || o->version != 0) return;
    if (!hci_clock_witness(r, what->time)) return;
    r->peers[from]->hold_op = o->id;
    if (o->expect < what->time) o->expect = what->time;
    hci_flush_look(r, o);
}

/* A peer may know of a later flush now. */
void hci_flush_heard(hc_replica *r)
{
    for (uint32_t i = 0; i < r->op_count; i++) {
        op *o = r->ops[i];
        if (o != NULL && o->kind == OP_FLUSH) hci_flush_look(r, o);
    }
}
