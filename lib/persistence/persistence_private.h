/*
 * persistence_private.h - the handle, its parts, and the calls between the files of this folder.
 *
 *     stores' effects -> follow.c -> log_ring.c -> log_write.c -> log-*.hcl hc_persistence_step
 *     stores' items   -> snapshot.c -----------------------------> snap-*.hcs     ..._snapshot_step
 *     manifest.c: which of these files count;  log_read.c, recover.c: the way back
 *
 * Layers, each file using only those above it:
 *     wire.h record.c block.c                 bytes and numbers
 *     log_ring.c                              records in memory, in their final order
 *     directory.c                             names, the lock, small files written whole
 *     manifest.c                              the list of files that count
 *     log_segment.c log_write.c log_put.c     the log: its files; frames, syncs, repair; the ring
 *     log_frames.c log_sketch.c log_read.c    the log: what is there, torn or damaged
 *     follow.c                                stores and their changes
 *     snapshot_part.c snapshot.c              all keys to files
 *     retention.c                             files that count no more
 *     snapshot_read.c replay_records.c recover.c load.c      the way back
 *     persistence.c check.c backup.c          the public calls
 *
 * Threads. `log.lock` is held by who writes to the log, `snapshot.lock` by who writes a snapshot,
 * `stores_lock` by who changes the list of stores.  Taken in this order: snapshot, stores, shards
 * of a store, log.
 */
#ifndef HYPERCACHE_PERSISTENCE_PRIVATE_H
#define HYPERCACHE_PERSISTENCE_PRIVATE_H

#include <stdatomic.h>

#include "host/host_internal.h"
#include "host/lock.h"
#include "persistence/block.h"
#include "persistence/log_ring.h"
#include "persistence/record.h"

#include <hypercache/persistence.h>
#include <hypercache/stores.h>

#define NAME_BYTES_MAX 64u         /* of a file of ours */
#define FRAME_BYTES_MAX (1u << 20) /* of records in one frame */
#define LSN_FIRST 64u              /* where a new log begins: 0 means "none" */
#define GENERATIONS_MAX 8u
#define NS_PER_MS UINT64_C(1000000)

/* ---- directory.c ---- */

typedef struct persist_dir {
    const hci_host *host;
    char path[HC_PATH_BYTES_MAX];
} persist_dir;

/* HC_ERR_INVALID: too long, or empty. */
hc_status hci_dir_init(persist_dir *dir, const hci_host *host, const char *path);
/* Opens, removes, syncs a file of the directory by its name. */
hc_status hci_dir_open(const persist_dir *dir, const char *name, uint32_t flags, hc_file **out);
hc_status hci_dir_lock(const persist_dir *dir, hc_file **out);
hc_status hci_dir_unlink(const persist_dir *dir, const char *name);
hc_status hci_dir_rename(const persist_dir *dir, const char *from, const char *to);
hc_status hci_dir_sync(const persist_dir *dir);
static inline void hci_dir_close(const persist_dir *dir, hc_file *file)
{
    dir->host->io.close(dir->host->io.ctx, file);
}

static inline hc_status hci_file_write(const persist_dir *dir, hc_file *file, const hc_span *parts,
                                       size_t count, uint64_t offset)
{
    return dir->host->io.write(dir->host->io.ctx, file, parts, count, offset);
}

static inline hc_status hci_file_sync(const persist_dir *dir, hc_file *file)
{
    return dir->host->io.sync(dir->host->io.ctx, file);
}

/* Exactly `bytes`; HC_ERR_CORRUPT: the file is shorter. */
hc_status hci_file_read(const persist_dir *dir, hc_file *file, void *to, size_t bytes,
                        uint64_t offset);

typedef enum name_kind {
    NAME_OTHER = 0, /* not ours */
    NAME_LOG,
    NAME_SNAPSHOT,
    NAME_MANIFEST,
    NAME_TEMPORARY,
    NAME_LOCK,
    NAME_RESERVE
} name_kind;
void hci_name_log(char *to, uint64_t id);
void hci_name_snapshot(char *to, uint64_t id, uint32_t part);
void hci_name_manifest(char *to, uint64_t number);
/* *number_out is the file's number, *part_out a snapshot's part. */
name_kind hci_name_parse(const char *name, uint64_t *number_out, uint32_t *part_out);

typedef struct dir_entry {
    name_kind kind;
    uint32_t part;
    uint64_t number;
} dir_entry;
typedef struct dir_listing {
    const hci_host *host;
    dir_entry *entries; /* by kind, number, part */
    size_t count, capacity;
    hc_status status;
} dir_listing;
/* What is ours and has a number.  HC_ERR_NOT_FOUND, HC_ERR_IO, HC_ERR_NO_MEMORY; fini in any case.
 */
