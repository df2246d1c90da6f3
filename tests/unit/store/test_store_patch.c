/*
 * test_store_patch.c - hc_txn_patch changes the bytes it names and no other, whatever they lie in.
 */
#include "support/test.h"

#include "store_fixture.h"

#include <hypercache/hypercache.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define STEPS 20000u
#define LARGE_BYTES 20000u
#define MODEL_BYTES_MAX 40000u

typedef struct fixture {
    store_fixture on;
    uint8_t got[MODEL_BYTES_MAX];
    uint8_t model[MODEL_BYTES_MAX];
    size_t model_bytes;
    uint8_t told[MODEL_BYTES_MAX]; /* what a follower has heard last */
    size_t told_bytes;
} fixture;

static int setup_with(void **state, hc_store_options options)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_fixture_open(&f->on, options);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, (hc_store_options){.shards = 2});
}

static int setup_compressed(void **state)
{
    return setup_with(state, (hc_store_options){.compression = HC_COMPRESSION_ZSTD});
}

static int teardown(void **state)
{
    fixture *f = *state;
    store_fixture_close(&f->on);
    free(f);
    return 0;
}

static hc_status patch(fixture *f, size_t offset, hc_span bytes, size_t *size_out)
{
    hc_txn txn;
    hc_span key = span("k");
    hc_store_begin(f->on.store, &key, 1, &txn);
    hc_status status = hc_txn_patch(&txn, key, offset, bytes, size_out);
    hc_store_end(&txn);
    return status;
}

static void assert_model(fixture *f)
{
    size_t size;
    assert_int_equal(hc_store_get(f->on.store, span("k"), f->got, sizeof f->got, &size), HC_OK);
    test_assert_span(hc_span_make(f->got, size), hc_span_make(f->model, f->model_bytes));
}

static void set_model(fixture *f, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        f->model[i] = (uint8_t)(i / 64);
    f->model_bytes = bytes;
    assert_int_equal(hc_store_set(f->on.store, span("k"), hc_span_make(f->model, bytes), NULL),
                     HC_OK);
}

static void patch_model(fixture *f, size_t offset, hc_span bytes)
{
    size_t end = offset + bytes.size;
    if (end > f->model_bytes) {
        memset(f->model + f->model_bytes, 0, end - f->model_bytes);
        f->model_bytes = end;
    }
    if (bytes.size > 0) memcpy(f->model + offset, bytes.data, bytes.size);
}

static void hear(void *ctx, const hc_effect *effect)
{
    fixture *f = ctx;
    size_t end = (size_t)effect->offset + effect->value.size;
    assert_true(effect->kind == HC_EFFECT_SET || effect->kind == HC_EFFECT_PATCH);
    assert_true(end <= sizeof f->told);
    if (effect->kind == HC_EFFECT_SET) f->told_bytes = 0;
    if (end > f->told_bytes) {
        memset(f->told + f->told_bytes, 0, end - f->told_bytes);
        f->told_bytes = end;
    }
    if (effect->value.size > 0)
        memcpy(f->told + effect->offset, effect->value.data, effect->value.size);
}

/* Sizes on both sides of what is packed in a segment, growing mostly at the end. */
static void random_patch(fixture *f, test_random *random)
{
    uint8_t bytes[300];
    size_t size = test_random_below(random, 10) == 0 ? test_random_below(random, sizeof bytes)
                                                     : test_random_below(random, 9);
    size_t end = f->model_bytes + (test_random_below(random, 4) == 0 ? 3000 : 1);
    size_t offset = test_random_below(random, end);
    if (offset + size > MODEL_BYTES_MAX) return;
    size_t now;
    test_random_bytes(random, bytes, size);
    assert_int_equal(patch(f, offset, hc_span_make(bytes, size), &now), HC_OK);
    patch_model(f, offset, hc_span_make(bytes, size));
    assert_int_equal(now, f->model_bytes);
}

