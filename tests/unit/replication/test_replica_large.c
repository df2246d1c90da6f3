/*
 * test_replica_large.c - values larger than a message: they go in pieces, past cuts and restarts,
 * beside each other and beside small ones.
 */
#include "support/sim_replicas.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static sim_replicas *three(uint64_t seed, uint64_t queue_bytes_max)
{
    sim_replicas *c = sim_replicas_make(seed, 3);
    c->options.queue_bytes_max = queue_bytes_max;
    c->options.request_timeout_ms = 10000;
    for (uint32_t i = 0; i < 3; i++)
        sim_replica_start(c, i, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    return c;
}

/* Text of so many bytes; to be freed. */
static char *large_text(size_t bytes, char with)
{
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    memset(text, with, bytes);
    text[bytes] = '\0';
    return text;
}

/* So many nodes have so many bytes of `with` behind the version of the key. */
static unsigned holders(sim_replicas *c, const char *key, size_t bytes, char with)
{
    unsigned have = 0;
    uint8_t *found = malloc(bytes + 64);
    assert_non_null(found);
    for (uint32_t i = 0; i < c->count; i++) {
        size_t size = 0;
        if (c->nodes[i].replica == NULL) continue;
        hc_status status = hc_store_get(c->nodes[i].store, hc_span_make(key, strlen(key)), found,
                                        bytes + 64, &size);
        if (status != HC_OK || size < bytes || size > bytes + 32) continue;
        have += found[size - bytes] == (uint8_t)with && found[size - 1] == (uint8_t)with;
    }
    free(found);
    return have;
}

static void run_until_held(sim_replicas *c, const char *key, size_t bytes, char with)
{
    for (unsigned i = 0; i < 300 && holders(c, key, bytes, with) < 3; i++)
        sim_replicas_run(c, 0.1);
    assert_int_equal(holders(c, key, bytes, with), 3);
}

static void test_a_large_value_is_written_and_read_at_any_level_and_node(void **state)
{
    (void)state;
    static const hc_level levels[] = {HC_LEVEL_ONE, HC_LEVEL_QUORUM, HC_LEVEL_ALL};
    sim_replicas *c = three(41, 0);
    for (unsigned i = 0; i < 9; i++) {
        char key[16], with = (char)('a' + i);
        size_t bytes = (i + 1) * MIB + 12345 * i;
        char *text = large_text(bytes, with);
        (void)snprintf(key, sizeof key, "large%u", i);
        sim_reply wrote = sim_replica_do(c, i % 3, HC_REQUEST_SET, levels[i / 3], key, text);
        free(text);
        assert_int_equal(wrote.outcome, HC_OUTCOME_DONE);
        sim_reply read = sim_replica_do(c, (i + 1) % 3, HC_REQUEST_GET, levels[i / 3], key, "");
        assert_int_equal(read.outcome, HC_OUTCOME_DONE);
        assert_true(read.version == wrote.version && read.value[0] == with);
        run_until_held(c, key, bytes, with);
    }
    assert_true(sim_replicas_agree(c));
    sim_replicas_end(c);
}

static void test_pieces_that_are_lost_come_again(void **state)
{
    (void)state;
    sim_replicas *c = three(42, 0);
    char *text = large_text(20 * MIB, 'x');
    const char *key = sim_replica_key(c, 0, 0);
    sim_reply *wrote = sim_replica_set(c, 0, HC_LEVEL_ALL, key, text);
    free(text);
    for (unsigned i = 0; i < 20; i++) { /* now and then a link breaks for a moment */
        uint32_t other = 1 + i % 2;
        sim_replicas_run(c, 0.002);
        sim_cut(c->network, i % 4 < 2 ? 0 : other, i % 4 < 2 ? other : 0, true);
        sim_replicas_run(c, 0.002);
        sim_split(c->network, NULL);
    }
    for (unsigned i = 0; i < 90 && !wrote->said; i++)
        sim_replicas_run(c, 0.1);
    assert_true(wrote->said);
    assert_int_equal(wrote->outcome, HC_OUTCOME_DONE);
    run_until_held(c, key, 20 * MIB, 'x');
    sim_replicas_end(c);
}

/* More than the queue of a peer takes at once, and each of them more than a quarter of it. */
static void test_several_large_values_pass_beside_small_ones(void **state)
{
    (void)state;
    enum { LARGE = 6, SMALL = 50 };
    sim_replicas *c = three(43, 2 * MIB);
    char key[16];
    for (unsigned i = 0; i < LARGE; i++) {
        char *text = large_text(3 * MIB + i, (char)('a' + i));
        (void)snprintf(key, sizeof key, "large%u", i);
        (void)sim_replica_set(c, 0, HC_LEVEL_ONE, key, text);
        free(text);
        for (unsigned k = 0; k < SMALL; k++) {
            (void)snprintf(key, sizeof key, "small%u.%u", i, k);
            (void)sim_replica_set(c, 0, HC_LEVEL_ONE, key, "v");
        }
    }
    for (unsigned i = 0; i < LARGE; i++) {
        (void)snprintf(key, sizeof key, "large%u", i);
        run_until_held(c, key, 3 * MIB + i, (char)('a' + i));
    }
    for (unsigned i = 0; i < 300 && !sim_replicas_agree(c); i++)
        sim_replicas_run(c, 0.1);
    assert_true(sim_replicas_agree(c));
    sim_replicas_end(c);
}

static void test_a_node_that_starts_again_in_the_middle_gets_all_of_it(void **state)
{
    (void)state;
    sim_replicas *c = three(44, 0);
    char key[32];
    for (uint32_t dies = 0; dies < 3; dies++) {
        size_t bytes = 9 * MIB + dies;
        char *text = large_text(bytes, (char)('a' + dies));
        (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 0, dies));
        (void)sim_replica_set(c, 0, HC_LEVEL_ONE, key, text);
        free(text);
        sim_replicas_run(c, 0.004);
        sim_replica_stop(c, dies, true);
        sim_replica_start(c, dies, true);
        sim_replicas_tell(c);
        run_until_held(c, key, bytes, (char)('a' + dies));
    }
    sim_replicas_end(c);
}

