/*
 * persistence.h - stores that survive: an append log with group commit, snapshots without fork.
 *
 *     hc_persistence_options options = {.size = sizeof options, .directory = "data"};
 *     hc_persistence_open(NULL, &options, &p);         reads what is there, changes nothing
 *     hc_persistence_recover(p, &hooks);               brings it back into stores
 *     hc_persistence_add(p, HC_SPAN("users"), store, &settings, &id);   a store that is new
 *     ... in a thread of the host:  for (;;) wait(hc_persistence_step(p));
 *     hc_persistence_close(p);                         all written is durable
 *
 * Changes of a store are followed (hc_effects) and put into one ring in memory; their order there
 * is the order of the log.  A position in that stream of records is an LSN.  hc_persistence_step
 * writes what came since as one frame and syncs it as the policy says; what is durable is told by
 * `durable`, so that replies can wait without a thread waiting.
 *
 * Promise:   docs/durability.md, per policy.
 * Files:     docs/format/persistence.md.
 * Ownership: strings, spans and tables given are copied; stores are borrowed and outlive the
 * handle. Threads:   the library starts none.  Where a call says nothing else, any thread may make
 * it while others do.  Effects are noted under the store's lock in well under a microsecond.
 *            Callbacks come from the thread that called in, often under the lock of the log: be
 * short, and call nothing of this library but the functions of a const handle.
 */
#ifndef HYPERCACHE_PERSISTENCE_H
#define HYPERCACHE_PERSISTENCE_H

#include <hypercache/host.h>
#include <hypercache/store.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_persistence hc_persistence;

#define HC_PERSISTED_STORES_MAX 1024u
#define HC_PERSISTED_SETTINGS_BYTES_MAX 4096u /* of the settings of one store */
#define HC_PERSISTENCE_THREADS_MAX 16u
#define HC_PERSISTENCE_NEVER UINT64_MAX /* of hc_persistence_step: until `wake` is called */

/* When a change counts as durable. */
typedef enum hc_sync_policy {
    HC_SYNC_DEFAULT = 0, /* HC_SYNC_EVERYSEC */
    HC_SYNC_ALWAYS = 1,
    HC_SYNC_EVERYSEC = 2, /* sync_interval_ms after it was written at the latest */
    HC_SYNC_NO = 3        /* when the system, or a full ring, wants it */
} hc_sync_policy;

/* How a store survives. */
typedef enum hc_strategy {
    HC_STRATEGY_DEFAULT = 0,  /* HC_STRATEGY_HYBRID */
    HC_STRATEGY_HYBRID = 1,   /* log, and snapshots by time and size */
    HC_STRATEGY_LOG = 2,      /* log, and snapshots only to keep it short */
    HC_STRATEGY_SNAPSHOT = 3, /* as of the last snapshot; its changes are logged only meanwhile */
    HC_STRATEGY_DISABLED = 4  /* name and settings survive, keys do not */
} hc_strategy;

typedef enum hc_disk_error_action {
    HC_DISK_ERROR_DEFAULT = 0,  /* HC_DISK_ERROR_REFUSE */
    HC_DISK_ERROR_REFUSE = 1,   /* hc_persistence_admit says no until the disk works again */
    HC_DISK_ERROR_VOLATILE = 2, /* writes go on in memory; a snapshot makes up for it afterwards */
    HC_DISK_ERROR_ABORT = 3     /* the event HC_PERSISTENCE_FATAL asks the host to end */
} hc_disk_error_action;

