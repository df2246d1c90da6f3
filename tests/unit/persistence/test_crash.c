/*
 * test_crash.c - the power goes at every call that changes the disk, and again while recovering.
 *
 * A run does random things to two stores.  Before each such call the disk is copied as a power loss
 * would leave it, and recovered from: what comes back must be what the changes up to some LSN made,
 * at least up to the last one that was told durable.  During that recovery the power may go again.
 *
 * Now and then the process ends, killed or by itself, and another goes on from what the disk shows,
 * which is more than what was synced: at every call of it, too, the power may go.
 *
 *     TEST_CRASH_SECONDS=60   how long, or TEST_CRASH_POINTS=1000000 how many
 *     TEST_SEED=7             one run only, of this seed
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/test.h"
#include "support/test_world.h"

#define RUN_ACTIONS 140u
#define SECONDS_DEFAULT (TEST_UNDER_TSAN ? 8 : 40)

typedef struct crash_run {
    test_world *world;
    test_random random;
    uint64_t points;
    uint64_t again_at; /* of a recovery: the call before which power goes again */
    unsigned depth;
    const test_world *past; /* whose history counts */
    uint64_t floor_lsn;     /* what must be there at least */
    char problem[300];
} crash_run;

static void crash_check(crash_run *run, const test_world *past, const test_disk *disk,
                        uint64_t floor_lsn, unsigned depth);

/* Before a call of a recovery: perhaps the power goes here. */
static void recovery_before(void *ctx, test_disk *disk)
{
    crash_run *run = ctx;
    if (run->again_at == 0 || --run->again_at > 0) return;
    test_disk_faults faults = *test_disk_faults_of(disk);
    crash_check(run, run->past, disk, run->floor_lsn, run->depth + 1);
    *test_disk_faults_of(disk) = faults;
}

static void problem_note(crash_run *run, const test_world *after, unsigned depth, uint64_t seed)
{
    if (run->problem[0] != '\0') return;
    (void)snprintf(run->problem, sizeof run->problem,
                   "crash point %" PRIu64 " depth %u seed %" PRIu64 ": %s", run->points, depth,
                   seed, after->problem);
}

/* The power goes now; what comes back? */
static void crash_check(crash_run *run, const test_world *past, const test_disk *disk,
                        uint64_t floor_lsn, unsigned depth)
{
    test_world after;
    uint64_t seed = test_random_next(&run->random);
    test_disk *left = test_disk_crash(disk, seed);
    crash_run inner = *run;
    run->points++;
    if (depth < 2) {
        inner.past = past;
        inner.floor_lsn = floor_lsn;
        inner.depth = depth;
        inner.again_at = test_random_below(&run->random, 12);
        test_disk_faults_of(left)->before = recovery_before;
        test_disk_faults_of(left)->ctx = &inner;
    }
    test_world_options options = past->options;
    options.seed = seed;
    inner.points = run->points;
    test_world_init(&after, &options, left);
    run->points = inner.points;
    run->random = inner.random;
    if (inner.problem[0] != '\0') memcpy(run->problem, inner.problem, sizeof run->problem);
    test_world known = *past;
    known.acked_lsn = floor_lsn;
    if (!test_world_check(&known, &after)) problem_note(run, &after, depth, seed);
    uint64_t reached_lsn = after.recovered_lsn;
    bool is_good = after.status == HC_OK;
    test_world_kill(&after);
    /* recovered once means durable: it must come back again */
    if (is_good && depth == 0 && test_random_below(&run->random, 8) == 0) {
        crash_check(run, past, left, reached_lsn, 2);
    }
    test_disk_destroy(left);
}

static void run_before(void *ctx, test_disk *disk)
{
    crash_run *run = ctx;
    test_world *world = run->world;
    if (run->problem[0] != '\0') return;
    crash_check(run, world, disk, world->acked_lsn, 0);
}

/* Another process takes over from the disk, which stayed on.  While it recovers, the history is
 * that of the one before. */
static void run_restart(crash_run *run, test_world *next)
{
    test_world *old = run->world;
    test_world_options options = old->options;
    options.seed = test_random_next(&run->random);
    bool killed = test_random_below(&run->random, 2) == 0;
    test_disk_faults *faults = test_disk_faults_of(old->disk);
    faults->fail_at = 0;
    if (killed) faults->dies_at = test_random_below(&run->random, 8); /* in the middle of a step */
    while (killed && faults->dies_at > 0 && test_world_act(old)) {
    }
    test_world_stop(old, killed);
    if (run->problem[0] != '\0') return;
    test_world_init(next, &options, old->disk);
    if (!test_world_check(old, next)) problem_note(run, next, 0, options.seed);
    test_world_inherit(next, old);
    run->world = next;
}

