/*
 * test_membership.c - clusters of members on a network that loses, delays and splits: the dead are
 * found, the living are left alone, and who can talk agrees.
 */
#include "support/sim_network.h"
#include "support/test.h"
#include "support/test_host.h"

#include <hypercache/hypercache.h>

#include <stdlib.h>
#include <string.h>

#define NODES_MAX 32u
#define IMAGE_BYTES_MAX 65536u

typedef struct cluster cluster;

typedef struct node {
    cluster *in;
    uint32_t number, id_number;
    hc_membership *members; /* NULL: down */
    uint64_t boot_id;
    uint64_t clock_offset_ns;
    bool frozen;
    bool superseded;
    uint64_t cluster_id;
} node;

struct cluster {
    sim_network *network;
    test_random random;
    hc_host host;
    uint32_t count;
    node nodes[NODES_MAX];
    hc_membership_options options;
    unsigned deaths; /* that anybody told of */
    unsigned attachments;
};

static hc_address address_of(uint32_t number)
{
    hc_address made = {.port = 7946};
    made.ip[10] = made.ip[11] = 0xFF;
    made.ip[14] = (uint8_t)(number >> 8);
    made.ip[15] = (uint8_t)number;
    return made;
}

static uint32_t number_at(const hc_address *address)
{
    return (uint32_t)address->ip[14] << 8 | address->ip[15];
}

static hc_node_id id_of(uint32_t number)
{
    hc_node_id made = {{(uint8_t)(number * 37), (uint8_t)number, 7}};
    return made;
}

/* ---- what members ask for ---- */

static void on_send(void *ctx, const hc_address *to, bool reliable, hc_span message)
{
    node *from = ctx;
    uint32_t number = number_at(to);
    assert_true(reliable || message.size <= HC_MEMBERSHIP_DATAGRAM_BYTES_MAX);
    if (number < from->in->count) {
        sim_send(from->in->network, from->number, number, reliable, message);
    }
}

static void on_changed(void *ctx, const hc_member *before, const hc_member *after)
{
    node *at = ctx;
    if (after == NULL || before == NULL) return;
    if (after->state == HC_MEMBER_DEAD && before->state != HC_MEMBER_DEAD) at->in->deaths++;
}

static void on_superseded(void *ctx, const hc_member *by)
{
    node *at = ctx;
    assert_true(by->boot_id > at->boot_id);
    at->superseded = true;
}

static size_t attach(void *ctx, uint8_t to[HC_MEMBERSHIP_ATTACHMENT_BYTES_MAX])
{
    node *from = ctx;
    to[0] = (uint8_t)from->id_number;
    return 1;
}

static void attached(void *ctx, const hc_node_id *from, hc_span bytes)
{
    node *at = ctx;
    assert_int_equal(bytes.size, 1);
    hc_node_id want = id_of(bytes.data[0]);
    assert_memory_equal(from->bytes, want.bytes, sizeof want.bytes);
    at->in->attachments++;
}

static uint64_t now_of(const node *at)
{
    return sim_now(at->in->network) + at->clock_offset_ns;
}

static void tick(node *at)
{
    if (at->members == NULL || at->frozen) return;
    uint64_t next = hc_membership_tick(at->members, now_of(at));
    sim_wake(at->in->network, at->number, next == UINT64_MAX ? next : next - at->clock_offset_ns);
}

static void on_wake(void *ctx, uint32_t number)
{
    cluster *c = ctx;
    tick(&c->nodes[number]);
}

static void on_deliver(void *ctx, uint32_t to, uint32_t from, bool reliable, hc_span bytes)
{
    cluster *c = ctx;
    node *at = &c->nodes[to];
    if (at->members == NULL || at->frozen) return;
    hc_address source = address_of(from);
    (void)hc_membership_receive(at->members, now_of(at), &source, reliable, bytes);
    tick(at);
}

/* ---- a cluster ---- */

