/*
 * test_random.c - SplitMix64: a counter with a good mixing function behind it.
 */
#include "support/test_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t test_random_next(test_random *random)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = atomic_fetch_add(&random->state, golden) + golden;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint64_t test_random_below(test_random *random, uint64_t bound)
{
    return test_random_next(random) % bound; /* the bias, bound / 2^64, does not matter here */
}

void test_random_bytes(test_random *random, void *buffer, size_t bytes)
{
    uint8_t *to = buffer;
    while (bytes > 0) {
        uint64_t drawn = test_random_next(random);
        size_t part = bytes < sizeof drawn ? bytes : sizeof drawn;
        memcpy(to, &drawn, part);
        to += part;
        bytes -= part;
    }
}

static void random_fill(void *ctx, void *buffer, size_t bytes)
{
    test_random_bytes(ctx, buffer, bytes);
}

void test_random_init_quiet(test_random *random, uint64_t seed)
{
    random->seed = seed;
    atomic_init(&random->state, seed);
    random->table = (hc_random){
        .size = sizeof(hc_random),
        .ctx = random,
        .fill = random_fill,
    };
}

void test_random_init(test_random *random, uint64_t seed)
{
    const char *wanted = getenv("TEST_SEED");
    if (wanted != NULL) seed = strtoull(wanted, NULL, 0);
    test_random_init_quiet(random, seed);
    (void)printf("             seed %llu\n", (unsigned long long)seed);
    (void)fflush(stdout);
}
