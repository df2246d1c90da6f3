/*
 * test_config_rewrite.c - values go into a file where they belong, and everything else in it stays
 * as it was.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hypercache/store.h>

#include "config/config_rewrite.h"

/* What all tests below set: one value of each kind that is likely. */
static void set_some(config *cfg, bool chosen[CONFIG_KEY_COUNT])
{
    static const struct {
        config_id id;
        const char *text;
    } rows[] = {
        {CONFIG_CACHE_MAX_MEMORY, "64MB"},
        {CONFIG_CACHE_EVICTION, "volatile-lru"},
        {CONFIG_NETWORK_IDLE_TIMEOUT, "90s"},
        {CONFIG_LOGGING_COMPONENTS, "GOSSIP=debug FILTER=trace"},
    };
    config_defaults(cfg);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char why[256];
        assert_true(config_set(cfg, &config_keys[rows[i].id], CONFIG_UNITS_ASKED, rows[i].text,
                               (config_origin){CONFIG_FROM_COMMAND, 0}, why, sizeof why));
        chosen[rows[i].id] = true;
    }
}

static const struct {
    const char *before, *after;
} ROWS[] = {
    /* values exchanged, comments and order kept */
    {"# mine\n"
     "cache:            # small\n"
     "  eviction: lru   # as always\n"
     "  max_memory: 32MB\n"
     "logging:\n"
     "  components:     # few\n"
     "    - GOSSIP=warn # one\n"
     "  level: info\n"
     "network: {threads: 2, idle_timeout: '0', bind: [127.0.0.1]} # in braces\n",
     "# mine\n"
     "cache:            # small\n"
     "  eviction: volatile-lru   # as always\n"
     "  max_memory: 64MB\n"
     "logging:\n"
     "  components: [GOSSIP=debug, FILTER=trace] # one\n"
     "  level: info\n"
     "network: {threads: 2, idle_timeout: 90s, bind: [127.0.0.1]} # in braces\n"},
    /* keys added to their sections, sections at the end */
    {"network:\n"
     "    resp_port: 7000 # \xc3\xa4\xe2\x82\xac\n"
     "    # the end\n"
     "\n"
     "logging: {level: warn}\n"
     "cache:\n"
     "stores:\n"
     "  - {name: default, max_memory: 8MB}\n",
     "network:\n"
     "    resp_port: 7000 # \xc3\xa4\xe2\x82\xac\n"
     "    idle_timeout: 90s\n"
     "    # the end\n"
     "\n"
     "logging: {level: warn, components: [GOSSIP=debug, FILTER=trace]}\n"
     "cache:\n"
     "  max_memory: 64MB\n"
     "  eviction: volatile-lru\n"
     "stores:\n"
     "  - {name: default, max_memory: 8MB}\n"},
    {"", "network:\n  idle_timeout: 90s\n"
         "\ncache:\n  max_memory: 64MB\n  eviction: volatile-lru\n"
         "\nlogging:\n  components: [GOSSIP=debug, FILTER=trace]\n"},
    {"# nothing yet", "# nothing yet\n"
                      "\nnetwork:\n  idle_timeout: 90s\n"
                      "\ncache:\n  max_memory: 64MB\n  eviction: volatile-lru\n"
                      "\nlogging:\n  components: [GOSSIP=debug, FILTER=trace]\n"},
    {"\xef\xbb\xbf# \xc3\xa4\ncache: {}\nnetwork: {idle_timeout: 1s,}\nlogging:\n  components: []",
     "\xef\xbb\xbf# \xc3\xa4\ncache: {max_memory: 64MB, eviction: volatile-lru}\n"
     "network: {idle_timeout: 90s,}\nlogging:\n"
     "  components: [GOSSIP=debug, FILTER=trace]"},
    /* the list's dashes stand as far left as its key */
    {"logging:\n  components:\n  - GOSSIP=warn\n  level: info\n"
     "cache: {max_memory: 64MB, eviction: volatile-lru}\nnetwork: {idle_timeout: 90s}\n",
     "logging:\n  components: [GOSSIP=debug, FILTER=trace]\n  level: info\n"
     "cache: {max_memory: 64MB, eviction: volatile-lru}\nnetwork: {idle_timeout: 90s}\n"},
};

