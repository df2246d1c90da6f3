/* test_allocations.c - what a subsystem holds is counted, and nothing is left when it is gone. */
#include "debug/allocations.h"

#include <hypercache/hypercache.h>

#include "support/test.h"

static void test_a_store_is_counted_under_its_owner(void **state)
{
    (void)state;
    static allocations counted;
    hc_host base = {.size = sizeof base};
    hc_store *store;
    allocations_init(&counted, &base);
    assert_int_equal(hc_store_create(allocations_host(&counted, ALLOCATION_STORES), NULL, &store),
                     HC_OK);
    allocation_figures now = allocations_get(&counted, ALLOCATION_STORES);
    assert_true(now.reserved_bytes > 0);
    assert_int_equal(hc_store_set(store, span("k"), span("v"), NULL), HC_OK);
    assert_int_equal(allocations_get(&counted, ALLOCATION_CLUSTER).allocations, 0);
    hc_store_destroy(store);
    now = allocations_get(&counted, ALLOCATION_STORES);
    assert_int_equal(now.live_bytes, 0);
    assert_int_equal(now.live_blocks, 0);
    assert_int_equal(now.reserved_bytes, 0);
}

static void test_blocks_and_their_peak_are_counted(void **state)
{
    (void)state;
    static allocations counted;
    hc_host base = {.size = sizeof base};
    allocations_init(&counted, &base);
    const hc_memory *memory = allocations_host(&counted, ALLOCATION_CLUSTER)->memory;
    void *one = memory->allocate(memory->ctx, 100);
    one = memory->resize(memory->ctx, one, 100, 300);
    void *two = memory->resize(memory->ctx, NULL, 0, 50);
    allocation_figures now = allocations_get(&counted, ALLOCATION_CLUSTER);
    assert_int_equal(now.live_bytes, 350);
    assert_int_equal(now.live_blocks, 2);
    assert_int_equal(now.allocations, 3);
    memory->release(memory->ctx, one, 300);
    memory->release(memory->ctx, NULL, 0);
    memory->release(memory->ctx, two, 50);
    now = allocations_get(&counted, ALLOCATION_CLUSTER);
    assert_int_equal(now.live_bytes, 0);
    assert_int_equal(now.live_blocks, 0);
    assert_int_equal(now.peak_bytes, 350);
    assert_string_equal(allocation_owner_name(ALLOCATION_CLUSTER), "cluster");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_is_counted_under_its_owner),
        cmocka_unit_test(test_blocks_and_their_peak_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
