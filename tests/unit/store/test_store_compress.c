/*
 * test_store_compress.c - a store that compresses tells the same as one that does not.
 *
 * The model keeps every value as written.  Values are records like small JSON objects, whose field
 * names follow from a family (so that a new family makes the dictionary worse), long texts of such
 * records, and bytes that no compressor makes smaller.
 */
#include "support/test.h"
#include "support/test_host.h"
#include "support/test_threads.h"

#include "store_check.h"

#include <hypercache/hypercache.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define KEYS_MAX 3000u
#define VALUE_MAX 300000u

typedef struct model_item {
    bool present;
    int64_t expires_at_ms;
    uint8_t *value;
    size_t size;
} model_item;

typedef struct model {
    hc_store *store;
    hc_host host;
    test_memory memory;
    test_clock clock;
    test_random random;
    bool evicts;  /* items may vanish */
    bool refuses; /* memory may be refused */
    unsigned family;
    model_item items[KEYS_MAX];
    uint8_t value[VALUE_MAX + 1], got[2 * VALUE_MAX];
} model;

static model *m;

/* ---- values ---- */

/* A record of about 200 bytes. */
static size_t record(test_random *random, unsigned family, char *to)
{
    static const char *const WORDS[] = {"London", "Paris", "Berlin", "Madrid", "Vienna", "Oslo"};
    size_t at = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned name = (family * 7919 + i * 104729) % 65521;
        const char *word = WORDS[test_random_below(random, 6)];
        unsigned number = (unsigned)test_random_below(random, 100000);
        at += (size_t)snprintf(to + at, 64, "%cfield%u\":\"%s-%u\",\"", i == 0 ? '{' : ' ', name,
                               word, number);
    }
    return at;
}

static size_t random_value(uint8_t *to)
{
    uint64_t kind = test_random_below(&m->random, 100);
    if (kind < 70) return record(&m->random, m->family, (char *)to);
    size_t size = (size_t)test_random_below(&m->random, kind < 97 ? 12000 : VALUE_MAX);
    if (kind == 99) {
        memset(to, 'r', size);
    } else if (kind % 2 == 0) {
        for (size_t at = 0; at < size;) {
            char text[512];
            size_t bytes = record(&m->random, m->family, text);
            if (bytes > size - at) bytes = size - at;
            memcpy(to + at, text, bytes);
            at += bytes;
        }
    } else {
        test_random_bytes(&m->random, to, size);
    }
    return size;
}

static hc_span key_of(unsigned number, char *text)
{
    return hc_span_make(text, (size_t)snprintf(text, 32, "key%u", number));
}

/* ---- the model ---- */

static void model_put(unsigned number, hc_span value, int64_t expires_at_ms)
{
    model_item *item = &m->items[number];
    uint8_t *copy = malloc(value.size + 1);
    assert_non_null(copy);
    if (value.size > 0) memcpy(copy, value.data, value.size);
    free(item->value);
    *item = (model_item){true, expires_at_ms, copy, value.size};
}

static void model_drop(unsigned number)
{
    free(m->items[number].value);
    m->items[number] = (model_item){0};
}

static model_item *model_find(unsigned number)
{
    model_item *item = &m->items[number];
    if (item->present && item->expires_at_ms != HC_EXPIRY_NONE &&
        item->expires_at_ms <= m->clock.wall_ms) {
        model_drop(number);
    }
    return item->present ? item : NULL;
}

/* True when the call did what the model expects; false when it was excused. */
static bool agrees(hc_status status, hc_status expected)
{
    if (status == expected) return true;
    if (m->refuses && (status == HC_ERR_NO_MEMORY || status == HC_ERR_FULL)) return false;
    if (m->evicts && status == HC_ERR_NOT_FOUND) return false;
    fail_msg("status %d, expected %d", status, expected);
    return false;
}

static void same(const model_item *item, hc_span value)
{
    assert_non_null(item);
    test_assert_span(value, hc_span_make(item->value, item->size));
}

static void op_set(unsigned number)
{
    char text[32];
    hc_set_options options = {.size = sizeof options};
    hc_span value = hc_span_make(m->value, random_value(m->value));
    if (test_random_below(&m->random, 4) == 0) {
        options.expires_at_ms = m->clock.wall_ms + 1 + (int64_t)test_random_below(&m->random, 3000);
    }
    if (test_random_below(&m->random, 4) == 0) {
        hc_set set = {.key = key_of(number, text), .value = value, .options = &options};
        hc_store_set_many(m->store, &set, 1);
        if (!agrees(set.status, HC_OK)) return;
    } else if (!agrees(hc_store_set(m->store, key_of(number, text), value, &options), HC_OK)) {
        return;
    }
    model_put(number, value, options.expires_at_ms);
}

