/*
 * persistence_names.c - Redis's names for what persistence.* says: appendonly and save.
 *
 *     appendonly yes   strategy hybrid or aof; setting it makes it hybrid
 *     save "900 1"     snapshot_interval 15m; of several pairs the shortest time counts
 */
#include "command/persistence_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"

void appendonly_tell(const setting *now, char text[CONFIG_TEXT_CHARS])
{
    bool logs = now->number == HC_STRATEGY_HYBRID || now->number == HC_STRATEGY_LOG;
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%s", logs ? "yes" : "no");
}

bool appendonly_read(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
                     char error[SETTINGS_ERROR_BYTES])
{
    (void)now;
    bool yes = argument_is(value, "yes");
    if (!yes && !argument_is(value, "no")) {
        (void)snprintf(error, SETTINGS_ERROR_BYTES, "argument must be 'yes' or 'no'");
        return false;
    }
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%s", yes ? "hybrid" : "snapshot");
    return true;
}

void save_tell(const setting *now, char text[CONFIG_TEXT_CHARS])
{
    text[0] = '\0';
    if (now->number <= 0) return;
    int64_t seconds = now->number < 1000 ? 1 : now->number / 1000;
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRId64 " 1", seconds);
}

/* Takes the next number; false: there is none, or something else. */
static bool number_take(hc_span *from, int64_t *out)
{
    size_t at = 0, begin;
    while (at < from->size && from->data[at] == ' ')
        at++;
    for (begin = at; at < from->size && from->data[at] != ' ';)
        at++;
    bool is_number = integer_parse(hc_span_make(from->data + begin, at - begin), out);
    *from = hc_span_make(from->data + at, from->size - at);
    return is_number && *out >= 0;
}

bool save_read(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
               char error[SETTINGS_ERROR_BYTES])
{
    (void)now;
    int64_t least = 0, seconds, changes;
    while (value.size > 0) {
        bool good = number_take(&value, &seconds) && number_take(&value, &changes) && seconds > 0 &&
                    seconds <= INT32_MAX;
        if (!good) {
            (void)snprintf(error, SETTINGS_ERROR_BYTES, "Invalid save parameters");
            return false;
        }
        if (least == 0 || seconds < least) least = seconds;
    }
    (void)snprintf(text, CONFIG_TEXT_CHARS, "%" PRId64 "s", least);
    return true;
}
