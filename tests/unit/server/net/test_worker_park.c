/*
 * test_worker_park.c - commands that are held back go on when their time has come, when somebody
 * says so, and are forgotten with a client that leaves.
 */
#include "unit/server/net/node_fixture.h"

static void test_what_a_pause_holds_back_runs_when_it_ends(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int admin = client_open(), writer = client_open(), reader = client_open();
    say(admin, "CLIENT PAUSE 1000000 WRITE\r\n");
    expect(admin, "+OK\r\n");
    say(writer, "GET k\r\nSET k 1\r\nGET k\r\n");
    expect(writer, "$-1\r\n"); /* up to the first that may not run */
    served_until(&s, served_parked, 1);
    say(reader, "GET k\r\n");
    expect(reader, "$-1\r\n");
    assert_true(is_silent(writer));
    say(admin, "CLIENT UNPAUSE\r\n");
    expect(admin, "+OK\r\n");
    expect(writer, "+OK\r\n$1\r\n1\r\n");
    served_until(&s, served_parked, 0);
    (void)close(admin);
    (void)close(writer);
    (void)close(reader);
    served_stop(&s);
}

static void test_a_pause_ends_by_itself(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int admin = client_open(), other = client_open();
    say(admin, "CLIENT PAUSE 50 ALL\r\n");
    expect(admin, "+OK\r\n");
    say(other, "SET k 1\r\n");
    expect(other, "+OK\r\n");
    (void)close(admin);
    (void)close(other);
    served_stop(&s);
}

static void test_wait_ends_in_time_or_when_it_is_let_go(void **state)
{
    (void)state;
    served s;
    served_start(&s, false);
    int admin = client_open(), other = client_open();
    say(other, "WAIT 1 0\r\nPING\r\n");
    served_until(&s, served_parked, 1);
    assert_true(is_silent(other));
    say(admin, "CLIENT UNBLOCK 2\r\n");
    expect(admin, ":1\r\n");
    expect(other, ":0\r\n+PONG\r\n");
    say(other, "WAIT 1 20\r\nPING\r\n");
    expect(other, ":0\r\n+PONG\r\n");
    (void)close(admin);
    (void)close(other);
    served_stop(&s);
}

static bool two_connected(void *ctx)
{
    (void)ctx;
    return net_connections(server) == 2;
}

/* The one in the middle of three; nothing is read from it meanwhile, so it has to be found. */
static void test_a_client_that_leaves_while_it_waits_is_found(void **state)
{
    (void)state;
    served s;
    int fds[3];
    served_start(&s, false);
    for (uint64_t i = 0; i < 3; i++) {
        fds[i] = client_open();
        say(fds[i], "WAIT 1 0\r\n");
        served_until(&s, served_parked, i + 1);
    }
    (void)close(fds[1]);
    assert_true(test_wait_until(two_connected, NULL));
    served_until(&s, served_parked, 2);
    int admin = client_open();
    say(admin, "CLIENT UNBLOCK 1\r\nCLIENT UNBLOCK 3\r\n");
    expect(admin, ":1\r\n:1\r\n");
    expect(fds[0], ":0\r\n");
    expect(fds[2], ":0\r\n");
    (void)close(fds[0]);
    (void)close(fds[2]);
    (void)close(admin);
    served_stop(&s);
}

static bool asked_for_one(void *ctx)
{
    served *s = ctx;
    return atomic_load(&s->tickets) == 1;
}

static void test_save_is_answered_when_its_snapshot_is_over(void **state)
{
    (void)state;
    served s;
    served_start(&s, true);
    int fd = client_open();
    say(fd, "SAVE\r\nPING\r\n");
    assert_true(test_wait_until(asked_for_one, &s));
    served_until(&s, served_parked, 1);
    assert_true(is_silent(fd));
    durable_snapshot_ended(s.node, 1, HC_OK);
    durable_told(s.node);
    expect(fd, "+OK\r\n+PONG\r\n");
    served_until(&s, served_parked, 0);
    (void)close(fd);
    served_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_pause_holds_back_runs_when_it_ends),
        cmocka_unit_test(test_a_pause_ends_by_itself),
        cmocka_unit_test(test_wait_ends_in_time_or_when_it_is_let_go),
        cmocka_unit_test(test_a_client_that_leaves_while_it_waits_is_found),
        cmocka_unit_test(test_save_is_answered_when_its_snapshot_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
