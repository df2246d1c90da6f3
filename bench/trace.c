/*
 * trace.c - draws ranks by zipf, maps ranks to items, and gives the items sizes and lives.
 *
 * A rank is drawn by bisection of the cumulative distribution; which item stands at a rank is a
 * random permutation.  Items 0..population - 1 are the popular ones; one-time items follow.
 */
#include "trace.h"

#include "measure.h"

#include <assert.h>
#include <math.h>

#define SCAN_EVERY 200000u
#define SCAN_ITEMS 60000u
#define DRIFT_EVERY 30u
#define DRIFT_RANKS 1000u
#define VALUE_BYTES_MAX 60000u /* the longest tails are cut here */

typedef struct recipe {
    const char *name;
    double zipf;
    double once;          /* share of requests that go to an item never asked for again */
    uint32_t key_bytes;   /* 0: the ETC model */
    uint32_t value_bytes; /* mean */
    double spread;        /* sigma of log-normal sizes, 0: all alike */
    bool scan, drift, ttl;
    double requests_per_ms;
    uint32_t population_percent; /* large items are fewer, so that a run fits any machine */
} recipe;

/* The share of requests that are one-time follows from the published share of items and the mean
 * frequency: once = one-hit-wonder ratio / mean frequency. */
static const recipe recipes[TRACE_KINDS] = {
    {"zipf0.9", 0.9, 0, 16, 32, 0, false, false, false, 10, 100},
    {"zipf1.0", 1.0, 0, 16, 32, 0, false, false, false, 10, 100},
    {"zipf1.1", 1.1, 0, 16, 32, 0, false, false, false, 10, 100},
    {"scan", 1.0, 0, 16, 32, 0, true, false, false, 10, 100},
    {"drift", 1.0, 0, 16, 32, 0, false, true, false, 10, 100},
    {"etc", 1.0, 0, 0, 0, 0, false, false, false, 10, 100},
    {"tw14", 1.2959, .1094 / 35.4, 96, 414, 1.0, false, false, false, 5.81, 50},
    {"tw25", 0.9929, .0322 / 662.7, 49, 28, 0.5, false, false, false, 18.97, 100},
    {"tw29", 1.2323, .2304 / 22.5, 36, 799, 1.0, false, false, false, 10.73, 50},
    {"tw4", 1.1004, .2933 / 26.5, 67, 2439, 1.0, false, false, true, 5.26, 20},
};

static double random_unit(uint64_t *state)
{
    return ((double)(bench_random(state) >> 11) + 0.5) / 9007199254740992.0; /* in (0, 1) */
}

static double random_normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(random_unit(state)));
    return radius * cos(2 * 3.14159265358979323846 * random_unit(state));
}

static uint32_t bytes_between(double bytes, uint32_t least, uint32_t most)
{
    return bytes < least ? least : bytes > most ? most : (uint32_t)bytes;
}

static uint32_t etc_key_bytes(uint64_t *state)
{
    const double mu = 30.7984, sigma = 8.20449, k = 0.078688;
    return bytes_between(mu + sigma / k * (pow(-log(random_unit(state)), -k) - 1), 9, 250);
}

static uint32_t etc_value_bytes(uint64_t *state)
{
    static const double shares[15] = {.00536, .00047, .17820, .09239, .00018,
                                      .02740, .00065, .00606, .00023, .00837,
                                      .00837, .08989, .00092, .00326, .01980};
    const double sigma = 214.476, k = 0.348238;
    double u = random_unit(state);
    for (uint32_t bytes = 0; bytes < 15; bytes++) {
        if (u < shares[bytes]) return bytes;
        u -= shares[bytes];
    }
    return bytes_between(15 + sigma / k * (pow(random_unit(state), -k) - 1), 15, VALUE_BYTES_MAX);
}

/* Shares of the times to live of cluster 4. */
static uint32_t cluster4_ttl_ms(uint64_t *state)
{
    static const struct {
        double share;
        uint32_t ttl_ms;
    } ttls[] = {{.39, 60000}, {.24, 300000}, {.13, 3600000}, {.12, 600000}, {.09, 14400000}};
    double u = random_unit(state);
    for (size_t i = 0; i < sizeof ttls / sizeof ttls[0]; i++) {
        if (u < ttls[i].share) return ttls[i].ttl_ms;
        u -= ttls[i].share;
    }
    return 86400000;
}

