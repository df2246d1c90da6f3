/* inspect_commands.c - OBJECT: what a value is made of, as far as that can be said. */
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/inspect.h"

enum { EMBEDDED_BYTES_MAX = 44 /* Redis names values up to here "embstr" */ };

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

hc_span inspect_encoding(const request *of, hc_span key, const hc_item *item)
{
    bool is_string = item->type == HC_TYPE_STRING;
    bool is_short = is_string && item->value.size <= EMBEDDED_BYTES_MAX;
    char digits[24];
    hc_view view;
    int64_t number;
    if (is_string && item->value.size < sizeof digits &&
        hc_store_view_quietly(of->session->store, key, digits, sizeof digits, &view) == HC_OK &&
        view.held == NULL && integer_parse(view.value, &number))
        return HC_SPAN("int");
    return is_short ? HC_SPAN("embstr") : HC_SPAN("raw");
}

void run_object_encoding(request *of)
{
    hc_item item;
    if (stat_or_null(of, &item)) reply_text(of->reply, inspect_encoding(of, of->args[2], &item));
}

static bool counts_uses(const request *of)
{
    uint32_t eviction = hc_store_eviction(of->session->store);
    return (eviction & ~(uint32_t)HC_EVICTION_VOLATILE) == HC_EVICTION_LFU;
}

void run_object_idletime(request *of)
{
    hc_item item;
    if (!stat_or_null(of, &item)) return;
    if (counts_uses(of))
        request_error(of, "ERR An LFU maxmemory policy is selected, idle time not tracked. Please "
                          "note that when switching between policies at runtime LRU and LFU data "
                          "will take some time to adjust.");
    else
        request_error(of, "ERR idle time is not tracked: an item keeps no time of its last use");
}

/* Two bits count the uses of an item, here as in Redis of interest to LFU alone. */
void run_object_freq(request *of)
{
    hc_inspection seen = {.size = sizeof seen};
    if (hc_store_inspect(of->session->store, of->args[2], &seen) != HC_OK)
        of->reply->ops->null(of->reply);
    else if (counts_uses(of))
        of->reply->ops->integer(of->reply, seen.use);
    else
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
        "    Return the counted uses of <key>, 0 to 3, under an LFU policy.",
        "IDLETIME <key>",
        "    Refused: the time since the last use of <key> is not kept.",
        "REFCOUNT <key>",
        "    Return the number of references to the value of <key>, which is one.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
