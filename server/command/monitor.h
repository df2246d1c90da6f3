/*
 * monitor.h - MONITOR: every command as it is run, told to those who watch.
 *
 *     1339518083.107412 [0 127.0.0.1:60866] "SET" "k" "v"
 *
 * A command is told after it ran, with the database it left its client in; administrative ones are
 * not, nor what was refused.  Passwords read (redacted), as in the slow log, and an argument longer
 * than MONITOR_ARGUMENT_BYTES is cut.  All monitors get the lines in one order, which between
 * commands of different workers need not be that of their effects.
 *
 * Cost:    one relaxed load a command while nobody watches.
 * Threads: monitor_start and _stop belong to the session's thread, the rest to any.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_MONITOR_H
#define HYPERCACHE_SERVER_COMMAND_MONITOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "command/request.h"

#define MONITORS_MAX 64u
#define MONITOR_ARGUMENT_BYTES (64u << 10)
#define MONITOR_LINE_BYTES (1u << 20) /* the rest of a longer line is left out */

typedef struct push_inbox push_inbox;

typedef struct monitors {
    _Atomic uint32_t count;
    pthread_mutex_t lock; /* guards the inboxes; held while one line is posted to all */
    push_inbox *inboxes[MONITORS_MAX];
} monitors;

void monitors_init(monitors *of);
void monitors_fini(monitors *of); /* nobody watches any more */

/*   HC_ERR_EXISTS     it watches already
 *   HC_ERR_LIMIT      MONITORS_MAX do
 *   HC_ERR_NO_MEMORY */
hc_status monitor_start(session *who);
/* Accepts one that does not watch. */
void monitor_stop(session *who);

/* Tells all monitors that it ran.  Without memory the line is left out. */
void monitor_tell(const request *of);

static inline bool monitors_watch(const monitors *of)
{
    return __builtin_expect(atomic_load_explicit(&of->count, memory_order_relaxed) != 0, 0);
}

#endif
