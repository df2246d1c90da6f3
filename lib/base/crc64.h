/*
 * crc64.h - the checksum at the end of Redis's files and DUMP payloads.
 *
 * CRC-64/Redis: polynomial 0xAD93D23594C935A9 (Jones), start 0, reflected both ways, no final
 * change; "123456789" gives 0xE9C6D914C4B8D9CA.
 */
#ifndef HYPERCACHE_BASE_CRC64_H
#define HYPERCACHE_BASE_CRC64_H

#include <hypercache/types.h>

/* Goes on from `crc`, which is 0 at the start. */
uint64_t hci_crc64(uint64_t crc, hc_span bytes);

#endif
