/*
 * test_store_pressure.c - the host hears of each change of level once, in order, and of no
 * wavering.
 */
#include "support/test.h"
#include "support/test_host.h"
#include "support/test_threads.h"

#include "store_check.h"

#include <hypercache/hypercache.h>

#include <stdio.h>
#include <stdlib.h>

#define LIMIT_BYTES (64u << 20)
#define EVENTS_MAX 4096u
#define ONE_PERCENT (LIMIT_BYTES / 100)

typedef struct ear {
    hc_store *store;
    unsigned count;
    hc_pressure_level levels[EVENTS_MAX];
    uint64_t used_bytes, limit_bytes; /* of the latest */
    bool writes;                      /* calls the store from inside */
    atomic_int inside;
    test_memory memory;
    hc_host host;
} ear;

static void changed(void *ctx, hc_pressure_level level, uint64_t used_bytes, uint64_t limit_bytes)
{
    ear *e = ctx;
    assert_int_equal(atomic_fetch_add(&e->inside, 1), 0); /* one at a time */
    if (e->count < EVENTS_MAX) e->levels[e->count++] = level;
    e->used_bytes = used_bytes;
    e->limit_bytes = limit_bytes;
    if (e->writes) {
        assert_int_equal(hc_store_set(e->store, span("from inside"), span("v"), NULL), HC_OK);
        (void)hc_store_maintain(e->store, 0);
        (void)hc_store_pressure(e->store);
    }
    atomic_fetch_sub(&e->inside, 1);
}

static ear *ear_open(uint32_t eviction, hc_pressure pressure)
{
    ear *e = calloc(1, sizeof *e);
    assert_non_null(e);
    e->memory.grants = SIZE_MAX;
    e->host = test_host(&e->memory);
    pressure.size = sizeof pressure;
    pressure.ctx = e;
    pressure.changed = changed;
    hc_store_options options = {.size = sizeof options,
                                .max_memory_bytes = LIMIT_BYTES,
                                .eviction = eviction,
                                .pressure = &pressure};
    assert_int_equal(hc_store_create(&e->host, &options, &e->store), HC_OK);
    return e;
}

static void ear_close(ear *e)
{
    store_check(e->store);
    hc_store_destroy(e->store);
    assert_int_equal(e->memory.live_bytes, 0);
    free(e);
}

static uint64_t memory_bytes(const ear *e)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(e->store, &stats);
    return stats.memory_bytes;
}

static void set_large(ear *e, unsigned number, size_t bytes)
{
    static const uint8_t zeros[LIMIT_BYTES];
    assert_int_equal(hc_store_set(e->store, hc_span_make(&number, sizeof number),
                                  hc_span_make(zeros, bytes), NULL),
                     HC_OK);
}

static void delete_large(ear *e, unsigned number)
{
    assert_int_equal(hc_store_delete(e->store, hc_span_make(&number, sizeof number)), HC_OK);
    (void)hc_store_bury(e->store, SIZE_MAX);
}

/* Key 0 takes what brings memory to `percent` of the limit, give or take a segment. */
static void fill_to(ear *e, unsigned percent)
{
    (void)hc_store_delete(e->store, hc_span_make(&(unsigned){0}, sizeof(unsigned)));
    (void)hc_store_bury(e->store, SIZE_MAX);
    uint64_t now = memory_bytes(e), want = (uint64_t)ONE_PERCENT * percent + ONE_PERCENT / 4;
    assert_true(want > now);
    set_large(e, 0, want - now);
}

static void assert_heard(const ear *e, const hc_pressure_level *levels, unsigned count)
{
    assert_int_equal(e->count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(e->levels[i], levels[i]);
    }
}

static void test_levels_are_told_on_the_way_up_and_down(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    const hc_pressure_level heard[] = {HC_PRESSURE_WARNING, HC_PRESSURE_CRITICAL,
                                       HC_PRESSURE_PANIC,   HC_PRESSURE_CRITICAL,
                                       HC_PRESSURE_WARNING, HC_PRESSURE_NONE};
    set_large(e, 1, 80 * (size_t)ONE_PERCENT);
    assert_int_equal(e->count, 0);
    set_large(e, 2, 6 * (size_t)ONE_PERCENT);
    set_large(e, 3, 5 * (size_t)ONE_PERCENT);
    set_large(e, 4, 4 * (size_t)ONE_PERCENT + ONE_PERCENT / 2);
    assert_heard(e, heard, 3);
    assert_int_equal(hc_store_pressure(e->store), HC_PRESSURE_PANIC);
    assert_int_equal(e->limit_bytes, LIMIT_BYTES);
    assert_int_equal(e->used_bytes, memory_bytes(e));
    delete_large(e, 4);
    delete_large(e, 3);
    delete_large(e, 2);
    assert_heard(e, heard, 6);
    assert_int_equal(hc_store_pressure(e->store), HC_PRESSURE_NONE);
    ear_close(e);
}

