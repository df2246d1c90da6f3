/*
 * test_net_push.c - messages that clients get without having asked, over real sockets and several
 * workers: in order, in each one's protocol, without a slow reader being felt by others.
 */
#include "unit/server/net/net_fixture.h"

enum { CLIENTS = 8, BYTES = 1000 };

static int listen_on(const char *hello)
{
    int fd = client_open();
    say(fd, hello);
    say(fd, "LISTEN\r\n");
    expect(fd, *hello == '\0' ? "+OK\r\n" : "_\r\n+OK\r\n");
    return fd;
}

/* The next message, of 8 digits, as a number. */
static int next_told(int fd, const char *head)
{
    char digits[11] = "";
    expect(fd, head);
    client_read(fd, digits, 10);
    return atoi(digits);
}

static void test_every_listener_gets_every_message_in_its_protocol(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    net_options options = options_make();
    options.workers = 4;
    start(&options);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = listen_on(i % 2 == 0 ? "" : "HELLO 3\r\n");
    int teller = client_open();
    for (int i = 0; i < COUNT / 3; i++)
        say(teller, "TELL 3 8\r\n");
    for (int i = 0; i < COUNT / 3; i++)
        expect(teller, ":24\r\n");
    for (int i = 0; i < CLIENTS; i++) {
        int first = 0;
        for (int m = 0; m < COUNT; m++) {
            int told = next_told(fds[i], i % 2 == 0 ? "*1\r\n$8\r\n" : ">1\r\n$8\r\n");
            if (m == 0) first = told;
            assert_int_equal(told, first + m);
        }
        say(fds[i], "PING\r\n");
        expect(fds[i], "+PONG\r\n");
        (void)close(fds[i]);
    }
    (void)close(teller);
    stop();
    assert_int_equal(the_node.push_bytes, 0);
}

static void test_a_teller_hears_itself_between_replies(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = listen_on("HELLO 3\r\n");
    char got[256];
    say(fd, "TELL 1 8\r\nPING\r\nTELL 1 8\r\nQUIT\r\n");
    size_t size = 0;
    for (ssize_t more; (more = recv(fd, got + size, sizeof got - 1 - size, 0)) > 0;)
        size += (size_t)more;
    got[size] = '\0';
    assert_non_null(strstr(got, ":1\r\n"));
    assert_non_null(strstr(got, "+PONG\r\n"));
    assert_string_equal(got + size - 5, "+OK\r\n");
    (void)close(fd);
    stop();
}

static bool one_left(void *ctx)
{
    (void)ctx;
    return net_connections(server) == 2; /* the teller and the quick one */
}

static void test_who_does_not_read_is_closed_and_the_others_get_all(void **state)
{
    (void)state;
    enum { TURNS = 100, PER_TURN = 100 };
    net_options options = options_make();
    start(&options);
    push_limits_set(&the_node, (push_limits){.hard_bytes = 4u << 20});
    uint64_t closed = 0;
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        closed += counters[i].push_overflows;
    int slow = listen_on(""), quick = listen_on(""), teller = client_open();
    char *got = malloc(BYTES + 32);
    assert_non_null(got);
    int told = -1;
    for (int turn = 0; turn < TURNS; turn++) { /* 10 MB in all */
        say(teller, "TELL 100 1000\r\n");
        for (int i = 0; i < PER_TURN; i++) {
            client_read(quick, got, BYTES + 13);
            int number = atoi(got + 11 + BYTES - 9);
            if (told >= 0) assert_int_equal(number, told + 1);
            told = number;
        }
        for (char c = ':'; c != '\n';) /* 100 or 200 */
            client_read(teller, &c, 1);
    }
    assert_true(test_wait_until(one_left, NULL));
    (void)read_to_end(slow);
    (void)close(slow);
    say(quick, "PING\r\n");
    expect(quick, "+PONG\r\n");
    (void)close(quick);
    (void)close(teller);
    free(got);
    stop();
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        closed -= counters[i].push_overflows;
    assert_int_equal(closed, (uint64_t)-1); /* one more than before */
    assert_true(test_log_has(&logged, "too much waited for a client that does not read"));
    assert_int_equal(the_node.push_bytes, 0);
}

/* A pipeline that tells more than PUSH_CONGESTED_COUNT at once waits for those who listen. */
static void test_a_teller_cannot_outrun_its_listeners(void **state)
{
    (void)state;
    enum { TELLS = 400, EACH = 200 };
    net_options options = options_make();
    start(&options);
    int fd = listen_on(""), teller = client_open();
    for (int i = 0; i < TELLS; i++)
        say(teller, "TELL 200 8\r\n");
    int first = next_told(fd, "*1\r\n$8\r\n");
    for (int m = 1; m < TELLS * EACH; m++)
        assert_int_equal(next_told(fd, "*1\r\n$8\r\n"), first + m);
    for (int i = 0; i < TELLS; i++)
        expect(teller, ":200\r\n");
    (void)close(fd);
    (void)close(teller);
    assert_true(test_wait_until(none_connected, NULL));
    stop();
}

static void test_listeners_come_and_go_while_told(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    net_options options = options_make();
    start(&options);
    int teller = client_open();
    for (int round = 0; round < ROUNDS; round++) {
        int fds[3];
        for (int i = 0; i < 3; i++)
            fds[i] = listen_on("");
        say(teller, "TELL 50 8\r\nTELL 50 8\r\n");
        (void)close(fds[0]);
        say(fds[1], "QUIT\r\n");
        for (int m = 0; m < 100; m++)
            (void)next_told(fds[2], "*1\r\n$8\r\n");
        (void)read_to_end(fds[1]);
        (void)close(fds[1]);
        (void)close(fds[2]);
    }
    (void)close(teller);
    stop();
    assert_int_equal(the_node.push_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_listener_gets_every_message_in_its_protocol),
        cmocka_unit_test(test_a_teller_hears_itself_between_replies),
        cmocka_unit_test(test_who_does_not_read_is_closed_and_the_others_get_all),
        cmocka_unit_test(test_a_teller_cannot_outrun_its_listeners),
        cmocka_unit_test(test_listeners_come_and_go_while_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
