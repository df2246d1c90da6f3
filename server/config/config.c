/*
 * config.c - the table of keys made real: a row's field is found by its offset.
 */
#include "config/config.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <hypercache/log.h>
#include <hypercache/persistence.h>
#include <hypercache/replication.h>
#include <hypercache/store.h>
#include <hypercache/stores.h>

#include "config/config_apply.h"
#include "config/config_value.h"

const config_word config_words_eviction[] = {
    {"s3fifo", HC_EVICTION_S3FIFO},
    {"lru", HC_EVICTION_LRU},
    {"lfu", HC_EVICTION_LFU},
    {"fifo", HC_EVICTION_FIFO},
    {"ttl", HC_EVICTION_TTL},
    {"random", HC_EVICTION_RANDOM},
    {"noeviction", HC_EVICTION_NONE},
    {"allkeys-s3fifo", HC_EVICTION_S3FIFO},
    {"allkeys-fifo", HC_EVICTION_FIFO},
    {"allkeys-ttl", HC_EVICTION_TTL},
    {"volatile-s3fifo", HC_EVICTION_S3FIFO | HC_EVICTION_VOLATILE},
    {"volatile-fifo", HC_EVICTION_FIFO | HC_EVICTION_VOLATILE},
    {"allkeys-lru", HC_EVICTION_LRU},
    {"allkeys-lfu", HC_EVICTION_LFU},
    {"allkeys-random", HC_EVICTION_RANDOM},
    {"volatile-lru", HC_EVICTION_LRU | HC_EVICTION_VOLATILE},
    {"volatile-lfu", HC_EVICTION_LFU | HC_EVICTION_VOLATILE},
    {"volatile-random", HC_EVICTION_RANDOM | HC_EVICTION_VOLATILE},
    {"volatile-ttl", HC_EVICTION_TTL | HC_EVICTION_VOLATILE},
    {NULL, 0},
};
const config_word config_words_compression[] = {
    {"none", HC_COMPRESSION_NONE},
    {"zstd", HC_COMPRESSION_ZSTD},
    {NULL, 0},
};
const config_word config_words_debug[] = {
    {"no", CONFIG_DEBUG_NO},
    {"local", CONFIG_DEBUG_LOCAL},
    {"yes", CONFIG_DEBUG_YES},
    {NULL, 0},
};
const config_word config_words_strategy[] = {
    {"hybrid", HC_STRATEGY_HYBRID},
    {"aof", HC_STRATEGY_LOG},
    {"snapshot", HC_STRATEGY_SNAPSHOT},
    {"disabled", HC_STRATEGY_DISABLED},
    {NULL, 0},
};
const config_word config_words_sync[] = {
    {"always", HC_SYNC_ALWAYS},
    {"everysec", HC_SYNC_EVERYSEC},
    {"no", HC_SYNC_NO},
    {NULL, 0},
};
const config_word config_words_disk_error[] = {
    {"refuse", HC_DISK_ERROR_REFUSE},
    {"volatile", HC_DISK_ERROR_VOLATILE},
    {"abort", HC_DISK_ERROR_ABORT},
    {NULL, 0},
};
const config_word config_words_level[] = {
    {"error", HC_LOG_ERROR}, {"warn", HC_LOG_WARN},   {"info", HC_LOG_INFO},
    {"debug", HC_LOG_DEBUG}, {"trace", HC_LOG_TRACE}, {NULL, 0},
};
const config_word config_words_level_of_cluster[] = {
    {"eventual", HC_LEVEL_ONE},
    {"quorum", HC_LEVEL_QUORUM},
    {"all", HC_LEVEL_ALL},
    {NULL, 0},
};
const config_word config_words_format[] = {
    {"json", CONFIG_FORMAT_JSON},
    {"text", CONFIG_FORMAT_TEXT},
    {NULL, 0},
};
const config_word config_words_output[] = {
    {"stderr", CONFIG_OUTPUT_STDERR},
    {"file", CONFIG_OUTPUT_FILE},
    {"journald", CONFIG_OUTPUT_JOURNALD},
    {NULL, 0},
};
const config_word config_words_exporter[] = {
    {"otlp", CONFIG_EXPORTER_OTLP},
    {"otlp_json", CONFIG_EXPORTER_OTLP_JSON},
    {"zipkin", CONFIG_EXPORTER_ZIPKIN},
    {"none", CONFIG_EXPORTER_NONE},
    {NULL, 0},
};

