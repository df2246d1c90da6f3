/*
 * test_membership.c - clusters of members on a network that loses, delays and splits: the dead are
 * found, the living are left alone, and who can talk agrees.
 */
#include "support/sim_members.h"
#include "support/test.h"
#include "support/test_host.h"

#include <hypercache/hypercache.h>

#include <stdlib.h>
#include <string.h>

#define NODES_MAX 32u
#define IMAGE_BYTES_MAX 65536u

static hc_member_state state_at(const sim_members *c, uint32_t at, uint32_t of)
{
    hc_node_id id = sim_member_id(of);
    const hc_member *found = hc_membership_find(c->nodes[at].members, &id);
    assert_non_null(found);
    return found->state;
}

static bool all_alive(const sim_members *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->nodes[i].members != NULL && !sim_members_say(c, i, HC_MEMBER_ALIVE)) return false;
    }
    return true;
}

/* Seconds until it is so, or -1. */
static double until_all_say(sim_members *c, uint32_t of, hc_member_state state, double seconds_max)
{
    for (double waited = 0; waited < seconds_max; waited += 0.05) {
        if (sim_members_say(c, of, state)) return waited;
        sim_members_run(c, 0.05);
    }
    return -1;
}

static void assert_tags_differ(const sim_members *c)
{
    bool taken[HC_MEMBER_TAGS] = {false};
    const hc_membership *any = c->nodes[0].members;
    for (size_t i = 0; i < hc_membership_count(any); i++) {
        assert_false(taken[hc_membership_at(any, i)->tag]);
        taken[hc_membership_at(any, i)->tag] = true;
    }
}

/* ---- the life of a cluster ---- */

static void test_members_find_each_other(void **state)
{
    (void)state;
    for (uint32_t count = 2; count <= NODES_MAX; count *= 2) {
        sim_members *c = sim_members_start(count, count);
        sim_members_run(c, 5);
        assert_true(all_alive(c));
        assert_tags_differ(c);
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(hc_membership_count(c->nodes[i].members), count);
        assert_true(c->attachments > 0);
        sim_members_end(c);
    }
}

static void test_the_dead_are_found_in_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        sim_members *c = sim_members_start(seed, seed % 2 == 0 ? 3 : 10);
        sim_members_run(c, 5);
        sim_member_stop(c, 1);
        double took = until_all_say(c, 1, HC_MEMBER_DEAD, 10);
        assert_true(took > 0 && took <= 4.5); /* virtual time */
        assert_int_equal(state_at(c, 0, 2), HC_MEMBER_ALIVE);
        sim_members_end(c);
    }
}

static void test_two_nodes_find_each_others_death(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(3, 2);
    sim_members_run(c, 5);
    sim_member_stop(c, 1);
    assert_true(until_all_say(c, 1, HC_MEMBER_DEAD, 4) > 0);
    sim_members_end(c);
}

static void test_nobody_dies_of_lost_datagrams(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(5, 10);
    sim_weather *weather = sim_weather_of(c->network);
    weather->loss_permille = 50;
    weather->double_permille = 50;
    weather->slow_permille = 10;
    sim_members_run(c, 600);
    assert_int_equal(c->deaths, 0);
    assert_true(all_alive(c));
    sim_members_end(c);
}

static void test_a_pause_of_a_second_kills_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        sim_members *c = sim_members_start(seed, 10);
        sim_members_run(c, 10);
        sim_member_freeze(&c->nodes[4]);
        sim_members_run(c, 1.2);
        sim_member_thaw(&c->nodes[4]);
        sim_members_run(c, 20);
        assert_int_equal(c->deaths, 0);
        assert_true(all_alive(c));
        sim_members_end(c);
    }
}