static void test_several_steps_at_once_are_one_event(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    const hc_pressure_level heard[] = {HC_PRESSURE_PANIC, HC_PRESSURE_NONE};
    set_large(e, 1, 96 * (size_t)ONE_PERCENT);
    assert_heard(e, heard, 1);
    hc_store_flush(e->store);
    (void)hc_store_maintain(e->store, 0);    /* the value is in its grave */
    (void)hc_store_bury(e->store, SIZE_MAX); /* and all of it goes in one step */
    assert_heard(e, heard, 2);
    ear_close(e);
}

static void test_wavering_around_a_threshold_is_one_event(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    const hc_pressure_level heard[] = {HC_PRESSURE_WARNING, HC_PRESSURE_NONE};
    set_large(e, 1, 83 * (size_t)ONE_PERCENT);
    for (unsigned i = 0; i < 20; i++) {
        set_large(e, 2, 2 * (size_t)ONE_PERCENT); /* 85 and some */
        delete_large(e, 2);                       /* 83 and some: not below 83 */
    }
    assert_heard(e, heard, 1);
    delete_large(e, 1);
    assert_heard(e, heard, 2);
    ear_close(e);
}

static void test_thresholds_are_settable(void **state)
{
    (void)state;
    ear *e = ear_open(
        HC_EVICTION_NONE,
        (hc_pressure){.warning_percent = 20, .critical_percent = 30, .panic_percent = 100});
    const hc_pressure_level heard[] = {HC_PRESSURE_WARNING, HC_PRESSURE_CRITICAL};
    fill_to(e, 19);
    assert_int_equal(e->count, 0);
    set_large(e, 1, ONE_PERCENT);
    assert_heard(e, heard, 1);
    set_large(e, 2, 75 * (size_t)ONE_PERCENT);
    assert_heard(e, heard, 2);
    ear_close(e);
}

static void test_thresholds_must_rise(void **state)
{
    (void)state;
    static const hc_pressure bad[] = {
        {.warning_percent = 90, .critical_percent = 90, .panic_percent = 95},
        {.warning_percent = 95},
        {.critical_percent = 96},
        {.panic_percent = 101},
        {.critical_percent = 80},
        {.panic_percent = 90},
        {.warning_percent = 2},
        {.reserved = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        test_memory memory = {.grants = SIZE_MAX};
        hc_host host = test_host(&memory);
        hc_pressure pressure = bad[i];
        hc_store *store;
        pressure.size = sizeof pressure;
        hc_store_options options = {.size = sizeof options, .pressure = &pressure};
        assert_int_equal(hc_store_create(&host, &options, &store), HC_ERR_INVALID);
        assert_null(store);
        pressure = (hc_pressure){.size = 0};
        assert_int_equal(hc_store_create(&host, &options, &store), HC_ERR_INVALID);
        assert_int_equal(memory.reserved_bytes, 0);
    }
}

static void test_changing_the_limit_changes_the_level(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    const hc_pressure_level heard[] = {HC_PRESSURE_PANIC, HC_PRESSURE_NONE, HC_PRESSURE_PANIC,
                                       HC_PRESSURE_NONE};
    set_large(e, 1, 50 * (size_t)ONE_PERCENT);
    assert_int_equal(hc_store_limit(e->store, LIMIT_BYTES / 2), HC_OK);
    assert_int_equal(hc_store_limit(e->store, LIMIT_BYTES), HC_OK);
    assert_int_equal(hc_store_limit(e->store, LIMIT_BYTES / 2), HC_OK);
    assert_int_equal(hc_store_limit(e->store, 0), HC_OK);
    assert_heard(e, heard, 4);
    assert_int_equal(e->limit_bytes, 0);
    assert_int_equal(hc_store_pressure(e->store), HC_PRESSURE_NONE);
    ear_close(e);
}

static void test_callback_may_use_the_store(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    e->writes = true;
    set_large(e, 1, 86 * (size_t)ONE_PERCENT);
    assert_int_equal(e->count, 1);
    assert_int_equal(hc_store_count(e->store), 2);
    ear_close(e);
}

static void test_transaction_tells_at_its_end(void **state)
{
    (void)state;
    static const uint8_t zeros[90 * (size_t)ONE_PERCENT];
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    hc_span key = span("k");
    hc_txn txn;
    hc_store_begin(e->store, &key, 1, &txn);
    assert_int_equal(hc_txn_set(&txn, key, hc_span_make(zeros, sizeof zeros), NULL), HC_OK);
    assert_int_equal(e->count, 0);
    hc_store_end(&txn);
    assert_int_equal(e->count, 1);
    ear_close(e);
}

static void test_evicting_store_settles_in_panic(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_S3FIFO, (hc_pressure){0});
    char key[32];
    static const uint8_t value[1000];
    for (unsigned i = 0; i < 100000; i++) {
        hc_span k = hc_span_make(key, (size_t)snprintf(key, sizeof key, "%u", i));
        assert_int_equal(hc_store_set(e->store, k, hc_span_make(value, sizeof value), NULL), HC_OK);
        if (i % 1000 == 0) (void)hc_store_maintain(e->store, 0);
    }
    assert_int_equal(hc_store_pressure(e->store), HC_PRESSURE_PANIC);
    assert_int_equal(e->count, 3); /* and it stays there: no flutter */
    ear_close(e);
}

