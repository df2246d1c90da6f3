/* test_pubsub.c - who gets what was published, in which order, from which thread. */
#include "command/pubsub.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/push.h"
#include "support/test_client.h"

enum { SOFT = 1 << 20 };

#define SUBSCRIBED "ERR Can't execute '"
#define ONLY                                                                                       \
    "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"

static void test_answers_count_channels_with_patterns_and_shard_channels_alone(void **state)
{
    (void)state;
    TEST_STEPS({"UNSUBSCRIBE", ">3 \"unsubscribe\" nil :0"},
               {"UNSUBSCRIBE a", ">3 \"unsubscribe\" \"a\" :0"},
               {"PUNSUBSCRIBE", ">3 \"punsubscribe\" nil :0"},
               {"SUNSUBSCRIBE", ">3 \"sunsubscribe\" nil :0"},
               {"SUBSCRIBE a b a", ">3 \"subscribe\" \"a\" :1 >3 \"subscribe\" \"b\" :2 "
                                   ">3 \"subscribe\" \"a\" :2"},
               {"PSUBSCRIBE n*", ">3 \"psubscribe\" \"n*\" :3"},
               {"SSUBSCRIBE s", ">3 \"ssubscribe\" \"s\" :1"},
               {"UNSUBSCRIBE x a", ">3 \"unsubscribe\" \"x\" :3 >3 \"unsubscribe\" \"a\" :2"},
               {"SUBSCRIBE c", ">3 \"subscribe\" \"c\" :3"},
               {"UNSUBSCRIBE", ">3 \"unsubscribe\" \"b\" :2 >3 \"unsubscribe\" \"c\" :1"},
               {"PUNSUBSCRIBE", ">3 \"punsubscribe\" \"n*\" :0"},
               {"SUNSUBSCRIBE", ">3 \"sunsubscribe\" \"s\" :0"}, {"GET k", "nil"});
}

static void test_resp2_subscribers_may_do_little_else(void **state)
{
    (void)state;
    TEST_STEPS({"PING", "+PONG"}, {"SUBSCRIBE a", ">3 \"subscribe\" \"a\" :1"},
               {"GET k", "-" SUBSCRIBED "get" ONLY},
               {"CLIENT INFO", "-" SUBSCRIBED "client|info" ONLY},
               {"HELLO 3", "-" SUBSCRIBED "hello" ONLY}, {"PING", "*2 \"pong\" \"\""},
               {"PING x", "*2 \"pong\" \"x\""}, {"nosuch", "-ERR unknown command..."},
               {"GET", "-ERR wrong number of arguments for 'get' command"},
               {"SSUBSCRIBE s", ">3 \"ssubscribe\" \"s\" :1"},
               {"UNSUBSCRIBE", ">3 \"unsubscribe\" \"a\" :0"}, {"GET k", "-" SUBSCRIBED "get" ONLY},
               {"SUNSUBSCRIBE s", ">3 \"sunsubscribe\" \"s\" :0"}, {"GET k", "nil"},
               {"SUBSCRIBE a", ">3 \"subscribe\" \"a\" :1"}, {"RESET", "+RESET"}, {"GET k", "nil"},
               {"PUBLISH a m", ":0"});
}

static void test_resp3_subscribers_get_their_own_messages_after_the_reply(void **state)
{
    (void)state;
    TEST_STEPS({"HELLO 3", "%7..."}, {"SUBSCRIBE a", ">3 \"subscribe\" \"a\" :1"},
               {"PSUBSCRIBE ?", ">3 \"psubscribe\" \"?\" :2"}, {"PING", "+PONG"},
               {"PUBLISH a m", ":2 >3 \"message\" \"a\" \"m\" >4 \"pmessage\" \"?\" \"a\" \"m\""},
               {"PUBLISH b m", ":1 >4 \"pmessage\" \"?\" \"b\" \"m\""}, {"PUBLISH cc m", ":0"},
               {"SPUBLISH a m", ":0"}, {"SSUBSCRIBE a", ">3 \"ssubscribe\" \"a\" :1"},
               {"SPUBLISH a m", ":1 >3 \"smessage\" \"a\" \"m\""}, {"CLIENT REPLY OFF", ""},
               {"SUBSCRIBE x", ">3 \"subscribe\" \"x\" :3"},
               {"UNSUBSCRIBE x", ">3 \"unsubscribe\" \"x\" :2"}, {"CLIENT REPLY ON", "+OK"},
               {"CLIENT LIST TYPE pubsub", "=\"id=1 ..."}, {"CLIENT LIST TYPE normal", "=\"\""});
}

