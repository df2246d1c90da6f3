/*
 * test_clock.h - a clock that moves only when told.
 *
 *     test_clock clock;
 *     test_clock_init(&clock);               2001-09-09T01:46:40.000Z, and 0 ns
 *     test_clock_advance_ms(&clock, 1500);   both clocks move
 *     clock.wall_ms -= 60000;                the wall clock alone is set back
 *
 * Threads: all calls may run together.
 */
#ifndef HYPERCACHE_TESTS_TEST_CLOCK_H
#define HYPERCACHE_TESTS_TEST_CLOCK_H

#include <stdatomic.h>

#include <hypercache/host.h>

#define TEST_CLOCK_START_MS INT64_C(1000000000000)

typedef struct test_clock {
    _Atomic int64_t wall_ms;
    _Atomic uint64_t monotonic_ns;
    hc_clock table; /* for an hc_host */
} test_clock;

void test_clock_init(test_clock *clock);
void test_clock_advance_ms(test_clock *clock, int64_t ms);
void test_clock_advance_ns(test_clock *clock, uint64_t ns); /* the monotonic clock alone */

#endif
