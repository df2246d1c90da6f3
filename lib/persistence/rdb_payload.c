/*
 * rdb_payload.c - DUMP and RESTORE: one value with its version and checksum.
 */
#include "persistence/rdb_private.h"

#include "base/crc64.h"
#include "base/number.h"

#include <assert.h>
#include <string.h>

enum { MODULE_END = 0, MODULE_STRING = 5 };

static uint8_t *put_little_endian(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static uint8_t *put_string(uint8_t *to, hc_span value)
{
    bool bytes_follow;
    to = hci_rdb_put_string_head(to, value, &bytes_follow);
    if (!bytes_follow || value.size == 0) return to;
    memcpy(to, value.data, value.size);
    return to + value.size;
}

static uint64_t filter_module(void)
{
    return hci_rdb_module_id(RDB_FILTER_LETTERS, RDB_FILTER_VERSION);
}

size_t hc_rdb_dump(hc_type type, hc_span value, uint8_t *to)
{
    uint8_t *at = to;
    if (type == HC_TYPE_STRING) {
        *at++ = RDB_TYPE_STRING;
        at = put_string(at, value);
    } else {
        *at++ = RDB_TYPE_MODULE_2;
        at = hci_rdb_put_length(at, filter_module());
        at = hci_rdb_put_length(at, MODULE_STRING);
        at = put_string(at, value);
        at = hci_rdb_put_length(at, MODULE_END);
    }
    at = put_little_endian(at, HC_RDB_VERSION_WRITTEN, 2);
    at = put_little_endian(at, hci_crc64(0, hc_span_make(to, (size_t)(at - to))),
                           RDB_CHECKSUM_BYTES);
    assert((size_t)(at - to) <= value.size + HC_RDB_DUMP_BYTES_MORE);
    return (size_t)(at - to);
}

/* ---- reading ---- */

typedef struct payload_reader {
    rdb_reader base;
    const uint8_t *at, *end;
} payload_reader;

static const uint8_t *payload_next(rdb_reader *base, size_t bytes)
{
    payload_reader *from = (payload_reader *)base;
    if ((size_t)(from->end - from->at) < bytes) {
        base->fault = "the value ends early";
        return NULL;
    }
    from->at += bytes;
    return from->at - bytes;
}

static bool payload_skip(rdb_reader *base, uint64_t bytes)
{
    payload_reader *from = (payload_reader *)base;
    if ((uint64_t)(from->end - from->at) < bytes) {
        base->fault = "the value ends early";
        return false;
    }
    from->at += bytes;
    return true;
}

static bool footer_holds(hc_span payload)
{
    if (payload.size < RDB_FOOTER_BYTES) return false;
    const uint8_t *footer = payload.data + payload.size - RDB_FOOTER_BYTES;
    unsigned version = (unsigned)footer[0] | (unsigned)footer[1] << 8;
    uint64_t checksum = 0;
    for (unsigned i = 0; i < RDB_CHECKSUM_BYTES; i++)
        checksum |= (uint64_t)footer[2 + i] << 8 * i;
    if (version > HC_RDB_VERSION_READ_MAX) return false;
    if (checksum == 0) return true; /* written with checksums off */
    hc_span covered = hc_span_make(payload.data, payload.size - RDB_CHECKSUM_BYTES);
    return hci_crc64(0, covered) == checksum;
}

static bool string_open(payload_reader *from, hc_rdb_payload *out)
{
    rdb_string string;
    if (!hci_rdb_string(&from->base, &string)) return false;
    out->value_bytes = string.raw_bytes;
    out->is_packed = string.form == RDB_PACKED;
    out->is_number = string.form == RDB_NUMBER;
    out->number = string.number;
    out->stored = hc_span_make(from->at, string.stored_bytes);
    return from->base.skip(&from->base, string.stored_bytes);
}

/* Of our own filter; another module's is HC_ERR_UNSUPPORTED. */
static hc_status module_open(payload_reader *from, hc_rdb_payload *out)
{
    uint64_t id, opcode;
    out->type = HC_TYPE_FILTER;
    if (!hci_rdb_length(&from->base, &id, NULL)) return HC_ERR_INVALID;
    if (id != filter_module()) return HC_ERR_UNSUPPORTED;
    if (!hci_rdb_length(&from->base, &opcode, NULL) || opcode != MODULE_STRING ||
        !string_open(from, out)) {
        return HC_ERR_INVALID;
    }
    bool ends = hci_rdb_length(&from->base, &opcode, NULL) && opcode == MODULE_END;
    return ends ? HC_OK : HC_ERR_INVALID;
}

hc_status hc_rdb_payload_open(hc_span payload, hc_rdb_payload *out)
{
    *out = (hc_rdb_payload){.type = HC_TYPE_STRING};
    if (!footer_holds(payload)) return HC_ERR_CORRUPT;
    payload_reader from = {.base = {.next = payload_next, .skip = payload_skip},
                           .at = payload.data,
                           .end = payload.data + payload.size - RDB_FOOTER_BYTES};
    uint8_t type;
    if (!hci_rdb_take(&from.base, &type, 1)) return HC_ERR_INVALID;
    hc_status status = HC_OK;
    if (type == RDB_TYPE_STRING) {
        if (!string_open(&from, out)) return HC_ERR_INVALID;
    } else if (type == RDB_TYPE_MODULE_2) {
        status = module_open(&from, out);
    } else {
        return hci_rdb_type_name(type) != NULL ? HC_ERR_UNSUPPORTED : HC_ERR_INVALID;
    }
    if (status == HC_OK && from.at != from.end) return HC_ERR_INVALID;
    return status;
}

hc_status hc_rdb_payload_value(const hc_rdb_payload *of, uint8_t *to)
{
    if (of->is_packed) {
        return hci_lzf_unpack(of->stored, to, of->value_bytes) ? HC_OK : HC_ERR_INVALID;
    }
    if (of->is_number) {
        char text[HCI_INT64_TEXT_MAX];
        memcpy(to, text, hci_format_int64(of->number, text));
    } else if (of->value_bytes > 0) {
        memcpy(to, of->stored.data, of->value_bytes);
    }
    return HC_OK;
}
