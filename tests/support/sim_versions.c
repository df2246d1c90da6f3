/* sim_versions.c - the layouts are those of replica_wire.c and member_wire.c, written down again:
 * what was released once must be read for ever. */
#include "support/sim_versions.h"

#include "base/siphash.h"

#include <string.h>

#define REPLICA_HEAD_BYTES 88u
#define REPLICA_LENGTH_AT 4u
#define MEMBERS_HEAD_BYTES 52u
#define MEMBERS_LENGTH_AT 16u
#define MEMBERS_FLAGS_AT 4u
#define ID_BYTES 20u
#define ADDRESS_BYTES 18u
#define MORE_BYTES 5u /* of each record of a member */
#define UNKNOWN_BYTES_MAX 64u
enum { PING = 1, ACK = 2, PING_REQ = 3 };

static uint8_t *put32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static uint8_t *put_noise(uint8_t *to, size_t bytes, test_random *random)
{
    while (bytes-- > 0)
        *to++ = (uint8_t)test_random_below(random, 256);
    return to;
}

static uint8_t *put_bytes(uint8_t *to, const uint8_t *from, size_t bytes)
{
    if (bytes > 0) memcpy(to, from, bytes);
    return to + bytes;
}

static size_t seal(uint8_t *message, size_t bytes, size_t length_at, const uint8_t secret[16])
{
    (void)put32(message + length_at, (uint32_t)(bytes + HCI_SIPHASH_BYTES));
    hci_siphash(secret, hc_span_make(message, bytes), message + bytes);
    return bytes + HCI_SIPHASH_BYTES;
}

/* A record of a kind to come, or of one that is known with a field to come. */
static uint8_t *put_unknown(uint8_t *to, test_random *random)
{
    bool new_kind = test_random_below(random, 2) == 0;
    uint32_t bytes = 5 + (uint32_t)test_random_below(random, UNKNOWN_BYTES_MAX);
    to = put32(to, bytes);
    uint8_t *head = to;
    to = put_noise(to, bytes, random);
    head[0] = new_kind ? (uint8_t)(200 + test_random_below(random, 50)) : 1;
    head[4] |= 0x80; /* the last of the fields: nobody has it yet */
    return to;
}

size_t sim_later_replica(hc_span message, const uint8_t secret[16], test_random *random,
                         uint8_t *out)
{
    uint8_t *to = put_bytes(out, message.data, REPLICA_HEAD_BYTES);
    to = put_unknown(to, random);
    to = put_bytes(to, message.data + REPLICA_HEAD_BYTES,
                   message.size - REPLICA_HEAD_BYTES - HCI_SIPHASH_BYTES);
    to = put_unknown(to, random);
    return seal(out, (size_t)(to - out), REPLICA_LENGTH_AT, secret);
}

static size_t records_at(hc_span message)
{
    unsigned kind = message.data[3];
    size_t at = MEMBERS_HEAD_BYTES;
    if (kind == PING || kind == PING_REQ) at += ID_BYTES;
    if (kind == PING_REQ) at += ADDRESS_BYTES;
    if (kind == PING || kind == ACK) at += 1u + message.data[at];
    return at;
}

size_t sim_later_members(hc_span message, const uint8_t secret[16], test_random *random,
                         size_t datagram_bytes_max, uint8_t *out)
{
    size_t at = records_at(message), end = message.size - HCI_SIPHASH_BYTES, grown = 0;
    uint8_t *to = put_bytes(out, message.data, at);
    (void)put_noise(out + MEMBERS_FLAGS_AT, 4, random);
    while (at < end) {
        size_t bytes = message.data[at];
        bool room = bytes + MORE_BYTES <= UINT8_MAX && grown + MORE_BYTES <= SIM_LATER_BYTES_MAX;
        if (datagram_bytes_max != 0)
            room = room && message.size + grown + MORE_BYTES <= datagram_bytes_max;
        size_t more = room ? MORE_BYTES : 0;
        *to++ = (uint8_t)(bytes + more);
        to = put_bytes(to, message.data + at + 1, bytes);
        to = put_noise(to, more, random);
        grown += more;
        at += 1 + bytes;
    }
    return seal(out, (size_t)(to - out), MEMBERS_LENGTH_AT, secret);
}
