/*
 * options.h - reading a struct that an older or newer header may have laid out.
 *
 *     caller's struct   [ size | a | b ]            old caller: c and d take their defaults, 0
 *     ours              [ size | a | b | c | d ]
 *     caller's struct   [ size | a | b | c | d | e ]  new caller: fine while e is 0, else it
 *                                                     asked for what we do not know
 *
 * The manner of Linux openat2(2).  Such structs start with `size_t size`, grow at the tail only,
 * and mean "default" by zero.
 */
#ifndef HYPERCACHE_BASE_OPTIONS_H
#define HYPERCACHE_BASE_OPTIONS_H

#include <hypercache/types.h>

/* Copies the first min(to_size, from_size) bytes, clears the rest of `to` and sets its size field
 * to `to_size`.  `from_size` is what the caller's struct says of itself; `from` NULL gives all
 * defaults.  On error `to` is all defaults.
 *   HC_ERR_INVALID      from_size has no room for the size field
 *   HC_ERR_UNSUPPORTED  a byte beyond to_size is not 0 */
hc_status hci_options_copy(void *to, size_t to_size, const void *from, size_t from_size);

#endif
