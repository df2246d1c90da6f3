/*
 * test_store_effect.c - who follows a store's effects has what the store has.
 */
#include "support/test.h"
#include "support/test_host.h"

#include "store_check.h"

#include <hypercache/hypercache.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 60000u
#define KEYS 400u
#define VALUE_BYTES_MAX 12000u
#define LOG_MAX 64u

typedef struct fixture {
    test_memory memory;
    test_clock clock;
    test_random random;
    hc_host host;
    hc_store *store;
    hc_store *copy; /* fed by effects alone */
    char log[LOG_MAX];
    size_t logged;
    unsigned open; /* effects of a transaction that is not committed yet */
    unsigned commits;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->memory.grants = SIZE_MAX;
    test_clock_init(&f->clock);
    f->host = test_host_of(&f->memory, &f->clock, NULL, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    hc_store_destroy(f->store);
    hc_store_destroy(f->copy);
    assert_int_equal(f->memory.live_bytes, 0);
    free(f);
    return 0;
}

static void store_make(fixture *f, const hc_store_options *options)
{
    assert_int_equal(hc_store_create(&f->host, options, &f->store), HC_OK);
    assert_int_equal(hc_store_create(&f->host, NULL, &f->copy), HC_OK);
}

/* ---- a log of letters: s a e d x v f c ---- */

static void note(void *ctx, const hc_effect *effect)
{
    fixture *f = ctx;
    assert_true(f->logged < LOG_MAX - 1);
    f->log[f->logged++] = "saedxvfcp"[effect->kind];
}

static hc_effects noting(fixture *f, uint32_t kinds)
{
    return (hc_effects){.size = sizeof(hc_effects), .ctx = f, .changed = note, .kinds = kinds};
}

static void assert_noted(fixture *f, const char *want)
{
    f->log[f->logged] = '\0';
    assert_string_equal(f->log, want);
    f->logged = 0;
}

static void test_each_call_has_its_effect(void **state)
{
    fixture *f = *state;
    store_make(f, NULL);
    hc_effects all = noting(f, (1u << HC_EFFECT_KINDS) - 1);
    assert_int_equal(hc_store_follow(f->store, &all), HC_OK);
    int64_t number, soon = TEST_CLOCK_START_MS + 10;
    hc_set_options expiring = {.size = sizeof expiring, .expires_at_ms = soon};
    hc_set_options absent = {.size = sizeof absent, .condition = HC_IF_ABSENT};
    assert_int_equal(hc_store_set(f->store, span("a"), span("1"), NULL), HC_OK);
    assert_int_equal(hc_store_set(f->store, span("a"), span("2"), NULL), HC_OK);
    assert_int_equal(hc_store_set(f->store, span("a"), span("2"), &absent), HC_ERR_CONFLICT);
    assert_int_equal(hc_store_increment(f->store, span("a"), 1, &number), HC_OK);
    assert_int_equal(hc_store_append(f->store, span("a"), span("x"), NULL), HC_OK);
    assert_int_equal(hc_store_append(f->store, span("b"), span("x"), NULL), HC_OK);
    assert_noted(f, "sssas");
    assert_int_equal(hc_store_expire(f->store, span("a"), soon), HC_OK);
    assert_int_equal(hc_store_expire(f->store, span("a"), soon + 1), HC_OK);
    assert_int_equal(hc_store_expire(f->store, span("b"), 1), HC_OK);
    assert_int_equal(hc_store_delete(f->store, span("b")), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_store_delete(f->store, span("a")), HC_OK);
    assert_noted(f, "eedd");
    assert_int_equal(hc_store_set(f->store, span("a"), span("1"), &expiring), HC_OK);
    test_clock_advance_ms(&f->clock, 10);
    assert_int_equal(hc_store_set(f->store, span("a"), span("1"), NULL), HC_OK);
    assert_noted(f, "sxs");
    hc_store_flush(f->store);
    assert_noted(f, "f");
    assert_int_equal(hc_store_unfollow(f->store, &all), HC_OK);
    assert_int_equal(hc_store_set(f->store, span("a"), span("1"), NULL), HC_OK);
    assert_noted(f, "");
}

static void test_a_transaction_ends_with_commit(void **state)
{
    fixture *f = *state;
    store_make(f, NULL);
    hc_effects all = noting(f, (1u << HC_EFFECT_KINDS) - 1);
    assert_int_equal(hc_store_follow(f->store, &all), HC_OK);
    const hc_span keys[] = {span("a"), span("b")};
    hc_item item;
    hc_txn txn;
    hc_store_begin(f->store, keys, 2, &txn);
    assert_int_equal(hc_txn_get(&txn, span("a"), &item), HC_ERR_NOT_FOUND);
    hc_store_end(&txn);
    assert_noted(f, "");
    hc_store_begin(f->store, keys, 2, &txn);
    assert_int_equal(hc_txn_set(&txn, span("a"), span("1"), NULL), HC_OK);
    assert_int_equal(hc_txn_set(&txn, span("b"), span("1"), NULL), HC_OK);
    assert_int_equal(hc_txn_delete(&txn, span("a")), HC_OK);
    hc_store_end(&txn);
    assert_noted(f, "ssdc");
}

static void test_followers_are_bounded_and_choose(void **state)
{
    fixture *f = *state;
    store_make(f, NULL);
    hc_effects sets = noting(f, 1u << HC_EFFECT_SET), none = noting(f, 0);
    assert_int_equal(hc_store_follow(f->store, &none), HC_ERR_INVALID);
    assert_int_equal(hc_store_unfollow(f->store, &sets), HC_ERR_NOT_FOUND);
    for (unsigned i = 0; i < HC_STORE_FOLLOWERS_MAX; i++)
        assert_int_equal(hc_store_follow(f->store, &sets), HC_OK);
    assert_int_equal(hc_store_follow(f->store, &sets), HC_ERR_LIMIT);
    assert_int_equal(hc_store_set(f->store, span("a"), span("1"), NULL), HC_OK);
    assert_int_equal(hc_store_delete(f->store, span("a")), HC_OK);
    assert_noted(f, "ssssssss");
}

/* ---- a copy ---- */

static void apply(void *ctx, const hc_effect *e)
{
    fixture *f = ctx;
    hc_set_options o = {.size = sizeof o, .type = e->type, .expires_at_ms = e->expires_at_ms};
    f->open += e->more;
    switch (e->kind) {
    case HC_EFFECT_SET:
        assert_int_equal(hc_store_set(f->copy, e->key, e->value, &o), HC_OK);
        break;
    case HC_EFFECT_APPEND:
        assert_int_equal(hc_store_append(f->copy, e->key, e->value, NULL), HC_OK);
        break;
    case HC_EFFECT_PATCH: {
        hc_txn txn;
        hc_store_begin(f->copy, &e->key, 1, &txn);
        assert_int_equal(hc_txn_patch(&txn, e->key, (size_t)e->offset, e->value, NULL), HC_OK);
        hc_store_end(&txn);
        break;
    }
    case HC_EFFECT_EXPIRY:
        assert_int_equal(hc_store_expire(f->copy, e->key, e->expires_at_ms), HC_OK);
        break;
    case HC_EFFECT_FLUSH:
        hc_store_flush(f->copy);
        break;
    case HC_EFFECT_COMMIT:
        assert_true(f->open > 0);
        f->open = 0;
        f->commits++;
        break;
    default: /* the copy may have seen the expiry itself */
        (void)hc_store_delete(f->copy, e->key);
        break;
    }
}

static hc_span random_value(fixture *f, uint8_t *room)
{
    size_t kind = test_random_below(&f->random, 20);
    size_t bytes = test_random_below(&f->random, kind == 0 ? VALUE_BYTES_MAX : 200);
    memset(room, 'a' + (int)kind, bytes); /* compresses well */
    return hc_span_make(room, bytes);
}

static void random_step(fixture *f)
{
    static uint8_t room[VALUE_BYTES_MAX];
    char name[2][16];
    hc_span keys[2];
    for (unsigned i = 0; i < 2; i++) {
        int chars = snprintf(name[i], sizeof name[i], "key:%u",
                             (unsigned)test_random_below(&f->random, KEYS));
        keys[i] = hc_span_make(name[i], (size_t)chars);
    }
    int64_t now = f->clock.wall_ms, number;
    hc_set_options o = {.size = sizeof o,
                        .keep_expiry = test_random_below(&f->random, 4) == 0,
                        .condition = (hc_condition)test_random_below(&f->random, 3)};
    if (test_random_below(&f->random, 3) == 0) {
        o.expires_at_ms = now + (int64_t)test_random_below(&f->random, 400) - 20;
    }
    hc_span value = random_value(f, room);
    hc_txn txn;
    switch (test_random_below(&f->random, 11)) {
    case 0:
        (void)hc_store_delete(f->store, keys[0]);
        break;
    case 1:
        (void)hc_store_append(f->store, keys[0], value, NULL);
        break;
    case 2:
        (void)hc_store_increment(f->store, keys[0], 3, &number);
        break;
    case 3:
        (void)hc_store_expire(f->store, keys[0], now + 100);
        break;
    case 4:
        (void)hc_store_expire(f->store, keys[0], HC_EXPIRY_NONE);
        break;
    case 5:
        hc_store_begin(f->store, keys, 2, &txn);
        (void)hc_txn_set(&txn, keys[0], value, &o);
        (void)hc_txn_delete(&txn, keys[1]);
        hc_store_end(&txn);
        assert_int_equal(f->open, 0);
        break;
    case 6:
        test_clock_advance_ms(&f->clock, 2);
        (void)hc_store_maintain(f->store, 64);
        break;
    case 8:
        hc_store_begin(f->store, keys, 1, &txn);
        (void)hc_txn_patch(&txn, keys[0], test_random_below(&f->random, VALUE_BYTES_MAX),
                           hc_span_make(room, test_random_below(&f->random, 9)), NULL);
        hc_store_end(&txn);
        break;
    case 7:
        if (test_random_below(&f->random, 500) == 0) hc_store_flush(f->store);
        break;
    default:
        (void)hc_store_set(f->store, keys[0], value, &o);
        break;
    }
}

static void assert_in_other(void *ctx, const hc_item *item)
{
    static uint8_t got[1u << 20];
    hc_store *other = ctx;
    hc_item there;
    size_t size;
    assert_int_equal(hc_store_stat(other, item->key, &there), HC_OK);
    assert_int_equal(there.expires_at_ms, item->expires_at_ms);
    assert_int_equal(hc_store_get(other, item->key, got, sizeof got, &size), HC_OK);
    test_assert_span(hc_span_make(got, size), item->value);
}

static void count(void *ctx, const hc_item *item)
{
    (void)item;
    ++*(size_t *)ctx;
}

static void scan_all(hc_store *store, hc_visit visit, void *ctx)
{
    uint64_t cursor = 0;
    do {
        hc_store_scan(store, &cursor, 100, visit, ctx);
    } while (cursor != 0);
}

/** The copy is only counted: to look from it into the store would take locks in the other order
 * than following does. */
static void assert_same(fixture *f)
{
    size_t items = 0, copies = 0;
    scan_all(f->store, assert_in_other, f->copy);
    scan_all(f->store, count, &items);
    scan_all(f->copy, count, &copies);
    assert_int_equal(items, copies);
}

static void follow_at_random(fixture *f, const hc_store_options *options)
{
    store_make(f, options);
    test_random_init(&f->random, 0);
    hc_effects table = {
        .size = sizeof table, .ctx = f, .changed = apply, .kinds = (1u << HC_EFFECT_KINDS) - 1};
    assert_int_equal(hc_store_follow(f->store, &table), HC_OK);
    for (unsigned i = 0; i < STEPS; i++)
        random_step(f);
    assert_true(f->commits > 0);
    store_check(f->store);
    assert_same(f);
}

static void test_a_follower_has_the_same(void **state)
{
    follow_at_random(*state, NULL);
}

static void test_a_follower_has_the_same_of_compressed_values(void **state)
{
    hc_store_options options = {.size = sizeof options, .compression = HC_COMPRESSION_ZSTD};
    follow_at_random(*state, &options);
}

static void test_a_follower_hears_of_evictions(void **state)
{
    hc_store_options options = {.size = sizeof options,
                                .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                .eviction = HC_EVICTION_LRU};
    fixture *f = *state;
    static uint8_t filler[6000];
    follow_at_random(f, &options);
    for (unsigned i = 0; i < 3000; i++) {
        hc_span key = hc_span_make(&i, sizeof i);
        assert_int_equal(hc_store_set(f->store, key, hc_span_make(filler, sizeof filler), NULL),
                         HC_OK);
    }
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(f->store, &stats);
    assert_true(stats.evicted > 0);
    assert_int_equal(hc_store_count(f->store), hc_store_count(f->copy));
    assert_same(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_call_has_its_effect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_transaction_ends_with_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_followers_are_bounded_and_choose, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_follower_has_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_follower_has_the_same_of_compressed_values, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_follower_hears_of_evictions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
