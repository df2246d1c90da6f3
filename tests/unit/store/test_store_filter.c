/*
 * test_store_filter.c - a filter never hides a key, answers most misses, and costs what it says.
 */
#include "support/test.h"

#include "store_fixture.h"

#include <hypercache/hypercache.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define KEYS 20000u

typedef store_fixture fixture;

static fixture *fixture_open(hc_store_options options)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    options.seed = 5; /* the rates below are of this one */
    store_fixture_open(f, options);
    return f;
}

static void fixture_close(fixture *f)
{
    store_fixture_close(f);
    free(f);
}

static hc_store_stats stats(fixture *f)
{
    hc_store_stats all = {.size = sizeof all};
    hc_store_stats_get(f->store, &all);
    return all;
}

static void set_keys(fixture *f, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        assert_int_equal(hc_store_set(f->store, hc_span_make(&i, sizeof i), span("v"), NULL),
                         HC_OK);
    }
}

static hc_status get(fixture *f, unsigned number)
{
    char value[8];
    return hc_store_get(f->store, hc_span_make(&number, sizeof number), value, sizeof value, NULL);
}

static unsigned count_found(fixture *f, unsigned from, unsigned to)
{
    unsigned found = 0;
    for (unsigned i = from; i < to; i++) {
        found += get(f, i) == HC_OK;
    }
    return found;
}

static void maintain(fixture *f)
{
    for (unsigned i = 0; i < 100000 && hc_store_maintain(f->store, 0); i++) {
    }
}

/* 20000 draws at a rate of 1 %: 200 +- 14, so 300 is seven standard deviations away. */
static void test_misses_are_answered_at_the_rate_asked_for(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.filter_rate = 0.01, .filter_capacity = KEYS});
    set_keys(f, 0, KEYS);
    assert_int_equal(count_found(f, 0, KEYS), KEYS);
    assert_int_equal(stats(f).filter_answers, 0);
    assert_int_equal(count_found(f, KEYS, 2 * KEYS), 0);
    hc_store_stats all = stats(f);
    assert_int_equal(all.misses, KEYS);
    assert_int_equal(all.filter_answers + all.filter_false_positives, KEYS);
    assert_in_range(all.filter_false_positives, 1, 300);
    hc_store_stats_reset(f->store);
    assert_int_equal(stats(f).filter_answers, 0);
    assert_int_equal(stats(f).filter_false_positives, 0);
    fixture_close(f);
}

static void test_bits_alone_make_a_filter_too(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    for (uint32_t bits = 8; bits <= 16; bits += 4) {
        fixture *f = fixture_open((hc_store_options){.filter_bits = bits, .filter_capacity = KEYS});
        set_keys(f, 0, KEYS);
        assert_int_equal(count_found(f, 0, KEYS), KEYS);
        assert_int_equal(count_found(f, KEYS, 2 * KEYS), 0);
        hc_store_stats all = stats(f);
        assert_true(all.filter_answers > KEYS * 9 / 10);
        assert_true(all.filter_bytes > bytes);
        bytes = all.filter_bytes;
        fixture_close(f);
    }
}

