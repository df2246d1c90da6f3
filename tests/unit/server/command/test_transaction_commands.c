/* test_transaction_commands.c - queueing, running as one step, and keys that are watched. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/transaction.h"
#include "command/watchers.h"
#include "support/test_clients.h"
#include "support/test_random.h"

#define ABORTED "-EXECABORT Transaction discarded because of previous errors."

static void test_commands_are_queued_and_run_at_exec(void **state)
{
    (void)state;
    TEST_TALK({1, "MULTI", "+OK"}, {1, "SET k 5", "+QUEUED"}, {1, "INCR k", "+QUEUED"},
              {1, "GET k", "+QUEUED"}, {2, "GET k", "nil"}, {1, "EXEC", "*3 +OK :6 \"6\""},
              {2, "GET k", "\"6\""}, {1, "EXEC", "-ERR EXEC without MULTI"}, {1, "MULTI", "+OK"},
              {1, "EXEC", "*0"});
}

static void test_a_watched_key_is_changed_when_its_store_is_dropped(void **state)
{
    (void)state;
    static const char *const exec[] = {"nil*", "*1 +PONG"}; /* it was there, it was not */
    for (size_t i = 0; i < 2; i++) {
        TEST_TALK({1, "STORE CREATE s", "+OK"}, {1, "SELECT s", "+OK"}, {1, "SET k0 v", "+OK"},
                  {1, i == 0 ? "WATCH k0" : "WATCH k1", "+OK"}, {1, "SELECT 0", "+OK"},
                  {2, "STORE DROP s", "+OK"}, {1, "MULTI", "+OK"}, {1, "PING", "+QUEUED"},
                  {1, "EXEC", exec[i]});
    }
}

static void test_errors_inside_leave_the_rest_running(void **state)
{
    (void)state;
    TEST_TALK({1, "MULTI", "+OK"}, {1, "SET k x", "+QUEUED"}, {1, "INCR k", "+QUEUED"},
              {1, "GET k", "+QUEUED"},
              {1, "EXEC", "*3 +OK -ERR value is not an integer or out of range \"x\""});
}

static void test_a_refused_command_aborts_the_transaction(void **state)
{
    (void)state;
    static const char *const refused[] = {"nope", "GET", "CLIENT nope", "SHUTDOWN", "CLIENT ID x"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        TEST_TALK({1, "MULTI", "+OK"}, {1, "SET k v", "+QUEUED"}, {1, refused[i], "-ERR ..."},
                  {1, "EXEC", ABORTED}, {1, "GET k", "nil"}, {1, "EXEC", "-ERR EXEC without..."});
}

static void test_exec_with_arguments_ends_the_transaction(void **state)
{
    (void)state;
    TEST_TALK({1, "MULTI", "+OK"}, {1, "SET k v", "+QUEUED"},
              {1, "EXEC now",
               "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
               "command"},
              {1, "GET k", "nil"});
}

static void test_multi_and_watch_do_not_nest(void **state)
{
    (void)state;
    TEST_TALK({1, "MULTI", "+OK"}, {1, "MULTI", "-ERR MULTI calls can not be nested"},
              {1, "WATCH k", "-ERR WATCH inside MULTI is not allowed"}, {1, "PING", "+QUEUED"},
              {1, "EXEC", "*1 +PONG"});
}

static void test_discard_and_reset_drop_what_was_queued(void **state)
{
    (void)state;
    TEST_TALK({1, "DISCARD", "-ERR DISCARD without MULTI"}, {1, "MULTI", "+OK"},
              {1, "SET k v", "+QUEUED"}, {1, "DISCARD", "+OK"}, {1, "GET k", "nil"},
              {1, "MULTI", "+OK"}, {1, "SET k v", "+QUEUED"}, {1, "RESET", "+RESET"},
              {1, "EXEC", "-ERR EXEC without MULTI"}, {1, "GET k", "nil"});
}

static void test_select_inside_holds_inside_and_after(void **state)
{
    (void)state;
    TEST_TALK({1, "MULTI", "+OK"}, {1, "SELECT 2", "+QUEUED"}, {1, "SET k v", "+QUEUED"},
              {1, "EXEC", "*2 +OK +OK"}, {1, "GET k", "\"v\""}, {2, "GET k", "nil"});
}

static void test_exclusive_commands_run_inside(void **state)
{
    (void)state;
    TEST_TALK({1, "SET k v", "+OK"}, {1, "MULTI", "+OK"}, {1, "FLUSHALL", "+QUEUED"},
              {1, "DBSIZE", "+QUEUED"}, {1, "EXEC", "*2 +OK :0"}, {1, "MULTI", "+OK"},
              {1, "FLUSHALL", "+QUEUED"}, {1, "EXEC", "*1 +OK"}, {2, "PING", "+PONG"});
}

static void test_client_reply_inside_holds_for_the_rest(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "MULTI", "+OK");
    test_client_expect(&on, "CLIENT REPLY OFF", "+QUEUED");
    test_client_expect(&on, "SET k v", "+QUEUED");
    test_client_expect(&on, "CLIENT REPLY ON", "+QUEUED");
    on.reply.wanted = 1;
    hc_span exec = span("EXEC");
    request one = {
        .node = on.node, .session = &on.client, .args = &exec, .argc = 1, .reply = &on.reply.base};
    test_reply_clear(&on.reply);
    assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
    assert_string_equal(on.reply.text, "*3 +OK"); /* as Redis: two of the three were not wanted */
    test_client_expect(&on, "GET k", "\"v\"");
    test_client_fini(&on);
}

