/*
 * test_store_grave.c - the memory of large values that are gone goes back by and by, is counted
 * until then, and is what a write takes first that finds memory short.
 */
#include "support/test.h"

#include "store_fixture.h"

#include <hypercache/hypercache.h>

#include <stdlib.h>

#define LARGE_BYTES ((size_t)8 << 20)
#define LIMIT_BYTES ((uint64_t)16 << 20)
#define STEP_BYTES ((size_t)64 << 10)

typedef struct fixture {
    store_fixture on;
    uint8_t *value; /* LARGE_BYTES */
} fixture;

static int setup_with(void **state, hc_store_options options)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->value = malloc(LARGE_BYTES);
    assert_non_null(f->value);
    memset(f->value, 'v', LARGE_BYTES);
    store_fixture_open(&f->on, options);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, (hc_store_options){.shards = 2});
}

static int setup_full(void **state)
{
    return setup_with(state, (hc_store_options){.max_memory_bytes = LIMIT_BYTES,
                                                .shards = 1,
                                                .eviction = HC_EVICTION_NONE});
}

static int setup_evicting(void **state)
{
    return setup_with(state, (hc_store_options){.max_memory_bytes = LIMIT_BYTES,
                                                .shards = 1,
                                                .eviction = HC_EVICTION_LRU});
}

/* Whatever is in its graves. */
static int teardown(void **state)
{
    fixture *f = *state;
    store_fixture_close(&f->on);
    assert_int_equal(f->on.memory.reserved_bytes, 0);
    free(f->value);
    free(f);
    return 0;
}

static uint64_t memory_bytes(fixture *f)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(f->on.store, &stats);
    return stats.memory_bytes;
}

static hc_status set_large(fixture *f, const char *key)
{
    return hc_store_set(f->on.store, span(key), hc_span_make(f->value, LARGE_BYTES), NULL);
}

static void test_a_large_value_that_is_gone_goes_back_in_steps(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_large(f, "k"), HC_OK);
    uint64_t with = memory_bytes(f);
    assert_int_equal(hc_store_delete(f->on.store, span("k")), HC_OK);
    uint64_t before = memory_bytes(f);
    assert_true(before + STEP_BYTES > with);
    size_t steps = 0;
    for (bool more = true; more; steps++) {
        more = hc_store_bury(f->on.store, STEP_BYTES);
        uint64_t now = memory_bytes(f);
        assert_true(now < before && before - now <= 2 * STEP_BYTES);
        before = now;
        store_check(f->on.store);
    }
    assert_in_range(steps, LARGE_BYTES / STEP_BYTES / 2, LARGE_BYTES / STEP_BYTES + 2);
    assert_true(with - before >= LARGE_BYTES);
    assert_false(hc_store_bury(f->on.store, STEP_BYTES));
}

static void test_maintain_gives_back_what_overwrites_and_flushes_left(void **state)
{
    fixture *f = *state;
    uint64_t empty = memory_bytes(f);
    assert_int_equal(set_large(f, "k"), HC_OK);
    assert_int_equal(hc_store_set(f->on.store, span("k"), span("small"), NULL), HC_OK);
    assert_int_equal(set_large(f, "j"), HC_OK);
    hc_store_flush(f->on.store);
    assert_true(memory_bytes(f) > 2 * LARGE_BYTES);
    for (unsigned i = 0; i < 100 && hc_store_maintain(f->on.store, 0); i++) {
    }
    assert_true(memory_bytes(f) < empty + LARGE_BYTES / 8);
}

static void test_a_reader_keeps_a_value_out_of_its_grave(void **state)
{
    fixture *f = *state;
    hc_view seen;
    assert_int_equal(set_large(f, "k"), HC_OK);
    assert_int_equal(hc_store_view(f->on.store, span("k"), NULL, 0, &seen), HC_OK);
    assert_int_equal(hc_store_delete(f->on.store, span("k")), HC_OK);
    assert_false(hc_store_bury(f->on.store, SIZE_MAX));
    assert_memory_equal(seen.value.data, f->value, LARGE_BYTES);
    hc_view_release(&seen);
    assert_false(hc_store_bury(f->on.store, SIZE_MAX));
    assert_true(memory_bytes(f) < LARGE_BYTES);
}

