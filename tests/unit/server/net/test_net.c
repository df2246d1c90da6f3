/*
 * test_net.c - requests in, replies out, over real sockets; clients that come, go and misbehave.
 */
#include "unit/server/net/net_fixture.h"

static void test_requests_of_both_kinds_are_answered(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    say(fd, "PING\r\n*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n\r\n*0\r\nECHO \"\\x41\"\r\nNO\r\n");
    expect(fd, "+PONG\r\n$3\r\na\r\n\r\n$1\r\nA\r\n-ERR unknown\r\n");
    say(fd, "HELLO 3\r\nHELLO 3\r\n");
    expect(fd, "_\r\n_\r\n");
    (void)close(fd);
    assert_true(test_wait_until(none_connected, NULL));
    stop();
}

static void test_both_loopback_addresses_are_served_by_default(void **state)
{
    (void)state;
    net_options options = options_make();
    options.bind = NULL;
    start(&options);
    assert_serves();
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(net_port(server)),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        say(fd, "PING\r\n");
        expect(fd, "+PONG\r\n");
    } else {
        assert_true(test_log_has(&logged, "no IPv6 here"));
    }
    if (fd >= 0) (void)close(fd);
    stop();
}

static void test_a_pipeline_is_answered_in_order_and_in_batches(void **state)
{
    (void)state;
    enum { COUNT = 20000, ROOM = 32 };
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    char *text = malloc((size_t)COUNT * ROOM), *got = malloc((size_t)COUNT * ROOM);
    assert_non_null(text);
    assert_non_null(got);
    size_t size = 0, want = 0;
    for (int i = 0; i < COUNT; i++)
        size += (size_t)sprintf(text + size, "*2\r\n$4\r\nECHO\r\n$5\r\n%05d\r\n", i);
    client_send(fd, text, size);
    for (int i = 0; i < COUNT; i++)
        want += (size_t)sprintf(text + want, "$5\r\n%05d\r\n", i);
    client_read(fd, got, want);
    assert_memory_equal(got, text, want);
    assert_true(batches_run < COUNT / 4);
    free(text);
    free(got);
    (void)close(fd);
    stop();
}

