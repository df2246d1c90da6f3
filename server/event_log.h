/*
 * event_log.h - what main tells the log about the node as a whole.
 */
#ifndef HYPERCACHE_SERVER_EVENT_LOG_H
#define HYPERCACHE_SERVER_EVENT_LOG_H

#include <hypercache/host.h>

hc_log_field event_text(const char *name, const char *text);
hc_log_field event_number(const char *name, uint64_t number);

/* `operation` is static, such as "start"; `log` may be NULL. */
void event_log(const hc_log *log, hc_log_level level, const char *operation, const char *message,
               const hc_log_field *fields, size_t field_count);

#endif
