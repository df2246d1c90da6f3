/*
 * test_persistence.c - what the handle promises: stores come back, errors are told, nothing blocks.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hypercache/stores.h>

#include "support/test_host.h"
#include "unit/persistence/shelf.h"

static void test_keys_come_back_from_real_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/hypercache-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char inside[64];
    (void)snprintf(inside, sizeof inside, "%s/data", directory);
    size_t big_bytes = 3000000;
    uint8_t *big = malloc(big_bytes), *back = malloc(big_bytes);
    for (size_t i = 0; i < big_bytes; i++)
        big[i] = (uint8_t)(i * i >> 7);
    for (unsigned round = 0; round < 3; round++) {
        shelf s, other;
        shelf_init(&s, NULL, inside);
        s.host.clock = NULL;
        s.options.reserve_bytes = 4096;
        assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
        assert_int_equal(s.opened, round > 0);
        shelf_init(&other, NULL, inside);
        assert_int_equal(shelf_open(&other, HC_STRATEGY_DEFAULT), HC_ERR_BUSY);
        (void)shelf_close(&other);
        if (round == 0) {
            key_set(&s, "a", "1");
            key_set(&s, "gone", "1");
            key_set(&s, "", "");
            assert_int_equal(hc_store_delete(s.store, span("gone")), HC_OK);
            hc_set_options filter = {.size = sizeof filter, .type = HC_TYPE_FILTER};
            assert_int_equal(hc_store_set(s.store, span("f"), span("xyz"), &filter), HC_OK);
            assert_int_equal(hc_store_set(s.store, span("big"), hc_span_make(big, big_bytes), NULL),
                             HC_OK);
        } else {
            hc_item item;
            size_t size;
            assert_int_equal(hc_store_stat(s.store, span("f"), &item), HC_OK);
            assert_int_equal(item.type, HC_TYPE_FILTER);
            assert_int_equal(hc_store_get(s.store, span("big"), back, big_bytes, &size), HC_OK);
            assert_int_equal(size, big_bytes);
            assert_memory_equal(back, big, big_bytes);
        }
        key_expect(&s, "a", "1");
        key_expect(&s, "", "");
        key_expect(&s, "gone", NULL);
        (void)hc_persistence_step(s.p);
        if (round == 1) assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
        assert_int_equal(shelf_close(&s), HC_OK);
    }
    free(big);
    free(back);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    hc_persistence *p;
    shelf_init(&s, disk, "d");
    assert_int_equal(hc_persistence_open(&s.host, NULL, &p), HC_ERR_INVALID);
#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        hc_persistence_options o = s.options;                                                      \
        o.field = value;                                                                           \
        assert_int_equal(hc_persistence_open(&s.host, &o, &p), HC_ERR_INVALID);                    \
        assert_null(p);                                                                            \
    } while (0)
    REFUSED(directory, NULL);
    REFUSED(directory, "");
    REFUSED(sync, 4);
    REFUSED(on_disk_error, 4);
    REFUSED(compression_level, 4);
    REFUSED(generations, 9);
    REFUSED(ring_bytes, 3u << 20);
    REFUSED(ring_bytes, 4096);
    REFUSED(segment_bytes, 4096);
    REFUSED(size, 1);
    test_disk_destroy(disk);
}

static void test_a_store_is_renamed_and_dropped_for_good(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    uint32_t id;
    hc_persisted_store info = {.name = HC_SPAN("main")};
    assert_int_equal(hc_persistence_add(s.p, &info, s.store, &id), HC_ERR_EXISTS);
    info.name = HC_SPAN("bad name");
    assert_int_equal(hc_persistence_add(s.p, &info, s.store, &id), HC_ERR_INVALID);
    info = (hc_persisted_store){.name = HC_SPAN("other"), .id = s.id};
    assert_int_equal(hc_persistence_update(s.p, &info), HC_OK);
    info.id = 77;
    assert_int_equal(hc_persistence_update(s.p, &info), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_persistence_find(s.p, HC_SPAN("main"), &id), HC_ERR_NOT_FOUND);
    assert_int_equal(hc_persistence_find(s.p, HC_SPAN("other"), &id), HC_OK);
    key_set(&s, "k", "v");
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    assert_string_equal(s.name, "other");
    assert_int_equal(s.updated, 1);
    key_expect(&s, "k", "v");
    assert_int_equal(hc_persistence_drop(s.p, s.id), HC_OK);
    assert_int_equal(hc_persistence_drop(s.p, s.id), HC_ERR_NOT_FOUND);
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    assert_int_equal(s.dropped, 1);
    key_expect(&s, "k", NULL);
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static void test_a_snapshot_store_is_as_of_its_last_snapshot(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    assert_int_equal(shelf_open(&s, HC_STRATEGY_SNAPSHOT), HC_OK);
    key_set(&s, "before", "1");
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    key_set(&s, "after", "1");
    /* one that fails leaves a piece of log, which must not count */
    assert_int_equal(hc_persistence_snapshot_begin(s.p), HC_OK);
    key_set(&s, "meanwhile", "1");
    assert_int_equal(hc_persistence_sync(s.p), HC_OK);
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(s.events[HC_PERSISTENCE_SNAPSHOT_FAILED], 1);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_expect(&s, "before", "1");
    key_expect(&s, "after", NULL);
    key_expect(&s, "meanwhile", NULL);
    /* it logs from the next snapshot on */
    hc_persisted_store info = {.name = HC_SPAN("main"), .id = s.id, .strategy = HC_STRATEGY_HYBRID};
    assert_int_equal(hc_persistence_update(s.p, &info), HC_OK);
    assert_true(hc_persistence_snapshot_due(s.p));
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    assert_false(hc_persistence_snapshot_due(s.p));
    key_set(&s, "logged", "1");
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_expect(&s, "before", "1");
    key_expect(&s, "logged", "1");
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static void test_a_disabled_store_keeps_its_name_only(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DISABLED), HC_OK);
    key_set(&s, "k", "v");
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    key_set(&s, "k2", "v");
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    assert_string_equal(s.name, "main");
    assert_int_equal(hc_store_count(s.store), 0);
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static void disk_break(test_disk *disk, hc_status status)
{
    test_disk_faults *f = test_disk_faults_of(disk);
    f->fail_at = 1;
    f->fail_count = UINT64_MAX;
    f->fail_status = status;
}

