/*
 * test_filter_serial.c - saved and loaded filters are equal; damaged or hostile bytes do no harm.
 */
#include "support/test_host.h"
#include "unit/filter/filter_check.h"

#include <stdlib.h>

#include "base/hash.h"

#define HEADER_BYTES 80u
#define CHECKSUM_BYTES 8u

typedef struct saved {
    uint8_t *bytes;
    size_t size;
} saved;

static saved save(hc_filter *filter)
{
    saved made = {.size = hc_filter_serialized_size(filter)};
    made.bytes = malloc(made.size);
    assert_non_null(made.bytes);
    assert_int_equal(hc_filter_serialize(filter, made.bytes, made.size, NULL), HC_OK);
    return made;
}

/* A chain of three layers when it may grow, else one full layer. */
static saved sample(hc_filter_growth growth, hc_filter_layout layout)
{
    hc_filter_options options = {.size = sizeof options,
                                 .capacity = 20,
                                 .false_positive_rate = 0.04,
                                 .seed = 42,
                                 .growth = growth,
                                 .layout = layout};
    hc_filter *filter;
    assert_int_equal(hc_filter_create(NULL, &options, &filter), HC_OK);
    uint64_t items = growth == HC_FILTER_GROWTH_CHAIN ? 90 : 20;
    for (uint64_t n = 0; n < items; n++) {
        assert_int_equal(hc_filter_add_hash(filter, item_hash(n)), HC_OK);
    }
    saved made = save(filter);
    hc_filter_destroy(filter);
    return made;
}

static void sign(const saved *of)
{
    uint64_t sum = hci_hash(hc_span_make(of->bytes, of->size - CHECKSUM_BYTES), 0);
    for (unsigned i = 0; i < CHECKSUM_BYTES; i++) {
        of->bytes[of->size - CHECKSUM_BYTES + i] = (uint8_t)(sum >> 8 * i);
    }
}

/* Loads in bounded memory; NULL when refused. */
static hc_filter *load(const saved *from, test_memory *memory, hc_status *status_out)
{
    *memory = (test_memory){.grants = SIZE_MAX};
    static hc_host host;
    host = test_host(memory);
    hc_filter *filter = (hc_filter *)memory;
    *status_out = hc_filter_load(&host, hc_span_make(from->bytes, from->size), &filter);
    assert_true(memory->peak_bytes <= from->size + sizeof(hc_filter) + 4096 + 8192);
    if (*status_out != HC_OK) {
        assert_null(filter);
        assert_int_equal(memory->live_bytes, 0);
    }
    return filter;
}

static void test_a_loaded_filter_is_the_one_that_was_saved(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        saved first = sample((hc_filter_growth)(1 + i / 2), (hc_filter_layout)(1 + i % 2));
        test_memory memory;
        hc_status status;
        hc_filter *filter = load(&first, &memory, &status);
        assert_int_equal(status, HC_OK);
        uint64_t items = i < 2 ? 20 : 90;
        filter_check(filter, items);
        for (uint64_t n = 0; n < items; n++) {
            assert_true(hc_filter_contains_hash(filter, item_hash(n)));
        }
        hc_filter_stats stats = filter_stats(filter);
        assert_int_equal(stats.added, items);
        assert_true(stats.rate_target == 0.04);
        saved second = save(filter);
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.bytes, second.bytes, first.size);
        /* and lives on: a chain grows, a fixed one is full */
        hc_status more = HC_OK;
        for (uint64_t n = items; n < 400 && more == HC_OK; n++) {
            more = hc_filter_add_hash(filter, item_hash(n));
        }
        assert_int_equal(more, i < 2 ? HC_ERR_FULL : HC_OK);
        hc_filter_destroy(filter);
        free(first.bytes);
        free(second.bytes);
    }
}

static void test_items_added_by_bytes_are_found_after_loading(void **state)
{
    (void)state;
    hc_filter *filter, *loaded; /* the seed travels with it */
    assert_int_equal(hc_filter_create(NULL, NULL, &filter), HC_OK);
    assert_int_equal(hc_filter_add(filter, HC_SPAN("key")), HC_OK);
    saved bytes = save(filter);
    assert_int_equal(hc_filter_load(NULL, hc_span_make(bytes.bytes, bytes.size), &loaded), HC_OK);
    assert_true(hc_filter_contains(loaded, HC_SPAN("key")));
    hc_filter_destroy(filter);
    hc_filter_destroy(loaded);
    free(bytes.bytes);
}

