/*
 * bench_persistence.c - what the log costs a writer, how fast a snapshot and the way back are.
 *
 *     bench_persistence [--quick] [--dir DIR] [--keys N] [--threads N] [--raw] [--no-writes]
 *
 * One thread writes, one steps the log, as in the daemon; keys of 16 bytes, random values of 64 in
 * base64 (as design data: zstd takes a quarter off).  `always` is measured with batches of writes
 * that wait together, as replies of so many clients do.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <hypercache/persistence.h>

typedef struct bench {
    char directory[1024]; /* its own, made below --dir: what else is there stays */
    uint32_t threads, compression_level;
    bool no_writes;
    uint64_t keys;
    hc_store *store;
    hc_persistence *p;
    _Atomic bool end;
    pthread_mutex_t lock;
    pthread_cond_t woken, durable;
    bool is_woken;
} bench;

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6 +
           (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6;
}

static void need(hc_status status, const char *what)
{
    if (status == HC_OK) return;
    (void)fprintf(stderr, "%s: %s\n", what, hc_status_text(status));
    exit(1);
}

static void on_wake(void *ctx)
{
    bench *b = ctx;
    (void)pthread_mutex_lock(&b->lock);
    b->is_woken = true;
    (void)pthread_cond_signal(&b->woken);
    (void)pthread_mutex_unlock(&b->lock);
}

static void on_durable(void *ctx, uint64_t lsn)
{
    bench *b = ctx;
    (void)lsn;
    (void)pthread_mutex_lock(&b->lock);
    (void)pthread_cond_broadcast(&b->durable);
    (void)pthread_mutex_unlock(&b->lock);
}

static void *log_run(void *of)
{
    bench *b = of;
    while (!b->end) {
        uint64_t wait_ns = hc_persistence_step(b->p);
        if (wait_ns == 0) continue;
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        if (wait_ns > 100000000) wait_ns = 100000000;
        uint64_t ns = (uint64_t)until.tv_nsec + wait_ns;
        until.tv_sec += (time_t)(ns / 1000000000);
        until.tv_nsec = (long)(ns % 1000000000);
        (void)pthread_mutex_lock(&b->lock);
        if (!b->is_woken) (void)pthread_cond_timedwait(&b->woken, &b->lock, &until);
        b->is_woken = false;
        (void)pthread_mutex_unlock(&b->lock);
    }
    return NULL;
}

typedef struct task_run {
    void (*task)(void *task_ctx, uint32_t index);
    void *task_ctx;
    uint32_t index;
} task_run;

static void *task_thread(void *of)
{
    const task_run *r = of;
    r->task(r->task_ctx, r->index);
    return NULL;
}

/* A thread is started for each task, a few dozen microseconds: the tasks are milliseconds long. */
static void on_parallel(void *ctx, uint32_t count, void (*task)(void *task_ctx, uint32_t index),
                        void *task_ctx)
{
    pthread_t threads[HC_PERSISTENCE_THREADS_MAX];
    task_run runs[HC_PERSISTENCE_THREADS_MAX];
    (void)ctx;
    for (uint32_t i = 1; i < count; i++) {
        runs[i] = (task_run){task, task_ctx, i};
        if (pthread_create(&threads[i], NULL, task_thread, &runs[i]) != 0) exit(1);
    }
    task(task_ctx, 0);
    for (uint32_t i = 1; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

static hc_status on_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    (void)info;
    *store_out = ((bench *)ctx)->store;
    return HC_OK;
}

static void key_make(uint64_t i, char key[17])
{
    (void)snprintf(key, 17, "key:%012llu", (unsigned long long)(i % 1000000000000));
}

static void value_make(uint64_t *random, char value[64])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned i = 0; i < 64; i++) {
        if (i % 10 == 0) *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        value[i] = digits[*random >> (4 + 6 * (i % 10)) & 63];
    }
}

