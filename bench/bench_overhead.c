/*
 * bench_overhead.c - how many bytes a key costs beyond its own bytes.
 *
 *     overhead = (resident bytes now - resident bytes before the store existed - payload) / keys
 *
 * Each row runs in a process of its own: this program starts itself with --row.  Payload is the
 * bytes of keys and values, 16 + 32 for most rows.  Resident bytes include the code and tables of
 * the library that were first touched by the row, as they do for a program that embeds it.
 *
 *   plain      keys without expiry
 *   ttl        each key with its own expiry, one hour off
 *   filter     behind a cuckoo filter of 1 % false positives, planned for these keys
 *   grown      the same filter, planned for no number of keys: it grew with them
 *   turnover   ten times as many overwrites as keys, values of 16..48 bytes, no limit set
 *   limit80/90 the same while the keys take 80 or 90 % of the memory limit: the cleaner at work
 *   shrink     of all keys 90 % are deleted; what stays resident beside a fresh store of the rest
 *
 * Usage: bench_overhead [--keys=1000000,5000000,...] [--rows=plain,ttl,...] [--turns=10] [--quick]
 */
#include <hypercache/hypercache.h>

#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define TTL_MS 3600000
#define SIZE_CHANGING_MIN 16u /* bytes of a value in the overwriting rows */
#define SIZE_CHANGING_MAX 48u
#define KEPT_ONE_IN 10u /* the shrink row deletes the others */
#define MAINTAIN_CALLS_MAX 100000000u

#define FILTER_RATE 0.01
typedef enum overhead_filter { FILTER_NONE = 0, FILTER_PLANNED, FILTER_GROWN } overhead_filter;

typedef struct overhead_row {
    const char *name;
    uint64_t keys;
    uint64_t turns;         /* overwrites per key */
    unsigned limit_percent; /* 0: no limit */
    bool ttl, sizes_change, shrinks;
    int filter; /* an overhead_filter */
} overhead_row;

typedef struct overhead_result {
    uint64_t rss_bytes;     /* growth since before the store existed */
    uint64_t payload_bytes; /* of the keys that are in it */
    uint64_t keys;          /* in the store at the end */
    double fill_ns, overwrite_ns;
    double amplification; /* bytes written / bytes the caller wrote, by overwrites */
    hc_store_stats stats;
} overhead_result;

typedef struct filled_store {
    hc_store *store;
    uint8_t *value_bytes; /* of each key: the size of its value */
    uint64_t payload_bytes;
} filled_store;

static uint8_t size_choose(const overhead_row *row, uint64_t *random)
{
    uint64_t span = SIZE_CHANGING_MAX - SIZE_CHANGING_MIN + 1;
    if (!row->sizes_change) return BENCH_VALUE_BYTES;
    return (uint8_t)(SIZE_CHANGING_MIN + bench_random_below(random, span));
}

static void write_one(filled_store *filling, const overhead_row *row, uint64_t index,
                      uint64_t *random)
{
    uint8_t key[BENCH_KEY_BYTES], value[SIZE_CHANGING_MAX];
    bench_key(key, index);
    for (size_t i = 0; i < sizeof value; i += 8) {
        uint64_t word = bench_random(random);
        memcpy(value + i, &word, 8);
    }
    hc_set_options expiring = {.size = sizeof expiring};
    if (row->ttl) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        expiring.expires_at_ms = (int64_t)now.tv_sec * 1000 + TTL_MS + (int64_t)(index % 60000);
    }
    uint8_t size = size_choose(row, random);
    hc_status status = hc_store_set(filling->store, hc_span_make(key, sizeof key),
                                    hc_span_make(value, size), row->ttl ? &expiring : NULL);
    if (status != HC_OK) bench_die(hc_status_text(status));
    filling->payload_bytes += size;
    filling->payload_bytes -= filling->value_bytes[index];
    filling->value_bytes[index] = size;
}

static hc_store_stats stats_of(hc_store *store)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(store, &stats);
    return stats;
}

static void maintain(hc_store *store)
{
    for (uint64_t calls = 0; hc_store_maintain(store, 0); calls++) {
        if (calls >= MAINTAIN_CALLS_MAX) bench_die("maintain never ends");
    }
}

