/*
 * test_replica_group.c - several keys of one slot, changed in one step: sums of money that is moved
 * to and fro stay what they are.
 */
#include "support/sim_replicas.h"
#include "support/test.h"

#include "replication/replication_private.h"

#include <stdio.h>
#include <stdlib.h>

#define A "{bank}a"
#define B "{bank}b"

static sim_replicas *three(uint64_t seed)
{
    sim_replicas *c = sim_replicas_start(seed, 3);
    sim_replicas_run(c, 3);
    return c;
}

static long long amount_of(sim_replicas *c, uint32_t at, const char *key)
{
    sim_reply said = sim_replica_do(c, at, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
    assert_in_range(said.outcome, HC_OUTCOME_DONE, HC_OUTCOME_ABSENT);
    return said.outcome == HC_OUTCOME_DONE ? strtoll(said.value, NULL, 10) : 0;
}

static uint64_t version_of(sim_replicas *c, uint32_t at, const char *key)
{
    bool live;
    return hc_replica_version(c->nodes[at].replica, sim_replica_now(&c->nodes[at]), span(key),
                              &live);
}

static void test_two_keys_change_in_one_step_at_each_level_from_any_node(void **state)
{
    (void)state;
    static const hc_level levels[] = {HC_LEVEL_ONE, HC_LEVEL_QUORUM, HC_LEVEL_ALL};
    sim_replicas *c = three(1);
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, A, "100");
    for (unsigned i = 0; i < 9; i++) {
        sim_reply *said = sim_replica_transfer(c, i % 3, levels[i / 3], A, B, "10");
        sim_replicas_run(c, 1.2);
        char want[8];
        (void)snprintf(want, sizeof want, "%u", 10 * (i + 1));
        assert_int_equal(said->outcome, HC_OUTCOME_DONE);
        assert_string_equal(said->value, want);
        for (uint32_t n = 0; n < 3; n++) { /* one version for both, on all */
            assert_true(version_of(c, n, A) == version_of(c, 0, B));
            assert_true(version_of(c, n, B) == version_of(c, 0, B));
        }
    }
    assert_int_equal(amount_of(c, 1, A), 10);
    assert_true(sim_replicas_agree(c));
    sim_replicas_end(c);
}

static void test_what_is_refused_changes_nothing(void **state)
{
    (void)state;
    sim_replicas *c = three(2);
    for (unsigned level = HC_LEVEL_ONE; level <= HC_LEVEL_ALL; level++) {
        for (uint32_t at = 0; at < 3; at++) {
            sim_reply *said = sim_replica_transfer(c, at, (hc_level)level, A, B, "1");
            sim_replicas_run(c, 1.2);
            assert_int_equal(said->outcome, HC_OUTCOME_REFUSED);
            assert_int_equal(said->status, HC_ERR_CONFLICT);
        }
    }
    for (uint32_t n = 0; n < 3; n++)
        assert_true(version_of(c, n, A) == 0 && version_of(c, n, B) == 0);
    sim_replicas_end(c);
}

static void test_groups_at_quorum_from_all_nodes_at_once_keep_the_sum(void **state)
{
    (void)state;
    sim_replicas *c = three(3);
    sim_reply *said[120];
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, A, "1000");
    for (unsigned i = 0; i < 120; i++) {
        bool back = i % 4 == 3;
        said[i] = sim_replica_transfer(c, i % 3, HC_LEVEL_QUORUM, back ? B : A, back ? A : B, "2");
        if (i % 10 == 0)
            (void)sim_replica_ask(c, i % 3, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, B, "0");
        sim_replicas_run(c, 0.003);
    }
    sim_replicas_run(c, 3);
    for (unsigned i = 0; i < 120; i++)
        assert_int_equal(said[i]->outcome, HC_OUTCOME_DONE);
    assert_int_equal(amount_of(c, 1, A), 1000 - 60 * 2);
    assert_int_equal(amount_of(c, 2, B), 60 * 2);
    assert_true(sim_replicas_agree(c));
    sim_replicas_end(c);
}

/* Nobody dies, so what is UNCERTAIN happens to both keys or to none. */
static void test_groups_at_quorum_under_cuts_keep_the_sum(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 16; seed++) {
        sim_replicas *c = three(seed);
        (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, A, "1000");
        for (unsigned i = 0; i < 60; i++) {
            bool alone[3] = {false};
            if (i % 10 < 6) alone[i / 10 % 3] = true; /* else all hear each other */
            sim_split(c->network, alone);
            (void)sim_replica_transfer(c, i % 3, HC_LEVEL_QUORUM, A, B, "1");
            sim_replicas_run(c, 0.05);
        }
        sim_split(c->network, (bool[3]){false});
        sim_replicas_run(c, 15);
        long long a = amount_of(c, 0, A), b = amount_of(c, 1, B);
        if (a + b != 1000) fail_msg("seed %u: %lld + %lld", (unsigned)seed, a, b);
        sim_replicas_end(c);
    }
}

