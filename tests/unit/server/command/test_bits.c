/* test_bits.c - counting, finding, reading and writing bits as one bit at a time would. */
#include <stdlib.h>

#include "command/bits.h"
#include "support/test.h"
#include "support/test_random.h"

#define VALUE_BYTES 600u
#define ROUNDS 20000u

static bool bit_at(hc_span value, uint64_t at)
{
    return at / 8 < value.size && (value.data[at / 8] >> (7 - at % 8) & 1) != 0;
}

/* Long stretches of equal bits, as a search meets them. */
static void value_make(test_random *random, uint8_t bytes[VALUE_BYTES])
{
    for (size_t at = 0; at < VALUE_BYTES;) {
        size_t run = 1 + test_random_below(random, 60);
        unsigned kind = (unsigned)test_random_below(random, 4);
        for (; run > 0 && at < VALUE_BYTES; run--, at++)
            bytes[at] = (uint8_t)(kind == 0 ? 0 : kind == 1 ? 0xff : test_random_next(random));
    }
}

static void test_counts_and_finds_as_one_bit_at_a_time(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 7);
    uint8_t bytes[VALUE_BYTES];
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 100 == 0) value_make(&random, bytes);
        hc_span value = hc_span_make(bytes, 1 + test_random_below(&random, VALUE_BYTES));
        uint64_t last = test_random_below(&random, value.size * 8);
        uint64_t first = test_random_below(&random, last + 1);
        uint64_t count = 0;
        int64_t found[2] = {-1, -1};
        for (uint64_t at = last + 1; at > first; at--) {
            bool bit = bit_at(value, at - 1);
            count += bit;
            found[bit] = (int64_t)(at - 1);
        }
        assert_int_equal(bits_count(value, first, last), count);
        assert_int_equal(bits_find(value, first, last, false), found[0]);
        assert_int_equal(bits_find(value, first, last, true), found[1]);
    }
}

static void test_what_is_put_is_got_and_nothing_else_changes(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 8);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t window[9], before[9];
        test_random_bytes(&random, window, sizeof window);
        memcpy(before, window, sizeof window);
        unsigned offset = (unsigned)test_random_below(&random, 8);
        unsigned width = 1 + (unsigned)test_random_below(&random, 64);
        uint64_t number = test_random_next(&random);
        bits_put(window, offset, width, number);
        uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
        assert_int_equal(bits_get(hc_span_make(window, 9), offset, width), number & mask);
        for (unsigned at = 0; at < 72; at++)
            if (at < offset || at >= offset + width)
                assert_int_equal(bit_at(hc_span_make(window, 9), at),
                                 bit_at(hc_span_make(before, 9), at));
    }
}

static void test_bits_past_the_end_read_as_zero(void **state)
{
    (void)state;
    static const uint8_t ones[2] = {0xff, 0xff};
    hc_span value = hc_span_make(ones, 2);
    assert_int_equal(bits_get(value, 12, 8), 0xf0);
    assert_int_equal(bits_get(value, 16, 64), 0);
    assert_int_equal(bits_get(hc_span_make(NULL, 0), 0, 1), 0);
    assert_int_equal(bits_get(value, UINT64_C(1) << 40, 5), 0);
}

static void test_offsets_are_those_of_the_largest_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned width;
        int64_t want; /* -1: none */
    } rows[] = {{"0", 0, 0},
                {"4294967295", 0, 4294967295},
                {"4294967296", 0, -1},
                {"-1", 0, -1},
                {"", 0, -1},
                {"1 ", 0, -1},
                {"#1", 0, -1},
                {"#0", 8, 0},
                {"#3", 8, 24},
                {"3", 8, 3},
                {"#", 8, -1},
                {"#-1", 8, -1},
                {"#536870911", 8, 4294967288},
                {"#536870912", 8, -1},
                {"#9223372036854775807", 64, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t offset = 0;
        bool is_one = bits_offset_parse(span(rows[i].text), rows[i].width, &offset);
        assert_int_equal(is_one, rows[i].want >= 0);
        if (is_one) assert_int_equal(offset, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_finds_as_one_bit_at_a_time),
        cmocka_unit_test(test_what_is_put_is_got_and_nothing_else_changes),
        cmocka_unit_test(test_bits_past_the_end_read_as_zero),
        cmocka_unit_test(test_offsets_are_those_of_the_largest_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
