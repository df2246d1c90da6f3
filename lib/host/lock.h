/*
 * lock.h - a mutual exclusion lock, cheap when nobody else wants it.
 *
 * The type and its operations are the system's; see posix/lock.h for the contract.
 */
#ifndef HYPERCACHE_HOST_LOCK_H
#define HYPERCACHE_HOST_LOCK_H

#include "host/posix/lock.h"

#endif