/* Replaces what has the version of the model's value. */
static void op_set_version(unsigned number)
{
    char text[32];
    const model_item *item = model_find(number);
    hc_set_options options = {.size = sizeof options, .condition = HC_IF_VERSION};
    if (item == NULL) return;
    options.version = hc_value_version(HC_TYPE_STRING, hc_span_make(item->value, item->size));
    hc_span value = hc_span_make(m->value, random_value(m->value));
    hc_span key = key_of(number, text);
    if (agrees(hc_store_set(m->store, key, value, &options), HC_OK)) {
        model_put(number, value, HC_EXPIRY_NONE);
    }
}

static void op_append(unsigned number)
{
    char text[32];
    const model_item *item = model_find(number);
    size_t before = item != NULL ? item->size : 0, size = 0;
    size_t tail = (size_t)test_random_below(&m->random, 300);
    if (before + tail > VALUE_MAX) return;
    if (before > 0) memcpy(m->value, item->value, before);
    test_random_bytes(&m->random, m->value + before, tail);
    hc_span key = key_of(number, text);
    hc_span suffix = hc_span_make(m->value + before, tail);
    hc_status status = hc_store_append(m->store, key, suffix, &size);
    if (!agrees(status, HC_OK)) return;
    if (m->evicts && size == tail && before > 0) {
        model_put(number, suffix, HC_EXPIRY_NONE); /* it had been evicted */
        return;
    }
    assert_int_equal(size, before + tail);
    model_put(number, hc_span_make(m->value, size), item != NULL ? item->expires_at_ms : 0);
}

static void op_expire(unsigned number)
{
    char text[32];
    model_item *item = model_find(number);
    int64_t at_ms = m->clock.wall_ms + 1 + (int64_t)test_random_below(&m->random, 5000);
    if (test_random_below(&m->random, 3) == 0) at_ms = HC_EXPIRY_NONE;
    hc_status status = hc_store_expire(m->store, key_of(number, text), at_ms);
    if (!agrees(status, item != NULL ? HC_OK : HC_ERR_NOT_FOUND)) return;
    if (item != NULL) item->expires_at_ms = at_ms;
}

static void op_increment(unsigned number)
{
    char text[32];
    int64_t value;
    const model_item *item = model_find(number);
    if (item == NULL || item->size < 64) return;
    hc_status status = hc_store_increment(m->store, key_of(number, text), 1, &value);
    if (m->evicts && status == HC_OK) {
        model_put(number, HC_SPAN("1"), HC_EXPIRY_NONE);
        return;
    }
    (void)agrees(status, HC_ERR_NOT_NUMBER);
}

static void op_delete(unsigned number)
{
    char text[32];
    bool present = model_find(number) != NULL;
    hc_status status = hc_store_delete(m->store, key_of(number, text));
    if (agrees(status, present ? HC_OK : HC_ERR_NOT_FOUND) || status == HC_ERR_NOT_FOUND) {
        model_drop(number);
    }
}

static void *reserve_got(void *ctx, const hc_item *item)
{
    *(size_t *)ctx = item->value.size;
    return m->got;
}

static void op_read(unsigned number)
{
    char text[32];
    hc_span key = key_of(number, text);
    const model_item *item = model_find(number);
    size_t size = 0;
    hc_status status = HC_OK, expected = item != NULL ? HC_OK : HC_ERR_NOT_FOUND;
    switch (test_random_below(&m->random, 4)) {
    case 0:
        status = hc_store_get(m->store, key, m->got, sizeof m->got, &size);
        break;
    case 1: {
        hc_sink sink = {.ctx = &size, .reserve = reserve_got};
        status = hc_store_read(m->store, key, &sink);
        break;
    }
    case 2: {
        hc_get get = {.key = key, .buffer = m->got, .buffer_bytes = sizeof m->got};
        hc_store_get_many(m->store, &get, 1);
        status = get.status;
        size = get.size;
        break;
    }
    default: {
        hc_view view;
        uint8_t scratch[HC_STORE_PACKED_BYTES_MAX];
        status = hc_store_view(m->store, key, scratch, sizeof scratch, &view);
        if (status == HC_OK) memcpy(m->got, view.value.data, size = view.value.size);
        hc_view_release(&view);
    }
    }
    if (agrees(status, expected) && item != NULL) same(item, hc_span_make(m->got, size));
}

