/*
 * test_pubsub_memory.c - subscribing and publishing fail one allocation after another: each time it
 * is said, nothing is half done, and no message is lost without its client being told.
 */
#include "command/pubsub.h"

#include "command/push.h"
#include "support/test_client.h"
#include "unit/server/short_memory.h"

enum { GRANTS_MAX = 50, SOFT = 1 << 20 };

static void test_a_subscription_without_memory_is_refused_whole(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    size_t refused = 0;
    bool done = false;
    for (size_t grants = 0; !done; grants++) {
        assert_true(grants < GRANTS_MAX);
        test_client on;
        test_client_init(&on, NULL);
        memory_grants = grants;
        hc_status status = pubsub_subscribe(&on.client, PUBSUB_CHANNEL, span("news"));
        memory_grants = SIZE_MAX;
        done = status == HC_OK;
        if (!done) assert_int_equal(status, HC_ERR_NO_MEMORY);
        refused += !done;
        assert_int_equal(pubsub_listeners(on.node, PUBSUB_CHANNEL, span("news")), done);
        assert_int_equal(pubsub_names(on.node, PUBSUB_CHANNEL), done);
        assert_int_equal(pubsub_count(&on.client, PUBSUB_CHANNEL), done);
        assert_int_equal(pubsub_sessions(on.node), done);
        if (!done) test_client_expect(&on, "SUBSCRIBE news", ">3 \"subscribe\" \"news\" :1");
        assert_int_equal(pubsub_publish(on.node, PUBSUB_CHANNEL, span("news"), span("m")), 1);
        test_client_fini(&on);
    }
    assert_true(refused >= 5); /* its table, buckets, inbox, the subscription, the topic */
}

/* A message that cannot be made or kept closes the client it was for: it would miss it unknowingly.
 */
static void test_a_message_without_memory_closes_its_client(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    size_t closed = 0;
    bool done = false;
    for (size_t grants = 0; !done; grants++) {
        assert_true(grants < GRANTS_MAX);
        test_client on;
        test_client_init(&on, NULL);
        test_client_expect(&on, "SUBSCRIBE news", ">3 \"subscribe\" \"news\" :1");
        memory_grants = grants;
        size_t posted = pubsub_publish(on.node, PUBSUB_CHANNEL, span("news"), span("m"));
        memory_grants = SIZE_MAX;
        done = posted == 1;
        closed += !done;
        assert_int_equal(push_overflowed(&on.client, 1), !done);
        assert_ptr_equal(push_next(on.node, 0), &on.client);
        test_reply_clear(&on.reply);
        push_deliver(&on.client, &on.reply.base, SOFT);
        if (done) assert_string_equal(test_reply_text(&on.reply), ">3 \"message\" \"news\" \"m\"");
        test_client_fini(&on);
    }
    assert_true(closed >= 2); /* the message, the queue */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_subscription_without_memory_is_refused_whole),
        cmocka_unit_test(test_a_message_without_memory_closes_its_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
