/* test_expiry_commands.c - EXPIRE with its conditions and overflows, TTL, PERSIST. */
#include "support/test_client.h"

#define INVALID(name) "-ERR invalid expire time in '" name "' command"
#define NOT_INTEGER "-ERR value is not an integer or out of range"

static void test_four_ways_to_say_when(void **state)
{
    (void)state; /* the clock starts at 1000000000000 ms */
    TEST_STEPS({"SET k v", "+OK"}, {"EXPIRE k 100", ":1"}, {"TTL k", ":100"}, {"PTTL k", ":100000"},
               {"EXPIRETIME k", ":1000000100"}, {"PEXPIRETIME k", ":1000000100000"},
               {"PEXPIRE k 1499", ":1"}, {"TTL k", ":1"}, {"PEXPIRE k 1500", ":1"}, {"TTL k", ":2"},
               {"EXPIREAT k 1000000007", ":1"}, {"TTL k", ":7"},
               {"PEXPIREAT k 1000000000009", ":1"}, {"PTTL k", ":9"}, {"@8", ""},
               {"EXISTS k", ":1"}, {"@1", ""}, {"EXISTS k", ":0"}, {"EXPIRE k 10", ":0"},
               {"PEXPIREAT k 1", ":0"});
}

static void test_no_key_and_no_expiry_are_told_apart(void **state)
{
    (void)state;
    TEST_STEPS({"TTL k", ":-2"}, {"PTTL k", ":-2"}, {"EXPIRETIME k", ":-2"},
               {"PEXPIRETIME k", ":-2"}, {"SET k v", "+OK"}, {"TTL k", ":-1"}, {"PTTL k", ":-1"},
               {"EXPIRETIME k", ":-1"}, {"PEXPIRETIME k", ":-1"});
}

static void test_a_time_in_the_past_deletes(void **state)
{
    (void)state;
    static const char *const lines[] = {"EXPIRE k 0",
                                        "EXPIRE k -1",
                                        "PEXPIRE k -1000",
                                        "EXPIREAT k 5",
                                        "EXPIREAT k -5",
                                        "PEXPIREAT k 0",
                                        "PEXPIREAT k -9223372036854775808",
                                        "EXPIRE k -1 LT"};
    test_client on;
    test_client_init(&on, NULL);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        test_client_expect(&on, "SET k v", "+OK");
        test_client_expect(&on, lines[i], ":1");
        test_client_expect(&on, "EXISTS k", ":0");
    }
    test_client_fini(&on);
}

static void test_conditions(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v", "+OK"}, {"EXPIRE k 100 XX", ":0"}, {"EXPIRE k 100 GT", ":0"},
               {"TTL k", ":-1"}, {"EXPIRE k 100 NX", ":1"}, {"EXPIRE k 200 NX", ":0"},
               {"EXPIRE k 200 GT", ":1"}, {"EXPIRE k 200 GT", ":0"}, {"EXPIRE k 100 GT", ":0"},
               {"TTL k", ":200"}, {"EXPIRE k 300 LT", ":0"}, {"EXPIRE k 150 lt", ":1"},
               {"EXPIRE k 160 XX GT", ":1"}, {"EXPIRE k 150 XX LT", ":1"}, {"TTL k", ":150"},
               {"SET n v", "+OK"}, {"EXPIRE n 10 LT", ":1"}, {"SET n v", "+OK"},
               {"EXPIRE n 10 XX LT", ":0"}, {"EXPIRE none 10 NX", ":0"});
}

static void test_conditions_that_contradict_are_refused(void **state)
{
    (void)state;
    const char *nx = "-ERR NX and XX, GT or LT options at the same time are not compatible";
    TEST_STEPS({"SET k v", "+OK"}, {"EXPIRE k 1 NX XX", nx}, {"EXPIRE k 1 NX GT", nx},
               {"EXPIRE k 1 LT NX", nx},
               {"EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible"},
               {"EXPIRE k 1 foo", "-ERR Unsupported option foo"},
               {"EXPIRE k abc foo", "-ERR Unsupported option foo"}, {"TTL k", ":-1"});
}

static void test_times_that_overflow_are_refused(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v", "+OK"}, {"EXPIRE k abc", NOT_INTEGER},
               {"EXPIRE k 9223372036854775807", INVALID("expire")},
               {"EXPIRE k -9223372036854775808", INVALID("expire")},
               {"EXPIRE k 9223372036854775808", NOT_INTEGER},
               {"PEXPIRE k 9223372036854775807", INVALID("pexpire")},
               {"EXPIREAT k 9223372036854775807", INVALID("expireat")},
               {"EXPIREAT k -9223372036854775808", INVALID("expireat")},
               {"PEXPIREAT k 281474976710656", INVALID("pexpireat")}, {"TTL k", ":-1"},
               {"PEXPIREAT k 281474976710655", ":1"}, {"PEXPIRETIME k", ":281474976710655"},
               {"EXPIRETIME k", ":281474976711"});
}

static void test_persist_takes_the_expiry_away(void **state)
{
    (void)state;
    TEST_STEPS({"PERSIST k", ":0"}, {"SET k v EX 10", "+OK"}, {"PERSIST k", ":1"}, {"TTL k", ":-1"},
               {"PERSIST k", ":0"}, {"@20000", ""}, {"GET k", "\"v\""});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_ways_to_say_when),
        cmocka_unit_test(test_no_key_and_no_expiry_are_told_apart),
        cmocka_unit_test(test_a_time_in_the_past_deletes),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_conditions_that_contradict_are_refused),
        cmocka_unit_test(test_times_that_overflow_are_refused),
        cmocka_unit_test(test_persist_takes_the_expiry_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
