/*
 * replica_wire.c - messages to bytes and back.  All numbers are little-endian.
 *
 *       0  magic u16 | version u8 | zero u8 | length u32, of everything
 *       8  cluster id u64 | store id u64
 *      24  sender: id 20, zero 4, boot u64 | receiver's boot u64, 0: not known
 *      64  sender's clock u64, as a version | last flush u64, a version | zero u64
 *      88  records, each:
 *            size u32, of what follows | kind u8 | result u8 | flags u8 | fields u16, a bit each
 *            slot u16 | op | set | stream | seq | time | expect | version: u64 each
 *            entry: flags u8, expiry u64 | trace: id 16, span 8 | correlation: size u8, bytes
 *            key: size u32, bytes | value: all the rest
 *     end  checksum 16: SipHash of all before, keyed by the cluster's secret
 *
 * Fields without their bit are zero and absent.  A record of a kind or with a field that is not
 * known here is passed over, so newer nodes can say more.  Nothing is believed before the checksum
 * holds, and nothing after it without its range.
 */
#include "replication/replication_private.h"

#include "base/siphash.h"

#include <assert.h>
#include <string.h>

#define MAGIC 0x5248u /* "HR" */
#define VERSION 1u
#define LENGTH_AT 4u
#define RECORD_HEAD_BYTES 9u /* size to fields */
#define TYPES 2u

static_assert(ENVELOPE_TAIL_BYTES == HCI_SIPHASH_BYTES, "the tail is the checksum");
static_assert(sizeof(hc_trace_context) == 24, "copied as it is");

enum {
    FIELD_SLOT = 1,
    FIELD_OP = 2,
    FIELD_SET = 4,
    FIELD_STREAM = 8,
    FIELD_SEQ = 16,
    FIELD_TIME = 32,
    FIELD_EXPECT = 64,
    FIELD_VERSION = 128,
    FIELD_ENTRY = 256,
    FIELD_KEY = 512,
    FIELD_TRACE = 1024,
    FIELD_CORRELATION = 2048,
    FIELDS_KNOWN = 4095
};

/* ---- numbers ---- */

static uint8_t *put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

