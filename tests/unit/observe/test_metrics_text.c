/*
 * test_metrics_text.c - pages as Prometheus and OpenMetrics want them, byte for byte.
 *
 * That others read them so is tests/system/test_metrics.py's affair.
 */
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

#include <hypercache/metrics.h>

typedef struct page_text {
    char text[65536];
    size_t used, limit;
} page_text;

static bool take(void *ctx, const char *text, size_t bytes)
{
    page_text *to = ctx;
    if (to->limit != 0 && to->used + bytes > to->limit) return false;
    assert_true(to->used + bytes < sizeof to->text);
    memcpy(to->text + to->used, text, bytes);
    to->used += bytes;
    to->text[to->used] = '\0';
    return true;
}

static hc_metrics *registry(void)
{
    hc_metrics *metrics;
    hc_metric_label node = {"node", HC_SPAN("n1")};
    hc_metrics_options options = {.size = sizeof options, .labels = &node, .label_count = 1};
    assert_int_equal(hc_metrics_create(NULL, &options, &metrics), HC_OK);
    return metrics;
}

static const hc_metric_family jobs = {
    .name = "app_jobs", .kind = HC_METRIC_COUNTER, .help = "Jobs \"done\"."};
static const hc_metric_family work = {
    .name = "app_work_seconds", .kind = HC_METRIC_HISTOGRAM, .unit = "seconds", .help = "Work."};
static const hc_metric_family build = {
    .name = "app_build", .kind = HC_METRIC_INFO, .help = "Build."};
static const hc_metric_family heat = {.name = "app_heat", .kind = HC_METRIC_GAUGE, .help = "Heat."};
static const hc_metric_family sync = {
    .name = "app_sync_seconds", .kind = HC_METRIC_SUMMARY, .unit = "seconds", .help = "Sync."};

static void tell(void *ctx, hc_metrics_page *page)
{
    (void)ctx;
    hc_metric_label version = {"version", HC_SPAN("1")};
    hc_page_family(page, &build);
    hc_page_count(page, &version, 1, 1);
    hc_page_family(page, &sync);
    hc_page_summary(page, NULL, 0, 1500000000, 3);
}

static void fill(hc_metrics *metrics)
{
    hc_metric *done;
    assert_int_equal(hc_metrics_add(metrics, &jobs, NULL, 0, &done), HC_OK);
    hc_metric_count(done, 0, 7);
    assert_int_equal(hc_metrics_collect(metrics, tell, NULL), HC_OK);
}

static void test_text_0_0_4_names_families_as_their_samples(void **state)
{
    (void)state;
    static page_text page;
    hc_metrics *metrics = registry();
    fill(metrics);
    page.used = 0;
    assert_int_equal(hc_metrics_write(metrics, HC_METRICS_TEXT, take, &page), HC_OK);
    assert_string_equal(page.text, "# HELP app_jobs_total Jobs \"done\".\n"
                                   "# TYPE app_jobs_total counter\n"
                                   "app_jobs_total{node=\"n1\"} 7\n"
                                   "# HELP app_build_info Build.\n"
                                   "# TYPE app_build_info gauge\n"
                                   "app_build_info{node=\"n1\",version=\"1\"} 1\n"
                                   "# HELP app_sync_seconds Sync.\n"
                                   "# TYPE app_sync_seconds summary\n"
                                   "app_sync_seconds_sum{node=\"n1\"} 1.500000000\n"
                                   "app_sync_seconds_count{node=\"n1\"} 3\n");
    hc_metrics_destroy(metrics);
}

static void test_openmetrics_names_families_without_suffix_and_ends(void **state)
{
    (void)state;
    static page_text page;
    hc_metrics *metrics = registry();
    fill(metrics);
    page.used = 0;
    assert_int_equal(hc_metrics_write(metrics, HC_METRICS_OPENMETRICS, take, &page), HC_OK);
    assert_string_equal(page.text, "# HELP app_jobs Jobs \\\"done\\\".\n"
                                   "# TYPE app_jobs counter\n"
                                   "app_jobs_total{node=\"n1\"} 7\n"
                                   "# HELP app_build Build.\n"
                                   "# TYPE app_build info\n"
                                   "app_build_info{node=\"n1\",version=\"1\"} 1\n"
                                   "# HELP app_sync_seconds Sync.\n"
                                   "# TYPE app_sync_seconds summary\n"
                                   "# UNIT app_sync_seconds seconds\n"
                                   "app_sync_seconds_sum{node=\"n1\"} 1.500000000\n"
                                   "app_sync_seconds_count{node=\"n1\"} 3\n"
                                   "# EOF\n");
    hc_metrics_destroy(metrics);
}

static void assert_line(const page_text *page, const char *line)
{
    const char *at = strstr(page->text, line);
    if (at == NULL) print_error("no line %s in\n%s\n", line, page->text);
    assert_non_null(at);
}

