/* node.c - the life of what all commands share; its stores are in node_stores.c. */
#include "command/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "command/cluster.h"
#include "command/command.h"
#include "command/durable.h"
#include "command/history.h"
#include "command/leases.h"
#include "command/memory_report.h"
#include "command/node_stores.h"
#include "command/notify.h"
#include "command/pubsub.h"
#include "command/push.h"
#include "command/trace_lines.h"
#include "command/tracking.h"
#include "command/watchers.h"

enum { STORES_DEFAULT = 16, NS_PER_SECOND = 1000000000, NS_PER_MS = 1000000 };

void node_random(const node *of, void *bytes, size_t size)
{
    const hc_host *host = of->options.host;
    if (host != NULL && host->random != NULL)
        host->random->fill(host->random->ctx, bytes, size);
    else if (getrandom(bytes, size, 0) != (ssize_t)size)
        memset(bytes, 0, size); /* up to 256 bytes always succeed once the pool is ready */
}

static void fill_run_id(node *of)
{
    uint8_t bytes[NODE_RUN_ID_CHARS / 2];
    node_random(of, bytes, sizeof bytes);
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

int64_t node_now_us(const node *of)
{
    const hc_host *host = of->options.host;
    if (host != NULL && host->clock != NULL) return node_now_ms(of) * 1000;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
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
    if (to->stores_max == 0) to->stores_max = STORES_DEFAULT;
    if (to->workers == 0) to->workers = 1;
    to->workers += to->helpers;
    if (to->node_id == NULL) to->node_id = "";
    if (to->config_file == NULL) to->config_file = "";
    if (to->executable == NULL) to->executable = "";
    bool fits = to->databases <= NODE_DATABASES_MAX && to->stores_max <= NODE_STORES_MAX &&
                to->workers <= NODE_WORKERS_MAX &&
                (to->max_memory_bytes == 0 || to->max_memory_bytes >= HC_STORE_MEMORY_BYTES_MIN);
    return fits ? HC_OK : HC_ERR_INVALID;
}

/* Zeroed, and on cache lines of its own. */
static void *array_create(size_t count, size_t bytes)
{
    static_assert(_Alignof(node_counters) == 64 && _Alignof(node_filter) == 64, "one line each");
    void *array = aligned_alloc(64, count * bytes);
    if (array != NULL) memset(array, 0, count * bytes);
    return array;
}

/* The hash is seeded with secret bytes, and tokens begin where no earlier run can have come to. */
static leases *leases_of_node(const node *of)
{
    enum { TOKENS_PER_MS_BITS = 20 };
    uint64_t seed;
    node_random(of, &seed, sizeof seed);
    return leases_create(seed, (uint64_t)of->started_ms << TOKENS_PER_MS_BITS);
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
    monitors_init(&made->monitors);
    debug_mode_init(&made->debugging);
    atomic_init(&made->max_memory_bytes, taken.max_memory_bytes);
    atomic_init(&made->next_session_id, 1);
    uint64_t seed;
    node_random(made, &seed, sizeof seed);
    atomic_init(&made->tracing.seed, seed);
    made->started_ms = node_now_ms(made);
    made->started_ns = made->sampled_ns = node_now_ns(made);
    fill_run_id(made);
    made->counters = array_create(taken.workers, sizeof *made->counters);
    made->counters_base = array_create(1, sizeof *made->counters_base);
    made->filters = array_create(taken.workers, sizeof *made->filters);
    made->leases = leases_of_node(made);
    made->history = history_create();
    bool complete = made->counters != NULL && made->counters_base != NULL &&
                    made->filters != NULL && made->leases != NULL && made->history != NULL;
    status = complete ? gate_init(&made->gate, taken.workers) : HC_ERR_NO_MEMORY;
    if (status == HC_OK) status = push_open(made);
    if (status == HC_OK) status = pubsub_open(made);
    if (status == HC_OK) status = notify_init(made);
    if (status == HC_OK)
        status = observer_init(&made->observer, taken.workers, command_row_count());
    if (status == HC_OK) status = watchers_init(made);
    if (status == HC_OK) status = tracking_init(made);
    if (status == HC_OK) status = durable_init(made);
    if (status == HC_OK) status = cluster_init(made);
    if (status == HC_OK) status = node_stores_init(made);
    if (status == HC_OK) made->startup_bytes = node_stores_total(made).memory_bytes;
    if (status == HC_OK)
        *node_out = made;
    else
        node_destroy(made);
    return status;
}

void node_destroy(node *of)
{
    if (of == NULL) return;
    assert(of->sessions == NULL);
    for (unsigned i = 0; of->filters != NULL && i < of->options.workers; i++) {
        hc_filter_destroy(of->filters[i].filter);
        free(of->filters[i].written);
    }
    free(of->filters);
    leases_destroy(of->leases); /* while there are stores to unfollow */
    if (of->durable != NULL) durable_detach(of);
    node_stores_fini(of);
    watchers_fini(of);
    tracking_fini(of);
    durable_fini(of);
    cluster_fini(of);
    gate_fini(&of->gate);
    notify_fini(of);
    pubsub_close(of);
    monitors_fini(&of->monitors);
    debug_mode_fini(&of->debugging);
    push_close(of);
    observer_fini(&of->observer);
    history_destroy(of->history);
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
    observer_reset(&of->observer);
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref))
        hc_store_stats_reset(ref.store);
    atomic_store(&of->memory_peak_bytes, 0); /* the next node_maintain finds it */
}