static void test_filter_options_out_of_range_are_refused(void **state)
{
    (void)state;
    static const hc_store_options bad[] = {
        {.filter_rate = 0.9},
        {.filter_rate = -1},
        {.filter_bits = 9},
        {.filter_bits = 8, .filter_rate = 0.00001},
        {.filter_bits = 8, .filter_reserved = 1},
        {.filter_reserved = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        test_memory memory = {.grants = SIZE_MAX};
        hc_host host = test_host(&memory);
        hc_store_options options = bad[i];
        hc_store *store;
        options.size = sizeof options;
        assert_int_equal(hc_store_create(&host, &options, &store), HC_ERR_INVALID);
        assert_null(store);
        assert_int_equal(memory.live_bytes, 0);
        assert_int_equal(memory.reserved_bytes, 0);
    }
}

static void test_filter_memory_counts_and_ends_at_the_limit(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_store *store;
    hc_store_options options = {.size = sizeof options,
                                .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                .filter_rate = 0.01,
                                .filter_capacity = 10000000};
    assert_int_equal(hc_store_create(&host, &options, &store), HC_ERR_NO_MEMORY);
    assert_int_equal(memory.live_bytes, 0);
    options.filter_capacity = 0; /* from the limit */
    assert_int_equal(hc_store_create(&host, &options, &store), HC_OK);
    hc_store_stats all = {.size = sizeof all};
    hc_store_stats_get(store, &all);
    assert_in_range(all.filter_bytes, 1000, HC_STORE_MEMORY_BYTES_MIN / 40);
    assert_int_equal(memory.live_bytes, all.filter_bytes);
    store_check(store);
    hc_store_destroy(store);
    assert_int_equal(memory.live_bytes, 0);
}

static void test_creating_without_memory_leaks_nothing(void **state)
{
    (void)state;
    for (size_t grants = 0;; grants++) {
        assert_in_range(grants, 0, 200);
        test_memory memory = {.grants = grants};
        hc_host host = test_host(&memory);
        hc_store *store;
        hc_store_options options = {.size = sizeof options, .shards = 4, .filter_rate = 0.01};
        hc_status status = hc_store_create(&host, &options, &store);
        if (status != HC_OK) assert_int_equal(status, HC_ERR_NO_MEMORY);
        hc_store_destroy(store);
        assert_int_equal(memory.live_bytes, 0);
        assert_int_equal(memory.reserved_bytes, 0);
        if (status == HC_OK) break;
    }
}

static void test_batches_ask_the_filter_too(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.filter_rate = 0.01});
    set_keys(f, 0, KEYS);
    unsigned numbers[HC_STORE_BATCH_MAX];
    hc_span keys[HC_STORE_BATCH_MAX];
    hc_get gets[HC_STORE_BATCH_MAX];
    char values[HC_STORE_BATCH_MAX][8];
    for (unsigned i = 0; i < HC_STORE_BATCH_MAX; i++) {
        numbers[i] = i % 2 == 0 ? i : KEYS + i;
        keys[i] = hc_span_make(&numbers[i], sizeof numbers[i]);
        gets[i] = (hc_get){.key = keys[i], .buffer = values[i], .buffer_bytes = sizeof values[i]};
    }
    hc_store_prefetch(f->store, keys, HC_STORE_BATCH_MAX);
    hc_store_get_many(f->store, gets, HC_STORE_BATCH_MAX);
    for (unsigned i = 0; i < HC_STORE_BATCH_MAX; i++) {
        assert_int_equal(gets[i].status, i % 2 == 0 ? HC_OK : HC_ERR_NOT_FOUND);
        assert_int_equal(gets[i].size, i % 2 == 0 ? 1 : 0);
    }
    hc_store_stats all = stats(f);
    assert_int_equal(all.hits, HC_STORE_BATCH_MAX / 2);
    assert_int_equal(all.misses, HC_STORE_BATCH_MAX / 2);
    assert_int_equal(all.filter_answers + all.filter_false_positives, HC_STORE_BATCH_MAX / 2);
    assert_true(all.filter_answers > 0);
    fixture_close(f);
}

/* Expired, flushed and evicted keys leave the filter: store_check counts its items. */
static void test_filter_forgets_what_is_gone(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.filter_rate = 0.01, .default_ttl_ms = 50});
    set_keys(f, 0, KEYS);
    test_clock_advance_ms(&f->clock, 50);
    maintain(f);
    assert_int_equal(hc_store_count(f->store), 0);
    store_check(f->store);
    set_keys(f, 0, KEYS);
    store_check(f->store);
    hc_store_flush(f->store);
    store_check(f->store);
    assert_int_equal(count_found(f, 0, KEYS), 0);
    assert_int_equal(stats(f).filter_answers, KEYS); /* not one maybe: it is empty */
    fixture_close(f);
}

/* ---- when the filter cannot take a key ---- */

static bool is_covered(const fixture *f)
{
    return f->store->shards[0].filter_state == FILTER_COVERS;
}

/* Nine keys of one hash: a cuckoo filter has room for eight. */
static void crowd(fixture *f)
{
    f->store->hash_mask = 0;
    set_keys(f, 0, 9);
    assert_false(is_covered(f));
}

static void test_filter_that_overflows_is_not_asked(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.filter_rate = 0.01, .shards = 1});
    crowd(f);
    assert_int_equal(count_found(f, 0, 9), 9);
    assert_int_equal(count_found(f, 9, 20), 0);
    hc_store_stats all = stats(f);
    assert_int_equal(all.filter_answers + all.filter_false_positives, 0);
    set_keys(f, 9, 30);
    assert_int_equal(hc_store_delete(f->store, hc_span_make(&(unsigned){3}, 4)), HC_OK);
    assert_int_equal(count_found(f, 0, 30), 29);
    fixture_close(f);
}