static void test_too_much_is_refused(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "MULTI", "+OK");
    on.client.transaction->bytes = TRANSACTION_BYTES_MAX - 10;
    test_client_expect(&on, "PING", "-ERR too much is queued in this transaction");
    on.client.transaction->bytes = 0;
    test_client_expect(&on, "EXEC", ABORTED);
    test_client_fini(&on);
}

static void test_the_list_of_clients_tells_of_transactions(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    assert_non_null(strstr(test_client_run(&on, "CLIENT INFO"), " flags=N "));
    assert_non_null(strstr(test_client_run(&on, "CLIENT INFO"), " multi=-1 watch=0 "));
    test_client_expect(&on, "WATCH a b", "+OK");
    assert_non_null(strstr(test_client_run(&on, "CLIENT INFO"), " watch=2 "));
    test_client_expect(&on, "MULTI", "+OK");
    test_client_expect(&on, "CLIENT INFO", "+QUEUED");
    const char *inside = test_client_run(&on, "EXEC");
    assert_non_null(strstr(inside, " watch=0 "));
    test_client_fini(&on);
}

/* ---- WATCH ---- */

typedef struct breaking {
    const char *before, *change;
    bool breaks;
} breaking;

static void test_watched_keys_break_as_in_redis(void **state)
{
    (void)state;
    static const breaking table[] = {
        {"PING", "SET k v", true},         {"SET k v", "SET k v", true},
        {"SET k v", "DEL k", true},        {"PING", "DEL k", false},
        {"SET k v", "GET k", false},       {"SET k v", "EXPIRE k 100", true},
        {"SET k v", "PERSIST k", false},   {"SET k v EX 9", "PERSIST k", true},
        {"SET k v", "APPEND k w", true},   {"SET k 1", "INCR k", true},
        {"SET k v", "SET other v", false}, {"SET k v", "SET k w NX", false},
        {"SET o v", "RENAME o k", true},   {"SET k v", "RENAME k o", true},
        {"SET o v", "COPY o k", true},     {"SET k v", "COPY k o", false},
        {"SET k v", "GETDEL k", true},     {"SET k v", "GETEX k EX 10", true},
        {"SET k v", "FLUSHALL", true},     {"SET k v", "FLUSHDB", true},
        {"PING", "FLUSHALL", false},       {"SET k v EX 1", "@1000", true},
        {"SET k v EX 1", "@999", false},   {"SET o v", "MSET o w k w", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        test_clients some;
        test_clients_init(&some, 2, NULL);
        (void)test_client_run(&some.all[0], table[i].before);
        test_client_expect(&some.all[0], "WATCH k", "+OK");
        if (table[i].change[0] == '@')
            test_clock_advance_ms(&some.all[0].clock, strtoll(table[i].change + 1, NULL, 10));
        else
            (void)test_client_run(&some.all[1], table[i].change);
        test_client_expect(&some.all[0], "MULTI", "+OK");
        test_client_expect(&some.all[0], "PING", "+QUEUED");
        const char *got = test_client_run(&some.all[0], "EXEC");
        if (strcmp(got, table[i].breaks ? "nil*" : "*1 +PONG") != 0)
            print_error("%s, then %s\n", table[i].before, table[i].change);
        assert_string_equal(got, table[i].breaks ? "nil*" : "*1 +PONG");
        test_clients_fini(&some);
    }
}

static void test_a_key_that_had_expired_when_watched_counts_as_absent(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 2, NULL);
    const test_saying gone[] = {{1, "SET k v PX 5", "+OK"}, {1, "@10", ""}, {1, "WATCH k", "+OK"}};
    test_clients_talk(&some, gone, 3);
    while (node_maintain(some.all[0].node)) {
    } /* its memory comes back */
    const test_saying runs[] = {
        {1, "MULTI", "+OK"}, {1, "PING", "+QUEUED"}, {1, "EXEC", "*1 +PONG"}};
    test_clients_talk(&some, runs, 3);
    const test_saying again[] = {{1, "SET k v PX 5", "+OK"}, {1, "@10", ""},
                                 {1, "WATCH k", "+OK"},      {2, "SET k w", "+OK"},
                                 {1, "MULTI", "+OK"},        {1, "EXEC", "nil*"}};
    test_clients_talk(&some, again, 6);
    test_clients_fini(&some);
}

