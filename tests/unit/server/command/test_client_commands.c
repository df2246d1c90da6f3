/* test_client_commands.c - CLIENT, on one connection and seen from another thread. */
#include <pthread.h>

#include "support/test_client.h"

#define SYNTAX "-ERR syntax error"

static void test_names_come_and_go(void **state)
{
    (void)state;
    const char *bad = "-ERR Client names cannot contain spaces, newlines or special characters.";
    TEST_STEPS({"CLIENT ID", ":1"}, {"CLIENT GETNAME", "nil"}, {"CLIENT SETNAME me", "+OK"},
               {"client getname", "\"me\""}, {"CLIENT SETNAME 'a b'", bad},
               {"CLIENT SETNAME 'a\\nb'", bad}, {"CLIENT SETNAME '\\xff'", bad},
               {"CLIENT GETNAME", "\"me\""}, {"CLIENT SETNAME ''", "+OK"},
               {"CLIENT GETNAME", "nil"},
               {"CLIENT SETNAME", "-ERR wrong number of arguments for 'client|setname' command"},
               {"CLIENT", "-ERR wrong number of arguments for 'client' command"},
               {"CLIENT foo", "-ERR unknown subcommand 'foo'. Try CLIENT HELP."},
               {"CLIENT SETNAM x", "-ERR unknown subcommand 'SETNAM'. Try CLIENT HELP."});
}

static void test_setinfo_notes_the_library(void **state)
{
    (void)state;
    TEST_STEPS({"CLIENT SETINFO LIB-NAME redis-py", "+OK"}, {"CLIENT SETINFO lib-ver 8.0.0", "+OK"},
               {"CLIENT SETINFO LIB-NAME 'a b'", "-ERR lib-name cannot contain spaces, newlines or "
                                                 "special characters."},
               {"CLIENT SETINFO LIB-VER 'a b'", "-ERR lib-ver cannot contain spaces, newlines or "
                                                "special characters."},
               {"CLIENT SETINFO foo bar", "-ERR Unrecognized option 'foo'"},
               {"CLIENT MAINT_NOTIFICATIONS ON",
                "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try "
                "CLIENT HELP."});
}

static uint32_t use_of(test_client *on, const char *key)
{
    hc_inspection seen = {.size = sizeof seen};
    assert_int_equal(hc_store_inspect(on->client.store, span(key), &seen), HC_OK);
    return seen.use;
}

static void test_what_a_client_without_touch_reads_is_not_used(void **state)
{
    (void)state;
    static const char *const reads[] = {
        "GET k",  "MGET k",   "MGET k other", "GETRANGE k 0 1", "GETBIT k 1",       "BITCOUNT k",
        "DUMP k", "STRLEN k", "EXISTS k",     "HC.GET k",       "OBJECT ENCODING k"};
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CLIENT NO-TOUCH on", "+OK");
    test_client_expect(&on, "SET k v", "+OK");
    assert_non_null(strstr(test_client_run(&on, "CLIENT INFO"), " flags=T "));
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        assert_int_not_equal(test_client_run(&on, reads[i])[0], '-');
        assert_int_equal(use_of(&on, "k"), 0);
    }
    test_client_expect(&on, "TOUCH k", ":1"); /* which is what it is for */
    assert_int_equal(use_of(&on, "k"), 1);
    test_client_expect(&on, "CLIENT NO-TOUCH off", "+OK");
    test_client_expect(&on, "GET k", "\"v\"");
    assert_int_equal(use_of(&on, "k"), 2);
    test_client_expect(&on, "MGET k other", "*2 \"v\" nil");
    assert_int_equal(use_of(&on, "k"), 3);
    test_client_fini(&on);
}

static void test_info_tells_all_fields(void **state)
{
    (void)state;
    TEST_STEPS(
        {"CLIENT SETNAME me", "+OK"}, {"CLIENT SETINFO LIB-NAME lib", "+OK"},
        {"CLIENT SETINFO LIB-VER 1.2", "+OK"}, {"SELECT 2", "+OK"}, {"@3000", ""},
        {"CLIENT INFO",
         "=\"id=1 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=8 name=me age=3 idle=0 flags=N "
         "db=2 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 "
         "rbs=0 "
         "rbp=0 obl=0 oll=0 omem=0 tot-mem=..."},
        {"CLIENT LIST", "=\"id=1 addr=127.0.0.1:50000 ..."}, {"CLIENT LIST ID 7 1", "=\"id=1 ..."},
        {"CLIENT LIST ID 2", "=\"\""}, {"CLIENT LIST TYPE normal", "=\"id=1 ..."},
        {"CLIENT LIST TYPE pubsub", "=\"\""},
        {"CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'"},
        {"CLIENT LIST ID x", "-ERR Invalid client ID"}, {"CLIENT LIST ID", SYNTAX},
        {"CLIENT LIST foo", SYNTAX});
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CLIENT SETINFO LIB-NAME lib", "+OK");
    assert_non_null(strstr(test_client_run(&on, "CLIENT INFO"),
                           " events=r cmd=client|info user=default redir=-1 resp=2 lib-name=lib "
                           "lib-ver=\\n\""));
    test_client_fini(&on);
}

