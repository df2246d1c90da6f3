/* test_number_commands.c - INCR and its family up to the edges of 64 bits; INCRBYFLOAT. */
#include <stdio.h>

#include "support/test_client.h"

#define NOT_INTEGER "-ERR value is not an integer or out of range"
#define NOT_FLOAT "-ERR value is not a valid float"
#define OVERFLOW "-ERR increment or decrement would overflow"

static void test_integers_count_from_zero_and_keep_the_expiry(void **state)
{
    (void)state;
    TEST_STEPS({"INCR n", ":1"}, {"INCRBY n 41", ":42"}, {"DECR n", ":41"},
               {"DECRBY n 100", ":-59"}, {"GET n", "\"-59\""}, {"EXPIRE n 30", ":1"},
               {"INCR n", ":-58"}, {"TTL n", ":30"}, {"INCRBY n -2", ":-60"},
               {"DECRBY n -60", ":0"}, {"GET n", "\"0\""});
}

static void test_integers_stop_at_64_bits(void **state)
{
    (void)state;
    TEST_STEPS({"SET n 9223372036854775806", "+OK"}, {"INCR n", ":9223372036854775807"},
               {"INCR n", OVERFLOW}, {"INCRBY n 9223372036854775807", OVERFLOW},
               {"GET n", "\"9223372036854775807\""}, {"SET m -9223372036854775807", "+OK"},
               {"DECR m", ":-9223372036854775808"}, {"DECR m", OVERFLOW},
               {"INCRBY m -9223372036854775808", OVERFLOW},
               {"DECRBY m -9223372036854775808", "-ERR decrement would overflow"},
               {"DECRBY n -9223372036854775807", OVERFLOW}, {"SET z 0", "+OK"},
               {"INCRBY z -9223372036854775808", ":-9223372036854775808"},
               {"INCRBY z 9223372036854775808", NOT_INTEGER}, {"INCRBY z 1.0", NOT_INTEGER},
               {"INCRBY z ''", NOT_INTEGER});
}

static void test_what_is_no_integer_is_left_alone(void **state)
{
    (void)state;
    static const char *const values[] = {"abc",
                                         "''",
                                         "' 1'",
                                         "'1 '",
                                         "+1",
                                         "01",
                                         "-0",
                                         "1.0",
                                         "0x10",
                                         "1\\0",
                                         "9223372036854775808",
                                         "-",
                                         "--1",
                                         "1e3"};
    test_client on;
    test_client_init(&on, NULL);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "SET n %s", values[i]);
        test_client_expect(&on, line, "+OK");
        test_client_expect(&on, "INCR n", NOT_INTEGER);
    }
    test_client_fini(&on);
}

static void test_floats_print_without_trailing_zeros(void **state)
{
    (void)state;
    TEST_STEPS({"INCRBYFLOAT f 10.5", "\"10.5\""}, {"INCRBYFLOAT f 0.1", "\"10.6\""},
               {"INCRBYFLOAT f -10.6", "\"0\""}, {"SET f 5.0e3", "+OK"},
               {"INCRBYFLOAT f 2.0e2", "\"5200\""}, {"INCRBYFLOAT f -5200", "\"0\""},
               {"SET f 3", "+OK"}, {"INCRBYFLOAT f 1.5", "\"4.5\""}, {"EXPIRE f 20", ":1"},
               {"INCRBYFLOAT f 1", "\"5.5\""}, {"TTL f", ":20"}, {"GET f", "\"5.5\""},
               {"SET f 1e400", "+OK"}, {"INCRBYFLOAT f 1", "\"1000000000000000000028..."});
}

static void test_floats_refuse_what_is_none(void **state)
{
    (void)state;
    TEST_STEPS({"SET f abc", "+OK"}, {"INCRBYFLOAT f 1", NOT_FLOAT}, {"SET f 1", "+OK"},
               {"INCRBYFLOAT f abc", NOT_FLOAT}, {"INCRBYFLOAT f nan", NOT_FLOAT},
               {"INCRBYFLOAT f ''", NOT_FLOAT}, {"INCRBYFLOAT f ' 1'", NOT_FLOAT},
               {"INCRBYFLOAT f '1 '", NOT_FLOAT}, {"INCRBYFLOAT f 1e5000", NOT_FLOAT},
               {"INCRBYFLOAT f '1\\0'", NOT_FLOAT},
               {"INCRBYFLOAT f inf", "-ERR increment would produce NaN or Infinity"},
               {"INCRBYFLOAT f -inf", "-ERR increment would produce NaN or Infinity"},
               {"GET f", "\"1\""});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_count_from_zero_and_keep_the_expiry),
        cmocka_unit_test(test_integers_stop_at_64_bits),
        cmocka_unit_test(test_what_is_no_integer_is_left_alone),
        cmocka_unit_test(test_floats_print_without_trailing_zeros),
        cmocka_unit_test(test_floats_refuse_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
