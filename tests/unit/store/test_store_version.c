/*
 * test_store_version.c - compare-and-set: only who saw the present value may replace it.
 */
#include "support/test.h"
#include "support/test_threads.h"

#include "store_fixture.h"

#include <hypercache/hypercache.h>

#include <stdlib.h>

#define LARGE_BYTES 20000u

typedef store_fixture fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_fixture_open(f, (hc_store_options){.shards = 2});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    store_fixture_close(f);
    free(f);
    return 0;
}

static uint64_t version_of(hc_span value)
{
    return hc_value_version(HC_TYPE_STRING, value);
}

static hc_status set_if(hc_store *store, hc_span key, hc_span value, uint64_t version)
{
    hc_set_options o = {.size = sizeof o, .condition = HC_IF_VERSION, .version = version};
    return hc_store_set(store, key, value, &o);
}

static void assert_value(hc_store *store, const char *key, hc_span want)
{
    static uint8_t got[LARGE_BYTES];
    size_t size = 0;
    assert_int_equal(hc_store_get(store, span(key), got, sizeof got, &size), HC_OK);
    test_assert_span(hc_span_make(got, size), want);
}

static void test_version_follows_from_content_alone(void **state)
{
    (void)state;
    char copy[] = "value";
    assert_int_equal(version_of(span("value")), version_of(span(copy)));
    assert_int_not_equal(version_of(span("value")), version_of(span("valuf")));
    assert_int_not_equal(version_of(span("value")), version_of(span("value ")));
    assert_int_not_equal(version_of(span("")), 0);
    assert_int_not_equal(hc_value_version((hc_type)1, span("value")), version_of(span("value")));
    /* part of the API: clients keep versions, and other machines compute them */
    assert_int_equal(version_of(span("")), UINT64_C(0x9408AF5F3D5C5BAF));
    assert_int_equal(version_of(span("value")), UINT64_C(0x4D76641B24F8C8FB));
}

static void test_set_replaces_the_version_it_names_and_no_other(void **state)
{
    hc_store *store = ((fixture *)*state)->store;
    assert_int_equal(set_if(store, span("k"), span("new"), version_of(span("old"))),
                     HC_ERR_NOT_FOUND);
    assert_int_equal(hc_store_set(store, span("k"), span("old"), NULL), HC_OK);
    assert_int_equal(set_if(store, span("k"), span("new"), version_of(span("older"))),
                     HC_ERR_CONFLICT);
    assert_value(store, "k", span("old"));
    assert_int_equal(set_if(store, span("k"), span("newer"), version_of(span("old"))), HC_OK);
    assert_value(store, "k", span("newer"));
    assert_int_equal(set_if(store, span("k"), span("x"), version_of(span("old"))), HC_ERR_CONFLICT);
}

static void test_versions_of_empty_and_large_values_compare(void **state)
{
    hc_store *store = ((fixture *)*state)->store;
    static uint8_t bytes[LARGE_BYTES];
    memset(bytes, 'x', sizeof bytes);
    hc_span large = hc_span_make(bytes, sizeof bytes);
    assert_int_equal(hc_store_set(store, span("k"), span(""), NULL), HC_OK);
    assert_int_equal(set_if(store, span("k"), large, version_of(large)), HC_ERR_CONFLICT);
    assert_int_equal(set_if(store, span("k"), large, version_of(span(""))), HC_OK);
    assert_int_equal(set_if(store, span("k"), span(""), version_of(span(""))), HC_ERR_CONFLICT);
    assert_value(store, "k", large);
    assert_int_equal(hc_store_delete_if(store, span("k"), version_of(large)), HC_OK);
}

static void test_delete_if_deletes_that_version_only(void **state)
{
    hc_store *store = ((fixture *)*state)->store;
    assert_int_equal(hc_store_delete_if(store, span("k"), 1), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_store_set(store, span("k"), span("v"), NULL), HC_OK);
    assert_int_equal(hc_store_delete_if(store, span("k"), version_of(span("w"))), HC_ERR_CONFLICT);
    assert_value(store, "k", span("v"));
    assert_int_equal(hc_store_delete_if(store, span("k"), version_of(span("v"))), HC_OK);
    assert_int_equal(hc_store_count(store), 0);
}

