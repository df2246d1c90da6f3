/*
 * host_internal.h - the host as the rest of the library sees it: complete, checked, by value.
 *
 *     hc_status status = hci_host_resolve(host, &store->host);
 *     ...
 *     item = hci_allocate(&store->host, bytes);
 *
 * Ownership: the tables are copied; their `ctx` pointers stay the embedding program's.
 * Threads:   an hci_host does not change after hci_host_resolve, so all may use it at once.
 */
#ifndef HYPERCACHE_HOST_INTERNAL_H
#define HYPERCACHE_HOST_INTERNAL_H

#include <hypercache/host.h>

typedef struct hci_host {
    hc_log log;
    hc_clock clock;
    hc_random random;
    hc_memory memory;
    hc_io io;
} hci_host;

/* Copies the host's tables and puts defaults where there are none; `host` may be NULL.  On error
 * *out holds only defaults, which can be called.
 *   HC_ERR_INVALID      a size is 0, or an entry of a table is NULL
 *   HC_ERR_UNSUPPORTED  a table comes from a newer header and sets an entry unknown here */
hc_status hci_host_resolve(const hc_host *host, hci_host *out);

/* `bytes` > 0; NULL when refused. */
static inline void *hci_allocate(const hci_host *host, size_t bytes)
{
    return host->memory.allocate(host->memory.ctx, bytes);
}

/* NULL when refused; `block` is unchanged then. */
static inline void *hci_resize(const hci_host *host, void *block, size_t old_bytes,
                               size_t new_bytes)
{
    return host->memory.resize(host->memory.ctx, block, old_bytes, new_bytes);
}

/* `block` may be NULL. */
static inline void hci_release(const hci_host *host, void *block, size_t bytes)
{
    host->memory.release(host->memory.ctx, block, bytes);
}

/* Address space, page-aligned, zero; NULL when refused. */
static inline void *hci_reserve(const hci_host *host, size_t bytes)
{
    return host->memory.reserve(host->memory.ctx, bytes);
}

/* `space` may be NULL. */
static inline void hci_unreserve(const hci_host *host, void *space, size_t bytes)
{
    if (space != NULL) host->memory.unreserve(host->memory.ctx, space, bytes);
}

/* A page-aligned part of a reserved space; false when refused, its content is unchanged then. */
static inline bool hci_discard(const hci_host *host, void *space, size_t bytes)
{
    return host->memory.discard(host->memory.ctx, space, bytes);
}

static inline int64_t hci_wall_ms(const hci_host *host)
{
    return host->clock.wall_ms(host->clock.ctx);
}

static inline uint64_t hci_monotonic_ns(const hci_host *host)
{
    return host->clock.monotonic_ns(host->clock.ctx);
}

static inline void hci_random_fill(const hci_host *host, void *buffer, size_t bytes)
{
    host->random.fill(host->random.ctx, buffer, bytes);
}

static inline uint64_t hci_random_uint64(const hci_host *host)
{
    uint64_t value = 0;
    hci_random_fill(host, &value, sizeof value);
    return value;
}

/* Ask before building a record. */
static inline bool hci_log_wants(const hci_host *host, hc_log_level level, hc_topic topic)
{
    return host->log.wants(host->log.ctx, level, topic);
}

static inline void hci_log_write(const hci_host *host, const hc_log_record *record)
{
    host->log.write(host->log.ctx, record);
}

#endif
