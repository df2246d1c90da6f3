/* test_bit_commands.c - SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP: replies, edges, limits. */
#include <stdlib.h>

#include "support/test_client.h"

#define NOT_INTEGER "-ERR value is not an integer or out of range"
#define BAD_OFFSET "-ERR bit offset is not an integer or out of range"
#define BAD_BIT "-ERR bit is not an integer or out of range"
#define SYNTAX "-ERR syntax error"
#define WRONG_TYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"

static void test_setbit_returns_the_old_bit_and_grows_the_value(void **state)
{
    (void)state;
    TEST_STEPS({"SETBIT k 7 1", ":0"}, {"GET k", "\"\\x01\""}, {"SETBIT k 7 0", ":1"},
               {"GET k", "\"\\x00\""}, {"SETBIT k 20 1", ":0"}, {"STRLEN k", ":3"},
               {"GETBIT k 20", ":1"}, {"SETBIT k 20 1", ":1"}, {"EXPIRE k 100", ":1"},
               {"SETBIT k 0 1", ":0"}, {"TTL k", ":100"}, {"SETBIT n 9 0", ":0"},
               {"GET n", "\"\\x00\\x00\""});
}

static void test_getbit_reads_zero_past_the_end(void **state)
{
    (void)state;
    TEST_STEPS({"GETBIT none 5", ":0"}, {"SET k a", "+OK"}, {"GETBIT k 1", ":1"},
               {"GETBIT k 8", ":0"}, {"GETBIT k 4294967295", ":0"},
               {"GETBIT k 4294967296", BAD_OFFSET}, {"GETBIT k -1", BAD_OFFSET},
               {"GETBIT k #1", BAD_OFFSET}, {"CF.ADD f x", "#t"}, {"GETBIT f 0", WRONG_TYPE});
}

static void test_setbit_refuses_what_is_no_bit(void **state)
{
    (void)state;
    TEST_STEPS({"SETBIT k 4294967296 1", BAD_OFFSET}, {"SETBIT k x 1", BAD_OFFSET},
               {"SETBIT k 0 2", BAD_BIT}, {"SETBIT k 0 -1", BAD_BIT}, {"SETBIT k 0 ''", BAD_BIT},
               {"EXISTS k", ":0"}, {"CF.ADD f x", "#t"}, {"SETBIT f 0 1", WRONG_TYPE});
}

static void test_bitcount_of_ranges_in_bytes_and_bits(void **state)
{
    (void)state;
    TEST_STEPS(
        {"SET k foobar", "+OK"}, {"BITCOUNT k", ":26"}, {"BITCOUNT k 0 0", ":4"},
        {"BITCOUNT k 1 1", ":6"}, {"BITCOUNT k 1 1 BYTE", ":6"}, {"BITCOUNT k 5 30 BIT", ":17"},
        {"BITCOUNT k 0 -5 bit", ":25"}, {"BITCOUNT k -1 -2", ":0"}, {"BITCOUNT k 9 10", ":0"},
        {"BITCOUNT k -100 100", ":26"}, {"BITCOUNT none", ":0"}, {"BITCOUNT none x", ":0"},
        {"BITCOUNT k 0", SYNTAX}, {"BITCOUNT k 0 1 what", SYNTAX}, {"BITCOUNT k 0 1 bit x", SYNTAX},
        {"BITCOUNT k a 1", NOT_INTEGER}, {"SET e ''", "+OK"}, {"BITCOUNT e", ":0"},
        {"BITCOUNT e 0 -1", ":0"}, {"CF.ADD f x", "#t"}, {"BITCOUNT f", WRONG_TYPE});
}

