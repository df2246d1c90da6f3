/*
 * test_store_inspect.c - what inspection tells is what the store does.
 */
#include "support/test.h"

#include "store_fixture.h"

#include <hypercache/hypercache.h>

#include <stdio.h>
#include <stdlib.h>

#define LARGE_BYTES 20000u

typedef store_fixture fixture;

static fixture *fixture_open(hc_store_options options)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_fixture_open(f, options);
    return f;
}

static void fixture_close(fixture *f)
{
    store_fixture_close(f);
    free(f);
}

static hc_inspection inspect(fixture *f, const char *key)
{
    hc_inspection out = {.size = sizeof out};
    assert_int_equal(hc_store_inspect(f->store, span(key), &out), HC_OK);
    return out;
}

static hc_store_stats stats(fixture *f)
{
    hc_store_stats all = {.size = sizeof all};
    hc_store_stats_get(f->store, &all);
    return all;
}

static void test_packed_item_is_two_bytes_more_than_its_content(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.shards = 1});
    assert_int_equal(hc_store_set(f->store, span("key"), span("value"), NULL), HC_OK);
    hc_inspection item = inspect(f, "key");
    assert_int_equal(item.memory_bytes, 2 + 3 + 5);
    assert_int_equal(item.header_bytes, 2);
    assert_int_equal(item.key_bytes, 3);
    assert_int_equal(item.value_bytes, 5);
    assert_int_equal(item.stored_bytes, 5);
    assert_int_equal(item.extent_bytes, 0);
    assert_int_equal(item.expires_at_ms, HC_EXPIRY_NONE);
    assert_int_equal(item.type, HC_TYPE_STRING);
    assert_int_equal(item.segment_offset, 0);
    assert_int_equal(item.segment_used_bytes, 10);
    assert_int_equal(item.segment_live_bytes, 10);
    assert_string_equal(item.segment_state, "open");
    assert_string_equal(item.segment_class, "small");
    fixture_close(f);
}

static void test_item_with_a_block_of_its_own_counts_it(void **state)
{
    (void)state;
    static const uint8_t zeros[LARGE_BYTES];
    fixture *f = fixture_open((hc_store_options){.shards = 1});
    uint64_t before = stats(f).extent_bytes;
    assert_int_equal(hc_store_set(f->store, span("key"), hc_span_make(zeros, sizeof zeros), NULL),
                     HC_OK);
    hc_inspection item = inspect(f, "key");
    assert_int_equal(item.value_bytes, LARGE_BYTES);
    assert_int_equal(item.extent_bytes, stats(f).extent_bytes - before);
    assert_int_equal(item.memory_bytes, item.header_bytes + 3 + LARGE_BYTES);
    assert_int_equal(item.extent_references, 1);
    hc_view view;
    assert_int_equal(hc_store_view(f->store, span("key"), NULL, 0, &view), HC_OK);
    assert_int_equal(inspect(f, "key").extent_references, 2);
    hc_view_release(&view);
    fixture_close(f);
}

static void test_uses_and_expiry_are_told_and_looking_is_no_use(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.shards = 1});
    hc_set_options o = {.size = sizeof o, .expires_at_ms = f->clock.wall_ms + 5};
    assert_int_equal(hc_store_set(f->store, span("key"), span("value"), &o), HC_OK);
    for (unsigned use = 0; use < 6; use++) {
        hc_inspection item = inspect(f, "key");
        assert_int_equal(item.use, use < 3 ? use : 3);
        assert_int_equal(item.expires_at_ms, o.expires_at_ms);
        assert_int_equal(hc_store_touch(f->store, span("key")), HC_OK);
    }
    test_clock_advance_ms(&f->clock, 5);
    assert_int_equal(inspect(f, "key").expires_at_ms, o.expires_at_ms); /* still in memory */
    fixture_close(f);
}

static void test_absent_key_leaves_the_struct_alone(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.shards = 1});
    hc_inspection item = {.size = sizeof item, .use = 77};
    assert_int_equal(hc_store_inspect(f->store, span("key"), &item), HC_ERR_NOT_FOUND);
    assert_int_equal(item.use, 77);
    fixture_close(f);
}

static void test_older_callers_get_the_fields_they_know(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.shards = 1});
    assert_int_equal(hc_store_set(f->store, span("key"), span("value"), NULL), HC_OK);
    hc_inspection item = {.size = offsetof(hc_inspection, type), .use = 77, .shard = 77};
    assert_int_equal(hc_store_inspect(f->store, span("key"), &item), HC_OK);
    assert_int_equal(item.key_bytes, 3);
    assert_int_equal(item.shard, 77);
    assert_int_equal(item.use, 77);
    fixture_close(f);
}

