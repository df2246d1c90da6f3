/* config_values.c - the table of Redis's names, and how their values are told and read. */
#include "command/config_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"

static const config_name names[] = {
    {"appendfsync", CONFIG_FIXED, "everysec", NULL},
    {"appendonly", CONFIG_FIXED, "no", NULL},
    {"bind", CONFIG_SETTING, NULL, "network.bind"},
    {"cluster-enabled", CONFIG_FIXED, "no", NULL},
    {"databases", CONFIG_NODE, NULL, NULL},
    {"dir", CONFIG_SETTING, NULL, "node.data_dir"},
    {"hz", CONFIG_FIXED, "10", NULL},
    {"io-threads", CONFIG_NODE, NULL, NULL},
    {"logfile", CONFIG_SETTING, NULL, "logging.file"},
    {"loglevel", CONFIG_SETTING, NULL, "logging.level"},
    {"maxclients", CONFIG_SETTING, NULL, "network.max_clients"},
    {"maxmemory", CONFIG_MEMORY, NULL, "cache.max_memory"},
    {"maxmemory-policy", CONFIG_NODE, NULL, NULL},
    {"notify-keyspace-events", CONFIG_FIXED, "", NULL},
    {"port", CONFIG_NODE, NULL, NULL},
    {"proto-max-bulk-len", CONFIG_FIXED, "536870912", NULL},
    {"protected-mode", CONFIG_SETTING, NULL, "security.protected_mode"},
    {"replica-read-only", CONFIG_FIXED, "yes", NULL},
    {"requirepass", CONFIG_FIXED, "", NULL},
    {"save", CONFIG_FIXED, "", NULL},
    {"slave-read-only", CONFIG_FIXED, "yes", NULL},
    {"timeout", CONFIG_SETTING, NULL, "network.idle_timeout"},
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

static const struct {
    uint32_t eviction;
    const char *brief, *all, *with_expiry;
} policies[] = {
    {HC_EVICTION_S3FIFO, "s3fifo", "allkeys-s3fifo", "volatile-s3fifo"},
    {HC_EVICTION_LRU, "lru", "allkeys-lru", "volatile-lru"},
    {HC_EVICTION_LFU, "lfu", "allkeys-lfu", "volatile-lfu"},
    {HC_EVICTION_FIFO, "fifo", "allkeys-fifo", "volatile-fifo"},
    {HC_EVICTION_TTL, "ttl", "allkeys-ttl", "volatile-ttl"},
    {HC_EVICTION_RANDOM, "random", "allkeys-random", "volatile-random"},
};

const char *config_policy_name(uint32_t eviction)
{
    bool with_expiry = (eviction & HC_EVICTION_VOLATILE) != 0;
    eviction &= ~(uint32_t)HC_EVICTION_VOLATILE;
    size_t which = 0; /* the default */
    if (eviction == HC_EVICTION_NONE) return "noeviction";
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
        if (policies[i].eviction == eviction) which = i;
    return with_expiry ? policies[which].with_expiry : policies[which].all;
}

bool config_policy_parse(hc_span name, uint32_t *eviction_out)
{
    *eviction_out = HC_EVICTION_NONE;
    if (argument_is(name, "noeviction")) return true;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        bool with_expiry = argument_is(name, policies[i].with_expiry);
        if (!with_expiry && !argument_is(name, policies[i].brief) &&
            !argument_is(name, policies[i].all))
            continue;
        *eviction_out = policies[i].eviction | (with_expiry ? HC_EVICTION_VOLATILE : 0);
        return true;
    }
    return false;
}

const char *config_node_text(const node *of, const config_name *which, char text[CONFIG_TEXT_CHARS])
{
    const node_options *options = &of->options;
    uint64_t value = 0;
    if (strcmp(which->name, "maxmemory-policy") == 0) return config_policy_name(options->eviction);
    if (strcmp(which->name, "maxmemory") == 0) value = node_max_memory(of);
    if (strcmp(which->name, "databases") == 0) value = options->databases;
    if (strcmp(which->name, "io-threads") == 0) value = options->workers;
    if (strcmp(which->name, "port") == 0) value = options->resp_port;
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRIu64, value);
    return text;
}

const char *config_setting_text(const setting *one, char text[CONFIG_TEXT_CHARS])
{
    switch (one->kind) {
    case SETTING_BOOL:
        return one->number != 0 ? "yes" : "no";
    case SETTING_DURATION:
        (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRId64, one->number / 1000);
        return text;
    case SETTING_INTEGER:
    case SETTING_BYTES:
        (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRId64, one->number);
        return text;
    case SETTING_TEXT:
    case SETTING_LIST:
        break;
    }
    return one->text;
}

typedef struct wanted_number {
    const char *name;
    int64_t number;
} wanted_number;

static void take_number(void *ctx, const setting *one)
{
    wanted_number *wanted = ctx;
    if (strcmp(one->name, wanted->name) == 0) wanted->number = one->number;
}

int64_t config_setting_number(const node *of, const char *name, int64_t otherwise)
{
    wanted_number wanted = {name, otherwise};
    const settings *ours = of->options.settings;
    if (ours != NULL) ours->each(ours->ctx, take_number, &wanted);
    return wanted.number;
}

bool config_memory_parse(hc_span text, uint64_t *bytes_out)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1},           {"b", 1},
                 {"k", 1000},       {"kb", 1024},
                 {"m", 1000000},    {"mb", 1024 * 1024},
                 {"g", 1000000000}, {"gb", 1024 * 1024 * 1024}};
    uint64_t value = 0;
    size_t digits = 0;
    for (; digits < text.size; digits++) {
        unsigned digit = (unsigned)text.data[digits] - '0';
        if (digit > 9) break;
        if (__builtin_mul_overflow(value, 10u, &value)) return false;
        if (__builtin_add_overflow(value, digit, &value)) return false;
    }
    if (digits == 0) return false;
    hc_span unit = hc_span_make(text.data + digits, text.size - digits);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!argument_is(unit, units[i].name)) continue;
        return !__builtin_mul_overflow(value, units[i].bytes, bytes_out);
    }
    return false;
}
