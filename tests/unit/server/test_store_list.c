/* test_store_list.c - stores of the file exist with their settings when the node starts. */
#include "support/test.h"

#include "store_list.h"

static const char TEXT[] = "cache: {default_ttl: 10s, compression: zstd, max_memory: 64MB}\n"
                           "stores:\n"
                           "  - {name: default, eviction_policy: lfu, max_memory: 16MB}\n"
                           "  - {name: b, default_ttl: 0, compression: none, cuckoo_filter: on}\n"
                           "  - {name: c, max_memory: 8MB}\n";

static hc_store_options options_of(node *in, const char *name)
{
    hc_store_ref ref;
    hc_store_info info = {.size = sizeof info};
    assert_int_equal(node_store_acquire(in, hc_span_make(name, strlen(name)), &ref), HC_OK);
    hc_store_ref_info(&ref, &info);
    hc_store_options options = *info.options;
    hc_store_ref_release(&ref);
    return options;
}

static void test_stores_have_their_own_settings_over_the_common_ones(void **state)
{
    (void)state;
    static config cfg;
    config_problems problems = {0};
    config_defaults(&cfg);
    config_read_yaml(&cfg, "f.yaml", TEXT, sizeof TEXT - 1, &problems);
    assert_string_equal(problems.text, "");
    node_store_settings first;
    assert_true(store_list_first(&cfg, &first));
    node_options options = {.first = &first,
                            .max_memory_bytes = (uint64_t)cfg.cache.max_memory_bytes};
    node *in;
    char why[256];
    assert_int_equal(node_create(&options, &in), HC_OK);
    assert_true(store_list_create(&cfg, in, why, sizeof why));
    hc_store_options a = options_of(in, "default"), b = options_of(in, "b"),
                     c = options_of(in, "c");
    assert_int_equal(a.eviction, HC_EVICTION_LFU);
    assert_int_equal(a.default_ttl_ms, 10000);
    assert_int_equal(a.compression, HC_COMPRESSION_ZSTD);
    assert_int_equal(b.default_ttl_ms, 0);
    assert_int_equal(b.compression, HC_COMPRESSION_NONE);
    assert_true(b.filter_rate > 0.0099 && b.filter_rate < 0.0101);
    assert_int_equal(b.max_memory_bytes, 64 << 20);
    assert_int_equal(c.max_memory_bytes, 8 << 20);
    assert_true(c.filter_rate == 0);
    (void)node_maintain(in);
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(node_store(in, 0), &stats);
    assert_int_equal(stats.max_memory_bytes, 16 << 20); /* its own limit */
    assert_int_equal(hc_store_eviction(node_store(in, 1)), HC_EVICTION_S3FIFO);

    assert_false(store_list_create(&cfg, in, why, sizeof why)); /* they are there */
    assert_non_null(strstr(why, ":4: cannot create store b: "));
    node_destroy(in);
}

static void test_without_a_list_nothing_is_made(void **state)
{
    (void)state;
    static config cfg;
    config_defaults(&cfg);
    node_store_settings first;
    assert_false(store_list_first(&cfg, &first));
    assert_true(store_list_create(&cfg, NULL, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stores_have_their_own_settings_over_the_common_ones),
        cmocka_unit_test(test_without_a_list_nothing_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
