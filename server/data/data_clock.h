/*
 * data_clock.h - the time of a node that commands out of a file run on.
 *
 * What a file says happened while its keys were alive: SET k v PXAT t1, then PEXPIREAT k t2 before
 * t1.  Read after t1, the key would be gone before its life is made longer.  So time stands at 0,
 * when nothing has expired yet, until the file has been read; then it is now, and what is over by
 * then goes.  Redis writes times as points in time; for a command that says "in ten seconds" the
 * clock shows now.
 */
#ifndef HYPERCACHE_SERVER_DATA_DATA_CLOCK_H
#define HYPERCACHE_SERVER_DATA_DATA_CLOCK_H

#include <hypercache/host.h>

typedef struct data_clock {
    hc_clock table; /* its ctx is this clock: not to be moved */
    bool stands;
} data_clock;

void data_clock_init(data_clock *of);

#endif
