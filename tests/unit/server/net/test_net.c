/*
 * test_net.c - the network over real sockets, with commands of its own instead of the server's.
 *
 * The commands below stand in for server/command, so that what is tested is the network alone:
 * PING, ECHO text, BIG bytes, QUIT and HELLO version.
 */
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/session.h"
#include "net/net.h"
#include "support/test_host.h"
#include "support/test_wait.h"

#define REPLY_WAIT_MS 30000

/* ---- the commands ---- */

static node_counters counters[4];
static _Atomic uint64_t requests_run, batches_run, next_session_id;
static _Atomic unsigned sessions_open;

node_counters *node_worker_counters(node *of, unsigned worker)
{
    (void)of;
    return &counters[worker];
}

uint64_t node_now_ns(const node *of)
{
    (void)of;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void session_init(session *of, node *on, const session_options *options)
{
    (void)on;
    memset(of, 0, sizeof *of);
    of->id = ++next_session_id;
    (void)snprintf(of->address, sizeof of->address, "%s", options->address);
    sessions_open++;
}

void session_fini(session *of)
{
    (void)of;
    sessions_open--;
}

static size_t number_of(hc_span text)
{
    char copy[32] = "";
    memcpy(copy, text.data, text.size < sizeof copy ? text.size : sizeof copy - 1);
    return strtoul(copy, NULL, 10);
}

static bool is(hc_span text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static void request_run(const request *r)
{
    const reply_ops *ops = r->reply->ops;
    if (is(r->args[0], "PING")) {
        ops->status(r->reply, span("PONG"));
    } else if (is(r->args[0], "ECHO") && r->argc == 2) {
        uint8_t *place = ops->bulk(r->reply, r->args[1].size);
        if (place != NULL) memcpy(place, r->args[1].data, r->args[1].size);
    } else if (is(r->args[0], "BIG") && r->argc == 2) {
        size_t size = number_of(r->args[1]);
        uint8_t *place = ops->bulk(r->reply, size);
        if (place != NULL) memset(place, 'b', size);
    } else if (is(r->args[0], "QUIT")) {
        ops->status(r->reply, span("OK"));
        r->session->close = true;
    } else if (is(r->args[0], "HELLO") && r->argc == 2) {
        r->reply->protocol = (int)number_of(r->args[1]);
        ops->null(r->reply);
    } else if (is(r->args[0], "ID")) {
        ops->integer(r->reply, (int64_t)r->session->id);
    } else {
        ops->error(r->reply, span("ERR unknown"));
    }
}

size_t request_run_batch(request *requests, size_t count, size_t output_soft_bytes)
{
    size_t ran = 0;
    batches_run++;
    while (ran < count) {
        request_run(&requests[ran++]);
        requests_run++;
        if (requests->session->close) break;
        if (requests->reply->ops->pending(requests->reply) > output_soft_bytes) break;
    }
    return ran;
}

/* ---- the server and its clients ---- */

static test_log logged;
static hc_host host;
static net *server;
static char the_node; /* the network passes it on and never looks inside */

static const char *const loopback[] = {"127.0.0.1"};

static net_options options_make(void)
{
    test_log_init(&logged, HC_LOG_DEBUG);
    host = test_host_of(NULL, NULL, NULL, &logged);
    return (net_options){.host = &host,
                         .node = (node *)(void *)&the_node,
                         .bind = loopback,
                         .bind_count = 1,
                         .workers = 2};
}

static void start(const net_options *options)
{
    requests_run = batches_run = 0;
    assert_int_equal(net_start(options, &server), HC_OK);
    assert_int_not_equal(net_port(server), 0);
}

static void stop(void)
{
    net_stop(server);
    server = NULL;
    assert_int_equal(sessions_open, 0);
}

static int client_open(void)
{
    struct timeval patience = {.tv_sec = REPLY_WAIT_MS / 1000};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(net_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void client_send(int fd, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t sent = send(fd, bytes + at, size - at, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += (size_t)sent;
    }
}

static void say(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

/* Reads exactly `size` bytes. */
static void client_read(int fd, char *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = recv(fd, to + at, size - at, 0);
        assert_true(got > 0);
        at += (size_t)got;
    }
}

static void expect(int fd, const char *want)
{
    char got[512] = "";
    assert_true(strlen(want) < sizeof got);
    client_read(fd, got, strlen(want));
    assert_string_equal(got, want);
}

/* Reads and drops until the server ends the connection; returns how many bytes came. */
static size_t read_to_end(int fd)
{
    static char dropped[65536];
    size_t count = 0;
    for (;;) {
        ssize_t got = recv(fd, dropped, sizeof dropped, 0);
        if (got < 0) assert_int_equal(errno, ECONNRESET);
        if (got <= 0) return count;
        count += (size_t)got;
    }
}

static void expect_end(int fd)
{
    assert_int_equal(read_to_end(fd), 0);
    (void)close(fd);
}

static bool none_connected(void *ctx)
{
    (void)ctx;
    return net_connections(server) == 0;
}

static void assert_serves(void)
{
    int fd = client_open();
    say(fd, "PING\r\n");
    expect(fd, "+PONG\r\n");
    (void)close(fd);
}

/* ---- tests ---- */

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
    size = snprintf(head, sizeof head, "$%zu\r\n", value);
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
    say(waiting, "PING\r\n");
    expect(waiting, "+PONG\r\n");
    (void)close(waiting);
    stop();
    assert_true(test_log_has(&logged, "cannot accept clients for now"));
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
        cmocka_unit_test(test_a_large_value_comes_and_goes_whole),
        cmocka_unit_test(test_a_client_that_speaks_no_resp_is_told_and_closed),
        cmocka_unit_test(test_a_refused_client_that_keeps_sending_still_reads_why),
        cmocka_unit_test(test_http_is_closed_without_an_answer),
        cmocka_unit_test(test_clients_past_the_limit_are_turned_away),
        cmocka_unit_test(test_what_came_before_the_end_of_input_is_answered),
        cmocka_unit_test(test_a_reset_in_the_middle_of_a_value_harms_nobody),
        cmocka_unit_test(test_a_client_that_does_not_read_waits_and_loses_nothing),
        cmocka_unit_test(test_a_deep_pipeline_of_large_replies_comes_whole),
        cmocka_unit_test(test_a_reply_past_the_hard_limit_ends_the_client),
        cmocka_unit_test(test_a_request_past_its_limit_is_refused_at_its_header),
        cmocka_unit_test(test_a_silent_client_is_closed_after_the_idle_timeout),
        cmocka_unit_test(test_a_client_can_be_killed_by_its_session),
        cmocka_unit_test(test_stop_serves_what_was_received),
        cmocka_unit_test(test_stop_cuts_off_a_client_that_does_not_read),
        cmocka_unit_test(test_a_port_in_use_is_an_error),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_a_shortage_of_descriptors_is_waited_out),
        cmocka_unit_test(test_many_clients_come_and_go_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
