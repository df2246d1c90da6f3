/*
 * slow_log.h - the commands that took longest to run, the latest first: SLOWLOG.
 *
 * Each entry is one block with copies of what it tells: at most SLOW_LOG_ARGUMENTS_MAX arguments
 * of at most SLOW_LOG_ARGUMENT_BYTES each, the rest being said in words, as Redis does.  The log is
 * bounded by a number of entries and by SLOW_LOG_BYTES_MAX; the oldest go first.
 *
 * Threads: every function may be called from any; one lock, held to add, copy out or forget.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_SLOW_LOG_H
#define HYPERCACHE_SERVER_COMMAND_SLOW_LOG_H

#include <pthread.h>

#include "command/reply.h"

#define SLOW_LOG_ENTRIES 128u /* default; 0 keeps none */
#define SLOW_LOG_ENTRIES_MAX 1000000u
#define SLOW_LOG_ARGUMENTS_MAX 32u
#define SLOW_LOG_ARGUMENT_BYTES 128u
#define SLOW_LOG_BYTES_MAX (16u << 20)

typedef struct slow_entry slow_entry;

typedef struct slow_log {
    pthread_mutex_t lock; /* guards all below */
    slow_entry *newest, *oldest;
    size_t count, bytes;
    size_t entries_max;
    uint64_t next_id; /* RESET does not turn it back */
} slow_log;

/* Borrowed by slow_log_add. */
typedef struct slow_command {
    int64_t at_s; /* wall clock */
    uint64_t microseconds;
    const hc_span *args;
    size_t argc;
    size_t secret_from, secret_to; /* arguments [from, to) are not told */
    size_t others;                 /* further commands of the pipeline that share the time */
    const char *address, *name;    /* the client's */
    const char *correlation;       /* NULL: none */
} slow_command;

void slow_log_init(slow_log *of);
void slow_log_fini(slow_log *of);
/* Without memory for it the entry is left out. */
void slow_log_add(slow_log *to, const slow_command *one);
/* Forgets the oldest beyond it. */
void slow_log_limit(slow_log *of, size_t entries_max);
void slow_log_reset(slow_log *of);
size_t slow_log_count(slow_log *of);
/* An array of at most `entries_max` entries in the form of SLOWLOG GET, the latest first; with
 * `correlated` each has its correlation id as a seventh part, which clients of Redis do not
 * expect. */
void slow_log_reply(slow_log *of, reply *to, size_t entries_max, bool correlated);

#endif
