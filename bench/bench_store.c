/*
 * bench_store.c - nanoseconds per operation of the store, beside other people's maps.
 *
 * A turn is a process: it fills every engine with the same keys in the same order, then walks
 * through the operations and, for each operation, through the engines, so that a noisy moment hits
 * neighbours alike and every turn starts from a fresh heap.  The table shows the best of the turns,
 * the median behind it, and the ratio to the first peer (of the medians).
 *
 *   insert     set of an absent key, from empty to full
 *   hit, miss  get of one key, chosen uniformly; a hit copies the 32-byte value out
 *   overwrite  set of a present key, value of the same size
 *   resize     set of a present key, value of 24..40 bytes
 *   many N     one call for N keys, per key
 *   ahead N    prefetch of N keys, then N gets, per key
 *
 * Times are CPU times of the one thread, page faults included: what other programs on the machine
 * take is not in them, except for what they do to the caches.
 *
 * Keys are laid out in the order of their use before the clock starts.  The indirect call through
 * engine.h costs every engine the same.
 *
 * Usage: bench_store [--keys=1000000,5000000] [--turns=5] [--samples=1000000] [--engine=name]
 *                    [--operations=hit,"many 16",...] [--quick]
 * bench_instructions.py counts instructions in the functions run_*, which are kept apart for that.
 */
#include <hypercache/hypercache.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "measure.h"

#define ENGINES_MAX 8u
#define APART __attribute__((noinline))

/* ---- the store behind engine.h ---- */

static void *store_create(void)
{
    hc_store *store = NULL;
    if (hc_store_create(NULL, NULL, &store) != HC_OK) bench_die("cannot create a store");
    return store;
}

static void store_destroy(void *map)
{
    hc_store_destroy(map);
}

static void store_set(void *map, const uint8_t *key, size_t key_bytes, const uint8_t *value,
                      size_t value_bytes)
{
    if (hc_store_set(map, hc_span_make(key, key_bytes), hc_span_make(value, value_bytes), NULL) !=
        HC_OK)
        bench_die("set failed");
}

static bool store_get(void *map, const uint8_t *key, size_t key_bytes, uint8_t *value)
{
    return hc_store_get(map, hc_span_make(key, key_bytes), value, 64, NULL) == HC_OK;
}

static size_t store_get_many(void *map, const uint8_t *keys, size_t key_bytes, size_t count,
                             uint8_t *values, size_t stride)
{
    hc_get gets[ENGINE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        gets[i].key = hc_span_make(keys + i * key_bytes, key_bytes);
        gets[i].buffer = values + i * stride;
        gets[i].buffer_bytes = stride;
    }
    hc_store_get_many(map, gets, count);
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += gets[i].status == HC_OK;
    return found;
}

static size_t store_get_ahead(void *map, const uint8_t *keys, size_t key_bytes, size_t count,
                              uint8_t *values, size_t stride)
{
    static hc_span spans[ENGINE_BATCH_MAX]; /* one thread; not cleared for each batch */
    for (size_t i = 0; i < count; i++)
        spans[i] = hc_span_make(keys + i * key_bytes, key_bytes);
    hc_store_prefetch(map, spans, count);
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += hc_store_get(map, spans[i], values + i * stride, stride, NULL) == HC_OK;
    return found;
}

static const bench_engine store_engine = {"hypercache", store_create,   store_destroy,  store_set,
                                          store_get,    store_get_many, store_get_ahead};

/* ---- the operations ---- */

typedef struct bench_workload {
    uint64_t keys, samples;
    uint8_t *all;     /* every key, in the order of insertion */
    uint8_t *present; /* `samples` keys that are in the map */
    uint8_t *absent;  /* `samples` keys that are not */
} bench_workload;

typedef struct bench_operation {
    const char *name;
    enum { INSERT, HIT, MISS, OVERWRITE, RESIZE, MANY, AHEAD } kind;
    size_t batch;
} bench_operation;

static const bench_operation operations[] = {
    {"insert", INSERT, 1},       {"hit", HIT, 1},         {"miss", MISS, 1},
    {"overwrite", OVERWRITE, 1}, {"resize", RESIZE, 1},   {"many 8", MANY, 8},
    {"many 16", MANY, 16},       {"many 32", MANY, 32},   {"ahead 8", AHEAD, 8},
    {"ahead 16", AHEAD, 16},     {"ahead 32", AHEAD, 32},
};
#define OPERATIONS (sizeof operations / sizeof *operations)

