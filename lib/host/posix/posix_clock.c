/*
 * posix_clock.c - the wall clock and the monotonic clock; both are answered without a system call
 * where the kernel maps its clock page (vDSO).
 */
#include "host/posix/defaults.h"

#include <time.h>

static int64_t posix_wall_ms(void *ctx)
{
    (void)ctx;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t posix_monotonic_ns(void *ctx)
{
    (void)ctx;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const hc_clock hci_posix_clock = {
    .size = sizeof(hc_clock),
    .wall_ms = posix_wall_ms,
    .monotonic_ns = posix_monotonic_ns,
};
