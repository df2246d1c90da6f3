/*
 * test_net_limits.c - what the network does at its limits, at start and at the end.
 */
#include "unit/server/net/net_fixture.h"

static void test_clients_past_the_limit_are_turned_away(void **state)
{
    (void)state;
    net_options options = options_make();
    options.clients_max = 2;
    start(&options);
    int first = client_open(), second = client_open();
    say(first, "PING\r\n");
    say(second, "PING\r\n");
    expect(first, "+PONG\r\n");
    expect(second, "+PONG\r\n");
    int third = client_open();
    expect(third, "-ERR max number of clients reached\r\n");
    expect_end(third);
    net_set_clients_max(server, 3);
    assert_serves();
    (void)close(first);
    (void)close(second);
    assert_true(test_wait_until(none_connected, NULL));
    stop();
}

static uint64_t settled_at;
static int settled_looks;

/* Holds once the number of requests run has stood still for a while. */
static bool requests_stand_still(void *ctx)
{
    (void)ctx;
    settled_looks = requests_run == settled_at ? settled_looks + 1 : 0;
    settled_at = requests_run;
    return settled_looks > 50;
}

static void test_a_client_that_does_not_read_waits_and_loses_nothing(void **state)
{
    (void)state;
    enum { COUNT = 1000, BYTES = 100000 };
    net_options options = options_make();
    options.workers = 1;
    start(&options);
    int fd = client_open();
    for (int i = 0; i < COUNT; i++)
        say(fd, "BIG 100000\r\n");
    assert_true(test_wait_until(requests_stand_still, NULL));
    /* what the sockets hold, the soft limit and one turn; far from all of it */
    assert_in_range(requests_run, 1, COUNT / 2);
    assert_serves(); /* by the same worker */
    size_t left = (size_t)COUNT * (BYTES + strlen("$100000\r\n\r\n"));
    char *got = malloc(1u << 20);
    assert_non_null(got);
    while (left > 0) {
        size_t part = left < 1u << 20 ? left : 1u << 20;
        client_read(fd, got, part);
        left -= part;
    }
    free(got);
    assert_int_equal(requests_run, COUNT + 1);
    say(fd, "PING\r\n");
    expect(fd, "+PONG\r\n");
    (void)close(fd);
    stop();
}

static void test_a_reply_past_the_hard_limit_ends_the_client(void **state)
{
    (void)state;
    net_options options = options_make();
    options.output_soft_bytes = 1000;
    options.output_hard_bytes = 100000;
    start(&options);
    int fd = client_open();
    say(fd, "BIG 50000\r\nBIG 100001\r\nPING\r\n");
    (void)read_to_end(fd);
    (void)close(fd);
    assert_true(test_wait_until(none_connected, NULL));
    assert_true(test_log_has(&logged, "reply too large"));
    assert_serves();
    stop();
}

static void test_a_request_past_its_limit_is_refused_at_its_header(void **state)
{
    (void)state;
    net_options options = options_make();
    options.request_bytes_max = 1u << 20;
    start(&options);
    int fd = client_open();
    say(fd, "*2\r\n$4\r\nECHO\r\n$1048576\r\n");
    expect(fd, "-ERR Protocol error: too big request\r\n");
    (void)shutdown(fd, SHUT_WR);
    expect_end(fd);
    stop();
}

static void test_a_silent_client_is_closed_after_the_idle_timeout(void **state)
{
    (void)state;
    net_options options = options_make();
    options.idle_timeout_ms = 40;
    start(&options);
    int fd = client_open();
    say(fd, "PING\r\n");
    expect(fd, "+PONG\r\n");
    expect_end(fd);
    stop();
}

static void test_the_idle_timeout_can_come_later(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    say(fd, "PING\r\n");
    expect(fd, "+PONG\r\n");
    net_set_idle_timeout(server, 40);
    expect_end(fd);
    stop();
}

static void test_the_size_of_a_request_can_shrink(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    say(fd, "*2\r\n$4\r\nECHO\r\n$30\r\n012345678901234567890123456789\r\n");
    expect(fd, "$30\r\n012345678901234567890123456789\r\n");
    net_set_request_bytes_max(server, 32);
    net_set_keepalive(server, 0);
    net_set_keepalive(server, 1000);
    int other = client_open(); /* until a worker has taken it over */
    say(other, "PING\r\n");
    expect(other, "+PONG\r\n");
    bool refused = false;
    for (int turn = 0; turn < 1000 && !refused; turn++) {
        char first;
        say(fd, "*2\r\n$4\r\nECHO\r\n$30\r\n012345678901234567890123456789\r\n");
        client_read(fd, &first, 1);
        refused = first == '-';
        if (!refused) expect(fd, "30\r\n012345678901234567890123456789\r\n");
    }
    assert_true(refused);
    expect(fd, "ERR Protocol error: too big request\r\n");
    stop();
}

