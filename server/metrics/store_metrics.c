/*
 * store_metrics.c - what each store holds, how well it serves, where its memory is.
 *
 * A page has all series of a family together, so the stores are read once, then told family by
 * family.  Of more than STORES_MAX stores the rest are told as one, "others".
 */
#include "metrics/collectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORES_MAX 64u

typedef struct one_store {
    char name[HC_STORE_NAME_BYTES_MAX];
    size_t name_bytes;
    hc_store_stats stats;
    uint32_t pressure;
} one_store;

typedef struct reading {
    one_store *stores;
    size_t count;
    hc_store_stats sum;
} reading;

/* A family whose series are the stores. */
typedef struct store_family {
    hc_metric_family family;
    size_t offset; /* of the field in hc_store_stats */
} store_family;

#define STORE_COUNTER(field, family_name, family_help)                                             \
    {                                                                                              \
        {.name = family_name, .kind = HC_METRIC_COUNTER, .help = family_help},                     \
            offsetof(hc_store_stats, field)                                                        \
    }
#define STORE_GAUGE(field, family_name, family_help)                                               \
    {                                                                                              \
        {.name = family_name, .kind = HC_METRIC_GAUGE, .help = family_help},                       \
            offsetof(hc_store_stats, field)                                                        \
    }

static const store_family families[] = {
    STORE_COUNTER(hits, "hypercache_cache_hits", "Reads that found their key."),
    STORE_COUNTER(misses, "hypercache_cache_misses", "Reads that did not."),
    STORE_COUNTER(sets, "hypercache_cache_sets", "Values stored."),
    STORE_COUNTER(deletes, "hypercache_cache_deletes", "Keys removed because somebody asked."),
    STORE_COUNTER(evicted, "hypercache_evictions", "Keys removed to make room."),
    STORE_COUNTER(expired, "hypercache_expirations", "Keys removed because their time had come."),
    STORE_COUNTER(filter_answers, "hypercache_filter_answers", "Misses that the filter answered."),
    STORE_COUNTER(filter_false_positives, "hypercache_filter_false_positives",
                  "Misses that the filter let pass."),
    STORE_COUNTER(cleaned_bytes, "hypercache_cleaned_bytes",
                  "Bytes that were moved to gain whole segments."),
    STORE_GAUGE(keys, "hypercache_keys", "Keys, those not yet swept included."),
    STORE_GAUGE(keys_with_expiry, "hypercache_keys_with_expiry", "Keys that will expire."),
    STORE_GAUGE(live_bytes, "hypercache_live_bytes", "Bytes of keys, values and their headers."),
    STORE_GAUGE(garbage_bytes, "hypercache_garbage_bytes",
                "Bytes in segments that hold nothing any more."),
    STORE_GAUGE(max_memory_bytes, "hypercache_store_memory_limit_bytes",
                "What the store's memory may reach; 0: no limit."),
};

static uint64_t field_of(const hc_store_stats *stats, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + offset, sizeof value);
    return value;
}

static void sum_add(hc_store_stats *to, const hc_store_stats *one)
{
    for (size_t at = offsetof(hc_store_stats, keys); at < sizeof *to; at += sizeof(uint64_t)) {
        uint64_t value = field_of(to, at) + field_of(one, at);
        memcpy((char *)to + at, &value, sizeof value);
    }
}

static hc_metric_label store_label(const one_store *of)
{
    return (hc_metric_label){"store", hc_span_make(of->name, of->name_bytes)};
}

/* A database goes by its number, which SWAPDB may change, and 0 by "default". */
static void name_copy(node *of, const hc_store_ref *ref, one_store *to)
{
    hc_store_info info = {.size = sizeof info};
    int database = node_database_of(of, ref->store);
    hc_store_ref_info(ref, &info);
    if (database > 0) {
        to->name_bytes = (size_t)snprintf(to->name, sizeof to->name, "%d", database);
        return;
    }
    if (database == 0) info.name = HC_SPAN("default");
    memcpy(to->name, info.name.data, info.name.size);
    to->name_bytes = info.name.size;
}

