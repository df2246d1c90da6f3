/*
 * test_config_load.c - all sources together: who wins, what the command line may say.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

#define ARGUMENTS_MAX 16

typedef struct outcome {
    config cfg;
    config_action action;
    config_problems problems;
    bool loaded;
} outcome;

static char *no_environment[] = {NULL};

/* Loads with `line` divided at blanks. */
static void load(outcome *out, const char *line, char *const *environment)
{
    char copy[1024], *argv[ARGUMENTS_MAX + 1] = {(char *)"hypercached"}, *rest = copy;
    int argc = 1;
    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL && argc < ARGUMENTS_MAX;)
        argv[argc++] = word;
    *out = (outcome){0};
    out->loaded = config_load(&out->cfg, argc, argv, environment, &out->action, &out->problems);
}

/* A file with `text`, to be unlinked. */
static void file_write(char path[64], const char *text)
{
    (void)snprintf(path, 64, "/tmp/hypercache-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static void test_later_sources_win(void **state)
{
    (void)state;
    char path[64], line[256];
    file_write(path, "network:\n  resp_port: 1001\n  threads: 1\n  max_clients: 11\n");
    char *environment[] = {(char *)"PATH=/bin", (char *)"HYPERCACHE_NETWORK_RESP_PORT=1002",
                           (char *)"HYPERCACHE_NETWORK_THREADS=2", NULL};
    outcome out;
    (void)snprintf(line, sizeof line, "--resp-port=1003 --config %s", path);
    load(&out, line, environment);
    assert_string_equal(out.problems.text, "");
    assert_true(out.loaded);
    assert_int_equal(out.action, CONFIG_RUN);
    assert_int_equal(out.cfg.network.resp_port, 1003);
    assert_int_equal(out.cfg.network.threads, 2);
    assert_int_equal(out.cfg.network.max_clients, 11);
    assert_int_equal(out.cfg.cache.databases, 16);

    static const struct {
        config_id id;
        const char *origin; /* NULL: the file's fourth line */
    } rows[] = {{CONFIG_NETWORK_RESP_PORT, "--network.resp_port"},
                {CONFIG_NETWORK_THREADS, "HYPERCACHE_NETWORK_THREADS"},
                {CONFIG_NETWORK_MAX_CLIENTS, NULL},
                {CONFIG_CACHE_DATABASES, "default"}};
    char origin[300], expected[100];
    (void)snprintf(expected, sizeof expected, "%s:4", path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config_origin_text(&out.cfg, &config_keys[rows[i].id], origin, sizeof origin);
        assert_string_equal(origin, rows[i].origin != NULL ? rows[i].origin : expected);
    }
    assert_int_equal(unlink(path), 0);
}

static void test_the_environment_may_name_the_file(void **state)
{
    (void)state;
    char path[64], variable[96];
    file_write(path, "cache: {databases: 3}\n");
    (void)snprintf(variable, sizeof variable, "HYPERCACHE_CONFIG=%s", path);
    char *environment[] = {variable, NULL};
    outcome out;
    load(&out, "", environment);
    assert_true(out.loaded);
    assert_int_equal(out.cfg.cache.databases, 3);
    load(&out, "--config /nonexistent", environment);
    assert_false(out.loaded);
    assert_string_equal(out.problems.text, "/nonexistent: No such file or directory\n");
    assert_int_equal(unlink(path), 0);
}

static void test_flags_take_their_value_in_both_ways(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--network.resp_port=7000", "--network.resp_port 7000", "--network.resp-port 7000",
        "--resp-port=7000",         "--resp-port 7000",         "--resp-port 1 --resp-port 7000",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        outcome out;
        load(&out, lines[i], no_environment);
        assert_string_equal(out.problems.text, "");
        assert_int_equal(out.cfg.network.resp_port, 7000);
    }
}

static void test_every_key_can_be_a_flag_and_a_variable(void **state)
{
    (void)state;
    config cfg;
    config_defaults(&cfg);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const config_key *key = &config_keys[i];
        char text[CONFIG_VALUE_BYTES], flag[CONFIG_VALUE_BYTES + 100],
            variable[CONFIG_VALUE_BYTES + 100];
        config_get(&cfg, key, text);
        (void)snprintf(flag, sizeof flag, "--%s=%s", key->full, text);
        char *argv[] = {(char *)"hypercached", flag, NULL};
        config_problems problems = {0};
        config_read_flags(&cfg, 2, argv, &problems);
        assert_string_equal(problems.text, "");
        assert_int_equal(cfg.origins[i].source, CONFIG_FROM_FLAG);

        (void)snprintf(variable, sizeof variable, "HYPERCACHE_%s_%s=%s", key->section, key->name,
                       text);
        for (char *at = variable; *at != '='; at++)
            if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
        char *environment[] = {variable, NULL};
        config_read_environment(&cfg, environment, &problems);
        assert_string_equal(problems.text, "");
        assert_int_equal(cfg.origins[i].source, CONFIG_FROM_ENVIRONMENT);
    }
}

