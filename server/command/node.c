/*
 * node.c - the life of what all commands share.
 *
 * Databases and memory: with a limit M and n databases in use, each may take what the others
 * leave of M, and never less than M / n (nor than HC_STORE_MEMORY_BYTES_MIN).  So one database in
 * use has all of M, and a second one that fills up pushes the first back to its half.
 */
#include "command/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "command/command.h"

enum { MAINTAIN_ITEMS_MAX = 4096, NS_PER_SECOND = 1000000000, NS_PER_MS = 1000000 };

static void fill_run_id(node *of)
{
    uint8_t bytes[NODE_RUN_ID_CHARS / 2];
    const hc_host *host = of->options.host;
    if (host != NULL && host->random != NULL)
        host->random->fill(host->random->ctx, bytes, sizeof bytes);
    else if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        memset(bytes, 0, sizeof bytes); /* 20 bytes always succeed once the pool is ready */
    for (size_t i = 0; i < sizeof bytes; i++) {
        of->run_id[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        of->run_id[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    of->run_id[NODE_RUN_ID_CHARS] = '\0';
}

int64_t node_now_ms(const node *of)
{
    const hc_host *host = of->options.host;
    if (host != NULL && host->clock != NULL) return host->clock->wall_ms(host->clock->ctx);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

uint64_t node_now_ns(const node *of)
{
    const hc_host *host = of->options.host;
    if (host != NULL && host->clock != NULL) return host->clock->monotonic_ns(host->clock->ctx);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static hc_status options_take(node_options *to, const node_options *from)
{
    *to = *from;
    if (to->databases == 0) to->databases = NODE_DATABASES_MAX;
    if (to->workers == 0) to->workers = 1;
    if (to->node_id == NULL) to->node_id = "";
    if (to->config_file == NULL) to->config_file = "";
    if (to->executable == NULL) to->executable = "";
    bool fits = to->databases <= NODE_DATABASES_MAX && to->workers <= NODE_WORKERS_MAX &&
                (to->max_memory_bytes == 0 || to->max_memory_bytes >= HC_STORE_MEMORY_BYTES_MIN);
    return fits ? HC_OK : HC_ERR_INVALID;
}

/* Zeroed, and aligned as node_counters wants it. */
static node_counters *counters_create(size_t count)
{
    node_counters *counters = aligned_alloc(_Alignof(node_counters), count * sizeof *counters);
    if (counters != NULL) memset(counters, 0, count * sizeof *counters);
    return counters;
}

hc_status node_create(const node_options *options, node **node_out)
{
    *node_out = NULL;
    command_table_prepare();
    node_options taken;
    hc_status status = options_take(&taken, options);
    if (status != HC_OK) return status;
    node *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->options = taken;
    pthread_mutex_init(&made->stores_lock, NULL);
    pthread_mutex_init(&made->counters_lock, NULL);
    pthread_mutex_init(&made->sessions_lock, NULL);
    atomic_init(&made->max_memory_bytes, taken.max_memory_bytes);
    atomic_init(&made->next_session_id, 1);
    made->started_ms = node_now_ms(made);
    made->started_ns = made->sampled_ns = node_now_ns(made);
    fill_run_id(made);
    made->counters = counters_create(taken.workers);
    made->counters_base = counters_create(1);
    if (made->counters == NULL || made->counters_base == NULL || node_store(made, 0) == NULL) {
        node_destroy(made);
        return HC_ERR_NO_MEMORY;
    }
    *node_out = made;
    return HC_OK;
}

void node_destroy(node *of)
{
    if (of == NULL) return;
    assert(of->sessions == NULL);
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++)
        hc_store_destroy(atomic_load(&of->stores[i]));
    free(of->counters);
    free(of->counters_base);
    pthread_mutex_destroy(&of->sessions_lock);
    pthread_mutex_destroy(&of->counters_lock);
    pthread_mutex_destroy(&of->stores_lock);
    free(of);
}

node_counters *node_worker_counters(node *of, unsigned worker)
{
    assert(worker < of->options.workers);
    return &of->counters[worker];
}

/* ---- counters ---- */

static void counters_add(node_counters *to, const node_counters *from, bool subtract)
{
    /* The struct is nothing but counters: one loop sees them all. */
    static_assert(sizeof(node_counters) % sizeof(_Atomic uint64_t) == 0, "counters only");
    _Atomic uint64_t *sums = (_Atomic uint64_t *)to;
    const _Atomic uint64_t *parts = (const _Atomic uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *sums; i++) {
        uint64_t part = atomic_load_explicit(&parts[i], memory_order_relaxed);
        node_count(&sums[i], subtract ? 0 - part : part);
    }
}

static void counters_sum(const node *of, node_counters *sum)
{
    memset(sum, 0, sizeof *sum);
    for (unsigned i = 0; i < of->options.workers; i++)
        counters_add(sum, &of->counters[i], false);
}

void node_totals(node *of, node_counters *totals_out)
{
    pthread_mutex_lock(&of->counters_lock);
    counters_sum(of, totals_out);
    counters_add(totals_out, of->counters_base, true);
    pthread_mutex_unlock(&of->counters_lock);
}

void node_reset_statistics(node *of)
{
    pthread_mutex_lock(&of->counters_lock);
    counters_sum(of, of->counters_base);
    pthread_mutex_unlock(&of->counters_lock);
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        if (store != NULL) hc_store_stats_reset(store);
    }
    atomic_store(&of->memory_peak_bytes, 0); /* the next node_maintain finds it */
}

unsigned node_databases(const node *of)
{
    return of->options.databases;
}

/* ---- stores ---- */

static hc_store *store_create(node *of)
{
    hc_store_options options = {
        .size = sizeof options,
        .max_memory_bytes = atomic_load(&of->max_memory_bytes),
        .default_ttl_ms = of->options.default_ttl_ms,
        .eviction = of->options.eviction,
        .pressure = of->options.pressure,
    };
    hc_store *store;
    return hc_store_create(of->options.host, &options, &store) == HC_OK ? store : NULL;
}

hc_store *node_store(node *of, unsigned index)
{
    assert(index < of->options.databases);
    hc_store *store = atomic_load_explicit(&of->stores[index], memory_order_acquire);
    if (store != NULL) return store;
    pthread_mutex_lock(&of->stores_lock);
    store = atomic_load_explicit(&of->stores[index], memory_order_relaxed);
    if (store == NULL) {
        store = store_create(of);
        atomic_store_explicit(&of->stores[index], store, memory_order_release);
    }
    pthread_mutex_unlock(&of->stores_lock);
    return store;
}

/* Gives each database its limit: see the head of this file. */
static void memory_divide(node *of)
{
    uint64_t limit = atomic_load(&of->max_memory_bytes);
    uint64_t used[NODE_DATABASES_MAX] = {0};
    uint64_t sum = 0, databases = 0;
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        if (store == NULL) continue;
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_stats_get(store, &stats);
        used[i] = stats.memory_bytes;
        sum += used[i];
        databases++;
    }
    if (sum > atomic_load(&of->memory_peak_bytes)) atomic_store(&of->memory_peak_bytes, sum);
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        if (store == NULL || databases == 0) continue; /* created meanwhile: next time */
        uint64_t others = sum - used[i];
        uint64_t part = others < limit ? limit - others : 0;
        if (part < limit / databases) part = limit / databases;
        if (part < HC_STORE_MEMORY_BYTES_MIN) part = HC_STORE_MEMORY_BYTES_MIN;
        (void)hc_store_limit(store, limit == 0 ? 0 : part); /* in range, so it cannot fail */
    }
}

hc_status node_set_max_memory(node *of, uint64_t bytes)
{
    if (bytes != 0 && bytes < HC_STORE_MEMORY_BYTES_MIN) return HC_ERR_INVALID;
    pthread_mutex_lock(&of->stores_lock);
    atomic_store(&of->max_memory_bytes, bytes);
    memory_divide(of);
    pthread_mutex_unlock(&of->stores_lock);
    return HC_OK;
}

uint64_t node_max_memory(const node *of)
{
    return atomic_load(&of->max_memory_bytes);
}

/* ---- looking after it ---- */

static void sample_rate(node *of)
{
    uint64_t now_ns = node_now_ns(of);
    uint64_t past_ns = now_ns - of->sampled_ns;
    if (past_ns < NS_PER_SECOND) return;
    uint64_t commands = 0;
    for (unsigned i = 0; i < of->options.workers; i++)
        commands += atomic_load_explicit(&of->counters[i].commands, memory_order_relaxed);
    double rate = (double)(commands - of->sampled_commands) * NS_PER_SECOND / (double)past_ns;
    atomic_store(&of->ops_per_second, (uint64_t)rate);
    of->sampled_commands = commands;
    of->sampled_ns = now_ns;
}

bool node_maintain(node *of)
{
    bool more = false;
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        if (store != NULL && hc_store_maintain(store, MAINTAIN_ITEMS_MAX)) more = true;
    }
    pthread_mutex_lock(&of->stores_lock);
    memory_divide(of);
    pthread_mutex_unlock(&of->stores_lock);
    sample_rate(of);
    return more;
}

size_t node_session_count(node *of)
{
    pthread_mutex_lock(&of->sessions_lock);
    size_t count = of->session_count;
    pthread_mutex_unlock(&of->sessions_lock);
    return count;
}
