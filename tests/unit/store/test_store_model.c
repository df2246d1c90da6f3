/*
 * test_store_model.c - the store against a plain array, over millions of random operations.
 *
 * Keys are numbers; the model remembers for each whether it is there, what value it has (drawn
 * from a number and a size) and when it expires.  Where the store may evict, a key may also be
 * gone, but what is there must be right.  The clock is virtual; the store is recounted
 * (store_check.h) now and then.
 */
#include "support/test.h"
#include "support/test_host.h"

#include "store_check.h"

#include <hypercache/hypercache.h>

#include <stdio.h>

#define KEYS_MAX 20000u
#define VALUE_MAX 70000u

typedef struct model_item {
    bool present;
    uint32_t value_bytes;
    uint64_t pattern;
    int64_t expires_at_ms;
} model_item;

typedef struct model {
    hc_store *store;
    hc_host host;
    test_memory memory;
    test_clock clock;
    test_random random;
    bool evicts;   /* items may vanish */
    bool refuses;  /* writes may fail */
    uint32_t keys; /* numbers in use */
    model_item items[KEYS_MAX];
    uint8_t value[VALUE_MAX];
    uint8_t got[VALUE_MAX];
} model;

static model *m;

/* Sizes like a cache's: mostly small, some of a few KiB, few larger than a segment. */
static uint32_t random_size(void)
{
    uint64_t kind = test_random_below(&m->random, 1000);
    if (m->evicts) kind += kind / 8; /* more of the large ones, to reach the limit */
    if (kind < 900) return (uint32_t)test_random_below(&m->random, 100);
    if (kind < 990) return (uint32_t)test_random_below(&m->random, 3000);
    if (kind < 998) return (uint32_t)test_random_below(&m->random, 12000);
    return (uint32_t)test_random_below(&m->random, VALUE_MAX);
}

/* Keys of all lengths, a few of them long. */
static hc_span key_of(uint32_t number, char *text)
{
    int size = snprintf(text, 300, "k%u", number);
    if (number % 7 == 0) {
        memset(text + size, 'x', number % 256);
        size += (int)(number % 256);
    }
    return number == 0 ? hc_span_make(NULL, 0) : hc_span_make(text, (size_t)size);
}

static void fill(uint8_t *to, uint64_t pattern, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(pattern >> i % 8 * 8 ^ i);
    }
}

static model_item *model_find(uint32_t number)
{
    model_item *item = &m->items[number];
    if (item->present && item->expires_at_ms != HC_EXPIRY_NONE &&
        item->expires_at_ms <= m->clock.wall_ms) {
        item->present = false;
    }
    return item->present ? item : NULL;
}

static uint32_t random_key(void)
{
    return (uint32_t)test_random_below(&m->random, m->keys);
}

static int64_t random_expiry(void)
{
    if (test_random_below(&m->random, 3) != 0) return HC_EXPIRY_NONE;
    return m->clock.wall_ms + (int64_t)test_random_below(&m->random, 5000);
}

/* After a write that keeps an expiry: the old item may have been evicted, and its expiry with it.
 */
static void model_reread_expiry(uint32_t number)
{
    char text[600];
    hc_item item;
    if (!m->evicts || hc_store_stat(m->store, key_of(number, text), &item) != HC_OK) return;
    m->items[number].expires_at_ms = item.expires_at_ms;
}

/* True when `status` is what the model expects, or an excuse the configuration allows. */
static bool agrees(hc_status status, hc_status expected)
{
    if (status == expected) return true;
    if (m->refuses && (status == HC_ERR_FULL || status == HC_ERR_NO_MEMORY)) return false;
    if (m->evicts && status == HC_ERR_NOT_FOUND && expected == HC_OK) return false;
    fail_msg("status %d, expected %d", status, expected);
    return false;
}

