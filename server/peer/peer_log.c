/* peer_log.c - up to two facts as the fields of a log line, or of an event. */
#include <stdio.h>
#include <string.h>

#include "peer/peer_private.h"

#define FACTS_MAX 2u

static hc_log_field field_of(peer_fact fact)
{
    hc_log_field field = {.name = fact.name, .kind = HC_FIELD_UINT, .value.u = fact.number};
    if (fact.text != NULL) {
        field.kind = HC_FIELD_TEXT;
        field.text = hc_span_make(fact.text, strlen(fact.text));
    }
    return field;
}

/* Returns how many there are. */
static size_t fields_of(peer_fact first, peer_fact second, hc_log_field fields[FACTS_MAX])
{
    fields[0] = field_of(first);
    fields[1] = field_of(second);
    return first.name == NULL ? 0 : second.name == NULL ? 1 : 2;
}

void peer_log(const peer *of, hc_log_level level, hc_topic topic, const char *operation,
              const char *message, peer_fact first, peer_fact second)
{
    const hc_log *log = of->options.host != NULL ? of->options.host->log : NULL;
    if (log == NULL || !log->wants(log->ctx, level, topic)) return;
    hc_log_field fields[FACTS_MAX];
    size_t count = fields_of(first, second, fields);
    hc_log_record record = {.level = level,
                            .topic = topic,
                            .operation = operation,
                            .message = message,
                            .duration_ns = -1,
                            .fields = fields,
                            .field_count = count};
    log->write(log->ctx, &record);
}

void peer_trace_watch(peer *of)
{
    static const hc_topic topics[] = {HC_TOPIC_GOSSIP, HC_TOPIC_REPLICATION};
    const hc_log *log = of->options.host != NULL ? of->options.host->log : NULL;
    unsigned traced = 0;
    for (size_t i = 0; log != NULL && i < sizeof topics / sizeof topics[0]; i++)
        if (log->wants(log->ctx, HC_LOG_TRACE, topics[i])) traced |= 1u << topics[i];
    atomic_store_explicit(&of->traced, traced, memory_order_relaxed);
}

void peer_trace_message(const peer *of, hc_topic topic, const char *operation,
                        const hc_address *with, size_t bytes)
{
    char host[CLUSTER_HOST_CHARS], text[CLUSTER_HOST_CHARS + 8];
    cluster_host_text(with, host);
    (void)snprintf(text, sizeof text, "%s %u", host, (unsigned)with->port);
    peer_log(of, HC_LOG_TRACE, topic, operation,
             topic == HC_TOPIC_REPLICATION ? "a message of replication" : "a message of membership",
             (peer_fact){.name = "peer", .text = text},
             (peer_fact){.name = "bytes", .number = bytes});
}

void peer_tell(const peer *of, hc_event_kind kind, const char *message, peer_fact first,
               peer_fact second)
{
    hc_log_field fields[FACTS_MAX];
    size_t count = fields_of(first, second, fields);
    hc_event event = {.message = message, .fields = fields, .field_count = count};
    hc_events_emit(of->options.node->options.events, kind, &event);
}