static void test_random_patches_make_what_an_array_becomes(void **state)
{
    fixture *f = *state;
    test_random random;
    test_random_init(&random, 20261122);
    hc_effects follower = {.size = sizeof follower,
                           .ctx = f,
                           .changed = hear,
                           .kinds = 1u << HC_EFFECT_SET | 1u << HC_EFFECT_PATCH};
    assert_int_equal(hc_store_follow(f->on.store, &follower), HC_OK);
    for (unsigned i = 0; i < STEPS; i++) {
        if (test_random_below(&random, 500) == 0)
            set_model(f, test_random_below(&random, MODEL_BYTES_MAX / 2));
        random_patch(f, &random);
        if (test_random_below(&random, 20) != 0) continue;
        assert_model(f);
        test_assert_span(hc_span_make(f->told, f->told_bytes),
                         hc_span_make(f->model, f->model_bytes));
        store_check(f->on.store);
    }
}

static void test_patching_keeps_the_expiry(void **state)
{
    fixture *f = *state;
    static const size_t sizes[] = {5, LARGE_BYTES};
    for (size_t i = 0; i < 2; i++) {
        hc_item item;
        set_model(f, sizes[i]);
        assert_int_equal(hc_store_expire(f->on.store, span("k"), TEST_CLOCK_START_MS + 50), HC_OK);
        assert_int_equal(patch(f, 1, span("x"), NULL), HC_OK);
        assert_int_equal(patch(f, sizes[i] + 9, span("x"), NULL), HC_OK);
        assert_int_equal(hc_store_stat(f->on.store, span("k"), &item), HC_OK);
        assert_int_equal(item.expires_at_ms, TEST_CLOCK_START_MS + 50);
    }
}

static void test_an_expired_value_counts_as_absent(void **state)
{
    fixture *f = *state;
    set_model(f, LARGE_BYTES);
    assert_int_equal(hc_store_expire(f->on.store, span("k"), TEST_CLOCK_START_MS + 50), HC_OK);
    test_clock_advance_ms(&f->on.clock, 50);
    f->model_bytes = 0;
    assert_int_equal(patch(f, 2, span("x"), NULL), HC_OK);
    patch_model(f, 2, span("x"));
    assert_model(f);
}

static void test_a_part_of_a_large_value_takes_no_memory(void **state)
{
    fixture *f = *state;
    set_model(f, LARGE_BYTES);
    size_t live_bytes = f->on.memory.live_bytes;
    f->on.memory.grants = 0;
    assert_int_equal(patch(f, 12345, span("patch"), NULL), HC_OK);
    f->on.memory.grants = SIZE_MAX;
    assert_int_equal(f->on.memory.refused, 0);
    assert_int_equal(f->on.memory.live_bytes, live_bytes);
    patch_model(f, 12345, span("patch"));
    assert_model(f);
}

static void test_a_viewed_value_is_not_changed(void **state)
{
    fixture *f = *state;
    hc_view view;
    set_model(f, LARGE_BYTES);
    assert_int_equal(hc_store_view(f->on.store, span("k"), NULL, 0, &view), HC_OK);
    assert_int_equal(patch(f, 12345, span("patch"), NULL), HC_OK);
    test_assert_span(view.value, hc_span_make(f->model, f->model_bytes));
    hc_view_release(&view);
    patch_model(f, 12345, span("patch"));
    assert_model(f);
}

static void test_an_empty_patch_makes_room_after_which_none_fails(void **state)
{
    fixture *f = *state;
    static const size_t sizes[] = {0, 5, 9000, LARGE_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        hc_txn txn;
        hc_view view = {0};
        hc_span key = span("k");
        size_t room = sizes[i] + 100, size;
        set_model(f, sizes[i]);
        if (sizes[i] > HC_STORE_PACKED_BYTES_MAX)
            assert_int_equal(hc_store_view(f->on.store, key, NULL, 0, &view), HC_OK);
        hc_store_begin(f->on.store, &key, 1, &txn);
        assert_int_equal(hc_txn_patch(&txn, key, room, span(""), &size), HC_OK);
        assert_int_equal(size, room);
        f->on.memory.grants = 0;
        for (size_t at = 0; at < room; at += 7)
            assert_int_equal(hc_txn_patch(&txn, key, at, span("y"), NULL), HC_OK);
        f->on.memory.grants = SIZE_MAX;
        hc_store_end(&txn);
        hc_view_release(&view);
        patch_model(f, room, span(""));
        for (size_t at = 0; at < room; at += 7)
            patch_model(f, at, span("y"));
        assert_model(f);
    }
}

