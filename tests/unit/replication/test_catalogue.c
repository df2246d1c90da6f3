/*
 * test_catalogue.c - what one node makes or drops all make or drop; nodes that were apart agree;
 * messages for a store that is not known wait for it.
 */
#include "support/sim_network.h"
#include "support/test.h"
#include "support/test_host.h"

#include <hypercache/catalogue.h>

#include <stdio.h>
#include <stdlib.h>

#define NODES 4u
#define WALL_MS INT64_C(1790000000000)

typedef struct node {
    struct cluster *in;
    uint32_t number;
    hc_catalogue *catalogue; /* NULL: down */
    unsigned made, dropped, delivered;
    uint64_t last_id;
    char last_text[16];
} node;

typedef struct cluster {
    sim_network *network;
    node nodes[NODES];
    hc_member members[NODES];
    hc_catalogue_options options;
} cluster;

static hc_node_id id_of(uint32_t number)
{
    return (hc_node_id){{(uint8_t)(number + 1), 3}};
}

static hc_moment moment(const cluster *c)
{
    uint64_t now = sim_now(c->network);
    return (hc_moment){now, WALL_MS + (int64_t)(now / SIM_MS)};
}

static void on_send(void *ctx, const hc_node_id *to, hc_span message)
{
    node *n = ctx;
    sim_send(n->in->network, n->number, to->bytes[0] - 1u, true, message);
}

static void on_changed(void *ctx, const hc_definition *d)
{
    node *n = ctx;
    n->made += !d->dropped;
    n->dropped += d->dropped;
    n->last_id = d->store_id;
}

static void on_deliver(void *ctx, uint64_t store_id, hc_span message)
{
    node *n = ctx;
    n->delivered++;
    n->last_id = store_id;
    assert_true(message.size < sizeof n->last_text);
    memcpy(n->last_text, message.data, message.size);
    n->last_text[message.size] = '\0';
}

static void tick(node *n)
{
    if (n->catalogue == NULL) return;
    sim_wake(n->in->network, n->number, hc_catalogue_tick(n->catalogue, moment(n->in)));
}

static void on_wake(void *ctx, uint32_t number)
{
    cluster *c = ctx;
    tick(&c->nodes[number]);
}

static void on_arrival(void *ctx, uint32_t to, uint32_t from, bool reliable, hc_span bytes)
{
    cluster *c = ctx;
    (void)from;
    (void)reliable;
    if (c->nodes[to].catalogue == NULL) return;
    assert_true(hc_catalogue_is_message(bytes));
    (void)hc_catalogue_receive(c->nodes[to].catalogue, moment(c), bytes);
    tick(&c->nodes[to]);
}

static void node_start(cluster *c, uint32_t number, hc_span image)
{
    node *n = &c->nodes[number];
    hc_catalogue_calls calls = {.size = sizeof calls,
                                .ctx = n,
                                .send = on_send,
                                .changed = on_changed,
                                .deliver = on_deliver};
    hc_catalogue_options o = c->options;
    o.self = id_of(number);
    o.image = image;
    *n = (node){.in = c, .number = number};
    assert_int_equal(hc_catalogue_create(NULL, &o, &calls, moment(c), &n->catalogue), HC_OK);
    assert_int_equal(hc_catalogue_members(n->catalogue, moment(c), c->members, NODES), HC_OK);
    tick(n);
}

static cluster *cluster_start(uint64_t seed)
{
    cluster *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->network = sim_create(&(sim_options){
        .seed = seed, .nodes = NODES, .deliver = on_arrival, .wake = on_wake, .ctx = c});
    c->options = (hc_catalogue_options){
        .size = sizeof c->options, .cluster_id = 5, .secret = {4}, .stores_max = 20};
    for (uint32_t i = 0; i < NODES; i++)
        c->members[i] = (hc_member){.id = id_of(i), .boot_id = 1};
    for (uint32_t i = 0; i < NODES; i++)
        node_start(c, i, hc_span_make(NULL, 0));
    return c;
}

static void cluster_end(cluster *c)
{
    for (uint32_t i = 0; i < NODES; i++)
        hc_catalogue_destroy(c->nodes[i].catalogue);
    sim_destroy(c->network);
    free(c);
}

static void run(cluster *c, double seconds)
{
    sim_run(c->network, sim_now(c->network) + (uint64_t)(seconds * 1e9));
}

static uint64_t add(cluster *c, uint32_t at, const char *name, const char *settings)
{
    uint64_t id;
    assert_int_equal(hc_catalogue_add(c->nodes[at].catalogue, moment(c),
                                      hc_span_make(name, strlen(name)),
                                      hc_span_make(settings, strlen(settings)), &id),
                     HC_OK);
    return id;
}

static void drop(cluster *c, uint32_t at, const char *name)
{
    assert_int_equal(
        hc_catalogue_drop(c->nodes[at].catalogue, moment(c), hc_span_make(name, strlen(name))),
        HC_OK);
}

