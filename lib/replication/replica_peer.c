/*
 * replica_peer.c - what is known of each node, and messages to it.
 *
 * Records for a node gather in one message, which leaves at the end of the call that made them, or
 * when it is full.  A beat every half second tells a peer which blocks this node has, which ring it
 * knows, and the time.
 */
#include "replication/replication_private.h"

#include <string.h>

/* ---- the table ---- */

uint32_t hci_peer_find(const hc_replica *r, const hc_node_id *id)
{
    for (uint32_t i = 0; i < r->peer_count; i++) {
        if (same_node(&r->peers[i]->member.id, id)) return i;
    }
    return NOBODY;
}

static size_t block_map_bytes(const hc_replica *r)
{
    return r->topology.blocks / 8;
}

static void walk_free(hc_replica *r, walk *w)
{
    if (w != NULL) hci_release(&r->host, w->picked.bytes, w->picked.capacity);
    hci_release(&r->host, w, sizeof *w);
}

void hci_peer_destroy(hc_replica *r, peer *p)
{
    if (p == NULL) return;
    hci_stream_reset(r, p);
    hci_pieces_reset(r, p);
    hci_release(&r->host, p->out, p->out_capacity);
    hci_release(&r->host, p->synced, block_map_bytes(r));
    hci_release(&r->host, p->dirty, SLOT_MAP_BYTES);
    hci_release(&r->host, p->clean, SLOTS * sizeof *p->clean);
    walk_free(r, p->hints);
    walk_free(r, p->serving);
    hci_release(&r->host, p, sizeof *p);
}

static void *zeroed(hc_replica *r, size_t bytes)
{
    void *made = hci_allocate(&r->host, bytes);
    if (made != NULL) memset(made, 0, bytes);
    return made;
}

static peer *peer_make(hc_replica *r, bool is_self)
{
    peer *p = zeroed(r, sizeof *p);
    if (p == NULL) return NULL;
    p->is_self = is_self;
    p->stream = 1;
    p->synced = zeroed(r, block_map_bytes(r));
    bool whole = p->synced != NULL;
    if (!is_self) {
        p->dirty = zeroed(r, SLOT_MAP_BYTES);
        p->clean = zeroed(r, SLOTS * sizeof *p->clean);
        p->hints = zeroed(r, sizeof *p->hints);
        p->serving = zeroed(r, sizeof *p->serving);
        whole =
            whole && p->dirty != NULL && p->clean != NULL && p->hints != NULL && p->serving != NULL;
    }
    if (whole) return p;
    hci_peer_destroy(r, p);
    return NULL;
}

static hc_status peer_add(hc_replica *r, const hc_member *member, uint32_t *number_out)
{
    if (r->peer_count >= HC_MEMBERS_MAX) return HC_ERR_LIMIT;
    if (r->peer_count == r->peer_capacity) {
        uint32_t capacity = r->peer_capacity == 0 ? 8 : r->peer_capacity * 2;
        peer **peers = hci_resize(&r->host, r->peers, r->peer_capacity * sizeof *peers,
                                  capacity * sizeof *peers);
        if (peers == NULL) return HC_ERR_NO_MEMORY;
        r->peers = peers;
        r->peer_capacity = capacity;
    }
    peer *p = peer_make(r, same_node(&member->id, &r->options.self));
    if (p == NULL) return HC_ERR_NO_MEMORY;
    p->member = *member;
    *number_out = r->peer_count;
    if (p->is_self) r->self = r->peer_count;
    r->peers[r->peer_count++] = p;
    return HC_OK;
}

/* It has started again: what it said and confirmed was another life's. */
static void peer_reborn(hc_replica *r, peer *p)
{
    memset(p->synced, 0, block_map_bytes(r));
    p->beat_topology = p->beat_epoch = 0;
    p->heard_ns = p->offset_ns = p->their_ns = 0;
    p->in_stream = p->in_seq = 0;
    p->flush = 0;
    p->pull_op = 0;
    p->serving->on = false;
    hci_pieces_reset(r, p);
    if (rule(r, HCI_RULE_G2_BOOT)) memset(p->clean, 0, SLOTS * sizeof *p->clean);
    hci_stream_reset(r, p);
}

hc_status hci_peer_update(hc_replica *r, const hc_member *member, uint32_t *number_out)
{
    *number_out = hci_peer_find(r, &member->id);
    if (*number_out == NOBODY) {
        hc_status status = peer_add(r, member, number_out);
        if (status != HC_OK) return status;
    }
    peer *p = r->peers[*number_out];
    if (!p->is_self && p->member.boot_id < member->boot_id) peer_reborn(r, p);
    p->member = *member;
    p->known = true;
    if (p->is_self) {
        r->tag = member->tag;
        /* membership raises it above a ghost of this node: others know it by that then */
        if (r->options.boot_id < member->boot_id) r->options.boot_id = member->boot_id;
    }
    return HC_OK;
}

