/*
 * measure.h - what every benchmark measures with: time, resident memory, keys, distributions,
 * latencies, and the noise of the machine.
 *
 * Rules that all programs here keep:
 *   - whatever is compared is measured in one run, in turns, several times; a table shows the best
 *     and the median of the turns, and ratios are taken between numbers of the same turn;
 *   - keys and operations are laid out before the clock starts;
 *   - memory is what the kernel says is resident, not what a program counted.
 *
 * Everything is `static inline`, so that each program stays one file.  A benchmark that cannot go
 * on ends itself (bench_die): it is a program, not a library.
 */
#ifndef HYPERCACHE_BENCH_MEASURE_H
#define HYPERCACHE_BENCH_MEASURE_H

#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_KEY_BYTES 16u
#define BENCH_VALUE_BYTES 32u
#define BENCH_PAYLOAD_BYTES (BENCH_KEY_BYTES + BENCH_VALUE_BYTES)

static inline void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static inline void *bench_alloc(size_t count, size_t bytes)
{
    void *block = calloc(count, bytes);
    if (block == NULL) bench_die("out of memory");
    return block;
}

/* ---- time ---- */

static inline uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- memory ---- */

/* Resident bytes of this process, exact (smaps_rollup walks the page tables). */
static inline uint64_t bench_rss_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (file == NULL) bench_die("cannot read /proc/self/smaps_rollup");
    char line[256];
    uint64_t kib = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Rss: %" SCNu64, &kib) == 1) break;
    }
    fclose(file);
    return kib * 1024u;
}

/* Resident bytes from a cheaper counter, off by a few dozen pages a thread: for sampling. */
static inline uint64_t bench_rss_bytes_quick(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) bench_die("cannot read /proc/self/statm");
    uint64_t pages = 0;
    if (fscanf(file, "%*u %" SCNu64, &pages) != 1) bench_die("/proc/self/statm is odd");
    fclose(file);
    return pages * 4096u;
}

/* ---- noise ---- */

static inline double bench_load_average(void)
{
    double load = 0;
    FILE *file = fopen("/proc/loadavg", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%lf", &load) != 1) load = 0;
    fclose(file);
    return load;
}

/* Nanoseconds that this machine's CPUs were busy since it started, all programs together. */
static inline uint64_t bench_machine_busy_ns(void)
{
    uint64_t user = 0, nice = 0, sys = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64, &user, &nice, &sys) != 3) user = 0;
    fclose(file);
    return (user + nice + sys) * 10000000u;
}

/* CPU time the rest of the machine took during a run, in cores: 0 is a quiet machine. */
typedef struct bench_noise {
    uint64_t began_ns, busy_ns, own_ns;
} bench_noise;

static inline uint64_t bench_own_ns(void)
{
    struct timespec own;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    return (uint64_t)own.tv_sec * 1000000000u + (uint64_t)own.tv_nsec;
}

static inline bench_noise bench_noise_begin(void)
{
    return (bench_noise){bench_now_ns(), bench_machine_busy_ns(), bench_own_ns()};
}

static inline double bench_noise_cores(const bench_noise *begin)
{
    double wall = (double)(bench_now_ns() - begin->began_ns);
    double busy = (double)(bench_machine_busy_ns() - begin->busy_ns);
    double own = (double)(bench_own_ns() - begin->own_ns);
    return wall > 0 && busy > own ? (busy - own) / wall : 0;
}

static inline void bench_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) bench_die("cannot pin to a CPU");
}

/* ---- keys and values ---- */

/* "key:000000001234" from 1234: 16 bytes, no NUL; `index` below 10^12. */
static inline void bench_key(uint8_t key[BENCH_KEY_BYTES], uint64_t index)
{
    memcpy(key, "key:", 4);
    for (size_t i = BENCH_KEY_BYTES - 1; i >= 4; i--) {
        key[i] = (uint8_t)('0' + index % 10);
        index /= 10;
    }
}

/* ---- random numbers ---- */

/* splitmix64 (Steele, Lea, Flood 2014): good enough to choose keys, and the same everywhere. */
static inline uint64_t bench_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t bench_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return bench_mix(*state);
}