static void node_start(cluster *c, uint32_t number, uint32_t id_number, hc_span image)
{
    node *n = &c->nodes[number];
    hc_membership_options o = c->options;
    hc_membership_calls calls = {.size = sizeof calls,
                                 .ctx = n,
                                 .send = on_send,
                                 .changed = on_changed,
                                 .superseded = on_superseded,
                                 .attach = attach,
                                 .attached = attached};
    n->in = c;
    n->number = number;
    n->id_number = id_number;
    n->boot_id++;
    n->superseded = n->frozen = false;
    o.cluster_id = n->cluster_id != 0 ? n->cluster_id : 77;
    o.self = (hc_member){.id = id_of(id_number),
                         .boot_id = n->boot_id,
                         .ring = HC_RING_ACTIVE,
                         .address = address_of(number),
                         .zone = "a"};
    o.image = image;
    assert_int_equal(hc_membership_create(&c->host, &o, &calls, now_of(n), &n->members), HC_OK);
    hc_address seed = address_of(0);
    hc_membership_seeds(n->members, now_of(n), &seed, image.size == 0);
    tick(n);
}

static void node_stop(cluster *c, uint32_t number)
{
    hc_membership_destroy(c->nodes[number].members);
    c->nodes[number].members = NULL;
    sim_drop(c->network, number);
}

static void run_s(cluster *c, double seconds)
{
    sim_run(c->network, sim_now(c->network) + (uint64_t)(seconds * 1e9));
}

static cluster *cluster_make(uint64_t seed, uint32_t count)
{
    cluster *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->count = count;
    c->network = sim_create(&(sim_options){
        .seed = seed, .nodes = count, .deliver = on_deliver, .wake = on_wake, .ctx = c});
    test_random_init_quiet(&c->random, seed + 1);
    c->host = test_host_of(NULL, NULL, &c->random, NULL);
    c->options = (hc_membership_options){.size = sizeof c->options, .secret = {1, 2, 3}};
    for (uint32_t i = 0; i < count; i++)
        c->nodes[i].boot_id = 100;
    return c;
}

static cluster *cluster_start(uint64_t seed, uint32_t count)
{
    cluster *c = cluster_make(seed, count);
    for (uint32_t i = 0; i < count; i++)
        node_start(c, i, i, hc_span_make(NULL, 0));
    return c;
}

static void cluster_end(cluster *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        hc_membership_destroy(c->nodes[i].members);
    sim_destroy(c->network);
    free(c);
}

static hc_member_state state_at(const cluster *c, uint32_t at, uint32_t of)
{
    hc_node_id id = id_of(of);
    const hc_member *found = hc_membership_find(c->nodes[at].members, &id);
    assert_non_null(found);
    return found->state;
}

/* Does everybody who is up say this of that node? */
static bool all_say(const cluster *c, uint32_t of, hc_member_state state)
{
    hc_node_id id = id_of(of);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->nodes[i].members == NULL || i == of) continue;
        const hc_member *found = hc_membership_find(c->nodes[i].members, &id);
        if (found == NULL || found->state != state) return false;
    }
    return true;
}

static bool all_alive(const cluster *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->nodes[i].members != NULL && !all_say(c, i, HC_MEMBER_ALIVE)) return false;
    }
    return true;
}

/* Seconds until it is so, or -1. */
static double until_all_say(cluster *c, uint32_t of, hc_member_state state, double seconds_max)
{
    for (double waited = 0; waited < seconds_max; waited += 0.05) {
        if (all_say(c, of, state)) return waited;
        run_s(c, 0.05);
    }
    return -1;
}

static void assert_tags_differ(const cluster *c)
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
        cluster *c = cluster_start(count, count);
        run_s(c, 5);
        assert_true(all_alive(c));
        assert_tags_differ(c);
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(hc_membership_count(c->nodes[i].members), count);
        assert_true(c->attachments > 0);
        cluster_end(c);
    }
}

static void test_the_dead_are_found_in_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        cluster *c = cluster_start(seed, seed % 2 == 0 ? 3 : 10);
        run_s(c, 5);
        node_stop(c, 1);
        double took = until_all_say(c, 1, HC_MEMBER_DEAD, 10);
        assert_true(took > 0 && took <= 4.5); /* virtual time */
        assert_int_equal(state_at(c, 0, 2), HC_MEMBER_ALIVE);
        cluster_end(c);
    }
}

static void test_two_nodes_find_each_others_death(void **state)
{
    (void)state;
    cluster *c = cluster_start(3, 2);
    run_s(c, 5);
    node_stop(c, 1);
    assert_true(until_all_say(c, 1, HC_MEMBER_DEAD, 4) > 0);
    cluster_end(c);
}

