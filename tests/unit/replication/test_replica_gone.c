/* test_replica_gone.c - requests under way to a node that dies. */
#include "support/sim_replicas.h"

#include "support/test.h"

#include <stdio.h>

enum { KEYS = 20 };

/* Node 0 asks node 1, which is gone though nobody knows yet. */
static sim_reply *ask_the_gone(sim_replicas *c, hc_request_kind kind, hc_level level,
                               const char *value)
{
    static char key[32];
    (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 1, 0));
    sim_reply before = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, key, "7");
    assert_int_equal(before.outcome, HC_OUTCOME_DONE);
    sim_replica_stop(c, 1, true);
    sim_reply *said = sim_replica_ask(c, 0, kind, level, key, value);
    sim_replicas_run(c, 0.05);
    assert_false(said->said);
    sim_replica_state(c, 1, HC_MEMBER_DEAD);
    return said;
}

static void test_what_may_be_done_twice_goes_to_the_next_node_at_once(void **state)
{
    (void)state;
    static const hc_request_kind kinds[] = {HC_REQUEST_GET, HC_REQUEST_SET, HC_REQUEST_DELETE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        sim_replicas *c = sim_replicas_start(77 + i, 3);
        sim_replicas_run(c, 2);
        sim_reply *said = ask_the_gone(c, kinds[i], HC_LEVEL_ONE, "8");
        sim_replicas_run(c, 0.1);
        assert_true(said->said);
        assert_int_equal(said->outcome, HC_OUTCOME_DONE);
        sim_replicas_end(c);
    }
}

static void test_what_counts_is_not_done_twice_and_told_at_once(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(81, 3);
    sim_replicas_run(c, 2);
    sim_reply *said = ask_the_gone(c, HC_REQUEST_UPDATE, HC_LEVEL_ONE, "1");
    assert_true(said->said);
    assert_int_equal(said->outcome, HC_OUTCOME_UNCERTAIN);
    sim_replicas_end(c);
    c = sim_replicas_start(82, 3);
    sim_replicas_run(c, 2);
    said = ask_the_gone(c, HC_REQUEST_SET, HC_LEVEL_QUORUM, "1");
    assert_true(said->said);
    assert_int_equal(said->outcome, HC_OUTCOME_UNCERTAIN);
    sim_replicas_end(c);
}

/* It starts, and only then hears of those who have the data. */
static void test_a_node_that_was_alone_at_first_joins_with_the_data(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_make(83, 4);
    for (uint32_t i = 0; i < 3; i++)
        sim_replica_start(c, i, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 2);
    char key[KEYS][16];
    for (unsigned i = 0; i < KEYS; i++) {
        (void)snprintf(key[i], sizeof key[i], "key:%u", i);
        sim_reply set = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, key[i], "7");
        assert_int_equal(set.outcome, HC_OUTCOME_DONE);
    }
    c->members[3].ring = HC_RING_JOINING;
    sim_replica_start(c, 3, false);
    sim_replica *joins = &c->nodes[3];
    hc_moment now = sim_replica_now(joins);
    assert_int_equal(hc_replica_members(joins->replica, now, &c->members[3], 1), HC_OK);
    (void)hc_replica_tick(joins->replica, now);
    joins->may_flip = false; /* it may form a ring: there is none that it knows */
    sim_replicas_tell(c);
    for (unsigned i = 0; i < 200 && !joins->may_flip; i++)
        sim_replicas_run(c, 0.05);
    assert_true(joins->may_flip);
    unsigned held = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        hc_span name = hc_span_make(key[i], strlen(key[i]));
        hc_replica_slot slot = {.size = offsetof(hc_replica_slot, digest)};
        bool live = false;
        hc_replica_slot_get(joins->replica, hc_ring_slot(name), &slot);
        held += slot.held;
        (void)hc_replica_version(joins->replica, sim_replica_now(joins), name, &live);
        assert_int_equal(live, slot.held);
    }
    assert_in_range(held, 1, KEYS);
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_be_done_twice_goes_to_the_next_node_at_once),
        cmocka_unit_test(test_what_counts_is_not_done_twice_and_told_at_once),
        cmocka_unit_test(test_a_node_that_was_alone_at_first_joins_with_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
