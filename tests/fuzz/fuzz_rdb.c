/*
 * fuzz_rdb.c - any bytes as an RDB file or a DUMP payload: refused, or read within their bounds.
 *
 * The first byte says which, and whether the checksum is put right first, so that what lies behind
 * it is reached as well.  What a payload gives is dumped and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hypercache/rdb.h>

#include "base/crc64.h"

#define CHECKSUM_BYTES 8u
#define VALUE_BYTES_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void sign(uint8_t *bytes, size_t size)
{
    if (size < CHECKSUM_BYTES) return;
    uint64_t crc = hci_crc64(0, hc_span_make(bytes, size - CHECKSUM_BYTES));
    for (unsigned i = 0; i < CHECKSUM_BYTES; i++)
        bytes[size - CHECKSUM_BYTES + i] = (uint8_t)(crc >> 8 * i);
}

static bool bytes_read(void *ctx, uint64_t offset, void *to, size_t bytes)
{
    memcpy(to, (const uint8_t *)ctx + offset, bytes);
    return true;
}

static hc_status touch(void *ctx, const hc_rdb_entry *entry)
{
    uint64_t *sum = ctx;
    *sum = hci_crc64(hci_crc64(*sum, entry->key), entry->value);
    return HC_OK;
}

static void file_try(uint8_t *bytes, size_t size)
{
    uint64_t sum = 0;
    hc_rdb_source source = {.size = sizeof source, .ctx = bytes, .bytes = size, .read = bytes_read};
    hc_rdb_report report = {.size = sizeof report};
    hc_status status = hc_rdb_read(NULL, &source, true, touch, &sum, &report);
    require(status == HC_OK || sum == 0);
}

static void payload_try(const uint8_t *bytes, size_t size)
{
    hc_rdb_payload payload, again;
    if (hc_rdb_payload_open(hc_span_make(bytes, size), &payload) != HC_OK) return;
    if (payload.value_bytes > VALUE_BYTES_MAX) return;
    uint8_t *value = malloc(payload.value_bytes + 1);
    uint8_t *dump = malloc(payload.value_bytes + HC_RDB_DUMP_BYTES_MORE);
    require(value != NULL && dump != NULL);
    if (hc_rdb_payload_value(&payload, value) == HC_OK) {
        hc_span span = hc_span_make(value, payload.value_bytes);
        size_t dumped = hc_rdb_dump(payload.type, span, dump);
        require(hc_rdb_payload_open(hc_span_make(dump, dumped), &again) == HC_OK);
        require(again.value_bytes == payload.value_bytes && again.type == payload.type);
    }
    free(value);
    free(dump);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    uint8_t *bytes = malloc(size);
    require(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1) sign(bytes, size - 1);
    if (data[0] & 2)
        payload_try(bytes, size - 1);
    else
        file_try(bytes, size - 1);
    free(bytes);
    return 0;
}