static void op_set(uint32_t number)
{
    char text[600];
    model_item *old = model_find(number);
    uint64_t pattern = test_random_next(&m->random);
    /* often the size it had, so that overwriting in place is tested */
    bool same = old != NULL && test_random_below(&m->random, 2) == 0;
    uint32_t bytes = same ? old->value_bytes : random_size();
    hc_set_options o = {.size = sizeof o,
                        .expires_at_ms = random_expiry(),
                        .condition = (hc_condition)test_random_below(&m->random, 3),
                        .keep_expiry = test_random_below(&m->random, 2) == 0};
    if (test_random_below(&m->random, 2) == 0) o.condition = HC_IF_ALWAYS;
    hc_status expected = HC_OK;
    if (o.condition == HC_IF_ABSENT && old != NULL) expected = HC_ERR_CONFLICT;
    if (o.condition == HC_IF_PRESENT && old == NULL) expected = HC_ERR_CONFLICT;
    fill(m->value, pattern, bytes);
    hc_status status =
        hc_store_set(m->store, key_of(number, text), hc_span_make(m->value, bytes), &o);
    if (m->evicts && o.condition != HC_IF_ALWAYS && status != expected && status != HC_ERR_FULL) {
        /* evicted meanwhile: the store is right, the model catches up */
        if (old == NULL) fail_msg("status %d, expected %d", status, expected);
        m->items[number].present = false;
        old = NULL;
        expected = o.condition == HC_IF_ABSENT ? HC_OK : HC_ERR_CONFLICT;
    }
    if (!agrees(status, expected) || status != HC_OK) return;
    int64_t kept = old != NULL && o.keep_expiry ? old->expires_at_ms : o.expires_at_ms;
    m->items[number] = (model_item){true, bytes, pattern, kept};
    model_reread_expiry(number);
}

static void check_value(uint32_t number, hc_status status, const uint8_t *value, size_t size)
{
    model_item *item = model_find(number);
    if (status == HC_ERR_NOT_FOUND) {
        if (!m->evicts) assert_null(item);
        m->items[number].present = false;
        return;
    }
    assert_int_equal(status, HC_OK);
    assert_non_null(item);
    assert_int_equal(size, item->value_bytes);
    fill(m->value, item->pattern, item->value_bytes);
    if (size > 0) assert_memory_equal(value, m->value, size);
}

static void op_get(uint32_t number)
{
    char text[600];
    size_t size = 0;
    hc_status status = hc_store_get(m->store, key_of(number, text), m->got, sizeof m->got, &size);
    check_value(number, status, m->got, size);
    hc_item item;
    if (hc_store_stat(m->store, key_of(number, text), &item) != HC_OK) return;
    assert_int_equal(item.expires_at_ms, m->items[number].expires_at_ms);
    assert_int_equal(item.value.size, m->items[number].value_bytes);
}

static void op_delete(uint32_t number)
{
    char text[600];
    hc_status expected = model_find(number) != NULL ? HC_OK : HC_ERR_NOT_FOUND;
    (void)agrees(hc_store_delete(m->store, key_of(number, text)), expected);
    m->items[number].present = false;
}

static void op_expire(uint32_t number)
{
    char text[600];
    int64_t when = test_random_below(&m->random, 8) == 0 ? 1 : random_expiry();
    model_item *item = model_find(number);
    hc_status status = hc_store_expire(m->store, key_of(number, text), when);
    if (!agrees(status, item != NULL ? HC_OK : HC_ERR_NOT_FOUND)) return;
    if (status != HC_OK) return;
    item->expires_at_ms = when;
    (void)model_find(number);
}

static void op_append(uint32_t number)
{
    char text[600];
    model_item *item = model_find(number);
    uint32_t old = item != NULL ? item->value_bytes : 0;
    uint32_t more = random_size() % 500;
    uint64_t pattern = item != NULL ? item->pattern : test_random_next(&m->random);
    if (old + more > VALUE_MAX) return;
    fill(m->value, pattern, old + more);
    size_t size = 0;
    hc_status status =
        hc_store_append(m->store, key_of(number, text), hc_span_make(m->value + old, more), &size);
    if (!agrees(status, HC_OK)) return;
    if (m->evicts && size == more && old > 0) { /* it had been evicted: now it is the tail alone */
        assert_int_equal(hc_store_delete(m->store, key_of(number, text)), HC_OK);
        m->items[number].present = false;
        return;
    }
    assert_int_equal(size, old + more);
    int64_t expiry = item != NULL ? item->expires_at_ms : HC_EXPIRY_NONE;
    m->items[number] = (model_item){true, old + more, pattern, expiry};
    model_reread_expiry(number);
}