static void faults_choose(test_disk *disk, test_random *random)
{
    test_disk_faults *f = test_disk_faults_of(disk);
    if (f->fail_at != 0 || test_random_below(random, 30) != 0) return;
    f->fail_at = 1 + test_random_below(random, 12);
    f->fail_count = 1 + test_random_below(random, 4);
    f->fail_status = test_random_below(random, 2) == 0 ? HC_ERR_IO : HC_ERR_NO_SPACE;
    f->fail_sync_only = test_random_below(random, 2) == 0;
    f->sync_failure = test_random_below(random, 2) == 0 ? TEST_DISK_KEEPS : TEST_DISK_DROPS;
}

/* One run; returns its crash points, and what is wrong in `problem` of 300 bytes. */
static uint64_t run_once(uint64_t seed, test_disk_lie lie, bool faults, char *problem)
{
    crash_run run = {.points = 0};
    test_world worlds[2]; /* the one that runs, and the one before or after it */
    test_random_init_quiet(&run.random, seed);
    test_world_options options = {.seed = seed,
                                  .sync = (hc_sync_policy)(1 + test_random_below(&run.random, 3)),
                                  .snapshots = test_random_below(&run.random, 4) != 0,
                                  .big_values = test_random_below(&run.random, 6) == 0,
                                  .one_generation = seed % 2 == 0};
    bool restarts = lie == TEST_DISK_HONEST && seed % 2 == 1;
    test_disk *disk = test_disk_create(seed + 1);
    test_disk_faults_of(disk)->lie = lie;
    test_world_init(&worlds[0], &options, disk);
    assert_int_equal(worlds[0].status, HC_OK);
    run.world = &worlds[0];
    test_disk_faults_of(disk)->before = run_before;
    test_disk_faults_of(disk)->ctx = &run;
    for (unsigned i = 0; i < RUN_ACTIONS && run.problem[0] == '\0'; i++) {
        if (faults) faults_choose(disk, &run.random);
        if (restarts && test_random_below(&run.random, 16) == 0)
            run_restart(&run, &worlds[run.world == &worlds[0]]);
        if (run.problem[0] == '\0' && !test_world_act(run.world)) break;
    }
    memcpy(problem, run.problem, sizeof run.problem);
    test_world_kill(run.world);
    test_disk_destroy(disk);
    return run.points;
}

static void test_every_crash_leaves_a_prefix_with_all_that_was_durable(void **state)
{
    (void)state;
    const char *text = getenv("TEST_CRASH_SECONDS");
    const char *points_text = getenv("TEST_CRASH_POINTS");
    uint64_t points_wanted = points_text != NULL ? strtoull(points_text, NULL, 10) : 0;
    const char *seed_text = getenv("TEST_SEED");
    time_t end = time(NULL) + (text != NULL ? atoi(text) : SECONDS_DEFAULT);
    uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
    uint64_t points = 0, runs = 0;
    char problem[300];
    do {
        points += run_once(seed, TEST_DISK_HONEST, seed % 3 == 0, problem);
        runs++;
        if (problem[0] != '\0') fail_msg("TEST_SEED=%" PRIu64 ": %s", seed, problem);
        seed++;
    } while (seed_text == NULL &&
             (points_text != NULL ? points < points_wanted : time(NULL) < end));
    print_message("%" PRIu64 " runs, %" PRIu64 " crash points, %.1f CPU minutes\n", runs, points,
                  (double)clock() / CLOCKS_PER_SEC / 60);
    if (TEST_UNDER_TSAN && text == NULL && points_text == NULL) {
        print_message("skipped under ThreadSanitizer: crash points after %d of 40 s\n",
                      SECONDS_DEFAULT);
    }
}

/* The test must see a program that does it wrong. */
static void mutant_is_caught(test_disk_lie lie)
{
    char problem[300] = "";
    for (uint64_t seed = 1; seed <= 300 && problem[0] == '\0'; seed++)
        (void)run_once(seed, lie, lie == TEST_DISK_SYNC_RETRY, problem);
    assert_string_not_equal(problem, "");
}

static void test_a_program_that_never_syncs_directories_is_caught(void **state)
{
    (void)state;
    mutant_is_caught(TEST_DISK_NO_DIR_SYNC);
}

static void test_a_program_that_acknowledges_before_the_sync_is_caught(void **state)
{
    (void)state;
    mutant_is_caught(TEST_DISK_NO_SYNC);
}

static void test_a_program_that_retries_a_failed_sync_is_caught(void **state)
{
    (void)state;
    mutant_is_caught(TEST_DISK_SYNC_RETRY);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_crash_leaves_a_prefix_with_all_that_was_durable),
        cmocka_unit_test(test_a_program_that_never_syncs_directories_is_caught),
        cmocka_unit_test(test_a_program_that_acknowledges_before_the_sync_is_caught),
        cmocka_unit_test(test_a_program_that_retries_a_failed_sync_is_caught),
    };
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30); /* memory comes and goes a lot: keep it */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_world_end();
    return failed;
}
