/* test_connection_commands.c - PING ECHO HELLO AUTH QUIT RESET SELECT. */
#include "support/test_client.h"

#define WRONGPASS "-WRONGPASS invalid username-password pair or user is disabled."

static void test_ping_and_echo(void **state)
{
    (void)state;
    TEST_STEPS({"PING", "+PONG"}, {"ping hello", "\"hello\""},
               {"ECHO '\\0a b\\xff'", "\"\\x00a b\\xff\""},
               {"PING a b", "-ERR wrong number of arguments for 'ping' command"},
               {"ECHO", "-ERR wrong number of arguments for 'echo' command"});
}

static void test_hello_describes_the_server_in_either_protocol(void **state)
{
    (void)state;
#define HELLO(proto)                                                                               \
    "%7 \"server\" \"redis\" \"version\" \"7.4.0\" \"proto\" :" proto                              \
    " \"id\" :1 \"mode\" \"standalone\" \"role\" \"master\" \"modules\" *0"
    TEST_STEPS({"HELLO", HELLO("2")}, {"HELLO 3", HELLO("3")}, {"HELLO", HELLO("3")},
               {"hello 2", HELLO("2")}, {"HELLO 4", "-NOPROTO unsupported protocol version"},
               {"HELLO 1", "-NOPROTO unsupported protocol version"},
               {"HELLO x", "-ERR Protocol version is not an integer or out of range"},
               {"HELLO", HELLO("2")});
}

static void test_hello_takes_auth_and_a_name(void **state)
{
    (void)state;
    TEST_STEPS({"HELLO 3 SETNAME me", "%7 ..."}, {"CLIENT GETNAME", "\"me\""},
               {"HELLO 2 AUTH default x setname you", "%7 ..."}, {"CLIENT GETNAME", "\"you\""},
               {"HELLO 3 AUTH nobody x", WRONGPASS},
               {"HELLO 3 AUTH default", "-ERR Syntax error in "
                                        "HELLO option 'AUTH'"},
               {"HELLO 3 foo", "-ERR Syntax error in HELLO option 'foo'"},
               {"HELLO 3 SETNAME 'a b'", "-ERR Client names cannot contain spaces, newlines or "
                                         "special characters."},
               {"CLIENT GETNAME", "\"you\""},
               {"HELLO", "%7 \"server\" \"redis\" \"version\" "
                         "\"7.4.0\" \"proto\" :2..."});
}

static void test_auth_without_users(void **state)
{
    (void)state;
    TEST_STEPS({"AUTH secret",
                "-ERR AUTH <password> called without any password configured for the "
                "default user. Are you sure your configuration is correct?"},
               {"AUTH default any", "+OK"}, {"AUTH nobody any", WRONGPASS},
               {"AUTH a b c", "-ERR syntax error"});
}

static void test_select_isolates_databases(void **state)
{
    (void)state;
    TEST_STEPS(
        {"SET k zero", "+OK"}, {"SELECT 15", "+OK"}, {"GET k", "nil"}, {"SET k fifteen", "+OK"},
        {"SELECT 0", "+OK"}, {"GET k", "\"zero\""}, {"SELECT 16", "-ERR DB index is out of range"},
        {"SELECT -1", "-ERR DB index is out of range"},
        {"SELECT 9223372036854775807",
         "-ERR value is out of range, value must between -2147483648 and 2147483647"},
        {"SELECT 2147483647", "-ERR DB index is out of range"},
        {"SELECT 'x y'", "-ERR value is not an integer or out of range"}, {"GET k", "\"zero\""});
}

static void test_quit_asks_to_close(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    assert_false(on.client.close);
    test_client_expect(&on, "QUIT", "+OK");
    assert_true(on.client.close);
    test_client_fini(&on);
}

static void test_reset_takes_everything_back(void **state)
{
    (void)state;
    TEST_STEPS({"HELLO 3 SETNAME me", "%7 ..."}, {"SELECT 3", "+OK"}, {"SET k v", "+OK"},
               {"CLIENT NO-TOUCH ON", "+OK"}, {"CLIENT REPLY OFF", ""}, {"RESET", "+RESET"},
               {"GET k", "nil"}, {"CLIENT GETNAME", "nil"},
               {"HELLO", "%7 \"server\" \"redis\" "
                         "\"version\" \"7.4.0\" "
                         "\"proto\" :2..."});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ping_and_echo),
        cmocka_unit_test(test_hello_describes_the_server_in_either_protocol),
        cmocka_unit_test(test_hello_takes_auth_and_a_name),
        cmocka_unit_test(test_auth_without_users),
        cmocka_unit_test(test_select_isolates_databases),
        cmocka_unit_test(test_quit_asks_to_close),
        cmocka_unit_test(test_reset_takes_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
