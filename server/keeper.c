/*
 * keeper.c - two threads around hc_persistence.
 *
 *     log thread        step, rest until it is due or somebody wants his write durable (eventfd)
 *     snapshot thread   waits for a wish, a time or a long log; then piece after piece, helped by
 *                       a second one while the clients leave a core idle (hands.c)
 *
 * Nobody wakes the log thread under a lock, or for each write: the workers ask for a flush once for
 * all that came in meanwhile (net/worker_await.c), and only a thread that rests has to be woken.
 */
#include "keeper.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backups.h"
#include "command/durable.h"
#include "event_log.h"
#include "hands.h"

#define LOOK_MS 500u         /* between two looks whether a snapshot is due */
#define PROGRESS_MS 5000u    /* between two log lines while loading */
#define BAR_CELLS 40u        /* of the bar on a terminal */
#define DAMAGE_LINES_MAX 20u /* in the log; `data verify` lists all */
#define NS_PER_MS 1000000u
#define SLICE_NS 100000u        /* the least there is */
#define SNAPSHOT_NICE 5         /* a quarter of a core beside a client that wants it whole */
#define GATHER_NS_MIN 100000u   /* a group smaller than this costs more than it gains */
#define GATHER_NS_MAX 10000000u /* nobody waits longer for others to join */
#define GATHER_SHARE 8          /* of the latest sync in the mean */

struct keeper {
    keeper_options options;
    const hc_log *log;
    hc_events *events;
    hc_persistence *data;
    backups *backups;
    char *why; /* of keeper_open and keeper_recover: the first damage is described there */
    size_t why_bytes;
    unsigned damages;
    uint64_t progress_ns;        /* of the last log line */
    bool traces;                 /* these two are the log thread's: it says what each step did */
    hc_persistence_stats traced; /* as of the last step that it said */
    int wake_fd;
    uint64_t syncs, sync_ns; /* as of the last sync that was told, under the log's lock */
    bool is_volatile;        /* on_disk_error */
    atomic_bool stopping;
    bool log_thread_runs, snapshot_thread_runs;
    pthread_t log_thread, snapshot_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool wanted, active;
    uint64_t tickets;           /* snapshots begun */
    uint64_t interval_since_ns; /* the last snapshot, or the start */
};

/* ---- what the library tells ---- */

/* How long syncs take is how long writes may gather for the next. */
static void gather_learn(keeper *of)
{
    node *on = of->options.node;
    hc_persistence_stats now = {.size = sizeof now};
    hc_persistence_stats_get(of->data, &now);
    if (now.syncs == of->syncs) return;
    uint64_t took_ns = (now.sync_ns - of->sync_ns) / (now.syncs - of->syncs);
    uint64_t mean_ns = durable_gather_ns(on);
    of->syncs = now.syncs;
    of->sync_ns = now.sync_ns;
    mean_ns = mean_ns - mean_ns / GATHER_SHARE + took_ns / GATHER_SHARE;
    if (mean_ns < GATHER_NS_MIN) mean_ns = GATHER_NS_MIN;
    durable_set_gather(on, mean_ns < GATHER_NS_MAX ? mean_ns : GATHER_NS_MAX);
}

static void on_durable(void *ctx, uint64_t lsn)
{
    keeper *of = ctx;
    (void)lsn;
    if (of->data != NULL) gather_learn(of);
    durable_told(of->options.node);
}

static void on_wake(void *ctx)
{
    keeper *of = ctx;
    uint64_t one = 1;
    (void)!write(of->wake_fd, &one, sizeof one);
}

typedef struct event_words {
    hc_event_kind kind;
    hc_log_level level; /* of the event */
    const char *operation, *message;
} event_words;

