/*
 * replica_stream.c - writes to a peer in order, until it confirms them.
 *
 *     sender    frames 5 6 7 8 wait     <----- ACK 4 -----   receiver: 4 was the last in order
 *               resend from 5 when nothing was confirmed for RESEND_NS
 *
 * Frames are numbered within a stream; the receiver takes them in order and nothing else, and
 * confirms the last, all before it included.  So a link that breaks and loses loses nothing.
 *
 * What waits is bounded.  When a peer is dead, or more waits than queue_bytes_max, or a frame is
 * too old to count as fresh, the stream breaks: frames are forgotten, and of each write only the
 * slot is kept, one bit, and one version for all: when it broke.  That is the peer's hint.  When it
 * is back, a new stream starts, and a walk through its dirty slots sends what is newer than that
 * version, in its present state.  The memory of hints is 2 KiB a peer, however long it is away.
 */
#include "replication/replication_private.h"

#include <string.h>

#define RESEND_NS_PER_BYTE 100u
#define RESEND_MORE_NS_MAX (4000 * MS)
#define HINT_MARGIN_MS 15000u /* versions so much older may still have been under way */
#define RESEND_BYTES_MAX (1u << 20)
#define MEND_NS                                                                                    \
    (50 * MS) /* a stream that broke rests so long, so that no peer breaks it without end */
#define WALK_STEP_NS (5 * MS)

static void frames_free(hc_replica *r, peer *p, uint64_t up_to)
{
    while (p->first != NULL && p->first->seq <= up_to) {
        frame *gone = p->first;
        p->first = gone->next;
        p->queue_bytes -= gone->bytes;
        r->stats.queue_bytes -= gone->bytes;
        if (gone->bytes > LARGE_RECORD_BYTES) {
            p->large--;
            hci_pieces_forget(r, p, gone);
        }
        hci_release(&r->host, gone, sizeof *gone + gone->room);
    }
    if (p->first == NULL) p->last = NULL;
}

static bool frame_slot(const frame *f, uint32_t *slot_out)
{
    record what;
    hc_span bytes = hc_span_make(f + 1, f->bytes);
    if (hci_wire_take(&bytes, &what) != 1 || what.kind != RECORD_PUT) return false;
    *slot_out = what.slot;
    return true;
}

void hci_dirty(hc_replica *r, peer *p, uint32_t slot)
{
    if (p->is_self || bit_get(p->dirty, slot)) return;
    bit_set(p->dirty, slot, true);
    p->dirty_count++;
    r->stats.dirty_slots++;
}

static uint64_t version_before(hc_replica *r, uint64_t ms)
{
    uint64_t now = hci_clock_now(r), back = ms << 22;
    return now > back ? now - back : 0;
}

/* A link of 10 MB/s may be all there is, or a machine that is busy: what is still on its way must
 * not be sent again on top. */
static uint64_t patience_ns(const peer *p)
{
    uint64_t more_ns = p->queue_bytes * RESEND_NS_PER_BYTE;
    return RESEND_NS + (more_ns < RESEND_MORE_NS_MAX ? more_ns : RESEND_MORE_NS_MAX);
}

static void stream_break(hc_replica *r, peer *p)
{
    uint32_t slot;
    uint64_t since = version_before(r, HINT_MARGIN_MS);
    if (p->first != NULL) {
        uint64_t age_ms = (r->now.now_ns - p->first->made_ns) / MS;
        since = version_before(r, HINT_MARGIN_MS + age_ms);
    }
    /* what a walk had sent and was not confirmed is owed still, and may be older */
    if (p->hints->on && p->hints->since < since) since = p->hints->since;
    if (p->dirty_count == 0 || since < p->broken_since) p->broken_since = since;
    for (const frame *f = p->first; f != NULL; f = f->next) {
        if (frame_slot(f, &slot)) hci_dirty(r, p, slot);
    }
    frames_free(r, p, UINT64_MAX);
    p->stream++;
    p->seq = p->acked = p->sent = 0;
    p->broken = true;
    p->mend_ns = r->now.now_ns + MEND_NS;
    p->serving->on = false; /* whoever pulled will ask again */
}

/* A new life of the peer, or the end of ours. */
void hci_stream_reset(hc_replica *r, peer *p)
{
    if (p->is_self || p->serving == NULL) return; /* or half made */
    stream_break(r, p);
}

/* Of large ones one waits beside what fits; it is made where it stays. */
static frame *frame_make(hc_replica *r, peer *p, record *what)
{
    size_t most = RECORD_BYTES_MAX + what->key.size + what->value.size + what->correlation.size;
    size_t room = most;
    size_t queue_max = r->options.queue_bytes_max;
    bool large = most > LARGE_RECORD_BYTES;
    bool fits = p->first == NULL || p->queue_bytes + most <= queue_max ||
                (large && p->large == 0 && p->queue_bytes <= queue_max);
    uint8_t *scratch = large ? NULL : hci_buffer_room(r, &r->value, most);
    if (!fits || (!large && scratch == NULL)) return NULL;
    what->stream = p->stream;
    what->seq = p->seq + 1;
    if (!large) room = hci_wire_put(scratch, what);
    frame *f = hci_allocate(&r->host, sizeof *f + room);
    if (f == NULL) return NULL;
    *f = (frame){.seq = what->seq, .made_ns = r->now.now_ns, .bytes = room, .room = room};
    if (large)
        f->bytes = hci_wire_put((uint8_t *)(f + 1), what);
    else
        memcpy(f + 1, scratch, room);
    p->large += f->bytes > LARGE_RECORD_BYTES;
    return f;
}

