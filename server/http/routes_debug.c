/*
 * routes_debug.c - /api/debug: DEBUG's subcommands as JSON, text, pcap and profiles.
 *
 * Rows need debug.enabled; those that change something, or show what clients send, need
 * security.http_admin besides.  DEBUG is not asked for security.debug_commands then, which is for
 * clients of RESP.
 *
 * A CPU profile takes its time, and no thread waits: its response is a stream that has nothing to
 * send until the profile is there.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_print.h"
#include "http/http_private.h"
#include "http/http_values.h"

enum { ARGS_MAX = 8, NUMBER_CHARS = 24 };

/* NULL: it waits, or was answered with an error. */
static const answer_entry *debug_run(http_exchange *x, const hc_span *args, size_t argc,
                                     size_t *at_out)
{
    session *who = exchange_session(x);
    who->may_debug = true;
    bool ran = exchange_run(x, args, argc, at_out);
    who->may_debug = false;
    if (!ran) return NULL;
    const answer_entry *said = exchange_answer(x, *at_out);
    if (!exchange_is_error(said)) return said;
    hc_span text = said != NULL ? answer_text(exchange_tape(x), said) : (hc_span){0};
    bool no_key = text.size > 0 && memmem(text.data, text.size, "no such key", 11) != NULL;
    const char *code;
    if (no_key)
        exchange_error(x, 404, "KEY_NOT_FOUND", "there is no such key");
    else if (x->head->method == HTTP_GET && exchange_status_of(text, &code) == 400 && text.size > 4)
        exchange_error(x, 409, "NOT_AVAILABLE", "%.*s", (int)text.size - 4,
                       (const char *)text.data + 4);
    else
        exchange_fail(x, said);
    return NULL;
}

/* {name: the answer} */
static void answer_respond(http_exchange *x, const char *name, size_t at)
{
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_key(out, name);
    (void)answer_put_plain(out, exchange_tape(x), at);
    put_end(out);
}

/* {name: what DEBUG word [key] says} */
static void told(http_exchange *x, const char *name, hc_span word, const hc_span *key)
{
    const hc_span args[3] = {HC_SPAN("DEBUG"), word, key != NULL ? *key : (hc_span){0}};
    size_t at;
    if (!exchange_store_of_query(x)) return;
    if (debug_run(x, args, key != NULL ? 3 : 2, &at) != NULL) answer_respond(x, name, at);
}

static void told_of_key(http_exchange *x, const char *name, hc_span word)
{
    hc_span key = exchange_param(x, 0);
    told(x, name, word, &key);
}

static void get_record(http_exchange *x)
{
    told_of_key(x, "record", HC_SPAN("RECORD"));
}

static void get_filter(http_exchange *x)
{
    told_of_key(x, "filter", HC_SPAN("FILTER"));
}

static void get_owner(http_exchange *x)
{
    told_of_key(x, "owner", HC_SPAN("OWNER"));
}

static void get_shards(http_exchange *x)
{
    told(x, "shards", HC_SPAN("SHARDS"), NULL);
}

static void get_members(http_exchange *x)
{
    told(x, "members", HC_SPAN("MEMBERS"), NULL);
}

static void get_queues(http_exchange *x)
{
    told(x, "queues", HC_SPAN("QUEUES"), NULL);
}

static void get_levels(http_exchange *x)
{
    told(x, "levels", HC_SPAN("LEVEL"), NULL);
}

static void get_allocations(http_exchange *x)
{
    told(x, "subsystems", HC_SPAN("ALLOCATIONS"), NULL);
}

/* Durations are counted in any case (latency.histograms). */
static void get_latency(http_exchange *x)
{
    bool named;
    const hc_span args[3] = {HC_SPAN("LATENCY"), HC_SPAN("HISTOGRAM"),
                             exchange_query(x, "command", &named)};
    size_t at;
    if (debug_run(x, args, named ? 3 : 2, &at) != NULL) answer_respond(x, "commands", at);
}

/* ---- orders ---- */

