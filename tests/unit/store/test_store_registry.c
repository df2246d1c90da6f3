/* test_store_registry.c - names, limits, and stores that live as long as somebody holds them. */
#include <pthread.h>
#include <stdio.h>

#include <hypercache/hypercache.h>

#include "support/test.h"
#include "support/test_host.h"

static uint32_t count_at(hc_stores *stores)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < hc_stores_max(stores); i++) {
        hc_store_ref ref;
        if (hc_stores_acquire_at(stores, i, &ref) == HC_OK) found++;
        hc_store_ref_release(&ref);
    }
    return found;
}

static void test_names_are_of_few_characters(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "users", "A.b:c-d_9", "0"};
    static const char *const bad[] = {"", " ", "a b", "a/b", "caf\xc3\xa9", "a*"};
    char longest[HC_STORE_NAME_BYTES_MAX + 1];
    memset(longest, 'n', sizeof longest);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(hc_store_name_fits(span(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(hc_store_name_fits(span(bad[i])));
    assert_true(hc_store_name_fits(hc_span_make(longest, HC_STORE_NAME_BYTES_MAX)));
    assert_false(hc_store_name_fits(hc_span_make(longest, sizeof longest)));
    hc_stores *stores;
    assert_int_equal(hc_stores_create(NULL, NULL, &stores), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("a b"), NULL, NULL), HC_ERR_INVALID);
    assert_int_equal(hc_stores_count(stores), 0);
    hc_stores_destroy(stores);
    hc_stores_destroy(NULL);
}

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    hc_stores *stores = (hc_stores *)&stores;
    hc_stores_options options = {.size = sizeof options, .stores_max = HC_STORES_MAX + 1};
    assert_int_equal(hc_stores_create(NULL, &options, &stores), HC_ERR_INVALID);
    assert_null(stores);
    options.stores_max = HC_STORES_MAX;
    assert_int_equal(hc_stores_create(NULL, &options, &stores), HC_OK);
    assert_int_equal(hc_stores_max(stores), HC_STORES_MAX);
    hc_store_options wrong = {.size = sizeof wrong, .max_memory_bytes = 1};
    hc_store_ref ref = {.held = &ref};
    assert_int_equal(hc_stores_add(stores, span("a"), &wrong, &ref), HC_ERR_INVALID);
    assert_null(ref.held);
    hc_stores_destroy(stores);
}

static void test_a_store_is_found_by_its_name_until_it_is_dropped(void **state)
{
    (void)state;
    hc_stores *stores;
    hc_store_ref a, b, again;
    assert_int_equal(hc_stores_create(NULL, NULL, &stores), HC_OK);
    assert_int_equal(hc_stores_acquire(stores, span("a"), &a), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_stores_acquire(stores, hc_span_make(NULL, 0), &a), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_stores_add(stores, span("a"), NULL, &a), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("a"), NULL, &again), HC_ERR_EXISTS);
    assert_null(again.store);
    assert_int_equal(hc_stores_add(stores, span("b"), NULL, &b), HC_OK);
    assert_int_equal(hc_store_set(a.store, span("k"), span("in a"), NULL), HC_OK);
    assert_int_equal(hc_store_get(b.store, span("k"), NULL, 0, NULL), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_stores_acquire(stores, span("a"), &again), HC_OK);
    assert_ptr_equal(again.store, a.store);
    hc_store_ref_release(&again);
    hc_store_ref_release(&again); /* twice is allowed */
    assert_int_equal(hc_stores_count(stores), 2);
    assert_int_equal(count_at(stores), 2);
    assert_int_equal(hc_stores_acquire_at(stores, hc_stores_max(stores), &again), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_stores_drop(stores, span("a")), HC_OK);
    assert_int_equal(hc_stores_drop(stores, span("a")), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_stores_acquire(stores, span("a"), &again), HC_ERR_NOT_FOUND);
    assert_int_equal(count_at(stores), 1);
    hc_store_ref_release(&a);
    hc_store_ref_release(&b);
    hc_stores_destroy(stores);
}

static void test_a_dropped_store_is_empty_and_lives_for_its_users(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_stores *stores;
    hc_store_ref mine, next;
    assert_int_equal(hc_stores_create(&host, NULL, &stores), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("a"), NULL, &mine), HC_OK);
    assert_int_equal(hc_store_set(mine.store, span("k"), span("v"), NULL), HC_OK);
    assert_false(hc_store_ref_dropped(&mine));
    assert_int_equal(hc_stores_drop(stores, span("a")), HC_OK);
    assert_true(hc_store_ref_dropped(&mine));
    assert_int_equal(hc_store_count(mine.store), 0);
    assert_int_equal(hc_store_set(mine.store, span("k"), span("v"), NULL), HC_OK);
    /* The name is free again, for another store. */
    assert_int_equal(hc_stores_add(stores, span("a"), NULL, &next), HC_OK);
    assert_ptr_not_equal(next.store, mine.store);
    assert_false(hc_store_ref_dropped(&next));
    size_t reserved_bytes = memory.reserved_bytes;
    hc_store_ref_release(&mine);
    assert_null(mine.store);
    assert_false(hc_store_ref_dropped(&mine));
    assert_true(memory.reserved_bytes < reserved_bytes);
    hc_store_ref_release(&next);
    hc_stores_destroy(stores);
    assert_int_equal(memory.live_bytes, 0);
    assert_int_equal(memory.reserved_bytes, 0);
}

