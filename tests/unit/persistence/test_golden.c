/*
 * test_golden.c - a directory of every format version that was ever released is read for ever.
 *
 *     TEST_GOLDEN_MAKE=1 test_golden     writes tests/golden/persistence-1 anew, for a new format
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hypercache/persistence.h>

#include "support/test.h"

#define GOLDEN "tests/golden/persistence-1"
#define KEYS 200u

static hc_store *store;

static hc_status on_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    (void)ctx;
    test_assert_span(info->name, span("golden"));
    test_assert_span(info->settings, span("settings of the host"));
    assert_int_equal(info->strategy, HC_STRATEGY_HYBRID);
    *store_out = store;
    return HC_OK;
}

static void path_make(char path[256])
{
    const char *root = getenv("TEST_ROOT");
    (void)snprintf(path, 256, "%s/%s", root != NULL ? root : ".", GOLDEN);
}

/* What key number i holds. */
static hc_span value_of(unsigned i, char value[200])
{
    int size = snprintf(value, 200, "value %u %.*s", i, (int)(i % 100),
                        ".........................................................................."
                        "......................................");
    return hc_span_make(value, (size_t)size);
}

static int64_t expiry_of(unsigned i)
{
    return i % 3 == 0 ? INT64_C(4102444800000) + i : HC_EXPIRY_NONE; /* from 2100 on */
}

static void keys_put(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char key[16], value[200];
        (void)snprintf(key, sizeof key, "key %u", i);
        const hc_set_options options = {.size = sizeof options, .expires_at_ms = expiry_of(i)};
        assert_int_equal(hc_store_set(store, span(key), value_of(i, value), &options), HC_OK);
    }
}

static void golden_make(const char *path)
{
    char directory[] = "/tmp/hypercache-test-XXXXXX";
    char inside[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(inside, sizeof inside, "%s/data", directory);
    hc_persistence_options options = {
        .size = sizeof options, .directory = inside, .segment_bytes = 65536};
    const hc_recovery recovery = {.size = sizeof recovery, .open = on_open};
    const hc_persisted_store info = {.name = HC_SPAN("golden"),
                                     .settings = HC_SPAN("settings of the host")};
    hc_persistence *p;
    uint32_t id;
    assert_int_equal(hc_persistence_open(NULL, &options, &p), HC_OK);
    assert_int_equal(hc_persistence_recover(p, &recovery), HC_OK);
    assert_int_equal(hc_persistence_add(p, &info, store, &id), HC_OK);
    keys_put(0, KEYS / 2);
    assert_int_equal(hc_persistence_snapshot(p), HC_OK);
    hc_persistence_begin_group(p);
    keys_put(KEYS / 2, KEYS);
    hc_persistence_end_group(p);
    assert_int_equal(hc_store_set(store, span("gone"), span("x"), NULL), HC_OK);
    assert_int_equal(hc_store_delete(store, span("gone")), HC_OK);
    assert_int_equal(hc_store_append(store, span("key 1"), span("!"), NULL), HC_OK);
    assert_int_equal(hc_persistence_backup(p, path), HC_OK);
    assert_int_equal(hc_persistence_close(p), HC_OK);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

static void keys_expect(void)
{
    assert_int_equal(hc_store_count(store), KEYS);
    for (unsigned i = 0; i < KEYS; i++) {
        char key[16], value[201], text[256];
        size_t size = 0;
        hc_item item;
        (void)snprintf(key, sizeof key, "key %u", i);
        hc_span want = value_of(i, value);
        if (i == 1) value[want.size++] = '!';
        assert_int_equal(hc_store_get(store, span(key), text, sizeof text, &size), HC_OK);
        test_assert_span(hc_span_make(text, size), want);
        assert_int_equal(hc_store_stat(store, span(key), &item), HC_OK);
        assert_true(item.expires_at_ms == expiry_of(i));
    }
}

static void test_format_1_is_read(void **state)
{
    (void)state;
    char path[256], directory[] = "/tmp/hypercache-test-XXXXXX", inside[64];
    path_make(path);
    assert_int_equal(hc_store_create(NULL, NULL, &store), HC_OK);
    if (getenv("TEST_GOLDEN_MAKE") != NULL) golden_make(path);
    hc_store_flush(store);
    hc_persistence_check check = {.size = sizeof check};
    assert_int_equal(hc_persistence_verify(NULL, path, NULL, &check), HC_OK);
    assert_int_equal(check.format_major, 1);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(inside, sizeof inside, "%s/data", directory);
    assert_int_equal(hc_persistence_restore(NULL, path, inside, NULL), HC_OK);
    hc_persistence_options options = {.size = sizeof options, .directory = inside};
    const hc_recovery recovery = {.size = sizeof recovery, .open = on_open};
    hc_persistence *p;
    assert_int_equal(hc_persistence_open(NULL, &options, &p), HC_OK);
    assert_int_equal(hc_persistence_recover(p, &recovery), HC_OK);
    keys_expect();
    assert_int_equal(hc_persistence_close(p), HC_OK);
    hc_store_destroy(store);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_format_1_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
