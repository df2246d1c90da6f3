/*
 * routes_events.c - /api/events: what happens, as server-sent events; /api/events/recent: what
 * happened lately, by HC.EVENTS.
 *
 * A stream is a number, the last event it has seen (event.h): one that is slower than the ring is
 * told how many it missed, and costs nobody anything.  A client that comes back goes on from its
 * Last-Event-ID.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/http_print.h"
#include "http/http_private.h"

#define READ_AT_ONCE 8u
#define HEARTBEAT_NS (UINT64_C(15) * 1000000000u) /* so that proxies and we see who is gone */
#define RETRY_MS 2000u
#define ID_CHARS_MAX 19u

typedef struct event_stream {
    node *node;
    uint64_t after;
    uint64_t sent_ns;
    hc_event_filter filter;
    char correlation[HC_EVENT_CORRELATION_BYTES_MAX];
    bool greeted;
} event_stream;

/* ---- the query, in the words of HC.EVENTS ---- */

static const struct {
    const char *name;
    hc_span word;
} options[] = {{"limit", {(const uint8_t *)"COUNT", 5}},
               {"after", {(const uint8_t *)"AFTER", 5}},
               {"level", {(const uint8_t *)"LEVEL", 5}},
               {"component", {(const uint8_t *)"COMPONENT", 9}},
               {"correlation_id", {(const uint8_t *)"CORRELATION", 11}}};
#define OPTIONS (sizeof options / sizeof options[0])

/* Runs HC.EVENTS with what the query says.  False: answered, or it waits. */
static bool events_run(http_exchange *x, size_t *at_out)
{
    hc_span args[1 + 2 * OPTIONS] = {HC_SPAN("HC.EVENTS")};
    size_t argc = 1;
    bool found;
    for (size_t i = 0; i < OPTIONS; i++) {
        hc_span value = exchange_query(x, options[i].name, &found);
        if (!found) continue;
        args[argc++] = options[i].word;
        args[argc++] = value;
    }
    return exchange_ask(x, args, argc, ANSWER_ARRAY, at_out) != NULL;
}

static void get_recent(http_exchange *x)
{
    size_t at;
    if (!events_run(x, &at)) return;
    const answer_entry *said = exchange_answer(x, at);
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_array_as(out, "events");
    for (size_t i = 0; i < said->as.count; i++) /* each is an object of JSON */
        put_raw(out, answer_text(exchange_tape(x), exchange_answer(x, at + 1 + i)));
    put_end(out);
    put_end(out);
}

/* ---- the stream ---- */

static bool stream_pull(void *ctx, http_bytes *to, size_t bytes_max)
{
    event_stream *of = ctx;
    hc_event_record records[READ_AT_ONCE];
    uint64_t lost = 0, now_ns = node_now_ns(of->node);
    size_t before = to->size, got;
    if (!of->greeted) http_bytes_format(to, "retry: %u\n\n", RETRY_MS);
    of->greeted = true;
    do {
        got = hc_events_read(of->node->options.events, of->after, records, READ_AT_ONCE, &lost);
        if (lost > 0)
            http_bytes_format(to, "event: lost\ndata: {\"lost\":%llu}\n\n",
                              (unsigned long long)lost);
        for (size_t i = 0; i < got; i++) {
            of->after = records[i].id;
            if (!hc_event_matches(&records[i], &of->filter)) continue;
            http_bytes_format(to, "id: %llu\ndata: ", (unsigned long long)records[i].id);
            http_bytes_add(to, records[i].json, records[i].json_bytes);
            http_bytes_add(to, "\n\n", 2);
        }
    } while (got == READ_AT_ONCE && to->size - before < bytes_max);
    if (to->size > before)
        of->sent_ns = now_ns;
    else if (now_ns - of->sent_ns > HEARTBEAT_NS) {
        http_bytes_text(to, ":\n\n");
        of->sent_ns = now_ns;
    }
    return !to->failed;
}

static void stream_end(void *ctx)
{
    free(ctx);
}

static const http_stream_ops stream_ops = {.pull = stream_pull, .end = stream_end};

static bool same_name(const char *name, hc_span text)
{
    return strlen(name) == text.size && strncasecmp(name, (const char *)text.data, text.size) == 0;
}

/* HC.EVENTS has found the words good. */
static void filter_fill(http_exchange *x, event_stream *of)
{
    bool found;
    hc_span level = exchange_query(x, "level", &found);
    of->filter.level_max = HC_LOG_TRACE;
    for (unsigned i = 0; found && i < HC_LOG_LEVELS; i++)
        if (same_name(hc_log_level_name((hc_log_level)i), level))
            of->filter.level_max = (hc_log_level)i;
    hc_span component = exchange_query(x, "component", &found);
    for (unsigned i = 0; found && i < HC_TOPICS; i++)
        if (same_name(hc_topic_name((hc_topic)i), component)) of->filter.topics |= UINT32_C(1) << i;
    hc_span id = exchange_query(x, "correlation_id", &found);
    size_t bytes = id.size < sizeof of->correlation ? id.size : sizeof of->correlation;
    if (bytes > 0) memcpy(of->correlation, id.data, bytes);
    of->filter.correlation_id = hc_span_make(of->correlation, bytes);
}

/* Where the client left off, or now. */
static uint64_t begin_after(http_exchange *x)
{
    bool found;
    uint64_t id = 0;
    hc_span text = http_head_find(exchange_head(x), "last-event-id", &found);
    if (!found) text = exchange_query(x, "after", &found);
    if (!found || text.size == 0 || text.size > ID_CHARS_MAX)
        return hc_events_last(exchange_node(x)->options.events);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return hc_events_last(exchange_node(x)->options.events);
        id = id * 10 + (uint64_t)(text.data[i] - '0');
    }
    return id;
}

static void get_events(http_exchange *x)
{
    size_t at;
    if (!events_run(x, &at)) return;
    event_stream *of = calloc(1, sizeof *of);
    if (of == NULL) {
        exchange_error(x, 507, NULL, "no memory for this response");
        return;
    }
    of->node = exchange_node(x);
    of->sent_ns = node_now_ns(of->node);
    of->after = begin_after(x);
    filter_fill(x, of);
    exchange_header(x, "Cache-Control", HC_SPAN("no-cache"));
    exchange_stream(x, "text/event-stream", &stream_ops, of);
}

static const http_route rows[] = {
    {HTTP_GET, "/api/events", get_events, 0, "Events as they happen, as server-sent events",
     "component level correlation_id after", NULL, "200 400 429"},
    {HTTP_GET, "/api/events/recent", get_recent, 0, "The latest events, oldest first",
     "limit after component level correlation_id", NULL, "200 400"},
};

const http_route_set http_routes_events = {rows, sizeof rows / sizeof rows[0], NULL};
