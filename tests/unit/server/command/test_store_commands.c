/* test_store_commands.c - named stores by command: made, selected, described, dropped. */
#include <stdio.h>

#include "support/test_client.h"
#include "support/test_memory.h"
#include "support/test_threads.h"

enum { MIB = 1 << 20 };

static void test_a_store_has_keys_of_its_own(void **state)
{
    (void)state;
    TEST_STEPS({"STORES", "*1 \"0\""}, {"STORE CREATE users", "+OK"}, {"SET k database", "+OK"},
               {"SELECT users", "+OK"}, {"GET k", "nil"}, {"SET k named", "+OK"},
               {"STORES", "*2 \"0\" \"users\""}, {"SELECT 2", "+OK"}, {"GET k", "nil"},
               {"STORE LIST", "*3 \"0\" \"users\" \"2\""}, {"SELECT users", "+OK"},
               {"GET k", "\"named\""}, {"SELECT default", "+OK"}, {"GET k", "\"database\""},
               {"SELECT users", "+OK"}, {"RESET", "+RESET"}, {"GET k", "\"database\""});
}

static void test_flushall_empties_stores_and_flushdb_the_selected_one(void **state)
{
    (void)state;
    TEST_STEPS({"STORE CREATE a", "+OK"}, {"SET k 0", "+OK"}, {"SELECT a", "+OK"},
               {"SET k a", "+OK"}, {"DBSIZE", ":1"}, {"FLUSHDB", "+OK"}, {"DBSIZE", ":0"},
               {"SELECT 0", "+OK"}, {"GET k", "\"0\""}, {"SELECT a", "+OK"}, {"SET k a", "+OK"},
               {"FLUSHALL", "+OK"}, {"DBSIZE", ":0"}, {"SELECT 0", "+OK"}, {"DBSIZE", ":0"});
}

static void test_copy_works_within_a_store_and_from_it_to_a_database(void **state)
{
    (void)state;
    TEST_STEPS({"STORE CREATE a", "+OK"}, {"SELECT a", "+OK"}, {"SET k v", "+OK"},
               {"COPY k k", "-ERR source and destination objects are the same"}, {"COPY k l", ":1"},
               {"GET l", "\"v\""}, {"COPY k k DB 0", ":1"}, {"SELECT 0", "+OK"}, {"GET k", "\"v\""},
               {"GET l", "nil"});
}

static void test_bad_names_and_options_are_refused(void **state)
{
    (void)state;
    const char *name_rule = "-ERR a store's name is 1 to 64 of A-Z a-z 0-9 _ . : -";
    TEST_STEPS({"STORE CREATE 'a b'", name_rule}, {"STORE CREATE ''", name_rule},
               {"STORE DROP 'a b'", name_rule}, {"STORE INFO 'a b'", name_rule},
               {"SELECT 'a b'", "-ERR value is not an integer or out of range"},
               {"STORE CREATE 3", "-ERR store '3' exists"},
               {"STORE CREATE default", "-ERR store 'default' exists"},
               {"STORE CREATE 16", "-ERR a store's name is not a number"},
               {"STORE CREATE a MAXMEMORY", "-ERR syntax error"},
               {"STORE CREATE a NOSUCH 1", "-ERR syntax error"},
               {"STORE CREATE a MAXMEMORY 1mb", "-ERR MAXMEMORY is a size..."},
               {"STORE CREATE a MAXMEMORY x", "-ERR MAXMEMORY is a size..."},
               {"STORE CREATE a EVICTION mru", "-ERR EVICTION is..."},
               {"STORE CREATE a COMPRESSION lz4", "-ERR COMPRESSION is none or zstd"},
               {"STORE CREATE a FILTER 9", "-ERR FILTER is none, or..."},
               {"STORE CREATE a TTL -1", "-ERR TTL is in milliseconds..."},
               {"STORE CREATE a TTL x", "-ERR value is not an integer or out of range"},
               {"STORES", "*1 \"0\""}, {"STORE CREATE a", "+OK"},
               {"STORE CREATE a", "-ERR store 'a' exists"},
               {"SELECT b", "-ERR no store 'b', see STORES"},
               {"STORE INFO b", "-ERR no store 'b', see STORES"},
               {"STORE DROP b", "-ERR no store 'b', see STORES"},
               {"STORE DROP 0", "-ERR a database cannot be dropped, FLUSHDB empties it"},
               {"STORE DROP 7", "-ERR a database cannot be dropped, FLUSHDB empties it"},
               {"STORE DROP default", "-ERR a database cannot be dropped, FLUSHDB empties it"},
               {"STORE NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try STORE HELP."},
               {"STORE HELP", "*13 +STORE <subcommand>..."});
}

