/* test_peer_wire.c - greetings and frames of a stream, and bytes that are neither. */
#include "peer/peer_wire.h"

#include "support/test.h"
#include "support/test_random.h"

static peer_greeting greeting_make(void)
{
    peer_greeting g = {.version_min = 1,
                       .version_max = 3,
                       .verdict = PEER_WELCOME,
                       .cluster_id = UINT64_C(0x1122334455667788),
                       .boot_id = UINT64_C(0xFFEEDDCCBBAA9988),
                       .address = {.port = 7946}};
    for (size_t i = 0; i < sizeof g.node.bytes; i++)
        g.node.bytes[i] = (uint8_t)(i + 1);
    for (size_t i = 0; i < sizeof g.address.ip; i++)
        g.address.ip[i] = (uint8_t)(200 + i);
    return g;
}

static void test_a_greeting_comes_back_as_it_was(void **state)
{
    (void)state;
    uint8_t bytes[PEER_GREETING_BYTES];
    peer_greeting sent = greeting_make(), got = {.version_min = 0};
    peer_greeting_write(bytes, &sent);
    assert_true(peer_greeting_read(bytes, &got));
    assert_int_equal(got.version_min, 1);
    assert_int_equal(got.version_max, 3);
    assert_true(got.cluster_id == sent.cluster_id && got.boot_id == sent.boot_id);
    assert_memory_equal(&got.node, &sent.node, sizeof sent.node);
    assert_memory_equal(got.address.ip, sent.address.ip, sizeof sent.address.ip);
    assert_int_equal(got.address.port, 7946);
}

/* Its form is what other releases read. */
static void test_the_form_of_a_greeting_does_not_change(void **state)
{
    (void)state;
    uint8_t bytes[PEER_GREETING_BYTES];
    peer_greeting g = greeting_make();
    static const uint8_t start[] = {'H',  'C',  'P',  'L',  1,    0,    3,    0,    0,    0,
                                    0x0A, 0x1F, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    peer_greeting_write(bytes, &g);
    assert_memory_equal(bytes, start, sizeof start);
    assert_int_equal(bytes[20], 1);
    assert_int_equal(bytes[44], 0x88);
    assert_int_equal(bytes[52], 200);
    assert_int_equal(bytes[PEER_GREETING_BYTES - 1], 0);
}

static void test_strangers_are_told_why(void **state)
{
    (void)state;
    peer_greeting own = greeting_make(), other = own;
    assert_int_equal(peer_greeting_judge(&other, &own), PEER_MYSELF);
    other.boot_id++;
    assert_int_equal(peer_greeting_judge(&other, &own), PEER_WELCOME);
    other.node.bytes[0]++;
    assert_int_equal(peer_greeting_judge(&other, &own), PEER_WELCOME);
    other.version_min = 4;
    other.version_max = 5;
    assert_int_equal(peer_greeting_judge(&other, &own), PEER_OTHER_VERSION);
    other.version_min = other.version_max = 0;
    assert_int_equal(peer_greeting_judge(&other, &own), PEER_OTHER_VERSION);
    other.cluster_id++;
    assert_int_equal(peer_greeting_judge(&other, &own), PEER_OTHER_CLUSTER);
}

static void test_a_frame_head_comes_back_and_larger_ones_are_none(void **state)
{
    (void)state;
    uint8_t bytes[PEER_FRAME_HEAD_BYTES];
    unsigned kind;
    size_t size;
    static const size_t good[] = {1, 255, 65536, PEER_FRAME_BYTES_MAX};
    static const size_t bad[] = {0, PEER_FRAME_BYTES_MAX + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        peer_frame_write(bytes, PEER_FRAME_REPLICA, good[i]);
        assert_true(peer_frame_read(bytes, &kind, &size));
        assert_int_equal(kind, PEER_FRAME_REPLICA);
        assert_int_equal(size, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        peer_frame_write(bytes, PEER_FRAME_MEMBERS, bad[i]);
        assert_false(peer_frame_read(bytes, &kind, &size));
    }
    peer_frame_write(bytes, PEER_FRAME_MEMBERS, 10);
    bytes[6] = 1;
    assert_false(peer_frame_read(bytes, &kind, &size));
}

static void test_any_bytes_are_safe(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 20261122);
    uint8_t bytes[PEER_GREETING_BYTES];
    peer_greeting got, own = greeting_make();
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)test_random_below(&random, 256);
        if (round % 2 == 0) memcpy(bytes, "HCPL", 4);
        unsigned kind;
        size_t size;
        if (peer_greeting_read(bytes, &got)) {
            assert_true(got.version_min <= got.version_max && got.address.port != 0);
            assert_true(peer_greeting_judge(&got, &own) <= PEER_FULL);
        }
        if (peer_frame_read(bytes, &kind, &size)) assert_in_range(size, 1, PEER_FRAME_BYTES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_greeting_comes_back_as_it_was),
        cmocka_unit_test(test_the_form_of_a_greeting_does_not_change),
        cmocka_unit_test(test_strangers_are_told_why),
        cmocka_unit_test(test_a_frame_head_comes_back_and_larger_ones_are_none),
        cmocka_unit_test(test_any_bytes_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
