/*
 * test_replica_levels.c - what ALL means; what a wrong clock may do and may not; what an eviction
 * on one node takes from the others: nothing.
 */
#include "support/sim_replicas.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define LARGE_KEYS 400u

static sim_replicas *three(uint64_t seed)
{
    sim_replicas *c = sim_replicas_start(seed, 3);
    sim_replicas_run(c, 3);
    return c;
}

static hc_replica_stats stats_of(const sim_replicas *c, uint32_t number)
{
    hc_replica_stats s = {.size = sizeof s};
    hc_replica_stats_get(c->nodes[number].replica, &s);
    return s;
}

static uint64_t version_at(sim_replicas *c, uint32_t number, const char *key, bool *live_out)
{
    sim_replica *n = &c->nodes[number];
    return hc_replica_version(n->replica, sim_replica_now(n), hc_span_make(key, strlen(key)),
                              live_out);
}

static void test_all_is_answered_when_every_holder_has_it(void **state)
{
    (void)state;
    static const hc_request_kind kinds[] = {HC_REQUEST_SET, HC_REQUEST_UPDATE, HC_REQUEST_DELETE};
    static const char *const values[] = {"5", "+2", ""};
    sim_replicas *c = three(81);
    bool live;
    for (unsigned i = 0; i < 3; i++) {
        sim_reply *said = sim_replica_ask(c, i, kinds[i], HC_LEVEL_ALL, "k", values[i]);
        for (unsigned ms = 0; ms < 500 && !said->said; ms++)
            sim_replicas_run(c, 0.001);
        assert_true(said->said);
        assert_int_equal(said->outcome, HC_OUTCOME_DONE);
        assert_int_equal(said->have, 3);
        assert_int_equal(said->need, 3);
        uint32_t acting = sim_replica_acting(c, 0, "k");
        unsigned have = 0;
        for (uint32_t n = 0; n < 3; n++)
            have += version_at(c, n, "k", &live) == said->version;
        /* a proposal is accepted by all, and stored where it is committed first */
        assert_true(kinds[i] == HC_REQUEST_SET
                        ? have == 3
                        : version_at(c, acting, "k", &live) == said->version);
    }
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_GET, HC_LEVEL_ALL, "k", "").outcome,
                     HC_OUTCOME_ABSENT);
    sim_replicas_end(c);
}

static void test_all_is_uncertain_when_one_does_not_answer(void **state)
{
    (void)state;
    bool away[3] = {false, false, true};
    sim_replicas *c = three(82);
    char key[32];
    (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 0, 0));
    sim_split(c->network, away);
    sim_reply all = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, key, "v");
    assert_int_equal(all.outcome, HC_OUTCOME_UNCERTAIN);
    assert_int_equal(all.have, 2);
    assert_int_equal(all.need, 3);
    sim_split(c->network, NULL);
    sim_replicas_run(c, 20);
    assert_string_equal(sim_replica_do(c, 2, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "").value, "v");
    sim_split(c->network, away);
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_FLUSH, HC_LEVEL_ALL, "", "").outcome,
                     HC_OUTCOME_UNCERTAIN);
    sim_replicas_end(c);
}

/* After ALL was answered, whichever two fail, the third has it. */
static void test_what_all_confirmed_is_read_from_the_last_holder(void **state)
{
    (void)state;
    for (uint32_t last = 0; last < 3; last++) {
        sim_replicas *c = three(83 + last);
        assert_int_equal(sim_replica_do(c, 1, HC_REQUEST_SET, HC_LEVEL_ALL, "k", "v").outcome,
                         HC_OUTCOME_DONE);
        for (uint32_t n = 0; n < 3; n++) {
            if (n == last) continue;
            sim_replica_stop(c, n, false);
            c->members[n].state = HC_MEMBER_DEAD;
        }
        sim_replicas_tell(c);
        sim_reply read = sim_replica_do(c, last, HC_REQUEST_GET, HC_LEVEL_ONE, "k", "");
        assert_int_equal(read.outcome, HC_OUTCOME_DONE);
        assert_string_equal(read.value, "v");
        sim_replicas_end(c);
    }
}

/* ---- clocks ---- */

static void test_a_node_whose_clock_is_wrong_acts_for_nothing(void **state)
{
    (void)state;
    char key[32];
    sim_replicas *c = three(87);
    (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 0, 0));
    c->nodes[0].skew_ms = 2000;
    sim_replicas_run(c, 3);
    hc_replica_stats s = stats_of(c, 0);
    assert_true(s.quarantined);
    assert_in_range(s.skew_ms, 1900, 2100);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_not_equal(sim_replica_acting(c, n, key), 0);
    sim_reply said = sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, key, "v");
    assert_int_equal(said.outcome, HC_OUTCOME_DONE);
    int64_t ahead_ms = hc_version_wall_ms(said.version) - sim_replica_now(&c->nodes[1]).wall_ms;
    assert_true(ahead_ms < 500);
    c->nodes[0].skew_ms = 0;
    sim_replicas_run(c, 5);
    assert_false(stats_of(c, 0).quarantined);
    assert_int_equal(sim_replica_acting(c, 1, key), 0);
    sim_replicas_end(c);
}

