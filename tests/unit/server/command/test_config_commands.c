/* test_config_commands.c - CONFIG over a small configuration that the test keeps. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "support/test_client.h"

typedef struct shelf {
    char level[16]; /* logging.level */
    char memory[24];
    node **node;
    int resets;
} shelf;

static void shelf_each(void *ctx, settings_visit visit, void *visit_ctx)
{
    shelf *on = ctx;
    const setting all[] = {
        {.name = "cache.eviction", .text = "s3fifo", .number = HC_EVICTION_S3FIFO},
        {.name = "cache.max_memory",
         .text = on->memory,
         .number = strtoll(on->memory, NULL, 10),
         .kind = SETTING_BYTES,
         .changeable = true},
        {.name = "logging.level", .text = on->level, .kind = SETTING_TEXT, .changeable = true},
        {.name = "network.bind", .text = "127.0.0.1 ::1", .kind = SETTING_LIST},
        {.name = "network.idle_timeout", .text = "90s", .number = 90000, .kind = SETTING_DURATION},
        {.name = "network.max_clients", .text = "777", .number = 777, .kind = SETTING_INTEGER},
        {.name = "persistence.snapshot_interval", .text = "0", .kind = SETTING_DURATION},
        {.name = "persistence.strategy", .text = "disabled", .number = HC_STRATEGY_DISABLED},
        {.name = "security.protected_mode", .text = "true", .number = 1, .kind = SETTING_BOOL},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        visit(visit_ctx, &all[i]);
}

static hc_status shelf_check(const setting_change *one, char *error)
{
    if (strcasecmp(one->name, "network.bind") == 0) return HC_ERR_UNSUPPORTED;
    if (strcasecmp(one->name, "cache.max_memory") == 0) return HC_OK;
    if (strcasecmp(one->name, "logging.level") != 0) return HC_ERR_NOT_FOUND;
    if (strlen(one->value) < 8) return HC_OK;
    strcpy(error, "argument must be a level");
    return HC_ERR_INVALID;
}

static hc_status shelf_change(void *ctx, const setting_change *changes, size_t count,
                              size_t *failed_out, char *error)
{
    shelf *on = ctx;
    for (size_t i = 0; i < count; i++) {
        *failed_out = i;
        hc_status status = shelf_check(&changes[i], error);
        if (status != HC_OK) return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(changes[i].name, "logging.level") == 0) strcpy(on->level, changes[i].value);
        if (strcasecmp(changes[i].name, "cache.max_memory") == 0) {
            strcpy(on->memory, changes[i].value);
            assert_int_equal(node_set_max_memory(*on->node, strtoull(on->memory, NULL, 10)), HC_OK);
        }
    }
    return HC_OK;
}

static void shelf_reset(void *ctx)
{
    ((shelf *)ctx)->resets++;
}

/* Runs the steps on a node whose CONFIG reaches the shelf. */
static void run_on_shelf(shelf *on, const test_step *steps, size_t count)
{
    test_client with;
    *on = (shelf){.level = "info", .memory = "0", .node = &with.node};
    const settings table = {
        .ctx = on, .each = shelf_each, .change = shelf_change, .reset_statistics = shelf_reset};
    const node_options options = {.settings = &table, .resp_port = 6379, .clients_max = 10000};
    test_client_init(&with, &options);
    test_client_steps(&with, steps, count);
    test_client_fini(&with);
}

#define ON_SHELF(...)                                                                              \
    do {                                                                                           \
        const test_step steps[] = {__VA_ARGS__};                                                   \
        shelf on;                                                                                  \
        run_on_shelf(&on, steps, sizeof steps / sizeof steps[0]);                                  \
    } while (0)

#define FAILED(name, why) "-ERR CONFIG SET failed (possibly related to argument '" name "') - " why
#define UNKNOWN(name) "-ERR Unknown option or number of arguments for CONFIG SET - '" name "'"

static void test_get_answers_what_benchmarks_and_clients_ask(void **state)
{
    (void)state;
    ON_SHELF({"CONFIG GET save", "%1 \"save\" \"\""},
             {"CONFIG GET appendonly", "%1 \"appendonly\" \"no\""},
             {"CONFIG GET timeout", "%1 \"timeout\" \"90\""},
             {"CONFIG GET databases", "%1 \"databases\" \"16\""},
             {"CONFIG GET port", "%1 \"port\" \"6379\""},
             {"CONFIG GET maxclients", "%1 \"maxclients\" \"777\""},
             {"CONFIG GET protected-mode", "%1 \"protected-mode\" \"yes\""},
             {"CONFIG GET nothing", "%0"},
             {"CONFIG GET", "-ERR wrong number of arguments for 'config|get' command"},
             {"CONFIG", "-ERR wrong number of arguments for 'config' command"},
             {"CONFIG HELP", "*11 +CONFIG <subcommand> ..."},
             {"CONFIG REWRITE", "-ERR The server is running without a config file"});
}

static void test_get_takes_several_patterns_and_names_each_once(void **state)
{
    (void)state;
    ON_SHELF(
        {"CONFIG GET MAXMEMORY maxmemory-p* save maxmemory",
         "%3 \"MAXMEMORY\" \"0\" \"maxmemory-policy\" \"allkeys-s3fifo\" \"save\" \"\""},
        {"CONFIG GET loglevel logging.*", "%2 \"loglevel\" \"notice\" \"logging.level\" \"info\""},
        {"CONFIG GET bind", "%1 \"bind\" \"127.0.0.1 ::1\""},
        {"CONFIG GET *", "%99 \"acllog-max-len\"..."},
        {"CONFIG GET cache.max_memory", "%1 \"cache.max_memory\" \"0\""});
}

