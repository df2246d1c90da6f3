/*
 * test_store.c - what store.h promises of single calls: sizes, conditions, errors, expiry, limits.
 */
#include "support/test.h"
#include "support/test_host.h"

#include "store_check.h"

#include <hypercache/hypercache.h>

#include <stdio.h>

typedef struct fixture {
    test_memory memory;
    test_clock clock;
    hc_host host;
    hc_store *store;
} fixture;

static fixture f;

static int open_store(void **state)
{
    (void)state;
    f = (fixture){.memory = {.grants = SIZE_MAX}};
    test_clock_init(&f.clock);
    f.host = test_host_of(&f.memory, &f.clock, NULL, NULL);
    hc_store_options options = {.size = sizeof options, .shards = 2};
    return hc_store_create(&f.host, &options, &f.store);
}

static int close_store(void **state)
{
    (void)state;
    store_check(f.store);
    hc_store_destroy(f.store);
    assert_int_equal(f.memory.live_bytes, 0);
    assert_int_equal(f.memory.reserved_bytes, 0);
    return 0;
}

static hc_status set_text(const char *key, const char *value, const hc_set_options *options)
{
    return hc_store_set(f.store, span(key), span(value), options);
}

static void assert_value(const char *key, const char *value)
{
    char got[256];
    size_t size = 0;
    assert_int_equal(hc_store_get(f.store, span(key), got, sizeof got, &size), HC_OK);
    test_assert_span(hc_span_make(got, size), span(value));
}

static void assert_absent(const char *key)
{
    assert_int_equal(hc_store_get(f.store, span(key), NULL, 0, NULL), HC_ERR_NOT_FOUND);
}

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    static const hc_store_options bad[] = {
        {.size = sizeof bad[0], .shards = 3},
        {.size = sizeof bad[0], .shards = HC_STORE_SHARDS_MAX * 2},
        {.size = sizeof bad[0], .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN - 1},
        {.size = sizeof bad[0], .default_ttl_ms = -1},
        {.size = sizeof bad[0], .eviction = HC_EVICTION_RANDOM + 1},
        {.size = 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hc_store *store = (hc_store *)1;
        assert_int_equal(hc_store_create(&f.host, &bad[i], &store), HC_ERR_INVALID);
        assert_null(store);
    }
}

static void test_a_store_that_gets_no_memory_is_not_made(void **state)
{
    (void)state;
    size_t grants = 0;
    hc_store_options options = {.size = sizeof options, .shards = 4};
    test_memory memory = {.grants = 0};
    hc_host host = test_host(&memory);
    for (; grants < 100; grants++) {
        hc_store *store = (hc_store *)1;
        memory.grants = grants;
        hc_status status = hc_store_create(&host, &options, &store);
        if (status == HC_OK) {
            hc_store_destroy(store);
            break;
        }
        assert_int_equal(status, HC_ERR_NO_MEMORY);
        assert_null(store);
        assert_int_equal(memory.reserved_bytes, 0);
    }
    assert_in_range(grants, 1, 99);
    assert_int_equal(memory.reserved_bytes, 0);
}

static void test_the_number_of_shards_follows_the_limit(void **state)
{
    (void)state;
    static const struct {
        uint64_t limit;
        uint32_t shards;
    } rows[] = {{0, 16},
                {4u << 20, 1},
                {32u << 20, 2},
                {256u << 20, 16},
                {UINT64_C(16) << 30, 16},
                {UINT64_C(64) << 30, 64}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hc_store *store;
        hc_store_options options = {.size = sizeof options, .max_memory_bytes = rows[i].limit};
        assert_int_equal(hc_store_create(&f.host, &options, &store), HC_OK);
        assert_int_equal(store->shard_count, rows[i].shards);
        hc_store_destroy(store);
    }
}

static void test_destroy_accepts_null(void **state)
{
    (void)state;
    hc_store_destroy(NULL);
}

