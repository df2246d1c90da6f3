/*
 * event_bus.c - a record goes to the log, and to subscribers if there are any.
 */
#include "event_bus.h"

#include <string.h>

#include "command/pubsub.h"

static void deliver(void *ctx, const hc_log_record *line, const hc_event_record *record)
{
    event_bus *of = ctx;
    if (of->log != NULL && of->log->wants(of->log->ctx, line->level, line->topic))
        of->log->write(of->log->ctx, line);
    node *to = atomic_load(&of->node);
    if (to == NULL || !pubsub_has_listeners(to)) return;
    (void)pubsub_publish(to, PUBSUB_CHANNEL, HC_SPAN(EVENT_BUS_CHANNEL),
                         hc_span_make(record->json, record->json_bytes));
}

hc_status event_bus_init(event_bus *of, const hc_host *host, const char *node_id)
{
    memset(of, 0, sizeof *of);
    of->log = host->log;
    hc_events_options options = {
        .size = sizeof options, .node_id = node_id, .deliver = deliver, .ctx = of};
    return hc_events_create(host, &options, &of->events);
}

void event_bus_fini(event_bus *of)
{
    hc_events_destroy(of->events);
    of->events = NULL;
}

void event_bus_attach(event_bus *of, node *to)
{
    atomic_store(&of->node, to);
}
