/*
 * metrics.h - counters, gauges and histograms, and the page that a Prometheus server reads.
 *
 *     static const hc_metric_family jobs = {.name = "app_jobs", .kind = HC_METRIC_COUNTER,
 *                                           .help = "Jobs done."};
 *     hc_metrics_create(host, &options, &metrics);
 *     hc_metrics_add(metrics, &jobs, NULL, 0, &done);           once, at start
 *     hc_metric_count(done, thread_number, 1);                  any time; takes no lock
 *     hc_metrics_write(metrics, HC_METRICS_TEXT, put, ctx);     for GET /metrics
 *
 * A number that is counted elsewhere already is not counted twice: a collector, called while a page
 * is written, tells it with the hc_page_ calls.
 *
 * Names:     as OpenMetrics has them: a counter's family without `_total`, an info's without
 *            `_info`; the writer adds what each form wants.  Base units: seconds, bytes, ratios.
 * Labels:    closed sets only.  A family has at most HC_METRIC_SERIES_MAX series of its own.
 * Lanes:     a counter or histogram has a place for each of `lanes` threads, and each thread writes
 *            to its own alone: an addition, no lock, no shared line.  A reader adds them up.
 * Source:    Prometheus text format 0.0.4; OpenMetrics 1.0.0.
 * Ownership: families are borrowed for the registry's life (static tables); label values are
 * copied. Threads:   every call may come from any thread, but one lane has one writer at a time.
 */
#ifndef HYPERCACHE_METRICS_H
#define HYPERCACHE_METRICS_H

#include <hypercache/host.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_metrics hc_metrics;           /* the registry */
typedef struct hc_metric hc_metric;             /* one series; lives as long as the registry */
typedef struct hc_metrics_page hc_metrics_page; /* while a page is written */

#define HC_METRIC_LABELS_MAX 8u
#define HC_METRIC_LABEL_BYTES_MAX 256u /* of a value; more is cut */
#define HC_METRIC_SERIES_MAX 512u
#define HC_METRIC_LANES_MAX 1024u
#define HC_METRIC_TRACE_BYTES_MAX 64u /* of an exemplar's id; more is cut */

/* Where the buckets of a histogram end, in nanoseconds: 10 us ... 10 s. */
#define HC_METRIC_BOUNDS 19u
HC_API
extern const uint64_t hc_metric_bounds_ns[HC_METRIC_BOUNDS];

typedef enum hc_metric_kind {
    HC_METRIC_COUNTER = 0, /* only grows, or starts again from 0 */
    HC_METRIC_GAUGE = 1,
    HC_METRIC_HISTOGRAM = 2, /* of durations */
    HC_METRIC_SUMMARY = 3,   /* sum and count of durations; told by collectors only */
    HC_METRIC_INFO = 4       /* labels are all it says; told by collectors only */
} hc_metric_kind;

typedef struct hc_metric_family {
    const char *name; /* [a-z_:][a-z0-9_:]* */
    hc_metric_kind kind;
    const char *unit; /* the name's last word if that is a unit ("seconds"); NULL: none */
    const char *help; /* a sentence */
} hc_metric_family;

typedef struct hc_metric_label {
    const char *name;
    hc_span value; /* any bytes; what is not UTF-8 is written as U+FFFD */
} hc_metric_label;

typedef struct hc_metrics_options {
    size_t size;                   /* bytes of this struct, as the caller compiled it */
    const hc_metric_label *labels; /* of every series, such as node="node-1"; copied */
    size_t label_count;            /* 0..HC_METRIC_LABELS_MAX */
    uint32_t lanes;                /* threads that count, 1..HC_METRIC_LANES_MAX; 0: 1 */
    uint32_t reserved;             /* 0 */
} hc_metrics_options;

/* `host` and `options` NULL take every default.  On error *metrics_out is NULL.
 *   HC_ERR_INVALID, HC_ERR_UNSUPPORTED, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_metrics_create(const hc_host *host, const hc_metrics_options *options,
                            hc_metrics **metrics_out);
/* Accepts NULL.  No other call may run or follow; its series are gone too. */
HC_API
void hc_metrics_destroy(hc_metrics *metrics);

