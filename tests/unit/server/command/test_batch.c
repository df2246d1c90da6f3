/* test_batch.c - what happens to a pipeline between the transport and the handlers. */
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "support/test_client.h"

/* Runs `count` one-word or two-word requests as one batch. */
static size_t run_pairs(test_client *on, const char *const (*lines)[2], size_t count, size_t soft)
{
    hc_span args[REQUEST_BATCH_MAX][2];
    request batch[REQUEST_BATCH_MAX];
    assert_true(count <= REQUEST_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t argc = lines[i][1] != NULL ? 2 : 1;
        args[i][0] = span(lines[i][0]);
        if (argc == 2) args[i][1] = span(lines[i][1]);
        batch[i] = (request){.node = on->node,
                             .session = &on->client,
                             .args = args[i],
                             .argc = argc,
                             .reply = &on->reply.base};
    }
    test_reply_clear(&on->reply);
    on->reply.wanted = count;
    return request_run_batch(batch, count, soft);
}

static void test_a_batch_answers_in_order(void **state)
{
    (void)state;
    static const char *const lines[][2] = {{"INCR", "n"}, {"GET", "n"},    {"nope", "x"},
                                           {"INCR", "n"}, {"SELECT", "1"}, {"GET", "n"},
                                           {"PING", NULL}};
    test_client on;
    test_client_init(&on, NULL);
    assert_int_equal(run_pairs(&on, lines, 7, SIZE_MAX), 7);
    assert_string_equal(test_reply_text(&on.reply),
                        ":1 \"1\" -ERR unknown command 'nope', with args beginning with: 'x'  :2 "
                        "+OK nil +PONG");
    test_client_fini(&on);
}

static void test_a_batch_stops_behind_quit(void **state)
{
    (void)state;
    static const char *const lines[][2] = {{"PING", NULL}, {"QUIT", NULL}, {"INCR", "n"}};
    test_client on;
    test_client_init(&on, NULL);
    assert_int_equal(run_pairs(&on, lines, 3, SIZE_MAX), 2);
    on.client.close = false;
    test_client_expect(&on, "GET n", "nil");
    test_client_fini(&on);
}

static void test_a_batch_stops_when_output_piles_up(void **state)
{
    (void)state;
    static const char *const lines[][2] = {{"INCR", "n"}, {"INCR", "n"}, {"INCR", "n"}};
    test_client on;
    test_client_init(&on, NULL);
    on.reply.pending = 1001;
    assert_int_equal(run_pairs(&on, lines, 3, 1000), 1);
    on.reply.pending = 1000;
    assert_int_equal(run_pairs(&on, lines, 3, 1000), 3);
    on.reply.pending = 0;
    test_client_expect(&on, "GET n", "\"4\"");
    test_client_fini(&on);
}

static void test_unknown_commands_are_quoted_within_bounds(void **state)
{
    (void)state;
    TEST_STEPS({"foo", "-ERR unknown command 'foo', with args beginning with: "},
               {"foo a 'b c'", "-ERR unknown command 'foo', with args beginning with: 'a' 'b c' "},
               {"'f\\r\\no' '\\r\\n+OK\\r\\n'",
                "-ERR unknown command 'f  o', with args beginning with: '  +OK  ' "},
               {"'a\\0b' 'c\\0d'", "-ERR unknown command 'a', with args beginning with: 'c' "},
               {"''", "-ERR unknown command '', with args beginning with: "});
    test_client on;
    test_client_init(&on, NULL);
    char name[300], want[400];
    memset(name, 'x', sizeof name);
    hc_span args[] = {hc_span_make(name, sizeof name), hc_span_make(name, sizeof name)};
    (void)snprintf(want, sizeof want,
                   "-ERR unknown command '%.128s', with args beginning with: '%.128s' ", name,
                   name);
    assert_string_equal(test_client_run_args(&on, args, 2), want);
    test_client_fini(&on);
}

static void test_counters_tell_calls_failures_and_refusals(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "SET k v", "+OK");
    test_client_expect(&on, "GET k", "\"v\"");
    test_client_expect(&on, "GET", "-ERR wrong number...");
    test_client_expect(&on, "INCR k", "-ERR value...");
    test_client_expect(&on, "INCR n", ":1");
    test_client_expect(&on, "nope", "-ERR unknown...");
    node_counters *counters = node_worker_counters(on.node, 0);
    size_t get = command_index(command_find(span("get")));
    size_t incr = command_index(command_find(span("incr")));
    assert_int_equal(counters->calls[get], 1);
    assert_int_equal(counters->rejections[get], 1);
    assert_int_equal(counters->calls[incr], 2);
    assert_int_equal(counters->failures[incr], 1);
    assert_int_equal(counters->commands, 6);
    assert_int_equal(counters->errors, 3);
    test_client_fini(&on);
}

/* A reply that has no room for a value: the command carries on, nothing is written anywhere. */
static void test_commands_survive_a_reply_without_room(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET k",          "MGET k k",     "GETRANGE k 0 -1", "SET k w GET", "GETSET k x",
        "GETEX k EX 10",  "ECHO hello",   "SCAN 0",          "KEYS *",      "RANDOMKEY",
        "CLIENT GETNAME", "CONFIG GET *", "COMMAND INFO x",  "GETDEL k",    "INCRBYFLOAT f 1"};
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "SET k v", "+OK");
    on.reply.refuse_bulks = true;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        uint8_t copy[64];
        hc_span args[8];
        size_t argc = 0;
        (void)snprintf((char *)copy, sizeof copy, "%s", lines[i]);
        for (char *word = strtok((char *)copy, " "); word != NULL; word = strtok(NULL, " "))
            args[argc++] = span(word);
        request one = {.node = on.node,
                       .session = &on.client,
                       .args = args,
                       .argc = argc,
                       .reply = &on.reply.base};
        test_reply_clear(&on.reply);
        on.reply.wanted = 1000;
        assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
    }
    on.reply.refuse_bulks = false;
    test_client_expect(&on, "EXISTS k", ":0");
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_answers_in_order),
        cmocka_unit_test(test_a_batch_stops_behind_quit),
        cmocka_unit_test(test_a_batch_stops_when_output_piles_up),
        cmocka_unit_test(test_unknown_commands_are_quoted_within_bounds),
        cmocka_unit_test(test_counters_tell_calls_failures_and_refusals),
        cmocka_unit_test(test_commands_survive_a_reply_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
