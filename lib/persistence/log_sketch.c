/*
 * log_sketch.c - about how many different keys the log sets, so that the index need not grow while
 * it is replayed; see key_sketch.
 */
#include "persistence/log_read.h"

#include "base/hash.h"

#include <math.h>

#define SKETCH_BYTES (SKETCH_BITS / 8)

/* NULL: there are too many stores. */
static key_sketch *sketch_of(log_scan *scan, uint32_t store)
{
    for (uint32_t i = 0; i < scan->sketch_count; i++) {
        if (scan->sketches[i].store == store) return &scan->sketches[i];
    }
    if (scan->sketch_count == SKETCHES_MAX) return NULL;
    key_sketch *made = &scan->sketches[scan->sketch_count++];
    *made = (key_sketch){.store = store};
    return made;
}

void hci_sketch_note(log_scan *scan, const record *r)
{
    if (r->kind != RECORD_SET) return;
    key_sketch *s = sketch_of(scan, r->store);
    if (s == NULL) return;
    if (++s->records == SKETCH_RECORDS_MIN) {
        s->bits = hci_allocate(scan->host, SKETCH_BYTES);
        if (s->bits != NULL) memset(s->bits, 0, SKETCH_BYTES);
    }
    if (s->bits == NULL) return;
    uint32_t bit = (uint32_t)hci_hash(r->key, 0) % SKETCH_BITS;
    uint64_t mask = UINT64_C(1) << bit % 64;
    s->ones += (s->bits[bit / 64] & mask) == 0;
    s->bits[bit / 64] |= mask;
}

uint64_t hci_log_keys(const log_scan *scan, uint32_t store)
{
    for (uint32_t i = 0; i < scan->sketch_count; i++) {
        const key_sketch *s = &scan->sketches[i];
        if (s->store != store) continue;
        if (s->bits == NULL) return s->records < SKETCH_RECORDS_MIN ? s->records : 0;
        double zeros = s->ones < SKETCH_BITS ? (double)(SKETCH_BITS - s->ones) : 1;
        return (uint64_t)(SKETCH_BITS * log(SKETCH_BITS / zeros));
    }
    return 0;
}

void hci_sketches_fini(log_scan *scan)
{
    for (uint32_t i = 0; i < scan->sketch_count; i++) {
        if (scan->sketches[i].bits == NULL) continue;
        hci_release(scan->host, scan->sketches[i].bits, SKETCH_BYTES);
    }
    scan->sketch_count = 0;
}
