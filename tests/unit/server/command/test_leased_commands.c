/* test_leased_commands.c - many who miss a value, one who makes it: HC.GET, HC.SET, HC.RELEASE. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "command/leased.h"
#include "command/leases.h"
#include "support/test_client.h"
#include "support/test_threads.h"

/* A node's tokens count from its start, in milliseconds, times 2^20. */
#define TOKEN_0 "0e8d4a5100000000"
#define TOKEN_1 "0e8d4a5100000001"
#define TOKEN_2 "0e8d4a5100000002"
#define WON(value_, ms_, token_) "*4 " value_ " \"won\" :" ms_ " \"" token_ "\""
#define WAIT(value_, ms_) "*4 " value_ " \"wait\" :" ms_ " nil"
#define HIT(value_, ms_) "*4 " value_ " \"hit\" :" ms_ " nil"

static void test_one_caller_makes_a_missing_value(void **state)
{
    (void)state;
    TEST_STEPS({"HC.GET k", WON("nil", "10000", TOKEN_0)}, {"HC.GET k", WAIT("nil", "10000")},
               {"@400", ""}, {"HC.GET k LEASE 50", WAIT("nil", "9600")}, {"SET k v", "+OK"},
               {"HC.GET k", HIT("\"v\"", "-1")});
}

static void test_one_caller_makes_a_stale_value_while_others_have_the_old(void **state)
{
    (void)state;
    TEST_STEPS({"SET k old EX 40", "+OK"}, {"HC.GET k STALE 30000", HIT("\"old\"", "10000")},
               {"@9999", ""}, {"HC.GET k STALE 30000", HIT("\"old\"", "1")}, {"@1", ""},
               {"hc.get k stale 30000 lease 2000", WON("\"old\"", "2000", TOKEN_0)},
               {"HC.GET k STALE 30000 LEASE 2000", WAIT("\"old\"", "2000")},
               {"HC.GET k STALE 29999", HIT("\"old\"", "1")}, {"HC.GET k", HIT("\"old\"", "30000")},
               {"SET k new EX 40", "+OK"}, {"HC.GET k STALE 30000", HIT("\"new\"", "10000")});
}

static void test_a_winner_that_is_gone_is_replaced_when_its_time_is_over(void **state)
{
    (void)state;
    TEST_STEPS({"HC.GET k LEASE 100", WON("nil", "100", TOKEN_0)}, {"@99", ""},
               {"HC.GET k", WAIT("nil", "1")}, {"@1", ""},
               {"HC.GET k LEASE 100", WON("nil", "100", TOKEN_1)},
               {"HC.SET k late " TOKEN_0, "nil"}, {"EXISTS k", ":0"},
               {"HC.SET k good " TOKEN_1, "+OK"}, {"GET k", "\"good\""});
}

static void test_a_late_winner_is_heard_if_nobody_came_after(void **state)
{
    (void)state;
    TEST_STEPS({"HC.GET k LEASE 100", WON("nil", "100", TOKEN_0)}, {"@5000", ""},
               {"HC.SET k v " TOKEN_0 " EX 10", "+OK"}, {"TTL k", ":10"});
}

static void test_what_writes_or_deletes_the_key_ends_the_lease(void **state)
{
    (void)state;
    static const char *const writes[] = {"SET k v",      "APPEND k v",     "INCR n",
                                         "MSET x 1 k v", "SETRANGE k 0 v", "RENAME other k",
                                         "COPY other k", "GETSET k v"};
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        test_client on;
        test_client_init(&on, NULL);
        test_client_expect(&on, "SET other o", "+OK");
        const char *key = strcmp(writes[i], "INCR n") == 0 ? "n" : "k";
        char line[64];
        snprintf(line, sizeof line, "HC.GET %s", key);
        test_client_expect(&on, line, WON("nil", "10000", TOKEN_0));
        assert_true(test_client_run(&on, writes[i])[0] != '-');
        snprintf(line, sizeof line, "HC.SET %s old " TOKEN_0, key);
        test_client_expect(&on, line, "nil");
        snprintf(line, sizeof line, "PEXPIRE %s 5", key);
        test_client_expect(&on, line, ":1");
        snprintf(line, sizeof line, "HC.GET %s STALE 5", key);
        test_client_expect(&on, line, "*4 ...");
        assert_non_null(strstr(test_reply_text(&on.reply), TOKEN_1));
        test_client_fini(&on);
    }
    TEST_STEPS({"SET k v EX 10", "+OK"}, {"HC.GET k STALE 10000", WON("\"v\"", "10000", TOKEN_0)},
               {"DEL k", ":1"}, {"HC.SET k old " TOKEN_0, "nil"},
               {"HC.GET k", WON("nil", "10000", TOKEN_1)}, {"FLUSHDB", "+OK"},
               {"HC.SET k old " TOKEN_1, "nil"}, {"HC.GET k", WON("nil", "10000", TOKEN_2)});
}

/* The maker is still at work when the old value's time comes. */
static void test_an_expiry_does_not_end_a_lease(void **state)
{
    (void)state;
    TEST_STEPS({"SET k old PX 100", "+OK"},
               {"HC.GET k STALE 100", WON("\"old\"", "10000", TOKEN_0)}, {"@200", ""},
               {"HC.GET k", WAIT("nil", "9800")}, {"GET k", "nil"},
               {"HC.SET k new " TOKEN_0 " PX 5000", "+OK"}, {"HC.GET k", HIT("\"new\"", "5000")});
}

