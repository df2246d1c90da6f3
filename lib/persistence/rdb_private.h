/*
 * rdb_private.h - the bytes of Redis's format.
 *
 *     file     "REDIS0009" | aux | SELECTDB n | RESIZEDB | [expiry] type key value ... | EOF |
 * CRC-64 payload  type value | version, 2 bytes | CRC-64, 8 bytes                 (what DUMP gives)
 *     length   00xxxxxx   01xxxxxx b   10000000 b*4   10000001 b*8   11xxxxxx: a special string
 *     string   length bytes | C0 i8 | C1 i16 | C2 i32 | C3 packed-length raw-length LZF-bytes
 */
#ifndef HYPERCACHE_PERSISTENCE_RDB_PRIVATE_H
#define HYPERCACHE_PERSISTENCE_RDB_PRIVATE_H

#include "host/host_internal.h"

#include <hypercache/rdb.h>

#define RDB_CHECKSUM_BYTES 8u
#define RDB_FOOTER_BYTES (2u + RDB_CHECKSUM_BYTES) /* of a payload */
#define RDB_VERSION_CHECKSUM 5u                    /* files have one from here on */

#define RDB_TYPE_STRING 0u
#define RDB_TYPE_MODULE_2 7u

/* Our own module type: Redis's names have nine letters of 64 and a version of ten bits. */
#define RDB_FILTER_LETTERS "HCfilter1"
#define RDB_FILTER_VERSION 1u

typedef enum rdb_form { RDB_PLAIN, RDB_NUMBER, RDB_PACKED } rdb_form;

/* A string before its bytes are looked at. */
typedef struct rdb_string {
    rdb_form form;
    size_t raw_bytes;    /* of the value; of a number: of its decimal text */
    size_t stored_bytes; /* what follows: the bytes, or the packed ones; 0 for a number */
    int64_t number;
} rdb_string;

/* A place to read from: bytes in memory, or a window of a source. */
#define RDB_WINDOW_BYTES 65536u
typedef struct rdb_reader rdb_reader;
struct rdb_reader {
    /* The next `bytes` <= RDB_WINDOW_BYTES bytes, borrowed until the next call; NULL: there are not
     * so many, or an error, and `fault` says which. */
    const uint8_t *(*next)(rdb_reader *from, size_t bytes);
    bool (*skip)(rdb_reader *from, uint64_t bytes);
    const char *fault; /* static; NULL: none yet */
};
bool hci_rdb_take(rdb_reader *from, void *to, size_t bytes);

/* rdb_string.c */
/* A length; `special` (may be NULL: then none is allowed) is set for C0..FF, the low six bits being
 * the result. */
bool hci_rdb_length(rdb_reader *from, uint64_t *length_out, bool *special);
bool hci_rdb_string(rdb_reader *from, rdb_string *out);
uint8_t *hci_rdb_put_length(uint8_t *to, uint64_t length);
/* The form a string has when it is the decimal text of a small integer, or the plain one; of the
 * latter the bytes are to follow. */
#define RDB_STRING_HEAD_BYTES_MAX 9u
uint8_t *hci_rdb_put_string_head(uint8_t *to, hc_span value, bool *bytes_follow);
uint64_t hci_rdb_module_id(const char letters[9], uint32_t version);

/* rdb_lzf.c.  False: not the packed form of `raw_bytes` bytes. */
bool hci_lzf_unpack(hc_span packed, uint8_t *to, size_t raw_bytes);

/* rdb_types.c: values of other types. */
/* Static; NULL: no such type. */
const char *hci_rdb_type_name(uint8_t type);
/* Passes over a value whose type byte was read. */
bool hci_rdb_value_skip(rdb_reader *from, uint8_t type);
bool hci_rdb_module_skip(rdb_reader *from);

#endif