static void order(http_exchange *x, const hc_span *args, size_t argc)
{
    size_t at;
    if (debug_run(x, args, argc, &at) == NULL) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_string_as(out, "status", "done");
    put_end(out);
}

static void order_words(http_exchange *x, hc_span word, hc_span verb, hc_span last)
{
    const hc_span args[4] = {HC_SPAN("DEBUG"), word, verb, last};
    order(x, args, last.size > 0 ? 4 : 3);
}

/* The member as an argument.  False: it is no text and no whole number. */
static bool member_take(const json_t *body, const char *name, char chars[NUMBER_CHARS], hc_span *to)
{
    const json_t *value = json_object_get(body, name);
    *to = (hc_span){0};
    if (value == NULL) return true;
    if (json_is_string(value)) {
        *to = hc_span_make(json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        int size = snprintf(chars, NUMBER_CHARS, "%lld", (long long)json_integer_value(value));
        *to = hc_span_make(chars, (size_t)size);
    } else {
        return false;
    }
    return true;
}

static void post_levels(http_exchange *x)
{
    char chars[3][NUMBER_CHARS];
    hc_span args[5] = {HC_SPAN("DEBUG"), HC_SPAN("LEVEL")};
    json_t *body = body_object(x);
    if (body == NULL) return;
    bool good = member_take(body, "component", chars[0], &args[2]) &&
                member_take(body, "level", chars[1], &args[3]) &&
                member_take(body, "seconds", chars[2], &args[4]);
    if (good && args[3].size > 0) {
        if (args[2].size == 0) args[2] = HC_SPAN("ALL");
        order(x, args, args[4].size > 0 ? 5 : 4);
    } else {
        exchange_error(x, 400, NULL, "\"component\", \"level\" are texts, \"seconds\" is a number");
    }
    json_decref(body);
}

static void capture_begin(http_exchange *x, const json_t *body)
{
    static const struct {
        const char *name;
        hc_span word;
    } members[] = {{"client", {(const uint8_t *)"CLIENT", 6}},
                   {"bytes", {(const uint8_t *)"BYTES", 5}}};
    char chars[2][NUMBER_CHARS];
    hc_span args[ARGS_MAX] = {HC_SPAN("DEBUG"), HC_SPAN("CAPTURE"), HC_SPAN("START")}, value;
    size_t argc = 3;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (!member_take(body, members[i].name, chars[i], &value)) {
            exchange_error(x, 400, NULL, "\"%s\" is a number", members[i].name);
            return;
        }
        if (value.size == 0) continue;
        args[argc++] = members[i].word;
        args[argc++] = value;
    }
    order(x, args, argc);
}

static void post_capture(http_exchange *x)
{
    if (exchange_body(x).size == 0) {
        capture_begin(x, NULL);
        return;
    }
    json_t *body = body_object(x);
    if (body == NULL) return;
    capture_begin(x, body);
    json_decref(body);
}

static void post_capture_stop(http_exchange *x)
{
    order_words(x, HC_SPAN("CAPTURE"), HC_SPAN("STOP"), (hc_span){0});
}

static void delete_capture(http_exchange *x)
{
    order_words(x, HC_SPAN("CAPTURE"), HC_SPAN("CLEAR"), (hc_span){0});
}

static void post_heap(http_exchange *x)
{
    order_words(x, HC_SPAN("PROFILE"), HC_SPAN("HEAP"), HC_SPAN("START"));
}

static void delete_heap(http_exchange *x)
{
    order_words(x, HC_SPAN("PROFILE"), HC_SPAN("HEAP"), HC_SPAN("STOP"));
}

/* ---- what was captured ---- */

static bool count_take(http_exchange *x, char chars[NUMBER_CHARS], hc_span *to)
{
    uint64_t count;
    if (!exchange_query_number(x, "count", 1, 10000, 100, &count)) return false;
    *to = hc_span_make(chars,
                       (size_t)snprintf(chars, NUMBER_CHARS, "%llu", (unsigned long long)count));
    return true;
}

