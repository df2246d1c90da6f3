/*
 * event.h - what happened to a node or its cluster, kept in a bounded ring and handed on.
 *
 *     hc_events_create(host, &options, &events);
 *     hc_events_emit(events, HC_EVENT_SNAPSHOT_FINISHED, &what);     any thread
 *
 *     uint64_t seen = 0, lost;                                      a subscriber is a number
 *     count = hc_events_read(events, seen, records, 16, &lost);
 *     if (count > 0) seen = records[count - 1].id;
 *
 * A subscriber holds nothing but the id it has seen; one that is slower than the ring misses the
 * oldest and is told how many.  So nobody's slowness costs memory, or the one who emits.
 *
 * Kinds that may come in floods are told once in HC_EVENT_QUIET_MS; the next one says how many were
 * left out in its field `suppressed`.
 *
 * Ownership: what is handed to emit is copied; a record is a plain value.
 * Threads:   all calls may run together, but create and destroy.
 */
#ifndef HYPERCACHE_EVENT_H
#define HYPERCACHE_EVENT_H

#include <hypercache/host.h>
#include <hypercache/log.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hc_event_kind {
    HC_EVENT_NODE_STARTED = 0,
    HC_EVENT_NODE_STOPPED,
    HC_EVENT_NODE_JOINED,
    HC_EVENT_NODE_LEFT,
    HC_EVENT_NODE_FAILED,
    HC_EVENT_NODE_REJOINED,
    HC_EVENT_CLUSTER_FORMED,
    HC_EVENT_CLUSTER_SPLIT,
    HC_EVENT_CLUSTER_MERGED,
    HC_EVENT_SYNC_STARTED,
    HC_EVENT_SYNC_ENDED,
    HC_EVENT_CONFLICT_RESOLVED,
    HC_EVENT_HINT_STORED,
    HC_EVENT_HINT_REPLAYED,
    HC_EVENT_SNAPSHOT_STARTED,
    HC_EVENT_SNAPSHOT_FINISHED,
    HC_EVENT_SNAPSHOT_FAILED,
    HC_EVENT_LOG_ROTATED,
    HC_EVENT_RECOVERED,
    HC_EVENT_DATA_DAMAGED,
    HC_EVENT_DISK_FAILED,
    HC_EVENT_DISK_RECOVERED,
    HC_EVENT_DISK_LOW,
    HC_EVENT_LATENCY_HIGH,
    HC_EVENT_MEMORY_PRESSURE,
    HC_EVENT_EVICTION_STORM,
    HC_EVENT_CONFIG_CHANGED,
    HC_EVENT_AUTH_FAILED,
    HC_EVENT_CLOCK_SKEWED
} hc_event_kind;
#define HC_EVENT_KINDS 29u

#define HC_EVENT_QUIET_MS 1000        /* between two of a kind that comes in floods */
#define HC_EVENT_FIELDS_MAX 8u        /* of the caller; more are left out */
#define HC_EVENT_JSON_BYTES_MAX 1024u /* fields that do not fit are left out */
#define HC_EVENT_CORRELATION_BYTES_MAX 64u
#define HC_EVENTS_CAPACITY_MAX 65536u

/* What a kind is, static. */
typedef struct hc_event_meaning {
    const char *name;   /* "snapshot_failed" */
    hc_topic topic;     /* where it belongs */
    hc_log_level level; /* ERROR, WARN or INFO, unless the event says otherwise */
    bool floods;        /* see HC_EVENT_QUIET_MS */
    const char
        *runbook; /* for those that want somebody's attention, "docs/runbooks/..."; or NULL */
} hc_event_meaning;
/* `kind` is below HC_EVENT_KINDS. */
HC_API
const hc_event_meaning *hc_event_meaning_of(hc_event_kind kind);
/* "info", "warning" or "critical": of INFO and less, WARN, ERROR. */
HC_API
const char *hc_event_severity(hc_log_level level);

typedef struct hc_event {
    const char *operation; /* for the log line, static; NULL: the kind's name */
    const char *message;   /* NUL-terminated; NULL: none */
    hc_span correlation_id;
    hc_span key;         /* size 0: none */
    int64_t duration_ns; /* of what it tells; 0: none */
    const hc_log_field *fields;
    size_t field_count;
    bool has_level; /* `level` instead of the kind's: a pressure that is over is but INFO */
    hc_log_level level;
} hc_event;

typedef struct hc_event_record {
    uint64_t id; /* from 1 on, without holes but for what the ring lost */
    int64_t time_ms;
    hc_event_kind kind;
    hc_log_level level;
    uint32_t correlation_bytes;
    uint32_t json_bytes;
    char correlation[HC_EVENT_CORRELATION_BYTES_MAX];
    char json[HC_EVENT_JSON_BYTES_MAX]; /* one object, as hc_log_record_json; no NUL */
} hc_event_record;

typedef struct hc_events_options {
    size_t size;         /* bytes of this struct, as the caller compiled it */
    const char *node_id; /* copied, cut at 63 characters; NULL: none */
    uint32_t capacity;   /* records kept, at most HC_EVENTS_CAPACITY_MAX; 0: 256 */
    uint32_t reserved;   /* 0 */
    /* Called with each event, by the thread that emits and after the ring has it.  Both are
     * borrowed until it returns.  It must not emit.  NULL: nobody. */
    void (*deliver)(void *ctx, const hc_log_record *line, const hc_event_record *record);
    void *ctx;
} hc_events_options;

typedef struct hc_events hc_events;

/* On error *events_out is NULL.
 *   HC_ERR_INVALID, HC_ERR_UNSUPPORTED, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_events_create(const hc_host *host, const hc_events_options *options,
                           hc_events **events_out);
/* Accepts NULL. */
HC_API
void hc_events_destroy(hc_events *events);

/* Cannot fail; `events` NULL does nothing.  `event` NULL: nothing but the kind. */
HC_API
void hc_events_emit(hc_events *events, hc_event_kind kind, const hc_event *event);

/* Copies at most `records_max` records with an id above `after`, oldest first, and returns how
 * many. *lost_out (may be NULL): how many after `after` the ring has lost. */
HC_API
size_t hc_events_read(hc_events *events, uint64_t after, hc_event_record *records,
                      size_t records_max, uint64_t *lost_out);
/* The id of the latest; 0: none yet.  Where a subscriber begins that wants no past. */
HC_API
uint64_t hc_events_last(hc_events *events);
/* How keys appear from now on; HC_LOG_KEYS_PLAIN at first. */
HC_API
void hc_events_keys(hc_events *events, hc_log_keys keys);
/* How many of a kind came since the start, those suppressed included. */
HC_API
uint64_t hc_events_count(hc_events *events, hc_event_kind kind);

/* What a subscriber wants to see. */
typedef struct hc_event_filter {
    uint32_t topics;        /* a bit for each hc_topic; 0: all */
    hc_log_level level_max; /* HC_LOG_WARN: warnings and errors; HC_LOG_TRACE: all */
    hc_span correlation_id; /* size 0: any */
} hc_event_filter;
HC_API
bool hc_event_matches(const hc_event_record *record, const hc_event_filter *filter);

#ifdef __cplusplus
}
#endif
#endif