static void test_keys_and_values_of_every_size_come_back(void **state)
{
    (void)state;
    static const size_t keys[] = {0, 1, 126, 127, 128, 255, 256, 8000, 8192, HC_KEY_BYTES_MAX};
    static const size_t values[] = {0, 1, 127, 128, 8000, 8176, 8192, 65536, 1u << 20};
    static uint8_t key[HC_KEY_BYTES_MAX], value[1u << 20], got[1u << 20];
    for (size_t i = 0; i < sizeof value; i++) {
        key[i % sizeof key] = (uint8_t)(i * 7);
        value[i] = (uint8_t)(i * 13 + i / 256);
    }
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            hc_span name = hc_span_make(key, keys[k]);
            size_t size = 0;
            hc_item item;
            assert_int_equal(hc_store_set(f.store, name, hc_span_make(value, values[v]), NULL),
                             HC_OK);
            assert_int_equal(hc_store_get(f.store, name, got, sizeof got, &size), HC_OK);
            test_assert_span(hc_span_make(got, size), hc_span_make(value, values[v]));
            assert_int_equal(hc_store_stat(f.store, name, &item), HC_OK);
            assert_int_equal(item.value.size, values[v]);
            assert_int_equal(item.key.size, keys[k]);
        }
    }
    assert_int_equal(hc_store_count(f.store), sizeof keys / sizeof keys[0]);
}

static void test_what_is_too_large_is_refused(void **state)
{
    (void)state;
    static uint8_t key[HC_KEY_BYTES_MAX + 1];
    hc_span large = hc_span_make(key, HC_VALUE_BYTES_MAX + 1); /* refused before it is read */
    hc_span long_key = hc_span_make(key, sizeof key);
    int64_t number;
    assert_int_equal(hc_store_set(f.store, long_key, span("v"), NULL), HC_ERR_LIMIT);
    assert_int_equal(hc_store_set(f.store, span("k"), large, NULL), HC_ERR_LIMIT);
    assert_int_equal(hc_store_append(f.store, long_key, span("v"), NULL), HC_ERR_LIMIT);
    assert_int_equal(hc_store_append(f.store, span("k"), large, NULL), HC_ERR_LIMIT);
    assert_int_equal(hc_store_increment(f.store, long_key, 1, &number), HC_ERR_LIMIT);
    assert_int_equal(hc_store_count(f.store), 0);
}

static void test_get_tells_the_size_a_buffer_lacks(void **state)
{
    (void)state;
    char got[4] = "....";
    size_t size = 0;
    assert_int_equal(set_text("k", "hello", NULL), HC_OK);
    assert_int_equal(hc_store_get(f.store, span("k"), got, sizeof got, &size), HC_ERR_BUFFER);
    assert_int_equal(size, 5);
    assert_memory_equal(got, "....", 4);
}

typedef struct sink_log {
    uint8_t place[64];
    size_t size;
    bool refuse;
} sink_log;

static void *sink_reserve(void *ctx, const hc_item *item)
{
    sink_log *log = ctx;
    assert_null(item->value.data);
    log->size = item->value.size;
    return log->refuse ? NULL : log->place;
}

static void test_a_sink_gets_the_value_or_may_refuse_it(void **state)
{
    (void)state;
    static char large[20000];
    sink_log log = {.refuse = false};
    hc_sink sink = {.ctx = &log, .reserve = sink_reserve};
    assert_int_equal(set_text("k", "hello", NULL), HC_OK);
    assert_int_equal(hc_store_read(f.store, span("k"), &sink), HC_OK);
    test_assert_span(hc_span_make(log.place, log.size), span("hello"));
    assert_int_equal(hc_store_read(f.store, span("none"), &sink), HC_ERR_NOT_FOUND);
    log.refuse = true;
    assert_int_equal(hc_store_read(f.store, span("k"), &sink), HC_ERR_BUFFER);
    assert_int_equal(hc_store_set(f.store, span("large"), hc_span_make(large, sizeof large), NULL),
                     HC_OK);
    assert_int_equal(hc_store_read(f.store, span("large"), &sink), HC_ERR_BUFFER);
    assert_int_equal(log.size, sizeof large);
}

