/*
 * test_data_memory.c - an import without memory says so and leaves the directory as it was.
 *
 * The n-th allocation is refused, for many n, up to the import that needs no more.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/data.h"
#include "support/test.h"
#include "unit/server/short_memory.h"

#define COMMAND "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"

static data_result run(char *const *argv, int argc)
{
    char text[512] = "";
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out != NULL && err != NULL);
    data_result result = data_run(argc, argv, out, err);
    rewind(err);
    bool said = fgets(text, sizeof text, err) != NULL;
    assert_true(said == (result != DATA_GOOD));
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(err), 0);
    return result;
}

static void test_an_import_without_memory_leaves_no_directory(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    char folder[] = "/tmp/hypercache-test-XXXXXX", aof[64], into[64], command[96];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(aof, sizeof aof, "%s/a.aof", folder);
    (void)snprintf(into, sizeof into, "%s/d", folder);
    FILE *file = fopen(aof, "wb");
    assert_non_null(file);
    assert_true(fputs(COMMAND COMMAND, file) >= 0 && fclose(file) == 0);
    char words[][64] = {"import", "", "--data-dir", ""};
    (void)snprintf(words[1], sizeof words[1], "%s", aof);
    (void)snprintf(words[3], sizeof words[3], "%s", into);
    char *argv[] = {words[0], words[1], words[2], words[3]};
    size_t refused = 0;
    data_result result = DATA_FAILED;
    for (size_t grants = 8; result != DATA_GOOD; grants += 1 + grants / 16) {
        assert_in_range(grants, 8, 100000);
        memory_grants = grants; /* the files of out and err are among them */
        result = run(argv, 4);
        memory_grants = SIZE_MAX;
        refused += result != DATA_GOOD;
        assert_int_not_equal(result, DATA_BAD);
        struct stat about;
        if (result == DATA_GOOD || stat(into, &about) != 0) continue;
        /* It was made in the last step: whatever is in it by then is whole. */
        char *verify[] = {(char[]){"verify"}, words[3]};
        assert_int_not_equal(run(verify, 2), DATA_BAD);
        (void)snprintf(command, sizeof command, "rm -r %s", into);
        assert_int_equal(system(command), 0);
    }
    assert_in_range(refused, 10, 1000);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_import_without_memory_leaves_no_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
