/*
 * test_load.c - several tasks bring back what one would, whatever the order they run in.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"
#include "support/test_clock.h"
#include "support/test_host.h"
#include "support/test_random.h"

#include <hypercache/persistence.h>

#define KEYS 3000u
#define STEPS 30000u
#define BIG_BYTES 3000000u /* longer than a range of blocks of a snapshot */

typedef enum task_order { ORDER_UP, ORDER_DOWN, ORDER_THREADS } task_order;

typedef struct bench {
    test_clock clock;
    test_random random;
    char directory[40];
    hc_host host;
    hc_persistence *p;
    hc_store *store;
    task_order order;
    uint32_t forks;
    uint8_t *big;
} bench;

typedef struct task_run {
    void (*task)(void *ctx, uint32_t index);
    void *ctx;
    uint32_t index;
} task_run;

static void *task_thread(void *of)
{
    const task_run *r = of;
    r->task(r->ctx, r->index);
    return NULL;
}

static void on_parallel(void *ctx, uint32_t count, void (*task)(void *ctx, uint32_t index),
                        void *task_ctx)
{
    bench *b = ctx;
    pthread_t threads[HC_PERSISTENCE_THREADS_MAX];
    task_run runs[HC_PERSISTENCE_THREADS_MAX];
    b->forks++;
    for (uint32_t i = 0; i < count; i++) {
        runs[i] = (task_run){task, task_ctx, b->order == ORDER_DOWN ? count - 1 - i : i};
        if (b->order != ORDER_THREADS) {
            task(task_ctx, runs[i].index);
        } else {
            assert_int_equal(pthread_create(&threads[i], NULL, task_thread, &runs[i]), 0);
        }
    }
    for (uint32_t i = 0; i < count && b->order == ORDER_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

static hc_status on_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    (void)info;
    *store_out = ((bench *)ctx)->store;
    return HC_OK;
}

static void bench_open(bench *b, uint32_t threads, task_order order)
{
    const hc_persistence_hooks hooks = {.size = sizeof hooks, .ctx = b, .parallel = on_parallel};
    const hc_persistence_options options = {.size = sizeof options,
                                            .directory = b->directory,
                                            .hooks = &hooks,
                                            .sync = HC_SYNC_NO,
                                            .segment_bytes = 1u << 20,
                                            .reserve_bytes = UINT64_MAX,
                                            .low_disk_bytes = 1,
                                            .threads = threads};
    const hc_recovery recovery = {.size = sizeof recovery, .ctx = b, .open = on_open};
    const hc_store_options store_options = {.size = sizeof store_options, .shards = 8};
    uint32_t id;
    b->order = order;
    b->forks = 0;
    assert_int_equal(hc_store_create(&b->host, &store_options, &b->store), HC_OK);
    assert_int_equal(hc_persistence_open(&b->host, &options, &b->p), HC_OK);
    assert_int_equal(hc_persistence_recover(b->p, &recovery), HC_OK);
    if (hc_persistence_find(b->p, span("main"), &id) == HC_OK) return;
    const hc_persisted_store info = {.name = HC_SPAN("main")};
    assert_int_equal(hc_persistence_add(b->p, &info, b->store, &id), HC_OK);
}

static void bench_close(bench *b)
{
    assert_int_equal(hc_persistence_close(b->p), HC_OK);
    hc_store_destroy(b->store);
}

/* ---- what is in a store, in a number ---- */

static uint64_t bytes_sum(uint64_t sum, hc_span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        sum = (sum ^ bytes.data[i]) * UINT64_C(1099511628211);
    return sum;
}

static void item_sum(void *ctx, const hc_item *item)
{
    uint64_t sum = bytes_sum(UINT64_C(14695981039346656037), item->key);
    *(uint64_t *)ctx += bytes_sum(sum * 31 + (uint64_t)item->expires_at_ms, item->value);
}

static uint64_t store_sum(hc_store *store)
{
    uint64_t sum = 0, cursor = 0;
    do {
        hc_store_scan(store, &cursor, 100, item_sum, &sum);
    } while (cursor != 0);
    return sum;
}

/* ---- changes of all kinds ---- */

static void step(bench *b, uint32_t number)
{
    char key[24], value[48];
    uint32_t dice = (uint32_t)test_random_below(&b->random, 100);
    (void)snprintf(key, sizeof key, "key:%u", (uint32_t)test_random_below(&b->random, KEYS));
    (void)snprintf(value, sizeof value, "value %u of %s", number, key);
    hc_set_options options = {.size = sizeof options};
    if (dice < 60) {
        assert_int_equal(hc_store_set(b->store, span(key), span(value), NULL), HC_OK);
    } else if (dice < 70) {
        (void)hc_store_delete(b->store, span(key));
    } else if (dice < 80) {
        assert_int_equal(hc_store_append(b->store, span(key), span("+"), NULL), HC_OK);
    } else if (dice < 85) {
        (void)hc_store_expire(b->store, span(key), b->clock.wall_ms + 10000000 + number);
    } else {
        options.expires_at_ms = b->clock.wall_ms + 20000000 + number;
        assert_int_equal(hc_store_set(b->store, span(key), span(value), &options), HC_OK);
    }
    if (number == STEPS / 2) hc_store_flush(b->store);
    if (number % 5000 == 4999) {
        (void)snprintf(key, sizeof key, "big:%u", number % 3);
        size_t bytes = 1 + (size_t)test_random_below(&b->random, BIG_BYTES);
        assert_int_equal(hc_store_set(b->store, span(key), hc_span_make(b->big, bytes), NULL),
                         HC_OK);
    }
}

static void bench_init(bench *b)
{
    *b = (bench){.directory = "/tmp/hypercache-test-XXXXXX"};
    assert_non_null(mkdtemp(b->directory));
    test_clock_init(&b->clock);
    test_random_init(&b->random, 11);
    b->host =
        (hc_host){.size = sizeof b->host, .clock = &b->clock.table, .random = &b->random.table};
    b->big = malloc(BIG_BYTES);
    for (uint32_t i = 0; i < BIG_BYTES; i++)
        b->big[i] = (uint8_t)(i * i >> 9);
}

static void bench_fini(bench *b)
{
    free(b->big);
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", b->directory);
    assert_int_equal(system(command), 0);
}

/* Recovers with each number of tasks in each order, and finds the same. */
static void all_ways_expect(bench *b, uint64_t sum, uint64_t count)
{
    static const uint32_t threads[] = {1, 2, 3, 8};
    for (uint32_t i = 0; i < 4; i++) {
        for (task_order order = ORDER_UP; order <= ORDER_THREADS; order++) {
            if (order == ORDER_THREADS && i == 0) continue;
            bench_open(b, threads[i], order);
            assert_int_equal(hc_store_count(b->store), count);
            assert_true(store_sum(b->store) == sum);
            assert_int_equal(b->forks > 0, threads[i] > 1);
            bench_close(b);
        }
    }
}

static void test_tasks_bring_a_log_and_a_snapshot_back_in_any_order(void **state)
{
    (void)state;
    bench b;
    bench_init(&b);
    bench_open(&b, 1, ORDER_UP);
    for (uint32_t i = 0; i < STEPS; i++)
        step(&b, i);
    uint64_t sum = store_sum(b.store), count = hc_store_count(b.store);
    assert_in_range(count, KEYS / 2, KEYS + 3);
    bench_close(&b);
    all_ways_expect(&b, sum, count);
    bench_open(&b, 3, ORDER_DOWN); /* a snapshot in three parts */
    assert_int_equal(hc_persistence_snapshot(b.p), HC_OK);
    bench_close(&b);
    all_ways_expect(&b, sum, count);
    bench_fini(&b);
}

static void *snapshot_thread(void *of)
{
    const bench *b = of;
    while (hc_persistence_snapshot_step(b->p) != HC_PERSISTENCE_NEVER) {
    }
    return NULL;
}

static void test_threads_write_the_parts_of_a_snapshot_while_keys_change(void **state)
{
    (void)state;
    bench b;
    bench_init(&b);
    bench_open(&b, 3, ORDER_UP);
    for (uint32_t i = 0; i < STEPS / 2; i++)
        step(&b, i);
    for (uint32_t round = 0; round < 3; round++) {
        pthread_t threads[3];
        assert_int_equal(hc_persistence_snapshot_begin(b.p), HC_OK);
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, snapshot_thread, &b), 0);
        for (uint32_t i = 0; i < STEPS / 10; i++)
            step(&b, STEPS + i);
        for (uint32_t i = 0; i < 3; i++)
            (void)pthread_join(threads[i], NULL);
    }
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_persistence_stats_get(b.p, &stats);
    assert_int_equal(stats.snapshots, 3);
    assert_int_equal(stats.snapshots_failed, 0);
    uint64_t sum = store_sum(b.store), count = hc_store_count(b.store);
    bench_close(&b);
    all_ways_expect(&b, sum, count);
    hc_persistence_check check = {.size = sizeof check};
    assert_int_equal(hc_persistence_verify(&b.host, b.directory, NULL, &check), HC_OK);
    bench_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_bring_a_log_and_a_snapshot_back_in_any_order),
        cmocka_unit_test(test_threads_write_the_parts_of_a_snapshot_while_keys_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
