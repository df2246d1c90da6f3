/*
 * test_replica_repair.c - what a node missed while it was away, or never got, or lost, comes back
 * to it; nodes come and go without losing a key.
 */
#include "replication/replication_internal.h"
#include "support/sim_replicas.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define KEYS 200u

static void write_all(sim_replicas *c, uint32_t at, const char *value)
{
    char key[32];
    for (unsigned k = 0; k < KEYS; k++) {
        (void)snprintf(key, sizeof key, "k%u", k);
        sim_reply *said = sim_replica_set(c, at, HC_LEVEL_ONE, key, value);
        sim_replicas_run(c, 0.02);
        assert_true(said->said);
        assert_int_equal(said->outcome, HC_OUTCOME_DONE);
    }
}

static unsigned count_all(sim_replicas *c, uint32_t at, const char *value)
{
    char key[32];
    unsigned right = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        (void)snprintf(key, sizeof key, "k%u", k);
        sim_reply *said = sim_replica_get(c, at, HC_LEVEL_ONE, key);
        sim_replicas_run(c, 0.02);
        right += said->said && said->outcome == HC_OUTCOME_DONE && strcmp(said->value, value) == 0;
    }
    return right;
}

static void assert_mended(uint32_t rules_off, double seconds_max)
{
    sim_replicas *c = sim_replicas_start(11, 3);
    bool away[3] = {false, false, true};
    c->options.repair_interval_ms = 2000;
    for (uint32_t i = 0; i < 3; i++)
        hci_replica_rules_off(c->nodes[i].replica, rules_off);
    sim_replicas_run(c, 3);
    sim_split(c->network, away);
    sim_replicas_run(c, 8); /* longer than a stream waits */
    write_all(c, 0, "v");
    sim_split(c->network, NULL);
    double waited = 0;
    for (; waited < seconds_max && !sim_replicas_agree(c); waited += 0.5)
        sim_replicas_run(c, 0.5);
    assert_true(sim_replicas_agree(c));
    sim_replicas_end(c);
}

static void test_who_was_away_gets_what_it_is_owed(void **state)
{
    (void)state;
    assert_mended(0, 3);
}

/* Less room in the queue than the walk through the hints once sent in one go, or than one value
 * takes: it broke the stream, began anew, and so for ever. */
static void test_what_is_owed_passes_through_a_queue_smaller_than_itself(void **state)
{
    (void)state;
    char large[6000];
    sim_replicas *c = sim_replicas_make(12, 3);
    bool away[3] = {false, false, true};
    c->options.queue_bytes_max = 4096;
    for (uint32_t i = 0; i < 3; i++)
        sim_replica_start(c, i, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    sim_split(c->network, away);
    sim_replicas_run(c, 8);
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ONE, "large", large);
    write_all(c, 0, "v");
    uint64_t before = sim_counters_of(c->network)->reliables;
    sim_split(c->network, NULL);
    for (double waited = 0; waited < 10 && !sim_replicas_agree(c); waited += 0.5)
        sim_replicas_run(c, 0.5);
    assert_true(sim_replicas_agree(c));
    assert_in_range(sim_counters_of(c->network)->reliables - before, KEYS / 100, 20 * KEYS);
    sim_replicas_end(c);
}

static void test_without_hints_repair_finds_every_difference(void **state)
{
    (void)state;
    assert_mended(HCI_RULE_HINTS, 400);
}

static void test_a_node_that_lost_its_memory_gets_all_of_it_back(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(12, 3);
    sim_replicas_run(c, 3);
    write_all(c, 1, "v");
    sim_replica_stop(c, 0, false);
    sim_replica_start(c, 0, false);
    sim_replicas_tell(c);
    assert_int_equal(count_all(c, 1, "v"), KEYS);
    sim_replicas_run(c, 3);
    assert_true(c->nodes[0].ready);
    assert_true(sim_replicas_agree(c));
    assert_int_equal(count_all(c, 0, "v"), KEYS);
    sim_replicas_end(c);
}

static void test_a_restart_with_an_old_disk_revives_nothing(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_make(13, 3);
    c->options.stub_hold_ms = 1000;
    c->options.repair_interval_ms = 1000;
    for (uint32_t i = 0; i < 3; i++)
        sim_replica_start(c, i, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, "k", "v");
    sim_replica_stop(c, 2, true);
    sim_replica_state(c, 2, HC_MEMBER_DEAD);
    (void)sim_replica_do(c, 0, HC_REQUEST_DELETE, HC_LEVEL_QUORUM, "k", "");
    sim_replicas_run(c, 30);
    sim_replica_start(c, 2, true);
    sim_replicas_tell(c);
    sim_replicas_run(c, 30);
    assert_true(sim_replicas_agree(c));
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(sim_replica_do(c, i, HC_REQUEST_GET, HC_LEVEL_QUORUM, "k", "").outcome,
                         HC_OUTCOME_ABSENT);
    sim_replicas_end(c);
}