typedef enum hc_persistence_event_kind {
    HC_PERSISTENCE_DISK_FAILED = 0,   /* a write or sync failed; `status`, `file` */
    HC_PERSISTENCE_DISK_RECOVERED,    /* everything not durable was written again elsewhere */
    HC_PERSISTENCE_LOW_DISK,          /* `bytes` are left */
    HC_PERSISTENCE_SNAPSHOT_STARTED,  /* `lsn` */
    HC_PERSISTENCE_SNAPSHOT_FINISHED, /* `records`, `bytes`, `lsn`, `duration_ns` */
    HC_PERSISTENCE_SNAPSHOT_FAILED,   /* `status` */
    HC_PERSISTENCE_LOG_ROTATED,       /* `file` is the new segment */
    HC_PERSISTENCE_RECOVERED,         /* `records`, `bytes`, `lsn`, `duration_ns` */
    HC_PERSISTENCE_TORN_TAIL,         /* the log ended in the middle of a write; `file`, `bytes` */
    HC_PERSISTENCE_MANIFEST_SKIPPED,  /* the newest is damaged, the one before is used; `file` */
    HC_PERSISTENCE_FATAL              /* HC_DISK_ERROR_ABORT */
} hc_persistence_event_kind;

typedef struct hc_persistence_event {
    hc_persistence_event_kind kind;
    hc_status status;
    const char *file; /* its name in the directory; NULL: none */
    uint64_t records, bytes, lsn, duration_ns;
} hc_persistence_event;

/* What is wrong with a file, and what depends on it. */
typedef struct hc_damage {
    const char *file;  /* its name in the directory */
    const char *what;  /* static, for people */
    uint64_t offset;   /* in the file, bytes */
    uint64_t bytes;    /* that are damaged or not reachable; 0: unknown */
    uint64_t lsn_from; /* records in [lsn_from, lsn_to) are lost; both 0: of a snapshot */
    uint64_t lsn_to;
    uint64_t records; /* that are lost; 0: unknown */
} hc_damage;

/* Each entry may be NULL. */
typedef struct hc_persistence_hooks {
    size_t size; /* sizeof(hc_persistence_hooks) */
    void *ctx;
    /* Everything before `lsn` is durable.  From hc_persistence_step, or the writing thread when
     * the ring is full; then under the lock of a shard.  In rising order. */
    void (*durable)(void *ctx, uint64_t lsn);
    /* There is work for hc_persistence_step, which had none.  From any writing thread, under the
     * lock of a shard.  NULL: the host sees to it that hc_persistence_step is called soon after the
     * first write of a quiet time, and under HC_SYNC_ALWAYS when somebody waits; one that answers
     * many writes at once does so once for all of them. */
    void (*wake)(void *ctx);
    void (*event)(void *ctx, const hc_persistence_event *event);
    void (*damage)(void *ctx, const hc_damage *damage);
    /* While recovering: bytes of files read, of all. */
    void (*progress)(void *ctx, uint64_t bytes, uint64_t bytes_all, uint64_t records);
    /* Runs task(task_ctx, 0), .., task(task_ctx, count - 1), each once, in any threads, and returns
     * when all have; count <= `threads` of the options.  At once makes recovery faster, one after
     * the other is right too.  While recovering; NULL: in the caller's thread.  `damage` and
     * `progress` are then called by one thread at a time, of these. */
    void (*parallel)(void *ctx, uint32_t count, void (*task)(void *task_ctx, uint32_t index),
                     void *task_ctx);
    /* True: give up what reads or copies a whole directory (open, recover, verify, salvage, backup,
     * restore), which then returns HC_ERR_BUSY.  Asked every megabyte or so, by any thread. */
    bool (*stops)(void *ctx);
} hc_persistence_hooks;

