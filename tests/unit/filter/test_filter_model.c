/*
 * test_filter_model.c - random operations beside a plain count of copies: never a false negative.
 *
 * Each step is an add, a conditional add, a delete of what is in, and now and then a clear, a save
 * and load, or a time without memory.  The model knows how often each item is in; the filter must
 * never say less.
 */
#include "support/test_host.h"
#include "unit/filter/filter_check.h"

#include <stdlib.h>

#define ITEMS 3000u
#define STEPS 32000u

typedef struct model {
    test_random random;
    test_memory memory;
    hc_host host;
    hc_filter *filter;
    uint8_t copies[ITEMS];
    uint64_t total;
    uint64_t refused; /* adds that failed: the test wants to have seen some */
} model;

static void check_all(model *m)
{
    for (uint64_t n = 0; n < ITEMS; n++) {
        if (m->copies[n] > 0) assert_true(hc_filter_contains_hash(m->filter, item_hash(n)));
        assert_true(hc_filter_count_hash(m->filter, item_hash(n)) >= m->copies[n]);
    }
    filter_check(m->filter, m->total);
}

static void step_add(model *m, uint64_t n, bool absent)
{
    hc_status status = absent ? hc_filter_add_absent_hash(m->filter, item_hash(n))
                              : hc_filter_add_hash(m->filter, item_hash(n));
    if (status == HC_OK) {
        m->copies[n]++;
        m->total++;
        assert_true(hc_filter_contains_hash(m->filter, item_hash(n)));
        return;
    }
    if (status == HC_ERR_EXISTS) {
        assert_true(absent);
        return;
    }
    assert_true(status == HC_ERR_FULL || status == HC_ERR_NO_MEMORY);
    assert_true(!absent || m->copies[n] == 0);
    m->refused++;
}

static void step_delete(model *m, uint64_t n)
{
    if (m->copies[n] == 0) return; /* deleting what is not in is a bug of the caller */
    assert_int_equal(hc_filter_delete_hash(m->filter, item_hash(n)), HC_OK);
    m->copies[n]--;
    m->total--;
}

static void step_save_and_load(model *m)
{
    size_t size = hc_filter_serialized_size(m->filter), written;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(hc_filter_serialize(m->filter, bytes, size, &written), HC_OK);
    assert_int_equal(written, size);
    hc_filter *loaded = NULL;
    size_t grants = atomic_load(&m->memory.grants);
    hc_status status = hc_filter_load(&m->host, hc_span_make(bytes, size), &loaded);
    atomic_store(&m->memory.grants, grants);
    free(bytes);
    if (status != HC_OK) {
        assert_int_equal(status, HC_ERR_NO_MEMORY);
        assert_int_equal(grants, 0);
        return;
    }
    hc_filter_destroy(m->filter);
    m->filter = loaded;
    check_all(m);
}

static void step_clear(model *m)
{
    hc_filter_clear(m->filter);
    memset(m->copies, 0, sizeof m->copies);
    m->total = 0;
}

static void step(model *m, unsigned add_percent)
{
    uint64_t kind = test_random_below(&m->random, 1000);
    uint64_t n = test_random_below(&m->random, ITEMS);
    if (kind == 0) {
        step_save_and_load(m);
    } else if (kind == 1) {
        atomic_store(&m->memory.grants, test_random_below(&m->random, 2) == 0 ? 0 : SIZE_MAX);
    } else if (kind == 2 && test_random_below(&m->random, 20) == 0) {
        step_clear(m);
    } else if (kind < 10 * add_percent) {
        step_add(m, n, test_random_below(&m->random, 4) == 0);
    } else {
        step_delete(m, n);
    }
}

/* Phases of growing and of shrinking, so that the table is full at times and nearly empty at
 * others. */
static void run(model *m, const hc_filter_options *options)
{
    m->memory.grants = SIZE_MAX;
    m->host = test_host(&m->memory);
    assert_int_equal(hc_filter_create(&m->host, options, &m->filter), HC_OK);
    for (unsigned i = 0; i < STEPS; i++) {
        step(m, i / 4000 % 2 == 0 ? 85 : 40);
        if (i % 1000 == 0) check_all(m);
    }
    check_all(m);
    for (uint64_t n = 0; n < ITEMS; n++) {
        while (m->copies[n] > 0) {
            step_delete(m, n);
        }
    }
    filter_check(m->filter, 0);
    hc_filter_destroy(m->filter);
    assert_int_equal(m->memory.live_bytes, 0);
}

static void run_each_width(hc_filter_growth growth, uint64_t capacity, double rate,
                           uint32_t expansion)
{
    test_random seeds;
    test_random_init(&seeds, 11);
    for (uint32_t i = 0; i < 6; i++) {
        hc_filter_options options = {
            .size = sizeof options,
            .capacity = capacity,
            .false_positive_rate = rate,
            .seed = 1 + i,
            .fingerprint_bits = 8 + 4 * (i / 2),
            .growth = growth,
            .layout = (hc_filter_layout)(1 + i % 2),
            .expansion = expansion,
        };
        model *m = calloc(1, sizeof *m);
        assert_non_null(m);
        test_random_init_quiet(&m->random, test_random_next(&seeds));
        run(m, &options);
        assert_true(m->refused > 0);
        free(m);
    }
}

static void test_fixed_filters_never_lose_an_item(void **state)
{
    (void)state;
    run_each_width(HC_FILTER_GROWTH_FIXED, 2500, 0, 0);
}

static void test_chains_never_lose_an_item(void **state)
{
    (void)state;
    run_each_width(HC_FILTER_GROWTH_CHAIN, 150, 0, 2);
}

static void test_chains_of_equal_layers_with_wider_fingerprints_never_lose_an_item(void **state)
{
    (void)state;
    run_each_width(HC_FILTER_GROWTH_CHAIN, 200, 0.15, 1);
}

/* With 8 bits, hundreds of layers' worth of look-alikes meet: this is where a chain of unrelated
 * layers loses items. */
static void test_deleting_from_a_long_chain_takes_nobody_elses_fingerprint(void **state)
{
    (void)state;
    hc_filter_options options = {.size = sizeof options,
                                 .capacity = 500,
                                 .seed = 3,
                                 .fingerprint_bits = 8,
                                 .growth = HC_FILTER_GROWTH_CHAIN,
                                 .expansion = 2};
    hc_filter *filter;
    assert_int_equal(hc_filter_create(NULL, &options, &filter), HC_OK);
    uint64_t items = 100000;
    for (uint64_t n = 0; n < items; n++) {
        assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
    }
    for (uint64_t n = 0; n < items; n += 2) {
        assert_int_equal(hc_filter_delete_hash(filter, item_hash(n)), HC_OK);
    }
    for (uint64_t n = 1; n < items; n += 2) {
        assert_true(hc_filter_contains_hash(filter, item_hash(n)));
    }
    filter_check(filter, items / 2);
    for (uint64_t n = 1; n < items; n += 2) {
        assert_int_equal(hc_filter_delete_hash(filter, item_hash(n)), HC_OK);
    }
    filter_check(filter, 0);
    hc_filter_destroy(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_filters_never_lose_an_item),
        cmocka_unit_test(test_chains_never_lose_an_item),
        cmocka_unit_test(test_chains_of_equal_layers_with_wider_fingerprints_never_lose_an_item),
        cmocka_unit_test(test_deleting_from_a_long_chain_takes_nobody_elses_fingerprint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
