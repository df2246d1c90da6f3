/*
 * event_commands.c - HC.EVENTS: what happened lately, one JSON object an event, oldest first.
 *
 *     HC.EVENTS [COUNT n] [AFTER id] [LEVEL level] [COMPONENT name] [CORRELATION id]
 *
 * Without AFTER it is the latest COUNT that fit; with it the first COUNT that follow, so that a
 * client can go on from the last eventId it has seen.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/log_words.h"

enum { COUNT_DEFAULT = 32, COUNT_MAX = 256, READ_AT_ONCE = 8 };

typedef struct event_query {
    hc_event_filter filter;
    int64_t count, after;
    bool has_after;
} event_query;

typedef struct found_event {
    uint32_t bytes;
    char json[HC_EVENT_JSON_BYTES_MAX];
} found_event;

static bool take_pair(request *of, hc_span name, hc_span value, event_query *to)
{
    if (argument_is(name, "level")) return request_level(of, value, &to->filter.level_max);
    if (argument_is(name, "component")) return request_component(of, value, &to->filter.topics);
    if (argument_is(name, "correlation")) {
        to->filter.correlation_id = value;
        return true;
    }
    int64_t *number = argument_is(name, "count") ? &to->count : &to->after;
    if (number == &to->after && !argument_is(name, "after")) {
        request_error(of, ERROR_SYNTAX);
        return false;
    }
    if (!request_integer(of, value, number)) return false;
    to->has_after |= number == &to->after;
    if (*number >= 0 && to->count >= 1) return true;
    request_error(of, ERROR_NOT_INTEGER);
    return false;
}

/* Fills a ring of `count` places; returns how many events fit, of which the last `count` are kept.
 */
static size_t look(request *of, const event_query *query, found_event *found)
{
    hc_event_record records[READ_AT_ONCE];
    uint64_t after = (uint64_t)query->after;
    size_t seen = 0, got;
    do {
        got = hc_events_read(of->node->options.events, after, records, READ_AT_ONCE, NULL);
        for (size_t i = 0; i < got; i++) {
            after = records[i].id;
            if (!hc_event_matches(&records[i], &query->filter)) continue;
            if (query->has_after && seen == (size_t)query->count) return seen;
            found_event *to = &found[seen++ % (size_t)query->count];
            to->bytes = records[i].json_bytes;
            memcpy(to->json, records[i].json, records[i].json_bytes);
        }
    } while (got == READ_AT_ONCE);
    return seen;
}

void run_hc_events(request *of)
{
    event_query query = {.filter.level_max = HC_LOG_TRACE, .count = COUNT_DEFAULT};
    if (of->argc % 2 == 0) {
        request_error(of, ERROR_SYNTAX);
        return;
    }
    for (size_t i = 1; i < of->argc; i += 2)
        if (!take_pair(of, of->args[i], of->args[i + 1], &query)) return;
    if (query.count > COUNT_MAX) query.count = COUNT_MAX;
    size_t places = (size_t)query.count;
    found_event *found = malloc(places * sizeof *found);
    if (found == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    size_t seen = look(of, &query, found), kept = seen < places ? seen : places;
    of->reply->ops->array(of->reply, kept);
    for (size_t i = seen - kept; i < seen; i++) {
        const found_event *one = &found[i % places];
        reply_text(of->reply, hc_span_make(one->json, one->bytes));
    }
    free(found);
}
