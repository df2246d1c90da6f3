/* test_bitfield_commands.c - BITFIELD: widths, signs, overflow, and that errors change nothing. */
#include <stdlib.h>

#include "support/test_client.h"

#define BAD_TYPE                                                                                   \
    "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "   \
    "i64 is."

static void test_fields_are_set_read_and_added_to(void **state)
{
    (void)state;
    TEST_STEPS(
        {"BITFIELD k INCRBY i5 100 1 GET u4 0", "*2 :1 :0"}, {"STRLEN k", ":14"},
        {"BITFIELD b SET u8 0 255 GET u8 0 GET i8 0 GET u4 4 GET i1 7", "*5 :0 :255 :-1 :15 :-1"},
        {"BITFIELD b SET i64 3 -2 GET i64 3 GET u63 3", "*3 :-576460752303423488 :-2 "
                                                        ":9223372036854775807"},
        {"BITFIELD c SET u8 #0 65 SET u8 #1 66 SET u8 #2 67", "*3 :0 :0 :0"}, {"GET c", "\"ABC\""},
        {"BITFIELD c get u8 #2 GET u8 #9", "*2 :67 :0"}, {"BITFIELD c", "*0"},
        {"BITFIELD none GET u8 0", "*1 :0"}, {"EXISTS none", ":0"});
}

static void test_overflow_wraps_saturates_or_fails(void **state)
{
    (void)state;
    TEST_STEPS(
        {"BITFIELD k INCRBY u2 0 5 INCRBY u2 0 -2 INCRBY i8 8 127 INCRBY i8 8 1",
         "*4 :1 :3 :127 :-128"},
        {"DEL k", ":1"},
        {"BITFIELD k OVERFLOW SAT INCRBY u2 0 9 INCRBY u2 0 -9 INCRBY i8 8 500 INCRBY i8 8 -500",
         "*4 :3 :0 :127 :-128"},
        {"BITFIELD k OVERFLOW FAIL INCRBY u2 0 4 INCRBY i8 8 -1 GET i8 8 OVERFLOW WRAP INCRBY i8 8 "
         "-1",
         "*4 nil nil :-128 :127"},
        {"BITFIELD s SET u8 0 256 SET u8 0 -1 GET u8 0", "*3 :0 :0 :255"},
        {"BITFIELD s OVERFLOW SAT SET u8 0 300 SET i8 8 -300 GET i8 8", "*3 :255 :0 :-128"},
        {"BITFIELD l SET i64 0 9223372036854775807 INCRBY i64 0 1", "*2 :0 :-9223372036854775808"},
        {"BITFIELD l OVERFLOW SAT INCRBY i64 0 -1", "*1 :-9223372036854775808"},
        {"BITFIELD x OVERFLOW FAIL SET u8 80 256", "*1 nil"}, {"STRLEN x", ":11"});
}

static void test_a_wrong_argument_anywhere_changes_nothing(void **state)
{
    (void)state;
    TEST_STEPS(
        {"BITFIELD k SET u8 0 1 GET u64 0", BAD_TYPE}, {"BITFIELD k SET u0 0 1", BAD_TYPE},
        {"BITFIELD k GET i65 0", BAD_TYPE}, {"BITFIELD k GET x8 0", BAD_TYPE},
        {"BITFIELD k GET U8 0", BAD_TYPE}, {"BITFIELD k GET u 0", BAD_TYPE},
        {"BITFIELD k SET u8 -1 1", "-ERR bit offset is not an integer or out of range"},
        {"BITFIELD k SET u8 4294967296 1", "-ERR bit offset is not an integer or out of range"},
        {"BITFIELD k SET u8 0 x", "-ERR value is not an integer or out of range"},
        {"BITFIELD k SET u8 0", "-ERR syntax error"}, {"BITFIELD k what", "-ERR syntax error"},
        {"BITFIELD k SET u8 0 1 OVERFLOW", "-ERR syntax error"},
        {"BITFIELD k SET u8 0 1 OVERFLOW x", "-ERR Invalid OVERFLOW type specified"},
        {"EXISTS k", ":0"}, {"CF.ADD f x", "#t"},
        {"BITFIELD f GET u8 0",
         "-WRONGTYPE Operation against a key holding the wrong kind of value"});
}

static void test_bitfield_ro_only_reads(void **state)
{
    (void)state;
    TEST_STEPS({"SET k A", "+OK"}, {"BITFIELD_RO k GET u8 0 GET u4 0", "*2 :65 :4"},
               {"BITFIELD_RO k SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"},
               {"BITFIELD_RO k GET u8 0 INCRBY u8 0 1",
                "-ERR BITFIELD_RO only supports the GET subcommand"},
               {"GET k", "\"A\""}, {"BITFIELD_RO k", "*0"});
}

static void test_a_field_at_the_very_end_of_the_largest_value_is_too_long(void **state)
{
    (void)state;
    TEST_STEPS({"BITFIELD k SET u8 4294967295 1",
                "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
               {"BITFIELD k GET u8 4294967295", "*1 :0"}, {"EXISTS k", ":0"});
}

static void test_fields_of_a_large_value_change_in_place(void **state)
{
    (void)state;
    TEST_STEPS({"SETBIT k 800000 1", ":0"}, {"EXPIRE k 100", ":1"},
               {"BITFIELD k SET i64 799997 -1 INCRBY u8 #10 7 GET u8 #10",
                "*3 :1152921504606846976 :7 :7"},
               {"STRLEN k", ":100008"}, {"BITCOUNT k", ":67"}, {"TTL k", ":100"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_set_read_and_added_to),
        cmocka_unit_test(test_overflow_wraps_saturates_or_fails),
        cmocka_unit_test(test_a_wrong_argument_anywhere_changes_nothing),
        cmocka_unit_test(test_bitfield_ro_only_reads),
        cmocka_unit_test(test_a_field_at_the_very_end_of_the_largest_value_is_too_long),
        cmocka_unit_test(test_fields_of_a_large_value_change_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
