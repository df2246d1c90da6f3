/* peer_log.c - up to two facts as the fields of a log line, or of an event. */
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

void peer_tell(const peer *of, hc_event_kind kind, const char *message, peer_fact first,
               peer_fact second)
{
    hc_log_field fields[FACTS_MAX];
    size_t count = fields_of(first, second, fields);
    hc_event event = {.message = message, .fields = fields, .field_count = count};
    hc_events_emit(of->options.node->options.events, kind, &event);
}