static void test_nobody_dies_of_lost_datagrams(void **state)
{
    (void)state;
    cluster *c = cluster_start(5, 10);
    sim_weather *weather = sim_weather_of(c->network);
    weather->loss_permille = 50;
    weather->double_permille = 50;
    weather->slow_permille = 10;
    run_s(c, 600);
    assert_int_equal(c->deaths, 0);
    assert_true(all_alive(c));
    cluster_end(c);
}

static void test_a_pause_of_a_second_kills_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        cluster *c = cluster_start(seed, 10);
        run_s(c, 10);
        c->nodes[4].frozen = true;
        run_s(c, 1.2);
        c->nodes[4].frozen = false;
        tick(&c->nodes[4]);
        run_s(c, 20);
        assert_int_equal(c->deaths, 0);
        assert_true(all_alive(c));
        cluster_end(c);
    }
}

static void test_a_frozen_node_does_not_accuse_the_others(void **state)
{
    (void)state;
    cluster *c = cluster_start(8, 5);
    run_s(c, 10);
    c->nodes[0].frozen = true;
    run_s(c, 60);
    assert_true(all_say(c, 0, HC_MEMBER_DEAD));
    c->deaths = 0;
    c->nodes[0].frozen = false;
    tick(&c->nodes[0]);
    run_s(c, 30);
    assert_int_equal(c->deaths, 0);
    assert_true(all_alive(c));
    hc_membership_stats stats = {.size = sizeof stats};
    hc_membership_stats_get(c->nodes[0].members, &stats);
    assert_true(stats.pauses > 0 && stats.refuted > 0);
    cluster_end(c);
}

static void test_who_leaves_is_not_mourned(void **state)
{
    (void)state;
    cluster *c = cluster_start(9, 5);
    run_s(c, 5);
    hc_membership_leave(c->nodes[2].members, now_of(&c->nodes[2]));
    tick(&c->nodes[2]);
    run_s(c, 2);
    node_stop(c, 2);
    run_s(c, 30);
    assert_int_equal(c->deaths, 0);
    assert_true(all_say(c, 2, HC_MEMBER_LEFT));
    hc_node_id id = id_of(2);
    assert_int_equal(hc_membership_find(c->nodes[0].members, &id)->ring, HC_RING_OUT);
    node_start(c, 2, 2, hc_span_make(NULL, 0)); /* and comes again */
    run_s(c, 5);
    assert_true(all_alive(c));
    cluster_end(c);
}

static void test_a_node_comes_back_under_another_address(void **state)
{
    (void)state;
    cluster *c = cluster_make(10, 6);
    for (uint32_t i = 0; i < 5; i++)
        node_start(c, i, i, hc_span_make(NULL, 0));
    run_s(c, 5);
    node_stop(c, 1);
    run_s(c, 5);
    c->nodes[5].boot_id = 200; /* number 1 again, at the address of 5 */
    node_start(c, 5, 1, hc_span_make(NULL, 0));
    run_s(c, 5);
    hc_node_id id = id_of(1);
    for (uint32_t i = 0; i < 5; i++) {
        if (i == 1) continue;
        const hc_member *found = hc_membership_find(c->nodes[i].members, &id);
        assert_int_equal(found->state, HC_MEMBER_ALIVE);
        assert_int_equal(number_at(&found->address), 5);
        assert_int_equal(hc_membership_count(c->nodes[i].members), 5);
    }
    cluster_end(c);
}

static void test_a_clock_that_went_back_is_no_obstacle(void **state)
{
    (void)state;
    cluster *c = cluster_start(11, 4);
    run_s(c, 5);
    node_stop(c, 1);
    c->nodes[1].boot_id = 3; /* its boots were of 101 before */
    node_start(c, 1, 1, hc_span_make(NULL, 0));
    run_s(c, 10);
    assert_true(all_alive(c));
    assert_false(c->nodes[1].superseded);
    cluster_end(c);
}

static void test_of_two_boots_the_newer_stays(void **state)
{
    (void)state;
    cluster *c = cluster_make(12, 5);
    for (uint32_t i = 0; i < 4; i++)
        node_start(c, i, i, hc_span_make(NULL, 0));
    run_s(c, 5);
    c->nodes[4].boot_id = 500;
    node_start(c, 4, 1, hc_span_make(NULL, 0)); /* a copied disk: the same id */
    run_s(c, 10);
    assert_true(c->nodes[1].superseded);
    assert_false(c->nodes[4].superseded);
    hc_node_id id = id_of(1);
    assert_int_equal(number_at(&hc_membership_find(c->nodes[0].members, &id)->address), 4);
    cluster_end(c);
}

