/*
 * store_item.h - how an item lies in a segment.
 *
 *     short   | 0 klen:7 | vlen varint | key ... | value ...          a string, no expiry, klen <
 * 128 long    | 1 flags:7| klen varint | vlen varint | expiry 6 | key ... | value ... extent  | 1
 * flags:7| klen varint | vlen varint | expiry 6 | pointer 8 | hash 8 |
 *
 * The short form is what a small cache entry takes: 2 bytes.  flags: type (3 bits), has an expiry
 * field, lives in an extent, value is compressed.  The expiry is Unix milliseconds, 48 bits, little
 * endian; 0 in the field means "none" (it was taken away in place).
 *
 * An extent (store_private.h) holds key and value of an item too large to be packed; its pointer is
 * followed only under the shard's lock and only while the index points at this stub.  The hash is
 * there because the key may be gone.
 */
#ifndef HYPERCACHE_STORE_ITEM_H
#define HYPERCACHE_STORE_ITEM_H

#include "base/varint.h"
#include "store/racy.h"

#include <hypercache/types.h>

#define ITEM_LONG 0x80u
#define ITEM_TYPE 0x07u
#define ITEM_EXPIRY 0x08u
#define ITEM_EXTENT 0x10u
#define ITEM_COMPRESSED 0x20u
#define ITEM_EXPIRY_BYTES 6u
#define ITEM_STUB_BYTES 16u /* pointer, hash */
/* flags 1, klen <= 65536 3, vlen <= 2^29 5, expiry 6 */
#define ITEM_HEADER_BYTES_MAX 15u

typedef struct item_header {
    uint8_t flags; /* 0 for the short form, else ITEM_LONG | ... */
    uint32_t key_bytes;
    uint32_t value_bytes; /* as stored */
    uint32_t header_bytes;
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: never */
} item_header;

/* Bytes between header and end. */
static inline size_t item_body_bytes(const item_header *header)
{
    if (header->flags & ITEM_EXTENT) return ITEM_STUB_BYTES;
    return (size_t)header->key_bytes + header->value_bytes;
}

static inline size_t item_bytes(const item_header *header)
{
    return header->header_bytes + item_body_bytes(header);
}

static inline int64_t item_expiry_get(const uint8_t *from)
{
    uint64_t value = 0;
    memcpy(&value, from, ITEM_EXPIRY_BYTES);
    return (int64_t)value;
}

/* Decodes the header at `from`, of which 16 bytes can be read.  Any bytes are safe: what comes out
 * of torn ones is wrong, but read from these 16 bytes only. */
static inline void item_header_get(const uint8_t *from, item_header *out)
{
    if (from[0] < ITEM_LONG && from[1] < 128) {
        *out = (item_header){0, from[0], from[1], 2, HC_EXPIRY_NONE};
        return;
    }
    size_t at = 1;
    out->flags = 0;
    out->key_bytes = from[0];
    if (from[0] & ITEM_LONG) {
        out->flags = from[0];
        at += hci_varint_get(from + at, &out->key_bytes);
    }
    at += hci_varint_get(from + at, &out->value_bytes);
    out->expires_at_ms = HC_EXPIRY_NONE;
    if (out->flags & ITEM_EXPIRY) {
        /* torn varints can be 5 + 5 bytes long: 1 + 10 + 6 would leave the 16 bytes */
        if (at > 16 - ITEM_EXPIRY_BYTES) at = 16 - ITEM_EXPIRY_BYTES;
        out->expires_at_ms = item_expiry_get(from + at);
        at += ITEM_EXPIRY_BYTES;
    }
    out->header_bytes = (uint32_t)at;
}

/* Fills in flags and header_bytes for an item of these sizes.  `flags` without ITEM_LONG. */
static inline item_header item_header_make(uint8_t flags, size_t key_bytes, size_t value_bytes,
                                           int64_t expires_at_ms)
{
    item_header header = {flags, (uint32_t)key_bytes, (uint32_t)value_bytes, 0, expires_at_ms};
    if (expires_at_ms != HC_EXPIRY_NONE) header.flags |= ITEM_EXPIRY;
    header.header_bytes = 1 + (uint32_t)hci_varint_size(header.value_bytes);
    if (header.flags != 0 || key_bytes >= ITEM_LONG) {
        header.flags |= ITEM_LONG;
        header.header_bytes += (uint32_t)hci_varint_size(header.key_bytes);
        if (header.flags & ITEM_EXPIRY) header.header_bytes += ITEM_EXPIRY_BYTES;
    }
    return header;
}

/* Writes the header to `to`, ITEM_HEADER_BYTES_MAX bytes large. */
static inline void item_header_put(const item_header *header, uint8_t *to)
{
    size_t at = 1;
    to[0] = header->flags;
    if (header->flags & ITEM_LONG) {
        at += hci_varint_put(to + at, header->key_bytes);
    } else {
        to[0] = (uint8_t)header->key_bytes;
    }
    at += hci_varint_put(to + at, header->value_bytes);
    if (header->flags & ITEM_EXPIRY) {
        uint64_t expiry = (uint64_t)header->expires_at_ms;
        memcpy(to + at, &expiry, ITEM_EXPIRY_BYTES);
    }
}

static inline hc_type item_type(const item_header *header)
{
    return (hc_type)(header->flags & ITEM_TYPE);
}

#endif