static void test_watched_keys_belong_to_a_database(void **state)
{
    (void)state;
    TEST_TALK({1, "SELECT 3", "+OK"}, {1, "WATCH k", "+OK"}, {1, "SELECT 0", "+OK"},
              {2, "SET k v", "+OK"}, {1, "MULTI", "+OK"}, {1, "EXEC", "*0"});
    TEST_TALK({1, "SELECT 3", "+OK"}, {1, "WATCH k", "+OK"}, {1, "SELECT 0", "+OK"},
              {2, "SELECT 3", "+OK"}, {2, "SET k v", "+OK"}, {1, "MULTI", "+OK"},
              {1, "EXEC", "nil*"});
    TEST_TALK({1, "STORE CREATE one", "+OK"}, {1, "SELECT one", "+OK"}, {1, "WATCH k", "+OK"},
              {2, "SELECT one", "+OK"}, {2, "SET k v", "+OK"}, {1, "MULTI", "+OK"},
              {1, "EXEC", "nil*"});
}

static void test_swapped_databases_break_keys_of_either(void **state)
{
    (void)state;
    TEST_TALK({1, "SET k v", "+OK"}, {1, "WATCH k", "+OK"}, {2, "SWAPDB 0 1", "+OK"},
              {1, "MULTI", "+OK"}, {1, "EXEC", "nil*"});
    TEST_TALK({2, "SELECT 1", "+OK"}, {2, "SET k v", "+OK"}, {1, "WATCH k", "+OK"},
              {2, "SWAPDB 0 1", "+OK"}, {1, "MULTI", "+OK"}, {1, "EXEC", "nil*"});
    TEST_TALK({1, "WATCH k", "+OK"}, {2, "SWAPDB 0 1", "+OK"}, {1, "MULTI", "+OK"},
              {1, "EXEC", "*0"});
    TEST_TALK({1, "WATCH k", "+OK"}, {2, "SWAPDB 0 1", "+OK"}, {2, "SET k v", "+OK"},
              {1, "MULTI", "+OK"}, {1, "EXEC", "nil*"}); /* of the database, not of its store */
    TEST_TALK({1, "WATCH k", "+OK"}, {2, "SWAPDB 0 1", "+OK"}, {2, "SELECT 1", "+OK"},
              {2, "SET k v", "+OK"}, {1, "MULTI", "+OK"}, {1, "EXEC", "*0"});
    TEST_TALK({1, "WATCH k", "+OK"}, {2, "SWAPDB 3 4", "+OK"}, {1, "MULTI", "+OK"},
              {1, "EXEC", "*0"});
}

