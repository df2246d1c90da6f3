/*
 * debug_control.c - DEBUG's switches: levels of the log for a while, captures, profiles, and the
 * counts of what subsystems allocate.
 */
#include "command/debug_private.h"

#include <stdlib.h>

#include "command/command_text.h"
#include "command/log_words.h"

enum {
    LEVEL_SECONDS = 300, /* when it is not said */
    LEVEL_SECONDS_MAX = 86400,
    FRAMES_SHOWN = 100,
    FRAMES_SHOWN_MAX = 10000,
    FRAME_FIELDS = 9
};
#define OUTPUT_BYTES_MAX (CAPTURE_BYTES_MAX * 5u) /* of a capture as text, every byte as \x00 */

/* A whole number of `least` to `most`; false: answered. */
static bool number_take(request *of, size_t at, int64_t least, int64_t most, int64_t *to)
{
    if (at >= of->argc) return true;
    if (!request_integer(of, of->args[at], to)) return false;
    if (*to >= least && *to <= most) return true;
    request_errorf(of, "ERR a number from %lld to %lld is wanted", (long long)least,
                   (long long)most);
    return false;
}

/* ---- levels ---- */

static void levels_tell(request *of, const settings *in)
{
    of->reply->ops->array(of->reply, HC_TOPICS);
    for (unsigned i = 0; i < HC_TOPICS; i++) {
        setting_level now = in->level_get(in->ctx, (hc_topic)i);
        of->reply->ops->map(of->reply, 4);
        tell_text(of->reply, "component", hc_topic_name((hc_topic)i));
        tell_text(of->reply, "level", hc_log_level_name(now.level));
        tell_text(of->reply, "configured", hc_log_level_name(now.configured));
        tell_figures(of->reply, &(debug_figure){"reverts_in_ms", now.reverts_in_ms}, 1);
    }
}

void debug_level(request *of)
{
    const settings *in = of->node->options.settings;
    int64_t seconds = LEVEL_SECONDS;
    uint32_t topics = 0;
    hc_log_level level = HC_LOG_INFO;
    if (in == NULL || in->level_set == NULL || in->level_get == NULL) {
        request_error(of, "ERR levels of the log are not to be changed here");
        return;
    }
    if (of->argc == 2) {
        levels_tell(of, in);
        return;
    }
    bool resets = of->argc > 3 && argument_is(of->args[3], "reset");
    if (of->argc == 3 || (resets && of->argc > 4)) {
        request_error(of, ERROR_SYNTAX);
        return;
    }
    if (argument_is(of->args[2], "all"))
        topics = (UINT32_C(1) << HC_TOPICS) - 1;
    else if (!request_component(of, of->args[2], &topics))
        return;
    if (!resets && !request_level(of, of->args[3], &level)) return;
    if (!number_take(of, 4, 1, LEVEL_SECONDS_MAX, &seconds)) return;
    for (unsigned i = 0; i < HC_TOPICS; i++) {
        if ((topics >> i & 1) == 0) continue;
        in->level_set(in->ctx, (hc_topic)i, level, resets ? 0 : (uint64_t)seconds * 1000u);
    }
    reply_ok(of->reply);
}

/* ---- captures ---- */

static void output_add(void *ctx, const void *bytes, size_t size)
{
    text_add(ctx, bytes, size);
}

