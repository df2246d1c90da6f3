/*
 * test_event_bus.c - events of a node reach the log, subscribers and HC.EVENTS as the same object.
 */
#include "event_bus.h"

#include "command/eviction_watch.h"
#include "support/test_client.h"
#include "support/test_log.h"

typedef struct fixture {
    test_log log;
    test_client on;
    event_bus bus;
    hc_host host;
} fixture;

static void fixture_init(fixture *f)
{
    test_log_init(&f->log, HC_LOG_DEBUG);
    f->host = (hc_host){.size = sizeof f->host, .log = &f->log.table};
    assert_int_equal(event_bus_init(&f->bus, &f->host, "n1"), HC_OK);
    node_options options = {.events = f->bus.events};
    test_client_init(&f->on, &options);
    event_bus_attach(&f->bus, f->on.node);
}

static void fixture_fini(fixture *f)
{
    event_bus_attach(&f->bus, NULL);
    test_client_fini(&f->on);
    event_bus_fini(&f->bus);
}

static void test_an_event_reaches_log_and_command(void **state)
{
    (void)state;
    static fixture f;
    fixture_init(&f);
    test_client_expect(&f.on, "HC.EVENTS", "*0");
    hc_events_emit(f.bus.events, HC_EVENT_DISK_LOW, &(hc_event){.message = "little room"});
    assert_true(test_log_has(&f.log, "\"event\":\"disk_low\""));
    assert_true(test_log_has(&f.log, "\"runbook\":\"docs/runbooks/disk.md\""));
    const char *got = test_client_run(&f.on, "HC.EVENTS");
    assert_non_null(strstr(got, "disk_low"));
    assert_non_null(strstr(got, "little room"));
    fixture_fini(&f);
}

static void test_hc_events_chooses(void **state)
{
    (void)state;
    static fixture f;
    fixture_init(&f);
    hc_events_emit(f.bus.events, HC_EVENT_NODE_STARTED, NULL);
    hc_events_emit(f.bus.events, HC_EVENT_DISK_LOW, &(hc_event){.correlation_id = HC_SPAN("c7")});
    hc_events_emit(f.bus.events, HC_EVENT_NODE_FAILED, NULL);
    static const struct {
        const char *line, *has, *lacks;
    } rows[] = {
        {"HC.EVENTS COUNT 1", "node_failed", "disk_low"},
        {"HC.EVENTS AFTER 0 COUNT 1", "node_started", "disk_low"},
        {"HC.EVENTS AFTER 1", "disk_low", "node_started"},
        {"HC.EVENTS LEVEL warn", "disk_low", "node_started"},
        {"HC.EVENTS LEVEL ERROR", "node_failed", "disk_low"},
        {"HC.EVENTS COMPONENT persistence", "disk_low", "node_failed"},
        {"HC.EVENTS COMPONENT GOSSIP COMPONENT persistence", "disk_low", "node_started"},
        {"HC.EVENTS CORRELATION c7", "disk_low", "node_failed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = test_client_run(&f.on, rows[i].line);
        if (strstr(got, rows[i].has) == NULL) print_error("%s: %s\n", rows[i].line, got);
        assert_non_null(strstr(got, rows[i].has));
        assert_null(strstr(got, rows[i].lacks));
    }
    test_client_expect(&f.on, "HC.EVENTS COUNT", "-ERR syntax error");
    test_client_expect(&f.on, "HC.EVENTS WHAT 1", "-ERR syntax error");
    test_client_expect(&f.on, "HC.EVENTS COUNT 0", "-ERR value is not an integer or out of range");
    test_client_expect(&f.on, "HC.EVENTS AFTER -1", "-ERR value is not an integer or out of range");
    test_client_expect(&f.on, "HC.EVENTS LEVEL loud", "-ERR no such level...");
    test_client_expect(&f.on, "HC.EVENTS COMPONENT heart", "-ERR no such component...");
    fixture_fini(&f);
}

static void test_subscribers_get_what_the_log_got(void **state)
{
    (void)state;
    static fixture f;
    fixture_init(&f);
    test_client_expect(&f.on, "SUBSCRIBE __hypercache__:events",
                       ">3 \"subscribe\" \"__hypercache__:events\" :1");
    hc_events_emit(f.bus.events, HC_EVENT_NODE_LEFT, NULL);
    const char *got = test_client_run(&f.on, "PING");
    assert_non_null(strstr(got, "node_left"));
    fixture_fini(&f);
}

static void test_a_refused_password_is_an_event(void **state)
{
    (void)state;
    static fixture f;
    fixture_init(&f);
    (void)test_client_run(&f.on, "AUTH mallory secret");
    assert_true(test_log_has(&f.log, "\"event\":\"auth_failed\""));
    assert_true(test_log_has(&f.log, "\"user\":\"mallory\""));
    assert_false(test_log_has(&f.log, "secret"));
    fixture_fini(&f);
}

static void test_a_slow_command_is_an_event_with_its_key_and_id(void **state)
{
    (void)state;
    static fixture f;
    fixture_init(&f);
    observer_set_slow_log(&f.on.node->observer, 0);
    test_client_expect(&f.on, "SET user:1 v", "+OK");
    assert_true(test_log_has(&f.log, "\"event\":\"latency_high\""));
    assert_true(test_log_has(&f.log, "\"key\":\"user:1\""));
    assert_true(test_log_has(&f.log, "\"correlationId\":\""));
    size_t lines = f.log.count;
    test_client_expect(&f.on, "SET user:2 v", "+OK"); /* one a second */
    assert_int_equal(f.log.count, lines);
    assert_int_equal(hc_events_count(f.bus.events, HC_EVENT_LATENCY_HIGH), 2);
    fixture_fini(&f);
}

static void test_eviction_is_a_storm_only_when_it_empties_the_cache(void **state)
{
    (void)state;
    static fixture f;
    fixture_init(&f);
    eviction_watch one = {0};
    uint64_t now_ns = 0, evicted = 0;
    static const struct {
        uint64_t evicted, keys;
        uint64_t events; /* altogether afterwards */
    } seconds[] = {
        {0, 100000, 0}, {9000, 100000, 0}, {50000, 100000, 1}, {50000, 100000, 1}, {900, 100, 1},
        {0, 100000, 1}, {0, 100000, 1},    {0, 100000, 1},     {0, 100000, 2},     {0, 100000, 2},
    };
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        now_ns += UINT64_C(1000000000);
        evicted += seconds[i].evicted;
        assert_true(eviction_watch_due(&one, now_ns));
        eviction_watch_look(&one, f.bus.events, now_ns, seconds[i].keys, evicted);
        assert_int_equal(hc_events_count(f.bus.events, HC_EVENT_EVICTION_STORM), seconds[i].events);
    }
    assert_false(eviction_watch_due(&one, now_ns + 1));
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_reaches_log_and_command),
        cmocka_unit_test(test_hc_events_chooses),
        cmocka_unit_test(test_subscribers_get_what_the_log_got),
        cmocka_unit_test(test_a_refused_password_is_an_event),
        cmocka_unit_test(test_a_slow_command_is_an_event_with_its_key_and_id),
        cmocka_unit_test(test_eviction_is_a_storm_only_when_it_empties_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
