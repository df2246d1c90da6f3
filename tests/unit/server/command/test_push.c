/* test_push.c - messages to sessions: shared, in order, bounded, and safe to post to one that ends.
 */
#include <pthread.h>

#include "command/push.h"
#include "support/test_client.h"

enum { SOFT = 1 << 20 };

static push *message_of(node *on, const char *text)
{
    const push_item items[] = {push_head(3), push_bulk(HC_SPAN("message")), push_integer(-7),
                               push_bulk(hc_span_make(text, strlen(text)))};
    push *made = push_create(on, items, 4);
    assert_non_null(made);
    return made;
}

static void post(node *on, push_inbox *to, const char *text, bool taken)
{
    push *what = message_of(on, text);
    assert_int_equal(push_post(to, what), taken);
    push_release(what);
}

static size_t messages_alive_bytes(const node *on)
{
    return atomic_load(&on->push_bytes);
}

static void test_a_message_has_the_form_of_its_items(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    const push_item items[] = {push_head(4),          push_status(HC_SPAN("line")), push_null(),
                               push_array(2),         push_bulk(HC_SPAN("a\r\n")),  push_integer(9),
                               push_bulk(HC_SPAN(""))};
    push *what = push_create(on.node, items, 7);
    test_reply_clear(&on.reply);
    push_encode(what, &on.reply.base);
    assert_string_equal(test_reply_text(&on.reply), ">4 +line nil *2 \"a\\r\\n\" :9 \"\"");
    push_release(what);
    assert_int_equal(messages_alive_bytes(on.node), 0);
    test_client_fini(&on);
}

static void test_messages_come_once_after_the_reply_in_order(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    assert_false(push_waits(&on.client));
    push_inbox *inbox = push_inbox_of(&on.client);
    assert_ptr_equal(inbox, push_inbox_of(&on.client));
    assert_int_equal(push_inbox_session(inbox), on.client.id);
    post(on.node, inbox, "one", true);
    post(on.node, inbox, "two", true);
    assert_true(push_waits(&on.client));
    assert_ptr_equal(push_next(on.node, 0), &on.client);
    assert_null(push_next(on.node, 0));
    test_reply_clear(&on.reply);
    push_deliver(&on.client, &on.reply.base, SOFT);
    assert_string_equal(test_reply_text(&on.reply),
                        ">3 \"message\" :-7 \"one\" >3 \"message\" :-7 \"two\"");
    assert_false(push_waits(&on.client));
    assert_false(push_held(&on.client));
    assert_int_equal(messages_alive_bytes(on.node), 0);
    test_client_fini(&on);
}

static void test_a_post_to_a_session_that_is_gone_is_refused(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    session other;
    session_init(&other, on.node, &(session_options){.descriptor = -1});
    uint64_t id = other.id;
    push_inbox *inbox = push_inbox_find(on.node, id);
    assert_non_null(inbox);
    post(on.node, inbox, "waits", true);
    session_fini(&other);
    assert_int_equal(messages_alive_bytes(on.node), 0);
    post(on.node, inbox, "late", false);
    assert_null(push_inbox_find(on.node, id));
    assert_null(push_next(on.node, 0));
    push_inbox_release(inbox);
    test_client_fini(&on);
}

static void test_output_that_is_full_holds_messages_back(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    push_inbox *inbox = push_inbox_of(&on.client);
    for (int i = 0; i < 100; i++)
        post(on.node, inbox, "m", true);
    assert_ptr_equal(push_next(on.node, 0), &on.client);
    test_reply_clear(&on.reply);
    on.reply.pending = SOFT + 1;
    push_deliver(&on.client, &on.reply.base, SOFT);
    assert_int_equal(on.reply.size, 0);
    assert_true(push_held(&on.client));
    post(on.node, inbox, "last", true);
    assert_null(push_next(on.node, 0)); /* not listed while held */
    on.reply.pending = 0;
    push_deliver(&on.client, &on.reply.base, 3 * sizeof(push_item)); /* room for one */
    assert_string_equal(test_reply_text(&on.reply), ">3 \"message\" :-7 \"m\"");
    assert_true(push_held(&on.client));
    push_deliver(&on.client, &on.reply.base, SOFT);
    assert_false(push_held(&on.client));
    assert_non_null(strstr(test_reply_text(&on.reply), "\"last\""));
    post(on.node, inbox, "again", true);
    assert_ptr_equal(push_next(on.node, 0), &on.client);
    test_client_fini(&on);
}

static void test_past_the_hard_limit_the_client_is_to_be_closed(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    push_limits_set(on.node, (push_limits){.hard_bytes = 4096});
    push_inbox *inbox = push_inbox_of(&on.client);
    push *what = message_of(on.node, "m");
    size_t posted = 0;
    while (posted < 1000 && push_post(inbox, what))
        posted++;
    assert_in_range(posted, 4096 / (sizeof(push_item) * 8), 999);
    assert_true(push_overflowed(&on.client, 1));
    assert_ptr_equal(push_next(on.node, 0), &on.client);
    assert_false(push_post(inbox, what));
    push_release(what);
    test_client_fini(&on);
}

static void test_past_the_soft_limit_the_client_has_some_time(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    push_limits_set(on.node, (push_limits){.soft_bytes = 200, .soft_ms = 50});
    push_inbox *inbox = push_inbox_of(&on.client);
    uint64_t ms = 1000000, now = 7 * ms;
    post(on.node, inbox, "m", true);
    assert_false(push_overflowed(&on.client, now));
    post(on.node, inbox, "m", true);
    assert_false(push_overflowed(&on.client, now));
    assert_false(push_overflowed(&on.client, now + 49 * ms));
    test_reply_clear(&on.reply);
    push_deliver(&on.client, &on.reply.base, SOFT);
    assert_false(push_overflowed(&on.client, now + 51 * ms));
    post(on.node, inbox, "m", true);
    post(on.node, inbox, "m", true);
    assert_false(push_overflowed(&on.client, now + 60 * ms));
    assert_true(push_overflowed(&on.client, now + 110 * ms));
    post(on.node, inbox, "m", false);
    test_client_fini(&on);
}

