/* test_set_commands.c - SET with all options, SETEX, PSETEX, SETNX, GETSET, GETEX. */
#include "support/test_client.h"

#define INVALID(name) "-ERR invalid expire time in '" name "' command"
#define NOT_INTEGER "-ERR value is not an integer or out of range"
#define SYNTAX "-ERR syntax error"

static void test_set_replaces_value_and_expiry(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v EX 10", "+OK"}, {"TTL k", ":10"}, {"SET k w", "+OK"}, {"TTL k", ":-1"},
               {"SET k v px 1500", "+OK"}, {"PTTL k", ":1500"}, {"@1499", ""}, {"GET k", "\"v\""},
               {"@1", ""}, {"GET k", "nil"}, {"EXISTS k", ":0"});
}

static void test_set_takes_points_in_time(void **state)
{
    (void)state; /* the clock starts at 1000000000000 ms */
    TEST_STEPS({"SET k v EXAT 1000000100", "+OK"}, {"TTL k", ":100"},
               {"SET k v PXAT 1000000000500", "+OK"}, {"PTTL k", ":500"},
               {"SET k v PXAT 999999999999", "+OK"}, {"GET k", "nil"}, {"SET k v EXAT 1", "+OK"},
               {"GET k", "nil"}, {"SET k v", "+OK"}, {"SET k w EXAT 1", "+OK"}, {"GET k", "nil"});
}

static void test_set_conditions(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v XX", "nil"}, {"GET k", "nil"}, {"SET k v NX", "+OK"},
               {"SET k w nx", "nil"}, {"GET k", "\"v\""}, {"SET k w XX EX 9", "+OK"},
               {"GET k", "\"w\""}, {"TTL k", ":9"}, {"SET k v NX XX", SYNTAX},
               {"SET k v XX NX", SYNTAX}, {"SET k v NX NX", "nil"});
}

static void test_set_get_answers_with_the_old_value(void **state)
{
    (void)state;
    TEST_STEPS({"SET k a GET", "nil"}, {"SET k b GET", "\"a\""}, {"SET k c NX GET", "\"b\""},
               {"GET k", "\"b\""}, {"SET new x NX GET", "nil"}, {"GET new", "\"x\""},
               {"SET no y XX GET", "nil"}, {"GET no", "nil"}, {"SET k d GET EX 5", "\"b\""},
               {"TTL k", ":5"}, {"SET k '' GET", "\"d\""}, {"SET k z GET", "\"\""});
}

static void test_set_keepttl_keeps_it(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v EX 77", "+OK"}, {"SET k w KEEPTTL", "+OK"}, {"TTL k", ":77"},
               {"SET n v KEEPTTL", "+OK"}, {"TTL n", ":-1"}, {"SET k v KEEPTTL EX 5", SYNTAX},
               {"SET k v EX 5 KEEPTTL", SYNTAX}, {"SET k v KEEPTTL KEEPTTL", "+OK"},
               {"SET k x KEEPTTL GET", "\"v\""}, {"TTL k", ":77"});
}

static void test_set_refuses_bad_options_and_changes_nothing(void **state)
{
    (void)state;
    TEST_STEPS({"SET k old", "+OK"}, {"SET k", "-ERR wrong number of arguments for 'set' command"},
               {"SET k v foo", SYNTAX}, {"SET k v EX", SYNTAX}, {"SET k v EX 1 PX 1", SYNTAX},
               {"SET k v EX 1 EXAT 1", SYNTAX}, {"SET k v EX 1 EX 2", "+OK"}, {"TTL k", ":2"},
               {"SET k old", "+OK"}, {"SET k v EX abc", NOT_INTEGER},
               {"SET k v EX ''", NOT_INTEGER}, {"SET k v EX 1.5", NOT_INTEGER},
               {"SET k v EX +5", NOT_INTEGER}, {"SET k v EX 05", NOT_INTEGER},
               {"SET k v EX ' 5'", NOT_INTEGER}, {"SET k v EX 0", INVALID("set")},
               {"SET k v PX 0", INVALID("set")}, {"SET k v EXAT 0", INVALID("set")},
               {"SET k v PXAT 0", INVALID("set")}, {"SET k v EX -1", INVALID("set")},
               {"SET k v PERSIST", SYNTAX}, {"GET k", "\"old\""});
}

