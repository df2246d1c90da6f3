/*
 * test_config_file.c - YAML as people write it, and as nobody should.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

/* Reads `text` over the defaults. */
static void read_text(config *cfg, const char *text, size_t bytes, config_problems *problems)
{
    *problems = (config_problems){0};
    config_defaults(cfg);
    config_read_yaml(cfg, "f.yaml", text, bytes, problems);
}

static void test_sections_and_keys_are_read_with_their_lines(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n"
                               "network:\n"
                               "  resp_port: 7000   # another\n"
                               "  bind: [127.0.0.1, \"::1\"]\n"
                               "  threads: \"4\"\n"
                               "cache: {max_memory: 1GB, default_ttl: 0}\n"
                               "logging:\n"
                               "  components:\n"
                               "    - GOSSIP=debug\n"
                               "    - FILTER=trace\n"
                               "node:\n";
    config cfg;
    config_problems problems;
    read_text(&cfg, text, sizeof text - 1, &problems);
    assert_string_equal(problems.text, "");
    assert_int_equal(cfg.network.resp_port, 7000);
    assert_int_equal(cfg.network.bind.count, 2);
    assert_string_equal(cfg.network.bind.items[1], "::1");
    assert_int_equal(cfg.network.threads, 4);
    assert_int_equal(cfg.cache.max_memory_bytes, 1 << 30);
    assert_int_equal(cfg.logging.components.count, 2);
    assert_int_equal(cfg.origins[CONFIG_NETWORK_RESP_PORT].line, 3);
    assert_int_equal(cfg.origins[CONFIG_CACHE_MAX_MEMORY].line, 6);
    assert_int_equal(cfg.origins[CONFIG_NODE_ID].source, CONFIG_FROM_DEFAULT);
}

static void test_a_file_may_be_empty(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "\n", "# only a comment\n", "---\n", "--- # x\n...\n", "null\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        config cfg;
        config_problems problems;
        read_text(&cfg, texts[i], strlen(texts[i]), &problems);
        assert_string_equal(problems.text, "");
    }
}

static void test_mistakes_are_told_with_file_line_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"network:\n  resp_prot: 1\n",
         "f.yaml:2: unknown key network.resp_prot; did you mean network.resp_port?\n"},
        {"network:\n  resp_prot: {a: [b, {c: d}]}\n  threads: 999\n",
         "f.yaml:2: unknown key network.resp_prot; did you mean network.resp_port?\n"
         "f.yaml:3: network.threads: '999' is out of range, 0 to 256\n"},
        {"resp_port: 1\n", "f.yaml:1: unknown key resp_port; did you mean network.resp_port?\n"},
        {"netwrok:\n  resp_port: 1\n", "f.yaml:1: unknown key netwrok; did you mean network?\n"},
        {"\nzzzzzzzz: 1\n",
         "f.yaml:2: unknown key zzzzzzzz; `hypercached config default` lists all\n"},
        {"network:\n  resp_port: 99999\n",
         "f.yaml:2: network.resp_port: '99999' is out of range, 1 to 65535\n"},
        {"network:\n  resp_port:\n", "f.yaml:2: network.resp_port has no value\n"},
        {"network:\n  resp_port: ~\n", "f.yaml:2: network.resp_port has no value\n"},
        {"network:\n  resp_port: [1]\n",
         "f.yaml:2: network.resp_port takes one value, not a list\n"},
        {"network:\n  resp_port: {a: 1}\n",
         "f.yaml:2: network.resp_port takes a value, not keys below it\n"},
        {"network:\n  bind: [[1]]\n", "f.yaml:2: an item of a list must be a single value\n"},
        {"network:\n  bind: ['1,2']\n",
         "f.yaml:2: an item of a list must not be empty or hold a comma\n"},
        {"network: 5\n", "f.yaml:1: section network must hold keys, as `key: value` below it\n"},
        {"network: [5]\ncache: {databases: 0}\n",
         "f.yaml:1: section network must hold keys, as `key: value` below it\n"
         "f.yaml:2: cache.databases: '0' is out of range, 1 to 16\n"},
        {"- a\n", "f.yaml:1: expected sections, as `network:` with keys below it\n"},
        {"just text\n", "f.yaml:1: expected sections, as `network:` with keys below it\n"},
        {"[a]: b\n", "f.yaml:1: a section's name must be a plain word\n"},
        {"network: {[a]: b}\n", "f.yaml:1: a key must be a plain word\n"},
        {"network:\n  threads: 1\n  threads: 2\n",
         "f.yaml:3: network.threads is set twice in this file\n"},
        {"network:\n  threads: 1\nnetwork:\n  resp_port: 2\n",
         "f.yaml:3: this section stands twice in the file\n"},
        {"security: {users: 3}\n",
         "f.yaml:1: security.users: users is not available in this version\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config cfg;
        config_problems problems;
        read_text(&cfg, rows[i].text, strlen(rows[i].text), &problems);
        assert_string_equal(problems.text, rows[i].said);
    }
}