static void test_a_frozen_node_does_not_accuse_the_others(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(8, 5);
    sim_members_run(c, 10);
    sim_member_freeze(&c->nodes[0]);
    sim_members_run(c, 60);
    assert_true(sim_members_say(c, 0, HC_MEMBER_DEAD));
    c->deaths = 0;
    sim_member_thaw(&c->nodes[0]);
    sim_members_run(c, 30);
    assert_int_equal(c->deaths, 0);
    assert_true(all_alive(c));
    hc_membership_stats stats = {.size = sizeof stats};
    hc_membership_stats_get(c->nodes[0].members, &stats);
    assert_true(stats.pauses > 0 && stats.refuted > 0);
    sim_members_end(c);
}

static void test_who_leaves_is_not_mourned(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(9, 5);
    sim_members_run(c, 5);
    hc_membership_leave(c->nodes[2].members, sim_member_now(&c->nodes[2]));
    sim_member_tick(&c->nodes[2]);
    sim_members_run(c, 2);
    sim_member_stop(c, 2);
    sim_members_run(c, 30);
    assert_int_equal(c->deaths, 0);
    assert_true(sim_members_say(c, 2, HC_MEMBER_LEFT));
    hc_node_id id = sim_member_id(2);
    assert_int_equal(hc_membership_find(c->nodes[0].members, &id)->ring, HC_RING_OUT);
    sim_member_start(c, 2, 2, hc_span_make(NULL, 0)); /* and comes again */
    sim_members_run(c, 5);
    assert_true(all_alive(c));
    sim_members_end(c);
}

static void test_a_node_comes_back_under_another_address(void **state)
{
    (void)state;
    sim_members *c = sim_members_make(10, 6);
    for (uint32_t i = 0; i < 5; i++)
        sim_member_start(c, i, i, hc_span_make(NULL, 0));
    sim_members_run(c, 5);
    sim_member_stop(c, 1);
    sim_members_run(c, 5);
    c->nodes[5].boot_id = 200; /* number 1 again, at the address of 5 */
    sim_member_start(c, 5, 1, hc_span_make(NULL, 0));
    sim_members_run(c, 5);
    hc_node_id id = sim_member_id(1);
    for (uint32_t i = 0; i < 5; i++) {
        if (i == 1) continue;
        const hc_member *found = hc_membership_find(c->nodes[i].members, &id);
        assert_int_equal(found->state, HC_MEMBER_ALIVE);
        assert_int_equal(sim_member_number(&found->address), 5);
        assert_int_equal(hc_membership_count(c->nodes[i].members), 5);
    }
    sim_members_end(c);
}

static void test_a_clock_that_went_back_is_no_obstacle(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(11, 4);
    sim_members_run(c, 5);
    sim_member_stop(c, 1);
    c->nodes[1].boot_id = 3; /* its boots were of 101 before */
    sim_member_start(c, 1, 1, hc_span_make(NULL, 0));
    sim_members_run(c, 10);
    assert_true(all_alive(c));
    assert_false(c->nodes[1].superseded);
    sim_members_end(c);
}

static void test_of_two_boots_the_newer_stays(void **state)
{
    (void)state;
    sim_members *c = sim_members_make(12, 5);
    for (uint32_t i = 0; i < 4; i++)
        sim_member_start(c, i, i, hc_span_make(NULL, 0));
    sim_members_run(c, 5);
    c->nodes[4].boot_id = 500;
    sim_member_start(c, 4, 1, hc_span_make(NULL, 0)); /* a copied disk: the same id */
    sim_members_run(c, 10);
    assert_true(c->nodes[1].superseded);
    assert_false(c->nodes[4].superseded);
    hc_node_id id = sim_member_id(1);
    assert_int_equal(sim_member_number(&hc_membership_find(c->nodes[0].members, &id)->address), 4);
    sim_members_end(c);
}

