/*
 * test_tuning.c - CONFIG SET and SIGHUP carry changes to those who act on them, wholly or not at
 * all.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test_wait.h"
#include "tuning.h"

typedef struct fixture {
    config cfg;
    log_sink *sink;
    node *node;
    tuning tuning;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    config_defaults(&f->cfg);
    log_sink_options options = {.node_id = "n", .fd = -1, .json = true, .level = HC_LOG_INFO};
    assert_int_equal(log_sink_start(&options, &f->sink), HC_OK);
    tuning_init(&f->tuning, &f->cfg, f->sink, 1);
    node_options commands = {.settings = &f->tuning.settings};
    assert_int_equal(node_create(&commands, &f->node), HC_OK);
    tuning_attach(&f->tuning, f->node, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    tuning_attach(&f->tuning, NULL, NULL);
    node_destroy(f->node);
    tuning_fini(&f->tuning);
    log_sink_stop(f->sink);
    free(f);
    return 0;
}

static bool wants(const fixture *f, hc_log_level level, hc_topic topic)
{
    const hc_log *log = log_sink_log(f->sink);
    return log->wants(log->ctx, level, topic);
}

static hc_status change(fixture *f, const setting_change *changes, size_t count, size_t *failed_out,
                        char error[SETTINGS_ERROR_BYTES])
{
    settings *of = &f->tuning.settings;
    return of->change(of->ctx, changes, count, failed_out, error);
}

static void test_changes_reach_those_who_act_on_them(void **state)
{
    fixture *f = *state;
    setting_change changes[] = {{"CACHE.max_memory", "8388608"},
                                {"logging.level", "debug"},
                                {"logging.components", "GOSSIP=error FILTER=trace"},
                                {"network.max_clients", "17"}};
    size_t failed;
    char error[SETTINGS_ERROR_BYTES];
    assert_int_equal(change(f, changes, 4, &failed, error), HC_OK);
    assert_int_equal(node_max_memory(f->node), 8 << 20);
    assert_int_equal(f->tuning.cfg.network.max_clients, 17);
    assert_true(wants(f, HC_LOG_DEBUG, HC_TOPIC_RESP_SERVER));
    assert_false(wants(f, HC_LOG_TRACE, HC_TOPIC_RESP_SERVER));
    assert_false(wants(f, HC_LOG_WARN, HC_TOPIC_GOSSIP));
    assert_true(wants(f, HC_LOG_TRACE, HC_TOPIC_FILTER));
}

static void test_the_policy_of_every_database_follows(void **state)
{
    fixture *f = *state;
    hc_store *first = node_store(f->node, 0), *second = node_store(f->node, 1);
    setting_change changes[] = {{"cache.eviction", "volatile-lru"}};
    size_t failed;
    char error[SETTINGS_ERROR_BYTES];
    assert_int_equal(hc_store_eviction(first), HC_EVICTION_S3FIFO);
    assert_int_equal(change(f, changes, 1, &failed, error), HC_OK);
    uint32_t wanted = HC_EVICTION_LRU | HC_EVICTION_VOLATILE;
    assert_int_equal(hc_store_eviction(first), wanted);
    assert_int_equal(hc_store_eviction(second), wanted);
    assert_int_equal(hc_store_eviction(node_store(f->node, 2)), wanted);
    assert_int_equal(node_eviction(f->node), wanted);
}

static void test_a_node_is_told_its_settings_when_it_is_attached(void **state)
{
    fixture *f = *state;
    tuning_attach(&f->tuning, NULL, NULL);
    setting_change changes[] = {{"cache.eviction", "lfu"}, {"cache.max_memory", "8388608"}};
    size_t failed;
    char error[SETTINGS_ERROR_BYTES];
    assert_int_equal(change(f, changes, 2, &failed, error), HC_OK);
    assert_int_equal(node_max_memory(f->node), 0);
    tuning_attach(&f->tuning, f->node, NULL);
    assert_int_equal(node_max_memory(f->node), 8 << 20);
    assert_int_equal(node_eviction(f->node), HC_EVICTION_LFU);
}

static void test_one_bad_change_refuses_all(void **state)
{
    fixture *f = *state;
    static const struct {
        setting_change bad;
        hc_status status;
        const char *error;
    } rows[] = {
        {{"no.such_key", "1"}, HC_ERR_NOT_FOUND, ""},
        {{"a.name.that.is.far.too.long.to.be.that.of.any.key.that.we.could.have.in.the.table", "1"},
         HC_ERR_NOT_FOUND,
         ""},
        {{"network.resp_port", "1"}, HC_ERR_UNSUPPORTED, "can't set immutable config"},
        {{"logging.level", "loud"},
         HC_ERR_INVALID,
         "'loud' is none of: error, warn, info, debug, trace"},
        {{"network.max_clients", "0"}, HC_ERR_INVALID, "'0' is out of range, 1 to 1000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setting_change changes[] = {{"cache.max_memory", "8388608"}, rows[i].bad};
        size_t failed = 99;
        char error[SETTINGS_ERROR_BYTES];
        assert_int_equal(change(f, changes, 2, &failed, error), rows[i].status);
        assert_int_equal(failed, 1);
        assert_string_equal(error, rows[i].error);
        assert_int_equal(node_max_memory(f->node), 0);
        assert_int_equal(f->tuning.cfg.cache.max_memory_bytes, 0);
    }
}

typedef struct seen {
    size_t count, changeable;
} seen;

static void look(void *ctx, const setting *one)
{
    seen *s = ctx;
    const config_key *key = config_find(one->name);
    assert_non_null(key);
    s->count++;
    s->changeable += one->changeable;
    if (strcmp(one->name, "network.drain_timeout") == 0) {
        assert_int_equal(one->kind, SETTING_DURATION);
        assert_int_equal(one->number, 5000);
        assert_string_equal(one->text, "5s");
    }
    if (strcmp(one->name, "network.bind") == 0) {
        assert_int_equal(one->kind, SETTING_LIST);
        assert_string_equal(one->text, "127.0.0.1 ::1");
    }
    if (strcmp(one->name, "security.protected_mode") == 0) {
        assert_int_equal(one->kind, SETTING_BOOL);
        assert_int_equal(one->number, 1);
    }
}

static void test_all_settings_are_shown_with_kind_and_number(void **state)
{
    fixture *f = *state;
    seen s = {0};
    f->tuning.settings.each(f->tuning.settings.ctx, look, &s);
    assert_int_equal(s.count, CONFIG_KEY_COUNT);
    assert_in_range(s.changeable, 3, CONFIG_KEY_COUNT - 1);
}

static void test_reload_changes_what_is_new_and_can_change(void **state)
{
    fixture *f = *state;
    config next = f->cfg;
    next.cache.max_memory_bytes = 16 << 20;
    next.network.resp_port = 7000;
    tuning_reload(&f->tuning, &next);
    assert_int_equal(node_max_memory(f->node), 16 << 20);
    assert_int_equal(f->tuning.cfg.network.resp_port, 6379);
}

static void test_what_config_set_changed_outlives_a_reload_without_news_of_it(void **state)
{
    fixture *f = *state;
    setting_change changes[] = {{"cache.max_memory", "8388608"}};
    size_t failed;
    char error[SETTINGS_ERROR_BYTES];
    assert_int_equal(change(f, changes, 1, &failed, error), HC_OK);
    config next = f->cfg;
    next.logging.level = HC_LOG_WARN;
    tuning_reload(&f->tuning, &next);
    assert_int_equal(node_max_memory(f->node), 8 << 20);
    assert_false(wants(f, HC_LOG_INFO, HC_TOPIC_RESP_SERVER));
    next.cache.max_memory_bytes = 32 << 20;
    tuning_reload(&f->tuning, &next);
    assert_int_equal(node_max_memory(f->node), 32 << 20);
    next.cache.max_memory_bytes = 0;
    tuning_reload(&f->tuning, &next);
    assert_int_equal(node_max_memory(f->node), 0);
}

static void test_changes_before_there_is_a_node_are_kept(void **state)
{
    fixture *f = *state;
    tuning_attach(&f->tuning, NULL, NULL);
    setting_change changes[] = {{"cache.max_memory", "8388608"}};
    size_t failed;
    char error[SETTINGS_ERROR_BYTES];
    assert_int_equal(change(f, changes, 1, &failed, error), HC_OK);
    assert_int_equal(f->tuning.cfg.cache.max_memory_bytes, 8 << 20);
    assert_int_equal(node_max_memory(f->node), 0);
}

static void test_a_level_for_a_while_goes_over_what_is_configured(void **state)
{
    fixture *f = *state;
    settings *of = &f->tuning.settings;
    setting_change warn[] = {{"logging.level", "warn"}};
    size_t failed;
    char error[SETTINGS_ERROR_BYTES];
    of->level_set(of->ctx, HC_TOPIC_GOSSIP, HC_LOG_TRACE, 3600000);
    assert_true(wants(f, HC_LOG_TRACE, HC_TOPIC_GOSSIP));
    assert_false(wants(f, HC_LOG_TRACE, HC_TOPIC_FILTER));
    assert_int_equal(change(f, warn, 1, &failed, error), HC_OK);
    assert_true(wants(f, HC_LOG_TRACE, HC_TOPIC_GOSSIP)); /* a change of the rest leaves it */
    setting_level now = of->level_get(of->ctx, HC_TOPIC_GOSSIP);
    assert_int_equal(now.level, HC_LOG_TRACE);
    assert_int_equal(now.configured, HC_LOG_WARN);
    assert_in_range(now.reverts_in_ms, 1, 3600000);
    of->tick(of->ctx); /* its time has not come */
    assert_true(wants(f, HC_LOG_TRACE, HC_TOPIC_GOSSIP));
    of->level_set(of->ctx, HC_TOPIC_GOSSIP, HC_LOG_TRACE, 0);
    assert_false(wants(f, HC_LOG_INFO, HC_TOPIC_GOSSIP));
    assert_int_equal(of->level_get(of->ctx, HC_TOPIC_GOSSIP).reverts_in_ms, 0);
}

