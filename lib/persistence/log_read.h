/*
 * log_read.h - what the log says: where it ends, and whether that end is an accident or damage.
 *
 *     chain   file a --(previous: a, up to byte n)--> file c --> file d, the last
 *     end     the first place where no valid frame follows
 *
 * Nothing durable behind the end: the log was torn there by a crash, and that is where it ends.
 * Something says that records behind the end were durable (a later frame, a manifest): then the
 * disk lost what it had promised, and nobody may go on as if it had not.  A later frame alone says
 * nothing: frames that were never synced may reach the disk in any order.
 */
#ifndef HYPERCACHE_PERSISTENCE_LOG_READ_H
#define HYPERCACHE_PERSISTENCE_LOG_READ_H

#include "persistence/persistence_private.h"

/* ---- one file, frame by frame ---- */

typedef struct frame_reader {
    const persist_dir *dir;
    hc_file *file;
    uint64_t id, seed;
    uint64_t offset, limit; /* of the next block; bytes of the file that count */
    uint64_t lsn, chain;    /* expected next */
    block_header block;     /* the last one read */
    const uint8_t *payload; /* its records, until the next call */
    uint8_t *window;        /* [window_at, window_at + window_bytes) of the file */
    size_t window_bytes, window_capacity;
    uint64_t window_at;
} frame_reader;

/* HC_ERR_NOT_FOUND, HC_ERR_IO ...; close in any case. */
hc_status hci_frames_open(frame_reader *r, const persist_dir *dir, const uint8_t *uuid, uint64_t id,
                          uint64_t limit);
void hci_frames_close(frame_reader *r);
/* The next block that continues the chain.
 *   HC_ERR_NOT_FOUND  there is none
 *   HC_ERR_IO, HC_ERR_NO_MEMORY */
hc_status hci_frames_next(frame_reader *r);

/* ---- all of it ---- */

typedef struct chain_file {
    uint64_t id, base_lsn, bytes; /* that count */
} chain_file;

/* How many keys the log sets in a store, by linear counting (Whang et al. 1990): each key sets one
 * bit of a map, and the zeros that are left tell.  Within 2 % up to twelve million keys, and no
 * more than a hint to the index.  The map is there from record SKETCH_RECORDS_MIN on: up to that
 * the number of records is hint enough, and most logs of small stores cost nothing. */
#define SKETCHES_MAX 8u /* stores it is done for; others grow step by step */
#define SKETCH_BITS (1u << 20)
#define SKETCH_RECORDS_MIN 4096u
typedef struct key_sketch {
    uint32_t store, ones;
    uint64_t records; /* that set a key */
    uint64_t *bits;   /* NULL: not yet, or no memory */
} key_sketch;

typedef struct log_scan {
    const hci_host *host;
    chain_file *chain;
    size_t chain_count, chain_capacity;
    uint64_t end_lsn;              /* of what can be replayed */
    uint64_t durable_lsn;          /* greatest that anything says was durable */
    file_link resume;              /* end of the last frame at or before both */
    uint64_t id_max;               /* of any log file there */
    bool torn, gap;                /* records were dropped there: nothing behind it counts */
    uint64_t stop_id, stop_offset; /* where it ends */
    uint64_t *groups;              /* begun, not committed before the end */
    size_t group_count, group_capacity;
    uint64_t records, bytes;
    uint64_t lost_records; /* known to be behind a damaged place */
    key_sketch sketches[SKETCHES_MAX];
    uint32_t sketch_count;
} log_scan;

/* Reads the log from `m->log_first` on.  `salvage`: damage is told, and the log ends there.
 *   HC_ERR_CORRUPT  told to hooks->damage
 *   HC_ERR_UNSUPPORTED, HC_ERR_IO, HC_ERR_NO_MEMORY; fini in any case */
hc_status hci_log_scan(const persist_dir *dir, const manifest *m, const dir_listing *listing,
                       const hc_persistence_hooks *hooks, bool salvage, log_scan *out);
void hci_log_scan_fini(log_scan *scan);
/* About so many keys of this store are set in it. */
uint64_t hci_log_keys(const log_scan *scan, uint32_t store);
bool hci_log_group_open(const log_scan *scan, uint64_t group);

/* log_sketch.c: a record that the scan saw; memory that is not there is done without. */
void hci_sketch_note(log_scan *scan, const record *r);
void hci_sketches_fini(log_scan *scan);

/* Calls `visit` with each record from `from_lsn` to the scan's end. */
hc_status hci_log_replay(const persist_dir *dir, const uint8_t *uuid, const log_scan *scan,
                         uint64_t from_lsn, record_visit visit, void *ctx);
/* The same frame by frame: `bytes` are whole records that begin at `lsn` and go until the call
 * returns; the frame took `file_bytes` of its file.  One that lies before has no bytes. */
typedef hc_status (*frame_visit)(void *ctx, hc_span bytes, uint64_t lsn, uint64_t file_bytes);
hc_status hci_log_frames(const persist_dir *dir, const uint8_t *uuid, const log_scan *scan,
                         uint64_t from_lsn, frame_visit visit, void *ctx);

#endif
