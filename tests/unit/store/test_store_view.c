/*
 * test_store_view.c - a viewed value stays as it was, whatever happens to its key; touching; and
 * walking by pattern.
 */
#include "support/test.h"

#include "store_fixture.h"

#include <hypercache/hypercache.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGE_BYTES 20000u

typedef struct fixture {
    store_fixture on;
    uint8_t scratch[HC_STORE_PACKED_BYTES_MAX];
    uint8_t large[LARGE_BYTES];
} fixture;

static int setup_with(void **state, hc_store_options options)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_fixture_open(&f->on, options);
    memset(f->large, 'a', sizeof f->large);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, (hc_store_options){.shards = 2});
}

static int setup_limited(void **state)
{
    return setup_with(state, (hc_store_options){.max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                                .eviction = HC_EVICTION_FIFO});
}

static int teardown(void **state)
{
    fixture *f = *state;
    store_fixture_close(&f->on);
    free(f);
    return 0;
}

static void set(fixture *f, const char *key, hc_span value)
{
    assert_int_equal(hc_store_set(f->on.store, span(key), value, NULL), HC_OK);
}

static hc_view view(fixture *f, const char *key)
{
    hc_view seen;
    assert_int_equal(hc_store_view(f->on.store, span(key), f->scratch, sizeof f->scratch, &seen),
                     HC_OK);
    return seen;
}

static uint64_t extent_bytes(fixture *f)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(f->on.store, &stats);
    return stats.extent_bytes;
}

static void test_packed_value_is_copied_to_the_scratch(void **state)
{
    fixture *f = *state;
    hc_set_options o = {.size = sizeof o, .expires_at_ms = f->on.clock.wall_ms + 50};
    assert_int_equal(hc_store_set(f->on.store, span("k"), span("hello"), &o), HC_OK);
    hc_view seen = view(f, "k");
    test_assert_span(seen.value, span("hello"));
    assert_ptr_equal(seen.value.data, f->scratch);
    assert_int_equal(seen.expires_at_ms, f->on.clock.wall_ms + 50);
    assert_int_equal(seen.type, HC_TYPE_STRING);
    set(f, "k", span("other"));
    test_assert_span(seen.value, span("hello"));
    hc_view_release(&seen);
}

static void test_every_packed_value_fits_the_public_size(void **state)
{
    fixture *f = *state;
    size_t sizes[] = {0,
                      1,
                      4096,
                      HC_STORE_PACKED_BYTES_MAX - 20,
                      HC_STORE_PACKED_BYTES_MAX - 16,
                      HC_STORE_PACKED_BYTES_MAX,
                      LARGE_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        set(f, "k", hc_span_make(f->large, sizes[i]));
        hc_view seen = view(f, "k");
        test_assert_span(seen.value, hc_span_make(f->large, sizes[i]));
        hc_view_release(&seen);
    }
}

static void test_large_value_is_lent_and_not_copied(void **state)
{
    fixture *f = *state;
    set(f, "k", hc_span_make(f->large, LARGE_BYTES));
    hc_view seen;
    assert_int_equal(hc_store_view(f->on.store, span("k"), NULL, 0, &seen), HC_OK);
    test_assert_span(seen.value, hc_span_make(f->large, LARGE_BYTES));
    hc_view again = view(f, "k");
    assert_ptr_equal(seen.value.data, again.value.data);
    hc_view_release(&again);
    hc_view_release(&again);
    hc_view_release(&seen);
}

static void overwrite_same_size(fixture *f)
{
    uint8_t other[LARGE_BYTES];
    memset(other, 'b', sizeof other);
    set(f, "k", hc_span_make(other, sizeof other));
}

static void overwrite_small(fixture *f)
{
    set(f, "k", span("small"));
}

static void append(fixture *f)
{
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(hc_store_append(f->on.store, span("k"), span("tail"), NULL), HC_OK);
    }
}

static void expire(fixture *f)
{
    assert_int_equal(hc_store_expire(f->on.store, span("k"), f->on.clock.wall_ms + 1), HC_OK);
    test_clock_advance_ms(&f->on.clock, 1);
    while (hc_store_maintain(f->on.store, 0)) {
    }
    assert_int_equal(hc_store_count(f->on.store), 0);
}

static void delete_key(fixture *f)
{
    assert_int_equal(hc_store_delete(f->on.store, span("k")), HC_OK);
}

static void flush(fixture *f)
{
    hc_store_flush(f->on.store);
    while (hc_store_maintain(f->on.store, 0)) {
    }
}