hc_status hci_dir_list(const persist_dir *dir, dir_listing *out);
void hci_dir_listing_fini(dir_listing *listing);

/* ---- manifest.c ---- */

typedef struct snapshot_part {
    uint64_t bytes, records, blocks, chain;
} snapshot_part;
#define SNAPSHOT_PARTS_MAX 64u

typedef struct manifest_snapshot {
    uint64_t id;               /* 0: there is none */
    uint64_t lsn_from, lsn_to; /* S0, S1: whole once the log up to S1 is replayed from S0 */
    int64_t finished_at_ms;
    uint32_t parts;
    snapshot_part part[SNAPSHOT_PARTS_MAX];
} manifest_snapshot;

typedef struct store_entry {
    bool used;
    hc_strategy strategy;
    uint32_t name_bytes, settings_bytes;
    uint8_t *bytes; /* name, then settings */
    uint64_t keys;  /* about so many are in the snapshot: a hint */
} store_entry;

static inline hc_span entry_name(const store_entry *e)
{
    return hc_span_make(e->bytes, e->name_bytes);
}

static inline hc_span entry_settings(const store_entry *e)
{
    return hc_span_make(e->bytes + e->name_bytes, e->settings_bytes);
}

typedef struct manifest {
    uint64_t number;
    uint8_t uuid[UUID_BYTES];
    int64_t created_at_ms;
    uint64_t log_first;     /* log file where replay starts */
    uint64_t log_first_lsn; /* its base */
    uint64_t durable_lsn;   /* when this was written */
    uint64_t previous_sum;  /* of the manifest before */
    uint64_t sum;           /* of this one */
    manifest_snapshot snapshot;
    store_entry *stores; /* HC_PERSISTED_STORES_MAX, by id */
} manifest;

/* All zero; HC_ERR_NO_MEMORY. */
hc_status hci_manifest_init(manifest *m, const hci_host *host);
void hci_manifest_fini(manifest *m, const hci_host *host);
/* HC_ERR_CORRUPT, HC_ERR_UNSUPPORTED, HC_ERR_IO, HC_ERR_NO_MEMORY */
hc_status hci_manifest_read(const persist_dir *dir, uint64_t number, manifest *m);
/* Durable when it returns HC_OK; else the one before still counts. */
hc_status hci_manifest_write(const persist_dir *dir, manifest *m);
/* Changes an entry; HC_ERR_NO_MEMORY, and it is as before. */
hc_status hci_store_entry_set(const hci_host *host, store_entry *entry, hc_span name,
                              hc_span settings, hc_strategy strategy);
void hci_store_entry_clear(const hci_host *host, store_entry *entry);

/* ---- the log ---- */

typedef struct log_file {
    uint64_t id, base_lsn;
} log_file;

typedef struct log_state {
    hci_lock lock;
    log_ring ring;
    bool started;
    hc_file *file; /* being written; NULL: none, since it failed */
    log_file now;
    uint64_t seed, offset, chain; /* of it: where the next block goes */
    _Atomic uint64_t written_lsn;
    file_link durable_end; /* where a next file would go on from: all before it is durable */
    _Atomic uint64_t durable_lsn;
    uint64_t testified_lsn;             /* the greatest durable_lsn that a frame on disk says */
    _Atomic uint64_t unsynced_since_ns; /* the oldest frame that is not durable; 0: all are */
    uint64_t written_at_ns;             /* the last frame */
    uint64_t next_id;                   /* of a file */
    /* the file that comes next: zeros written ahead */
    hc_file *spare;
    uint64_t spare_id, spare_filled, spare_retry_ns;
    bool spare_ready;
    log_file *files; /* all that recovery may need but the one being written, oldest first */
    _Atomic size_t file_count;
    size_t file_capacity;
    uint8_t *hidden_header; /* while recovering: the first file gets its header last */
    uint64_t hidden_id;
    uint64_t recycle_id; /* a log file that counts no more; 0: none */
    /* failure */
    _Atomic int32_t failed; /* an hc_status; HC_OK: it works */
    uint64_t retry_at_ns, retry_wait_ns;
    _Atomic bool lost;     /* records were dropped: nothing is noted until the next snapshot */
    _Atomic uint32_t idle; /* nobody steps: the next writer calls `wake` */
    _Atomic uint32_t sync_policy;
    _Atomic uint64_t group_next;
    _Atomic uint32_t group_epoch;
    _Atomic uint64_t groups_open[2];
    uint64_t disk_checked_ns;
    _Atomic bool low_disk;
    bool reserve_held;
    /* counters: anyone may look */
    _Atomic uint64_t bytes_written, bytes_filled, frames, syncs, sync_ns, sync_ns_max;
    _Atomic uint64_t relogged_bytes, disk_errors, ring_full, dropped;
} log_state;