static void op_get_many(void)
{
    static uint8_t buffers[HC_STORE_BATCH_MAX][128];
    char text[HC_STORE_BATCH_MAX][600];
    hc_get gets[HC_STORE_BATCH_MAX];
    uint32_t numbers[HC_STORE_BATCH_MAX];
    size_t count = test_random_below(&m->random, HC_STORE_BATCH_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = random_key();
        gets[i] = (hc_get){.key = key_of(numbers[i], text[i]),
                           .buffer = buffers[i],
                           .buffer_bytes = sizeof buffers[i]};
    }
    hc_store_get_many(m->store, gets, count);
    for (size_t i = 0; i < count; i++) {
        if (gets[i].status == HC_ERR_BUFFER) {
            assert_int_equal(gets[i].size, m->items[numbers[i]].value_bytes);
            assert_true(gets[i].size > sizeof buffers[i]);
        } else {
            check_value(numbers[i], gets[i].status, buffers[i], gets[i].size);
        }
    }
}

/* Exchanges the values of two keys as one step. */
static void op_txn(uint32_t a, uint32_t b)
{
    char text[2][600];
    hc_span keys[2] = {key_of(a, text[0]), key_of(b, text[1])};
    hc_txn txn;
    hc_item item;
    uint8_t small[2][64];
    hc_store_begin(m->store, keys, 2, &txn);
    bool movable = true;
    for (unsigned i = 0; i < 2; i++) {
        movable &= hc_txn_get(&txn, keys[i], &item) == HC_OK && item.value.size <= 64;
        if (movable && item.value.size > 0) memcpy(small[i], item.value.data, item.value.size);
    }
    if (movable && a != b) {
        hc_set_options keep = {.size = sizeof keep, .keep_expiry = true};
        model_item ia = m->items[a], ib = m->items[b];
        hc_status first = hc_txn_set(&txn, keys[0], hc_span_make(small[1], ib.value_bytes), &keep);
        hc_status second = hc_txn_set(&txn, keys[1], hc_span_make(small[0], ia.value_bytes), &keep);
        if (agrees(first, HC_OK)) {
            m->items[a] = (model_item){true, ib.value_bytes, ib.pattern, ia.expires_at_ms};
        }
        if (agrees(second, HC_OK)) {
            m->items[b] = (model_item){true, ia.value_bytes, ia.pattern, ib.expires_at_ms};
        }
        if (hc_txn_get(&txn, keys[0], &item) == HC_OK) {
            m->items[a].expires_at_ms = item.expires_at_ms;
        }
        if (hc_txn_get(&txn, keys[1], &item) == HC_OK) {
            m->items[b].expires_at_ms = item.expires_at_ms;
        }
    }
    hc_store_end(&txn);
}

static void op_random(uint32_t number)
{
    switch (test_random_below(&m->random, 16)) {
    case 0:
        op_delete(number);
        break;
    case 1:
        op_expire(number);
        break;
    case 2:
        op_append(number);
        break;
    case 3:
        op_get_many();
        break;
    case 4:
        op_txn(number, random_key());
        break;
    case 5:
        test_clock_advance_ms(&m->clock, (int64_t)test_random_below(&m->random, 8));
        break;
    case 6:
        (void)hc_store_maintain(m->store, test_random_below(&m->random, 500));
        break;
    case 7:
    case 8:
    case 9:
    case 10:
        op_set(number);
        break;
    default:
        op_get(number);
        break;
    }
}

typedef struct seen {
    uint8_t times[KEYS_MAX];
    size_t count;
} seen;

static void note_seen(void *ctx, const hc_item *item)
{
    seen *s = ctx;
    unsigned number = 0;
    for (size_t i = 1; i < item->key.size && item->key.data[i] != 'x'; i++) {
        number = number * 10 + (unsigned)(item->key.data[i] - '0');
    }
    assert_true(number < KEYS_MAX);
    s->times[number]++;
    s->count++;
}