static void test_place_in_the_index_is_where_the_item_is_found(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.shards = 4});
    char key[16];
    unsigned second = 0;
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "%u", i);
        assert_int_equal(hc_store_set(f->store, span(key), span("v"), NULL), HC_OK);
    }
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "%u", i);
        hc_inspection item = inspect(f, key);
        assert_in_range(item.shard, 0, 3);
        const shard *s = &f->store->shards[item.shard];
        assert_ptr_equal(s, shard_of(f->store, hash_of(f->store, span(key))));
        assert_true(item.bucket == item.bucket_first || item.bucket == item.bucket_second);
        assert_in_range(item.slot, 0, BUCKET_SLOTS - 1);
        assert_int_equal(bucket_place(&s->buckets[item.bucket], item.slot),
                         (item.segment << SEGMENT_SHIFT) + item.segment_offset);
        second += item.bucket != item.bucket_first;
    }
    assert_true(second > 0);
    fixture_close(f);
}

static void test_stash_is_told(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.shards = 1});
    char key[16];
    unsigned stashed = 0;
    f->store->hash_mask = 0; /* one hash for all */
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(key, sizeof key, "%u", i);
        assert_int_equal(hc_store_set(f->store, span(key), span("v"), NULL), HC_OK);
    }
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(key, sizeof key, "%u", i);
        stashed += inspect(f, key).bucket == HC_INSPECTION_STASH;
    }
    assert_true(stashed > 0);
    assert_int_equal(stashed, stats(f).stashed);
    fixture_close(f);
}

static void test_class_names_follow_the_policy(void **state)
{
    (void)state;
    static const struct {
        uint32_t eviction;
        int64_t ttl_ms;
        const char *name;
    } cases[] = {
        {HC_EVICTION_S3FIFO, 0, "small"},
        {HC_EVICTION_LFU, 0, "small"},
        {HC_EVICTION_LRU, 0, "any"},
        {HC_EVICTION_FIFO, 0, "any"},
        {HC_EVICTION_TTL, 1000, "ttl up to 100 s"},
        {HC_EVICTION_TTL, 0, "ttl longer or none"},
        {HC_EVICTION_LRU | HC_EVICTION_VOLATILE, 0, "held"},
        {HC_EVICTION_LRU | HC_EVICTION_VOLATILE, 1000, "any"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture *f = fixture_open(
            (hc_store_options){.eviction = cases[i].eviction, .default_ttl_ms = cases[i].ttl_ms});
        assert_int_equal(hc_store_set(f->store, span("key"), span("v"), NULL), HC_OK);
        assert_string_equal(inspect(f, "key").segment_class, cases[i].name);
        fixture_close(f);
    }
}

static void test_used_item_is_seen_in_main_after_eviction_passed_by(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN});
    static const uint8_t zeros[1000];
    assert_int_equal(hc_store_set(f->store, span("hot"), span("v"), NULL), HC_OK);
    for (unsigned i = 0; i < 20000; i++) {
        assert_int_equal(hc_store_touch(f->store, span("hot")), HC_OK);
        assert_int_equal(hc_store_set(f->store, hc_span_make(&i, sizeof i),
                                      hc_span_make(zeros, sizeof zeros), NULL),
                         HC_OK);
    }
    assert_string_equal(inspect(f, "hot").segment_class, "main");
    fixture_close(f);
}

static void check_shards(fixture *f, const hc_store_stats *all)
{
    hc_shard_inspection sum = {.size = sizeof sum}, one = {.size = sizeof one};
    uint32_t shards = 0;
    for (; hc_store_inspect_shard(f->store, shards, &one) == HC_OK; shards++) {
        sum.keys += one.keys;
        sum.live_bytes += one.live_bytes;
        sum.segments += one.segments;
        sum.segments_free += one.segments_free;
        sum.segments_open += one.segments_open;
        sum.index_slots += one.index_slots;
        assert_true(one.used_bytes >= one.live_bytes);
        assert_int_equal(one.segments, one.segments_free + one.segments_open + one.segments_sealed +
                                           one.segments_victim);
    }
    assert_int_equal(shards, f->store->shard_count);
    assert_int_equal(sum.keys, all->keys);
    assert_int_equal(sum.live_bytes, all->live_bytes);
    assert_int_equal((uint64_t)sum.segments * SEGMENT_BYTES, all->segment_bytes);
    assert_int_equal(sum.segments_free, all->segments_free);
    assert_int_equal(sum.segments_open, all->segments_open);
    assert_int_equal(sum.index_slots, all->index_slots);
}

