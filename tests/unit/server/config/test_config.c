/*
 * test_config.c - one key at a time: text to a field and back, and what is refused.
 */
#include "support/test.h"

#include <hypercache/log.h>
#include <hypercache/store.h>

#include "config/config.h"

static bool set(config *cfg, const char *name, const char *text, char why[256])
{
    const config_key *key = config_find(name);
    assert_non_null(key);
    return config_set(cfg, key, CONFIG_UNITS_ASKED, text, (config_origin){CONFIG_FROM_FLAG, 0}, why,
                      256);
}

static void test_every_key_has_a_default_that_reads_back_as_itself(void **state)
{
    (void)state;
    config cfg;
    config_defaults(&cfg);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const config_key *key = &config_keys[i];
        char text[CONFIG_VALUE_BYTES], again[CONFIG_VALUE_BYTES], why[256];
        assert_ptr_equal(config_find(key->full), key);
        config_get(&cfg, key, text);
        assert_true(set(&cfg, key->full, text, why));
        config_get(&cfg, key, again);
        assert_string_equal(again, text);
    }
}

static void test_sections_stand_together_in_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        for (size_t j = i + 1; j < CONFIG_KEY_COUNT; j++) {
            assert_string_not_equal(config_keys[i].full, config_keys[j].full);
            if (strcmp(config_keys[i].section, config_keys[j].section) != 0) continue;
            assert_string_equal(config_keys[j - 1].section, config_keys[j].section);
        }
    }
}

static void test_no_key_is_also_said_to_be_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        assert_null(config_later(config_keys[i].full));
        assert_null(config_later(config_keys[i].section));
    }
    assert_string_equal(config_later("cluster.routing"), "redirects");
    assert_null(config_later("clusters"));
    assert_null(config_later("network.http_ports"));
}

static void test_sizes_take_units_of_1024(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
        const char *back;
    } rows[] = {
        {"0", 0, "0"},
        {"4194304", 4194304, "4MB"},
        {"4194305", 4194305, "4194305B"},
        {"8192KB", 8 << 20, "8MB"},
        {"100MB", 100 << 20, "100MB"},
        {"100 mb", 100 << 20, "100MB"},
        {"100MiB", 100 << 20, "100MB"},
        {"100m", 100 << 20, "100MB"},
        {"1536MB", INT64_C(1536) << 20, "1536MB"},
        {"2GB", INT64_C(2) << 30, "2GB"},
        {"2gib", INT64_C(2) << 30, "2GB"},
        {"64TB", INT64_C(64) << 40, "64TB"},
        {"5000000B", 5000000, "5000000B"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config cfg;
        char why[256], back[CONFIG_VALUE_BYTES];
        config_defaults(&cfg);
        assert_true(set(&cfg, "cache.max_memory", rows[i].text, why));
        assert_int_equal(cfg.cache.max_memory_bytes, rows[i].bytes);
        config_get(&cfg, &config_keys[CONFIG_CACHE_MAX_MEMORY], back);
        assert_string_equal(back, rows[i].back);
    }
}

static void test_durations_take_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *back;
    } rows[] = {
        {"0", 0, "0"},
        {"250ms", 250, "250ms"},
        {"1500ms", 1500, "1500ms"},
        {"30s", 30000, "30s"},
        {"90s", 90000, "90s"},
        {"120s", 120000, "2m"},
        {"15m", 900000, "15m"},
        {"2h", 7200000, "2h"},
        {"7d", 604800000, "7d"},
        {"24 h", 86400000, "1d"},
        {"36500d", INT64_C(3153600000000), "36500d"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config cfg;
        char why[256], back[CONFIG_VALUE_BYTES];
        config_defaults(&cfg);
        assert_true(set(&cfg, "cache.default_ttl", rows[i].text, why));
        assert_int_equal(cfg.cache.default_ttl_ms, rows[i].ms);
        config_get(&cfg, &config_keys[CONFIG_CACHE_DEFAULT_TTL], back);
        assert_string_equal(back, rows[i].back);
    }
}

static void test_a_duration_without_unit_is_in_milliseconds_where_that_is_agreed(void **state)
{
    (void)state;
    config cfg;
    char why[256];
    config_defaults(&cfg);
    assert_true(config_set(&cfg, &config_keys[CONFIG_CACHE_DEFAULT_TTL], CONFIG_UNITS_PLAIN, "1500",
                           (config_origin){CONFIG_FROM_COMMAND, 0}, why, sizeof why));
    assert_int_equal(cfg.cache.default_ttl_ms, 1500);
}

