/*
 * test_number.c - decimal integers: what is read, what is refused, and that both ways agree.
 */
#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/number.h"
#include "support/test_random.h"

static void test_numbers_in_range_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"10", 10},
        {"999999999999999999", INT64_C(999999999999999999)},
        {"1000000000000000000", INT64_C(1000000000000000000)},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775807", -INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = 42;
        assert_true(hci_parse_int64(span(good[i].text), &value));
        assert_true(value == good[i].value);
    }
}

static void test_anything_else_is_refused_and_leaves_the_result(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "1a",
        "--1",
        "1-",
        "/",
        ":",
        "1/",
        "1:",
        "9223372036854775808",
        "-9223372036854775809",
        "9999999999999999999",
        "18446744073709551616",
        "10000000000000000000000",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 42;
        assert_false(hci_parse_int64(span(bad[i]), &value));
        assert_int_equal(value, 42);
    }
    int64_t value = 42;
    assert_false(hci_parse_int64(hc_span_make(NULL, 0), &value));
    assert_false(hci_parse_int64(hc_span_make("1\0", 2), &value));
}

static void check_format(int64_t value)
{
    char want[32], got[HCI_INT64_TEXT_MAX];
    int size = snprintf(want, sizeof want, "%" PRId64, value);
    assert_int_equal(hci_format_int64(value, got), size);
    assert_memory_equal(got, want, (size_t)size);
    int64_t back;
    assert_true(hci_parse_int64(hc_span_make(got, (size_t)size), &back));
    assert_true(back == value);
}

static void test_formatting_agrees_with_printf_and_reads_back(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 1);
    check_format(0);
    check_format(INT64_MIN);
    check_format(INT64_MAX);
    int64_t power = 1;
    for (int digits = 1; digits < 19; digits++, power *= 10) {
        check_format(power);
        check_format(power - 1);
        check_format(-power);
        check_format(1 - power);
    }
    for (int i = 0; i < 100000; i++) {
        uint64_t shift = test_random_below(&random, 64);
        check_format((int64_t)(test_random_next(&random) >> shift));
        check_format((int64_t)test_random_next(&random));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_in_range_are_read),
        cmocka_unit_test(test_anything_else_is_refused_and_leaves_the_result),
        cmocka_unit_test(test_formatting_agrees_with_printf_and_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