/* Scans while the table changes: keys below KEYS_MAX/2 rest, the others come and go. */
static void scan_under_change(void)
{
    static seen s;
    s = (seen){0};
    uint64_t cursor = 0;
    uint32_t rest = m->keys / 2;
    bool grow = test_random_below(&m->random, 2) == 0;
    do {
        hc_store_scan(m->store, &cursor, 1 + test_random_below(&m->random, 50), note_seen, &s);
        for (unsigned i = 0; i < 20; i++) {
            uint32_t number = rest + (uint32_t)test_random_below(&m->random, m->keys - rest);
            if (grow) {
                op_set(number);
            } else {
                op_delete(number);
            }
        }
        if (test_random_below(&m->random, 10) == 0) (void)hc_store_maintain(m->store, 0);
    } while (cursor != 0);
    if (m->evicts) return;
    for (uint32_t number = 0; number < rest; number++) {
        if (model_find(number) != NULL) assert_true(s.times[number] >= 1);
        if (model_find(number) == NULL) assert_int_equal(s.times[number], 0);
    }
}

static void check_all(void)
{
    uint64_t present = 0;
    store_check(m->store);
    for (uint32_t number = 0; number < m->keys; number++) {
        op_get(number);
        present += model_find(number) != NULL;
    }
    assert_true(hc_store_count(m->store) >= present);
}

static void model_open(uint64_t seed, hc_store_options options)
{
    m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->memory = (test_memory){.grants = SIZE_MAX};
    test_clock_init(&m->clock);
    test_random_init(&m->random, seed);
    m->host = test_host_of(&m->memory, &m->clock, &m->random, NULL);
    m->keys = KEYS_MAX;
    options.size = sizeof options;
    assert_int_equal(hc_store_create(&m->host, &options, &m->store), HC_OK);
}

static void model_close(void)
{
    hc_store_destroy(m->store);
    assert_int_equal(m->memory.live_bytes, 0);
    assert_int_equal(m->memory.reserved_bytes, 0);
    free(m);
}

/* Rounds of operations over a changing number of keys, so that the index grows and shrinks. */
static void model_run(unsigned rounds, unsigned operations)
{
    for (unsigned round = 0; round < rounds; round++) {
        uint32_t active = round % 2 == 0 ? m->keys : m->keys / 20;
        for (unsigned i = 0; i < operations; i++) {
            op_random((uint32_t)test_random_below(&m->random, active));
        }
        for (uint32_t n = 0; round % 2 == 1 && n < m->keys; n++) {
            if (n % 16 != 0) op_delete(n);
        }
        scan_under_change();
        check_all();
        if (round % 5 == 4) {
            hc_store_flush(m->store);
            memset(m->items, 0, sizeof m->items);
            check_all();
        }
    }
}

static void test_store_agrees_with_a_plain_map(void **state)
{
    (void)state;
    model_open(1, (hc_store_options){.shards = 4});
    model_run(10, 120000);
    model_close();
}

static void test_store_agrees_when_all_hashes_collide(void **state)
{
    (void)state;
    model_open(2, (hc_store_options){.shards = 2});
    m->keys = 600;
    m->store->hash_mask = UINT64_C(0x8000000000000003); /* 4 hashes and one shard for all keys */
    model_run(6, 20000);
    assert_true(m->store->shards[0].stash_capacity > 0);
    model_close();
}

static void test_store_agrees_when_positions_collide(void **state)
{
    (void)state;
    model_open(3, (hc_store_options){.shards = 1});
    m->keys = 5000;
    m->store->hash_mask = UINT64_C(0xFFFFFFFF0000003F); /* 64 positions, tags as usual */
    model_run(6, 30000);
    model_close();
}

static void test_store_agrees_while_evicting_by_each_policy(void **state)
{
    (void)state;
    for (uint32_t policy = HC_EVICTION_S3FIFO; policy <= HC_EVICTION_RANDOM; policy++) {
        model_open(policy, (hc_store_options){.shards = 2,
                                              .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                              .eviction = policy});
        m->evicts = true;
        model_run(2, 40000);
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_stats_get(m->store, &stats);
        assert_true(stats.evicted > 0);
        assert_true(stats.memory_bytes <= HC_STORE_MEMORY_BYTES_MIN);
        model_close();
    }
}

