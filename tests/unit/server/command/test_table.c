/* test_table.c - the table is sound: every row is found, complete, and printable. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "command/command.h"
#include "command/command_print.h"
#include "command/node.h"
#include "support/test.h"
#include "support/test_reply.h"

static void test_every_name_is_found_in_any_case(void **state)
{
    (void)state;
    command_table_prepare();
    assert_true(command_count() > 50);
    for (size_t i = 0; i < command_count(); i++) {
        const command *row = command_at(i);
        char upper[COMMAND_NAME_CHARS], mixed[COMMAND_NAME_CHARS];
        size_t size = strlen(row->name);
        for (size_t c = 0; c <= size; c++) {
            upper[c] = (char)toupper((unsigned char)row->name[c]);
            mixed[c] = c % 2 == 0 ? upper[c] : row->name[c];
        }
        assert_ptr_equal(command_find(span(row->name)), row);
        assert_ptr_equal(command_find(span(upper)), row);
        assert_ptr_equal(command_find(span(mixed)), row);
        assert_int_equal(command_index(row), i);
        for (size_t s = 0; s < row->subcommand_count; s++) {
            const command *sub = &row->subcommands[s];
            assert_ptr_equal(command_find_sub(row, span(sub->name)), sub);
            assert_ptr_equal(sub->container, row);
            assert_ptr_equal(command_row(command_index(sub)), sub);
        }
    }
}

/* A byte away from a name is another name: also 0x20 apart where that is no letter. */
static void test_near_misses_are_not_found(void **state)
{
    (void)state;
    command_table_prepare();
    for (size_t i = 0; i < command_row_count(); i++) {
        const command *row = command_row(i);
        size_t size = strlen(row->name);
        char name[COMMAND_NAME_CHARS];
        for (size_t c = 0; c < size; c++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memcpy(name, row->name, size);
                name[c] = (char)byte;
                if (tolower((int)byte) == row->name[c]) continue;
                hc_span miss = hc_span_make(name, size);
                const command *got = row->container != NULL ? command_find_sub(row->container, miss)
                                                            : command_find(miss);
                assert_true(got == NULL || strncasecmp(got->name, name, size) == 0);
            }
        }
        memcpy(name, row->name, size);
        assert_null(size > 1 && row->container == NULL ? command_find(hc_span_make(name, 1))
                                                       : NULL);
        name[size] = 'q';
        assert_null(command_find(hc_span_make(name, size + 1)));
    }
    assert_null(command_find(span("")));
    assert_null(command_find(span("averylongnamethatisnocommand")));
}

static void test_rows_are_complete_and_consistent(void **state)
{
    (void)state;
    command_table_prepare();
    for (size_t i = 0; i < command_row_count(); i++) {
        const command *row = command_row(i);
        assert_non_null(row->summary);
        assert_non_null(row->since);
        assert_non_null(row->complexity);
        assert_true(row->arity != 0);
        assert_true(row->run != NULL || row->subcommand_count > 0);
        assert_false((row->flags & COMMAND_WRITE) != 0 && (row->flags & COMMAND_READONLY) != 0);
        assert_true((row->keys.first != 0) == (row->keys.access != COMMAND_ACCESS_NONE));
        assert_true(row->keys.first == 0 || row->keys.step >= 1);
        const hc_span ones[16] = {HC_SPAN("1"), HC_SPAN("1"), HC_SPAN("1"), HC_SPAN("1"),
                                  HC_SPAN("1"), HC_SPAN("1"), HC_SPAN("1"), HC_SPAN("1")};
        size_t least = (size_t)(row->arity < 0 ? -row->arity : row->arity);
        for (size_t argc = least; argc < least + 4; argc++) {
            size_t keys = command_key_count(row, ones, argc);
            for (size_t k = 0; k < keys; k++)
                assert_in_range(command_key_at(row, k), 1, argc - 1);
            bool some = row->keys.first != 0 && argc > (size_t)row->keys.first;
            assert_true((keys > 0) == some); /* SUNSUBSCRIBE may have none */
        }
    }
}

static void test_keys_are_found_among_the_arguments(void **state)
{
    (void)state;
    command_table_prepare();
    static const struct {
        const char *name;
        size_t argc, keys, last;
    } cases[] = {{"get", 2, 1, 1},  {"mget", 5, 4, 4},   {"mset", 5, 2, 3}, {"mset", 6, 3, 5},
                 {"copy", 6, 2, 2}, {"rename", 3, 2, 2}, {"ping", 1, 0, 0}, {"set", 9, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const command *row = command_find(span(cases[i].name));
        assert_int_equal(command_key_count(row, NULL, cases[i].argc), cases[i].keys);
        if (cases[i].keys > 0)
            assert_int_equal(command_key_at(row, cases[i].keys - 1), cases[i].last);
    }
}

/* The recording reply counts what aggregates announce, so a size that is wrong fails here. */
static void test_every_row_prints_as_info_and_docs(void **state)
{
    (void)state;
    command_table_prepare();
    test_reply heard;
    test_reply_init(&heard);
    for (size_t i = 0; i < command_row_count(); i++) {
        test_reply_clear(&heard);
        command_print_info(&heard.base, command_row(i));
        assert_true(strncmp(test_reply_text(&heard), "*10 \"", 5) == 0);
        test_reply_clear(&heard);
        heard.base.ops->map(&heard.base, 1);
        command_print_docs(&heard.base, command_row(i));
        assert_non_null(strstr(test_reply_text(&heard), " \"summary\" \""));
        assert_null(strstr(heard.text, "\"name\" \"\""));
        assert_null(strstr(heard.text, "\"type\" \"\""));
    }
    test_reply_fini(&heard);
}

static void test_a_row_reads_as_clients_expect(void **state)
{
    (void)state;
    command_table_prepare();
    test_reply heard;
    test_reply_init(&heard);
    command_print_info(&heard.base, command_find(span("get")));
    assert_string_equal(
        test_reply_text(&heard),
        "*10 \"get\" :2 ~2 +readonly +fast :1 :1 :1 ~3 +@read +@string +@fast ~0 ~1 %3 \"flags\" "
        "~2 "
        "+RO +access \"begin_search\" %2 \"type\" \"index\" \"spec\" %1 \"index\" :1 \"find_keys\" "
        "%2 "
        "\"type\" \"range\" \"spec\" %3 \"lastkey\" :0 \"keystep\" :1 \"limit\" :0 ~0");
    test_reply_clear(&heard);
    heard.base.ops->map(&heard.base, 1);
    command_print_docs(&heard.base, command_find(span("mset")));
    assert_string_equal(
        test_reply_text(&heard),
        "%1 \"mset\" %5 \"summary\" \"Sets the values of several keys in one step\" \"since\" "
        "\"1.0.1\" \"group\" \"string\" \"complexity\" \"O(N) with N keys\" \"arguments\" *1 %4 "
        "\"name\" \"data\" \"type\" \"block\" \"flags\" ~1 +multiple \"arguments\" *2 %3 \"name\" "
        "\"key\" \"type\" \"key\" \"key_spec_index\" :0 %2 \"name\" \"value\" \"type\" \"string\"");
    test_reply_fini(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name_is_found_in_any_case),
        cmocka_unit_test(test_near_misses_are_not_found),
        cmocka_unit_test(test_rows_are_complete_and_consistent),
        cmocka_unit_test(test_keys_are_found_among_the_arguments),
        cmocka_unit_test(test_every_row_prints_as_info_and_docs),
        cmocka_unit_test(test_a_row_reads_as_clients_expect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
