/*
 * rdb.h - Redis's own format, in and out: DUMP payloads and RDB files.
 *
 * Read:      versions 1 to 12, and later ones and Valkey's as long as they use only what is known
 *            here.  Strings are read; values of other types (lists, hashes ...) are counted and
 *            named, and the file is refused unless they may be skipped.
 * Written:   version 9, which Redis 5 and all later ones, Valkey, KeyDB and Dragonfly read.
 * Trust:     a file is read twice.  The first time everything is checked, the checksum before the
 *            end and each length against what is there; the caller sees no key before that held.
 *            Any bytes are safe.
 * Source:    the format as documented at https://rdb.fnordig.de and by Redis's own files; LZF by
 *            Marc Lehmann's description of liblzf.
 * Threads:   one at a time for each reader or writer.
 */
#ifndef HYPERCACHE_RDB_H
#define HYPERCACHE_RDB_H

#include <hypercache/host.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HC_RDB_VERSION_WRITTEN 9u
#define HC_RDB_VERSION_READ_MAX 12u

/* ---- one value: DUMP and RESTORE ---- */

#define HC_RDB_DUMP_BYTES_MORE 64u /* a payload is at most so much longer than its value */

/* Writes the payload of a value to `to`, which has room for its size and HC_RDB_DUMP_BYTES_MORE;
 * returns the bytes written.  A cuckoo filter goes as a value of our own module type. */
HC_API
size_t hc_rdb_dump(hc_type type, hc_span value, uint8_t *to);

/* What a payload holds. */
typedef struct hc_rdb_payload {
    hc_type type;
    size_t value_bytes;
    hc_span stored; /* the value itself or, when packed, its LZF form; borrowed from the payload */
    bool is_packed;
    bool is_number; /* `number` is the value, in decimal */
    int64_t number;
} hc_rdb_payload;

/* Looks at a payload.
 *   HC_ERR_CORRUPT      too short, of a version later than HC_RDB_VERSION_READ_MAX, or the checksum
 *                       does not hold
 *   HC_ERR_INVALID      the checksum holds, but not the format
 *   HC_ERR_UNSUPPORTED  a value of a type that is not kept here */
HC_API
hc_status hc_rdb_payload_open(hc_span payload, hc_rdb_payload *out);
/* Writes the value, value_bytes of it, to `to`.
 *   HC_ERR_INVALID  packed bytes that do not unpack */
HC_API
hc_status hc_rdb_payload_value(const hc_rdb_payload *of, uint8_t *to);

/* ---- files: reading ---- */

/* Where the bytes are; a file is read more than once. */
typedef struct hc_rdb_source {
    size_t size; /* sizeof(hc_rdb_source) */
    void *ctx;
    uint64_t bytes;
    /* All `bytes` from `offset` on, or false. */
    bool (*read)(void *ctx, uint64_t offset, void *to, size_t bytes);
} hc_rdb_source;

typedef struct hc_rdb_entry {
    uint32_t database;
    hc_span key, value;    /* borrowed until the call returns */
    int64_t expires_at_ms; /* HC_EXPIRY_NONE: never; may be past */
} hc_rdb_entry;

/* Takes one string.  Anything but HC_OK ends the reading, which returns it. */
typedef hc_status (*hc_rdb_visit)(void *ctx, const hc_rdb_entry *entry);

#define HC_RDB_NAMES_MAX 10u
#define HC_RDB_NAME_BYTES_MAX 128u

typedef struct hc_rdb_report {
    size_t size;           /* in: sizeof(hc_rdb_report); fields beyond it are not written */
    uint32_t version;      /* of the file; Valkey's are 80 and more */
    uint32_t databases;    /* highest number used, and one */
    uint64_t strings;      /* keys that are read */
    uint64_t expiring;     /* of them */
    uint64_t others;       /* keys of other types */
    bool has_checksum;     /* false: of before version 5, or written without */
    const char *fault;     /* static text of what is wrong; NULL: nothing */
    uint64_t fault_offset; /* in bytes */
    /* the first keys of other types, their names cut to fit, and their types' names (static) */
    uint32_t named;
    uint32_t name_bytes[HC_RDB_NAMES_MAX];
    const char *types[HC_RDB_NAMES_MAX];
    uint8_t names[HC_RDB_NAMES_MAX][HC_RDB_NAME_BYTES_MAX];
} hc_rdb_report;

/* Reads a file: checks all of it, then visits its strings in their order.  `visit` NULL only
 * checks.  `report` (may not be NULL) is filled in any case.
 *   HC_ERR_CORRUPT      not such a file, damaged, or ends early: report->fault, fault_offset
 *   HC_ERR_UNSUPPORTED  has values of other types and `skip_others` is false; or something in it is
 *                       of a later version: then fault says so
 *   HC_ERR_LIMIT        a key or a value is larger than a store takes
 *   HC_ERR_IO           the source could not be read
 *   HC_ERR_NO_MEMORY    for a large value
 *   and what `visit` returned */
HC_API
hc_status hc_rdb_read(const hc_host *host, const hc_rdb_source *source, bool skip_others,
                      hc_rdb_visit visit, void *ctx, hc_rdb_report *report);

/* Finds where the RDB file ends that the source begins with, for those that go on with something
 * else, as an append-only file does behind its preamble.  Looks at the form alone, not at the
 * checksum: read it with a source of *bytes_out bytes before it is believed.  `report` as above.
 *   as hc_rdb_read */
HC_API
hc_status hc_rdb_extent(const hc_host *host, const hc_rdb_source *source, uint64_t *bytes_out,
                        hc_rdb_report *report);

/* ---- files: writing ---- */

typedef struct hc_rdb_sink {
    size_t size; /* sizeof(hc_rdb_sink) */
    void *ctx;
    bool (*write)(void *ctx, hc_span bytes); /* all of them, or false */
} hc_rdb_sink;

typedef struct hc_rdb_writer {
    hc_rdb_sink sink;
    uint64_t checksum;
    uint32_t database; /* of the latest entry */
    bool has_database;
    bool failed;
} hc_rdb_writer;

/* A file is: begin, any number of entries, end.
 *   HC_ERR_IO  the sink failed, now or before; the file is of no use */
HC_API
hc_status hc_rdb_write_begin(hc_rdb_writer *writer, const hc_rdb_sink *sink);
HC_API
hc_status hc_rdb_write_entry(hc_rdb_writer *writer, const hc_rdb_entry *entry);
HC_API
hc_status hc_rdb_write_end(hc_rdb_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
