/*
 * snapshot_part.h - one part of a snapshot, written by one thread at a time.
 */
#ifndef HYPERCACHE_PERSISTENCE_SNAPSHOT_PART_H
#define HYPERCACHE_PERSISTENCE_SNAPSHOT_PART_H

#include "persistence/persistence_private.h"

#include <zstd.h>

typedef struct part_writer {
    hc_persistence *p; /* NULL: there is none */
    uint32_t number;
    uint64_t id; /* of the snapshot */
    bool busy;   /* a thread works at it; under snapshot_lock */
    bool done;   /* no shard is left for it; likewise */
    /* the worker's own from here on; the shard being walked */
    bool has_shard;
    uint32_t store, shard, position;
    /* its file */
    hc_file *file;
    uint64_t seed, offset;
    snapshot_part part;
    /* the block being filled */
    uint8_t *block;
    size_t block_bytes;
    uint32_t block_records;
    uint8_t *packed;
    size_t packed_capacity;
    ZSTD_CCtx *zstd;
    uint32_t probe_left;
    bool pays;
    bool ended; /* what `done` is to be */
    /* keys met in this look whose values come later: size u32, key */
    uint8_t *later;
    size_t later_bytes, later_capacity;
    hc_status status; /* of the walk's callback */
} part_writer;

/* HC_ERR_NO_MEMORY; fini in any case. */
hc_status hci_part_init(part_writer *w, hc_persistence *p, uint32_t number);
void hci_part_fini(part_writer *w);
/* Makes its file. */
hc_status hci_part_begin(part_writer *w, uint64_t lsn_from, uint32_t parts);
/* Fills and puts one block, or comes to the end (`ended`). */
hc_status hci_part_walk(part_writer *w);
/* Puts what is there as one block. */
hc_status hci_part_block_put(part_writer *w, block_type type);

/* snapshot.c: the next shard that no part has taken, into `w`; false: there is none. */
bool hci_snapshot_shard_next(part_writer *w);

#endif