/* Deletes all but every KEPT_ONE_IN-th key. */
static void shrink(filled_store *filling, const overhead_row *row)
{
    uint8_t key[BENCH_KEY_BYTES];
    for (uint64_t i = 0; i < row->keys; i++) {
        if (i % KEPT_ONE_IN == 0) continue;
        bench_key(key, i);
        hc_status status = hc_store_delete(filling->store, hc_span_make(key, sizeof key));
        if (status != HC_OK) bench_die(hc_status_text(status));
        filling->payload_bytes -= BENCH_KEY_BYTES + filling->value_bytes[i];
    }
}

static void overwrite(filled_store *filling, const overhead_row *row, uint64_t *random,
                      overhead_result *result)
{
    uint64_t limit = stats_of(filling->store).memory_bytes * 100;
    if (row->limit_percent != 0 &&
        hc_store_limit(filling->store, limit / row->limit_percent) != HC_OK)
        bench_die("limit refused");
    hc_store_stats_reset(filling->store);
    uint64_t writes = row->keys * row->turns, written_bytes = 0, began_ns = bench_now_ns();
    for (uint64_t i = 0; i < writes; i++) {
        uint64_t index = bench_random_below(random, row->keys);
        write_one(filling, row, index, random);
        written_bytes += BENCH_KEY_BYTES + filling->value_bytes[index];
    }
    result->overwrite_ns = (double)(bench_now_ns() - began_ns) / (double)writes;
    uint64_t copied_bytes = stats_of(filling->store).cleaned_bytes;
    result->amplification = (double)(written_bytes + copied_bytes) / (double)written_bytes;
}

static void row_run(const overhead_row *row, overhead_result *result)
{
    filled_store filling = {.value_bytes = bench_alloc(row->keys, 1),
                            .payload_bytes = row->keys * BENCH_KEY_BYTES};
    for (uint64_t at = 0; at < row->keys; at += 4096)
        *(volatile uint8_t *)(filling.value_bytes + at) = 0; /* resident before we measure */
    uint64_t random = 42;
    (void)bench_rss_bytes(); /* stdio takes its buffer now */
    uint64_t rss_bytes = bench_rss_bytes();
    hc_store_options options = {.size = sizeof options,
                                .filter_rate = row->filter != FILTER_NONE ? FILTER_RATE : 0,
                                .filter_capacity = row->filter == FILTER_PLANNED ? row->keys : 0};
    if (hc_store_create(NULL, &options, &filling.store) != HC_OK)
        bench_die("cannot create a store");
    uint64_t began_ns = bench_now_ns();
    for (uint64_t i = 0; i < row->keys; i++)
        write_one(&filling, row, i, &random);
    result->fill_ns = (double)(bench_now_ns() - began_ns) / (double)row->keys;
    if (row->turns > 0) overwrite(&filling, row, &random, result);
    if (row->shrinks) {
        shrink(&filling, row);
        maintain(filling.store);
    }
    result->rss_bytes = bench_rss_bytes() - rss_bytes;
    result->payload_bytes = filling.payload_bytes;
    result->stats = stats_of(filling.store);
    result->keys = hc_store_count(filling.store);
    hc_store_destroy(filling.store);
    free(filling.value_bytes);
}

/* ---- a process for each row ---- */

/* Runs `row` in a fresh copy of this program, which writes its result to a pipe. */
static void row_run_apart(const overhead_row *row, overhead_result *result)
{
    int ends[2];
    if (pipe(ends) != 0) bench_die("cannot make a pipe");
    pid_t child = fork();
    if (child < 0) bench_die("cannot fork");
    if (child == 0) {
        char text[160];
        snprintf(text, sizeof text, "--row=%" PRIu64 ",%" PRIu64 ",%u,%d,%d,%d,%d", row->keys,
                 row->turns, row->limit_percent, row->ttl, row->sizes_change, row->shrinks,
                 row->filter);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "bench_overhead", text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], result, sizeof *result);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (got != (ssize_t)sizeof *result || status != 0) bench_die("a row failed");
}