static void test_hostile_yaml_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        const char *said; /* start of what is said */
    } rows[] = {
#define ROW(text, said) {text, sizeof text - 1, said}
        ROW("network:\n  threads: *x\n", "f.yaml:2: aliases (*name) are not used here"),
        ROW("network: *x\n", "f.yaml:1: aliases (*name) are not used here"),
        ROW("cache: {databases: 2, a: &x [1]}\n", "f.yaml:1: anchors (&name) and tags"),
        ROW("network: &x {threads: 1}\n", "f.yaml:1: anchors (&name)"),
        ROW("network:\n  threads: !!int 4\n", "f.yaml:2: anchors (&name) and tags"),
        ROW("network:\n  threads: !<tag:yaml.org,2002:python/object> 4\n", "f.yaml:2: anchors"),
        ROW("network:\n\tthreads: 1\n", "f.yaml:2: not YAML: "),
        ROW("network:\n  threads: 1\n bad\n", "f.yaml:"),
        ROW("network: {threads: 1\n", "f.yaml:2: not YAML: "),
        ROW("network: \"open\n", "f.yaml:"),
        ROW("network:\n  threads: 1\n---\ncache:\n", "f.yaml:3: a second document in one file"),
        ROW("node:\n  id: \"a\\0b\"\n", "f.yaml:2: a NUL byte in a text"),
        ROW("\"net\\0work\":\n  threads: 1\n", "f.yaml:1: a NUL byte in a text"),
        ROW("node:\n  id: \"a\\nb\"\n",
            "f.yaml:2: node.id: must be UTF-8 without control characters"),
        ROW("node:\n  id: \xff\xfe\n", "f.yaml: byte "),
        ROW("\x00\x01\x02\x03", "f.yaml: byte "),
        ROW("\x7f"
            "ELF\x02\x01\x01",
            "f.yaml: byte "),
        ROW("%YAML 9.9\n---\n", "f.yaml:1: not YAML: "),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config cfg;
        config_problems problems;
        read_text(&cfg, rows[i].text, rows[i].bytes, &problems);
        assert_true(problems.count > 0);
        if (strncmp(problems.text, rows[i].said, strlen(rows[i].said)) != 0) {
            fail_msg("row %zu: said \"%s\", not \"%s\"", i, problems.text, rows[i].said);
        }
    }
}

static void test_a_tab_is_named_as_such(void **state)
{
    (void)state;
    static const char text[] = "network:\n  threads: 1\n\tresp_port: 2\n";
    config cfg;
    config_problems problems;
    read_text(&cfg, text, sizeof text - 1, &problems);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.text, "f.yaml:3: not YAML: "));
    assert_non_null(strstr(problems.text, "indent with blanks, not with tabs"));
}

