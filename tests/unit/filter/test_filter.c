/*
 * test_filter.c - the promises of <hypercache/filter.h>, one by one.
 */
#include "support/test.h"

#include <math.h>

#include "support/test_host.h"
#include "unit/filter/filter_check.h"

static hc_filter *filter_of(const hc_filter_options *options)
{
    hc_filter *filter;
    assert_int_equal(hc_filter_create(NULL, options, &filter), HC_OK);
    return filter;
}

static void test_defaults_hold_1024_items_at_one_percent(void **state)
{
    (void)state;
    hc_filter *filter = filter_of(NULL);
    hc_filter_stats stats = filter_stats(filter);
    assert_int_equal(stats.capacity, 1024);
    assert_int_equal(stats.layers, 1);
    assert_int_equal(stats.growth, HC_FILTER_GROWTH_FIXED);
    assert_int_equal(stats.layout, HC_FILTER_LAYOUT_PLAIN);
    assert_int_equal(stats.expansion, 2);
    assert_int_equal(stats.kicks_max, HC_FILTER_KICKS_MAX);
    assert_true(stats.rate_target == 0.01);
    assert_true(stats.rate_capacity > 0 && stats.rate_capacity <= 0.01);
    assert_true(stats.rate_now == 0);
    assert_int_equal(stats.items, 0);
    assert_false(hc_filter_contains(filter, HC_SPAN("a")));
    hc_filter_destroy(filter);
    hc_filter_destroy(NULL);
}

static void test_options_out_of_range_are_invalid(void **state)
{
    (void)state;
    const size_t size = sizeof(hc_filter_options);
    const hc_filter_options bad[] = {
        {.size = 0},
        {.size = size, .capacity = HC_FILTER_CAPACITY_MAX + 1},
        {.size = size, .false_positive_rate = HC_FILTER_RATE_MIN / 2},
        {.size = size, .false_positive_rate = 0.51},
        {.size = size, .false_positive_rate = -1},
        {.size = size, .false_positive_rate = (double)NAN},
        {.size = size, .fingerprint_bits = 7},
        {.size = size, .fingerprint_bits = 20},
        {.size = size, .fingerprint_bits = 8, .false_positive_rate = 0.0001},
        {.size = size, .growth = (hc_filter_growth)3},
        {.size = size, .layout = (hc_filter_layout)3},
        {.size = size, .expansion = 3},
        {.size = size, .expansion = 32},
        {.size = size, .kicks_max = HC_FILTER_KICKS_MAX + 1},
        {.size = size, .reserved = 1},
        /* half of the target, for the first layer, is less than 16 bits can do */
        {.size = size, .false_positive_rate = 0.00001, .growth = HC_FILTER_GROWTH_CHAIN},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hc_filter *filter = (hc_filter *)&filter;
        assert_int_equal(hc_filter_create(NULL, &bad[i], &filter), HC_ERR_INVALID);
        assert_null(filter);
    }
    hc_filter *filter;
    hc_filter_options huge = {
        .size = size, .capacity = HC_FILTER_CAPACITY_MAX, .false_positive_rate = 0.00001};
    assert_int_equal(hc_filter_create(NULL, &huge, &filter), HC_ERR_LIMIT);
    assert_null(filter);
    hc_host no_size = {0};
    assert_int_equal(hc_filter_create(&no_size, NULL, &filter), HC_ERR_INVALID);
    assert_int_equal(hc_filter_load(&no_size, HC_SPAN(""), &filter), HC_ERR_INVALID);
}

static void test_options_of_a_newer_header_are_unsupported_when_set(void **state)
{
    (void)state;
    struct {
        hc_filter_options known;
        uint64_t newer;
    } options = {.known = {.size = sizeof options}, .newer = 1};
    hc_filter *filter;
    assert_int_equal(hc_filter_create(NULL, &options.known, &filter), HC_ERR_UNSUPPORTED);
    options.newer = 0;
    assert_int_equal(hc_filter_create(NULL, &options.known, &filter), HC_OK);
    hc_filter_destroy(filter);
}