static void test_set_changes_all_or_nothing(void **state)
{
    (void)state;
    ON_SHELF(
        {"CONFIG SET maxmemory 100mb LOGLEVEL verbose", "+OK"},
        {"CONFIG GET maxmemory cache.max_memory loglevel",
         "%3 \"loglevel\" \"verbose\" \"maxmemory\" \"104857600\" \"cache.max_memory\" "
         "\"104857600\""},
        {"CONFIG SET Logging.Level warn", "+OK"},
        {"CONFIG GET loglevel", "%1 \"loglevel\" \"warning\""},
        {"CONFIG SET loglevel info maxmemory abc",
         FAILED("maxmemory", "argument must be a memory value")},
        {"CONFIG SET loglevel info nothing 1", UNKNOWN("nothing")},
        {"CONFIG SET maxmemory 0 loglevel nonsense",
         FAILED("loglevel", "argument(s) must be one of the following: debug, verbose, notice, "
                            "warning, nothing")},
        {"CONFIG SET maxmemory 0 bind ::1", FAILED("bind", "can't set immutable config")},
        {"CONFIG SET maxmemory 1gb MAXMEMORY 2gb", FAILED("MAXMEMORY", "duplicate parameter")},
        {"CONFIG SET maxmemory", "-ERR wrong number of arguments for 'config|set' command"},
        {"CONFIG SET a 1 b", "-ERR syntax error"},
        {"CONFIG SET 'log\\0level' x", "-ERR Unknown option..."},
        {"CONFIG GET maxmemory loglevel",
         "%2 \"loglevel\" \"warning\" \"maxmemory\" \"104857600\""});
}

static void test_fixed_answers_may_be_set_to_what_they_are(void **state)
{
    (void)state;
    ON_SHELF({"CONFIG SET save ''", "+OK"}, {"CONFIG SET timeout 90 protected-mode yes", "+OK"},
             {"CONFIG SET timeout 91", FAILED("timeout", "can't set immutable config")},
             {"CONFIG SET appendonly no", "+OK"},
             {"CONFIG SET maxmemory-policy allkeys-s3fifo", "+OK"},
             {"CONFIG SET save '60 1'", FAILED("save", "can't set immutable config")},
             {"CONFIG SET appendonly yes", FAILED("appendonly", "can't set immutable config")},
             {"CONFIG SET port 1", FAILED("port", "can't set immutable config")},
             {"CONFIG SET maxmemory-policy noeviction",
              FAILED("maxmemory-policy", "can't set immutable config")});
}

static void test_memory_has_redis_units(void **state)
{
    (void)state;
    static const struct {
        const char *line, *bytes;
    } cases[] = {{"CONFIG SET maxmemory 10000000", "\"10000000\""},
                 {"CONFIG SET maxmemory 10000000b", "\"10000000\""},
                 {"CONFIG SET maxmemory 10m", "\"10000000\""},
                 {"CONFIG SET maxmemory 10MB", "\"10485760\""},
                 {"CONFIG SET maxmemory 5000k", "\"5000000\""},
                 {"CONFIG SET maxmemory 5000kb", "\"5120000\""},
                 {"CONFIG SET maxmemory 1g", "\"1000000000\""},
                 {"CONFIG SET maxmemory 1Gb", "\"1073741824\""},
                 {"CONFIG SET maxmemory 0", "\"0\""}};
    test_client on;
    test_client_init(&on, NULL); /* without settings the node itself takes it */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_client_expect(&on, cases[i].line, "+OK");
        assert_non_null(strstr(test_client_run(&on, "CONFIG GET maxmemory"), cases[i].bytes));
    }
    static const char *const bad[] = {"mb", "-1", "1tb", "99999999999999999999", "20000000000gb",
                                      "''"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "CONFIG SET maxmemory %s", bad[i]);
        test_client_expect(&on, line, FAILED("maxmemory", "argument must be a memory value"));
    }
    test_client_expect(&on, "CONFIG SET maxmemory 1",
                       FAILED("maxmemory", "argument must be 0 or at least 4mb"));
    test_client_expect(&on, "CONFIG SET loglevel debug", UNKNOWN("loglevel"));
    test_client_expect(&on, "CONFIG SET x y", UNKNOWN("x"));
    test_client_fini(&on);
}

static void test_resetstat_starts_counting_again(void **state)
{
    (void)state;
    ON_SHELF({"GET none", "nil"}, {"CONFIG RESETSTAT", "+OK"}, {"PING", "+PONG"},
             {"CONFIG RESETSTAT x", "-ERR wrong number..."});
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "GET none", "nil");
    test_client_expect(&on, "CONFIG RESETSTAT", "+OK");
    const char *stats = test_client_run(&on, "INFO stats commandstats");
    assert_non_null(strstr(stats, "\\nkeyspace_misses:0\\r"));
    assert_null(strstr(stats, "cmdstat_get"));
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_answers_what_benchmarks_and_clients_ask),
        cmocka_unit_test(test_get_takes_several_patterns_and_names_each_once),
        cmocka_unit_test(test_set_changes_all_or_nothing),
        cmocka_unit_test(test_fixed_answers_may_be_set_to_what_they_are),
        cmocka_unit_test(test_memory_has_redis_units),
        cmocka_unit_test(test_resetstat_starts_counting_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
