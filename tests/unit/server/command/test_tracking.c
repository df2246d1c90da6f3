/* test_tracking.c - who is told that a key has changed, and when. */
#include "command/tracking.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/push.h"
#include "support/test_clients.h"
#include "support/test_memory.h"

/* What waits for a client, in RESP3 unless it says otherwise. */
static const char *heard(test_client *on)
{
    test_reply_clear(&on->reply);
    on->reply.wanted = 1000; /* as many as there are */
    push_deliver(&on->client, &on->reply.base, SIZE_MAX);
    on->reply.wanted = 1;
    (void)on->reply.base.ops->pending(&on->reply.base);
    on->reply.base.ops->status(&on->reply.base, HC_SPAN("."));
    return test_reply_text(&on->reply);
}

static void expect_heard(test_clients *some, unsigned who, const char *want)
{
    assert_string_equal(heard(&some->all[who - 1]), want);
}

static void clients_init(test_clients *some)
{
    test_clients_init(some, 3, NULL);
    for (unsigned i = 0; i < 3; i++)
        (void)test_client_run(&some->all[i], "HELLO 3");
}

static void say(test_clients *some, unsigned who, const char *line)
{
    (void)test_client_run(&some->all[who - 1], line);
}

static void test_a_reader_is_told_once_that_its_key_changed(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 1, "CLIENT TRACKING ON");
    say(&some, 1, "GET k");
    say(&some, 2, "SET k v");
    say(&some, 2, "SET k w");
    expect_heard(&some, 1, ">2 \"invalidate\" *1 \"k\" +.");
    say(&some, 2, "SET k x"); /* not read again */
    expect_heard(&some, 1, "+.");
    test_clients_fini(&some);
}

static void test_every_kind_of_change_is_told(void **state)
{
    (void)state;
    static const char *const changes[] = {"SET k v",    "DEL k",         "EXPIRE k 100", "INCR k",
                                          "APPEND k 1", "RENAME k o",    "RENAME o k",   "GETDEL k",
                                          "MSET k 1",   "SETRANGE k 1 x"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        test_clients some;
        clients_init(&some);
        say(&some, 2, "MSET k 1 o 1");
        say(&some, 1, "CLIENT TRACKING ON");
        say(&some, 1, "GET k");
        say(&some, 2, changes[i]);
        expect_heard(&some, 1, ">2 \"invalidate\" *1 \"k\" +.");
        test_clients_fini(&some);
    }
}

static void test_a_key_that_expires_is_told(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 2, "SET k v PX 100");
    say(&some, 1, "CLIENT TRACKING ON");
    say(&some, 1, "GET k");
    test_clock_advance_ms(&some.all[0].clock, 200);
    for (unsigned i = 0; i < 100; i++)
        (void)node_maintain(some.all[0].node);
    expect_heard(&some, 1, ">2 \"invalidate\" *1 \"k\" +.");
    test_clients_fini(&some);
}

static void test_noloop_spares_the_client_its_own_changes(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 1, "CLIENT TRACKING ON NOLOOP");
    say(&some, 1, "GET k");
    say(&some, 1, "SET k v");
    expect_heard(&some, 1, "+.");
    say(&some, 1, "GET k");
    say(&some, 2, "SET k v");
    expect_heard(&some, 1, ">2 \"invalidate\" *1 \"k\" +.");
    test_clients_fini(&some);
}

static void test_optin_and_optout_choose_the_next_command(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 1, "CLIENT TRACKING ON OPTIN");
    say(&some, 3, "CLIENT TRACKING ON OPTOUT");
    say(&some, 1, "GET a");
    say(&some, 3, "GET a");
    say(&some, 1, "CLIENT CACHING YES");
    say(&some, 3, "CLIENT CACHING NO");
    say(&some, 1, "GET b");
    say(&some, 3, "GET b");
    say(&some, 2, "MSET a 1 b 1");
    expect_heard(&some, 1, ">2 \"invalidate\" *1 \"b\" +.");
    expect_heard(&some, 3, ">2 \"invalidate\" *1 \"a\" +.");
    test_clients_fini(&some);
}

static void test_prefixes_are_told_of_all_changes_in_order(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 1, "CLIENT TRACKING ON BCAST PREFIX user: PREFIX obj:");
    say(&some, 2, "MSET user:2 1 other 1 user:1 1 obj:7 1");
    expect_heard(&some, 1,
                 ">2 \"invalidate\" *1 \"obj:7\" >2 \"invalidate\" *2 \"user:1\" \"user:2\" +.");
    assert_int_equal(tracking_totals_of(some.all[0].node).prefixes, 2);
    say(&some, 1, "CLIENT TRACKING OFF");
    assert_int_equal(tracking_totals_of(some.all[0].node).prefixes, 0);
    say(&some, 2, "SET user:2 1");
    expect_heard(&some, 1, "+.");
    test_clients_fini(&some);
}

