/*
 * test_replica_view.c - what a node knows and tells of the others: who holds what since when, how
 * far they are, and on whose behalf they ask.
 */
#include "support/sim_replicas.h"
#include "support/test.h"

static sim_replicas *three(uint64_t seed)
{
    sim_replicas *c = sim_replicas_start(seed, 3);
    sim_replicas_run(c, 3);
    return c;
}

static void trace_set(sim_replicas *c)
{
    memset(c->trace.trace_id, 0xAB, sizeof c->trace.trace_id);
    memset(c->trace.span_id, 0xCD, sizeof c->trace.span_id);
}

static unsigned traced_all(const sim_replicas *c, hc_traced_kind kind)
{
    unsigned sum = 0;
    for (uint32_t i = 0; i < c->count; i++)
        sum += c->nodes[i].traced[kind];
    return sum;
}

static void test_a_trace_goes_with_a_request_and_with_its_writes(void **state)
{
    (void)state;
    sim_replicas *c = three(61);
    const char *key = sim_replica_key(c, 0, 0);
    trace_set(c);
    assert_int_equal(sim_replica_do(c, 1, HC_REQUEST_SET, HC_LEVEL_ALL, key, "v").outcome,
                     HC_OUTCOME_DONE);
    assert_int_equal(c->nodes[0].traced[HC_TRACED_REQUEST], 1);
    assert_int_equal(c->nodes[1].traced[HC_TRACED_WRITE], 1);
    assert_int_equal(c->nodes[2].traced[HC_TRACED_WRITE], 1);
    (void)sim_replica_do(c, 0, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, key, "+1");
    assert_int_equal(traced_all(c, HC_TRACED_PROPOSAL), 2);
    (void)sim_replica_do(c, 0, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
    assert_int_equal(traced_all(c, HC_TRACED_READ), 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(c->nodes[i].strangers, 0);
        assert_int_equal(c->nodes[i].untaken, 0);
    }
    sim_replicas_end(c);
}

static void test_who_runs_a_request_tells_that_it_sends_and_has_answered(void **state)
{
    (void)state;
    sim_replicas *c = three(67);
    const char *key = sim_replica_key(c, 0, 0);
    trace_set(c);
    assert_int_equal(sim_replica_do(c, 1, HC_REQUEST_SET, HC_LEVEL_ALL, key, "v").outcome,
                     HC_OUTCOME_DONE);
    assert_int_equal(c->nodes[0].traced[HC_TRACED_SENDS], 1);
    assert_int_equal(c->nodes[0].traced[HC_TRACED_ANSWERED], 1);
    assert_int_equal(traced_all(c, HC_TRACED_SENDS), 1);
    assert_int_equal(traced_all(c, HC_TRACED_ANSWERED), 1);
    (void)sim_replica_do(c, 0, HC_REQUEST_GET, HC_LEVEL_ONE, key, "");
    assert_int_equal(traced_all(c, HC_TRACED_SENDS), 1);
    assert_int_equal(traced_all(c, HC_TRACED_ANSWERED), 2);
    sim_replicas_end(c);
}

static void test_what_goes_on_goes_on_under_the_span_it_is_given(void **state)
{
    (void)state;
    sim_replicas *c = three(68);
    const char *key = sim_replica_key(c, 0, 0);
    trace_set(c);
    c->respans = true;
    c->correlation = HC_SPAN("order-17");
    (void)sim_replica_do(c, 1, HC_REQUEST_SET, HC_LEVEL_ALL, key, "v");
    (void)sim_replica_do(c, 1, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, key, "+1");
    for (uint32_t i = 0; i < 3; i++) { /* each under the span of the node that sent it */
        assert_int_equal(c->nodes[i].strangers, 0);
        assert_true(traced_all(c, HC_TRACED_WRITE) >= 2);
    }
    sim_replicas_end(c);
}

static void test_without_a_trace_nothing_is_told(void **state)
{
    (void)state;
    sim_replicas *c = three(62);
    (void)sim_replica_do(c, 1, HC_REQUEST_SET, HC_LEVEL_ALL, sim_replica_key(c, 0, 0), "v");
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(c->nodes[i].strangers, 0);
    sim_replicas_end(c);
}

static void assert_one_view(const sim_replicas *c, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        const sim_replica *n = &c->nodes[i];
        assert_true(n->topology_id == c->nodes[from].topology_id);
        assert_true(n->epoch == c->nodes[from].epoch);
        assert_true(n->epoch == hc_replica_epoch(n->replica));
        assert_true(n->topology_id == hc_replica_topology_id(n->replica));
    }
}

static void test_nodes_of_one_view_come_to_one_epoch(void **state)
{
    (void)state;
    sim_replicas *c = three(63);
    for (unsigned i = 0; i < 3; i++) { /* node 2 sees three changes, and starts anew */
        c->members[1].weight = (uint16_t)(200 + i);
        sim_replicas_tell(c);
    }
    sim_replica_stop(c, 2, false);
    sim_replica_start(c, 2, false);
    sim_replicas_tell(c);
    assert_true(c->nodes[2].epoch < c->nodes[0].epoch);
    sim_replicas_run(c, 2);
    assert_one_view(c, 0, 3);
    sim_replicas_end(c);
}