static void test_conditions_hold_or_change_nothing(void **state)
{
    (void)state;
    hc_set_options absent = {.size = sizeof absent, .condition = HC_IF_ABSENT};
    hc_set_options present = {.size = sizeof present, .condition = HC_IF_PRESENT};
    assert_int_equal(set_text("k", "1", &present), HC_ERR_CONFLICT);
    assert_absent("k");
    assert_int_equal(set_text("k", "2", &absent), HC_OK);
    assert_int_equal(set_text("k", "3", &absent), HC_ERR_CONFLICT);
    assert_value("k", "2");
    assert_int_equal(set_text("k", "4", &present), HC_OK);
    assert_value("k", "4");
}

static void test_bad_set_options_are_refused(void **state)
{
    (void)state;
    hc_set_options o = {.size = sizeof o, .expires_at_ms = -1};
    assert_int_equal(set_text("k", "v", &o), HC_ERR_INVALID);
    o.expires_at_ms = HC_EXPIRY_MAX_MS + 1;
    assert_int_equal(set_text("k", "v", &o), HC_ERR_INVALID);
    o = (hc_set_options){.size = sizeof o, .condition = (hc_condition)99};
    assert_int_equal(set_text("k", "v", &o), HC_ERR_INVALID);
    o = (hc_set_options){.size = sizeof o, .type = (hc_type)7};
    assert_int_equal(set_text("k", "v", &o), HC_ERR_INVALID);
    assert_int_equal(hc_store_expire(f.store, span("k"), -1), HC_ERR_INVALID);
    assert_int_equal(hc_store_limit(f.store, 1), HC_ERR_INVALID);
    assert_int_equal(hc_store_count(f.store), 0);
}

static void test_an_item_is_gone_the_moment_its_time_has_come(void **state)
{
    (void)state;
    hc_item item;
    hc_set_options o = {.size = sizeof o, .expires_at_ms = TEST_CLOCK_START_MS + 1000};
    assert_int_equal(set_text("k", "v", &o), HC_OK);
    test_clock_advance_ms(&f.clock, 999);
    assert_value("k", "v");
    test_clock_advance_ms(&f.clock, 1);
    assert_absent("k");
    assert_int_equal(hc_store_stat(f.store, span("k"), &item), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_store_expire(f.store, span("k"), HC_EXPIRY_NONE), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_store_delete(f.store, span("k")), HC_ERR_NOT_FOUND);
}

static void test_a_time_in_the_past_deletes(void **state)
{
    (void)state;
    hc_set_options past = {.size = sizeof past, .expires_at_ms = 1};
    assert_int_equal(set_text("k", "v", NULL), HC_OK);
    assert_int_equal(set_text("k", "w", &past), HC_OK);
    assert_absent("k");
    assert_int_equal(set_text("k", "v", NULL), HC_OK);
    assert_int_equal(hc_store_expire(f.store, span("k"), 1), HC_OK);
    assert_absent("k");
    assert_int_equal(hc_store_count(f.store), 0);
}