static void test_items_of_any_bytes_are_found_counted_and_deleted(void **state)
{
    (void)state;
    hc_filter *filter = filter_of(NULL);
    const hc_span items[] = {HC_SPAN(""), hc_span_make(NULL, 0), HC_SPAN("a\0b"), HC_SPAN("key")};
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(hc_filter_delete(filter, items[i]), HC_ERR_NOT_FOUND);
        assert_int_equal(hc_filter_count(filter, items[i]), 0);
        assert_int_equal(hc_filter_add(filter, items[i]), HC_OK);
        assert_true(hc_filter_contains(filter, items[i]));
        assert_int_equal(hc_filter_count(filter, items[i]), 1);
        assert_int_equal(hc_filter_add_absent(filter, items[i]), HC_ERR_EXISTS);
        assert_int_equal(hc_filter_count(filter, items[i]), 1);
    }
    assert_true(hc_filter_contains(filter, items[0])); /* no bytes are no bytes */
    assert_int_equal(hc_filter_add_absent(filter, HC_SPAN("new")), HC_OK);
    assert_int_equal(filter_stats(filter).added, 4);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(hc_filter_delete(filter, items[i]), HC_OK);
        assert_false(hc_filter_contains(filter, items[i]));
    }
    hc_filter_stats stats = filter_stats(filter);
    assert_int_equal(stats.deleted, 3);
    assert_int_equal(stats.refused, 0);
    filter_check(filter, 1);
    hc_filter_destroy(filter);
}

static void test_eight_copies_fit_and_the_ninth_is_refused_without_harm(void **state)
{
    (void)state;
    hc_filter_options options = {.size = sizeof options, .growth = HC_FILTER_GROWTH_CHAIN};
    hc_filter *filter = filter_of(&options);
    uint64_t hash = item_hash(7);
    hc_filter_prefetch_hash(filter, hash);
    for (size_t copies = 0; copies < 8; copies++) {
        assert_int_equal(hc_filter_count_hash(filter, hash), copies);
        assert_int_equal(hc_filter_add_hash(filter, hash), HC_OK);
    }
    assert_int_equal(hc_filter_add_hash(filter, hash), HC_ERR_FULL); /* not a reason to grow */
    assert_int_equal(filter_stats(filter).layers, 1);
    assert_int_equal(filter_stats(filter).refused, 1);
    filter_check(filter, 8);
    for (size_t copies = 8; copies > 0; copies--) {
        assert_true(hc_filter_contains_hash(filter, hash));
        assert_int_equal(hc_filter_delete_hash(filter, hash), HC_OK);
    }
    assert_int_equal(hc_filter_delete_hash(filter, hash), HC_ERR_NOT_FOUND);
    filter_check(filter, 0);
    hc_filter_destroy(filter);
}

static void test_a_fixed_filter_takes_its_capacity_then_refuses_and_loses_nothing(void **state)
{
    (void)state;
    static const uint64_t capacities[] = {1, 2, 5, 17, 64, 100, 333, 1000, 5000};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        for (uint32_t bits = 8; bits <= 16; bits += 4) {
            hc_filter_options options = {.size = sizeof options,
                                         .capacity = capacities[i],
                                         .fingerprint_bits = bits,
                                         .layout = (hc_filter_layout)(1 + i % 2)};
            hc_filter *filter = filter_of(&options);
            for (uint64_t n = 0; n < capacities[i]; n++) {
                assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
            }
            for (uint64_t n = 0; n < 100; n++) {
                assert_int_equal(hc_filter_add_hash(filter, item_hash(1000000 + n)), HC_ERR_FULL);
            }
            for (uint64_t n = 0; n < capacities[i]; n++) {
                assert_true(hc_filter_contains_hash(filter, item_hash(n)));
            }
            filter_check(filter, capacities[i]);
            hc_filter_destroy(filter);
        }
    }
}

static void test_an_add_that_finds_no_room_changes_nothing(void **state)
{
    (void)state;
    hc_filter_options options = {
        .size = sizeof options, .capacity = 4000, .fingerprint_bits = 8, .kicks_max = 1};
    hc_filter *filter = filter_of(&options);
    size_t bytes = hc_filter_serialized_size(filter);
    uint8_t *before = test_malloc(bytes), *after = test_malloc(bytes);
    uint64_t added = 0, refused = 0;
    for (uint64_t n = 0; n < 4000; n++) {
        assert_int_equal(hc_filter_serialize(filter, before, bytes, NULL), HC_OK);
        if (hc_filter_add_hash(filter, item_hash(n)) == HC_OK) {
            added++;
            continue;
        }
        refused++;
        assert_int_equal(hc_filter_serialize(filter, after, bytes, NULL), HC_OK);
        assert_memory_equal(before, after, bytes);
    }
    assert_true(refused > 10 && added > 2000); /* both happened */
    assert_int_equal(filter_stats(filter).refused, refused);
    test_free(before);
    test_free(after);
    hc_filter_destroy(filter);
}

