/* test_span_exporter.c - spans reach a collector; one that refuses or is not there costs spans
 * only. */
#include "telemetry/span_exporter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"
#include "support/test_wait.h"

/* Answers every POST with one status. */
typedef struct collector {
    int fd;
    uint16_t port;
    _Atomic unsigned status, posts;
    pthread_t thread;
} collector;

static void *collect(void *ctx)
{
    collector *of = ctx;
    for (;;) {
        static char bytes[1 << 16];
        int fd = accept(of->fd, NULL, NULL);
        if (fd < 0) return NULL;
        (void)!recv(fd, bytes, sizeof bytes, 0); /* the head, at least; the answer comes anyway */
        char said[64];
        int size = snprintf(said, sizeof said, "HTTP/1.1 %u x\r\nContent-Length: 0\r\n\r\n",
                            atomic_load(&of->status));
        (void)!send(fd, said, (size_t)size, MSG_NOSIGNAL);
        atomic_fetch_add(&of->posts, 1);
        (void)shutdown(fd, SHUT_WR);
        while (recv(fd, bytes, sizeof bytes, 0) > 0) /* lest a reset overtake the answer */
            continue;
        (void)close(fd);
    }
}

static void collector_start(collector *of, unsigned status)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    atomic_init(&of->status, status);
    atomic_init(&of->posts, 0);
    of->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(of->fd >= 0);
    assert_int_equal(bind(of->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(of->fd, 16), 0);
    assert_int_equal(getsockname(of->fd, (struct sockaddr *)&at, &bytes), 0);
    of->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&of->thread, NULL, collect, of), 0);
}

static void collector_stop(collector *of)
{
    (void)shutdown(of->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(of->thread, NULL), 0);
    (void)close(of->fd);
}

typedef struct fixture {
    collector at;
    hc_traces *traces;
    span_exporter *exporter;
} fixture;

static void set_up(fixture *f, unsigned status, uint32_t capacity)
{
    char url[64];
    collector_start(&f->at, status);
    assert_int_equal(hc_traces_create(NULL, capacity, &f->traces), HC_OK);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", f->at.port);
    span_exporter_options options = {.traces = f->traces, .node_id = "n1", .endpoint = url};
    assert_int_equal(span_exporter_start(&options, &f->exporter), HC_OK);
}

static void tear_down(fixture *f)
{
    span_exporter_stop(f->exporter);
    collector_stop(&f->at);
    hc_traces_destroy(f->traces);
}

static void add(fixture *f, unsigned count)
{
    hc_trace_span one = {.kind = HC_TRACE_INTERNAL};
    hc_trace_name(&one, HC_SPAN("store"));
    for (unsigned i = 0; i < count; i++)
        hc_traces_add(f->traces, &one);
}

static bool all_are_exported(void *ctx)
{
    fixture *f = ctx;
    return span_exporter_stats_get(f->exporter).exported == hc_traces_last(f->traces);
}

static bool some_are_failed(void *ctx)
{
    fixture *f = ctx;
    return span_exporter_stats_get(f->exporter).failed > 0;
}

static bool was_refused_twice(void *ctx)
{
    fixture *f = ctx;
    return span_exporter_stats_get(f->exporter).refusals >= 2;
}

static bool all_are_accounted_for(void *ctx)
{
    fixture *f = ctx;
    span_exporter_stats stats = span_exporter_stats_get(f->exporter);
    return stats.exported + stats.lost == hc_traces_last(f->traces);
}

static void test_spans_arrive_in_batches(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 200, 0);
    add(&f, 300);
    assert_true(test_wait_until(all_are_exported, &f));
    span_exporter_stats stats = span_exporter_stats_get(f.exporter);
    assert_in_range(stats.posts, 3, 300);
    assert_int_equal(stats.failed + stats.lost + stats.refusals, 0);
    tear_down(&f);
}

static void test_a_refusal_for_good_is_not_repeated(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 400, 0);
    add(&f, 1);
    assert_true(test_wait_until(some_are_failed, &f));
    assert_int_equal(span_exporter_stats_get(f.exporter).posts, 1);
    tear_down(&f);
}

static void test_an_overloaded_collector_is_asked_again(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 503, 0);
    add(&f, 1);
    assert_true(test_wait_until(was_refused_twice, &f));
    atomic_store(&f.at.status, 202);
    assert_true(test_wait_until(all_are_exported, &f));
    assert_int_equal(span_exporter_stats_get(f.exporter).failed, 0);
    tear_down(&f);
}

static void test_what_the_ring_loses_meanwhile_is_counted(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 503, 8);
    add(&f, 1);
    assert_true(test_wait_until(was_refused_twice, &f));
    add(&f, 20);
    atomic_store(&f.at.status, 200);
    assert_true(test_wait_until(all_are_accounted_for, &f));
    span_exporter_stats stats = span_exporter_stats_get(f.exporter);
    assert_int_equal(stats.lost, 12);
    assert_int_equal(stats.exported, 9);
    tear_down(&f);
}

static void test_no_endpoint_no_exporter(void **state)
{
    (void)state;
    span_exporter *exporter;
    hc_traces *traces;
    assert_int_equal(hc_traces_create(NULL, 8, &traces), HC_OK);
    span_exporter_options options = {.traces = traces, .node_id = "", .endpoint = "ftp://x"};
    assert_int_equal(span_exporter_start(&options, &exporter), HC_ERR_INVALID);
    assert_null(exporter);
    span_exporter_stop(NULL);
    assert_int_equal(span_exporter_stats_get(NULL).exported, 0);
    hc_traces_destroy(traces);
}

static void test_the_end_does_not_wait_for_a_collector_that_is_away(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 503, 0);
    add(&f, 1000);
    assert_true(test_wait_until(was_refused_twice, &f));
    span_exporter_stop(f.exporter); /* in the middle of its tries */
    f.exporter = NULL;
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_arrive_in_batches),
        cmocka_unit_test(test_a_refusal_for_good_is_not_repeated),
        cmocka_unit_test(test_an_overloaded_collector_is_asked_again),
        cmocka_unit_test(test_what_the_ring_loses_meanwhile_is_counted),
        cmocka_unit_test(test_no_endpoint_no_exporter),
        cmocka_unit_test(test_the_end_does_not_wait_for_a_collector_that_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