static void test_what_cannot_be_patched_is_refused(void **state)
{
    fixture *f = *state;
    hc_set_options filter = {.size = sizeof filter, .type = HC_TYPE_FILTER};
    assert_int_equal(patch(f, HC_VALUE_BYTES_MAX, span("x"), NULL), HC_ERR_LIMIT);
    assert_int_equal(patch(f, SIZE_MAX, span("x"), NULL), HC_ERR_LIMIT);
    assert_int_equal(hc_store_count(f->on.store), 0);
    assert_int_equal(hc_store_set(f->on.store, span("k"), span("v"), &filter), HC_OK);
    assert_int_equal(patch(f, 0, span("x"), NULL), HC_ERR_TYPE);
}

/* Fails the 1st request for memory, then the 2nd, ... until none fails. */
static void test_a_patch_without_memory_leaves_the_value_as_it_was(void **state)
{
    fixture *f = *state;
    static const size_t offsets[] = {100, LARGE_BYTES - 2, LARGE_BYTES + 9000};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        size_t grants = 0;
        hc_view view;
        set_model(f, LARGE_BYTES);
        assert_int_equal(hc_store_view(f->on.store, span("k"), NULL, 0, &view), HC_OK);
        for (; grants < 100; grants++) {
            f->on.memory.grants = grants;
            hc_status status = patch(f, offsets[i], span("patch"), NULL);
            f->on.memory.grants = SIZE_MAX;
            if (status == HC_OK) break;
            assert_int_equal(status, HC_ERR_NO_MEMORY);
            assert_model(f);
        }
        assert_in_range(grants, 1, 99);
        hc_view_release(&view);
        patch_model(f, offsets[i], span("patch"));
        assert_model(f);
    }
}

/* ---- beside readers ---- */

#define BLOCK_BYTES 16u
#define BLOCKS (LARGE_BYTES / BLOCK_BYTES)
#define PATCHES 30000u

typedef struct watched {
    fixture *f;
    atomic_bool done;
    atomic_bool torn;
} watched;

/* A patch writes a whole block of one letter, so whoever sees two letters in a block saw half. */
static bool is_whole(hc_span value)
{
    if (value.size != LARGE_BYTES) return false;
    for (size_t at = 0; at < value.size; at++)
        if (value.data[at] != value.data[at - at % BLOCK_BYTES]) return false;
    return true;
}

static void *view_again_and_again(void *ctx)
{
    watched *w = ctx;
    uint8_t *got = malloc(LARGE_BYTES);
    hc_view view;
    size_t size;
    while (got != NULL && !w->done) {
        if (hc_store_view(w->f->on.store, span("k"), NULL, 0, &view) != HC_OK) continue;
        if (!is_whole(view.value)) w->torn = true;
        hc_view_release(&view);
        if (hc_store_get(w->f->on.store, span("k"), got, LARGE_BYTES, &size) != HC_OK) continue;
        if (!is_whole(hc_span_make(got, size))) w->torn = true;
    }
    free(got);
    return NULL;
}

static void test_readers_never_see_half_a_patch(void **state)
{
    fixture *f = *state;
    watched w = {.f = f};
    pthread_t readers[2];
    uint8_t block[BLOCK_BYTES];
    memset(f->model, 'a', LARGE_BYTES);
    hc_span value = hc_span_make(f->model, LARGE_BYTES);
    assert_int_equal(hc_store_set(f->on.store, span("k"), value, NULL), HC_OK);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, view_again_and_again, &w), 0);
    for (unsigned i = 0; i < PATCHES; i++) {
        memset(block, 'a' + (int)(i % 26), sizeof block);
        size_t offset = (size_t)(i * 7u % BLOCKS) * BLOCK_BYTES;
        assert_int_equal(patch(f, offset, hc_span_make(block, sizeof block), NULL), HC_OK);
    }
    w.done = true;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    assert_false(w.torn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_patches_make_what_an_array_becomes, setup,
                                        teardown),
        {"test_random_patches_of_compressed_values_make_what_an_array_becomes",
         test_random_patches_make_what_an_array_becomes, setup_compressed, teardown, NULL},
        cmocka_unit_test_setup_teardown(test_patching_keeps_the_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_expired_value_counts_as_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_part_of_a_large_value_takes_no_memory, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_viewed_value_is_not_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_patch_makes_room_after_which_none_fails,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers_never_see_half_a_patch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_patched_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_patch_without_memory_leaves_the_value_as_it_was,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