typedef struct hc_persistence_options {
    size_t size;                       /* bytes of this struct, as the caller compiled it */
    const char *directory;             /* made if it is not there; its parent must be */
    const hc_persistence_hooks *hooks; /* NULL: nobody is told */
    uint32_t sync;                     /* an hc_sync_policy */
    uint32_t on_disk_error;            /* an hc_disk_error_action */
    uint32_t sync_interval_ms;         /* of everysec; 0: 1000 */
    uint32_t compression_level;        /* of snapshots: 1..3; 0: 1; UINT32_MAX: none */
    uint64_t ring_bytes;               /* changes not yet durable, power of two from 256 KiB;
                                        * 0: 32 MiB.  Address space until used */
    uint64_t segment_bytes;            /* of a log file, from 64 KiB; 0: 64 MiB */
    uint64_t log_bytes_max;            /* a longer log wants a snapshot; 0: 256 MiB */
    uint64_t snapshot_interval_ms;     /* 0: none by time */
    uint64_t snapshot_bytes_per_s;     /* budget of writing one; 0: no limit */
    uint64_t reserve_bytes;            /* kept for a full disk; 0: 16 MiB, UINT64_MAX: none */
    uint64_t low_disk_bytes;           /* less is an event; 0: 256 MiB */
    uint32_t generations;              /* snapshots kept, 1..8; 0: 2 */
    uint32_t threads; /* HC_PERSISTENCE_THREADS_MAX at most, 0: 1.  Tasks of `parallel`, and parts
                       * of a snapshot, each of which one thread can write */
} hc_persistence_options;

/* Reads the directory and decides what can be recovered.  Changes nothing in it but LOCK, and, if
 * it is empty, makes it a new one.  On error *out is NULL.
 *   HC_ERR_BUSY         another process has it open
 *   HC_ERR_CORRUPT      durable data is damaged: `damage` was called with where
 *   HC_ERR_UNSUPPORTED  written by a newer version
 *   HC_ERR_INVALID      an option is out of range
 *   HC_ERR_IO, HC_ERR_NO_SPACE, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_persistence_open(const hc_host *host, const hc_persistence_options *options,
                              hc_persistence **out);
/* Writes and syncs what is left and gives the directory up; accepts NULL.  No other call may run
 * or follow, and the stores must not change meanwhile.
 *   an error: what hc_persistence_durable_lsn did not cover may be lost */
HC_API
hc_status hc_persistence_close(hc_persistence *p);

/* ---- stores ---- */

typedef struct hc_persisted_store {
    hc_span name;     /* as hc_store_name_fits */
    hc_span settings; /* bytes of the host, kept and given back as they are */
    hc_strategy strategy;
    uint32_t id; /* chosen by hc_persistence_add; not used again before the next snapshot */
} hc_persisted_store;

/* Hears what stores there are, while recovering. */
typedef struct hc_recovery {
    size_t size; /* sizeof(hc_recovery) */
    void *ctx;
    /* A store is there: *store_out is an empty one, borrowed until hc_persistence_close or
     * hc_persistence_drop.  An error ends the recovery. */
    hc_status (*open)(void *ctx, const hc_persisted_store *info, hc_store **store_out);
    /* It was dropped later on in the log. */
    void (*drop)(void *ctx, const hc_persisted_store *info, hc_store *store);
    /* Its name, settings or strategy changed later on in the log.  May be NULL. */
    void (*update)(void *ctx, const hc_persisted_store *info, hc_store *store);
} hc_recovery;

/* Brings all stores back as of the end of the log, and makes that durable once more.  Once, before
 * anything else.  Nobody else may change the stores meanwhile.
 *   HC_ERR_CORRUPT  as open; what was brought back so far is not to be served
 *   HC_ERR_FULL     a store that does not evict is too small for its keys
 *   HC_ERR_IO, HC_ERR_NO_SPACE, HC_ERR_NO_MEMORY, or what `open` returned */
HC_API
hc_status hc_persistence_recover(hc_persistence *p, const hc_recovery *recovery);

/* Keeps another store from now on; `info->id` is not read.  Keys it has already are durable with
 * the next snapshot only.  Nobody else may write to it until this returns.
 *   HC_ERR_INVALID  name or settings do not fit
 *   HC_ERR_EXISTS   the name
 *   HC_ERR_LIMIT    HC_PERSISTED_STORES_MAX
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_persistence_add(hc_persistence *p, const hc_persisted_store *info, hc_store *store,
                             uint32_t *id_out);
/* Forgets a store and its keys.  HC_ERR_NOT_FOUND */
HC_API
hc_status hc_persistence_drop(hc_persistence *p, uint32_t id);
/* Another name, settings or strategy for store `info->id`.  A strategy that logs, after one that
 * did not, holds from the next snapshot on: begin one.
 *   HC_ERR_NOT_FOUND, HC_ERR_INVALID, HC_ERR_EXISTS (the name), HC_ERR_NO_MEMORY */