/* ---- stores that are followed ---- */

typedef struct followed_store {
    hc_persistence *p;
    hc_store *store; /* NULL: none, or it was dropped */
    uint16_t id;
    bool attached;
    bool partial; /* its log misses something until the next snapshot */
    _Atomic bool logging;
    _Atomic uint32_t walkers; /* parts of a snapshot that look at it just now */
    store_entry entry;
} followed_store;

/* ---- the snapshot being written ---- */

typedef struct snapshot_writer snapshot_writer; /* snapshot.c */

typedef struct generation {
    uint64_t manifest, snapshot, log_first;
} generation;

struct hc_persistence {
    hci_host host;
    hc_persistence_hooks hooks;
    hc_persistence_options options;
    persist_dir dir;
    hc_file *lock_file;
    uint8_t uuid[UUID_BYTES];
    bool recovered;
    /* guarded by snapshot_lock: the newest manifest and the snapshot it names */
    uint64_t manifest_number, manifest_sum;
    uint64_t snapshot_id; /* the last that was used */
    uint64_t snapshot_finished_ns;
    _Atomic uint64_t snapshot_lsn, log_from_lsn;
    _Atomic int64_t snapshot_at_ms;
    hc_status snapshot_status;
    generation generations[GENERATIONS_MAX];
    uint32_t generation_count;
    log_state log;
    bool pinned; /* a backup needs all files: nothing is removed */
    _Atomic bool backup_active;
    _Atomic uint64_t backup_bytes, backup_bytes_all;
    hci_lock stores_lock;
    followed_store *stores; /* HC_PERSISTED_STORES_MAX */
    uint32_t store_next;    /* id to try first */
    _Atomic uint32_t store_count;
    hci_lock snapshot_lock;
    snapshot_writer *snapshot; /* NULL: none is being written */
    _Atomic bool snapshot_active;
    _Atomic uint64_t snapshot_done_records;
    uint64_t snapshot_retry_ns; /* after one that failed, none is due before */
    _Atomic bool rebuild; /* changes were lost: the log does not count until the next snapshot */
    _Atomic uint64_t snapshots, snapshots_failed, snapshot_records, snapshot_bytes, snapshot_ns;
    _Atomic uint64_t recovered_records, recovered_bytes,
        recovered_ns;           /* INFO looks while loading */
    struct recovery_plan *plan; /* of open, until recover has used it */
};

/* `lsn` is where the record starts; of a snapshot 0. */
typedef hc_status (*record_visit)(void *ctx, const record *r, uint64_t lsn);
/* The spans of the records visited are about to go; the block took `bytes` of the file. */
typedef hc_status (*block_visit)(void *ctx, uint64_t bytes);

void hci_persistence_tell(hc_persistence *p, const hc_persistence_event *event);

/* ---- follow.c ---- */

/* Follows `store` from now on, if its strategy wants that; stores_lock is held. */
hc_status hci_follow_start(hc_persistence *p, uint32_t id, hc_store *store);
void hci_follow_stop(hc_persistence *p, uint32_t id);
/* Sets what is noted of each store: everything while a snapshot is being written. */
void hci_follow_all(hc_persistence *p, bool snapshot_active);

/* ---- retention.c: under snapshot_lock ---- */

/* `m` is now the newest manifest. */
void hci_generation_add(hc_persistence *p, const manifest *m);
/* Removes the files that no generation needs. */
void hci_retention_clean(hc_persistence *p);

/* ---- replay_records.c ---- */

typedef struct replay replay;
/* Looks stores up by id and puts records into them. */
typedef struct replay_target {
    void *ctx;
    /* NULL: there is none, and its records are passed over. */
    hc_store *(*store_of)(void *ctx, uint32_t id);
    /* STORE and DROP. */
    hc_status (*store_record)(void *ctx, const record *r);
} replay_target;
/* `first_share`, 0..255: where in a store a batch begins, so that several seldom meet. */
hc_status hci_replay_create(const hci_host *host, const replay_target *target, uint32_t first_share,
                            replay **out);
void hci_replay_destroy(replay *to);
/* The record's spans stay until hci_replay_flush. */
hc_status hci_replay_record(replay *to, const record *r);
hc_status hci_replay_flush(replay *to);
uint64_t hci_replay_count(const replay *from);

