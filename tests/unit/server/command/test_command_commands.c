/* test_command_commands.c - COMMAND and its subcommands as clients ask for them. */
#include <stdio.h>

#include "command/command.h"
#include "support/test_client.h"

static void test_count_list_and_command_agree(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    char count[32], rows[32];
    (void)snprintf(count, sizeof count, ":%zu", command_count());
    (void)snprintf(rows, sizeof rows, "*%zu ...", command_count());
    test_client_expect(&on, "COMMAND COUNT", count);
    test_client_expect(&on, "COMMAND LIST", rows);
    test_client_expect(&on, "COMMAND", rows);
    test_client_expect(&on, "COMMAND INFO", rows);
    test_client_fini(&on);
}

static void test_info_and_docs_by_name(void **state)
{
    (void)state;
    TEST_STEPS({"COMMAND INFO nope GET", "*2 nil *10 \"get\" :2 ..."},
               {"COMMAND INFO client|list", "*1 *10 \"client|list\" :-2 ..."},
               {"COMMAND INFO client|nope |list nope|list", "*3 nil nil nil"},
               {"COMMAND DOCS nope", "%0"},
               {"COMMAND DOCS get nope", "%1 \"get\" %5 \"summary\" ..."},
               {"COMMAND DOCS config|set", "%1 \"config|set\" %5 ..."}, {"COMMAND DOCS", "%..."},
               {"COMMAND foo", "-ERR unknown subcommand 'foo'. Try COMMAND HELP."},
               {"COMMAND HELP", "*17 +COMMAND <subcommand> ..."});
}

static void test_getkeys(void **state)
{
    (void)state;
    TEST_STEPS({"COMMAND GETKEYS mset a b c d", "*2 \"a\" \"c\""},
               {"COMMAND GETKEYS get k", "*1 \"k\""},
               {"COMMAND GETKEYS object encoding k", "*1 \"k\""},
               {"COMMAND GETKEYS ping x", "-ERR The command has no key arguments"},
               {"COMMAND GETKEYS foo x", "-ERR Invalid command specified"},
               {"COMMAND GETKEYS object foo x", "-ERR Invalid command specified"},
               {"COMMAND GETKEYS set k", "-ERR Invalid number of arguments specified for command"},
               {"COMMAND GETKEYS", "-ERR wrong number of arguments for 'command|getkeys' command"});
}

static void test_list_filters(void **state)
{
    (void)state;
    TEST_STEPS({"COMMAND LIST FILTERBY PATTERN set*",
                "*5 \"set\" \"setex\" \"setnx\" \"setrange\" \"setbit\""},
               {"COMMAND LIST FILTERBY PATTERN OBJECT|F*", "*1 \"object|freq\""},
               {"COMMAND LIST FILTERBY MODULE m", "*0"},
               {"COMMAND LIST FILTERBY ACLCAT nope", "*0"},
               {"COMMAND LIST FILTERBY ACLCAT cuckoo", "*10 \"cf.add\" ..."},
               {"COMMAND LIST FILTERBY foo bar", "-ERR syntax error"},
               {"COMMAND LIST FILTERBY PATTERN", "-ERR syntax error"});
}

static void test_object_and_memory(void **state)
{
    (void)state;
    TEST_STEPS({"OBJECT ENCODING k", "nil"}, {"SET k 123", "+OK"}, {"OBJECT ENCODING k", "\"int\""},
               {"SET k abc", "+OK"}, {"OBJECT encoding k", "\"embstr\""},
               {"SETRANGE k 44 x", ":45"}, {"OBJECT ENCODING k", "\"raw\""},
               {"OBJECT REFCOUNT k", ":1"},
               {"OBJECT FREQ k", "-ERR An LFU maxmemory policy is not selected..."},
               {"OBJECT IDLETIME k", "-ERR idle time is not tracked..."},
               {"OBJECT FREQ none", "nil"}, {"OBJECT HELP", "*11 +OBJECT ..."},
               {"MEMORY USAGE k", ":54"}, {"MEMORY USAGE k SAMPLES 5", ":54"},
               {"MEMORY USAGE none", "nil"}, {"MEMORY USAGE k SAMPLES", "-ERR syntax error"},
               {"MEMORY USAGE k SAMPLES -1", "-ERR syntax error"},
               {"MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range"},
               {"MEMORY nope", "-ERR unknown subcommand 'nope'. Try MEMORY HELP."},
               {"OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command"});
}

static void test_uses_are_counted_for_lfu(void **state)
{
    (void)state;
    const node_options options = {.eviction = HC_EVICTION_LFU};
    test_client on;
    test_client_init(&on, &options);
    test_client_expect(&on, "OBJECT FREQ k", "nil");
    test_client_expect(&on, "SET k v", "+OK");
    test_client_expect(&on, "OBJECT FREQ k", ":0");
    for (int i = 0; i < 9; i++)
        test_client_expect(&on, "GET k", "\"v\"");
    test_client_expect(&on, "OBJECT FREQ k", ":3");
    test_client_expect(&on, "OBJECT IDLETIME k", "-ERR An LFU maxmemory policy is selected...");
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_list_and_command_agree),
        cmocka_unit_test(test_info_and_docs_by_name),
        cmocka_unit_test(test_getkeys),
        cmocka_unit_test(test_list_filters),
        cmocka_unit_test(test_object_and_memory),
        cmocka_unit_test(test_uses_are_counted_for_lfu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
