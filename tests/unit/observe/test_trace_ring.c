/* test_trace_ring.c - spans are read in the order they ended; who is slow is told what it missed.
 */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>

#include "support/test_host.h"
#include "support/test_memory.h"
#include <hypercache/trace.h>

static void add(hc_traces *to, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        hc_trace_span one = {.kind = HC_TRACE_INTERNAL, .duration_ns = i};
        hc_trace_name(&one, span(name));
        hc_traces_add(to, &one);
    }
}

static void test_a_reader_goes_on_where_it_left_off(void **state)
{
    (void)state;
    hc_traces *traces;
    hc_trace_span found[4];
    uint64_t lost = 7;
    assert_int_equal(hc_traces_create(NULL, 8, &traces), HC_OK);
    assert_int_equal(hc_traces_read(traces, 0, found, 4, &lost), 0);
    assert_int_equal(lost, 0);
    add(traces, 5, "store");
    assert_int_equal(hc_traces_read(traces, 0, found, 4, &lost), 4);
    assert_int_equal(found[0].number, 1);
    assert_int_equal(found[3].number, 4);
    assert_string_equal(found[3].name, "store");
    assert_int_equal(hc_traces_read(traces, found[3].number, found, 4, &lost), 1);
    assert_int_equal(found[0].duration_ns, 4);
    assert_int_equal(hc_traces_last(traces), 5);
    assert_int_equal(hc_traces_read(traces, 5, found, 4, &lost), 0);
    hc_traces_destroy(traces);
}

static void test_a_slow_reader_is_told_how_many_it_missed(void **state)
{
    (void)state;
    hc_traces *traces;
    hc_trace_span found[8];
    uint64_t lost;
    assert_int_equal(hc_traces_create(NULL, 8, &traces), HC_OK);
    add(traces, 21, "store");
    assert_int_equal(hc_traces_read(traces, 3, found, 8, &lost), 8);
    assert_int_equal(lost, 10); /* 4 to 13 */
    assert_int_equal(found[0].number, 14);
    assert_int_equal(found[7].number, 21);
    hc_traces_destroy(traces);
}

static void test_no_ring_and_no_memory(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_traces *traces;
    hc_trace_span one = {.kind = HC_TRACE_INTERNAL};
    assert_int_equal(hc_traces_create(&host, HC_TRACES_CAPACITY_MAX + 1, &traces), HC_ERR_INVALID);
    for (size_t grants = 0; grants < 2; grants++) {
        memory.grants = grants;
        assert_int_equal(hc_traces_create(&host, 8, &traces), HC_ERR_NO_MEMORY);
        assert_null(traces);
        assert_int_equal(memory.live_bytes, 0);
    }
    hc_traces_add(NULL, &one);
    assert_int_equal(hc_traces_read(NULL, 0, &one, 1, NULL), 0);
    assert_int_equal(hc_traces_last(NULL), 0);
    hc_traces_destroy(NULL);
}

static void *add_many(void *ctx)
{
    add(ctx, 500, "of a thread");
    return NULL;
}

static void test_threads_may_add_while_another_reads(void **state)
{
    (void)state;
    hc_traces *traces;
    pthread_t threads[2];
    hc_trace_span found[16];
    uint64_t seen = 0, lost, missed = 0, read = 0;
    assert_int_equal(hc_traces_create(NULL, 64, &traces), HC_OK);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, traces), 0);
    while (seen < 1000) {
        size_t count = hc_traces_read(traces, seen, found, 16, &lost);
        missed += lost;
        for (size_t i = 0; i < count; i++)
            assert_string_equal(found[i].name, "of a thread");
        read += count;
        if (count > 0) seen = found[count - 1].number;
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(read + missed, 1000);
    hc_traces_destroy(traces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reader_goes_on_where_it_left_off),
        cmocka_unit_test(test_a_slow_reader_is_told_how_many_it_missed),
        cmocka_unit_test(test_no_ring_and_no_memory),
        cmocka_unit_test(test_threads_may_add_while_another_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
