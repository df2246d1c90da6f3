/* test_debug_inspect.c - debug.enabled opens DEBUG's looks inside, and they tell what is so. */
#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"

static void set_up(test_client *on, const node_options *options, bool enabled)
{
    test_client_init(on, options);
    atomic_store(&on->node->debug, NODE_DEBUG_YES);
    debug_mode_set(&on->node->debugging, enabled);
}

static void tear_down(test_client *on)
{
    debug_mode_set(&on->node->debugging, false);
    test_client_fini(on);
}

static void test_nothing_is_told_while_debug_mode_is_off(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "DEBUG RECORD k",       "DEBUG OWNER k",          "DEBUG FILTER k",
        "DEBUG SHARDS",         "DEBUG MEMBERS",          "DEBUG QUEUES",
        "DEBUG LEVEL",          "DEBUG ALLOCATIONS",      "DEBUG CAPTURE START",
        "DEBUG CAPTURE STATUS", "DEBUG PROFILE CPU START"};
    test_client on;
    set_up(&on, NULL, false);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        test_client_expect(&on, lines[i], "-ERR debug mode is off; see debug.enabled");
    atomic_store(&on.node->debug, NODE_DEBUG_NO);
    debug_mode_set(&on.node->debugging, true);
    test_client_expect(&on, "DEBUG SHARDS", "-ERR DEBUG command not allowed. ...");
    on.client.may_debug = true; /* HTTP has asked */
    test_client_expect(&on, "DEBUG MEMBERS", "*0");
    tear_down(&on);
}

static void test_a_record_is_told_as_the_store_has_it(void **state)
{
    (void)state;
    test_client on;
    char want[256];
    hc_inspection in = {.size = sizeof in};
    set_up(&on, NULL, true);
    on.reply.base.protocol = 3;
    test_client_expect(&on, "DEBUG RECORD k", "-ERR no such key");
    test_client_expect(&on, "SET k value", "+OK");
    assert_int_equal(hc_store_inspect(on.client.store, span("k"), &in), HC_OK);
    (void)snprintf(want, sizeof want,
                   "%%22 \"type\" \"string\" \"segment_state\" \"open\" \"segment_class\" \"%s\" "
                   "\"stashed\" #f \"shard\" :%u \"segment\" :%u \"segment_offset\" :%u ...",
                   in.segment_class, in.shard, in.segment, in.segment_offset);
    test_client_expect(&on, "DEBUG RECORD k", want);
    tear_down(&on);
}

static void test_a_node_alone_owns_every_slot(void **state)
{
    (void)state;
    test_client on;
    char want[256];
    set_up(&on, NULL, true);
    on.reply.base.protocol = 3;
    (void)snprintf(want, sizeof want,
                   "%%7 \"slot\" :12182 \"first_slot\" :0 \"last_slot\" :16383 \"owner\" \"%s\" "
                   "\"is_self\" #t \"holders\" *1 \"%s\" \"next_holders\" *0",
                   on.node->run_id, on.node->run_id);
    test_client_expect(&on, "DEBUG OWNER foo", want); /* the slot of Redis Cluster's documents */
    test_client_expect(&on, "DEBUG QUEUES", "*0");
    tear_down(&on);
}

/* The number behind the n-th `name`. */
static uint64_t figure(const char *said, const char *name, unsigned nth)
{
    char quoted[64];
    (void)snprintf(quoted, sizeof quoted, "\"%s\" :", name);
    const char *at = strstr(said, quoted);
    while (nth-- > 0 && at != NULL)
        at = strstr(at + 1, quoted);
    assert_non_null(at);
    return strtoull(at + strlen(quoted), NULL, 10);
}

static void test_shards_have_all_keys_together(void **state)
{
    (void)state;
    test_client on;
    char line[32];
    set_up(&on, NULL, true);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(line, sizeof line, "SET key:%u v", i);
        test_client_expect(&on, line, "+OK");
    }
    hc_store_stats all = {.size = sizeof all};
    hc_store_stats_get(on.client.store, &all);
    const char *said = test_client_run(&on, "DEBUG SHARDS");
    uint64_t keys = 0, live_bytes = 0, open = 0, count = strtoull(said + 1, NULL, 10);
    for (unsigned i = 0; i < count; i++) {
        keys += figure(said, "keys", i);
        live_bytes += figure(said, "live_bytes", i);
        open += figure(said, "segments_open", i);
        assert_int_equal(figure(said, "shard", i), i);
    }
    assert_int_equal(keys, 100);
    assert_int_equal(live_bytes, all.live_bytes);
    assert_int_equal(open, all.segments_open);
    tear_down(&on);
}

static void test_the_filter_shows_the_fingerprint_of_a_key(void **state)
{
    (void)state;
    test_client on;
    node_store_settings first = {.filter_bits = 12};
    node_options options = {.first = &first};
    set_up(&on, NULL, true);
    test_client_expect(&on, "DEBUG FILTER k", "nil");
    tear_down(&on);
    set_up(&on, &options, true);
    on.reply.base.protocol = 3;
    const char *before = test_client_run(&on, "DEBUG FILTER k");
    assert_non_null(strstr(before, "\"covers\" #t \"contains\" #f"));
    test_client_expect(&on, "SET k v", "+OK");
    const char *said = test_client_run(&on, "DEBUG FILTER k");
    assert_non_null(strstr(said, "\"covers\" #t \"contains\" #t"));
    char want[32];
    (void)snprintf(want, sizeof want, " :%llu", (unsigned long long)figure(said, "fingerprint", 0));
    const char *buckets = strstr(said, "\"fingerprints\"");
    assert_non_null(buckets);
    assert_non_null(strstr(buckets, want));
    tear_down(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_told_while_debug_mode_is_off),
        cmocka_unit_test(test_a_record_is_told_as_the_store_has_it),
        cmocka_unit_test(test_a_node_alone_owns_every_slot),
        cmocka_unit_test(test_shards_have_all_keys_together),
        cmocka_unit_test(test_the_filter_shows_the_fingerprint_of_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