static void test_too_few_holders_refuse_a_group_before_anything_is_stored(void **state)
{
    (void)state;
    sim_replicas *c = three(4);
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, A, "5");
    for (uint32_t n = 1; n < 3; n++) {
        sim_replica_stop(c, n, false);
        sim_replica_state(c, n, HC_MEMBER_DEAD);
    }
    sim_reply *said = sim_replica_transfer(c, 0, HC_LEVEL_QUORUM, A, B, "1");
    sim_replicas_run(c, 1.2);
    assert_int_equal(said->outcome, HC_OUTCOME_NO_REPLICAS);
    assert_true(version_of(c, 0, B) == 0);
    sim_replicas_end(c);
}

static hc_status request(sim_replicas *c, const hc_span *keys, size_t count, hc_span value)
{
    hc_request q = {.size = sizeof q,
                    .kind = HC_REQUEST_GROUP,
                    .value = value,
                    .keys = keys,
                    .key_count = count};
    return hc_replica_request(c->nodes[0].replica, sim_replica_now(&c->nodes[0]), &q);
}

static void test_groups_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static hc_span many[HC_REPLICA_GROUP_KEYS_MAX + 1];
    sim_replicas *c = three(5);
    const hc_span apart[] = {HC_SPAN("a"), HC_SPAN("b")};
    assert_int_equal(request(c, apart, 2, HC_SPAN("1")), HC_ERR_INVALID);
    assert_int_equal(request(c, apart, 0, HC_SPAN("1")), HC_ERR_INVALID);
    assert_int_equal(request(c, NULL, 1, HC_SPAN("1")), HC_ERR_INVALID);
    assert_int_equal(request(c, many, HC_REPLICA_GROUP_KEYS_MAX + 1, HC_SPAN("1")), HC_ERR_LIMIT);
    sim_replicas_end(c);
}

static void test_any_bytes_from_another_node_as_a_group_are_safe(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 20261122);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[24];
        size_t size = test_random_below(&random, sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)test_random_below(&random, i < 2 ? 4 : 256);
        (void)hci_group_valid(hc_span_make(bytes, size), 0);
    }
    assert_true(hci_group_valid(HC_SPAN("\1\1k!"), hc_ring_slot(HC_SPAN("k"))));
    assert_false(hci_group_valid(HC_SPAN("\1\1k!"), 0));
    assert_false(hci_group_valid(HC_SPAN("\2\1k"), hc_ring_slot(HC_SPAN("k"))));
}

static void test_an_update_that_only_reads_leaves_the_version(void **state)
{
    (void)state;
    sim_replicas *c = three(6);
    sim_reply wrote = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, A, "7");
    c->flags = HC_REQUEST_READS;
    for (unsigned i = 0; i < 6; i++) {
        hc_level level = i < 3 ? HC_LEVEL_ONE : HC_LEVEL_QUORUM;
        sim_reply said = sim_replica_do(c, i % 3, HC_REQUEST_UPDATE, level, A, "keep");
        assert_int_equal(said.outcome, HC_OUTCOME_DONE);
        assert_string_equal(said.value, "kept");
        assert_true(said.version == wrote.version);
        said = sim_replica_do(c, i % 3, HC_REQUEST_UPDATE, level, B, "keep");
        assert_string_equal(said.value, "kept");
        assert_true(said.version == 0);
        said = sim_replica_do(c, i % 3, HC_REQUEST_UPDATE, level, A, "+1"); /* it does not read */
        assert_int_equal(said.outcome, HC_OUTCOME_REFUSED);
    }
    c->flags = 0;
    for (uint32_t n = 0; n < 3; n++)
        assert_true(version_of(c, n, A) == wrote.version);
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_keys_change_in_one_step_at_each_level_from_any_node),
        cmocka_unit_test(test_what_is_refused_changes_nothing),
        cmocka_unit_test(test_groups_at_quorum_from_all_nodes_at_once_keep_the_sum),
        cmocka_unit_test(test_groups_at_quorum_under_cuts_keep_the_sum),
        cmocka_unit_test(test_too_few_holders_refuse_a_group_before_anything_is_stored),
        cmocka_unit_test(test_groups_that_cannot_be_are_refused),
        cmocka_unit_test(test_any_bytes_from_another_node_as_a_group_are_safe),
        cmocka_unit_test(test_an_update_that_only_reads_leaves_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