static void items_draw(trace *t, const recipe *r, uint64_t *state)
{
    double mean = log(r->value_bytes ? r->value_bytes : 1) - r->spread * r->spread / 2;
    for (uint32_t i = 0; i < t->items.count; i++) {
        t->key_bytes[i] = r->key_bytes ? r->key_bytes : etc_key_bytes(state);
        if (r->key_bytes == 0)
            t->value_bytes[i] = etc_value_bytes(state);
        else if (r->spread == 0)
            t->value_bytes[i] = r->value_bytes;
        else
            t->value_bytes[i] =
                bytes_between(exp(mean + r->spread * random_normal(state)), 1, VALUE_BYTES_MAX);
        t->ttl_ms[i] = r->ttl ? cluster4_ttl_ms(state) : 0;
    }
}

static void requests_draw(trace *t, const recipe *r, uint32_t population, uint64_t *state)
{
    double *cumulative = bench_alloc(population, sizeof *cumulative);
    uint32_t *at_rank = bench_alloc(population, sizeof *at_rank);
    double sum = 0;
    for (uint32_t i = 0; i < population; i++) {
        cumulative[i] = sum += pow(i + 1.0, -r->zipf);
        uint32_t j = (uint32_t)bench_random_below(state, i + 1);
        at_rank[i] = at_rank[j];
        at_rank[j] = i;
    }
    uint32_t once = population, scan_left = 0;
    for (size_t n = 0; n < t->count; n++) {
        if (r->scan && n > 0 && n % SCAN_EVERY == 0) scan_left = SCAN_ITEMS;
        if (scan_left > 0 || (r->once > 0 && random_unit(state) < r->once)) {
            scan_left -= scan_left > 0;
            t->requests[n] = once++;
            if (once == t->items.count) once = population;
            continue;
        }
        if (r->drift && n % DRIFT_EVERY == 0) {
            uint64_t a = bench_random_below(state, population);
            uint64_t b = bench_random_below(state, DRIFT_RANKS);
            uint32_t item = at_rank[a];
            at_rank[a] = at_rank[b];
            at_rank[b] = item;
        }
        double u = random_unit(state) * sum;
        uint32_t low = 0, high = population - 1;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (cumulative[middle] < u)
                low = middle + 1;
            else
                high = middle;
        }
        t->requests[n] = at_rank[low];
    }
    free(cumulative);
    free(at_rank);
}

void trace_init(trace *trace_out, unsigned kind, uint32_t population, size_t requests,
                uint64_t seed)
{
    assert(kind < TRACE_KINDS);
    const recipe *r = &recipes[kind];
    population = (uint32_t)((uint64_t)population * r->population_percent / 100);
    assert(population > DRIFT_RANKS);
    uint64_t state = seed * TRACE_KINDS + kind;
    double once = r->scan ? (double)SCAN_ITEMS / SCAN_EVERY : r->once * 1.1;
    uint32_t count = population + (uint32_t)(once * (double)requests) + 1;
    trace *t = trace_out;
    *t = (trace){.name = r->name, .count = requests, .requests_per_ms = r->requests_per_ms};
    t->requests = bench_alloc(requests, sizeof *t->requests);
    t->key_bytes = bench_alloc(count, sizeof *t->key_bytes);
    t->value_bytes = bench_alloc(count, sizeof *t->value_bytes);
    t->ttl_ms = bench_alloc(count, sizeof *t->ttl_ms);
    t->items = (catalogue){count, t->key_bytes, t->value_bytes, t->ttl_ms, population};
    items_draw(t, r, &state);
    requests_draw(t, r, population, &state);
}

void trace_fini(trace *t)
{
    free(t->requests);
    free(t->key_bytes);
    free(t->value_bytes);
    free(t->ttl_ms);
}

uint64_t trace_footprint_bytes(const trace *t)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < t->items.popular; i++)
        bytes += t->key_bytes[i] + t->value_bytes[i] + TRACE_OVERHEAD_BYTES;
    return bytes;
}

const char *trace_name(unsigned kind)
{
    assert(kind < TRACE_KINDS);
    return recipes[kind].name;
}
