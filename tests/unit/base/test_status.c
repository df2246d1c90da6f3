/*
 * test_status.c - each status has a text of its own.
 */
#include "support/test.h"

#include <hypercache/types.h>

static void test_each_status_has_its_own_text(void **state)
{
    (void)state;
    for (int a = HC_ERR_CORRUPT; a <= HC_OK; a++) {
        const char *text = hc_status_text((hc_status)a);
        assert_non_null(text);
        assert_string_not_equal(text, "unknown status");
        for (int b = HC_ERR_CORRUPT; b < a; b++) {
            assert_string_not_equal(text, hc_status_text((hc_status)b));
        }
    }
}

static void test_a_status_of_no_meaning_has_a_text_too(void **state)
{
    (void)state;
    assert_string_equal(hc_status_text((hc_status)-1000), "unknown status");
    assert_string_equal(hc_status_text((hc_status)1), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_status_has_its_own_text),
        cmocka_unit_test(test_a_status_of_no_meaning_has_a_text_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
