/* test_replica_gone.c - requests under way to a node that dies. */
#include "support/sim_replicas.h"

#include "support/test.h"

#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_be_done_twice_goes_to_the_next_node_at_once),
        cmocka_unit_test(test_what_counts_is_not_done_twice_and_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