static const uint8_t value_bytes[64] = "a value of thirty-two bytes here, and a tail to cut from";

static APART void run_insert(const bench_engine *engine, void *map, const bench_workload *work)
{
    for (uint64_t i = 0; i < work->keys; i++)
        engine->set(map, work->all + i * BENCH_KEY_BYTES, BENCH_KEY_BYTES, value_bytes,
                    BENCH_VALUE_BYTES);
}

static APART uint64_t run_get(const bench_engine *engine, void *map, const uint8_t *keys,
                              uint64_t count)
{
    uint8_t value[64];
    uint64_t found = 0;
    for (uint64_t i = 0; i < count; i++)
        found += engine->get(map, keys + i * BENCH_KEY_BYTES, BENCH_KEY_BYTES, value);
    return found;
}

static APART void run_overwrite(const bench_engine *engine, void *map, const bench_workload *work)
{
    for (uint64_t i = 0; i < work->samples; i++)
        engine->set(map, work->present + i * BENCH_KEY_BYTES, BENCH_KEY_BYTES, value_bytes + 8,
                    BENCH_VALUE_BYTES);
}

static APART void run_resize(const bench_engine *engine, void *map, const bench_workload *work)
{
    for (uint64_t i = 0; i < work->samples; i++)
        engine->set(map, work->present + i * BENCH_KEY_BYTES, BENCH_KEY_BYTES, value_bytes,
                    24 + (i * 7) % 17);
}

static APART uint64_t run_batch(engine_get_many get, void *map, const bench_workload *work,
                                size_t batch)
{
    uint8_t values[ENGINE_BATCH_MAX * 64];
    uint64_t found = 0;
    for (uint64_t i = 0; i + batch <= work->samples; i += batch)
        found += get(map, work->present + i * BENCH_KEY_BYTES, BENCH_KEY_BYTES, batch, values, 64);
    return found;
}

/* Nanoseconds per key, or 0 for what the engine cannot do. */
static double operation_run(const bench_operation *op, const bench_engine *engine, void *map,
                            const bench_workload *work)
{
    uint64_t done = work->samples, found = 0, wanted = 0, began_ns = bench_own_ns();
    engine_get_many many = op->kind == MANY ? engine->get_many : engine->get_ahead;
    switch (op->kind) {
    case INSERT:
        run_insert(engine, map, work);
        done = work->keys;
        break;
    case HIT:
        wanted = work->samples;
        found = run_get(engine, map, work->present, work->samples);
        break;
    case MISS:
        found = run_get(engine, map, work->absent, work->samples);
        break;
    case OVERWRITE:
        run_overwrite(engine, map, work);
        break;
    case RESIZE:
        run_resize(engine, map, work);
        break;
    case MANY:
    case AHEAD:
        if (many == NULL) return 0;
        wanted = done = work->samples / op->batch * op->batch;
        found = run_batch(many, map, work, op->batch);
        break;
    }
    if (found != wanted) bench_die("an engine lost or invented a key");
    return (double)(bench_own_ns() - began_ns) / (double)done;
}

/* ---- turns ---- */

typedef struct bench_setup {
    const bench_engine *engines[ENGINES_MAX];
    size_t engine_count, turns;
    const char *wanted; /* names of operations; insert is always run */
    bench_workload work;
    double (*ns)[OPERATIONS][BENCH_TURNS_MAX]; /* [engine][operation][turn], shared with turns */
} bench_setup;

static bool operation_wanted(const bench_setup *setup, const bench_operation *op)
{
    return op->kind == INSERT || strstr(setup->wanted, op->name) != NULL;
}

static void workload_init(bench_workload *work, uint64_t keys, uint64_t samples)
{
    uint64_t random = keys;
    work->keys = keys;
    work->samples = samples;
    work->all = bench_alloc(keys, BENCH_KEY_BYTES);
    work->present = bench_alloc(samples, BENCH_KEY_BYTES);
    work->absent = bench_alloc(samples, BENCH_KEY_BYTES);
    for (uint64_t i = 0; i < keys; i++)
        bench_key(work->all + i * BENCH_KEY_BYTES, i);
    for (uint64_t i = 0; i < samples; i++) {
        uint64_t index = bench_random_below(&random, keys);
        bench_key(work->present + i * BENCH_KEY_BYTES, index);
        bench_key(work->absent + i * BENCH_KEY_BYTES, keys + index);
    }
}

static void workload_fini(bench_workload *work)
{
    free(work->all);
    free(work->present);
    free(work->absent);
}