static int row_main(const char *text)
{
    overhead_row row = {0};
    overhead_result result = {0};
    int ttl, sizes_change, shrinks;
    if (sscanf(text, "%" SCNu64 ",%" SCNu64 ",%u,%d,%d,%d,%d", &row.keys, &row.turns,
               &row.limit_percent, &ttl, &sizes_change, &shrinks, &row.filter) != 7)
        bench_die("--row is for this program's own use");
    row.ttl = ttl != 0;
    row.sizes_change = sizes_change != 0;
    row.shrinks = shrinks != 0;
    row_run(&row, &result);
    return write(STDOUT_FILENO, &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1;
}

static double overhead(const overhead_result *result)
{
    return ((double)result->rss_bytes - (double)result->payload_bytes) / (double)result->keys;
}

static void row_print(const overhead_row *row, const overhead_result *result)
{
    const hc_store_stats *stats = &result->stats;
    double keys = (double)result->keys;
    printf("| %-8s | %8" PRIu64 " | %7.1f | %6.2f | %6.2f | %5.2f | %4.0f | ", row->name,
           result->keys, (double)result->rss_bytes / 1048576.0, overhead(result),
           ((double)stats->memory_bytes - (double)result->payload_bytes) / keys,
           (double)stats->index_bytes / keys, result->fill_ns);
    if (row->turns > 0) printf("%4.0f | %4.2f | ", result->overwrite_ns, result->amplification);
    if (row->turns == 0) printf("     |      | ");
    printf("%" PRIu64 " |\n", stats->evicted);
    fflush(stdout);
}

/* Beside a store that never held more than what is left. */
static void shrink_compare(const overhead_row *base, const overhead_result *after)
{
    overhead_row fresh = *base;
    overhead_result beside = {0};
    fresh.shrinks = false;
    fresh.keys = after->keys;
    row_run_apart(&fresh, &beside);
    printf("|          | after the deletes %.1f MiB, a fresh store of the same keys %.1f MiB: "
           "%.2fx |\n",
           (double)after->rss_bytes / 1048576.0, (double)beside.rss_bytes / 1048576.0,
           (double)after->rss_bytes / (double)beside.rss_bytes);
}

static void rows_of_size(uint64_t keys, uint64_t turns, const char *wanted)
{
    const overhead_row rows[] = {
        {.name = "plain", .keys = keys},
        {.name = "ttl", .keys = keys, .ttl = true},
        {.name = "filter", .keys = keys, .filter = FILTER_PLANNED},
        {.name = "grown", .keys = keys, .filter = FILTER_GROWN},
        {.name = "turnover", .keys = keys, .turns = turns, .sizes_change = true},
        {.name = "limit80",
         .keys = keys,
         .turns = turns,
         .sizes_change = true,
         .limit_percent = 80},
        {.name = "limit90",
         .keys = keys,
         .turns = turns,
         .sizes_change = true,
         .limit_percent = 90},
        {.name = "shrink", .keys = keys, .shrinks = true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strstr(wanted, rows[i].name) == NULL) continue;
        overhead_result result = {0};
        row_run_apart(&rows[i], &result);
        row_print(&rows[i], &result);
        if (rows[i].shrinks) shrink_compare(&rows[i], &result);
    }
}

int main(int argc, char **argv)
{
    const char *own_row = bench_option(argc, argv, "--row", NULL);
    if (own_row != NULL) return row_main(own_row);
    bool quick = bench_option_set(argc, argv, "--quick");
    const char *sizes =
        bench_option(argc, argv, "--keys", quick ? "1000000" : "1000000,5000000,10000000");
    const char *wanted = bench_option(argc, argv, "--rows",
                                      "plain,ttl,filter,grown,turnover,limit80,limit90,shrink");
    uint64_t turns = bench_option_number(argc, argv, "--turns", quick ? 3 : 10);
    printf("overhead per key; values of 32 bytes, or 16..48 where they are overwritten; load %.2f\n"
           "| row      |     keys | RSS MiB | B/key  | stats  | index | set  | over | ampl | "
           "evicted |\n"
           "|----------|----------|---------|--------|--------|-------|------|------|------|-------"
           "--|\n",
           bench_load_average());
    fflush(stdout);
    while (*sizes != '\0') {
        char *end;
        uint64_t keys = strtoull(sizes, &end, 10);
        if (keys == 0) bench_die("--keys takes numbers with commas between");
        rows_of_size(keys, turns, wanted);
        sizes = *end == ',' ? end + 1 : end;
    }
    return 0;
}
