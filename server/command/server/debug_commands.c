/*
 * debug_commands.c - DEBUG: for those who test clients, and for those who look for a reason.
 *
 * Refused unless security.debug_commands allows it, for SLEEP halts a whole worker.  What shows
 * much or costs something needs debug.enabled besides; HTTP asks for the same subcommands, and has
 * asked who may before (session.may_debug).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/command_args.h"
#include "command/command_text.h"
#include "command/debug_private.h"
#include "command/handlers.h"
#include "command/inspect.h"

enum { TEXT_BYTES_MAX = 64 << 10, SHOWN_BYTES_MAX = 128, SLEEP_SECONDS_MAX = 3600 };

/* ---- who may ---- */

static bool is_local(const session *who)
{
    return strncmp(who->address, "127.", 4) == 0 || strncmp(who->address, "[::1]:", 6) == 0;
}

static bool is_allowed(request *of)
{
    node_debug who = (node_debug)atomic_load(&of->node->debug);
    if (of->session->may_debug) return true;
    if (who == NODE_DEBUG_YES || (who == NODE_DEBUG_LOCAL && is_local(of->session))) return true;
    request_error(of, "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                      "\"local\", you can run it from a local connection, otherwise you need to "
                      "set this option in the configuration file, and then restart the server.");
    return false;
}

/* ---- OBJECT, STORE ---- */

