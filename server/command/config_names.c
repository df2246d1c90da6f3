/*
 * config_names.c - the table of Redis's names.
 *
 * Fixed answers are Redis's defaults where nobody could tell the difference, and otherwise what is
 * true here.  Names of other types' encodings (hash-max-listpack-entries) are told because tools
 * compare them; there are strings only, so they change nothing.
 */
#include "command/config_values.h"

#include <stdio.h>
#include <string.h>

#include "command/command_args.h"
#include "command/notify.h"
#include "command/output_limit.h"
#include "command/persistence_names.h"

/* Both have five levels. */
static const config_pair level_words[] = {{"debug", "trace"},   {"verbose", "debug"},
                                          {"notice", "info"},   {"warning", "warn"},
                                          {"nothing", "error"}, {NULL, NULL}};

static void notify_tell(const setting *now, char text[CONFIG_TEXT_CHARS])
{
    uint32_t flags = 0;
    (void)notify_parse(hc_span_make(now->text, strlen(now->text)), &flags);
    notify_print(flags, text);
}

static bool notify_read(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
                        char error[SETTINGS_ERROR_BYTES])
{
    (void)now;
    uint32_t flags;
    if (!notify_parse(value, &flags)) {
        (void)snprintf(error, SETTINGS_ERROR_BYTES,
                       "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        return false;
    }
    notify_print_all(flags, text);
    return true;
}

#define FIXED(name, text)                                                                          \
    {                                                                                              \
        name, SHAPE_FIXED, text, NULL, NULL, NULL, NULL                                            \
    }
#define NODE(name)                                                                                 \
    {                                                                                              \
        name, SHAPE_NODE, NULL, NULL, NULL, NULL, NULL                                             \
    }
#define SETTING(name, shape, setting)                                                              \
    {                                                                                              \
        name, shape, NULL, setting, NULL, NULL, NULL                                               \
    }
#define WORDS(name, setting, words)                                                                \
    {                                                                                              \
        name, SHAPE_WORDS, NULL, setting, words, NULL, NULL                                        \
    }

static const config_name names[] = {
    FIXED("acllog-max-len", "128"),
    FIXED("active-expire-effort", "1"),
    FIXED("activedefrag", "no"),
    FIXED("activerehashing", "yes"),
    FIXED("aof-use-rdb-preamble", "yes"),
    SETTING("appendfsync", SHAPE_TEXT, "persistence.sync_policy"),
    {"appendonly", SHAPE_OWN, NULL, "persistence.strategy", NULL, appendonly_tell, appendonly_read},
    FIXED("auto-aof-rewrite-min-size", "67108864"),
    FIXED("auto-aof-rewrite-percentage", "100"),
    SETTING("bind", SHAPE_TEXT, "network.bind"),
    FIXED("busy-reply-threshold", "5000"),
    {"client-output-buffer-limit", SHAPE_OWN, NULL, "pubsub.output_limit", NULL, output_limit_tell,
     output_limit_read},
    SETTING("client-query-buffer-limit", SHAPE_MEMORY, "network.max_request_size"),
    SETTING("cluster-enabled", SHAPE_YES_NO, "cluster.enabled"),
    FIXED("cluster-node-timeout", "15000"),
    FIXED("daemonize", "no"),
    NODE("databases"),
    FIXED("dbfilename", "dump.rdb"),
    SETTING("dir", SHAPE_TEXT, "node.data_dir"),
    FIXED("dynamic-hz", "yes"),
    SETTING("enable-debug-command", SHAPE_TEXT, "security.debug_commands"),
    FIXED("enable-module-command", "no"),
    FIXED("enable-protected-configs", "no"),
    FIXED("hash-max-listpack-entries", "128"),
    FIXED("hash-max-listpack-value", "64"),
    FIXED("hash-max-ziplist-entries", "128"),
    FIXED("hash-max-ziplist-value", "64"),
    FIXED("hll-sparse-max-bytes", "3000"),
    FIXED("hz", "10"),
    NODE("io-threads"),
    FIXED("io-threads-do-reads", "yes"),
    SETTING("latency-monitor-threshold", SHAPE_NUMBER, "latency.monitor_threshold"),
    SETTING("latency-tracking", SHAPE_YES_NO, "latency.histograms"),
    SETTING("latency-tracking-info-percentiles", SHAPE_TEXT, "latency.percentiles"),
    FIXED("lazyfree-lazy-eviction", "no"),
    FIXED("lazyfree-lazy-expire", "no"),
    FIXED("lazyfree-lazy-server-del", "no"),
    FIXED("lazyfree-lazy-user-del", "no"),
    FIXED("lazyfree-lazy-user-flush", "no"),
    FIXED("lfu-decay-time", "1"),
    FIXED("lfu-log-factor", "10"),
    FIXED("list-compress-depth", "0"),
    FIXED("list-max-listpack-size", "-2"),
    FIXED("list-max-ziplist-size", "-2"),
    SETTING("logfile", SHAPE_TEXT, "logging.file"),
    WORDS("loglevel", "logging.level", level_words),
    FIXED("lua-time-limit", "5000"),
    FIXED("masterauth", ""),
    FIXED("masteruser", ""),
    SETTING("maxclients", SHAPE_NUMBER, "network.max_clients"),
    SETTING("maxmemory", SHAPE_MEMORY, "cache.max_memory"),
    FIXED("maxmemory-clients", "0"),
    FIXED("maxmemory-eviction-tenacity", "10"),
    SETTING("maxmemory-policy", SHAPE_POLICY, "cache.eviction"),
    FIXED("maxmemory-samples", "5"),
    FIXED("min-replicas-max-lag", "10"),
    FIXED("min-replicas-to-write", "0"),
    FIXED("min-slaves-max-lag", "10"),
    FIXED("min-slaves-to-write", "0"),
    FIXED("no-appendfsync-on-rewrite", "no"),
    {"notify-keyspace-events", SHAPE_OWN, NULL, "pubsub.keyspace_events", NULL, notify_tell,
     notify_read},
    NODE("port"),
    FIXED("proto-max-bulk-len", "536870912"),
    SETTING("protected-mode", SHAPE_YES_NO, "security.protected_mode"),
    FIXED("rdbchecksum", "yes"),
    FIXED("rdbcompression", "yes"),
    FIXED("repl-backlog-size", "1048576"),
    FIXED("repl-diskless-sync", "yes"),
    FIXED("repl-timeout", "60"),
    FIXED("replica-announced", "yes"),
    FIXED("replica-ignore-maxmemory", "yes"),
    FIXED("replica-lazy-flush", "no"),
    FIXED("replica-priority", "100"),
    FIXED("replica-read-only", "yes"),
    FIXED("replica-serve-stale-data", "yes"),
    FIXED("replicaof", ""),
    FIXED("requirepass", ""),
    {"save", SHAPE_OWN, NULL, "persistence.snapshot_interval", NULL, save_tell, save_read},
    FIXED("set-max-intset-entries", "512"),
    FIXED("set-max-listpack-entries", "128"),
    FIXED("set-max-listpack-value", "64"),
    FIXED("set-proc-title", "no"),
    FIXED("slave-ignore-maxmemory", "yes"),
    FIXED("slave-lazy-flush", "no"),
    FIXED("slave-priority", "100"),
    FIXED("slave-read-only", "yes"),
    FIXED("slave-serve-stale-data", "yes"),
    FIXED("slaveof", ""),
    SETTING("slowlog-log-slower-than", SHAPE_NUMBER, "slowlog.threshold_us"),
    SETTING("slowlog-max-len", SHAPE_NUMBER, "slowlog.max_entries"),
    FIXED("stop-writes-on-bgsave-error", "yes"),
    FIXED("stream-node-max-bytes", "4096"),
    FIXED("stream-node-max-entries", "100"),
    FIXED("supervised", "no"),
    FIXED("tcp-backlog", "511"),
    SETTING("tcp-keepalive", SHAPE_SECONDS, "network.tcp_keepalive"),
    SETTING("timeout", SHAPE_SECONDS, "network.idle_timeout"),
    FIXED("tls-port", "0"),
    SETTING("tracking-table-max-keys", SHAPE_NUMBER, "tracking.max_keys"),
    FIXED("unixsocket", ""),
    FIXED("unixsocketperm", "0"),
    FIXED("zset-max-listpack-entries", "128"),
    FIXED("zset-max-listpack-value", "64"),
    FIXED("zset-max-ziplist-entries", "128"),
    FIXED("zset-max-ziplist-value", "64"),
};

size_t config_name_count(void)
{
    return sizeof names / sizeof names[0];
}

const config_name *config_name_at(size_t index)
{
    return &names[index];
}

const config_name *config_name_find(hc_span name)
{
    for (size_t i = 0; i < config_name_count(); i++)
        if (argument_is(name, names[i].name)) return &names[i];
    return NULL;
}
