/*
 * member_wire.c - messages to bytes and back.  All numbers are little-endian.
 *
 *       0  magic u16 | version u8 | kind u8 | flags u32
 *       8  cluster id u64
 *      16  length u32, of everything | sequence u32
 *      24  sender: id 20, boot u64
 *          target: id 20                               PING, PING_REQ
 *          its address: ip 16, port u16                PING_REQ
 *          attachment: size u8, bytes                  PING, ACK
 *          records, each: size u8 | accuser u64 | flags u8 | state u8 | ring u8 |
 *                         id 20 | boot u64 | incarnation u32 | ring version u32 |
 *                         ip 16 | port u16 | resp u16 | http u16 | weight u16 | tag u16 |
 *                         zone: size u8, bytes | (more, by later versions: passed over)
 *     end  checksum 16: SipHash of all before, keyed by the cluster's secret
 *
 * Nothing is believed before the checksum holds, and nothing after it without its range: the key
 * keeps strangers out, not faults of a member.
 */
#include "membership/membership_private.h"

#include "base/siphash.h"

#include <assert.h>
#include <string.h>

#define MAGIC 0x4348u /* "HC" */
#define VERSION 1u
#define HEAD_BYTES 24u
#define SENDER_BYTES (HC_NODE_ID_BYTES + 8u)
#define LENGTH_AT 16u
#define RECORD_FIXED_BYTES 74u /* behind the size, up to the zone's bytes */
#define RECORD_READY 1u
#define RECORD_REFUSED 2u

static_assert(WIRE_TAIL_BYTES == HCI_SIPHASH_BYTES, "the tail is the checksum");

/* ---- writing ---- */

static uint8_t *put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static uint8_t *put_bytes(uint8_t *to, const void *from, size_t bytes)
{
    if (bytes > 0) memcpy(to, from, bytes);
    return to + bytes;
}

static uint8_t *put_address(uint8_t *to, const hc_address *address)
{
    return put(put_bytes(to, address->ip, sizeof address->ip), address->port, 2);
}

size_t hci_wire_begin(hc_membership *members, const message *what)
{
    uint8_t *to = members->message;
    to = put(to, MAGIC, 2);
    to = put(to, VERSION, 1);
    to = put(to, what->kind, 1);
    to = put(to, 0, 4);
    to = put(to, members->options.cluster_id, 8);
    to = put(to, 0, 4);
    to = put(to, what->sequence, 4);
    to = put_bytes(to, what->sender.bytes, HC_NODE_ID_BYTES);
    to = put(to, what->sender_boot, 8);
    if (what->kind == MESSAGE_PING || what->kind == MESSAGE_PING_REQ) {
        to = put_bytes(to, what->target.bytes, HC_NODE_ID_BYTES);
    }
    if (what->kind == MESSAGE_PING_REQ) to = put_address(to, &what->target_address);
    if (what->kind == MESSAGE_PING || what->kind == MESSAGE_ACK) {
        uint8_t attachment[HC_MEMBERSHIP_ATTACHMENT_BYTES_MAX];
        size_t bytes = 0;
        if (members->calls.attach != NULL) {
            bytes = members->calls.attach(members->calls.ctx, attachment);
        }
        to = put_bytes(put(to, bytes, 1), attachment, bytes);
    }
    return (size_t)(to - members->message);
}

size_t hci_wire_add(hc_membership *members, size_t bytes, const record *of, size_t bytes_max)
{
    const hc_member *m = &of->member;
    size_t zone_bytes = strlen(m->zone);
    bool suspect = m->state == HC_MEMBER_SUSPECT && of->accuser_count > 0;
    if (bytes + 1 + RECORD_FIXED_BYTES + zone_bytes + WIRE_TAIL_BYTES > bytes_max) return bytes;
    uint8_t *to = members->message + bytes;
    to = put(to, RECORD_FIXED_BYTES + zone_bytes, 1);
    to = put(to, suspect ? of->accusers[of->accuser_count - 1] : 0, 8);
    to = put(to,
             (m->ready ? RECORD_READY : 0) |
                 (suspect && of->refused[of->accuser_count - 1] ? RECORD_REFUSED : 0),
             1);
    to = put(to, m->state, 1);
    to = put(to, m->ring, 1);
    to = put_bytes(to, m->id.bytes, HC_NODE_ID_BYTES);
    to = put(to, m->boot_id, 8);
    to = put(to, m->incarnation, 4);
    to = put(to, m->ring_version, 4);
    to = put_address(to, &m->address);
    to = put(to, m->resp_port, 2);
    to = put(to, m->http_port, 2);
    to = put(to, m->weight, 2);
    to = put(to, m->tag, 2);
    to = put(to, zone_bytes, 1);
    to = put_bytes(to, m->zone, zone_bytes);
    return (size_t)(to - members->message);
}

hc_span hci_wire_end(hc_membership *members, size_t bytes)
{
    (void)put(members->message + LENGTH_AT, bytes + WIRE_TAIL_BYTES, 4);
    hci_siphash(members->options.secret, hc_span_make(members->message, bytes),
                members->message + bytes);
    return hc_span_make(members->message, bytes + WIRE_TAIL_BYTES);
}

/* ---- reading ---- */

/* Reads past the end give zeros, and `short_of` tells. */
typedef struct cursor {
    const uint8_t *at, *end;
    bool short_of;
} cursor;

