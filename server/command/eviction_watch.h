/*
 * eviction_watch.h - tells when eviction turns from housekeeping into a storm.
 *
 * A store at its limit always evicts; that is no news.  A storm is when in one second more than
 * EVICTION_STORM_PERCENT of all keys went, and EVICTION_STORM_KEYS at least: the cache is emptied
 * faster than it can be of use.  It is over when EVICTION_CALM_SECONDS in a row were none.
 *
 * Threads: node_maintain's.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_EVICTION_WATCH_H
#define HYPERCACHE_SERVER_COMMAND_EVICTION_WATCH_H

#include <hypercache/hypercache.h>

#define EVICTION_STORM_PERCENT 10u
#define EVICTION_STORM_KEYS 1000u
#define EVICTION_CALM_SECONDS 5u

typedef struct eviction_watch {
    uint64_t evicted; /* when last looked */
    uint64_t looked_ns;
    uint32_t calm_seconds;
    bool storm;
} eviction_watch;

/* All stores hold `keys`, and `evicted` went since the start.  Looks once a second. */
void eviction_watch_look(eviction_watch *of, hc_events *events, uint64_t now_ns, uint64_t keys,
                         uint64_t evicted);
/* Is it time to look? */
static inline bool eviction_watch_due(const eviction_watch *of, uint64_t now_ns)
{
    return now_ns - of->looked_ns >= UINT64_C(1000000000);
}

#endif
