/*
 * host.h - what the embedding program may plug in: log, clock, random numbers, memory, files.
 *
 * Every table starts with its own size as the caller compiled it, so that tables can grow at the
 * tail.  A NULL table, or a NULL host, takes the default named beside it.
 *
 * Ownership: a host and all it points at is borrowed and outlives every handle made with it.
 * Threads:   each call below may come from any thread that uses the library, several at once.
 */
#ifndef HYPERCACHE_HOST_H
#define HYPERCACHE_HOST_H

#include <hypercache/io.h>
#include <hypercache/log.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_log {
    size_t size; /* sizeof(hc_log) */
    void *ctx;   /* first argument of every call below */
    /* Asked before any record is built, so it must be cheap.  Must not block. */
    bool (*wants)(void *ctx, hc_log_level level, hc_topic topic);
    /* May block its caller; must not call back into libhypercache.  Returns nothing: a sink that
     * fails must not fail a request.  `record` is borrowed until the call returns. */
    void (*write)(void *ctx, const hc_log_record *record);
} hc_log;

typedef struct hc_clock {
    size_t size; /* sizeof(hc_clock) */
    void *ctx;
    int64_t (*wall_ms)(void *ctx);       /* Unix milliseconds; may jump */
    uint64_t (*monotonic_ns)(void *ctx); /* never goes back; any origin */
} hc_clock;

typedef struct hc_random {
    size_t size; /* sizeof(hc_random) */
    void *ctx;
    /* Fills `bytes` bytes that an outsider cannot predict.  Cannot fail. */
    void (*fill)(void *ctx, void *buffer, size_t bytes);
} hc_random;

/* Memory comes in two kinds.  Small blocks, as from malloc: allocate, resize, release.  And address
 * space for the packed store: reserved once and large (4 GiB a shard), touched page by page, given
 * back page by page, so physical memory follows use.  All sizes are in bytes. */
typedef struct hc_memory {
    size_t size; /* sizeof(hc_memory) */
    void *ctx;
    /* `bytes` > 0; aligned for any type; NULL when refused. */
    void *(*allocate)(void *ctx, size_t bytes);
    /* As realloc: NULL when refused, and then `block` is unchanged. */
    void *(*resize)(void *ctx, void *block, size_t old_bytes, size_t new_bytes);
    /* `block` NULL is allowed. */
    void (*release)(void *ctx, void *block, size_t bytes);
    /* Page-aligned, reads as zero, costs no physical memory until touched; NULL when refused. */
    void *(*reserve)(void *ctx, size_t bytes);
    void (*unreserve)(void *ctx, void *space, size_t bytes);
    /* Page-aligned part of a reserved space: its physical memory goes back to the system; it
     * reads as zero afterwards.  False when refused: then its content is unchanged. */
    bool (*discard)(void *ctx, void *space, size_t bytes);
} hc_memory;

typedef struct hc_host {
    size_t size;             /* sizeof(hc_host) */
    const hc_log *log;       /* NULL: silent */
    const hc_clock *clock;   /* NULL: clock_gettime(2) */
    const hc_random *random; /* NULL: getrandom(2) */
    const hc_memory *memory; /* NULL: malloc, realloc, free; mmap, munmap, madvise */
    const hc_io *io;         /* NULL: files of the operating system (io.h) */
} hc_host;

/* The table that a host without one has, for a table that counts and passes on.  Static. */
HC_API
const hc_memory *hc_memory_default(void);

#ifdef __cplusplus
}
#endif
#endif
