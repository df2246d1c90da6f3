/*
 * test_store_slots.c - a store made by slot keeps the keys of a slot in one shard.
 */
#include "store/store_internal.h"
#include "support/test.h"

#include <hypercache/ring.h>
#include <hypercache/store.h>

#include <stdio.h>

#define KEYS 5000u
#define SHARDS 64u

static hc_span key_make(char text[32], unsigned number)
{
    int size = snprintf(text, 32, "key:%u", number);
    return hc_span_make(text, (size_t)size);
}

static hc_store *store_make(uint32_t by_slot)
{
    hc_store *store;
    hc_store_options o = {.size = sizeof o, .shards = SHARDS, .seed = 1, .by_slot = by_slot};
    assert_int_equal(hc_store_create(NULL, &o, &store), HC_OK);
    return store;
}

static void test_a_slot_lies_in_one_shard_and_blocks_side_by_side(void **state)
{
    (void)state;
    char text[32];
    hc_store *store = store_make(1);
    for (unsigned i = 0; i < KEYS; i++) {
        hc_span key = key_make(text, i);
        uint32_t slot = hc_ring_slot(key), shard;
        assert_true(hci_store_shard_of_slot(store, slot, &shard));
        assert_int_equal(shard, slot / (HC_RING_SLOTS / SHARDS));
        assert_int_equal(hci_store_shard_of(store, key), shard);
        assert_int_equal(hc_store_set(store, key, key, NULL), HC_OK);
    }
    assert_int_equal(hc_store_count(store), KEYS);
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(hc_store_delete(store, key_make(text, i)), HC_OK);
    hc_store_destroy(store);
}

typedef struct tally {
    unsigned seen, of_slot;
    uint32_t slot;
} tally;

static void count_visit(void *ctx, const hc_item *item)
{
    tally *t = ctx;
    t->seen++;
    t->of_slot += hc_ring_slot(item->key) == t->slot;
}

static void test_a_walk_of_its_shard_meets_all_of_a_slot_and_little_else(void **state)
{
    (void)state;
    char text[32];
    hc_store *store = store_make(1);
    unsigned expected[HC_RING_SLOTS] = {0};
    for (unsigned i = 0; i < KEYS; i++) {
        hc_span key = key_make(text, i);
        expected[hc_ring_slot(key)]++;
        assert_int_equal(hc_store_set(store, key, key, NULL), HC_OK);
    }
    for (uint32_t slot = 0; slot < HC_RING_SLOTS; slot += 997) {
        tally t = {.slot = slot};
        uint32_t shard, position = 0;
        (void)hci_store_shard_of_slot(store, slot, &shard);
        do {
            hci_store_scan_shard(store, shard, &position, 100, count_visit, &t);
        } while (position != 0);
        assert_int_equal(t.of_slot, expected[slot]);
        assert_in_range(t.seen, 0, 3 * KEYS / SHARDS);
    }
    hc_store_destroy(store);
}

static void test_any_other_store_knows_no_shard_of_a_slot(void **state)
{
    (void)state;
    uint32_t shard;
    hc_store *store = store_make(0);
    assert_false(hci_store_shard_of_slot(store, 5, &shard));
    hc_store_destroy(store);
    hc_store_options o = {.size = sizeof o, .by_slot = 2};
    assert_int_equal(hc_store_create(NULL, &o, &store), HC_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slot_lies_in_one_shard_and_blocks_side_by_side),
        cmocka_unit_test(test_a_walk_of_its_shard_meets_all_of_a_slot_and_little_else),
        cmocka_unit_test(test_any_other_store_knows_no_shard_of_a_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