/* Segments in use hold live items, garbage, and nothing else. */
static void test_summary_of_segments_adds_up(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.shards = 2});
    static const uint8_t zeros[500];
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 2000; i++) {
            size_t bytes = 1 + (i * 7 + round * 13) % sizeof zeros;
            hc_span key = hc_span_make(&i, sizeof i);
            assert_int_equal(hc_store_set(f->store, key, hc_span_make(zeros, bytes), NULL), HC_OK);
            if (i % 5 == round % 5) assert_int_equal(hc_store_delete(f->store, key), HC_OK);
        }
        if (round == 12) hc_store_flush(f->store);
        if (round % 6 == 5) (void)hc_store_maintain(f->store, 0);
        hc_store_stats all = stats(f);
        uint64_t used = 0, open = 0, free_segments = 0;
        for (unsigned i = 0; i < 2; i++) {
            const shard *s = &f->store->shards[i];
            for (uint32_t n = 0; n < s->fresh; n++) {
                unsigned seg_state = s->segments[n].state;
                open += seg_state == SEGMENT_OPEN;
                free_segments += seg_state == SEGMENT_FREE;
                if (seg_state == SEGMENT_OPEN) used += s->segments[n].used;
                if (seg_state == SEGMENT_SEALED || seg_state == SEGMENT_VICTIM) {
                    used += SEGMENT_BYTES;
                }
            }
            free_segments += s->resident > s->fresh ? s->resident - s->fresh : 0;
        }
        assert_int_equal(all.segments_open, open);
        assert_int_equal(all.segments_free, free_segments);
        assert_int_equal(all.garbage_bytes + all.live_bytes, used);
        assert_int_equal(all.index_slots, all.buckets * BUCKET_SLOTS);
        assert_true(all.keys <= all.index_slots);
        check_shards(f, &all);
    }
    fixture_close(f);
}

static bool holds(const hc_filter_place *place)
{
    for (unsigned i = 0; i < 8; i++)
        if (place->slots[i / 4][i % 4] == place->fingerprint) return true;
    return false;
}

static void test_the_filter_holds_the_fingerprint_of_each_key(void **state)
{
    (void)state;
    fixture *f = fixture_open((hc_store_options){.filter_bits = 16, .filter_capacity = 1000});
    hc_filter_place places[HC_FILTER_LAYERS_MAX];
    hc_filter_inspection in = {.size = sizeof in};
    uint32_t layers = 0;
    for (unsigned i = 0; i < 5000; i++) { /* past its capacity, so by several layers */
        assert_int_equal(hc_store_set(f->store, hc_span_make(&i, sizeof i), span("v"), NULL),
                         HC_OK);
        if (i % 100 != 0) continue;
        hc_span key = hc_span_make(&i, sizeof i);
        assert_int_equal(hc_store_inspect_filter(f->store, key, places, HC_FILTER_LAYERS_MAX, &in),
                         HC_OK);
        assert_true(in.covers && in.contains);
        bool held = false;
        for (uint32_t l = 0; l < in.layers; l++)
            held = held || holds(&places[l]);
        assert_true(held);
        if (in.layers > layers) layers = in.layers;
    }
    assert_true(layers > 1);
    unsigned absent = 5001;
    assert_int_equal(hc_store_inspect_filter(f->store, hc_span_make(&absent, sizeof absent), places,
                                             HC_FILTER_LAYERS_MAX, &in),
                     HC_OK);
    assert_false(in.contains);
    fixture_close(f);
    f = fixture_open((hc_store_options){.shards = 1});
    assert_int_equal(hc_store_inspect_filter(f->store, span("k"), places, 1, &in),
                     HC_ERR_UNSUPPORTED);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_item_is_two_bytes_more_than_its_content),
        cmocka_unit_test(test_item_with_a_block_of_its_own_counts_it),
        cmocka_unit_test(test_uses_and_expiry_are_told_and_looking_is_no_use),
        cmocka_unit_test(test_absent_key_leaves_the_struct_alone),
        cmocka_unit_test(test_older_callers_get_the_fields_they_know),
        cmocka_unit_test(test_place_in_the_index_is_where_the_item_is_found),
        cmocka_unit_test(test_stash_is_told),
        cmocka_unit_test(test_class_names_follow_the_policy),
        cmocka_unit_test(test_used_item_is_seen_in_main_after_eviction_passed_by),
        cmocka_unit_test(test_summary_of_segments_adds_up),
        cmocka_unit_test(test_the_filter_holds_the_fingerprint_of_each_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