static void test_expiry_can_be_given_taken_and_kept(void **state)
{
    (void)state;
    int64_t when = TEST_CLOCK_START_MS + 5000;
    hc_item item;
    hc_set_options keep = {.size = sizeof keep, .keep_expiry = true};
    assert_int_equal(set_text("k", "v", NULL), HC_OK);
    for (unsigned i = 0; i < 2; i++) { /* first the item is rewritten, then changed in place */
        assert_int_equal(hc_store_expire(f.store, span("k"), when + i), HC_OK);
        assert_int_equal(hc_store_stat(f.store, span("k"), &item), HC_OK);
        assert_int_equal(item.expires_at_ms, when + i);
    }
    assert_int_equal(set_text("k", "longer than before", &keep), HC_OK);
    assert_int_equal(hc_store_stat(f.store, span("k"), &item), HC_OK);
    assert_int_equal(item.expires_at_ms, when + 1);
    assert_int_equal(hc_store_expire(f.store, span("k"), HC_EXPIRY_NONE), HC_OK);
    assert_int_equal(hc_store_stat(f.store, span("k"), &item), HC_OK);
    assert_int_equal(item.expires_at_ms, HC_EXPIRY_NONE);
    test_clock_advance_ms(&f.clock, 10000);
    assert_value("k", "longer than before");
}

static void test_a_default_ttl_is_for_writes_that_name_none(void **state)
{
    (void)state;
    hc_store *store;
    hc_item item;
    int64_t number;
    hc_store_options options = {.size = sizeof options, .shards = 1, .default_ttl_ms = 60000};
    hc_set_options own = {.size = sizeof own, .expires_at_ms = TEST_CLOCK_START_MS + 5};
    assert_int_equal(hc_store_create(&f.host, &options, &store), HC_OK);
    assert_int_equal(hc_store_set(store, span("set"), span("v"), NULL), HC_OK);
    assert_int_equal(hc_store_append(store, span("append"), span("v"), NULL), HC_OK);
    assert_int_equal(hc_store_increment(store, span("increment"), 1, &number), HC_OK);
    assert_int_equal(hc_store_set(store, span("own"), span("v"), &own), HC_OK);
    const char *names[] = {"set", "append", "increment", "own"};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(hc_store_stat(store, span(names[i]), &item), HC_OK);
        assert_int_equal(item.expires_at_ms - TEST_CLOCK_START_MS, i < 3 ? 60000 : 5);
    }
    hc_store_destroy(store);
}

static void test_increment_counts_within_64_bits(void **state)
{
    (void)state;
    int64_t number = 0;
    assert_int_equal(hc_store_increment(f.store, span("n"), 5, &number), HC_OK);
    assert_int_equal(number, 5);
    assert_int_equal(hc_store_increment(f.store, span("n"), INT64_MAX, &number), HC_ERR_RANGE);
    assert_value("n", "5");
    assert_int_equal(hc_store_increment(f.store, span("n"), -6, &number), HC_OK);
    assert_value("n", "-1");
    assert_int_equal(hc_store_increment(f.store, span("n"), INT64_MIN, &number), HC_ERR_RANGE);
    assert_int_equal(set_text("t", "twelve", NULL), HC_OK);
    assert_int_equal(hc_store_increment(f.store, span("t"), 1, &number), HC_ERR_NOT_NUMBER);
    assert_value("t", "twelve");
}

static void test_append_grows_a_value_past_what_is_packed(void **state)
{
    (void)state;
    static char expected[40000], got[40000];
    size_t size = 0;
    for (unsigned i = 0; i < 400; i++) {
        memset(expected + i * 100, 'a' + (int)(i % 26), 100);
        assert_int_equal(
            hc_store_append(f.store, span("k"), hc_span_make(expected + i * 100, 100), &size),
            HC_OK);
        assert_int_equal(size, (i + 1) * 100);
    }
    assert_int_equal(hc_store_get(f.store, span("k"), got, sizeof got, &size), HC_OK);
    test_assert_span(hc_span_make(got, size), hc_span_make(expected, sizeof expected));
}

