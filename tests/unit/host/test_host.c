/*
 * test_host.c - any host, absent, partial or of another version, becomes a complete one or an
 * error.
 */
#include "support/test_host.h"
#include "support/test.h"

#include "host/host_internal.h"

/* Calls each entry once; none may crash. */
static void use_all(const hci_host *host)
{
    void *block = hci_allocate(host, 10);
    assert_non_null(block);
    memset(block, 1, 10);
    block = hci_resize(host, block, 10, 1000);
    assert_non_null(block);
    hci_release(host, block, 1000);
    hci_release(host, NULL, 0);
    uint8_t *space = hci_reserve(host, 1 << 20);
    assert_non_null(space);
    assert_int_equal(space[4096], 0);
    space[4096] = 1;
    assert_true(hci_discard(host, space, 1 << 20));
    assert_int_equal(space[4096], 0);
    hci_unreserve(host, space, 1 << 20);
    hci_unreserve(host, NULL, 0);
    assert_true(hci_wall_ms(host) > 0);
    (void)hci_monotonic_ns(host);
    (void)hci_random_uint64(host);
    if (hci_log_wants(host, HC_LOG_ERROR, HC_TOPIC_FILTER)) {
        hc_log_record record = {.message = "m", .duration_ns = -1};
        hci_log_write(host, &record);
    }
}

static void test_no_host_and_empty_host_give_defaults(void **state)
{
    (void)state;
    hci_host resolved;
    assert_int_equal(hci_host_resolve(NULL, &resolved), HC_OK);
    use_all(&resolved);
    assert_false(hci_log_wants(&resolved, HC_LOG_ERROR, HC_TOPIC_FILTER));
    hc_log_record record = {.message = "unheard"};
    hci_log_write(&resolved, &record);
    hc_host empty = {.size = sizeof empty};
    assert_int_equal(hci_host_resolve(&empty, &resolved), HC_OK);
    use_all(&resolved);
}

static void test_what_is_plugged_in_is_used(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    test_clock clock;
    test_random random;
    test_log log;
    test_clock_init(&clock);
    test_random_init_quiet(&random, 3);
    test_log_init(&log, HC_LOG_INFO);
    hc_host host = test_host_of(&memory, &clock, &random, &log);
    hci_host resolved;
    assert_int_equal(hci_host_resolve(&host, &resolved), HC_OK);
    use_all(&resolved);
    assert_int_equal(memory.live_bytes, 0);
    assert_int_equal(memory.reserved_bytes, 0);
    assert_int_equal(memory.peak_bytes, 1010);
    assert_int_equal(hci_wall_ms(&resolved), TEST_CLOCK_START_MS);
    test_clock_advance_ms(&clock, 5);
    test_clock_advance_ns(&clock, 7);
    assert_int_equal(hci_wall_ms(&resolved), TEST_CLOCK_START_MS + 5);
    assert_int_equal(hci_monotonic_ns(&resolved), 5000007);
    assert_int_equal(log.count, 1);
    assert_true(test_log_has(&log, "\"message\":\"m\""));
    assert_false(hci_log_wants(&resolved, HC_LOG_DEBUG, HC_TOPIC_FILTER));
    test_random same;
    test_random_init_quiet(&same, 3);
    (void)test_random_next(&same);
    assert_true(hci_random_uint64(&resolved) == test_random_next(&same));
}

static void test_memory_that_refuses_is_passed_on(void **state)
{
    (void)state;
    test_memory memory = {.grants = 0};
    hc_host host = test_host(&memory);
    hci_host resolved;
    assert_int_equal(hci_host_resolve(&host, &resolved), HC_OK);
    assert_null(hci_allocate(&resolved, 1));
    assert_null(hci_reserve(&resolved, 4096));
    assert_int_equal(memory.refused, 2);
}

/* Zeroes each pointer of a table in turn: all of them are required. */
static void check_each_entry_is_required(const hc_host *host, void *table, size_t first_entry,
                                         size_t table_bytes)
{
    uint8_t *bytes = table;
    hci_host resolved;
    for (size_t at = first_entry; at < table_bytes; at += sizeof(void (*)(void))) {
        uint8_t saved[sizeof(void (*)(void))];
        memcpy(saved, bytes + at, sizeof saved);
        memset(bytes + at, 0, sizeof saved);
        assert_int_equal(hci_host_resolve(host, &resolved), HC_ERR_INVALID);
        use_all(&resolved); /* defaults, not a mixture */
        memcpy(bytes + at, saved, sizeof saved);
        assert_int_equal(hci_host_resolve(host, &resolved), HC_OK);
    }
}

static void test_a_table_with_a_missing_entry_is_invalid(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    test_clock clock;
    test_random random;
    test_log log;
    test_clock_init(&clock);
    test_random_init_quiet(&random, 3);
    test_log_init(&log, HC_LOG_INFO);
    hc_host host = test_host_of(&memory, &clock, &random, &log);
    check_each_entry_is_required(&host, &memory.table, offsetof(hc_memory, allocate),
                                 sizeof(hc_memory));
    check_each_entry_is_required(&host, &clock.table, offsetof(hc_clock, wall_ms),
                                 sizeof(hc_clock));
    check_each_entry_is_required(&host, &random.table, offsetof(hc_random, fill),
                                 sizeof(hc_random));
    check_each_entry_is_required(&host, &log.table, offsetof(hc_log, wants), sizeof(hc_log));
}

static void test_a_size_of_zero_is_invalid(void **state)
{
    (void)state;
    hci_host resolved;
    hc_host unsized_host = {0};
    assert_int_equal(hci_host_resolve(&unsized_host, &resolved), HC_ERR_INVALID);
    test_clock clock;
    test_clock_init(&clock);
    clock.table.size = 0;
    hc_host host = test_host_of(NULL, &clock, NULL, NULL);
    assert_int_equal(hci_host_resolve(&host, &resolved), HC_ERR_INVALID);
    use_all(&resolved);
}

static void test_a_newer_host_that_sets_the_unknown_is_unsupported(void **state)
{
    (void)state;
    struct {
        hc_host known;
        uintptr_t newer;
    } host = {.known = {.size = sizeof host}};
    hci_host resolved;
    assert_int_equal(hci_host_resolve(&host.known, &resolved), HC_OK);
    host.newer = 1;
    assert_int_equal(hci_host_resolve(&host.known, &resolved), HC_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_host_and_empty_host_give_defaults),
        cmocka_unit_test(test_what_is_plugged_in_is_used),
        cmocka_unit_test(test_memory_that_refuses_is_passed_on),
        cmocka_unit_test(test_a_table_with_a_missing_entry_is_invalid),
        cmocka_unit_test(test_a_size_of_zero_is_invalid),
        cmocka_unit_test(test_a_newer_host_that_sets_the_unknown_is_unsupported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
