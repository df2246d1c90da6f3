/* net_log.c - builds a record only when someone wants it. */
#include "net/net_log.h"

#include <string.h>

bool net_log_wants(const hc_host *host, hc_log_level level)
{
    return host != NULL && host->log != NULL &&
           host->log->wants(host->log->ctx, level, HC_TOPIC_RESP_SERVER);
}

static hc_log_field field_of(net_fact fact)
{
    hc_log_field field = {.name = fact.name, .kind = HC_FIELD_INT, .value.i = fact.number};
    if (fact.text != NULL) {
        field.kind = HC_FIELD_TEXT;
        field.text = hc_span_make(fact.text, strlen(fact.text));
    }
    return field;
}

void net_log(const hc_host *host, hc_log_level level, const char *operation, const char *message,
             net_fact first, net_fact second)
{
    if (!net_log_wants(host, level)) return;
    hc_log_field fields[2] = {field_of(first), field_of(second)};
    size_t count = first.name == NULL ? 0 : second.name == NULL ? 1 : 2;
    hc_log_record record = {.level = level,
                            .topic = HC_TOPIC_RESP_SERVER,
                            .operation = operation,
                            .message = message,
                            .duration_ns = -1,
                            .fields = fields,
                            .field_count = count};
    host->log->write(host->log->ctx, &record);
}
