/*
 * config_check.c - rules over several keys, and what a value's origin is called.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <hypercache/stores.h>

#include "config/config.h"

void config_origin_text(const config *cfg, const config_key *key, char *text, size_t text_bytes)
{
    config_origin origin = cfg->origins[key - config_keys];
    switch (origin.source) {
    case CONFIG_FROM_DEFAULT:
        (void)snprintf(text, text_bytes, "default");
        break;
    case CONFIG_FROM_FILE:
        (void)snprintf(text, text_bytes, "%s:%d", cfg->path, origin.line);
        break;
    case CONFIG_FROM_ENVIRONMENT:
        (void)snprintf(text, text_bytes, "HYPERCACHE_%s_%s", key->section, key->name);
        for (char *at = text; *at != '\0'; at++)
            *at = (char)toupper((unsigned char)*at);
        break;
    case CONFIG_FROM_FLAG:
        (void)snprintf(text, text_bytes, "--%s", key->full);
        break;
    case CONFIG_FROM_COMMAND:
        (void)snprintf(text, text_bytes, "CONFIG SET");
        break;
    }
}

static void complain(const config *cfg, config_id id, config_problems *problems, const char *why)
{
    char where[CONFIG_TEXT_MAX + 32];
    config_origin_text(cfg, &config_keys[id], where, sizeof where);
    bool named = cfg->origins[id].source == CONFIG_FROM_FLAG; /* the key is in `where` */
    config_problem(problems, "%s: %s%s%s", where, named ? "" : config_keys[id].full,
                   named ? "" : " ", why);
}

static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, address, &v6) != 1) return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

/* There are no users in this version, so protected mode leaves loopback addresses only. */
static void protected_mode_check(const config *cfg, config_problems *problems)
{
    if (!cfg->security.protected_mode) return;
    for (size_t i = 0; i < cfg->network.bind.count; i++) {
        const char *address = cfg->network.bind.items[i];
        if (is_loopback(address)) continue;
        char why[CONFIG_TEXT_MAX + 160];
        (void)snprintf(
            why, sizeof why,
            "has %s, which other machines reach while nobody must log in; bind 127.0.0.1, "
            "or set security.protected_mode: false",
            address);
        complain(cfg, CONFIG_NETWORK_BIND, problems, why);
    }
}

static void ports_check(const config *cfg, config_problems *problems)
{
    if (cfg->network.http && cfg->network.http_port == cfg->network.resp_port)
        complain(cfg, CONFIG_NETWORK_HTTP_PORT, problems, "is network.resp_port, too");
    int64_t port = cfg->network.cluster_port;
    if (!cfg->cluster.enabled || port == 0) return;
    if (port == cfg->network.resp_port)
        complain(cfg, CONFIG_NETWORK_CLUSTER_PORT, problems, "is network.resp_port, too");
    if (cfg->network.http && port == cfg->network.http_port)
        complain(cfg, CONFIG_NETWORK_CLUSTER_PORT, problems, "is network.http_port, too");
}

static void cluster_check(const config *cfg, config_problems *problems)
{
    struct in6_addr any;
    const char *address = cfg->network.advertise;
    if (address[0] != '\0' && inet_pton(AF_INET, address, &any) != 1 &&
        inet_pton(AF_INET6, address, &any) != 1)
        complain(cfg, CONFIG_NETWORK_ADVERTISE, problems, "is not an IP address");
    if ((cfg->cluster.blocks & (cfg->cluster.blocks - 1)) != 0)
        complain(cfg, CONFIG_CLUSTER_BLOCKS, problems, "is not a power of two");
    bool named = false;
    for (size_t i = 0; i < cfg->store_count; i++)
        named = named || strcmp(cfg->stores[i].name, "default") != 0;
    if (cfg->cluster.enabled && named)
        complain(cfg, CONFIG_CLUSTER_ENABLED, problems,
                 "is true, and stores are named: a cluster shares database 0 alone");
}

static void pressure_check(const config *cfg, config_problems *problems)
{
    if (cfg->cache.pressure_critical_percent <= cfg->cache.pressure_warning_percent)
        complain(cfg, CONFIG_CACHE_PRESSURE_CRITICAL, problems,
                 "must be above cache.pressure_warning");
    if (cfg->cache.pressure_panic_percent <= cfg->cache.pressure_critical_percent)
        complain(cfg, CONFIG_CACHE_PRESSURE_PANIC, problems,
                 "must be above cache.pressure_critical");
}

static void store_problem(const config *cfg, const config_store *store, const char *why,
                          config_problems *problems)
{
    config_problem(problems, "%s:%d: stores: %s%s%s", cfg->path, store->line, store->name,
                   store->name[0] != '\0' ? " " : "", why);
}

static void stores_check(const config *cfg, config_problems *problems)
{
    size_t named = 0;
    for (size_t i = 0; i < cfg->store_count; i++) {
        const config_store *store = &cfg->stores[i];
        size_t size = strlen(store->name);
        bool is_default = strcmp(store->name, "default") == 0;
        named += !is_default;
        if (size == 0) {
            store_problem(cfg, store, "an entry needs a name", problems);
        } else if (!hc_store_name_fits(hc_span_make(store->name, size))) {
            store_problem(cfg, store, "is no name; it may have A-Z a-z 0-9 _ . : -", problems);
        } else if (strspn(store->name, "0123456789") == size) {
            store_problem(cfg, store, "is a number, which SELECT takes for a database", problems);
        }
        for (size_t other = 0; other < i && size > 0; other++)
            if (strcmp(store->name, cfg->stores[other].name) == 0)
                store_problem(cfg, store, "is named twice", problems);
        if (named == (size_t)cfg->cache.max_stores + 1 && !is_default)
            store_problem(cfg, store, "is one more than cache.max_stores allows", problems);
    }
}

void config_check(const config *cfg, config_problems *problems)
{
    bool to_file = false;
    for (size_t i = 0; i < cfg->logging.output.count; i++)
        to_file = to_file || strcasecmp(cfg->logging.output.items[i], "file") == 0;
    if (to_file && cfg->logging.file[0] == '\0') {
        complain(cfg, CONFIG_LOGGING_OUTPUT, problems, "names file, so logging.file must be set");
    }
    if (!to_file && cfg->logging.file[0] != '\0') {
        complain(cfg, CONFIG_LOGGING_FILE, problems,
                 "is set, but logging.output does not name file");
    }
    ports_check(cfg, problems);
    protected_mode_check(cfg, problems);
    cluster_check(cfg, problems);
    pressure_check(cfg, problems);
    stores_check(cfg, problems);
}
