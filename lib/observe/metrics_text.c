/*
 * metrics_text.c - the page: Prometheus text 0.0.4, and OpenMetrics 1.0.0 with exemplars.
 *
 *     # HELP hypercache_requests_total Requests answered.       0.0.4 names a counter's family
 *     # TYPE hypercache_requests_total counter                  with _total, OpenMetrics without
 *     hypercache_requests_total{node="n1",operation="get"} 17
 *
 * Text gathers in a small buffer and leaves in pieces.  A page that its taker refused is written on
 * into nothing, so no call here has an error to hand back.
 */
#include <hypercache/metrics.h>

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "observe/metrics_private.h"
#include "observe/real_text.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

const uint64_t hc_metric_bounds_ns[HC_METRIC_BOUNDS] = {
    10 * US, 25 * US, 50 * US,  100 * US, 250 * US, 500 * US, 1 * MS,    2500 * US, 5 * MS, 10 * MS,
    25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S,    2500 * MS, 5 * S,     10 * S};

/* The same as the page writes them. */
static const char *const bound_names[HC_METRIC_BOUNDS + 1] = {
    "1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
    "0.025", "0.05",    "0.1",   "0.25",   "0.5",     "1.0",    "2.5",   "5.0",    "10.0",  "+Inf"};

struct hc_metrics_page {
    const hc_metrics *of;
    hc_metrics_format format;
    const hc_metric_family *family; /* the present one */
    hc_metrics_put put;
    void *ctx;
    bool refused;
    size_t used;
    char text[4096];
};

const char *hc_metrics_content_type(hc_metrics_format format)
{
    return format == HC_METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

hc_metrics_format hc_metrics_negotiate(const char *accept)
{
    bool open = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
    return open ? HC_METRICS_OPENMETRICS : HC_METRICS_TEXT;
}

uint32_t hc_metric_bucket(uint64_t ns)
{
    uint32_t bucket = 0;
    while (bucket < HC_METRIC_BOUNDS && ns > hc_metric_bounds_ns[bucket])
        bucket++;
    return bucket;
}

/* ---- pieces of text ---- */

static void flush(hc_metrics_page *page)
{
    if (page->used > 0 && !page->refused)
        page->refused = !page->put(page->ctx, page->text, page->used);
    page->used = 0;
}

static void put(hc_metrics_page *page, const char *text, size_t bytes)
{
    while (bytes > 0) {
        size_t room = sizeof page->text - page->used;
        size_t part = bytes < room ? bytes : room;
        memcpy(page->text + page->used, text, part);
        page->used += part;
        text += part;
        bytes -= part;
        if (page->used == sizeof page->text) flush(page);
    }
}

static void put_string(hc_metrics_page *page, const char *text)
{
    put(page, text, strlen(text));
}

/* A label's value or, without `quotes`, a HELP text, which escapes no quotes in 0.0.4. */
static void put_escaped(hc_metrics_page *page, hc_span text, bool quotes)
{
    while (text.size > 0) {
        size_t size = hci_utf8_size(text.data, text.size);
        uint8_t first = text.data[0];
        if (size == 0) {
            put_string(page, HCI_UTF8_UNKNOWN);
            size = 1;
        } else if (first == '\\') {
            put(page, "\\\\", 2);
        } else if (first == '\n') {
            put(page, "\\n", 2);
        } else if (first == '"' && quotes) {
            put(page, "\\\"", 2);
        } else {
            put(page, (const char *)text.data, size);
        }
        text.data += size;
        text.size -= size;
    }
}

static void put_number(hc_metrics_page *page, uint64_t value)
{
    char text[24];
    put(page, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, value));
}

