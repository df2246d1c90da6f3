/* test_cluster_commands.c - CLUSTER tells what the view holds: three members, two of whom serve. */
#include "command/cluster.h"
#include "command/cluster/cluster_turn.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccc"

static void member_set(cluster_member *m, const char *id, uint16_t port, hc_member_state state)
{
    assert_true(cluster_id_parse(hc_span_make(id, CLUSTER_ID_CHARS), &m->is.id));
    memcpy(m->id, id, CLUSTER_ID_CHARS + 1);
    strcpy(m->host, "10.0.0.1");
    m->is.resp_port = port;
    m->is.address.port = (uint16_t)(port + 1000);
    m->is.state = state;
    m->is.ready = true;
    m->since_ms = 5;
    m->agrees = true;
}

/* A serves slots 0..99 and 16383, B 100..16382 but for 200, C is dead. */
static void view_show(node *to, hc_member_state of_b)
{
    cluster_view *view = cluster_view_create(3, 0);
    assert_non_null(view);
    cluster_member *members = (cluster_member *)(uintptr_t)view->members;
    member_set(&members[0], ID_A, 7001, HC_MEMBER_ALIVE);
    member_set(&members[1], ID_B, 7002, of_b);
    member_set(&members[2], ID_C, 7003, HC_MEMBER_DEAD);
    members[0].is_self = true;
    members[1].linked = true;
    for (unsigned i = 0; i < HC_RING_SLOTS; i++)
        view->acting[i] = i < 100 || i == 16383 ? 0 : 1;
    view->acting[200] = CLUSTER_NOBODY;
    members[0].slots_acting = 101;
    members[1].slots_acting = HC_RING_SLOTS - 102;
    view->slots_served = HC_RING_SLOTS - 1;
    view->state = CLUSTER_PARTIAL;
    view->epoch = 7;
    cluster_view_publish(to, view);
}

static size_t figures(void *ctx, cluster_figures *figures_out, cluster_peer_figures *peers,
                      size_t peers_max)
{
    (void)ctx;
    *figures_out = (cluster_figures){.membership.sent = 11, .membership.received = 12};
    for (size_t i = 0; i < 2 && i < peers_max; i++) {
        peers[i] = (cluster_peer_figures){.link_queue_bytes = 77};
        memset(&peers[i].id, i == 0 ? 0xbb : 0xcc, sizeof peers[i].id);
    }
    return 2;
}

static hc_status meet(void *ctx, const hc_address *address)
{
    *(hc_address *)ctx = *address;
    return HC_OK;
}

static hc_status forget(void *ctx, const hc_node_id *id)
{
    (void)ctx;
    return id->bytes[0] == 0xcc ? HC_OK : id->bytes[0] == 0xbb ? HC_ERR_CONFLICT : HC_ERR_NOT_FOUND;
}

typedef struct fixture {
    test_client on;
    cluster_calls calls;
    hc_address met;
} fixture;

/* All of the node's store is as if it were served. */
static void scan(void *ctx, uint64_t *cursor, size_t count, hc_visit visit, void *visit_ctx)
{
    fixture *f = (fixture *)(void *)((char *)ctx - offsetof(fixture, met));
    hc_store_scan_keys(f->on.client.store, cursor, count, visit, visit_ctx);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    test_client_init(&f->on, NULL);
    f->calls = (cluster_calls){
        .ctx = &f->met, .figures = figures, .scan = scan, .meet = meet, .forget = forget};
    cluster_attach(f->on.node, &f->calls);
    view_show(f->on.node, HC_MEMBER_SUSPECT);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    cluster_detach(f->on.node);
    test_client_fini(&f->on);
    free(f);
    return 0;
}

static void test_neighbouring_slots_of_one_node_are_one_range(void **state)
{
    fixture *f = *state;
    assert_false(f->on.client.knows_slots);
    test_client_expect(&f->on, "CLUSTER SLOTS",
                       "*4 *3 :0 :99 *4 \"10.0.0.1\" :7001 \"" ID_A "\" *0 "
                       "*3 :100 :199 *4 \"10.0.0.1\" :7002 \"" ID_B "\" *0 "
                       "*3 :201 :16382 *4 \"10.0.0.1\" :7002 \"" ID_B "\" *0 "
                       "*3 :16383 :16383 *4 \"10.0.0.1\" :7001 \"" ID_A "\" *0");
    assert_true(f->on.client.knows_slots);
}