static void test_bitpos_finds_the_first_bit_of_a_kind(void **state)
{
    (void)state;
    TEST_STEPS({"SET k '\\xff\\xf0\\x00'", "+OK"}, {"BITPOS k 0", ":12"}, {"BITPOS k 1", ":0"},
               {"SET k '\\x00\\xff\\xf0'", "+OK"}, {"BITPOS k 1 0", ":8"}, {"BITPOS k 1 2", ":16"},
               {"BITPOS k 1 2 -1 BYTE", ":16"}, {"BITPOS k 1 7 15 BIT", ":8"},
               {"BITPOS k 1 7 -3 bit", ":8"}, {"SET o '\\xff\\xff'", "+OK"}, {"BITPOS o 0", ":16"},
               {"BITPOS o 0 0", ":16"}, {"BITPOS o 0 0 -1", ":-1"}, {"BITPOS o 0 5", ":-1"},
               {"SET z '\\x00\\x00'", "+OK"}, {"BITPOS z 1", ":-1"}, {"BITPOS none 0", ":0"},
               {"BITPOS none 1", ":-1"}, {"BITPOS none 0 x", ":0"},
               {"BITPOS k 2", "-ERR The bit argument must be 1 or 0."}, {"BITPOS k x", NOT_INTEGER},
               {"BITPOS k 1 x", NOT_INTEGER}, {"BITPOS k 1 0 1 what", SYNTAX},
               {"BITPOS k 1 0 1 bit x", SYNTAX});
}

static void test_bitop_combines_values_of_different_sizes(void **state)
{
    (void)state;
    TEST_STEPS({"SET a '\\xf0\\xff'", "+OK"}, {"SET b '\\x3c'", "+OK"}, {"BITOP AND r a b", ":2"},
               {"GET r", "\"0\\x00\""}, {"BITOP and r b a", ":2"}, {"GET r", "\"0\\x00\""},
               {"BITOP OR r b a", ":2"}, {"GET r", "\"\\xfc\\xff\""}, {"BITOP XOR r a b", ":2"},
               {"GET r", "\"\\xcc\\xff\""}, {"BITOP NOT r a", ":2"}, {"GET r", "\"\\x0f\\x00\""},
               {"BITOP AND r none a", ":2"}, {"GET r", "\"\\x00\\x00\""}, {"BITOP NOT a a", ":2"},
               {"GET a", "\"\\x0f\\x00\""}, {"BITOP OR r none other", ":0"}, {"EXISTS r", ":0"},
               {"SET t v EX 100", "+OK"}, {"BITOP OR t b", ":1"}, {"TTL t", ":-1"},
               {"BITOP NOT r a b", "-ERR BITOP NOT must be called with a single source key."},
               {"BITOP what r a", SYNTAX}, {"CF.ADD f x", "#t"}, {"BITOP OR r a f", WRONG_TYPE},
               {"EXISTS r", ":0"}, {"BITOP OR f b", ":1"}, {"TYPE f", "+string"});
}

static void test_one_bit_of_a_large_value_leaves_the_rest(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "SETBIT k 8000000 1", ":0");
    test_client_expect(&on, "STRLEN k", ":1000001");
    test_client_expect(&on, "SETBIT k 4000003 1", ":0");
    test_client_expect(&on, "SETBIT k 4000003 1", ":1");
    test_client_expect(&on, "BITCOUNT k", ":2");
    test_client_expect(&on, "BITPOS k 1", ":4000003");
    test_client_expect(&on, "BITPOS k 1 500001", ":8000000");
    test_client_expect(&on, "BITOP NOT k k", ":1000001");
    test_client_expect(&on, "BITCOUNT k", ":8000006");
    test_client_expect(&on, "BITPOS k 0", ":4000003");
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setbit_returns_the_old_bit_and_grows_the_value),
        cmocka_unit_test(test_getbit_reads_zero_past_the_end),
        cmocka_unit_test(test_setbit_refuses_what_is_no_bit),
        cmocka_unit_test(test_bitcount_of_ranges_in_bytes_and_bits),
        cmocka_unit_test(test_bitpos_finds_the_first_bit_of_a_kind),
        cmocka_unit_test(test_bitop_combines_values_of_different_sizes),
        cmocka_unit_test(test_one_bit_of_a_large_value_leaves_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