static void reply_output(request *of, text *page)
{
    if (page->failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        reply_text(of->reply, text_span(page));
    text_fini(page);
}

static void capture_begin(request *of)
{
    int64_t client = CAPTURE_ALL, bytes = CAPTURE_BYTES;
    for (size_t i = 3; i < of->argc; i += 2) {
        bool of_client = argument_is(of->args[i], "client");
        if (i + 1 == of->argc || (!of_client && !argument_is(of->args[i], "bytes"))) {
            request_error(of, ERROR_SYNTAX);
            return;
        }
        if (of_client ? !number_take(of, i + 1, 1, INT64_MAX - 1, &client)
                      : !number_take(of, i + 1, CAPTURE_BYTES_MIN, CAPTURE_BYTES_MAX, &bytes))
            return;
    }
    if (capture_start(&of->node->debugging.capture, (uint64_t)client, (size_t)bytes) == HC_OK)
        reply_ok(of->reply);
    else
        request_error(of, ERROR_NO_MEMORY);
}

static void capture_tell(request *of)
{
    capture_status now = capture_state(&of->node->debugging.capture);
    const debug_figure figures[] = {{"client", now.client},
                                    {"frames", now.frames},
                                    {"bytes", now.bytes},
                                    {"bytes_max", now.bytes_max},
                                    {"dropped", now.dropped}};
    of->reply->ops->map(of->reply, DEBUG_COUNT(figures) + 1);
    tell_flag(of->reply, "running", now.running);
    tell_figures(of->reply, figures, DEBUG_COUNT(figures));
}

/* A frame that was read out, before the reply is written: its size must be known first. */
typedef struct shown_frames {
    capture_frame *frames;
    text *texts;
    size_t count, most;
} shown_frames;

static void frame_show(void *ctx, const capture_frame *frame, const uint8_t *data)
{
    shown_frames *to = ctx;
    if (to->count == to->most) return;
    text *page = &to->texts[to->count];
    text_init(page, OUTPUT_BYTES_MAX);
    capture_data_text(frame, data, &(capture_output){page, output_add});
    to->frames[to->count++] = *frame;
}

static void frame_tell(reply *to, const capture_frame *frame, const text *data)
{
    char client[CAPTURE_ADDRESS_CHARS];
    const debug_figure figures[] = {
        {"number", frame->number}, {"time_us", (uint64_t)frame->time_us},
        {"client", frame->client}, {"sequence", frame->sequence},
        {"bytes", frame->size},    {"kept_bytes", frame->kept}};
    capture_place_text(frame->from_client ? &frame->from : &frame->to, client);
    to->ops->map(to, FRAME_FIELDS);
    tell_text(to, "from", frame->from_client ? "client" : "node");
    tell_text(to, "address", client);
    tell_figures(to, figures, DEBUG_COUNT(figures));
    reply_text(to, HC_SPAN("text"));
    reply_text(to, text_span(data));
}

static void frames_tell(request *of, size_t count)
{
    shown_frames found = {.frames = calloc(count, sizeof *found.frames),
                          .texts = calloc(count, sizeof *found.texts),
                          .most = count};
    if (found.frames == NULL || found.texts == NULL) {
        request_error(of, ERROR_NO_MEMORY);
    } else {
        capture_each(&of->node->debugging.capture, count, frame_show, &found);
        of->reply->ops->array(of->reply, found.count);
        for (size_t i = 0; i < found.count; i++)
            frame_tell(of->reply, &found.frames[i], &found.texts[i]);
    }
    for (size_t i = 0; i < found.count; i++)
        text_fini(&found.texts[i]);
    free(found.frames);
    free(found.texts);
}

static void capture_print(request *of, bool packets, size_t count)
{
    text page;
    text_init(&page, OUTPUT_BYTES_MAX);
    const capture_output to = {&page, output_add};
    if (packets)
        capture_pcap(&of->node->debugging.capture, &to);
    else
        capture_text(&of->node->debugging.capture, count, &to);
    reply_output(of, &page);
}

void debug_capture(request *of)
{
    capture *in = &of->node->debugging.capture;
    hc_span verb = of->args[2];
    int64_t count = FRAMES_SHOWN;
    bool counts = argument_is(verb, "frames") || argument_is(verb, "text");
    if (argument_is(verb, "start")) {
        capture_begin(of);
        return;
    }
    if (of->argc > (counts ? 4u : 3u)) {
        request_error(of, ERROR_SYNTAX);
        return;
    }
    if (counts && !number_take(of, 3, 1, FRAMES_SHOWN_MAX, &count)) return;
    if (argument_is(verb, "stop")) {
        capture_stop(in);
        reply_ok(of->reply);
    } else if (argument_is(verb, "clear")) {
        capture_clear(in);
        reply_ok(of->reply);
    } else if (argument_is(verb, "status")) {
        capture_tell(of);
    } else if (argument_is(verb, "frames")) {
        frames_tell(of, (size_t)count);
    } else if (argument_is(verb, "text") || argument_is(verb, "pcap")) {
        capture_print(of, argument_is(verb, "pcap"), (size_t)count);
    } else {
        request_error(of, ERROR_SYNTAX);
    }
}

/* ---- profiles ---- */

static void profile_refuse(request *of, hc_status status)
{
    if (status == HC_ERR_UNSUPPORTED)
        request_error(of, "ERR gperftools is not there: libprofiler.so.0 for the CPU, a start with "
                          "LD_PRELOAD=libtcmalloc.so.4 for the heap");
    else if (status == HC_ERR_BUSY)
        request_error(of, "BUSY a profile is being made");
    else if (status == HC_ERR_NOT_FOUND)
        request_error(of, "ERR there is no profile; START one");
    else if (status == HC_ERR_NO_MEMORY)
        request_error(of, ERROR_NO_MEMORY);
    else
        request_errorf(of, "ERR no profile: %s", hc_status_text(status));
}

static void profile_reply(request *of, hc_status status, char *bytes, size_t size)
{
    if (status != HC_OK) {
        profile_refuse(of, status);
        return;
    }
    reply_text(of->reply, hc_span_make(bytes, size));
    free(bytes);
}

static void profile_cpu(request *of, hc_span verb)
{
    profiler *in = &of->node->debugging.profiler;
    int64_t seconds = PROFILER_SECONDS;
    char *bytes = NULL;
    size_t size = 0;
    if (argument_is(verb, "start")) {
        if (!number_take(of, 4, 1, PROFILER_SECONDS_MAX, &seconds)) return;
        hc_status status = profiler_cpu_start(in, node_now_ns(of->node), (unsigned)seconds);
        if (status == HC_OK)
            reply_ok(of->reply);
        else
            profile_refuse(of, status);
    } else if (argument_is(verb, "stop")) {
        profiler_cpu_stop(in);
        reply_ok(of->reply);
    } else if (argument_is(verb, "get")) {
        hc_status status = profiler_cpu_get(in, &bytes, &size);
        profile_reply(of, status, bytes, size);
    } else {
        request_error(of, ERROR_SYNTAX);
    }
}

static void profile_heap(request *of, hc_span verb)
{
    char *bytes = NULL;
    size_t size = 0;
    if (argument_is(verb, "start")) {
        hc_status status = profiler_heap_start();
        if (status == HC_OK)
            reply_ok(of->reply);
        else
            profile_refuse(of, status);
    } else if (argument_is(verb, "stop")) {
        profiler_heap_stop();
        reply_ok(of->reply);
    } else if (argument_is(verb, "get")) {
        hc_status status = profiler_heap_get(&bytes, &size);
        profile_reply(of, status, bytes, size);
    } else {
        request_error(of, ERROR_SYNTAX);
    }
}

void debug_profile(request *of)
{
    if (argument_is(of->args[2], "cpu"))
        profile_cpu(of, of->args[3]);
    else if (argument_is(of->args[2], "heap") && of->argc == 4)
        profile_heap(of, of->args[3]);
    else
        request_error(of, ERROR_SYNTAX);
}

/* ---- allocations ---- */

void debug_allocations(request *of)
{
    const allocations *counted = of->node->options.allocations;
    if (counted == NULL) {
        of->reply->ops->null(of->reply);
        return;
    }
    of->reply->ops->array(of->reply, ALLOCATION_OWNER_COUNT);
    for (unsigned i = 0; i < ALLOCATION_OWNER_COUNT; i++) {
        allocation_figures now = allocations_get(counted, (allocation_owner)i);
        const debug_figure figures[] = {
            {"live_bytes", now.live_bytes}, {"live_blocks", now.live_blocks},
            {"peak_bytes", now.peak_bytes}, {"allocations", now.allocations},
            {"refused", now.refused},       {"reserved_bytes", now.reserved_bytes}};
        of->reply->ops->map(of->reply, DEBUG_COUNT(figures) + 1);
        tell_text(of->reply, "subsystem", allocation_owner_name((allocation_owner)i));
        tell_figures(of->reply, figures, DEBUG_COUNT(figures));
    }
}
