/* config_values.c - how Redis writes values that are ours, both ways. */
#include "command/config_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"

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
    if (strcmp(which->name, "maxmemory-policy") == 0) return config_policy_name(node_eviction(of));
    if (strcmp(which->name, "maxmemory") == 0) value = node_max_memory(of);
    if (strcmp(which->name, "databases") == 0) value = options->databases;
    if (strcmp(which->name, "io-threads") == 0) value = options->workers;
    if (strcmp(which->name, "port") == 0) value = options->resp_port;
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRIu64, value);
    return text;
}

const char *config_setting_text(const config_name *which, const setting *one,
                                char text[CONFIG_TEXT_CHARS])
{
    switch (which->shape) {
    case SHAPE_YES_NO:
        return one->number != 0 ? "yes" : "no";
    case SHAPE_SECONDS:
        (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRId64, one->number / 1000);
        return text;
    case SHAPE_NUMBER:
    case SHAPE_MEMORY:
        (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRId64, one->number);
        return text;
    case SHAPE_WORDS:
        for (const config_pair *at = which->words; at->ours != NULL; at++)
            if (strcmp(at->ours, one->text) == 0) return at->redis;
        return one->text;
    case SHAPE_POLICY:
        return config_policy_name((uint32_t)one->number);
    case SHAPE_OWN:
        which->tell(one, text);
        return text;
    case SHAPE_FIXED:
    case SHAPE_NODE:
    case SHAPE_TEXT:
        break;
    }
    return one->text;
}

/* ---- the other way ---- */

static bool refuse(char error[SETTINGS_ERROR_BYTES], const char *why)
{
    (void)snprintf(error, SETTINGS_ERROR_BYTES, "%s", why);
    return false;
}

static bool read_number(const setting *now, hc_span value, int64_t factor,
                        char text[CONFIG_TEXT_CHARS], char error[SETTINGS_ERROR_BYTES])
{
    int64_t number;
    if (!integer_parse(value, &number))
        return refuse(error, "argument couldn't be parsed into an integer");
    bool over = __builtin_mul_overflow(number, factor, &number);
    if (over || (now->max != 0 && (number < now->min || number > now->max))) {
        (void)snprintf(error, SETTINGS_ERROR_BYTES,
                       "argument must be between %" PRId64 " and %" PRId64 " inclusive",
                       now->min / factor, now->max / factor);
        return false;
    }
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRId64, number);
    return true;
}

static bool read_memory(hc_span value, char text[CONFIG_TEXT_CHARS],
                        char error[SETTINGS_ERROR_BYTES])
{
    uint64_t bytes;
    if (!config_memory_parse(value, &bytes))
        return refuse(error, "argument must be a memory value");
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRIu64, bytes);
    return true;
}

static bool read_as_it_is(hc_span value, char text[CONFIG_TEXT_CHARS],
                          char error[SETTINGS_ERROR_BYTES])
{
    if (value.size >= CONFIG_TEXT_CHARS) return refuse(error, "argument is too long");
    if (value.size > 0) memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    return true;
}

/* Redis's words, and ours that are none of Redis's. */
static bool read_word(const config_pair *words, hc_span value, char text[CONFIG_TEXT_CHARS],
                      char error[SETTINGS_ERROR_BYTES])
{
    const config_pair *at = words;
    while (at->redis != NULL && !argument_is(value, at->redis))
        at++;
    for (const config_pair *own = words; own->ours != NULL && at->redis == NULL; own++)
        if (argument_is(value, own->ours)) at = own;
    if (at->redis != NULL) {
        (void)snprintf(text, CONFIG_TEXT_CHARS, "%s", at->ours);
        return true;
    }
    int used = snprintf(error, SETTINGS_ERROR_BYTES, "argument(s) must be one of the following: ");
    for (at = words; at->redis != NULL && used < (int)SETTINGS_ERROR_BYTES; at++)
        used += snprintf(error + used, SETTINGS_ERROR_BYTES - (size_t)used, "%s%s",
                         at == words ? "" : ", ", at->redis);
    return false;
}

static bool read_policy(hc_span value, char text[CONFIG_TEXT_CHARS],
                        char error[SETTINGS_ERROR_BYTES])
{
    uint32_t eviction;
    if (!config_policy_parse(value, &eviction))
        return refuse(error, "argument(s) must be one of the following: noeviction, or allkeys- or "
                             "volatile- with s3fifo, lru, lfu, fifo, ttl or random");
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%s", config_policy_name(eviction));
    return true;
}

static bool read_yes_no(hc_span value, char text[CONFIG_TEXT_CHARS],
                        char error[SETTINGS_ERROR_BYTES])
{
    bool yes = argument_is(value, "yes");
    if (!yes && !argument_is(value, "no")) return refuse(error, "argument must be 'yes' or 'no'");
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%s", yes ? "true" : "false");
    return true;
}

bool config_setting_read(const config_name *which, const setting *now, hc_span value,
                         char text[CONFIG_TEXT_CHARS], char error[SETTINGS_ERROR_BYTES])
{
    switch (which->shape) {
    case SHAPE_YES_NO:
        return read_yes_no(value, text, error);
    case SHAPE_SECONDS:
        return read_number(now, value, 1000, text, error);
    case SHAPE_NUMBER:
        return read_number(now, value, 1, text, error);
    case SHAPE_MEMORY:
        return read_memory(value, text, error);
    case SHAPE_WORDS:
        return read_word(which->words, value, text, error);
    case SHAPE_POLICY:
        return read_policy(value, text, error);
    case SHAPE_OWN:
        return which->read(now, value, text, error);
    case SHAPE_FIXED:
    case SHAPE_NODE:
    case SHAPE_TEXT:
        break;
    }
    return read_as_it_is(value, text, error);
}

/* ---- by name ---- */

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