/* Nests `count` deep where a value is expected, with brackets of both kinds. */
static void test_depth_is_refused_without_recursion(void **state)
{
    (void)state;
    static const struct {
        const char *before, *piece;
    } rows[] = {{"", "["},
                {"", "{a: "},
                {"network: ", "["},
                {"network: {bind: ", "["},
                {"network: {threads: ", "{a: "},
                {"zzz: ", "["},
                {"network:\n  zzz: ", "{b: "}};
    enum { DEPTH = 12000 };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t piece = strlen(rows[i].piece), bytes = strlen(rows[i].before);
        char *text = malloc(bytes + DEPTH * piece + 1);
        assert_non_null(text);
        memcpy(text, rows[i].before, bytes);
        for (int depth = 0; depth < DEPTH; depth++, bytes += piece)
            memcpy(text + bytes, rows[i].piece, piece);
        config cfg;
        config_problems problems;
        read_text(&cfg, text, bytes, &problems);
        assert_in_range(problems.count, 1, 2);
        free(text);
    }
}

static void test_long_texts_are_refused(void **state)
{
    (void)state;
    enum { BYTES = 60000 };
    static const char *const before[] = {"node:\n  id: ", "network:\n  bind: [1, ", "",
                                         "node:\n  "};
    static const char *const after[] = {"\n", "]\n", ": 1\n", ": 1\n"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        char *text = malloc(BYTES + 64);
        assert_non_null(text);
        size_t bytes = (size_t)snprintf(text, 64, "%s", before[i]);
        memset(text + bytes, 'x', BYTES);
        bytes += BYTES;
        bytes += (size_t)snprintf(text + bytes, 8, "%s", after[i]);
        config cfg;
        config_problems problems;
        read_text(&cfg, text, bytes, &problems);
        assert_in_range(problems.count, 1, 2);
        assert_true(strlen(problems.text) < 600);
        free(text);
    }
}

static void test_every_prefix_and_every_flipped_byte_is_survived(void **state)
{
    (void)state;
    static const char text[] = "network:\n  bind: [127.0.0.1, \"::1\"]\n  threads: 4 # c\n"
                               "cache: {max_memory: 1GB, eviction: lru}\nnode: {id: 'a'}\n";
    char copy[sizeof text];
    for (size_t bytes = 0; bytes < sizeof text; bytes++) {
        config cfg;
        config_problems problems;
        read_text(&cfg, text, bytes, &problems);
        for (int bit = 0; bit < 8 && bytes < sizeof text - 1; bit++) {
            memcpy(copy, text, sizeof text);
            copy[bytes] = (char)(copy[bytes] ^ (1 << bit));
            read_text(&cfg, copy, sizeof text - 1, &problems);
            assert_true(strlen(problems.text) < sizeof problems.text);
        }
    }
}

static void test_files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    config cfg;
    config_problems problems = {0};
    config_defaults(&cfg);
    config_read_file(&cfg, "/nonexistent/hypercache.yaml", &problems);
    assert_string_equal(problems.text, "/nonexistent/hypercache.yaml: No such file or directory\n");
    problems = (config_problems){0};
    config_read_file(&cfg, "/", &problems);
    assert_string_equal(problems.text, "/: Is a directory\n");
    problems = (config_problems){0};
    config_read_file(&cfg, "/dev/zero", &problems);
    assert_string_equal(problems.text, "/dev/zero: larger than 65536 bytes, no configuration is\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_and_keys_are_read_with_their_lines),
        cmocka_unit_test(test_a_file_may_be_empty),
        cmocka_unit_test(test_mistakes_are_told_with_file_line_and_key),
        cmocka_unit_test(test_hostile_yaml_is_refused_with_its_line),
        cmocka_unit_test(test_a_tab_is_named_as_such),
        cmocka_unit_test(test_depth_is_refused_without_recursion),
        cmocka_unit_test(test_long_texts_are_refused),
        cmocka_unit_test(test_every_prefix_and_every_flipped_byte_is_survived),
        cmocka_unit_test(test_files_that_cannot_be_read_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
