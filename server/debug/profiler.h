/*
 * profiler.h - where the time and the memory go, in the formats that pprof reads, by gperftools.
 *
 *     CPU    libprofiler.so.0, loaded when the first profile is asked for; samples all threads
 *     heap   tcmalloc's, in a process that was started with it (LD_PRELOAD=libtcmalloc.so.4)
 *
 * Nothing of either is linked: docs/decisions/0020-profiles.md.
 *
 * Cost:    off, none.  On, about 100 signals a second and processor.
 * Threads: any.
 */
#ifndef HYPERCACHE_SERVER_DEBUG_PROFILER_H
#define HYPERCACHE_SERVER_DEBUG_PROFILER_H

#include <pthread.h>
#include <stdatomic.h>

#include <hypercache/types.h>

#define PROFILER_SECONDS 10u /* default */
#define PROFILER_SECONDS_MAX 300u
#define PROFILER_BYTES_MAX (64u << 20) /* of a profile */

typedef struct profiler {
    _Atomic uint64_t until_ns; /* of the CPU profile that runs; 0: none does */
    pthread_mutex_t lock;      /* guards what follows */
    int file;                  /* where it is written; -1: there was none yet */
    bool is_done;              /* `file` holds a whole profile */
    bool (*start)(const char *path);
    void (*stop)(void);
} profiler;

void profiler_init(profiler *of);
void profiler_fini(profiler *of); /* stops what runs */

/* Begins a CPU profile; profiler_tick ends it.  The one before is gone.
 *   HC_ERR_UNSUPPORTED  there is no libprofiler
 *   HC_ERR_BUSY         one runs already
 *   HC_ERR_IO           it could not be started */
hc_status profiler_cpu_start(profiler *of, uint64_t now_ns, unsigned seconds);
/* To be called some times a second: ends a profile whose time is over. */
void profiler_tick(profiler *of, uint64_t now_ns);
void profiler_cpu_stop(profiler *of); /* before its time; also when none runs */
/* The latest whole profile, to be freed.
 *   HC_ERR_BUSY       it is still being made
 *   HC_ERR_NOT_FOUND  there is none
 *   HC_ERR_NO_MEMORY, HC_ERR_IO */
hc_status profiler_cpu_get(profiler *of, char **bytes_out, size_t *size_out);

/* Notes from now on who allocates.
 *   HC_ERR_UNSUPPORTED  the process does not run on tcmalloc
 *   HC_ERR_BUSY         it does so already */
hc_status profiler_heap_start(void);
/* What is allocated now, by who did it; to be freed.
 *   HC_ERR_UNSUPPORTED, HC_ERR_NOT_FOUND (not started), HC_ERR_NO_MEMORY */
hc_status profiler_heap_get(char **text_out, size_t *size_out);
void profiler_heap_stop(void); /* also when none runs */

#endif
