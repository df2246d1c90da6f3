/*
 * bench_filter_use.c - does a filter in front of the index pay?
 *
 * Stores with the same keys, without a filter and with filters of several sizes, take turns at the
 * same operations:
 *
 *   insert   set of a new key while filling up
 *   hit      get of a key that is there
 *   miss     get of one that is not
 *   many     the same misses, 16 in one call
 *   renew    delete of a key and set of another: both keep index and filter in step
 *
 * The table shows nanoseconds per operation, the median over the turns, and in brackets the median
 * of the ratios to the store without a filter; then bytes per key of the filter, and the share of
 * misses it let pass.
 *
 * Usage: bench_filter_use [--keys=1000000] [--samples=1000000] [--turns=7] [--quick]
 */
#include <hypercache/hypercache.h>

#include "measure.h"

#define BATCH 16u

typedef struct contender {
    const char *name;
    double rate;
    uint32_t bits;
    hc_store *store;
    uint64_t next; /* number of the next new key */
} contender;

static contender contenders[] = {
    {"no filter", 0, 0, NULL, 0},
    {"8 bits", 0, 8, NULL, 0},
    {"rate 0.01", 0.01, 0, NULL, 0},
    {"16 bits", 0, 16, NULL, 0},
};
#define CONTENDERS (sizeof contenders / sizeof *contenders)

typedef enum operation { INSERT, HIT, MISS, MANY, RENEW, OPERATIONS } operation;
static const char *const operation_names[OPERATIONS] = {"insert", "hit", "miss", "many", "renew"};

typedef struct workload {
    uint64_t keys, samples;
    uint8_t *present, *absent; /* `samples` keys each */
} workload;

static const uint8_t value_bytes[BENCH_VALUE_BYTES] = "a value of thirty-two bytes";

static hc_span key_at(const uint8_t *keys, uint64_t index)
{
    return hc_span_make(keys + index * BENCH_KEY_BYTES, BENCH_KEY_BYTES);
}

static void set(hc_store *store, hc_span key)
{
    hc_status status =
        hc_store_set(store, key, hc_span_make(value_bytes, sizeof value_bytes), NULL);
    if (status != HC_OK) bench_die(hc_status_text(status));
}

static uint64_t run_insert(contender *of, const workload *load)
{
    uint8_t key[BENCH_KEY_BYTES];
    for (uint64_t i = 0; i < load->keys; i++) {
        bench_key(key, i);
        set(of->store, hc_span_make(key, sizeof key));
    }
    of->next = load->keys;
    return load->keys;
}

static uint64_t run_get(hc_store *store, const uint8_t *keys, const workload *load, bool there)
{
    uint8_t value[64];
    uint64_t found = 0;
    for (uint64_t i = 0; i < load->samples; i++)
        found += hc_store_get(store, key_at(keys, i), value, sizeof value, NULL) == HC_OK;
    if (found != (there ? load->samples : 0)) bench_die("a key is lost, or found that never was");
    return load->samples;
}

static uint64_t run_many(hc_store *store, const workload *load)
{
    uint8_t values[BATCH][64];
    hc_get gets[BATCH];
    uint64_t done = 0;
    for (; done + BATCH <= load->samples; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++)
            gets[i] = (hc_get){.key = key_at(load->absent, done + i),
                               .buffer = values[i],
                               .buffer_bytes = sizeof values[i]};
        hc_store_get_many(store, gets, BATCH);
    }
    return done;
}

/* Works on keys of its own: those that `hit` asks for stay. */
static uint64_t run_renew(contender *of, const workload *load)
{
    uint8_t key[BENCH_KEY_BYTES];
    uint64_t count = load->samples / 4;
    for (uint64_t i = 0; i < count; i++) {
        bench_key(key, of->next++);
        set(of->store, hc_span_make(key, sizeof key));
        bench_key(key, of->next - 1 - (i < 1000 ? 0 : 1000));
        (void)hc_store_delete(of->store, hc_span_make(key, sizeof key));
    }
    return count;
}

