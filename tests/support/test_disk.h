/*
 * test_disk.h - a disk in memory that can lose power at any moment, and fails on demand.
 *
 *     test_disk *disk = test_disk_create(7);
 *     hc_host host = {.size = sizeof host, .io = test_disk_io(disk)};
 *     ...
 *     test_disk *after = test_disk_crash(disk, 42);    what is left when the power goes now
 *
 * A file has a durable image and, over it, sectors of 512 bytes that were written and not synced.
 * At a crash each of these is on the disk or not, or only its first bytes are, whatever the others
 * are; the file's size is the old one, the new one or one between.  Of the names made, changed and
 * removed since their directory was synced the first few are there, or any.
 *
 * Threads: one at a time.
 */
#ifndef HYPERCACHE_TESTS_TEST_DISK_H
#define HYPERCACHE_TESTS_TEST_DISK_H

#include <hypercache/io.h>

typedef struct test_disk test_disk;

/* What a program with a certain fault would do to the disk, done here instead. */
typedef enum test_disk_lie {
    TEST_DISK_HONEST = 0,
    TEST_DISK_NO_DIR_SYNC, /* directories are never synced */
    TEST_DISK_NO_SYNC,     /* files are never synced, though it says so */
    TEST_DISK_SYNC_RETRY   /* a failed sync is tried again, and what it says then believed */
} test_disk_lie;

/* What a failed sync leaves of what was written since the last good one.  Either way it counts as
 * clean afterwards, and a later sync says "good" (Rebello et al., "Can Applications Recover from
 * fsync Failures?", ATC 2020). */
typedef enum test_disk_sync_failure {
    TEST_DISK_KEEPS = 0, /* readable until the power goes */
    TEST_DISK_DROPS      /* reads show the old content again */
} test_disk_sync_failure;

typedef struct test_disk_faults {
    /* Called before each call that changes the disk; NULL: nobody. */
    void (*before)(void *ctx, test_disk *disk);
    void *ctx;
    uint64_t fail_at;      /* calls that change the disk until one fails; 0: none does */
    uint64_t fail_count;   /* so many in a row; 0: one */
    hc_status fail_status; /* with this */
    bool fail_sync_only;   /* `fail_at` counts syncs of files alone */
    test_disk_sync_failure sync_failure;
    uint64_t dies_at;        /* calls that change the disk until the process dies; 0: it lives */
    bool dead;               /* such calls fail from there on, and leave no trace */
    uint64_t capacity_bytes; /* of all files; 0: no end */
    hc_status read_status;   /* of every read; HC_OK: reads work */
    test_disk_lie lie;
} test_disk_faults;

test_disk *test_disk_create(uint64_t seed);
void test_disk_destroy(test_disk *disk);
/* The table for an hc_host; lives in the disk. */
const hc_io *test_disk_io(test_disk *disk);
test_disk_faults *test_disk_faults_of(test_disk *disk);
/* A disk as the next start finds it, honest and without faults; `disk` is as it was. */
test_disk *test_disk_crash(const test_disk *disk, uint64_t seed);
/* The same, when only the process died: everything that was written is there. */
test_disk *test_disk_copy(const test_disk *disk);
/* Calls so far that change the disk. */
uint64_t test_disk_calls(const test_disk *disk);
/* Bytes of all files; and for flipping one of them: the file and offset of byte number `at`. */
uint64_t test_disk_bytes(const test_disk *disk);
const char *test_disk_flip(test_disk *disk, uint64_t at, unsigned bit, uint64_t *offset_out);
/* Asserts that the file is there. */
uint8_t *test_disk_file(test_disk *disk, const char *name, size_t *bytes_out);
size_t test_disk_file_count(const test_disk *disk);
const char *test_disk_file_name(const test_disk *disk, size_t index);

#endif
