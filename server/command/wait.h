/*
 * wait.h - WAIT on a node alone: a client that waits for replicas, of which there are none, until
 * its time is over.  In a cluster there are some: cluster_wait.c.
 *
 *     batch       A  WAIT 1 100 | C     WAIT is held back as by a pause (pause.h), so is what
 * follows
 *     ... 100 ms, or CLIENT UNBLOCK ... the transport parses WAIT anew; it answers 0
 *
 * The session says meanwhile that it is blocked and until when; no thread waits.
 *
 * Threads: wait_holds belongs to the session's own, wait_end to any.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_WAIT_H
#define HYPERCACHE_SERVER_COMMAND_WAIT_H

#include "command/node.h"

/* Must this WAIT, which may run, wait (still)? */
bool wait_holds(request *of);
/* Lets the session with this id go on, as if its time were over or, with `fails`, with an error.
 * False: it does not wait. */
bool wait_end(node *of, int64_t session_id, bool fails);

typedef struct wait_wish {
    int64_t replicas, timeout_ms;
} wait_wish;

/* NULL: both numbers are good; else what is answered. */
const char *wait_wish_read(const request *of, wait_wish *wish);

#endif