/* ---- snapshot.c, snapshot_read.c ---- */

/* Gives up the one being written, if any. */
void hci_snapshot_abandon(hc_persistence *p);

static inline uint64_t snapshot_seed(const uint8_t *uuid, uint64_t id, uint32_t part)
{
    return hci_file_seed(uuid, id ^ (uint64_t)part << 56);
}

typedef struct snapshot_source {
    const persist_dir *dir;
    const uint8_t *uuid;
    const manifest_snapshot *snapshot;
    const hc_persistence_hooks *hooks;
    bool salvage; /* damaged blocks are told and passed over */
} snapshot_source;
/* Whether all parts are there, as long as they should be. */
hc_status hci_snapshot_present(const persist_dir *dir, const manifest_snapshot *snapshot);
/* Reads one part.
 *   HC_ERR_CORRUPT  told, unless salvage
 *   HC_ERR_IO, HC_ERR_NO_MEMORY */
hc_status hci_snapshot_read(const snapshot_source *source, uint32_t part, record_visit visit,
                            block_visit block_end, void *ctx);

/* Where the data blocks of a part are: their headers follow each other as they should, their
 * payloads are not read yet. */
typedef struct snapshot_block {
    uint64_t offset;
    block_header header;
} snapshot_block;
typedef struct snapshot_blocks {
    const hci_host *host;
    snapshot_block *block;
    size_t count, capacity;
} snapshot_blocks;
/* Not of a salvage.  As read; fini in any case. */
hc_status hci_snapshot_list(const snapshot_source *source, uint32_t part, snapshot_blocks *out);
void hci_snapshot_blocks_fini(snapshot_blocks *blocks);
/* Reads blocks `from` to `to` - 1 of a part.  A value that goes on from one block into the next
 * belongs to the range in which it began. */
hc_status hci_snapshot_read_blocks(const snapshot_source *source, uint32_t part,
                                   const snapshot_blocks *list, size_t from, size_t to,
                                   record_visit visit, block_visit block_end, void *ctx);

void hci_persistence_damage(const hc_persistence_hooks *hooks, const hc_damage *damage);

/* HC_ERR_BUSY: the host wants it to end. */
static inline hc_status hooks_go_on(const hc_persistence_hooks *hooks)
{
    return hooks->stops != NULL && hooks->stops(hooks->ctx) ? HC_ERR_BUSY : HC_OK;
}

/* ---- log_segment.c: under log.lock ---- */

/* A durable name for a new file and, step by step, zeros in it.  True: there is more to do now. */
bool hci_spare_step(hc_persistence *p, uint64_t now_ns);
/* Starts a new file that goes on from log.durable_end. */
hc_status hci_segment_start(hc_persistence *p);
/* Writes the header that was kept back, after everything in the file is durable: until then a
 * reader goes on from the files before it. */
hc_status hci_segment_show(hc_persistence *p);
/* Gives up the current one, as it is. */
void hci_segment_stop(hc_persistence *p);
/* HC_ERR_NO_MEMORY */
hc_status hci_log_files_push(hc_persistence *p, log_file file);
void hci_spare_drop(hc_persistence *p);

/* ---- log_write.c, log_put.c ---- */

/* Takes what was published into frames, under log.lock; syncs as the policy says, or at once. */
hc_status hci_log_flush(hc_persistence *p, bool sync_now);
/* Repairs if that is due, then as hci_log_flush; under log.lock. */
hc_status hci_log_work(hc_persistence *p, bool sync_now);
/* Says on disk that everything is durable, if nothing does; under log.lock. */
void hci_log_mark(hc_persistence *p);
/* Of a log that has just begun: all of it is durable, then it counts. */
hc_status hci_log_show(hc_persistence *p);
/* Notes a change; false: it is lost.  Under the lock of the key's shard. */
bool hci_log_put(hc_persistence *p, record *r);
/* As hci_log_put for a value of any length. */
void hci_log_put_value(hc_persistence *p, record *r);
/* The thread's open group, and the record to be put belongs to it; 0: none.  That of a store's
 * transaction only for what was done `in_txn`. */
uint64_t hci_group_now(const hc_persistence *p, bool in_txn);
void hci_group_begin(hc_persistence *p, bool is_explicit);
void hci_group_commit(hc_persistence *p, bool is_explicit);
/* Groups begun from now on are counted apart; then, whether those before are all closed. */
uint32_t hci_groups_flip(hc_persistence *p);
bool hci_groups_closed(hc_persistence *p, uint32_t epoch);

#endif