static void test_large_values_follow_every_write(void **state)
{
    (void)state;
    static char large[50000];
    hc_item item;
    memset(large, 'L', sizeof large);
    hc_span value = hc_span_make(large, sizeof large);
    assert_int_equal(hc_store_set(f.store, span("k"), value, NULL), HC_OK);
    assert_int_equal(hc_store_expire(f.store, span("k"), TEST_CLOCK_START_MS + 9), HC_OK);
    assert_int_equal(hc_store_stat(f.store, span("k"), &item), HC_OK);
    assert_int_equal(item.value.size, sizeof large);
    store_check(f.store);
    assert_int_equal(set_text("k", "small", NULL), HC_OK);
    store_check(f.store);
    assert_int_equal(f.store->extent_bytes, 0);
    assert_int_equal(hc_store_set(f.store, span("k"), value, NULL), HC_OK);
    assert_int_equal(hc_store_delete(f.store, span("k")), HC_OK);
    assert_int_equal(f.store->extent_bytes, 0);
    assert_int_equal(f.memory.live_bytes, 0);
}

static void test_a_large_value_of_the_same_size_takes_no_new_memory(void **state)
{
    (void)state;
    static uint8_t large[50000], got[50000];
    hc_set_options keep = {.size = sizeof keep, .keep_expiry = true};
    hc_item item;
    size_t size = 0;
    hc_span value = hc_span_make(large, sizeof large);
    hc_set_options soon = {.size = sizeof soon, .expires_at_ms = TEST_CLOCK_START_MS + 50};
    assert_int_equal(hc_store_set(f.store, span("k"), value, &soon), HC_OK);
    f.memory.grants = 0;
    memset(large, 'N', sizeof large);
    assert_int_equal(hc_store_set(f.store, span("k"), value, &keep), HC_OK);
    assert_int_equal(hc_store_get(f.store, span("k"), got, sizeof got, &size), HC_OK);
    assert_memory_equal(got, large, sizeof large);
    assert_int_equal(hc_store_stat(f.store, span("k"), &item), HC_OK);
    assert_int_equal(item.expires_at_ms, TEST_CLOCK_START_MS + 50);
    soon.expires_at_ms += 10;
    assert_int_equal(hc_store_set(f.store, span("k"), value, &soon), HC_OK);
    assert_int_equal(hc_store_stat(f.store, span("k"), &item), HC_OK);
    assert_int_equal(item.expires_at_ms, TEST_CLOCK_START_MS + 60);
    value.size--; /* another size needs a block of its own */
    assert_int_equal(hc_store_set(f.store, span("k"), value, NULL), HC_ERR_NO_MEMORY);
    f.memory.grants = SIZE_MAX;
    assert_int_equal(hc_store_get(f.store, span("k"), got, sizeof got, &size), HC_OK);
    assert_int_equal(size, sizeof large);
    hc_view view; /* nor may a block change that is being viewed */
    assert_int_equal(hc_store_view(f.store, span("k"), got, sizeof got, &view), HC_OK);
    memset(large, 'O', sizeof large);
    value.size = sizeof large;
    assert_int_equal(hc_store_set(f.store, span("k"), value, NULL), HC_OK);
    assert_int_equal(view.value.data[0], 'N');
    hc_view_release(&view);
}

static void test_flush_removes_everything_and_memory_follows(void **state)
{
    (void)state;
    char key[32];
    static char large[20000];
    for (unsigned i = 0; i < 20000; i++) {
        size_t size = (size_t)snprintf(key, sizeof key, "k%u", i);
        hc_span value = hc_span_make(large, i % 100 == 0 ? sizeof large : 50);
        assert_int_equal(hc_store_set(f.store, hc_span_make(key, size), value, NULL), HC_OK);
    }
    uint64_t full = f.store->memory_bytes;
    hc_store_flush(f.store);
    assert_int_equal(hc_store_count(f.store), 0);
    assert_absent("k1");
    store_check(f.store);
    hc_store_flush(f.store); /* the extents of the first are still waiting */
    for (unsigned i = 0; i < 10000 && hc_store_maintain(f.store, 100); i++) {
    }
    assert_true(f.store->memory_bytes < full / 8);
    assert_int_equal(f.store->extent_bytes, 0);
    assert_int_equal(set_text("k1", "again", NULL), HC_OK);
    assert_value("k1", "again");
}