/* ---- series of its own ---- */

/* Adds a series of `family` with these labels.  On error *metric_out is NULL.
 *   HC_ERR_INVALID  a summary or info, too many labels, or a family of the same name but another
 *                   address
 *   HC_ERR_EXISTS   the family has a series with these label values
 *   HC_ERR_LIMIT    it has HC_METRIC_SERIES_MAX
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_metrics_add(hc_metrics *metrics, const hc_metric_family *family,
                         const hc_metric_label *labels, size_t label_count, hc_metric **metric_out);
/* A counter: adds.  `metric` may be NULL, and then nothing is counted; so in all three. */
HC_API
void hc_metric_count(hc_metric *metric, uint32_t lane, uint64_t amount);
/* A gauge: sets; the last one counts.  Any thread. */
HC_API
void hc_metric_set(hc_metric *metric, double value);
/* A histogram: something took `ns`.  Kept log-linearly (16 parts of each power of two), so the
 * borders of the page's buckets are true within 6.25 %. */
HC_API
void hc_metric_observe(hc_metric *metric, uint32_t lane, uint64_t ns);
/* As before, and the page shows `trace_id` as an example of its bucket.  Takes a short lock. */
HC_API
void hc_metric_observe_traced(hc_metric *metric, uint32_t lane, uint64_t ns, hc_span trace_id,
                              int64_t time_ms);
/* Sums of all lanes: a counter's value, or how many a histogram holds. */
HC_API
uint64_t hc_metric_total(const hc_metric *metric);

/* ---- the page ---- */

typedef enum hc_metrics_format {
    HC_METRICS_TEXT = 0,        /* text/plain; version=0.0.4 */
    HC_METRICS_OPENMETRICS = 1, /* application/openmetrics-text; version=1.0.0 */
} hc_metrics_format;
/* The Content-Type of a format, static. */
HC_API
const char *hc_metrics_content_type(hc_metrics_format format);
/* Which one a client wants, by its Accept header (NULL: it sent none). */
HC_API
hc_metrics_format hc_metrics_negotiate(const char *accept);

/* Takes a piece of the page; false ends the writing. */
typedef bool (*hc_metrics_put)(void *ctx, const char *text, size_t bytes);
/*   HC_ERR_BUFFER  `put` said false */
HC_API
hc_status hc_metrics_write(hc_metrics *metrics, hc_metrics_format format, hc_metrics_put put,
                           void *ctx);

/* `collect` is called once a page, in the order of registration, by the thread that writes.  It
 * tells whole families; no name may come from two places.
 *   HC_ERR_NO_MEMORY */
typedef void (*hc_metrics_collector)(void *ctx, hc_metrics_page *page);
HC_API
hc_status hc_metrics_collect(hc_metrics *metrics, hc_metrics_collector collect, void *ctx);

/* Begins a family; its samples follow, each with its own labels. */
HC_API
void hc_page_family(hc_metrics_page *page, const hc_metric_family *family);
HC_API
void hc_page_count(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                   uint64_t value);
HC_API
void hc_page_value(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                   double value);

/* One thing that happened, as an example of what a bucket holds. */
typedef struct hc_metric_exemplar {
    const char *label; /* "trace_id", "correlation_id"; NULL: no exemplar */
    hc_span id;
    uint64_t ns;
    int64_t time_ms;
} hc_metric_exemplar;

typedef struct hc_metric_durations {
    uint64_t counts[HC_METRIC_BOUNDS + 1]; /* in each bucket alone; the last has no end */
    uint64_t sum_ns;
    const hc_metric_exemplar *exemplars; /* HC_METRIC_BOUNDS + 1 of them; NULL: none */
} hc_metric_durations;
HC_API
void hc_page_durations(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                       const hc_metric_durations *durations);
HC_API
void hc_page_summary(hc_metrics_page *page, const hc_metric_label *labels, size_t label_count,
                     uint64_t sum_ns, uint64_t count);
/* The bucket of a duration: the first whose bound is not below it; HC_METRIC_BOUNDS beyond all. */
HC_API
uint32_t hc_metric_bucket(uint64_t ns);

#ifdef __cplusplus
}
#endif
#endif