HC_API
hc_status hc_persistence_update(hc_persistence *p, const hc_persisted_store *info);
/* The id of the store of that name, or of the one kept for `store`.  HC_ERR_NOT_FOUND */
HC_API
hc_status hc_persistence_find(hc_persistence *p, hc_span name, uint32_t *id_out);

/* ---- writing ---- */

/* Changes that this thread makes to any stores from begin to end are recovered all or none.  Other
 * threads must be kept from the same keys by the caller.  Not nested. */
HC_API
void hc_persistence_begin_group(hc_persistence *p);
HC_API
void hc_persistence_end_group(hc_persistence *p);

/* What was noted so far ends here: after a write, a reply waits until this is durable. */
HC_API
uint64_t hc_persistence_lsn(const hc_persistence *p);
HC_API
uint64_t hc_persistence_durable_lsn(const hc_persistence *p);

/* To be asked before a write.  *wait_ns_out tells for how long the writer had better wait first, so
 * that the log keeps up: 0 up to half a ring, and while syncs come in twice their time; then rising
 * slowly to HC_ADMIT_WAIT_NS_MAX.
 *   HC_ERR_IO, HC_ERR_NO_SPACE  refuse it: the disk failed, and on_disk_error says refuse */
#define HC_ADMIT_WAIT_NS_MAX 10000000u
HC_API
hc_status hc_persistence_admit(const hc_persistence *p, uint64_t *wait_ns_out);

/* Writes, syncs, prepares, repairs: whatever is due.  Returns after how many nanoseconds to call
 * again, HC_PERSISTENCE_NEVER at most; earlier does no harm.  May block for the time of some disk
 * operations: give it a thread of its own.  One thread at a time works, another returns at once. */
HC_API
uint64_t hc_persistence_step(hc_persistence *p);
/* Returns when everything noted before the call is durable, under any policy.
 *   HC_ERR_IO, HC_ERR_NO_SPACE  the disk failed; hc_persistence_step goes on trying */
HC_API
hc_status hc_persistence_sync(hc_persistence *p);
/*   HC_ERR_INVALID */
HC_API
hc_status hc_persistence_policy(hc_persistence *p, hc_sync_policy sync);

/* ---- snapshots ---- */

/* Begins one.
 *   HC_ERR_BUSY  one is being written
 *   HC_ERR_IO, HC_ERR_NO_SPACE, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_persistence_snapshot_begin(hc_persistence *p);
/* Does a piece of it, about 256 KiB, and returns after how many nanoseconds the budget allows the
 * next; HC_PERSISTENCE_NEVER: there is none to write any more.  Calls hc_persistence_step when it
 * waits for the log.  Several threads may call: each
 * works on a part of its own, and returns at once when there is none left. */
HC_API
uint64_t hc_persistence_snapshot_step(hc_persistence *p);
/* The piece-wise work in one call.  The error of the snapshot that was being written. */
HC_API
hc_status hc_persistence_snapshot(hc_persistence *p);
/* True when snapshot_interval_ms or log_bytes_max wants one. */
HC_API
bool hc_persistence_snapshot_due(hc_persistence *p);

/* ---- looking at it ---- */

