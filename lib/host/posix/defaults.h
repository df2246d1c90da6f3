/*
 * defaults.h - the tables a host gets when it plugs in nothing.
 *
 * Static and complete; `ctx` is unused.  Safe from any thread.
 */
#ifndef HYPERCACHE_HOST_POSIX_DEFAULTS_H
#define HYPERCACHE_HOST_POSIX_DEFAULTS_H

#include <hypercache/host.h>

extern const hc_clock hci_posix_clock;
extern const hc_random hci_posix_random;
extern const hc_memory hci_posix_memory;
extern const hc_io hci_posix_io;

#endif
