/*
 * tuning.c - a change is made on a copy, checked as a whole, carried out, and then kept.
 *
 * Only cache.max_memory can be refused by the one who acts on it, so it goes first: a change is
 * made wholly or not at all.
 */
#include "tuning.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "descriptors.h"
#include "event_log.h"

static void say(const tuning *of, hc_log_level level, const char *message, const char *key,
                const char *value)
{
    hc_log_field fields[] = {event_text("setting", key), event_text("value", value)};
    event_log(log_sink_log(of->sink), level, "config", message, fields, 2);
}

static void levels_apply(const tuning *of, const config *cfg)
{
    for (unsigned topic = 0; topic < HC_TOPICS; topic++) {
        int level = cfg->logging.level;
        for (size_t i = 0; i < cfg->logging.components.count; i++) {
            int other, its_level;
            bool read = config_component(cfg->logging.components.items[i], &other, &its_level);
            if (read && other == (int)topic) level = its_level;
        }
        log_sink_level(of->sink, (hc_topic)topic, (hc_log_level)level);
    }
}

/* The lock is held.  On error nothing has changed. */
static hc_status apply(tuning *of, const config *next)
{
    bool memory = next->cache.max_memory_bytes != of->cfg.cache.max_memory_bytes;
    if (memory && of->node != NULL) {
        hc_status status = node_set_max_memory(of->node, (uint64_t)next->cache.max_memory_bytes);
        if (status != HC_OK) return status;
    }
    if (next->network.max_clients != of->cfg.network.max_clients && of->net != NULL) {
        unsigned asked = (unsigned)next->network.max_clients;
        net_set_clients_max(of->net, descriptors_provide(asked, of->workers));
    }
    levels_apply(of, next);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char before[CONFIG_VALUE_BYTES], after[CONFIG_VALUE_BYTES];
        config_get(&of->cfg, &config_keys[i], before);
        config_get(next, &config_keys[i], after);
        if (strcmp(before, after) == 0) continue;
        say(of, HC_LOG_INFO, "a setting was changed", config_keys[i].full, after);
    }
    of->cfg = *next;
    return HC_OK;
}

static setting_kind kind_of(const config_key *key)
{
    switch (key->kind) {
    case CONFIG_BOOL:
        return SETTING_BOOL;
    case CONFIG_INT:
        return SETTING_INTEGER;
    case CONFIG_SIZE:
        return SETTING_BYTES;
    case CONFIG_DURATION:
        return SETTING_DURATION;
    case CONFIG_LIST:
        return SETTING_LIST;
    case CONFIG_ENUM:
    case CONFIG_TEXT:
        break;
    }
    return SETTING_TEXT;
}

static void settings_each(void *ctx, settings_visit visit, void *visit_ctx)
{
    tuning *of = ctx;
    (void)pthread_mutex_lock(&of->lock);
    config cfg = of->cfg;
    (void)pthread_mutex_unlock(&of->lock);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char text[CONFIG_VALUE_BYTES];
        config_get(&cfg, &config_keys[i], text);
        setting one = {
            .name = config_keys[i].full,
            .text = text,
            .number = config_number(&cfg, &config_keys[i]),
            .kind = kind_of(&config_keys[i]),
            .changeable = (config_keys[i].flags & CONFIG_LIVE) != 0,
        };
        visit(visit_ctx, &one);
    }
}

static const config_key *key_in_any_case(const char *name)
{
    char lower[64];
    size_t size = strlen(name);
    if (size >= sizeof lower) return NULL;
    for (size_t i = 0; i <= size; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    return config_find(lower);
}

/* Makes one change to `cfg`, which nobody acts on yet. */
static hc_status change_one(config *cfg, const setting_change *change, char *error)
{
    const config_key *key = key_in_any_case(change->name);
    if (key == NULL) return HC_ERR_NOT_FOUND;
    if ((key->flags & CONFIG_LIVE) == 0) {
        (void)snprintf(error, SETTINGS_ERROR_BYTES, "can't set immutable config");
        return HC_ERR_UNSUPPORTED;
    }
    bool done = config_set(cfg, key, CONFIG_UNITS_PLAIN, change->value,
                           (config_origin){CONFIG_FROM_COMMAND, 0}, error, SETTINGS_ERROR_BYTES);
    return done ? HC_OK : HC_ERR_INVALID;
}

static hc_status settings_change(void *ctx, const setting_change *changes, size_t count,
                                 size_t *failed_out, char *error)
{
    tuning *of = ctx;
    *failed_out = 0;
    error[0] = '\0';
    assert(count <= SETTINGS_CHANGES_MAX);
    (void)pthread_mutex_lock(&of->lock);
    config next = of->cfg;
    hc_status status = HC_OK;
    for (size_t i = 0; i < count && status == HC_OK; i++) {
        *failed_out = i;
        status = change_one(&next, &changes[i], error);
    }
    if (status == HC_OK) {
        status = apply(of, &next);
        for (size_t i = 0; i < count && status != HC_OK; i++) {
            if (key_in_any_case(changes[i].name) == &config_keys[CONFIG_CACHE_MAX_MEMORY]) {
                *failed_out = i;
                (void)snprintf(error, SETTINGS_ERROR_BYTES, "%s", hc_status_text(status));
            }
        }
    }
    (void)pthread_mutex_unlock(&of->lock);
    return status;
}

void tuning_init(tuning *of, const config *cfg, log_sink *sink, unsigned workers)
{
    *of = (tuning){
        .settings = {.ctx = of, .each = settings_each, .change = settings_change},
        .sink = sink,
        .workers = workers,
        .cfg = *cfg,
        .loaded = *cfg,
    };
    (void)pthread_mutex_init(&of->lock, NULL);
    levels_apply(of, cfg);
}

void tuning_fini(tuning *of)
{
    (void)pthread_mutex_destroy(&of->lock);
}

void tuning_attach(tuning *of, node *commands, net *clients)
{
    (void)pthread_mutex_lock(&of->lock);
    of->node = commands;
    of->net = clients;
    /* Clients are served a moment before the net is known here. */
    if (clients != NULL && of->cfg.network.max_clients != of->loaded.network.max_clients) {
        unsigned asked = (unsigned)of->cfg.network.max_clients;
        net_set_clients_max(clients, descriptors_provide(asked, of->workers));
    }
    (void)pthread_mutex_unlock(&of->lock);
}

void tuning_reload(tuning *of, const config *next)
{
    (void)pthread_mutex_lock(&of->lock);
    config wanted = of->cfg;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const config_key *key = &config_keys[i];
        char before[CONFIG_VALUE_BYTES], then[CONFIG_VALUE_BYTES], why[256];
        config_get(&of->loaded, key, before);
        config_get(next, key, then);
        if (strcmp(before, then) == 0) continue;
        if ((key->flags & CONFIG_LIVE) == 0) {
            say(of, HC_LOG_WARN, "a changed setting waits for a restart", key->full, then);
            continue;
        }
        bool done =
            config_set(&wanted, key, CONFIG_UNITS_PLAIN, then, next->origins[i], why, sizeof why);
        assert(done); /* it was read from text once */
        (void)done;
    }
    if (apply(of, &wanted) != HC_OK) {
        say(of, HC_LOG_ERROR, "the new limit was refused, nothing was changed", "cache.max_memory",
            "");
    }
    of->loaded = *next;
    (void)pthread_mutex_unlock(&of->lock);
}