const config_word config_words_keys[] = {
    {"plain", HC_LOG_KEYS_PLAIN},
    {"hashed", HC_LOG_KEYS_HASHED},
    {"off", HC_LOG_KEYS_OFF},
    {NULL, 0},
};

#define ROW(of, id, section, name, kind, field, default_text, min, max, flags, short_flag, words,  \
            help)                                                                                  \
    {section,                                                                                      \
     name,                                                                                         \
     section "." name,                                                                             \
     CONFIG_##kind,                                                                                \
     offsetof(of, field),                                                                          \
     default_text,                                                                                 \
     min,                                                                                          \
     max,                                                                                          \
     flags,                                                                                        \
     short_flag,                                                                                   \
     words,                                                                                        \
     help},
#define CONFIG_ROW(...) ROW(config, __VA_ARGS__)
#define STORE_ROW(...) ROW(config_store, __VA_ARGS__)
const config_key config_keys[CONFIG_KEY_COUNT] = {CONFIG_KEYS(CONFIG_ROW)};
const config_key config_store_keys[CONFIG_STORE_KEY_COUNT] = {CONFIG_STORE_KEYS(STORE_ROW)};
#undef STORE_ROW
#undef CONFIG_ROW
#undef ROW
static_assert(CONFIG_STORE_NAME_MAX == HC_STORE_NAME_BYTES_MAX, "any store can be named");

static const void *field_of(const void *of, const config_key *key)
{
    return (const char *)of + key->offset;
}

void config_problem(config_problems *problems, const char *format, ...)
{
    problems->count++;
    size_t used = strlen(problems->text);
    size_t room = sizeof problems->text - used;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(problems->text + used, room, format, args);
    va_end(args);
    if (size < 0 || (size_t)size + 2 > room) {
        problems->text[used] = '\0'; /* whole lines only */
        return;
    }
    problems->text[used + (size_t)size] = '\n';
    problems->text[used + (size_t)size + 1] = '\0';
}

const config_key *config_find(const char *full_name)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (strcmp(config_keys[i].full, full_name) == 0) return &config_keys[i];
    }
    return NULL;
}

static bool range_check(const config_key *key, int64_t value, config_why why)
{
    if (value >= key->min && value <= key->max) {
        if ((key->flags & CONFIG_MEMORY_LIMIT) == 0 || value == 0 ||
            value >= HC_STORE_MEMORY_BYTES_MIN) {
            return true;
        }
        (void)snprintf(why.text, why.bytes, "is below 4MB, the least a store can work with");
        return false;
    }
    char low[32], high[32];
    if (key->kind == CONFIG_DURATION) {
        config_duration_write(key->min, low, sizeof low);
        config_duration_write(key->max, high, sizeof high);
    } else if (key->kind == CONFIG_SIZE) {
        config_size_write(key->min, low, sizeof low);
        config_size_write(key->max, high, sizeof high);
    } else {
        (void)snprintf(low, sizeof low, "%" PRId64, key->min);
        (void)snprintf(high, sizeof high, "%" PRId64, key->max);
    }
    (void)snprintf(why.text, why.bytes, "is out of range, %s to %s", low, high);
    return false;
}

static bool number_set(void *of, const config_key *key, config_units units, const char *text,
                       config_why why)
{
    int64_t value;
    bool read = key->kind == CONFIG_INT    ? config_int_read(text, &value, why)
                : key->kind == CONFIG_SIZE ? config_size_read(text, &value, why)
                                           : config_duration_read(text, units, &value, why);
    if (!read) return false;
    char reason[128];
    if (!range_check(key, value, (config_why){reason, sizeof reason})) {
        (void)snprintf(why.text, why.bytes, "'%.64s' %s", text, reason);
        return false;
    }
    memcpy((char *)of + key->offset, &value, sizeof value);
    return true;
}

