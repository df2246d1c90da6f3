/*
 * test_metrics.c - counting without locks, and registries that refuse what would spoil a page.
 */
#include "support/test.h"

#include "support/test_host.h"
#include "support/test_threads.h"
#include <hypercache/metrics.h>

static const hc_metric_family jobs = {
    .name = "app_jobs", .kind = HC_METRIC_COUNTER, .help = "Jobs."};
static const hc_metric_family heat = {.name = "app_heat", .kind = HC_METRIC_GAUGE, .help = "Heat."};
static const hc_metric_family work = {
    .name = "app_work_seconds", .kind = HC_METRIC_HISTOGRAM, .unit = "seconds", .help = "Work."};

#define LANES 4u
#define ROUNDS 20000u

typedef struct lane_work {
    hc_metric *counter, *histogram;
    uint32_t lane;
} lane_work;

static void *count_in_lane(void *ctx)
{
    const lane_work *of = ctx;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        hc_metric_count(of->counter, of->lane, 2);
        hc_metric_observe(of->histogram, of->lane, i);
    }
    return NULL;
}

static void test_no_count_of_any_thread_is_lost(void **state)
{
    (void)state;
    hc_metrics *metrics;
    hc_metrics_options options = {.size = sizeof options, .lanes = LANES};
    assert_int_equal(hc_metrics_create(NULL, &options, &metrics), HC_OK);
    lane_work lanes[LANES] = {{0}};
    hc_metric *counter, *histogram;
    assert_int_equal(hc_metrics_add(metrics, &jobs, NULL, 0, &counter), HC_OK);
    assert_int_equal(hc_metrics_add(metrics, &work, NULL, 0, &histogram), HC_OK);
    for (uint32_t i = 0; i < LANES; i++)
        lanes[i] = (lane_work){counter, histogram, i};
    test_threads(LANES, count_in_lane, lanes, sizeof lanes[0]);
    assert_int_equal(hc_metric_total(counter), 2 * LANES * ROUNDS);
    assert_int_equal(hc_metric_total(histogram), LANES * ROUNDS);
    hc_metrics_destroy(metrics);
}

static void test_a_series_is_added_once(void **state)
{
    (void)state;
    hc_metrics *metrics;
    hc_metric *one;
    hc_metric_label a = {"kind", HC_SPAN("a")}, b = {"kind", HC_SPAN("b")};
    hc_metric_family twin = jobs;
    assert_int_equal(hc_metrics_create(NULL, NULL, &metrics), HC_OK);
    assert_int_equal(hc_metrics_add(metrics, &jobs, &a, 1, &one), HC_OK);
    assert_int_equal(hc_metrics_add(metrics, &jobs, &b, 1, &one), HC_OK);
    assert_int_equal(hc_metrics_add(metrics, &jobs, &a, 1, &one), HC_ERR_EXISTS);
    assert_null(one);
    assert_int_equal(hc_metrics_add(metrics, &twin, NULL, 0, &one), HC_ERR_INVALID);
    hc_metrics_destroy(metrics);
}

static void test_a_familys_series_are_bounded(void **state)
{
    (void)state;
    hc_metrics *metrics;
    hc_metric *one;
    uint32_t number = 0;
    hc_metric_label label = {"number", hc_span_make(&number, sizeof number)};
    assert_int_equal(hc_metrics_create(NULL, NULL, &metrics), HC_OK);
    for (; number < HC_METRIC_SERIES_MAX; number++)
        assert_int_equal(hc_metrics_add(metrics, &heat, &label, 1, &one), HC_OK);
    assert_int_equal(hc_metrics_add(metrics, &heat, &label, 1, &one), HC_ERR_LIMIT);
    hc_metrics_destroy(metrics);
}

static void test_what_cannot_be_kept_is_refused(void **state)
{
    (void)state;
    hc_metrics *metrics;
    hc_metric *one;
    hc_metric_label labels[HC_METRIC_LABELS_MAX + 1] = {{0}};
    hc_metric_family info = {.name = "app", .kind = HC_METRIC_INFO, .help = "App."};
    hc_metrics_options options = {.size = sizeof options, .lanes = HC_METRIC_LANES_MAX + 1};
    assert_int_equal(hc_metrics_create(NULL, &options, &metrics), HC_ERR_INVALID);
    assert_null(metrics);
    options = (hc_metrics_options){
        .size = sizeof options, .labels = labels, .label_count = HC_METRIC_LABELS_MAX + 1};
    assert_int_equal(hc_metrics_create(NULL, &options, &metrics), HC_ERR_INVALID);
    assert_int_equal(hc_metrics_create(NULL, NULL, &metrics), HC_OK);
    assert_int_equal(hc_metrics_add(metrics, &info, NULL, 0, &one), HC_ERR_INVALID);
    assert_int_equal(hc_metrics_add(metrics, &jobs, labels, HC_METRIC_LABELS_MAX + 1, &one),
                     HC_ERR_INVALID);
    hc_metrics_destroy(metrics);
}

static void collect_nothing(void *ctx, hc_metrics_page *page)
{
    (void)ctx;
    (void)page;
}

static hc_status everything(const hc_host *host)
{
    hc_metrics *metrics;
    hc_metric *one;
    hc_metric_label node = {"node", HC_SPAN("n1")}, kind = {"kind", HC_SPAN("a")};
    hc_metrics_options options = {.size = sizeof options, .labels = &node, .label_count = 1};
    hc_status status = hc_metrics_create(host, &options, &metrics);
    if (status == HC_OK) status = hc_metrics_add(metrics, &jobs, &kind, 1, &one);
    if (status == HC_OK) status = hc_metrics_add(metrics, &heat, NULL, 0, &one);
    if (status == HC_OK) status = hc_metrics_add(metrics, &work, &kind, 1, &one);
    if (status == HC_OK) status = hc_metrics_collect(metrics, collect_nothing, NULL);
    hc_metrics_destroy(metrics);
    return status;
}

static void test_without_memory_nothing_is_lost_or_kept(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    size_t grants = 0;
    for (; grants < 100; grants++) {
        memory.grants = grants;
        hc_status status = everything(&host);
        assert_int_equal(memory.live_bytes, 0);
        if (status == HC_OK) break;
        assert_int_equal(status, HC_ERR_NO_MEMORY);
    }
    assert_in_range(grants, 5, 99);
}

static void test_without_a_series_counting_is_a_no_op(void **state)
{
    (void)state;
    hc_metric_count(NULL, 3, 1);
    hc_metric_set(NULL, 1);
    hc_metric_observe(NULL, 3, 1);
    hc_metric_observe_traced(NULL, 3, 1, HC_SPAN("id"), 1);
    assert_int_equal(hc_metric_total(NULL), 0);
    hc_metrics_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_count_of_any_thread_is_lost),
        cmocka_unit_test(test_a_series_is_added_once),
        cmocka_unit_test(test_a_familys_series_are_bounded),
        cmocka_unit_test(test_what_cannot_be_kept_is_refused),
        cmocka_unit_test(test_without_memory_nothing_is_lost_or_kept),
        cmocka_unit_test(test_without_a_series_counting_is_a_no_op),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