static void get_capture(http_exchange *x)
{
    char chars[NUMBER_CHARS];
    const hc_span status[3] = {HC_SPAN("DEBUG"), HC_SPAN("CAPTURE"), HC_SPAN("STATUS")};
    hc_span frames[4] = {HC_SPAN("DEBUG"), HC_SPAN("CAPTURE"), HC_SPAN("FRAMES")};
    size_t status_at, frames_at;
    if (!count_take(x, chars, &frames[3]) || debug_run(x, status, 3, &status_at) == NULL ||
        debug_run(x, frames, 4, &frames_at) == NULL)
        return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_key(out, "status");
    (void)answer_put_plain(out, exchange_tape(x), status_at);
    put_key(out, "frames");
    (void)answer_put_plain(out, exchange_tape(x), frames_at);
    put_end(out);
}

/* A text or file as DEBUG returned it. */
static void file_respond(http_exchange *x, const hc_span *args, size_t argc, const char *type,
                         hc_span disposition)
{
    size_t at;
    const answer_entry *said = debug_run(x, args, argc, &at);
    if (said == NULL) return;
    hc_span bytes = answer_text(exchange_tape(x), said);
    if (disposition.size > 0) exchange_header(x, "Content-Disposition", disposition);
    http_bytes_span(exchange_text(x, 200, type), bytes);
}

static void get_capture_text(http_exchange *x)
{
    char chars[NUMBER_CHARS];
    hc_span args[4] = {HC_SPAN("DEBUG"), HC_SPAN("CAPTURE"), HC_SPAN("TEXT")};
    if (count_take(x, chars, &args[3]))
        file_respond(x, args, 4, "text/plain; charset=utf-8", (hc_span){0});
}

static void get_capture_pcap(http_exchange *x)
{
    const hc_span args[3] = {HC_SPAN("DEBUG"), HC_SPAN("CAPTURE"), HC_SPAN("PCAP")};
    file_respond(x, args, 3, "application/vnd.tcpdump.pcap",
                 HC_SPAN("attachment; filename=\"hypercache.pcap\""));
}

/* ---- profiles ---- */

static bool profile_pull(void *ctx, http_bytes *to, size_t bytes_max)
{
    node *on = ctx;
    char *bytes;
    size_t size;
    (void)bytes_max;
    hc_status status = profiler_cpu_get(&on->debugging.profiler, &bytes, &size);
    if (status == HC_ERR_BUSY) return true;
    if (status != HC_OK) return false;
    http_bytes_add(to, bytes, size);
    free(bytes);
    return false;
}

static void profile_end(void *ctx)
{
    (void)ctx; /* the node's; the profile ends when its time is over */
}

static void get_profile_cpu(http_exchange *x)
{
    static const http_stream_ops ops = {.pull = profile_pull, .end = profile_end};
    char chars[NUMBER_CHARS];
    uint64_t seconds;
    size_t at;
    if (!exchange_query_number(x, "seconds", 1, PROFILER_SECONDS_MAX, PROFILER_SECONDS, &seconds))
        return;
    int size = snprintf(chars, sizeof chars, "%llu", (unsigned long long)seconds);
    const hc_span args[5] = {HC_SPAN("DEBUG"), HC_SPAN("PROFILE"), HC_SPAN("CPU"), HC_SPAN("START"),
                             hc_span_make(chars, (size_t)size)};
    if (debug_run(x, args, 5, &at) == NULL) return;
    exchange_header(x, "Content-Disposition", HC_SPAN("attachment; filename=\"cpu.prof\""));
    exchange_stream(x, "application/octet-stream", &ops, exchange_node(x));
}

static void get_profile_heap(http_exchange *x)
{
    const hc_span args[4] = {HC_SPAN("DEBUG"), HC_SPAN("PROFILE"), HC_SPAN("HEAP"), HC_SPAN("GET")};
    file_respond(x, args, 4, "application/octet-stream",
                 HC_SPAN("attachment; filename=\"heap.prof\""));
}

