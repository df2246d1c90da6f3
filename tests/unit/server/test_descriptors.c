/*
 * test_descriptors.c - as many clients as there can be descriptors, and a reserve.
 */
#include "support/test.h"

#include <sys/resource.h>

#include "descriptors.h"

static void limit_set(rlim_t soft)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static rlim_t limit_get(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

static void test_a_limit_that_is_high_enough_is_left_alone(void **state)
{
    (void)state;
    limit_set(250);
    assert_int_equal(descriptors_provide(100, 2), 100);
    assert_int_equal(limit_get(), 250);
}

static void test_a_low_limit_is_raised(void **state)
{
    (void)state;
    limit_set(100);
    assert_int_equal(descriptors_provide(500, 1), 500);
    assert_int_equal(limit_get(), 500 + DESCRIPTORS_RESERVE(1));
}

/* More than any kernel allows: fs.nr_open is 2^20 by default, and 2^31 - 64 at most. */
static void test_beyond_the_systems_limit_there_are_fewer_clients(void **state)
{
    (void)state;
    limit_set(100);
    unsigned clients = descriptors_provide(4000000000u, 1);
    assert_in_range(clients, 1, 3999999999u);
    assert_true(limit_get() >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_limit_that_is_high_enough_is_left_alone),
        cmocka_unit_test(test_a_low_limit_is_raised),
        cmocka_unit_test(test_beyond_the_systems_limit_there_are_fewer_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
