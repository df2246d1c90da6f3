/*
 * pause.h - CLIENT PAUSE: commands that wait until it is over, and connections that wait with them.
 *
 *     batch       A  B | C  D          C is held back: the batch ends before it, the session is
 *                      ^                parked, and the transport neither reads nor runs it
 *     ... time, or CLIENT UNPAUSE ...  the transport parses C anew and goes on
 *
 * PAUSE runs alone (gate.h): when it has answered, no command that it holds back is running.
 * A second PAUSE can make it longer and stricter, not shorter; UNPAUSE ends it.  A command that is
 * refused before it would run is answered at once.
 *
 * Threads: any.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_PAUSE_H
#define HYPERCACHE_SERVER_COMMAND_PAUSE_H

#include "command/command_args.h"

typedef enum pause_mode {
    PAUSE_NONE = 0,
    PAUSE_WRITES = 1, /* what may write, or is published; EXEC of such */
    PAUSE_ALL = 2
} pause_mode;

/* Is there a pause, perhaps over?  One load. */
static inline bool pause_may_hold(const node *of)
{
    return __builtin_expect(
        atomic_load_explicit(&of->pause_mode, memory_order_relaxed) != PAUSE_NONE, 0);
}
/* Must this command, which is fit to run, wait? */
bool pause_holds(const request *of);
/* How long it still lasts; 0: it is over. */
uint64_t pause_left_ns(node *of);

#endif