static void test_joining_and_leaving_lose_no_key(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_make(14, 5);
    for (uint32_t i = 0; i < 4; i++)
        sim_replica_start(c, i, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    write_all(c, 0, "v");
    c->members[4].ring = HC_RING_JOINING;
    sim_replica_start(c, 4, false);
    sim_replicas_tell(c);
    for (unsigned i = 0; i < 100 && !c->nodes[4].may_flip; i++)
        sim_replicas_run(c, 0.2);
    assert_true(c->nodes[4].may_flip);
    c->members[4].ring = HC_RING_ACTIVE;
    sim_replicas_tell(c);
    sim_replicas_run(c, 2);
    assert_int_equal(count_all(c, 4, "v"), KEYS);
    c->members[1].ring = HC_RING_LEAVING;
    sim_replicas_tell(c);
    for (unsigned i = 0; i < 100 && !c->nodes[1].may_flip; i++)
        sim_replicas_run(c, 0.2);
    assert_true(c->nodes[1].may_flip);
    c->members[1].ring = HC_RING_OUT;
    sim_replicas_tell(c);
    sim_replica_stop(c, 1, false);
    sim_replicas_run(c, 2);
    assert_int_equal(count_all(c, 0, "v"), KEYS);
    sim_replicas_end(c);
}

/* Node 2 is away while all is flushed; then everybody stops, and starts again from its disk. */
static void test_a_flush_outlives_a_restart_of_all(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(16, 3);
    bool away[3] = {false, false, true};
    sim_replicas_run(c, 3);
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, "old", "v");
    sim_split(c->network, away);
    (void)sim_replica_do(c, 0, HC_REQUEST_FLUSH, HC_LEVEL_ONE, "", "");
    char key[32];
    (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 0, 0));
    assert_int_equal(sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_QUORUM, key, "w").outcome,
                     HC_OUTCOME_DONE);
    assert_true(c->nodes[0].flush != 0);
    assert_true(c->nodes[1].flush == c->nodes[0].flush && c->nodes[2].flush == 0);
    for (uint32_t i = 0; i < 3; i++)
        sim_replica_stop(c, i, true);
    sim_split(c->network, NULL);
    for (uint32_t i = 0; i < 3; i++)
        sim_replica_start(c, i, true);
    sim_replicas_tell(c);
    sim_replicas_run(c, 30);
    assert_true(sim_replicas_agree(c));
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(c->nodes[i].flush == c->nodes[0].flush);
        assert_int_equal(sim_replica_do(c, i, HC_REQUEST_GET, HC_LEVEL_ONE, "old", "").outcome,
                         HC_OUTCOME_ABSENT);
        assert_string_equal(sim_replica_do(c, i, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "").value,
                            "w");
    }
    sim_replicas_end(c);
}

static void test_any_bytes_are_safe(void **state)
{
    (void)state;
    sim_replicas *c = sim_replicas_start(15, 3);
    sim_replicas_run(c, 3);
    uint8_t bytes[512];
    for (unsigned i = 0; i < 2000; i++) {
        size_t size = test_random_below(&c->random, sizeof bytes);
        test_random_bytes(&c->random, bytes, size);
        if (size > 2) bytes[0] = 0x48, bytes[1] = 0x52;
        assert_int_equal(hc_replica_receive(c->nodes[0].replica, sim_replica_now(&c->nodes[0]),
                                            hc_span_make(bytes, size)),
                         HC_ERR_CORRUPT);
    }
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_was_away_gets_what_it_is_owed),
        cmocka_unit_test(test_what_is_owed_passes_through_a_queue_smaller_than_itself),
        cmocka_unit_test(test_without_hints_repair_finds_every_difference),
        cmocka_unit_test(test_a_node_that_lost_its_memory_gets_all_of_it_back),
        cmocka_unit_test(test_a_restart_with_an_old_disk_revives_nothing),
        cmocka_unit_test(test_joining_and_leaving_lose_no_key),
        cmocka_unit_test(test_a_flush_outlives_a_restart_of_all),
        cmocka_unit_test(test_any_bytes_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