static void test_islands_meet_again(void **state)
{
    (void)state;
    bool group[6] = {true, true, false, false, false, false};
    sim_members *c = sim_members_start(13, 6);
    sim_members_run(c, 5);
    sim_split(c->network, group);
    sim_members_run(c, 60);
    assert_int_equal(state_at(c, 0, 3), HC_MEMBER_DEAD);
    assert_int_equal(state_at(c, 3, 0), HC_MEMBER_DEAD);
    assert_int_equal(state_at(c, 0, 1), HC_MEMBER_ALIVE);
    sim_split(c->network, NULL);
    sim_members_run(c, 25);
    assert_true(all_alive(c));
    sim_members_end(c);
}

static void test_only_the_majority_takes_out_of_the_ring(void **state)
{
    (void)state;
    bool group[5] = {true, true, false, false, false};
    sim_members *c = sim_members_make(14, 5);
    c->options.evict_after_ms = 20000;
    for (uint32_t i = 0; i < 5; i++)
        sim_member_start(c, i, i, hc_span_make(NULL, 0));
    sim_members_run(c, 5);
    sim_split(c->network, group);
    sim_members_run(c, 60);
    hc_node_id of_few = sim_member_id(0), of_many = sim_member_id(3);
    assert_int_equal(hc_membership_find(c->nodes[0].members, &of_many)->ring, HC_RING_ACTIVE);
    assert_int_equal(hc_membership_find(c->nodes[3].members, &of_few)->ring, HC_RING_OUT);
    sim_members_end(c);
}

/* It leaves, thinks better of it and leaves again, while the others decide that it is out. */
static void test_who_was_taken_out_stays_out_whatever_it_did_meanwhile(void **state)
{
    (void)state;
    static const hc_member_ring own[] = {HC_RING_LEAVING, HC_RING_ACTIVE, HC_RING_LEAVING};
    bool group[5] = {true, false, false, false, false};
    sim_members *c = sim_members_make(15, 5);
    c->options.evict_after_ms = 20000;
    for (uint32_t i = 0; i < 5; i++)
        sim_member_start(c, i, i, hc_span_make(NULL, 0));
    sim_members_run(c, 5);
    sim_split(c->network, group);
    sim_members_run(c, 60);
    for (unsigned i = 0; i < 3; i++)
        hc_membership_set_ring(c->nodes[0].members, sim_member_now(&c->nodes[0]), own[i]);
    sim_split(c->network, NULL);
    sim_members_run(c, 25);
    hc_node_id id = sim_member_id(0);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(hc_membership_find(c->nodes[i].members, &id)->ring, HC_RING_OUT);
    sim_members_end(c);
}

static void test_one_way_links_kill_nobody_who_can_be_reached(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(15, 5);
    sim_members_run(c, 5);
    sim_cut(c->network, 0, 1, true); /* 0 cannot reach 1; all others can */
    sim_members_run(c, 120);
    assert_int_equal(c->deaths, 0);
    sim_members_end(c);
}

static void test_refusals_of_two_are_proof(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(16, 5);
    sim_members_run(c, 5);
    sim_member_stop(c, 1);
    hc_node_id id = sim_member_id(1);
    hc_membership_refused(c->nodes[0].members, sim_member_now(&c->nodes[0]), &id);
    assert_int_equal(state_at(c, 0, 1), HC_MEMBER_SUSPECT);
    hc_membership_refused(c->nodes[2].members, sim_member_now(&c->nodes[2]), &id);
    sim_members_run(c, 0.6);
    assert_int_equal(state_at(c, 0, 1), HC_MEMBER_DEAD);
    assert_int_equal(state_at(c, 4, 1), HC_MEMBER_DEAD);
    sim_members_end(c);
}

static void test_a_restart_of_all_needs_no_seed(void **state)
{
    (void)state;
    static uint8_t images[4][IMAGE_BYTES_MAX];
    size_t bytes[4];
    sim_members *c = sim_members_start(17, 4);
    sim_members_run(c, 5);
    for (uint32_t i = 0; i < 4; i++) {
        bytes[i] = hc_membership_image(c->nodes[i].members, images[i], IMAGE_BYTES_MAX);
        assert_true(bytes[i] <= IMAGE_BYTES_MAX);
    }
    for (uint32_t i = 0; i < 4; i++)
        sim_member_stop(c, i);
    for (uint32_t i = 0; i < 4; i++)
        sim_member_start(c, i, i, hc_span_make(images[i], bytes[i]));
    sim_members_run(c, 5);
    assert_true(all_alive(c));
    sim_members_end(c);
}

