/*
 * bench_filter.c - the cuckoo filter: time, memory and rate of each kind of fingerprint.
 *
 *     bench_filter [--items=1000000] [--turns=5]
 *
 * Every row is filled to its capacity, which is a load of 95 % for a plain width and whatever the
 * planner chose for a target rate.  Times are per operation on hashed items, so that XXH3 is not
 * part of them, in random order: from a table larger than the cache each pays its cache misses.
 *
 *     add        the whole of the filling, searches for room included
 *     hit, miss  contains, for items that are in and items that are not
 *     batch      miss, sixteen prefetched at a time
 *     delete     all of the items
 *     rate       share of wrong answers to items that are not in, beside what theory expects
 */
#include <hypercache/filter.h>

#include "measure.h"

#define BATCH 16u
#define PROBES 4000000u

typedef struct kind {
    const char *name;
    hc_filter_options options;
} kind;

typedef struct times {
    double add[BENCH_TURNS_MAX], hit[BENCH_TURNS_MAX], miss[BENCH_TURNS_MAX];
    double batch[BENCH_TURNS_MAX], gone[BENCH_TURNS_MAX];
} times;

static uint64_t hash_of(uint64_t item)
{
    return bench_mix((item + 1) * 0x9e3779b97f4a7c15u);
}

static double ns_each(uint64_t began_ns, uint64_t count)
{
    return (double)(bench_now_ns() - began_ns) / (double)count;
}

static double time_contains(const hc_filter *filter, uint64_t first, uint64_t count, uint64_t *yes)
{
    uint64_t began = bench_now_ns();
    for (uint64_t i = first; i < first + count; i++)
        *yes += hc_filter_contains_hash(filter, hash_of(i));
    return ns_each(began, count);
}

static double time_batches(const hc_filter *filter, uint64_t first, uint64_t count, uint64_t *yes)
{
    uint64_t began = bench_now_ns();
    for (uint64_t i = first; i + BATCH <= first + count; i += BATCH) {
        for (uint64_t j = i; j < i + BATCH; j++)
            hc_filter_prefetch_hash(filter, hash_of(j));
        for (uint64_t j = i; j < i + BATCH; j++)
            *yes += hc_filter_contains_hash(filter, hash_of(j));
    }
    return ns_each(began, count);
}

static void run_turn(const kind *of, uint64_t items, unsigned turn, times *out,
                     hc_filter_stats *stats, double *rate)
{
    hc_filter *filter;
    if (hc_filter_create(NULL, &of->options, &filter) != HC_OK) bench_die("no filter");
    uint64_t yes = 0, wrong = 0, began = bench_now_ns();
    for (uint64_t i = 0; i < items; i++) {
        if (hc_filter_add_hash(filter, hash_of(i)) != HC_OK) bench_die("full too early");
    }
    out->add[turn] = ns_each(began, items);
    out->hit[turn] = time_contains(filter, 0, items, &yes);
    if (yes != items) bench_die("a false negative");
    out->miss[turn] = time_contains(filter, items, items, &wrong);
    out->batch[turn] = time_batches(filter, items, items, &wrong);
    stats->size = sizeof *stats;
    hc_filter_stats_get(filter, stats);
    if (turn == 0) *rate = hc_filter_measure(filter, PROBES, 1);
    began = bench_now_ns();
    for (uint64_t i = 0; i < items; i++) {
        if (hc_filter_delete_hash(filter, hash_of(i)) != HC_OK) bench_die("a delete missed");
    }
    out->gone[turn] = ns_each(began, items);
    hc_filter_destroy(filter);
}

int main(int argc, char **argv)
{
    uint64_t items = bench_option_number(argc, argv, "--items", 1000000);
    unsigned turns = (unsigned)bench_option_number(argc, argv, "--turns", 5);
    if (items < BATCH || turns < 1 || turns > BENCH_TURNS_MAX) bench_die("words out of range");
    const size_t size = sizeof(hc_filter_options);
    const hc_filter_layout sorted = HC_FILTER_LAYOUT_SEMI_SORTED;
    kind kinds[] = {
        {"8 bits", {.size = size, .fingerprint_bits = 8}},
        {"8 bits, semi-sorted", {.size = size, .fingerprint_bits = 8, .layout = sorted}},
        {"12 bits", {.size = size, .fingerprint_bits = 12}},
        {"12 bits, semi-sorted", {.size = size, .fingerprint_bits = 12, .layout = sorted}},
        {"16 bits", {.size = size, .fingerprint_bits = 16}},
        {"16 bits, semi-sorted", {.size = size, .fingerprint_bits = 16, .layout = sorted}},
        {"target 1 %", {.size = size, .false_positive_rate = 0.01}},
        {"target 1 %, grown 16x", {.size = size, .growth = HC_FILTER_GROWTH_CHAIN}},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    static times measured[KINDS];
    hc_filter_stats stats[KINDS];
    double rates[KINDS];
    bench_noise noise = bench_noise_begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        for (size_t i = 0; i < KINDS; i++) {
            bool chain = kinds[i].options.growth == HC_FILTER_GROWTH_CHAIN;
            kinds[i].options.capacity = chain ? items / 16 : items;
            run_turn(&kinds[i], items, turn, &measured[i], &stats[i], &rates[i]);
        }
    }
    printf("%" PRIu64 " items, median (best) of %u turns, ns; others took %.1f cores\n", items,
           turns, bench_noise_cores(&noise));
    printf("%-22s %12s %12s %12s %12s %12s %9s %9s %9s %6s\n", "", "add", "hit", "miss", "batch",
           "delete", "rate %", "theory %", "bits/item", "layers");
    for (size_t i = 0; i < KINDS; i++) {
        const times *of = &measured[i];
        const double *columns[] = {of->add, of->hit, of->miss, of->batch, of->gone};
        printf("%-22s", kinds[i].name);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            printf(" %5.0f (%4.0f)", bench_median(columns[c], turns), bench_min(columns[c], turns));
        printf(" %9.4f %9.4f %9.2f %6" PRIu32 "\n", rates[i] * 100, stats[i].rate_now * 100,
               (double)stats[i].memory_bytes * 8 / (double)items, stats[i].layers);
    }
    return 0;
}
