/*
 * test_exposition.c - the page of a node: the promised names, each series once, numbers that agree.
 */
#include "metrics/exposition.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"

#define PAGE_BYTES (1u << 20)

typedef struct page_text {
    char *text;
    size_t used;
} page_text;

static bool take(void *ctx, const char *text, size_t bytes)
{
    page_text *to = ctx;
    assert_true(to->used + bytes < PAGE_BYTES);
    memcpy(to->text + to->used, text, bytes);
    to->used += bytes;
    to->text[to->used] = '\0';
    return true;
}

/* The page of `on` as it is now; the caller frees it. */
static char *page_of(test_client *on, hc_metrics_format format)
{
    page_text page = {.text = calloc(1, PAGE_BYTES)};
    exposition *of;
    exposition_options options = {.host = &on->host, .node = on->node, .data_dir = "/"};
    assert_non_null(page.text);
    assert_int_equal(exposition_create(&options, &of), HC_OK);
    assert_int_equal(hc_metrics_write(exposition_metrics(of), format, take, &page), HC_OK);
    exposition_destroy(of);
    return page.text;
}

static void expect_line(const char *page, const char *line)
{
    if (strstr(page, line) == NULL) print_error("no line %s in\n%s\n", line, page);
    assert_non_null(strstr(page, line));
}

static void test_requests_are_told_by_operation_and_outcome(void **state)
{
    (void)state;
    test_client on;
    node_options options = {.node_id = "n1"};
    test_client_init(&on, &options);
    test_client_expect(&on, "SET a 1", "+OK");
    test_client_expect(&on, "GET a", "\"1\"");
    test_client_expect(&on, "GET b", "nil");
    (void)test_client_run(&on, "INCRBY a x");
    (void)test_client_run(&on, "GET");
    (void)test_client_run(&on, "NONESUCH");
    char *page = page_of(&on, HC_METRICS_TEXT);
    expect_line(page, "hypercache_requests_total{node=\"n1\",operation=\"get\",status=\"ok\"} 2\n");
    expect_line(page,
                "hypercache_requests_total{node=\"n1\",operation=\"get\",status=\"error\"} 0\n");
    expect_line(page,
                "hypercache_requests_total{node=\"n1\",operation=\"get\",status=\"rejected\"} 1\n");
    expect_line(page,
                "hypercache_requests_total{node=\"n1\",operation=\"incrby\",status=\"error\"} 1\n");
    expect_line(page, "hypercache_errors_total{node=\"n1\",code=\"ERR\"} 3\n");
    expect_line(page,
                "hypercache_request_duration_seconds_count{node=\"n1\",operation=\"get\"} 2\n");
    expect_line(page, "hypercache_cache_hits_total{node=\"n1\",store=\"default\"} 1\n");
    expect_line(page, "hypercache_cache_misses_total{node=\"n1\",store=\"default\"} 1\n");
    expect_line(page, "hypercache_keys{node=\"n1\",store=\"default\"} 1\n");
    expect_line(page, "hypercache_cache_hit_ratio{node=\"n1\"} 0.5\n");
    expect_line(page, "hypercache_persistence_enabled{node=\"n1\"} 0\n");
    assert_null(strstr(page, "operation=\"mget\"")); /* what never ran is not told */
    free(page);
    test_client_fini(&on);
}

/* A line without its value. */
static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void test_no_series_is_told_twice(void **state)
{
    (void)state;
    static const hc_metrics_format formats[] = {HC_METRICS_TEXT, HC_METRICS_OPENMETRICS};
    static char *lines[20000];
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "STORE CREATE users", "+OK");
    test_client_expect(&on, "SET a 1", "+OK");
    test_client_expect(&on, "SELECT 3", "+OK");
    test_client_expect(&on, "SET a 1", "+OK");
    for (size_t f = 0; f < 2; f++) {
        char *page = page_of(&on, formats[f]);
        size_t count = 0;
        for (char *at = strtok(page, "\n"); at != NULL; at = strtok(NULL, "\n")) {
            char *value = at[0] == '#' ? NULL : strrchr(at, ' ');
            if (value != NULL) *value = '\0';
            assert_true(count < sizeof lines / sizeof *lines);
            lines[count++] = at;
        }
        assert_true(count > 100);
        qsort(lines, count, sizeof *lines, compare_lines);
        for (size_t i = 1; i < count; i++)
            assert_string_not_equal(lines[i - 1], lines[i]);
        free(page);
    }
    test_client_fini(&on);
}

static void test_a_slow_command_is_an_example_of_its_bucket(void **state)
{
    (void)state;
    test_client on;
    node_options options = {.node_id = "n1"};
    test_client_init(&on, &options);
    observer_set_slow_log(&on.node->observer, 0);
    test_client_expect(&on, "SET a 1", "+OK");
    char *page = page_of(&on, HC_METRICS_OPENMETRICS), *text = page_of(&on, HC_METRICS_TEXT);
    const char *line = strstr(page, "operation=\"set\",le=\"1e-05\"} 1 # {trace_id=\"");
    assert_non_null(line);
    assert_non_null(strstr(line, "\"} 0.00000000"));
    assert_null(strstr(text, "trace_id"));
    free(page);
    free(text);
    test_client_fini(&on);
}

static void test_stores_beyond_the_bound_are_told_together(void **state)
{
    (void)state;
    test_client on;
    node_options options = {.stores_max = 66};
    char line[64];
    test_client_init(&on, &options);
    for (unsigned i = 0; i < 66; i++) {
        (void)snprintf(line, sizeof line, "STORE CREATE s%u MAXMEMORY 4mb", i);
        test_client_expect(&on, line, "+OK");
    }
    char *page = page_of(&on, HC_METRICS_TEXT);
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, "\nhypercache_keys{")) != NULL; at++)
        count++;
    assert_int_equal(count, 64);
    expect_line(page, "store=\"others\"");
    free(page);
    test_client_fini(&on);
}

static void test_without_memory_there_is_no_exposition(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    exposition *of = NULL;
    size_t grants = 0;
    for (; grants < 100 && of == NULL; grants++) {
        exposition_options options = {.host = &host, .node = on.node};
        memory.grants = grants;
        hc_status status = exposition_create(&options, &of);
        assert_int_equal(status == HC_OK, of != NULL);
    }
    assert_in_range(grants, 2, 99);
    exposition_destroy(of);
    assert_int_equal(memory.live_bytes, 0);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_told_by_operation_and_outcome),
        cmocka_unit_test(test_no_series_is_told_twice),
        cmocka_unit_test(test_a_slow_command_is_an_example_of_its_bucket),
        cmocka_unit_test(test_stores_beyond_the_bound_are_told_together),
        cmocka_unit_test(test_without_memory_there_is_no_exposition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