static void test_a_lower_limit_is_reached_by_maintenance(void **state)
{
    (void)state;
    char key[32], value[500];
    memset(value, 'v', sizeof value);
    for (unsigned i = 0; i < 40000; i++) {
        size_t size = (size_t)snprintf(key, sizeof key, "k%u", i);
        assert_int_equal(
            hc_store_set(f.store, hc_span_make(key, size), hc_span_make(value, sizeof value), NULL),
            HC_OK);
    }
    assert_true(f.store->memory_bytes > 16u << 20);
    assert_int_equal(hc_store_limit(f.store, 8u << 20), HC_OK);
    for (unsigned i = 0; i < 100000 && hc_store_maintain(f.store, 0); i++) {
    }
    assert_true(f.store->memory_bytes <= 8u << 20);
    assert_true(hc_store_count(f.store) > 10000);
    assert_int_equal(hc_store_limit(f.store, 0), HC_OK);
}

static void test_expired_memory_comes_back_without_reads(void **state)
{
    (void)state;
    char key[32], value[300];
    hc_set_options o = {.size = sizeof o};
    memset(value, 'v', sizeof value);
    for (unsigned i = 0; i < 50000; i++) {
        size_t size = (size_t)snprintf(key, sizeof key, "k%u", i);
        o.expires_at_ms = i % 10 == 0 ? HC_EXPIRY_NONE : TEST_CLOCK_START_MS + 1000;
        assert_int_equal(
            hc_store_set(f.store, hc_span_make(key, size), hc_span_make(value, sizeof value), &o),
            HC_OK);
    }
    uint64_t before = f.store->memory_bytes;
    test_clock_advance_ms(&f.clock, 1000);
    for (unsigned i = 0; i < 10000 && hc_store_maintain(f.store, 0); i++) {
    }
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(f.store, &stats);
    assert_int_equal(stats.keys, 5000);
    assert_int_equal(stats.expired, 45000);
    assert_int_equal(stats.keys_with_expiry, 0);
    assert_true(stats.memory_bytes < before / 2);
}

static void test_full_means_full_and_serves_on(void **state)
{
    (void)state;
    static char large[1u << 20];
    char key[32], value[100];
    hc_store *store;
    unsigned stored = 0;
    hc_store_options options = {.size = sizeof options,
                                .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                .eviction = HC_EVICTION_NONE};
    memset(value, 'v', sizeof value);
    assert_int_equal(hc_store_create(&f.host, &options, &store), HC_OK);
    for (;; stored++) {
        size_t size = (size_t)snprintf(key, sizeof key, "k%u", stored);
        hc_status status =
            hc_store_set(store, hc_span_make(key, size), hc_span_make(value, sizeof value), NULL);
        if (status == HC_ERR_FULL) break;
        assert_int_equal(status, HC_OK);
    }
    assert_true(stored > 20000);
    assert_int_equal(hc_store_set(store, span("x"), hc_span_make(large, sizeof large), NULL),
                     HC_ERR_FULL);
    assert_int_equal(hc_store_get(store, span("k0"), value, sizeof value, NULL), HC_OK);
    for (unsigned i = 0; i < stored / 4; i++) {
        size_t size = (size_t)snprintf(key, sizeof key, "k%u", i);
        assert_int_equal(hc_store_delete(store, hc_span_make(key, size)), HC_OK);
    }
    assert_int_equal(hc_store_set(store, span("x"), span("fits again"), NULL), HC_OK);
    store_check(store);
    hc_store_destroy(store);
}

