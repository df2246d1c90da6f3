/*
 * test_event_log.c - the log hears when a database's memory becomes short, and when it ends.
 */
#include "support/test.h"

#include "support/test_host.h"

#include "command/node.h"
#include "event_bus.h"
#include "event_log.h"

static void test_memory_pressure_is_warned_of_and_taken_back(void **state)
{
    (void)state;
    static uint8_t value[3 << 20];
    static test_log log;
    test_log_init(&log, HC_LOG_INFO);
    hc_host host = {.size = sizeof host, .log = &log.table};
    event_bus bus;
    assert_int_equal(event_bus_init(&bus, &host, "n1"), HC_OK);
    hc_pressure pressure = {
        .size = sizeof pressure, .ctx = bus.events, .changed = event_memory_pressure};
    node_options options = {.databases = 1,
                            .max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN,
                            .eviction = HC_EVICTION_NONE,
                            .pressure = &pressure};
    node *of;
    assert_int_equal(node_create(&options, &of), HC_OK);
    hc_store *store = node_store(of, 0);
    assert_int_equal(
        hc_store_set(store, HC_SPAN("k"), hc_span_make(value, sizeof value - 100000), NULL), HC_OK);
    assert_int_equal(log.count, 0);
    assert_int_equal(hc_store_set(store, HC_SPAN("l"), hc_span_make(value, 700000), NULL), HC_OK);
    assert_int_equal(log.count, 1);
    assert_true(test_log_has(&log, "\"level\":\"WARN\""));
    assert_true(test_log_has(&log, "\"operation\":\"memory_pressure\""));
    assert_true(test_log_has(&log, "\"limitBytes\":4194304"));
    assert_int_equal(hc_store_delete(store, HC_SPAN("k")), HC_OK);
    assert_int_equal(log.count, 2);
    assert_true(test_log_has(&log, "\"level\":\"INFO\""));
    assert_int_equal(hc_events_last(bus.events), 2);
    node_destroy(of);
    event_bus_fini(&bus);
}

static void test_no_log_is_told_nothing(void **state)
{
    (void)state;
    event_memory_pressure(NULL, HC_PRESSURE_PANIC, 1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_pressure_is_warned_of_and_taken_back),
        cmocka_unit_test(test_no_log_is_told_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