static void test_the_budget_of_all_leaves_each_its_share(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    push_limits_set(on.node, (push_limits){0});
    push_inbox *inbox = push_inbox_of(&on.client);
    atomic_fetch_add(&on.node->push_bytes, PUSH_BYTES_MAX); /* someone else's */
    push *what = message_of(on.node, "m");
    size_t posted = 0, bytes = messages_alive_bytes(on.node) - PUSH_BYTES_MAX;
    while (posted * bytes <= PUSH_FAIR_BYTES && push_post(inbox, what))
        posted++;
    assert_int_equal(posted, PUSH_FAIR_BYTES / bytes);
    assert_true(push_overflowed(&on.client, 1));
    push_release(what);
    atomic_fetch_sub(&on.node->push_bytes, PUSH_BYTES_MAX);
    test_client_fini(&on);
}

static void test_a_worker_that_does_not_look_is_congested(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    push_inbox *inbox = push_inbox_of(&on.client);
    push *what = message_of(on.node, "m");
    assert_false(push_congested(on.node));
    for (size_t i = 0; i <= PUSH_CONGESTED_COUNT; i++)
        assert_true(push_post(inbox, what));
    assert_true(push_congested(on.node));
    on.reply.pending = SOFT + 1;
    push_deliver(&on.client, &on.reply.base, SOFT); /* a slow client is not the worker's fault */
    assert_false(push_congested(on.node));
    push_release(what);
    test_client_fini(&on);
}

/* ---- several threads ---- */

enum { POSTERS = 3, POSTS = 5000 };

typedef struct poster {
    node *on;
    push_inbox *to;
    int64_t number;
    pthread_t thread;
} poster;

static void *post_numbers(void *ctx)
{
    poster *me = ctx;
    for (int64_t i = 0; i < POSTS; i++) {
        const push_item item = push_integer(me->number * POSTS + i);
        push *what = push_create(me->on, &item, 1);
        assert_non_null(what);
        assert_true(push_post(me->to, what));
        push_release(what);
    }
    push_inbox_release(me->to);
    return NULL;
}

/* A reply that checks that the numbers of each poster rise by one. */
typedef struct order_reply {
    reply base;
    int64_t next[POSTERS];
    size_t count;
} order_reply;

static void order_integer(reply *to, int64_t value)
{
    order_reply *of = (order_reply *)(void *)to;
    assert_int_equal(value % POSTS, of->next[value / POSTS]++);
    of->count++;
}

static size_t order_pending(const reply *to)
{
    (void)to;
    return 0;
}

static void wake_count(void *ctx)
{
    atomic_fetch_add((_Atomic int *)ctx, 1);
}

static void test_posters_of_several_threads_keep_each_its_order(void **state)
{
    (void)state;
    static const reply_ops ops = {.integer = order_integer, .pending = order_pending};
    test_client on;
    test_client_init(&on, NULL);
    _Atomic int wakes = 0;
    push_attach(on.node, 0, wake_count, &wakes);
    order_reply sink = {.base = {.ops = &ops, .protocol = 3}};
    poster posters[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (poster){.on = on.node, .number = i};
        posters[i].to = push_inbox_find(on.node, on.client.id);
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_numbers, &posters[i]), 0);
    }
    while (sink.count < (size_t)POSTERS * POSTS) {
        if (push_next(on.node, 0) != NULL) push_deliver(&on.client, &sink.base, SOFT);
    }
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
    assert_false(push_waits(&on.client));
    assert_in_range(atomic_load(&wakes), 1, POSTERS * POSTS);
    assert_int_equal(messages_alive_bytes(on.node), 0);
    push_detach(on.node, 0);
    test_client_fini(&on);
}

static void *post_until_refused(void *ctx)
{
    poster *me = ctx;
    const push_item item = push_integer(0);
    push *what = push_create(me->on, &item, 1);
    assert_non_null(what);
    while (push_post(me->to, what))
        me->number++;
    push_release(what);
    return NULL;
}

static void test_a_session_may_end_while_others_post(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    for (int round = 0; round < 20; round++) {
        session other;
        session_init(&other, on.node, &(session_options){.descriptor = -1});
        poster me = {.on = on.node, .to = push_inbox_find(on.node, other.id)};
        assert_int_equal(pthread_create(&me.thread, NULL, post_until_refused, &me), 0);
        session_fini(&other);
        assert_int_equal(pthread_join(me.thread, NULL), 0);
        post(on.node, me.to, "late", false);
        push_inbox_release(me.to);
    }
    assert_int_equal(messages_alive_bytes(on.node), 0);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_has_the_form_of_its_items),
        cmocka_unit_test(test_messages_come_once_after_the_reply_in_order),
        cmocka_unit_test(test_a_post_to_a_session_that_is_gone_is_refused),
        cmocka_unit_test(test_output_that_is_full_holds_messages_back),
        cmocka_unit_test(test_past_the_hard_limit_the_client_is_to_be_closed),
        cmocka_unit_test(test_past_the_soft_limit_the_client_has_some_time),
        cmocka_unit_test(test_the_budget_of_all_leaves_each_its_share),
        cmocka_unit_test(test_a_worker_that_does_not_look_is_congested),
        cmocka_unit_test(test_posters_of_several_threads_keep_each_its_order),
        cmocka_unit_test(test_a_session_may_end_while_others_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