static void test_a_store_has_the_settings_it_was_made_with(void **state)
{
    (void)state;
    const node_options options = {.default_ttl_ms = 5000, .max_memory_bytes = 64 * MIB};
    test_client on;
    test_client_init(&on, &options);
    const test_step steps[] = {
        {"STORE CREATE a MAXMEMORY 8mb EVICTION volatile-lru TTL 1500", "+OK"},
        {"STORE CREATE b ttl 0 COMPRESSION zstd FILTER 12", "+OK"},
        {"STORE CREATE c TTL default EVICTION noeviction", "+OK"},
        {"SELECT a", "+OK"},
        {"SET k v", "+OK"},
        {"PTTL k", ":1500"},
        {"GET nosuch", "nil"},
        {"SELECT b", "+OK"},
        {"SET k v", "+OK"},
        {"PTTL k", ":-1"},
        {"SELECT c", "+OK"},
        {"SET k v", "+OK"},
        {"PTTL k", ":5000"},
        {"STORE INFO a", "%24 \"name\" \"a\" \"kind\" \"store\" \"eviction\" \"volatile-lru\" "
                         "\"persistence\" \"none\" "
                         "\"compression\" \"none\" \"default_ttl_ms\" :1500 \"created_at_ms\"..."},
        {"STORE INFO default",
         "%23 \"name\" \"0\" \"kind\" \"database\" \"eviction\" \"allkeys-s3fifo\" "
         "\"persistence\" \"none\" \"compression\" \"none\" \"default_ttl_ms\" :5000..."},
    };
    test_client_steps(&on, steps, sizeof steps / sizeof steps[0]);
    assert_non_null(strstr(test_client_run(&on, "STORE INFO a"), "\"misses\" :1"));
    assert_non_null(strstr(test_client_run(&on, "STORE INFO a"), "\"max_memory_bytes\" :8388608"));
    assert_non_null(strstr(test_client_run(&on, "STORE INFO a"), "\"users\" :0"));
    assert_non_null(strstr(test_client_run(&on, "STORE INFO c"), "\"users\" :1"));
    assert_non_null(strstr(test_client_run(&on, "STORE INFO b"), "\"compression\" \"zstd\""));
    assert_non_null(strstr(test_client_run(&on, "STORE INFO b"), "\"filter_bits\" :12"));
    assert_non_null(strstr(test_client_run(&on, "STORE INFO c"), "\"eviction\" \"noeviction\""));
    test_client_fini(&on);
}

static uint64_t limit_of(node *of, const char *name)
{
    hc_store_ref ref;
    hc_store_stats stats = {.size = sizeof stats};
    assert_int_equal(node_store_acquire(of, span(name), &ref), HC_OK);
    hc_store_stats_get(ref.store, &stats);
    hc_store_ref_release(&ref);
    return stats.max_memory_bytes;
}

static void test_stores_share_the_nodes_memory_within_their_own_limits(void **state)
{
    (void)state;
    const node_options options = {.max_memory_bytes = 64 * MIB};
    test_client on;
    test_client_init(&on, &options);
    test_client_expect(&on, "STORE CREATE small MAXMEMORY 8mb", "+OK");
    test_client_expect(&on, "STORE CREATE large MAXMEMORY 1gb", "+OK");
    (void)node_maintain(on.node);
    assert_int_equal(limit_of(on.node, "small"), 8 * MIB);
    assert_in_range(limit_of(on.node, "large"), 60 * MIB, 64 * MIB);
    assert_in_range(limit_of(on.node, "0"), 60 * MIB, 64 * MIB);
    assert_int_equal(node_set_max_memory(on.node, 12 * MIB), HC_OK);
    assert_in_range(limit_of(on.node, "small"), 4 * MIB, 8 * MIB);
    assert_int_equal(node_set_max_memory(on.node, 0), HC_OK);
    assert_int_equal(limit_of(on.node, "small"), 8 * MIB);
    assert_int_equal(limit_of(on.node, "0"), 0);
    test_client_fini(&on);
}

static void test_no_more_stores_than_max_stores(void **state)
{
    (void)state;
    const node_options options = {.stores_max = 2};
    test_client on;
    test_client_init(&on, &options);
    const test_step steps[] = {
        {"STORE CREATE a", "+OK"},
        {"STORE CREATE b", "+OK"},
        {"STORE CREATE c", "-ERR there are 2 stores already, see cache.max_stores"},
        {"STORE CREATE b", "-ERR store 'b' exists"},
        {"SELECT 15", "+OK"}, /* databases do not count */
        {"STORE DROP a", "+OK"},
        {"STORE CREATE c", "+OK"},
    };
    test_client_steps(&on, steps, sizeof steps / sizeof steps[0]);
    test_client_fini(&on);
}

static void test_a_dropped_store_says_so_to_whoever_has_it_selected(void **state)
{
    (void)state;
    const char *dropped = "-ERR store 'a' was dropped; SELECT another";
    TEST_STEPS({"STORE CREATE a", "+OK"}, {"SELECT a", "+OK"}, {"SET k v", "+OK"},
               {"STORE DROP a", "+OK"}, {"GET k", dropped}, {"SET k v", dropped},
               {"DBSIZE", dropped}, {"MEMORY USAGE k", dropped}, {"PING", "+PONG"},
               {"STORES", "*1 \"0\""}, {"SELECT a", "-ERR no store 'a', see STORES"},
               {"STORE CREATE a", "+OK"}, {"GET k", dropped}, /* another store of that name */
               {"SELECT a", "+OK"}, {"GET k", "nil"}, {"STORE DROP a", "+OK"}, {"SELECT 0", "+OK"},
               {"SET k v", "+OK"});
}

