/* test_debug_commands.c - DEBUG: who may, and what it tells. */
#include <stdio.h>

#include "support/test_client.h"

static const char refused[] = "-ERR DEBUG command not allowed. ...";

static void test_it_is_refused_unless_allowed(void **state)
{
    (void)state;
    static const struct {
        node_debug who;
        const char *address;
        bool allowed;
    } cases[] = {
        {NODE_DEBUG_NO, "127.0.0.1:50000", false}, {NODE_DEBUG_LOCAL, "127.0.0.1:50000", true},
        {NODE_DEBUG_LOCAL, "[::1]:50000", true},   {NODE_DEBUG_LOCAL, "10.0.0.1:50000", false},
        {NODE_DEBUG_LOCAL, "[::12]:50000", false}, {NODE_DEBUG_YES, "10.0.0.1:50000", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_client on;
        test_client_init(&on, NULL);
        atomic_store(&on.node->debug, (int)cases[i].who);
        (void)snprintf(on.client.address, sizeof on.client.address, "%s", cases[i].address);
        test_client_expect(&on, "DEBUG SLEEP 0", cases[i].allowed ? "+OK" : refused);
        test_client_fini(&on);
    }
}

static void test_replies_are_those_of_redis(void **state)
{
    (void)state;
    static const test_step steps[] = {
        {"DEBUG PROTOCOL string", "\"Hello World\""},
        {"DEBUG PROTOCOL integer", ":12345"},
        {"DEBUG PROTOCOL double", ",3.141"},
        {"DEBUG PROTOCOL null", "nil"},
        {"DEBUG PROTOCOL array", "*3 :0 :1 :2"},
        {"DEBUG PROTOCOL set", "~3 :0 :1 :2"},
        {"DEBUG PROTOCOL map", "%3 :0 #f :1 #t :2 #f"},
        {"DEBUG PROTOCOL true", "#t"},
        {"DEBUG PROTOCOL push", "-ERR RESP2 is not supported by this command"},
        {"DEBUG PROTOCOL nope", "-ERR Wrong protocol type name. ..."},
        {"DEBUG ERROR 'FOO bar'", "-FOO bar"},
        {"DEBUG SLEEP x", "+OK"},
        {"DEBUG SLEEP", "-ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try "
                        "DEBUG HELP."},
        {"DEBUG nope", "-ERR unknown subcommand or wrong number of arguments for 'nope'. Try "
                       "DEBUG HELP."},
        {"DEBUG HELP", "*..."},
        {"DEBUG OBJECT k", "-ERR no such key"},
        {"SET k 12", "+OK"},
        {"DEBUG OBJECT k", "+Value at:0x0 refcount:1 encoding:int serializedlength:2 lru:0 "
                           "lru_seconds_idle:0 memory_bytes:5 value_bytes:2 ..."},
        {"DEBUG STORE", "%21 \"keys\" :1 ..."},
    };
    test_client on;
    test_client_init(&on, NULL);
    atomic_store(&on.node->debug, NODE_DEBUG_YES);
    test_client_steps(&on, steps, sizeof steps / sizeof steps[0]);
    test_client_fini(&on);
}

static void test_flags_of_keys_depend_on_options(void **state)
{
    (void)state;
    TEST_STEPS(
        {"COMMAND GETKEYSANDFLAGS SET k v", "*1 *2 \"k\" ~2 +OW +update"},
        {"COMMAND GETKEYSANDFLAGS SET k v GET", "*1 *2 \"k\" ~3 +RW +access +update"},
        {"COMMAND GETKEYSANDFLAGS COPY a b", "*2 *2 \"a\" ~2 +RO +access *2 \"b\" ~2 +OW +update"},
        {"COMMAND GETKEYSANDFLAGS BITFIELD k GET u4 0", "*1 *2 \"k\" ~2 +RO +access"},
        {"COMMAND GETKEYSANDFLAGS BITFIELD k SET u4 0 1", "*1 *2 \"k\" ~3 +RW +access +update"},
        {"COMMAND GETKEYSANDFLAGS PING x", "-ERR The command has no key arguments"},
        {"COMMAND GETKEYSANDFLAGS nope x", "-ERR Invalid command specified"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_refused_unless_allowed),
        cmocka_unit_test(test_replies_are_those_of_redis),
        cmocka_unit_test(test_flags_of_keys_depend_on_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
