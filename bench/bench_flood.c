/*
 * bench_flood.c - a flood of random new keys at the memory limit.
 *
 * Three questions, each answered for one store with a limit and, where it has a meaning, for one
 * without:
 *   throughput  turns of --ops sets of keys never seen before: one into a fresh store without a
 *               limit, one into a store that stands at its limit; ratio = median over the turns
 *   latency     the same flood with every set timed alone (the clock costs some 40 ns a set)
 *   memory      the flood for --seconds while a second thread reads the resident size 20 times a
 *               second: how far growth since before the store existed departs from the limit
 *
 * With --maintain a second thread calls hc_store_maintain 100 times a second, as hypercached does.
 *
 * Usage: bench_flood [--limit-mib=512] [--ops=8000000] [--turns=5] [--seconds=60] [--maintain]
 *                    [--quick]
 */
#include <hypercache/hypercache.h>

#include <pthread.h>
#include <stdatomic.h>

#include "measure.h"

#define SAMPLE_EVERY_NS 50000000
#define MAINTAIN_EVERY_NS 10000000
#define KEY_SPACE 1000000000000u /* 12 digits */

typedef struct key_flood {
    hc_store *store;
    uint64_t random;
} key_flood;

static void flood_one(key_flood *self)
{
    uint8_t key[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES];
    uint64_t word = bench_random(&self->random);
    bench_key(key, word % KEY_SPACE);
    for (size_t i = 0; i < sizeof value; i += 8)
        memcpy(value + i, &word, 8);
    hc_status status = hc_store_set(self->store, hc_span_make(key, sizeof key),
                                    hc_span_make(value, sizeof value), NULL);
    if (status != HC_OK) bench_die(hc_status_text(status));
}

static hc_store *store_make(uint64_t limit_bytes)
{
    hc_store_options options = {.size = sizeof options, .max_memory_bytes = limit_bytes};
    hc_store *store = NULL;
    if (hc_store_create(NULL, &options, &store) != HC_OK) bench_die("cannot create a store");
    return store;
}

static hc_store_stats stats_of(hc_store *store)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(store, &stats);
    return stats;
}

/* Floods until the store has evicted, twice over what it holds, so that it is in its stride. */
static void flood_to_the_limit(key_flood *self)
{
    while (stats_of(self->store).evicted == 0) {
        for (size_t i = 0; i < 100000; i++)
            flood_one(self);
    }
    for (uint64_t rest = 2 * hc_store_count(self->store); rest > 0; rest--)
        flood_one(self);
}

static double flood_timed(key_flood *self, uint64_t ops)
{
    uint64_t began_ns = bench_now_ns();
    for (uint64_t i = 0; i < ops; i++)
        flood_one(self);
    return (double)ops * 1e3 / (double)(bench_now_ns() - began_ns);
}

/* ---- a second thread ---- */

typedef struct companion {
    hc_store *store;
    uint64_t every_ns;
    bool maintains, samples;
    atomic_bool stop;
    pthread_t thread;
    uint64_t rss_min_bytes, rss_max_bytes, cpu_ns; /* valid once stopped */
} companion;

static void *companion_main(void *ctx)
{
    companion *self = ctx;
    self->rss_min_bytes = UINT64_MAX;
    struct timespec pause = {.tv_nsec = (long)self->every_ns};
    while (!atomic_load(&self->stop)) {
        nanosleep(&pause, NULL);
        if (self->maintains) (void)hc_store_maintain(self->store, 0);
        if (!self->samples) continue;
        uint64_t rss_bytes = bench_rss_bytes_quick();
        if (rss_bytes < self->rss_min_bytes) self->rss_min_bytes = rss_bytes;
        if (rss_bytes > self->rss_max_bytes) self->rss_max_bytes = rss_bytes;
    }
    struct timespec own;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    self->cpu_ns = (uint64_t)own.tv_sec * 1000000000u + (uint64_t)own.tv_nsec;
    return NULL;
}

static void companion_start(companion *self)
{
    if (pthread_create(&self->thread, NULL, companion_main, self) != 0)
        bench_die("cannot start a thread");
}

static void companion_stop(companion *self)
{
    atomic_store(&self->stop, true);
    pthread_join(self->thread, NULL);
}

/* ---- the three questions ---- */

