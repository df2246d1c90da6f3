/*
 * log_sketch.c - about how many different keys the log sets, so that the index need not grow while
 * it is replayed; see key_sketch.
 */
#include "persistence/log_read.h"

#include "base/hash.h"

#include <math.h>

#define SKETCH_BYTES (SKETCH_BITS / 8)
#define SKETCH_WORDS (SKETCH_BITS / 64)

static uint64_t *bits_of(log_scan *scan, uint32_t store)
{
    for (uint32_t i = 0; i < scan->sketch_count; i++) {
        if (scan->sketches[i].store == store) return scan->sketches[i].bits;
    }
    if (scan->sketch_count == SKETCHES_MAX) return NULL;
    uint64_t *bits = hci_allocate(scan->host, SKETCH_BYTES);
    if (bits == NULL) return NULL;
    memset(bits, 0, SKETCH_BYTES);
    scan->sketches[scan->sketch_count++] = (key_sketch){store, bits};
    return bits;
}

void hci_sketch_note(log_scan *scan, const record *r)
{
    if (r->kind != RECORD_SET) return;
    uint64_t *bits = bits_of(scan, r->store);
    if (bits == NULL) return;
    uint32_t bit = (uint32_t)hci_hash(r->key, 0) % SKETCH_BITS;
    bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

uint64_t hci_log_keys(const log_scan *scan, uint32_t store)
{
    uint64_t ones = 0;
    for (uint32_t i = 0; i < scan->sketch_count; i++) {
        if (scan->sketches[i].store != store) continue;
        for (uint32_t word = 0; word < SKETCH_WORDS; word++)
            ones += (uint64_t)__builtin_popcountll(scan->sketches[i].bits[word]);
        double zeros = ones < SKETCH_BITS ? (double)(SKETCH_BITS - ones) : 1;
        return (uint64_t)(SKETCH_BITS * log(SKETCH_BITS / zeros));
    }
    return 0;
}

void hci_sketches_fini(log_scan *scan)
{
    for (uint32_t i = 0; i < scan->sketch_count; i++)
        hci_release(scan->host, scan->sketches[i].bits, SKETCH_BYTES);
    scan->sketch_count = 0;
}
