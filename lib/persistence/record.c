/*
 * record.c - see record.h for the bytes.
 */
#include "persistence/record.h"

size_t hci_record_fields_put(const record *r, uint8_t *to, uint64_t *head_out)
{
    size_t at = RECORD_HEADER_BYTES;
    uint8_t flags = (uint8_t)((r->flags & RECORD_MORE) | (unsigned)r->type << RECORD_TYPE_SHIFT);
    if (r->group != 0) {
        flags |= RECORD_IN_GROUP;
        wire_put_u64(to + at, r->group);
        at += 8;
    }
    if (r->expires_at_ms != HC_EXPIRY_NONE) {
        flags |= RECORD_HAS_EXPIRY;
        wire_put_u64(to + at, (uint64_t)r->expires_at_ms);
        at += 8;
    }
    if (record_has_offset(r->kind)) {
        wire_put_u64(to + at, r->offset);
        at += 8;
    }
    if (record_has_key(r->kind)) at += hci_varint_put(to + at, (uint32_t)r->key.size);
    uint32_t size = (uint32_t)(at + r->key.size + r->value.size);
    wire_put_u32(to, size);
    to[4] = (uint8_t)r->kind;
    to[5] = flags;
    wire_put_u16(to + 6, r->store);
    memcpy(head_out, to, sizeof *head_out);
    return at;
}

static bool key_get(wire_reader *in, record *out)
{
    uint32_t key_bytes;
    size_t varint_bytes = hci_varint_get_checked(in->at, in->left, &key_bytes);
    if (varint_bytes == 0 || key_bytes > HC_KEY_BYTES_MAX) return false;
    (void)wire_get_span(in, varint_bytes);
    out->key = wire_get_span(in, key_bytes);
    return !in->failed;
}

uint64_t hci_record_get(const uint8_t *from, uint64_t size, record *out)
{
    *out = (record){.kind = RECORD_COMMIT};
    if (size < RECORD_HEADER_BYTES) return 0;
    uint32_t record_bytes = wire_u32(from);
    unsigned kind = from[4];
    uint8_t flags = from[5];
    if (record_bytes < RECORD_HEADER_BYTES || record_bytes > RECORD_BYTES_MAX) return 0;
    if (record_stride(record_bytes) > size || kind == 0 || kind >= RECORD_KINDS) return 0;
    out->kind = (record_kind)kind;
    out->flags = flags & RECORD_MORE;
    out->type = flags >> RECORD_TYPE_SHIFT & RECORD_TYPE_MASK;
    out->store = wire_u16(from + 6);
    wire_reader in = {.at = from + RECORD_HEADER_BYTES, .left = record_bytes - RECORD_HEADER_BYTES};
    if (flags & RECORD_IN_GROUP) out->group = wire_get_u64(&in);
    if (flags & RECORD_HAS_EXPIRY) out->expires_at_ms = (int64_t)wire_get_u64(&in);
    if (record_has_offset(out->kind)) out->offset = wire_get_u64(&in);
    if (in.failed || out->expires_at_ms < 0 || out->expires_at_ms > HC_EXPIRY_MAX_MS) return 0;
    if (record_has_key(out->kind) && !key_get(&in, out)) return 0;
    out->value = wire_get_span(&in, in.left);
    return record_stride(record_bytes);
}
