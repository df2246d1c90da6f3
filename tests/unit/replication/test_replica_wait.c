/*
 * test_replica_wait.c - WAIT: how many nodes besides the one that acts have a write.
 */
#include "support/sim_replicas.h"
#include "support/test.h"

#include <string.h>

static sim_reply *wait_for(sim_replicas *c, uint32_t at, const char *key, uint64_t version,
                           uint32_t holders, uint32_t timeout_ms)
{
    sim_replica *n = &c->nodes[at];
    uint32_t id = c->reply_count++;
    hc_request q = {.size = sizeof q,
                    .id = id,
                    .kind = HC_REQUEST_WAIT,
                    .key = hc_span_make(key, strlen(key)),
                    .timeout_ms = timeout_ms,
                    .version = version,
                    .holders = holders};
    assert_int_equal(hc_replica_request(n->replica, sim_replica_now(n), &q), HC_OK);
    sim_wake(c->network, at, sim_now(c->network) + SIM_MS);
    return &c->replies[id];
}

static void test_it_ends_when_enough_have_the_write(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(31, 3);
    sim_replicas_run(c, 3);
    for (uint32_t at = 0; at < 3; at++) {
        sim_reply wrote = sim_replica_do(c, at, HC_REQUEST_SET, HC_LEVEL_ONE, "k", "v");
        sim_reply *said = wait_for(c, at, "k", wrote.version, 2, 60000);
        sim_replicas_run(c, 0.1);
        assert_true(said->said);
        assert_int_equal(said->outcome, HC_OUTCOME_DONE);
        assert_int_equal(said->have, 2);
    }
    /* nothing to wait for is answered at once, and so is a deletion or a flush that all know of */
    sim_reply *none = wait_for(c, 0, "never", 1, 0, 1000);
    assert_true(none->said && none->have == 0);
    sim_reply gone = sim_replica_do(c, 1, HC_REQUEST_DELETE, HC_LEVEL_ONE, "k", "");
    sim_reply *said = wait_for(c, 2, "k", gone.version, 2, 60000);
    sim_replicas_run(c, 0.1);
    assert_true(said->said && said->have == 2);
    sim_reply flush = sim_replica_do(c, 1, HC_REQUEST_FLUSH, HC_LEVEL_ALL, "", "");
    said = wait_for(c, 2, "other", flush.version, 2, 60000);
    sim_replicas_run(c, 0.1);
    assert_true(said->said && said->have == 2);
    sim_replicas_end(c);
}

static void test_when_the_time_is_over_it_tells_how_many_there_are(void **state)
{
    (void)state;
    bool away[3] = {false, false, true};
    sim_replicas *c = sim_replicas_start(32, 3);
    sim_replicas_run(c, 3);
    sim_split(c->network, away);
    sim_reply wrote =
        sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ONE, sim_replica_key(c, 0, 0), "v");
    sim_reply *said = wait_for(c, 0, sim_replica_key(c, 0, 0), wrote.version, 2, 300);
    sim_reply *later = wait_for(c, 0, sim_replica_key(c, 0, 0), wrote.version, 2, 60000);
    sim_replicas_run(c, 0.2);
    assert_false(said->said);
    sim_replicas_run(c, 0.2);
    assert_true(said->said && !later->said);
    assert_int_equal(said->outcome, HC_OUTCOME_DONE);
    assert_int_equal(said->have, 1);
    assert_int_equal(said->need, 2);
    sim_split(c->network, NULL);
    sim_replicas_run(c, 10);
    assert_true(later->said);
    assert_int_equal(later->have, 2);
    sim_replicas_end(c);
}

/* The nodes that count are those that hold the key when the answer is given. */
static void test_a_change_of_the_ring_starts_the_count_again(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_make(33, 3);
    for (uint32_t i = 0; i < 2; i++)
        sim_replica_start(c, i, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    sim_reply wrote = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ONE, "k", "v");
    sim_reply *said = wait_for(c, 0, "k", wrote.version, 2, 60000);
    sim_replicas_run(c, 1);
    assert_false(said->said);
    sim_replica_start(c, 2, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 10);
    assert_true(said->said);
    assert_int_equal(said->have, 2);
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_ends_when_enough_have_the_write),
        cmocka_unit_test(test_when_the_time_is_over_it_tells_how_many_there_are),
        cmocka_unit_test(test_a_change_of_the_ring_starts_the_count_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
