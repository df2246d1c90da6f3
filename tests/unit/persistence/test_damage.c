/*
 * test_damage.c - one flipped bit anywhere is reported or harmless; a cut file too; what can be
 * read of the rest is saved.
 */
#include <malloc.h>
#include <stdio.h>

#include "support/test.h"
#include "support/test_world.h"

#define SHARE (TEST_UNDER_TSAN ? 15u : 1u) /* one in so many tries */

static void share_say(void)
{
    if (SHARE > 1) print_message("skipped under ThreadSanitizer: 14 of 15 flips\n");
}

/* A directory with two generations and a log behind them, closed in good order. */
static test_disk *disk_make(test_world *world, uint64_t seed)
{
    test_disk *disk = test_disk_create(seed);
    test_world_options options = {.seed = seed, .sync = HC_SYNC_ALWAYS};
    test_world_init(world, &options, disk);
    assert_int_equal(world->status, HC_OK);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 40; i++)
            assert_true(test_world_act(world));
        if (round < 3) assert_int_equal(hc_persistence_snapshot(world->p), HC_OK);
    }
    assert_int_equal(hc_persistence_close(world->p), HC_OK);
    world->p = NULL;
    return disk;
}

static void world_fini(test_world *world, test_disk *disk)
{
    test_world_kill(world);
    test_disk_destroy(disk);
}

static void test_a_flipped_bit_is_reported_or_harmless(void **state)
{
    (void)state;
    test_world world;
    test_disk *disk = disk_make(&world, 11);
    test_random random;
    test_random_init(&random, 5);
    uint64_t bytes = test_disk_bytes(disk);
    unsigned reported = 0, harmless = 0;
    for (uint64_t at = 0; at < bytes; at += 1 + test_random_below(&random, SHARE * 100)) {
        uint64_t offset;
        test_world after;
        test_disk *flipped = test_disk_copy(disk);
        const char *name =
            test_disk_flip(flipped, at, (unsigned)test_random_below(&random, 8), &offset);
        test_world_options options = world.options;
        test_world_init(&after, &options, flipped);
        if (after.status == HC_OK) {
            harmless++;
            if (!test_world_check(&world, &after)) {
                fail_msg("%s, byte %lu: %s", name, (unsigned long)offset, after.problem);
            }
        } else {
            reported++;
            assert_true(after.status == HC_ERR_CORRUPT || after.status == HC_ERR_UNSUPPORTED);
            assert_true(after.damages > 0 || after.status == HC_ERR_UNSUPPORTED);
        }
        test_world_kill(&after);
        test_disk_destroy(flipped);
    }
    print_message("%u flips reported, %u harmless\n", reported, harmless);
    share_say();
    assert_true(reported > 20 && harmless > 20);
    world_fini(&world, disk);
}

static void count_damage(void *ctx, const hc_damage *damage)
{
    unsigned *count = ctx;
    assert_non_null(damage->file);
    assert_non_null(damage->what);
    ++*count;
}

static void test_verify_agrees_with_recovery_about_flipped_bits(void **state)
{
    (void)state;
    test_world world;
    test_disk *disk = disk_make(&world, 12);
    test_random random;
    test_random_init(&random, 6);
    uint64_t bytes = test_disk_bytes(disk);
    for (unsigned i = 0; i < 150 / SHARE; i++) {
        uint64_t offset;
        unsigned count = 0;
        test_world after;
        test_disk *flipped = test_disk_copy(disk);
        (void)test_disk_flip(flipped, test_random_below(&random, bytes), 3, &offset);
        hc_host host = {.size = sizeof host, .io = test_disk_io(flipped)};
        hc_persistence_hooks hooks = {.size = sizeof hooks, .ctx = &count, .damage = count_damage};
        hc_persistence_check check = {.size = sizeof check};
        hc_status status = hc_persistence_verify(&host, "d", &hooks, &check);
        assert_int_equal(check.damages, count);
        test_world_options options = world.options;
        test_world_init(&after, &options, flipped);
        assert_int_equal(status, after.status);
        if (status == HC_OK) assert_int_equal(check.lsn, after.recovered_lsn);
        test_world_kill(&after);
        test_disk_destroy(flipped);
    }
    world_fini(&world, disk);
}

