/*
 * log_journal.h - lines for systemd's journal, in its own protocol: a datagram of fields a line.
 *
 *     MESSAGE=<the line>  PRIORITY=4  SYSLOG_IDENTIFIER=hypercached  COMPONENT=.. CORRELATION_ID=..
 *
 * The fields behind the line are taken out of it, if it is JSON: `journalctl
 * COMPONENT=PERSISTENCE`.
 *
 * Source:  systemd's "Native Journal Protocol".
 * Threads: all calls on one handle belong to one thread.
 */
#ifndef HYPERCACHE_SERVER_TELEMETRY_LOG_JOURNAL_H
#define HYPERCACHE_SERVER_TELEMETRY_LOG_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define LOG_JOURNAL_PATH "/run/systemd/journal/socket"

/* A socket connected to the journal at `path` (NULL: LOG_JOURNAL_PATH).  -1: errno tells. */
int log_journal_open(const char *path);
/* Sends whole lines; returns how many were lost.  Never waits longer than a second a line. */
uint64_t log_journal_write(int fd, const char *text, size_t bytes);

#endif
