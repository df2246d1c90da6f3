/*
 * trace_ring.c - a ring of finished spans: as events.c, but a span is copied as it is, so one lock
 * held for a copy is all there is to it.
 */
#include <hypercache/trace.h>

#include <string.h>

#include "host/host_internal.h"
#include "host/lock.h"

#define CAPACITY_DEFAULT 2048u

struct hc_traces {
    hci_host host;
    uint32_t capacity;
    hci_lock lock;       /* guards what follows */
    uint64_t last;       /* number; 0: none yet */
    hc_trace_span *ring; /* number n is at (n - 1) % capacity */
};

hc_status hc_traces_create(const hc_host *host, uint32_t capacity, hc_traces **traces_out)
{
    hci_host resolved;
    *traces_out = NULL;
    hc_status status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    if (capacity > HC_TRACES_CAPACITY_MAX) return HC_ERR_INVALID;
    if (capacity == 0) capacity = CAPACITY_DEFAULT;
    hc_traces *made = hci_allocate(&resolved, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    memset(made, 0, sizeof *made);
    made->host = resolved;
    made->capacity = capacity;
    made->ring = hci_allocate(&resolved, capacity * sizeof *made->ring);
    if (made->ring == NULL) {
        hci_release(&resolved, made, sizeof *made);
        return HC_ERR_NO_MEMORY;
    }
    hci_lock_init(&made->lock);
    *traces_out = made;
    return HC_OK;
}

void hc_traces_destroy(hc_traces *traces)
{
    if (traces == NULL) return;
    const hci_host host = traces->host;
    hci_lock_fini(&traces->lock);
    hci_release(&host, traces->ring, traces->capacity * sizeof *traces->ring);
    hci_release(&host, traces, sizeof *traces);
}

void hc_traces_add(hc_traces *traces, const hc_trace_span *span)
{
    if (traces == NULL) return;
    hci_lock_acquire(&traces->lock);
    hc_trace_span *to = &traces->ring[traces->last % traces->capacity];
    *to = *span;
    to->number = ++traces->last;
    hci_lock_release(&traces->lock);
}

size_t hc_traces_read(hc_traces *traces, uint64_t after, hc_trace_span *spans, size_t spans_max,
                      uint64_t *lost_out)
{
    size_t count = 0;
    uint64_t lost = 0;
    if (traces != NULL) {
        hci_lock_acquire(&traces->lock);
        uint64_t gone = traces->last < traces->capacity ? 0 : traces->last - traces->capacity;
        if (after < gone) {
            lost = gone - after;
            after = gone;
        }
        for (; after < traces->last && count < spans_max; after++)
            spans[count++] = traces->ring[after % traces->capacity];
        hci_lock_release(&traces->lock);
    }
    if (lost_out != NULL) *lost_out = lost;
    return count;
}

uint64_t hc_traces_last(hc_traces *traces)
{
    if (traces == NULL) return 0;
    hci_lock_acquire(&traces->lock);
    uint64_t last = traces->last;
    hci_lock_release(&traces->lock);
    return last;
}