static void test_a_large_value_evicts_what_it_needs_from_all_shards(void **state)
{
    (void)state;
    static char large[6u << 20];
    char key[32], value[1000];
    hc_store *store;
    hc_store_options options = {.size = sizeof options, .max_memory_bytes = 16u << 20, .shards = 4};
    memset(value, 'v', sizeof value);
    assert_int_equal(hc_store_create(&f.host, &options, &store), HC_OK);
    for (unsigned i = 0; i < 30000; i++) {
        size_t size = (size_t)snprintf(key, sizeof key, "k%u", i);
        assert_int_equal(
            hc_store_set(store, hc_span_make(key, size), hc_span_make(value, sizeof value), NULL),
            HC_OK);
    }
    hc_span value_span = hc_span_make(large, sizeof large);
    assert_int_equal(hc_store_set(store, span("large"), value_span, NULL), HC_OK);
    assert_true(store->memory_bytes <= 16u << 20);
    hc_txn txn;
    hc_span keys[] = {span("large2")};
    hc_store_begin(store, keys, 1, &txn);
    assert_int_equal(hc_txn_set(&txn, keys[0], value_span, NULL), HC_OK);
    hc_store_end(&txn);
    assert_true(store->memory_bytes <= 16u << 20);
    store_check(store);
    hc_store_destroy(store);
}

static void test_transactions_read_what_they_wrote(void **state)
{
    (void)state;
    hc_txn txn;
    hc_item item;
    hc_span keys[] = {span("a"), span("b")};
    hc_store_begin(f.store, keys, 2, &txn);
    assert_int_equal(hc_txn_get(&txn, keys[0], &item), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_txn_set(&txn, keys[0], span("1"), NULL), HC_OK);
    assert_int_equal(hc_txn_get(&txn, keys[0], &item), HC_OK);
    test_assert_span(item.value, span("1"));
    assert_int_equal(hc_txn_expire(&txn, keys[0], TEST_CLOCK_START_MS + 7), HC_OK);
    assert_int_equal(hc_txn_expire(&txn, keys[0], -7), HC_ERR_INVALID);
    assert_int_equal(hc_txn_delete(&txn, keys[1]), HC_ERR_NOT_FOUND);
    hc_store_end(&txn);
    assert_value("a", "1");
}

static void count_visit(void *ctx, const hc_item *item)
{
    (void)item;
    ++*(size_t *)ctx;
}

static void test_any_cursor_is_safe_and_random_finds_what_is_there(void **state)
{
    (void)state;
    size_t visited = 0;
    test_random random;
    test_random_init(&random, 9);
    assert_int_equal(hc_store_random(f.store, count_visit, &visited), 0);
    assert_int_equal(set_text("only", "one", NULL), HC_OK);
    assert_int_equal(hc_store_random(f.store, count_visit, &visited), 1);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t cursor = test_random_next(&random) >> test_random_below(&random, 64);
        hc_store_scan(f.store, &cursor, SIZE_MAX, count_visit, &visited);
    }
    hc_set_options soon = {.size = sizeof soon, .expires_at_ms = TEST_CLOCK_START_MS + 1};
    assert_int_equal(set_text("only", "one", &soon), HC_OK);
    test_clock_advance_ms(&f.clock, 1);
    assert_int_equal(hc_store_random(f.store, count_visit, &visited), 0);
}