typedef struct hc_persistence_stats {
    size_t size; /* in: sizeof(hc_persistence_stats); fields beyond it are not written */
    uint64_t lsn, written_lsn, durable_lsn;
    uint64_t log_bytes; /* of records that the next recovery would replay */
    uint64_t log_files;
    uint64_t bytes_written; /* to the log, frames and headers; without filling ahead */
    uint64_t bytes_filled;  /* zeros written ahead */
    uint64_t frames, syncs, sync_ns, sync_ns_max;
    uint64_t ring_full;      /* writes that found the ring full */
    uint64_t disk_errors;    /* writes and syncs that failed */
    uint64_t relogged_bytes; /* written again after such */
    uint64_t dropped;        /* records that are in memory only: on_disk_error volatile */
    uint64_t snapshots, snapshots_failed;
    uint64_t snapshot_lsn;  /* the last one stands for everything before it; 0: none */
    int64_t snapshot_at_ms; /* Unix time it was finished; 0: none */
    uint64_t snapshot_records, snapshot_bytes, snapshot_ns; /* of the last */
    uint64_t snapshot_done_records;                         /* of the one being written */
    uint64_t recovered_records, recovered_bytes, recovered_ns;
    uint32_t snapshot_active; /* 0 or 1 */
    int32_t disk_status;      /* HC_OK, or why writing fails now */
    uint32_t low_disk;        /* 0 or 1 */
    uint32_t stores;
    uint32_t sync;           /* an hc_sync_policy */
    uint32_t rebuild_needed; /* 0 or 1: memory is ahead of the log until the next snapshot */
    uint64_t backup_bytes, backup_bytes_all; /* of the backup that runs, or the last; copied, of */
    uint32_t backup_active;                  /* 0 or 1 */
    uint32_t reserved;                       /* 0 */
} hc_persistence_stats;
HC_API
void hc_persistence_stats_get(hc_persistence *p, hc_persistence_stats *stats);

/* ---- a directory that nobody has open ---- */

typedef struct hc_persistence_check {
    size_t size; /* in: sizeof(hc_persistence_check) */
    uint64_t files, bytes, records;
    uint64_t stores;
    uint64_t lsn;          /* where the log ends */
    uint64_t durable_lsn;  /* what is proven to have been durable */
    uint64_t snapshot_lsn; /* 0: none */
    int64_t snapshot_at_ms;
    uint64_t damages; /* calls of `damage` */
    uint32_t torn;    /* 0 or 1: the log ends in the middle of a write, as after a power loss */
    uint32_t format_major;
    uint8_t uuid[16];
} hc_persistence_check;

/* Reads every byte that recovery would read, and changes nothing.  `hooks` (may be NULL): damage
 * and progress.  HC_OK: all of it can be recovered; *check is filled in any case.
 *   HC_ERR_NOT_FOUND  no data there
 *   HC_ERR_BUSY, HC_ERR_CORRUPT, HC_ERR_UNSUPPORTED, HC_ERR_IO, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_persistence_verify(const hc_host *host, const char *directory,
                                const hc_persistence_hooks *hooks, hc_persistence_check *check);
/* Brings what can still be read of `from` into a new directory `to`, which is empty or not there.
 * `damage` tells what is left behind.
 *   HC_ERR_EXISTS  `to` holds something
 *   and as verify */
HC_API
hc_status hc_persistence_salvage(const hc_host *host, const char *from, const char *to,
                                 const hc_persistence_hooks *hooks, hc_persistence_check *check);
/* Copies the last snapshot and the durable log behind it to `to`, which is empty or not there,
 * while `p` serves.  What is there is complete once HC_OK is returned; it is verified then.
 * Blocks for as long as that takes: give it a thread of its own, and let the hook `stops` end it.
 *   HC_ERR_EXISTS, HC_ERR_BUSY (another backup, or `stops`), and as verify */
HC_API
hc_status hc_persistence_backup(hc_persistence *p, const char *to);
/* Verifies `from` and copies it to `to`, which is empty or not there.
 *   HC_ERR_EXISTS, and as verify */
HC_API
hc_status hc_persistence_restore(const hc_host *host, const char *from, const char *to,
                                 const hc_persistence_hooks *hooks);

#ifdef __cplusplus
}
#endif
#endif