static void reply_page(request *of, const text *page, void (*tell)(reply *, hc_span))
{
    if (page->failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        tell(of->reply, text_span(page));
}

/* Redis's fields, then ours; redis-py reads name:value pairs. */
static void debug_object(request *of)
{
    hc_item item;
    hc_inspection in;
    hc_span key = of->args[2];
    if (!debug_look(of, &item, &in)) return;
    hc_span encoding = inspect_encoding(of, key, &item);
    text page;
    text_init(&page, TEXT_BYTES_MAX);
    text_printf(&page,
                "Value at:0x%" PRIx64 " refcount:%u encoding:%.*s serializedlength:%" PRIu64
                " lru:0 lru_seconds_idle:0",
                (uint64_t)in.segment << 16 | in.segment_offset,
                in.extent_references > 1 ? in.extent_references : 1, (int)encoding.size,
                (const char *)encoding.data, in.stored_bytes);
    text_printf(&page,
                " memory_bytes:%" PRIu64 " value_bytes:%" PRIu64 " extent_bytes:%" PRIu64
                " header_bytes:%" PRIu32 " expires_at_ms:%" PRId64 " use:%" PRIu32,
                in.memory_bytes, in.value_bytes, in.extent_bytes, in.header_bytes, in.expires_at_ms,
                in.use);
    text_printf(&page,
                " shard:%" PRIu32 " segment:%" PRIu32 " segment_offset:%" PRIu32
                " segment_state:%s segment_class:%s segment_used_bytes:%" PRIu32
                " segment_live_bytes:%" PRIu32,
                in.shard, in.segment, in.segment_offset, in.segment_state, in.segment_class,
                in.segment_used_bytes, in.segment_live_bytes);
    text_printf(&page,
                " bucket_first:%" PRIu32 " bucket_second:%" PRIu32 " bucket:%" PRIu32
                " slot:%" PRIu32,
                in.bucket_first, in.bucket_second, in.bucket, in.slot);
    reply_page(of, &page, of->reply->ops->status);
    text_fini(&page);
}

static void debug_store(request *of)
{
    hc_store_stats now = {.size = sizeof now};
    hc_store_stats_get(of->session->store, &now);
    const debug_figure figures[] = {
        {"keys", now.keys},
        {"keys_with_expiry", now.keys_with_expiry},
        {"live_bytes", now.live_bytes},
        {"memory_bytes", now.memory_bytes},
        {"max_memory_bytes", now.max_memory_bytes},
        {"segment_bytes", now.segment_bytes},
        {"segments_open", now.segments_open},
        {"segments_free", now.segments_free},
        {"garbage_bytes", now.garbage_bytes},
        {"extent_bytes", now.extent_bytes},
        {"index_bytes", now.index_bytes},
        {"index_slots", now.index_slots},
        {"buckets", now.buckets},
        {"displaced", now.displaced},
        {"stashed", now.stashed},
        {"cleaned_segments", now.cleaned_segments},
        {"cleaned_bytes", now.cleaned_bytes},
        {"read_retries", now.read_retries},
        {"filter_bytes", now.filter_bytes},
        {"filter_answers", now.filter_answers},
        {"filter_false_positives", now.filter_false_positives},
    };
    of->reply->ops->map(of->reply, DEBUG_COUNT(figures));
    tell_figures(of->reply, figures, DEBUG_COUNT(figures));
}

/* ---- SLEEP, ERROR ---- */

/* The worker stands still, and with it all of its clients: that is what it is for. */
static void debug_sleep(request *of)
{
    char chars[32];
    size_t size = of->args[2].size < sizeof chars - 1 ? of->args[2].size : sizeof chars - 1;
    if (size > 0) memcpy(chars, of->args[2].data, size);
    chars[size] = '\0';
    double seconds = strtod(chars, NULL);
    if (!(seconds > 0)) seconds = 0; /* as Redis: what is no number is none */
    if (seconds > SLEEP_SECONDS_MAX) seconds = SLEEP_SECONDS_MAX;
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    reply_ok(of->reply);
}

static void debug_error(request *of)
{
    int bytes = of->args[2].size < TEXT_BYTES_MAX ? (int)of->args[2].size : TEXT_BYTES_MAX;
    request_errorf(of, "%.*s", bytes, (const char *)of->args[2].data);
}

/* ---- PROTOCOL: a value of each type ---- */

static void reply_numbers(reply *to)
{
    for (int64_t i = 0; i < 3; i++)
        to->ops->integer(to, i);
}

static void tell_string(reply *to)
{
    reply_text(to, HC_SPAN("Hello World"));
}
static void tell_integer(reply *to)
{
    to->ops->integer(to, 12345);
}
static void tell_double(reply *to)
{
    to->ops->real(to, 3.141);
}
static void tell_null(reply *to)
{
    to->ops->null(to);
}
static void tell_array(reply *to)
{
    to->ops->array(to, 3);
    reply_numbers(to);
}
static void tell_set(reply *to)
{
    to->ops->set(to, 3);
    reply_numbers(to);
}
static void tell_map(reply *to)
{
    to->ops->map(to, 3);
    for (int64_t i = 0; i < 3; i++) {
        to->ops->integer(to, i);
        to->ops->boolean(to, i == 1);
    }
}
static void tell_push(reply *to)
{
    to->ops->push(to, 2);
    reply_text(to, HC_SPAN("server-cpu-usage"));
    to->ops->integer(to, 42);
    reply_text(to, HC_SPAN("Some real reply following the push reply"));
}
static void tell_verbatim(reply *to)
{
    to->ops->verbatim(to, HC_SPAN("This is a verbatim\nstring"));
}
static void tell_true(reply *to)
{
    to->ops->boolean(to, true);
}
static void tell_false(reply *to)
{
    to->ops->boolean(to, false);
}

static void debug_protocol(request *of)
{
    static const struct {
        const char *name;
        void (*tell)(reply *to);
    } types[] = {{"string", tell_string}, {"integer", tell_integer}, {"double", tell_double},
                 {"null", tell_null},     {"array", tell_array},     {"set", tell_set},
                 {"map", tell_map},       {"push", tell_push},       {"verbatim", tell_verbatim},
                 {"true", tell_true},     {"false", tell_false}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!argument_is(of->args[2], types[i].name)) continue;
        if (types[i].tell == tell_push && of->reply->protocol < 3)
            request_error(of, "ERR RESP2 is not supported by this command");
        else
            types[i].tell(of->reply);
        return;
    }
    request_error(of, "ERR Wrong protocol type name. Please use one of the following: "
                      "string|integer|double|null|array|set|map|push|verbatim|true|false");
}

