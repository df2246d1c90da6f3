/*
 * log_ring.c - see log_ring.h for the idea.
 */
#include "persistence/log_ring.h"

#include <assert.h>

#include "host/relax.h"

#define LINE_BYTES 64u

hc_status hci_ring_init(log_ring *ring, const hci_host *host, uint64_t bytes, uint64_t lsn)
{
    assert((bytes & (bytes - 1)) == 0 && bytes > RECORD_BYTES_MAX);
    *ring = (log_ring){.mask = bytes - 1};
    ring->bytes = hci_reserve(host, bytes);
    if (ring->bytes == NULL) return HC_ERR_NO_MEMORY;
    hci_ring_start(ring, lsn);
    return HC_OK;
}

void hci_ring_fini(log_ring *ring, const hci_host *host)
{
    if (ring->bytes != NULL) hci_unreserve(host, ring->bytes, ring->mask + 1);
    ring->bytes = NULL;
}

void hci_ring_start(log_ring *ring, uint64_t lsn)
{
    assert(lsn % RECORD_ALIGN == 0);
    atomic_store_explicit(&ring->head, lsn, memory_order_relaxed);
    atomic_store_explicit(&ring->released, lsn, memory_order_release);
}

static void copy_in(log_ring *ring, uint64_t lsn, const uint8_t *from, uint64_t size)
{
    if (size == 0) return;
    uint64_t at = lsn & ring->mask;
    uint64_t first = ring->mask + 1 - at;
    if (first > size) first = size;
    memcpy(ring->bytes + at, from, first);
    if (size > first) memcpy(ring->bytes, from + first, size - first);
}

static _Atomic uint64_t *head_word(const log_ring *ring, uint64_t lsn)
{
    return (_Atomic uint64_t *)(void *)(ring->bytes + (lsn & ring->mask));
}

/* False: fewer than `bytes` are free. */
static bool reserve(log_ring *ring, uint64_t bytes, uint64_t *lsn_out)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    do {
        uint64_t released = atomic_load_explicit(&ring->released, memory_order_acquire);
        if (head + bytes - released > ring->mask + 1) return false;
    } while (!atomic_compare_exchange_weak_explicit(&ring->head, &head, head + bytes,
                                                    memory_order_acq_rel, memory_order_relaxed));
    *lsn_out = head;
    return true;
}

/* All but the first word, which publishes the record. */
static void record_put(log_ring *ring, uint64_t lsn, const record *r, const uint8_t *fields,
                       size_t fields_bytes)
{
    uint64_t at = lsn & ring->mask;
    if (at + fields_bytes + r->key.size + r->value.size > ring->mask + 1) { /* it wraps */
        copy_in(ring, lsn + RECORD_HEADER_BYTES, fields + RECORD_HEADER_BYTES,
                fields_bytes - RECORD_HEADER_BYTES);
        copy_in(ring, lsn + fields_bytes, r->key.data, r->key.size);
        copy_in(ring, lsn + fields_bytes + r->key.size, r->value.data, r->value.size);
        return;
    }
    uint8_t *to = ring->bytes + at;
    for (size_t i = RECORD_HEADER_BYTES; i < fields_bytes; i++)
        to[i] = fields[i];
    to += fields_bytes;
    if (r->key.size > 0) memcpy(to, r->key.data, r->key.size);
    if (r->value.size > 0) memcpy(to + r->key.size, r->value.data, r->value.size);
}

/* The next record goes there: the other thread had these lines last, and gives them back while
 * this one does something else. */
static void fetch_ahead(const log_ring *ring, uint64_t lsn)
{
    hci_prefetch_write(ring->bytes + ((lsn + LINE_BYTES) & ring->mask));
    hci_prefetch_write(ring->bytes + ((lsn + 2 * LINE_BYTES) & ring->mask));
}

bool hci_ring_put(log_ring *ring, const record *r, uint64_t *lsn_out)
{
    uint8_t fields[RECORD_FIELDS_BYTES_MAX];
    uint64_t word, lsn;
    size_t fields_bytes = record_fields_put(r, fields, &word);
    uint64_t stride = record_stride((uint32_t)(fields_bytes + r->key.size + r->value.size));
    if (!reserve(ring, stride, &lsn)) return false;
    record_put(ring, lsn, r, fields, fields_bytes);
    atomic_store_explicit(head_word(ring, lsn), word, memory_order_release);
    *lsn_out = lsn + stride;
    fetch_ahead(ring, *lsn_out);
    return true;
}

uint64_t hci_ring_published(const log_ring *ring, uint64_t lsn, uint64_t bytes_max,
                            uint32_t *records_out)
{
    uint64_t end = lsn;
    uint64_t head = ring_head(ring);
    *records_out = 0;
    while (end < head) {
        uint64_t word = atomic_load_explicit(head_word(ring, end), memory_order_acquire);
        if (word == 0) break;
        uint8_t bytes[8];
        memcpy(bytes, &word, sizeof bytes);
        uint64_t stride = record_stride(wire_u32(bytes));
        if (end + stride - lsn > bytes_max && end > lsn) break;
        end += stride;
        ++*records_out;
    }
    return end;
}

size_t hci_ring_spans(const log_ring *ring, uint64_t from, uint64_t to, hc_span spans[2])
{
    if (from == to) return 0;
    uint64_t at = from & ring->mask;
    uint64_t first = ring->mask + 1 - at;
    if (first >= to - from) {
        spans[0] = hc_span_make(ring->bytes + at, to - from);
        return 1;
    }
    spans[0] = hc_span_make(ring->bytes + at, first);
    spans[1] = hc_span_make(ring->bytes, to - from - first);
    return 2;
}

void hci_ring_release(log_ring *ring, uint64_t lsn)
{
    hc_span spans[2];
    uint64_t from = atomic_load_explicit(&ring->released, memory_order_relaxed);
    size_t count = hci_ring_spans(ring, from, lsn, spans);
    for (size_t i = 0; i < count; i++) {
        memset((uint8_t *)(uintptr_t)spans[i].data, 0, spans[i].size);
    }
    atomic_store_explicit(&ring->released, lsn, memory_order_release);
}