static void put_real(hc_metrics_page *page, double value)
{
    char text[HCI_REAL_CHARS];
    if (isfinite(value))
        put(page, text, hci_real_text(value, text));
    else
        put_string(page, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
}

/* Nanoseconds as seconds, exactly. */
static void put_seconds(hc_metrics_page *page, uint64_t ns)
{
    char text[40];
    put(page, text, (size_t)snprintf(text, sizeof text, "%" PRIu64 ".%09" PRIu64, ns / S, ns % S));
}

/* ---- lines ---- */

static void put_label(hc_metrics_page *page, const char *name, hc_span value, bool *any)
{
    put(page, *any ? "," : "{", 1);
    *any = true;
    if (value.size > HC_METRIC_LABEL_BYTES_MAX) value.size = HC_METRIC_LABEL_BYTES_MAX;
    put_string(page, name);
    put(page, "=\"", 2);
    put_escaped(page, value, true);
    put(page, "\"", 1);
}

/* name_suffix{labels,le="..."} and the blank behind it. */
static void put_head(hc_metrics_page *page, const char *suffix, const hc_metric_label *labels,
                     size_t count, const char *le)
{
    bool any = false;
    const label_set *all = &page->of->labels;
    put_string(page, page->family->name);
    put_string(page, suffix);
    for (size_t i = 0; i < all->count; i++)
        put_label(page, all->labels[i].name, all->labels[i].value, &any);
    for (size_t i = 0; i < count; i++)
        put_label(page, labels[i].name, labels[i].value, &any);
    if (le != NULL) put_label(page, "le", hc_span_make(le, strlen(le)), &any);
    if (any) put(page, "}", 1);
    put(page, " ", 1);
}

static const char *suffix_of(const hc_metric_family *family)
{
    if (family->kind == HC_METRIC_COUNTER) return "_total";
    return family->kind == HC_METRIC_INFO ? "_info" : "";
}

static const char *type_of(const hc_metrics_page *page, hc_metric_kind kind)
{
    static const char *const names[] = {"counter", "gauge", "histogram", "summary", "info"};
    bool open = page->format == HC_METRICS_OPENMETRICS;
    return kind == HC_METRIC_INFO && !open ? "gauge" : names[kind];
}

static void put_comment(hc_metrics_page *page, const char *what)
{
    put(page, "# ", 2);
    put_string(page, what);
    put(page, " ", 1);
    put_string(page, page->family->name);
    if (page->format == HC_METRICS_TEXT) put_string(page, suffix_of(page->family));
    put(page, " ", 1);
}

void hc_page_family(hc_metrics_page *page, const hc_metric_family *family)
{
    bool open = page->format == HC_METRICS_OPENMETRICS;
    page->family = family;
    put_comment(page, "HELP");
    put_escaped(page, hc_span_make(family->help, strlen(family->help)), open);
    put(page, "\n", 1);
    put_comment(page, "TYPE");
    put_string(page, type_of(page, family->kind));
    put(page, "\n", 1);
    if (!open || family->unit == NULL) return;
    put_comment(page, "UNIT");
    put_string(page, family->unit);
    put(page, "\n", 1);
}

void hc_page_count(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                   uint64_t value)
{
    assert(page->family != NULL);
    put_head(page, suffix_of(page->family), labels, label_count, NULL);
    put_number(page, value);
    put(page, "\n", 1);
}

void hc_page_value(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                   double value)
{
    assert(page->family != NULL);
    put_head(page, suffix_of(page->family), labels, label_count, NULL);
    put_real(page, value);
    put(page, "\n", 1);
}

static void put_exemplar(hc_metrics_page *page, const hc_metric_exemplar *one)
{
    char text[40];
    hc_span id = one->id;
    bool any = false;
    if (id.size > HC_METRIC_TRACE_BYTES_MAX) id.size = HC_METRIC_TRACE_BYTES_MAX;
    put(page, " # ", 3);
    put_label(page, one->label, id, &any);
    put(page, "} ", 2);
    put_seconds(page, one->ns);
    put(page, text,
        (size_t)snprintf(text, sizeof text, " %" PRId64 ".%03d", one->time_ms / 1000,
                         (int)(one->time_ms % 1000)));
}

void hc_page_durations(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                       const hc_metric_durations *durations)
{
    assert(page->family != NULL && page->family->kind == HC_METRIC_HISTOGRAM);
    uint64_t count = 0;
    for (uint32_t i = 0; i <= HC_METRIC_BOUNDS; i++) {
        const hc_metric_exemplar *one =
            durations->exemplars != NULL ? &durations->exemplars[i] : NULL;
        count += durations->counts[i];
        put_head(page, "_bucket", labels, label_count, bound_names[i]);
        put_number(page, count);
        /* An example of nothing would be a lie, and it may have come before a reset. */
        if (one != NULL && one->label != NULL && durations->counts[i] > 0 &&
            page->format == HC_METRICS_OPENMETRICS)
            put_exemplar(page, one);
        put(page, "\n", 1);
    }
    hc_page_summary(page, labels, label_count, durations->sum_ns, count);
}

void hc_page_summary(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                     uint64_t sum_ns, uint64_t count)
{
    assert(page->family != NULL);
    put_head(page, "_sum", labels, label_count, NULL);
    put_seconds(page, sum_ns);
    put(page, "\n", 1);
    put_head(page, "_count", labels, label_count, NULL);
    put_number(page, count);
    put(page, "\n", 1);
}

/* ---- the registry's own series ---- */

static void durations_read(const hc_metric *from, hc_metric_durations *out)
{
    for (uint32_t lane = 0; lane < from->lanes; lane++) {
        const log_linear *part = &from->at.durations[lane];
        for (unsigned i = 0; i < LOG_LINEAR_BUCKETS; i++) {
            uint64_t count = atomic_load_explicit(&part->counts[i], memory_order_relaxed);
            bool last = i == LOG_LINEAR_BUCKETS - 1;
            uint64_t end_ns = last ? UINT64_MAX : log_linear_end_ns(i);
            if (count > 0) out->counts[hc_metric_bucket(end_ns)] += count;
        }
        out->sum_ns += atomic_load_explicit(&part->sum_ns, memory_order_relaxed);
    }
}

static void page_histogram(hc_metrics_page *page, const hc_metric *from)
{
    hc_metric_exemplar exemplars[HC_METRIC_BOUNDS + 1] = {{0}};
    hc_metric_durations durations = {.exemplars = exemplars};
    durations_read(from, &durations);
    for (uint32_t i = 0; i <= HC_METRIC_BOUNDS; i++) {
        const example *e = &from->examples[i];
        if (e->id_bytes == 0) continue;
        exemplars[i] = (hc_metric_exemplar){.label = "trace_id",
                                            .id = hc_span_make(e->id, e->id_bytes),
                                            .ns = e->ns,
                                            .time_ms = e->time_ms};
    }
    hc_page_durations(page, from->labels.labels, from->labels.count, &durations);
}

static void page_metric(hc_metrics_page *page, const hc_metric *from)
{
    const label_set *set = &from->labels;
    double value;
    uint64_t bits;
    switch (from->kind) {
    case HC_METRIC_COUNTER:
        hc_page_count(page, set->labels, set->count, hc_metric_total(from));
        return;
    case HC_METRIC_HISTOGRAM:
        page_histogram(page, from);
        return;
    case HC_METRIC_GAUGE:
        bits = atomic_load_explicit(&from->at.bits, memory_order_relaxed);
        memcpy(&value, &bits, sizeof value);
        hc_page_value(page, set->labels, set->count, value);
        return;
    case HC_METRIC_SUMMARY:
    case HC_METRIC_INFO:
        break;
    }
    assert(false); /* hc_metrics_add refuses them */
}

hc_status hc_metrics_write(hc_metrics *metrics, hc_metrics_format format, hc_metrics_put put_piece,
                           void *ctx)
{
    hc_metrics_page page = {.of = metrics, .format = format, .put = put_piece, .ctx = ctx};
    hci_lock_acquire(&metrics->lock);
    for (const kin *k = metrics->first; k != NULL; k = k->next) {
        hc_page_family(&page, k->family);
        for (const hc_metric *m = k->first; m != NULL; m = m->next)
            page_metric(&page, m);
    }
    const collector *c = metrics->collectors;
    hci_lock_release(&metrics->lock);
    while (c != NULL) { /* called without the lock; the list only grows at its end */
        c->collect(c->ctx, &page);
        hci_lock_acquire(&metrics->lock);
        c = c->next;
        hci_lock_release(&metrics->lock);
    }
    if (format == HC_METRICS_OPENMETRICS) put_string(&page, "# EOF\n");
    flush(&page);
    return page.refused ? HC_ERR_BUFFER : HC_OK;
}