static void test_filter_is_built_again_when_it_can_be(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.filter_rate = 0.01, .shards = 1});
    crowd(f);
    maintain(f); /* in vain: still nine of one hash */
    assert_false(is_covered(f));
    assert_int_equal(hc_store_delete(f->store, hc_span_make(&(unsigned){3}, 4)), HC_OK);
    maintain(f);
    assert_false(is_covered(f)); /* it has just tried */
    test_clock_advance_ms(&f->clock, 10000);
    maintain(f);
    assert_true(is_covered(f));
    store_check(f->store);
    assert_int_equal(count_found(f, 0, 9), 8);
    fixture_close(f);
}

static void test_flush_makes_an_overflowed_filter_whole(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.filter_rate = 0.01, .shards = 1});
    crowd(f);
    hc_store_flush(f->store);
    assert_true(is_covered(f));
    set_keys(f, 0, 4);
    assert_int_equal(count_found(f, 0, 9), 4);
    fixture_close(f);
}

/* Marks the filter as overflowed, as a refused add would. */
static void break_filter(fixture *f)
{
    shard *s = &f->store->shards[0];
    atomic_fetch_add(&s->filter_epoch, 1);
    s->filter_state = FILTER_GIVEN_UP;
    s->filter_rebuild_ns = 0;
    hc_filter_clear(s->filter);
}

/* Of four keys sets so many and deletes the others: the index grows or shrinks. */
static void change_keys(fixture *f, test_random *random, unsigned set_of_four)
{
    for (unsigned i = 0; i < 400; i++) {
        unsigned number = (unsigned)test_random_below(random, KEYS);
        if (i % 4 < set_of_four) {
            set_keys(f, number, number + 1);
        } else {
            (void)hc_store_delete(f->store, hc_span_make(&number, sizeof number));
        }
    }
}

/* Keys come and go, and the index grows and shrinks, while the filter is being built. */
static void test_keys_may_change_while_it_is_built(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        fixture *f = fixture_open((hc_store_options){.filter_rate = 0.01, .shards = 1});
        test_random random;
        test_random_init_quiet(&random, seed);
        set_keys(f, 0, seed % 2 == 0 ? 2000 : KEYS);
        break_filter(f);
        unsigned steps = 0;
        for (; !is_covered(f); steps++) {
            assert_in_range(steps, 0, 100000);
            (void)hc_store_maintain(f->store, 1 + test_random_below(&random, 100));
            change_keys(f, &random, seed % 2 == 0 ? 3 : 1);
        }
        assert_true(steps > 5);
        store_check(f->store); /* each key in it, once */
        assert_int_equal(count_found(f, 0, KEYS), hc_store_count(f->store));
        fixture_close(f);
    }
}

/* ---- several threads ---- */

#define ROUNDS 30u

static void *come_and_go(void *argument)
{
    fixture *f = argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        set_keys(f, KEYS, KEYS + 2000);
        for (unsigned i = KEYS; i < KEYS + 2000; i++) {
            (void)hc_store_delete(f->store, hc_span_make(&i, sizeof i));
        }
        shard *s = &f->store->shards[0];
        hci_lock_acquire(&s->lock);
        if (is_covered(f)) break_filter(f);
        hci_lock_release(&s->lock);
        maintain(f);
    }
    return NULL;
}

static void test_resting_keys_are_found_beside_writers_and_rebuilding(void **state)
{
    (void)state;
    fixture *f =
        fixture_open((hc_store_options){.filter_rate = 0.01, .shards = 1, .filter_capacity = 100});
    set_keys(f, 0, 1000);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, come_and_go, f), 0);
    for (unsigned round = 0; round < 2 * ROUNDS; round++) {
        assert_int_equal(count_found(f, 0, 1000), 1000);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(count_found(f, 0, 1000), 1000);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misses_are_answered_at_the_rate_asked_for),
        cmocka_unit_test(test_bits_alone_make_a_filter_too),
        cmocka_unit_test(test_filter_options_out_of_range_are_refused),
        cmocka_unit_test(test_filter_memory_counts_and_ends_at_the_limit),
        cmocka_unit_test(test_creating_without_memory_leaks_nothing),
        cmocka_unit_test(test_batches_ask_the_filter_too),
        cmocka_unit_test(test_filter_forgets_what_is_gone),
        cmocka_unit_test(test_filter_that_overflows_is_not_asked),
        cmocka_unit_test(test_filter_is_built_again_when_it_can_be),
        cmocka_unit_test(test_flush_makes_an_overflowed_filter_whole),
        cmocka_unit_test(test_keys_may_change_while_it_is_built),
        cmocka_unit_test(test_resting_keys_are_found_beside_writers_and_rebuilding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
