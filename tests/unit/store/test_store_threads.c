/*
 * test_store_threads.c - readers without locks beside writers, cleaner, growth, shrinking and
 * scans.
 *
 * Resting keys are always there, rewritten again and again in changing sizes: a read of one must
 * find it, whole.  A value is one letter repeated, so a torn one shows.  Passing keys come and go,
 * so that the index grows and shrinks all the while.
 */
#include "support/test.h"
#include "support/test_host.h"

#include "store_check.h"

#include <hypercache/hypercache.h>

#include <pthread.h>
#include <stdio.h>

#define RESTING 2000u
#define PASSING 20000u
#define VALUE_MAX 20000u
#define READERS 2u
#define WRITERS 2u

typedef struct arena {
    hc_store *store;
    test_memory memory;
    hc_host host;
    unsigned rounds;
    unsigned large_one_in; /* values of any size up to VALUE_MAX */
    bool changes_policy;   /* with each scan, to the next */
    atomic_uint writing;   /* writers not yet done */
    atomic_ulong torn, lost, reads, scans;
} arena;

static hc_span key_of(char *text, char kind, unsigned number)
{
    return hc_span_make(text, (size_t)snprintf(text, 32, "%c%u", kind, number));
}

/* Small mostly, some past the size where values leave the segments. */
static size_t size_of(const arena *a, test_random *random)
{
    bool large = test_random_below(random, a->large_one_in) == 0;
    return 1 + test_random_below(random, large ? VALUE_MAX : 60);
}

static void set_random(arena *a, hc_span key, test_random *random)
{
    char value[VALUE_MAX];
    size_t size = size_of(a, random);
    memset(value, 'a' + (int)test_random_below(random, 26), size);
    assert_int_equal(hc_store_set(a->store, key, hc_span_make(value, size), NULL), HC_OK);
}

static void *write_and_delete(void *argument)
{
    static atomic_uint seed = 100;
    arena *a = argument;
    test_random random;
    char text[32];
    test_random_init_quiet(&random, atomic_fetch_add(&seed, 1));
    for (unsigned round = 0; round < a->rounds; round++) {
        for (unsigned i = 0; i < PASSING / WRITERS; i++) {
            unsigned number = (unsigned)test_random_below(&random, PASSING);
            set_random(a, key_of(text, 'p', number), &random);
            set_random(a, key_of(text, 'r', number % RESTING), &random);
        }
        for (unsigned i = 0; i < PASSING; i++) {
            (void)hc_store_delete(a->store, key_of(text, 'p', i));
            if (i % 100 == 0) (void)hc_store_maintain(a->store, 100);
        }
    }
    atomic_fetch_sub(&a->writing, 1);
    return NULL;
}

static bool is_whole(const char *value, size_t size)
{
    for (size_t i = 1; i < size; i++) {
        if (value[i] != value[0]) return false;
    }
    return size > 0;
}

static void *read_all(void *argument)
{
    static atomic_uint seed = 200;
    arena *a = argument;
    test_random random;
    char text[HC_STORE_BATCH_MAX][32], value[VALUE_MAX];
    static _Thread_local char values[8][VALUE_MAX];
    test_random_init_quiet(&random, atomic_fetch_add(&seed, 1));
    while (a->writing > 0) {
        size_t size = 0;
        hc_span key = key_of(text[0], 'r', (unsigned)test_random_below(&random, RESTING));
        if (hc_store_get(a->store, key, value, sizeof value, &size) != HC_OK) {
            a->lost++;
        } else if (!is_whole(value, size)) {
            a->torn++;
        }
        hc_get gets[8];
        for (unsigned i = 0; i < 8; i++) {
            unsigned number = (unsigned)test_random_below(&random, RESTING);
            gets[i] = (hc_get){.key = key_of(text[i], 'r', number),
                               .buffer = values[i],
                               .buffer_bytes = VALUE_MAX};
        }
        hc_store_get_many(a->store, gets, 8);
        for (unsigned i = 0; i < 8; i++) {
            if (gets[i].status != HC_OK) a->lost++;
            if (gets[i].status == HC_OK && !is_whole(values[i], gets[i].size)) a->torn++;
        }
        a->reads += 9;
    }
    return NULL;
}

static void note_resting(void *ctx, const hc_item *item)
{
    bool *seen = ctx;
    char text[16] = {0};
    memcpy(text, item->key.data, item->key.size);
    if (text[0] == 'r') seen[atoi(text + 1)] = true;
}

static void *scan_all(void *argument)
{
    arena *a = argument;
    static bool seen[RESTING];
    while (a->writing > 0) {
        uint64_t cursor = 0;
        memset(seen, 0, sizeof seen);
        do {
            hc_store_scan(a->store, &cursor, 10, note_resting, seen);
        } while (cursor != 0);
        for (unsigned i = 0; i < RESTING; i++) {
            if (!seen[i]) a->lost++;
        }
        uint32_t policies = HC_EVICTION_RANDOM - HC_EVICTION_S3FIFO + 1;
        uint32_t next = HC_EVICTION_S3FIFO + (uint32_t)(a->scans++ % policies);
        if (a->changes_policy && hc_store_evict_by(a->store, next) != HC_OK) a->lost++;
    }
    return NULL;
}