static void test_what_no_store_takes_is_refused(void **state)
{
    (void)state;
    sim_replicas *c = three(45, 0);
    hc_request q = {.size = sizeof q,
                    .kind = HC_REQUEST_SET,
                    .key = HC_SPAN("k"),
                    .value = hc_span_make("", HC_REPLICA_VALUE_BYTES_MAX + 1)};
    assert_int_equal(hc_replica_request(c->nodes[0].replica, sim_replica_now(&c->nodes[0]), &q),
                     HC_ERR_LIMIT);
    sim_replicas_end(c);
}

static uint64_t sent_bytes(sim_replicas *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        hc_replica_stats stats = {.size = sizeof stats};
        hc_replica_stats_get(c->nodes[i].replica, &stats);
        sum += stats.sent_bytes;
    }
    return sum;
}

static void test_a_quorum_that_has_the_same_large_value_does_not_send_it(void **state)
{
    (void)state;
    sim_replicas *c = three(47, 0);
    char *text = large_text(8 * MIB, 'x'), key[32];
    (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 0, 0));
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, key, text);
    free(text);
    run_until_held(c, key, 8 * MIB, 'x');
    uint64_t before = sent_bytes(c);
    sim_reply read = sim_replica_do(c, 0, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
    assert_int_equal(read.outcome, HC_OUTCOME_DONE);
    assert_true(read.value[0] == 'x');
    assert_in_range(sent_bytes(c) - before, 0, MIB);
    sim_replicas_end(c);
}

/* The one who acts slept while the others wrote. */
static void test_a_quorum_that_has_something_newer_than_a_large_value_sends_it(void **state)
{
    (void)state;
    bool alone[3] = {true, false, false};
    sim_replicas *c = three(48, 0);
    char *text = large_text(MIB, 'a'), *newer = large_text(MIB, 'b'), key[32];
    (void)snprintf(key, sizeof key, "%s", sim_replica_key(c, 0, 0));
    (void)sim_replica_do(c, 0, HC_REQUEST_SET, HC_LEVEL_ALL, key, text);
    run_until_held(c, key, MIB, 'a');
    sim_split(c->network, alone);
    c->members[0].state = HC_MEMBER_DEAD;
    sim_replica_tell(&c->nodes[1]);
    sim_replica_tell(&c->nodes[2]);
    sim_reply wrote = sim_replica_do(c, 1, HC_REQUEST_SET, HC_LEVEL_QUORUM, key, newer);
    assert_int_equal(wrote.outcome, HC_OUTCOME_DONE);
    sim_split(c->network, (bool[3]){false});
    sim_replica_state(c, 0, HC_MEMBER_ALIVE);
    sim_reply *read = sim_replica_get(c, 0, HC_LEVEL_QUORUM, key);
    sim_replicas_run(c, 9);
    assert_true(read->said);
    if (read->outcome == HC_OUTCOME_DONE) assert_true(read->value[0] == 'b');
    run_until_held(c, key, MIB, 'b');
    free(text);
    free(newer);
    sim_replicas_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_large_value_is_written_and_read_at_any_level_and_node),
        cmocka_unit_test(test_pieces_that_are_lost_come_again),
        cmocka_unit_test(test_several_large_values_pass_beside_small_ones),
        cmocka_unit_test(test_a_node_that_starts_again_in_the_middle_gets_all_of_it),
        cmocka_unit_test(test_what_no_store_takes_is_refused),
        cmocka_unit_test(test_a_quorum_that_has_the_same_large_value_does_not_send_it),
        cmocka_unit_test(test_a_quorum_that_has_something_newer_than_a_large_value_sends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