static void turn_run(const bench_setup *setup, size_t turn)
{
    void *maps[ENGINES_MAX];
    size_t first = turn % setup->engine_count; /* another engine begins each turn */
    for (size_t n = 0; n < setup->engine_count; n++) {
        size_t e = (first + n) % setup->engine_count;
        maps[e] = setup->engines[e]->create();
    }
    for (size_t op = 0; op < OPERATIONS; op++) {
        if (!operation_wanted(setup, &operations[op])) continue;
        for (size_t n = 0; n < setup->engine_count; n++) {
            size_t e = (first + n) % setup->engine_count;
            setup->ns[e][op][turn] =
                operation_run(&operations[op], setup->engines[e], maps[e], &setup->work);
        }
    }
    for (size_t e = 0; e < setup->engine_count; e++)
        setup->engines[e]->destroy(maps[e]);
}

static void turns_run(const bench_setup *setup)
{
    for (size_t turn = 0; turn < setup->turns; turn++) {
        pid_t child = fork();
        if (child < 0) bench_die("cannot fork");
        if (child == 0) {
            turn_run(setup, turn);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (status != 0) bench_die("a turn failed");
    }
}

static void table_print(const bench_setup *setup)
{
    printf("| ns per key |");
    for (size_t e = 0; e < setup->engine_count; e++)
        printf(" %s |%s", setup->engines[e]->name, e == 1 ? " ratio |" : "");
    printf("\n|---|");
    for (size_t e = 0; e < setup->engine_count + (setup->engine_count > 1); e++)
        printf("---|");
    printf("\n");
    for (size_t op = 0; op < OPERATIONS; op++) {
        if (!operation_wanted(setup, &operations[op])) continue;
        double ours = bench_median(setup->ns[0][op], setup->turns);
        printf("| %s |", operations[op].name);
        for (size_t e = 0; e < setup->engine_count; e++) {
            double median = bench_median(setup->ns[e][op], setup->turns);
            double best = bench_min(setup->ns[e][op], setup->turns);
            if (median == 0)
                printf(" - |");
            else
                printf(" %.0f (%.0f) |", best, median);
            if (e != 1) continue;
            /* what has no batch is compared with its single hit */
            double base = median != 0 ? median : bench_median(setup->ns[e][1], setup->turns);
            printf(" %.2f |", ours / base);
        }
        printf("\n");
    }
    fflush(stdout);
}

static void engines_choose(bench_setup *setup, const char *only)
{
    setup->engines[setup->engine_count++] = &store_engine;
    for (size_t i = 0; engine_peers[i] != NULL; i++)
        setup->engines[setup->engine_count++] = engine_peers[i];
    for (size_t i = 0; only != NULL && i < setup->engine_count; i++) {
        if (strcmp(setup->engines[i]->name, only) != 0) continue;
        setup->engines[0] = setup->engines[i];
        setup->engine_count = 1;
        return;
    }
    if (only != NULL) bench_die("no engine of that name");
}

int main(int argc, char **argv)
{
    bool quick = bench_option_set(argc, argv, "--quick");
    const char *sizes = bench_option(argc, argv, "--keys", quick ? "1000000" : "1000000,5000000");
    uint64_t samples = bench_option_number(argc, argv, "--samples", 1000000);
    bench_setup setup = {.turns = bench_option_number(argc, argv, "--turns", quick ? 3 : 5)};
    if (setup.turns == 0 || setup.turns > BENCH_TURNS_MAX) bench_die("--turns is 1..64");
    setup.wanted = bench_option(argc, argv, "--operations",
                                "hit,miss,overwrite,resize,many 8,many 16,many 32,"
                                "ahead 8,ahead 16,ahead 32");
    engines_choose(&setup, bench_option(argc, argv, "--engine", NULL));
    setup.ns = mmap(NULL, setup.engine_count * sizeof *setup.ns, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (setup.ns == MAP_FAILED) bench_die("out of memory");
    while (*sizes != '\0') {
        char *end;
        uint64_t keys = strtoull(sizes, &end, 10);
        if (keys == 0) bench_die("--keys takes numbers with commas between");
        workload_init(&setup.work, keys, samples);
        double load = bench_load_average();
        turns_run(&setup);
        printf("\n%" PRIu64 " keys, %zu turns: best (median); load average before %.2f\n\n", keys,
               setup.turns, load);
        table_print(&setup);
        workload_fini(&setup.work);
        sizes = *end == ',' ? end + 1 : end;
    }
    return 0;
}
