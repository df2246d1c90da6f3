/*
 * fuzz_filter.c - any bytes as a saved filter: refused, or a filter that keeps its promises.
 *
 * With the first byte odd, the rest gets its size and checksum put right before it is loaded, so
 * that what lies behind the checksum is reached as well.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hypercache/filter.h>

#include "base/hash.h"

#define SIZE_AT 16u
#define CHECKSUM_BYTES 8u
#define SAVED_BYTES_MIN 88u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void number_write(uint8_t *to, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

/* What is added is found and can be deleted again; a save of a loaded filter loads. */
static void use(hc_filter *filter)
{
    for (uint64_t hash = 1; hash != 0; hash <<= 4) {
        if (hc_filter_add_hash(filter, hash * UINT64_C(0x9e3779b97f4a7c15)) != HC_OK) continue;
        require(hc_filter_contains_hash(filter, hash * UINT64_C(0x9e3779b97f4a7c15)));
        require(hc_filter_count_hash(filter, hash * UINT64_C(0x9e3779b97f4a7c15)) > 0);
    }
    hc_filter_stats stats = {.size = sizeof stats};
    hc_filter_stats_get(filter, &stats);
    require(stats.items <= stats.capacity && stats.capacity <= stats.slots);
    size_t size = hc_filter_serialized_size(filter);
    uint8_t *bytes = malloc(size);
    require(bytes != NULL && hc_filter_serialize(filter, bytes, size, NULL) == HC_OK);
    hc_filter *again;
    require(hc_filter_load(NULL, hc_span_make(bytes, size), &again) == HC_OK);
    hc_filter_destroy(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    bool sign = data[0] % 2 == 1;
    size_t saved_size = size - 1;
    uint8_t *saved = malloc(saved_size == 0 ? 1 : saved_size);
    require(saved != NULL);
    memcpy(saved, data + 1, saved_size);
    if (sign && saved_size >= SAVED_BYTES_MIN) {
        number_write(saved + SIZE_AT, saved_size);
        hc_span signed_part = hc_span_make(saved, saved_size - CHECKSUM_BYTES);
        number_write(saved + saved_size - CHECKSUM_BYTES, hci_hash(signed_part, 0));
    }
    hc_filter *filter;
    if (hc_filter_load(NULL, hc_span_make(saved, saved_size), &filter) == HC_OK) {
        use(filter);
        hc_filter_destroy(filter);
    } else {
        require(filter == NULL);
    }
    free(saved);
    return 0;
}