static void test_clusters_do_not_mix(void **state)
{
    (void)state;
    sim_members *c = sim_members_make(18, 4);
    c->nodes[2].cluster_id = c->nodes[3].cluster_id = 88;
    for (uint32_t i = 0; i < 4; i++)
        sim_member_start(c, i, i, hc_span_make(NULL, 0));
    sim_members_run(c, 20);
    assert_int_equal(hc_membership_count(c->nodes[0].members), 2);
    assert_int_equal(hc_membership_count(c->nodes[2].members), 1);
    hc_membership_stats stats = {.size = sizeof stats};
    hc_membership_stats_get(c->nodes[0].members, &stats);
    assert_true(stats.dropped > 0);
    sim_members_end(c);
}

static void test_the_forgotten_stay_forgotten(void **state)
{
    (void)state;
    sim_members *c = sim_members_make(19, 4);
    c->options.forget_after_ms = 30000;
    for (uint32_t i = 0; i < 4; i++)
        sim_member_start(c, i, i, hc_span_make(NULL, 0));
    sim_members_run(c, 5);
    hc_node_id id = sim_member_id(3), nobody = sim_member_id(9);
    hc_membership *first = c->nodes[0].members;
    assert_int_equal(hc_membership_forget(first, sim_member_now(&c->nodes[0]), &id),
                     HC_ERR_CONFLICT);
    assert_int_equal(hc_membership_forget(first, sim_member_now(&c->nodes[0]), &nobody),
                     HC_ERR_NOT_FOUND);
    sim_member_stop(c, 3);
    sim_members_run(c, 10);
    assert_int_equal(hc_membership_forget(first, sim_member_now(&c->nodes[0]), &id), HC_OK);
    assert_int_equal(hc_membership_forget(first, sim_member_now(&c->nodes[0]), &id), HC_OK);
    sim_members_run(c, 90);
    for (uint32_t i = 0; i < 3; i++)
        assert_null(hc_membership_find(c->nodes[i].members, &id));
    sim_members_end(c);
}

static void test_what_a_node_says_of_itself_spreads(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(20, 5);
    sim_members_run(c, 5);
    hc_node_id id = sim_member_id(2);
    hc_membership_set_ready(c->nodes[2].members, sim_member_now(&c->nodes[2]), true);
    hc_membership_set_ring(c->nodes[2].members, sim_member_now(&c->nodes[2]), HC_RING_LEAVING);
    sim_members_run(c, 2);
    for (uint32_t i = 0; i < 5; i++) {
        const hc_member *found = hc_membership_find(c->nodes[i].members, &id);
        assert_true(found->ready);
        assert_int_equal(found->ring, HC_RING_LEAVING);
    }
    sim_members_end(c);
}

static void test_idle_traffic_is_small(void **state)
{
    (void)state;
    sim_members *c = sim_members_start(21, 10);
    sim_members_run(c, 30);
    uint64_t before = sim_counters_of(c->network)->bytes;
    sim_members_run(c, 60);
    uint64_t bytes = sim_counters_of(c->network)->bytes - before;
    assert_true(bytes / 60 / 10 < 1500); /* a node and second */
    sim_members_end(c);
}

/* ---- bad input ---- */

