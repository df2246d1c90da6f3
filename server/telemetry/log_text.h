/*
 * log_text.h - a log record as one line for people.
 *
 *     2026-11-22T12:00:00.123Z WARN  RESP_SERVER start: memory is not limited port=6379 key="a b"
 *
 * Threads: touches nothing but its arguments.
 */
#ifndef HYPERCACHE_SERVER_TELEMETRY_LOG_TEXT_H
#define HYPERCACHE_SERVER_TELEMETRY_LOG_TEXT_H

#include <hypercache/log.h>

/* Writes at most `buffer_bytes` - 1 characters and a NUL, and returns how many without it.  What
 * does not fit is cut off; bytes outside printable ASCII appear as \xNN. */
size_t log_record_text(const hc_log_record *record, char *buffer, size_t buffer_bytes);

#endif
