/*
 * test_log_file.c - a file stays below its size, older ones are kept by number, no line is cut.
 */
#include "telemetry/log_file.h"

#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct folder {
    char path[64], file[96];
} folder;

static void folder_make(folder *of)
{
    (void)snprintf(of->path, sizeof of->path, "/tmp/hypercache-test-XXXXXX");
    assert_non_null(mkdtemp(of->path));
    (void)snprintf(of->file, sizeof of->file, "%s/node.log", of->path);
}

static void folder_remove(const folder *of)
{
    char name[128];
    (void)unlink(of->file);
    for (unsigned i = 1; i < 10; i++) {
        (void)snprintf(name, sizeof name, "%s.%u", of->file, i);
        (void)unlink(name);
    }
    assert_int_equal(rmdir(of->path), 0);
}

/* Its content; "" when it is not there. */
static const char *content(const folder *of, unsigned number)
{
    static char text[4096];
    char name[128];
    (void)snprintf(name, sizeof name, number > 0 ? "%s.%u" : "%s", of->file, number);
    FILE *file = fopen(name, "re");
    size_t size = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL) (void)fclose(file);
    text[size] = '\0';
    return text;
}

static void write_line(log_file *to, const char *line)
{
    assert_int_equal(log_file_write(to, line, strlen(line)), 0);
}

static void test_a_full_file_moves_on_and_the_oldest_goes(void **state)
{
    (void)state;
    folder in;
    log_file file;
    folder_make(&in);
    assert_true(log_file_open(&file, in.file, 10, 3));
    write_line(&file, "one--\n");
    write_line(&file, "two--\n");
    write_line(&file, "three\n");
    write_line(&file, "four-\n");
    assert_string_equal(content(&in, 0), "four-\n");
    assert_string_equal(content(&in, 1), "three\n");
    assert_string_equal(content(&in, 2), "two--\n");
    assert_string_equal(content(&in, 3), "");
    log_file_close(&file);
    folder_remove(&in);
}

static void test_the_size_found_at_the_start_counts(void **state)
{
    (void)state;
    folder in;
    log_file file;
    folder_make(&in);
    assert_true(log_file_open(&file, in.file, 10, 2));
    write_line(&file, "before\n");
    log_file_close(&file);
    assert_true(log_file_open(&file, in.file, 10, 2));
    write_line(&file, "after\n");
    assert_string_equal(content(&in, 0), "after\n");
    assert_string_equal(content(&in, 1), "before\n");
    log_file_close(&file);
    folder_remove(&in);
}

static void test_with_one_file_to_keep_it_begins_again(void **state)
{
    (void)state;
    folder in;
    log_file file;
    folder_make(&in);
    assert_true(log_file_open(&file, in.file, 10, 1));
    write_line(&file, "one--\n");
    write_line(&file, "two--\n");
    assert_string_equal(content(&in, 0), "two--\n");
    assert_string_equal(content(&in, 1), "");
    log_file_close(&file);
    folder_remove(&in);
}

static void test_without_a_size_it_never_moves(void **state)
{
    (void)state;
    folder in;
    log_file file;
    folder_make(&in);
    assert_true(log_file_open(&file, in.file, 0, 3));
    for (unsigned i = 0; i < 100; i++)
        write_line(&file, "a line\n");
    assert_int_equal(strlen(content(&in, 0)), 700);
    assert_true(log_file_reopen(&file));
    assert_int_equal(file.size, 700);
    log_file_close(&file);
    folder_remove(&in);
}

static void test_what_a_full_disk_refuses_is_counted(void **state)
{
    (void)state;
    log_file file;
    assert_true(log_file_open(&file, "/dev/full", 10, 3));
    assert_int_equal(log_file_write(&file, "one\ntwo\n", 8), 2);
    assert_int_equal(log_file_write(&file, "one\ntwo\n", 8), 2); /* and a device is not renamed */
    log_file_close(&file);
    struct stat about;
    assert_int_equal(stat("/dev/full.1", &about), -1);
}

static void test_a_file_that_cannot_be_had_is_told(void **state)
{
    (void)state;
    log_file file;
    assert_false(log_file_open(&file, "/nowhere/at/all", 10, 3));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file.fd, -1);
    log_file_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_file_moves_on_and_the_oldest_goes),
        cmocka_unit_test(test_the_size_found_at_the_start_counts),
        cmocka_unit_test(test_with_one_file_to_keep_it_begins_again),
        cmocka_unit_test(test_without_a_size_it_never_moves),
        cmocka_unit_test(test_what_a_full_disk_refuses_is_counted),
        cmocka_unit_test(test_a_file_that_cannot_be_had_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