static void start(bench *b, hc_sync_policy sync, bool *is_new)
{
    const hc_persistence_hooks hooks = {.size = sizeof hooks,
                                        .ctx = b,
                                        .durable = on_durable,
                                        .wake = on_wake,
                                        .parallel = on_parallel};
    hc_persistence_options options = {.size = sizeof options,
                                      .directory = b->directory,
                                      .hooks = &hooks,
                                      .sync = sync,
                                      .threads = b->threads,
                                      .compression_level = b->compression_level};
    const hc_recovery recovery = {.size = sizeof recovery, .ctx = b, .open = on_open};
    hc_store_options store_options = {.size = sizeof store_options, .shards = 16};
    need(hc_store_create(NULL, &store_options, &b->store), "store");
    need(hc_persistence_open(NULL, &options, &b->p), "open");
    need(hc_persistence_recover(b->p, &recovery), "recover");
    uint32_t id;
    const hc_persisted_store info = {.name = HC_SPAN("bench")};
    *is_new = hc_persistence_find(b->p, info.name, &id) != HC_OK;
    if (*is_new) need(hc_persistence_add(b->p, &info, b->store, &id), "add");
}

static void stop(bench *b)
{
    need(hc_persistence_close(b->p), "close");
    hc_store_destroy(b->store);
}

/* `batch` writes, then a wait until they are durable; 0: no waiting. */
static void write_all(bench *b, uint64_t keys, uint64_t batch, const char *what)
{
    pthread_t thread;
    b->end = false;
    bool has_log = b->p != NULL;
    if (has_log) (void)pthread_create(&thread, NULL, log_run, b);
    uint64_t random = 1;
    double begun = now_s(), cpu = cpu_s();
    for (uint64_t i = 0; i < keys; i++) {
        char key[17], value[64];
        key_make(i % b->keys, key);
        value_make(&random, value);
        need(hc_store_set(b->store, hc_span_make(key, 16), hc_span_make(value, 64), NULL), "set");
        if (batch == 0 || (i + 1) % batch != 0) continue;
        uint64_t lsn = hc_persistence_lsn(b->p);
        (void)pthread_mutex_lock(&b->lock);
        while (hc_persistence_durable_lsn(b->p) < lsn)
            (void)pthread_cond_wait(&b->durable, &b->lock);
        (void)pthread_mutex_unlock(&b->lock);
    }
    double took = now_s() - begun;
    cpu = cpu_s() - cpu;
    b->end = true;
    if (has_log) {
        on_wake(b);
        (void)pthread_join(thread, NULL);
    }
    (void)printf("%-34s %9.0f writes/s  %6.2f us CPU each\n", what, (double)keys / took,
                 cpu * 1e6 / (double)keys);
}

static void directory_make(bench *b, const char *parent)
{
    int length = snprintf(b->directory, sizeof b->directory, "%s/bench-persistence-XXXXXX", parent);
    if (length < 0 || (size_t)length >= sizeof b->directory || mkdtemp(b->directory) == NULL) {
        perror(parent);
        exit(1);
    }
}

static void directory_clear(const bench *b)
{
    char command[1100];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", b->directory);
    if (system(command) != 0) exit(1);
}

static void writes_measure(bench *b)
{
    bool is_new;
    hc_store_options options = {.size = sizeof options, .shards = 16};
    need(hc_store_create(NULL, &options, &b->store), "store");
    b->p = NULL;
    write_all(b, b->keys, 0, "no log");
    hc_store_destroy(b->store);
    static const char *const names[] = {"", "always, nobody waits", "everysec", "no"};
    for (unsigned sync = HC_SYNC_EVERYSEC; sync <= HC_SYNC_NO; sync++) {
        directory_clear(b);
        start(b, (hc_sync_policy)sync, &is_new);
        write_all(b, b->keys, 0, names[sync]);
        hc_persistence_stats stats = {.size = sizeof stats};
        hc_persistence_stats_get(b->p, &stats);
        (void)printf("%-34s %9.1f bytes a write, %llu syncs, longest %.1f ms, ring full %llu\n", "",
                     (double)stats.bytes_written / (double)b->keys, (unsigned long long)stats.syncs,
                     (double)stats.sync_ns_max / 1e6, (unsigned long long)stats.ring_full);
        stop(b);
    }
    static const uint64_t batches[] = {1, 50, 800};
    for (unsigned i = 0; i < 3; i++) {
        char what[40];
        directory_clear(b);
        start(b, HC_SYNC_ALWAYS, &is_new);
        (void)snprintf(what, sizeof what, "always, %llu wait together",
                       (unsigned long long)batches[i]);
        write_all(b, (b->keys / 100 < 2000 ? 2000 : b->keys / 100) * (i == 0 ? 1 : batches[i] / 10),
                  batches[i], what);
        stop(b);
    }
}

