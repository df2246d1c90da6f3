/*
 * test_posix_clock.c - units and order of the default clock, no durations.
 */
#include "support/test.h"

#include <time.h>

#include "host/posix/defaults.h"

static void test_wall_clock_counts_unix_milliseconds(void **state)
{
    (void)state;
    time_t before = time(NULL);
    int64_t now_ms = hci_posix_clock.wall_ms(hci_posix_clock.ctx);
    /* time(2) may lag clock_gettime by a tick, and someone may set the clock: an hour is enough to
     * tell milliseconds from other units. */
    assert_true(now_ms > ((int64_t)before - 3600) * 1000);
    assert_true(now_ms < ((int64_t)before + 3600) * 1000);
}

static void test_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    uint64_t last = hci_posix_clock.monotonic_ns(hci_posix_clock.ctx);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = hci_posix_clock.monotonic_ns(hci_posix_clock.ctx);
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wall_clock_counts_unix_milliseconds),
        cmocka_unit_test(test_monotonic_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