/* ---- messages ---- */

static void out_send(hc_replica *r, peer *p)
{
    if (p->out_bytes == 0) return;
    size_t bytes = p->out_bytes;
    p->out_bytes = 0;
    hci_wire_seal(r, p->out, bytes);
    r->stats.sent++;
    r->stats.sent_bytes += bytes + ENVELOPE_TAIL_BYTES;
    r->calls.send(r->calls.ctx, &p->member.id, hc_span_make(p->out, bytes + ENVELOPE_TAIL_BYTES));
}

/* Appends; without memory the record is lost, as on a bad link. */
static uint8_t *out_room(hc_replica *r, peer *p, size_t bytes)
{
    if (p->out_bytes > 0 && p->out_bytes + bytes > r->options.batch_bytes) out_send(r, p);
    size_t need = (p->out_bytes > 0 ? p->out_bytes : ENVELOPE_BYTES) + bytes + ENVELOPE_TAIL_BYTES;
    if (need > p->out_capacity) {
        size_t capacity = need < 4096 ? 4096 : need * 2;
        uint8_t *out = hci_resize(&r->host, p->out, p->out_capacity, capacity);
        if (out == NULL) return NULL;
        p->out = out;
        p->out_capacity = capacity;
    }
    if (p->out_bytes == 0) {
        hci_wire_head(r, p->out, p->member.boot_id);
        p->out_bytes = ENVELOPE_BYTES;
    }
    return p->out + p->out_bytes;
}

void hci_peer_send(hc_replica *r, uint32_t to, const record *what)
{
    peer *p = r->peers[to];
    size_t most = RECORD_BYTES_MAX + what->key.size + what->value.size + what->correlation.size;
    if (p->is_self || !p->known) return;
    if (most > LARGE_RECORD_BYTES) {
        hci_pieces_send(r, to, what);
        return;
    }
    uint8_t *at = out_room(r, p, most);
    if (at != NULL) p->out_bytes += hci_wire_put(at, what);
}

void hci_flush_out(hc_replica *r)
{
    if (r->batches > 0) return;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        peer *p = r->peers[i];
        if (p->ack_due) {
            p->ack_due = false;
            hci_peer_send(r, i,
                          &(record){.kind = RECORD_ACK, .stream = p->in_stream, .seq = p->in_seq});
        }
        out_send(r, p);
    }
}

/* ---- beats ---- */

void hci_beat_send(hc_replica *r, uint32_t to)
{
    const peer *p = r->peers[to];
    record beat = {.kind = RECORD_BEAT,
                   .flags = r->quarantined ? RECORD_QUARANTINED : 0,
                   .entry = {.version = r->topology.id},
                   .stream = r->topology.epoch,
                   .seq = r->now.now_ns,
                   .time = (uint64_t)r->now.wall_ms,
                   .expect = p->their_ns,
                   .op = p->their_ns != 0 ? r->now.now_ns - p->their_ns_at : 0,
                   .value = hc_span_make(r->synced, block_map_bytes(r))};
    hci_peer_send(r, to, &beat);
}

void hci_beat_take(hc_replica *r, uint32_t from, const record *what, uint64_t hlc)
{
    peer *p = r->peers[from];
    if (what->value.size != block_map_bytes(r)) return;
    p->beat_topology = what->entry.version;
    p->beat_epoch = what->stream;
    hci_topology_heard(r, from);
    memcpy(p->synced, what->value.data, what->value.size);
    p->quarantined = (what->flags & RECORD_QUARANTINED) != 0;
    hci_clock_measure(r, p, what, hlc);
}

hc_trace_context hci_traced(hc_replica *r, uint32_t from, hc_traced_kind kind, const record *what,
                            bool taken)
{
    if (r->calls.traced == NULL || !has_trace(&what->trace)) return what->trace;
    hc_traced told = {.size = sizeof told,
                      .kind = kind,
                      .taken = taken,
                      .from = r->peers[from]->member.id,
                      .request = kind == HC_TRACED_READ ? HC_REQUEST_GET : HC_REQUEST_SET,
                      .trace = what->trace,
                      .key = what->key,
                      .correlation = what->correlation,
                      .version = what->entry.version};
    if (kind == HC_TRACED_REQUEST) told.request = (hc_request_kind)what->result;
    r->calls.traced(r->calls.ctx, &told);
    return told.trace;
}

void hci_traced_own(hc_replica *r, hc_traced_kind kind, op *o, bool taken)
{
    const hc_request *q = &o->request;
    if (r->calls.traced == NULL || !has_trace(&q->trace)) return;
    hc_traced told = {.size = sizeof told,
                      .kind = kind,
                      .taken = taken,
                      .request = q->kind,
                      .trace = q->trace,
                      .key = q->key,
                      .correlation = q->correlation,
                      .version = o->version};
    r->calls.traced(r->calls.ctx, &told);
    o->request.trace = told.trace;
}
