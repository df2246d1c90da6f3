/*
 * crc16.h - the checksum that places a key in one of Redis Cluster's 16384 slots.
 *
 * CRC-16/XMODEM: polynomial 0x1021, start 0, nothing reflected; "123456789" gives 0x31C3.
 */
#ifndef HYPERCACHE_BASE_CRC16_H
#define HYPERCACHE_BASE_CRC16_H

#include <hypercache/types.h>

#define HCI_SLOTS 16384u

uint16_t hci_crc16(hc_span bytes);

/* The slot of `key`, 0..HCI_SLOTS-1.  When the key has a '{' with a '}' somewhere after it and at
 * least one byte between the first such pair, only those bytes count, so that users can keep keys
 * together: "{user1}:name" and "{user1}:mail" share a slot. */
uint16_t hci_slot(hc_span key);

#endif
