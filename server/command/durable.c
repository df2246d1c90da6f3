/* durable.c - see durable.h; the stores' part is in durable_stores.c. */
#include "command/durable_private.h"
#include "command/fence.h"
#include "command/handlers.h"
#include "command/transaction.h"
#include "command/watchers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

hc_status durable_init(node *of)
{
    static_assert(sizeof(durable) % 64 == 0, "aligned_alloc wants it");
    durable *made = aligned_alloc(64, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    memset(made, 0, sizeof *made);
    atomic_init(&made->strategy, HC_STRATEGY_HYBRID);
    atomic_init(&made->sync, HC_SYNC_EVERYSEC);
    of->durable = made;
    return HC_OK;
}

void durable_fini(node *of)
{
    free(of->durable);
    of->durable = NULL;
}

void durable_attach(node *of, hc_persistence *log, const durable_calls *calls)
{
    durable *d = of->durable;
    d->calls = *calls;
    d->loading_started_ms = node_now_ms(of);
    atomic_store(&d->loading, true);
    atomic_store(&d->log, log);
    node_care_set(of, NODE_LOADING, true);
    node_care_set(of, NODE_LOGGED, true);
    node_care_set(of, NODE_KEPT, true);
    (void)hc_persistence_policy(log, (hc_sync_policy)atomic_load(&d->sync));
}

void durable_detach(node *of)
{
    if (of->durable == NULL) return;
    atomic_store(&of->durable->log, NULL);
    node_care_set(of, NODE_LOGGED, false);
    node_care_set(of, NODE_KEPT, false);
    durable_stores_release(of);
}

hc_persistence *durable_log(node *of)
{
    return atomic_load_explicit(&of->durable->log, memory_order_acquire);
}

const durable_calls *durable_calls_of(node *of)
{
    return &of->durable->calls;
}

bool durable_is_loading(const node *of)
{
    return atomic_load_explicit(&of->durable->loading, memory_order_acquire);
}

void durable_progress(node *of, uint64_t bytes, uint64_t bytes_all)
{
    atomic_store_explicit(&of->durable->loading_bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&of->durable->loading_bytes_all, bytes_all, memory_order_relaxed);
}

durable_loading durable_loading_of(node *of)
{
    durable *d = of->durable;
    return (durable_loading){.bytes = atomic_load(&d->loading_bytes),
                             .bytes_all = atomic_load(&d->loading_bytes_all),
                             .started_ms = d->loading_started_ms};
}

bool durable_syncs_always(node *of)
{
    return durable_log(of) != NULL &&
           atomic_load_explicit(&of->durable->sync, memory_order_relaxed) == HC_SYNC_ALWAYS;
}

void durable_set_sync(node *of, uint32_t sync)
{
    hc_persistence *log = durable_log(of);
    atomic_store(&of->durable->sync, sync);
    if (log != NULL) {
        (void)hc_persistence_policy(log, (hc_sync_policy)sync);
        durable_flush(of);
    }
    durable_told(of); /* replies that waited for `always` look again */
}

void durable_set_interval(node *of, uint64_t ms)
{
    atomic_store(&of->durable->interval_ms, ms);
}

uint64_t durable_interval(const node *of)
{
    return atomic_load(&of->durable->interval_ms);
}

void durable_set_last_snapshot(node *of, int wish)
{
    atomic_store(&of->durable->last_snapshot, wish);
}

int durable_last_snapshot(const node *of)
{
    return atomic_load(&of->durable->last_snapshot);
}

/* ---- requests ---- */

static const char refused_io[] = "MISCONF Errors writing to the log file: the disk failed, and "
                                 "writes are refused until it works "
                                 "again (persistence.on_disk_error)";
static const char refused_space[] = "MISCONF Errors writing to the log file: No space left on "
                                    "device; writes are refused until there "
                                    "is";

/* EXEC is as what was queued; a store is no key, but kept all the same. */
static bool is_write(const request *of)
{
    const command *row = of->command;
    const transaction *pending = of->session->transaction;
    if ((row->flags & COMMAND_WRITE) != 0) return true;
    if (row->run == run_store_create || row->run == run_store_drop) return true;
    return row->run == run_exec && pending != NULL && (pending->flags & COMMAND_WRITE) != 0;
}

/* A transaction that is refused is over. */
static void refuse(request *of, const char *why)
{
    if (of->command->run != run_exec) {
        request_error(of, why);
        return;
    }
    transaction_drop(of->session);
    watch_drop(of->session);
    request_errorf(of, "EXECABORT Transaction discarded because of: %s", why);
}

bool durable_may_hold(const node *of)
{
    const durable *d = of->durable;
    return atomic_load_explicit(&d->loading, memory_order_relaxed) ||
           atomic_load_explicit(&d->log, memory_order_relaxed) != NULL;
}

bool durable_refuses(request *of)
{
    if (durable_is_loading(of->node)) {
        if ((of->command->flags & COMMAND_LOADING) != 0) return false;
        request_error(of, "LOADING Redis is loading the dataset in memory");
        return true;
    }
    uint64_t wait_ns;
    hc_persistence *log = durable_log(of->node);
    if (log == NULL || of->session->wrote || !is_write(of)) return false;
    hc_status status = hc_persistence_admit(log, &wait_ns); /* once a batch: one look at a clock */
    if (status == HC_OK) return false;
    refuse(of, status == HC_ERR_NO_SPACE ? refused_space : refused_io);
    return true;
}

bool durable_is_free(const session *who)
{
    uint64_t wait_ns;
    hc_persistence *log = durable_log(who->node);
    if (who->held_until_ns != 0) return false; /* it was held back: the long way ends that */
    return log == NULL || (hc_persistence_admit(log, &wait_ns) == HC_OK && wait_ns == 0);
}

bool durable_holds(request *of)
{
    session *who = of->session;
    hc_persistence *log = durable_log(of->node);
    uint64_t now_ns, wait_ns = 0;
    if (log == NULL || durable_is_loading(of->node)) return false;
    if (who->transaction != NULL && of->command->run != run_exec) return false; /* it is queued */
    if (of->command->run == run_waitaof) return waitaof_holds(of);
    if (of->command->run == run_save) return save_holds(of);
    if (who->wrote || !is_write(of)) return false;
    if (hc_persistence_admit(log, &wait_ns) != HC_OK || wait_ns == 0) {
        who->held_until_ns = 0;
        return false;
    }
    now_ns = node_now_ns(of->node);
    if (who->held_until_ns == 0) who->held_until_ns = now_ns + wait_ns;
    if (now_ns < who->held_until_ns) return true;
    who->held_until_ns = 0; /* it has waited its time */
    return false;
}

bool durable_lets(const session *of, uint64_t now_ns)
{
    hc_persistence *log = durable_log(of->node);
    if (log == NULL) return true;
    if (of->held_mark != 0) return durable_snapshot_is_over(of->node, of->held_mark);
    if (of->held_for_log && of->written_lsn <= hc_persistence_durable_lsn(log)) return true;
    if (of->held_until_ns != 0) return now_ns >= of->held_until_ns;
    return !of->held_for_log;
}

void durable_written(session *of)
{
    durable *d = of->node->durable;
    hc_persistence *log = durable_log(of->node);
    of->wrote = false;
    if (log == NULL) return;
    of->written_lsn = hc_persistence_lsn(log);
    if (atomic_load_explicit(&d->sync, memory_order_relaxed) == HC_SYNC_ALWAYS) {
        of->reply_lsn = of->written_lsn;
        return;
    }
    fence(); /* it writes within LOG_WRITE_NS, unless it sleeps */
    if (atomic_load_explicit(&d->rest, memory_order_relaxed) == LOG_SLEEPS) durable_flush(of->node);
}

/* on_disk_error says that work goes on without the disk. */
static bool disk_is_done_without(node *of)
{
    hc_persistence_stats stats = {.size = sizeof stats};
    if (!of->durable->calls.is_volatile) return false;
    hc_persistence_stats_get(durable_log(of), &stats);
    return stats.disk_status != HC_OK || stats.rebuild_needed != 0;
}

bool durable_covers(const session *of)
{
    hc_persistence *log = durable_log(of->node);
    return log == NULL || of->reply_lsn <= hc_persistence_durable_lsn(log) ||
           atomic_load_explicit(&of->node->durable->sync, memory_order_relaxed) != HC_SYNC_ALWAYS ||
           disk_is_done_without(of->node);
}

/* ---- the log's thread, and who wants it ---- */

#define LOG_WRITE_NS 10000000u /* what a process that dies has not written yet */

/* Both sides write first and look then (fence.h): either the thread sees the wish, or we see that
 * it rests. */
static void log_wake(durable *d)
{
    fence();
    if (atomic_load_explicit(&d->rest, memory_order_relaxed) == LOG_WORKS) return;
    if (atomic_exchange(&d->rest, LOG_WORKS) == LOG_WORKS) return; /* another one wakes it */
    if (d->calls.wake != NULL) d->calls.wake(d->calls.ctx);
}

void durable_flush(node *of)
{
    durable *d = of->durable;
    atomic_store_explicit(&d->flush_wanted, true, memory_order_relaxed);
    log_wake(d);
}

void durable_flush_by(node *of, uint64_t at_ns)
{
    durable *d = of->durable;
    uint64_t none = 0;
    if (atomic_compare_exchange_strong(&d->flush_at_ns, &none, at_ns)) log_wake(d);
}

void durable_log_works(node *of)
{
    durable *d = of->durable;
    hc_persistence *log = durable_log(of);
    atomic_store(&d->rest, LOG_WORKS);
    atomic_store(&d->flush_wanted, false);
    atomic_store(&d->flush_at_ns, 0);
    if (log != NULL) d->looked_lsn = hc_persistence_lsn(log);
}

uint64_t durable_log_rests(node *of, uint64_t wait_ns)
{
    durable *d = of->durable;
    hc_persistence *log = durable_log(of);
    bool is_short = wait_ns <= LOG_WRITE_NS;
    atomic_store(&d->rest, is_short ? LOG_RESTS : LOG_SLEEPS);
    fence();
    if (atomic_load(&d->flush_wanted)) return 0;
    uint64_t at_ns = atomic_load(&d->flush_at_ns);
    if (at_ns != 0) {
        uint64_t now_ns = node_now_ns(of);
        if (at_ns <= now_ns) return 0;
        if (at_ns - now_ns < wait_ns) return at_ns - now_ns;
    }
    if (is_short || log == NULL || hc_persistence_lsn(log) == d->looked_lsn) return wait_ns;
    return LOG_WRITE_NS; /* what came meanwhile; nobody woke us for it */
}

uint64_t durable_gather_ns(const node *of)
{
    return atomic_load_explicit(&of->durable->gather_ns, memory_order_relaxed);
}

void durable_set_gather(node *of, uint64_t ns)
{
    atomic_store_explicit(&of->durable->gather_ns, ns, memory_order_relaxed);
}

/* ---- snapshots ---- */

void durable_snapshot_ended(node *of, uint64_t ticket, hc_status status)
{
    atomic_store(&of->durable->snapshot_status, (int)status);
    if (status == HC_OK) atomic_store(&of->durable->snapshot_good, ticket);
    atomic_store(&of->durable->snapshot_ended, ticket);
    durable_told(of);
}

bool durable_snapshot_is_over(node *of, uint64_t ticket)
{
    return atomic_load(&of->durable->snapshot_ended) >= ticket;
}

bool durable_snapshot_is_good(node *of, uint64_t ticket)
{
    return atomic_load(&of->durable->snapshot_good) >= ticket;
}

hc_status durable_snapshot_status(node *of)
{
    return (hc_status)atomic_load(&of->durable->snapshot_status);
}

/* ---- who waits ---- */

void durable_wake_by(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx)
{
    durable_waker *w = &of->durable->wakers[worker];
    w->wake = wake;
    w->ctx = ctx;
}

/* Both sides write first and look then (fence.h): either the worker sees that its replies are
 * covered, or durable_told sees that it waits. */
void durable_waits(node *of, unsigned worker, bool waits)
{
    atomic_store(&of->durable->wakers[worker].waits, waits);
    fence();
}

void durable_told(node *of)
{
    fence();
    for (unsigned i = 0; i < of->options.workers; i++) {
        durable_waker *w = &of->durable->wakers[i];
        if (atomic_load(&w->waits) && w->wake != NULL) w->wake(w->ctx);
    }
}

/* ---- groups ---- */

void durable_group_begin(node *of)
{
    hc_persistence *log = durable_log(of);
    if (log != NULL && !durable_is_loading(of)) hc_persistence_begin_group(log);
}

void durable_group_end(node *of)
{
    hc_persistence *log = durable_log(of);
    if (log != NULL && !durable_is_loading(of)) hc_persistence_end_group(log);
}
