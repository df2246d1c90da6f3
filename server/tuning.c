/*
 * tuning.c - a change is made on a copy, checked as a whole, carried out, and then kept.
 *
 * Nobody who acts on a setting can refuse it then: what is wrong with a value was found by its row
 * in the table of keys, or by the check of its tunable (command/tunable.h).  So a change is made
 * wholly or not at all.
 */
#include "tuning.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "command/tunable.h"
#include "config/config_rewrite.h"
#include "descriptors.h"
#include "event_log.h"

static void say(const tuning *of, hc_log_level level, const char *message, const char *key,
                const char *value)
{
    hc_log_field fields[] = {event_text("setting", key), event_text("value", value)};
    event_log(log_sink_log(of->sink), level, "config", message, fields, 2);
}

static void say_changed(const tuning *of, const char *key, const char *value)
{
    static const char message[] = "a setting was changed";
    hc_log_field fields[] = {event_text("setting", key), event_text("value", value)};
    if (of->events != NULL)
        event_tell(of->events, HC_EVENT_CONFIG_CHANGED, "config", message, fields, 2);
    else
        say(of, HC_LOG_INFO, message, key, value);
}

/* In debug mode its own components and level come on top. */
static hc_log_level level_configured(const config *cfg, unsigned topic)
{
    int level = cfg->logging.level, other, its_level;
    for (size_t i = 0; i < cfg->logging.components.count; i++) {
        bool read = config_component(cfg->logging.components.items[i], &other, &its_level);
        if (read && other == (int)topic) level = its_level;
    }
    for (size_t i = 0; cfg->debug.enabled && i < cfg->debug.components.count; i++) {
        bool read = config_topic(cfg->debug.components.items[i], &other);
        if (read && other == (int)topic) level = cfg->debug.level;
    }
    return (hc_log_level)level;
}

static hc_log_level level_now(const tuning *of, const config *cfg, unsigned topic)
{
    const tuning_level *for_a_while = &of->levels[topic];
    return for_a_while->until_ns != 0 ? for_a_while->level : level_configured(cfg, topic);
}

static void levels_apply(const tuning *of, const config *cfg)
{
    for (unsigned topic = 0; topic < HC_TOPICS; topic++)
        log_sink_level(of->sink, (hc_topic)topic, level_now(of, cfg, topic));
    log_sink_keys(of->sink, (hc_log_keys)cfg->logging.keys);
    hc_events_keys(of->events, (hc_log_keys)cfg->logging.keys);
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
    case CONFIG_REAL:
    case CONFIG_ENUM:
    case CONFIG_TEXT:
        break;
    }
    return SETTING_TEXT;
}

/* The setting of key `i`; its text is written to `text`. */
static setting setting_of(const config *cfg, size_t i, char text[CONFIG_VALUE_BYTES])
{
    setting_kind kind = kind_of(&config_keys[i]);
    bool counts = kind == SETTING_INTEGER || kind == SETTING_BYTES || kind == SETTING_DURATION;
    config_get(cfg, &config_keys[i], text);
    return (setting){
        .name = config_keys[i].full,
        .text = text,
        .number = config_number(cfg, &config_keys[i]),
        .min = counts ? config_keys[i].min : 0,
        .max = counts ? config_keys[i].max : 0,
        .kind = kind,
        .changeable = (config_keys[i].flags & CONFIG_LIVE) != 0,
    };
}

static bool differs(const config *a, const config *b, size_t i)
{
    char a_text[CONFIG_VALUE_BYTES], b_text[CONFIG_VALUE_BYTES];
    config_get(a, &config_keys[i], a_text);
    config_get(b, &config_keys[i], b_text);
    return strcmp(a_text, b_text) != 0;
}

static void net_apply(const tuning *of, const config *cfg)
{
    if (of->net == NULL) return;
    unsigned clients = (unsigned)cfg->network.max_clients;
    if (clients != of->clients_asked)
        net_set_clients_max(of->net, descriptors_provide(clients, of->workers));
    net_set_idle_timeout(of->net, (uint32_t)cfg->network.idle_timeout_ms);
    net_set_keepalive(of->net, (uint32_t)cfg->network.tcp_keepalive_ms);
    net_set_request_bytes_max(of->net, (size_t)cfg->network.request_bytes_max);
}

