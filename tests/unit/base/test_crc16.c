/*
 * test_crc16.c - the checksum against its definition, slots against what Redis Cluster documents.
 */
#include "support/test.h"

#include "base/crc16.h"
#include "support/test_random.h"

/* The definition: one bit at a time. */
static uint16_t crc16_by_bits(hc_span bytes)
{
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (unsigned)bytes.data[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000u) != 0 ? crc << 1 ^ 0x1021u : crc << 1;
        }
        crc &= 0xffffu;
    }
    return (uint16_t)crc;
}

static void test_published_check_value(void **state)
{
    (void)state;
    assert_int_equal(hci_crc16(HC_SPAN("123456789")), 0x31C3);
    assert_int_equal(hci_crc16(HC_SPAN("")), 0);
    assert_int_equal(hci_crc16(hc_span_make(NULL, 0)), 0);
}

static void test_every_length_and_place_agrees_with_the_definition(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 2);
    for (int round = 0; round < 200; round++) {
        uint8_t bytes[80];
        test_random_bytes(&random, bytes, sizeof bytes);
        size_t from = test_random_below(&random, 8);
        for (size_t size = 0; size <= sizeof bytes - from; size++) {
            hc_span part = hc_span_make(bytes + from, size);
            assert_int_equal(hci_crc16(part), crc16_by_bits(part));
        }
    }
}

static void test_slots_are_those_of_redis(void **state)
{
    (void)state;
    assert_int_equal(hci_slot(HC_SPAN("foo")), 12182); /* CLUSTER KEYSLOT foo */
    assert_int_equal(hci_slot(HC_SPAN("bar")), 5061);
    assert_int_equal(hci_slot(HC_SPAN("somekey")), 11058);
    assert_int_equal(hci_slot(HC_SPAN("foo{hash_tag}")), 2515);
    assert_int_equal(hci_slot(HC_SPAN("")), 0);
}

static void test_only_the_first_complete_tag_counts(void **state)
{
    (void)state;
    static const struct {
        const char *key, *counts;
    } cases[] = {
        {"{user1}:name", "user1"},
        {"a{user1}b{user2}", "user1"},
        {"{}x{y}", "{}x{y}"},   /* an empty tag: the whole key */
        {"foo{bar", "foo{bar"}, /* never closed */
        {"foo}bar", "foo}bar"},
        {"}{a}", "a"},
        {"{{bar}}zap", "{bar"},
        {"{a}", "a"},
        {"x{", "x{"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t want = crc16_by_bits(span(cases[i].counts)) & (HCI_SLOTS - 1);
        assert_int_equal(hci_slot(span(cases[i].key)), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_check_value),
        cmocka_unit_test(test_every_length_and_place_agrees_with_the_definition),
        cmocka_unit_test(test_slots_are_those_of_redis),
        cmocka_unit_test(test_only_the_first_complete_tag_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
