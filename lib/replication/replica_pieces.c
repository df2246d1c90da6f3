/*
 * replica_pieces.c - records too large for one message: they go in pieces.
 *
 *     sender     | piece 0 | piece 1 | ...        at most PIECES_WINDOW_BYTES not yet had
 *                  <----- HAD: so many bytes in order -----
 *     receiver   puts them together, one record a peer at a time, and takes it as if it had come
 *                in one message
 *
 * A link keeps order, so a piece that is not the next one says that some were lost: the receiver
 * tells again what it has, and the sender goes on from there.  Of two records to one peer the
 * second waits.  A write of a stream is sent from the frame that the stream keeps anyway
 * (replica_stream.c); of other records a copy is kept until the peer has it or the copies take more
 * than PIECES_KEPT_BYTES_MAX, and then it is lost as on a bad link.
 */
#include "replication/replication_private.h"

#include <string.h>

#define PIECE_BYTES ((size_t)256 << 10)
#define PIECES_WINDOW_BYTES ((size_t)4 << 20)
#define PIECES_KEPT_BYTES_MAX ((size_t)1 << 30) /* to one peer; one record goes in any case */
#define PIECES_BYTES_MAX (HC_REPLICA_VALUE_BYTES_MAX + HC_KEY_BYTES_MAX + RECORD_BYTES_MAX)
#define PIECES_PATIENCE_NS (800 * MS)

/* ---- the sender ---- */

static void cargo_send(hc_replica *r, uint32_t to)
{
    cargo *c = r->peers[to]->cargo_first;
    while (c->sent < c->bytes && c->sent - c->had < PIECES_WINDOW_BYTES) {
        size_t left = c->bytes - c->sent, size = left < PIECE_BYTES ? left : PIECE_BYTES;
        record what = {.kind = RECORD_PIECE,
                       .op = c->id,
                       .seq = c->sent,
                       .time = c->bytes,
                       .value = hc_span_make(c->from + c->sent, size)};
        hci_peer_send(r, to, &what);
        c->sent += size;
    }
}

static void cargo_begin(hc_replica *r, uint32_t to)
{
    peer *p = r->peers[to];
    if (p->cargo_first == NULL) return;
    p->cargo_first->resend_ns = r->now.now_ns + PIECES_PATIENCE_NS;
    cargo_send(r, to);
}

static cargo *cargo_add(hc_replica *r, uint32_t to, size_t copy_bytes)
{
    peer *p = r->peers[to];
    bool fits = p->cargo_first == NULL || p->cargo_bytes + copy_bytes <= PIECES_KEPT_BYTES_MAX;
    cargo *c = fits ? hci_allocate(&r->host, sizeof *c + copy_bytes) : NULL;
    if (c == NULL) return NULL;
    *c = (cargo){.id = ++p->cargo_id, .copy_bytes = copy_bytes};
    p->cargo_bytes += copy_bytes;
    if (p->cargo_last != NULL)
        p->cargo_last->next = c;
    else
        p->cargo_first = c;
    p->cargo_last = c;
    return c;
}

/* It is not asked for again while it is on its way: proposals are repeated until answered. */
static bool is_on_its_way(const peer *p, const record *what)
{
    for (const cargo *c = p->cargo_first; c != NULL; c = c->next) {
        if (c->kind == what->kind && c->op == what->op && c->version == what->entry.version)
            return true;
    }
    return false;
}

void hci_pieces_send(hc_replica *r, uint32_t to, const record *what)
{
    peer *p = r->peers[to];
    if (is_on_its_way(p, what)) return;
    size_t most = RECORD_BYTES_MAX + what->key.size + what->value.size + what->correlation.size;
    bool first = p->cargo_first == NULL;
    cargo *c = cargo_add(r, to, most);
    if (c == NULL) return;
    c->kind = what->kind;
    c->op = what->op;
    c->version = what->entry.version;
    c->from = (const uint8_t *)(c + 1);
    c->bytes = hci_wire_put((uint8_t *)(c + 1), what);
    if (first) cargo_begin(r, to);
}

bool hci_pieces_send_frame(hc_replica *r, uint32_t to, const frame *f)
{
    bool first = r->peers[to]->cargo_first == NULL;
    cargo *c = cargo_add(r, to, 0);
    if (c == NULL) return false;
    c->of = f;
    c->from = (const uint8_t *)(f + 1);
    c->bytes = f->bytes;
    if (first) cargo_begin(r, to);
    return true;
}

static void cargo_remove(hc_replica *r, peer *p, cargo *gone)
{
    cargo *before = NULL, *c = p->cargo_first;
    for (; c != gone; c = c->next)
        before = c;
    *(before != NULL ? &before->next : &p->cargo_first) = gone->next;
    if (p->cargo_last == gone) p->cargo_last = before;
    p->cargo_bytes -= gone->copy_bytes;
    hci_release(&r->host, gone, sizeof *gone + gone->copy_bytes);
}

void hci_pieces_forget(hc_replica *r, peer *p, const frame *f)
{
    for (cargo *c = p->cargo_first, *next; c != NULL; c = next) {
        next = c->next;
        if (c->of == f) cargo_remove(r, p, c); /* the next one is begun by the tick */
    }
}

