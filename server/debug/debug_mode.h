/*
 * debug_mode.h - what debug mode has in a node; all of it sleeps until debug.enabled.
 *
 * Threads: any.
 */
#ifndef HYPERCACHE_SERVER_DEBUG_DEBUG_MODE_H
#define HYPERCACHE_SERVER_DEBUG_DEBUG_MODE_H

#include "debug/allocations.h"
#include "debug/capture.h"
#include "debug/profiler.h"

typedef struct debug_mode {
    _Atomic bool enabled;
    _Atomic int keys; /* an hc_log_keys: how keys appear in captures, as in the log */
    capture capture;
    profiler profiler;
} debug_mode;

static inline void debug_mode_init(debug_mode *of)
{
    atomic_store(&of->enabled, false);
    atomic_store(&of->keys, HC_LOG_KEYS_PLAIN);
    capture_init(&of->capture);
    profiler_init(&of->profiler);
}

static inline void debug_mode_fini(debug_mode *of)
{
    profiler_fini(&of->profiler);
    capture_fini(&of->capture);
}

/* Off, nothing of it is left running. */
static inline void debug_mode_set(debug_mode *of, bool enabled)
{
    atomic_store(&of->enabled, enabled);
    if (enabled) return;
    capture_clear(&of->capture);
    profiler_cpu_stop(&of->profiler);
    profiler_heap_stop();
}

static inline bool debug_mode_on(const debug_mode *of)
{
    return atomic_load_explicit(&of->enabled, memory_order_relaxed);
}

#endif
