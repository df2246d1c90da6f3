/*
 * test_clock.c - two numbers behind the host's clock.
 */
#include "support/test_clock.h"

static int64_t clock_wall_ms(void *ctx)
{
    test_clock *clock = ctx;
    return atomic_load(&clock->wall_ms);
}

static uint64_t clock_monotonic_ns(void *ctx)
{
    test_clock *clock = ctx;
    return atomic_load(&clock->monotonic_ns);
}

void test_clock_init(test_clock *clock)
{
    atomic_init(&clock->wall_ms, TEST_CLOCK_START_MS);
    atomic_init(&clock->monotonic_ns, 0);
    clock->table = (hc_clock){
        .size = sizeof(hc_clock),
        .ctx = clock,
        .wall_ms = clock_wall_ms,
        .monotonic_ns = clock_monotonic_ns,
    };
}

void test_clock_advance_ms(test_clock *clock, int64_t ms)
{
    atomic_fetch_add(&clock->wall_ms, ms);
    atomic_fetch_add(&clock->monotonic_ns, (uint64_t)ms * 1000000u);
}

void test_clock_advance_ns(test_clock *clock, uint64_t ns)
{
    atomic_fetch_add(&clock->monotonic_ns, ns);
}
