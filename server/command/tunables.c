/* tunables.c - the table of settings that modules of server/command act on. */
#include "command/tunable.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/durable.h"
#include "command/notify.h"
#include "command/output_limit.h"
#include "command/tracing.h"
#include "command/tracking.h"

static void apply_max_memory(node *of, const setting *to)
{
    hc_status status = node_set_max_memory(of, (uint64_t)to->number);
    assert(status == HC_OK); /* its range was checked */
    (void)status;
}

static void apply_slow_log_threshold(node *of, const setting *to)
{
    observer_set_slow_log(&of->observer, to->number);
}

static void apply_slow_log_entries(node *of, const setting *to)
{
    slow_log_limit(&of->observer.slow_log, (size_t)to->number);
}

static void apply_event_threshold(node *of, const setting *to)
{
    observer_set_event_threshold(&of->observer, (uint64_t)to->number);
}

static void apply_histograms(node *of, const setting *to)
{
    atomic_store(&of->observer.counts_latency, to->number != 0);
}

/* Blank-separated numbers 0..100; returns how many, or -1 when it is not that. */
static int percentiles_parse(const char *text, double percents[OBSERVER_PERCENTILES_MAX])
{
    int count = 0;
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        char *end;
        if (strspn(text, "0123456789.") == 0) return -1;
        double percent = strtod(text, &end);
        bool ends = end > text && (*end == ' ' || *end == '\0');
        if (!ends || percent > 100 || count == (int)OBSERVER_PERCENTILES_MAX) return -1;
        percents[count++] = percent;
        text = end;
    }
    return count;
}

static bool check_percentiles(const setting *to, char error[SETTINGS_ERROR_BYTES])
{
    double percents[OBSERVER_PERCENTILES_MAX];
    if (percentiles_parse(to->text, percents) >= 0) return true;
    (void)snprintf(error, SETTINGS_ERROR_BYTES,
                   "argument must be at most %u numbers between 0.0 and 100.0",
                   OBSERVER_PERCENTILES_MAX);
    return false;
}

static void apply_percentiles(node *of, const setting *to)
{
    double percents[OBSERVER_PERCENTILES_MAX];
    int count = percentiles_parse(to->text, percents);
    if (count >= 0) observer_set_percentiles(&of->observer, percents, (size_t)count);
}

static void apply_debug(node *of, const setting *to)
{
    node_debug who = NODE_DEBUG_NO;
    if (strcmp(to->text, "local") == 0) who = NODE_DEBUG_LOCAL;
    if (strcmp(to->text, "yes") == 0) who = NODE_DEBUG_YES;
    atomic_store(&of->debug, (int)who);
}

static void apply_debug_mode(node *of, const setting *to)
{
    debug_mode_set(&of->debugging, to->number != 0);
}

static void apply_log_keys(node *of, const setting *to)
{
    hc_log_keys keys = HC_LOG_KEYS_PLAIN;
    if (strcmp(to->text, "hashed") == 0) keys = HC_LOG_KEYS_HASHED;
    if (strcmp(to->text, "off") == 0) keys = HC_LOG_KEYS_OFF;
    atomic_store(&of->debugging.keys, (int)keys);
}

static void apply_eviction(node *of, const setting *to)
{
    hc_status status = node_set_eviction(of, (uint32_t)to->number);
    assert(status == HC_OK);
    (void)status;
}

static bool check_keyspace_events(const setting *to, char error[SETTINGS_ERROR_BYTES])
{
    uint32_t flags;
    if (notify_parse(hc_span_make(to->text, strlen(to->text)), &flags)) return true;
    (void)snprintf(error, SETTINGS_ERROR_BYTES,
                   "argument must be made of the letters Ag$lshzxeKEtmdn");
    return false;
}

static void apply_keyspace_events(node *of, const setting *to)
{
    uint32_t flags = 0;
    (void)notify_parse(hc_span_make(to->text, strlen(to->text)), &flags);
    notify_set(of, flags);
}

static void apply_tracking_keys(node *of, const setting *to)
{
    tracking_keys_max_set(of, (size_t)to->number);
}

static bool check_output_limit(const setting *to, char error[SETTINGS_ERROR_BYTES])
{
    push_limits limits;
    if (output_limit_parse(hc_span_make(to->text, strlen(to->text)), &limits)) return true;
    (void)snprintf(error, SETTINGS_ERROR_BYTES,
                   "argument must be a hard limit, a soft limit and seconds, as 32mb 8mb 60");
    return false;
}

static void apply_output_limit(node *of, const setting *to)
{
    push_limits limits;
    if (output_limit_parse(hc_span_make(to->text, strlen(to->text)), &limits))
        push_limits_set(of, limits);
}

static void apply_strategy(node *of, const setting *to)
{
    durable_set_strategy(of, (uint32_t)to->number);
}

static void apply_sync(node *of, const setting *to)
{
    durable_set_sync(of, (uint32_t)to->number);
}

static void apply_snapshot_interval(node *of, const setting *to)
{
    durable_set_interval(of, (uint64_t)to->number);
}

static void apply_tracing(node *of, const setting *to)
{
    tracing_set_on(of, to->number != 0);
}

static void apply_sample_ratio(node *of, const setting *to)
{
    tracing_set_ratio(of, strtod(to->text, NULL));
}

static const tunable tunables[] = {
    {"cache.eviction", NULL, apply_eviction},
    {"cache.max_memory", NULL, apply_max_memory},
    {"debug.enabled", NULL, apply_debug_mode},
    {"latency.histograms", NULL, apply_histograms},
    {"latency.monitor_threshold", NULL, apply_event_threshold},
    {"latency.percentiles", check_percentiles, apply_percentiles},
    {"logging.keys", NULL, apply_log_keys},
    {"persistence.snapshot_interval", NULL, apply_snapshot_interval},
    {"persistence.strategy", NULL, apply_strategy},
    {"persistence.sync_policy", NULL, apply_sync},
    {"pubsub.keyspace_events", check_keyspace_events, apply_keyspace_events},
    {"pubsub.output_limit", check_output_limit, apply_output_limit},
    {"security.debug_commands", NULL, apply_debug},
    {"slowlog.max_entries", NULL, apply_slow_log_entries},
    {"slowlog.threshold_us", NULL, apply_slow_log_threshold},
    {"tracing.enabled", NULL, apply_tracing},
    {"tracing.sample_ratio", NULL, apply_sample_ratio},
    {"tracking.max_keys", NULL, apply_tracking_keys},
};

static const tunable *tunable_find(const char *name)
{
    for (size_t i = 0; i < sizeof tunables / sizeof tunables[0]; i++)
        if (strcmp(tunables[i].setting, name) == 0) return &tunables[i];
    return NULL;
}

bool node_setting_check(const setting *to, char error[SETTINGS_ERROR_BYTES])
{
    const tunable *row = tunable_find(to->name);
    return row == NULL || row->check == NULL || row->check(to, error);
}

void node_setting_apply(node *of, const setting *to)
{
    const tunable *row = tunable_find(to->name);
    if (row != NULL) row->apply(of, to);
}