static void test_set_refuses_times_that_overflow(void **state)
{
    (void)state; /* HC_EXPIRY_MAX_MS is 281474976710655 */
    TEST_STEPS({"SET k v EX 9223372036854775807", INVALID("set")},
               {"SET k v EX 9223372036854776", INVALID("set")},
               {"SET k v PX 9223372036854775807", INVALID("set")},
               {"SET k v EX 9223372036854775808", NOT_INTEGER},
               {"SET k v EX -9223372036854775808", INVALID("set")},
               {"SET k v EX -9223372036854775809", NOT_INTEGER},
               {"SET k v PXAT 281474976710656", INVALID("set")}, {"GET k", "nil"},
               {"SET k v PXAT 281474976710655", "+OK"}, {"PEXPIRETIME k", ":281474976710655"},
               {"SET k v PX 280474976710655", "+OK"},
               {"SET k v PX 280474976710656", INVALID("set")});
}

static void test_setex_and_psetex_want_a_positive_time(void **state)
{
    (void)state;
    TEST_STEPS({"SETEX k 10 v", "+OK"}, {"TTL k", ":10"}, {"PSETEX k 10 w", "+OK"},
               {"PTTL k", ":10"}, {"GET k", "\"w\""}, {"SETEX k 0 v", INVALID("setex")},
               {"PSETEX k -1 v", INVALID("psetex")}, {"SETEX k x v", NOT_INTEGER},
               {"SETEX k 9223372036854775807 v", INVALID("setex")},
               {"SETEX k 10", "-ERR wrong number of arguments for 'setex' command"});
}

static void test_setnx_and_getset(void **state)
{
    (void)state;
    TEST_STEPS({"SETNX k v", ":1"}, {"SETNX k w", ":0"}, {"GET k", "\"v\""}, {"EXPIRE k 9", ":1"},
               {"GETSET k x", "\"v\""}, {"TTL k", ":-1"}, {"GETSET none y", "nil"},
               {"GET none", "\"y\""});
}

static void test_getex_changes_the_expiry_alone(void **state)
{
    (void)state;
    TEST_STEPS({"GETEX k", "nil"}, {"GETEX k EX 10", "nil"}, {"GETEX k EX 0", "nil"},
               {"GETEX k EX", SYNTAX}, {"SET k v", "+OK"}, {"GETEX k", "\"v\""}, {"TTL k", ":-1"},
               {"GETEX k EX 10", "\"v\""}, {"TTL k", ":10"}, {"GETEX k", "\"v\""}, {"TTL k", ":10"},
               {"GETEX k PERSIST", "\"v\""}, {"TTL k", ":-1"},
               {"GETEX k PXAT 1000000000250", "\"v\""}, {"PTTL k", ":250"},
               {"GETEX k PERSIST EX 1", SYNTAX}, {"GETEX k EX 1 PERSIST", SYNTAX},
               {"GETEX k EX", SYNTAX}, {"GETEX k foo", SYNTAX}, {"GETEX k KEEPTTL", SYNTAX},
               {"GETEX k EX 0", INVALID("getex")}, {"GETEX k EX abc", NOT_INTEGER},
               {"PTTL k", ":250"}, {"GETEX k EXAT 5", "\"v\""}, {"EXISTS k", ":0"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_replaces_value_and_expiry),
        cmocka_unit_test(test_set_takes_points_in_time),
        cmocka_unit_test(test_set_conditions),
        cmocka_unit_test(test_set_get_answers_with_the_old_value),
        cmocka_unit_test(test_set_keepttl_keeps_it),
        cmocka_unit_test(test_set_refuses_bad_options_and_changes_nothing),
        cmocka_unit_test(test_set_refuses_times_that_overflow),
        cmocka_unit_test(test_setex_and_psetex_want_a_positive_time),
        cmocka_unit_test(test_setnx_and_getset),
        cmocka_unit_test(test_getex_changes_the_expiry_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
