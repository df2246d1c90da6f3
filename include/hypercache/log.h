/*
 * log.h - log records: what the library and the daemon say, handed to the host as data.
 *
 * The library never formats or prints.  It asks `wants`, fills a record on its stack and calls
 * `write` (host.h).  hc_log_record_json() turns a record into one JSON line for hosts that want
 * the product's own format.
 *
 * Ownership: a record and everything it points at is borrowed until `write` returns.
 * Threads:   records are plain values; hc_log_record_json touches nothing but its arguments.
 */
#ifndef HYPERCACHE_LOG_H
#define HYPERCACHE_LOG_H

#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hc_log_level {
    HC_LOG_ERROR = 0,
    HC_LOG_WARN = 1,
    HC_LOG_INFO = 2,
    HC_LOG_DEBUG = 3,
    HC_LOG_TRACE = 4
} hc_log_level;
#define HC_LOG_LEVELS 5u

/* The component a record comes from; its name is the field `component` of a JSON line. */
typedef enum hc_topic {
    HC_TOPIC_RESP_SERVER = 0,
    HC_TOPIC_HTTP_API,
    HC_TOPIC_GOSSIP,
    HC_TOPIC_EVENT_BUS,
    HC_TOPIC_STORAGE_ENGINE,
    HC_TOPIC_PERSISTENCE,
    HC_TOPIC_HASH_RING,
    HC_TOPIC_REPLICATION,
    HC_TOPIC_FILTER,
    HC_TOPIC_SECURITY
} hc_topic;
#define HC_TOPICS 10u

typedef enum hc_field_kind {
    HC_FIELD_TEXT = 0, /* `text`, any bytes: written as JSON with escapes */
    HC_FIELD_INT = 1,
    HC_FIELD_UINT = 2,
    HC_FIELD_BOOL = 3,
    HC_FIELD_REAL = 4
} hc_field_kind;

typedef struct hc_log_field {
    const char *name; /* camelCase, static */
    hc_field_kind kind;
    hc_span text;
    union {
        int64_t i;
        uint64_t u;
        bool b;
        double r;
    } value;
} hc_log_field;

typedef struct hc_log_record {
    hc_log_level level;
    hc_topic topic;
    int64_t time_ms;        /* Unix milliseconds; 0: the sink stamps it */
    const char *operation;  /* static, e.g. "SET", "start"; NULL: none */
    const char *message;    /* NUL-terminated; NULL: none */
    hc_span correlation_id; /* size 0: none */
    hc_span key;            /* size 0: none */
    int64_t duration_ns;    /* -1: not measured */
    const hc_log_field *fields;
    size_t field_count;
} hc_log_record;

/* "ERROR" ... "TRACE"; "RESP_SERVER" ...  Static; "UNKNOWN" for a value out of range. */
HC_API
const char *hc_log_level_name(hc_log_level level);
HC_API
const char *hc_topic_name(hc_topic topic);

/* How keys, which may be personal data, appear in log lines and events. */
typedef enum hc_log_keys {
    HC_LOG_KEYS_PLAIN = 0,
    HC_LOG_KEYS_HASHED = 1, /* 16 hex digits, the same for a key on every node; no secret: whoever
                             * can guess a key can hash it */
    HC_LOG_KEYS_OFF = 2
} hc_log_keys;
#define HC_LOG_KEY_CHARS 17u
/* `key` as it may be shown: itself, its hash written to `text`, or nothing. */
HC_API
hc_span hc_log_key(hc_log_keys keys, hc_span key, char text[HC_LOG_KEY_CHARS]);

/* Writes `record` as one JSON object without a newline into `buffer` and returns its length in
 * bytes.  A record that does not fit loses whole fields from the end, then text from its message,
 * never its form as JSON; `buffer_bytes` must be at least HC_LOG_JSON_BYTES_MIN or 0 is returned.
 * Bytes that are not UTF-8 are written as U+FFFD. `node_id` may be NULL. */
#define HC_LOG_JSON_BYTES_MIN 512u
HC_API
size_t hc_log_record_json(const hc_log_record *record, const char *node_id, char *buffer,
                          size_t buffer_bytes);

#ifdef __cplusplus
}
#endif
#endif
