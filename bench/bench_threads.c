/*
 * bench_threads.c - how operations per second grow from one thread to two.
 *
 * Each thread is pinned to a CPU of its own and works through keys laid out beforehand.  A turn
 * measures one thread, alternately on the first and the second CPU, and then two threads; the
 * scaling is the median over the turns of (both together) / (one alone), so that slow drift of the
 * machine cancels out.
 *
 *   uniform    every key alike
 *   zipf       theta .99, ranks scattered over the keys
 *   hot        one key
 *   read       gets only; 95/5: every twentieth operation sets a value of the same size
 *
 * Usage: bench_threads [--keys=5000000] [--turns=7] [--ms=500] [--quick]
 */
#include <hypercache/hypercache.h>

#include <pthread.h>
#include <stdatomic.h>

#include "measure.h"

#define THREADS_MAX 2u
#define LAID_OUT 1048576u /* operations, a power of two; walked through again and again */
#define CHECK_EVERY 256u  /* operations between looks at the clock */
#define WRITE_ONE_IN 20u

typedef enum key_spread { UNIFORM, ZIPF, HOT } key_spread;

typedef struct bench_worker {
    hc_store *store;
    const uint8_t *keys; /* LAID_OUT keys */
    int cpu;
    bool writes;
    atomic_bool *go;
    uint64_t duration_ns;
    double mops; /* out */
} bench_worker;

static void operate(bench_worker *self, uint64_t at)
{
    static const uint8_t value[BENCH_VALUE_BYTES] = "thirty-two bytes of some value";
    uint8_t copy[64];
    const uint8_t *key = self->keys + (at & (LAID_OUT - 1)) * BENCH_KEY_BYTES;
    hc_span span = hc_span_make(key, BENCH_KEY_BYTES);
    hc_status status;
    if (self->writes && at % WRITE_ONE_IN == 0)
        status = hc_store_set(self->store, span, hc_span_make(value, sizeof value), NULL);
    else
        status = hc_store_get(self->store, span, copy, sizeof copy, NULL);
    if (status != HC_OK) bench_die("an operation failed");
}

static void *worker_main(void *ctx)
{
    bench_worker *self = ctx;
    bench_pin(self->cpu);
    while (!atomic_load_explicit(self->go, memory_order_acquire)) {
    }
    uint64_t began_ns = bench_now_ns(), now_ns = began_ns, done = 0;
    while (now_ns - began_ns < self->duration_ns) {
        for (size_t i = 0; i < CHECK_EVERY; i++)
            operate(self, done++);
        now_ns = bench_now_ns();
    }
    self->mops = (double)done * 1e3 / (double)(now_ns - began_ns);
    return NULL;
}

/* Millions of operations a second, all threads together; a single one runs on `first_cpu`. */
static double measure(bench_worker *workers, size_t threads, int first_cpu)
{
    pthread_t ids[THREADS_MAX];
    atomic_bool go = false;
    for (size_t i = 0; i < threads; i++) {
        workers[i].go = &go;
        workers[i].cpu = ((int)i + first_cpu) % (int)THREADS_MAX;
        if (pthread_create(&ids[i], NULL, worker_main, &workers[i]) != 0)
            bench_die("cannot start a thread");
    }
    atomic_store_explicit(&go, true, memory_order_release);
    double mops = 0;
    for (size_t i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        mops += workers[i].mops;
    }
    return mops;
}

static void lay_out(uint8_t *keys, key_spread spread, uint64_t key_count, uint64_t seed)
{
    bench_zipf zipf = {0};
    if (spread == ZIPF) bench_zipf_init(&zipf, key_count, .99);
    for (uint64_t i = 0; i < LAID_OUT; i++) {
        uint64_t index = key_count / 2;
        if (spread == UNIFORM) index = bench_random_below(&seed, key_count);
        if (spread == ZIPF) index = bench_mix(bench_zipf_rank(&zipf, &seed)) % key_count;
        bench_key(keys + i * BENCH_KEY_BYTES, index);
    }
}

static void row_run(hc_store *store, key_spread spread, bool writes, uint64_t key_count,
                    size_t turns, uint64_t duration_ns)
{
    static const char *const names[] = {"uniform", "zipf .99", "hot key"};
    uint8_t *keys[THREADS_MAX];
    bench_worker workers[THREADS_MAX];
    for (size_t i = 0; i < THREADS_MAX; i++) {
        keys[i] = bench_alloc(LAID_OUT, BENCH_KEY_BYTES);
        lay_out(keys[i], spread, key_count, i + 1);
        workers[i] = (bench_worker){
            .store = store, .keys = keys[i], .writes = writes, .duration_ns = duration_ns};
    }
    double one[BENCH_TURNS_MAX], two[BENCH_TURNS_MAX], ratio[BENCH_TURNS_MAX];
    (void)measure(workers, 1, 0);
    for (size_t turn = 0; turn < turns; turn++) {
        one[turn] = measure(workers, 1, (int)(turn % THREADS_MAX));
        two[turn] = measure(workers, THREADS_MAX, 0);
        ratio[turn] = two[turn] / one[turn];
    }
    printf("| %-8s | %-5s | %6.2f | %6.2f | %4.2f (%.2f..%.2f) |\n", names[spread],
           writes ? "95/5" : "reads", bench_median(one, turns), bench_median(two, turns),
           bench_median(ratio, turns), bench_min(ratio, turns), bench_max(ratio, turns));
    fflush(stdout);
    for (size_t i = 0; i < THREADS_MAX; i++)
        free(keys[i]);
}

static hc_store *store_filled(uint64_t key_count)
{
    hc_store *store = NULL;
    if (hc_store_create(NULL, NULL, &store) != HC_OK) bench_die("cannot create a store");
    uint8_t key[BENCH_KEY_BYTES], value[BENCH_VALUE_BYTES] = "filled";
    for (uint64_t i = 0; i < key_count; i++) {
        bench_key(key, i);
        if (hc_store_set(store, hc_span_make(key, sizeof key), hc_span_make(value, sizeof value),
                         NULL) != HC_OK)
            bench_die("set failed");
    }
    return store;
}

int main(int argc, char **argv)
{
    bool quick = bench_option_set(argc, argv, "--quick");
    uint64_t key_count = bench_option_number(argc, argv, "--keys", quick ? 1000000 : 5000000);
    size_t turns = bench_option_number(argc, argv, "--turns", quick ? 3 : 7);
    uint64_t ms = bench_option_number(argc, argv, "--ms", quick ? 200 : 500);
    if (turns == 0 || turns > BENCH_TURNS_MAX) bench_die("--turns is 1..64");
    bench_noise noise = bench_noise_begin();
    double load = bench_load_average();
    hc_store *store = store_filled(key_count);
    printf("%" PRIu64 " keys, %zu turns of %" PRIu64 " ms; load average before %.2f\n"
           "| keys     | mix   | 1 Mops | 2 Mops | scaling (least..most) |\n"
           "|---|---|---|---|---|\n",
           key_count, turns, ms, load);
    for (int writes = 0; writes < 2; writes++) {
        for (key_spread spread = UNIFORM; spread <= HOT; spread++)
            row_run(store, spread, writes != 0, key_count, turns, ms * 1000000);
    }
    hc_store_destroy(store);
    printf("others on this machine meanwhile took %.2f cores\n", bench_noise_cores(&noise));
    return 0;
}
