/*
 * test_host.h - an hc_host from the parts a test wants to control.
 *
 *     test_memory memory = {.grants = SIZE_MAX};
 *     hc_host host = test_host(&memory);
 *
 * The parts must outlive the host; what is NULL takes the library's default.
 */
#ifndef HYPERCACHE_TESTS_TEST_HOST_H
#define HYPERCACHE_TESTS_TEST_HOST_H

#include "support/test_clock.h"
#include "support/test_log.h"
#include "support/test_memory.h"
#include "support/test_random.h"

/* Each part must have been through its init; `memory` needs none. */
static inline hc_host test_host_of(test_memory *memory, const test_clock *clock,
                                   const test_random *random, const test_log *log)
{
    hc_host host = {.size = sizeof host};
    if (memory != NULL) host.memory = test_memory_table(memory);
    if (clock != NULL) host.clock = &clock->table;
    if (random != NULL) host.random = &random->table;
    if (log != NULL) host.log = &log->table;
    return host;
}

static inline hc_host test_host(test_memory *memory)
{
    return test_host_of(memory, NULL, NULL, NULL);
}

#endif