static void test_a_clock_a_little_off_is_no_fault(void **state)
{
    (void)state;
    sim_replicas *c = three(88);
    c->nodes[1].skew_ms = -400;
    sim_replicas_run(c, 3);
    hc_replica_stats s = stats_of(c, 1);
    assert_false(s.quarantined);
    assert_in_range(-s.skew_ms, 350, 450);
    sim_replicas_end(c);
}

static void test_of_two_clocks_nobody_can_tell_which_is_wrong(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(89, 2);
    c->nodes[0].skew_ms = 5000;
    sim_replicas_run(c, 4);
    assert_false(stats_of(c, 0).quarantined || stats_of(c, 1).quarantined);
    sim_replicas_end(c);
}

/* Before it is noticed, a clock that jumped ahead stamps a write: nobody believes it, and it does
 * not stand in the way of the writes of others. */
static void test_a_version_far_ahead_is_not_believed(void **state)
{
    (void)state;
    char key[32];
    bool live;
    sim_replicas *c = three(90);
    (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 0, 0));
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, key, "before");
    uint64_t before = version_at(c, 1, key, &live);
    c->nodes[0].skew_ms = 60000;
    (void)sim_replica_set(c, 0, HC_LEVEL_ONE, key, "ahead");
    sim_replicas_run(c, 1.5);
    assert_true(version_at(c, 0, key, &live) > before);
    assert_true(version_at(c, 1, key, &live) == before);
    assert_true(version_at(c, 2, key, &live) == before);
    assert_true(stats_of(c, 1).refused > 0);
    sim_reply next = sim_replica_do(c, 1, HC_REQUEST_SET, HC_LEVEL_QUORUM, key, "after");
    assert_int_equal(next.outcome, HC_OUTCOME_DONE);
    assert_string_equal(sim_replica_do(c, 2, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "").value,
                        "after");
    sim_replicas_end(c);
}

static void test_alone_with_a_wrong_clock_it_says_so(void **state)
{
    (void)state;
    bool alone[3] = {true, false, false};
    sim_replicas *c = three(91);
    c->nodes[0].skew_ms = 2000;
    sim_replicas_run(c, 3);
    sim_split(c->network, alone);
    c->members[1].state = c->members[2].state = HC_MEMBER_SUSPECT; /* as node 0 sees them */
    sim_replicas_tell(c);
    assert_true(stats_of(c, 0).quarantined);
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ONE, "k", "v").outcome,
                     HC_OUTCOME_CLOCK);
    sim_replicas_end(c);
}

/* ---- eviction ---- */

/* Three nodes, the last of which has room for a part of what is written. */
static sim_replicas *one_too_small(uint64_t seed)
{
    static char large[20000];
    char key[32];
    sim_replicas *c = sim_replicas_make(seed, 3);
    c->options.repair_interval_ms = 4000;
    for (uint32_t n = 0; n < 3; n++) {
        c->store_options.max_memory_bytes = n == 2 ? HC_STORE_MEMORY_BYTES_MIN : 0;
        sim_replica_start(c, n, false);
    }
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    memset(large, 'x', sizeof large - 1);
    for (unsigned i = 0; i < LARGE_KEYS; i++) {
        (void)snprintf(key, sizeof key, "large%u", i);
        (void)sim_replica_set(c, i % 3, HC_LEVEL_ONE, key, large);
        sim_replicas_run(c, 0.002);
    }
    return c;
}

static void test_what_one_node_evicts_the_others_keep(void **state)
{
    (void)state;
    char key[32];
    bool live;
    sim_replicas *c = one_too_small(92);
    sim_replicas_run(c, 7);
    unsigned small = 0;
    for (unsigned i = 0; i < LARGE_KEYS; i++) {
        (void)snprintf(key, sizeof key, "large%u", i);
        for (uint32_t n = 0; n < 2; n++) {
            assert_true(version_at(c, n, key, &live) != 0);
            assert_true(live);
        }
        small += version_at(c, 2, key, &live) != 0;
    }
    assert_in_range(small, 1, LARGE_KEYS - 1);
    sim_replicas_end(c);
}

/* Else each round of repair would bring it what it evicts for the next one. */
static void test_who_evicts_is_not_filled_again_by_repair(void **state)
{
    (void)state;
    sim_replicas *c = one_too_small(93);
    sim_replicas_run(c, 1);
    uint64_t before = sim_counters_of(c->network)->bytes;
    for (unsigned s = 0; s < 20; s++) {
        (void)sim_replica_set(c, 0, HC_LEVEL_ONE, "small", "v");
        sim_replicas_run(c, 1);
    }
    assert_in_range(sim_counters_of(c->network)->bytes - before, 1, 2000000); /* all: 8 MB */
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_answered_when_every_holder_has_it),
        cmocka_unit_test(test_all_is_uncertain_when_one_does_not_answer),
        cmocka_unit_test(test_what_all_confirmed_is_read_from_the_last_holder),
        cmocka_unit_test(test_a_node_whose_clock_is_wrong_acts_for_nothing),
        cmocka_unit_test(test_a_clock_a_little_off_is_no_fault),
        cmocka_unit_test(test_of_two_clocks_nobody_can_tell_which_is_wrong),
        cmocka_unit_test(test_a_version_far_ahead_is_not_believed),
        cmocka_unit_test(test_alone_with_a_wrong_clock_it_says_so),
        cmocka_unit_test(test_what_one_node_evicts_the_others_keep),
        cmocka_unit_test(test_who_evicts_is_not_filled_again_by_repair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
