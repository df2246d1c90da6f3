/*
 * test_memory.h - host memory that fails on demand and keeps books.
 *
 *     test_memory memory = {.grants = 3};      three requests succeed, the fourth is refused
 *     hc_host host = test_host(&memory);
 *     ...
 *     assert_int_equal(memory.live_bytes, 0);  nothing leaked
 *
 * A request is an allocate, a resize, a reserve or a discard.  A new block is full of 0xA5, a
 * released one of 0xDD, so that code which counts on zeros, or on what it gave away, shows.  A
 * release or resize with another size than the block has fails the program, as does any other
 * pointer.
 *
 * Threads: all calls may run together.  `grants` may be set at any time.
 */
#ifndef HYPERCACHE_TESTS_TEST_MEMORY_H
#define HYPERCACHE_TESTS_TEST_MEMORY_H

#include <stdatomic.h>

#include <hypercache/host.h>

typedef struct test_memory {
    atomic_size_t grants;         /* requests still to succeed; SIZE_MAX: no end */
    atomic_size_t refused;        /* requests refused so far */
    atomic_size_t live_bytes;     /* of blocks */
    atomic_size_t live_blocks;    /* blocks */
    atomic_size_t peak_bytes;     /* the most live_bytes ever was */
    atomic_size_t reserved_bytes; /* of address space, touched or not */
    hc_memory table;              /* filled by test_memory_table */
} test_memory;

/* The table for an hc_host; lives in `memory`. */
const hc_memory *test_memory_table(test_memory *memory);

#endif