static void test_lent_value_outlives_whatever_happens_to_its_key(void **state)
{
    fixture *f = *state;
    void (*const changes[])(fixture *) = {
        overwrite_same_size, overwrite_small, append, expire, delete_key, flush};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        set(f, "k", hc_span_make(f->large, LARGE_BYTES));
        hc_view seen = view(f, "k");
        changes[i](f);
        test_assert_span(seen.value, hc_span_make(f->large, LARGE_BYTES));
        assert_true(extent_bytes(f) >= LARGE_BYTES); /* counted while it is held */
        hc_view_release(&seen);
        hc_store_flush(f->on.store);
        while (hc_store_maintain(f->on.store, 0)) {
        }
        assert_int_equal(extent_bytes(f), 0);
    }
}

static void test_lent_value_outlives_eviction(void **state)
{
    fixture *f = *state;
    char key[16];
    set(f, "k", hc_span_make(f->large, LARGE_BYTES));
    hc_view seen = view(f, "k");
    hc_item item;
    for (unsigned i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "other%u", i);
        set(f, key, hc_span_make(f->large, 5000));
    }
    assert_int_equal(hc_store_stat(f->on.store, span("k"), &item), HC_ERR_NOT_FOUND);
    test_assert_span(seen.value, hc_span_make(f->large, LARGE_BYTES));
    hc_view_release(&seen);
}

static void test_view_that_fails_holds_nothing(void **state)
{
    fixture *f = *state;
    hc_view seen;
    assert_int_equal(hc_store_view(f->on.store, span("none"), f->scratch, 8, &seen),
                     HC_ERR_NOT_FOUND);
    assert_int_equal(seen.value.size, 0);
    hc_view_release(&seen);
    set(f, "k", span("hello"));
    assert_int_equal(hc_store_view(f->on.store, span("k"), f->scratch, 4, &seen), HC_ERR_BUFFER);
    assert_int_equal(seen.value.size, 5);
    assert_null(seen.held);
    hc_view_release(&seen);
}

static unsigned use_of(fixture *f, const char *key)
{
    uint64_t hash = hash_of(f->on.store, span(key));
    shard *s = shard_of(f->on.store, hash);
    slot at;
    assert_true(hci_index_find(f->on.store, s, hash, span(key), &at));
    return hci_index_use(s, at);
}

static void test_touch_and_view_are_uses_and_stat_is_none(void **state)
{
    fixture *f = *state;
    hc_item item;
    assert_int_equal(hc_store_touch(f->on.store, span("k")), HC_ERR_NOT_FOUND);
    for (unsigned large = 0; large < 2; large++) {
        hc_store_flush(f->on.store);
        set(f, "k", hc_span_make(f->large, large ? LARGE_BYTES : 10));
        assert_int_equal(hc_store_stat(f->on.store, span("k"), &item), HC_OK);
        assert_int_equal(use_of(f, "k"), 0);
        assert_int_equal(hc_store_touch(f->on.store, span("k")), HC_OK);
        assert_int_equal(use_of(f, "k"), 1);
        hc_view seen = view(f, "k");
        hc_view_release(&seen);
        assert_int_equal(use_of(f, "k"), 2);
        assert_int_equal(
            hc_store_view_quietly(f->on.store, span("k"), f->scratch, sizeof f->scratch, &seen),
            HC_OK);
        assert_int_equal(seen.value.size, large ? LARGE_BYTES : 10);
        hc_view_release(&seen);
        assert_int_equal(use_of(f, "k"), 2);
    }
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(f->on.store, &stats);
    assert_int_equal(stats.hits, 4); /* the views */
    assert_int_equal(stats.misses, 0);
    assert_int_equal(hc_store_expire(f->on.store, span("k"), f->on.clock.wall_ms + 5), HC_OK);
    test_clock_advance_ms(&f->on.clock, 5);
    assert_int_equal(hc_store_touch(f->on.store, span("k")), HC_ERR_NOT_FOUND);
}

/* ---- several threads ---- */

#define TURNS 3000u

static void *rewrite(void *argument)
{
    hc_store *store = argument;
    static uint8_t value[LARGE_BYTES];
    for (unsigned i = 0; i < TURNS; i++) {
        size_t bytes = i % 3 == 0 ? 100 : LARGE_BYTES - i % 7;
        memset(value, 'a' + (int)(i % 26), bytes);
        assert_int_equal(hc_store_set(store, span("k"), hc_span_make(value, bytes), NULL), HC_OK);
        if (i % 5 == 0) (void)hc_store_delete(store, span("k"));
    }
    return NULL;
}

