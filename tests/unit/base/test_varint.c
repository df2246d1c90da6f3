/*
 * test_varint.c - every number has one encoding, and only that one is read.
 */
#include "support/test.h"

#include "base/varint.h"

static const struct {
    uint32_t value;
    size_t size;
} edges[] = {
    {0, 1},       {1, 1},       {127, 1},       {128, 2},       {16383, 2},      {16384, 3},
    {2097151, 3}, {2097152, 4}, {268435455, 4}, {268435456, 5}, {UINT32_MAX, 5},
};

static void test_each_size_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        uint8_t bytes[HCI_VARINT_BYTES_MAX];
        uint32_t trusted, checked;
        assert_int_equal(hci_varint_size(edges[i].value), edges[i].size);
        assert_int_equal(hci_varint_put(bytes, edges[i].value), edges[i].size);
        assert_int_equal(hci_varint_get(bytes, &trusted), edges[i].size);
        assert_int_equal(trusted, edges[i].value);
        assert_int_equal(hci_varint_get_checked(bytes, edges[i].size, &checked), edges[i].size);
        assert_int_equal(checked, edges[i].value);
    }
}

static void test_cut_input_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        uint8_t bytes[HCI_VARINT_BYTES_MAX];
        size_t size = hci_varint_put(bytes, edges[i].value);
        for (size_t cut = 0; cut < size; cut++) {
            uint32_t value = 7;
            assert_int_equal(hci_varint_get_checked(bytes, cut, &value), 0);
            assert_int_equal(value, 0);
        }
    }
}

static void test_what_is_not_the_shortest_encoding_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[6];
        size_t size;
    } bad[] = {
        {{0x80, 0x00}, 2},                         /* 0 in two bytes */
        {{0xff, 0x80, 0x00}, 3},                   /* 127 in three */
        {{0xff, 0xff, 0xff, 0xff, 0x10}, 5},       /* 2^32 */
        {{0xff, 0xff, 0xff, 0xff, 0x7f}, 5},       /* beyond */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 6}, /* six bytes */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t value;
        assert_int_equal(hci_varint_get_checked(bad[i].bytes, bad[i].size, &value), 0);
    }
}

static void test_trusted_read_stops_after_five_bytes(void **state)
{
    (void)state;
    const uint8_t bytes[HCI_VARINT_BYTES_MAX] = {0xff, 0xff, 0xff, 0xff, 0xff};
    uint32_t value;
    assert_int_equal(hci_varint_get(bytes, &value), HCI_VARINT_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_size_reads_back),
        cmocka_unit_test(test_cut_input_is_refused),
        cmocka_unit_test(test_what_is_not_the_shortest_encoding_is_refused),
        cmocka_unit_test(test_trusted_read_stops_after_five_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
