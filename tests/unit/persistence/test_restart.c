/*
 * test_restart.c - a process ends, another begins, and only then the power fails.
 */
#include "unit/persistence/shelf.h"

/* Goes away without a sync, or by a close that finds all durable; what was written can be read. */
static void shelf_leave(shelf *s, bool killed)
{
    if (!killed) {
        assert_int_equal(shelf_close(s), HC_OK);
        return;
    }
    test_disk *left = test_disk_copy(s->disk);
    (void)shelf_close(s);
    test_disk_destroy(s->disk);
    s->disk = left;
    s->host.io = test_disk_io(left);
}

/* What nobody synced was read at the start in between, for the machine stayed on. */
static void test_nothing_hangs_on_what_a_process_left_unsynced(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 60; seed++) {
        shelf s;
        shelf_init(&s, test_disk_create(seed + 1), "d");
        s.options.sync = HC_SYNC_ALWAYS;
        for (unsigned start = 0; start < 3; start++) {
            assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
            (void)hc_persistence_step(s.p);
            if (start != 1) key_set(&s, start == 0 ? "first" : "last", "v");
            (void)hc_persistence_step(s.p);
            assert_true(hc_persistence_durable_lsn(s.p) == hc_persistence_lsn(s.p));
            if (start == 2) break;
            test_clock_advance_ms(&s.clock, 2000);
            (void)hc_persistence_step(s.p); /* says that all is durable: a mark, not synced */
            shelf_leave(&s, seed % 2 == 0);
        }
        test_disk *after = test_disk_crash(s.disk, seed);
        (void)shelf_close(&s);
        test_disk_destroy(s.disk);
        s.disk = after;
        s.host.io = test_disk_io(after);
        assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
        key_expect(&s, "first", "v");
        key_expect(&s, "last", "v");
        assert_int_equal(shelf_close(&s), HC_OK);
        test_disk_destroy(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_hangs_on_what_a_process_left_unsynced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