bool hci_pieces_stream(const peer *p)
{
    for (const cargo *c = p->cargo_first; c != NULL; c = c->next)
        if (c->of != NULL) return true;
    return false;
}

void hci_had_take(hc_replica *r, uint32_t from, const record *what)
{
    peer *p = r->peers[from];
    cargo *c = p->cargo_first;
    if (c == NULL || what->op != c->id || what->seq > c->bytes) return;
    if (what->flags & RECORD_LAST) c->sent = what->seq; /* what came then was not the next one */
    if (what->seq > c->had) c->resend_ns = r->now.now_ns + PIECES_PATIENCE_NS;
    if (what->seq > c->had || (what->flags & RECORD_LAST)) c->had = what->seq;
    if (c->sent < c->had) c->sent = c->had;
    if (c->had < c->bytes) {
        cargo_send(r, from);
        return;
    }
    bool streams = c->of != NULL;
    cargo_remove(r, p, c);
    cargo_begin(r, from);
    if (streams) hci_stream_pump(r, from);
}

/* ---- the receiver ---- */

static void parcel_drop(hc_replica *r, peer *p)
{
    hci_release(&r->host, p->parcel.bytes, p->parcel.capacity);
    p->parcel = (buffer){NULL, 0};
    p->parcel_bytes = p->parcel_had = 0;
}

/* `again`: what came is not the next piece; said once, or each one on its way would be sent again
 * for each that is in vain. */
static void had_send(hc_replica *r, uint32_t to, bool again)
{
    peer *p = r->peers[to];
    again = again && !p->parcel_told;
    p->parcel_told = again;
    hci_peer_send(r, to,
                  &(record){.kind = RECORD_HAD,
                            .flags = again ? RECORD_LAST : 0,
                            .op = p->parcel_id,
                            .seq = p->parcel_had});
}

/* Grows with what has come, not with what was announced. */
static bool parcel_room(hc_replica *r, peer *p, size_t bytes)
{
    size_t capacity = p->parcel.capacity * 2;
    if (bytes <= p->parcel.capacity) return true;
    if (capacity < PIECE_BYTES) capacity = PIECE_BYTES;
    if (capacity < bytes) capacity = bytes;
    if (capacity > p->parcel_bytes) capacity = p->parcel_bytes;
    uint8_t *made = hci_resize(&r->host, p->parcel.bytes, p->parcel.capacity, capacity);
    if (made == NULL) return false;
    p->parcel.bytes = made;
    p->parcel.capacity = capacity;
    return true;
}

/* The whole record is there. */
static void parcel_open(hc_replica *r, uint32_t from, uint64_t hlc)
{
    peer *p = r->peers[from];
    buffer whole = p->parcel;
    hc_span bytes = hc_span_make(whole.bytes, p->parcel_had);
    record what;
    p->parcel = (buffer){NULL, 0};
    had_send(r, from, false);
    bool nested = hci_wire_take(&bytes, &what) != 1 || what.kind == RECORD_PIECE;
    if (!nested) hci_record_take(r, from, &what, hlc);
    hci_release(&r->host, whole.bytes, whole.capacity);
}

void hci_piece_take(hc_replica *r, uint32_t from, const record *what, uint64_t hlc)
{
    peer *p = r->peers[from];
    if (what->op < p->parcel_id || what->value.size == 0) return;
    if (what->op > p->parcel_id) {
        parcel_drop(r, p);
        if (what->time > PIECES_BYTES_MAX) return;
        p->parcel_id = what->op;
        p->parcel_told = false;
        p->parcel_bytes = (size_t)what->time;
    }
    if (what->seq != p->parcel_had || what->value.size > p->parcel_bytes - p->parcel_had) {
        bool gap = what->seq > p->parcel_had;
        if (!gap || !p->parcel_told) had_send(r, from, gap);
        return;
    }
    if (!parcel_room(r, p, p->parcel_had + what->value.size)) return; /* it comes again */
    memcpy(p->parcel.bytes + p->parcel_had, what->value.data, what->value.size);
    p->parcel_had += what->value.size;
    hci_op_patience(r, from);
    if (p->parcel_had == p->parcel_bytes)
        parcel_open(r, from, hlc);
    else
        had_send(r, from, false);
}

/* ---- in time ---- */

void hci_pieces_reset(hc_replica *r, peer *p)
{
    while (p->cargo_first != NULL)
        cargo_remove(r, p, p->cargo_first);
    parcel_drop(r, p);
    p->parcel_id = 0;
}

uint64_t hci_pieces_tick(hc_replica *r)
{
    uint64_t next = NEVER;
    for (uint32_t i = 0; i < r->peer_count; i++) {
        peer *p = r->peers[i];
        if (p->is_self || p->cargo_first == NULL) continue;
        if (!p->known || p->member.state >= HC_MEMBER_DEAD) {
            hci_pieces_reset(r, p);
            continue;
        }
        cargo *c = p->cargo_first;
        if (r->now.now_ns >= c->resend_ns) {
            c->sent = c->had;
            c->resend_ns = r->now.now_ns + PIECES_PATIENCE_NS;
            cargo_send(r, i);
        }
        if (c->resend_ns < next) next = c->resend_ns;
    }
    return next;
}
