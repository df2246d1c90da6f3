/*
 * test_posix_random.c - each source fills all it was asked for, no more, and differs between calls.
 */
#include "support/test.h"

#include "host/posix/defaults.h"
#include "host/posix/random_private.h"

#define BYTES 1000u /* above what getrandom gives without a break, and not a multiple of 8 */

static void fill_by_host(uint8_t *buffer, size_t bytes)
{
    hci_posix_random.fill(hci_posix_random.ctx, buffer, bytes);
}

static void fill_by_getrandom(uint8_t *buffer, size_t bytes)
{
    assert_int_equal(hci_random_by_getrandom(buffer, bytes), bytes);
}

static void fill_by_device(uint8_t *buffer, size_t bytes)
{
    assert_int_equal(hci_random_by_device(buffer, bytes), bytes);
}

static void check_source(void (*fill)(uint8_t *buffer, size_t bytes))
{
    uint8_t one[BYTES + 1] = {0}, two[BYTES + 1] = {0};
    fill(one, BYTES);
    fill(two, BYTES);
    assert_memory_not_equal(one, two, BYTES);
    assert_int_equal(one[BYTES], 0);
    size_t bits = 0;
    for (size_t i = 0; i < BYTES; i++) {
        bits += (size_t)__builtin_popcount(one[i]);
    }
    /* 4000 of 8000 bits expected, standard deviation 45: ten of them is never. */
    assert_in_range(bits, 3550, 4450);
    fill(one, 0);
}

static void test_each_source_fills_what_was_asked(void **state)
{
    (void)state;
    check_source(fill_by_host);
    check_source(fill_by_getrandom);
    check_source(fill_by_device);
    check_source(hci_random_by_circumstance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_source_fills_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