/* ---- looking after it ---- */

static void sample_one(_Atomic uint64_t *rate, uint64_t *before, uint64_t now, uint64_t past_ns)
{
    atomic_store(rate, (uint64_t)((double)(now - *before) * NS_PER_SECOND / (double)past_ns));
    *before = now;
}

static void sample_rate(node *of)
{
    uint64_t now_ns = node_now_ns(of);
    uint64_t past_ns = now_ns - of->sampled_ns;
    if (past_ns < NS_PER_SECOND) return;
    uint64_t commands = 0, input = 0, output = 0;
    for (unsigned i = 0; i < of->options.workers; i++) {
        const node_counters *one = &of->counters[i];
        commands += atomic_load_explicit(&one->commands, memory_order_relaxed);
        input += atomic_load_explicit(&one->input_bytes, memory_order_relaxed);
        output += atomic_load_explicit(&one->output_bytes, memory_order_relaxed);
    }
    sample_one(&of->ops_per_second, &of->sampled_commands, commands, past_ns);
    sample_one(&of->input_per_second, &of->sampled_input, input, past_ns);
    sample_one(&of->output_per_second, &of->sampled_output, output, past_ns);
    of->sampled_ns = now_ns;
}

static void watch_evictions(node *of)
{
    uint64_t now_ns = node_now_ns(of);
    if (of->options.events == NULL || !eviction_watch_due(&of->eviction_watch, now_ns)) return;
    hc_store_stats sum = node_stores_total(of);
    eviction_watch_look(&of->eviction_watch, of->options.events, now_ns, sum.keys, sum.evicted);
}

bool node_maintain(node *of)
{
    bool more = node_stores_maintain(of);
    if (tracking_gathered(of)) tracking_send(of);
    sample_rate(of);
    watch_evictions(of);
    profiler_tick(&of->debugging.profiler, node_now_ns(of));
    if (of->options.settings != NULL && of->options.settings->tick != NULL)
        of->options.settings->tick(of->options.settings->ctx);
    trace_lines_watch(of);
    history_tick(of->history, of, node_now_ns(of));
    return more;
}

size_t node_session_count(node *of)
{
    pthread_mutex_lock(&of->sessions_lock);
    size_t count = of->session_count;
    pthread_mutex_unlock(&of->sessions_lock);
    return count;
}