/* The lock is held and all that differs was checked. */
static void apply(tuning *of, const config *next)
{
    char text[CONFIG_VALUE_BYTES];
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (!differs(&of->cfg, next, i)) continue;
        const setting one = setting_of(next, i, text);
        if (of->node != NULL) node_setting_apply(of->node, &one);
        say_changed(of, one.name, one.text);
    }
    of->cfg = *next;
    net_apply(of, next);
    of->clients_asked = (unsigned)next->network.max_clients;
    levels_apply(of, next);
}

bool tuning_check(const config *cfg, config_problems *problems)
{
    char text[CONFIG_VALUE_BYTES], error[SETTINGS_ERROR_BYTES], origin[CONFIG_TEXT_MAX + 32];
    size_t before = problems->count;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const setting one = setting_of(cfg, i, text);
        if (node_setting_check(&one, error)) continue;
        config_origin_text(cfg, &config_keys[i], origin, sizeof origin);
        config_problem(problems, "%s: %s: %s", origin, one.name, error);
    }
    return problems->count == before;
}

static void settings_each(void *ctx, settings_visit visit, void *visit_ctx)
{
    tuning *of = ctx;
    (void)pthread_mutex_lock(&of->lock);
    config cfg = of->cfg;
    (void)pthread_mutex_unlock(&of->lock);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char text[CONFIG_VALUE_BYTES];
        const setting one = setting_of(&cfg, i, text);
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

/* Without a data directory nothing can be kept, whatever a client asks for. */
static bool is_in_vain(const config *cfg, const config_key *key, int64_t before)
{
    bool keeps = key == &config_keys[CONFIG_PERSISTENCE_STRATEGY] ||
                 key == &config_keys[CONFIG_PERSISTENCE_SNAPSHOT_INTERVAL];
    return keeps && !cfg->persistence.enabled && config_number(cfg, key) != before;
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
    int64_t before = config_number(cfg, key);
    bool done = config_set(cfg, key, CONFIG_UNITS_PLAIN, change->value,
                           (config_origin){CONFIG_FROM_COMMAND, 0}, error, SETTINGS_ERROR_BYTES);
    if (!done) return HC_ERR_INVALID;
    if (is_in_vain(cfg, key, before)) {
        (void)snprintf(error, SETTINGS_ERROR_BYTES,
                       "persistence.enabled is false: nothing can be kept");
        return HC_ERR_INVALID;
    }
    char text[CONFIG_VALUE_BYTES];
    const setting one = setting_of(cfg, (size_t)(key - config_keys), text);
    return node_setting_check(&one, error) ? HC_OK : HC_ERR_INVALID;
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
    if (status == HC_OK) apply(of, &next);
    (void)pthread_mutex_unlock(&of->lock);
    return status;
}

static hc_status settings_rewrite(void *ctx, char *error)
{
    tuning *of = ctx;
    bool chosen[CONFIG_KEY_COUNT];
    hc_status status = HC_ERR_UNSUPPORTED;
    (void)pthread_mutex_lock(&of->lock);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
        chosen[i] = of->cfg.origins[i].source == CONFIG_FROM_COMMAND;
    if (of->cfg.path[0] != '\0') {
        bool done = config_rewrite(&of->cfg, chosen, error, SETTINGS_ERROR_BYTES);
        status = done ? HC_OK : HC_ERR_IO;
    }
    (void)pthread_mutex_unlock(&of->lock);
    return status;
}

/* ---- levels for a while ---- */

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The lock is held. */
static void level_change(tuning *of, hc_topic topic, tuning_level to)
{
    char text[128];
    tuning_level *now = &of->levels[topic];
    if (now->until_ns == 0 && to.until_ns == 0) return;
    if ((now->until_ns == 0) != (to.until_ns == 0)) {
        if (to.until_ns != 0)
            (void)atomic_fetch_add(&of->overridden, 1);
        else
            (void)atomic_fetch_sub(&of->overridden, 1);
    }
    *now = to;
    hc_log_level level = level_now(of, &of->cfg, topic);
    log_sink_level(of->sink, topic, level);
    (void)snprintf(text, sizeof text, "%s=%s%s", hc_topic_name(topic), hc_log_level_name(level),
                   to.until_ns != 0 ? ", for a while" : ", as configured");
    say_changed(of, "logging.components", text);
}

static void settings_level_set(void *ctx, hc_topic topic, hc_log_level level, uint64_t for_ms)
{
    tuning *of = ctx;
    tuning_level to = {.level = level};
    if (for_ms > 0) to.until_ns = now_ns() + for_ms * 1000000u;
    (void)pthread_mutex_lock(&of->lock);
    level_change(of, topic, to);
    (void)pthread_mutex_unlock(&of->lock);
}

static setting_level settings_level_get(void *ctx, hc_topic topic)
{
    tuning *of = ctx;
    uint64_t now = now_ns();
    (void)pthread_mutex_lock(&of->lock);
    uint64_t until_ns = of->levels[topic].until_ns;
    setting_level out = {.level = level_now(of, &of->cfg, topic),
                         .configured = level_configured(&of->cfg, topic)};
    (void)pthread_mutex_unlock(&of->lock);
    if (until_ns != 0) out.reverts_in_ms = until_ns > now ? (until_ns - now) / 1000000u + 1 : 1;
    return out;
}

static void settings_tick(void *ctx)
{
    tuning *of = ctx;
    if (atomic_load_explicit(&of->overridden, memory_order_relaxed) == 0) return;
    uint64_t now = now_ns();
    (void)pthread_mutex_lock(&of->lock);
    for (unsigned topic = 0; topic < HC_TOPICS; topic++) {
        uint64_t until_ns = of->levels[topic].until_ns;
        if (until_ns != 0 && until_ns <= now)
            level_change(of, (hc_topic)topic, (tuning_level){.until_ns = 0});
    }
    (void)pthread_mutex_unlock(&of->lock);
}

void tuning_init(tuning *of, const config *cfg, log_sink *sink, unsigned workers)
{
    *of = (tuning){
        .settings = {.ctx = of,
                     .each = settings_each,
                     .change = settings_change,
                     .rewrite = settings_rewrite,
                     .level_set = settings_level_set,
                     .level_get = settings_level_get,
                     .tick = settings_tick},
        .sink = sink,
        .workers = workers,
        .clients_asked = (unsigned)cfg->network.max_clients,
        .cfg = *cfg,
        .loaded = *cfg,
    };
    (void)pthread_mutex_init(&of->lock, NULL);
    levels_apply(of, cfg);
}

void tuning_tell(tuning *of, hc_events *events)
{
    of->events = events;
    hc_events_keys(events, (hc_log_keys)of->cfg.logging.keys);
}

void tuning_fini(tuning *of)
{
    (void)pthread_mutex_destroy(&of->lock);
}

void tuning_attach(tuning *of, node *commands, net *clients)
{
    (void)pthread_mutex_lock(&of->lock);
    bool new_node = commands != NULL && commands != of->node;
    bool new_net = clients != NULL && clients != of->net;
    of->node = commands;
    of->net = clients;
    char text[CONFIG_VALUE_BYTES];
    for (size_t i = 0; i < CONFIG_KEY_COUNT && new_node; i++) {
        const setting one = setting_of(&of->cfg, i, text);
        node_setting_apply(commands, &one);
    }
    /* Clients are served a moment before the net is known here. */
    if (new_net) {
        of->clients_asked = (unsigned)of->loaded.network.max_clients;
        net_apply(of, &of->cfg);
        of->clients_asked = (unsigned)of->cfg.network.max_clients;
    }
    (void)pthread_mutex_unlock(&of->lock);
}

void tuning_reload(tuning *of, const config *next)
{
    (void)pthread_mutex_lock(&of->lock);
    config wanted = of->cfg;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const config_key *key = &config_keys[i];
        char then[CONFIG_VALUE_BYTES], why[256];
        if (!differs(&of->loaded, next, i)) continue;
        config_get(next, key, then);
        if ((key->flags & CONFIG_LIVE) == 0) {
            say(of, HC_LOG_WARN, "a changed setting waits for a restart", key->full, then);
            continue;
        }
        bool done =
            config_set(&wanted, key, CONFIG_UNITS_PLAIN, then, next->origins[i], why, sizeof why);
        assert(done); /* it was read from text once */
        (void)done;
    }
    if (config_stores_differ(&of->loaded, next))
        say(of, HC_LOG_WARN, "a changed setting waits for a restart", "stores", "");
    apply(of, &wanted);
    of->loaded = *next;
    (void)pthread_mutex_unlock(&of->lock);
}
