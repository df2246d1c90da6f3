/*
 * test_store_block.c - a value that lies in a hc_block is taken over, not copied, and a value of a
 * block may be lent to whoever reads it.
 */
#include "support/test.h"

#include "store_fixture.h"

#include <hypercache/hypercache.h>

#include <stdlib.h>

#define VALUE_BYTES (1u << 20)
#define HEAD_BYTES 40u /* of a request, before its value */

typedef struct fixture {
    store_fixture on;
    hc_block *block;
    hc_span value;
} fixture;

static int setup_with(void **state, hc_store_options options)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_fixture_open(&f->on, options);
    assert_int_equal(hc_block_create(&f->on.host, VALUE_BYTES + 4096, &f->block), HC_OK);
    memset(hc_block_data(f->block) + HEAD_BYTES, 'v', VALUE_BYTES);
    f->value = hc_span_make(hc_block_data(f->block) + HEAD_BYTES, VALUE_BYTES);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, (hc_store_options){.shards = 2});
}

static int setup_small(void **state)
{
    return setup_with(state, (hc_store_options){.max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                                                .eviction = HC_EVICTION_NONE});
}

static int teardown(void **state)
{
    fixture *f = *state;
    hc_block_release(f->block); /* store_check wants all references given up */
    store_fixture_close(&f->on);
    free(f);
    return 0;
}

static hc_status set_if(fixture *f, const char *key, hc_span value, hc_condition condition)
{
    const hc_set_options options = {
        .size = sizeof options, .condition = condition, .block = f->block};
    return hc_store_set(f->on.store, span(key), value, &options);
}

/* Is the value of `key` the one of the fixture, and does it lie where that lies? */
static bool lies_in_block(fixture *f, const char *key)
{
    hc_view seen;
    assert_int_equal(hc_store_view(f->on.store, span(key), NULL, 0, &seen), HC_OK);
    assert_int_equal(seen.value.size, f->value.size);
    assert_memory_equal(seen.value.data, f->value.data, f->value.size);
    bool same = seen.value.data == f->value.data;
    hc_view_release(&seen);
    return same;
}

static uint64_t extent_bytes(fixture *f)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(f->on.store, &stats);
    return stats.extent_bytes;
}

static void test_a_value_in_a_block_is_taken_over(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_if(f, "a", f->value, HC_IF_ALWAYS), HC_OK);
    assert_true(lies_in_block(f, "a"));
    assert_in_range(extent_bytes(f), VALUE_BYTES, VALUE_BYTES + (32u << 10));
    hc_block_release(f->block);
    f->block = NULL;
    assert_true(lies_in_block(f, "a"));
    assert_int_equal(hc_store_delete(f->on.store, span("a")), HC_OK);
    assert_int_equal(extent_bytes(f), 0);
}

static void test_a_block_can_be_read_until_it_is_released_whatever_happens_to_its_key(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_if(f, "a", f->value, HC_IF_ALWAYS), HC_OK);
    assert_int_equal(hc_store_delete(f->on.store, span("a")), HC_OK);
    assert_int_equal(f->value.data[VALUE_BYTES - 1], 'v');
    assert_true(extent_bytes(f) > 0);
    hc_block_release(f->block);
    f->block = NULL;
    assert_int_equal(extent_bytes(f), 0);
}

static void test_a_block_is_taken_once_and_copied_after_that(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_if(f, "a", f->value, HC_IF_ALWAYS), HC_OK);
    assert_int_equal(set_if(f, "b", f->value, HC_IF_ALWAYS), HC_OK);
    assert_true(lies_in_block(f, "a"));
    assert_false(lies_in_block(f, "b"));
}

static void test_a_refused_write_leaves_the_block_to_the_caller(void **state)
{
    fixture *f = *state;
    assert_int_equal(set_if(f, "a", f->value, HC_IF_PRESENT), HC_ERR_CONFLICT);
    hc_block_release(f->block);
    f->block = NULL;
    assert_int_equal(extent_bytes(f), 0);
}

static void test_a_value_that_fills_little_of_its_block_is_copied(void **state)
{
    fixture *f = *state;
    hc_span late = hc_span_make(f->value.data + VALUE_BYTES / 2, VALUE_BYTES / 2);
    f->value = late;
    assert_int_equal(set_if(f, "a", late, HC_IF_ALWAYS), HC_OK);
    assert_false(lies_in_block(f, "a"));
    assert_int_equal(set_if(f, "b", hc_span_make(late.data, 3), HC_IF_ALWAYS), HC_OK);
}

static void test_a_value_outside_the_block_is_copied(void **state)
{
    fixture *f = *state;
    uint8_t *copy = malloc(VALUE_BYTES);
    assert_non_null(copy);
    memcpy(copy, f->value.data, VALUE_BYTES);
    assert_int_equal(set_if(f, "a", hc_span_make(copy, VALUE_BYTES), HC_IF_ALWAYS), HC_OK);
    memset(copy, 0, VALUE_BYTES);
    free(copy);
    assert_false(lies_in_block(f, "a"));
}