/* Who `at` knows: those in the bits of `who`. */
static void tell(sim_replicas *c, uint32_t at, unsigned who)
{
    hc_member known[SIM_REPLICAS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        if (who >> i & 1) known[count++] = c->members[i];
    }
    assert_int_equal(
        hc_replica_members(c->nodes[at].replica, sim_replica_now(&c->nodes[at]), known, count),
        HC_OK);
}

static void test_two_islands_that_meet_go_on_above_both(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_make(64, 4);
    for (uint32_t i = 0; i < 4; i++)
        sim_replica_start(c, i, false);
    for (unsigned turn = 0; turn < 5; turn++) {
        c->members[0].weight = (uint16_t)(100 + turn); /* the first island changes often */
        for (uint32_t i = 0; i < 4; i++)
            tell(c, i, i < 2 ? 3 : 12);
    }
    sim_replicas_run(c, 2);
    assert_one_view(c, 0, 2);
    assert_one_view(c, 2, 4);
    uint64_t first = c->nodes[0].epoch, second = c->nodes[2].epoch;
    assert_true(first > second);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    assert_one_view(c, 0, 4);
    assert_true(c->nodes[3].epoch > first);
    sim_replicas_end(c);
}

static void test_a_holder_may_answer_itself_though_it_does_not_act(void **state)
{
    (void)state;
    sim_replicas *c = three(65);
    bool away[3] = {true, false, false};
    const char *key = sim_replica_key(c, 0, 0);
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, key, "v");
    sim_split(c->network, away);
    c->flags = HC_REQUEST_HERE;
    sim_reply *said = sim_replica_get(c, 1, HC_LEVEL_ONE, key);
    assert_true(said->said); /* at once */
    assert_int_equal(said->outcome, HC_OUTCOME_DONE);
    assert_string_equal(said->value, "v");
    hc_request q = {.size = sizeof q, .kind = HC_REQUEST_SET, .flags = HC_REQUEST_HERE};
    assert_int_equal(hc_replica_request(c->nodes[1].replica, sim_replica_now(&c->nodes[1]), &q),
                     HC_ERR_INVALID);
    sim_replicas_end(c);
}

static void test_a_peer_that_is_cut_off_lags_and_then_is_not_there(void **state)
{
    (void)state;
    sim_replicas *c = three(66);
    bool away[3] = {false, false, true};
    hc_replica_peer p = {.size = sizeof p};
    hc_replica *r = c->nodes[0].replica;
    hc_node_id stranger = {{99}};
    const hc_node_id *two = &c->members[2].id;
    assert_int_equal(hc_replica_peer_get(r, sim_replica_now(&c->nodes[0]), &stranger, &p),
                     HC_ERR_NOT_FOUND);
    assert_int_equal(hc_replica_peer_get(r, sim_replica_now(&c->nodes[0]), two, &p), HC_OK);
    assert_true(p.there);
    assert_true(p.topology_id == hc_replica_topology_id(r) && p.epoch == hc_replica_epoch(r));
    assert_int_equal(p.lag_ns, 0);
    sim_split(c->network, away);
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ONE, sim_replica_key(c, 0, 0), "v");
    assert_int_equal(hc_replica_peer_get(r, sim_replica_now(&c->nodes[0]), two, &p), HC_OK);
    assert_true(p.lag_ns > 0 && p.queue_bytes > 0);
    sim_replicas_run(c, 10);
    assert_int_equal(hc_replica_peer_get(r, sim_replica_now(&c->nodes[0]), two, &p), HC_OK);
    assert_false(p.there);
    assert_int_equal(p.queue_bytes, 0);
    assert_int_equal(p.dirty_slots, 1);
    sim_replicas_end(c);
}

static void test_a_node_that_got_a_later_life_by_membership_is_heard(void **state)
{
    (void)state;
    sim_replicas *c = three(67);
    c->members[0].boot_id += 5; /* it met a ghost of its own with a later boot id */
    sim_replicas_tell(c);
    sim_replicas_run(c, 2);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(sim_replica_do(c, i, HC_REQUEST_SET, HC_LEVEL_ALL, "k", "v").outcome,
                         HC_OUTCOME_DONE);
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_trace_goes_with_a_request_and_with_its_writes),
        cmocka_unit_test(test_who_runs_a_request_tells_that_it_sends_and_has_answered),
        cmocka_unit_test(test_what_goes_on_goes_on_under_the_span_it_is_given),
        cmocka_unit_test(test_without_a_trace_nothing_is_told),
        cmocka_unit_test(test_nodes_of_one_view_come_to_one_epoch),
        cmocka_unit_test(test_two_islands_that_meet_go_on_above_both),
        cmocka_unit_test(test_a_holder_may_answer_itself_though_it_does_not_act),
        cmocka_unit_test(test_a_node_that_got_a_later_life_by_membership_is_heard),
        cmocka_unit_test(test_a_peer_that_is_cut_off_lags_and_then_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
