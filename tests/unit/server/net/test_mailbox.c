/*
 * test_mailbox.c - messages arrive in order, from many threads, and a place is kept for the last.
 */
#include "support/test.h"

#include <poll.h>
#include <pthread.h>

#include "net/mailbox.h"

static bool is_awake(const mailbox *box)
{
    struct pollfd on = {.fd = box->wake_fd, .events = POLLIN};
    return poll(&on, 1, 0) == 1;
}

static void test_messages_come_in_order_and_wake_their_reader(void **state)
{
    (void)state;
    mailbox box;
    message taken[MAILBOX_MESSAGES_MAX];
    assert_true(mailbox_init(&box));
    assert_false(is_awake(&box));
    assert_int_equal(mailbox_take(&box, taken), 0);
    for (uint64_t id = 1; id <= 3; id++)
        assert_true(mailbox_post(&box, (message){.kind = MESSAGE_KILL, .id = id}));
    assert_true(is_awake(&box));
    assert_int_equal(mailbox_take(&box, taken), 3);
    for (uint64_t id = 1; id <= 3; id++)
        assert_int_equal(taken[id - 1].id, id);
    assert_false(is_awake(&box));
    mailbox_fini(&box);
}

static void test_a_full_mailbox_still_takes_the_order_to_drain(void **state)
{
    (void)state;
    mailbox box;
    message taken[MAILBOX_MESSAGES_MAX];
    assert_true(mailbox_init(&box));
    for (unsigned i = 0; i < MAILBOX_MESSAGES_MAX - 1; i++)
        assert_true(mailbox_post(&box, (message){.kind = MESSAGE_KILL}));
    assert_false(mailbox_post(&box, (message){.kind = MESSAGE_KILL}));
    assert_true(mailbox_post(&box, (message){.kind = MESSAGE_DRAIN}));
    assert_false(mailbox_post(&box, (message){.kind = MESSAGE_DRAIN}));
    assert_int_equal(mailbox_take(&box, taken), MAILBOX_MESSAGES_MAX);
    assert_int_equal(taken[MAILBOX_MESSAGES_MAX - 1].kind, MESSAGE_DRAIN);
    mailbox_fini(&box);
}

#define POSTS 2000u

static void *post_many(void *ctx)
{
    for (uint64_t id = 0; id < POSTS; id++) {
        while (!mailbox_post(ctx, (message){.kind = MESSAGE_KILL, .id = id}))
            (void)poll(NULL, 0, 1); /* full: the reader is behind */
    }
    return NULL;
}

static void test_no_message_of_many_threads_is_lost(void **state)
{
    (void)state;
    mailbox box;
    message taken[MAILBOX_MESSAGES_MAX];
    pthread_t threads[3];
    assert_true(mailbox_init(&box));
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &box), 0);
    uint64_t count = 0, sum = 0;
    while (count < 3 * POSTS) {
        struct pollfd on = {.fd = box.wake_fd, .events = POLLIN};
        assert_int_equal(poll(&on, 1, 30000), 1);
        size_t got = mailbox_take(&box, taken);
        for (size_t i = 0; i < got; i++)
            sum += taken[i].id;
        count += got;
    }
    assert_int_equal(sum, 3 * (uint64_t)POSTS * (POSTS - 1) / 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    mailbox_fini(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_come_in_order_and_wake_their_reader),
        cmocka_unit_test(test_a_full_mailbox_still_takes_the_order_to_drain),
        cmocka_unit_test(test_no_message_of_many_threads_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