static void test_values_are_exchanged_or_added_and_the_rest_stays(void **state)
{
    (void)state;
    static config cfg;
    bool chosen[CONFIG_KEY_COUNT] = {false};
    set_some(&cfg, chosen);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *out, why[256];
        size_t bytes;
        if (!config_rewrite_text(&cfg, chosen, ROWS[i].before, strlen(ROWS[i].before), &out, &bytes,
                                 why, sizeof why)) {
            fail_msg("row %zu: %s", i, why);
        }
        assert_int_equal(bytes, strlen(ROWS[i].after));
        assert_memory_equal(out, ROWS[i].after, bytes);
        free(out);
    }
}

static void test_a_second_time_changes_nothing(void **state)
{
    (void)state;
    static config cfg;
    bool chosen[CONFIG_KEY_COUNT] = {false};
    set_some(&cfg, chosen);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *out, why[256];
        size_t bytes;
        assert_true(config_rewrite_text(&cfg, chosen, ROWS[i].after, strlen(ROWS[i].after), &out,
                                        &bytes, why, sizeof why));
        assert_int_equal(bytes, strlen(ROWS[i].after));
        assert_memory_equal(out, ROWS[i].after, bytes);
        free(out);
    }
}

static void test_what_cannot_be_edited_is_left_alone(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"cache:\n  max_mem: 1GB\n",
         "f.yaml:2: unknown key cache.max_mem; did you mean cache.max_memory?"},
        {"cache: [\n", "f.yaml:1: section cache must hold keys, as `key: value` below it"},
        {"{cache: {max_memory: 8MB}}\n", "the file is laid out in a way that cannot be edited"},
        {"--- {node: {id: a}}\n...\n", "the file is laid out in a way that cannot be edited"},
    };
    static config cfg;
    bool chosen[CONFIG_KEY_COUNT] = {false};
    set_some(&cfg, chosen);
    (void)snprintf(cfg.path, sizeof cfg.path, "f.yaml");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *out, why[256];
        size_t bytes;
        assert_false(config_rewrite_text(&cfg, chosen, rows[i].text, strlen(rows[i].text), &out,
                                         &bytes, why, sizeof why));
        assert_string_equal(why, rows[i].why);
        assert_null(out);
    }
}

static void test_the_file_is_replaced_with_its_mode_through_a_link(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_config_rewrite.XXXXXX", file[64], link[64], why[256], got[512];
    static config cfg;
    bool chosen[CONFIG_KEY_COUNT] = {false};
    struct stat as;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/real.yaml", folder);
    (void)snprintf(link, sizeof link, "%s/link.yaml", folder);
    FILE *to = fopen(file, "w");
    assert_non_null(to);
    (void)fputs("cache:\n  max_memory: 8MB # more?\n", to);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(chmod(file, 0640), 0);
    assert_int_equal(symlink("real.yaml", link), 0);
    config_defaults(&cfg);
    (void)snprintf(cfg.path, sizeof cfg.path, "%s", link);
    cfg.cache.max_memory_bytes = 16 << 20;
    chosen[CONFIG_CACHE_MAX_MEMORY] = true;
    assert_true(config_rewrite(&cfg, chosen, why, sizeof why));
    FILE *from = fopen(file, "r");
    assert_non_null(from);
    got[fread(got, 1, sizeof got - 1, from)] = '\0';
    assert_int_equal(fclose(from), 0);
    assert_string_equal(got, "cache:\n  max_memory: 16MB # more?\n");
    assert_int_equal(stat(file, &as), 0);
    assert_int_equal(as.st_mode & 07777, 0640);
    assert_int_equal(lstat(link, &as), 0);
    assert_true(S_ISLNK(as.st_mode));

    assert_int_equal(unlink(link), 0);
    assert_false(config_rewrite(&cfg, chosen, why, sizeof why));
    assert_string_equal(why, "No such file or directory");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0); /* and nothing else is left in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_exchanged_or_added_and_the_rest_stays),
        cmocka_unit_test(test_a_second_time_changes_nothing),
        cmocka_unit_test(test_what_cannot_be_edited_is_left_alone),
        cmocka_unit_test(test_the_file_is_replaced_with_its_mode_through_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