static void test_measured_rate_is_within_a_tenth_of_theory_at_full_load(void **state)
{
    (void)state;
    /* Probes for about 900 wrong answers or more, so that a tenth is three standard errors. */
    static const struct {
        uint32_t bits;
        uint64_t probes;
    } cases[] = {{8, 100000}, {12, 600000}, {16, 8000000}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        hc_filter_options options = {.size = sizeof options,
                                     .capacity = 50000,
                                     .fingerprint_bits = cases[i / 2].bits,
                                     .layout = (hc_filter_layout)(1 + i % 2)};
        hc_filter *filter = filter_of(&options);
        for (uint64_t n = 0; n < options.capacity; n++) {
            assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
        }
        hc_filter_stats stats = filter_stats(filter);
        assert_true(stats.load > 0.949 && stats.load <= 0.95);
        assert_true(stats.rate_now == stats.rate_capacity);
        double measured = hc_filter_measure(filter, cases[i / 2].probes, 17);
        assert_true(fabs(measured / stats.rate_now - 1) < 0.1);
        hc_filter_destroy(filter);
    }
}

static void test_the_target_rate_is_kept_at_capacity(void **state)
{
    (void)state;
    static const double targets[] = {0.2, 0.03, 0.01, 0.002, 0.0008};
    for (size_t i = 0; i < 2 * sizeof targets / sizeof *targets; i++) {
        double target = targets[i / 2];
        hc_filter_options options = {.size = sizeof options,
                                     .capacity = 2000,
                                     .false_positive_rate = target,
                                     .growth = (hc_filter_growth)(1 + i % 2)};
        hc_filter *filter = filter_of(&options);
        uint64_t items = i % 2 == 0 ? options.capacity : 30 * options.capacity;
        for (uint64_t n = 0; n < items; n++) {
            assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
        }
        hc_filter_stats stats = filter_stats(filter);
        assert_int_equal(stats.layers > 1, i % 2);
        assert_true(stats.rate_capacity <= target);
        assert_true(stats.rate_now <= stats.rate_capacity);
        double probes = 900 / target; /* a tenth is three standard errors */
        assert_true(hc_filter_measure(filter, (uint64_t)probes, 3) <= target * 1.1);
        hc_filter_destroy(filter);
    }
    assert_true(hc_filter_measure(NULL, 0, 3) == 0);
}

static void test_a_chain_grows_and_finds_everything(void **state)
{
    (void)state;
    for (uint32_t expansion = 1; expansion <= 16; expansion *= 2) {
        hc_filter_options options = {.size = sizeof options,
                                     .capacity = 50,
                                     .false_positive_rate = 0.02,
                                     .growth = HC_FILTER_GROWTH_CHAIN,
                                     .expansion = expansion,
                                     .layout = (hc_filter_layout)(1 + expansion % 2)};
        hc_filter *filter = filter_of(&options);
        uint64_t items = expansion == 1 ? 1000 : 20000;
        for (uint64_t n = 0; n < items; n++) {
            assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
        }
        hc_filter_stats stats = filter_stats(filter);
        assert_int_equal(stats.expansion, expansion);
        assert_true(stats.layers >= 3);
        for (uint64_t n = 0; n < items; n++) {
            assert_true(hc_filter_contains_hash(filter, item_hash(n)));
        }
        filter_check(filter, items);
        for (uint64_t n = 0; n < items; n++) {
            assert_int_equal(hc_filter_delete_hash(filter, item_hash(n)), HC_OK);
        }
        filter_check(filter, 0);
        hc_filter_destroy(filter);
    }
}

static void test_a_chain_without_a_target_keeps_its_fingerprints(void **state)
{
    (void)state;
    hc_filter_options options = {.size = sizeof options,
                                 .capacity = 100,
                                 .fingerprint_bits = 8,
                                 .growth = HC_FILTER_GROWTH_CHAIN};
    hc_filter *filter = filter_of(&options);
    for (uint64_t n = 0; n < 10000; n++) {
        assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
    }
    assert_int_equal(filter_stats(filter).fingerprint_bits, 8);
    assert_true(filter_stats(filter).rate_target == 0);
    hc_filter_destroy(filter);
}