static void recovery_measure(bench *b, const char *what)
{
    bool is_new;
    hc_persistence_stats stats = {.size = sizeof stats};
    double begun = now_s(), cpu = cpu_s();
    start(b, HC_SYNC_EVERYSEC, &is_new);
    double took = now_s() - begun;
    cpu = cpu_s() - cpu;
    hc_persistence_stats_get(b->p, &stats);
    (void)printf("%-34s %9.2f s, %.2f M keys/s, %.2f s CPU, %llu keys\n", what, took,
                 (double)hc_store_count(b->store) / took / 1e6, cpu,
                 (unsigned long long)hc_store_count(b->store));
}

static void *snapshot_thread(void *of)
{
    const bench *b = of;
    while (hc_persistence_snapshot_step(b->p) != HC_PERSISTENCE_NEVER) {
    }
    return NULL;
}

/* As many threads as parts, each stepping until there is nothing left. */
static void snapshot_measure(bench *b)
{
    pthread_t threads[HC_PERSISTENCE_THREADS_MAX];
    struct rusage before, after;
    (void)getrusage(RUSAGE_SELF, &before);
    double begun = now_s(), cpu = cpu_s();
    need(hc_persistence_snapshot_begin(b->p), "snapshot");
    for (uint32_t i = 1; i < b->threads; i++)
        if (pthread_create(&threads[i], NULL, snapshot_thread, b) != 0) exit(1);
    (void)snapshot_thread(b);
    for (uint32_t i = 1; i < b->threads; i++)
        (void)pthread_join(threads[i], NULL);
    double took = now_s() - begun;
    (void)getrusage(RUSAGE_SELF, &after);
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_persistence_stats_get(b->p, &stats);
    (void)printf("%-34s %9.2f s, %.2f M keys/s, %.2f s CPU, %.0f MB, peak RSS +%ld KiB\n",
                 "snapshot", took, (double)stats.snapshot_records / took / 1e6, cpu_s() - cpu,
                 (double)stats.snapshot_bytes / 1e6, after.ru_maxrss - before.ru_maxrss);
}

int main(int argc, char **argv)
{
    const char *parent = "build";
    bench b = {.keys = 5000000,
               .threads = 2,
               .lock = PTHREAD_MUTEX_INITIALIZER,
               .woken = PTHREAD_COND_INITIALIZER,
               .durable = PTHREAD_COND_INITIALIZER};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) b.keys = 500000;
        if (strcmp(argv[i], "--raw") == 0) b.compression_level = UINT32_MAX;
        if (strcmp(argv[i], "--no-writes") == 0) b.no_writes = true;
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            b.threads = (uint32_t)strtoul(argv[++i], NULL, 10);
        if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc) parent = argv[++i];
        if (strcmp(argv[i], "--keys") == 0 && i + 1 < argc) b.keys = strtoull(argv[++i], NULL, 10);
    }
    directory_make(&b, parent);
    if (!b.no_writes) writes_measure(&b);
    bool is_new;
    directory_clear(&b);
    start(&b, HC_SYNC_EVERYSEC, &is_new);
    write_all(&b, b.keys, 0, "everysec, to be recovered");
    stop(&b);
    recovery_measure(&b, "recovery from the log");
    snapshot_measure(&b);
    stop(&b);
    recovery_measure(&b, "recovery from the snapshot");
    stop(&b);
    directory_clear(&b);
    return 0;
}
