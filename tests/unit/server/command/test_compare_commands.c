/* test_compare_commands.c - compare and delete, compare and set, digests. */
#include "support/test_client.h"

#define WRONG_TYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NO_DIGEST "-ERR must be exactly 16 hexadecimal characters"
#define NO_STRING "-ERR Key should be of string type if conditions are specified"
#define HELLO_DIGEST "9555e8555c62dcfd"
#define HELLO_DIGEST_UPPER "9555E8555C62DCFD"

static void test_digest_is_xxh3_in_hexadecimal(void **state)
{
    (void)state;
    TEST_STEPS(
        {"DIGEST k", "nil"}, {"SET k hello", "+OK"}, {"DIGEST k", "\"" HELLO_DIGEST "\""},
        {"SET k 'Hello world'", "+OK"}, {"DIGEST k", "\"b6acb9d84a38ff74\""},
        {"SET k v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkj"
         "ytls2kwlj7626sd",
         "+OK"},
        {"DIGEST k", "\"00006c38adf31777\""}, {"SET k ''", "+OK"},
        {"DIGEST k", "\"2d06800538d394c2\""}, {"CF.RESERVE f 100", "+OK"},
        {"DIGEST f", WRONG_TYPE});
}

static void test_delex_deletes_what_its_condition_allows(void **state)
{
    (void)state;
    TEST_STEPS({"DELEX k", ":0"}, {"SET k v", "+OK"}, {"DELEX k", ":1"}, {"DELEX k IFEQ v", ":0"},
               {"SET k v", "+OK"}, {"DELEX k IFEQ w", ":0"}, {"DELEX k ifne v", ":0"},
               {"DELEX k IFEQ v", ":1"}, {"EXISTS k", ":0"}, {"SET k v", "+OK"},
               {"DELEX k IfNe w", ":1"}, {"EXISTS k", ":0"}, {"DELEX k IFNE w", ":0"},
               {"SET k ''", "+OK"}, {"DELEX k IFNE ''", ":0"}, {"DELEX k IFEQ ''", ":1"});
}

static void test_delex_compares_digests_in_any_case(void **state)
{
    (void)state;
    TEST_STEPS(
        {"DELEX k IFDEQ short", ":0"}, {"SET k hello", "+OK"}, {"DELEX k IFDEQ short", NO_DIGEST},
        {"DELEX k IFDNE ''", NO_DIGEST}, {"DELEX k IFDNE 0" HELLO_DIGEST, NO_DIGEST},
        {"DELEX k IFDNE " HELLO_DIGEST_UPPER, ":0"}, {"DELEX k IFDEQ 0000000000000000", ":0"},
        {"DELEX k IFDEQ " HELLO_DIGEST_UPPER, ":1"}, {"SET k hello", "+OK"},
        {"DELEX k IFDNE zzzzzzzzzzzzzzzz", ":1"});
}

static void test_delex_refuses_what_redis_refuses(void **state)
{
    (void)state;
    TEST_STEPS({"DELEX", "-ERR wrong number of arguments for 'delex' command"},
               {"DELEX k IFEQ", "-ERR wrong number of arguments for 'delex' command"},
               {"DELEX k IFEQ v x", "-ERR wrong number of arguments for 'delex' command"},
               {"DELEX k WHAT v", ":0"}, {"SET k v", "+OK"},
               {"DELEX k WHAT v", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"},
               {"CF.RESERVE f 100", "+OK"}, {"DELEX f IFEQ v", NO_STRING},
               {"DELEX f WHAT v", NO_STRING}, {"DELEX f IFDEQ short", NO_STRING},
               {"DELEX f", ":1"});
}

static void test_delifeq_is_how_a_lock_is_released(void **state)
{
    (void)state;
    TEST_STEPS({"SET lock mine NX PX 30000", "+OK"}, {"DELIFEQ lock theirs", ":0"},
               {"GET lock", "\"mine\""}, {"DELIFEQ lock mine", ":1"}, {"DELIFEQ lock mine", ":0"},
               {"CF.RESERVE f 100", "+OK"}, {"DELIFEQ f x", WRONG_TYPE},
               {"DELIFEQ k", "-ERR wrong number of arguments for 'delifeq' command"});
}

static void test_set_if_the_value_is_as_given(void **state)
{
    (void)state;
    TEST_STEPS({"SET k new IFEQ old", "nil"}, {"EXISTS k", ":0"}, {"SET k old IFNE any", "+OK"},
               {"SET k new IFEQ else", "nil"}, {"SET k new IFEQ old EX 10", "+OK"},
               {"TTL k", ":10"}, {"GET k", "\"new\""}, {"SET k x IFNE new", "nil"},
               {"SET k hello ifne x KEEPTTL", "+OK"}, {"TTL k", ":10"},
               {"SET k w IFDEQ " HELLO_DIGEST_UPPER, "+OK"}, {"GET k", "\"w\""},
               {"SET k hello IFDNE " HELLO_DIGEST, "+OK"}, {"TTL k", ":-1"},
               {"SET k w IFDNE " HELLO_DIGEST, "nil"}, {"GET k", "\"hello\""});
}

static void test_set_with_a_test_and_get_tells_what_was_there(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v IFEQ x GET", "nil"}, {"EXISTS k", ":0"}, {"SET k v IFNE x GET", "nil"},
               {"GET k", "\"v\""}, {"SET k w GET IFEQ x", "\"v\""}, {"GET k", "\"v\""},
               {"SET k w IFEQ v GET", "\"v\""}, {"GET k", "\"w\""},
               {"SET k x GET IFDEQ short", NO_DIGEST}, {"GET k", "\"w\""});
}

static void test_set_refuses_two_conditions_and_bad_digests(void **state)
{
    (void)state;
    TEST_STEPS({"SET k v IFEQ", "-ERR syntax error"}, {"SET k v IFEQ a NX", "-ERR syntax error"},
               {"SET k v XX IFNE a", "-ERR syntax error"},
               {"SET k v IFEQ a IFNE b", "-ERR syntax error"}, {"SET k v IFDEQ 1234567890", "nil"},
               {"SET k v IFDNE 1234567890", "+OK"}, {"SET k v IFDEQ 1234567890", NO_DIGEST},
               {"SET k v IFEQ a IFEQ v", "+OK"}, {"CF.RESERVE f 100", "+OK"},
               {"SET f v IFEQ v", WRONG_TYPE}, {"SET f v IFDNE 1234567890", WRONG_TYPE},
               {"TYPE f", "+MBbloomCF"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_is_xxh3_in_hexadecimal),
        cmocka_unit_test(test_delex_deletes_what_its_condition_allows),
        cmocka_unit_test(test_delex_compares_digests_in_any_case),
        cmocka_unit_test(test_delex_refuses_what_redis_refuses),
        cmocka_unit_test(test_delifeq_is_how_a_lock_is_released),
        cmocka_unit_test(test_set_if_the_value_is_as_given),
        cmocka_unit_test(test_set_with_a_test_and_get_tells_what_was_there),
        cmocka_unit_test(test_set_refuses_two_conditions_and_bad_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