static uint64_t find(cluster *c, uint32_t at, const char *name)
{
    hc_definition d = {.size = sizeof d};
    hc_span span = hc_span_make(name, strlen(name));
    return hc_catalogue_find(c->nodes[at].catalogue, span, &d) == HC_OK ? d.store_id : 0;
}

static uint64_t digest(const cluster *c, uint32_t at)
{
    hc_catalogue_stats s = {.size = sizeof s};
    hc_catalogue_stats_get(c->nodes[at].catalogue, &s);
    return s.digest;
}

static void assert_agree(const cluster *c)
{
    for (uint32_t i = 1; i < NODES; i++)
        assert_true(digest(c, i) == digest(c, 0));
}

static void test_a_store_made_at_one_node_is_made_at_all(void **state)
{
    (void)state;
    cluster *c = cluster_start(1);
    uint64_t id = add(c, 0, "users", "lru"), other;
    run(c, 0.1);
    for (uint32_t i = 0; i < NODES; i++) {
        hc_definition d = {.size = sizeof d};
        assert_int_equal(hc_catalogue_find(c->nodes[i].catalogue, HC_SPAN("users"), &d), HC_OK);
        assert_true(d.store_id == id);
        assert_memory_equal(d.settings.data, "lru", 3);
        assert_int_equal(c->nodes[i].made, i == 0 ? 0 : 1);
        assert_int_equal(hc_catalogue_add(c->nodes[i].catalogue, moment(c), HC_SPAN("users"),
                                          HC_SPAN(""), &other),
                         HC_ERR_EXISTS);
    }
    drop(c, 2, "users");
    run(c, 0.1);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(find(c, i, "users") == 0);
        assert_int_equal(c->nodes[i].dropped, i == 2 ? 0 : 1);
    }
    assert_true(add(c, 1, "users", "") != id); /* another store under the name */
    run(c, 0.1);
    assert_agree(c);
    cluster_end(c);
}

static void test_names_and_numbers_have_limits(void **state)
{
    (void)state;
    uint64_t id;
    char name[24];
    cluster *c = cluster_start(2);
    hc_catalogue *one = c->nodes[0].catalogue;
    assert_int_equal(hc_catalogue_add(one, moment(c), HC_SPAN("a b"), HC_SPAN(""), &id),
                     HC_ERR_INVALID);
    assert_int_equal(hc_catalogue_drop(one, moment(c), HC_SPAN("none")), HC_ERR_NOT_FOUND);
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        (void)add(c, 0, name, "");
    }
    assert_int_equal(hc_catalogue_add(one, moment(c), HC_SPAN("more"), HC_SPAN(""), &id),
                     HC_ERR_LIMIT);
    for (unsigned i = 0; i < HC_CATALOGUE_ENDS_MAX + 50; i++) {
        (void)snprintf(name, sizeof name, "s%u", 19 + i);
        drop(c, 0, name);
        (void)snprintf(name, sizeof name, "s%u", 20 + i);
        (void)add(c, 0, name, "");
        run(c, 0.001);
    }
    assert_int_equal(hc_catalogue_count(one), 20 + HC_CATALOGUE_ENDS_MAX);
    cluster_end(c);
}

/* Both sides make one name: it is one store.  One side drops what the other keeps: it is gone. */
static void test_islands_come_to_the_same_whatever_each_did(void **state)
{
    (void)state;
    bool apart[NODES] = {true, true, false, false};
    for (uint64_t seed = 10; seed < 30; seed++) {
        cluster *c = cluster_start(seed);
        (void)add(c, 0, "kept", "");
        (void)add(c, 0, "gone", "");
        run(c, 3);
        sim_split(c->network, apart);
        drop(c, 1, "gone");
        uint64_t id = add(c, 0, "both", "first");
        run(c, 0.5);
        assert_true(add(c, 3, "both", "second") == id);
        if (seed % 2 == 0) {
            drop(c, 2, "kept");
            (void)add(c, 2, "kept", "anew");
        }
        run(c, 4);
        sim_split(c->network, NULL);
        run(c, 20);
        assert_agree(c);
        for (uint32_t i = 0; i < NODES; i++) {
            hc_definition d = {.size = sizeof d};
            assert_true(find(c, i, "gone") == 0 && find(c, i, "kept") != 0);
            assert_int_equal(hc_catalogue_find(c->nodes[i].catalogue, HC_SPAN("both"), &d), HC_OK);
            assert_memory_equal(d.settings.data, "first", 5);
        }
        cluster_end(c);
    }
}

