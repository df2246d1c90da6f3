/*
 * test_replica_batch.c - what is put between hc_replica_batch_begin and _end goes out together.
 */
#include "support/sim_replicas.h"
#include "support/test.h"

enum { WRITES = 40 };

static uint64_t sent_by(const sim_replica *n)
{
    hc_replica_stats stats = {.size = sizeof stats};
    hc_replica_stats_get(n->replica, &stats);
    return stats.sent;
}

static void test_many_writes_of_a_batch_are_one_message_to_each_holder(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(41, 3);
    sim_replica *n = &c->nodes[0];
    sim_reply *said[WRITES];
    sim_replicas_run(c, 3);
    uint64_t before = sent_by(n);
    hc_replica_batch_begin(n->replica);
    for (unsigned i = 0; i < WRITES; i++)
        said[i] = sim_replica_set(c, 0, HC_LEVEL_QUORUM, sim_replica_key(c, 0, i), "v");
    assert_int_equal(sent_by(n), before);
    hc_replica_batch_end(n->replica, sim_replica_now(n));
    assert_int_equal(sent_by(n), before + 2);
    sim_replicas_run(c, 1);
    for (unsigned i = 0; i < WRITES; i++) {
        assert_true(said[i]->said);
        assert_int_equal(said[i]->outcome, HC_OUTCOME_DONE);
    }
    assert_true(sim_replicas_agree(c));
    sim_replicas_end(c);
}

static void test_of_nested_batches_the_last_to_end_sends(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(42, 3);
    sim_replica *n = &c->nodes[1];
    sim_replicas_run(c, 3);
    uint64_t before = sent_by(n);
    hc_replica_batch_begin(n->replica);
    hc_replica_batch_begin(n->replica);
    sim_reply *said = sim_replica_set(c, 1, HC_LEVEL_ALL, sim_replica_key(c, 1, 0), "v");
    hc_replica_batch_end(n->replica, sim_replica_now(n));
    assert_int_equal(sent_by(n), before);
    hc_replica_batch_end(n->replica, sim_replica_now(n));
    assert_int_equal(sent_by(n), before + 2);
    sim_replicas_run(c, 1);
    assert_true(said->said);
    assert_int_equal(said->outcome, HC_OUTCOME_DONE);
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_writes_of_a_batch_are_one_message_to_each_holder),
        cmocka_unit_test(test_of_nested_batches_the_last_to_end_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