static void test_actions_of_the_command_line(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        config_action action;
    } rows[] = {
        {"", CONFIG_RUN},
        {"--help", CONFIG_HELP},
        {"-h", CONFIG_HELP},
        {"--resp-port nonsense --help", CONFIG_HELP},
        {"--version", CONFIG_VERSION},
        {"config validate", CONFIG_VALIDATE},
        {"config show --resp-port 1", CONFIG_SHOW},
        {"config default", CONFIG_DEFAULT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        outcome out;
        load(&out, rows[i].line, no_environment);
        assert_string_equal(out.problems.text, "");
        assert_true(out.loaded);
        assert_int_equal(out.action, rows[i].action);
    }
}

static void test_a_subcommand_takes_the_file_as_a_word(void **state)
{
    (void)state;
    char path[64], line[256];
    file_write(path, "cache: {databases: 0}\n");
    (void)snprintf(line, sizeof line, "config validate %s", path);
    outcome out;
    load(&out, line, no_environment);
    assert_int_equal(out.action, CONFIG_VALIDATE);
    assert_int_equal(out.problems.count, 1);
    assert_int_equal(strncmp(out.problems.text, path, strlen(path)), 0);
    assert_int_equal(unlink(path), 0);
}

static void test_mistakes_on_the_command_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"--resp-prot 5", "--resp-prot: unknown flag; did you mean --resp-port?\n"},
        {"--resp-prot --threads 2", "--resp-prot: unknown flag; did you mean --resp-port?\n"},
        {"--network.threds=1", "--network.threds: unknown flag; did you mean --network.threads?\n"},
        {"--maxmemory 1GB", "--maxmemory: unknown flag; did you mean --max-memory?\n"},
        {"--bogus", "--bogus: unknown flag; see `hypercached --help`\n"},
        {"--threads", "--threads needs a value\n"},
        {"--config", "--config needs a value\n"},
        {"--threads x", "--threads: network.threads: 'x' is not a number\n"},
        {"--cluster.routing=auto",
         "--cluster.routing: redirects is not available in this version\n"},
        {"--http-port 6379", "--network.http_port: is network.resp_port, too\n"},
        {"serve", "unknown argument 'serve'; see `hypercached --help`\n"},
        {"-x", "unknown argument '-x'; see `hypercached --help`\n"},
        {"--", "unknown argument '--'; see `hypercached --help`\n"},
        {"config", "config: say validate, show or default\n"},
        {"config check", "config: say validate, show or default\n"},
        {"--bind 0.0.0.0", "--network.bind: has 0.0.0.0, which other machines reach "
                           "while nobody must log "
                           "in; bind 127.0.0.1, or set security.protected_mode: false\n"},
        {"--logging.output=file", "--logging.output: names file, so logging.file must be set\n"},
        {"--logging.file=x", "--logging.file: is set, but logging.output does not name file\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        outcome out;
        load(&out, rows[i].line, no_environment);
        assert_false(out.loaded);
        assert_string_equal(out.problems.text, rows[i].said);
    }
}

static void test_long_arguments_are_survived(void **state)
{
    (void)state;
    enum { BYTES = 100000 };
    static const char *const starts[] = {"--", "--node.id=", "", "--config=", "--network.bind="};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        char *text = malloc(BYTES + 32);
        assert_non_null(text);
        size_t bytes = (size_t)snprintf(text, 32, "%s", starts[i]);
        memset(text + bytes, 'x', BYTES);
        text[bytes + BYTES] = '\0';
        char *argv[] = {(char *)"hypercached", text, NULL};
        config cfg;
        config_action action;
        config_problems problems = {0};
        assert_false(config_load(&cfg, 2, argv, no_environment, &action, &problems));
        assert_int_equal(problems.count, 1);
        assert_true(strlen(problems.text) < 700);
        free(text);
    }
}

static void test_mistakes_in_the_environment(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *said;
    } rows[] = {
        {"HYPERCACHE_NETWORK_REP_PORT=1", "HYPERCACHE_NETWORK_REP_PORT: unknown variable; did you "
                                          "mean HYPERCACHE_NETWORK_RESP_PORT?\n"},
        {"HYPERCACHE_NETWORK_RESP_PORT=x",
         "HYPERCACHE_NETWORK_RESP_PORT: network.resp_port: 'x' is not a number\n"},
        {"HYPERCACHE_SECURITY_USERS=x",
         "HYPERCACHE_SECURITY_USERS: users is not available in this version\n"},
        {"HYPERCACHE_ZZZZZZZZ=1", "HYPERCACHE_ZZZZZZZZ: unknown variable; `hypercached config "
                                  "default` lists all keys\n"},
        {"HYPERCACHE_=1",
         "HYPERCACHE_: unknown variable; `hypercached config default` lists all keys\n"},
        {"HYPERCACHED=build/hypercached", ""},
        {"HYPERCACHE_PORT=tcp://10.0.0.1:6379", ""},
        {"HYPERCACHE_NODE_SERVICE_HOST=10.0.0.1", ""},
        {"HYPERCACHE_SERVICE_PORT_RESP=6379", ""},
        {"HYPERCACHE_PORT_6379_TCP_ADDR=10.0.0.1", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *environment[] = {(char *)rows[i].variable, NULL};
        outcome out;
        load(&out, "", environment);
        assert_string_equal(out.problems.text, rows[i].said);
        assert_int_equal(out.loaded, rows[i].said[0] == '\0');
    }
}

