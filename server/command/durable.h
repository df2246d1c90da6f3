/*
 * durable.h - the node and its log: which stores it keeps, which replies wait for it, which writes
 * it holds back.
 *
 *     write -> effect in the log's ring -> reply made -> [ waits, sync `always` ] -> reply sent
 *                                     keeper's thread: write, sync -> everything before lsn is safe
 *
 * A session whose batch wrote has `reply_lsn` set when the policy is `always`; the transport keeps
 * its replies until durable_covers says so.  Nothing of it is read or run meanwhile, so what is
 * kept is bounded by one turn, and no thread waits.
 *
 * Names: a database is kept under its number, a named store under its name with its settings as a
 * line of text.  SWAPDB changes names, not contents.
 *
 * Threads: as node.h; attach, recover and detach belong to main.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_DURABLE_H
#define HYPERCACHE_SERVER_COMMAND_DURABLE_H

#include "command/command_args.h"

#define DURABLE_WAKE_WORKERS NODE_WORKERS_MAX

#define DURABLE_BACKUP_NAME_BYTES 64u /* with a NUL behind it */

/* The copy being made, or the last; all zero: there was none. */
typedef struct durable_backup {
    bool active;
    hc_status status; /* of the last */
    char name[DURABLE_BACKUP_NAME_BYTES];
    int64_t began_ms, ended_ms; /* Unix time */
} durable_backup;

/* What main's keeper does for commands.  NULL: not possible. */
typedef struct durable_calls {
    void *ctx;
    /* Begins a snapshot on the keeper's thread, or notes that one is wanted when the present one is
     * done (`later`).  *ticket_out is its number, from 1 on: see durable_snapshot_ended.
     * HC_ERR_BUSY: one is being written. */
    hc_status (*snapshot)(void *ctx, bool later, uint64_t *ticket_out);
    /* Begins a copy called `name` (backups.h); it goes on on a thread of its own.  On error `why`
     * (`why_bytes`) is for the client.
     *   HC_ERR_UNSUPPORTED  no place is configured for them
     *   HC_ERR_INVALID      the name
     *   HC_ERR_EXISTS, HC_ERR_BUSY, HC_ERR_IO, HC_ERR_NO_MEMORY */
    hc_status (*backup)(void *ctx, hc_span name, char *why, size_t why_bytes);
    void (*backup_look)(void *ctx, durable_backup *out);
    void *backup_ctx;
    /* Wakes the log's thread, which rests (durable_log_rests).  Any thread. */
    void (*wake)(void *ctx);
    bool is_volatile; /* on_disk_error: replies do not wait for a disk that fails */
} durable_calls;

/*   HC_ERR_NO_MEMORY */
hc_status durable_init(node *of);
void durable_fini(node *of);

/* The log is there but its stores are not: from here on commands are answered with LOADING. */
void durable_attach(node *of, hc_persistence *log, const durable_calls *calls);
/* Brings the stores back and keeps those that are new.  As hc_persistence_recover; when it is a
 * store that cannot be made, `why` (`why_bytes`) says which. */
hc_status durable_recover(node *of, char *why, size_t why_bytes);
/* For the answers of LOADING's progress in INFO. */
void durable_progress(node *of, uint64_t bytes, uint64_t bytes_all);
/* What SHUTDOWN said of a snapshot at the end; 0: nothing, 1: make one, -1: make none. */
void durable_set_last_snapshot(node *of, int wish);
int durable_last_snapshot(const node *of);
/* Nothing is kept any more. */
void durable_detach(node *of);

/* The keeper: snapshot number `ticket` is over, all before it too. */
void durable_snapshot_ended(node *of, uint64_t ticket, hc_status status);
bool durable_snapshot_is_over(node *of, uint64_t ticket);
/* Since that one, itself included, one was written. */
bool durable_snapshot_is_good(node *of, uint64_t ticket);
/* Of the latest that is over; HC_OK: there was none. */
hc_status durable_snapshot_status(node *of);