static void op_stat(unsigned number)
{
    char text[32];
    hc_item out;
    const model_item *item = model_find(number);
    hc_status status = hc_store_stat(m->store, key_of(number, text), &out);
    if (!agrees(status, item != NULL ? HC_OK : HC_ERR_NOT_FOUND) || item == NULL) return;
    assert_int_equal(out.value.size, item->size);
    size_t size = 0;
    if (item->size == 0 || m->evicts) return;
    status = hc_store_get(m->store, key_of(number, text), m->got, item->size - 1, &size);
    if (agrees(status, HC_ERR_BUFFER)) assert_int_equal(size, item->size);
}

/* Two values are held at once, while a third is written. */
static void op_transaction(unsigned number)
{
    char text[2][32];
    unsigned other = (number + 1) % KEYS_MAX;
    const model_item *items[2] = {model_find(number), model_find(other)};
    hc_span keys[2] = {key_of(number, text[0]), key_of(other, text[1])};
    hc_item found[2];
    bool held[2];
    hc_txn txn;
    hc_store_begin(m->store, keys, 2, &txn);
    for (unsigned i = 0; i < 2; i++) {
        hc_status status = hc_txn_get(&txn, keys[i], &found[i]);
        held[i] = agrees(status, items[i] != NULL ? HC_OK : HC_ERR_NOT_FOUND) && items[i] != NULL;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (held[i]) same(items[i], found[i].value);
    }
    hc_span value = hc_span_make(m->value, random_value(m->value));
    bool written = agrees(hc_txn_set(&txn, keys[0], value, NULL), HC_OK);
    hc_status status = hc_txn_get(&txn, keys[0], &found[0]);
    if (written && agrees(status, HC_OK)) test_assert_span(found[0].value, value);
    hc_store_end(&txn);
    if (written) model_put(number, value, HC_EXPIRY_NONE);
}

static void visit_item(void *ctx, const hc_item *item)
{
    (void)ctx;
    char text[32] = {0};
    memcpy(text, item->key.data + 3, item->key.size - 3);
    const model_item *mine = model_find((unsigned)atoi(text));
    assert_non_null(mine);
    if (m->refuses && item->value.data == NULL) return;
    same(mine, item->value);
}

static void op_random(void)
{
    unsigned number = (unsigned)test_random_below(&m->random, KEYS_MAX);
    uint64_t kind = test_random_below(&m->random, 100);
    if (kind < 35) op_set(number);
    if (kind >= 35 && kind < 65) op_read(number);
    if (kind >= 65 && kind < 70) op_stat(number);
    if (kind >= 70 && kind < 76) op_append(number);
    if (kind >= 76 && kind < 80) op_set_version(number);
    if (kind >= 80 && kind < 85) op_expire(number);
    if (kind >= 85 && kind < 87) op_increment(number);
    if (kind >= 87 && kind < 92) op_delete(number);
    if (kind >= 92 && kind < 99) op_transaction(number);
    if (kind == 99) test_clock_advance_ms(&m->clock, 100);
    if (test_random_below(&m->random, 200) == 0) (void)hc_store_maintain(m->store, 0);
}

static void check_all(void)
{
    uint64_t cursor = 0;
    store_check(m->store);
    for (unsigned number = 0; number < KEYS_MAX; number++) {
        op_read(number);
    }
    do {
        hc_store_scan(m->store, &cursor, 1000, visit_item, NULL);
    } while (cursor != 0);
}

static hc_store_stats stats_of(hc_store *store)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(store, &stats);
    return stats;
}

static void model_open(uint64_t seed, hc_store_options options)
{
    m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->memory = (test_memory){.grants = SIZE_MAX};
    test_clock_init(&m->clock);
    test_random_init(&m->random, seed);
    m->host = test_host_of(&m->memory, &m->clock, &m->random, NULL);
    options.size = sizeof options;
    options.compression = HC_COMPRESSION_ZSTD;
    assert_int_equal(hc_store_create(&m->host, &options, &m->store), HC_OK);
}

static void model_close(void)
{
    hc_store_destroy(m->store);
    assert_int_equal(m->memory.live_bytes, 0);
    assert_int_equal(m->memory.reserved_bytes, 0);
    for (unsigned number = 0; number < KEYS_MAX; number++) {
        model_drop(number);
    }
    free(m);
}