static void test_more_changes_than_a_prefix_holds_are_all_told(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 1, "CLIENT TRACKING ON BCAST");
    say(&some, 2, "MULTI");
    for (unsigned i = 0; i < 3 * TRACKING_PENDING_MAX; i++) {
        char line[40];
        (void)snprintf(line, sizeof line, "SET k%u v", i);
        say(&some, 2, line);
    }
    say(&some, 2, "EXEC");
    const char *all = heard(&some.all[0]);
    unsigned keys = 0;
    for (const char *at = strstr(all, "\"k"); at != NULL; at = strstr(at + 1, "\"k"))
        keys++;
    assert_int_equal(keys, 3 * TRACKING_PENDING_MAX);
    test_clients_fini(&some);
}

static void test_a_flush_of_all_databases_is_told_once(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 1, "CLIENT TRACKING ON");
    say(&some, 3, "CLIENT TRACKING ON BCAST PREFIX x");
    say(&some, 1, "GET k");
    say(&some, 2, "SELECT 4");
    say(&some, 2, "FLUSHALL");
    expect_heard(&some, 1, ">2 \"invalidate\" nil +.");
    expect_heard(&some, 3, ">2 \"invalidate\" nil +.");
    assert_int_equal(tracking_totals_of(some.all[0].node).keys, 0);
    test_clients_fini(&some);
}

static void test_resp2_hears_nothing_without_redirection(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 2, NULL);
    say(&some, 1, "CLIENT TRACKING ON");
    say(&some, 1, "GET k");
    say(&some, 2, "SET k v");
    expect_heard(&some, 1, "+.");
    test_clients_fini(&some);
}

static void test_redirected_to_resp2_it_is_a_published_message(void **state)
{
    (void)state;
    test_clients some;
    test_clients_init(&some, 3, NULL);
    say(&some, 1, "CLIENT TRACKING ON REDIRECT 2");
    say(&some, 1, "GET k");
    say(&some, 3, "SET k v");
    expect_heard(&some, 2, "+."); /* it has not subscribed */
    say(&some, 2, "SUBSCRIBE __redis__:invalidate");
    say(&some, 1, "GET k");
    say(&some, 3, "SET k v");
    expect_heard(&some, 2, ">3 \"message\" \"__redis__:invalidate\" *1 \"k\" +.");
    say(&some, 1, "GET k");
    session_fini(&some.all[1].client);
    say(&some, 1, "HELLO 3");
    say(&some, 3, "SET k v");
    expect_heard(&some, 1, ">2 \"tracking-redir-broken\" :2 +.");
    assert_true(tracking_state_of(&some.all[0].client).broken);
    const session_options client = {.descriptor = 9};
    session_init(&some.all[1].client, some.all[0].node, &client);
    test_clients_fini(&some);
}

static void test_a_full_table_tells_of_what_it_forgets(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    tracking_keys_max_set(some.all[0].node, 10);
    say(&some, 1, "CLIENT TRACKING ON");
    unsigned told = 0;
    for (unsigned i = 0; i < 25; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "GET k%u", i);
        if (strstr(test_client_run(&some.all[0], line), "invalidate") != NULL) told++;
    }
    assert_int_equal(told, 15);
    const tracking_totals totals = tracking_totals_of(some.all[0].node);
    assert_int_equal(totals.keys, 10);
    assert_int_equal(totals.items, 10);
    test_clients_fini(&some);
}

static void test_a_session_that_ends_leaves_nothing_behind(void **state)
{
    (void)state;
    test_clients some;
    clients_init(&some);
    say(&some, 2, "CLIENT TRACKING ON BCAST PREFIX a");
    say(&some, 3, "CLIENT TRACKING ON");
    say(&some, 3, "MGET a b c");
    session_fini(&some.all[1].client);
    session_fini(&some.all[2].client);
    assert_int_equal(tracking_totals_of(some.all[0].node).clients, 0);
    assert_int_equal(tracking_totals_of(some.all[0].node).prefixes, 0);
    say(&some, 1, "MSET a 1 b 1");
    assert_int_equal(tracking_totals_of(some.all[0].node).keys, 1); /* c, until it changes */
    const session_options client = {.descriptor = 9};
    session_init(&some.all[1].client, some.all[0].node, &client);
    session_init(&some.all[2].client, some.all[0].node, &client);
    test_clients_fini(&some);
}

