/*
 * test_connection_lend.c - a large value, sent from where it lies, comes whole and in its place
 * among the replies, whatever becomes of its key and of its client meanwhile.
 */
#include "unit/server/net/node_fixture.h"

#define VALUE_BYTES ((size_t)6 << 20) /* more than the sockets of one connection hold */

static char *value_make(char fill)
{
    char *value = malloc(VALUE_BYTES);
    assert_non_null(value);
    memset(value, fill, VALUE_BYTES);
    memcpy(value + VALUE_BYTES / 2, "\r\n$3\r\n", 6);
    return value;
}

static void set_large(int fd, const char *key, const char *value)
{
    char head[96];
    int size = snprintf(head, sizeof head, "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(key),
                        key, VALUE_BYTES);
    client_send(fd, head, (size_t)size);
    client_send(fd, value, VALUE_BYTES);
    say(fd, "\r\n");
    expect(fd, "+OK\r\n");
}

static void expect_large(int fd, const char *value)
{
    char head[32], *got = malloc(VALUE_BYTES);
    assert_non_null(got);
    (void)snprintf(head, sizeof head, "$%zu\r\n", VALUE_BYTES);
    expect(fd, head);
    client_read(fd, got, VALUE_BYTES);
    assert_memory_equal(got, value, VALUE_BYTES);
    expect(fd, "\r\n");
    free(got);
}

/* What the store has in blocks of their own, those given back by and by left out. */
static bool none_is_large(void *ctx)
{
    served *s = ctx;
    hc_store *store = node_store(s->node, 0);
    hc_store_stats stats = {.size = sizeof stats};
    (void)hc_store_maintain(store, 0); /* what a flush left */
    (void)hc_store_bury(store, SIZE_MAX);
    hc_store_stats_get(store, &stats);
    return stats.extent_bytes == 0;
}