static void test_a_full_store_takes_graves_before_it_says_full(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_large(f, "k"), HC_OK);
    assert_int_equal(set_large(f, "j"), HC_ERR_FULL);
    assert_int_equal(hc_store_delete(f->on.store, span("k")), HC_OK);
    assert_true(memory_bytes(f) > LARGE_BYTES);
    assert_int_equal(set_large(f, "j"), HC_OK);
    assert_true(memory_bytes(f) <= LIMIT_BYTES);
}

static void test_graves_go_before_anything_is_evicted(void **state)
{
    fixture *f = *state;
    enum { SMALL_KEYS = 4000 };
    assert_int_equal(set_large(f, "k"), HC_OK);
    assert_int_equal(hc_store_delete(f->on.store, span("k")), HC_OK);
    for (unsigned i = 0; i < SMALL_KEYS; i++) { /* 12 MiB: more than is left beside the grave */
        hc_span value = hc_span_make(f->value, 3072);
        assert_int_equal(hc_store_set(f->on.store, hc_span_make(&i, sizeof i), value, NULL), HC_OK);
    }
    assert_int_equal(hc_store_count(f->on.store), SMALL_KEYS);
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(f->on.store, &stats);
    assert_int_equal(stats.evicted, 0);
}

static void test_a_host_that_takes_nothing_back_in_parts_gets_all_at_once(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_large(f, "k"), HC_OK);
    assert_int_equal(hc_store_delete(f->on.store, span("k")), HC_OK);
    f->on.memory.grants = 0; /* discards are refused */
    assert_false(hc_store_bury(f->on.store, STEP_BYTES));
    f->on.memory.grants = SIZE_MAX;
    assert_true(memory_bytes(f) < LARGE_BYTES);
}

static void test_a_block_that_no_store_took_is_buried_uncounted(void **state)
{
    fixture *f = *state;
    hc_block *block;
    uint64_t before = memory_bytes(f);
    assert_int_equal(hc_block_create(&f->on.host, LARGE_BYTES, &block), HC_OK);
    memset(hc_block_data(block), 'b', LARGE_BYTES);
    hc_block_bury(block, f->on.store);
    assert_int_equal(memory_bytes(f), before);
    assert_true(hc_store_bury(f->on.store, STEP_BYTES));
    assert_false(hc_store_bury(f->on.store, SIZE_MAX));
    assert_int_equal(memory_bytes(f), before);
    hc_block_bury(NULL, f->on.store);
}

static void test_a_store_is_destroyed_with_its_graves(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_large(f, "k"), HC_OK);
    assert_int_equal(set_large(f, "j"), HC_OK);
    assert_int_equal(hc_store_delete(f->on.store, span("k")), HC_OK);
    (void)hc_store_bury(f->on.store, STEP_BYTES); /* teardown sees that nothing is left */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_large_value_that_is_gone_goes_back_in_steps),
        TEST(test_maintain_gives_back_what_overwrites_and_flushes_left),
        TEST(test_a_reader_keeps_a_value_out_of_its_grave),
        cmocka_unit_test_setup_teardown(test_a_full_store_takes_graves_before_it_says_full,
                                        setup_full, teardown),
        cmocka_unit_test_setup_teardown(test_graves_go_before_anything_is_evicted, setup_evicting,
                                        teardown),
        TEST(test_a_host_that_takes_nothing_back_in_parts_gets_all_at_once),
        TEST(test_a_block_that_no_store_took_is_buried_uncounted),
        TEST(test_a_store_is_destroyed_with_its_graves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
