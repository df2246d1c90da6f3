/* test_aof_manifest.c - Redis's list of files, in the order in which they are read. */
#include <stdio.h>
#include <stdlib.h>

#include "data/aof_manifest.h"
#include "support/test.h"

static char why[128];

static hc_status read_text(aof_manifest *to, const char *text)
{
    size_t bytes = strlen(text);
    uint8_t *copy = malloc(bytes + 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    why[0] = '\0';
    hc_status status = aof_manifest_read(to, copy, bytes, why, sizeof why);
    free(copy);
    return status;
}

static void test_files_come_base_first_and_then_in_sequence(void **state)
{
    (void)state;
    aof_manifest manifest;
    assert_int_equal(read_text(&manifest, "# made by hand\n"
                                          "file a.3.incr.aof seq 3 type i\r\n"
                                          "seq 1 startoffset 77 type b file 'a 1.base.rdb'\n"
                                          "\n"
                                          "file a.2.incr.aof seq 2 type h\n"
                                          "file \"a.4\\x41\" seq 4 type i"),
                     HC_OK);
    assert_int_equal(manifest.count, 3);
    assert_string_equal(manifest.parts[0].name, "a 1.base.rdb");
    assert_string_equal(manifest.parts[1].name, "a.3.incr.aof");
    assert_string_equal(manifest.parts[2].name, "a.4A");
    aof_manifest_fini(&manifest);
}

static void test_what_is_no_manifest_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "line 0: no file is listed"},
        {"# nothing\n", "line 1: no file is listed"},
        {"file a seq 1 type h\n", "line 1: no file is listed"},
        {"file a seq 1 type i\nfile b seq 1\n", "line 2: a type other than b, i or h"},
        {"file a seq 1 type x", "line 1: a type other than b, i or h"},
        {"file a type i", "line 1: no sequence number"},
        {"file a seq 1x type i", "line 1: no sequence number"},
        {"file a seq -1 type i", "line 1: no sequence number"},
        {"file a seq 9999999999999999999 type i", "line 1: no sequence number"},
        {"seq 1 type i", "line 1: no name of a file"},
        {"file ../a seq 1 type i", "line 1: no name of a file"},
        {"file .. seq 1 type i", "line 1: no name of a file"},
        {"file \"a\\x00b\" seq 1 type i", "line 1: no name of a file"},
        {"file '' seq 1 type i", "line 1: no name of a file"},
        {"file a seq", "line 1: not of words in pairs"},
        {"file 'a seq 1 type i", "line 1: quotes that do not match"},
        {"file a seq 1 type b\nfile b seq 2 type b", "line 2: a second base file"},
        {"file a seq 2 type i\nfile b seq 2 type i",
         "line 2: a sequence number that does not rise"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aof_manifest manifest;
        assert_int_equal(read_text(&manifest, rows[i].text), HC_ERR_CORRUPT);
        assert_string_equal(why, rows[i].why);
        assert_null(manifest.parts);
    }
}

static void test_the_number_of_files_is_bounded(void **state)
{
    (void)state;
    size_t bytes = 0, capacity = 64u * (AOF_PARTS_MAX + 1);
    char *text = malloc(capacity);
    aof_manifest manifest;
    assert_non_null(text);
    for (unsigned i = 0; i < AOF_PARTS_MAX; i++)
        bytes += (size_t)snprintf(text + bytes, capacity - bytes, "file f seq %u type i\n", i);
    assert_int_equal(read_text(&manifest, text), HC_OK);
    assert_int_equal(manifest.count, AOF_PARTS_MAX);
    aof_manifest_fini(&manifest);
    (void)snprintf(text + bytes, capacity - bytes, "file f seq 100000 type i\n");
    assert_int_equal(read_text(&manifest, text), HC_ERR_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_come_base_first_and_then_in_sequence),
        cmocka_unit_test(test_what_is_no_manifest_is_refused_with_its_line),
        cmocka_unit_test(test_the_number_of_files_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
