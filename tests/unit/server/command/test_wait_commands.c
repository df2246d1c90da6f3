/* test_wait_commands.c - WAIT holds its client back until its time is over, or somebody lets it go.
 */
#include "command/wait.h"

#include <stdio.h>

#include "support/test_clients.h"

/* Runs what was held back, or WAIT for the first time; "held" while it waits. */
static const char *wait_for(test_client *on, const char *replicas, const char *timeout_ms)
{
    hc_span args[] = {span("WAIT"), span(replicas), span(timeout_ms)};
    request one = {.node = on->node,
                   .session = &on->client,
                   .args = args,
                   .argc = 3,
                   .reply = &on->reply.base};
    test_reply_clear(&on->reply);
    on->reply.wanted = 1;
    size_t ran = request_run_batch(&one, 1, SIZE_MAX);
    assert_int_equal(session_is_parked(&on->client), ran == 0);
    assert_int_equal(session_is_blocked(&on->client), ran == 0);
    return ran == 0 ? "held" : on->reply.text;
}

static void test_wait_is_over_when_its_time_is(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 1, NULL);
    test_client *on = &some.all[0];
    assert_string_equal(wait_for(on, "1", "100"), "held");
    test_clock_advance_ms(&on->clock, 99);
    assert_string_equal(wait_for(on, "1", "100"), "held");
    assert_int_equal(on->node->parked, 1);
    test_clock_advance_ms(&on->clock, 1);
    assert_string_equal(wait_for(on, "1", "100"), ":0");
    assert_int_equal(on->node->parked, 0);
    assert_string_equal(wait_for(on, "1", "100"), "held"); /* from the start again */
    test_clients_fini(&some);
}

static void test_wait_for_nobody_or_with_bad_numbers_is_answered_at_once(void **state)
{
    (void)state;
    TEST_STEPS({"WAIT 0 0", ":0"}, {"WAIT -1 1000", ":0"},
               {"WAIT x 0", "-ERR value is not an integer or out of range"},
               {"WAIT 1 x", "-ERR timeout is not an integer or out of range"},
               {"WAIT 1 -1", "-ERR timeout is negative"},
               {"WAIT 1 9223372036854775807", "-ERR timeout is out of range"});
}

static void test_wait_inside_a_transaction_does_not_wait(void **state)
{
    (void)state;
    TEST_STEPS({"MULTI", "+OK"}, {"WAIT 1 0", "+QUEUED"}, {"EXEC", "*1 :0"});
}

static void test_unblock_lets_go_once(void **state)
{
    (void)state;
    static const struct {
        const char *how, *answer;
    } cases[] = {{"", ":0"},
                 {" TIMEOUT", ":0"},
                 {" error", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"}};
    test_clients some;
    test_clients_init(&some, 2, NULL);
    test_client *on = &some.all[0], *other = &some.all[1];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "CLIENT UNBLOCK %d%s", (int)on->client.id, cases[i].how);
        test_client_expect(other, line, ":0");
        assert_string_equal(wait_for(on, "1", "0"), "held");
        test_clock_advance_ms(&on->clock, 1000000);
        assert_string_equal(wait_for(on, "1", "0"), "held");
        test_client_expect(other, line, ":1");
        test_client_expect(other, line, ":0");
        assert_string_equal(wait_for(on, "1", "0"), cases[i].answer);
        test_client_expect(other, line, ":0");
    }
    assert_false(wait_end(on->node, 999, false));
    test_clients_fini(&some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_is_over_when_its_time_is),
        cmocka_unit_test(test_wait_for_nobody_or_with_bad_numbers_is_answered_at_once),
        cmocka_unit_test(test_wait_inside_a_transaction_does_not_wait),
        cmocka_unit_test(test_unblock_lets_go_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
