/*
 * log_ring.h - records on their way to the log, in the order they will have there.
 *
 *     released         written             published     head
 *        |  durable next  |  the next frame    |   being   |
 *        |   time         |                    |  copied   |
 *     ---+----------------+--------------------+-----------+---> LSN;  LSN & mask is the place
 *
 * A writer takes room by moving `head`, copies its record there, and publishes it by storing the
 * record's first 8 bytes, which were zero, last.  The one reader takes whole records in order up to
 * the first that is not published.  What was released is zero again.  Records keep their 8-byte
 * alignment, so these first bytes never wrap.
 *
 * The ring holds everything that is not durable: after a failed sync it is written again from here.
 *
 * Threads: any number of writers, one reader.
 */
#ifndef HYPERCACHE_PERSISTENCE_LOG_RING_H
#define HYPERCACHE_PERSISTENCE_LOG_RING_H

#include <stdatomic.h>

#include "host/host_internal.h"
#include "persistence/record.h"

typedef struct log_ring {
    uint8_t *bytes;
    uint64_t mask;         /* its size - 1 */
    uint8_t apart[48];     /* writers and the reader each have a cache line, wherever this lies */
    _Atomic uint64_t head; /* LSN of the next record */
    uint8_t apart_too[56];
    _Atomic uint64_t released;
    uint8_t apart_again[56];
} log_ring;

/* `bytes` is a power of two.  HC_ERR_NO_MEMORY */
hc_status hci_ring_init(log_ring *ring, const hci_host *host, uint64_t bytes, uint64_t lsn);
void hci_ring_fini(log_ring *ring, const hci_host *host);
/* Starts at another LSN; the ring is empty and nobody else uses it. */
void hci_ring_start(log_ring *ring, uint64_t lsn);

/* Puts a record; false: there is no room.  *lsn_out is where it ends. */
bool hci_ring_put(log_ring *ring, const record *r, uint64_t *lsn_out);

/* The reader's: the end of the published records from `lsn` on that together have at most
 * `bytes_max` bytes, one at least. */
uint64_t hci_ring_published(const log_ring *ring, uint64_t lsn, uint64_t bytes_max,
                            uint32_t *records_out);
/* Where [from, to) lies; returns 0..2 spans. */
size_t hci_ring_spans(const log_ring *ring, uint64_t from, uint64_t to, hc_span spans[2]);
/* Everything before `lsn` may be overwritten. */
void hci_ring_release(log_ring *ring, uint64_t lsn);

static inline uint64_t ring_head(const log_ring *ring)
{
    return atomic_load_explicit(&((log_ring *)(uintptr_t)ring)->head, memory_order_acquire);
}

static inline uint64_t ring_used(const log_ring *ring)
{
    log_ring *r = (log_ring *)(uintptr_t)ring;
    uint64_t released = atomic_load_explicit(&r->released, memory_order_relaxed);
    return atomic_load_explicit(&r->head, memory_order_relaxed) - released;
}

#endif
