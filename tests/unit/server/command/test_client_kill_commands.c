/* test_client_kill_commands.c - CLIENT KILL: who is meant, and what becomes of them. */
#include "support/test_clients.h"

#define SYNTAX "-ERR syntax error"
#define BAD_ID "-ERR client-id should be greater than 0"

static void test_errors_are_those_of_redis(void **state)
{
    (void)state;
    TEST_STEPS({"CLIENT KILL", "-ERR wrong number of arguments for 'client|kill' command"},
               {"CLIENT KILL 1.2.3.4:5", "-ERR No such client"}, {"CLIENT KILL ID x", BAD_ID},
               {"CLIENT KILL ID 0", BAD_ID},
               {"CLIENT KILL TYPE nobody", "-ERR Unknown client type 'nobody'"},
               {"CLIENT KILL USER nobody", "-ERR No such user 'nobody'"},
               {"CLIENT KILL SKIPME perhaps", SYNTAX}, {"CLIENT KILL COLOR red", SYNTAX},
               {"CLIENT KILL ID 7 TYPE", SYNTAX},
               {"CLIENT KILL MAXAGE x", "-ERR maxage is not an integer or out of range"},
               {"CLIENT KILL MAXAGE 0", "-ERR maxage should be greater than 0"});
}

static void test_filters_choose(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want; /* of one other client, session 2, 5 s old */
    } cases[] = {
        {"CLIENT KILL ID 2", ":1"},
        {"CLIENT KILL ID 3", ":0"},
        {"CLIENT KILL TYPE normal", ":1"},
        {"CLIENT KILL TYPE pubsub", ":0"},
        {"CLIENT KILL TYPE replica", ":0"},
        {"CLIENT KILL USER default", ":1"},
        {"CLIENT KILL ADDR 9.9.9.9:9", ":0"},
        {"CLIENT KILL ADDR 127.0.0.1:50001", ":1"},
        {"CLIENT KILL ADDR 127.0.0.1:50009", ":0"}, /* as long */
        {"CLIENT KILL LADDR 127.0.0.1:6379", ":0"},
        {"CLIENT KILL MAXAGE 5", ":1"},
        {"CLIENT KILL MAXAGE 6", ":0"},
        {"CLIENT KILL SKIPME yes ID 1", ":0"},
        {"CLIENT KILL SKIPME yes ID 2", ":1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_clients on;
        test_clients_init(&on, 2, NULL);
        test_clock_advance_ms(&on.all[0].clock, 5000);
        test_client_expect(&on.all[0], cases[i].line, cases[i].want);
        assert_int_equal(atomic_load(&on.all[1].client.killed), cases[i].want[1] == '1');
        assert_false(on.all[0].client.close);
        test_clients_fini(&on);
    }
}

static void test_a_killed_client_runs_nothing_and_is_not_listed(void **state)
{
    (void)state;
    test_clients on;
    test_clients_init(&on, 2, NULL);
    test_client_expect(&on.all[0], "CLIENT KILL ID 2", ":1");
    test_client_expect(&on.all[0], "CLIENT KILL ID 2", ":0");
    test_client_expect(&on.all[0], "CLIENT LIST ID 2", "=\"\"");
    test_client_expect(&on.all[1], "SET k v", "");
    assert_true(on.all[1].client.close);
    test_client_expect(&on.all[0], "EXISTS k", ":0");
    test_clients_fini(&on);
}

static void test_who_kills_itself_is_answered_first(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CLIENT KILL SKIPME no TYPE normal", ":1");
    assert_true(on.client.close);
    on.client.close = false;
    test_client_expect(&on, "CLIENT KILL 127.0.0.1:50000", "+OK");
    assert_true(on.client.close);
    test_client_fini(&on);
}

static void count_cut(void *ctx, session *who)
{
    assert_true(who->killed);
    ++*(int *)ctx;
}

static void test_the_transport_is_told_of_each(void **state)
{
    (void)state;
    int cuts = 0;
    test_clients on;
    test_clients_init(&on, 3, NULL);
    node_set_cut(on.all[0].node, count_cut, &cuts);
    test_client_expect(&on.all[0], "CLIENT KILL ID 99", ":0");
    assert_int_equal(cuts, 0);
    test_client_expect(&on.all[0], "CLIENT KILL TYPE normal", ":2");
    assert_int_equal(cuts, 2);
    test_clients_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_are_those_of_redis),
        cmocka_unit_test(test_filters_choose),
        cmocka_unit_test(test_a_killed_client_runs_nothing_and_is_not_listed),
        cmocka_unit_test(test_who_kills_itself_is_answered_first),
        cmocka_unit_test(test_the_transport_is_told_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
