/*
 * capture_print.c - frames as lines for people, and as packets for Wireshark.
 *
 *     pcap   header | [time, sizes | IP | TCP | bytes] [...]       link type 101: IP without a link
 *
 * Sequence numbers are the bytes noted of the connection, from 1 on, so the dissector puts requests
 * that came in pieces together.  Of a frame that was cut its packet says how long it was.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "debug/capture.h"

enum {
    PCAP_LINK_RAW_IP = 101,
    PCAP_PACKET_MAX = 65535,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    TCP_BYTES = 20,
    TCP_FLAGS_PSH_ACK = 0x18
};

void capture_place_text(const capture_place *of, char text[CAPTURE_ADDRESS_CHARS])
{
    char host[INET6_ADDRSTRLEN] = "?";
    (void)inet_ntop(of->is_v6 ? AF_INET6 : AF_INET, of->address, host, sizeof host);
    (void)snprintf(text, CAPTURE_ADDRESS_CHARS, of->is_v6 ? "[%s]:%u" : "%s:%u", host, of->port);
}

/* ---- text ---- */

static void byte_text(uint8_t byte, char text[8])
{
    static const char named[] = "\r\n\t\"\\", letters[] = "rnt\"\\";
    const char *at = byte != 0 ? strchr(named, byte) : NULL;
    if (at != NULL)
        (void)snprintf(text, 8, "\\%c", letters[at - named]);
    else if (byte < ' ' || byte > '~')
        (void)snprintf(text, 8, "\\x%02x", byte);
    else
        (void)snprintf(text, 8, "%c", byte);
}

void capture_data_text(const capture_frame *frame, const uint8_t *data, const capture_output *to)
{
    char text[8];
    for (uint32_t i = 0; i < frame->kept; i++) {
        byte_text(data[i], text);
        to->add(to->ctx, text, strlen(text));
    }
}

static void line_add(void *ctx, const capture_frame *frame, const uint8_t *data)
{
    const capture_output *to = ctx;
    char line[256], from[CAPTURE_ADDRESS_CHARS], target[CAPTURE_ADDRESS_CHARS];
    time_t seconds = (time_t)(frame->time_us / 1000000);
    struct tm t = {0};
    (void)gmtime_r(&seconds, &t);
    capture_place_text(&frame->from, from);
    capture_place_text(&frame->to, target);
    int chars =
        snprintf(line, sizeof line,
                 "%02d:%02d:%02d.%06d #%" PRIu64 " client %" PRIu64 " %s > %s %" PRIu32 " bytes \"",
                 t.tm_hour, t.tm_min, t.tm_sec, (int)(frame->time_us % 1000000), frame->number,
                 frame->client, from, target, frame->size);
    to->add(to->ctx, line, (size_t)chars);
    capture_data_text(frame, data, to);
    to->add(to->ctx, frame->kept < frame->size ? "\"...\n" : "\"\n",
            frame->kept < frame->size ? 5 : 2);
}

void capture_text(capture *of, size_t count, const capture_output *to)
{
    capture_output copy = *to;
    capture_each(of, count, line_add, &copy);
}

/* ---- pcap ---- */

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value & 0xffff);
}

static size_t ipv4_head(uint8_t *to, const capture_frame *frame)
{
    uint32_t sum = 0;
    to[0] = 0x45;
    put16(to + 2, IPV4_BYTES + TCP_BYTES + frame->size);
    put16(to + 4, (uint32_t)frame->number & 0xffff);
    to[8] = 64; /* hops */
    to[9] = 6;  /* TCP */
    memcpy(to + 12, frame->from.address, 4);
    memcpy(to + 16, frame->to.address, 4);
    for (size_t i = 0; i < IPV4_BYTES; i += 2)
        sum += (uint32_t)to[i] << 8 | to[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    put16(to + 10, ~sum & 0xffff);
    return IPV4_BYTES;
}

static size_t ipv6_head(uint8_t *to, const capture_frame *frame)
{
    to[0] = 0x60;
    put16(to + 4, TCP_BYTES + frame->size);
    to[6] = 6;
    to[7] = 64;
    memcpy(to + 8, frame->from.address, 16);
    memcpy(to + 24, frame->to.address, 16);
    return IPV6_BYTES;
}

static void packet_add(void *ctx, const capture_frame *frame, const uint8_t *data)
{
    const capture_output *to = ctx;
    uint8_t head[IPV6_BYTES + TCP_BYTES] = {0};
    size_t bytes = frame->from.is_v6 ? ipv6_head(head, frame) : ipv4_head(head, frame);
    uint8_t *tcp = head + bytes;
    put16(tcp, frame->from.port);
    put16(tcp + 2, frame->to.port);
    put32(tcp + 4, frame->sequence + 1);
    put32(tcp + 8, frame->acknowledged + 1);
    tcp[12] = TCP_BYTES / 4 << 4;
    tcp[13] = TCP_FLAGS_PSH_ACK;
    put16(tcp + 14, 0xffff); /* window; no checksum: none was sent */
    bytes += TCP_BYTES;
    uint32_t record[4] = {(uint32_t)(frame->time_us / 1000000),
                          (uint32_t)(frame->time_us % 1000000), (uint32_t)bytes + frame->kept,
                          (uint32_t)bytes + frame->size};
    to->add(to->ctx, record, sizeof record);
    to->add(to->ctx, head, bytes);
    to->add(to->ctx, data, frame->kept);
}

void capture_pcap(capture *of, const capture_output *to)
{
    /* Numbers are in the order of this machine: the first tells readers which. */
    static const struct {
        uint32_t magic;
        uint16_t major, minor;
        int32_t zone;
        uint32_t accuracy, packet_max, link;
    } head = {0xa1b2c3d4, 2, 4, 0, 0, PCAP_PACKET_MAX, PCAP_LINK_RAW_IP};
    capture_output copy = *to;
    to->add(to->ctx, &head, sizeof head);
    capture_each(of, SIZE_MAX, packet_add, &copy);
}
