/* test_client_pause_commands.c - which commands a pause holds back, and for how long. */
#include "command/pause.h"

#include <stdlib.h>

#include "support/test_clients.h"

/* Is this command held back now? */
static bool is_held(test_client *on, const char *word, const char *key)
{
    hc_span args[] = {span(word), span(key != NULL ? key : "")};
    request one = {.node = on->node,
                   .session = &on->client,
                   .args = args,
                   .argc = key != NULL ? 2 : 1,
                   .reply = &on->reply.base};
    test_reply_clear(&on->reply);
    on->reply.wanted = 10;
    size_t ran = request_run_batch(&one, 1, SIZE_MAX);
    assert_int_equal(session_is_parked(&on->client), ran == 0);
    return ran == 0;
}

static void test_a_pause_of_writes_lets_reads_pass(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 2, NULL);
    test_client *on = &some.all[1];
    test_client_expect(&some.all[0], "CLIENT PAUSE 1000 WRITE", "+OK");
    assert_false(is_held(on, "GET", "k"));
    assert_true(is_held(on, "INCR", "k"));
    assert_int_equal(on->node->parked, 1);
    assert_true(is_held(on, "FLUSHALL", NULL));
    assert_false(is_held(on, "PING", NULL));
    assert_int_equal(on->node->parked, 0);
    assert_false(is_held(on, "INCR", NULL)); /* it is refused anyway */
    assert_false(is_held(on, "nope", NULL));
    test_clock_advance_ms(&some.all[0].clock, 999);
    assert_true(is_held(on, "INCR", "k"));
    test_clock_advance_ms(&some.all[0].clock, 1);
    assert_false(is_held(on, "INCR", "k"));
    test_client_expect(on, "GET k", "\"1\"");
    test_clients_fini(&some);
}

static void test_a_pause_of_all_holds_its_own_client_too(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 1, NULL);
    test_client_expect(&some.all[0], "CLIENT PAUSE 1000", "+OK");
    assert_true(is_held(&some.all[0], "PING", NULL));
    test_clock_advance_ms(&some.all[0].clock, 1000);
    assert_false(is_held(&some.all[0], "PING", NULL));
    test_clients_fini(&some);
}

static void test_exec_is_held_when_it_would_write(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 3, NULL);
    for (unsigned i = 1; i < 3; i++)
        test_client_expect(&some.all[i], "MULTI", "+OK");
    test_client_expect(&some.all[1], "SET k v", "+QUEUED");
    test_client_expect(&some.all[2], "GET k", "+QUEUED");
    test_client_expect(&some.all[0], "CLIENT PAUSE 1000 WRITE", "+OK");
    assert_true(is_held(&some.all[1], "EXEC", NULL));
    assert_false(is_held(&some.all[2], "EXEC", NULL));
    test_client_expect(&some.all[0], "CLIENT UNPAUSE", "+OK");
    assert_false(is_held(&some.all[1], "EXEC", NULL));
    test_client_expect(&some.all[0], "GET k", "\"v\"");
    test_clients_fini(&some);
}

static void test_a_pause_gets_longer_and_stricter_only(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 2, NULL);
    test_client_expect(&some.all[0], "CLIENT PAUSE 1000 WRITE", "+OK");
    test_client_expect(&some.all[0], "CLIENT PAUSE 10 WRITE", "+OK");
    test_clock_advance_ms(&some.all[0].clock, 500);
    assert_true(is_held(&some.all[1], "INCR", "k"));
    test_client_expect(&some.all[0], "CLIENT PAUSE 10 ALL", "+OK");
    assert_true(is_held(&some.all[1], "PING", NULL));
    test_clock_advance_ms(&some.all[0].clock, 500);
    assert_false(is_held(&some.all[1], "PING", NULL));
    test_client_expect(&some.all[0], "CLIENT PAUSE 10 WRITE", "+OK"); /* from the start again */
    assert_false(is_held(&some.all[1], "PING", NULL));
    test_clients_fini(&some);
}

static void test_replies_of_pause_unpause_and_unblock(void **state)
{
    (void)state;
    TEST_TALK(
        {1, "CLIENT PAUSE x", "-ERR timeout is not an integer or out of range"},
        {1, "CLIENT PAUSE -1", "-ERR timeout is negative"},
        {1, "CLIENT PAUSE 10 some", "-ERR CLIENT PAUSE mode must be WRITE or ALL"},
        {1, "CLIENT PAUSE 10 WRITE x",
         "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."},
        {1, "CLIENT PAUSE", "-ERR wrong number of arguments for 'client|pause' command"},
        {1, "CLIENT PAUSE 9223372036854775807 WRITE", "+OK"}, {1, "CLIENT UNPAUSE", "+OK"},
        {1, "SET k v", "+OK"}, {1, "CLIENT UNBLOCK 2", ":0"}, {1, "CLIENT UNBLOCK 2 TIMEOUT", ":0"},
        {1, "CLIENT UNBLOCK x", "-ERR value is not..."},
        {1, "CLIENT UNBLOCK 2 some", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pause_of_writes_lets_reads_pass),
        cmocka_unit_test(test_a_pause_of_all_holds_its_own_client_too),
        cmocka_unit_test(test_exec_is_held_when_it_would_write),
        cmocka_unit_test(test_a_pause_gets_longer_and_stricter_only),
        cmocka_unit_test(test_replies_of_pause_unpause_and_unblock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