static void test_nodes_are_lines_of_masters(void **state)
{
    fixture *f = *state;
    test_client_expect(
        &f->on, "CLUSTER NODES",
        "=\"" ID_A " 10.0.0.1:7001@8001 myself,master - 0 5 7 connected 0-99 16383\\n" ID_B
        " 10.0.0.1:7002@8002 master,fail? - 0 5 7 connected 100-199 201-16382\\n" ID_C
        " 10.0.0.1:7003@8003 master,fail - 0 5 7 disconnected\\n\"");
    test_client_expect(&f->on, "CLUSTER REPLICAS " ID_B, "*0");
    test_client_expect(&f->on, "CLUSTER REPLICAS abc", "-ERR Unknown node abc");
    test_client_expect(&f->on, "CLUSTER MYID", "\"" ID_A "\"");
}

static void assert_says(test_client *on, const char *line, const char *part)
{
    const char *said = test_client_run(on, line);
    if (strstr(said, part) == NULL) fail_msg("%s: no %s in %s", line, part, said);
}

static void test_shards_tell_the_health_of_each_node(void **state)
{
    fixture *f = *state;
    assert_says(&f->on, "CLUSTER SHARDS", "\"slots\" *4 :0 :99 :16383 :16383 \"nodes\" *1");
    assert_says(&f->on, "CLUSTER SHARDS", "\"slots\" *4 :100 :199 :201 :16382");
    assert_says(&f->on, "CLUSTER SHARDS", "\"slots\" *0 \"nodes\"");
    assert_says(&f->on, "CLUSTER SHARDS", "\"health\" \"fail\"");
    assert_says(&f->on, "CLUSTER SHARDS", "\"health\" \"online\"");
}

static void test_info_counts_slots_without_anybody(void **state)
{
    fixture *f = *state;
    assert_says(&f->on, "CLUSTER INFO", "cluster_state:fail\\r");
    assert_says(&f->on, "CLUSTER INFO", "cluster_slots_ok:101\\r");
    assert_says(&f->on, "CLUSTER INFO", "cluster_slots_pfail:16282\\r");
    assert_says(&f->on, "CLUSTER INFO", "cluster_slots_fail:1\\r");
    assert_says(&f->on, "CLUSTER INFO", "cluster_known_nodes:3\\r");
    assert_says(&f->on, "CLUSTER INFO", "cluster_size:2\\r");
    assert_says(&f->on, "CLUSTER INFO", "cluster_current_epoch:7\\r");
    assert_says(&f->on, "CLUSTER INFO", "cluster_stats_messages_received:12\\r");
}

static void test_links_are_the_streams_that_are_up(void **state)
{
    fixture *f = *state;
    assert_says(&f->on, "CLUSTER LINKS", "\"node\" \"" ID_B "\"");
    assert_says(&f->on, "CLUSTER LINKS", ":77");
    assert_null(strstr(test_client_run(&f->on, "CLUSTER LINKS"), ID_C));
}

static void test_orders_are_checked_before_they_are_given(void **state)
{
    fixture *f = *state;
    static const test_step steps[] = {
        {"CLUSTER MEET a b", "-ERR Invalid TCP base port specified: b"},
        {"CLUSTER MEET 1.2.3.4 7000 a", "-ERR Invalid TCP bus port specified: a"},
        {"CLUSTER MEET 1.2.3.4 99999", "-ERR Invalid node address specified: 1.2.3.4:99999"},
        {"CLUSTER MEET 1.2.3.4 7000 0", "-ERR Invalid node address specified: 1.2.3.4:7000"},
        {"CLUSTER MEET example 7000", "-ERR Invalid node address specified: example:7000"},
        {"CLUSTER MEET 1.2.3.4 1 2 3", "-ERR wrong number of arguments for 'cluster|meet' command"},
        {"CLUSTER FORGET abc", "-ERR Unknown node abc"},
        {"CLUSTER FORGET " ID_A, "-ERR I tried hard but I can't forget myself..."},
        {"CLUSTER FORGET " ID_B, "-ERR this node is alive, let it leave instead"},
        {"CLUSTER FORGET " ID_C, "+OK"},
        {"CLUSTER MEET 1.2.3.4 7000 7946", "+OK"},
    };
    test_client_steps(&f->on, steps, sizeof steps / sizeof *steps);
    assert_int_equal(f->met.port, 7946);
    test_client_expect(&f->on, "CLUSTER MEET ::1 7000", "+OK");
    assert_int_equal(f->met.port, 8001); /* as this node's own */
    assert_int_equal(f->met.ip[15], 1);
}