static double timed_ns(contender *of, operation what, const workload *load)
{
    uint64_t began_ns = bench_own_ns(), done = 0;
    switch (what) {
    case INSERT:
        done = run_insert(of, load);
        break;
    case HIT:
        done = run_get(of->store, load->present, load, true);
        break;
    case MISS:
        done = run_get(of->store, load->absent, load, false);
        break;
    case MANY:
        done = run_many(of->store, load);
        break;
    default:
        done = run_renew(of, load);
        break;
    }
    return (double)(bench_own_ns() - began_ns) / (double)done;
}

static workload workload_make(uint64_t keys, uint64_t samples)
{
    workload load = {keys, samples, bench_alloc(samples, BENCH_KEY_BYTES),
                     bench_alloc(samples, BENCH_KEY_BYTES)};
    uint64_t random = 1;
    for (uint64_t i = 0; i < samples; i++) {
        bench_key(load.present + i * BENCH_KEY_BYTES, bench_random(&random) % keys);
        /* far beyond any key that is ever set */
        bench_key(load.absent + i * BENCH_KEY_BYTES,
                  500000000000u + bench_random(&random) % 400000000000u);
    }
    return load;
}

static double times[OPERATIONS][CONTENDERS][BENCH_TURNS_MAX];

/* The first operation fills a store, so each turn starts with new ones. */
static void turn_run(const workload *load, size_t turn)
{
    for (size_t c = 0; c < CONTENDERS; c++) {
        hc_store_options options = {.size = sizeof options,
                                    .filter_rate = contenders[c].rate,
                                    .filter_bits = contenders[c].bits,
                                    .filter_capacity = load->keys + load->keys / 8};
        hc_store_destroy(contenders[c].store);
        if (hc_store_create(NULL, &options, &contenders[c].store) != HC_OK)
            bench_die("cannot create a store");
    }
    for (operation what = INSERT; what < OPERATIONS; what++) {
        for (size_t i = 0; i < CONTENDERS; i++) {
            size_t c = (i + turn) % CONTENDERS; /* nobody always follows the same one */
            times[what][c][turn] = timed_ns(&contenders[c], what, load);
        }
    }
}

static void print_times(size_t turns)
{
    printf("| filter ");
    for (size_t what = 0; what < OPERATIONS; what++)
        printf("| %s, ns ", operation_names[what]);
    printf("| B/key | passed |\n");
    for (size_t c = 0; c < CONTENDERS; c++) {
        printf("| %s ", contenders[c].name);
        for (size_t what = 0; what < OPERATIONS; what++) {
            double ratio[BENCH_TURNS_MAX];
            for (size_t turn = 0; turn < turns; turn++)
                ratio[turn] = times[what][c][turn] / times[what][0][turn];
            printf("| %.0f (%.2f) ", bench_median(times[what][c], turns),
                   bench_median(ratio, turns));
        }
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_stats_get(contenders[c].store, &stats);
        uint64_t asked = stats.filter_answers + stats.filter_false_positives;
        printf("| %.2f | %.4f |\n", (double)stats.filter_bytes / (double)stats.keys,
               asked > 0 ? (double)stats.filter_false_positives / (double)asked : 1.0);
    }
}

int main(int argc, char **argv)
{
    bool quick = bench_option_set(argc, argv, "--quick");
    uint64_t keys = bench_option_number(argc, argv, "--keys", quick ? 200000 : 1000000);
    uint64_t samples = bench_option_number(argc, argv, "--samples", quick ? 200000 : 1000000);
    size_t turns = bench_option_number(argc, argv, "--turns", quick ? 3 : 7);
    if (turns == 0 || turns > BENCH_TURNS_MAX) bench_die("--turns is 1..64");
    if (keys == 0 || samples < BATCH) bench_die("--keys and --samples are too few");
    printf("%" PRIu64 " keys; load average before %.2f\n", keys, bench_load_average());
    bench_noise noise = bench_noise_begin();
    workload load = workload_make(keys, samples);
    for (size_t turn = 0; turn < turns; turn++)
        turn_run(&load, turn);
    print_times(turns);
    printf("others on this machine meanwhile took %.2f cores\n", bench_noise_cores(&noise));
    for (size_t c = 0; c < CONTENDERS; c++)
        hc_store_destroy(contenders[c].store);
    free(load.present);
    free(load.absent);
    return 0;
}