static void test_stop_serves_what_was_received(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    net_options options = options_make();
    start(&options);
    int busy = client_open(), idle = client_open();
    say(busy, "PING\r\n");
    say(idle, "PING\r\n");
    expect(busy, "+PONG\r\n");
    expect(idle, "+PONG\r\n");
    for (int i = 0; i < COUNT; i++)
        say(busy, "PING\r\n");
    stop();
    char got[7];
    for (int i = 0; i < COUNT; i++) {
        client_read(busy, got, sizeof got);
        assert_memory_equal(got, "+PONG\r\n", sizeof got);
    }
    expect_end(busy);
    expect_end(idle);
}

static void test_stop_cuts_off_a_client_that_does_not_read(void **state)
{
    (void)state;
    net_options options = options_make();
    options.drain_timeout_ms = 50;
    start(&options);
    int fd = client_open();
    say(fd, "BIG 50000000\r\n");
    expect(fd, "$50000000\r\n");
    stop();
    assert_true(test_log_has(&logged, "too slow"));
    assert_true(read_to_end(fd) < 50000000);
    (void)close(fd);
}

static void test_a_port_in_use_is_an_error(void **state)
{
    (void)state;
    net_options options = options_make();
    start(&options);
    net *second;
    options.port = net_port(server);
    assert_int_equal(net_start(&options, &second), HC_ERR_EXISTS);
    assert_null(second);
    assert_true(test_log_has(&logged, "cannot listen"));
    assert_serves();
    stop();
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"localhost"};
    net_options options = options_make();
    net *none;
    options.bind = names;
    assert_int_equal(net_start(&options, &none), HC_ERR_INVALID);
    assert_true(test_log_has(&logged, "not a numeric IP address"));
    options = options_make();
    options.bind_count = NET_BIND_MAX + 1;
    assert_int_equal(net_start(&options, &none), HC_ERR_INVALID);
    options = options_make();
    options.workers = NODE_WORKERS_MAX + 1;
    assert_int_equal(net_start(&options, &none), HC_ERR_INVALID);
    options = options_make();
    options.node = NULL;
    assert_int_equal(net_start(&options, &none), HC_ERR_INVALID);
    assert_null(none);
    net_stop(NULL);
}

static bool shortage_is_logged(void *ctx)
{
    (void)ctx;
    return logged.count > 1; /* the first line says that it listens */
}

static void test_a_shortage_of_descriptors_is_waited_out(void **state)
{
    (void)state;
    net_options options = options_make();
    options.workers = 1;
    start(&options);
    int waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int lowest_free = dup(waiting);
    assert_true(waiting >= 0 && lowest_free >= 0);
    (void)close(lowest_free);
    struct rlimit limit, narrow;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    narrow = limit;
    narrow.rlim_cur = (rlim_t)lowest_free;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &narrow), 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(net_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connected = connect(waiting, (struct sockaddr *)&address, sizeof address);
    bool said = test_wait_until(shortage_is_logged, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(connected, 0);
    assert_true(said);
    assert_serves(); /* only once the listener has come back */
    (void)close(waiting);
    stop();
    assert_true(test_log_has(&logged, "cannot accept clients for now"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_past_the_limit_are_turned_away),
        cmocka_unit_test(test_a_client_that_does_not_read_waits_and_loses_nothing),
        cmocka_unit_test(test_a_reply_past_the_hard_limit_ends_the_client),
        cmocka_unit_test(test_a_request_past_its_limit_is_refused_at_its_header),
        cmocka_unit_test(test_a_silent_client_is_closed_after_the_idle_timeout),
        cmocka_unit_test(test_the_idle_timeout_can_come_later),
        cmocka_unit_test(test_the_size_of_a_request_can_shrink),
        cmocka_unit_test(test_stop_serves_what_was_received),
        cmocka_unit_test(test_stop_cuts_off_a_client_that_does_not_read),
        cmocka_unit_test(test_a_port_in_use_is_an_error),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_a_shortage_of_descriptors_is_waited_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