static void test_unwatch_discard_and_exec_forget_watched_keys(void **state)
{
    (void)state;
    TEST_TALK({1, "WATCH k", "+OK"}, {2, "SET k v", "+OK"}, {1, "UNWATCH", "+OK"},
              {1, "MULTI", "+OK"}, {1, "EXEC", "*0"}, {1, "WATCH k", "+OK"}, {2, "SET k v", "+OK"},
              {1, "MULTI", "+OK"}, {1, "DISCARD", "+OK"}, {1, "MULTI", "+OK"}, {1, "EXEC", "*0"},
              {1, "WATCH k", "+OK"}, {2, "SET k v", "+OK"}, {1, "MULTI", "+OK"},
              {1, "EXEC", "nil*"}, {1, "MULTI", "+OK"}, {1, "EXEC", "*0"});
}

static void test_many_keys_are_watched_within_bounds(void **state)
{
    (void)state;
    test_clients some;
    char line[40];
    test_clients_init(&some, 2, NULL);
    for (unsigned i = 0; i < WATCH_KEYS_MAX; i++) {
        (void)snprintf(line, sizeof line, "WATCH k%u", i);
        test_client_expect(&some.all[0], line, "+OK");
    }
    test_client_expect(&some.all[0], "WATCH k7", "+OK"); /* it is already */
    test_client_expect(&some.all[0], "WATCH more", "-ERR too many keys are watched");
    test_client_expect(&some.all[1], "SET k40000 v", "+OK");
    test_client_expect(&some.all[0], "MULTI", "+OK");
    test_client_expect(&some.all[0], "EXEC", "nil*");
    test_client_expect(&some.all[0], "WATCH more", "+OK");
    test_clients_fini(&some);
}

/* ---- several workers ---- */

enum { WORKERS = 4, ACCOUNTS = 8, TRANSFERS = 400, TOTAL = 800 };

typedef struct bank {
    node *node;
    uint64_t seed;
    atomic_uint torn, increments, working;
} bank;

typedef struct teller {
    bank *at;
    unsigned worker;
    test_client client; /* its node is the bank's */
} teller;

static const char *say(teller *as, const char *line)
{
    return test_client_run(&as->client, line);
}

/* A line that ends in a number. */
static const char *say_number(teller *as, const char *line, unsigned number)
{
    char whole[128];
    (void)snprintf(whole, sizeof whole, "%s%u", line, number);
    return test_client_run(&as->client, whole);
}

static void teller_init(teller *as)
{
    const session_options client = {.descriptor = -1, .worker = as->worker};
    as->client.node = as->at->node;
    session_init(&as->client.client, as->at->node, &client);
    test_reply_init(&as->client.reply);
}

static void teller_fini(teller *as)
{
    session_fini(&as->client.client);
    test_reply_fini(&as->client.reply);
}

