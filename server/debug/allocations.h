/*
 * allocations.h - memory by subsystem: each asks for it by a table of its own, which counts.
 *
 *     stores, persistence, cluster, observability --- hc_memory ---> count ---> the default table
 *
 * Whether they do is settled when the node starts (debug.performance_profiling): a block must go
 * back the way it came.  Address space is counted as reserved; how much of it is memory the stores
 * know.
 *
 * Cost:    not chosen, none: subsystems then have the default table itself.
 * Threads: any.
 */
#ifndef HYPERCACHE_SERVER_DEBUG_ALLOCATIONS_H
#define HYPERCACHE_SERVER_DEBUG_ALLOCATIONS_H

#include <stdatomic.h>

#include <hypercache/host.h>

#define ALLOCATION_OWNERS(X)                                                                       \
    X(STORES, "stores")                                                                            \
    X(PERSISTENCE, "persistence")                                                                  \
    X(CLUSTER, "cluster")                                                                          \
    X(OBSERVABILITY, "observability")

typedef enum allocation_owner {
#define X(id, name) ALLOCATION_##id,
    ALLOCATION_OWNERS(X)
#undef X
        ALLOCATION_OWNER_COUNT
} allocation_owner;

typedef struct allocation_figures {
    uint64_t live_bytes, live_blocks; /* at present */
    uint64_t peak_bytes;              /* the most that were */
    uint64_t allocations;             /* since the start, resizes included */
    uint64_t refused;
    uint64_t reserved_bytes; /* address space, at present */
} allocation_figures;

typedef struct allocation_counter {
    _Alignas(64) _Atomic uint64_t live_bytes;
    _Atomic uint64_t live_blocks, peak_bytes, allocations, refused, reserved_bytes;
    hc_memory table;
    hc_host host; /* as the others', but for its memory */
} allocation_counter;

typedef struct allocations {
    allocation_counter owners[ALLOCATION_OWNER_COUNT];
} allocations;

/* `base` is copied; its memory must be the default one. */
void allocations_init(allocations *of, const hc_host *base);
/* The host for handles of that subsystem; lives as long as `of`. */
const hc_host *allocations_host(const allocations *of, allocation_owner owner);
/* Static. */
const char *allocation_owner_name(allocation_owner owner);
allocation_figures allocations_get(const allocations *of, allocation_owner owner);

#endif