static const event_words words[] = {
    [HC_PERSISTENCE_DISK_FAILED] = {HC_EVENT_DISK_FAILED, HC_LOG_ERROR, "disk", "the disk failed"},
    [HC_PERSISTENCE_DISK_RECOVERED] = {HC_EVENT_DISK_RECOVERED, HC_LOG_INFO, "disk",
                                       "the disk works again, and the log is whole"},
    [HC_PERSISTENCE_LOW_DISK] = {HC_EVENT_DISK_LOW, HC_LOG_WARN, "disk",
                                 "little room is left on the disk"},
    [HC_PERSISTENCE_SNAPSHOT_STARTED] = {HC_EVENT_SNAPSHOT_STARTED, HC_LOG_INFO, "snapshot",
                                         "snapshot begun"},
    [HC_PERSISTENCE_SNAPSHOT_FINISHED] = {HC_EVENT_SNAPSHOT_FINISHED, HC_LOG_INFO, "snapshot",
                                          "snapshot written"},
    [HC_PERSISTENCE_SNAPSHOT_FAILED] = {HC_EVENT_SNAPSHOT_FAILED, HC_LOG_ERROR, "snapshot",
                                        "the snapshot failed"},
    [HC_PERSISTENCE_LOG_ROTATED] = {HC_EVENT_LOG_ROTATED, HC_LOG_DEBUG, "log", "a new log file"},
    [HC_PERSISTENCE_RECOVERED] = {HC_EVENT_RECOVERED, HC_LOG_INFO, "recover", "data loaded"},
    [HC_PERSISTENCE_TORN_TAIL] =
        {HC_EVENT_RECOVERED, HC_LOG_WARN, "recover",
         "the log ended in the middle of a write, as after a power failure"},
    [HC_PERSISTENCE_MANIFEST_SKIPPED] = {HC_EVENT_DATA_DAMAGED, HC_LOG_WARN, "recover",
                                         "the newest manifest is damaged; the one before is used"},
    [HC_PERSISTENCE_FATAL] = {HC_EVENT_DISK_FAILED, HC_LOG_ERROR, "disk",
                              "the disk failed, and on_disk_error is abort"},
};

static void on_event(void *ctx, const hc_persistence_event *event)
{
    keeper *of = ctx;
    hc_log_field fields[6];
    size_t count = 0;
    if ((size_t)event->kind >= sizeof words / sizeof words[0]) return;
    if (event->file != NULL) fields[count++] = event_text("file", event->file);
    if (event->status != HC_OK)
        fields[count++] = event_text("reason", hc_status_text(event->status));
    if (event->records != 0) fields[count++] = event_number("records", event->records);
    if (event->bytes != 0) fields[count++] = event_number("bytes", event->bytes);
    if (event->lsn != 0) fields[count++] = event_number("lsn", event->lsn);
    if (event->duration_ns != 0) {
        fields[count++] = event_number("duration_ms", event->duration_ns / NS_PER_MS);
    }
    if (event->kind == HC_PERSISTENCE_DISK_FAILED) durable_told(of->options.node);
    const event_words *say = &words[event->kind];
    const hc_event told = {.operation = say->operation,
                           .message = say->message,
                           .fields = fields,
                           .field_count = count,
                           .has_level = true,
                           .level = say->level};
    hc_events_emit(of->events, say->kind, &told);
    if (event->kind == HC_PERSISTENCE_FATAL && of->options.fatal != NULL) {
        of->options.fatal(of->options.fatal_ctx);
    }
}

static void on_damage(void *ctx, const hc_damage *damage)
{
    keeper *of = ctx;
    if (of->why != NULL && of->damages == 0) {
        (void)snprintf(of->why, of->why_bytes,
                       "%s at offset %" PRIu64 ": %s; %" PRIu64 " records are lost (lsn %" PRIu64
                       " to %" PRIu64 "). `hypercached data verify` lists all, `data salvage` "
                       "brings the rest into a new directory",
                       damage->file, damage->offset, damage->what, damage->records,
                       damage->lsn_from, damage->lsn_to);
    }
    if (of->damages++ >= DAMAGE_LINES_MAX) return;
    hc_log_field fields[] = {
        event_text("file", damage->file),           event_number("offset", damage->offset),
        event_text("reason", damage->what),         event_number("records", damage->records),
        event_number("lsn_from", damage->lsn_from), event_number("lsn_to", damage->lsn_to)};
    event_tell(of->events, HC_EVENT_DATA_DAMAGED, "recover", "durable data is damaged", fields, 6);
}

static void bar_show(uint64_t bytes, uint64_t bytes_all)
{
    unsigned percent = bytes_all > 0 ? (unsigned)(bytes * 100 / bytes_all) : 100;
    char cells[BAR_CELLS + 1];
    memset(cells, '.', BAR_CELLS);
    memset(cells, '#', percent * BAR_CELLS / 100);
    cells[BAR_CELLS] = '\0';
    (void)printf("\rloading [%s] %3u %%%s", cells, percent, percent == 100 ? "\n" : "");
    (void)fflush(stdout);
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t bytes_all, uint64_t records)
{
    keeper *of = ctx;
    node *on = of->options.node;
    uint64_t now_ns = node_now_ns(on);
    durable_progress(on, bytes, bytes_all);
    if (of->options.shows_progress) bar_show(bytes, bytes_all);
    if (now_ns - of->progress_ns < (uint64_t)PROGRESS_MS * NS_PER_MS) return;
    of->progress_ns = now_ns;
    hc_log_field fields[] = {event_number("percent", bytes_all > 0 ? bytes * 100 / bytes_all : 100),
                             event_number("records", records)};
    event_log(of->log, HC_LOG_INFO, "recover", "loading", fields, 2);
}

