/*
 * test_siphash.c - the reference's vectors, and a bit anywhere changes all.
 */
#include "support/test.h"

#include "base/siphash.h"

/* Key 00..0F; message 00, 01, 02 ... of 0, 1 and 15 bytes: vectors of the authors' vectors.h. */
static void test_reference_vectors(void **state)
{
    (void)state;
    static const uint8_t empty[16] = {0xA3, 0x81, 0x7F, 0x04, 0xBA, 0x25, 0xA8, 0xE6,
                                      0x6D, 0xF6, 0x72, 0x14, 0xC7, 0x55, 0x02, 0x93};
    static const uint8_t one[16] = {0xDA, 0x87, 0xC1, 0xD8, 0x6B, 0x99, 0xAF, 0x44,
                                    0x34, 0x76, 0x59, 0x11, 0x9B, 0x22, 0xFC, 0x45};
    uint8_t key[HCI_SIPHASH_KEY_BYTES], out[HCI_SIPHASH_BYTES];
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    hci_siphash(key, hc_span_make(key, 0), out);
    assert_memory_equal(out, empty, sizeof out);
    hci_siphash(key, hc_span_make(key, 1), out);
    assert_memory_equal(out, one, sizeof out);
}

static void test_every_bit_counts(void **state)
{
    (void)state;
    uint8_t key[HCI_SIPHASH_KEY_BYTES] = {7}, bytes[37] = {1, 2, 3};
    uint8_t plain[HCI_SIPHASH_BYTES], out[HCI_SIPHASH_BYTES];
    hci_siphash(key, hc_span_make(bytes, sizeof bytes), plain);
    for (unsigned bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        hci_siphash(key, hc_span_make(bytes, sizeof bytes), out);
        assert_memory_not_equal(out, plain, sizeof out);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < sizeof key * 8; bit++) {
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        hci_siphash(key, hc_span_make(bytes, sizeof bytes), out);
        assert_memory_not_equal(out, plain, sizeof out);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_vectors),
        cmocka_unit_test(test_every_bit_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
