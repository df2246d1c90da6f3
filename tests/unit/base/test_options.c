/*
 * test_options.c - structs of older and newer callers.
 */
#include "support/test.h"

#include "base/options.h"

typedef struct old_options {
    size_t size;
    uint64_t a;
} old_options;

typedef struct our_options {
    size_t size;
    uint64_t a, b;
} our_options;

typedef struct new_options {
    size_t size;
    uint64_t a, b, c;
} new_options;

static void test_none_gives_defaults(void **state)
{
    (void)state;
    our_options ours = {.size = 1, .a = 2, .b = 3};
    assert_int_equal(hci_options_copy(&ours, sizeof ours, NULL, 0), HC_OK);
    assert_int_equal(ours.size, sizeof ours);
    assert_int_equal(ours.a, 0);
    assert_int_equal(ours.b, 0);
}

static void test_older_callers_leave_new_fields_at_default(void **state)
{
    (void)state;
    old_options theirs = {.size = sizeof theirs, .a = 7};
    our_options ours = {.b = 9};
    assert_int_equal(hci_options_copy(&ours, sizeof ours, &theirs, theirs.size), HC_OK);
    assert_int_equal(ours.size, sizeof ours);
    assert_int_equal(ours.a, 7);
    assert_int_equal(ours.b, 0);
}

static void test_newer_callers_are_understood_while_they_ask_nothing_new(void **state)
{
    (void)state;
    new_options theirs = {.size = sizeof theirs, .a = 7, .b = 8};
    our_options ours;
    assert_int_equal(hci_options_copy(&ours, sizeof ours, &theirs, theirs.size), HC_OK);
    assert_int_equal(ours.size, sizeof ours);
    assert_int_equal(ours.a, 7);
    assert_int_equal(ours.b, 8);
    theirs.c = UINT64_C(1) << 63; /* one bit, in the very last byte */
    assert_int_equal(hci_options_copy(&ours, sizeof ours, &theirs, theirs.size),
                     HC_ERR_UNSUPPORTED);
    assert_int_equal(ours.a, 0);
}

static void test_a_size_without_room_for_itself_is_invalid(void **state)
{
    (void)state;
    our_options theirs = {.a = 7}, ours;
    for (size_t size = 0; size < sizeof(size_t); size++) {
        assert_int_equal(hci_options_copy(&ours, sizeof ours, &theirs, size), HC_ERR_INVALID);
        assert_int_equal(ours.size, sizeof ours);
        assert_int_equal(ours.a, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_gives_defaults),
        cmocka_unit_test(test_older_callers_leave_new_fields_at_default),
        cmocka_unit_test(test_newer_callers_are_understood_while_they_ask_nothing_new),
        cmocka_unit_test(test_a_size_without_room_for_itself_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