/* 0..bound-1, uneven by less than bound / 2^32. */
static inline uint64_t bench_random_below(uint64_t *state, uint64_t bound)
{
    return (bench_random(state) >> 32) * bound >> 32;
}

/* Zipf as YCSB draws it (Gray et al. 1994), theta < 1; rank 0 is the most frequent. */
typedef struct bench_zipf {
    double theta, zeta_n, zeta_2, alpha, eta;
    uint64_t count;
} bench_zipf;

static inline void bench_zipf_init(bench_zipf *zipf, uint64_t count, double theta)
{
    double sum = 0;
    for (uint64_t i = 1; i <= count; i++)
        sum += pow((double)i, -theta);
    zipf->theta = theta;
    zipf->count = count;
    zipf->zeta_n = sum;
    zipf->zeta_2 = 1 + pow(2, -theta);
    zipf->alpha = 1 / (1 - theta);
    zipf->eta = (1 - pow(2.0 / (double)count, 1 - theta)) / (1 - zipf->zeta_2 / sum);
}

static inline uint64_t bench_zipf_rank(const bench_zipf *zipf, uint64_t *state)
{
    double u = (double)(bench_random(state) >> 11) * 0x1p-53;
    double scaled = u * zipf->zeta_n;
    if (scaled < 1) return 0;
    if (scaled < zipf->zeta_2) return 1;
    double rank = (double)zipf->count * pow(zipf->eta * u - zipf->eta + 1, zipf->alpha);
    return rank < (double)zipf->count ? (uint64_t)rank : zipf->count - 1;
}

/* ---- several turns of one measurement ---- */

#define BENCH_TURNS_MAX 64u

static inline int bench_compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(const double *values, size_t count)
{
    double sorted[BENCH_TURNS_MAX];
    if (count == 0 || count > BENCH_TURNS_MAX) bench_die("turns out of range");
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, bench_compare_doubles);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static inline double bench_min(const double *values, size_t count)
{
    double least = values[0];
    for (size_t i = 1; i < count; i++)
        least = values[i] < least ? values[i] : least;
    return least;
}

static inline double bench_max(const double *values, size_t count)
{
    double most = values[0];
    for (size_t i = 1; i < count; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

/* ---- latencies ---- */

/* A histogram of 32 steps an octave: a percentile is right to 3 %. */
#define BENCH_LATENCY_STEPS 32u
typedef struct bench_latency {
    uint64_t counts[64 * BENCH_LATENCY_STEPS];
    uint64_t total, max_ns;
} bench_latency;

static inline void bench_latency_add(bench_latency *latency, uint64_t ns)
{
    size_t slot = (size_t)ns;
    if (ns >= BENCH_LATENCY_STEPS) {
        unsigned octave = 63u - (unsigned)__builtin_clzll(ns); /* >= 5 */
        slot = (octave - 4u) * BENCH_LATENCY_STEPS +
               (size_t)((ns >> (octave - 5u)) & (BENCH_LATENCY_STEPS - 1));
    }
    latency->counts[slot]++;
    latency->total++;
    if (ns > latency->max_ns) latency->max_ns = ns;
}

/* The upper edge of the step that holds the `share` quantile (0..1). */
static inline uint64_t bench_latency_at(const bench_latency *latency, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)latency->total), seen = 0;
    for (size_t slot = 0; slot < 60 * BENCH_LATENCY_STEPS; slot++) {
        seen += latency->counts[slot];
        if (seen <= wanted) continue;
        if (slot < BENCH_LATENCY_STEPS) return slot;
        size_t octave = slot / BENCH_LATENCY_STEPS + 4, step = slot % BENCH_LATENCY_STEPS;
        uint64_t edge = (BENCH_LATENCY_STEPS + step + 1) << (octave - 5);
        return edge < latency->max_ns ? edge : latency->max_ns;
    }
    return latency->max_ns;
}

/* ---- command line ---- */

/* The value of "--name=value", or `otherwise`. */
static inline const char *bench_option(int argc, char **argv, const char *name,
                                       const char *otherwise)
{
    size_t length = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    }
    return otherwise;
}

static inline uint64_t bench_option_number(int argc, char **argv, const char *name,
                                           uint64_t otherwise)
{
    const char *text = bench_option(argc, argv, name, NULL);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static inline bool bench_option_set(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) return true;
    }
    return false;
}

#endif
