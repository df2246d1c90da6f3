/*
 * config_keys.h - the one table of configuration keys.
 *
 * A key is here when it has an effect in this version; keys of the contract whose feature is not
 * built yet stand in CONFIG_LATER, so that setting one is refused with a precise answer.
 *
 *   X(ID, section, name, KIND, field, default, min, max, flags, short flag, Redis name, words,
 * help)
 *
 * `min` and `max` bound the value of a number, the bytes of a text, the items of a list.  Sizes are
 * in bytes, durations in milliseconds, and the bounds of a REAL in millionths.  `words` lists what
 * an enumeration, or an item of a list, may be.  `help` is wrapped by the printer.
 */
#ifndef HYPERCACHE_SERVER_CONFIG_KEYS_H
#define HYPERCACHE_SERVER_CONFIG_KEYS_H

/* clang-format off */
#define CONFIG_KEYS(X)                                                                             \
    X(NODE_ID, "node", "id", TEXT, node.id, "node-1", 1, 63, 0, "node-id", NULL,                   \
      "Name of this node in its log lines.")                                                       \
    X(NODE_DATA_DIR, "node", "data_dir", TEXT, node.data_dir, "./data", 1, CONFIG_TEXT_MAX, 0,     \
      "data-dir", NULL,                                                                            \
      "Where the data lies, and files that are named without a leading slash, such as "            \
      "logging.file. Made if it is not there.")                                                    \
    X(NODE_ZONE, "node", "zone", TEXT, node.zone, "", 0, 31, 0, NULL, NULL,                        \
      "Rack, room or region; copies of a key go to different zones while there are any.")          \
    X(NETWORK_BIND, "network", "bind", LIST, network.bind, "127.0.0.1,::1", 1, CONFIG_LIST_MAX, 0, \
      "bind", NULL,                                                                                \
      "IP addresses to listen on. One that is not a loopback address needs "                       \
      "security.protected_mode: false.")                                                           \
    X(NETWORK_RESP_PORT, "network", "resp_port", INT, network.resp_port, "6379", 1, 65535, 0,      \
      "resp-port", NULL, "TCP port for Redis clients (RESP2 and RESP3).")                          \
    X(NETWORK_HTTP, "network", "http", BOOL, network.http, "true", 0, 0, 0, NULL, NULL,            \
      "Serve the HTTP API and the console.")                                                       \
    X(NETWORK_HTTP_PORT, "network", "http_port", INT, network.http_port, "9080", 0, 65535, 0,      \
      "http-port", NULL,                                                                           \
      "TCP port of the HTTP API and the console. 0: the system chooses, the log tells which.")     \
    X(NETWORK_HTTP_HOSTS, "network", "http_hosts", LIST, network.http_hosts, "", 0,                \
      CONFIG_LIST_MAX, 0, NULL, NULL,                                                              \
      "Names that HTTP clients may call a loopback address by, beside localhost. *: any.")         \
    X(NETWORK_HTTP_MAX_BODY, "network", "http_max_body", SIZE, network.http_body_bytes_max,        \
      "64MB", 65536, INT64_C(513) << 20, 0, NULL, NULL,                                            \
      "Bytes of the body of one HTTP request.")                                                    \
    X(NETWORK_HTTP_TIMEOUT, "network", "http_timeout", DURATION, network.http_timeout_ms, "10s",   \
      50, CONFIG_DAYS_MS(1), 0, NULL, NULL,                                                        \
      "For the head of an HTTP request to come; after it, bodies and responses have to move 1 "    \
      "KiB a second.")                                                                             \
    X(NETWORK_CLUSTER_PORT, "network", "cluster_port", INT, network.cluster_port, "7946", 0,       \
      65535, 0, "cluster-port", NULL,                                                              \
      "TCP and UDP port for the other nodes of a cluster. 0: the system chooses, INFO tells.")     \
    X(NETWORK_ADVERTISE, "network", "advertise", TEXT, network.advertise, "", 0, 45, 0, NULL,      \
      NULL,                                                                                        \
      "IP address at which other nodes, and clients of the cluster, find this one. Empty: the "    \
      "address it is bound to, or that of the first interface.")                                   \
    X(NETWORK_THREADS, "network", "threads", INT, network.threads, "0", 0, 256, 0, "threads", NULL,\
      "Worker threads that serve connections. 0: one a processor.")                                \
    X(NETWORK_MAX_CLIENTS, "network", "max_clients", INT, network.max_clients, "10000", 1,         \
      1000000, CONFIG_LIVE, NULL, NULL,                                                            \
      "Connections served at once; further ones are told so and closed.")                          \
    X(NETWORK_IDLE_TIMEOUT, "network", "idle_timeout", DURATION, network.idle_timeout_ms, "0", 0,  \
      CONFIG_DAYS_MS(30), CONFIG_LIVE, NULL, NULL,                                                 \
      "A connection silent for so long is closed. 0: never.")                                      \
    X(NETWORK_TCP_KEEPALIVE, "network", "tcp_keepalive", DURATION, network.tcp_keepalive_ms,       \
      "60s", 0, CONFIG_DAYS_MS(1) / 4, CONFIG_LIVE, NULL, NULL,                                    \
      "Silence after which the system asks whether the peer of a connection is still there; for "  \
      "connections accepted from then on. 0: it never asks.")                                      \
    X(NETWORK_DRAIN_TIMEOUT, "network", "drain_timeout", DURATION, network.drain_timeout_ms, "5s", \
      1, CONFIG_DAYS_MS(1), 0, NULL, NULL,                                                         \
      "At the end, how long clients have to take their last replies.")                             \
    X(NETWORK_MAX_REQUEST_SIZE, "network", "max_request_size", SIZE, network.request_bytes_max,    \
      "1GB", 65536, INT64_C(1) << 30, CONFIG_LIVE, NULL, NULL,                                     \
      "Bytes of one request; a client that sends more is closed.")                                 \
    X(NETWORK_MAX_OUTPUT_SIZE, "network", "max_output_size", SIZE, network.output_bytes_max,       \
      "1GB", INT64_C(1) << 20, INT64_C(1) << 36, 0, NULL, NULL,                                    \
      "Bytes of replies a client may leave unread before it is closed.")                           \
    X(CACHE_MAX_MEMORY, "cache", "max_memory", SIZE, cache.max_memory_bytes, "0", 0,               \
      INT64_C(1) << 46, CONFIG_LIVE | CONFIG_MEMORY_LIMIT, "max-memory", NULL,                                           \
      "Memory the items and their index may take, 4MB at least. 0: no limit but the machine's.")   \
    X(CACHE_EVICTION, "cache", "eviction", ENUM, cache.eviction, "s3fifo", 0, 0, CONFIG_LIVE,       \
      "eviction", config_words_eviction,                                                           \
      "Which items go at max_memory. s3fifo suits most; noeviction refuses writes instead; "       \
      "volatile-... spares items without a time to live. Redis's names are understood. Of the "    \
      "databases and of stores created from then on.")                                             \
    X(CACHE_PRESSURE_WARNING, "cache", "pressure_warning", INT, cache.pressure_warning_percent,    \
      "85", 3, 98, 0, NULL, NULL,                                                                  \
      "Percent of a store's memory limit where it begins to be short: an event in the log. Two "   \
      "below, it ends.")                                                                           \
    X(CACHE_PRESSURE_CRITICAL, "cache", "pressure_critical", INT, cache.pressure_critical_percent, \
      "90", 4, 99, 0, NULL, NULL, "The same for the next level; above pressure_warning.")          \
    X(CACHE_PRESSURE_PANIC, "cache", "pressure_panic", INT, cache.pressure_panic_percent, "95", 5, \
      100, 0, NULL, NULL, "The same for the last level; above pressure_critical.")                 \
    X(CACHE_CUCKOO_FILTER_FPP, "cache", "cuckoo_filter_fpp", REAL, cache.filter_rate, "0.01", 100, \
      500000, 0, NULL, NULL,                                                                       \
      "Share of absent keys that the cuckoo filter of a store lets pass, for stores that have "    \
      "one (see stores).")                                                                         \
    X(CACHE_DEFAULT_TTL, "cache", "default_ttl", DURATION, cache.default_ttl_ms, "0", 0,           \
      CONFIG_DAYS_MS(36500), 0, NULL, NULL,                                                        \
      "Life of an item whose write names none. 0: until it is deleted or evicted.")                \
    X(CACHE_COMPRESSION, "cache", "compression", ENUM, cache.compression, "none", 0, 0, 0, NULL,   \
      config_words_compression,                                                                    \
      "zstd: values of 64 bytes and more are compressed where that pays, small ones with a "       \
      "dictionary trained from them. About 2 us more for a write and .5 us for a read.")           \
    X(CACHE_DATABASES, "cache", "databases", INT, cache.databases, "16", 1, 16, 0, NULL,           \
      NULL, "Key spaces that SELECT 0, SELECT 1, ... choose from.")                                \
    X(CACHE_MAX_STORES, "cache", "max_stores", INT, cache.max_stores, "16", 1, 1000, 0, NULL,      \
      NULL, "Stores that STORE CREATE may make, besides the databases.")                           \
    X(CLUSTER_ENABLED, "cluster", "enabled", BOOL, cluster.enabled, "false", 0, 0, 0, NULL, NULL,  \
      "Share the keys of database 0 with other nodes.")                                            \
    X(CLUSTER_NAME, "cluster", "name", TEXT, cluster.name, "hypercache", 1, 63, 0, NULL, NULL,     \
      "Nodes of another name are strangers.")                                                      \
    X(CLUSTER_SEEDS, "cluster", "seeds", LIST, cluster.seeds, "", 0, CONFIG_LIST_MAX, 0, "seeds",  \
      NULL,                                                                                        \
      "Some nodes, as host:port of their cluster_port. One that answers is enough, and a node "    \
      "that was there before needs none.")                                                         \
    X(CLUSTER_SEED_DNS, "cluster", "seed_dns", TEXT, cluster.seed_dns, "", 0, CONFIG_TEXT_MAX, 0,  \
      NULL, NULL,                                                                                  \
      "A name, perhaps with a port, that stands for the addresses of all nodes; looked up for "    \
      "ever.")                                                                                     \
    X(CLUSTER_REPLICATION_FACTOR, "cluster", "replication_factor", INT,                            \
      cluster.replication_factor, "3", 1, 8, 0, NULL, NULL,                                        \
      "Nodes that hold each key. The same on all nodes.")                                          \
    X(CLUSTER_CONSISTENCY_LEVEL, "cluster", "consistency_level", ENUM, cluster.level, "eventual",  \
      0, 0, 0, NULL, config_words_level_of_cluster,                                                \
      "When a write is answered: eventual: one node has it; quorum: most that hold the key; all: " \
      "all of them. docs/consistency.md says what each survives.")                                 \
    X(CLUSTER_BLOCKS, "cluster", "blocks", INT, cluster.blocks, "512", 16, 16384, 0, NULL, NULL,   \
      "Parts, a power of two, that the 16384 slots move in; 2048 for more than 16 nodes. The "     \
      "same on all nodes.")                                                                        \
    X(CLUSTER_EXPECT_NODES, "cluster", "expect_nodes", INT, cluster.expect_nodes, "1", 1, 512, 0,  \
      NULL, NULL,                                                                                  \
      "A new cluster waits some seconds for so many nodes before it forms.")                       \
    X(CLUSTER_LEAVE_ON_STOP, "cluster", "leave_on_stop", BOOL, cluster.leave_on_stop, "false", 0,  \
      0, 0, NULL, NULL,                                                                            \
      "SIGTERM: give the keys to the other nodes first, up to a minute. Not for restarts, which "  \
      "others wait for 5 minutes before they copy anything.")                                      \
    X(PERSISTENCE_ENABLED, "persistence", "enabled", BOOL, persistence.enabled, "true", 0, 0, 0,   \
      NULL, NULL, "Keep data in node.data_dir, so that it survives a restart.")                    \
    X(PERSISTENCE_STRATEGY, "persistence", "strategy", ENUM, persistence.strategy, "hybrid", 0, 0, \
      CONFIG_LIVE, "persistence", config_words_strategy,                                           \
      "hybrid: a log, and snapshots by time and size; aof: a log, and snapshots only to keep it "  \
      "short; snapshot: as of the last one; disabled: names of stores survive, keys do not.")      \
    X(PERSISTENCE_SYNC_POLICY, "persistence", "sync_policy", ENUM, persistence.sync, "everysec",   \
      0, 0, CONFIG_LIVE, NULL, config_words_sync,                                                  \
      "When a write is safe from a power failure: always: before its reply; everysec: a second "   \
      "later; no: when the system wants it. docs/durability.md has the promise.")                  \
    X(PERSISTENCE_SNAPSHOT_INTERVAL, "persistence", "snapshot_interval", DURATION,                 \
      persistence.snapshot_interval_ms, "15m", 0, CONFIG_DAYS_MS(365), CONFIG_LIVE, NULL, NULL,    \
      "A snapshot so often, if something was written. 0: only when the log is long.")              \
    X(PERSISTENCE_MAX_LOG_SIZE, "persistence", "max_log_size", SIZE, persistence.log_bytes_max,    \
      "256MB", INT64_C(1) << 20, INT64_C(1) << 46, 0, NULL, NULL,                                  \
      "A log longer than this is made short by a snapshot.")                                       \
    X(PERSISTENCE_COMPRESSION_LEVEL, "persistence", "compression_level", INT,                      \
      persistence.compression_level, "1", 0, 3, 0, NULL, NULL,                                     \
      "zstd level of snapshots, where it pays. 0: not compressed.")                                \
    X(PERSISTENCE_SNAPSHOT_RATE, "persistence", "snapshot_rate", SIZE, persistence.snapshot_rate,  \
      "0", 0, INT64_C(1) << 40, 0, NULL, NULL,                                                     \
      "Bytes a second that a snapshot may write. 0: no limit.")                                    \
    X(PERSISTENCE_BACKUP_DIR, "persistence", "backup_dir", TEXT, persistence.backup_dir, "", 0,    \
      CONFIG_TEXT_MAX, 0, NULL, NULL,                                                              \
      "Where HC.BACKUP makes backups, each in a directory of its own directly below. Created when " \
      "the first is made; its parent must be there. Empty: none are made.")                        \
    X(PERSISTENCE_ON_DISK_ERROR, "persistence", "on_disk_error", ENUM, persistence.on_disk_error,  \
      "refuse", 0, 0, 0, NULL, config_words_disk_error,                                            \
      "When the disk fails: refuse writes until it works again; volatile: go on in memory, and "   \
      "make a snapshot afterwards; abort: end.")                                                   \
    X(SECURITY_PROTECTED_MODE, "security", "protected_mode", BOOL, security.protected_mode,        \
      "true", 0, 0, 0, NULL, NULL,                                                                 \
      "Refuse to start on an address that other machines reach while nobody must log in.")         \
    X(SECURITY_CLUSTER_SECRET, "security", "cluster_secret", TEXT, security.cluster_secret, "", 0, \
      CONFIG_TEXT_MAX, CONFIG_SECRET, NULL, NULL,                                                  \
      "What the nodes of a cluster know and others do not: it goes into the checksum of all "      \
      "that they say. Never shown.")                                                               \
    X(SECURITY_DEBUG_COMMANDS, "security", "debug_commands", ENUM, security.debug_commands, "no",  \
      0, 0, 0, NULL, config_words_debug,                                                           \
      "Who may use DEBUG, which can halt a thread: no, local for clients of this machine, yes.")   \
    X(SECURITY_HTTP_ADMIN, "security", "http_admin", BOOL, security.http_admin, "false", 0, 0, 0,  \
      NULL, NULL,                                                                                  \
      "Over HTTP, and so from the console, also run commands that write or change the node, end "  \
      "clients, and give orders to the cluster.")                                                  \
    X(LOGGING_LEVEL, "logging", "level", ENUM, logging.level, "info", 0, 0, CONFIG_LIVE,           \
      "log-level", config_words_level, "How much is logged.")                                      \
    X(LOGGING_COMPONENTS, "logging", "components", LIST, logging.components, "", 0,                \
      CONFIG_LIST_MAX, CONFIG_LIVE, NULL, NULL,                                                    \
      "Components with a level of their own, as STORAGE_ENGINE=debug.")                            \
    X(LOGGING_FORMAT, "logging", "format", ENUM, logging.format, "json", 0, 0, 0, NULL,            \
      config_words_format, "json: one object a line; text: for people.")                           \
    X(LOGGING_OUTPUT, "logging", "output", LIST, logging.output, "stderr", 1, 3, 0, NULL,          \
      config_words_output, "Where log lines go; file needs logging.file.")                         \
    X(LOGGING_FILE, "logging", "file", TEXT, logging.file, "", 0, CONFIG_TEXT_MAX, 0, NULL,        \
      NULL,                                                                                        \
      "File that log lines are appended to. SIGHUP opens it anew, after a rotation.")              \
    X(LOGGING_MAX_FILE_SIZE, "logging", "max_file_size", SIZE, logging.file_bytes_max, "100MB", 0, \
      INT64_C(1) << 46, 0, NULL, NULL,                                                             \
      "Past it the file becomes file.1, that one file.2 and so on. 0: never.")                     \
    X(LOGGING_MAX_FILES, "logging", "max_files", INT, logging.files_max, "10", 1, 1000, 0, NULL,   \
      NULL, "Log files kept, with the present one.")                                               \
    X(LOGGING_KEYS, "logging", "keys", ENUM, logging.keys, "plain", 0, 0, CONFIG_LIVE, NULL,       \
      config_words_keys,                                                                           \
      "How keys appear in log lines and events: plain, hashed (the same hash on each node), off.") \
    X(SLOWLOG_THRESHOLD, "slowlog", "threshold_us", INT, slowlog.threshold_us, "10000", -1,        \
      INT64_C(1) << 50, CONFIG_LIVE, NULL, NULL,                                                   \
      "SLOWLOG notes commands that ran for so many microseconds. -1: none. Below 10000 every "     \
      "command of a pipeline is timed on its own, for some 30 ns each.")                           \
    X(SLOWLOG_MAX_ENTRIES, "slowlog", "max_entries", INT, slowlog.max_entries, "128", 0, 1000000,  \
      CONFIG_LIVE, NULL, NULL,                                                                     \
      "Entries that SLOWLOG keeps, the latest; 16 MB of them at most.")                            \
    X(LATENCY_MONITOR_THRESHOLD, "latency", "monitor_threshold", DURATION,                         \
      latency.monitor_threshold_ms, "0", 0, CONFIG_DAYS_MS(1), CONFIG_LIVE, NULL, NULL,            \
      "LATENCY notes events that took so long. 0: none.")                                          \
    X(LATENCY_HISTOGRAMS, "latency", "histograms", BOOL, latency.histograms, "true", 0, 0,         \
      CONFIG_LIVE, NULL, NULL, "Count how long commands take, for LATENCY HISTOGRAM and INFO.")    \
    X(LATENCY_PERCENTILES, "latency", "percentiles", TEXT, latency.percentiles, "50 99 99.9", 0,   \
      CONFIG_TEXT_MAX, CONFIG_LIVE, NULL, NULL,                                                    \
      "Percentiles that INFO latencystats tells, at most 16.")                                     \
    X(PUBSUB_KEYSPACE_EVENTS, "pubsub", "keyspace_events", TEXT, pubsub.keyspace_events, "", 0,    \
      CONFIG_TEXT_MAX, CONFIG_LIVE, NULL, NULL,                                                    \
      "Which changes of keys are published, in the letters of Redis's notify-keyspace-events.")    \
    X(PUBSUB_OUTPUT_LIMIT, "pubsub", "output_limit", TEXT, pubsub.output_limit, "32mb 8mb 60", 1,  \
      CONFIG_TEXT_MAX, CONFIG_LIVE, NULL, NULL,                                                    \
      "What may wait for a client that does not read its messages: past the first it is closed, "  \
      "past the second for so many seconds likewise. 0: no limit.") \
    X(TRACKING_MAX_KEYS, "tracking", "max_keys", INT, tracking.max_keys, "1000000", 0,             \
      INT64_C(1) << 40, CONFIG_LIVE, NULL, NULL,                                                   \
      "Keys remembered for clients that cache (CLIENT TRACKING), in 256 MB at most. 0: all.")      \
    X(DEBUG_ENABLED, "debug", "enabled", BOOL, debug.enabled, "false", 0, 0, CONFIG_LIVE, NULL,    \
      NULL,                                                                                        \
      "Debug mode: DEBUG's looks inside, captures and profiles, and /api/debug. Who may is settled " \
      "by security.debug_commands and security.http_admin.")                                       \
    X(DEBUG_LEVEL, "debug", "level", ENUM, debug.level, "info", 0, 0, CONFIG_LIVE, NULL,           \
      config_words_level, "How much debug.components log while debug.enabled.")                    \
    X(DEBUG_COMPONENTS, "debug", "components", LIST, debug.components, "", 0, CONFIG_LIST_MAX,     \
      CONFIG_LIVE, NULL, NULL, "Components that log at debug.level while debug.enabled.")          \
    X(DEBUG_PERFORMANCE_PROFILING, "debug", "performance_profiling", BOOL,                         \
      debug.performance_profiling, "false", 0, 0, 0, NULL, NULL,                                   \
      "Count the memory that each subsystem asks for, for DEBUG ALLOCATIONS.")                            \
    X(TRACING_ENABLED, "tracing", "enabled", BOOL, tracing.enabled, "false", 0, 0, CONFIG_LIVE,    \
      NULL, NULL,                                                                                  \
      "Make spans of some requests: kept for /api/traces, and sent to a collector.")               \
    X(TRACING_EXPORTER, "tracing", "exporter", ENUM, tracing.exporter, "otlp", 0, 0, 0, NULL,      \
      config_words_exporter,                                                                       \
      "How spans are sent: otlp (OTLP/HTTP, protobuf), otlp_json, zipkin (v2 JSON); none: not.")   \
    X(TRACING_ENDPOINT, "tracing", "endpoint", TEXT, tracing.endpoint, "http://127.0.0.1:4318", 1, \
      CONFIG_TEXT_MAX, 0, NULL, NULL,                                                              \
      "The collector, as http://host:port; without a path it is /v1/traces, or /api/v2/spans for " \
      "zipkin.")                                                                                   \
    X(TRACING_SAMPLE_RATIO, "tracing", "sample_ratio", REAL, tracing.sample_ratio, "0.01", 0,      \
      1000000, CONFIG_LIVE, NULL, NULL,                                                            \
      "Share of requests traced, of those whose caller does not decide (traceparent). Besides, "   \
      "some of those that fail or are slow.")