static void test_reset_and_info(void **state)
{
    (void)state;
    TEST_TALK(
        {1, "CLIENT GETREDIR", ":-1"}, {1, "CLIENT TRACKING ON NOLOOP OPTIN", "+OK"},
        {1, "CLIENT TRACKINGINFO",
         "%3 \"flags\" ~3 \"on\" \"optin\" \"noloop\" \"redirect\" :0 \"prefixes\" *0"},
        {1, "CLIENT CACHING YES", "+OK"},
        {1, "CLIENT TRACKINGINFO",
         "%3 \"flags\" ~4 \"on\" \"optin\" \"caching-yes\" \"noloop\" \"redirect\" :0 "
         "\"prefixes\" *0"},
        {1, "RESET", "+RESET"},
        {1, "CLIENT TRACKINGINFO", "%3 \"flags\" ~1 \"off\" \"redirect\" :-1 \"prefixes\" *0"});
}

/* ---- readers and writers on several workers: a cache never keeps an old value ---- */

enum { WRITES = 3000 };

typedef struct race {
    node *node;
    atomic_bool done;
    atomic_uint stale;
} race;

static void client_of_worker(test_client *on, node *of, unsigned worker)
{
    const session_options client = {.descriptor = -1, .worker = worker};
    memset(on, 0, sizeof *on);
    on->node = of;
    session_init(&on->client, of, &client);
    test_reply_init(&on->reply);
}

static void *write_numbers(void *ctx)
{
    race *in = ctx;
    test_client on;
    client_of_worker(&on, in->node, 1);
    for (unsigned i = 1; i <= WRITES; i++)
        (void)test_client_run(&on, "INCR n");
    atomic_store(&in->done, true);
    session_fini(&on.client);
    test_reply_fini(&on.reply);
    return NULL;
}

static bool said_invalidate(test_client *on)
{
    return strstr(heard(on), "invalidate") != NULL;
}

static void *keep_cached(void *ctx)
{
    race *in = ctx;
    test_client on;
    char cached[32] = "";
    client_of_worker(&on, in->node, 2);
    (void)test_client_run(&on, "HELLO 3");
    (void)test_client_run(&on, "CLIENT TRACKING ON");
    bool last;
    do {
        last = atomic_load(&in->done);
        if (said_invalidate(&on)) cached[0] = '\0';
        if (cached[0] != '\0') continue;
        hc_span args[] = {span("GET"), span("n")};
        request one = {.node = on.node,
                       .session = &on.client,
                       .args = args,
                       .argc = 2,
                       .reply = &on.reply.base};
        test_reply_clear(&on.reply);
        on.reply.wanted = 100;
        assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
        on.reply.wanted = 1;
        on.reply.base.ops->status(&on.reply.base, HC_SPAN("."));
        const char *text = test_reply_text(&on.reply); /* the value, perhaps a message behind it */
        (void)snprintf(cached, sizeof cached, "%.31s", strstr(text, "invalidate") ? "" : text);
    } while (!last);
    char want[32];
    (void)snprintf(want, sizeof want, "\"%u\" +.", WRITES);
    if (said_invalidate(&on)) cached[0] = '\0';
    if (cached[0] != '\0' && strcmp(cached, want) != 0) atomic_fetch_add(&in->stale, 1);
    session_fini(&on.client);
    test_reply_fini(&on.reply);
    return NULL;
}

static void test_a_cache_never_keeps_a_value_that_changed(void **state)
{
    (void)state;
    const node_options options = {.workers = 3};
    for (unsigned round = 0; round < 10; round++) {
        test_client on;
        test_client_init(&on, &options);
        race in = {.node = on.node};
        pthread_t threads[2];
        assert_int_equal(pthread_create(&threads[0], NULL, keep_cached, &in), 0);
        assert_int_equal(pthread_create(&threads[1], NULL, write_numbers, &in), 0);
        for (unsigned i = 0; i < 2; i++)
            (void)pthread_join(threads[i], NULL);
        assert_int_equal(in.stale, 0);
        test_client_fini(&on);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reader_is_told_once_that_its_key_changed),
        cmocka_unit_test(test_every_kind_of_change_is_told),
        cmocka_unit_test(test_a_key_that_expires_is_told),
        cmocka_unit_test(test_noloop_spares_the_client_its_own_changes),
        cmocka_unit_test(test_optin_and_optout_choose_the_next_command),
        cmocka_unit_test(test_prefixes_are_told_of_all_changes_in_order),
        cmocka_unit_test(test_more_changes_than_a_prefix_holds_are_all_told),
        cmocka_unit_test(test_a_flush_of_all_databases_is_told_once),
        cmocka_unit_test(test_resp2_hears_nothing_without_redirection),
        cmocka_unit_test(test_redirected_to_resp2_it_is_a_published_message),
        cmocka_unit_test(test_a_full_table_tells_of_what_it_forgets),
        cmocka_unit_test(test_a_session_that_ends_leaves_nothing_behind),
        cmocka_unit_test(test_reset_and_info),
        cmocka_unit_test(test_a_cache_never_keeps_a_value_that_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