static void test_there_are_so_many_stores_and_no_more(void **state)
{
    (void)state;
    const hc_stores_options options = {.size = sizeof options, .stores_max = 3};
    hc_stores *stores;
    assert_int_equal(hc_stores_create(NULL, &options, &stores), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("a"), NULL, NULL), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("b"), NULL, NULL), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("c"), NULL, NULL), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("d"), NULL, NULL), HC_ERR_LIMIT);
    assert_int_equal(hc_stores_drop(stores, span("b")), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("d"), NULL, NULL), HC_OK);
    assert_int_equal(hc_stores_count(stores), 3);
    hc_stores_destroy(stores);
}

static void test_settings_are_kept_as_they_were_given(void **state)
{
    (void)state;
    test_clock clock;
    test_clock_init(&clock);
    hc_host host = test_host_of(NULL, &clock, NULL, NULL);
    const hc_store_options options = {.size = sizeof options,
                                      .max_memory_bytes = 8 << 20,
                                      .default_ttl_ms = 1500,
                                      .eviction = HC_EVICTION_LRU};
    hc_stores *stores;
    hc_store_ref ref, other;
    hc_store_info info = {.size = sizeof info};
    assert_int_equal(hc_stores_create(&host, NULL, &stores), HC_OK);
    assert_int_equal(hc_stores_add(stores, span("a"), &options, &ref), HC_OK);
    assert_int_equal(hc_stores_acquire(stores, span("a"), &other), HC_OK);
    assert_int_equal(hc_store_limit(ref.store, 16 << 20), HC_OK);
    hc_store_ref_info(&ref, &info);
    test_assert_span(info.name, span("a"));
    assert_int_equal(info.created_at_ms, TEST_CLOCK_START_MS);
    assert_int_equal(info.users, 2);
    assert_int_equal(info.index, 0);
    assert_int_equal(info.dropped, 0);
    assert_int_equal(info.options->max_memory_bytes, 8 << 20);
    assert_int_equal(info.options->default_ttl_ms, 1500);
    assert_int_equal(info.options->eviction, HC_EVICTION_LRU);
    hc_store_ref_release(&other);
    assert_int_equal(hc_stores_drop(stores, span("a")), HC_OK);
    hc_store_ref_info(&ref, &info);
    assert_int_equal(info.users, 1);
    assert_int_equal(info.dropped, 1);
    hc_store_ref_release(&ref);
    hc_stores_destroy(stores);
}

/* Fails the 1st request for memory of create and add, then the 2nd, ... until none fails. */
static void test_without_memory_nothing_is_added_and_nothing_leaks(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    size_t grants = 0;
    for (; grants < 200; grants++) {
        hc_stores *stores;
        hc_store_ref ref = {0};
        memory.grants = grants;
        hc_status status = hc_stores_create(&host, NULL, &stores);
        if (status == HC_OK) {
            status = hc_stores_add(stores, span("a"), NULL, &ref);
            assert_int_equal(hc_stores_count(stores), status == HC_OK ? 1 : 0);
        }
        hc_store_ref_release(&ref);
        hc_stores_destroy(stores);
        assert_int_equal(memory.live_bytes, 0);
        assert_int_equal(memory.reserved_bytes, 0);
        if (status == HC_OK) break;
        assert_int_equal(status, HC_ERR_NO_MEMORY);
    }
    assert_in_range(grants, 2, 199);
}

/* ---- threads ---- */

enum { USERS = 3, ROUNDS = 300, NAMES = 3 };

static hc_span name_of(unsigned round)
{
    static const char *const names[NAMES] = {"a", "b", "c"};
    return span(names[round % NAMES]);
}

/* Finds stores, writes and reads while they are dropped. */
static void *use_stores(void *argument)
{
    hc_stores *stores = argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        hc_store_ref ref;
        char value[8];
        if (hc_stores_acquire(stores, name_of(round), &ref) != HC_OK) continue;
        assert_int_equal(hc_store_set(ref.store, span("k"), span("v"), NULL), HC_OK);
        hc_status status = hc_store_get(ref.store, span("k"), value, sizeof value, NULL);
        assert_true(status == HC_OK || status == HC_ERR_NOT_FOUND);
        (void)hc_store_ref_dropped(&ref);
        hc_store_ref_release(&ref);
    }
    return NULL;
}

static void *drop_and_add(void *argument)
{
    hc_stores *stores = argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        (void)hc_stores_drop(stores, name_of(round));
        hc_status status = hc_stores_add(stores, name_of(round), NULL, NULL);
        assert_true(status == HC_OK || status == HC_ERR_EXISTS);
        assert_true(count_at(stores) <= NAMES);
    }
    return NULL;
}

static void test_stores_come_and_go_beside_their_users(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_stores *stores;
    pthread_t threads[USERS + 2];
    assert_int_equal(hc_stores_create(&host, NULL, &stores), HC_OK);
    for (size_t i = 0; i < USERS + 2; i++) {
        void *(*run)(void *) = i < USERS ? use_stores : drop_and_add;
        assert_int_equal(pthread_create(&threads[i], NULL, run, stores), 0);
    }
    for (size_t i = 0; i < USERS + 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(hc_stores_count(stores) <= NAMES);
    hc_stores_destroy(stores);
    assert_int_equal(memory.live_bytes, 0);
    assert_int_equal(memory.reserved_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_of_few_characters),
        cmocka_unit_test(test_options_out_of_range_are_refused),
        cmocka_unit_test(test_a_store_is_found_by_its_name_until_it_is_dropped),
        cmocka_unit_test(test_a_dropped_store_is_empty_and_lives_for_its_users),
        cmocka_unit_test(test_there_are_so_many_stores_and_no_more),
        cmocka_unit_test(test_settings_are_kept_as_they_were_given),
        cmocka_unit_test(test_without_memory_nothing_is_added_and_nothing_leaks),
        cmocka_unit_test(test_stores_come_and_go_beside_their_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