/* Each round writes records of another family. */
static void model_run(unsigned rounds, unsigned operations)
{
    for (unsigned round = 0; round < rounds; round++) {
        m->family = round;
        for (unsigned i = 0; i < operations; i++) {
            op_random();
        }
        check_all();
    }
}

/* ---- promises ---- */

static void test_every_call_tells_the_raw_value(void **state)
{
    (void)state;
    model_open(11, (hc_store_options){.shards = 2});
    model_run(4, 20000);
    hc_store_stats stats = stats_of(m->store);
    assert_true(stats.compressed_items > KEYS_MAX / 4);
    assert_true(stats.compressed_raw_bytes > 2 * stats.compressed_stored_bytes);
    assert_true(stats.dictionary_trainings > 0);
    assert_true(stats.compressions > 0 && stats.compressions_skipped > 0);
    assert_true(stats.decompressions > 0);
    hc_store_flush(m->store);
    stats = stats_of(m->store);
    assert_int_equal(stats.compressed_items + stats.compressed_raw_bytes, 0);
    model_close();
}

static void test_values_are_right_or_gone_where_items_are_evicted(void **state)
{
    (void)state;
    model_open(12, (hc_store_options){.shards = 1, .max_memory_bytes = 6u << 20});
    m->evicts = true;
    model_run(3, 30000);
    hc_store_stats stats = stats_of(m->store);
    assert_true(stats.evicted > 0 && stats.compressed_items > 0);
    model_close();
}

/* One request in fifty, and all in a row at times, is refused. */
static void test_refused_memory_loses_nothing(void **state)
{
    (void)state;
    model_open(13, (hc_store_options){.shards = 2});
    m->refuses = true;
    for (unsigned i = 0; i < 1000; i++) {
        m->family = i / 250;
        m->memory.grants = test_random_below(&m->random, 30);
        for (unsigned j = 0; j < 60; j++) {
            op_random();
        }
        m->memory.grants = SIZE_MAX;
    }
    assert_true(m->memory.refused > 100);
    m->refuses = false;
    check_all();
    model_close();
}

static void test_creation_without_memory_fails_cleanly(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_store_options options = {
        .size = sizeof options, .shards = 1, .compression = HC_COMPRESSION_ZSTD};
    hc_store *store = NULL;
    size_t grants = 0;
    for (; grants < 100; grants++) {
        memory.grants = grants;
        if (hc_store_create(&host, &options, &store) == HC_OK) break;
        assert_null(store);
        assert_int_equal(memory.live_bytes + memory.reserved_bytes, 0);
    }
    assert_in_range(grants, 1, 99);
    hc_store_destroy(store);
    assert_int_equal(memory.live_bytes + memory.reserved_bytes, 0);
}

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    hc_store *store;
    hc_store_options options = {.size = sizeof options, .compression = 2};
    assert_int_equal(hc_store_create(NULL, &options, &store), HC_ERR_INVALID);
    options.compression = HC_COMPRESSION_ZSTD;
    options.compression_min_bytes = 31;
    assert_int_equal(hc_store_create(NULL, &options, &store), HC_ERR_INVALID);
}

static void write_records(unsigned count, unsigned first)
{
    for (unsigned i = 0; i < count; i++) {
        char text[32];
        unsigned number = (first + i) % KEYS_MAX;
        hc_span value = hc_span_make(m->value, record(&m->random, m->family, (char *)m->value));
        assert_int_equal(hc_store_set(m->store, key_of(number, text), value, NULL), HC_OK);
        model_put(number, value, HC_EXPIRY_NONE);
        if (i % 100 == 0) (void)hc_store_maintain(m->store, 0);
    }
}

static void test_records_take_half_the_memory_once_a_dictionary_is_trained(void **state)
{
    (void)state;
    model_open(14, (hc_store_options){.shards = 4});
    write_records(3 * KEYS_MAX, 0);
    hc_store_stats stats = stats_of(m->store);
    assert_int_equal(stats.dictionary_trainings, 1);
    assert_int_equal(stats.dictionaries, 1);
    assert_int_equal(stats.compressed_items, KEYS_MAX);
    assert_true(stats.compressed_raw_bytes > 2 * stats.compressed_stored_bytes);
    check_all();
    model_close();
}