static bool real_set(void *of, const config_key *key, const char *text, config_why why)
{
    double value, low = (double)key->min / 1e6, high = (double)key->max / 1e6;
    if (!config_real_read(text, &value, why)) return false;
    if (value < low || value > high) {
        (void)snprintf(why.text, why.bytes, "'%.64s' is out of range, %g to %g", text, low, high);
        return false;
    }
    memcpy((char *)of + key->offset, &value, sizeof value);
    return true;
}

static bool list_set(void *of, const config_key *key, const char *text, config_why why)
{
    config_list list, *field = (config_list *)(void *)((char *)of + key->offset);
    if (!config_list_read(text, key->min, key->max, &list, why)) return false;
    for (size_t i = 0; i < list.count; i++) {
        const char *item = list.items[i];
        int ignored[2];
        unsigned char address[sizeof(struct in6_addr)];
        if (key->words != NULL && !config_word_read(item, key->words, ignored, why)) return false;
        if (key == &config_keys[CONFIG_LOGGING_COMPONENTS] &&
            !config_component(item, ignored, ignored + 1)) {
            (void)snprintf(why.text, why.bytes,
                           "'%.64s' is not a component and a level, as STORAGE_ENGINE=debug", item);
            return false;
        }
        if (key == &config_keys[CONFIG_DEBUG_COMPONENTS] && !config_topic(item, ignored)) {
            (void)snprintf(why.text, why.bytes, "'%.64s' is not a component, as STORAGE_ENGINE",
                           item);
            return false;
        }
        if (key == &config_keys[CONFIG_NETWORK_BIND] && inet_pton(AF_INET, item, address) != 1 &&
            inet_pton(AF_INET6, item, address) != 1) {
            (void)snprintf(
                why.text, why.bytes,
                "'%.64s' is not an IP address, such as 127.0.0.1, ::1, 0.0.0.0 or ::", item);
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(item, list.items[j]) != 0) continue;
            (void)snprintf(why.text, why.bytes, "names '%.64s' twice", item);
            return false;
        }
    }
    *field = list;
    return true;
}

bool config_field_set(void *of, const config_key *key, config_units units, const char *text,
                      char *why_text, size_t why_bytes)
{
    config_why why = {why_text, why_bytes};
    char *field = (char *)of + key->offset;
    switch (key->kind) {
    case CONFIG_BOOL:
        return config_bool_read(text, (bool *)field, why);
    case CONFIG_INT:
    case CONFIG_SIZE:
    case CONFIG_DURATION:
        return number_set(of, key, units, text, why);
    case CONFIG_REAL:
        return real_set(of, key, text, why);
    case CONFIG_ENUM:
        return config_word_read(text, key->words, (int *)(void *)field, why);
    case CONFIG_TEXT:
        return config_text_read(text, key->min, key->max, field, why);
    case CONFIG_LIST:
        break;
    }
    return list_set(of, key, text, why);
}

bool config_set(config *cfg, const config_key *key, config_units units, const char *text,
                config_origin origin, char *why, size_t why_bytes)
{
    bool done = config_field_set(cfg, key, units, text, why, why_bytes);
    if (done) cfg->origins[key - config_keys] = origin;
    return done;
}

static int64_t number_of(const void *of, const config_key *key)
{
    const void *field = field_of(of, key);
    int64_t number = 0;
    switch (key->kind) {
    case CONFIG_BOOL:
        return *(const bool *)field;
    case CONFIG_ENUM:
        return *(const int *)field;
    case CONFIG_INT:
    case CONFIG_SIZE:
    case CONFIG_DURATION:
        memcpy(&number, field, sizeof number);
        return number;
    case CONFIG_REAL:
    case CONFIG_TEXT:
    case CONFIG_LIST:
        break;
    }
    return 0;
}

int64_t config_number(const config *cfg, const config_key *key)
{
    return number_of(cfg, key);
}