static void test_a_value_that_was_taken_over_can_be_changed(void **state)
{
    fixture *f = *state;
    size_t size;
    hc_txn txn;
    hc_span key = span("a");
    assert_int_equal(set_if(f, "a", f->value, HC_IF_ALWAYS), HC_OK);
    hc_block_release(f->block);
    f->block = NULL;
    assert_int_equal(hc_store_expire(f->on.store, key, f->on.clock.wall_ms + 1000), HC_OK);
    hc_store_begin(f->on.store, &key, 1, &txn);
    assert_int_equal(hc_txn_patch(&txn, key, VALUE_BYTES - 2, span("xy"), &size), HC_OK);
    hc_store_end(&txn);
    assert_int_equal(size, VALUE_BYTES);
    assert_int_equal(hc_store_append(f->on.store, key, span("z"), &size), HC_OK);
    assert_int_equal(size, VALUE_BYTES + 1);
    hc_view seen;
    assert_int_equal(hc_store_view(f->on.store, key, NULL, 0, &seen), HC_OK);
    assert_memory_equal(seen.value.data + VALUE_BYTES - 3, "vxyz", 4);
    hc_view_release(&seen);
}

static void test_a_store_at_its_limit_refuses_and_counts_nothing(void **state)
{
    fixture *f = *state;
    for (char key[] = "a"; key[0] < 'z'; key[0]++) {
        uint64_t before = extent_bytes(f);
        hc_status status = set_if(f, key, f->value, HC_IF_ALWAYS);
        if (status == HC_ERR_FULL) {
            assert_int_equal(extent_bytes(f), before);
            return;
        }
        assert_int_equal(status, HC_OK);
        hc_block_release(f->block);
        assert_int_equal(hc_block_create(&f->on.host, VALUE_BYTES + 4096, &f->block), HC_OK);
        memset(hc_block_data(f->block), 'v', VALUE_BYTES);
        f->value = hc_span_make(hc_block_data(f->block), VALUE_BYTES);
    }
    fail_msg("%s", "the limit was never reached");
}

static void test_sizes_that_no_block_has_are_refused(void **state)
{
    fixture *f = *state;
    hc_block *none = f->block;
    assert_int_equal(hc_block_create(&f->on.host, 0, &none), HC_ERR_INVALID);
    assert_null(none);
    assert_int_equal(hc_block_create(&f->on.host, HC_BLOCK_BYTES_MAX + 1, &none), HC_ERR_INVALID);
    f->on.memory.grants = 0;
    assert_int_equal(hc_block_create(&f->on.host, 1, &none), HC_ERR_NO_MEMORY);
    f->on.memory.grants = SIZE_MAX;
}

static void *reserve_none(void *ctx, const hc_item *item)
{
    (void)item;
    ++*(unsigned *)ctx;
    return NULL;
}

static void test_a_sink_is_lent_what_is_large_enough(void **state)
{
    fixture *f = *state;
    unsigned asked = 0;
    hc_view lent = {0};
    hc_sink sink = {
        .ctx = &asked, .reserve = reserve_none, .lend = &lent, .lend_bytes_min = VALUE_BYTES};
    assert_int_equal(set_if(f, "a", f->value, HC_IF_ALWAYS), HC_OK);
    assert_int_equal(hc_store_read(f->on.store, span("a"), &sink), HC_OK);
    assert_ptr_equal(lent.value.data, f->value.data);
    assert_int_equal(asked, 0);
    assert_int_equal(hc_store_delete(f->on.store, span("a")), HC_OK);
    assert_int_equal(lent.value.data[0], 'v');
    hc_view_release(&lent);
    assert_int_equal(set_if(f, "b", f->value, HC_IF_ALWAYS), HC_OK);
    sink.lend_bytes_min = VALUE_BYTES + 1;
    assert_int_equal(hc_store_read(f->on.store, span("b"), &sink), HC_ERR_BUFFER);
    assert_null(lent.held);
    assert_int_equal(asked, 1);
}

int main(void)
{
#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_value_in_a_block_is_taken_over, setup),
        TEST(test_a_block_can_be_read_until_it_is_released_whatever_happens_to_its_key, setup),
        TEST(test_a_block_is_taken_once_and_copied_after_that, setup),
        TEST(test_a_refused_write_leaves_the_block_to_the_caller, setup),
        TEST(test_a_value_that_fills_little_of_its_block_is_copied, setup),
        TEST(test_a_value_outside_the_block_is_copied, setup),
        TEST(test_a_value_that_was_taken_over_can_be_changed, setup),
        TEST(test_a_store_at_its_limit_refuses_and_counts_nothing, setup_small),
        TEST(test_sizes_that_no_block_has_are_refused, setup),
        TEST(test_a_sink_is_lent_what_is_large_enough, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
