/*
 * record.h - one change as bytes: the same in the ring, in the log and in a snapshot.
 *
 *     | size u32 | kind u8 | flags u8 | store u16 |                       8 bytes, little-endian
 *     | group u64 |                                                       if RECORD_IN_GROUP
 *     | expires_at_ms i64 |                                               if RECORD_HAS_EXPIRY
 *     | offset u64 |                                                      of APPEND and PATCH
 *     | key size varint | key |                                           of what has a key
 *     | value ... |                                                       to the end
 *     | 0 ... |                                                           to a multiple of 8
 *
 * `size` counts everything but the zeros at the end.  A value that is longer than one piece goes on
 * in PIECE records of the same group; all but the last have RECORD_MORE.
 */
#ifndef HYPERCACHE_PERSISTENCE_RECORD_H
#define HYPERCACHE_PERSISTENCE_RECORD_H

#include "base/varint.h"
#include "persistence/wire.h"

#include <hypercache/store.h>

#define RECORD_HEADER_BYTES 8u
#define RECORD_FIELDS_BYTES_MAX (RECORD_HEADER_BYTES + 24u + HCI_VARINT_BYTES_MAX)
#define RECORD_ALIGN 8u
#define RECORD_PIECE_BYTES_MAX 65536u /* of a value, in one record */
#define RECORD_BYTES_MAX (RECORD_FIELDS_BYTES_MAX + HC_KEY_BYTES_MAX + RECORD_PIECE_BYTES_MAX + 8u)

typedef enum record_kind {
    RECORD_SET = 1,
    RECORD_APPEND = 2,
    RECORD_EXPIRY = 3,
    RECORD_DELETE = 4,
    RECORD_EXPIRED = 5,
    RECORD_EVICTED = 6,
    RECORD_FLUSH = 7,
    RECORD_COMMIT = 8,
    RECORD_PIECE = 9,
    RECORD_STORE = 10, /* a store is there, or is otherwise now: key is its name, value settings */
    RECORD_DROP = 11,
    RECORD_GAP = 12, /* changes before it were not noted: they are in a snapshot begun after it */
    RECORD_PATCH = 13
} record_kind;
#define RECORD_KINDS 14u

#define RECORD_HAS_EXPIRY 1u
#define RECORD_IN_GROUP 2u
#define RECORD_MORE 4u
#define RECORD_TYPE_SHIFT 4u /* 3 bits: an hc_type; of RECORD_STORE its hc_strategy */
#define RECORD_TYPE_MASK 7u

typedef struct record {
    record_kind kind;
    uint8_t flags; /* RECORD_MORE is read; the others follow from the fields */
    uint8_t type;
    uint16_t store;
    uint64_t group;        /* 0: none */
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: never */
    uint64_t offset;
    hc_span key, value;
} record;

static inline bool record_has_offset(record_kind kind)
{
    return kind == RECORD_APPEND || kind == RECORD_PATCH;
}

static inline bool record_has_key(record_kind kind)
{
    return kind != RECORD_FLUSH && kind != RECORD_COMMIT && kind != RECORD_PIECE &&
           kind != RECORD_DROP && kind != RECORD_GAP;
}

/* Of a record of `size` bytes, with the zeros behind it. */
static inline uint64_t record_stride(uint32_t size)
{
    return ((uint64_t)size + (RECORD_ALIGN - 1)) & ~(uint64_t)(RECORD_ALIGN - 1);
}

/* Everything before the key, header included, into `to` of RECORD_FIELDS_BYTES_MAX; *head_out is
 * the header's 8 bytes as they lie in memory.  Returns how many bytes. */
static inline size_t record_fields_put(const record *r, uint8_t *to, uint64_t *head_out)
{
    size_t at = RECORD_HEADER_BYTES;
    unsigned flags = (r->flags & RECORD_MORE) | (unsigned)r->type << RECORD_TYPE_SHIFT;
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
    uint64_t size = (uint32_t)(at + r->key.size + r->value.size);
    wire_put_u64(to, size | (uint64_t)r->kind << 32 | (uint64_t)(uint8_t)flags << 40 |
                         (uint64_t)r->store << 48);
    memcpy(head_out, to, sizeof *head_out);
    return at;
}

/* The record at the front of `size` bytes that nobody vouches for; spans point into them.  Returns
 * its stride, or 0 when it is none. */
uint64_t hci_record_get(const uint8_t *from, uint64_t size, record *out);

#endif