/* Families follow each other; each leaves behind a few items that need its dictionary. */
static void test_a_new_kind_of_values_gets_a_new_dictionary_and_old_ones_stay_readable(void **state)
{
    (void)state;
    model_open(15, (hc_store_options){.shards = 2});
    for (unsigned family = 0; family < 5; family++) {
        m->family = family;
        write_records(16000, family * 100);
        hc_store_stats stats = stats_of(m->store);
        assert_int_equal(stats.dictionary_trainings, family + 1);
        assert_true(stats.compressed_raw_bytes > 2 * stats.compressed_stored_bytes);
        check_all();
    }
    model_close();
}

static void test_dictionaries_are_bounded_and_go_with_their_last_item(void **state)
{
    (void)state;
    model_open(16, (hc_store_options){.shards = 2});
    for (unsigned family = 0; family < 14; family++) {
        char text[32];
        m->family = family;
        write_records(16000, 0);
        /* one item of each family stays */
        hc_span value = hc_span_make(m->value, record(&m->random, family, (char *)m->value));
        hc_span key = hc_span_make(text, (size_t)snprintf(text, sizeof text, "kept%u", family));
        assert_int_equal(hc_store_set(m->store, key, value, NULL), HC_OK);
        assert_in_range(stats_of(m->store).dictionaries, 1, DICTIONARIES_MAX);
    }
    assert_int_equal(stats_of(m->store).dictionaries, DICTIONARIES_MAX);
    uint64_t bytes = stats_of(m->store).compression_memory_bytes;
    hc_store_flush(m->store);
    for (unsigned i = 0; i < 3 * DICTIONARIES_MAX; i++) {
        (void)hc_store_maintain(m->store, 0);
    }
    assert_int_equal(stats_of(m->store).dictionaries, 1);
    assert_true(stats_of(m->store).compression_memory_bytes < bytes);
    model_close();
}

/* 1 value in 256 is still tried. */
static void test_values_that_do_not_get_smaller_are_seldom_tried(void **state)
{
    (void)state;
    char text[32];
    model_open(17, (hc_store_options){.shards = 2});
    for (unsigned i = 0; i < 50000; i++) {
        test_random_bytes(&m->random, m->value, 200);
        hc_span value = hc_span_make(m->value, 200), key = key_of(i % KEYS_MAX, text);
        assert_int_equal(hc_store_set(m->store, key, value, NULL), HC_OK);
        if (i % 100 == 0) (void)hc_store_maintain(m->store, 0);
    }
    hc_store_stats stats = stats_of(m->store);
    assert_int_equal(stats.compressed_items + stats.compressions, 0);
    assert_int_equal(stats.compressions_skipped, 50000);
    assert_int_equal(stats.dictionary_trainings, 0);
    m->family = 1;
    write_records(3 * KEYS_MAX, 0); /* and comes back when they do */
    assert_true(stats_of(m->store).compressed_items > KEYS_MAX / 2);
    model_close();
}

/* ---- threads ---- */

#define THREADS 4u
#define THREAD_KEYS 400u

typedef struct arena {
    hc_store *store;
    unsigned operations;
    atomic_uint number, wrong;
} arena;

/* A value tells its own checksum, so a torn or mixed one shows. */
static size_t sealed_record(test_random *random, unsigned family, char *to)
{
    size_t size = record(random, family, to + 8);
    uint64_t seal = hc_value_version(HC_TYPE_STRING, hc_span_make(to + 8, size));
    memcpy(to, &seal, sizeof seal);
    return size + 8;
}

static bool is_sealed(const char *value, size_t size)
{
    uint64_t seal;
    memcpy(&seal, value, sizeof seal);
    return seal == hc_value_version(HC_TYPE_STRING, hc_span_make(value + 8, size - 8));
}

static void *read_and_write(void *argument)
{
    arena *a = argument;
    unsigned me = atomic_fetch_add(&a->number, 1);
    test_random random;
    test_random_init_quiet(&random, 1000 + me);
    for (unsigned i = 0; i < a->operations; i++) {
        char text[32], value[1024];
        size_t size;
        hc_span key = key_of((unsigned)test_random_below(&random, THREAD_KEYS), text);
        uint64_t kind = test_random_below(&random, 10);
        if (kind < 4) {
            size = sealed_record(&random, i / 8000, value);
            if (hc_store_set(a->store, key, hc_span_make(value, size), NULL) != HC_OK) a->wrong++;
        } else if (kind < 5) {
            hc_item item;
            hc_txn txn;
            hc_store_begin(a->store, &key, 1, &txn);
            if (hc_txn_get(&txn, key, &item) == HC_OK &&
                !is_sealed((const char *)item.value.data, item.value.size)) {
                a->wrong++;
            }
            hc_store_end(&txn);
        } else if (kind < 6 && i % 16 == 0) {
            (void)hc_store_delete(a->store, key);
        } else if (hc_store_get(a->store, key, value, sizeof value, &size) == HC_OK) {
            if (!is_sealed(value, size)) a->wrong++;
        }
        if (i % 64 == me) (void)hc_store_maintain(a->store, 64);
    }
    return NULL;
}

