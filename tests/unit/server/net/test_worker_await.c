/*
 * test_worker_await.c - under sync `always` no reply leaves before the log has what it tells of,
 * and every reply leaves then.
 */
#include "unit/server/net/node_fixture.h"

static void test_replies_of_writes_wait_for_the_log(void **state)
{
    (void)state;
    served s;
    served_start(&s, true);
    int first = client_open(), second = client_open();
    say(first, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    served_until(&s, served_commands, 2);
    say(second, "SET b 2\r\n");
    served_until(&s, served_commands, 3);
    assert_true(is_silent(first));
    assert_true(is_silent(second));
    served_sync(&s);
    expect(first, "+OK\r\n$1\r\n1\r\n");
    expect(second, "+OK\r\n");
    (void)close(first);
    (void)close(second);
    served_stop(&s);
}

static void test_a_client_that_only_reads_does_not_wait(void **state)
{
    (void)state;
    served s;
    served_start(&s, true);
    int writer = client_open(), reader = client_open();
    say(writer, "SET a 1\r\n");
    served_until(&s, served_commands, 1);
    say(reader, "GET a\r\n");
    expect(reader, "$1\r\n1\r\n");
    assert_true(is_silent(writer));
    served_sync(&s);
    expect(writer, "+OK\r\n");
    (void)close(writer);
    (void)close(reader);
    served_stop(&s);
}

/* What arrives behind a write that waits is run when that is over. */
static void test_what_comes_behind_a_reply_that_waits_is_run_afterwards(void **state)
{
    (void)state;
    served s;
    served_start(&s, true);
    int fd = client_open();
    say(fd, "SET a 1\r\n");
    served_until(&s, served_commands, 1);
    say(fd, "APPEND a 2\r\nGET a\r\n");
    served_sync(&s);
    expect(fd, "+OK\r\n");
    served_until(&s, served_commands, 2);
    served_sync(&s);
    expect(fd, ":2\r\n$2\r\n12\r\n");
    (void)close(fd);
    served_stop(&s);
}

static void test_clients_that_wait_may_leave_in_any_order(void **state)
{
    (void)state;
    enum { CLIENTS = 5 };
    static const int leave[] = {2, 0, 4}; /* from the middle, the front and the end */
    served s;
    int fds[CLIENTS];
    served_start(&s, true);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_open();
        say(fds[i], "INCR n\r\n");
        served_until(&s, served_commands, (uint64_t)i + 1);
    }
    int killer = client_open();
    for (size_t i = 0; i < sizeof leave / sizeof leave[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "CLIENT KILL ID %d\r\n", leave[i] + 1);
        say(killer, line);
        expect(killer, ":1\r\n");
        expect_end(fds[leave[i]]);
    }
    assert_true(is_silent(fds[1]));
    served_sync(&s);
    expect(fds[1], ":2\r\n");
    expect(fds[3], ":4\r\n");
    (void)close(fds[1]);
    (void)close(fds[3]);
    (void)close(killer);
    served_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_of_writes_wait_for_the_log),
        cmocka_unit_test(test_a_client_that_only_reads_does_not_wait),
        cmocka_unit_test(test_what_comes_behind_a_reply_that_waits_is_run_afterwards),
        cmocka_unit_test(test_clients_that_wait_may_leave_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
