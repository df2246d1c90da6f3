/* output_limit.c - words of four: a class and its three numbers. */
#include "command/output_limit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"

enum { CLASSES = 3, WORDS_MAX = 4 * CLASSES, MS_PER_S = 1000 };

#define SECONDS_MAX 1000000000 /* a lifetime */

/* What Redis tells of its other classes by default. */
static const push_limits normal_limits = {0, 0, 0};
static const push_limits replica_limits = {256u << 20, 64u << 20, 60000};

/* Returns how many words there are; more than WORDS_MAX are counted as one more. */
static size_t split(hc_span text, hc_span words[WORDS_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at < text.size;) {
        size_t end = at;
        while (end < text.size && text.data[end] != ' ')
            end++;
        if (end > at) {
            if (count == WORDS_MAX) return WORDS_MAX + 1;
            words[count++] = hc_span_make(text.data + at, end - at);
        }
        at = end + 1;
    }
    return count;
}

static bool limits_read(const hc_span words[3], push_limits *out)
{
    int64_t seconds;
    if (!config_memory_parse(words[0], &out->hard_bytes) ||
        !config_memory_parse(words[1], &out->soft_bytes) || !integer_parse(words[2], &seconds) ||
        seconds < 0 || seconds > SECONDS_MAX)
        return false;
    out->soft_ms = (uint64_t)seconds * MS_PER_S;
    return true;
}

bool output_limit_parse(hc_span text, push_limits *out)
{
    hc_span words[WORDS_MAX];
    return split(text, words) == 3 && limits_read(words, out);
}

static size_t print(char *to, size_t chars, const char *name, push_limits of)
{
    int wrote = snprintf(to, chars, "%s %" PRIu64 " %" PRIu64 " %" PRIu64, name, of.hard_bytes,
                         of.soft_bytes, of.soft_ms / MS_PER_S);
    return wrote > 0 ? (size_t)wrote : 0;
}

void output_limit_tell(const setting *now, char text[CONFIG_TEXT_CHARS])
{
    push_limits messages = {0};
    (void)output_limit_parse(hc_span_make(now->text, strlen(now->text)), &messages);
    size_t used = print(text, CONFIG_TEXT_CHARS, "normal", normal_limits);
    used += print(text + used, CONFIG_TEXT_CHARS - used, " slave", replica_limits);
    (void)print(text + used, CONFIG_TEXT_CHARS - used, " pubsub", messages);
}

static bool refuse(char error[SETTINGS_ERROR_BYTES], const char *why)
{
    (void)snprintf(error, SETTINGS_ERROR_BYTES, "%s", why);
    return false;
}

static bool same(push_limits a, push_limits b)
{
    return a.hard_bytes == b.hard_bytes && a.soft_bytes == b.soft_bytes && a.soft_ms == b.soft_ms;
}

bool output_limit_read(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
                       char error[SETTINGS_ERROR_BYTES])
{
    hc_span words[WORDS_MAX];
    size_t count = split(value, words);
    push_limits messages = {0};
    (void)output_limit_parse(hc_span_make(now->text, strlen(now->text)), &messages);
    if (count > WORDS_MAX || count % 4 != 0)
        return refuse(error, "Wrong number of arguments in buffer limit configuration.");
    for (size_t i = 0; i < count; i += 4) {
        bool is_pubsub = argument_is(words[i], "pubsub");
        bool is_normal = argument_is(words[i], "normal");
        bool is_replica = argument_is(words[i], "slave") || argument_is(words[i], "replica");
        push_limits wish;
        if (!is_pubsub && !is_normal && !is_replica)
            return refuse(error, "Invalid client class specified in buffer limit configuration.");
        if (!limits_read(&words[i + 1], &wish))
            return refuse(error, "Error in hard, soft or soft_seconds setting in buffer limit "
                                 "configuration.");
        if (is_pubsub)
            messages = wish;
        else if (!same(wish, is_normal ? normal_limits : replica_limits))
            return refuse(error, "only the limits of class pubsub can change here");
    }
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRIu64 " %" PRIu64 " %" PRIu64, messages.hard_bytes,
                   messages.soft_bytes, messages.soft_ms / MS_PER_S);
    return true;
}
