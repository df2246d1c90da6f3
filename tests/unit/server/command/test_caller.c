/* test_caller.c - HC.TRACE before a command, and before the next one: who asks is in the log. */
#include "command/caller.h"

#include "command/correlation.h"
#include "support/test_client.h"
#include "support/test_log.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00-" ID "-00f067aa0ba902b7-01"
#define OTHER_ID "0af7651916cd43dd8448eb211c80319c"

static void test_a_command_behind_hc_trace_is_that_command(void **state)
{
    (void)state;
    TEST_STEPS({"HC.TRACE " PARENT " SET k v", "+OK"}, {"HC.TRACE " PARENT " GET k", "\"v\""},
               {"hc.trace " PARENT " get none", "nil"},
               {"HC.TRACE " PARENT " GET", "-ERR wrong number of arguments for 'get' command"},
               {"HC.TRACE " PARENT " NONESUCH a",
                "-ERR unknown command 'NONESUCH', with args beginning with: 'a' "},
               {"HC.TRACE " PARENT " HC.TRACE " PARENT " GET k",
                "-ERR HC.TRACE may not stand before HC.TRACE"},
               {"HC.TRACE", "-ERR wrong number of arguments for 'hc.trace' command"},
               {"GET k", "\"v\""});
}

static void test_what_is_no_traceparent_is_passed_over(void **state)
{
    (void)state;
    TEST_STEPS({"HC.TRACE nonsense SET k v", "+OK"}, {"HC.TRACE '' GET k", "\"v\""},
               {"HC.TRACE nonsense", "+OK"}, {"GET k", "\"v\""});
}

static void test_it_works_in_and_around_a_transaction(void **state)
{
    (void)state;
    TEST_STEPS({"MULTI", "+OK"}, {"HC.TRACE " PARENT " SET k v", "+QUEUED"},
               {"HC.TRACE " PARENT, "+OK"}, {"INCR n", "+QUEUED"}, {"HC.TRACE " PARENT, "+OK"},
               {"EXEC", "*2 +OK :1"}, {"GET k", "\"v\""});
}

static void test_its_keys_are_those_of_the_command(void **state)
{
    (void)state;
    TEST_STEPS({"COMMAND GETKEYS HC.TRACE " PARENT " GET k", "*1 \"k\""});
}

/* A node that writes the id of each slow command to its log, which all are. */
typedef struct fixture {
    test_log log;
    hc_host host;
    node *node;
    session client;
    test_reply reply;
} fixture;

static void set_up(fixture *f)
{
    memset(f, 0, sizeof *f);
    test_log_init(&f->log, HC_LOG_DEBUG);
    f->host = (hc_host){.size = sizeof f->host, .log = &f->log.table};
    assert_int_equal(node_create(&(node_options){.host = &f->host}, &f->node), HC_OK);
    observer_set_slow_log(&f->node->observer, 0);
    session_init(&f->client, f->node, &(session_options){.address = "1.2.3.4:5", .descriptor = -1});
    test_reply_init(&f->reply);
}

static void tear_down(fixture *f)
{
    test_reply_fini(&f->reply);
    session_fini(&f->client);
    node_destroy(f->node);
}

static void run(fixture *f, const hc_span *args, size_t argc)
{
    request one = {.node = f->node,
                   .session = &f->client,
                   .args = args,
                   .argc = argc,
                   .reply = &f->reply.base};
    test_reply_clear(&f->reply);
    assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
}

static bool logged(const fixture *f, const char *operation, const char *id)
{
    for (size_t i = 0; i < f->log.count && i < TEST_LOG_LINES; i++) {
        const char *line = f->log.lines[i];
        if (strstr(line, operation) != NULL && strstr(line, id) != NULL) return true;
    }
    return false;
}

static void test_the_traces_id_is_the_correlation_id_of_that_command_alone(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f);
    hc_span traced[] = {HC_SPAN("HC.TRACE"), HC_SPAN(PARENT), HC_SPAN("GET"), HC_SPAN("k")};
    run(&f, traced, 4);
    assert_true(logged(&f, "\"operation\":\"get\"", "\"correlationId\":\"" ID "\""));
    run(&f, (hc_span[]){HC_SPAN("STRLEN"), HC_SPAN("k")}, 2);
    assert_true(logged(&f, "\"operation\":\"strlen\"", "\"correlationId\":\""));
    assert_false(logged(&f, "\"operation\":\"strlen\"", ID));
    tear_down(&f);
}