void hci_put64(uint8_t *to, uint64_t value)
{
    (void)put(to, value, 8);
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

uint64_t hci_get64(const uint8_t *from)
{
    return get(from, 8);
}

/* ---- writing ---- */

void hci_wire_head(hc_replica *r, uint8_t *to, uint64_t to_boot)
{
    memset(to, 0, ENVELOPE_BYTES);
    (void)put(to, MAGIC, 2);
    (void)put(to + 2, VERSION, 1);
    hci_put64(to + 8, r->options.cluster_id);
    hci_put64(to + 16, r->options.store_id);
    memcpy(to + 24, r->options.self.bytes, HC_NODE_ID_BYTES);
    hci_put64(to + 48, r->options.boot_id);
    hci_put64(to + 56, to_boot);
}

void hci_wire_seal(hc_replica *r, uint8_t *message, size_t bytes)
{
    (void)put(message + LENGTH_AT, bytes + ENVELOPE_TAIL_BYTES, 4);
    hci_put64(message + 64, hci_clock_now(r));
    hci_put64(message + 72, r->flush);
    hci_siphash(r->options.secret, hc_span_make(message, bytes), message + bytes);
}

static uint8_t *put_field(uint8_t *to, unsigned *fields, unsigned field, uint64_t value)
{
    if (value == 0) return to;
    *fields |= field;
    return put(to, value, field == FIELD_SLOT ? 2 : 8);
}

size_t hci_wire_put(uint8_t *start, const record *what)
{
    unsigned fields = 0;
    uint8_t *to = start + RECORD_HEAD_BYTES;
    to = put_field(to, &fields, FIELD_SLOT, what->slot);
    to = put_field(to, &fields, FIELD_OP, what->op);
    to = put_field(to, &fields, FIELD_SET, what->set_hash);
    to = put_field(to, &fields, FIELD_STREAM, what->stream);
    to = put_field(to, &fields, FIELD_SEQ, what->seq);
    to = put_field(to, &fields, FIELD_TIME, what->time);
    to = put_field(to, &fields, FIELD_EXPECT, what->expect);
    to = put_field(to, &fields, FIELD_VERSION, what->entry.version);
    if (what->entry.flags != 0 || what->entry.expires_at_ms != 0) {
        fields |= FIELD_ENTRY;
        to = put(put(to, what->entry.flags, 1), (uint64_t)what->entry.expires_at_ms, 8);
    }
    if (has_trace(&what->trace)) {
        fields |= FIELD_TRACE;
        memcpy(to, &what->trace, sizeof what->trace);
        to += sizeof what->trace;
        if (what->correlation.size > 0) {
            fields |= FIELD_CORRELATION;
            to = put(to, what->correlation.size, 1);
            memcpy(to, what->correlation.data, what->correlation.size);
            to += what->correlation.size;
        }
    }
    if (what->key.size > 0) {
        fields |= FIELD_KEY;
        to = put(to, what->key.size, 4);
        memcpy(to, what->key.data, what->key.size);
        to += what->key.size;
    }
    if (what->value.size > 0) {
        memcpy(to, what->value.data, what->value.size);
        to += what->value.size;
    }
    size_t size = (size_t)(to - start);
    (void)put(start, size - 4, 4);
    (void)put(start + 4, what->kind, 1);
    (void)put(start + 5, what->result, 1);
    (void)put(start + 6, what->flags, 1);
    (void)put(start + 7, fields, 2);
    return size;
}

/* ---- reading ---- */

hc_status hci_wire_unseal(const hc_replica *r, hc_span message, envelope *out)
{
    uint8_t checksum[HCI_SIPHASH_BYTES];
    const uint8_t *at = message.data;
    if (message.size < ENVELOPE_BYTES + ENVELOPE_TAIL_BYTES) return HC_ERR_CORRUPT;
    if (message.size > HC_REPLICA_MESSAGE_BYTES_MAX) return HC_ERR_CORRUPT;
    if (get(at, 2) != MAGIC || get(at + LENGTH_AT, 4) != message.size) return HC_ERR_CORRUPT;
    if (hci_get64(at + 8) != r->options.cluster_id) return HC_ERR_CORRUPT;
    if (hci_get64(at + 16) != r->options.store_id) return HC_ERR_CORRUPT;
    size_t bytes = message.size - ENVELOPE_TAIL_BYTES;
    hci_siphash(r->options.secret, hc_span_make(at, bytes), checksum);
    if (memcmp(checksum, at + bytes, sizeof checksum) != 0) return HC_ERR_CORRUPT;
    if (at[2] != VERSION) return HC_ERR_UNSUPPORTED;
    memcpy(out->from.bytes, at + 24, HC_NODE_ID_BYTES);
    out->from_boot = hci_get64(at + 48);
    out->to_boot = hci_get64(at + 56);
    out->hlc = hci_get64(at + 64);
    out->flush = hci_get64(at + 72);
    out->records = hc_span_make(at + ENVELOPE_BYTES, bytes - ENVELOPE_BYTES);
    return HC_OK;
}

hc_status hc_replica_message_peek(hc_span message, uint64_t *store_id_out, hc_node_id *from_out)
{
    const uint8_t *at = message.data;
    *store_id_out = 0;
    if (message.size < ENVELOPE_BYTES + ENVELOPE_TAIL_BYTES || get(at, 2) != MAGIC ||
        get(at + LENGTH_AT, 4) != message.size) {
        return HC_ERR_CORRUPT;
    }
    *store_id_out = hci_get64(at + 16);
    memcpy(from_out->bytes, at + 24, HC_NODE_ID_BYTES);
    return HC_OK;
}

static bool take(hc_span *from, unsigned bytes, uint64_t *out)
{
    if (from->size < bytes) return false;
    *out = get(from->data, bytes);
    *from = hc_span_make(from->data + bytes, from->size - bytes);
    return true;
}

static bool take_correlation(hc_span *body, record *out)
{
    uint64_t size;
    if (!take(body, 1, &size) || size > body->size || size > HC_CORRELATION_BYTES_MAX) return false;
    out->correlation = hc_span_make(body->data, size);
    *body = hc_span_make(body->data + size, body->size - size);
    return true;
}

static bool take_fields(hc_span body, unsigned fields, record *out)
{
    uint64_t slot = 0, flags = 0, expires = 0, size = 0;
    uint64_t *numbers[] = {&out->op,   &out->set_hash, &out->stream,       &out->seq,
                           &out->time, &out->expect,   &out->entry.version};
    if ((fields & FIELD_SLOT) && !take(&body, 2, &slot)) return false;
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if ((fields & (unsigned)FIELD_OP << i) && !take(&body, 8, numbers[i])) return false;
    }
    if ((fields & FIELD_ENTRY) && (!take(&body, 1, &flags) || !take(&body, 8, &expires)))
        return false;
    if (fields & FIELD_TRACE) {
        if (body.size < sizeof out->trace) return false;
        memcpy(&out->trace, body.data, sizeof out->trace);
        body = hc_span_make(body.data + sizeof out->trace, body.size - sizeof out->trace);
    }
    if ((fields & FIELD_CORRELATION) && !take_correlation(&body, out)) return false;
    if (fields & FIELD_KEY) {
        if (!take(&body, 4, &size) || size > body.size || size > HC_KEY_BYTES_MAX) return false;
        out->key = hc_span_make(body.data, size);
        body = hc_span_make(body.data + size, body.size - size);
    }
    out->slot = (uint32_t)slot;
    out->entry.flags = (unsigned)flags;
    out->entry.expires_at_ms = (int64_t)expires;
    out->value = out->entry.value = body;
    return slot < SLOTS && expires <= (uint64_t)HC_EXPIRY_MAX_MS &&
           flags >> ENTRY_TYPE_SHIFT < TYPES && body.size <= HC_REPLICA_VALUE_BYTES_MAX;
}

int hci_wire_take(hc_span *records, record *out)
{
    uint64_t size, kind, result, flags, fields;
    *out = (record){.kind = RECORD_BEAT};
    if (!take(records, 4, &size) || size > records->size) return -1;
    hc_span body = hc_span_make(records->data, size);
    *records = hc_span_make(records->data + size, records->size - size);
    if (!take(&body, 1, &kind) || !take(&body, 1, &result) || !take(&body, 1, &flags) ||
        !take(&body, 2, &fields)) {
        return -1;
    }
    if (kind < RECORD_BEAT || kind > RECORD_HAD || (fields & ~(uint64_t)FIELDS_KNOWN) != 0)
        return 0;
    out->kind = (record_kind)kind;
    out->result = (unsigned)result;
    out->flags = (unsigned)flags;
    return take_fields(body, (unsigned)fields, out) ? 1 : -1;
}
