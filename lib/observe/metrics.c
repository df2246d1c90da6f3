/*
 * metrics.c - the registry: lists that only grow, and counting without a lock.
 *
 *     lane 0   lane 1   lane 2          each thread adds to its own place with a plain load and
 *     [ 17 ]   [  4 ]   [ 90 ]          store; a reader sums, and so sees a moment, not an instant
 */
#include <hypercache/metrics.h>

#include <assert.h>
#include <string.h>

#include "base/options.h"
#include "observe/metrics_private.h"

_Static_assert(sizeof(tally) == 128, "two lines: the next one is fetched along");

/* ---- labels ---- */

static void labels_fini(const hci_host *host, label_set *of)
{
    hci_release(host, of->text, of->text_bytes);
    of->text = NULL;
}

/* Names stay the caller's, values are copied into one block. */
static hc_status labels_copy(const hci_host *host, const hc_metric_label *labels, size_t count,
                             label_set *out)
{
    *out = (label_set){.count = count};
    if (count > HC_METRIC_LABELS_MAX) return HC_ERR_INVALID;
    for (size_t i = 0; i < count; i++) {
        out->labels[i] = labels[i];
        if (labels[i].value.size > HC_METRIC_LABEL_BYTES_MAX)
            out->labels[i].value.size = HC_METRIC_LABEL_BYTES_MAX;
        out->text_bytes += out->labels[i].value.size;
    }
    if (out->text_bytes == 0) return HC_OK;
    out->text = hci_allocate(host, out->text_bytes);
    if (out->text == NULL) return HC_ERR_NO_MEMORY;
    char *at = out->text;
    for (size_t i = 0; i < count; i++) {
        hc_span *value = &out->labels[i].value;
        if (value->size == 0) continue;
        memcpy(at, value->data, value->size);
        value->data = (const uint8_t *)at;
        at += value->size;
    }
    return HC_OK;
}

static bool labels_equal(const label_set *a, const hc_metric_label *labels, size_t count)
{
    if (a->count != count) return false;
    for (size_t i = 0; i < count; i++) {
        hc_span x = a->labels[i].value, y = labels[i].value;
        if (y.size > HC_METRIC_LABEL_BYTES_MAX) y.size = HC_METRIC_LABEL_BYTES_MAX;
        if (strcmp(a->labels[i].name, labels[i].name) != 0 || x.size != y.size) return false;
        if (x.size > 0 && memcmp(x.data, y.data, x.size) != 0) return false;
    }
    return true;
}

/* ---- the registry ---- */

