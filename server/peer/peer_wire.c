/* peer_wire.c - see peer_wire.h, which draws it. */
#include "peer/peer_wire.h"

#include <string.h>

static const uint8_t magic[4] = {'H', 'C', 'P', 'L'};

enum {
    AT_VERSION_MIN = 4,
    AT_VERSION_MAX = 6,
    AT_VERDICT = 8,
    AT_PORT = 10,
    AT_CLUSTER = 12,
    AT_NODE = 20,
    AT_BOOT = 44,
    AT_IP = 52
};

static void put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

void peer_greeting_write(uint8_t to[PEER_GREETING_BYTES], const peer_greeting *from)
{
    memset(to, 0, PEER_GREETING_BYTES);
    memcpy(to, magic, sizeof magic);
    put(to + AT_VERSION_MIN, from->version_min, 2);
    put(to + AT_VERSION_MAX, from->version_max, 2);
    put(to + AT_VERDICT, from->verdict, 2);
    put(to + AT_PORT, from->address.port, 2);
    put(to + AT_CLUSTER, from->cluster_id, 8);
    memcpy(to + AT_NODE, from->node.bytes, sizeof from->node.bytes);
    put(to + AT_BOOT, from->boot_id, 8);
    memcpy(to + AT_IP, from->address.ip, sizeof from->address.ip);
}

bool peer_greeting_read(const uint8_t from[PEER_GREETING_BYTES], peer_greeting *out)
{
    if (memcmp(from, magic, sizeof magic) != 0) return false;
    out->version_min = (uint16_t)get(from + AT_VERSION_MIN, 2);
    out->version_max = (uint16_t)get(from + AT_VERSION_MAX, 2);
    out->verdict = (uint16_t)get(from + AT_VERDICT, 2);
    out->address.port = (uint16_t)get(from + AT_PORT, 2);
    out->cluster_id = get(from + AT_CLUSTER, 8);
    memcpy(out->node.bytes, from + AT_NODE, sizeof out->node.bytes);
    out->boot_id = get(from + AT_BOOT, 8);
    memcpy(out->address.ip, from + AT_IP, sizeof out->address.ip);
    return out->version_min <= out->version_max && out->address.port != 0;
}

peer_verdict peer_greeting_judge(const peer_greeting *from, const peer_greeting *own)
{
    if (from->cluster_id != own->cluster_id) return PEER_OTHER_CLUSTER;
    if (from->version_min > own->version_max || from->version_max < own->version_min)
        return PEER_OTHER_VERSION;
    bool same = memcmp(from->node.bytes, own->node.bytes, sizeof own->node.bytes) == 0;
    return same && from->boot_id == own->boot_id ? PEER_MYSELF : PEER_WELCOME;
}

void peer_frame_write(uint8_t to[PEER_FRAME_HEAD_BYTES], peer_frame_kind kind, size_t bytes)
{
    memset(to, 0, PEER_FRAME_HEAD_BYTES);
    put(to, bytes, 4);
    to[4] = (uint8_t)kind;
}

bool peer_frame_read(const uint8_t from[PEER_FRAME_HEAD_BYTES], unsigned *kind_out,
                     size_t *bytes_out)
{
    *bytes_out = (size_t)get(from, 4);
    *kind_out = from[4];
    bool rest_is_zero = from[5] == 0 && from[6] == 0 && from[7] == 0;
    return rest_is_zero && *bytes_out > 0 && *bytes_out <= PEER_FRAME_BYTES_MAX;
}