#define THREADS (WRITERS + READERS + 1)

static void run(arena *a, uint64_t max_memory_bytes)
{
    pthread_t threads[THREADS];
    test_random random;
    char text[32];
    hc_store_options options = {
        .size = sizeof options, .shards = 2, .max_memory_bytes = max_memory_bytes};
    a->memory.grants = SIZE_MAX;
    a->host = test_host(&a->memory);
    assert_int_equal(hc_store_create(&a->host, &options, &a->store), HC_OK);
    test_random_init(&random, 7);
    for (unsigned i = 0; i < RESTING; i++) {
        set_random(a, key_of(text, 'r', i), &random);
    }
    a->writing = WRITERS;
    for (unsigned i = 0; i < THREADS; i++) {
        void *(*body)(void *) = i < WRITERS             ? write_and_delete
                                : i < WRITERS + READERS ? read_all
                                                        : scan_all;
        assert_int_equal(pthread_create(&threads[i], NULL, body, a), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    store_check(a->store);
    assert_true(a->reads > 0);
    assert_true(a->scans > 0);
    assert_int_equal(a->torn, 0);
}

static void test_readers_and_scans_find_every_resting_key_whole(void **state)
{
    (void)state;
    static arena a = {.rounds = 2, .large_one_in = 200};
    run(&a, 0);
    assert_int_equal(a.lost, 0);
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(a.store, &stats);
    assert_true(stats.cleaned_segments > 0);
    hc_store_destroy(a.store);
    assert_int_equal(a.memory.live_bytes, 0);
}

static void test_readers_never_see_a_torn_value_while_evicting(void **state)
{
    (void)state;
    static arena a = {.rounds = 2, .large_one_in = 20};
    run(&a, HC_STORE_MEMORY_BYTES_MIN);
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(a.store, &stats);
    assert_true(stats.evicted > 0);
    hc_store_destroy(a.store);
}

static void test_policies_change_under_readers_and_writers(void **state)
{
    (void)state;
    static arena a = {.rounds = 2, .large_one_in = 20, .changes_policy = true};
    run(&a, HC_STORE_MEMORY_BYTES_MIN);
    hc_store_destroy(a.store);
}

/* Two threads move an amount between two keys; a third must always see the same sum. */
typedef struct transfer {
    hc_store *store;
    atomic_bool stop;
} transfer;

static void *move_amounts(void *argument)
{
    transfer *t = argument;
    hc_span keys[2] = {HC_SPAN("left"), HC_SPAN("right")};
    for (unsigned i = 0; i < 5000; i++) {
        hc_txn txn;
        hc_item item;
        uint64_t amounts[2];
        hc_store_begin(t->store, keys, 2, &txn);
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(hc_txn_get(&txn, keys[k], &item), HC_OK);
            memcpy(&amounts[k], item.value.data, sizeof amounts[k]);
        }
        amounts[0] += i;
        amounts[1] -= i;
        for (unsigned k = 0; k < 2; k++) {
            hc_span value = hc_span_make(&amounts[k], sizeof amounts[k]);
            assert_int_equal(hc_txn_set(&txn, keys[k], value, NULL), HC_OK);
        }
        hc_store_end(&txn);
    }
    return NULL;
}

static void *watch_sum(void *argument)
{
    transfer *t = argument;
    hc_span keys[2] = {HC_SPAN("left"), HC_SPAN("right")};
    while (!t->stop) {
        hc_txn txn;
        hc_item item;
        uint64_t sum = 0, amount;
        hc_store_begin(t->store, keys, 2, &txn);
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(hc_txn_get(&txn, keys[k], &item), HC_OK);
            memcpy(&amount, item.value.data, sizeof amount);
            sum += amount;
        }
        hc_store_end(&txn);
        assert_int_equal(sum, 1000);
    }
    return NULL;
}

static void test_a_transaction_is_one_step_to_others(void **state)
{
    (void)state;
    static transfer t;
    pthread_t movers[2], watcher;
    uint64_t left = 1000, right = 0;
    assert_int_equal(hc_store_create(NULL, NULL, &t.store), HC_OK);
    assert_int_equal(hc_store_set(t.store, HC_SPAN("left"), hc_span_make(&left, 8), NULL), HC_OK);
    assert_int_equal(hc_store_set(t.store, HC_SPAN("right"), hc_span_make(&right, 8), NULL), HC_OK);
    assert_int_equal(pthread_create(&watcher, NULL, watch_sum, &t), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&movers[i], NULL, move_amounts, &t), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(movers[i], NULL), 0);
    }
    t.stop = true;
    assert_int_equal(pthread_join(watcher, NULL), 0);
    hc_store_destroy(t.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_and_scans_find_every_resting_key_whole),
        cmocka_unit_test(test_readers_never_see_a_torn_value_while_evicting),
        cmocka_unit_test(test_policies_change_under_readers_and_writers),
        cmocka_unit_test(test_a_transaction_is_one_step_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