/* A large one that finds no room does not break the stream, or none would ever pass while others
 * come: it is owed, and the walk brings it when there is room. */
static void frame_missed(hc_replica *r, peer *p, uint32_t slot, const record *what)
{
    bool large = what->key.size + what->value.size > LARGE_RECORD_BYTES;
    if (!p->broken && !large) stream_break(r, p);
    if (what->kind != RECORD_PUT) return;
    if (p->dirty_count == 0 && !p->broken) p->broken_since = version_before(r, HINT_MARGIN_MS);
    hci_dirty(r, p, slot);
}

/* False: not before what is on its way in pieces. */
static bool frame_send(hc_replica *r, uint32_t to, const frame *f)
{
    peer *p = r->peers[to];
    if (hci_pieces_stream(p)) return false;
    if (f->bytes > LARGE_RECORD_BYTES) {
        if (!hci_pieces_send_frame(r, to, f)) return false;
    } else {
        record what;
        hc_span from = hc_span_make(f + 1, f->bytes);
        if (hci_wire_take(&from, &what) == 1) hci_peer_send(r, to, &what);
    }
    p->sent = f->seq;
    return true;
}

void hci_stream_pump(hc_replica *r, uint32_t to)
{
    const peer *p = r->peers[to];
    size_t bytes = 0;
    if (p->sent >= p->seq) return;
    for (const frame *f = p->first; f != NULL && bytes < RESEND_BYTES_MAX; f = f->next) {
        if (f->seq <= p->sent) continue;
        if (!frame_send(r, to, f)) return;
        bytes += f->bytes;
    }
}

void hci_stream_put(hc_replica *r, uint32_t to, uint32_t slot, record *what)
{
    peer *p = r->peers[to];
    if (p->is_self) return;
    what->slot = slot;
    what->time = hci_clock_now(r);
    if (!p->broken && (!p->known || p->member.state >= HC_MEMBER_DEAD)) stream_break(r, p);
    frame *f = p->broken ? NULL : frame_make(r, p, what);
    if (f == NULL) {
        frame_missed(r, p, slot, what);
        return;
    }
    bool is_first = p->first == NULL;
    if (p->last != NULL)
        p->last->next = f;
    else
        p->first = f;
    p->last = f;
    p->seq = f->seq;
    p->queue_bytes += f->bytes;
    if (is_first) p->resend_ns = r->now.now_ns + patience_ns(p);
    r->stats.queue_bytes += f->bytes;
    if (p->sent + 1 == f->seq) (void)frame_send(r, to, f);
}

void hci_replicate(hc_replica *r, uint32_t slot, hc_span key, const entry *e, uint64_t op_id,
                   bool force, const hc_request *of)
{
    uint32_t others[2 * HOLDERS_MAX], count = hci_others(r, slot, others);
    for (uint32_t i = 0; i < count; i++) {
        record what = {.kind = RECORD_PUT,
                       .flags = force ? RECORD_FORCE : 0,
                       .op = op_id,
                       .set_hash = r->topology.set_hash[block_of(r, slot)],
                       .entry = *e,
                       .key = key,
                       .value = e->flags & ENTRY_STUB ? hc_span_make(NULL, 0) : e->value};
        if (of != NULL) {
            what.trace = of->trace;
            what.correlation = of->correlation;
        }
        hci_stream_put(r, others[i], slot, &what);
    }
}

/* ---- the other side ---- */

static answer put_answer(put_result result)
{
    switch (result) {
    case PUT_APPLIED:
    case PUT_SAME:
        return ANSWER_YES;
    case PUT_FLOOR:
        return ANSWER_FLOOR;
    case PUT_OLDER:
    case PUT_DEAD:
    case PUT_SKEWED:
        break;
    }
    return ANSWER_NEWER;
}