static void test_a_chain_is_full_when_another_layer_would_break_the_target(void **state)
{
    (void)state;
    hc_filter_options options = {.size = sizeof options,
                                 .capacity = 100,
                                 .false_positive_rate = 0.0001,
                                 .growth = HC_FILTER_GROWTH_CHAIN,
                                 .expansion = 1};
    hc_filter *filter = filter_of(&options);
    hc_status status = HC_OK;
    uint64_t items = 0;
    for (; status == HC_OK && items < 10000; items++) {
        status = hc_filter_add_hash(filter, item_hash(items));
    }
    assert_int_equal(status, HC_ERR_FULL);
    items--;
    assert_true(filter_stats(filter).rate_capacity <= 0.0001);
    for (uint64_t n = 0; n < items; n++) {
        assert_true(hc_filter_contains_hash(filter, item_hash(n)));
    }
    filter_check(filter, items);
    hc_filter_destroy(filter);
}

static void test_a_chain_ends_at_its_greatest_number_of_layers(void **state)
{
    (void)state;
    hc_filter_options options = {.size = sizeof options,
                                 .capacity = 1,
                                 .fingerprint_bits = 16,
                                 .growth = HC_FILTER_GROWTH_CHAIN,
                                 .expansion = 1};
    hc_filter *filter = filter_of(&options);
    uint64_t items = 0;
    while (items < 10000 && hc_filter_add_hash(filter, item_hash(items)) == HC_OK) {
        items++;
    }
    assert_int_equal(filter_stats(filter).layers, HC_FILTER_LAYERS_MAX);
    filter_check(filter, items);
    hc_filter_destroy(filter);
}

static void test_clear_empties_and_the_chain_grows_again_in_the_memory_it_has(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_filter_options options = {
        .size = sizeof options, .capacity = 100, .growth = HC_FILTER_GROWTH_CHAIN};
    hc_filter *filter;
    assert_int_equal(hc_filter_create(&host, &options, &filter), HC_OK);
    for (int round = 0; round < 3; round++) {
        for (uint64_t n = 0; n < 2000; n++) {
            assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
        }
        assert_true(filter_stats(filter).layers > 1);
        assert_int_equal(filter_stats(filter).memory_bytes, memory.live_bytes);
        filter_check(filter, 2000);
        hc_filter_clear(filter);
        assert_int_equal(filter_stats(filter).layers, 1);
        filter_check(filter, 0);
        for (uint64_t n = 0; n < 2000; n++) {
            assert_false(hc_filter_contains_hash(filter, item_hash(n)));
        }
        memory.grants = 0; /* from now on nothing more is needed */
    }
    hc_filter_destroy(filter);
    assert_int_equal(memory.live_bytes, 0);
}

static void test_create_without_memory_leaves_nothing(void **state)
{
    (void)state;
    hc_filter_options options = {.size = sizeof options, .layout = HC_FILTER_LAYOUT_SEMI_SORTED};
    size_t grants = 0;
    for (; grants < 100; grants++) {
        test_memory memory = {.grants = grants};
        hc_host host = test_host(&memory);
        hc_filter *filter;
        hc_status status = hc_filter_create(&host, &options, &filter);
        if (status == HC_OK) hc_filter_destroy(filter);
        assert_int_equal(memory.live_bytes, 0);
        if (status == HC_OK) break;
        assert_int_equal(status, HC_ERR_NO_MEMORY);
        assert_null(filter);
    }
    assert_in_range(grants, 1, 99); /* it did fail, and it did come through */
}

static void test_a_chain_that_gets_no_memory_says_so_and_goes_on_later(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_filter_options options = {
        .size = sizeof options, .capacity = 100, .growth = HC_FILTER_GROWTH_CHAIN};
    hc_filter *filter;
    assert_int_equal(hc_filter_create(&host, &options, &filter), HC_OK);
    memory.grants = 0;
    uint64_t items = 0;
    for (; hc_filter_add_hash(filter, item_hash(items)) == HC_OK; items++) {
    }
    assert_int_equal(items, 100);
    assert_int_equal(hc_filter_add_hash(filter, item_hash(items)), HC_ERR_NO_MEMORY);
    filter_check(filter, items);
    memory.grants = SIZE_MAX;
    assert_int_equal(hc_filter_add_hash(filter, item_hash(items)), HC_OK);
    for (uint64_t n = 0; n <= items; n++) {
        assert_true(hc_filter_contains_hash(filter, item_hash(n)));
    }
    hc_filter_destroy(filter);
    assert_int_equal(memory.live_bytes, 0);
}