static void test_words_are_read_in_any_case(void **state)
{
    (void)state;
    config cfg;
    char why[256];
    config_defaults(&cfg);
    assert_true(set(&cfg, "logging.level", "DEBUG", why));
    assert_int_equal(cfg.logging.level, HC_LOG_DEBUG);
    assert_true(set(&cfg, "cache.eviction", "NoEviction", why));
    assert_int_equal(cfg.cache.eviction, HC_EVICTION_NONE);
    static const struct {
        const char *text;
        bool value;
    } rows[] = {{"true", true}, {"False", false}, {"YES", true}, {"no", false},
                {"on", true},   {"off", false},   {"1", true},   {"0", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(set(&cfg, "security.protected_mode", rows[i].text, why));
        assert_int_equal(cfg.security.protected_mode, rows[i].value);
    }
}

static void test_lists_are_divided_by_commas_or_blanks(void **state)
{
    (void)state;
    config cfg;
    char why[256], text[CONFIG_VALUE_BYTES];
    config_defaults(&cfg);
    assert_true(set(&cfg, "network.bind", " 127.0.0.1, 10.0.0.1 ::1 ", why));
    assert_int_equal(cfg.network.bind.count, 3);
    assert_string_equal(cfg.network.bind.items[1], "10.0.0.1");
    config_get(&cfg, &config_keys[CONFIG_NETWORK_BIND], text);
    assert_string_equal(text, "127.0.0.1 10.0.0.1 ::1");
}

static void test_a_component_may_have_its_own_level(void **state)
{
    (void)state;
    int topic = -1, level = -1;
    assert_true(config_component("storage_engine=TRACE", &topic, &level));
    assert_int_equal(topic, HC_TOPIC_STORAGE_ENGINE);
    assert_int_equal(level, HC_LOG_TRACE);
    assert_false(config_component("STORAGE_ENGINE", &topic, &level));
    assert_false(config_component("STORAGE=info", &topic, &level));
    assert_false(config_component("GOSSIP=loud", &topic, &level));
    assert_false(config_component("=info", &topic, &level));
}

static void test_bad_values_are_refused_and_leave_the_field_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *why;
    } rows[] = {
        {"network.resp_port", "0", "'0' is out of range, 1 to 65535"},
        {"network.resp_port", "65536", "'65536' is out of range, 1 to 65535"},
        {"network.resp_port", "-1", "'-1' is out of range, 1 to 65535"},
        {"network.resp_port", "", "'' is not a number"},
        {"network.resp_port", "6379x", "'6379x' is not a whole number"},
        {"network.resp_port", "63.79", "'63.79' is not a whole number"},
        {"network.resp_port", "0x18eb", "'0x18eb' is not a whole number"},
        {"network.resp_port", "99999999999999999999",
         "'99999999999999999999' is too large a number"},
        {"network.threads", "257", "'257' is out of range, 0 to 256"},
        {"cache.databases", "17", "'17' is out of range, 1 to 16"},
        {"cache.max_memory", "1MB", "'1MB' is below 4MB, the least a store can work with"},
        {"cache.max_memory", "-5MB", "'-5MB' is out of range, 0 to 64TB"},
        {"cache.max_memory", "65TB", "'65TB' is out of range, 0 to 64TB"},
        {"cache.max_memory", "1.5GB", "'1.5GB' is not a whole number; use a smaller unit"},
        {"cache.max_memory", "10MBytes",
         "'10MBytes': unknown unit 'MBytes', use B, KB, MB, GB or TB"},
        {"cache.max_memory", "9999999999TB", "'9999999999TB' is too large"},
        {"cache.max_memory", "lots", "'lots' is not a number"},
        {"cache.default_ttl", "30", "'30' needs a unit: ms, s, m, h or d"},
        {"cache.default_ttl", "30w", "'30w': unknown unit 'w', use ms, s, m, h or d"},
        {"network.drain_timeout", "0", "'0' is out of range, 1ms to 1d"},
        {"security.protected_mode", "maybe", "'maybe' is neither true nor false"},
        {"cache.eviction", "lur",
         "'lur' is none of: s3fifo, lru, lfu, fifo, ttl, random, noeviction, allkeys-s3fifo, "
         "allkeys-fifo, allkeys-ttl, volatile-s3fifo, volatile-fifo, allkeys-lru, allkeys-lfu, "
         "allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl"},
        {"logging.output", "stdout", "'stdout' is none of: stderr, file, journald"},
        {"logging.output", "", "must have at least 1 item"},
        {"logging.output", "stderr,STDERR", "names 'STDERR' twice"},
        {"logging.output", "stderr,file,journald,x", "has more than 3 items"},
        {"network.bind", "localhost",
         "'localhost' is not an IP address, such as 127.0.0.1, ::1, 0.0.0.0 or ::"},
        {"network.bind", "127.0.0.1 127.0.0.1", "names '127.0.0.1' twice"},
        {"logging.components", "X=info",
         "'X=info' is not a component and a level, as STORAGE_ENGINE=debug"},
        {"node.id", "", "must not be empty"},
        {"node.id", "a\xff", "must be UTF-8 without control characters"},
        {"node.id", "\xc0\x80", "must be UTF-8 without control characters"},
        {"node.id", "\xed\xa0\x80", "must be UTF-8 without control characters"},
        {"node.id", "a\xe2\x80\xa8", "must be UTF-8 without control characters"},
        {"node.id", "a\xc2\x85", "must be UTF-8 without control characters"},
        {"node.id", "a\xe2\x82", "must be UTF-8 without control characters"},
        {"node.id", "\x7f", "must be UTF-8 without control characters"},
        {"node.id", "a\nb", "must be UTF-8 without control characters"},
        {"node.id", "0123456789012345678901234567890123456789012345678901234567890123",
         "is 64 bytes long, 63 at most"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config cfg, before;
        char why[256];
        config_defaults(&before);
        config_defaults(&cfg);
        assert_false(set(&cfg, rows[i].name, rows[i].text, why));
        assert_string_equal(why, rows[i].why);
        for (size_t key = 0; key < CONFIG_KEY_COUNT; key++) {
            char now[CONFIG_VALUE_BYTES], then[CONFIG_VALUE_BYTES];
            config_get(&cfg, &config_keys[key], now);
            config_get(&before, &config_keys[key], then);
            assert_string_equal(now, then);
            assert_int_equal(cfg.origins[key].source, CONFIG_FROM_DEFAULT);
        }
    }
}

