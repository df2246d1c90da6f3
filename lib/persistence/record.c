/*
 * record.c - see record.h for the bytes.
 */
#include "persistence/record.h"

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