static void test_reply_off_and_skip(void **state)
{
    (void)state;
    TEST_STEPS({"CLIENT REPLY SKIP", ""}, {"SET a 1", ""}, {"GET a", "\"1\""},
               {"CLIENT REPLY OFF", ""}, {"SET b 2", ""}, {"GET b", ""}, {"MGET a b", ""},
               {"nonsense", ""}, {"INFO", ""}, {"CLIENT REPLY SKIP", ""}, {"GET a", ""},
               {"CLIENT REPLY ON", "+OK"}, {"GET b", "\"2\""}, {"CLIENT REPLY foo", SYNTAX},
               {"CLIENT REPLY OFF", ""}, {"HELLO 3", ""}, {"CLIENT REPLY ON", "+OK"},
               {"HELLO", "%7 \"server\" \"redis\" "
                         "\"version\" \"7.4.0\" "
                         "\"proto\" :3..."},
               {"CLIENT REPLY SKIP", ""}, {"CLIENT REPLY ON", "+OK"}, {"PING", "+PONG"});
}

static void test_switches(void **state)
{
    (void)state;
    TEST_STEPS({"CLIENT NO-EVICT on", "+OK"}, {"CLIENT NO-EVICT maybe", SYNTAX},
               {"CLIENT INFO", "=\"id=1 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=8 name= age=0 "
                               "idle=0 flags=e ..."},
               {"CLIENT NO-EVICT off", "+OK"}, {"CLIENT NO-TOUCH ON", "+OK"},
               {"CLIENT NO-TOUCH OFF", "+OK"}, {"CLIENT NO-TOUCH x", SYNTAX},
               {"CLIENT HELP", "*..."});
}

/* ---- from another thread ---- */

typedef struct other_client {
    node *node;
    atomic_bool stop;
    atomic_uint rounds;
} other_client;

static void *come_and_go(void *ctx)
{
    other_client *other = ctx;
    test_reply heard;
    test_reply_init(&heard);
    while (!atomic_load(&other->stop)) {
        session client;
        const session_options options = {.address = "10.0.0.1:1", .descriptor = 9, .worker = 1};
        session_init(&client, other->node, &options);
        const hc_span set_name[] = {span("CLIENT"), span("SETNAME"), span("other")};
        const hc_span pick[] = {span("SELECT"), span("5")};
        request both[] = {{.node = other->node,
                           .session = &client,
                           .args = set_name,
                           .argc = 3,
                           .reply = &heard.base},
                          {.node = other->node,
                           .session = &client,
                           .args = pick,
                           .argc = 2,
                           .reply = &heard.base}};
        for (size_t i = 0; i < 2; i++) {
            test_reply_clear(&heard);
            (void)request_run_batch(&both[i], 1, SIZE_MAX);
        }
        session_fini(&client);
        atomic_fetch_add(&other->rounds, 1);
    }
    test_reply_fini(&heard);
    return NULL;
}

/* Meant for ThreadSanitizer: what one worker changes, another one lists. */
static void test_list_sees_clients_of_other_workers(void **state)
{
    (void)state;
    const node_options options = {.workers = 2};
    test_client on;
    test_client_init(&on, &options);
    other_client other = {.node = on.node};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, come_and_go, &other), 0);
    for (int i = 0; i < 2000 || atomic_load(&other.rounds) < 100; i++)
        test_client_expect(&on, "CLIENT LIST", "=\"id=1 ...");
    atomic_store(&other.stop, true);
    pthread_join(thread, NULL);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_and_go),
        cmocka_unit_test(test_setinfo_notes_the_library),
        cmocka_unit_test(test_what_a_client_without_touch_reads_is_not_used),
        cmocka_unit_test(test_info_tells_all_fields),
        cmocka_unit_test(test_reply_off_and_skip),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_list_sees_clients_of_other_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
