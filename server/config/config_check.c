/*
 * config_check.c - rules over several keys, and what a value's origin is called.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

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

static void pressure_check(const config *cfg, config_problems *problems)
{
    if (cfg->cache.pressure_critical_percent <= cfg->cache.pressure_warning_percent)
        complain(cfg, CONFIG_CACHE_PRESSURE_CRITICAL, problems,
                 "must be above cache.pressure_warning");
    if (cfg->cache.pressure_panic_percent <= cfg->cache.pressure_critical_percent)
        complain(cfg, CONFIG_CACHE_PRESSURE_PANIC, problems,
                 "must be above cache.pressure_critical");
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
    protected_mode_check(cfg, problems);
    pressure_check(cfg, problems);
}
