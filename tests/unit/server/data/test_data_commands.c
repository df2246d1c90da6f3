/* test_data_commands.c - which commands of a file may run, and what time it is for them. */
#include <stdio.h>
#include <stdlib.h>

#include "data/data_commands.h"
#include "data/data_kept.h"
#include "support/test.h"

enum { WORDS_MAX = 8 };

typedef struct command_text {
    hc_span args[WORDS_MAX];
    aof_command command;
} command_text;

/* Words with blanks between; they are borrowed. */
static aof_command *words(command_text *to, const char *line)
{
    size_t count = 0;
    while (*line != '\0') {
        size_t size = strcspn(line, " ");
        to->args[count++] = hc_span_make(line, size);
        line += size + (line[size] != '\0');
    }
    to->command = (aof_command){.offset = 7, .args = to->args, .argc = count};
    return &to->command;
}

static void test_writes_that_are_known_may_run_and_others_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool runs;
    } rows[] = {
        {"SET k v", true},        {"set k", false},     {"DEL k", true},
        {"GET k", false},         {"LPUSH k v", false}, {"SHUTDOWN", false},
        {"CONFIG SET x", false},  {"FLUSHALL", true},   {"SELECT 15", true},
        {"RESTORE k 0 x", false}, {"SELECT 16", false}, {"SET k v", false},
        {"FLUSHALL", true},       {"SWAPDB 0 1", true}, {"SELECT", false},
        {"SELECT x", false},      {"SELECT 3", true},   {"SET k v", true},
        {"CLIENT KILL x", false}, {"DISCARD", false},
    };
    data_kept of; /* prepares the table */
    refusals refused = {0};
    commands_judge judge = {.refused = &refused};
    uint64_t count = 0;
    assert_int_equal(data_kept_init(&of, stderr), HC_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        command_text text;
        if (commands_may_run(&judge, words(&text, rows[i].line)) != rows[i].runs)
            fail_msg("%s", rows[i].line);
        count += !rows[i].runs;
        assert_true(refused.count == count);
    }
    assert_string_equal(refused.name[0].kind, "set");
    assert_int_equal(refused.name[0].key_bytes, 1);
    data_kept_fini(&of);
}

static void run_all(commands_runner *runner, const char *const *lines, size_t count)
{
    command_text texts[WORDS_MAX];
    aof_command commands[WORDS_MAX];
    assert_in_range(count, 1, WORDS_MAX);
    for (size_t i = 0; i < count; i++)
        commands[i] = *words(&texts[i], lines[i]);
    assert_int_equal(commands_visit_run(runner, commands, count), HC_OK);
}

static void test_time_stands_but_for_times_from_now_on(void **state)
{
    (void)state;
    data_kept of;
    commands_runner runner;
    assert_int_equal(data_kept_init(&of, stderr), HC_OK);
    of.clock.stands = true;
    assert_int_equal(commands_runner_init(&runner, of.node, &of.clock, false), HC_OK);
    static const char *const lines[] = {"SET a v PXAT 5",  "PEXPIREAT a 4000000000000",
                                        "SET b v PXAT 5",  "SET c v EX 1000",
                                        "SET d v PXAT 5",  "EXPIRE e 100",
                                        "SETEX f 1000 EX", "SET g EX"};
    run_all(&runner, lines, sizeof lines / sizeof lines[0]);
    assert_true(of.clock.stands);
    hc_store *store = node_store(of.node, 0);
    static const struct {
        const char *key;
        int64_t min, max;
    } rows[] = {
        {"a", INT64_C(4000000000000), INT64_C(4000000000000)},
        {"b", 5, 5},
        {"c", INT64_C(1700000000000), INT64_C(3900000000000)},
        {"f", INT64_C(1700000000000), INT64_C(3900000000000)},
        {"g", 0, 0},
    };
    hc_item item;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(hc_store_stat(store, span(rows[i].key), &item), HC_OK);
        assert_true(item.expires_at_ms >= rows[i].min && item.expires_at_ms <= rows[i].max);
    }
    of.clock.stands = false; /* now what is over is over */
    assert_int_equal(hc_store_stat(store, span("b"), &item), HC_ERR_NOT_FOUND);
    assert_true(runner.ran == 8 && runner.failed == 0);
    commands_runner_fini(&runner);
    data_kept_fini(&of);
}

static void test_the_first_failure_is_kept_and_ends_or_not(void **state)
{
    (void)state;
    for (int goes_on = 0; goes_on < 2; goes_on++) {
        data_kept of;
        commands_runner runner;
        assert_int_equal(data_kept_init(&of, stderr), HC_OK);
        assert_int_equal(commands_runner_init(&runner, of.node, &of.clock, goes_on == 1), HC_OK);
        command_text texts[3];
        aof_command commands[] = {*words(&texts[0], "SET a x"), *words(&texts[1], "INCR a"),
                                  *words(&texts[2], "SETRANGE a x y")};
        commands[1].offset = 99;
        assert_int_equal(commands_visit_run(&runner, commands, 3),
                         goes_on ? HC_OK : HC_ERR_INVALID);
        assert_true(runner.failed == 2 && runner.failure_offset == 99);
        assert_string_equal(runner.failure, "ERR value is not an integer or out of range");
        commands_runner_fini(&runner);
        data_kept_fini(&of);
    }
}

static void test_refusals_are_counted_by_kind_within_bounds(void **state)
{
    (void)state;
    refusals all = {0};
    char kind[16], *text = NULL;
    size_t bytes = 0;
    for (unsigned i = 0; i < 2 * REFUSALS_KINDS_MAX; i++) {
        (void)snprintf(kind, sizeof kind, "K%u\"\\", i);
        refusals_add(&all, span(kind), hc_span_make("a\0\"\xff", 4));
    }
    refusals_count(&all, span("K1\"\\"), 9);
    assert_true(all.count == 2 * REFUSALS_KINDS_MAX + 9 && all.kinds == REFUSALS_KINDS_MAX + 1);
    assert_true(all.kind[1].count == 10);
    assert_string_equal(all.kind[REFUSALS_KINDS_MAX].name, "others");
    FILE *to = open_memstream(&text, &bytes);
    assert_non_null(to);
    refusals_print(&all, to);
    data_json json = {.to = to};
    refusals_json(&all, &json, NULL);
    assert_int_equal(fclose(to), 0);
    assert_non_null(strstr(text, "  1 k0??, 10 k1??,"));
    assert_non_null(strstr(text, "    k9?? \"a\\x00\\\"\\xff\"\n    ...\n"));
    assert_non_null(strstr(text, "{\"kind\": \"k0??\", \"key\": \"a\\u0000\\\"\\u00ff\"}"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_that_are_known_may_run_and_others_are_refused),
        cmocka_unit_test(test_time_stands_but_for_times_from_now_on),
        cmocka_unit_test(test_the_first_failure_is_kept_and_ends_or_not),
        cmocka_unit_test(test_refusals_are_counted_by_kind_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