static void list_get(const config_list *list, char text[CONFIG_VALUE_BYTES])
{
    static_assert(CONFIG_LIST_MAX * (CONFIG_TEXT_MAX + 1) <= CONFIG_VALUE_BYTES,
                  "a full list fits");
    size_t used = 0;
    for (size_t i = 0; i < list->count; i++) {
        used += (size_t)snprintf(text + used, CONFIG_VALUE_BYTES - used, "%s%s", i > 0 ? " " : "",
                                 list->items[i]);
    }
}

void config_field_get(const void *of, const config_key *key, char text[CONFIG_VALUE_BYTES])
{
    int64_t number = number_of(of, key);
    text[0] = '\0';
    switch (key->kind) {
    case CONFIG_BOOL:
        (void)snprintf(text, CONFIG_VALUE_BYTES, "%s", number != 0 ? "true" : "false");
        break;
    case CONFIG_INT:
        (void)snprintf(text, CONFIG_VALUE_BYTES, "%" PRId64, number);
        break;
    case CONFIG_SIZE:
        config_size_write(number, text, CONFIG_VALUE_BYTES);
        break;
    case CONFIG_DURATION:
        config_duration_write(number, text, CONFIG_VALUE_BYTES);
        break;
    case CONFIG_REAL:
        config_real_write(*(const double *)field_of(of, key), text, CONFIG_VALUE_BYTES);
        break;
    case CONFIG_ENUM:
        (void)snprintf(text, CONFIG_VALUE_BYTES, "%s", config_word_write((int)number, key->words));
        break;
    case CONFIG_TEXT:
        (void)snprintf(text, CONFIG_VALUE_BYTES, "%s", (const char *)field_of(of, key));
        break;
    case CONFIG_LIST:
        list_get(field_of(of, key), text);
        break;
    }
}

void config_get(const config *cfg, const config_key *key, char text[CONFIG_VALUE_BYTES])
{
    config_field_get(cfg, key, text);
    if ((key->flags & CONFIG_SECRET) != 0 && text[0] != '\0')
        (void)snprintf(text, CONFIG_VALUE_BYTES, "***");
}

void config_store_get(const config_store *of, config_store_id id, char text[CONFIG_VALUE_BYTES])
{
    config_field_get(of, &config_store_keys[id], text);
}

bool config_stores_differ(const config *a, const config *b)
{
    if (a->store_count != b->store_count) return true;
    for (size_t i = 0; i < a->store_count; i++) {
        const config_store *one = &a->stores[i], *other = &b->stores[i];
        if (one->given != other->given) return true;
        for (unsigned id = 0; id < CONFIG_STORE_KEY_COUNT; id++) {
            char one_text[CONFIG_VALUE_BYTES], other_text[CONFIG_VALUE_BYTES];
            config_store_get(one, (config_store_id)id, one_text);
            config_store_get(other, (config_store_id)id, other_text);
            if (strcmp(one_text, other_text) != 0) return true;
        }
    }
    return false;
}

void config_defaults(config *cfg)
{
    *cfg = (config){0};
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char why[256];
        bool done =
            config_set(cfg, &config_keys[i], CONFIG_UNITS_ASKED, config_keys[i].default_text,
                       (config_origin){CONFIG_FROM_DEFAULT, 0}, why, sizeof why);
        assert(done); /* the table is at fault */
        (void)done;
    }
}

static bool topic_read(const char *name, size_t size, int *topic_out)
{
    for (int topic = 0; topic < (int)HC_TOPICS; topic++) {
        const char *known = hc_topic_name((hc_topic)topic);
        if (strlen(known) != size || strncasecmp(known, name, size) != 0) continue;
        *topic_out = topic;
        return true;
    }
    return false;
}

bool config_topic(const char *name, int *topic_out)
{
    return topic_read(name, strlen(name), topic_out);
}

bool config_component(const char *item, int *topic_out, int *level_out)
{
    const char *equals = strchr(item, '=');
    char why[256];
    return equals != NULL && topic_read(item, (size_t)(equals - item), topic_out) &&
           config_word_read(equals + 1, config_words_level, level_out,
                            (config_why){why, sizeof why});
}
