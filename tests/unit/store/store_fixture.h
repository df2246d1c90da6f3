/*
 * store_fixture.h - a store on memory and a clock of its own, looked through and without leaks at
 * its end.
 */
#ifndef HYPERCACHE_TESTS_STORE_FIXTURE_H
#define HYPERCACHE_TESTS_STORE_FIXTURE_H

#include "support/test.h"
#include "support/test_host.h"

#include "store_check.h"

typedef struct store_fixture {
    test_memory memory;
    test_clock clock;
    hc_host host;
    hc_store *store;
} store_fixture;

/* `of` must not move afterwards. */
static inline void store_fixture_open(store_fixture *of, hc_store_options options)
{
    of->memory = (test_memory){.grants = SIZE_MAX};
    test_clock_init(&of->clock);
    of->host = test_host_of(&of->memory, &of->clock, NULL, NULL);
    options.size = sizeof options;
    assert_int_equal(hc_store_create(&of->host, &options, &of->store), HC_OK);
}

static inline void store_fixture_close(store_fixture *of)
{
    store_check(of->store);
    hc_store_destroy(of->store);
    assert_int_equal(of->memory.live_bytes, 0);
}

#endif
