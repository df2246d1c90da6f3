/*
 * rdb_write.c - an RDB file, entry by entry; the checksum runs along.
 */
#include "persistence/rdb_private.h"

#include "base/crc64.h"
#include "base/options.h"

#include <stdio.h>
#include <string.h>

enum { OPCODE_AUX = 0xFA, OPCODE_EXPIRY_MS = 0xFC, OPCODE_DATABASE = 0xFE, OPCODE_END = 0xFF };

#define HEAD_BYTES_MAX 64u

static hc_status put(hc_rdb_writer *writer, const void *bytes, size_t size)
{
    if (writer->failed) return HC_ERR_IO;
    if (size == 0) return HC_OK;
    hc_span span = hc_span_make(bytes, size);
    writer->checksum = hci_crc64(writer->checksum, span);
    writer->failed = !writer->sink.write(writer->sink.ctx, span);
    return writer->failed ? HC_ERR_IO : HC_OK;
}

static hc_status put_string(hc_rdb_writer *writer, hc_span value)
{
    uint8_t head[RDB_STRING_HEAD_BYTES_MAX];
    bool bytes_follow;
    size_t bytes = (size_t)(hci_rdb_put_string_head(head, value, &bytes_follow) - head);
    hc_status status = put(writer, head, bytes);
    if (status == HC_OK && bytes_follow) status = put(writer, value.data, value.size);
    return status;
}

hc_status hc_rdb_write_begin(hc_rdb_writer *writer, const hc_rdb_sink *sink)
{
    static const uint8_t aux = OPCODE_AUX;
    char magic[16];
    *writer = (hc_rdb_writer){.checksum = 0};
    hc_status status = hci_options_copy(&writer->sink, sizeof writer->sink, sink, sink->size);
    if (status != HC_OK) return status;
    int chars = snprintf(magic, sizeof magic, "REDIS%04u", HC_RDB_VERSION_WRITTEN);
    status = put(writer, magic, (size_t)chars);
    if (status == HC_OK) status = put(writer, &aux, 1);
    if (status == HC_OK) status = put_string(writer, HC_SPAN("hypercache-ver"));
    if (status == HC_OK) status = put_string(writer, HC_SPAN(HC_VERSION));
    return status;
}

hc_status hc_rdb_write_entry(hc_rdb_writer *writer, const hc_rdb_entry *entry)
{
    uint8_t head[HEAD_BYTES_MAX], *at = head;
    if (!writer->has_database || writer->database != entry->database) {
        *at++ = OPCODE_DATABASE;
        at = hci_rdb_put_length(at, entry->database);
        writer->has_database = true;
        writer->database = entry->database;
    }
    if (entry->expires_at_ms != HC_EXPIRY_NONE) {
        *at++ = OPCODE_EXPIRY_MS;
        for (unsigned i = 0; i < 8; i++)
            *at++ = (uint8_t)((uint64_t)entry->expires_at_ms >> 8 * i);
    }
    *at++ = RDB_TYPE_STRING;
    hc_status status = put(writer, head, (size_t)(at - head));
    if (status == HC_OK) status = put_string(writer, entry->key);
    if (status == HC_OK) status = put_string(writer, entry->value);
    return status;
}

hc_status hc_rdb_write_end(hc_rdb_writer *writer)
{
    static const uint8_t end = OPCODE_END;
    uint8_t checksum[RDB_CHECKSUM_BYTES];
    hc_status status = put(writer, &end, 1);
    for (unsigned i = 0; i < RDB_CHECKSUM_BYTES; i++)
        checksum[i] = (uint8_t)(writer->checksum >> 8 * i);
    return status == HC_OK ? put(writer, checksum, sizeof checksum) : status;
}
