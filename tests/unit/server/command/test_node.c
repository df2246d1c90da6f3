/* test_node.c - a node's life, its databases, how memory is shared, its counters. */
#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"
#include "support/test_memory.h"

enum { MIB = 1 << 20 };

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    static const node_options bad[] = {{.databases = NODE_DATABASES_MAX + 1},
                                       {.workers = NODE_WORKERS_MAX + 1},
                                       {.max_memory_bytes = HC_STORE_MEMORY_BYTES_MIN - 1},
                                       {.max_memory_bytes = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        node *made = (node *)&made;
        assert_int_equal(node_create(&bad[i], &made), HC_ERR_INVALID);
        assert_null(made);
    }
    node_destroy(NULL);
}

static void test_zeros_take_defaults_and_a_run_has_its_own_id(void **state)
{
    (void)state;
    const node_options options = {.node_id = "n"};
    node *one, *other;
    assert_int_equal(node_create(&options, &one), HC_OK);
    assert_int_equal(node_create(&options, &other), HC_OK);
    assert_int_equal(node_databases(one), NODE_DATABASES_MAX);
    assert_int_equal(strlen(one->run_id), NODE_RUN_ID_CHARS);
    assert_int_equal(strspn(one->run_id, "0123456789abcdef"), NODE_RUN_ID_CHARS);
    assert_string_not_equal(one->run_id, other->run_id);
    node_destroy(one);
    node_destroy(other);
}

/* Refuses the 1st request of node_create to the host, then the 2nd ... until none is refused. */
static void test_create_without_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    const node_options options = {.host = &host};
    size_t grants = 0;
    for (; grants < 1000; grants++) {
        node *made;
        memory.grants = grants;
        hc_status status = node_create(&options, &made);
        if (status == HC_OK) {
            node_destroy(made);
            break;
        }
        assert_int_equal(status, HC_ERR_NO_MEMORY);
        assert_null(made);
        assert_int_equal(memory.live_bytes, 0);
        assert_int_equal(memory.reserved_bytes, 0);
    }
    assert_in_range(grants, 1, 999);
    assert_int_equal(memory.live_bytes, 0);
    assert_int_equal(memory.reserved_bytes, 0);
}

static void test_select_without_memory_stays_where_it_was(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    const node_options options = {.host = &host};
    node *made;
    session client;
    assert_int_equal(node_create(&options, &made), HC_OK);
    session_init(&client, made, &(session_options){.descriptor = -1});
    memory.grants = 0;
    assert_int_equal(session_select(&client, 1), HC_ERR_NO_MEMORY);
    assert_int_equal(client.database, 0);
    assert_ptr_equal(client.store, node_store(made, 0));
    memory.grants = SIZE_MAX;
    assert_int_equal(session_select(&client, 1), HC_OK);
    assert_ptr_equal(client.store, node_store(made, 1));
    session_fini(&client);
    node_destroy(made);
}

static void test_databases_are_made_when_first_used(void **state)
{
    (void)state;
    const node_options options = {.databases = 3};
    test_client on;
    test_client_init(&on, &options);
    assert_non_null(on.node->stores[0]);
    assert_null(on.node->stores[2]);
    test_client_expect(&on, "SELECT 3", "-ERR DB index is out of range");
    test_client_expect(&on, "FLUSHALL", "+OK");
    assert_null(on.node->stores[2]);
    test_client_expect(&on, "SELECT 2", "+OK");
    assert_ptr_equal(node_store(on.node, 2), on.node->stores[2]);
    assert_ptr_equal(on.client.store, on.node->stores[2]);
    test_client_fini(&on);
}

/* ---- memory ---- */

static uint64_t limit_of(node *of, unsigned database)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(node_store(of, database), &stats);
    return stats.max_memory_bytes;
}

static uint64_t used_by(node *of, unsigned database)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(node_store(of, database), &stats);
    return stats.memory_bytes;
}

/* Writes `mib` MiB of values into the client's database, with housekeeping now and then. */
static void fill(test_client *on, unsigned mib, unsigned *next)
{
    static uint8_t value[1000];
    for (unsigned i = 0; i < mib * 1000; i++) {
        char name[32];
        int chars = snprintf(name, sizeof name, "key:%u", (*next)++);
        hc_span args[] = {span("SET"), hc_span_make(name, (size_t)chars),
                          hc_span_make(value, sizeof value)};
        assert_string_equal(test_client_run_args(on, args, 3), "+OK");
        if (i % 100 == 0) (void)node_maintain(on->node);
    }
}

static void test_one_database_has_all_memory_and_two_share_it(void **state)
{
    (void)state;
    const uint64_t limit = 64 * MIB;
    const node_options options = {.max_memory_bytes = limit};
    unsigned next = 0;
    test_client on;
    test_client_init(&on, &options);
    (void)node_maintain(on.node);
    assert_int_equal(limit_of(on.node, 0), limit);
    fill(&on, 100, &next);
    assert_true(used_by(on.node, 0) <= limit);
    assert_true(used_by(on.node, 0) > limit * 3 / 4);
    test_client_expect(&on, "SELECT 1", "+OK");
    fill(&on, 100, &next);
    (void)node_maintain(on.node);
    /* Each keeps its half and a little of what the other does not use. */
    assert_in_range(limit_of(on.node, 0), limit / 2, limit / 2 + MIB);
    assert_in_range(limit_of(on.node, 1), limit / 2, limit / 2 + MIB);
    assert_true(used_by(on.node, 1) <= limit_of(on.node, 1));
    assert_true(used_by(on.node, 1) > limit / 4);
    test_client_fini(&on);
}