/* Segments of stubs are sealed nearly empty, for their extents' sake: copying the stubs to another
 * one, which is sealed as early, is no gain, and was done for ever instead of evicting. */
static void test_full_store_of_large_values_evicts_and_does_not_copy_stubs(void **state)
{
    (void)state;
    enum { VALUE_BYTES = 10000, SETS = 6000, SEGMENTS_CLEANED_MAX = 200 };
    static uint8_t value[VALUE_BYTES];
    hc_store *store;
    hc_store_options options = {.size = sizeof options, .max_memory_bytes = 32u << 20};
    assert_int_equal(hc_store_create(NULL, &options, &store), HC_OK);
    char key[32];
    for (int i = 0; i < SETS; i++) { /* twice what fits */
        (void)snprintf(key, sizeof key, "key:%d", i);
        assert_int_equal(hc_store_set(store, span(key), hc_span_make(value, sizeof value), NULL),
                         HC_OK);
    }
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(store, &stats);
    assert_true(stats.evicted > SETS / 4);
    assert_true(stats.cleaned_segments < SEGMENTS_CLEANED_MAX);
    store_check(store);
    hc_store_destroy(store);
}

static void test_store_without_limit_knows_no_pressure(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    assert_int_equal(hc_store_limit(e->store, 0), HC_OK);
    set_large(e, 1, LIMIT_BYTES);
    assert_int_equal(hc_store_pressure(e->store), HC_PRESSURE_NONE);
    assert_int_equal(e->count, 0);
    ear_close(e);
}

/* ---- several threads ---- */

static void *waver(void *argument)
{
    static atomic_uint number = 10;
    ear *e = argument;
    unsigned mine = atomic_fetch_add(&number, 1);
    for (unsigned i = 0; i < 200; i++) {
        set_large(e, mine, 8 * (size_t)ONE_PERCENT);
        delete_large(e, mine);
    }
    return NULL;
}

static void test_threads_hear_changes_one_at_a_time(void **state)
{
    (void)state;
    ear *e = ear_open(HC_EVICTION_NONE, (hc_pressure){0});
    set_large(e, 1, 72 * (size_t)ONE_PERCENT);
    test_threads(3, waver, e, 0);
    (void)hc_store_maintain(e->store, 0);
    assert_int_equal(hc_store_pressure(e->store), HC_PRESSURE_NONE);
    for (unsigned i = 1; i < e->count; i++) {
        assert_int_not_equal(e->levels[i], e->levels[i - 1]);
    }
    if (e->count > 0 && e->count < EVENTS_MAX) {
        assert_int_equal(e->levels[e->count - 1], HC_PRESSURE_NONE);
    }
    ear_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_are_told_on_the_way_up_and_down),
        cmocka_unit_test(test_several_steps_at_once_are_one_event),
        cmocka_unit_test(test_wavering_around_a_threshold_is_one_event),
        cmocka_unit_test(test_thresholds_are_settable),
        cmocka_unit_test(test_thresholds_must_rise),
        cmocka_unit_test(test_changing_the_limit_changes_the_level),
        cmocka_unit_test(test_callback_may_use_the_store),
        cmocka_unit_test(test_transaction_tells_at_its_end),
        cmocka_unit_test(test_evicting_store_settles_in_panic),
        cmocka_unit_test(test_full_store_of_large_values_evicts_and_does_not_copy_stubs),
        cmocka_unit_test(test_store_without_limit_knows_no_pressure),
        cmocka_unit_test(test_threads_hear_changes_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