hc_status hc_metrics_create(const hc_host *host, const hc_metrics_options *options,
                            hc_metrics **metrics_out)
{
    hc_metrics_options o;
    hci_host resolved;
    *metrics_out = NULL;
    hc_status status =
        hci_options_copy(&o, sizeof o, options, options != NULL ? options->size : sizeof o);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    if (o.lanes == 0) o.lanes = 1;
    if (o.lanes > HC_METRIC_LANES_MAX || o.reserved != 0) return HC_ERR_INVALID;
    hc_metrics *made = hci_allocate(&resolved, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    *made = (hc_metrics){.host = resolved, .lanes = o.lanes};
    status = labels_copy(&resolved, o.labels, o.label_count, &made->labels);
    if (status != HC_OK) {
        hci_release(&resolved, made, sizeof *made);
        return status;
    }
    hci_lock_init(&made->lock);
    *metrics_out = made;
    return HC_OK;
}

static void metric_free(const hci_host *host, hc_metric *of)
{
    if (of->kind == HC_METRIC_COUNTER) hci_release(host, of->at.tallies, of->bytes);
    if (of->kind == HC_METRIC_HISTOGRAM) hci_release(host, of->at.durations, of->bytes);
    labels_fini(host, &of->labels);
    hci_release(host, of, sizeof *of);
}

void hc_metrics_destroy(hc_metrics *metrics)
{
    if (metrics == NULL) return;
    const hci_host host = metrics->host;
    kin *next_kin;
    for (kin *k = metrics->first; k != NULL; k = next_kin) {
        hc_metric *next;
        for (hc_metric *m = k->first; m != NULL; m = next) {
            next = m->next;
            metric_free(&host, m);
        }
        next_kin = k->next;
        hci_release(&host, k, sizeof *k);
    }
    collector *next_collector;
    for (collector *c = metrics->collectors; c != NULL; c = next_collector) {
        next_collector = c->next;
        hci_release(&host, c, sizeof *c);
    }
    labels_fini(&host, &metrics->labels);
    hci_lock_fini(&metrics->lock);
    hci_release(&host, metrics, sizeof *metrics);
}

/* ---- series ---- */

static hc_status metric_make(hc_metrics *owner, hc_metric_kind kind, const hc_metric_label *labels,
                             size_t count, hc_metric **out)
{
    const hci_host *host = &owner->host;
    hc_metric *made = hci_allocate(host, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    memset(made, 0, sizeof *made);
    made->owner = owner;
    made->kind = kind;
    made->lanes = owner->lanes;
    hc_status status = labels_copy(host, labels, count, &made->labels);
    void *lanes = NULL;
    if (kind != HC_METRIC_GAUGE && status == HC_OK) {
        made->bytes =
            owner->lanes * (kind == HC_METRIC_COUNTER ? sizeof(tally) : sizeof(log_linear));
        lanes = hci_allocate(host, made->bytes);
        if (lanes == NULL) status = HC_ERR_NO_MEMORY;
    }
    if (lanes != NULL) memset(lanes, 0, made->bytes);
    if (kind == HC_METRIC_COUNTER) made->at.tallies = lanes;
    if (kind == HC_METRIC_HISTOGRAM) made->at.durations = lanes;
    *out = made;
    if (status == HC_OK) return HC_OK;
    metric_free(host, made);
    *out = NULL;
    return status;
}

/* The lock is held.  *kin_out NULL: to be made. */
static hc_status kin_find(const hc_metrics *in, const hc_metric_family *family,
                          const hc_metric_label *labels, size_t count, kin **kin_out)
{
    *kin_out = NULL;
    for (kin *k = in->first; k != NULL; k = k->next) {
        if (strcmp(k->family->name, family->name) != 0) continue;
        if (k->family != family) return HC_ERR_INVALID;
        *kin_out = k;
        for (const hc_metric *m = k->first; m != NULL; m = m->next)
            if (labels_equal(&m->labels, labels, count)) return HC_ERR_EXISTS;
        return k->count < HC_METRIC_SERIES_MAX ? HC_OK : HC_ERR_LIMIT;
    }
    return HC_OK;
}

/* The lock is held.  NULL: no memory. */
static kin *kin_add(hc_metrics *to, const hc_metric_family *family)
{
    kin *made = hci_allocate(&to->host, sizeof *made);
    if (made == NULL) return NULL;
    *made = (kin){.family = family};
    if (to->last != NULL)
        to->last->next = made;
    else
        to->first = made;
    to->last = made;
    return made;
}

hc_status hc_metrics_add(hc_metrics *metrics, const hc_metric_family *family,
                         const hc_metric_label *labels, size_t label_count, hc_metric **metric_out)
{
    *metric_out = NULL;
    if (family->kind > HC_METRIC_HISTOGRAM) return HC_ERR_INVALID;
    if (label_count + metrics->labels.count > HC_METRIC_LABELS_MAX) return HC_ERR_INVALID;
    hc_metric *made;
    hc_status status = metric_make(metrics, family->kind, labels, label_count, &made);
    if (status != HC_OK) return status;
    kin *in;
    hci_lock_acquire(&metrics->lock);
    status = kin_find(metrics, family, labels, label_count, &in);
    if (status == HC_OK && in == NULL) in = kin_add(metrics, family);
    if (status == HC_OK && in == NULL) status = HC_ERR_NO_MEMORY;
    if (status == HC_OK) {
        if (in->last != NULL)
            in->last->next = made;
        else
            in->first = made;
        in->last = made;
        in->count++;
        *metric_out = made;
    }
    hci_lock_release(&metrics->lock);
    if (status != HC_OK) metric_free(&metrics->host, made);
    return status;
}

/* One writer: a plain addition, seen by others some time later. */
static void add_to(_Atomic uint64_t *place, uint64_t amount)
{
    uint64_t before = atomic_load_explicit(place, memory_order_relaxed);
    atomic_store_explicit(place, before + amount, memory_order_relaxed);
}

void hc_metric_count(hc_metric *metric, uint32_t lane, uint64_t amount)
{
    if (metric == NULL) return;
    assert(metric->kind == HC_METRIC_COUNTER && lane < metric->lanes);
    add_to(&metric->at.tallies[lane].value, amount);
}

void hc_metric_set(hc_metric *metric, double value)
{
    if (metric == NULL) return;
    assert(metric->kind == HC_METRIC_GAUGE);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(&metric->at.bits, bits, memory_order_relaxed);
}

void hc_metric_observe(hc_metric *metric, uint32_t lane, uint64_t ns)
{
    if (metric == NULL) return;
    assert(metric->kind == HC_METRIC_HISTOGRAM && lane < metric->lanes);
    log_linear *to = &metric->at.durations[lane];
    add_to(&to->counts[log_linear_bucket(ns)], 1);
    add_to(&to->sum_ns, ns);
}

void hc_metric_observe_traced(hc_metric *metric, uint32_t lane, uint64_t ns, hc_span trace_id,
                              int64_t time_ms)
{
    hc_metric_observe(metric, lane, ns);
    if (metric == NULL || trace_id.size == 0) return;
    if (trace_id.size > HC_METRIC_TRACE_BYTES_MAX) trace_id.size = HC_METRIC_TRACE_BYTES_MAX;
    hci_lock_acquire(&metric->owner->lock);
    example *e = &metric->examples[hc_metric_bucket(ns)];
    e->ns = ns;
    e->time_ms = time_ms;
    e->id_bytes = trace_id.size;
    memcpy(e->id, trace_id.data, trace_id.size);
    hci_lock_release(&metric->owner->lock);
}

uint64_t hc_metric_total(const hc_metric *metric)
{
    uint64_t total = 0;
    for (uint32_t lane = 0; metric != NULL && lane < metric->lanes; lane++) {
        if (metric->kind == HC_METRIC_COUNTER)
            total += atomic_load_explicit(&metric->at.tallies[lane].value, memory_order_relaxed);
        for (unsigned i = 0; metric->kind == HC_METRIC_HISTOGRAM && i < LOG_LINEAR_BUCKETS; i++) {
            const log_linear *from = &metric->at.durations[lane];
            total += atomic_load_explicit(&from->counts[i], memory_order_relaxed);
        }
    }
    return total;
}

hc_status hc_metrics_collect(hc_metrics *metrics, hc_metrics_collector collect, void *ctx)
{
    collector *made = hci_allocate(&metrics->host, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    *made = (collector){.collect = collect, .ctx = ctx};
    hci_lock_acquire(&metrics->lock);
    if (metrics->collectors_last != NULL)
        metrics->collectors_last->next = made;
    else
        metrics->collectors = made;
    metrics->collectors_last = made;
    hci_lock_release(&metrics->lock);
    return HC_OK;
}