static void test_a_limit_changes_at_run_time(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    assert_int_equal(node_set_max_memory(on.node, 1), HC_ERR_INVALID);
    assert_int_equal(node_max_memory(on.node), 0);
    assert_int_equal(node_set_max_memory(on.node, 32 * MIB), HC_OK);
    assert_int_equal(limit_of(on.node, 0), 32 * MIB);
    assert_int_equal(limit_of(on.node, 5), 32 * MIB); /* made just now */
    (void)node_maintain(on.node);
    assert_true(limit_of(on.node, 5) < 32 * MIB);
    assert_int_equal(node_set_max_memory(on.node, 0), HC_OK);
    assert_int_equal(limit_of(on.node, 0), 0);
    test_client_fini(&on);
}

static void test_a_full_node_answers_oom(void **state)
{
    (void)state;
    const node_options options = {.max_memory_bytes = 8 * MIB, .eviction = HC_EVICTION_NONE};
    const char *oom = "-OOM command not allowed when used memory > 'maxmemory'.";
    static uint8_t value[60000];
    test_client on;
    test_client_init(&on, &options);
    const char *got = "+OK";
    for (unsigned i = 0; i < 1000 && strcmp(got, "+OK") == 0; i++) {
        char name[32];
        int chars = snprintf(name, sizeof name, "key:%u", i);
        hc_span args[] = {span("SET"), hc_span_make(name, (size_t)chars),
                          hc_span_make(value, sizeof value)};
        got = test_client_run_args(&on, args, 3);
    }
    assert_string_equal(got, oom);
    hc_span append[] = {span("APPEND"), span("new"), hc_span_make(value, sizeof value)};
    assert_string_equal(test_client_run_args(&on, append, 3), oom);
    hc_span and_get[] = {span("SET"), span("key:0"), hc_span_make(value, 0), span("GET")};
    (void)test_client_run_args(&on, and_get, 4); /* the value or an error: one whole reply */
    test_client_expect(&on, "DEL key:1", ":1");
    test_client_expect(&on, "FLUSHALL", "+OK");
    test_client_expect(&on, "SET a 1", "+OK");
    test_client_fini(&on);
}

/* ---- sessions and counters ---- */

static void test_sessions_leave_in_any_order(void **state)
{
    (void)state;
    static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
    const node_options options = {.workers = 1};
    node *made;
    assert_int_equal(node_create(&options, &made), HC_OK);
    for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
        session clients[3];
        for (size_t i = 0; i < 3; i++)
            session_init(&clients[i], made, &(session_options){.descriptor = -1});
        assert_int_equal(node_session_count(made), 3);
        assert_true(clients[0].id < clients[1].id && clients[1].id < clients[2].id);
        for (size_t i = 0; i < 3; i++) {
            session_fini(&clients[orders[o][i]]);
            session_fini(&clients[orders[o][i]]); /* twice is allowed */
            assert_int_equal(node_session_count(made), 2 - i);
        }
        assert_null(made->sessions);
        assert_null(made->sessions_last);
    }
    node_destroy(made);
}

static void test_totals_add_up_the_workers_since_the_last_reset(void **state)
{
    (void)state;
    const node_options options = {.workers = 3};
    node *made;
    node_counters totals;
    assert_int_equal(node_create(&options, &made), HC_OK);
    for (unsigned i = 0; i < 3; i++)
        node_count(&node_worker_counters(made, i)->calls[7], i + 1);
    node_totals(made, &totals);
    assert_int_equal(totals.calls[7], 6);
    node_reset_statistics(made);
    node_count(&node_worker_counters(made, 2)->calls[7], 10);
    node_totals(made, &totals);
    assert_int_equal(totals.calls[7], 10);
    assert_int_equal(totals.calls[6], 0);
    node_destroy(made);
}

static void test_the_rate_is_sampled_by_housekeeping(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    for (int i = 0; i < 50; i++)
        test_client_expect(&on, "PING", "+PONG");
    test_clock_advance_ms(&on.clock, 2000);
    (void)node_maintain(on.node);
    assert_int_equal(on.node->ops_per_second, 25);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_out_of_range_are_refused),
        cmocka_unit_test(test_zeros_take_defaults_and_a_run_has_its_own_id),
        cmocka_unit_test(test_create_without_memory_leaves_nothing_behind),
        cmocka_unit_test(test_select_without_memory_stays_where_it_was),
        cmocka_unit_test(test_databases_are_made_when_first_used),
        cmocka_unit_test(test_one_database_has_all_memory_and_two_share_it),
        cmocka_unit_test(test_a_limit_changes_at_run_time),
        cmocka_unit_test(test_a_full_node_answers_oom),
        cmocka_unit_test(test_sessions_leave_in_any_order),
        cmocka_unit_test(test_totals_add_up_the_workers_since_the_last_reset),
        cmocka_unit_test(test_the_rate_is_sampled_by_housekeeping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