static uint64_t take(cursor *from, unsigned bytes)
{
    uint64_t value = 0;
    if ((size_t)(from->end - from->at) < bytes) {
        from->short_of = true;
        from->at = from->end;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)*from->at++ << 8 * i;
    return value;
}

static void take_bytes(cursor *from, void *to, size_t bytes)
{
    if ((size_t)(from->end - from->at) < bytes) {
        from->short_of = true;
        from->at = from->end;
        memset(to, 0, bytes);
        return;
    }
    memcpy(to, from->at, bytes);
    from->at += bytes;
}

static hc_span take_span(cursor *from, size_t bytes)
{
    hc_span span = hc_span_make(from->at, bytes);
    if ((size_t)(from->end - from->at) < bytes) {
        from->short_of = true;
        return hc_span_make(from->at, 0);
    }
    from->at += bytes;
    return span;
}

static void take_address(cursor *from, hc_address *out)
{
    take_bytes(from, out->ip, sizeof out->ip);
    out->port = (uint16_t)take(from, 2);
}

static hc_status head_open(const hc_membership *members, hc_span bytes, cursor *from, message *out)
{
    uint8_t checksum[HCI_SIPHASH_BYTES];
    if (bytes.size < HEAD_BYTES + SENDER_BYTES + WIRE_TAIL_BYTES) return HC_ERR_CORRUPT;
    *from = (cursor){bytes.data, bytes.data + bytes.size - WIRE_TAIL_BYTES, false};
    if (take(from, 2) != MAGIC) return HC_ERR_CORRUPT;
    uint64_t version = take(from, 1);
    out->kind = (message_kind)take(from, 1);
    (void)take(from, 4);
    if (take(from, 8) != members->options.cluster_id) return HC_ERR_CORRUPT;
    if (take(from, 4) != bytes.size) return HC_ERR_CORRUPT;
    hci_siphash(members->options.secret, hc_span_make(bytes.data, bytes.size - WIRE_TAIL_BYTES),
                checksum);
    if (memcmp(checksum, from->end, sizeof checksum) != 0) return HC_ERR_CORRUPT;
    if (version != VERSION) return HC_ERR_UNSUPPORTED;
    return HC_OK;
}

hc_status hci_wire_open(const hc_membership *members, hc_span bytes, message *out)
{
    cursor from;
    *out = (message){.sequence = 0};
    hc_status status = head_open(members, bytes, &from, out);
    if (status != HC_OK) return status;
    out->sequence = (uint32_t)take(&from, 4);
    take_bytes(&from, out->sender.bytes, HC_NODE_ID_BYTES);
    out->sender_boot = take(&from, 8);
    if (out->kind < MESSAGE_PING || out->kind > MESSAGE_SYNCED) return HC_ERR_UNSUPPORTED;
    if (out->kind == MESSAGE_PING || out->kind == MESSAGE_PING_REQ) {
        take_bytes(&from, out->target.bytes, HC_NODE_ID_BYTES);
    }
    if (out->kind == MESSAGE_PING_REQ) take_address(&from, &out->target_address);
    if (out->kind == MESSAGE_PING || out->kind == MESSAGE_ACK) {
        size_t attached = (size_t)take(&from, 1);
        if (attached > HC_MEMBERSHIP_ATTACHMENT_BYTES_MAX) return HC_ERR_CORRUPT;
        out->attachment = take_span(&from, attached);
    }
    if (from.short_of) return HC_ERR_CORRUPT;
    out->records = hc_span_make(from.at, (size_t)(from.end - from.at));
    return HC_OK;
}

static bool record_fits(const hc_member *m)
{
    return (unsigned)m->state <= HC_MEMBER_LEFT && (unsigned)m->ring <= HC_RING_OUT &&
           m->weight > 0 && m->tag < HC_MEMBER_TAGS;
}

bool hci_wire_record(hc_span *records, news *out)
{
    cursor from = {records->data, records->data + records->size, false};
    hc_member *m = &out->member;
    memset(out, 0, sizeof *out); /* padding too: members are compared by their bytes */
    size_t bytes = (size_t)take(&from, 1);
    hc_span body = take_span(&from, bytes);
    if (from.short_of) return false;
    *records = hc_span_make(from.at, (size_t)(from.end - from.at));
    from = (cursor){body.data, body.data + body.size, false};
    out->accuser = take(&from, 8);
    unsigned flags = (unsigned)take(&from, 1);
    m->ready = (flags & RECORD_READY) != 0;
    out->refused = (flags & RECORD_REFUSED) != 0;
    m->state = (hc_member_state)take(&from, 1);
    m->ring = (hc_member_ring)take(&from, 1);
    take_bytes(&from, m->id.bytes, HC_NODE_ID_BYTES);
    m->boot_id = take(&from, 8);
    m->incarnation = (uint32_t)take(&from, 4);
    m->ring_version = (uint32_t)take(&from, 4);
    take_address(&from, &m->address);
    m->resp_port = (uint16_t)take(&from, 2);
    m->http_port = (uint16_t)take(&from, 2);
    m->weight = (uint16_t)take(&from, 2);
    m->tag = (uint16_t)take(&from, 2);
    size_t zone_bytes = (size_t)take(&from, 1);
    if (zone_bytes > HC_MEMBER_ZONE_BYTES_MAX) return false;
    take_bytes(&from, m->zone, zone_bytes);
    m->zone[zone_bytes] = '\0';
    return !from.short_of && strlen(m->zone) == zone_bytes && record_fits(m);
}