static void test_volatile_policies_spare_items_without_expiry(void **state)
{
    (void)state;
    for (uint32_t policy = HC_EVICTION_S3FIFO; policy <= HC_EVICTION_RANDOM; policy++) {
        char text[600];
        hc_item item;
        model_open(policy, (hc_store_options){.shards = 2,
                                              .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                              .eviction = policy | HC_EVICTION_VOLATILE});
        m->evicts = true;
        m->refuses = true;
        for (unsigned i = 0; i < 60000; i++) {
            op_random(random_key());
        }
        store_check(m->store);
        for (uint32_t number = 0; number < m->keys; number++) {
            if (model_find(number) == NULL) continue;
            if (m->items[number].expires_at_ms != HC_EXPIRY_NONE) continue;
            assert_int_equal(hc_store_stat(m->store, key_of(number, text), &item), HC_OK);
        }
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_stats_get(m->store, &stats);
        assert_true(stats.evicted > 0);
        model_close();
    }
}

/* Any policy to any other: nothing is lost that may stay, and the books are right. */
static void test_store_agrees_while_policies_change(void **state)
{
    (void)state;
    char text[600];
    hc_item item;
    model_open(11, (hc_store_options){.shards = 2, .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN});
    m->evicts = true;
    m->refuses = true;
    for (unsigned change = 0; change < 120; change++) {
        uint32_t policy = (uint32_t)test_random_below(&m->random, HC_EVICTION_RANDOM + 1);
        bool spares = test_random_below(&m->random, 2) == 0;
        uint32_t eviction = policy | (spares ? HC_EVICTION_VOLATILE : 0);
        spares = spares || policy == HC_EVICTION_NONE;
        for (uint32_t number = 0; number < m->keys; number++)
            op_get(number); /* what was evicted so far */
        assert_int_equal(hc_store_evict_by(m->store, eviction), HC_OK);
        store_check(m->store);
        if (policy != HC_EVICTION_DEFAULT) assert_int_equal(hc_store_eviction(m->store), eviction);
        for (unsigned i = 0; i < 4000; i++)
            op_random(random_key());
        store_check(m->store);
        for (uint32_t number = 0; number < m->keys && spares; number++) {
            if (model_find(number) == NULL) continue;
            if (m->items[number].expires_at_ms != HC_EXPIRY_NONE) continue;
            assert_int_equal(hc_store_stat(m->store, key_of(number, text), &item), HC_OK);
        }
    }
    assert_int_equal(hc_store_evict_by(m->store, HC_EVICTION_RANDOM + 1), HC_ERR_INVALID);
    model_close();
}

/* After a policy that spared nothing and one that spares what never expires, memory is to be had
 * again as soon as the next policy allows it. */
static void test_a_full_store_evicts_again_under_the_next_policy(void **state)
{
    (void)state;
    char text[600];
    model_open(12, (hc_store_options){.shards = 2,
                                      .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                      .eviction = HC_EVICTION_LRU});
    memset(m->value, 'v', 100);
    for (uint32_t policy = HC_EVICTION_NONE; policy <= HC_EVICTION_RANDOM; policy++) {
        uint32_t refused = 0, last = 60000;
        for (uint32_t i = 0; i < last; i++) /* without an expiry */
            refused +=
                hc_store_set(m->store, key_of(i, text), hc_span_make(m->value, 100), NULL) != HC_OK;
        assert_int_equal(refused, 0);
        assert_int_equal(hc_store_evict_by(m->store, policy | HC_EVICTION_VOLATILE), HC_OK);
        for (uint32_t i = last; i < 2 * last; i++)
            refused += hc_store_set(m->store, key_of(i, text), hc_span_make(m->value, 100), NULL) ==
                       HC_ERR_FULL;
        assert_true(refused > last / 2);
        store_check(m->store);
        assert_int_equal(hc_store_evict_by(m->store, HC_EVICTION_S3FIFO), HC_OK);
    }
    model_close();
}

