/*
 * log_sink.h - where hypercached's log records go: a bounded queue and one thread that writes.
 *
 *     any thread --- line ---> [ ring of LOG_QUEUE_BYTES ] ---> writer ---> stderr, file, journal
 *
 * A line is made by the thread that has something to say and copied into the ring under a lock
 * that is never held during a system call.  A full ring drops the line and counts it; the writer
 * says how many were lost as soon as it has caught up.
 *
 * Threads: everything but start and stop may be called from any thread.
 */
#ifndef HYPERCACHE_SERVER_TELEMETRY_LOG_SINK_H
#define HYPERCACHE_SERVER_TELEMETRY_LOG_SINK_H

#include <hypercache/host.h>

#define LOG_QUEUE_BYTES 262144u /* lines that wait for the writer */
#define LOG_LINE_BYTES_MAX 4096u
#define LOG_STOP_MS_MAX 2000 /* how long stop waits for an output that does not take lines */

typedef struct log_sink log_sink;

typedef struct log_sink_options {
    const char *node_id;      /* copied */
    const char *file;         /* appended to, see log_file.h; copied; NULL: none */
    uint64_t file_bytes_max;  /* past which it is rotated; 0: never */
    unsigned files_max;       /* kept, with the present one; 0: 1 */
    bool journal;             /* also to systemd's journal */
    const char *journal_path; /* its socket; NULL: LOG_JOURNAL_PATH */
    hc_log_keys keys;         /* how keys appear, until log_sink_keys */
    int fd;                   /* such as STDERR_FILENO; borrowed; -1: none */
    bool json;                /* false: lines for people (log_text.h) */
    hc_log_level level;       /* of every topic, until log_sink_level */
} log_sink_options;

/* On error *sink_out is NULL.
 *   HC_ERR_IO         the file cannot be opened, errno says why
 *   HC_ERR_NOT_FOUND  no journal answers, errno says why
 *   HC_ERR_INVALID    a text is too long
 *   HC_ERR_NO_MEMORY  or no thread */
hc_status log_sink_start(const log_sink_options *options, log_sink **sink_out);
/* Writes what waits, and ends.  Accepts NULL.  No other call may run or follow. */
void log_sink_stop(log_sink *sink);

/* For hc_host.log; lives as long as the sink. */
const hc_log *log_sink_log(const log_sink *sink);

/* Records of `topic` up to `level` are wanted from now on. */
void log_sink_level(log_sink *sink, hc_topic topic, hc_log_level level);
/* How keys appear from now on. */
void log_sink_keys(log_sink *sink, hc_log_keys keys);
/* Has the file opened anew, as after it was renamed: lines said from now on go to the new one. */
void log_sink_reopen(log_sink *sink);
/* Lines lost since start: the queue was full, or an output refused them. */
uint64_t log_sink_dropped(log_sink *sink);
/* Bytes of lines that wait for the writer. */
size_t log_sink_queued(log_sink *sink);

#endif