static void test_in_a_transaction_messages_come_behind_its_reply(void **state)
{
    (void)state;
    TEST_STEPS({"HELLO 3", "%7..."}, {"SUBSCRIBE a", ">3 \"subscribe\" \"a\" :1"}, {"MULTI", "+OK"},
               {"PUBLISH a m", "+QUEUED"}, {"PING", "+QUEUED"},
               {"EXEC", "*2 :1 +PONG >3 \"message\" \"a\" \"m\""});
}

static void test_pubsub_tells_who_listens(void **state)
{
    (void)state;
    TEST_STEPS({"PUBSUB CHANNELS", "*0"}, {"PUBSUB NUMSUB", "*0"}, {"PUBSUB NUMPAT", ":0"},
               {"HELLO 3", "%7..."}, {"SUBSCRIBE abc", ">3 ..."}, {"PSUBSCRIBE p* q*", ">3 ..."},
               {"SSUBSCRIBE sh", ">3 ..."}, {"PUBSUB CHANNELS", "*1 \"abc\""},
               {"PUBSUB CHANNELS a*", "*1 \"abc\""}, {"PUBSUB CHANNELS x*", "*0"},
               {"PUBSUB CHANNELS a b", "-ERR unknown subcommand or wrong number of arguments for "
                                       "'CHANNELS'. Try PUBSUB HELP."},
               {"PUBSUB NUMSUB abc x", "*4 \"abc\" :1 \"x\" :0"}, {"PUBSUB NUMPAT", ":2"},
               {"PUBSUB SHARDCHANNELS", "*1 \"sh\""}, {"PUBSUB SHARDNUMSUB sh", "*2 \"sh\" :1"},
               {"PUBSUB", "-ERR wrong number of arguments for 'pubsub' command"},
               {"PUBSUB x", "-ERR unknown subcommand 'x'. Try PUBSUB HELP."},
               {"PUBSUB HELP", "*14 +PUBSUB <subcommand>..."}, {"RESET", "+RESET"},
               {"PUBSUB CHANNELS", "*0"}, {"PUBSUB NUMPAT", ":0"}, {"PUBSUB SHARDCHANNELS", "*0"});
}

/* What had come for a channel when its client leaves it is sent before the answer. */
static void test_nothing_comes_for_a_channel_after_it_was_left(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "SUBSCRIBE a", ">3 \"subscribe\" \"a\" :1");
    assert_int_equal(pubsub_publish(on.node, PUBSUB_CHANNEL, span("a"), span("m")), 1);
    test_client_expect(&on, "UNSUBSCRIBE a",
                       ">3 \"message\" \"a\" \"m\" >3 \"unsubscribe\" \"a\" :0");
    assert_int_equal(pubsub_publish(on.node, PUBSUB_CHANNEL, span("a"), span("m")), 0);
    assert_false(push_waits(&on.client));
    test_client_fini(&on);
}

static void test_thousands_of_names_are_found_and_forgotten(void **state)
{
    (void)state;
    enum { NAMES = 5000 };
    test_client on;
    char name[32];
    test_client_init(&on, NULL);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < NAMES; i++) {
            (void)snprintf(name, sizeof name, "channel:%d", i);
            assert_int_equal(pubsub_subscribe(&on.client, PUBSUB_CHANNEL, span(name)), HC_OK);
            assert_int_equal(pubsub_subscribe(&on.client, PUBSUB_CHANNEL, span(name)),
                             HC_ERR_EXISTS);
            assert_int_equal(pubsub_subscribe(&on.client, PUBSUB_SHARD, span(name)), HC_OK);
        }
        assert_int_equal(pubsub_names(on.node, PUBSUB_CHANNEL), NAMES);
        assert_int_equal(pubsub_sessions(on.node), 1);
        assert_true(pubsub_has_listeners(on.node));
        for (int i = 0; i < NAMES; i++) {
            (void)snprintf(name, sizeof name, "channel:%d", i);
            assert_int_equal(pubsub_listeners(on.node, PUBSUB_CHANNEL, span(name)), 1);
            if (i % 2 == round) continue;
            assert_true(pubsub_unsubscribe(&on.client, PUBSUB_CHANNEL, span(name)));
            assert_false(pubsub_unsubscribe(&on.client, PUBSUB_CHANNEL, span(name)));
            assert_int_equal(pubsub_listeners(on.node, PUBSUB_CHANNEL, span(name)), 0);
        }
        assert_int_equal(pubsub_count(&on.client, PUBSUB_CHANNEL), NAMES / 2);
        pubsub_end(&on.client);
        assert_int_equal(pubsub_names(on.node, PUBSUB_CHANNEL), 0);
        assert_int_equal(pubsub_names(on.node, PUBSUB_SHARD), 0);
        assert_int_equal(pubsub_sessions(on.node), 0);
        assert_false(pubsub_has_listeners(on.node));
    }
    test_client_fini(&on);
}

