/*
 * catalogue_wire.c - messages and images to bytes and back.  All numbers are little-endian.
 *
 *      0  magic u16 | version u8 | kind u8 | length u32, of everything
 *      8  cluster id u64 | sender 20, zero 4 | number u64
 *     48  definitions, each:
 *           bytes u16, of what follows | generation u32 | dropped u8 | made at u64
 *           name: size u8, bytes | settings: size u16, bytes | what newer nodes add
 *    end  checksum 16: SipHash of all before, keyed by the cluster's secret
 *
 * Kinds not known here are passed over, and so is the end of a definition.  An image is an ALL to
 * oneself.
 */
#include "replication/catalogue_private.h"

#include "base/siphash.h"

#include <assert.h>
#include <string.h>

#define MAGIC 0x4348u /* "HC" */
#define VERSION 1u
#define HEAD_BYTES 48u
#define TAIL_BYTES HCI_SIPHASH_BYTES
#define DEFINITION_BYTES_MAX                                                                       \
    (2u + 13u + 1u + HC_STORE_NAME_BYTES_MAX + 2u + HC_CATALOGUE_SETTINGS_BYTES_MAX)

static_assert(HEAD_BYTES + TAIL_BYTES +
                      (HC_STORES_MAX + HC_CATALOGUE_ENDS_MAX) * DEFINITION_BYTES_MAX <=
                  HC_CATALOGUE_MESSAGE_BYTES_MAX,
              "all that is known fits in one message");

static uint8_t *put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

static uint8_t *definition_put(uint8_t *start, const definition *d)
{
    uint8_t *to = put(start + 2, d->generation, 4);
    to = put(to, d->dropped, 1);
    to = put(to, (uint64_t)d->made_at_ms, 8);
    to = put(to, d->name_bytes, 1);
    memcpy(to, d->name, d->name_bytes);
    to = put(to + d->name_bytes, d->settings_bytes, 2);
    memcpy(to, d->settings, d->settings_bytes);
    to += d->settings_bytes;
    (void)put(start, (uint64_t)(to - start) - 2, 2);
    return to;
}

static bool room_make(hc_catalogue *c, size_t bytes)
{
    if (bytes <= c->message_capacity) return true;
    uint8_t *made = hci_resize(&c->host, c->message, c->message_capacity, bytes);
    if (made == NULL) return false;
    c->message = made;
    c->message_capacity = bytes;
    return true;
}

hc_span hci_catalogue_make(hc_catalogue *c, catalogue_kind kind, uint64_t number, uint32_t only)
{
    uint32_t first = only, count = only == NOWHERE ? 0 : 1;
    if (kind == CATALOGUE_ALL) first = 0, count = c->count;
    if (!room_make(c, HEAD_BYTES + TAIL_BYTES + (size_t)count * DEFINITION_BYTES_MAX))
        return hc_span_make(NULL, 0);
    uint8_t *to = c->message;
    memset(to, 0, HEAD_BYTES);
    (void)put(to, MAGIC, 2);
    to[2] = VERSION;
    to[3] = (uint8_t)kind;
    (void)put(to + 8, c->options.cluster_id, 8);
    memcpy(to + 16, c->options.self.bytes, HC_NODE_ID_BYTES);
    (void)put(to + 40, number, 8);
    to += HEAD_BYTES;
    for (uint32_t i = first; i < first + count; i++)
        to = definition_put(to, &c->definitions[i]);
    size_t bytes = (size_t)(to - c->message);
    (void)put(c->message + 4, bytes + TAIL_BYTES, 4);
    hci_siphash(c->options.secret, hc_span_make(c->message, bytes), to);
    return hc_span_make(c->message, bytes + TAIL_BYTES);
}

bool hc_catalogue_is_message(hc_span message)
{
    return message.size >= HEAD_BYTES + TAIL_BYTES && get(message.data, 2) == MAGIC;
}

hc_status hci_catalogue_open(const hc_catalogue *c, hc_span bytes, catalogue_message *out)
{
    uint8_t sum[TAIL_BYTES];
    const uint8_t *at = bytes.data;
    if (!hc_catalogue_is_message(bytes) || bytes.size > HC_CATALOGUE_MESSAGE_BYTES_MAX)
        return HC_ERR_CORRUPT;
    if (get(at + 4, 4) != bytes.size || get(at + 8, 8) != c->options.cluster_id)
        return HC_ERR_CORRUPT;
    size_t size = bytes.size - TAIL_BYTES;
    hci_siphash(c->options.secret, hc_span_make(at, size), sum);
    if (memcmp(sum, at + size, sizeof sum) != 0) return HC_ERR_CORRUPT;
    if (at[2] != VERSION) return HC_ERR_UNSUPPORTED;
    out->kind = (catalogue_kind)at[3];
    memcpy(out->from.bytes, at + 16, HC_NODE_ID_BYTES);
    out->number = get(at + 40, 8);
    out->rest = hc_span_make(at + HEAD_BYTES, size - HEAD_BYTES);
    return HC_OK;
}

bool hci_catalogue_take(hc_span *rest, definition *out)
{
    if (rest->size < 2) return false;
    size_t bytes = get(rest->data, 2);
    const uint8_t *at = rest->data + 2;
    if (bytes > rest->size - 2 || bytes < 16) return false;
    *rest = hc_span_make(at + bytes, rest->size - 2 - bytes);
    memset(out, 0, sizeof *out);
    out->generation = (uint32_t)get(at, 4);
    out->dropped = at[4] != 0;
    out->made_at_ms = (int64_t)get(at + 5, 8);
    out->name_bytes = at[13];
    if (out->name_bytes > HC_STORE_NAME_BYTES_MAX || 16u + out->name_bytes > bytes) return false;
    memcpy(out->name, at + 14, out->name_bytes);
    size_t settings = get(at + 14 + out->name_bytes, 2);
    if (settings > HC_CATALOGUE_SETTINGS_BYTES_MAX || 16u + out->name_bytes + settings > bytes)
        return false;
    out->settings_bytes = (uint16_t)settings;
    memcpy(out->settings, at + 16 + out->name_bytes, settings);
    hc_span name = hc_span_make(out->name, out->name_bytes);
    out->store_id = hci_catalogue_store_id(name, out->generation);
    return out->generation != 0 && out->made_at_ms >= 0 && hc_store_name_fits(name);
}