/* ---- the rest ---- */

static void debug_help(request *of)
{
    static const char *const lines[] = {
        "ALLOCATIONS",
        "    Tell how much memory each subsystem has asked for.",
        "CAPTURE START [CLIENT <id>] [BYTES <bytes>] | STOP | CLEAR | STATUS",
        "    Keep the latest frames of one client, or of all.",
        "CAPTURE FRAMES [<count>] | TEXT [<count>] | PCAP",
        "    Return them.",
        "ERROR <string>",
        "    Return <string> as an error.",
        "FILTER <key>",
        "    Tell where the store's filter has <key>, and what lies there.",
        "LEVEL [<component>|ALL <level> [<seconds>] | <component>|ALL RESET]",
        "    Tell levels of the log, or change them for a while.",
        "MEMBERS",
        "    Tell what this node knows of each member.",
        "OBJECT <key>",
        "    Tell where and how the value of <key> lies in memory.",
        "OWNER <key>",
        "    Tell the slot of <key>, who serves it and who holds it.",
        "PROFILE CPU START [<seconds>] | CPU STOP | CPU GET | HEAP START | HEAP GET | HEAP STOP",
        "    Make a profile for pprof, and return it.",
        "PROTOCOL <type>",
        "    Return a value of that type: string, integer, double, null, array, set, map, push,",
        "    verbatim, true or false.",
        "QUEUES",
        "    Tell what waits for each other member.",
        "RECORD <key>",
        "    Tell all there is to know of where <key> lies.",
        "SHARDS",
        "    Tell segments and index load of each shard of this store.",
        "SLEEP <seconds>",
        "    Halt the thread that serves this connection. Decimals allowed.",
        "STORE",
        "    Tell how the items of this store lie in memory.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}

/* `argc_max` 0: as argc; `opened`: by debug.enabled. */
typedef struct debug_row {
    const char *name;
    size_t argc, argc_max;
    bool opened;
    void (*run)(request *of);
} debug_row;

static const debug_row *find(const request *of)
{
    static const debug_row rows[] = {
        {"allocations", 2, 0, true, debug_allocations},
        {"capture", 3, 7, true, debug_capture},
        {"error", 3, 0, false, debug_error},
        {"filter", 3, 0, true, debug_filter},
        {"help", 2, 0, false, debug_help},
        {"level", 2, 5, true, debug_level},
        {"members", 2, 0, true, debug_members},
        {"object", 3, 0, false, debug_object},
        {"owner", 3, 0, true, debug_owner},
        {"profile", 4, 5, true, debug_profile},
        {"protocol", 3, 0, false, debug_protocol},
        {"queues", 2, 0, true, debug_queues},
        {"record", 3, 0, true, debug_record},
        {"shards", 2, 0, true, debug_shards},
        {"sleep", 3, 0, false, debug_sleep},
        {"store", 2, 0, false, debug_store},
    };
    for (size_t i = 0; i < DEBUG_COUNT(rows); i++) {
        const debug_row *row = &rows[i];
        size_t most = row->argc_max > 0 ? row->argc_max : row->argc;
        if (of->argc >= row->argc && of->argc <= most && argument_is(of->args[1], row->name))
            return row;
    }
    return NULL;
}

void run_debug(request *of)
{
    if (!is_allowed(of)) return;
    const debug_row *row = find(of);
    if (row != NULL && row->opened && !debug_mode_on(&of->node->debugging)) {
        request_error(of, "ERR debug mode is off; see debug.enabled");
        return;
    }
    if (row != NULL) {
        row->run(of);
        return;
    }
    int bytes = of->args[1].size < SHOWN_BYTES_MAX ? (int)of->args[1].size : SHOWN_BYTES_MAX;
    request_errorf(of,
                   "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG "
                   "HELP.",
                   bytes, (const char *)of->args[1].data);
}
