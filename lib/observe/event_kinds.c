/*
 * event_kinds.c - what each kind of event is called and means.
 *
 * Those that want somebody's attention name the page that says what to do; tests/checks wants the
 * page to be there.
 */
#include <hypercache/event.h>

#include <assert.h>

#define PAGE(name) "docs/runbooks/" name ".md"

static const hc_event_meaning meanings[] = {
    [HC_EVENT_NODE_STARTED] = {"node_started", HC_TOPIC_EVENT_BUS, HC_LOG_INFO, false, NULL},
    [HC_EVENT_NODE_STOPPED] = {"node_stopped", HC_TOPIC_EVENT_BUS, HC_LOG_INFO, false, NULL},
    [HC_EVENT_NODE_JOINED] = {"node_joined", HC_TOPIC_GOSSIP, HC_LOG_INFO, false, NULL},
    [HC_EVENT_NODE_LEFT] = {"node_left", HC_TOPIC_GOSSIP, HC_LOG_INFO, false, NULL},
    [HC_EVENT_NODE_FAILED] = {"node_failed", HC_TOPIC_GOSSIP, HC_LOG_ERROR, false,
                              PAGE("node-down")},
    [HC_EVENT_NODE_REJOINED] = {"node_rejoined", HC_TOPIC_GOSSIP, HC_LOG_INFO, false, NULL},
    [HC_EVENT_CLUSTER_FORMED] = {"cluster_formed", HC_TOPIC_HASH_RING, HC_LOG_INFO, false, NULL},
    [HC_EVENT_CLUSTER_SPLIT] = {"cluster_split", HC_TOPIC_GOSSIP, HC_LOG_ERROR, false,
                                PAGE("split")},
    [HC_EVENT_CLUSTER_MERGED] = {"cluster_merged", HC_TOPIC_GOSSIP, HC_LOG_INFO, false, NULL},
    [HC_EVENT_SYNC_STARTED] = {"sync_started", HC_TOPIC_REPLICATION, HC_LOG_INFO, false, NULL},
    [HC_EVENT_SYNC_ENDED] = {"sync_ended", HC_TOPIC_REPLICATION, HC_LOG_INFO, false, NULL},
    [HC_EVENT_CONFLICT_RESOLVED] = {"conflict_resolved", HC_TOPIC_REPLICATION, HC_LOG_INFO, true,
                                    NULL},
    [HC_EVENT_HINT_STORED] = {"hint_stored", HC_TOPIC_REPLICATION, HC_LOG_INFO, true, NULL},
    [HC_EVENT_HINT_REPLAYED] = {"hint_replayed", HC_TOPIC_REPLICATION, HC_LOG_INFO, true, NULL},
    [HC_EVENT_SNAPSHOT_STARTED] = {"snapshot_started", HC_TOPIC_PERSISTENCE, HC_LOG_INFO, false,
                                   NULL},
    [HC_EVENT_SNAPSHOT_FINISHED] = {"snapshot_finished", HC_TOPIC_PERSISTENCE, HC_LOG_INFO, false,
                                    NULL},
    [HC_EVENT_SNAPSHOT_FAILED] = {"snapshot_failed", HC_TOPIC_PERSISTENCE, HC_LOG_ERROR, false,
                                  PAGE("persistence")},
    [HC_EVENT_LOG_ROTATED] = {"log_rotated", HC_TOPIC_PERSISTENCE, HC_LOG_DEBUG, true, NULL},
    [HC_EVENT_RECOVERED] = {"recovered", HC_TOPIC_PERSISTENCE, HC_LOG_INFO, false, NULL},
    [HC_EVENT_DATA_DAMAGED] = {"data_damaged", HC_TOPIC_PERSISTENCE, HC_LOG_ERROR, false,
                               PAGE("data-damaged")},
    [HC_EVENT_DISK_FAILED] = {"disk_failed", HC_TOPIC_PERSISTENCE, HC_LOG_ERROR, false,
                              PAGE("persistence")},
    [HC_EVENT_DISK_RECOVERED] = {"disk_recovered", HC_TOPIC_PERSISTENCE, HC_LOG_INFO, false, NULL},
    [HC_EVENT_DISK_LOW] = {"disk_low", HC_TOPIC_PERSISTENCE, HC_LOG_WARN, false, PAGE("disk")},
    [HC_EVENT_LATENCY_HIGH] = {"latency_high", HC_TOPIC_RESP_SERVER, HC_LOG_WARN, true,
                               PAGE("latency")},
    [HC_EVENT_MEMORY_PRESSURE] = {"memory_pressure", HC_TOPIC_STORAGE_ENGINE, HC_LOG_WARN, false,
                                  PAGE("memory")},
    [HC_EVENT_EVICTION_STORM] = {"eviction_storm", HC_TOPIC_STORAGE_ENGINE, HC_LOG_WARN, false,
                                 PAGE("eviction-storm")},
    [HC_EVENT_CONFIG_CHANGED] = {"config_changed", HC_TOPIC_EVENT_BUS, HC_LOG_INFO, false, NULL},
    [HC_EVENT_AUTH_FAILED] = {"auth_failed", HC_TOPIC_SECURITY, HC_LOG_WARN, true,
                              PAGE("auth-failures")},
    [HC_EVENT_CLOCK_SKEWED] = {"clock_skewed", HC_TOPIC_REPLICATION, HC_LOG_WARN, true,
                               PAGE("clock-skew")},
};

_Static_assert(sizeof meanings / sizeof *meanings == HC_EVENT_KINDS, "each kind has a meaning");

const hc_event_meaning *hc_event_meaning_of(hc_event_kind kind)
{
    assert((unsigned)kind < HC_EVENT_KINDS);
    return &meanings[kind];
}

const char *hc_event_severity(hc_log_level level)
{
    if (level == HC_LOG_ERROR) return "critical";
    return level == HC_LOG_WARN ? "warning" : "info";
}
