/*
 * test_random.h - random numbers that follow from a seed.
 *
 *     test_random random;
 *     test_random_init(&random, 42);         prints "seed 42"; TEST_SEED=7 in the environment wins
 *     size_t which = test_random_below(&random, 10);
 *
 * The seed is printed when the test starts rather than when it fails, so that it is there after a
 * crash as well.
 *
 * Source:  SplitMix64 (Steele, Lea, Flood 2014).
 * Threads: a generator belongs to one thread; its host table may be used by several.
 */
#ifndef HYPERCACHE_TESTS_TEST_RANDOM_H
#define HYPERCACHE_TESTS_TEST_RANDOM_H

#include <stdatomic.h>

#include <hypercache/host.h>

typedef struct test_random {
    uint64_t seed;
    _Atomic uint64_t state;
    hc_random table; /* for an hc_host */
} test_random;

void test_random_init(test_random *random, uint64_t seed);
/* As test_random_init, but silent and deaf to TEST_SEED: for a second generator. */
void test_random_init_quiet(test_random *random, uint64_t seed);
uint64_t test_random_next(test_random *random);
/* 0..bound-1; `bound` > 0. */
uint64_t test_random_below(test_random *random, uint64_t bound);
void test_random_bytes(test_random *random, void *buffer, size_t bytes);

#endif
