/* test_lcs_commands.c - LCS: Redis's examples, its choice among equals, its limit. */
#include <stdlib.h>

#include "support/test_client.h"

static void test_the_examples_of_redis(void **state)
{
    (void)state;
    TEST_STEPS(
        {"MSET key1 ohmytext key2 mynewtext", "+OK"}, {"LCS key1 key2", "\"mytext\""},
        {"LCS key1 key2 LEN", ":6"},
        {"LCS key1 key2 IDX",
         "%2 \"matches\" *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 \"len\" :6"},
        {"LCS key1 key2 IDX MINMATCHLEN 4", "%2 \"matches\" *1 *2 *2 :4 :7 *2 :5 :8 \"len\" :6"},
        {"LCS key1 key2 IDX MINMATCHLEN 4 WITHMATCHLEN",
         "%2 \"matches\" *1 *3 *2 :4 :7 *2 :5 :8 :4 \"len\" :6"},
        {"LCS key2 key1 idx minmatchlen 4", "%2 \"matches\" *1 *2 *2 :5 :8 *2 :4 :7 \"len\" :6"});
}

static void test_nothing_in_common(void **state)
{
    (void)state;
    TEST_STEPS({"MSET a abc b xyz e ''", "+OK"}, {"LCS a b", "\"\""}, {"LCS a b LEN", ":0"},
               {"LCS a b IDX", "%2 \"matches\" *0 \"len\" :0"}, {"LCS a none", "\"\""},
               {"LCS none nor LEN", ":0"}, {"LCS e a IDX", "%2 \"matches\" *0 \"len\" :0"},
               {"LCS a a", "\"abc\""});
}

/* Of subsequences of one length the walk back from the end decides: to the left, when both ways are
 * as long. */
static void test_among_equals_the_same_as_redis(void **state)
{
    (void)state;
    TEST_STEPS({"MSET a abcbdab b bdcaba", "+OK"}, {"LCS a b", "\"bdab\""}, {"LCS b a", "\"bcba\""},
               {"MSET a ab b ba", "+OK"}, {"LCS a b", "\"b\""}, {"LCS b a", "\"a\""});
}

static void test_wrong_options_are_refused(void **state)
{
    (void)state;
    TEST_STEPS(
        {"LCS a b LEN IDX", "-ERR If you want both the length and indexes, please just use IDX."},
        {"LCS a b what", "-ERR syntax error"}, {"LCS a b MINMATCHLEN", "-ERR syntax error"},
        {"LCS a b MINMATCHLEN x", "-ERR value is not an integer or out of range"},
        {"LCS a b IDX MINMATCHLEN -5", "%2 \"matches\" *0 \"len\" :0"}, {"CF.ADD f x", "#t"},
        {"LCS a f", "-ERR The specified keys must contain string values"},
        {"LCS f b what", "-ERR The specified keys must contain string values"});
}

static void test_values_are_as_large_as_redis_allows(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    const char *refused = "-ERR Insufficient memory, transient memory for LCS exceeds "
                          "proto-max-bulk-len";
    /* 4 * 2048 * 65536 bytes are what is allowed, and a row more is not */
    test_client_expect(&on, "SETRANGE a 2046 x", ":2047");
    test_client_expect(&on, "SETRANGE b 65534 x", ":65535");
    test_client_expect(&on, "LCS a b LEN", ":2047");
    test_client_expect(&on, "LCS b a LEN", ":2047");
    test_client_expect(&on, "APPEND b x", ":65536");
    test_client_expect(&on, "LCS a b LEN", refused);
    test_client_expect(&on, "LCS a b", refused);
    test_client_expect(&on, "LCS b a IDX", refused);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_redis),
        cmocka_unit_test(test_nothing_in_common),
        cmocka_unit_test(test_among_equals_the_same_as_redis),
        cmocka_unit_test(test_wrong_options_are_refused),
        cmocka_unit_test(test_values_are_as_large_as_redis_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
