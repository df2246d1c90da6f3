/* hypercache.h - all of libhypercache. */
#ifndef HYPERCACHE_HYPERCACHE_H
#define HYPERCACHE_HYPERCACHE_H

#include <hypercache/catalogue.h>
#include <hypercache/event.h>
#include <hypercache/filter.h>
#include <hypercache/glob.h>
#include <hypercache/host.h>
#include <hypercache/inspect.h>
#include <hypercache/io.h>
#include <hypercache/log.h>
#include <hypercache/membership.h>
#include <hypercache/metrics.h>
#include <hypercache/persistence.h>
#include <hypercache/rdb.h>
#include <hypercache/replication.h>
#include <hypercache/ring.h>
#include <hypercache/store.h>
#include <hypercache/stores.h>
#include <hypercache/trace.h>
#include <hypercache/types.h>

#endif
