/*
 * test_posix_io.c - files of the operating system do what io.h says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

#include "host/posix/defaults.h"

static const hc_io *io = &hci_posix_io;

typedef struct place {
    char directory[64], file[96], other[96];
} place;

static int setup(void **state)
{
    static place at;
    (void)snprintf(at.directory, sizeof at.directory, "/tmp/hypercache-test-XXXXXX");
    assert_non_null(mkdtemp(at.directory));
    (void)snprintf(at.file, sizeof at.file, "%s/file", at.directory);
    (void)snprintf(at.other, sizeof at.other, "%s/other", at.directory);
    *state = &at;
    return 0;
}

static int teardown(void **state)
{
    const place *at = *state;
    (void)unlink(at->file);
    (void)unlink(at->other);
    (void)rmdir(at->other);
    return rmdir(at->directory);
}

static void test_what_is_written_is_read(void **state)
{
    const place *at = *state;
    hc_file *file;
    uint64_t bytes;
    size_t read;
    char text[16];
    const hc_span parts[3] = {HC_SPAN("ab"), HC_SPAN(""), HC_SPAN("cde")};
    assert_int_equal(io->open(NULL, at->file, HC_OPEN_READ, &file), HC_ERR_NOT_FOUND);
    assert_null(file);
    assert_int_equal(io->open(NULL, at->file, HC_OPEN_CREATE, &file), HC_OK);
    assert_int_equal(io->write(NULL, file, parts, 3, 4), HC_OK);
    assert_int_equal(io->sync(NULL, file), HC_OK);
    assert_int_equal(io->length(NULL, file, &bytes), HC_OK);
    assert_int_equal(bytes, 9);
    assert_int_equal(io->read(NULL, file, text, sizeof text, 0, &read), HC_OK);
    assert_int_equal(read, 9);
    assert_memory_equal(text, "\0\0\0\0abcde", 9);
    hc_status allocated = io->allocate(NULL, file, 5000);
    assert_true(allocated == HC_OK || allocated == HC_ERR_UNSUPPORTED);
    assert_int_equal(io->truncate(NULL, file, 6), HC_OK);
    assert_int_equal(io->length(NULL, file, &bytes), HC_OK);
    assert_int_equal(bytes, 6);
    io->close(NULL, file);
    io->close(NULL, NULL);
    assert_int_equal(io->open(NULL, at->file, HC_OPEN_CREATE, &file), HC_ERR_EXISTS);
    assert_int_equal(io->open(NULL, at->file, HC_OPEN_READ, &file), HC_OK);
    assert_int_equal(io->write(NULL, file, parts, 1, 0), HC_ERR_IO); /* opened for reading */
    io->close(NULL, file);
}

static void name_count(void *to, const char *name)
{
    size_t *count = to;
    assert_true(name[0] != '.');
    ++*count;
}

static void test_names_change_as_they_are_told(void **state)
{
    const place *at = *state;
    hc_file *file;
    uint64_t bytes;
    size_t count = 0;
    assert_int_equal(io->open(NULL, at->file, HC_OPEN_CREATE, &file), HC_OK);
    io->close(NULL, file);
    assert_int_equal(io->rename(NULL, at->file, at->other), HC_OK);
    assert_int_equal(io->rename(NULL, at->file, at->other), HC_ERR_NOT_FOUND);
    assert_int_equal(io->sync_dir(NULL, at->directory), HC_OK);
    assert_int_equal(io->sync_dir(NULL, at->file), HC_ERR_NOT_FOUND);
    assert_int_equal(io->list(NULL, at->directory, name_count, &count), HC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(io->list(NULL, at->file, name_count, &count), HC_ERR_NOT_FOUND);
    assert_int_equal(io->unlink(NULL, at->other), HC_OK);
    assert_int_equal(io->unlink(NULL, at->other), HC_ERR_NOT_FOUND);
    assert_int_equal(io->make_dir(NULL, at->other), HC_OK);
    assert_int_equal(io->make_dir(NULL, at->other), HC_ERR_EXISTS);
    assert_int_equal(io->open(NULL, at->other, HC_OPEN_READ, &file), HC_ERR_INVALID);
    assert_int_equal(mkfifo(at->file, 0600), 0);
    assert_int_equal(io->open(NULL, at->file, HC_OPEN_READ, &file), HC_ERR_INVALID);
    assert_int_equal(io->free_space(NULL, at->directory, &bytes), HC_OK);
    assert_true(bytes > 0);
    assert_int_equal(io->free_space(NULL, "/does/not/exist", &bytes), HC_ERR_NOT_FOUND);
}

static void test_a_lock_is_held_by_one(void **state)
{
    const place *at = *state;
    hc_file *first, *second;
    assert_int_equal(io->lock(NULL, at->file, &first), HC_OK);
    assert_int_equal(io->lock(NULL, at->file, &second), HC_ERR_BUSY);
    assert_null(second);
    io->close(NULL, first);
    assert_int_equal(io->lock(NULL, at->file, &second), HC_OK);
    io->close(NULL, second);
    assert_int_equal(io->lock(NULL, "/does/not/exist", &second), HC_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_change_as_they_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lock_is_held_by_one, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