static void test_statistics_count_and_can_be_reset(void **state)
{
    (void)state;
    hc_store_stats stats = {.size = sizeof stats};
    assert_int_equal(set_text("k", "v", NULL), HC_OK);
    assert_value("k", "v");
    assert_absent("none");
    assert_int_equal(hc_store_delete(f.store, span("k")), HC_OK);
    hc_store_stats_get(f.store, &stats);
    assert_int_equal(stats.hits, 1);
    assert_int_equal(stats.misses, 1);
    assert_int_equal(stats.sets, 1);
    assert_int_equal(stats.deletes, 1);
    assert_int_equal(stats.keys, 0);
    hc_store_stats_reset(f.store);
    hc_store_stats_get(f.store, &stats);
    assert_int_equal(stats.hits + stats.misses + stats.sets + stats.deletes, 0);
    uint8_t guarded[sizeof stats];
    memset(guarded, 0x5A, sizeof guarded);
    memcpy(guarded, &(size_t){24}, sizeof(size_t)); /* an older caller's struct */
    hc_store_stats_get(f.store, (hc_store_stats *)(void *)guarded);
    assert_int_equal(guarded[24], 0x5A);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

static void test_a_look_inside_a_transaction_is_no_use_and_a_touch_is(void **state)
{
    (void)state;
    hc_store *store;
    hc_txn txn;
    hc_item item;
    hc_inspection seen = {.size = sizeof seen};
    hc_span key = span("k"), other = span("other");
    assert_int_equal(hc_store_create(NULL, NULL, &store), HC_OK);
    assert_int_equal(hc_store_set(store, key, span("value"), NULL), HC_OK);
    assert_int_equal(hc_store_inspect(store, key, &seen), HC_OK);
    uint32_t use = seen.use;
    hc_store_begin(store, (hc_span[]){key, other}, 2, &txn);
    assert_int_equal(hc_txn_stat(&txn, key, &item), HC_OK);
    assert_int_equal(item.value.size, 5);
    assert_null(item.value.data);
    assert_int_equal(hc_txn_stat(&txn, other, &item), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_txn_touch(&txn, other), HC_ERR_NOT_FOUND);
    hc_store_end(&txn);
    assert_int_equal(hc_store_inspect(store, key, &seen), HC_OK);
    assert_int_equal(seen.use, use);
    hc_store_begin(store, &key, 1, &txn);
    txn.quiet = true;
    assert_int_equal(hc_txn_get(&txn, key, &item), HC_OK);
    hc_store_end(&txn);
    assert_int_equal(hc_store_inspect(store, key, &seen), HC_OK);
    assert_int_equal(seen.use, use);
    hc_store_begin(store, &key, 1, &txn);
    assert_int_equal(hc_txn_touch(&txn, key), HC_OK);
    hc_store_end(&txn);
    assert_int_equal(hc_store_inspect(store, key, &seen), HC_OK);
    assert_int_equal(seen.use, use + 1);
    hc_store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_options_out_of_range_are_refused),
        TEST(test_a_store_that_gets_no_memory_is_not_made),
        TEST(test_the_number_of_shards_follows_the_limit),
        TEST(test_destroy_accepts_null),
        TEST(test_keys_and_values_of_every_size_come_back),
        TEST(test_what_is_too_large_is_refused),
        TEST(test_get_tells_the_size_a_buffer_lacks),
        TEST(test_a_sink_gets_the_value_or_may_refuse_it),
        TEST(test_conditions_hold_or_change_nothing),
        TEST(test_bad_set_options_are_refused),
        TEST(test_an_item_is_gone_the_moment_its_time_has_come),
        TEST(test_a_time_in_the_past_deletes),
        TEST(test_expiry_can_be_given_taken_and_kept),
        TEST(test_a_default_ttl_is_for_writes_that_name_none),
        TEST(test_increment_counts_within_64_bits),
        TEST(test_append_grows_a_value_past_what_is_packed),
        TEST(test_large_values_follow_every_write),
        TEST(test_a_large_value_of_the_same_size_takes_no_new_memory),
        TEST(test_flush_removes_everything_and_memory_follows),
        TEST(test_a_lower_limit_is_reached_by_maintenance),
        TEST(test_expired_memory_comes_back_without_reads),
        TEST(test_full_means_full_and_serves_on),
        TEST(test_a_large_value_evicts_what_it_needs_from_all_shards),
        TEST(test_transactions_read_what_they_wrote),
        TEST(test_any_cursor_is_safe_and_random_finds_what_is_there),
        TEST(test_statistics_count_and_can_be_reset),
        cmocka_unit_test(test_a_look_inside_a_transaction_is_no_use_and_a_touch_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