static void test_damaged_messages_change_nothing(void **state)
{
    (void)state;
    static uint8_t image[IMAGE_BYTES_MAX];
    sim_members *c = sim_members_start(22, 3);
    sim_members_run(c, 5);
    hc_membership *at = c->nodes[0].members;
    hc_address from = sim_member_address(1);
    size_t bytes = hc_membership_image(c->nodes[1].members, image, sizeof image);
    uint64_t now = sim_member_now(&c->nodes[0]);
    for (size_t i = 0; i < bytes; i++) {
        image[i] ^= 0x40;
        assert_int_equal(hc_membership_receive(at, now, &from, true, hc_span_make(image, bytes)),
                         HC_ERR_CORRUPT);
        image[i] ^= 0x40;
        assert_int_not_equal(hc_membership_receive(at, now, &from, true, hc_span_make(image, i)),
                             HC_OK);
    }
    assert_int_equal(hc_membership_receive(at, now, &from, true, hc_span_make(image, bytes)),
                     HC_OK);
    sim_members_run(c, 5);
    assert_true(all_alive(c));
    hc_membership *none;
    hc_membership_options bad = c->options;
    hc_membership_calls calls = sim_member_calls(&c->nodes[0]);
    bad.image = hc_span_make(image, bytes - 1);
    bad.cluster_id = 77;
    assert_int_equal(hc_membership_create(NULL, &bad, &calls, now, &none), HC_ERR_CORRUPT);
    bad.image.size = 0;
    bad.probe_interval_ms = UINT32_MAX;
    assert_int_equal(hc_membership_create(NULL, &bad, &calls, now, &none), HC_ERR_INVALID);
    calls.send = NULL;
    assert_int_equal(hc_membership_create(NULL, &c->options, &calls, now, &none), HC_ERR_INVALID);
    sim_members_end(c);
}

static void test_short_memory_is_survived(void **state)
{
    (void)state;
    for (size_t grants = 0; grants < 12; grants++) {
        test_memory memory = {.grants = SIZE_MAX};
        sim_members *c = sim_members_make(23, 24);
        c->host.memory = test_memory_table(&memory);
        for (uint32_t i = 0; i < 4; i++)
            sim_member_start(c, i, i, hc_span_make(NULL, 0));
        memory.grants = grants + 40; /* enough to make them, not to grow */
        for (uint32_t i = 4; i < 12; i++)
            sim_member_start(c, i, i, hc_span_make(NULL, 0));
        memory.grants = grants;
        sim_members_run(c, 5);
        memory.grants = SIZE_MAX;
        sim_members_run(c, 40);
        assert_true(all_alive(c));
        sim_members_end(c);
        assert_int_equal(memory.live_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_find_each_other),
        cmocka_unit_test(test_the_dead_are_found_in_time),
        cmocka_unit_test(test_two_nodes_find_each_others_death),
        cmocka_unit_test(test_nobody_dies_of_lost_datagrams),
        cmocka_unit_test(test_a_pause_of_a_second_kills_nobody),
        cmocka_unit_test(test_a_frozen_node_does_not_accuse_the_others),
        cmocka_unit_test(test_who_leaves_is_not_mourned),
        cmocka_unit_test(test_a_node_comes_back_under_another_address),
        cmocka_unit_test(test_a_clock_that_went_back_is_no_obstacle),
        cmocka_unit_test(test_of_two_boots_the_newer_stays),
        cmocka_unit_test(test_islands_meet_again),
        cmocka_unit_test(test_only_the_majority_takes_out_of_the_ring),
        cmocka_unit_test(test_who_was_taken_out_stays_out_whatever_it_did_meanwhile),
        cmocka_unit_test(test_one_way_links_kill_nobody_who_can_be_reached),
        cmocka_unit_test(test_refusals_of_two_are_proof),
        cmocka_unit_test(test_a_restart_of_all_needs_no_seed),
        cmocka_unit_test(test_clusters_do_not_mix),
        cmocka_unit_test(test_the_forgotten_stay_forgotten),
        cmocka_unit_test(test_what_a_node_says_of_itself_spreads),
        cmocka_unit_test(test_idle_traffic_is_small),
        cmocka_unit_test(test_damaged_messages_change_nothing),
        cmocka_unit_test(test_short_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
