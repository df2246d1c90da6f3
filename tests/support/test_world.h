/*
 * test_world.h - stores that are kept on a test_disk, and the history of what was done to them.
 *
 *     test_world world;
 *     test_world_init(&world, &options, disk, 42);      opens, recovers, adds what is missing
 *     test_world_act(&world);                           one random thing
 *     test_world_check(&world, &recovered)              is `recovered` a state of `world`'s past?
 *
 * Each change is noted with the LSN behind it.  A recovered world says up to which LSN it got; it
 * must then hold exactly what the changes up to there made, and must have got at least as far as
 * `durable` ever said.
 *
 * Threads: one.
 */
#ifndef HYPERCACHE_TESTS_TEST_WORLD_H
#define HYPERCACHE_TESTS_TEST_WORLD_H

#include <hypercache/persistence.h>

#include "support/test_clock.h"
#include "support/test_disk.h"
#include "support/test_random.h"

#define TEST_WORLD_STORES 2u
#define TEST_WORLD_KEYS 12u /* of a store */
#define TEST_WORLD_CHANGES_MAX 8192u

typedef struct test_change {
    uint64_t lsn; /* the change is whole with everything before this; UINT64_MAX: not yet known */
    uint32_t store, key; /* key TEST_WORLD_KEYS: the store was emptied */
    bool present;
    uint8_t *value;
    size_t size;
    int64_t expires_at_ms;
} test_change;

typedef struct test_world_options {
    hc_sync_policy sync;
    uint64_t seed;
    bool snapshots;
    bool big_values;
    bool one_generation;    /* of snapshots is kept; else two */
    const char *directory;  /* NULL: "d" */
    uint32_t on_disk_error; /* an hc_disk_error_action */
    hc_strategy strategy;   /* of the second store */
} test_world_options;

typedef struct test_world {
    test_world_options options;
    test_clock clock;
    test_random random;
    test_disk *disk; /* borrowed */
    hc_host host;
    hc_persistence_hooks hooks;
    hc_persistence *p;
    hc_status status; /* of open and recover */
    hc_store *stores[TEST_WORLD_STORES];
    uint32_t ids[TEST_WORLD_STORES];
    uint64_t acked_lsn;     /* the greatest that was told durable */
    uint64_t recovered_lsn; /* where recovery ended */
    uint32_t damages;
    test_change *changes;
    uint32_t change_count;
    char problem[256]; /* "" or what is wrong */
} test_world;

/* `status` says how it went.  Stores are there in any case. */
void test_world_init(test_world *world, const test_world_options *options, test_disk *disk);
/* Goes away without a word to the disk, as a process that is killed. */
void test_world_kill(test_world *world);
/* The process ends, killed or by a close, which tells the disk all it wants; its history is kept,
 * and its disk as it is, with what nobody synced. */
void test_world_stop(test_world *world, bool killed);
/* After the last world. */
void test_world_end(void);
/* One random action; false: too many changes were made. */
bool test_world_act(test_world *world);
/* Whether `after` is what `world` may have become; else after->problem says why not. */
bool test_world_check(const test_world *world, test_world *after);
/* `world` takes over the history of the process before it, which is gone, from whose disk it
 * recovered: changes that did not survive are forgotten. */
void test_world_inherit(test_world *world, test_world *before);

#endif