/* The place for arguments grows, and moves, for a request that then turns out to be unfinished. */
static void test_whole_requests_run_beside_a_longer_one_that_is_cut(void **state)
{
    (void)state;
    enum { ARGS = 5000, ARG_BYTES = 7 };
    static char text[64 + ARGS * ARG_BYTES];
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    size_t size = (size_t)sprintf(text, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*%d\r\n", ARGS);
    for (int i = 0; i < ARGS; i++, size += ARG_BYTES)
        memcpy(text + size, "$1\r\nx\r\n", ARG_BYTES);
    client_send(fd, text, size - 3);
    expect(fd, "$2\r\nhi\r\n");
    client_send(fd, text + size - 3, 3);
    expect(fd, "-ERR unknown\r\n");
    (void)close(fd);
    stop();
}

static void test_a_large_value_comes_and_goes_whole(void **state)
{
    (void)state;
    const size_t value = 24u << 20;
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    char *bytes = malloc(value), head[64];
    assert_non_null(bytes);
    memset(bytes, 'v', value);
    memcpy(bytes + value / 2, "\r\n*1\r\n", 6);
    int size = snprintf(head, sizeof head, "*2\r\n$4\r\nECHO\r\n$%zu\r\n", value);
    client_send(fd, head, (size_t)size);
    client_send(fd, bytes, value);
    say(fd, "\r\nPING\r\n");
    char *got = malloc(value);
    assert_non_null(got);
    (void)snprintf(head, sizeof head, "$%zu\r\n", value);
    expect(fd, head);
    client_read(fd, got, value);
    assert_memory_equal(got, bytes, value);
    expect(fd, "\r\n+PONG\r\n");
    free(bytes);
    free(got);
    (void)close(fd);
    stop();
}

static void test_a_client_that_speaks_no_resp_is_told_and_closed(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    say(fd, "PING\r\n*1\r\n:5\r\nPING\r\n");
    expect(fd, "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
    expect_end(fd);
    assert_serves();
    stop();
    assert_int_equal(counters[0].protocol_errors + counters[1].protocol_errors, 1);
}

/* A reset, sent because unread bytes were left, could overtake the message. */
static void test_a_refused_client_that_keeps_sending_still_reads_why(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    for (int i = 0; i < 20; i++) {
        int fd = client_open();
        say(fd, "*1\r\n:\r\n");
        for (int more = 0; more < 10; more++) {
            if (send(fd, "PING\r\nPING\r\n", 12, MSG_NOSIGNAL) < 0) break;
        }
        expect(fd, "-ERR Protocol error: expected '$', got ':'\r\n");
        (void)shutdown(fd, SHUT_WR);
        expect_end(fd);
    }
    stop();
}

static void test_http_is_closed_without_an_answer(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n");
    expect_end(fd);
    assert_serves();
    stop();
    assert_true(test_log_has(&logged, "possible security attack"));
}

static void test_what_came_before_the_end_of_input_is_answered(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    say(fd, "PING\r\nBIG 3000000\r\nPING\r\nECHO unfinished");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect(fd, "+PONG\r\n$3000000\r\n");
    char *got = malloc(3000000);
    assert_non_null(got);
    client_read(fd, got, 3000000);
    free(got);
    expect(fd, "\r\n+PONG\r\n");
    expect_end(fd);
    stop();
}

static void test_a_reset_in_the_middle_of_a_value_harms_nobody(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    struct linger reset = {.l_onoff = 1};
    int fd = client_open();
    say(fd, "PING\r\n*2\r\n$4\r\nECHO\r\n$500000\r\nabc");
    expect(fd, "+PONG\r\n");
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    (void)close(fd);
    assert_true(test_wait_until(none_connected, NULL));
    assert_serves();
    stop();
}

/* Replies larger than a turn's share, in a pipeline: the turns of others come in between. */
static void test_a_deep_pipeline_of_large_replies_comes_whole(void **state)
{
    (void)state;
    enum { COUNT = 300, BYTES = 300000 };
    net_options options = options_make();
    options.workers = 1;
    start(&options);
    int fd = client_open();
    for (int i = 0; i < COUNT; i++)
        say(fd, i % 2 == 0 ? "*2\r\n$3\r\nBIG\r\n$6\r\n300000\r\n" : "BIG \"300000\"\r\n");
    say(fd, "QUIT\r\nPING\r\n");
    size_t each = BYTES + strlen("$300000\r\n\r\n");
    assert_int_equal(read_to_end(fd), COUNT * each + 5);
    (void)close(fd);
    assert_int_equal(requests_run, COUNT + 1);
    stop();
}

static void test_a_client_can_be_killed_by_its_session(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = client_open(), other = client_open();
    char line[32] = "";
    say(fd, "ID\r\n");
    assert_true(recv(fd, line, sizeof line - 1, 0) > 1);
    assert_true(net_kill_client(server, strtoul(line + 1, NULL, 10)));
    expect_end(fd);
    say(other, "PING\r\n");
    expect(other, "+PONG\r\n");
    (void)close(other);
    stop();
}

static void *talk(void *ctx)
{
    (void)ctx;
    for (int turn = 0; turn < 20; turn++) {
        int fd = client_open();
        for (int i = 0; i < 20; i++) {
            say(fd, "*1\r\n$4\r\nPING\r\nECHO abc\r\n");
            expect(fd, "+PONG\r\n$3\r\nabc\r\n");
        }
        (void)close(fd);
    }
    return NULL;
}

static void test_many_clients_come_and_go_at_once(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, talk, NULL), 0);
    for (uint64_t id = 1; id < 20; id++)
        (void)net_kill_client(server, id); /* of earlier tests: nobody is hit */
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(test_wait_until(none_connected, NULL));
    assert_int_equal(requests_run, 4 * 20 * 20 * 2);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_of_both_kinds_are_answered),
        cmocka_unit_test(test_both_loopback_addresses_are_served_by_default),
        cmocka_unit_test(test_a_pipeline_is_answered_in_order_and_in_batches),
        cmocka_unit_test(test_whole_requests_run_beside_a_longer_one_that_is_cut),
        cmocka_unit_test(test_a_large_value_comes_and_goes_whole),
        cmocka_unit_test(test_a_client_that_speaks_no_resp_is_told_and_closed),
        cmocka_unit_test(test_a_refused_client_that_keeps_sending_still_reads_why),
        cmocka_unit_test(test_http_is_closed_without_an_answer),
        cmocka_unit_test(test_what_came_before_the_end_of_input_is_answered),
        cmocka_unit_test(test_a_reset_in_the_middle_of_a_value_harms_nobody),
        cmocka_unit_test(test_a_deep_pipeline_of_large_replies_comes_whole),
        cmocka_unit_test(test_a_client_can_be_killed_by_its_session),
        cmocka_unit_test(test_many_clients_come_and_go_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
