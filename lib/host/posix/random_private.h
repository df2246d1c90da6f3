/*
 * random_private.h - the three sources of posix_random.c, apart, so that a test can ask each.
 *
 * The first two fill from the front and return how many bytes they gave.
 */
#ifndef HYPERCACHE_HOST_POSIX_RANDOM_PRIVATE_H
#define HYPERCACHE_HOST_POSIX_RANDOM_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

size_t hci_random_by_getrandom(uint8_t *buffer, size_t bytes);
size_t hci_random_by_device(uint8_t *buffer, size_t bytes);
void hci_random_by_circumstance(uint8_t *buffer, size_t bytes);

#endif