static void test_keys_are_found_by_slot(void **state)
{
    fixture *f = *state;
    hc_store *store = f->on.client.store;
    for (unsigned i = 0; i < 3000; i++) {
        char key[24];
        int chars = snprintf(key, sizeof key, i < 3 ? "{a}%u" : "other%u", i);
        hc_span name = hc_span_make(key, (size_t)chars);
        if (i >= 3 && hc_ring_slot(name) == 15495) continue;
        assert_int_equal(hc_store_set(store, name, HC_SPAN("v"), NULL), HC_OK);
    }
    test_client_expect(&f->on, "CLUSTER KEYSLOT {a}b", ":15495");
    test_client_expect(&f->on, "CLUSTER COUNTKEYSINSLOT 15495", ":3");
    char all[16];
    (void)snprintf(all, sizeof all, ":%zu", (size_t)hc_store_count(store));
    test_client_expect(&f->on, "DBSIZE", all);
    test_client_expect(&f->on, "KEYS {a}*", "*3 ...");
    test_client_expect(&f->on, "SCAN 0 MATCH {a}* COUNT 10000", "*2 \"0\" *3 ...");
    test_client_expect(&f->on, "CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot");
    test_client_expect(&f->on, "CLUSTER COUNTKEYSINSLOT a",
                       "-ERR value is not an integer or out of range");
    test_client_expect(&f->on, "CLUSTER GETKEYSINSLOT 15495 0", "*0");
    test_client_expect(&f->on, "CLUSTER GETKEYSINSLOT 15495 2", "*2 ...");
    test_client_expect(&f->on, "CLUSTER GETKEYSINSLOT 15495 10", "*3 ...");
    test_client_expect(&f->on, "CLUSTER GETKEYSINSLOT 1 -1", "-ERR Invalid slot or number of keys");
}

static void test_a_client_that_asks_or_reads_knows_slots(void **state)
{
    fixture *f = *state;
    test_client_expect(&f->on, "READWRITE", "+OK");
    assert_false(f->on.client.knows_slots);
    test_client_expect(&f->on, "READONLY", "+OK");
    assert_true(f->on.client.knows_slots);
    test_client_expect(&f->on, "ASKING", "+OK");
}

/* The cluster's answer, as soon as it is asked. */
static hc_status ask(void *ctx, const hc_request *what)
{
    (void)ctx;
    hc_reply said = {.size = sizeof said, .id = what->id, .outcome = HC_OUTCOME_DONE};
    said.value = HC_SPAN("asked");
    cluster_part_answer(what->id, &said);
    return HC_OK;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void answered(session *of)
{
    (void)of;
}

static void test_a_client_that_knows_slots_is_sent_to_who_would_answer(void **state)
{
    fixture *f = *state;
    cluster_detach(f->on.node);
    f->calls.ask = ask;
    f->calls.enter = f->calls.exit = nothing;
    cluster_attach(f->on.node, &f->calls);
    f->on.client.answered = answered;
    static const test_step steps[] = {
        {"GET b", "\"asked\""}, /* slot 3300 is B's, but this client knows of none */
        {"READONLY", "+OK"},
        {"GET b", "\"asked\""}, /* B is suspected */
        {"SELECT 1", "-ERR SELECT is not allowed in cluster mode"},
        {"MGET a b", "*2 \"asked\" \"asked\""},
    };
    test_client_steps(&f->on, steps, sizeof steps / sizeof *steps);
    view_show(f->on.node, HC_MEMBER_ALIVE);
    static const test_step alive[] = {
        {"GET b", "-MOVED 3300 10.0.0.1:7002"},
        {"MGET {b}1 {b}2", "-MOVED 3300 10.0.0.1:7002"},
        {"SET b 1", "-MOVED 3300 10.0.0.1:7002"},
        {"MGET a b", "*2 \"asked\" \"asked\""},
        {"PING", "+PONG"},
    };
    test_client_steps(&f->on, alive, sizeof alive / sizeof *alive);
}

static void test_before_the_first_view_clients_are_to_wait(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CLUSTER SLOTS", "-ERR This instance has cluster support disabled");
    cluster_expect(on.node);
    test_client_expect(&on, "CLUSTER SLOTS", "-LOADING this node is not in its cluster yet");
    test_client_fini(&on);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_neighbouring_slots_of_one_node_are_one_range),
        TEST(test_nodes_are_lines_of_masters),
        TEST(test_shards_tell_the_health_of_each_node),
        TEST(test_info_counts_slots_without_anybody),
        TEST(test_links_are_the_streams_that_are_up),
        TEST(test_orders_are_checked_before_they_are_given),
        TEST(test_keys_are_found_by_slot),
        TEST(test_a_client_that_asks_or_reads_knows_slots),
        TEST(test_a_client_that_knows_slots_is_sent_to_who_would_answer),
        cmocka_unit_test(test_before_the_first_view_clients_are_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