static bool has_gone_back(void *ctx)
{
    fixture *f = ctx;
    (void)node_maintain(f->node);
    return !wants(f, HC_LOG_TRACE, HC_TOPIC_GOSSIP);
}

static void test_a_level_goes_back_when_its_time_is_over(void **state)
{
    fixture *f = *state;
    settings *of = &f->tuning.settings;
    of->level_set(of->ctx, HC_TOPIC_GOSSIP, HC_LOG_TRACE, 1);
    assert_true(test_wait_until(has_gone_back, f));
    assert_int_equal(atomic_load(&f->tuning.overridden), 0);
    assert_true(wants(f, HC_LOG_INFO, HC_TOPIC_GOSSIP));
}

static void test_debug_mode_brings_its_own_levels(void **state)
{
    fixture *f = *state;
    setting_change on[] = {{"debug.components", "GOSSIP hash_ring"},
                           {"debug.level", "trace"},
                           {"debug.enabled", "yes"}},
                   off[] = {{"debug.enabled", "no"}}, bad[] = {{"debug.components", "NOBODY"}};
    size_t failed;
    char error[SETTINGS_ERROR_BYTES];
    assert_int_equal(change(f, on, 2, &failed, error), HC_OK);
    assert_false(wants(f, HC_LOG_TRACE, HC_TOPIC_GOSSIP));
    assert_int_equal(change(f, on, 3, &failed, error), HC_OK);
    assert_true(debug_mode_on(&f->node->debugging));
    assert_true(wants(f, HC_LOG_TRACE, HC_TOPIC_GOSSIP));
    assert_true(wants(f, HC_LOG_TRACE, HC_TOPIC_HASH_RING));
    assert_false(wants(f, HC_LOG_TRACE, HC_TOPIC_FILTER));
    assert_int_equal(change(f, off, 1, &failed, error), HC_OK);
    assert_false(debug_mode_on(&f->node->debugging));
    assert_false(wants(f, HC_LOG_TRACE, HC_TOPIC_GOSSIP));
    assert_int_equal(change(f, bad, 1, &failed, error), HC_ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_changes_reach_those_who_act_on_them),
        TEST(test_the_policy_of_every_database_follows),
        TEST(test_a_node_is_told_its_settings_when_it_is_attached),
        TEST(test_one_bad_change_refuses_all),
        TEST(test_all_settings_are_shown_with_kind_and_number),
        TEST(test_reload_changes_what_is_new_and_can_change),
        TEST(test_what_config_set_changed_outlives_a_reload_without_news_of_it),
        TEST(test_changes_before_there_is_a_node_are_kept),
        TEST(test_a_level_for_a_while_goes_over_what_is_configured),
        TEST(test_a_level_goes_back_when_its_time_is_over),
        TEST(test_debug_mode_brings_its_own_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
