/*
 * test_replica_write.c - writes and reads at each level, from any node, with holders missing.
 */
#include "support/sim_replicas.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static sim_replicas *three(uint64_t seed)
{
    sim_replicas *c = sim_replicas_start(seed, 3);
    sim_replicas_run(c, 3);
    return c;
}

static void test_three_find_they_have_their_data(void **state)
{
    (void)state;
    sim_replicas *c = three(1);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(c->nodes[i].ready);
    sim_replicas_end(c);
}

static void test_a_write_at_any_node_is_read_at_any_node(void **state)
{
    (void)state;
    static const hc_level levels[] = {HC_LEVEL_ONE, HC_LEVEL_QUORUM, HC_LEVEL_ALL};
    sim_replicas *c = three(2);
    for (unsigned k = 0; k < 27; k++) {
        char key[32], value[32];
        (void)snprintf(key, sizeof key, "k%u", k);
        (void)snprintf(value, sizeof value, "v%u", k);
        hc_level level = levels[k / 9];
        sim_reply wrote = sim_replica_do(c, k % 3, HC_REQUEST_SET, level, key, value);
        assert_int_equal(wrote.outcome, HC_OUTCOME_DONE);
        sim_reply read = sim_replica_do(c, k / 3 % 3, HC_REQUEST_GET, level, key, "");
        assert_int_equal(read.outcome, HC_OUTCOME_DONE);
        assert_string_equal(read.value, value);
        assert_true(read.version == wrote.version);
    }
    assert_true(sim_replicas_agree(c));
    sim_replicas_end(c);
}

static void test_a_delete_reaches_everybody_and_stays(void **state)
{
    (void)state;
    sim_replicas *c = three(3);
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, "k", "v");
    assert_int_equal(sim_replica_do(c, 1, HC_REQUEST_DELETE, HC_LEVEL_ONE, "k", "").outcome,
                     HC_OUTCOME_DONE);
    assert_int_equal(sim_replica_do(c, 2, HC_REQUEST_GET, HC_LEVEL_QUORUM, "k", "").outcome,
                     HC_OUTCOME_ABSENT);
    assert_int_equal(sim_replica_do(c, 2, HC_REQUEST_DELETE, HC_LEVEL_QUORUM, "k", "").outcome,
                     HC_OUTCOME_ABSENT);
    for (uint32_t i = 0; i < 3; i++) {
        bool live;
        assert_true(hc_replica_version(c->nodes[i].replica, sim_replica_now(&c->nodes[i]),
                                       span("k"), &live) > 0);
        assert_false(live);
    }
    sim_replicas_end(c);
}

static void test_too_few_holders_refuse_before_anything_is_stored(void **state)
{
    (void)state;
    sim_replicas *c = three(4);
    sim_replica_stop(c, 2, false);
    sim_replica_state(c, 2, HC_MEMBER_DEAD);
    sim_reply all = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, "k", "v");
    assert_int_equal(all.outcome, HC_OUTCOME_NO_REPLICAS);
    assert_int_equal(all.have, 2);
    assert_int_equal(all.need, 3);
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_GET, HC_LEVEL_ONE, "k", "").outcome,
                     HC_OUTCOME_ABSENT);
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, "k", "v").outcome,
                     HC_OUTCOME_DONE);
    sim_replica_stop(c, 1, false);
    sim_replica_state(c, 1, HC_MEMBER_DEAD);
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, "k", "v").outcome,
                     HC_OUTCOME_NO_REPLICAS);
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ONE, "k", "w").outcome,
                     HC_OUTCOME_DONE);
    sim_replicas_end(c);
}

static void test_a_quorum_that_does_not_come_is_uncertain(void **state)
{
    (void)state;
    sim_replicas *c = three(5);
    bool alone[3] = {true, false, false};
    const char *key = sim_replica_key(c, 0, 0);
    sim_split(c->network, alone);
    sim_reply said = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, key, "v");
    assert_int_equal(said.outcome, HC_OUTCOME_UNCERTAIN);
    assert_int_equal(said.have, 1);
    assert_int_equal(said.need, 2);
    sim_replicas_end(c);
}

static void test_updates_at_quorum_are_counted_once_each(void **state)
{
    (void)state;
    sim_replicas *c = three(6);
    sim_reply *said[300];
    for (unsigned i = 0; i < 300; i++) {
        said[i] = sim_replica_ask(c, i % 3, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, "n", "+1");
        sim_replicas_run(c, 0.01);
    }
    sim_replicas_run(c, 2);
    unsigned done = 0;
    for (unsigned i = 0; i < 300; i++) {
        assert_true(said[i]->said);
        done += said[i]->outcome == HC_OUTCOME_DONE;
    }
    assert_int_equal(done, 300);
    sim_reply read = sim_replica_do(c, 1, HC_REQUEST_GET, HC_LEVEL_QUORUM, "n", "");
    assert_string_equal(read.value, "300");
    sim_replicas_end(c);
}

