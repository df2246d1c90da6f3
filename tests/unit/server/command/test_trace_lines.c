/* test_trace_lines.c - at TRACE each command says what it was and where its key lies; else nothing.
 */
#include "command/trace_lines.h"

#include "support/test_client.h"
#include "support/test_log.h"

/* A node whose log takes records up to a level, with one client. */
typedef struct fixture {
    test_log log;
    hc_host host;
    node *node;
    session client;
    test_reply reply;
} fixture;

static void run(fixture *f, hc_span *args, size_t argc)
{
    request one = {.node = f->node,
                   .session = &f->client,
                   .args = args,
                   .argc = argc,
                   .reply = &f->reply.base};
    test_reply_clear(&f->reply);
    assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
}

static void set_up(fixture *f, hc_log_level level)
{
    memset(f, 0, sizeof *f);
    test_log_init(&f->log, level);
    f->host = (hc_host){.size = sizeof f->host, .log = &f->log.table};
    node_options options = {.host = &f->host};
    assert_int_equal(node_create(&options, &f->node), HC_OK);
    session_init(&f->client, f->node, &(session_options){.address = "1.2.3.4:5", .descriptor = -1});
    test_reply_init(&f->reply);
}

static void tear_down(fixture *f)
{
    test_reply_fini(&f->reply);
    session_fini(&f->client);
    node_destroy(f->node);
}

static void test_at_trace_a_command_says_sizes_and_place(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, HC_LOG_TRACE);
    (void)node_maintain(f.node);
    hc_span set[] = {HC_SPAN("SET"), HC_SPAN("user:1"), HC_SPAN("value")};
    run(&f, set, 3);
    assert_true(test_log_has(&f.log, "\"requestBytes\":14"));
    assert_true(test_log_has(&f.log, "\"client\":\"1.2.3.4:5\""));
    assert_true(test_log_has(&f.log, "where the key lies"));
    assert_true(test_log_has(&f.log, "\"valueBytes\":5"));
    assert_true(test_log_has(&f.log, "\"component\":\"HASH_RING\""));
    assert_true(test_log_has(&f.log, f.node->run_id));
    assert_false(test_log_has(&f.log, "\"component\":\"FILTER\"")); /* the store has none */
    assert_true(test_log_has(&f.log, "\"correlationId\":\""));
    f.log.level_max = HC_LOG_DEBUG; /* and no more from the next look on */
    (void)node_maintain(f.node);
    size_t lines = f.log.count;
    run(&f, set, 3);
    assert_int_equal(f.log.count, lines);
    tear_down(&f);
}

static void test_a_filter_says_what_it_knows_of_the_key(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, HC_LOG_TRACE);
    (void)node_maintain(f.node);
    node_store_settings filtered = {.filter_bits = 12};
    assert_int_equal(node_store_add(f.node, HC_SPAN("s"), &filtered), HC_OK);
    assert_int_equal(session_select_name(&f.client, HC_SPAN("s")), HC_OK);
    hc_span get[] = {HC_SPAN("GET"), HC_SPAN("k")},
            set[] = {HC_SPAN("SET"), HC_SPAN("k"), HC_SPAN("v")};
    run(&f, get, 2);
    assert_true(test_log_has(&f.log, "\"contains\":false"));
    run(&f, set, 3);
    assert_true(test_log_has(&f.log, "\"covers\":true,\"contains\":true"));
    tear_down(&f);
}

static void test_below_trace_nothing_is_asked_of_a_command(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, HC_LOG_DEBUG);
    (void)node_maintain(f.node);
    assert_false(trace_lines_wanted(f.node));
    assert_int_equal(atomic_load(&f.node->cares), 0);
    hc_span get[] = {HC_SPAN("GET"), HC_SPAN("user:1")};
    run(&f, get, 2);
    assert_int_equal(f.log.count, 0);
    tear_down(&f);
}

static void test_a_key_that_is_not_there_has_no_place(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, HC_LOG_TRACE);
    (void)node_maintain(f.node);
    hc_span get[] = {HC_SPAN("GET"), HC_SPAN("none")}, ping[] = {HC_SPAN("PING")};
    run(&f, get, 2);
    run(&f, ping, 1);
    assert_true(test_log_has(&f.log, "\"operation\":\"get\""));
    assert_true(test_log_has(&f.log, "\"operation\":\"ping\""));
    assert_false(test_log_has(&f.log, "where the key lies"));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_trace_a_command_says_sizes_and_place),
        cmocka_unit_test(test_a_filter_says_what_it_knows_of_the_key),
        cmocka_unit_test(test_below_trace_nothing_is_asked_of_a_command),
        cmocka_unit_test(test_a_key_that_is_not_there_has_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