static void test_a_parent_alone_is_that_of_the_next_command(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f);
    run(&f, (hc_span[]){HC_SPAN("HC.TRACE"), HC_SPAN(PARENT)}, 2);
    run(&f, (hc_span[]){HC_SPAN("HC.TRACE"), HC_SPAN("00-" OTHER_ID "-00f067aa0ba902b7-00")}, 2);
    run(&f, (hc_span[]){HC_SPAN("GET"), HC_SPAN("k")}, 2);
    run(&f, (hc_span[]){HC_SPAN("STRLEN"), HC_SPAN("k")}, 2);
    assert_true(logged(&f, "\"operation\":\"get\"", OTHER_ID));
    assert_false(logged(&f, "\"operation\":\"get\"", ID));
    assert_false(logged(&f, "\"operation\":\"strlen\"", OTHER_ID));
    tear_down(&f);
}

static void test_a_parent_alone_is_kept_while_the_command_waits(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "HC.TRACE " PARENT, "+OK");
    test_client_expect(&on, "CLIENT PAUSE 60000 WRITE", "+OK"); /* this was the next one */
    test_client_expect(&on, "HC.TRACE " PARENT, "+OK");
    request set = {.node = on.node,
                   .session = &on.client,
                   .args = (hc_span[]){HC_SPAN("SET"), HC_SPAN("k"), HC_SPAN("v")},
                   .argc = 3,
                   .reply = &on.reply.base};
    assert_int_equal(request_run_batch(&set, 1, SIZE_MAX), 0);
    assert_int_equal(on.client.next_caller_is, 1);
    assert_false(on.client.caller.known);
    test_client_fini(&on);
}

static void test_ids_of_any_form_have_a_trace(void **state)
{
    (void)state;
    uint8_t a[HC_TRACE_ID_BYTES], b[HC_TRACE_ID_BYTES];
    char text[HC_TRACE_ID_CHARS];
    caller_trace_id(HC_SPAN(ID), a);
    hc_trace_id_text(a, text);
    assert_string_equal(text, ID);
    caller_trace_id(HC_SPAN("order-17"), a);
    caller_trace_id(HC_SPAN("order-17"), b);
    assert_memory_equal(a, b, sizeof a);
    caller_trace_id(HC_SPAN("order-18"), b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_slow_entries_tell_it_when_asked(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f);
    hc_span traced[] = {HC_SPAN("HC.TRACE"), HC_SPAN(PARENT), HC_SPAN("GET"), HC_SPAN("k")};
    run(&f, traced, 4);
    run(&f, (hc_span[]){HC_SPAN("SLOWLOG"), HC_SPAN("GET"), HC_SPAN("1")}, 3);
    assert_null(strstr(test_reply_text(&f.reply), ID));
    assert_memory_equal(test_reply_text(&f.reply), "*1 *6 ", 6);
    run(&f, (hc_span[]){HC_SPAN("SLOWLOG"), HC_SPAN("GET"), HC_SPAN("-1"), HC_SPAN("correlation")},
        4);
    assert_non_null(strstr(test_reply_text(&f.reply), " \"1.2.3.4:5\" \"\" \"" ID "\""));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_behind_hc_trace_is_that_command),
        cmocka_unit_test(test_what_is_no_traceparent_is_passed_over),
        cmocka_unit_test(test_it_works_in_and_around_a_transaction),
        cmocka_unit_test(test_its_keys_are_those_of_the_command),
        cmocka_unit_test(test_the_traces_id_is_the_correlation_id_of_that_command_alone),
        cmocka_unit_test(test_a_parent_alone_is_that_of_the_next_command),
        cmocka_unit_test(test_a_parent_alone_is_kept_while_the_command_waits),
        cmocka_unit_test(test_ids_of_any_form_have_a_trace),
        cmocka_unit_test(test_slow_entries_tell_it_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
