/*
 * log_names.c - levels, topics and keys as operators write and read them.
 */
#include <hypercache/log.h>

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"

static const char *const level_names[] = {
    [HC_LOG_ERROR] = "ERROR", [HC_LOG_WARN] = "WARN",   [HC_LOG_INFO] = "INFO",
    [HC_LOG_DEBUG] = "DEBUG", [HC_LOG_TRACE] = "TRACE",
};

static const char *const topic_names[] = {
    [HC_TOPIC_RESP_SERVER] = "RESP_SERVER",
    [HC_TOPIC_HTTP_API] = "HTTP_API",
    [HC_TOPIC_GOSSIP] = "GOSSIP",
    [HC_TOPIC_EVENT_BUS] = "EVENT_BUS",
    [HC_TOPIC_STORAGE_ENGINE] = "STORAGE_ENGINE",
    [HC_TOPIC_PERSISTENCE] = "PERSISTENCE",
    [HC_TOPIC_HASH_RING] = "HASH_RING",
    [HC_TOPIC_REPLICATION] = "REPLICATION",
    [HC_TOPIC_FILTER] = "FILTER",
    [HC_TOPIC_SECURITY] = "SECURITY",
};

_Static_assert(sizeof level_names / sizeof *level_names == HC_LOG_LEVELS, "each level has a name");
_Static_assert(sizeof topic_names / sizeof *topic_names == HC_TOPICS, "each topic has a name");

const char *hc_log_level_name(hc_log_level level)
{
    return (unsigned)level < HC_LOG_LEVELS ? level_names[level] : "UNKNOWN";
}

const char *hc_topic_name(hc_topic topic)
{
    return (unsigned)topic < HC_TOPICS ? topic_names[topic] : "UNKNOWN";
}

hc_span hc_log_key(hc_log_keys keys, hc_span key, char text[HC_LOG_KEY_CHARS])
{
    if (keys == HC_LOG_KEYS_PLAIN || key.size == 0) return key;
    if (keys == HC_LOG_KEYS_OFF) return hc_span_make(NULL, 0);
    int size = snprintf(text, HC_LOG_KEY_CHARS, "%016" PRIx64, hci_hash(key, 0));
    return hc_span_make(text, (size_t)size);
}