static void *transfer(void *ctx)
{
    teller *as = ctx;
    test_random random;
    teller_init(as);
    test_random_init_quiet(&random, as->at->seed + as->worker);
    for (unsigned i = 0; i < TRANSFERS; i++) {
        unsigned from = (unsigned)test_random_below(&random, ACCOUNTS);
        unsigned to = (unsigned)test_random_below(&random, ACCOUNTS);
        (void)say(as, "MULTI");
        (void)say_number(as, "DECR a", from);
        (void)say_number(as, "INCR a", to);
        (void)say(as, "EXEC");
        for (;;) { /* one more, by compare and set */
            (void)say(as, "WATCH n");
            const char *now = say(as, "GET n");
            unsigned next = 1 + (unsigned)strtoul(now + 1, NULL, 10);
            (void)say(as, "MULTI");
            (void)say_number(as, "SET n ", next);
            if (strcmp(say(as, "EXEC"), "*1 +OK") == 0) break;
        }
        atomic_fetch_add(&as->at->increments, 1);
    }
    atomic_fetch_sub(&as->at->working, 1);
    teller_fini(as);
    return NULL;
}

static long sum_of(const char *values)
{
    long sum = 0;
    for (const char *at = strchr(values, '"'); at != NULL; at = strchr(at, '"')) {
        char *end;
        sum += strtol(at + 1, &end, 10);
        at = end + 1;
    }
    return sum;
}

static void *audit(void *ctx)
{
    teller *as = ctx;
    teller_init(as);
    while (atomic_load(&as->at->working) > 0) {
        long seen = sum_of(say(as, "MGET a0 a1 a2 a3 a4 a5 a6 a7"));
        if (seen != TOTAL) atomic_fetch_add(&as->at->torn, 1);
        (void)say(as, "MULTI");
        for (unsigned i = 0; i < ACCOUNTS; i++)
            (void)say_number(as, "GET a", i);
        if (sum_of(say(as, "EXEC")) != TOTAL) atomic_fetch_add(&as->at->torn, 1);
    }
    teller_fini(as);
    return NULL;
}

static void test_transfers_between_workers_are_never_seen_half(void **state)
{
    (void)state;
    const node_options options = {.workers = WORKERS + 1};
    test_client on;
    test_client_init(&on, &options);
    bank at = {.node = on.node};
    test_random random;
    test_random_init(&random, 20261122);
    at.seed = test_random_below(&random, 1u << 30);
    atomic_store(&at.working, WORKERS / 2);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "SET a%u %d", i, TOTAL / ACCOUNTS);
        test_client_expect(&on, line, "+OK");
    }
    pthread_t threads[WORKERS];
    teller tellers[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        tellers[i] = (teller){.at = &at, .worker = i + 1};
        void *(*work)(void *) = i < WORKERS / 2 ? transfer : audit;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &tellers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(at.torn, 0);
    char want[16];
    (void)snprintf(want, sizeof want, "\"%u\"", at.increments);
    test_client_expect(&on, "GET n", want);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_queued_and_run_at_exec),
        cmocka_unit_test(test_errors_inside_leave_the_rest_running),
        cmocka_unit_test(test_a_watched_key_is_changed_when_its_store_is_dropped),
        cmocka_unit_test(test_a_refused_command_aborts_the_transaction),
        cmocka_unit_test(test_exec_with_arguments_ends_the_transaction),
        cmocka_unit_test(test_multi_and_watch_do_not_nest),
        cmocka_unit_test(test_discard_and_reset_drop_what_was_queued),
        cmocka_unit_test(test_select_inside_holds_inside_and_after),
        cmocka_unit_test(test_exclusive_commands_run_inside),
        cmocka_unit_test(test_client_reply_inside_holds_for_the_rest),
        cmocka_unit_test(test_too_much_is_refused),
        cmocka_unit_test(test_the_list_of_clients_tells_of_transactions),
        cmocka_unit_test(test_watched_keys_break_as_in_redis),
        cmocka_unit_test(test_a_key_that_had_expired_when_watched_counts_as_absent),
        cmocka_unit_test(test_watched_keys_belong_to_a_database),
        cmocka_unit_test(test_swapped_databases_break_keys_of_either),
        cmocka_unit_test(test_unwatch_discard_and_exec_forget_watched_keys),
        cmocka_unit_test(test_many_keys_are_watched_within_bounds),
        cmocka_unit_test(test_transfers_between_workers_are_never_seen_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