#define CLOSED (HTTP_ROUTE_DEBUG | HTTP_ROUTE_ADMIN)

static const http_route rows[] = {
    {HTTP_GET, "/api/debug/record/{key}", get_record, HTTP_ROUTE_DEBUG,
     "Where a key lies in this node's memory", "store", NULL, "200 403 404"},
    {HTTP_GET, "/api/debug/owner/{key}", get_owner, HTTP_ROUTE_DEBUG,
     "The slot of a key, who serves and who holds it", NULL, NULL, "200 403 503"},
    {HTTP_GET, "/api/debug/filter/{key}", get_filter, HTTP_ROUTE_DEBUG,
     "Where the store's filter has a key, and what lies there", "store", NULL, "200 403 404"},
    {HTTP_GET, "/api/debug/shards", get_shards, HTTP_ROUTE_DEBUG,
     "Segments and index load of each shard of a store", "store", NULL, "200 403 404"},
    {HTTP_GET, "/api/debug/members", get_members, HTTP_ROUTE_DEBUG,
     "What this node knows of each member", NULL, NULL, "200 403 503"},
    {HTTP_GET, "/api/debug/queues", get_queues, HTTP_ROUTE_DEBUG,
     "What waits for each other member", NULL, NULL, "200 403"},
    {HTTP_GET, "/api/debug/latency", get_latency, HTTP_ROUTE_DEBUG,
     "How long commands took, as histograms", "command", NULL, "200 403"},
    {HTTP_GET, "/api/debug/allocations", get_allocations, HTTP_ROUTE_DEBUG,
     "Memory that each subsystem has asked for", NULL, NULL, "200 403"},
    {HTTP_GET, "/api/debug/levels", get_levels, HTTP_ROUTE_DEBUG, "Levels of the log by component",
     NULL, NULL, "200 403"},
    {HTTP_POST, "/api/debug/levels", post_levels, CLOSED | HTTP_ROUTE_JSON,
     "Changes a level for a while; \"reset\" takes it back", NULL,
     "{\"component\": \"GOSSIP\", \"level\": \"trace\", \"seconds\": 60}", "200 400 403 415"},
    {HTTP_GET, "/api/debug/capture", get_capture, CLOSED, "The latest frames of a capture", "count",
     NULL, "200 400 403"},
    {HTTP_POST, "/api/debug/capture", post_capture, CLOSED | HTTP_ROUTE_JSON,
     "Begins a capture of one client, or of all", NULL, "{\"client\": 7, \"bytes\": 1048576}",
     "200 400 403 415"},
    {HTTP_DELETE, "/api/debug/capture", delete_capture, CLOSED, "Ends a capture and forgets it",
     NULL, NULL, "200 403"},
    {HTTP_POST, "/api/debug/capture/stop", post_capture_stop, CLOSED,
     "Ends a capture; its frames stay", NULL, NULL, "200 403"},
    {HTTP_GET, "/api/debug/capture/text", get_capture_text, CLOSED, "The same as text", "count",
     NULL, "200 400 403"},
    {HTTP_GET, "/api/debug/capture/pcap", get_capture_pcap, CLOSED, "The same as a pcap file", NULL,
     NULL, "200 403"},
    {HTTP_GET, "/api/debug/profile/cpu", get_profile_cpu, CLOSED,
     "Profiles the processor for some seconds, for pprof", "seconds", NULL, "200 400 403 409 503"},
    {HTTP_GET, "/api/debug/profile/heap", get_profile_heap, CLOSED,
     "Who allocated what is there, for pprof", NULL, NULL, "200 403 409"},
    {HTTP_POST, "/api/debug/profile/heap", post_heap, CLOSED, "Notes from now on who allocates",
     NULL, NULL, "200 400 403 503"},
    {HTTP_DELETE, "/api/debug/profile/heap", delete_heap, CLOSED, "No longer notes it", NULL, NULL,
     "200 403"},
};

const http_route_set http_routes_debug = {rows, sizeof rows / sizeof rows[0], NULL};
