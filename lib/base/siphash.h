/*
 * siphash.h - a keyed checksum: who does not know the key can neither make nor change a message.
 *
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein 2012), bytes as in the reference.
 */
#ifndef HYPERCACHE_BASE_SIPHASH_H
#define HYPERCACHE_BASE_SIPHASH_H

#include <hypercache/types.h>

#define HCI_SIPHASH_KEY_BYTES 16u
#define HCI_SIPHASH_BYTES 16u

void hci_siphash(const uint8_t key[HCI_SIPHASH_KEY_BYTES], hc_span bytes,
                 uint8_t out[HCI_SIPHASH_BYTES]);

#endif
