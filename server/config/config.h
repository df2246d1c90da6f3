/*
 * config.h - what hypercached is told: default < file < environment < flag, later wins.
 *
 *     config cfg;
 *     config_problems problems = {0};
 *     if (!config_load(&cfg, argc, argv, environ, &action, &problems)) fputs(problems.text,
 * stderr);
 *
 * Every key is one row of config_keys.h.  A configuration is a plain value: it owns nothing, can
 * be copied, and remembers for each key where its value came from, so that a complaint about two
 * keys together still names a line, a variable or a flag.
 *
 * Units:   sizes in bytes, durations in milliseconds, once they are in a struct.
 * Errors:  as sentences for people, one a line, collected in config_problems.
 * Threads: values have no lock.  Whoever shares one between threads guards it (server/tuning.c).
 */
#ifndef HYPERCACHE_SERVER_CONFIG_H
#define HYPERCACHE_SERVER_CONFIG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config_keys.h"

#define CONFIG_TEXT_MAX 255         /* bytes of a text, or of an item of a list */
#define CONFIG_LIST_MAX 16          /* items of a list */
#define CONFIG_STORES_MAX 64        /* entries of `stores` */
#define CONFIG_STORE_NAME_MAX 64    /* HC_STORE_NAME_BYTES_MAX */
#define CONFIG_VALUE_BYTES 4096     /* a formatted value with its NUL */
#define CONFIG_FILE_BYTES_MAX 65536 /* of a configuration file */
#define CONFIG_DAYS_MS(days) (INT64_C(86400000) * (days))

typedef char config_text[CONFIG_TEXT_MAX + 1];
typedef struct config_list {
    size_t count;
    config_text items[CONFIG_LIST_MAX];
} config_list;

typedef enum config_kind {
    CONFIG_BOOL,     /* bool */
    CONFIG_INT,      /* int64_t */
    CONFIG_SIZE,     /* int64_t, bytes */
    CONFIG_DURATION, /* int64_t, milliseconds */
    CONFIG_REAL,     /* double */
    CONFIG_ENUM,     /* int, one of the key's words */
    CONFIG_TEXT,     /* config_text */
    CONFIG_LIST      /* config_list */
} config_kind;

/* Flags of a key. */
#define CONFIG_LIVE 1u         /* can change while the node runs */
#define CONFIG_SECRET 4u       /* shown as "***" */
#define CONFIG_MEMORY_LIMIT 2u /* 0, or what a store can work with at least */

/* One word of an enumeration. */
typedef struct config_word {
    const char *word;
    int value;
} config_word;

typedef struct config_key {
    const char *section, *name, *full; /* "network", "resp_port", "network.resp_port" */
    config_kind kind;
    size_t offset; /* of its field in struct config */
    const char *default_text;
    int64_t min, max;
    unsigned flags;
    const char *short_flag;   /* "resp-port", or NULL */
    const config_word *words; /* ends with a NULL word; or NULL */
    const char *help;
} config_key;

#define CONFIG_KEY_ID(id, ...) CONFIG_##id,
typedef enum config_id { CONFIG_KEYS(CONFIG_KEY_ID) CONFIG_KEY_COUNT } config_id;
#undef CONFIG_KEY_ID

#define CONFIG_KEY_ID(id, ...) CONFIG_##id,
typedef enum config_store_id {
    CONFIG_STORE_KEYS(CONFIG_KEY_ID) CONFIG_STORE_KEY_COUNT
} config_store_id;
#undef CONFIG_KEY_ID

extern const config_key config_keys[CONFIG_KEY_COUNT];
extern const config_key config_store_keys[CONFIG_STORE_KEY_COUNT]; /* of an entry of `stores` */

typedef enum config_source {
    CONFIG_FROM_DEFAULT = 0,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_FLAG,
    CONFIG_FROM_COMMAND /* CONFIG SET */
} config_source;

typedef struct config_origin {
    config_source source;
    int line; /* of the file */
} config_origin;