/* NULL: nothing is kept. */
hc_persistence *durable_log(node *of);
const durable_calls *durable_calls_of(node *of);
bool durable_is_loading(const node *of);
typedef struct durable_loading {
    uint64_t bytes, bytes_all;
    int64_t started_ms;
} durable_loading;
durable_loading durable_loading_of(node *of);

/* ---- stores; under stores_lock, before anybody writes to a new one ---- */

/*   HC_ERR_LIMIT, HC_ERR_NO_MEMORY */
hc_status durable_store_added(node *of, hc_span name, const hc_store_ref *ref,
                              const node_store_settings *made_with);
void durable_store_dropped(node *of, hc_span name);
/* HC_ERR_NO_MEMORY: and nothing changed. */
hc_status durable_swap(node *of, unsigned first, unsigned second);
/* All stores whose strategy is the node's get another; 0..4, an hc_strategy. */
void durable_set_strategy(node *of, uint32_t strategy);
uint32_t durable_strategy(const node *of);
/* Milliseconds between snapshots, if something was written; 0: none by time. */
void durable_set_interval(node *of, uint64_t ms);
uint64_t durable_interval(const node *of);
/* How this store survives, an hc_strategy; HC_STRATEGY_DEFAULT: it is not kept at all. */
uint32_t durable_strategy_of(node *of, const hc_store *store);
/* How many references to it are held here, 0 or 1. */
uint32_t durable_users_of(node *of, const hc_store *store);
void durable_set_sync(node *of, uint32_t sync);
/* Do replies to writes wait for the log? */
bool durable_syncs_always(node *of);

/* ---- requests ---- */

/* Is there anything to ask about?  Two loads. */
bool durable_may_hold(const node *of);
/* May the session write now, with nothing to be refused or held back?  The node is not loading. */
bool durable_is_free(const session *who);
/* True: answered with an error, for the stores are being loaded or the disk does not work. */
bool durable_refuses(request *of);
/* Must this command, which is fit to run, wait?  A write, while the log is far behind; WAITAOF;
 * SAVE. */
bool durable_holds(request *of);
/* Is a session that durable_holds held back to be looked at again?  True, too, for one that was not
 * held back here. */
bool durable_lets(const session *of, uint64_t now_ns);
/* The session is held back until something is durable or over, which durable_told tells. */
static inline bool durable_hears(const session *of)
{
    return of->held_mark != 0 || of->held_for_log;
}
/* After a batch in which something was written. */
void durable_written(session *of);
/* Do replies of this session wait for the log?  durable_covers tells whether it is over. */
static inline bool durable_awaits(const session *of)
{
    return of->reply_lsn != 0;
}
bool durable_covers(const session *of);
/* Replies wait: what was written up to now is to be made durable.  Any thread; many calls while the
 * log's thread is at work have the effect of one. */
void durable_flush(node *of);
/* The same, but not before `at_ns` (monotonic) unless durable_flush says so: others may join. */
void durable_flush_by(node *of, uint64_t at_ns);
/* For how long writes may gather before durable_flush, while there are more to come: about as long
 * as a sync takes, so that the disk is not asked more often than it can answer. */
uint64_t durable_gather_ns(const node *of);
void durable_set_gather(node *of, uint64_t ns);
/* The log's thread: begins to look at what there is; then, with nothing left to do, rests for
 * `wait_ns`, and asks again when it is woken.  Returns for how long it may: 0 if a flush was asked
 * for meanwhile. */
void durable_log_works(node *of);
uint64_t durable_log_rests(node *of, uint64_t wait_ns);
/* `wake` is called, by any thread, when more is durable and the worker waits (durable_waits). */
void durable_wake_by(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx);
/* The worker has connections that wait, or none any more. */
void durable_waits(node *of, unsigned worker, bool waits);
/* More is durable, a snapshot is over, or the disk failed: whoever waits is to look.  Any thread.
 */
void durable_told(node *of);

/* From begin to end all writes of this thread are recovered all or none. */
void durable_group_begin(node *of);
void durable_group_end(node *of);

#endif