static void test_what_is_intact_is_salvaged(void **state)
{
    (void)state;
    test_world world;
    test_disk *disk = disk_make(&world, 13);
    test_random random;
    test_random_init(&random, 7);
    uint64_t bytes = test_disk_bytes(disk);
    unsigned saved = 0;
    for (unsigned i = 0; i < 120 / SHARE; i++) {
        uint64_t offset;
        test_disk *flipped = test_disk_copy(disk);
        (void)test_disk_flip(flipped, test_random_below(&random, bytes), 3, &offset);
        hc_host host = {.size = sizeof host, .io = test_disk_io(flipped)};
        hc_persistence_check check = {.size = sizeof check};
        hc_status status = hc_persistence_salvage(&host, "d", "e", NULL, &check);
        if (status == HC_OK) {
            saved++;
            assert_int_equal(hc_persistence_verify(&host, "e", NULL, &check), HC_OK);
            assert_true(check.records > 0);
            assert_int_equal(hc_persistence_salvage(&host, "d", "e", NULL, &check), HC_ERR_EXISTS);
        }
        test_disk_destroy(flipped);
    }
    assert_true(saved > 100 / SHARE);
    world_fini(&world, disk);
}

static void test_a_backup_taken_while_serving_is_whole(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(14);
    test_world world, copy;
    test_world_options options = {.seed = 14, .sync = HC_SYNC_EVERYSEC, .snapshots = true};
    test_world_init(&world, &options, disk);
    assert_int_equal(world.status, HC_OK);
    for (unsigned i = 0; i < 300; i++)
        assert_true(test_world_act(&world));
    assert_int_equal(hc_persistence_backup(world.p, "e"), HC_OK);
    uint64_t lsn = hc_persistence_durable_lsn(world.p);
    assert_int_equal(hc_persistence_backup(world.p, "e"), HC_ERR_EXISTS);
    hc_persistence_check check = {.size = sizeof check};
    assert_int_equal(hc_persistence_verify(&world.host, "d", NULL, &check), HC_ERR_BUSY);
    assert_int_equal(hc_persistence_verify(&world.host, "e", NULL, &check), HC_OK);
    assert_int_equal(check.lsn, lsn);
    assert_int_equal(hc_persistence_verify(&world.host, "none", NULL, &check), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_persistence_restore(&world.host, "e", "d", NULL), HC_ERR_EXISTS);
    assert_int_equal(hc_persistence_restore(&world.host, "none", "f", NULL), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_persistence_restore(&world.host, "e", "f", NULL), HC_OK);
    options.directory = "f";
    test_world_init(&copy, &options, disk);
    assert_int_equal(copy.status, HC_OK);
    assert_int_equal(copy.recovered_lsn, lsn);
    if (!test_world_check(&world, &copy)) fail_msg("%s", copy.problem);
    test_world_kill(&copy);
    world_fini(&world, disk);
}

static void test_a_read_error_is_no_end_of_the_log(void **state)
{
    (void)state;
    test_world world, after;
    test_disk *disk = disk_make(&world, 15);
    test_disk *left = test_disk_copy(disk);
    test_disk_faults_of(left)->read_status = HC_ERR_IO;
    test_world_options options = world.options;
    test_world_init(&after, &options, left);
    assert_int_equal(after.status, HC_ERR_IO);
    test_world_kill(&after);
    test_world_init(&after, &options, left);
    assert_int_equal(after.status, HC_OK);
    if (!test_world_check(&world, &after)) fail_msg("%s", after.problem);
    test_world_kill(&after);
    test_disk_destroy(left);
    world_fini(&world, disk);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flipped_bit_is_reported_or_harmless),
        cmocka_unit_test(test_verify_agrees_with_recovery_about_flipped_bits),
        cmocka_unit_test(test_what_is_intact_is_salvaged),
        cmocka_unit_test(test_a_backup_taken_while_serving_is_whole),
        cmocka_unit_test(test_a_read_error_is_no_end_of_the_log),
    };
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_world_end();
    return failed;
}
