/*
 * test_crc64.c - the checksum is Redis's, however its bytes are cut.
 */
#include "support/test.h"

#include "base/crc64.h"

static void test_known_values(void **state)
{
    (void)state;
    assert_int_equal(hci_crc64(0, span("")), 0);
    assert_true(hci_crc64(0, span("123456789")) == UINT64_C(0xE9C6D914C4B8D9CA));
}

static void test_parts_make_the_whole(void **state)
{
    (void)state;
    uint8_t bytes[61];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    uint64_t whole = hci_crc64(0, hc_span_make(bytes, sizeof bytes));
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint64_t part = hci_crc64(0, hc_span_make(bytes, cut));
        assert_true(hci_crc64(part, hc_span_make(bytes + cut, sizeof bytes - cut)) == whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_parts_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