static void test_it_comes_whole_among_other_replies(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int fd = client_open();
    char *value = value_make('a');
    set_large(fd, "k", value);
    say(fd, "PING\r\nGET k\r\nPING\r\nGET k\r\nGET k\r\nPING\r\n");
    expect(fd, "+PONG\r\n");
    expect_large(fd, value);
    expect(fd, "+PONG\r\n");
    expect_large(fd, value);
    expect_large(fd, value);
    expect(fd, "+PONG\r\n");
    say(fd, "MULTI\r\nGET k\r\nPING\r\nEXEC\r\n");
    expect(fd, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n");
    expect_large(fd, value);
    expect(fd, "+PONG\r\n");
    free(value);
    (void)close(fd);
    served_stop(&s);
}

/* Several of one command, and parts of one. */
static void test_every_command_that_answers_with_values_lends_them(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int fd = client_open();
    char *one = value_make('1'), *two = value_make('2');
    set_large(fd, "a", one);
    set_large(fd, "b", two);
    say(fd, "MGET a none b\r\nPING\r\n");
    expect(fd, "*3\r\n");
    expect_large(fd, one);
    expect(fd, "$-1\r\n");
    expect_large(fd, two);
    expect(fd, "+PONG\r\n");
    say(fd, "MULTI\r\nGET b\r\nSET b small\r\nGET a\r\nGET b\r\nEXEC\r\n");
    expect(fd, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n");
    expect_large(fd, two);
    expect(fd, "+OK\r\n");
    expect_large(fd, one);
    expect(fd, "$5\r\nsmall\r\n");
    say(fd, "GETEX a PERSIST\r\nGETRANGE a 0 -1\r\nSET a x GET\r\nGET a\r\n");
    expect_large(fd, one);
    expect_large(fd, one);
    expect_large(fd, one);
    expect(fd, "$1\r\nx\r\n");
    set_large(fd, "b", two);
    say(fd, "SET b y XX GET EX 0\r\nGETDEL b\r\nEXISTS b\r\n");
    expect(fd, "-ERR invalid expire time in 'set' command\r\n");
    expect_large(fd, two);
    expect(fd, ":0\r\n");
    assert_true(test_wait_until(none_is_large, &s));
    free(one);
    free(two);
    (void)close(fd);
    served_stop(&s);
}

static void test_a_part_is_lent_as_the_whole_is(void **state)
{
    (void)state;
    enum { FIRST = 7, SIZE = 4 << 20 };
    served s;
    served_start(&s, false);
    int fd = client_open();
    char *value = value_make('r'), *got = malloc(SIZE), words[64], head[32];
    assert_non_null(got);
    set_large(fd, "k", value);
    (void)snprintf(words, sizeof words, "GETRANGE k %d %d\r\nDEL k\r\n", FIRST, FIRST + SIZE - 1);
    (void)snprintf(head, sizeof head, "$%d\r\n", SIZE);
    say(fd, words);
    expect(fd, head);
    client_read(fd, got, SIZE);
    assert_memory_equal(got, value + FIRST, SIZE);
    expect(fd, "\r\n:1\r\n");
    assert_true(test_wait_until(none_is_large, &s));
    free(got);
    free(value);
    (void)close(fd);
    served_stop(&s);
}

static void test_a_value_that_is_gone_meanwhile_is_sent_as_it_was(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int slow = client_open(), other = client_open();
    char *before = value_make('b'), *after = value_make('c');
    set_large(other, "overwritten", before);
    set_large(other, "deleted", before);
    say(slow, "GET overwritten\r\nGET deleted\r\n");
    served_until(&s, served_commands, 3); /* the first is on its way, the second waits for it */
    set_large(other, "overwritten", after);
    expect_large(slow, before);
    expect_large(slow, before);
    say(slow, "GET deleted\r\n");
    served_until(&s, served_commands, 6);
    say(other, "FLUSHALL\r\nPING\r\n");
    expect(other, "+OK\r\n+PONG\r\n");
    expect_large(slow, before);
    assert_true(test_wait_until(none_is_large, &s));
    free(before);
    free(after);
    (void)close(slow);
    (void)close(other);
    served_stop(&s);
}

static bool one_connected(void *ctx)
{
    (void)ctx;
    return net_connections(server) == 1;
}

static void test_a_client_that_leaves_in_the_middle_gives_the_value_up(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int fd = client_open(), leaves = client_open();
    char *value = value_make('d');
    set_large(fd, "k", value);
    say(leaves, "GET k\r\n");
    served_until(&s, served_commands, 2);
    say(fd, "DEL k\r\n");
    expect(fd, ":1\r\n");
    (void)close(leaves);
    assert_true(test_wait_until(one_connected, NULL));
    assert_true(test_wait_until(none_is_large, &s));
    assert_serves();
    free(value);
    (void)close(fd);
    served_stop(&s);
}

/* As set_large, between MULTI and EXEC; +OK is not expected. */
static void queue_large(int fd, const char *value)
{
    char head[96];
    int size =
        snprintf(head, sizeof head, "MULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", VALUE_BYTES);
    client_send(fd, head, (size_t)size);
    client_send(fd, value, VALUE_BYTES);
    say(fd, "\r\n");
    expect(fd, "+OK\r\n+QUEUED\r\n");
}

static void test_a_transaction_keeps_the_block_that_a_value_came_in(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int fd = client_open();
    char *value = value_make('f');
    queue_large(fd, value);
    say(fd, "GET k\r\nEXEC\r\nGET k\r\n");
    expect(fd, "+QUEUED\r\n*2\r\n+OK\r\n");
    expect_large(fd, value);
    expect_large(fd, value);
    queue_large(fd, value);
    say(fd, "DISCARD\r\nGET k\r\n");
    expect(fd, "+OK\r\n");
    expect_large(fd, value);
    int leaves = client_open();
    queue_large(leaves, value);
    (void)close(leaves);
    assert_true(test_wait_until(one_connected, NULL));
    say(fd, "DEL k\r\n");
    expect(fd, ":1\r\n");
    assert_true(test_wait_until(none_is_large, &s));
    free(value);
    (void)close(fd);
    served_stop(&s);
}

/* The block that a request arrives in goes back with its client, too. */
static void test_a_client_that_leaves_while_it_sends_leaves_nothing(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int fd = client_open();
    char *value = value_make('e'), head[64];
    int size = snprintf(head, sizeof head, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", VALUE_BYTES);
    client_send(fd, head, (size_t)size);
    client_send(fd, value, VALUE_BYTES - 1);
    (void)close(fd);
    assert_true(test_wait_until(none_connected, NULL));
    assert_true(test_wait_until(none_is_large, &s));
    int other = client_open();
    say(other, "EXISTS k\r\n");
    expect(other, ":0\r\n");
    free(value);
    (void)close(other);
    served_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_comes_whole_among_other_replies),
        cmocka_unit_test(test_every_command_that_answers_with_values_lends_them),
        cmocka_unit_test(test_a_part_is_lent_as_the_whole_is),
        cmocka_unit_test(test_a_value_that_is_gone_meanwhile_is_sent_as_it_was),
        cmocka_unit_test(test_a_client_that_leaves_in_the_middle_gives_the_value_up),
        cmocka_unit_test(test_a_transaction_keeps_the_block_that_a_value_came_in),
        cmocka_unit_test(test_a_client_that_leaves_while_it_sends_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