typedef enum config_debug {
    CONFIG_DEBUG_NO = 0,
    CONFIG_DEBUG_LOCAL,
    CONFIG_DEBUG_YES
} config_debug;
typedef enum config_format { CONFIG_FORMAT_JSON, CONFIG_FORMAT_TEXT } config_format;
typedef enum config_exporter {
    CONFIG_EXPORTER_NONE,
    CONFIG_EXPORTER_OTLP,
    CONFIG_EXPORTER_OTLP_JSON,
    CONFIG_EXPORTER_ZIPKIN
} config_exporter;
typedef enum config_output {
    CONFIG_OUTPUT_STDERR,
    CONFIG_OUTPUT_FILE,
    CONFIG_OUTPUT_JOURNALD
} config_output;

/* An entry of `stores`. */
typedef struct config_store {
    char name[CONFIG_STORE_NAME_MAX + 1];
    int eviction;    /* hc_eviction */
    int compression; /* hc_compression */
    int strategy;    /* hc_strategy */
    int64_t max_memory_bytes;
    int64_t default_ttl_ms;
    bool cuckoo_filter;
    uint32_t given; /* 1u << config_store_id of the keys that it has; others are as under `cache` */
    int line;       /* of the file, where the entry begins */
} config_store;

typedef struct config {
    struct {
        config_text id;
        config_text data_dir;
        config_text zone;
    } node;
    struct {
        config_list bind; /* IP addresses */
        int64_t resp_port;
        bool http;
        int64_t http_port;      /* 0: the system chooses */
        config_list http_hosts; /* names */
        int64_t http_body_bytes_max;
        int64_t http_timeout_ms;
        int64_t cluster_port; /* 0: the system chooses */
        config_text advertise;
        int64_t threads; /* 0: one a processor */
        int64_t max_clients;
        int64_t idle_timeout_ms;  /* 0: none */
        int64_t tcp_keepalive_ms; /* 0: none */
        int64_t drain_timeout_ms;
        int64_t request_bytes_max;
        int64_t output_bytes_max;
    } network;
    struct {
        int64_t max_memory_bytes; /* 0: no limit */
        int64_t default_ttl_ms;   /* 0: none */
        int64_t databases;
        int64_t max_stores;
        int eviction;    /* hc_eviction */
        int compression; /* hc_compression */
        int64_t pressure_warning_percent, pressure_critical_percent, pressure_panic_percent;
        double filter_rate; /* of absent keys that pass */
    } cache;
    struct {
        bool enabled;
        bool leave_on_stop;
        int level; /* hc_level */
        config_text name;
        config_list seeds;
        config_text seed_dns;
        int64_t replication_factor;
        int64_t blocks;
        int64_t expect_nodes;
    } cluster;
    struct {
        bool enabled;
        int strategy;      /* hc_strategy */
        int sync;          /* hc_sync_policy */
        int on_disk_error; /* hc_disk_error_action */
        int64_t snapshot_interval_ms;
        int64_t log_bytes_max;
        int64_t compression_level;            /* 0: none */
        int64_t snapshot_rate;                /* bytes a second; 0: no limit */
        char backup_dir[CONFIG_TEXT_MAX + 1]; /* "": none */
    } persistence;
    struct {
        int debug_commands; /* config_debug */
        bool protected_mode;
        config_text cluster_secret;
        bool http_admin;
    } security;
    struct {
        int level;              /* hc_log_level */
        int format;             /* config_format */
        config_list components; /* "NAME=level" */
        config_list output;     /* "stderr", "file", "journald" */
        config_text file;
        int64_t file_bytes_max, files_max;
        int keys; /* hc_log_keys */
    } logging;
    struct {
        int64_t threshold_us; /* -1: none */
        int64_t max_entries;
    } slowlog;
    struct {
        config_text keyspace_events; /* letters, notify.h */
        config_text output_limit;    /* output_limit.h */
    } pubsub;
    struct {
        int64_t monitor_threshold_ms; /* 0: none */
        config_text percentiles;
        bool histograms;
    } latency;
    struct {
        int64_t max_keys; /* 0: no limit */
    } tracking;
    struct {
        bool enabled;
        bool performance_profiling;
        int level;              /* hc_log_level */
        config_list components; /* "GOSSIP" */
    } debug;
    struct {
        bool enabled;
        int exporter; /* config_exporter */
        config_text endpoint;
        double sample_ratio;
    } tracing;
    size_t store_count;
    config_store stores[CONFIG_STORES_MAX]; /* in the file's order */
    config_origin origins[CONFIG_KEY_COUNT];
    config_text path; /* of the file that was read; "": none */
} config;

