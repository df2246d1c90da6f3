/*
 * block.h - what every file consists of: one page of header, then blocks.
 *
 *     | file header, 4096 bytes | block | block | ...
 *     block:  | header, 64 bytes | payload as stored | zeros to a multiple of 64 |
 *
 * Two checksums guard a block: one of the header, so that a length is believed before it is used,
 * and one of the payload as it is stored, so that damage is found before anything is unpacked.
 * Both are seeded with the file's identity (database and file number): a block of another file, or
 * of what a recycled file held before, never validates.  Each block carries a checksum of all
 * before it (`chain`), so none can be missing or in another place.
 */
#ifndef HYPERCACHE_PERSISTENCE_BLOCK_H
#define HYPERCACHE_PERSISTENCE_BLOCK_H

#include <hypercache/types.h>

#define FILE_HEADER_BYTES 4096u
#define BLOCK_HEADER_BYTES 64u
#define BLOCK_ALIGN 64u
#define BLOCK_RAW_BYTES_MAX (4u << 20)
#define FORMAT_MAJOR 1u
#define FORMAT_MINOR 0u
#define UUID_BYTES 16u

typedef enum file_kind { FILE_LOG = 'L', FILE_SNAPSHOT = 'S', FILE_MANIFEST = 'M' } file_kind;

/* Where a log file goes on from. */
typedef struct file_link {
    uint64_t id;    /* 0: from nothing */
    uint64_t lsn;   /* its records up to here count */
    uint64_t bytes; /* that is, its bytes up to here */
    uint64_t chain; /* its chain there */
} file_link;

typedef struct file_header {
    file_kind kind;
    uint8_t uuid[UUID_BYTES]; /* of the database */
    uint64_t id;              /* number of the file, as in its name */
    int64_t created_at_ms;
    uint64_t base_lsn; /* first LSN of a log file; S0 of a snapshot */
    file_link previous;
    uint32_t part, parts; /* of a snapshot */
} file_header;

typedef enum block_type {
    BLOCK_FRAME = 1,   /* of a log: records; none: a mark that says what is durable */
    BLOCK_SEAL = 2,    /* the last of a log file that was filled */
    BLOCK_DATA = 3,    /* of a snapshot: records */
    BLOCK_END = 4,     /* the last of a snapshot part */
    BLOCK_MANIFEST = 5 /* the one of a manifest */
} block_type;

#define BLOCK_ZSTD 1u /* flags */

typedef struct block_header {
    block_type type;
    uint8_t flags;
    uint32_t raw_bytes;    /* of the payload, unpacked */
    uint32_t stored_bytes; /* of the payload as it is here */
    uint32_t records;
    uint64_t seq;         /* first LSN of a frame, else the block's number */
    uint64_t durable_lsn; /* of a frame: what was durable when it was written */
    uint64_t payload_sum;
    uint64_t chain; /* this block included */
} block_header;

static inline uint64_t block_stride(uint32_t stored_bytes)
{
    return BLOCK_HEADER_BYTES +
           (((uint64_t)stored_bytes + BLOCK_ALIGN - 1) & ~(uint64_t)(BLOCK_ALIGN - 1));
}

void hci_file_header_put(const file_header *header, uint8_t *to);
/* HC_ERR_CORRUPT; HC_ERR_UNSUPPORTED: intact, but from a version that this one cannot read. */
hc_status hci_file_header_get(const uint8_t *from, file_kind kind, file_header *out);

/* What the checksums of blocks in this file start from. */
uint64_t hci_file_seed(const uint8_t *uuid, uint64_t id);
uint64_t hci_block_sum(uint64_t seed, const hc_span *parts, size_t count);
/* The chain from its value before, 0 at the start of a file. */
uint64_t hci_chain_next(uint64_t chain, uint64_t payload_sum);
void hci_block_header_put(const block_header *header, uint64_t seed, uint64_t file_id, uint8_t *to);
/* False: no header of a block of this file. */
bool hci_block_header_get(const uint8_t *from, uint64_t seed, uint64_t file_id, block_header *out);

#endif