static void test_a_lease_that_is_released_goes_to_the_next(void **state)
{
    (void)state;
    TEST_STEPS({"HC.GET k", WON("nil", "10000", TOKEN_0)}, {"HC.RELEASE k " TOKEN_1, ":0"},
               {"HC.GET k", WAIT("nil", "10000")}, {"HC.RELEASE k " TOKEN_0, ":1"},
               {"HC.RELEASE k " TOKEN_0, ":0"}, {"HC.SET k v " TOKEN_0, "nil"},
               {"HC.GET k", WON("nil", "10000", TOKEN_1)});
}

static void test_leases_are_each_databases_own(void **state)
{
    (void)state;
    TEST_STEPS({"HC.GET k", WON("nil", "10000", TOKEN_0)}, {"SELECT 1", "+OK"},
               {"HC.GET k", WON("nil", "10000", TOKEN_1)}, {"HC.SET k v " TOKEN_0, "nil"},
               {"STORE CREATE mine", "+OK"}, {"SELECT mine", "+OK"},
               {"HC.GET k", WON("nil", "10000", TOKEN_2)}, {"SELECT 0", "+OK"},
               {"STORE DROP mine", "+OK"}, {"STORE CREATE mine", "+OK"}, {"SELECT mine", "+OK"},
               {"HC.SET k v " TOKEN_2, "nil"}, {"HC.GET k", "*4 nil \"won\" ..."},
               {"SELECT 0", "+OK"}, {"HC.SET k v " TOKEN_0, "+OK"});
}

static void test_what_cannot_be_is_refused(void **state)
{
    (void)state;
    TEST_STEPS({"HC.GET", "-ERR wrong number of arguments for 'hc.get' command"},
               {"HC.GET k STALE", "-ERR syntax error"}, {"HC.GET k WHAT 5", "-ERR syntax error"},
               {"HC.GET k STALE x", "-ERR value is not an integer or out of range"},
               {"HC.GET k STALE -1", "-ERR STALE is 0 or more milliseconds"},
               {"HC.GET k LEASE 0", "-ERR LEASE is 1 to 3600000 milliseconds"},
               {"HC.GET k LEASE 3600001", "-ERR LEASE is 1 to 3600000 milliseconds"},
               {"HC.SET k v 12", "-ERR a token is the 16 hexadecimal digits that HC.GET gave"},
               {"HC.SET k v 000000000000000x", "-ERR a token is ..."},
               {"HC.SET k v 0000000000000000", "nil"},
               {"HC.SET k v " TOKEN_0 " NX", "-ERR syntax error"},
               {"HC.SET k v " TOKEN_0 " EX 0", "-ERR invalid expire time in 'hc.set' command"},
               {"HC.RELEASE k x", "-ERR a token is ..."}, {"HC.RELEASE k 0000000000000000", ":0"},
               {"CF.RESERVE f 100", "+OK"},
               {"HC.GET f", "-WRONGTYPE Operation against a key holding the wrong kind of value"});
}

/* ---- without a protocol, from many threads ---- */

enum { THREADS = 4, ROUNDS = 300 };

typedef struct race {
    node *node;
    hc_store *store;
    pthread_barrier_t ready;
    _Atomic unsigned won, waited, hit, stored;
} race;

static void *reserve_buffer(void *ctx, const hc_item *item)
{
    assert_true(item->value.size <= 64);
    return ctx;
}

static void *read_and_make(void *argument)
{
    race *on = argument;
    const leased_place place = {on->store, on->store};
    const leased_wish wish = {.stale_ms = 0, .lease_ms = 60000};
    char buffer[64];
    const hc_sink sink = {.ctx = buffer, .reserve = reserve_buffer};
    for (unsigned round = 0; round < ROUNDS; round++) {
        char name[32];
        hc_span key = hc_span_make(name, (size_t)snprintf(name, sizeof name, "key:%u", round));
        pthread_barrier_wait(&on->ready);
        leased_answer answer;
        assert_int_equal(leased_get(on->node, &place, key, &wish, &sink, &answer), HC_OK);
        if (answer.state == LEASED_WON) {
            on->won++;
            hc_status status = leased_set(on->node, &place, key, span("made"), answer.token, NULL);
            if (status == HC_OK) on->stored++;
        } else if (answer.state == LEASED_WAIT) {
            on->waited++;
        } else {
            assert_memory_equal(buffer, "made", 4);
            on->hit++;
        }
    }
    return NULL;
}

static void test_exactly_one_of_many_threads_wins(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    race shared = {.node = on.node, .store = on.client.store};
    pthread_barrier_init(&shared.ready, NULL, THREADS);
    test_threads(THREADS, read_and_make, &shared, 0);
    pthread_barrier_destroy(&shared.ready);
    assert_int_equal(shared.won, ROUNDS);
    assert_int_equal(shared.stored, ROUNDS);
    assert_int_equal(shared.won + shared.waited + shared.hit, THREADS * ROUNDS);
    leases_counts counts = leases_count(on.node->leases);
    assert_int_equal(counts.taken, ROUNDS);
    assert_int_equal(counts.refused, shared.waited);
    assert_int_equal(counts.forgotten, 0);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_caller_makes_a_missing_value),
        cmocka_unit_test(test_one_caller_makes_a_stale_value_while_others_have_the_old),
        cmocka_unit_test(test_a_winner_that_is_gone_is_replaced_when_its_time_is_over),
        cmocka_unit_test(test_a_late_winner_is_heard_if_nobody_came_after),
        cmocka_unit_test(test_what_writes_or_deletes_the_key_ends_the_lease),
        cmocka_unit_test(test_an_expiry_does_not_end_a_lease),
        cmocka_unit_test(test_a_lease_that_is_released_goes_to_the_next),
        cmocka_unit_test(test_leases_are_each_databases_own),
        cmocka_unit_test(test_what_cannot_be_is_refused),
        cmocka_unit_test(test_exactly_one_of_many_threads_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
