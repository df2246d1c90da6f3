/*
 * test_worker_heavy.c - who asks for much waits until all others that are ready were served, and
 * comes through all the same.
 *
 * HOLD keeps the only worker while requests arrive, so that it finds them all in one look.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "unit/server/net/net_fixture.h"

#define PING_REQUEST "*1\r\n$4\r\nPING\r\n"
#define PONG_BYTES (sizeof "+PONG\r\n" - 1)
#define MUCH 1000u /* requests, which are more than makes a client heavy */

static void start_alone(void)
{
    net_options options = options_make();
    options.workers = 1;
    start(&options);
}

/* All that the client sent lies at the server's end. */
static bool arrived(void *ctx)
{
    int unacknowledged;
    assert_int_equal(ioctl(*(int *)ctx, SIOCOUTQ, &unacknowledged), 0);
    return unacknowledged == 0;
}

static void ask(int fd, const char *words, size_t times)
{
    size_t bytes = strlen(words);
    char *text = malloc(bytes * times);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * bytes, words, bytes);
    client_send(fd, text, bytes * times);
    assert_true(test_wait_until(arrived, &fd));
    free(text);
}

static void expect_pongs(int fd, size_t times)
{
    char got[PONG_BYTES];
    for (size_t i = 0; i < times; i++) {
        client_read(fd, got, PONG_BYTES);
        assert_memory_equal(got, "+PONG\r\n", PONG_BYTES);
    }
}

static void worker_hold(int holder)
{
    say(holder, "HOLD\r\n");
    assert_true(test_wait_until(one_held, NULL));
}

static void worker_release(int holder)
{
    held_release();
    expect(holder, "+OK\r\n");
}

/* Its client is known to ask for much from then on. */
static void make_heavy(int fd, int holder)
{
    worker_hold(holder);
    ask(fd, PING_REQUEST, MUCH);
    worker_release(holder);
    expect_pongs(fd, MUCH);
}

static void test_who_asks_for_little_comes_first(void **state)
{
    (void)state;
    char want[32];
    start_alone();
    int heavy = client_open(), light = client_open(), holder = client_open();
    make_heavy(heavy, holder);
    worker_hold(holder);
    uint64_t ran = requests_run;
    ask(heavy, PING_REQUEST, MUCH);
    ask(light, "*1\r\n$3\r\nRAN\r\n", 1); /* the later of the two */
    worker_release(holder);
    (void)snprintf(want, sizeof want, ":%u\r\n", (unsigned)ran + 1); /* that is HOLD */
    expect(light, want);
    expect_pongs(heavy, MUCH);
    (void)close(heavy);
    (void)close(light);
    (void)close(holder);
    stop();
}

static void test_all_who_ask_for_much_come_through(void **state)
{
    (void)state;
    enum { CLIENTS = 4, ROUNDS = 20 };
    int heavy[CLIENTS];
    start_alone();
    int light = client_open(), holder = client_open();
    for (unsigned i = 0; i < CLIENTS; i++) {
        heavy[i] = client_open();
        make_heavy(heavy[i], holder);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            ask(heavy[i], PING_REQUEST, MUCH);
        ask(light, PING_REQUEST, 1);
        expect_pongs(light, 1);
        for (unsigned i = 0; i < CLIENTS; i++)
            expect_pongs(heavy[i], MUCH);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        (void)close(heavy[i]);
    (void)close(light);
    (void)close(holder);
    stop();
}

static bool two_connected(void *ctx)
{
    (void)ctx;
    return net_connections(server) == 2;
}

static uint64_t id_of(int fd)
{
    char digits[24] = "";
    size_t count = 0;
    say(fd, "ID\r\n");
    expect(fd, ":");
    do
        client_read(fd, &digits[count], 1);
    while (digits[count++] != '\n' && count < sizeof digits - 1);
    return strtoull(digits, NULL, 10);
}

/* Its turn was put off, and then it was killed by another's command. */
static void test_one_that_is_gone_before_its_turn_has_none(void **state)
{
    (void)state;
    start_alone();
    int heavy = client_open(), light = client_open(), holder = client_open();
    uint64_t id = id_of(heavy);
    make_heavy(heavy, holder);
    worker_hold(holder);
    ask(heavy, PING_REQUEST, MUCH);
    assert_true(net_kill_client(server, id)); /* in the same look of the worker's */
    ask(light, PING_REQUEST, 1);
    worker_release(holder);
    expect_pongs(light, 1);
    assert_true(test_wait_until(two_connected, NULL));
    (void)close(heavy);
    (void)close(light);
    (void)close(holder);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asks_for_little_comes_first),
        cmocka_unit_test(test_all_who_ask_for_much_come_through),
        cmocka_unit_test(test_one_that_is_gone_before_its_turn_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