static void test_islands_meet_again(void **state)
{
    (void)state;
    bool group[6] = {true, true, false, false, false, false};
    cluster *c = cluster_start(13, 6);
    run_s(c, 5);
    sim_split(c->network, group);
    run_s(c, 60);
    assert_int_equal(state_at(c, 0, 3), HC_MEMBER_DEAD);
    assert_int_equal(state_at(c, 3, 0), HC_MEMBER_DEAD);
    assert_int_equal(state_at(c, 0, 1), HC_MEMBER_ALIVE);
    sim_split(c->network, NULL);
    run_s(c, 25);
    assert_true(all_alive(c));
    cluster_end(c);
}

static void test_only_the_majority_takes_out_of_the_ring(void **state)
{
    (void)state;
    bool group[5] = {true, true, false, false, false};
    cluster *c = cluster_make(14, 5);
    c->options.evict_after_ms = 20000;
    for (uint32_t i = 0; i < 5; i++)
        node_start(c, i, i, hc_span_make(NULL, 0));
    run_s(c, 5);
    sim_split(c->network, group);
    run_s(c, 60);
    hc_node_id of_few = id_of(0), of_many = id_of(3);
    assert_int_equal(hc_membership_find(c->nodes[0].members, &of_many)->ring, HC_RING_ACTIVE);
    assert_int_equal(hc_membership_find(c->nodes[3].members, &of_few)->ring, HC_RING_OUT);
    cluster_end(c);
}

static void test_one_way_links_kill_nobody_who_can_be_reached(void **state)
{
    (void)state;
    cluster *c = cluster_start(15, 5);
    run_s(c, 5);
    sim_cut(c->network, 0, 1, true); /* 0 cannot reach 1; all others can */
    run_s(c, 120);
    assert_int_equal(c->deaths, 0);
    cluster_end(c);
}

static void test_refusals_of_two_are_proof(void **state)
{
    (void)state;
    cluster *c = cluster_start(16, 5);
    run_s(c, 5);
    node_stop(c, 1);
    hc_node_id id = id_of(1);
    hc_membership_refused(c->nodes[0].members, now_of(&c->nodes[0]), &id);
    assert_int_equal(state_at(c, 0, 1), HC_MEMBER_SUSPECT);
    hc_membership_refused(c->nodes[2].members, now_of(&c->nodes[2]), &id);
    run_s(c, 0.6);
    assert_int_equal(state_at(c, 0, 1), HC_MEMBER_DEAD);
    assert_int_equal(state_at(c, 4, 1), HC_MEMBER_DEAD);
    cluster_end(c);
}

static void test_a_restart_of_all_needs_no_seed(void **state)
{
    (void)state;
    static uint8_t images[4][IMAGE_BYTES_MAX];
    size_t bytes[4];
    cluster *c = cluster_start(17, 4);
    run_s(c, 5);
    for (uint32_t i = 0; i < 4; i++) {
        bytes[i] = hc_membership_image(c->nodes[i].members, images[i], IMAGE_BYTES_MAX);
        assert_true(bytes[i] <= IMAGE_BYTES_MAX);
    }
    for (uint32_t i = 0; i < 4; i++)
        node_stop(c, i);
    for (uint32_t i = 0; i < 4; i++)
        node_start(c, i, i, hc_span_make(images[i], bytes[i]));
    run_s(c, 5);
    assert_true(all_alive(c));
    cluster_end(c);
}

static void test_clusters_do_not_mix(void **state)
{
    (void)state;
    cluster *c = cluster_make(18, 4);
    c->nodes[2].cluster_id = c->nodes[3].cluster_id = 88;
    for (uint32_t i = 0; i < 4; i++)
        node_start(c, i, i, hc_span_make(NULL, 0));
    run_s(c, 20);
    assert_int_equal(hc_membership_count(c->nodes[0].members), 2);
    assert_int_equal(hc_membership_count(c->nodes[2].members), 1);
    hc_membership_stats stats = {.size = sizeof stats};
    hc_membership_stats_get(c->nodes[0].members, &stats);
    assert_true(stats.dropped > 0);
    cluster_end(c);
}