static void test_store_agrees_when_full_and_nothing_may_be_evicted(void **state)
{
    (void)state;
    model_open(5, (hc_store_options){.shards = 2,
                                     .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                     .eviction = HC_EVICTION_NONE});
    m->refuses = true;
    model_run(6, 100000);
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(m->store, &stats);
    assert_int_equal(stats.evicted, 0);
    model_close();
}

static void test_store_agrees_when_memory_is_refused_now_and_then(void **state)
{
    (void)state;
    model_open(6, (hc_store_options){.shards = 2});
    m->refuses = true;
    m->store->hash_mask = UINT64_C(0xFFFFFFFF0000003F);
    for (unsigned i = 0; i < 200; i++) {
        m->memory.grants = test_random_below(&m->random, 5);
        for (unsigned j = 0; j < 500; j++) {
            op_random(random_key());
        }
        m->memory.grants = SIZE_MAX;
        if (i % 20 == 0) check_all();
    }
    assert_true(m->memory.refused > 0);
    model_close();
}

static uint64_t filter_answers(void)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(m->store, &stats);
    assert_true(stats.filter_bytes > 0);
    return stats.filter_answers;
}

static void test_store_agrees_behind_a_filter(void **state)
{
    (void)state;
    /* one that holds all keys from the start, and one that has to grow by layers */
    for (uint64_t capacity = 100; capacity <= KEYS_MAX; capacity *= 200) {
        model_open(
            7, (hc_store_options){.shards = 2, .filter_rate = 0.01, .filter_capacity = capacity});
        model_run(5, 40000);
        assert_true(filter_answers() > 1000);
        model_close();
    }
}

static void test_store_agrees_behind_a_filter_while_evicting(void **state)
{
    (void)state;
    model_open(8, (hc_store_options){.shards = 2,
                                     .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                     .filter_bits = 12});
    m->evicts = true;
    model_run(3, 40000);
    assert_true(filter_answers() > 1000);
    model_close();
}

static void test_store_agrees_behind_a_filter_that_hashes_overfill(void **state)
{
    (void)state;
    model_open(9, (hc_store_options){.shards = 2, .filter_rate = 0.01});
    m->keys = 600;
    m->store->hash_mask = UINT64_C(0x8000000000000003);
    model_run(6, 20000);
    model_close();
}

static void test_store_agrees_behind_a_filter_when_memory_is_refused(void **state)
{
    (void)state;
    model_open(10, (hc_store_options){.shards = 2, .filter_bits = 8, .filter_capacity = 1});
    m->refuses = true;
    for (unsigned i = 0; i < 200; i++) {
        m->memory.grants = test_random_below(&m->random, 5);
        for (unsigned j = 0; j < 500; j++) {
            op_random(random_key());
        }
        m->memory.grants = SIZE_MAX;
        test_clock_advance_ms(&m->clock, (int64_t)test_random_below(&m->random, 20000));
        if (i % 20 == 0) check_all();
    }
    (void)filter_answers();
    model_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_agrees_when_all_hashes_collide),
        cmocka_unit_test(test_store_agrees_when_positions_collide),
        cmocka_unit_test(test_store_agrees_with_a_plain_map),
        cmocka_unit_test(test_store_agrees_while_evicting_by_each_policy),
        cmocka_unit_test(test_volatile_policies_spare_items_without_expiry),
        cmocka_unit_test(test_store_agrees_while_policies_change),
        cmocka_unit_test(test_a_full_store_evicts_again_under_the_next_policy),
        cmocka_unit_test(test_store_agrees_when_full_and_nothing_may_be_evicted),
        cmocka_unit_test(test_store_agrees_when_memory_is_refused_now_and_then),
        cmocka_unit_test(test_store_agrees_behind_a_filter),
        cmocka_unit_test(test_store_agrees_behind_a_filter_while_evicting),
        cmocka_unit_test(test_store_agrees_behind_a_filter_that_hashes_overfill),
        cmocka_unit_test(test_store_agrees_behind_a_filter_when_memory_is_refused),
    };
    size_t count = sizeof tests / sizeof tests[0];
#if defined(__SANITIZE_THREAD__)
    count = 2; /* there is one thread: ThreadSanitizer finds little here and takes minutes */
#endif
    return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}
