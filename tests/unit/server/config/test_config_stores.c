/*
 * test_config_stores.c - the list of stores: read with lines, refused with reasons, printed so that
 * it reads the same again.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <hypercache/store.h>

#include "config/config.h"

static void read_text(config *cfg, const char *text, config_problems *problems)
{
    *problems = (config_problems){0};
    config_defaults(cfg);
    (void)snprintf(cfg->path, sizeof cfg->path, "f.yaml");
    config_read_yaml(cfg, "f.yaml", text, strlen(text), problems);
    if (problems->count == 0) config_check(cfg, problems);
}

static const char GOOD[] = "stores:\n"
                           "  - name: default\n"
                           "    eviction_policy: volatile-lru\n"
                           "    max_memory: 16MB\n"
                           "  # another\n"
                           "  - {name: sessions, default_ttl: 30m, cuckoo_filter: yes, "
                           "compression: zstd}\n";

static void test_entries_are_read_with_their_lines(void **state)
{
    (void)state;
    static config cfg;
    config_problems problems;
    read_text(&cfg, GOOD, &problems);
    assert_string_equal(problems.text, "");
    assert_int_equal(cfg.store_count, 2);
    const config_store *first = &cfg.stores[0], *second = &cfg.stores[1];
    assert_string_equal(first->name, "default");
    assert_int_equal(first->eviction, HC_EVICTION_LRU | HC_EVICTION_VOLATILE);
    assert_int_equal(first->max_memory_bytes, 16 << 20);
    assert_int_equal(first->line, 2);
    assert_int_equal(first->given, 1u << CONFIG_STORE_NAME | 1u << CONFIG_STORE_EVICTION_POLICY |
                                       1u << CONFIG_STORE_MAX_MEMORY);
    assert_string_equal(second->name, "sessions");
    assert_int_equal(second->default_ttl_ms, 1800000);
    assert_true(second->cuckoo_filter);
    assert_int_equal(second->compression, HC_COMPRESSION_ZSTD);
    assert_int_equal(second->line, 6);
}

static void test_a_list_may_be_empty(void **state)
{
    (void)state;
    static const char *const texts[] = {"stores:\n", "stores: []\n", "stores: ~\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        static config cfg;
        config_problems problems;
        read_text(&cfg, texts[i], &problems);
        assert_string_equal(problems.text, "");
        assert_int_equal(cfg.store_count, 0);
    }
}

static void test_mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"stores: 5\n", "f.yaml:1: stores must be a list, as `- name: sessions` below it\n"},
        {"stores: {name: a}\n",
         "f.yaml:1: stores must be a list, as `- name: sessions` below it\n"},
        {"stores:\n  - a\n  - [b]\n",
         "f.yaml:2: an entry of stores must hold keys, as `name: sessions`\n"
         "f.yaml:3: an entry of stores must hold keys, as `name: sessions`\n"},
        {"stores:\n  - name: a\n    evicton_policy: lru\n",
         "f.yaml:3: unknown key stores.evicton_policy; did you mean eviction_policy?\n"},
        {"stores:\n  - name: a\n    zzzzzzzz: {b: [c]}\n    max_memory: 1\n",
         "f.yaml:3: stores.zzzzzzzz takes one value\n"
         "f.yaml:4: stores.max_memory: '1' is below 4MB, the least a store can work with\n"},
        {"stores:\n  - name: a\n    name: b\n",
         "f.yaml:3: stores.name is set twice in this entry\n"},
        {"stores:\n  - name:\n", "f.yaml:2: stores.name has no value\n"},
        {"stores:\n  - default_ttl: 5\n",
         "f.yaml:2: stores.default_ttl: '5' needs a unit: ms, s, m, h or d\n"},
        {"stores:\n  - cuckoo_filter: true\n", "f.yaml:2: stores: an entry needs a name\n"},
        {"stores: [{name: '7'}]\n",
         "f.yaml:1: stores: 7 is a number, which SELECT takes for a database\n"},
        {"stores: [{name: a b}]\n",
         "f.yaml:1: stores: a b is no name; it may have A-Z a-z 0-9 _ . : -\n"},
        {"stores:\n- name: a\n- name: a\n", "f.yaml:3: stores: a is named twice\n"},
        {"cache: {max_stores: 1}\nstores:\n- name: default\n- name: a\n- name: b\n",
         "f.yaml:5: stores: b is one more than cache.max_stores allows\n"},
        {"stores:\nstores:\n", "f.yaml:2: this section stands twice in the file\n"},
        {"stores: [{[a]: b}]\n", "f.yaml:1: a key must be a plain word\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static config cfg;
        config_problems problems;
        read_text(&cfg, rows[i].text, &problems);
        assert_string_equal(problems.text, rows[i].said);
    }
}

static void test_more_entries_than_are_possible_are_refused(void **state)
{
    (void)state;
    static char text[32 * (CONFIG_STORES_MAX + 1)];
    static config cfg;
    config_problems problems;
    size_t used = (size_t)snprintf(text, sizeof text, "stores:\n");
    for (int i = 0; i <= CONFIG_STORES_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "- name: s%d\n", i);
    read_text(&cfg, text, &problems);
    assert_string_equal(problems.text, "f.yaml:66: more than 64 stores\n");
}

static void test_other_sources_are_told_that_stores_stand_in_the_file(void **state)
{
    (void)state;
    static config cfg;
    config_problems problems = {0};
    static char program[] = "hypercached", flag[] = "--stores.name=a";
    static char variable[] = "HYPERCACHE_STORES_NAME=a";
    char *const arguments[] = {program, flag, NULL};
    char *const environment[] = {variable, NULL};
    config_read_flags(&cfg, 2, arguments, &problems);
    config_read_environment(&cfg, environment, &problems);
    assert_string_equal(problems.text,
                        "--stores.name: stores are listed in the file only\n"
                        "HYPERCACHE_STORES_NAME: stores are listed in the file only\n");
}

static void test_what_is_printed_reads_the_same_again(void **state)
{
    (void)state;
    static config cfg, again;
    config_problems problems;
    char *text = NULL;
    size_t bytes = 0;
    read_text(&cfg, GOOD, &problems);
    FILE *to = open_memstream(&text, &bytes);
    assert_non_null(to);
    config_print(&cfg, to);
    assert_int_equal(fclose(to), 0);
    read_text(&again, text, &problems);
    assert_string_equal(problems.text, "");
    assert_false(config_stores_differ(&cfg, &again));
    again.stores[1].default_ttl_ms++;
    assert_true(config_stores_differ(&cfg, &again));
    again.store_count--;
    assert_true(config_stores_differ(&cfg, &again));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_read_with_their_lines),
        cmocka_unit_test(test_a_list_may_be_empty),
        cmocka_unit_test(test_mistakes_are_told_with_their_line),
        cmocka_unit_test(test_more_entries_than_are_possible_are_refused),
        cmocka_unit_test(test_other_sources_are_told_that_stores_stand_in_the_file),
        cmocka_unit_test(test_what_is_printed_reads_the_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
