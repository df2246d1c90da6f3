/* store_list.c - an entry's own keys over what is under `cache`. */
#include "store_list.h"

#include <string.h>

static bool has(const config_store *entry, config_store_id id)
{
    return (entry->given >> id & 1) != 0;
}

static bool is_first(const config_store *entry)
{
    return strcmp(entry->name, "default") == 0;
}

static node_store_settings settings_of(const config *cfg, const config_store *entry)
{
    node_store_settings of = {
        .max_memory_bytes = (uint64_t)entry->max_memory_bytes,
        .default_ttl_ms = cfg->cache.default_ttl_ms,
        .eviction = (uint32_t)cfg->cache.eviction,
        .compression = (uint32_t)cfg->cache.compression,
        .filter_rate = entry->cuckoo_filter ? cfg->cache.filter_rate : 0,
    };
    if (has(entry, CONFIG_STORE_PERSISTENCE)) of.strategy = (uint32_t)entry->strategy;
    if (has(entry, CONFIG_STORE_DEFAULT_TTL)) of.default_ttl_ms = entry->default_ttl_ms;
    if (has(entry, CONFIG_STORE_EVICTION_POLICY)) of.eviction = (uint32_t)entry->eviction;
    if (has(entry, CONFIG_STORE_COMPRESSION)) of.compression = (uint32_t)entry->compression;
    return of;
}

bool store_list_first(const config *cfg, node_store_settings *first_out)
{
    for (size_t i = 0; i < cfg->store_count; i++) {
        if (!is_first(&cfg->stores[i])) continue;
        *first_out = settings_of(cfg, &cfg->stores[i]);
        return true;
    }
    return false;
}

bool store_list_create(const config *cfg, node *in, char *why, size_t why_bytes)
{
    for (size_t i = 0; i < cfg->store_count; i++) {
        const config_store *entry = &cfg->stores[i];
        if (is_first(entry)) continue;
        const node_store_settings wish = settings_of(cfg, entry);
        hc_status status =
            node_store_add(in, hc_span_make(entry->name, strlen(entry->name)), &wish);
        if (status == HC_OK) continue;
        (void)snprintf(why, why_bytes, "%s:%d: cannot create store %s: %s", cfg->path, entry->line,
                       entry->name, hc_status_text(status));
        return false;
    }
    return true;
}
