/* test_tracing.c - who is traced, and what is told of a command: names, parents, failures. */
#include "command/tracing.h"

#include <stdio.h>

#include "support/test_client.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00-" ID "-00f067aa0ba902b7-01"
#define UNSAMPLED "00-" ID "-00f067aa0ba902b7-00"

/* A node that keeps spans, with one client. */
typedef struct fixture {
    hc_traces *traces;
    test_client on;
    uint64_t seen;
    hc_trace_span found[16];
    size_t count;
} fixture;

static void set_up(fixture *f, double ratio)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(hc_traces_create(NULL, 64, &f->traces), HC_OK);
    test_client_init(&f->on, &(node_options){.traces = f->traces});
    tracing_set_ratio(f->on.node, ratio);
    tracing_set_on(f->on.node, true);
}

static void tear_down(fixture *f)
{
    test_client_fini(&f->on);
    hc_traces_destroy(f->traces);
}

/* Runs it and reads the spans it made. */
static void run(fixture *f, const char *line)
{
    (void)test_client_run(&f->on, line);
    f->count = hc_traces_read(f->traces, f->seen, f->found, 16, NULL);
    if (f->count > 0) f->seen = f->found[f->count - 1].number;
}

static const hc_trace_span *span_named(const fixture *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->found[i].name, name) == 0) return &f->found[i];
    return NULL;
}

/* It is there. */
static const hc_trace_span *the_span(const fixture *f, const char *name)
{
    const hc_trace_span *found = span_named(f, name);
    if (found == NULL) fail_msg("no span %s", name);
    return found != NULL ? found : &f->found[0];
}

static bool has(const hc_trace_span *span, const char *name, const char *value)
{
    for (uint32_t i = 0; i < span->attribute_count; i++) {
        const hc_trace_attribute *one = &span->attributes[i];
        hc_span text = hc_trace_text_of(span, one);
        if (strcmp(one->name, name) == 0 && one->is_text && text.size == strlen(value) &&
            memcmp(text.data, value, text.size) == 0)
            return true;
    }
    return false;
}

static void test_a_parent_decides(void **state)
{
    (void)state;
    static fixture f;
    char id[HC_TRACE_ID_CHARS];
    set_up(&f, 0);
    run(&f, "SET k v");
    assert_int_equal(f.count, 0);
    run(&f, "HC.TRACE " UNSAMPLED " GET k");
    assert_int_equal(f.count, 0);
    run(&f, "HC.TRACE " PARENT " GET k");
    assert_int_equal(f.count, 2);
    const hc_trace_span *top = the_span(&f, "GET"), *store = the_span(&f, "store");
    hc_trace_id_text(top->context.trace_id, id);
    assert_string_equal(id, ID);
    assert_memory_equal(top->parent_id, "\x00\xf0\x67\xaa\x0b\xa9\x02\xb7", HC_SPAN_ID_BYTES);
    assert_memory_equal(store->parent_id, top->context.span_id, HC_SPAN_ID_BYTES);
    assert_int_equal(top->kind, HC_TRACE_SERVER);
    assert_true(has(top, "db.operation.name", "GET"));
    tracing_set_ratio(f.on.node, 1);
    run(&f, "HC.TRACE " UNSAMPLED " GET k");
    assert_int_equal(f.count, 0);
    tear_down(&f);
}

static void test_all_are_traced_at_a_ratio_of_one_by_their_correlation_id(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 1);
    run(&f, "CONFIG GET maxmemory");
    assert_non_null(span_named(&f, "CONFIG GET"));
    run(&f, "SET k v");
    const hc_trace_span *top = the_span(&f, "SET");
    char id[HC_TRACE_ID_CHARS], run_id[13];
    hc_trace_id_text(top->context.trace_id, id);
    (void)snprintf(run_id, sizeof run_id, "%.12s", f.on.node->run_id);
    assert_memory_equal(id, run_id, 12); /* as correlation.h has it */
    tear_down(&f);
}

static void test_a_share_is_traced_at_a_ratio_between(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 0.25);
    unsigned drawn = 0;
    for (unsigned i = 0; i < 4000; i++)
        drawn += tracing_draws(f.on.node);
    assert_in_range(drawn, 800, 1200); /* 1000, and 7 standard deviations of 27 each way */
    tear_down(&f);
}

static void test_a_failure_is_traced_after_all_but_not_too_many(void **state)
{
    (void)state;
    static fixture f;
    unsigned forced = 0;
    set_up(&f, 0);
    run(&f, "SET k v");
    run(&f, "INCR k");
    const hc_trace_span *top = the_span(&f, "INCR");
    assert_true(top->failed);
    assert_true(has(top, "error.type", "ERR"));
    assert_true(has(top, "hypercache.forced", "error"));
    for (unsigned i = 0; i < 3 * TRACING_FORCED_PER_S; i++) {
        run(&f, "INCR k");
        forced += f.count > 0;
    }
    assert_int_equal(forced, TRACING_FORCED_PER_S - 1);
    test_clock_advance_ms(&f.on.clock, 1000);
    run(&f, "INCR k");
    assert_int_equal(f.count, 1);
    tear_down(&f);
}

static void test_what_is_queued_is_told_when_it_runs(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 1);
    run(&f, "MULTI");
    run(&f, "SET k v");
    assert_int_equal(f.count, 0);
    run(&f, "EXEC");
    assert_non_null(span_named(&f, "EXEC"));
    assert_non_null(span_named(&f, "store"));
    tear_down(&f);
}

static void test_off_means_none(void **state)
{
    (void)state;
    static fixture f;
    set_up(&f, 1);
    tracing_set_on(f.on.node, false);
    run(&f, "SET k v");
    run(&f, "HC.TRACE " PARENT " INCR k");
    assert_int_equal(f.count, 0);
    assert_int_equal(atomic_load(&f.on.node->cares), 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_parent_decides),
        cmocka_unit_test(test_all_are_traced_at_a_ratio_of_one_by_their_correlation_id),
        cmocka_unit_test(test_a_share_is_traced_at_a_ratio_between),
        cmocka_unit_test(test_a_failure_is_traced_after_all_but_not_too_many),
        cmocka_unit_test(test_what_is_queued_is_told_when_it_runs),
        cmocka_unit_test(test_off_means_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