static void test_info_and_client_list_name_the_store(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "STORE CREATE a:b", "+OK");
    assert_non_null(strstr(test_client_run(&on, "CLIENT INFO"), " db=0 "));
    test_client_expect(&on, "SELECT a:b", "+OK");
    test_client_expect(&on, "SET k v EX 100", "+OK");
    assert_non_null(strstr(test_client_run(&on, "INFO keyspace"),
                           "store0:name=a:b,keys=1,expires=1,avg_ttl=100000\\r\\n"));
    const char *client = test_client_run(&on, "CLIENT INFO");
    assert_non_null(strstr(client, " db=-1 "));
    assert_non_null(strstr(client, " store=a:b\\n"));
    test_client_expect(&on, "SELECT 0", "+OK");
    assert_null(strstr(test_client_run(&on, "CLIENT INFO"), "store="));
    test_client_fini(&on);
}

/* Refuses the 1st request for memory of STORE CREATE, then the 2nd ... until none is refused. */
static void test_create_without_memory_leaves_no_store(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    const node_options options = {.host = &host};
    node *made;
    assert_int_equal(node_create(&options, &made), HC_OK);
    const node_store_settings defaults = node_store_defaults(made);
    size_t grants = 0;
    hc_status status = HC_ERR_NO_MEMORY;
    for (; grants < 100 && status != HC_OK; grants++) {
        hc_store_ref ref;
        memory.grants = grants;
        status = node_store_add(made, span("a"), &defaults);
        assert_true(status == HC_OK || status == HC_ERR_NO_MEMORY);
        if (status != HC_OK)
            assert_int_equal(node_store_acquire(made, span("a"), &ref), HC_ERR_NOT_FOUND);
    }
    assert_in_range(grants, 2, 99);
    node_destroy(made);
    assert_int_equal(memory.live_bytes, 0);
    assert_int_equal(memory.reserved_bytes, 0);
}

/* ---- threads ---- */

enum { WORKERS = 3, ROUNDS = 200 };

typedef struct worker {
    node *node;
    unsigned number;
} worker;

static const char *run_line(session *client, test_reply *to, const char *const *words, size_t count)
{
    hc_span args[8];
    for (size_t i = 0; i < count; i++)
        args[i] = span(words[i]);
    request one = {
        .node = client->node, .session = client, .args = args, .argc = count, .reply = &to->base};
    test_reply_clear(to);
    assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
    return test_reply_text(to);
}

/* Selects a store and works on it, whether it is there or not; every third creates and drops. */
static void *work(void *argument)
{
    static const char *const select[] = {"SELECT", "a"}, *const set[] = {"SET", "k", "v"},
                             *const get[] = {"GET", "k"}, *const drop[] = {"STORE", "DROP", "a"},
                             *const create[] = {"STORE", "CREATE", "a"}, *const list[] = {"STORES"};
    const worker *me = argument;
    session client;
    test_reply to;
    session_init(&client, me->node, &(session_options){.descriptor = -1, .worker = me->number});
    test_reply_init(&to);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (me->number == 0) {
            (void)run_line(&client, &to, create, 3);
            (void)run_line(&client, &to, list, 1);
            (void)node_maintain(me->node);
            (void)run_line(&client, &to, drop, 3);
            continue;
        }
        (void)run_line(&client, &to, select, 2);
        const char *got = run_line(&client, &to, set, 3);
        bool fits = strcmp(got, "+OK") == 0 || strncmp(got, "-ERR store 'a' was dropped", 26) == 0;
        assert_true(fits);
        (void)run_line(&client, &to, get, 2);
    }
    session_fini(&client);
    test_reply_fini(&to);
    return NULL;
}

static void test_stores_are_dropped_under_clients_that_use_them(void **state)
{
    (void)state;
    const node_options options = {.workers = WORKERS};
    node *made;
    assert_int_equal(node_create(&options, &made), HC_OK);
    worker workers[WORKERS] = {{made, 0}, {made, 1}, {made, 2}};
    test_threads(WORKERS, work, workers, sizeof workers[0]);
    node_destroy(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_has_keys_of_its_own),
        cmocka_unit_test(test_flushall_empties_stores_and_flushdb_the_selected_one),
        cmocka_unit_test(test_copy_works_within_a_store_and_from_it_to_a_database),
        cmocka_unit_test(test_bad_names_and_options_are_refused),
        cmocka_unit_test(test_a_store_has_the_settings_it_was_made_with),
        cmocka_unit_test(test_stores_share_the_nodes_memory_within_their_own_limits),
        cmocka_unit_test(test_no_more_stores_than_max_stores),
        cmocka_unit_test(test_a_dropped_store_says_so_to_whoever_has_it_selected),
        cmocka_unit_test(test_info_and_client_list_name_the_store),
        cmocka_unit_test(test_create_without_memory_leaves_no_store),
        cmocka_unit_test(test_stores_are_dropped_under_clients_that_use_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