static void throughput(key_flood *limited, uint64_t ops, size_t turns)
{
    double free_mops[BENCH_TURNS_MAX], limited_mops[BENCH_TURNS_MAX], ratio[BENCH_TURNS_MAX];
    for (size_t turn = 0; turn < turns; turn++) {
        key_flood unlimited = {store_make(0), turn + 1};
        free_mops[turn] = flood_timed(&unlimited, ops);
        hc_store_destroy(unlimited.store);
        limited_mops[turn] = flood_timed(limited, ops);
        ratio[turn] = limited_mops[turn] / free_mops[turn];
    }
    printf("| throughput, M sets/s, median | no limit %.2f | at the limit %.2f | ratio %.2f "
           "(%.2f..%.2f) |\n",
           bench_median(free_mops, turns), bench_median(limited_mops, turns),
           bench_median(ratio, turns), bench_min(ratio, turns), bench_max(ratio, turns));
    fflush(stdout);
}

static void latency(key_flood *self, uint64_t ops, const char *name)
{
    bench_latency *times = bench_alloc(1, sizeof *times);
    for (uint64_t i = 0; i < ops; i++) {
        uint64_t began_ns = bench_now_ns();
        flood_one(self);
        bench_latency_add(times, bench_now_ns() - began_ns);
    }
    printf("| latency of a set, us, %s | p50 %.2f | p99 %.2f | p99.9 %.1f | p99.99 %.1f | "
           "worst %.0f |\n",
           name, (double)bench_latency_at(times, .5) / 1e3,
           (double)bench_latency_at(times, .99) / 1e3, (double)bench_latency_at(times, .999) / 1e3,
           (double)bench_latency_at(times, .9999) / 1e3, (double)times->max_ns / 1e3);
    fflush(stdout);
    free(times);
}

static void memory(key_flood *limited, uint64_t seconds, uint64_t base_bytes, uint64_t limit_bytes)
{
    companion sampler = {.every_ns = SAMPLE_EVERY_NS, .samples = true};
    companion_start(&sampler);
    uint64_t began_ns = bench_now_ns(), done = 0;
    while (bench_now_ns() - began_ns < seconds * 1000000000u) {
        for (size_t i = 0; i < 1000; i++)
            flood_one(limited);
        done += 1000;
    }
    companion_stop(&sampler);
    double limit = (double)limit_bytes;
    printf("| resident size over %" PRIu64 " s and %.0f M sets, growth / limit | least %.3f | "
           "most %.3f | as the store counts %.3f |\n",
           seconds, (double)done / 1e6, (double)(sampler.rss_min_bytes - base_bytes) / limit,
           (double)(sampler.rss_max_bytes - base_bytes) / limit,
           (double)stats_of(limited->store).memory_bytes / limit);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bool quick = bench_option_set(argc, argv, "--quick");
    uint64_t limit_mib = bench_option_number(argc, argv, "--limit-mib", quick ? 128 : 512);
    uint64_t ops = bench_option_number(argc, argv, "--ops", quick ? 2000000 : 8000000);
    size_t turns = bench_option_number(argc, argv, "--turns", quick ? 3 : 5);
    uint64_t seconds = bench_option_number(argc, argv, "--seconds", quick ? 5 : 60);
    if (turns == 0 || turns > BENCH_TURNS_MAX) bench_die("--turns is 1..64");
    bool maintains = bench_option_set(argc, argv, "--maintain");
    uint64_t limit_bytes = limit_mib << 20;
    printf("limit %" PRIu64 " MiB, %s; load average before %.2f\n", limit_mib,
           maintains ? "a thread maintains" : "no thread maintains", bench_load_average());
    bench_noise noise = bench_noise_begin();
    (void)bench_rss_bytes_quick();
    uint64_t base_bytes = bench_rss_bytes_quick();
    key_flood limited = {store_make(limit_bytes), 1u << 20};
    companion keeper = {.store = limited.store, .every_ns = MAINTAIN_EVERY_NS, .maintains = true};
    if (maintains) companion_start(&keeper);
    flood_to_the_limit(&limited);
    memory(&limited, seconds, base_bytes, limit_bytes); /* first: nothing else is resident yet */
    throughput(&limited, ops, turns);
    latency(&limited, ops, "at the limit");
    if (maintains) companion_stop(&keeper);
    hc_store_stats stats = stats_of(limited.store);
    printf("| keys %" PRIu64 " | evicted %" PRIu64 " | cleaned %.2f B per set |\n", stats.keys,
           stats.evicted, (double)stats.cleaned_bytes / (double)stats.sets);
    hc_store_destroy(limited.store);
    key_flood unlimited = {store_make(0), 77};
    latency(&unlimited, ops, "no limit");
    hc_store_destroy(unlimited.store);
    printf("others on this machine meanwhile took %.2f cores\n", bench_noise_cores(&noise));
    return 0;
}
