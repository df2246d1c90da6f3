/*
 * observed.c - a program tells Prometheus what its cache does, and hears of events.
 *
 * Hits and misses are counted by the store already, so a collector tells them when a page is
 * written; what the program itself counts is a series of the registry.
 *
 * Prints:
 *
 *     # HELP app_lookups_total Lookups that the program made.
 *     # TYPE app_lookups_total counter
 *     app_lookups_total{app="demo"} 2
 *     # HELP app_cache_hits_total Lookups that found their key.
 *     # TYPE app_cache_hits_total counter
 *     app_cache_hits_total{app="demo"} 1
 *     event: config_changed, info: the demo was configured
 */
#include <hypercache/hypercache.h>
#include <stdio.h>

static void tell_hits(void *ctx, hc_metrics_page *page)
{
    static const hc_metric_family hits = {.name = "app_cache_hits",
                                          .kind = HC_METRIC_COUNTER,
                                          .help = "Lookups that found their key."};
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(ctx, &stats);
    hc_page_family(page, &hits);
    hc_page_count(page, NULL, 0, stats.hits);
}

static bool print(void *ctx, const char *text, size_t bytes)
{
    return fwrite(text, 1, bytes, ctx) == bytes;
}

static void hear(void *ctx, const hc_log_record *line, const hc_event_record *record)
{
    (void)fprintf(ctx, "event: %s, %s: %s\n", hc_event_meaning_of(record->kind)->name,
                  hc_event_severity(record->level), line->message);
}

static hc_status run(hc_store *store, hc_metrics *metrics, hc_events *events)
{
    static const hc_metric_family lookups = {
        .name = "app_lookups", .kind = HC_METRIC_COUNTER, .help = "Lookups that the program made."};
    char value[8];
    hc_metric *looked;
    hc_status status = hc_metrics_add(metrics, &lookups, NULL, 0, &looked);
    if (status == HC_OK) status = hc_metrics_collect(metrics, tell_hits, store);
    if (status == HC_OK) status = hc_store_set(store, HC_SPAN("a"), HC_SPAN("1"), NULL);
    if (status != HC_OK) return status;
    (void)hc_store_get(store, HC_SPAN("a"), value, sizeof value, NULL);
    (void)hc_store_get(store, HC_SPAN("b"), value, sizeof value, NULL);
    hc_metric_count(looked, 0, 2);
    status = hc_metrics_write(metrics, HC_METRICS_TEXT, print, stdout); /* for GET /metrics */
    hc_events_emit(events, HC_EVENT_CONFIG_CHANGED,
                   &(hc_event){.message = "the demo was configured"});
    return status;
}

int main(void)
{
    hc_store *store = NULL;
    hc_metrics *metrics = NULL;
    hc_events *events = NULL;
    const hc_metric_label app = {"app", HC_SPAN("demo")};
    hc_metrics_options page = {.size = sizeof page, .labels = &app, .label_count = 1};
    hc_events_options ring = {.size = sizeof ring, .deliver = hear, .ctx = stdout};
    hc_status status = hc_store_create(NULL, NULL, &store);
    if (status == HC_OK) status = hc_metrics_create(NULL, &page, &metrics);
    if (status == HC_OK) status = hc_events_create(NULL, &ring, &events);
    if (status == HC_OK) status = run(store, metrics, events);
    hc_events_destroy(events);
    hc_metrics_destroy(metrics);
    hc_store_destroy(store);
    if (status != HC_OK) (void)fprintf(stderr, "observed: %s\n", hc_status_text(status));
    return status == HC_OK ? 0 : 1;
}