static void test_the_form_of_version_1_never_changes(void **state)
{
    (void)state;
    /* Hashes of what version 1 wrote when it was released; a change here needs a new version. */
    saved chain = sample(HC_FILTER_GROWTH_CHAIN, HC_FILTER_LAYOUT_SEMI_SORTED);
    saved fixed = sample(HC_FILTER_GROWTH_FIXED, HC_FILTER_LAYOUT_PLAIN);
    assert_int_equal(chain.size, 336);
    assert_int_equal(fixed.size, 160);
    assert_true(hci_hash(hc_span_make(chain.bytes, chain.size), 1) == UINT64_C(0x592f09fc947282ea));
    assert_true(hci_hash(hc_span_make(fixed.bytes, fixed.size), 1) == UINT64_C(0x66faa9d81529dfe8));
    free(chain.bytes);
    free(fixed.bytes);
}

static void test_a_buffer_too_small_is_refused_untouched(void **state)
{
    (void)state;
    hc_filter *filter;
    assert_int_equal(hc_filter_create(NULL, NULL, &filter), HC_OK);
    size_t needed = hc_filter_serialized_size(filter), told = 0;
    uint8_t byte = 7;
    assert_int_equal(hc_filter_serialize(filter, &byte, 1, &told), HC_ERR_BUFFER);
    assert_int_equal(hc_filter_serialize(filter, &byte, needed - 1, NULL), HC_ERR_BUFFER);
    assert_int_equal(told, needed);
    assert_int_equal(byte, 7);
    hc_filter_destroy(filter);
}

static void test_any_changed_byte_is_found(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        saved bytes = sample((hc_filter_growth)(1 + i / 2), (hc_filter_layout)(1 + i % 2));
        for (size_t at = 0; at < bytes.size; at++) {
            test_memory memory;
            hc_status status;
            for (unsigned bit = 0; bit < 8; bit++) {
                bytes.bytes[at] ^= (uint8_t)(1u << bit);
                assert_null(load(&bytes, &memory, &status));
                assert_int_equal(status, HC_ERR_CORRUPT);
                bytes.bytes[at] ^= (uint8_t)(1u << bit);
            }
        }
        free(bytes.bytes);
    }
}

static void test_cut_or_extended_bytes_are_found(void **state)
{
    (void)state;
    saved bytes = sample(HC_FILTER_GROWTH_CHAIN, HC_FILTER_LAYOUT_PLAIN);
    for (size_t size = 0; size < bytes.size; size++) {
        uint8_t *exact = malloc(size + 1); /* so that a sanitizer sees a read beyond */
        assert_non_null(exact);
        memcpy(exact, bytes.bytes, size);
        hc_filter *filter;
        assert_int_equal(hc_filter_load(NULL, hc_span_make(exact, size), &filter), HC_ERR_CORRUPT);
        free(exact);
    }
    saved longer = {.bytes = calloc(1, bytes.size + 8), .size = bytes.size + 8};
    assert_non_null(longer.bytes);
    memcpy(longer.bytes, bytes.bytes, bytes.size);
    test_memory memory;
    hc_status status;
    assert_null(load(&longer, &memory, &status));
    assert_int_equal(status, HC_ERR_CORRUPT);
    longer.bytes[16] = (uint8_t)longer.size; /* its size and checksum in order, 8 bytes too many */
    longer.bytes[17] = (uint8_t)(longer.size >> 8);
    sign(&longer);
    assert_null(load(&longer, &memory, &status));
    assert_int_equal(status, HC_ERR_CORRUPT);
    free(longer.bytes);
    free(bytes.bytes);
}

static void test_a_newer_version_is_unsupported_not_corrupt(void **state)
{
    (void)state;
    saved bytes = sample(HC_FILTER_GROWTH_FIXED, HC_FILTER_LAYOUT_PLAIN);
    test_memory memory;
    hc_status status;
    bytes.bytes[8] = 2;
    sign(&bytes);
    assert_null(load(&bytes, &memory, &status));
    assert_int_equal(status, HC_ERR_UNSUPPORTED);
    bytes.bytes[8] = 0;
    sign(&bytes);
    assert_null(load(&bytes, &memory, &status));
    assert_int_equal(status, HC_ERR_CORRUPT);
    free(bytes.bytes);
}