static void test_protected_mode_lets_loopback_addresses_pass(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool passes;
    } rows[] = {
        {"--bind 127.0.0.1", true},
        {"--bind 127.8.9.10", true},
        {"--bind ::1", true},
        {"--bind ::ffff:127.0.0.1", true},
        {"--bind 0.0.0.0", false},
        {"--bind ::", false},
        {"--bind 192.168.1.1", false},
        {"--bind ::ffff:10.0.0.1", false},
        {"--bind 127.0.0.1,10.0.0.1", false},
        {"--bind 0.0.0.0,:: --security.protected_mode=false", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        outcome out;
        load(&out, rows[i].line, no_environment);
        assert_int_equal(out.loaded, rows[i].passes);
    }
}

/* What a printer wrote, to be freed. */
static char *printed(const config *cfg, size_t *bytes_out)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, bytes_out);
    assert_non_null(to);
    if (cfg != NULL) {
        config_print(cfg, to);
    } else {
        config_print_default(to);
    }
    assert_int_equal(fclose(to), 0);
    return text;
}

static void test_what_is_printed_reads_back_as_the_same(void **state)
{
    (void)state;
    outcome out;
    load(&out,
         "--node.id=\xc3\xa9:b\"c\\d#e --bind 127.0.0.1 --max-memory 100MB --logging.components "
         "GOSSIP=debug,FILTER=trace --node.data_dir=-x --cache.default_ttl 90s",
         no_environment);
    assert_string_equal(out.problems.text, "");
    config defaults;
    config_defaults(&defaults);
    const config *const cases[] = {&out.cfg, &defaults, NULL}; /* NULL: config default */
    for (size_t i = 0; i < 3; i++) {
        size_t bytes;
        char *text = printed(cases[i], &bytes);
        config again;
        config_problems problems = {0};
        config_defaults(&again);
        config_read_yaml(&again, "printed", text, bytes, &problems);
        assert_string_equal(problems.text, "");
        for (size_t key = 0; key < CONFIG_KEY_COUNT; key++) {
            char want[CONFIG_VALUE_BYTES], got[CONFIG_VALUE_BYTES];
            config_get(cases[i] != NULL ? cases[i] : &defaults, &config_keys[key], want);
            config_get(&again, &config_keys[key], got);
            assert_string_equal(got, want);
            assert_int_equal(again.origins[key].source, CONFIG_FROM_FILE);
        }
        free(text);
    }
}

static void test_the_example_file_is_what_config_default_prints(void **state)
{
    (void)state;
    FILE *file = fopen("server/deploy/hypercache.yaml", "re");
    assert_non_null(file); /* tests run in the project's folder */
    char text[CONFIG_FILE_BYTES_MAX];
    size_t bytes = fread(text, 1, sizeof text - 1, file), want_bytes;
    text[bytes] = '\0';
    assert_int_equal(fclose(file), 0);
    char *want = printed(NULL, &want_bytes);
    assert_string_equal(text, want);
    free(want);
}

static void test_help_names_every_flag(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);
    assert_non_null(to);
    config_print_help(to);
    assert_int_equal(fclose(to), 0);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        assert_non_null(strstr(text, config_keys[i].full));
        if (config_keys[i].short_flag != NULL)
            assert_non_null(strstr(text, config_keys[i].short_flag));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_sources_win),
        cmocka_unit_test(test_the_environment_may_name_the_file),
        cmocka_unit_test(test_flags_take_their_value_in_both_ways),
        cmocka_unit_test(test_every_key_can_be_a_flag_and_a_variable),
        cmocka_unit_test(test_actions_of_the_command_line),
        cmocka_unit_test(test_a_subcommand_takes_the_file_as_a_word),
        cmocka_unit_test(test_mistakes_on_the_command_line),
        cmocka_unit_test(test_long_arguments_are_survived),
        cmocka_unit_test(test_mistakes_in_the_environment),
        cmocka_unit_test(test_protected_mode_lets_loopback_addresses_pass),
        cmocka_unit_test(test_what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(test_the_example_file_is_what_config_default_prints),
        cmocka_unit_test(test_help_names_every_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
