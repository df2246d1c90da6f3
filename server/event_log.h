/*
 * event_log.h - what main tells the log about the node as a whole.
 */
#ifndef HYPERCACHE_SERVER_EVENT_LOG_H
#define HYPERCACHE_SERVER_EVENT_LOG_H

#include <hypercache/event.h>
#include <hypercache/host.h>
#include <hypercache/store.h>

hc_log_field event_text(const char *name, const char *text);
hc_log_field event_number(const char *name, uint64_t number);

/* `operation` is static, such as "start"; `log` may be NULL. */
void event_log(const hc_log *log, hc_log_level level, const char *operation, const char *message,
               const hc_log_field *fields, size_t field_count);

/* The same as an event, which the log hears of too; `events` may be NULL. */
void event_tell(hc_events *events, hc_event_kind kind, const char *operation, const char *message,
                const hc_log_field *fields, size_t field_count);

/* For hc_pressure.changed; `events` is an hc_events or NULL.  Warns while memory is short, and
 * tells when it is no longer. */
void event_memory_pressure(void *events, hc_pressure_level level, uint64_t used_bytes,
                           uint64_t limit_bytes);

#endif
