/*
 * event_bus.h - the daemon's events and where they go.
 *
 *     hc_events_emit -> ring                            HC.EVENTS, /api/events
 *                    -> a line of the log               as every other
 *                    -> PUBLISH __hypercache__:events   the same JSON, to whoever subscribed
 *
 * Threads: events may come from any; the rest is main's.
 */
#ifndef HYPERCACHE_SERVER_EVENT_BUS_H
#define HYPERCACHE_SERVER_EVENT_BUS_H

#include "command/node.h"

#define EVENT_BUS_CHANNEL "__hypercache__:events"

typedef struct event_bus {
    hc_events *events;
    const hc_log *log;
    _Atomic(node *) node;
} event_bus;

/* `host` is borrowed until event_bus_fini.
 *   HC_ERR_NO_MEMORY */
hc_status event_bus_init(event_bus *of, const hc_host *host, const char *node_id);
void event_bus_fini(event_bus *of); /* accepts one that is all zero */
/* Events are published by this node from now on; NULL: by none. */
void event_bus_attach(event_bus *of, node *to);

#endif