static void test_threads_read_whole_values_while_dictionaries_come_and_go(void **state)
{
    (void)state;
    arena a = {.operations = 40000};
    hc_store_options options = {
        .size = sizeof options, .shards = 2, .compression = HC_COMPRESSION_ZSTD};
    assert_int_equal(hc_store_create(NULL, &options, &a.store), HC_OK);
    test_threads(THREADS, read_and_write, &a, 0);
    assert_int_equal(a.wrong, 0);
    assert_true(stats_of(a.store).dictionary_trainings > 1);
    store_check(a.store);
    hc_store_destroy(a.store);
}

static void *read_once(void *argument)
{
    char text[32], value[1024];
    hc_status status = hc_store_get(argument, key_of(1, text), value, sizeof value, &(size_t){0});
    return status == HC_OK ? argument : NULL;
}

/* More of them than there are stripes. */
static void test_threads_that_come_and_go_leave_no_contexts_behind(void **state)
{
    (void)state;
    model_open(18, (hc_store_options){.shards = 2});
    write_records(3 * KEYS_MAX, 0);
    uint64_t bytes = stats_of(m->store).compression_memory_bytes;
    for (unsigned i = 0; i < 3 * STRIPES; i++) {
        pthread_t thread;
        void *result;
        assert_int_equal(pthread_create(&thread, NULL, read_once, m->store), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_ptr_equal(result, m->store);
        if (i == 0) bytes = stats_of(m->store).compression_memory_bytes;
    }
    assert_int_equal(stats_of(m->store).compression_memory_bytes, bytes);
    model_close();
}

typedef struct keys_seen {
    size_t count, value_bytes;
} keys_seen;

static void see_key(void *ctx, const hc_item *item)
{
    keys_seen *seen = ctx;
    assert_null(item->value.data);
    assert_non_null(item->key.data);
    seen->count++;
    seen->value_bytes += item->value.size;
}

static void test_a_walk_over_keys_unpacks_no_value(void **state)
{
    (void)state;
    enum { ITEMS = 100, BYTES = 4000 };
    hc_store *store;
    const hc_store_options options = {.size = sizeof options, .compression = HC_COMPRESSION_ZSTD};
    static const uint8_t same[BYTES];
    assert_int_equal(hc_store_create(NULL, &options, &store), HC_OK);
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_int_equal(
            hc_store_set(store, hc_span_make(&i, sizeof i), hc_span_make(same, BYTES), NULL),
            HC_OK);
    assert_int_equal(hc_store_set(store, span("raw"), span("value"), NULL), HC_OK);
    assert_true(stats_of(store).compressed_items > 0);
    uint64_t unpacked = stats_of(store).decompressions, cursor = 0;
    keys_seen seen = {0};
    do {
        hc_store_scan_keys(store, &cursor, 10, see_key, &seen);
    } while (cursor != 0);
    assert_int_equal(seen.count, ITEMS + 1);
    assert_int_equal(seen.value_bytes, ITEMS * BYTES + 5);
    assert_int_equal(stats_of(store).decompressions, unpacked);
    hc_store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_tells_the_raw_value),
        cmocka_unit_test(test_values_are_right_or_gone_where_items_are_evicted),
        cmocka_unit_test(test_refused_memory_loses_nothing),
        cmocka_unit_test(test_creation_without_memory_fails_cleanly),
        cmocka_unit_test(test_options_out_of_range_are_refused),
        cmocka_unit_test(test_records_take_half_the_memory_once_a_dictionary_is_trained),
        cmocka_unit_test(
            test_a_new_kind_of_values_gets_a_new_dictionary_and_old_ones_stay_readable),
        cmocka_unit_test(test_dictionaries_are_bounded_and_go_with_their_last_item),
        cmocka_unit_test(test_a_walk_over_keys_unpacks_no_value),
        cmocka_unit_test(test_values_that_do_not_get_smaller_are_seldom_tried),
        cmocka_unit_test(test_threads_that_come_and_go_leave_no_contexts_behind),
        cmocka_unit_test(test_threads_read_whole_values_while_dictionaries_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