static void test_a_failed_disk_refuses_writes_until_all_is_written_elsewhere(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    uint64_t wait_ns;
    shelf_init(&s, disk, "d");
    s.options.sync = HC_SYNC_ALWAYS;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    (void)hc_persistence_step(s.p);
    uint64_t durable = hc_persistence_durable_lsn(s.p);
    key_set(&s, "k", "v");
    disk_break(disk, HC_ERR_NO_SPACE);
    assert_int_equal(hc_persistence_admit(s.p, &wait_ns), HC_OK);
    (void)hc_persistence_step(s.p);
    assert_int_equal(s.events[HC_PERSISTENCE_DISK_FAILED], 1);
    assert_int_equal(hc_persistence_admit(s.p, &wait_ns), HC_ERR_NO_SPACE);
    assert_int_equal(hc_persistence_sync(s.p), HC_ERR_NO_SPACE);
    assert_true(hc_persistence_durable_lsn(s.p) == durable);
    key_expect(&s, "k", "v"); /* reads go on */
    for (unsigned i = 0; i < 5; i++) {
        test_clock_advance_ms(&s.clock, 6000);
        (void)hc_persistence_step(s.p);
    }
    assert_int_equal(s.events[HC_PERSISTENCE_DISK_RECOVERED], 0);
    test_disk_faults_of(disk)->fail_at = 0;
    test_clock_advance_ms(&s.clock, 6000);
    (void)hc_persistence_step(s.p);
    assert_int_equal(s.events[HC_PERSISTENCE_DISK_RECOVERED], 1);
    assert_int_equal(hc_persistence_admit(s.p, &wait_ns), HC_OK);
    assert_true(hc_persistence_durable_lsn(s.p) == hc_persistence_lsn(s.p));
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_persistence_stats_get(s.p, &stats);
    assert_true(stats.disk_errors >= 2 && stats.relogged_bytes > 0);
    assert_int_equal(stats.disk_status, HC_OK);
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_expect(&s, "k", "v");
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static void test_volatile_writes_are_made_up_for_by_a_snapshot(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    uint64_t wait_ns;
    char key[16];
    shelf_init(&s, disk, "d");
    s.options.on_disk_error = HC_DISK_ERROR_VOLATILE;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    disk_break(disk, HC_ERR_IO);
    for (unsigned i = 0; i < 20000; i++) { /* more than a ring */
        (void)snprintf(key, sizeof key, "k%u", i % 1000);
        key_set(&s, key, "value");
    }
    assert_int_equal(hc_persistence_admit(s.p, &wait_ns), HC_OK);
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_persistence_stats_get(s.p, &stats);
    assert_true(stats.dropped > 0 && stats.rebuild_needed == 1);
    assert_int_equal(stats.disk_status, HC_ERR_IO);
    test_disk_faults_of(disk)->fail_at = 0;
    test_clock_advance_ms(&s.clock, 6000);
    (void)hc_persistence_step(s.p);
    assert_true(hc_persistence_snapshot_due(s.p));
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    key_set(&s, "k1", "later");
    hc_persistence_stats_get(s.p, &stats);
    assert_int_equal(stats.rebuild_needed, 0);
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    assert_int_equal(hc_store_count(s.store), 1000);
    key_expect(&s, "k1", "later");
    key_expect(&s, "k999", "value");
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static void test_what_follows_a_gap_does_not_count_without_its_snapshot(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    s.options.on_disk_error = HC_DISK_ERROR_VOLATILE;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_set(&s, "first", "1");
    assert_int_equal(hc_persistence_sync(s.p), HC_OK);
    disk_break(disk, HC_ERR_IO);
    for (unsigned i = 0; i < 20000; i++)
        key_set(&s, "k", "value");
    test_disk_faults_of(disk)->fail_at = 0;
    test_clock_advance_ms(&s.clock, 6000);
    (void)hc_persistence_step(s.p);
    assert_int_equal(hc_persistence_snapshot_begin(s.p), HC_OK);
    key_set(&s, "behind the gap", "1");
    assert_int_equal(hc_persistence_sync(s.p), HC_OK);
    assert_int_equal(shelf_close(&s), HC_OK); /* gives the snapshot up */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
        key_expect(&s, "first", "1");
        key_expect(&s, "behind the gap", NULL);
        if (i == 0) key_set(&s, "afterwards", "1");
        assert_int_equal(shelf_close(&s), HC_OK);
    }
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_expect(&s, "afterwards", "1");
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static void test_abort_asks_the_host_to_end(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    s.options.on_disk_error = HC_DISK_ERROR_ABORT;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_set(&s, "k", "v");
    disk_break(disk, HC_ERR_IO);
    assert_int_equal(hc_persistence_sync(s.p), HC_ERR_IO);
    assert_int_equal(s.events[HC_PERSISTENCE_FATAL], 1);
    test_disk_faults_of(disk)->fail_at = 0;
    (void)shelf_close(&s);
    test_disk_destroy(disk);
}

static void test_a_disk_that_fills_up_is_told_before_it_is_full(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    s.options.low_disk_bytes = 1u << 20;
    s.options.reserve_bytes = 4096;
    test_disk_faults_of(disk)->capacity_bytes = 3u << 20;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    for (unsigned i = 0; i < 60000 && s.events[HC_PERSISTENCE_DISK_FAILED] == 0; i++) {
        key_set(&s, "k", "a value of some length, for it is to fill the disk");
        if (i % 100 != 0) continue;
        test_clock_advance_ms(&s.clock, 500);
        (void)hc_persistence_step(s.p);
    }
    assert_int_equal(s.events[HC_PERSISTENCE_LOW_DISK], 1);
    assert_int_equal(s.events[HC_PERSISTENCE_DISK_FAILED], 1);
    test_disk_faults_of(disk)->capacity_bytes = 0;
    test_clock_advance_ms(&s.clock, 6000);
    assert_int_equal(hc_persistence_sync(s.p), HC_OK);
    /* a snapshot makes the log short again */
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    assert_true(test_disk_bytes(disk) < 1u << 20);
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

#define ROUNDS 20u
#define ROUND_BYTES 40000u /* of values; a ring holds six of them, a log file one and a half */

/* Two generations, each with a manifest, two parts and the log since; the lock, a file made ahead
 * and one to be used again. */
#define ROUND_FILES_MAX 20u

static void test_files_and_memory_stay_bounded_while_snapshots_come(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    static uint8_t value[1000];
    uint64_t wait_ns;
    shelf s;
    shelf_init(&s, disk, "d");
    s.options.ring_bytes = 1u << 18;
    s.options.segment_bytes = 1u << 16;
    s.options.threads = 2;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < ROUND_BYTES / sizeof value; i++)
            assert_int_equal(
                hc_store_set(s.store, span("k"), hc_span_make(value, sizeof value), NULL), HC_OK);
        assert_int_equal(hc_persistence_sync(s.p), HC_OK);
        assert_int_equal(hc_persistence_admit(s.p, &wait_ns), HC_OK);
        assert_int_equal(wait_ns, 0); /* the ring is empty again */
        (void)hc_persistence_step(s.p);
        assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
        assert_in_range(test_disk_file_count(disk), 1, ROUND_FILES_MAX);
        assert_in_range(test_disk_bytes(disk), 1, ROUND_FILES_MAX << 16);
    }
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static bool stops(void *ctx)
{
    shelf *s = ctx;
    if (s->stops_asks == 0) return true;
    s->stops_asks--;
    return false;
}

/* Is stopped when it asks for the 1st time, the 2nd ... until it is through. */
static void test_what_is_stopped_leaves_nothing_that_counts(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    hc_persistence_check check = {.size = sizeof check};
    hc_persistence_stats stats = {.size = sizeof stats};
    shelf s;
    shelf_init(&s, disk, "d");
    s.hooks.stops = stops;
    s.stops_asks = UINT32_MAX;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_set(&s, "a", "1");
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    key_set(&s, "b", "2");
    unsigned asks = 0;
    for (; asks < 100; asks++) {
        s.stops_asks = asks;
        hc_status status = hc_persistence_backup(s.p, "e");
        if (status == HC_OK) break;
        assert_int_equal(status, HC_ERR_BUSY);
        assert_int_equal(hc_persistence_verify(&s.host, "e", NULL, &check), HC_ERR_NOT_FOUND);
    }
    assert_in_range(asks, 3, 99); /* each file, and while all is read again */
    hc_persistence_stats_get(s.p, &stats);
    assert_int_equal(stats.backup_active, 0);
    assert_true(stats.backup_bytes > 0 && stats.backup_bytes >= stats.backup_bytes_all);
    assert_int_equal(shelf_close(&s), HC_OK);
    for (asks = 0; asks < 100; asks++) {
        s.stops_asks = asks;
        hc_status status = hc_persistence_verify(&s.host, "e", &s.hooks, &check);
        if (status == HC_OK) break;
        assert_int_equal(status, HC_ERR_BUSY);
    }
    assert_in_range(asks, 1, 99);
    for (asks = 0; asks < 100; asks++) {
        s.stops_asks = asks;
        hc_status status = shelf_open(&s, HC_STRATEGY_DEFAULT);
        if (status == HC_OK) break;
        assert_int_equal(status, HC_ERR_BUSY);
        (void)shelf_close(&s);
    }
    assert_in_range(asks, 2, 99);
    key_expect(&s, "a", "1");
    key_expect(&s, "b", "2");
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

static void wake_count(void *ctx)
{
    shelf *s = ctx;
    s->wakes++;
}

/* A host whose thread rests is woken by the first write, and once. */
static void test_the_first_write_after_a_quiet_time_wakes_the_host(void **state)
{
    (void)state;
    for (unsigned sync = HC_SYNC_ALWAYS; sync <= HC_SYNC_NO; sync++) {
        test_disk *disk = test_disk_create(1);
        shelf s;
        shelf_init(&s, disk, "d");
        s.hooks.wake = wake_count;
        s.options.sync = sync;
        assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
        assert_int_equal(hc_persistence_sync(s.p), HC_OK);
        while (hc_persistence_step(s.p) < 50000000)
            test_clock_advance_ms(&s.clock, 10);
        assert_int_equal(s.wakes, 0);
        key_set(&s, "k", "1");
        key_set(&s, "k", "2");
        assert_int_equal(s.wakes, 1);
        (void)hc_persistence_step(s.p);
        assert_int_equal(hc_persistence_durable_lsn(s.p) == hc_persistence_lsn(s.p),
                         sync == HC_SYNC_ALWAYS);
        assert_int_equal(shelf_close(&s), HC_OK);
        test_disk_destroy(disk);
    }
}

static void test_everysec_is_durable_after_a_second(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    (void)hc_persistence_step(s.p);
    key_set(&s, "k", "v");
    (void)hc_persistence_step(s.p);
    assert_true(hc_persistence_durable_lsn(s.p) < hc_persistence_lsn(s.p));
    test_clock_advance_ms(&s.clock, 1001);
    assert_true(hc_persistence_step(s.p) < 200000000);
    assert_true(hc_persistence_durable_lsn(s.p) == hc_persistence_lsn(s.p));
    assert_int_equal(hc_persistence_policy(s.p, (hc_sync_policy)9), HC_ERR_INVALID);
    assert_int_equal(hc_persistence_policy(s.p, HC_SYNC_NO), HC_OK);
    key_set(&s, "k", "w");
    test_clock_advance_ms(&s.clock, 2000);
    (void)hc_persistence_step(s.p);
    assert_true(hc_persistence_durable_lsn(s.p) < hc_persistence_lsn(s.p));
    test_clock_advance_ms(&s.clock, 40000);
    (void)hc_persistence_step(s.p);
    assert_true(hc_persistence_durable_lsn(s.p) == hc_persistence_lsn(s.p));
    assert_int_equal(shelf_close(&s), HC_OK);
    test_disk_destroy(disk);
}

/* Fails the 1st allocation, then the 2nd ...; the data stays. */
static void test_without_memory_opening_fails_and_harms_nothing(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    shelf s;
    shelf_init(&s, disk, "d");
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    key_set(&s, "k", "v");
    assert_int_equal(hc_persistence_snapshot(s.p), HC_OK);
    key_set(&s, "l", "w");
    assert_int_equal(shelf_close(&s), HC_OK);
    test_memory memory = {.grants = SIZE_MAX};
    size_t grants = 0;
    for (; grants < 400; grants++) {
        test_disk *left = test_disk_copy(disk);
        s.host.io = test_disk_io(left);
        s.host.memory = test_memory_table(&memory);
        memory.grants = grants;
        hc_status status = shelf_open(&s, HC_STRATEGY_DEFAULT);
        if (status == HC_OK) status = hc_persistence_snapshot(s.p);
        memory.grants = SIZE_MAX;
        (void)shelf_close(&s);
        assert_int_equal(memory.live_bytes, 0);
        assert_int_equal(memory.reserved_bytes, 0);
        if (status != HC_OK) assert_int_equal(status, HC_ERR_NO_MEMORY);
        s.host.memory = NULL;
        assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
        key_expect(&s, "k", "v");
        key_expect(&s, "l", "w");
        assert_int_equal(shelf_close(&s), HC_OK);
        test_disk_destroy(left);
        if (status == HC_OK) break;
    }
    assert_in_range(grants, 10, 399);
    test_disk_destroy(disk);
}

static void test_each_call_of_the_disk_may_fail_once(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 60; at++) {
        test_disk *disk = test_disk_create(at);
        shelf s;
        shelf_init(&s, disk, "d");
        s.options.sync = HC_SYNC_ALWAYS;
        *test_disk_faults_of(disk) = (test_disk_faults){.fail_at = at, .fail_status = HC_ERR_IO};
        hc_status status = shelf_open(&s, HC_STRATEGY_DEFAULT);
        if (status != HC_OK) {
            assert_int_equal(status, HC_ERR_IO);
            (void)shelf_close(&s);
            status = shelf_open(&s, HC_STRATEGY_DEFAULT);
            assert_int_equal(status, HC_OK);
        }
        for (unsigned i = 0; i < 10; i++) {
            key_set(&s, "k", "v");
            (void)hc_persistence_step(s.p);
            if (i == 5) (void)hc_persistence_snapshot(s.p);
            test_clock_advance_ms(&s.clock, 6000);
        }
        key_set(&s, "last", "v");
        if (hc_persistence_sync(s.p) != HC_OK) { /* it was this call's turn */
            test_clock_advance_ms(&s.clock, 6000);
            assert_int_equal(hc_persistence_sync(s.p), HC_OK);
        }
        (void)shelf_close(&s);
        test_disk_faults_of(disk)->fail_at = 0;
        assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
        key_expect(&s, "k", "v");
        key_expect(&s, "last", "v");
        assert_int_equal(shelf_close(&s), HC_OK);
        test_disk_destroy(disk);
    }
}

/* ---- threads ---- */

#define WRITERS 3u
#define WRITER_KEYS 200u
#define WRITER_ROUNDS 40u

typedef struct writer {
    shelf *s;
    uint32_t number;
} writer;

static void *writer_run(void *of)
{
    writer *w = of;
    char key[32], value[32];
    for (unsigned round = 1; round <= WRITER_ROUNDS; round++) {
        for (unsigned i = 0; i < WRITER_KEYS; i++) {
            (void)snprintf(key, sizeof key, "w%u:%u", w->number, i);
            (void)snprintf(value, sizeof value, "%u", round * 1000 + i);
            if (i % 50 == 0) hc_persistence_begin_group(w->s->p);
            assert_int_equal(hc_store_set(w->s->store, span(key), span(value), NULL), HC_OK);
            if (i % 50 == 5) hc_persistence_end_group(w->s->p);
        }
    }
    return NULL;
}

static _Atomic bool threads_end;

static void *stepper_run(void *of)
{
    shelf *s = of;
    while (!threads_end) {
        (void)hc_persistence_step(s->p);
        if (hc_persistence_snapshot_step(s->p) == HC_PERSISTENCE_NEVER) {
            (void)hc_persistence_snapshot_begin(s->p);
        }
    }
    return NULL;
}

static void test_threads_write_while_snapshots_are_taken(void **state)
{
    (void)state;
    char directory[] = "/tmp/hypercache-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    shelf s;
    shelf_init(&s, NULL, directory);
    s.host.clock = NULL;
    s.options.segment_bytes = 1u << 20;
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    pthread_t threads[WRITERS], stepper;
    writer writers[WRITERS];
    threads_end = false;
    assert_int_equal(pthread_create(&stepper, NULL, stepper_run, &s), 0);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer){&s, i};
        assert_int_equal(pthread_create(&threads[i], NULL, writer_run, &writers[i]), 0);
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    threads_end = true;
    (void)pthread_join(stepper, NULL);
    assert_int_equal(shelf_close(&s), HC_OK);
    assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
    assert_int_equal(hc_store_count(s.store), WRITERS * WRITER_KEYS);
    for (uint32_t w = 0; w < WRITERS; w++) {
        for (unsigned i = 0; i < WRITER_KEYS; i++) {
            char key[32], value[32];
            (void)snprintf(key, sizeof key, "w%u:%u", w, i);
            (void)snprintf(value, sizeof value, "%u", WRITER_ROUNDS * 1000 + i);
            key_expect(&s, key, value);
        }
    }
    assert_int_equal(shelf_close(&s), HC_OK);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_come_back_from_real_files),
        cmocka_unit_test(test_options_out_of_range_are_refused),
        cmocka_unit_test(test_a_store_is_renamed_and_dropped_for_good),
        cmocka_unit_test(test_a_snapshot_store_is_as_of_its_last_snapshot),
        cmocka_unit_test(test_a_disabled_store_keeps_its_name_only),
        cmocka_unit_test(test_a_failed_disk_refuses_writes_until_all_is_written_elsewhere),
        cmocka_unit_test(test_volatile_writes_are_made_up_for_by_a_snapshot),
        cmocka_unit_test(test_what_follows_a_gap_does_not_count_without_its_snapshot),
        cmocka_unit_test(test_abort_asks_the_host_to_end),
        cmocka_unit_test(test_a_disk_that_fills_up_is_told_before_it_is_full),
        cmocka_unit_test(test_files_and_memory_stay_bounded_while_snapshots_come),
        cmocka_unit_test(test_what_is_stopped_leaves_nothing_that_counts),
        cmocka_unit_test(test_the_first_write_after_a_quiet_time_wakes_the_host),
        cmocka_unit_test(test_everysec_is_durable_after_a_second),
        cmocka_unit_test(test_without_memory_opening_fails_and_harms_nothing),
        cmocka_unit_test(test_each_call_of_the_disk_may_fail_once),
        cmocka_unit_test(test_threads_write_while_snapshots_are_taken),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