static void test_a_node_that_was_away_brings_no_store_back(void **state)
{
    (void)state;
    static uint8_t image[HC_CATALOGUE_MESSAGE_BYTES_MAX];
    cluster *c = cluster_start(3);
    (void)add(c, 0, "old", "");
    (void)add(c, 0, "stays", "");
    run(c, 0.1);
    size_t bytes = hc_catalogue_image(c->nodes[3].catalogue, image, sizeof image);
    assert_true(bytes <= sizeof image);
    hc_catalogue_destroy(c->nodes[3].catalogue);
    c->nodes[3].catalogue = NULL;
    drop(c, 0, "old");
    run(c, 5);
    node_start(c, 3, hc_span_make(image, bytes));
    assert_true(find(c, 3, "old") != 0);
    assert_int_equal(c->nodes[3].made, 0);
    run(c, 10);
    assert_agree(c);
    assert_true(find(c, 0, "old") == 0 && find(c, 3, "old") == 0);
    assert_int_equal(c->nodes[3].dropped, 1);
    hc_catalogue *bad;
    hc_catalogue_options o = c->options;
    o.image = hc_span_make(image, bytes - 1);
    hc_catalogue_calls calls = {
        .size = sizeof calls, .send = on_send, .changed = on_changed, .deliver = on_deliver};
    assert_int_equal(hc_catalogue_create(NULL, &o, &calls, moment(c), &bad), HC_ERR_CORRUPT);
    calls.deliver = NULL;
    o.image = hc_span_make(NULL, 0);
    assert_int_equal(hc_catalogue_create(NULL, &o, &calls, moment(c), &bad), HC_ERR_INVALID);
    cluster_end(c);
}

static void test_a_message_for_an_unknown_store_waits_for_its_definition(void **state)
{
    (void)state;
    bool apart[NODES] = {true, false, true, true};
    hc_node_id zero = id_of(0);
    cluster *c = cluster_start(4);
    run(c, 1);
    sim_split(c->network, apart); /* so that node 1 does not hear of it */
    uint64_t id = add(c, 0, "late", "");
    run(c, 0.1);
    sim_split(c->network, NULL);
    hc_catalogue *one = c->nodes[1].catalogue;
    assert_int_equal(hc_catalogue_hold(one, moment(c), id, &zero, HC_SPAN("first")), HC_OK);
    assert_int_equal(hc_catalogue_hold(one, moment(c), id, &zero, HC_SPAN("second")), HC_OK);
    assert_int_equal(c->nodes[1].delivered, 0);
    run(c, 0.05);
    assert_int_equal(c->nodes[1].made, 1);
    assert_int_equal(c->nodes[1].delivered, 2);
    assert_string_equal(c->nodes[1].last_text, "second");
    drop(c, 0, "late");
    run(c, 0.1);
    assert_int_equal(hc_catalogue_hold(one, moment(c), id, &zero, HC_SPAN("dead")),
                     HC_ERR_NOT_FOUND);
    cluster_end(c);
}

static void test_waiting_is_bounded_in_time_and_room(void **state)
{
    (void)state;
    hc_node_id zero = id_of(0), stranger = {{77}};
    hc_catalogue_stats s = {.size = sizeof s};
    cluster *c = cluster_start(5);
    hc_catalogue *one = c->nodes[1].catalogue;
    static uint8_t large[1u << 20];
    assert_int_equal(hc_catalogue_hold(one, moment(c), 9, &stranger, HC_SPAN("x")),
                     HC_ERR_NOT_FOUND);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(
            hc_catalogue_hold(one, moment(c), 9, &zero, hc_span_make(large, sizeof large)), HC_OK);
    assert_int_equal(hc_catalogue_hold(one, moment(c), 9, &zero, HC_SPAN("x")), HC_ERR_LIMIT);
    run(c, 3);
    hc_catalogue_stats_get(one, &s);
    assert_int_equal(s.held, 0);
    assert_int_equal(s.held_bytes, 0);
    assert_int_equal(s.held_late, 4);
    assert_int_equal(s.held_full, 1);
    assert_int_equal(hc_catalogue_hold(one, moment(c), 9, &zero, HC_SPAN("x")), HC_OK);
    cluster_end(c); /* with one that waits */
}

static void test_any_bytes_are_safe(void **state)
{
    (void)state;
    static uint8_t image[HC_CATALOGUE_MESSAGE_BYTES_MAX];
    test_random random;
    test_random_init(&random, 7);
    cluster *c = cluster_start(6);
    (void)add(c, 0, "users", "settings");
    run(c, 0.1);
    size_t bytes = hc_catalogue_image(c->nodes[0].catalogue, image, sizeof image);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t bit = test_random_below(&random, bytes * 8);
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
        hc_status status =
            hc_catalogue_receive(c->nodes[1].catalogue, moment(c), hc_span_make(image, bytes));
        assert_int_equal(status, HC_ERR_CORRUPT);
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(
        hc_catalogue_receive(c->nodes[1].catalogue, moment(c), hc_span_make(image, bytes)), HC_OK);
    cluster_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_made_at_one_node_is_made_at_all),
        cmocka_unit_test(test_names_and_numbers_have_limits),
        cmocka_unit_test(test_islands_come_to_the_same_whatever_each_did),
        cmocka_unit_test(test_a_node_that_was_away_brings_no_store_back),
        cmocka_unit_test(test_a_message_for_an_unknown_store_waits_for_its_definition),
        cmocka_unit_test(test_waiting_is_bounded_in_time_and_room),
        cmocka_unit_test(test_any_bytes_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