static void test_a_histogram_counts_upwards_and_shows_examples(void **state)
{
    (void)state;
    static page_text page;
    hc_metric *histogram;
    hc_metrics *metrics = registry();
    assert_int_equal(hc_metrics_add(metrics, &work, NULL, 0, &histogram), HC_OK);
    hc_metric_observe(histogram, 0, 4000);
    hc_metric_observe_traced(histogram, 0, 900000, HC_SPAN("4bf92f35"), 1700000000123);
    hc_metric_observe(histogram, 0, UINT64_C(90000000000));
    page.used = 0;
    assert_int_equal(hc_metrics_write(metrics, HC_METRICS_OPENMETRICS, take, &page), HC_OK);
    assert_line(&page, "app_work_seconds_bucket{node=\"n1\",le=\"1e-05\"} 1\n");
    assert_line(&page, "app_work_seconds_bucket{node=\"n1\",le=\"0.0005\"} 1\n");
    assert_line(&page, "app_work_seconds_bucket{node=\"n1\",le=\"0.001\"} 2 "
                       "# {trace_id=\"4bf92f35\"} 0.000900000 1700000000.123\n");
    assert_line(&page, "app_work_seconds_bucket{node=\"n1\",le=\"10.0\"} 2\n");
    assert_line(&page, "app_work_seconds_bucket{node=\"n1\",le=\"+Inf\"} 3\n");
    assert_line(&page, "app_work_seconds_sum{node=\"n1\"} 90.000904000\n");
    assert_line(&page, "app_work_seconds_count{node=\"n1\"} 3\n");
    page.used = 0;
    assert_int_equal(hc_metrics_write(metrics, HC_METRICS_TEXT, take, &page), HC_OK);
    assert_null(strstr(page.text, " # {")); /* 0.0.4 knows no examples */
    hc_metrics_destroy(metrics);
}

static void test_label_values_may_be_any_bytes(void **state)
{
    (void)state;
    static page_text page;
    hc_metric *gauge;
    hc_metrics *metrics = registry();
    hc_metric_label odd = {"name", HC_SPAN("a\"b\\c\nd\xff\xc3\xa4")};
    assert_int_equal(hc_metrics_add(metrics, &heat, &odd, 1, &gauge), HC_OK);
    hc_metric_set(gauge, 0.1);
    page.used = 0;
    assert_int_equal(hc_metrics_write(metrics, HC_METRICS_TEXT, take, &page), HC_OK);
    assert_line(&page, "app_heat{node=\"n1\",name=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa4\"} 0.1\n");
    hc_metrics_destroy(metrics);
}

static void test_numbers_are_written_as_both_forms_read_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, " 0\n"},
                {1e300, " 1e+300\n"},
                {-2.5, " -2.5\n"},
                {(double)NAN, " NaN\n"},
                {(double)INFINITY, " +Inf\n"},
                {-(double)INFINITY, " -Inf\n"},
                {1.0 / 3, " 0.3333333333333333\n"}};
    static page_text page;
    hc_metric *gauge;
    hc_metrics *metrics = registry();
    assert_int_equal(hc_metrics_add(metrics, &heat, NULL, 0, &gauge), HC_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hc_metric_set(gauge, rows[i].value);
        page.used = 0;
        assert_int_equal(hc_metrics_write(metrics, HC_METRICS_TEXT, take, &page), HC_OK);
        assert_line(&page, rows[i].text);
    }
    hc_metrics_destroy(metrics);
}

static void test_a_refused_page_says_so(void **state)
{
    (void)state;
    static page_text page = {.limit = 40};
    hc_metrics *metrics = registry();
    fill(metrics);
    assert_int_equal(hc_metrics_write(metrics, HC_METRICS_TEXT, take, &page), HC_ERR_BUFFER);
    hc_metrics_destroy(metrics);
}

static void test_a_long_page_arrives_whole(void **state)
{
    (void)state;
    static page_text page;
    hc_metric *gauge;
    hc_metrics *metrics = registry();
    for (uint32_t i = 0; i < 400; i++) {
        char name[8] = {(char)('a' + (char)(i / 26)), (char)('a' + (char)(i % 26))};
        hc_metric_label label = {"name", hc_span_make(name, 2)};
        assert_int_equal(hc_metrics_add(metrics, &heat, &label, 1, &gauge), HC_OK);
        hc_metric_set(gauge, i);
    }
    page.used = 0;
    assert_int_equal(hc_metrics_write(metrics, HC_METRICS_TEXT, take, &page), HC_OK);
    const char *at = page.text;
    for (uint32_t i = 0; i < 400; i++) {
        at = strstr(at, "app_heat{");
        assert_non_null(at);
        at = strchr(at, '}') + 1;
        assert_int_equal(strtoul(at, NULL, 10), i);
    }
    hc_metrics_destroy(metrics);
}

static void test_the_form_follows_the_accept_header(void **state)
{
    (void)state;
    assert_int_equal(hc_metrics_negotiate(NULL), HC_METRICS_TEXT);
    assert_int_equal(hc_metrics_negotiate("*/*"), HC_METRICS_TEXT);
    assert_int_equal(hc_metrics_negotiate("application/openmetrics-text;version=1.0.0,"
                                          "text/plain;version=0.0.4;q=0.5"),
                     HC_METRICS_OPENMETRICS);
    assert_string_equal(hc_metrics_content_type(HC_METRICS_TEXT),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(hc_metrics_content_type(HC_METRICS_OPENMETRICS),
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_0_0_4_names_families_as_their_samples),
        cmocka_unit_test(test_openmetrics_names_families_without_suffix_and_ends),
        cmocka_unit_test(test_a_histogram_counts_upwards_and_shows_examples),
        cmocka_unit_test(test_label_values_may_be_any_bytes),
        cmocka_unit_test(test_numbers_are_written_as_both_forms_read_them),
        cmocka_unit_test(test_a_refused_page_says_so),
        cmocka_unit_test(test_a_long_page_arrives_whole),
        cmocka_unit_test(test_the_form_follows_the_accept_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