/* Complaints, one a line; when the text is full the rest is only counted. */
typedef struct config_problems {
    size_t count;
    char text[4096];
} config_problems;
void config_problem(config_problems *problems, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- reading ---- */

/* What the command line asks for. */
typedef enum config_action {
    CONFIG_RUN,
    CONFIG_HELP,
    CONFIG_VERSION,
    CONFIG_VALIDATE,
    CONFIG_SHOW,
    CONFIG_DEFAULT
} config_action;

/* Fills `cfg` from all sources and checks it as a whole.  `environment` ends with NULL.  False when
 * there are problems; `cfg` then holds what could be understood.  For HELP, VERSION and DEFAULT
 * only the command line is looked at. */
bool config_load(config *cfg, int argc, char *const *argv, char *const *environment,
                 config_action *action_out, config_problems *problems);

/* The single steps, in the order config_load takes them. */
void config_defaults(config *cfg);
void config_read_file(config *cfg, const char *path, config_problems *problems);
void config_read_yaml(config *cfg, const char *path, const char *text, size_t bytes,
                      config_problems *problems); /* as the content of a file called `path` */
void config_read_environment(config *cfg, char *const *environment, config_problems *problems);
void config_read_flags(config *cfg, int argc, char *const *argv, config_problems *problems);
/* Rules over several keys: addresses, protected mode, log outputs. */
void config_check(const config *cfg, config_problems *problems);

/* ---- by name ---- */

/* How a number without a unit is read. */
typedef enum config_units {
    CONFIG_UNITS_ASKED, /* a duration needs one, unless it is 0 */
    CONFIG_UNITS_PLAIN  /* it is in milliseconds, as CONFIG SET passes it */
} config_units;

const config_key *config_find(const char *full_name); /* NULL: no such key */
/* Reads `text` into the field of `key`.  False: `cfg` is unchanged and `why` holds the reason. */
bool config_set(config *cfg, const config_key *key, config_units units, const char *text,
                config_origin origin, char *why, size_t why_bytes);
/* Writes the value as text; a list's items stand with one blank between them. */
void config_get(const config *cfg, const config_key *key, char text[CONFIG_VALUE_BYTES]);
/* The same for a key of an entry of `stores`. */
void config_store_get(const config_store *of, config_store_id id, char text[CONFIG_VALUE_BYTES]);
bool config_stores_differ(const config *a, const config *b);
/* The number of a bool, int, size, duration or enumeration; 0 for others, reals too. */
int64_t config_number(const config *cfg, const config_key *key);
/* Where the value came from: "hypercache.yaml:3", "HYPERCACHE_NODE_ID", "--node.id", "default". */
void config_origin_text(const config *cfg, const config_key *key, char *text, size_t text_bytes);

/* What the contract calls `name` when it is a key of a later version, such as "persistence"; NULL
 * when the name is none.  `name` may be deeper than the key. */
const char *config_later(const char *name);
/* Does `name` mean the stores, which stand in the file only? */
bool config_is_of_stores(const char *name);
/* The key nearest to a mistyped name, or NULL when none is near. */
const char *config_nearest(const char *name);
const char *config_nearest_store_key(const char *name); /* as "eviction_policy" */
const char *config_nearest_section(const char *name);   /* NULL also when `name` has a '.' */
const char *config_nearest_flag(const char *flag);      /* the same for short flags, no dashes */

/* The name of a component, in any case. */
bool config_topic(const char *name, int *topic_out);
/* The value of a component's level in logging.components. */
bool config_component(const char *item, int *topic_out, int *level_out);

extern const config_word config_words_eviction[], config_words_compression[], config_words_debug[],
    config_words_strategy[], config_words_sync[], config_words_disk_error[], config_words_level[],
    config_words_format[], config_words_output[], config_words_keys[], config_words_exporter[],
    config_words_level_of_cluster[];

/* ---- writing ---- */

void config_print(const config *cfg, FILE *to); /* YAML with every value's origin */
void config_print_value(const config *cfg, const config_key *key, FILE *to); /* as in YAML */
void config_print_default(FILE *to); /* commented YAML of all defaults */
void config_print_help(FILE *to);    /* --help */

#endif