static void test_long_items_and_lists_are_refused(void **state)
{
    (void)state;
    config cfg;
    char why[256], text[CONFIG_VALUE_BYTES] = "";
    config_defaults(&cfg);
    for (int i = 0; i < 17; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "127.0.0.%d ", i + 1);
    }
    assert_false(set(&cfg, "network.bind", text, why));
    assert_string_equal(why, "has more than 16 items");
    memset(text, '1', 300);
    text[300] = '\0';
    assert_false(set(&cfg, "network.bind", text, why));
    assert_string_equal(why, "has an item of 300 bytes, 255 at most");
}

static void test_the_nearest_key_is_suggested(void **state)
{
    (void)state;
    static const struct {
        const char *name, *nearest; /* NULL: none is near */
    } rows[] = {
        {"network.resp_prot", "network.resp_port"},  {"network.respport", "network.resp_port"},
        {"resp_port", "network.resp_port"},          {"cache.resp_port", "network.resp_port"},
        {"net.resp_port", "network.resp_port"},      {"cache.maxmemory", "cache.max_memory"},
        {"maxmemory", "cache.max_memory"},           {"logging.levle", "logging.level"},
        {"cache.eviction_policy", "cache.eviction"}, {"node.idd", "node.id"},
        {"something.else.entirely", NULL},           {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *nearest = config_nearest(rows[i].name);
        if (rows[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, rows[i].nearest);
        }
    }
    assert_string_equal(config_nearest_flag("resp-prot"), "resp-port");
    assert_string_equal(config_nearest_flag("conifg"), "config");
    assert_null(config_nearest_flag("entirely-else"));
    assert_string_equal(config_nearest_section("loging"), "logging");
    assert_null(config_nearest_section("replicas"));
}

static void test_problems_beyond_the_text_are_counted_and_never_cut_in_half(void **state)
{
    (void)state;
    config_problems problems = {0};
    for (int i = 0; i < 1000; i++)
        config_problem(&problems, "problem %d of many, each with some length", i);
    assert_int_equal(problems.count, 1000);
    size_t size = strlen(problems.text);
    assert_in_range(size, sizeof problems.text / 2, sizeof problems.text - 1);
    assert_int_equal(problems.text[size - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_has_a_default_that_reads_back_as_itself),
        cmocka_unit_test(test_sections_stand_together_in_the_table),
        cmocka_unit_test(test_no_key_is_also_said_to_be_missing),
        cmocka_unit_test(test_sizes_take_units_of_1024),
        cmocka_unit_test(test_durations_take_units),
        cmocka_unit_test(test_a_duration_without_unit_is_in_milliseconds_where_that_is_agreed),
        cmocka_unit_test(test_words_are_read_in_any_case),
        cmocka_unit_test(test_lists_are_divided_by_commas_or_blanks),
        cmocka_unit_test(test_a_component_may_have_its_own_level),
        cmocka_unit_test(test_bad_values_are_refused_and_leave_the_field_alone),
        cmocka_unit_test(test_long_items_and_lists_are_refused),
        cmocka_unit_test(test_the_nearest_key_is_suggested),
        cmocka_unit_test(test_problems_beyond_the_text_are_counted_and_never_cut_in_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