/* ---- several threads: publishers, and a session that comes and goes beside two that listen ----
 */

enum { PUBLISHERS = 2, MESSAGES = 3000 };

typedef struct publisher {
    node *on;
    int number;
    pthread_t thread;
} publisher;

static void *publish_all(void *ctx)
{
    const publisher *me = ctx;
    for (int i = 0; i < MESSAGES; i++) {
        char payload[32];
        (void)snprintf(payload, sizeof payload, "%d", me->number * MESSAGES + i);
        (void)pubsub_publish(me->on, PUBSUB_CHANNEL, span("news"), span(payload));
    }
    return NULL;
}

/* Notes the payloads in their order. */
typedef struct noting_reply {
    reply base;
    int *payloads;
    size_t count;
    char last[64];
    size_t last_bytes;
} noting_reply;

static uint8_t *note_bulk(reply *to, size_t size)
{
    noting_reply *of = (noting_reply *)(void *)to;
    assert_true(size < sizeof of->last);
    of->last_bytes = size;
    memset(of->last, 0, sizeof of->last);
    return (uint8_t *)of->last;
}

static void note_push(reply *to, size_t count)
{
    noting_reply *of = (noting_reply *)(void *)to;
    (void)count;
    if (of->last_bytes > 0) of->payloads[of->count++] = atoi(of->last);
}

static size_t note_pending(const reply *to)
{
    (void)to;
    return 0;
}

static const reply_ops noting = {.push = note_push, .bulk = note_bulk, .pending = note_pending};

static void listen_to_all(session *who, noting_reply *to)
{
    if (push_waits(who)) push_deliver(who, &to->base, SOFT);
}

static void test_all_subscribers_see_one_order(void **state)
{
    (void)state;
    test_client on;
    session other, passer;
    test_client_init(&on, NULL);
    session_init(&other, on.node, &(session_options){.descriptor = -1});
    session *listeners[] = {&on.client, &other};
    static int payloads[2][PUBLISHERS * MESSAGES + 1];
    noting_reply replies[2];
    for (int i = 0; i < 2; i++) {
        replies[i] = (noting_reply){.base = {.ops = &noting, .protocol = 3}};
        replies[i].payloads = payloads[i];
    }
    /* One by the channel, one by a pattern. */
    assert_int_equal(pubsub_subscribe(listeners[0], PUBSUB_CHANNEL, span("news")), HC_OK);
    assert_int_equal(pubsub_subscribe(listeners[1], PUBSUB_PATTERN, span("n*")), HC_OK);
    publisher publishers[PUBLISHERS];
    for (int i = 0; i < PUBLISHERS; i++) {
        publishers[i] = (publisher){.on = on.node, .number = i};
        assert_int_equal(pthread_create(&publishers[i].thread, NULL, publish_all, &publishers[i]),
                         0);
    }
    size_t want = PUBLISHERS * MESSAGES - 1; /* the last is noted when another follows */
    while (replies[0].count < want || replies[1].count < want) {
        session_init(&passer, on.node, &(session_options){.descriptor = -1});
        assert_int_equal(pubsub_subscribe(&passer, PUBSUB_CHANNEL, span("news")), HC_OK);
        assert_int_equal(pubsub_subscribe(&passer, PUBSUB_PATTERN, span("*")), HC_OK);
        for (int i = 0; i < 2; i++)
            listen_to_all(listeners[i], &replies[i]);
        session_fini(&passer);
    }
    for (int i = 0; i < PUBLISHERS; i++)
        assert_int_equal(pthread_join(publishers[i].thread, NULL), 0);
    assert_memory_equal(payloads[0], payloads[1], want * sizeof(int));
    int next[PUBLISHERS] = {0};
    for (size_t i = 0; i < want; i++)
        assert_int_equal(payloads[0][i] % MESSAGES, next[payloads[0][i] / MESSAGES]++);
    session_fini(&other);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_count_channels_with_patterns_and_shard_channels_alone),
        cmocka_unit_test(test_resp2_subscribers_may_do_little_else),
        cmocka_unit_test(test_resp3_subscribers_get_their_own_messages_after_the_reply),
        cmocka_unit_test(test_in_a_transaction_messages_come_behind_its_reply),
        cmocka_unit_test(test_pubsub_tells_who_listens),
        cmocka_unit_test(test_nothing_comes_for_a_channel_after_it_was_left),
        cmocka_unit_test(test_thousands_of_names_are_found_and_forgotten),
        cmocka_unit_test(test_all_subscribers_see_one_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