/* What takes long ends when the node is to end. */
static bool on_stops(void *ctx)
{
    keeper *of = ctx;
    const keeper_options *options = &of->options;
    return atomic_load(&of->stopping) ||
           (options->stopping != NULL && options->stopping(options->stopping_ctx));
}

/* ---- the log's thread ---- */

/* Short slices: the calling thread, and those it starts, run as soon as they are woken, and give
 * way to others as soon.  From Linux 6.12 on; earlier kernels know of no slices. */
static void slice_shorten(int nicer)
{
    struct { /* struct sched_attr, which the C library does not have yet */
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attributes = {.size = sizeof attributes, .runtime_ns = SLICE_NS};
    attributes.nice = getpriority(PRIO_PROCESS, 0) + nicer;
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/* What one step did, at level TRACE. */
static void trace_step(keeper *of)
{
    hc_persistence_stats now = {.size = sizeof now};
    hc_persistence_stats_get(of->data, &now);
    bool did = now.frames != of->traced.frames || now.syncs != of->traced.syncs;
    if (of->traces && did) {
        hc_log_field fields[] = {
            event_number("frames", now.frames - of->traced.frames),
            event_number("bytes", now.bytes_written - of->traced.bytes_written),
            event_number("syncs", now.syncs - of->traced.syncs),
            event_number("syncNs", now.sync_ns - of->traced.sync_ns),
            event_number("writtenLsn", now.written_lsn),
            event_number("durableLsn", now.durable_lsn)};
        hc_log_record line = {.level = HC_LOG_TRACE,
                              .topic = HC_TOPIC_PERSISTENCE,
                              .operation = "step",
                              .message = "the log was written",
                              .duration_ns = -1,
                              .fields = fields,
                              .field_count = sizeof fields / sizeof fields[0]};
        of->log->write(of->log->ctx, &line);
    }
    of->traced = now;
}

/* False: the time is over, nobody woke us. */
static bool log_rest(keeper *of, uint64_t rest_ns)
{
    struct timespec rest = {.tv_sec = (time_t)(rest_ns / 1000000000u),
                            .tv_nsec = (long)(rest_ns % 1000000000u)};
    struct pollfd ready = {.fd = of->wake_fd, .events = POLLIN};
    bool forever = rest_ns == HC_PERSISTENCE_NEVER;
    uint64_t count;
    if (ppoll(&ready, 1, forever ? NULL : &rest, NULL) <= 0) return false;
    (void)!read(of->wake_fd, &count, sizeof count);
    return true;
}

static void *log_run(void *ctx)
{
    keeper *of = ctx;
    node *on = of->options.node;
    slice_shorten(0); /* it computes little, and others wait for it */
    while (!atomic_load(&of->stopping)) {
        durable_log_works(on);
        uint64_t wait_ns = hc_persistence_step(of->data);
        bool traces =
            of->log != NULL && of->log->wants(of->log->ctx, HC_LOG_TRACE, HC_TOPIC_PERSISTENCE);
        if (traces) trace_step(of);
        of->traces = traces;
        if (of->is_volatile) durable_told(on); /* perhaps the disk fails by now */
        while (wait_ns > 0 && !atomic_load(&of->stopping)) {
            uint64_t rest_ns = durable_log_rests(on, wait_ns);
            if (rest_ns == 0 || !log_rest(of, rest_ns)) break;
        }
    }
    return NULL;
}

/* ---- the snapshots' thread ---- */

/* The lock is held.  False: it is time to stop. */
static bool rest(keeper *of, uint64_t ns)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    if (!atomic_load(&of->stopping)) {
        (void)pthread_cond_timedwait(&of->changed, &of->lock, &until);
    }
    return !atomic_load(&of->stopping);
}

/* By time: something was written since the last one, and that is long ago. */
static bool interval_over(keeper *of)
{
    uint64_t interval_ms = durable_interval(of->options.node);
    hc_persistence_stats stats = {.size = sizeof stats};
    if (interval_ms == 0) return false;
    if (node_now_ns(of->options.node) - of->interval_since_ns < interval_ms * NS_PER_MS)
        return false;
    hc_persistence_stats_get(of->data, &stats);
    return stats.lsn > stats.snapshot_lsn;
}

static uint64_t snapshots_failed(keeper *of)
{
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_persistence_stats_get(of->data, &stats);
    return stats.snapshots_failed;
}

/* No lock is held.  Ends early when it is time to stop. */
static hc_status snapshot_write(keeper *of)
{
    uint64_t failed_before = snapshots_failed(of);
    hc_status status = hc_persistence_snapshot_begin(of->data);
    if (status != HC_OK) {
        hc_log_field field = event_text("reason", hc_status_text(status));
        event_tell(of->events, HC_EVENT_SNAPSHOT_FAILED, "snapshot", "the snapshot cannot begin",
                   &field, 1);
        return status;
    }
    uint64_t wait_ns = 0;
    snapshot_hand second;
    snapshot_hand_start(&second, of->data, &of->stopping);
    while (!atomic_load(&of->stopping)) {
        wait_ns = hc_persistence_snapshot_step(of->data);
        if (wait_ns == HC_PERSISTENCE_NEVER) break;
        snapshot_hand_note(&second);
        if (wait_ns == 0) continue;
        (void)pthread_mutex_lock(&of->lock);
        (void)rest(of, wait_ns);
        (void)pthread_mutex_unlock(&of->lock);
    }
    snapshot_hand_join(&second);
    if (wait_ns == HC_PERSISTENCE_NEVER) {
        return snapshots_failed(of) == failed_before ? HC_OK : HC_ERR_IO;
    }
    return HC_ERR_BUSY;
}

/* The lock is held, and given up while it works. */
static void snapshot_make(keeper *of)
{
    uint64_t ticket = ++of->tickets;
    of->wanted = false;
    of->active = true;
    (void)pthread_mutex_unlock(&of->lock);
    hc_status status = snapshot_write(of);
    (void)pthread_mutex_lock(&of->lock);
    of->active = false;
    of->interval_since_ns = node_now_ns(of->options.node);
    durable_snapshot_ended(of->options.node, ticket, status);
}

static void *snapshot_run(void *ctx)
{
    keeper *of = ctx;
    slice_shorten(SNAPSHOT_NICE);
    (void)pthread_mutex_lock(&of->lock);
    do {
        while (!atomic_load(&of->stopping) &&
               (of->wanted || hc_persistence_snapshot_due(of->data) || interval_over(of))) {
            snapshot_make(of);
        }
    } while (rest(of, (uint64_t)LOOK_MS * NS_PER_MS));
    (void)pthread_mutex_unlock(&of->lock);
    return NULL;
}

static hc_status snapshot_wish(void *ctx, bool later, uint64_t *ticket_out)
{
    keeper *of = ctx;
    (void)pthread_mutex_lock(&of->lock);
    *ticket_out = of->tickets + 1;
    hc_status status = of->active && !later ? HC_ERR_BUSY : HC_OK;
    if (status == HC_OK) {
        of->wanted = true;
        (void)pthread_cond_signal(&of->changed);
    }
    (void)pthread_mutex_unlock(&of->lock);
    return status;
}

/* ---- its life ---- */

static void keeper_free(keeper *of)
{
    if (of->wake_fd >= 0) (void)close(of->wake_fd);
    (void)pthread_cond_destroy(&of->changed);
    (void)pthread_mutex_destroy(&of->lock);
    free(of);
}

static keeper *keeper_make(const keeper_options *options)
{
    keeper *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    pthread_condattr_t clock;
    made->options = *options;
    made->log = options->host->log;
    made->events = options->node->options.events;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    made->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (made->wake_fd >= 0) return made;
    keeper_free(made);
    return NULL;
}

static hc_status data_open(keeper *of)
{
    const config *cfg = of->options.cfg;
    hc_persistence_hooks hooks = {.size = sizeof hooks,
                                  .ctx = of,
                                  .durable = on_durable,
                                  .event = on_event,
                                  .damage = on_damage,
                                  .progress = on_progress,
                                  .parallel = hands_run,
                                  .stops = on_stops};
    int64_t level = cfg->persistence.compression_level;
    of->is_volatile = cfg->persistence.on_disk_error == HC_DISK_ERROR_VOLATILE;
    hc_persistence_options options = {
        .size = sizeof options,
        .directory = cfg->node.data_dir,
        .hooks = &hooks,
        .sync = (uint32_t)cfg->persistence.sync,
        .on_disk_error = (uint32_t)cfg->persistence.on_disk_error,
        .compression_level = level == 0 ? UINT32_MAX : (uint32_t)level,
        .log_bytes_max = (uint64_t)cfg->persistence.log_bytes_max,
        .snapshot_bytes_per_s = (uint64_t)cfg->persistence.snapshot_rate,
        .threads = hands_count(),
    };
    return hc_persistence_open(of->options.host, &options, &of->data);
}

hc_status keeper_open(const keeper_options *options, keeper **keeper_out, char *why,
                      size_t why_bytes)
{
    *keeper_out = NULL;
    why[0] = '\0';
    keeper *of = keeper_make(options);
    if (of == NULL) return HC_ERR_NO_MEMORY;
    of->why = why;
    of->why_bytes = why_bytes;
    hc_status status = data_open(of);
    of->why = NULL;
    if (status == HC_OK) {
        status = backups_create(&(backups_options){of->log, options->node, of->data,
                                                   options->cfg->persistence.backup_dir},
                                &of->backups);
    }
    if (status != HC_OK) {
        (void)hc_persistence_close(of->data);
        keeper_free(of);
        return status;
    }
    durable_attach(of->options.node, of->data,
                   &(durable_calls){.ctx = of,
                                    .snapshot = snapshot_wish,
                                    .wake = on_wake,
                                    .backup = backups_begin,
                                    .backup_look = backups_look,
                                    .backup_ctx = of->backups,
                                    .is_volatile = of->is_volatile});
    *keeper_out = of;
    return HC_OK;
}

static bool thread_start(pthread_t *thread, void *(*run)(void *ctx), keeper *of)
{
    return pthread_create(thread, NULL, run, of) == 0;
}

hc_status keeper_recover(keeper *of, char *why, size_t why_bytes)
{
    why[0] = '\0';
    of->why = why;
    of->why_bytes = why_bytes;
    of->damages = 0;
    of->progress_ns = of->interval_since_ns = node_now_ns(of->options.node);
    hc_status status = durable_recover(of->options.node, why, why_bytes);
    of->why = NULL;
    if (status != HC_OK) return status;
    of->interval_since_ns = node_now_ns(of->options.node);
    of->log_thread_runs = thread_start(&of->log_thread, log_run, of);
    of->snapshot_thread_runs =
        of->log_thread_runs && thread_start(&of->snapshot_thread, snapshot_run, of);
    return of->snapshot_thread_runs ? HC_OK : HC_ERR_NO_MEMORY;
}

static void threads_join(keeper *of)
{
    (void)pthread_mutex_lock(&of->lock);
    atomic_store(&of->stopping, true);
    (void)pthread_cond_signal(&of->changed);
    (void)pthread_mutex_unlock(&of->lock);
    on_wake(of);
    if (of->snapshot_thread_runs) (void)pthread_join(of->snapshot_thread, NULL);
    if (of->log_thread_runs) (void)pthread_join(of->log_thread, NULL);
}

/* Where a strategy has no log, the end would lose what came since the last snapshot. */
static bool last_snapshot_wanted(keeper *of)
{
    int wish = durable_last_snapshot(of->options.node);
    return wish > 0 || (wish == 0 && durable_strategy(of->options.node) == HC_STRATEGY_SNAPSHOT);
}

bool keeper_stop(keeper *of)
{
    if (of == NULL) return true;
    bool served = of->log_thread_runs;
    threads_join(of);
    backups_stop(of->backups);
    hc_status status = HC_OK;
    if (served && last_snapshot_wanted(of)) {
        while (hc_persistence_snapshot_step(of->data) != HC_PERSISTENCE_NEVER) {
        } /* one that was under way */
        status = hc_persistence_snapshot(of->data);
    }
    durable_detach(of->options.node);
    hc_status closed = hc_persistence_close(of->data);
    if (status == HC_OK) status = closed;
    if (status != HC_OK) {
        hc_log_field field = event_text("reason", hc_status_text(status));
        event_log(of->log, HC_LOG_ERROR, "stop", "not everything could be written", &field, 1);
    }
    keeper_free(of);
    return status == HC_OK;
}
