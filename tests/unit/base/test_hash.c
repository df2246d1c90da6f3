/*
 * test_hash.c - the hash is XXH3 with a seed, and stays so: filters are stored with it.
 */
#include "support/test.h"

#include "base/hash.h"

static void test_hash_of_known_input_never_changes(void **state)
{
    (void)state;
    /* Published sanity values of XXH3_64bits for the empty input. */
    assert_true(hci_hash(HC_SPAN(""), 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(hci_hash(hc_span_make(NULL, 0), 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(hci_hash(HC_SPAN("key:0000000000001"), 1) ==
                XXH3_64bits_withSeed("key:0000000000001", 17, 1));
}

static void test_seed_changes_the_hash(void **state)
{
    (void)state;
    assert_true(hci_hash(HC_SPAN("a"), 1) != hci_hash(HC_SPAN("a"), 2));
    assert_true(hci_hash(HC_SPAN("a"), 1) != hci_hash(HC_SPAN("b"), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_of_known_input_never_changes),
        cmocka_unit_test(test_seed_changes_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
