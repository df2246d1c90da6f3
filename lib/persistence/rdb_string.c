/*
 * rdb_string.c - lengths and strings, there and back.
 */
#include "persistence/rdb_private.h"

#include "base/number.h"

#include <string.h>

bool hci_rdb_take(rdb_reader *from, void *to, size_t bytes)
{
    const uint8_t *at = from->next(from, bytes);
    if (at == NULL) return false;
    memcpy(to, at, bytes);
    return true;
}

static uint64_t big_endian(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

bool hci_rdb_length(rdb_reader *from, uint64_t *length_out, bool *special)
{
    uint8_t bytes[8];
    if (special != NULL) *special = false;
    if (!hci_rdb_take(from, bytes, 1)) return false;
    unsigned low = bytes[0] & 0x3F;
    switch (bytes[0] >> 6) {
    case 0:
        *length_out = low;
        return true;
    case 1:
        if (!hci_rdb_take(from, bytes, 1)) return false;
        *length_out = (uint64_t)low << 8 | bytes[0];
        return true;
    case 2:
        if (low > 1) break;
        if (!hci_rdb_take(from, bytes, low == 0 ? 4 : 8)) return false;
        *length_out = big_endian(bytes, low == 0 ? 4 : 8);
        return true;
    default:
        if (special == NULL) break;
        *special = true;
        *length_out = low;
        return true;
    }
    from->fault = "a length of no known form";
    return false;
}

/* Of 1, 2 or 4 bytes, little-endian, with its sign. */
static bool number_take(rdb_reader *from, unsigned bytes, int64_t *number_out)
{
    uint8_t raw[4];
    uint32_t value = 0;
    if (!hci_rdb_take(from, raw, bytes)) return false;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)raw[i] << 8 * i;
    uint32_t sign = UINT32_C(1) << (8 * bytes - 1);
    *number_out = (int64_t)(value ^ sign) - (int64_t)sign;
    return true;
}

static bool packed_take(rdb_reader *from, rdb_string *out)
{
    uint64_t packed, raw;
    if (!hci_rdb_length(from, &packed, NULL) || !hci_rdb_length(from, &raw, NULL)) return false;
    /* three bytes unpack to 264 at most: a length beyond that is a lie, told before any memory is
     * taken for it */
    if (raw == 0 || packed > SIZE_MAX / 512 || raw > packed * 264) {
        from->fault = "a packed string whose lengths cannot be true";
        return false;
    }
    *out = (rdb_string){.form = RDB_PACKED, .raw_bytes = raw, .stored_bytes = packed};
    return true;
}

bool hci_rdb_string(rdb_reader *from, rdb_string *out)
{
    uint64_t length;
    bool special;
    char text[HCI_INT64_TEXT_MAX];
    if (!hci_rdb_length(from, &length, &special)) return false;
    if (!special) {
        *out = (rdb_string){.form = RDB_PLAIN, .raw_bytes = length, .stored_bytes = length};
        return true;
    }
    if (length == 3) return packed_take(from, out);
    if (length > 3) {
        from->fault = "a string of no known form";
        return false;
    }
    *out = (rdb_string){.form = RDB_NUMBER};
    if (!number_take(from, 1u << length, &out->number)) return false;
    out->raw_bytes = hci_format_int64(out->number, text);
    return true;
}

/* ---- writing ---- */

uint8_t *hci_rdb_put_length(uint8_t *to, uint64_t length)
{
    if (length < 64) {
        *to++ = (uint8_t)length;
    } else if (length < 16384) {
        *to++ = (uint8_t)(0x40 | length >> 8);
        *to++ = (uint8_t)length;
    } else {
        bool is_wide = length > UINT32_MAX;
        *to++ = is_wide ? 0x81 : 0x80;
        for (unsigned shift = is_wide ? 64 : 32; shift > 0; shift -= 8)
            *to++ = (uint8_t)(length >> (shift - 8));
    }
    return to;
}

uint8_t *hci_rdb_put_string_head(uint8_t *to, hc_span value, bool *bytes_follow)
{
    int64_t number;
    char text[HCI_INT64_TEXT_MAX];
    *bytes_follow = true;
    bool is_number = value.size <= 11 && hci_parse_int64(value, &number) && number >= INT32_MIN &&
                     number <= INT32_MAX && hci_format_int64(number, text) == value.size &&
                     memcmp(text, value.data, value.size) == 0;
    if (!is_number) return hci_rdb_put_length(to, value.size);
    unsigned form = number >= INT8_MIN && number <= INT8_MAX     ? 0
                    : number >= INT16_MIN && number <= INT16_MAX ? 1
                                                                 : 2;
    *to++ = (uint8_t)(0xC0 | form);
    for (unsigned i = 0; i < 1u << form; i++)
        *to++ = (uint8_t)((uint64_t)number >> 8 * i);
    *bytes_follow = false;
    return to;
}

uint64_t hci_rdb_module_id(const char letters[9], uint32_t version)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t id = 0;
    for (unsigned i = 0; i < 9; i++)
        id = id << 6 | (uint64_t)(strchr(alphabet, letters[i]) - alphabet);
    return id << 10 | version;
}
