/*
 * slow_report.c - an entry of the slow log, a sample of LATENCY, a log line, an event.
 *
 * The slow log has every slow command; so has the log at level DEBUG.  The event latency_high and
 * its line at WARN come once a second at most, and say how many were left out (event.h).
 */
#include "command/slow_report.h"

#include <string.h>

#include "command/correlation.h"
#include "command/redaction.h"
#include "command/session.h"
#include "command/tracing.h"

static hc_log_field text_field(const char *name, const char *text)
{
    return (hc_log_field){
        .name = name, .kind = HC_FIELD_TEXT, .text = hc_span_make(text, strlen(text))};
}

static void log_slow(node *of, const hc_event *event)
{
    const hc_log *log = of->options.host != NULL ? of->options.host->log : NULL;
    if (log == NULL || !log->wants(log->ctx, HC_LOG_DEBUG, HC_TOPIC_RESP_SERVER)) return;
    const hc_log_record record = {.level = HC_LOG_DEBUG,
                                  .topic = HC_TOPIC_RESP_SERVER,
                                  .operation = event->operation,
                                  .message = event->message,
                                  .correlation_id = event->correlation_id,
                                  .key = event->key,
                                  .duration_ns = event->duration_ns,
                                  .fields = event->fields,
                                  .field_count = event->field_count};
    log->write(log->ctx, &record);
}

static void tell(const request *told, size_t count, uint64_t ns, const char *id)
{
    const command *row = told->command;
    hc_log_field fields[5] = {
        text_field("client", told->session->address),
        {.name = "commands", .kind = HC_FIELD_UINT, .value.u = count},
        {.name = "arguments", .kind = HC_FIELD_UINT, .value.u = told->argc},
    };
    size_t field_count = 3 + tracing_slow(told, ns, fields + 3);
    hc_event event = {.operation = row->name,
                      .message = count > 1 ? "a run of commands took long" : "a command took long",
                      .correlation_id = hc_span_make(id, strlen(id)),
                      .duration_ns = ns < INT64_MAX ? (int64_t)ns : INT64_MAX,
                      .fields = fields,
                      .field_count = field_count};
    bool has_key = row->keys.access != COMMAND_ACCESS_CHANNEL &&
                   command_key_count(row, told->args, told->argc) > 0;
    if (has_key) event.key = told->args[command_key_at(row, 0)];
    exemplars_note(&told->node->observer.exemplars, command_index(row), ns / count,
                   node_now_ms(told->node), id);
    log_slow(told->node, &event);
    hc_events_emit(told->node->options.events, HC_EVENT_LATENCY_HIGH, &event);
}

void slow_report(const request *told, size_t count, uint64_t ns)
{
    observer *to = &told->node->observer;
    int64_t log_us = atomic_load_explicit(&to->slow_log_us, memory_order_relaxed);
    uint64_t event_ms = atomic_load_explicit(&to->event_ms, memory_order_relaxed);
    int64_t now_s = node_now_ms(told->node) / 1000;
    bool logged = log_us >= 0 && ns / 1000 >= (uint64_t)log_us;
    bool sampled = event_ms != 0 && ns / 1000000 >= event_ms;
    char id[CORRELATION_CHARS];
    if (!logged && !sampled) return;
    request_correlation(told, id);
    if (logged) {
        slow_command one = {
            .at_s = now_s,
            .microseconds = ns / 1000,
            .args = told->args,
            .argc = told->argc,
            .others = count - 1,
            .address = told->session->address,
            .name = told->session->name,
            .correlation = id,
        };
        request_secrets(told, &one.secret_from, &one.secret_to);
        slow_log_add(&to->slow_log, &one);
    }
    if (sampled) {
        bool fast = (told->command->flags & COMMAND_FAST) != 0;
        latency_events_note(&to->events, fast ? "fast-command" : "command", now_s, ns / 1000000);
    }
    tell(told, count, ns, id);
}
