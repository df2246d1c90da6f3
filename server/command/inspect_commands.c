/* inspect_commands.c - OBJECT and MEMORY: what a value is made of, as far as that can be said. */
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"

enum {
    EMBEDDED_BYTES_MAX = 44, /* Redis names values up to here "embstr" */
    ITEM_BYTES = 10          /* index and header of a small item (bench/README.md) */
};

static bool stat_or_null(request *of, hc_item *item)
{
    if (hc_store_stat(of->session->store, of->args[2], item) == HC_OK) return true;
    of->reply->ops->null(of->reply);
    return false;
}

void run_object_refcount(request *of)
{
    hc_item item;
    if (stat_or_null(of, &item)) of->reply->ops->integer(of->reply, 1);
}

void run_object_encoding(request *of)
{
    hc_item item;
    if (!stat_or_null(of, &item)) return;
    bool is_string = item.type == HC_TYPE_STRING;
    bool is_short = is_string && item.value.size <= EMBEDDED_BYTES_MAX;
    hc_span name = is_short ? HC_SPAN("embstr") : HC_SPAN("raw");
    char digits[24];
    size_t size;
    int64_t number;
    if (is_string && item.value.size < sizeof digits &&
        hc_store_get(of->session->store, of->args[2], digits, sizeof digits, &size) == HC_OK &&
        integer_parse(hc_span_make(digits, size), &number))
        name = HC_SPAN("int");
    reply_text(of->reply, name);
}

void run_object_idletime(request *of)
{
    hc_item item;
    if (stat_or_null(of, &item))
        request_error(of, "ERR idle time is not tracked: an item keeps no time of its last use");
}

void run_object_freq(request *of)
{
    hc_item item;
    if (stat_or_null(of, &item))
        request_error(of, "ERR An LFU maxmemory policy is not selected, access frequency not "
                          "tracked. Please note that when switching between policies at runtime "
                          "LRU and LFU data will take some time to adjust.");
}

void run_object_help(request *of)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the name Redis has for the form of the value of <key>.",
        "FREQ <key>",
        "    Refused: the frequency of use is not counted in Redis's way.",
        "IDLETIME <key>",
        "    Refused: the time since the last use of <key> is not kept.",
        "REFCOUNT <key>",
        "    Return the number of references to the value of <key>, which is one.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}

void run_memory_usage(request *of)
{
    for (size_t i = 3; i < of->argc; i += 2) { /* nothing is nested: SAMPLES changes nothing */
        int64_t samples;
        if (!argument_is(of->args[i], "samples") || i + 1 >= of->argc) {
            request_error(of, ERROR_SYNTAX);
            return;
        }
        if (!request_integer(of, of->args[i + 1], &samples)) return;
        if (samples < 0) {
            request_error(of, ERROR_SYNTAX);
            return;
        }
    }
    hc_item item;
    if (!stat_or_null(of, &item)) return;
    size_t bytes = ITEM_BYTES + of->args[2].size + item.value.size;
    of->reply->ops->integer(of->reply, (int64_t)bytes);
}

void run_memory_help(request *of)
{
    static const char *const lines[] = {
        "USAGE <key> [SAMPLES <count>]",
        "    Return an estimate of the memory in bytes used by <key> and its value.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
