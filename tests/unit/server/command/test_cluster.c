/* test_cluster.c - pictures of a cluster and who may look at them. */
#include "command/cluster.h"
#include "command/node.h"

#include "support/test.h"

static node *node_make(void)
{
    node *made;
    assert_int_equal(node_create(&(node_options){.workers = 1}, &made), HC_OK);
    return made;
}

static void test_a_node_alone_has_no_view_and_no_figures(void **state)
{
    (void)state;
    node *of = node_make();
    cluster_figures figures;
    cluster_peer_figures peers[1];
    assert_false(cluster_enabled(of));
    assert_null(cluster_view_acquire(of));
    assert_int_equal(cluster_figures_get(of, &figures, peers, 1), 0);
    assert_int_equal(cluster_leave(of), HC_ERR_UNSUPPORTED);
    assert_int_equal(cluster_meet(of, HC_SPAN("127.0.0.1:7000")), HC_ERR_UNSUPPORTED);
    node_destroy(of);
}

static void test_a_view_outlives_the_next_one_while_somebody_reads_it(void **state)
{
    (void)state;
    node *of = node_make();
    cluster_expect(of);
    assert_true(cluster_enabled(of));
    assert_null(cluster_view_acquire(of));
    cluster_view *first = cluster_view_create(2, 3), *second = cluster_view_create(1, 1);
    assert_non_null(first);
    assert_non_null(second);
    cluster_view_publish(of, first);
    const cluster_view *held = cluster_view_acquire(of);
    cluster_view_publish(of, second);
    assert_int_equal(held->member_count, 2);
    const cluster_view *next = cluster_view_acquire(of);
    assert_true(next->number > held->number);
    cluster_view_release(held);
    cluster_view_release(next);
    node_destroy(of);
}

static hc_status told_meet(void *ctx, const hc_address *address)
{
    *(hc_address *)ctx = *address;
    return HC_OK;
}

static hc_status told_forget(void *ctx, const hc_node_id *id)
{
    (void)ctx;
    return id->bytes[19] == 0xAB ? HC_OK : HC_ERR_NOT_FOUND;
}

static void test_orders_reach_whoever_is_attached(void **state)
{
    (void)state;
    node *of = node_make();
    hc_address told = {.port = 0};
    cluster_calls calls = {.ctx = &told, .meet = told_meet, .forget = told_forget};
    cluster_attach(of, &calls);
    assert_int_equal(cluster_meet(of, HC_SPAN("10.1.2.3:7946")), HC_OK);
    assert_int_equal(told.port, 7946);
    assert_int_equal(told.ip[15], 3);
    assert_int_equal(cluster_meet(of, HC_SPAN("[::1]:7")), HC_OK);
    assert_int_equal(told.ip[15], 1);
    static const char id[] = "00112233445566778899aabbccddeeff001122ab";
    assert_int_equal(cluster_forget(of, hc_span_make(id, sizeof id - 1)), HC_OK);
    assert_int_equal(cluster_forget(of, hc_span_make(id, sizeof id - 2)), HC_ERR_INVALID);
    cluster_detach(of);
    assert_int_equal(cluster_meet(of, HC_SPAN("10.1.2.3:7946")), HC_ERR_UNSUPPORTED);
    node_destroy(of);
}

static void test_what_is_no_address_is_refused(void **state)
{
    (void)state;
    hc_address address;
    static const char *const bad[] = {
        "",      ":1",           "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536",
        "::1:5", "[10.0.0.1]:5", "[::1:5",   "x:1",       "10.0.0.1:1x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(cluster_address_parse(hc_span_make(bad[i], strlen(bad[i])), &address));
}

static void test_ids_and_addresses_come_back_from_their_text(void **state)
{
    (void)state;
    hc_node_id id, again;
    char text[CLUSTER_ID_CHARS + 1], host[CLUSTER_HOST_CHARS];
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)(i * 13);
    cluster_id_text(&id, text);
    assert_true(cluster_id_parse(hc_span_make(text, strlen(text)), &again));
    assert_memory_equal(&id, &again, sizeof id);
    hc_address address;
    assert_true(cluster_host_parse("192.168.7.9", &address));
    cluster_host_text(&address, host);
    assert_string_equal(host, "192.168.7.9");
    assert_true(cluster_host_parse("fe80::1", &address));
    cluster_host_text(&address, host);
    assert_string_equal(host, "fe80::1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_alone_has_no_view_and_no_figures),
        cmocka_unit_test(test_a_view_outlives_the_next_one_while_somebody_reads_it),
        cmocka_unit_test(test_orders_reach_whoever_is_attached),
        cmocka_unit_test(test_what_is_no_address_is_refused),
        cmocka_unit_test(test_ids_and_addresses_come_back_from_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