static void put_take(hc_replica *r, uint32_t from, const record *what)
{
    uint32_t slot = hc_ring_slot(what->key), block = block_of(r, slot);
    int64_t age_ms = hci_clock_ms(r) - hc_version_wall_ms(what->time);
    record reply = {.kind = RECORD_ANSWER, .op = what->op, .expect = what->entry.version};
    bool large = what->value.size > LARGE_RECORD_BYTES; /* its pieces took their time */
    if (rule(r, HCI_RULE_AGE) && age_ms > STREAM_AGE_MAX_MS && !large) {
        r->stats.refused++;
        return; /* repair will carry it, if it is still so */
    }
    bool no_doubts = bit_get(r->synced, block) || bit_get(r->absent, block);
    bool doubtful = (what->entry.flags & ENTRY_TENTATIVE) && no_doubts;
    if (!hci_holds(r, slot, r->self) || doubtful) {
        reply.result = ANSWER_STALE;
    } else {
        put_result result = hci_entry_put(r, what->key, &what->entry, what->flags & RECORD_FORCE);
        reply.result = put_answer(result);
        *(result == PUT_APPLIED ? &r->stats.applied : &r->stats.refused) += result != PUT_SAME;
        if (result == PUT_APPLIED && (what->flags & RECORD_FORCE)) r->peers[from]->fruit = true;
        entry here;
        if (reply.result == ANSWER_NEWER && hci_entry_get(r, what->key, &here))
            reply.entry.version = here.version;
        if (reply.result == ANSWER_NEWER && reply.entry.version == 0)
            reply.entry.version = r->flush;
        if (reply.result == ANSWER_FLOOR) reply.entry.version = r->floor[slot];
        bool votes = bit_get(r->synced, block) || !rule(r, HCI_RULE_G5_SYNC);
        if (reply.result == ANSWER_YES && !votes) reply.result = ANSWER_SYNCING;
        bool agreed = what->set_hash == r->topology.set_hash[block] || !rule(r, HCI_RULE_JOINT);
        if (reply.result == ANSWER_YES && !agreed) reply.result = ANSWER_STALE;
    }
    (void)hci_traced(r, from, HC_TRACED_WRITE, what, reply.result == ANSWER_YES);
    if (what->op != 0) hci_peer_send(r, from, &reply);
}

void hci_stream_take(hc_replica *r, uint32_t from, const record *what)
{
    peer *p = r->peers[from];
    if (what->stream < p->in_stream) return;
    if (what->stream > p->in_stream) {
        p->in_stream = what->stream;
        p->in_seq = 0;
    }
    p->ack_due = true;
    if (what->seq != p->in_seq + 1) return;
    p->in_seq = what->seq;
    if (what->kind == RECORD_PUT)
        put_take(r, from, what);
    else
        hci_pulled_take(r, from, what);
}

void hci_stream_acked(hc_replica *r, uint32_t from, const record *what)
{
    peer *p = r->peers[from];
    if (what->stream != p->stream || what->seq <= p->acked || what->seq > p->seq) return;
    p->acked = what->seq;
    if (p->sent < p->acked) p->sent = p->acked;
    frames_free(r, p, what->seq);
    p->resend_ns = r->now.now_ns + patience_ns(p);
    hci_stream_pump(r, from);
}

/* ---- in time ---- */

static void resend(hc_replica *r, uint32_t to)
{
    peer *p = r->peers[to];
    if (hci_pieces_stream(p)) return; /* that has patience of its own */
    p->sent = p->acked;
    hci_stream_pump(r, to);
}

static bool is_old(const hc_replica *r, const peer *p)
{
    uint64_t most_ns = STREAM_AGE_MAX_MS / 2 * MS;
    if (p->large > 0) most_ns += p->queue_bytes * RESEND_NS_PER_BYTE;
    return p->first != NULL && r->now.now_ns - p->first->made_ns > most_ns;
}

/* It is there: what it is owed.  A walk that was cut short goes on where it was; what it had sent
 * and was lost became dirty, and comes with the next one. */
static void hints_start(hc_replica *r, peer *p)
{
    walk *w = p->hints;
    if (w->on || p->dirty_count == 0) return;
    hci_walk_begin(w, p->broken_since, 0);
    w->on = rule(r, HCI_RULE_HINTS);
    memcpy(w->slots, p->dirty, SLOT_MAP_BYTES);
    memset(p->dirty, 0, SLOT_MAP_BYTES);
    r->stats.dirty_slots -= p->dirty_count;
    p->dirty_count = 0;
}

static void walks_step(hc_replica *r, uint32_t to)
{
    peer *p = r->peers[to];
    hints_start(r, p);
    if (p->hints->on && !hci_walk_step(r, to, p->hints)) p->hints->on = false;
    if (!p->broken && p->serving->on && !hci_walk_step(r, to, p->serving)) p->serving->on = false;
}

uint64_t hci_stream_tick(hc_replica *r)
{
    uint64_t next = NEVER;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        peer *p = r->peers[i];
        if (p->is_self) continue;
        bool dead = !p->known || p->member.state >= HC_MEMBER_DEAD;
        if (!p->broken && (dead || is_old(r, p))) stream_break(r, p);
        if (p->broken && hci_there(r, i) && r->now.now_ns >= p->mend_ns) p->broken = false;
        if (!p->broken) walks_step(r, i);
        bool walks = p->hints->on || p->serving->on || (p->broken && hci_there(r, i));
        if (walks) next = r->now.now_ns + WALK_STEP_NS;
        if (p->first == NULL) continue;
        if (r->now.now_ns >= p->resend_ns) {
            resend(r, i);
            p->resend_ns = r->now.now_ns + patience_ns(p);
        }
        if (p->resend_ns < next) next = p->resend_ns;
    }
    return next;
}