static void test_views_are_whole_beside_writers(void **state)
{
    fixture *f = *state;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, rewrite, f->on.store), 0);
    unsigned viewed = 0; /* the key is there when the writer has ended */
    for (unsigned i = 0; i < TURNS || viewed == 0; i++) {
        hc_view seen;
        hc_status status =
            hc_store_view(f->on.store, span("k"), f->scratch, sizeof f->scratch, &seen);
        if (status == HC_ERR_NOT_FOUND) continue;
        assert_int_equal(status, HC_OK);
        for (size_t j = 1; j < seen.value.size; j += 97) {
            assert_int_equal(seen.value.data[j], seen.value.data[0]);
        }
        viewed++;
        hc_view_release(&seen);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
}

/* ---- walking by pattern ---- */

static void note(void *ctx, const hc_item *item)
{
    unsigned *numbers = ctx;
    char text[16] = {0};
    unsigned number = 0;
    memcpy(text, item->key.data, item->key.size);
    assert_int_equal(sscanf(text, "odd:%u", &number), 1);
    numbers[number]++;
}

static void test_scan_by_pattern_visits_the_keys_that_match(void **state)
{
    fixture *f = *state;
    enum { KEYS = 2000 };
    static unsigned numbers[KEYS];
    char key[16];
    memset(numbers, 0, sizeof numbers);
    for (unsigned i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "%s:%u", i % 2 ? "odd" : "even", i);
        set(f, key, span("v"));
    }
    uint64_t cursor = 0;
    unsigned calls = 0;
    do {
        assert_int_equal(
            hc_store_scan_match(f->on.store, &cursor, 100, span("odd:*"), note, numbers), HC_OK);
        calls++;
    } while (cursor != 0);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(numbers[i], i % 2);
    }
    assert_in_range(calls, KEYS / 150, KEYS / 100 + 1); /* count is of items looked at */
}

static void test_scan_refuses_a_pattern_too_long(void **state)
{
    fixture *f = *state;
    uint64_t cursor = 0;
    set(f, "odd:1", span("v"));
    assert_int_equal(hc_store_scan_match(f->on.store, &cursor, 10,
                                         hc_span_make(f->large, HC_GLOB_PATTERN_BYTES_MAX + 1),
                                         note, NULL),
                     HC_ERR_LIMIT);
    assert_int_equal(cursor, 0);
    assert_int_equal(hc_store_scan_match(f->on.store, &cursor, 10,
                                         hc_span_make(f->large, HC_GLOB_PATTERN_BYTES_MAX), note,
                                         NULL),
                     HC_OK);
}

static void test_a_transaction_lends_beyond_its_end(void **state)
{
    fixture *f = *state;
    const hc_span key = span("large");
    hc_txn txn;
    hc_item item;
    hc_view lent;
    set(f, "large", hc_span_make(f->large, LARGE_BYTES));
    hc_store_begin(f->on.store, &key, 1, &txn);
    assert_int_equal(hc_txn_get(&txn, key, &item), HC_OK);
    assert_int_equal(hc_txn_view(&txn, key, &lent), HC_OK);
    assert_ptr_equal(lent.value.data, item.value.data);
    assert_int_equal(hc_txn_delete(&txn, key), HC_OK);
    hc_store_end(&txn);
    assert_int_equal(lent.value.size, LARGE_BYTES);
    assert_memory_equal(lent.value.data, f->large, LARGE_BYTES);
    hc_view_release(&lent);
    assert_int_equal(extent_bytes(f), 0);
}

static void test_a_transaction_lends_no_packed_value(void **state)
{
    fixture *f = *state;
    const hc_span keys[2] = {span("small"), span("none")};
    hc_txn txn;
    hc_view lent;
    set(f, "small", span("value"));
    hc_store_begin(f->on.store, keys, 2, &txn);
    assert_int_equal(hc_txn_view(&txn, keys[0], &lent), HC_ERR_UNSUPPORTED);
    assert_null(lent.held);
    assert_int_equal(hc_txn_view(&txn, keys[1], &lent), HC_ERR_NOT_FOUND);
    assert_null(lent.held);
    hc_store_end(&txn);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_packed_value_is_copied_to_the_scratch),
        WITH_STORE(test_every_packed_value_fits_the_public_size),
        WITH_STORE(test_large_value_is_lent_and_not_copied),
        WITH_STORE(test_lent_value_outlives_whatever_happens_to_its_key),
        cmocka_unit_test_setup_teardown(test_lent_value_outlives_eviction, setup_limited, teardown),
        WITH_STORE(test_view_that_fails_holds_nothing),
        WITH_STORE(test_a_transaction_lends_beyond_its_end),
        WITH_STORE(test_a_transaction_lends_no_packed_value),
        WITH_STORE(test_touch_and_view_are_uses_and_stat_is_none),
        WITH_STORE(test_views_are_whole_beside_writers),
        WITH_STORE(test_scan_by_pattern_visits_the_keys_that_match),
        WITH_STORE(test_scan_refuses_a_pattern_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