static void test_of_two_who_set_what_is_absent_one_wins(void **state)
{
    (void)state;
    sim_replicas *c = three(7);
    sim_reply *a = sim_replica_ask(c, 0, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, "lock", "nx a");
    sim_reply *b = sim_replica_ask(c, 1, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, "lock", "nx b");
    sim_replicas_run(c, 1);
    assert_true(a->said && b->said);
    assert_true((strcmp(a->value, "yes") == 0) != (strcmp(b->value, "yes") == 0));
    sim_replicas_end(c);
}

static void test_a_failing_update_tells_its_status(void **state)
{
    (void)state;
    sim_replicas *c = three(8);
    for (unsigned i = 0; i < 2; i++) {
        hc_level level = i == 0 ? HC_LEVEL_ONE : HC_LEVEL_QUORUM;
        for (uint32_t at = 0; at < 3; at++) {
            sim_reply said = sim_replica_do(c, at, HC_REQUEST_UPDATE, level, "n", "fail");
            assert_int_equal(said.outcome, HC_OUTCOME_REFUSED);
            assert_int_equal(said.status, HC_ERR_NOT_NUMBER);
        }
    }
    sim_replicas_end(c);
}

static void test_a_flush_is_for_all_nodes_and_old_values_stay_dead(void **state)
{
    (void)state;
    sim_replicas *c = three(9);
    for (unsigned k = 0; k < 20; k++) {
        char key[32];
        (void)snprintf(key, sizeof key, "k%u", k);
        (void)sim_replica_set(c, k % 3, HC_LEVEL_ONE, key, "v");
    }
    sim_replicas_run(c, 1);
    assert_int_equal(sim_replica_do(c, 1, HC_REQUEST_FLUSH, HC_LEVEL_ALL, "", "").outcome,
                     HC_OUTCOME_DONE);
    for (unsigned k = 0; k < 20; k++) {
        char key[32];
        (void)snprintf(key, sizeof key, "k%u", k);
        assert_int_equal(sim_replica_do(c, k % 3, HC_REQUEST_GET, HC_LEVEL_ONE, key, "").outcome,
                         HC_OUTCOME_ABSENT);
    }
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, "k0", "w").outcome,
                     HC_OUTCOME_DONE);
    assert_string_equal(sim_replica_do(c, 2, HC_REQUEST_GET, HC_LEVEL_QUORUM, "k0", "").value, "w");
    sim_replicas_end(c);
}

/* Three clients count on three nodes while a fourth flushes: what is read in the end is what was
 * counted since, and no sum from before it. */
static void test_increments_beside_a_flush_start_at_nothing_and_none_is_lost(void **state)
{
    (void)state;
    sim_replicas *c = three(10);
    sim_reply *before[60], *after[60], *flush = NULL;
    unsigned low = 0, since = 0;
    for (unsigned i = 0; i < 60; i++) {
        if (i == 30) flush = sim_replica_ask(c, 0, HC_REQUEST_FLUSH, HC_LEVEL_QUORUM, "", "");
        before[i] = sim_replica_ask(c, i % 3, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, "n", "+1");
        sim_replicas_run(c, 0.0007);
    }
    sim_replicas_run(c, 2);
    assert_int_equal(flush->outcome, HC_OUTCOME_DONE);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(before[i]->outcome, HC_OUTCOME_DONE);
        low += before[i]->version < flush->version;
        since += before[i]->version > flush->version;
    }
    assert_in_range(low, 1, 59);
    for (unsigned i = 0; i < 60; i++) {
        after[i] = sim_replica_ask(c, i % 3, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, "n", "+1");
        sim_replicas_run(c, 0.01);
        since += after[i]->outcome == HC_OUTCOME_DONE;
    }
    sim_replicas_run(c, 1);
    sim_reply read = sim_replica_do(c, 1, HC_REQUEST_GET, HC_LEVEL_QUORUM, "n", "");
    assert_int_equal(strtoll(read.value, NULL, 10), since);
    sim_replicas_end(c);
}

static void test_a_flush_that_most_cannot_hear_is_uncertain(void **state)
{
    (void)state;
    sim_replicas *c = three(11);
    bool alone[3] = {true, false, false};
    sim_split(c->network, alone);
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_FLUSH, HC_LEVEL_QUORUM, "", "").outcome,
                     HC_OUTCOME_UNCERTAIN);
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_find_they_have_their_data),
        cmocka_unit_test(test_a_write_at_any_node_is_read_at_any_node),
        cmocka_unit_test(test_a_delete_reaches_everybody_and_stays),
        cmocka_unit_test(test_too_few_holders_refuse_before_anything_is_stored),
        cmocka_unit_test(test_a_quorum_that_does_not_come_is_uncertain),
        cmocka_unit_test(test_updates_at_quorum_are_counted_once_each),
        cmocka_unit_test(test_of_two_who_set_what_is_absent_one_wins),
        cmocka_unit_test(test_a_failing_update_tells_its_status),
        cmocka_unit_test(test_a_flush_is_for_all_nodes_and_old_values_stay_dead),
        cmocka_unit_test(test_increments_beside_a_flush_start_at_nothing_and_none_is_lost),
        cmocka_unit_test(test_a_flush_that_most_cannot_hear_is_uncertain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