/* False: no memory; then the page goes without them. */
static bool reading_make(node *of, reading *out)
{
    *out = (reading){.stores = calloc(STORES_MAX, sizeof *out->stores),
                     .sum = {.size = sizeof out->sum}};
    if (out->stores == NULL) return false;
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_stats_get(ref.store, &stats);
        sum_add(&out->sum, &stats);
        bool rest = out->count == STORES_MAX;
        one_store *to = &out->stores[rest ? STORES_MAX - 1 : out->count++];
        if (rest) {
            to->name_bytes = (size_t)snprintf(to->name, sizeof to->name, "others");
        } else {
            name_copy(of, &ref, to);
        }
        sum_add(&to->stats, &stats);
        uint32_t pressure = (uint32_t)hc_store_pressure(ref.store);
        if (pressure > to->pressure) to->pressure = pressure;
    }
    return true;
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void tell_memory(hc_metrics_page *page, node *of, const reading *from)
{
    static const hc_metric_family usage = {
        .name = "hypercache_memory_usage_bytes",
        .kind = HC_METRIC_GAUGE,
        .unit = "bytes",
        .help = "Memory of all stores, what counts against the limit."};
    static const hc_metric_family limit = {.name = "hypercache_memory_limit_bytes",
                                           .kind = HC_METRIC_GAUGE,
                                           .unit = "bytes",
                                           .help = "cache.max_memory; 0: no limit."};
    static const hc_metric_family parts = {.name = "hypercache_store_memory_bytes",
                                           .kind = HC_METRIC_GAUGE,
                                           .unit = "bytes",
                                           .help = "The same by store and by what it is for."};
    tell_count(page, &usage, from->sum.memory_bytes);
    tell_count(page, &limit, node_max_memory(of));
    hc_page_family(page, &parts);
    for (size_t i = 0; i < from->count; i++) {
        const hc_store_stats *s = &from->stores[i].stats;
        uint64_t known = s->segment_bytes + s->extent_bytes + s->index_bytes + s->filter_bytes +
                         s->compression_memory_bytes;
        const struct {
            hc_span kind;
            uint64_t bytes;
        } kinds[] = {{HC_SPAN("segments"), s->segment_bytes},
                     {HC_SPAN("large_values"), s->extent_bytes},
                     {HC_SPAN("index"), s->index_bytes},
                     {HC_SPAN("filter"), s->filter_bytes},
                     {HC_SPAN("compression"), s->compression_memory_bytes},
                     {HC_SPAN("tables"), s->memory_bytes > known ? s->memory_bytes - known : 0}};
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            hc_metric_label labels[] = {store_label(&from->stores[i]), {"kind", kinds[k].kind}};
            hc_page_count(page, labels, 2, kinds[k].bytes);
        }
    }
}

static void tell_states(hc_metrics_page *page, const reading *from)
{
    static const hc_metric_family hit_ratio = {
        .name = "hypercache_cache_hit_ratio",
        .kind = HC_METRIC_GAUGE,
        .unit = "ratio",
        .help =
            "Hits of all reads since the start or the last reset; rates of hits and misses tell "
            "the present."};
    static const hc_metric_family pressure = {
        .name = "hypercache_memory_pressure",
        .kind = HC_METRIC_GAUGE,
        .help = "0 none, 1 warning, 2 critical, 3 panic: how near a store is to its limit."};
    static const hc_metric_family load = {.name = "hypercache_filter_load_ratio",
                                          .kind = HC_METRIC_GAUGE,
                                          .unit = "ratio",
                                          .help = "Fingerprints of the filter in use."};
    tell_value(page, &hit_ratio, ratio(from->sum.hits, from->sum.hits + from->sum.misses));
    hc_page_family(page, &pressure);
    for (size_t i = 0; i < from->count; i++) {
        hc_metric_label label = store_label(&from->stores[i]);
        hc_page_count(page, &label, 1, from->stores[i].pressure);
    }
    hc_page_family(page, &load);
    for (size_t i = 0; i < from->count; i++) {
        const hc_store_stats *s = &from->stores[i].stats;
        hc_metric_label label = store_label(&from->stores[i]);
        if (s->filter_bits == 0) continue;
        hc_page_value(page, &label, 1, ratio(s->keys * s->filter_bits, s->filter_bytes * 8));
    }
}

void store_metrics(void *ctx, hc_metrics_page *page)
{
    node *of = ((exposition *)ctx)->options.node;
    reading now;
    if (!reading_make(of, &now)) return;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        hc_page_family(page, &families[f].family);
        for (size_t i = 0; i < now.count; i++) {
            hc_metric_label label = store_label(&now.stores[i]);
            hc_page_count(page, &label, 1, field_of(&now.stores[i].stats, families[f].offset));
        }
    }
    tell_memory(page, of, &now);
    tell_states(page, &now);
    free(now.stores);
}