static void test_the_forgotten_stay_forgotten(void **state)
{
    (void)state;
    cluster *c = cluster_make(19, 4);
    c->options.forget_after_ms = 30000;
    for (uint32_t i = 0; i < 4; i++)
        node_start(c, i, i, hc_span_make(NULL, 0));
    run_s(c, 5);
    hc_node_id id = id_of(3), nobody = id_of(9);
    hc_membership *first = c->nodes[0].members;
    assert_int_equal(hc_membership_forget(first, now_of(&c->nodes[0]), &id), HC_ERR_CONFLICT);
    assert_int_equal(hc_membership_forget(first, now_of(&c->nodes[0]), &nobody), HC_ERR_NOT_FOUND);
    node_stop(c, 3);
    run_s(c, 10);
    assert_int_equal(hc_membership_forget(first, now_of(&c->nodes[0]), &id), HC_OK);
    assert_int_equal(hc_membership_forget(first, now_of(&c->nodes[0]), &id), HC_OK);
    run_s(c, 90);
    for (uint32_t i = 0; i < 3; i++)
        assert_null(hc_membership_find(c->nodes[i].members, &id));
    cluster_end(c);
}

static void test_what_a_node_says_of_itself_spreads(void **state)
{
    (void)state;
    cluster *c = cluster_start(20, 5);
    run_s(c, 5);
    hc_node_id id = id_of(2);
    hc_membership_set_ready(c->nodes[2].members, now_of(&c->nodes[2]), true);
    hc_membership_set_ring(c->nodes[2].members, now_of(&c->nodes[2]), HC_RING_LEAVING);
    run_s(c, 2);
    for (uint32_t i = 0; i < 5; i++) {
        const hc_member *found = hc_membership_find(c->nodes[i].members, &id);
        assert_true(found->ready);
        assert_int_equal(found->ring, HC_RING_LEAVING);
    }
    cluster_end(c);
}

static void test_idle_traffic_is_small(void **state)
{
    (void)state;
    cluster *c = cluster_start(21, 10);
    run_s(c, 30);
    uint64_t before = sim_counters_of(c->network)->bytes;
    run_s(c, 60);
    uint64_t bytes = sim_counters_of(c->network)->bytes - before;
    assert_true(bytes / 60 / 10 < 1500); /* a node and second */
    cluster_end(c);
}

/* ---- bad input ---- */

static void test_damaged_messages_change_nothing(void **state)
{
    (void)state;
    static uint8_t image[IMAGE_BYTES_MAX];
    cluster *c = cluster_start(22, 3);
    run_s(c, 5);
    hc_membership *at = c->nodes[0].members;
    hc_address from = address_of(1);
    size_t bytes = hc_membership_image(c->nodes[1].members, image, sizeof image);
    uint64_t now = now_of(&c->nodes[0]);
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
    run_s(c, 5);
    assert_true(all_alive(c));
    hc_membership *none;
    hc_membership_options bad = c->options;
    hc_membership_calls calls = {
        .size = sizeof calls, .send = on_send, .changed = on_changed, .superseded = on_superseded};
    bad.image = hc_span_make(image, bytes - 1);
    bad.cluster_id = 77;
    assert_int_equal(hc_membership_create(NULL, &bad, &calls, now, &none), HC_ERR_CORRUPT);
    bad.image.size = 0;
    bad.probe_interval_ms = UINT32_MAX;
    assert_int_equal(hc_membership_create(NULL, &bad, &calls, now, &none), HC_ERR_INVALID);
    calls.send = NULL;
    assert_int_equal(hc_membership_create(NULL, &c->options, &calls, now, &none), HC_ERR_INVALID);
    cluster_end(c);
}

static void test_short_memory_is_survived(void **state)
{
    (void)state;
    for (size_t grants = 0; grants < 12; grants++) {
        test_memory memory = {.grants = SIZE_MAX};
        cluster *c = cluster_make(23, 24);
        c->host.memory = test_memory_table(&memory);
        for (uint32_t i = 0; i < 4; i++)
            node_start(c, i, i, hc_span_make(NULL, 0));
        memory.grants = grants + 40; /* enough to make them, not to grow */
        for (uint32_t i = 4; i < 12; i++)
            node_start(c, i, i, hc_span_make(NULL, 0));
        memory.grants = grants;
        run_s(c, 5);
        memory.grants = SIZE_MAX;
        run_s(c, 40);
        assert_true(all_alive(c));
        cluster_end(c);
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