static void test_a_reader_that_never_gets_a_quiet_look_says_yes(void **state)
{
    (void)state;
    hc_filter *filter = filter_of(NULL);
    assert_false(hc_filter_contains(filter, HC_SPAN("a")));
    for (uint32_t i = 0; i <= filter->version_mask; i++) {
        filter->versions[i]++; /* as when a writer lost its core in the middle of each change */
    }
    assert_true(hc_filter_contains(filter, HC_SPAN("a")));
    for (uint32_t i = 0; i <= filter->version_mask; i++) {
        filter->versions[i]++;
    }
    assert_false(hc_filter_contains(filter, HC_SPAN("a")));
    hc_filter_destroy(filter);
}

static void test_the_seed_decides_and_zero_draws_one(void **state)
{
    (void)state;
    test_random random;
    test_random_init_quiet(&random, 5);
    hc_host host = test_host_of(NULL, NULL, &random, NULL);
    hc_filter_options seeded = {.size = sizeof seeded, .seed = 9};
    hc_filter *a, *b, *c;
    assert_int_equal(hc_filter_create(&host, &seeded, &a), HC_OK);
    assert_int_equal(hc_filter_create(&host, &seeded, &b), HC_OK);
    assert_int_equal(hc_filter_create(&host, NULL, &c), HC_OK);
    assert_true(hc_filter_hash(a, HC_SPAN("x")) == hc_filter_hash(b, HC_SPAN("x")));
    assert_true(hc_filter_hash(a, HC_SPAN("x")) != hc_filter_hash(c, HC_SPAN("x")));
    hc_filter_destroy(a);
    hc_filter_destroy(b);
    hc_filter_destroy(c);
}

static void test_an_older_caller_of_stats_gets_what_it_knows(void **state)
{
    (void)state;
    hc_filter *filter = filter_of(NULL);
    assert_int_equal(hc_filter_add(filter, HC_SPAN("a")), HC_OK);
    hc_filter_stats stats;
    memset(&stats, 0x77, sizeof stats);
    stats.size = offsetof(hc_filter_stats, slots);
    hc_filter_stats_get(filter, &stats);
    assert_int_equal(stats.size, offsetof(hc_filter_stats, slots));
    assert_int_equal(stats.items, 1);
    assert_int_equal(stats.capacity, 1024);
    assert_int_equal(stats.slots, UINT64_C(0x7777777777777777));
    hc_filter_destroy(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_hold_1024_items_at_one_percent),
        cmocka_unit_test(test_options_out_of_range_are_invalid),
        cmocka_unit_test(test_options_of_a_newer_header_are_unsupported_when_set),
        cmocka_unit_test(test_items_of_any_bytes_are_found_counted_and_deleted),
        cmocka_unit_test(test_eight_copies_fit_and_the_ninth_is_refused_without_harm),
        cmocka_unit_test(test_a_fixed_filter_takes_its_capacity_then_refuses_and_loses_nothing),
        cmocka_unit_test(test_an_add_that_finds_no_room_changes_nothing),
        cmocka_unit_test(test_measured_rate_is_within_a_tenth_of_theory_at_full_load),
        cmocka_unit_test(test_the_target_rate_is_kept_at_capacity),
        cmocka_unit_test(test_a_chain_grows_and_finds_everything),
        cmocka_unit_test(test_a_chain_without_a_target_keeps_its_fingerprints),
        cmocka_unit_test(test_a_chain_is_full_when_another_layer_would_break_the_target),
        cmocka_unit_test(test_a_chain_ends_at_its_greatest_number_of_layers),
        cmocka_unit_test(test_clear_empties_and_the_chain_grows_again_in_the_memory_it_has),
        cmocka_unit_test(test_create_without_memory_leaves_nothing),
        cmocka_unit_test(test_a_chain_that_gets_no_memory_says_so_and_goes_on_later),
        cmocka_unit_test(test_a_reader_that_never_gets_a_quiet_look_says_yes),
        cmocka_unit_test(test_the_seed_decides_and_zero_draws_one),
        cmocka_unit_test(test_an_older_caller_of_stats_gets_what_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
