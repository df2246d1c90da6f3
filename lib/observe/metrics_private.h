/*
 * metrics_private.h - the registry's lists, and what its writer needs of them.
 *
 *     hc_metrics -> kin (a family and its series) -> hc_metric -> lanes
 *                -> collector -> collector
 *
 * `lock` guards the lists and exemplars.  Lists only grow, and what is in them never moves, so a
 * series is used without the lock.
 */
#ifndef HYPERCACHE_OBSERVE_METRICS_PRIVATE_H
#define HYPERCACHE_OBSERVE_METRICS_PRIVATE_H

#include <stdatomic.h>

#include <hypercache/metrics.h>

#include "host/host_internal.h"
#include "host/lock.h"
#include "observe/log_linear.h"

typedef struct label_set {
    size_t count;
    hc_metric_label labels[HC_METRIC_LABELS_MAX]; /* values lie in `text` */
    size_t text_bytes;
    char *text;
} label_set;

typedef struct example {
    uint64_t ns;
    int64_t time_ms;
    size_t id_bytes; /* 0: none yet */
    uint8_t id[HC_METRIC_TRACE_BYTES_MAX];
} example;

/* A lane of a counter; padded, so that no two threads write to one line. */
typedef struct tally {
    _Alignas(8) _Atomic uint64_t value;
    uint8_t padding[120];
} tally;

struct hc_metric {
    hc_metrics *owner;
    hc_metric *next;
    hc_metric_kind kind;
    uint32_t lanes;
    label_set labels;
    size_t bytes; /* of the block below */
    union {
        tally *tallies;        /* counter: `lanes` of them */
        log_linear *durations; /* histogram: likewise */
        _Atomic uint64_t bits; /* gauge: a double's */
    } at;
    example examples[HC_METRIC_BOUNDS + 1]; /* of a histogram */
};

typedef struct kin {
    const hc_metric_family *family;
    struct kin *next;
    hc_metric *first, *last;
    size_t count;
} kin;

typedef struct collector {
    struct collector *next;
    hc_metrics_collector collect;
    void *ctx;
} collector;

struct hc_metrics {
    hci_host host;
    hci_lock lock;
    uint32_t lanes;
    label_set labels; /* of every series */
    kin *first, *last;
    collector *collectors, *collectors_last;
};

#endif