static void test_expired_value_has_no_version(void **state)
{
    fixture *f = *state;
    hc_set_options soon = {.size = sizeof soon, .expires_at_ms = f->clock.wall_ms + 10};
    assert_int_equal(hc_store_set(f->store, span("k"), span("v"), &soon), HC_OK);
    test_clock_advance_ms(&f->clock, 10);
    assert_int_equal(set_if(f->store, span("k"), span("w"), version_of(span("v"))),
                     HC_ERR_NOT_FOUND);
    assert_int_equal(hc_store_delete_if(f->store, span("k"), version_of(span("v"))),
                     HC_ERR_NOT_FOUND);
}

static void test_expiry_can_be_kept_while_comparing(void **state)
{
    fixture *f = *state;
    int64_t expires_at_ms = f->clock.wall_ms + 1000;
    hc_set_options first = {.size = sizeof first, .expires_at_ms = expires_at_ms};
    assert_int_equal(hc_store_set(f->store, span("k"), span("v"), &first), HC_OK);
    hc_set_options o = {.size = sizeof o,
                        .condition = HC_IF_VERSION,
                        .keep_expiry = true,
                        .version = version_of(span("v"))};
    assert_int_equal(hc_store_set(f->store, span("k"), span("other"), &o), HC_OK);
    hc_item item;
    assert_int_equal(hc_store_stat(f->store, span("k"), &item), HC_OK);
    assert_int_equal(item.expires_at_ms, expires_at_ms);
}

static void test_transactions_compare_too(void **state)
{
    hc_store *store = ((fixture *)*state)->store;
    hc_span key = span("k");
    hc_txn txn;
    assert_int_equal(hc_store_set(store, key, span("v"), NULL), HC_OK);
    hc_set_options o = {.size = sizeof o, .condition = HC_IF_VERSION, .version = 7};
    hc_store_begin(store, &key, 1, &txn);
    assert_int_equal(hc_txn_set(&txn, key, span("w"), &o), HC_ERR_CONFLICT);
    assert_int_equal(hc_txn_delete_if(&txn, key, 7), HC_ERR_CONFLICT);
    o.version = version_of(span("v"));
    assert_int_equal(hc_txn_set(&txn, key, span("w"), &o), HC_OK);
    assert_int_equal(hc_txn_delete_if(&txn, key, version_of(span("w"))), HC_OK);
    assert_int_equal(hc_txn_delete_if(&txn, key, version_of(span("w"))), HC_ERR_NOT_FOUND);
    hc_store_end(&txn);
    assert_int_equal(hc_store_count(store), 0);
}

/* A caller compiled before `version` existed passes a shorter struct. */
static void test_options_of_an_older_header_still_work(void **state)
{
    hc_store *store = ((fixture *)*state)->store;
    hc_set_options o = {.size = offsetof(hc_set_options, version), .condition = HC_IF_ABSENT};
    o.version = UINT64_MAX; /* beyond what such a caller has: not looked at */
    assert_int_equal(hc_store_set(store, span("k"), span("v"), &o), HC_OK);
    assert_int_equal(hc_store_set(store, span("k"), span("v"), &o), HC_ERR_CONFLICT);
    o.condition = (hc_condition)4;
    assert_int_equal(hc_store_set(store, span("k"), span("v"), &o), HC_ERR_INVALID);
}

#define ADDERS 3u
#define ADDS 400u

static void *add_by_comparing(void *argument)
{
    hc_store *store = argument;
    for (unsigned done = 0; done < ADDS;) {
        uint64_t number;
        size_t size;
        assert_int_equal(hc_store_get(store, span("n"), &number, sizeof number, &size), HC_OK);
        uint64_t version = version_of(hc_span_make(&number, sizeof number));
        number++;
        hc_status status = set_if(store, span("n"), hc_span_make(&number, sizeof number), version);
        if (status == HC_OK)
            done++;
        else
            assert_int_equal(status, HC_ERR_CONFLICT);
    }
    return NULL;
}

static void test_no_update_is_lost_among_threads(void **state)
{
    hc_store *store = ((fixture *)*state)->store;
    uint64_t number = 0;
    assert_int_equal(hc_store_set(store, span("n"), hc_span_make(&number, sizeof number), NULL),
                     HC_OK);
    test_threads(ADDERS, add_by_comparing, store, 0);
    number = ADDERS * ADDS;
    assert_value(store, "n", hc_span_make(&number, sizeof number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_follows_from_content_alone),
        cmocka_unit_test_setup_teardown(test_set_replaces_the_version_it_names_and_no_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_versions_of_empty_and_large_values_compare, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_delete_if_deletes_that_version_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expired_value_has_no_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expiry_can_be_kept_while_comparing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transactions_compare_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options_of_an_older_header_still_work, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_no_update_is_lost_among_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