/* Keys of an entry of `stores`; fields are of a config_store. */
#define CONFIG_STORE_KEYS(X)                                                                       \
    X(STORE_NAME, "stores", "name", TEXT, name, "", 1, CONFIG_STORE_NAME_MAX, 0, NULL, NULL,       \
      "Letters, digits and _ . : - but no number; default is database 0.")                         \
    X(STORE_EVICTION_POLICY, "stores", "eviction_policy", ENUM, eviction, "", 0, 0, 0, NULL,       \
      config_words_eviction, "As cache.eviction.")                                                 \
    X(STORE_MAX_MEMORY, "stores", "max_memory", SIZE, max_memory_bytes, "", 0, INT64_C(1) << 46,   \
      CONFIG_MEMORY_LIMIT, NULL, NULL,                                                             \
      "Most that it may take of cache.max_memory, 4MB at least. 0: all that others leave.")        \
    X(STORE_DEFAULT_TTL, "stores", "default_ttl", DURATION, default_ttl_ms, "", 0,                 \
      CONFIG_DAYS_MS(36500), 0, NULL, NULL, "As cache.default_ttl.")                               \
    X(STORE_CUCKOO_FILTER, "stores", "cuckoo_filter", BOOL, cuckoo_filter, "", 0, 0, 0, NULL,      \
      NULL,                                                                                        \
      "A filter that answers most misses, with cache.cuckoo_filter_fpp. It pays where most "       \
      "reads miss.")                                                                               \
    X(STORE_COMPRESSION, "stores", "compression", ENUM, compression, "", 0, 0, 0, NULL,            \
      config_words_compression, "As cache.compression.")                                           \
    X(STORE_PERSISTENCE, "stores", "persistence", ENUM, strategy, "", 0, 0, 0, NULL,               \
      config_words_strategy, "As persistence.strategy.")

/* X(prefix or whole name, what it belongs to): keys that the contract has and this version not. */
#define CONFIG_LATER(X)                                                                            \
    X("cluster.routing", "redirects")                                                              \
    X("security.users", "users")                                                                   \
    X("security.tls", "TLS")                                                                       \
    X("debug.correlation_tracking", "debug mode")

/* Short flags of such keys. */
#define CONFIG_LATER_FLAGS(X)                                                                      \
    X("persistence", "persistence.enabled")
/* clang-format on */

#endif
