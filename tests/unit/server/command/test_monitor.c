/* test_monitor.c - MONITOR: what is told, how it is written, and when it ends. */
#include <string.h>

#include "command/push.h"
#include "support/test_clients.h"

/* What was posted to a client since, as it reads on the wire: each a status line. */
static void hears(test_client *who, const char *want)
{
    test_reply_clear(&who->reply);
    push_deliver(&who->client, &who->reply.base, SIZE_MAX);
    if (want == NULL)
        assert_int_equal(who->reply.size, 0);
    else
        assert_string_equal(test_reply_text(&who->reply), want);
}

#define AT "+1000000000.000000 ["
#define SECOND " 127.0.0.1:50001] "

static void test_lines_are_those_of_redis(void **state)
{
    (void)state;
    static const struct {
        const char *line, *told; /* NULL: nothing */
    } cases[] = {
        {"SET k 'a b'", AT "0" SECOND "\"SET\" \"k\" \"a b\""},
        {"SET k '\\n\\r\\x01\\xff\"\\\\'",
         AT "0" SECOND "\"SET\" \"k\" \"\\n\\r\\x01\\xff\\\"\\\\\""},
        {"SELECT 3", AT "3" SECOND "\"SELECT\" \"3\""},
        {"GET k", AT "3" SECOND "\"GET\" \"k\""},
        {"GET", NULL},
        {"nope", NULL},
        {"CONFIG GET save", NULL},
        {"CLIENT LIST", NULL},
        {"CLIENT ID", AT "3" SECOND "\"CLIENT\" \"ID\""},
        {"AUTH me secret", AT "3" SECOND "\"AUTH\" \"(redacted)\" \"(redacted)\""},
        {"HELLO 2 AUTH default secret SETNAME x",
         AT "3" SECOND "\"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"x\""},
        {"STORE CREATE mine", NULL}, /* as CONFIG: for administrators */
        {"SELECT mine", AT "mine" SECOND "\"SELECT\" \"mine\""},
        {"RESET", AT "0" SECOND "\"RESET\""},
    };
    test_clients on;
    test_clients_init(&on, 2, NULL);
    test_client_expect(&on.all[0], "MONITOR", "+OK");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)test_client_run(&on.all[1], cases[i].line);
        hears(&on.all[0], cases[i].told);
    }
    test_clients_fini(&on);
}

static void test_queued_commands_are_told_when_they_run(void **state)
{
    (void)state;
    test_clients on;
    test_clients_init(&on, 2, NULL);
    test_client_expect(&on.all[0], "MONITOR", "+OK");
    test_client_expect(&on.all[1], "MULTI", "+OK");
    hears(&on.all[0], AT "0" SECOND "\"MULTI\"");
    test_client_expect(&on.all[1], "GET k", "+QUEUED");
    hears(&on.all[0], NULL);
    test_client_expect(&on.all[1], "EXEC", "*1 nil");
    test_reply_clear(&on.all[0].reply);
    on.all[0].reply.wanted = 2;
    push_deliver(&on.all[0].client, &on.all[0].reply.base, SIZE_MAX);
    assert_string_equal(test_reply_text(&on.all[0].reply),
                        AT "0" SECOND "\"GET\" \"k\" " AT "0" SECOND "\"EXEC\"");
    test_clients_fini(&on);
}

static void test_a_monitor_reads_and_writes_nothing_until_reset(void **state)
{
    (void)state;
    const char *refused = "-ERR Replica can't interact with the keyspace";
    test_clients on;
    test_clients_init(&on, 2, NULL);
    test_client *monitor = &on.all[0];
    test_client_expect(monitor, "MONITOR", "+OK");
    test_client_expect(monitor, "MONITOR", ""); /* as Redis: no answer to a second */
    test_client_expect(monitor, "GET k", refused);
    test_client_expect(monitor, "SET k v", refused);
    assert_non_null(strstr(test_client_run(&on.all[1], "CLIENT LIST ID 1"), " flags=O "));
    assert_true(monitors_watch(&monitor->node->monitors));
    test_client_expect(monitor, "RESET", "+RESET");
    assert_false(monitors_watch(&monitor->node->monitors));
    test_client_expect(monitor, "GET k", "nil");
    test_clients_fini(&on);
}

static void test_a_monitor_that_goes_is_forgotten(void **state)
{
    (void)state;
    test_clients on;
    test_clients_init(&on, 2, NULL);
    test_client_expect(&on.all[1], "MONITOR", "+OK");
    session_fini(&on.all[1].client);
    assert_false(monitors_watch(&on.all[0].node->monitors));
    test_client_expect(&on.all[0], "SET k v", "+OK");
    on.count = 1;
    test_reply_fini(&on.all[1].reply);
    test_clients_fini(&on);
}

static void test_long_arguments_are_cut(void **state)
{
    (void)state;
    static uint8_t bytes[MONITOR_ARGUMENT_BYTES + 7];
    memset(bytes, 'x', sizeof bytes);
    const hc_span args[] = {span("ECHO"), hc_span_make(bytes, sizeof bytes)};
    test_clients on;
    test_clients_init(&on, 2, NULL);
    test_client_expect(&on.all[0], "MONITOR", "+OK");
    (void)test_client_run_args(&on.all[1], args, 2);
    test_reply_clear(&on.all[0].reply);
    push_deliver(&on.all[0].client, &on.all[0].reply.base, SIZE_MAX);
    const char *line = test_reply_text(&on.all[0].reply);
    assert_non_null(strstr(line, "xxx... (7 more bytes)\""));
    assert_in_range(strlen(line), MONITOR_ARGUMENT_BYTES, MONITOR_ARGUMENT_BYTES + 100);
    test_clients_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_those_of_redis),
        cmocka_unit_test(test_queued_commands_are_told_when_they_run),
        cmocka_unit_test(test_a_monitor_reads_and_writes_nothing_until_reset),
        cmocka_unit_test(test_a_monitor_that_goes_is_forgotten),
        cmocka_unit_test(test_long_arguments_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