/* Each 32-bit number of the headers, with values at the edges, under a checksum that fits. */
static void test_hostile_headers_are_refused_or_harmless(void **state)
{
    (void)state;
    static const uint32_t values[] = {
        0,          1,          2,          3,          4,          5,         8,   12,
        16,         30,         31,         32,         33,         64,        500, 501,
        0x3fffffff, 0x40000000, 0x40000001, 0x7fffffff, 0x80000000, 0xffffffff};
    size_t loaded = 0, refused = 0;
    for (int i = 0; i < 4; i++) {
        saved bytes = sample((hc_filter_growth)(1 + i / 2), (hc_filter_layout)(1 + i % 2));
        for (size_t at = 8; at < HEADER_BYTES + 24; at += 4) {
            uint8_t before[4];
            memcpy(before, bytes.bytes + at, 4);
            for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                for (unsigned b = 0; b < 4; b++) {
                    bytes.bytes[at + b] = (uint8_t)(values[v] >> 8 * b);
                }
                sign(&bytes);
                test_memory memory;
                hc_status status;
                hc_filter *filter = load(&bytes, &memory, &status);
                if (filter == NULL) {
                    refused++;
                    continue;
                }
                loaded++;
                filter_check(filter, filter_stats(filter).items);
                (void)hc_filter_add_hash(filter, item_hash(1000));
                filter_check(filter, filter_stats(filter).items);
                hc_filter_destroy(filter);
            }
            memcpy(bytes.bytes + at, before, 4);
        }
        free(bytes.bytes);
    }
    assert_true(refused > 500 && loaded > 100); /* seeds, counters and equal values do load */
}

static void test_hostile_tables_are_refused_or_harmless(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 6);
    size_t loaded = 0, refused = 0;
    for (int round = 0; round < 4000; round++) {
        saved bytes =
            sample((hc_filter_growth)(1 + round / 2 % 2), (hc_filter_layout)(1 + round % 2));
        for (uint64_t changes = 1 + test_random_below(&random, 4); changes > 0; changes--) {
            size_t at = HEADER_BYTES + test_random_below(&random, bytes.size - HEADER_BYTES);
            bytes.bytes[at] = (uint8_t)test_random_next(&random);
        }
        sign(&bytes);
        test_memory memory;
        hc_status status;
        hc_filter *filter = load(&bytes, &memory, &status);
        if (filter != NULL) {
            loaded++;
            for (uint64_t n = 0; n < 60; n++) {
                (void)hc_filter_contains_hash(filter, item_hash(n));
                (void)hc_filter_add_hash(filter, item_hash(n));
                (void)hc_filter_delete_hash(filter, item_hash(2 * n));
            }
            filter_check(filter, filter_stats(filter).items);
            hc_filter_destroy(filter);
        } else {
            assert_int_equal(status, HC_ERR_CORRUPT);
            refused++;
        }
        free(bytes.bytes);
    }
    assert_true(loaded > 100 && refused > 100);
}

static void test_loading_without_memory_leaves_nothing(void **state)
{
    (void)state;
    saved bytes = sample(HC_FILTER_GROWTH_CHAIN, HC_FILTER_LAYOUT_SEMI_SORTED);
    size_t grants = 0;
    for (; grants < 100; grants++) {
        test_memory memory = {.grants = grants};
        hc_host host = test_host(&memory);
        hc_filter *filter;
        hc_status status = hc_filter_load(&host, hc_span_make(bytes.bytes, bytes.size), &filter);
        if (status == HC_OK) hc_filter_destroy(filter);
        assert_int_equal(memory.live_bytes, 0);
        if (status == HC_OK) break;
        assert_int_equal(status, HC_ERR_NO_MEMORY);
        assert_null(filter);
    }
    assert_in_range(grants, 1, 99);
    free(bytes.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loaded_filter_is_the_one_that_was_saved),
        cmocka_unit_test(test_items_added_by_bytes_are_found_after_loading),
        cmocka_unit_test(test_the_form_of_version_1_never_changes),
        cmocka_unit_test(test_a_buffer_too_small_is_refused_untouched),
        cmocka_unit_test(test_any_changed_byte_is_found),
        cmocka_unit_test(test_cut_or_extended_bytes_are_found),
        cmocka_unit_test(test_a_newer_version_is_unsupported_not_corrupt),
        cmocka_unit_test(test_hostile_headers_are_refused_or_harmless),
        cmocka_unit_test(test_hostile_tables_are_refused_or_harmless),
        cmocka_unit_test(test_loading_without_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
