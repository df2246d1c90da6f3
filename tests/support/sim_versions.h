/*
 * sim_versions.h - messages as a later version of a node would send them: the same, and more that
 * nobody else understands.
 *
 *     replica      records of kinds that are not known, before and behind the others
 *     membership   flags, and bytes at the end of each record
 */
#ifndef HYPERCACHE_TESTS_SIM_VERSIONS_H
#define HYPERCACHE_TESTS_SIM_VERSIONS_H

#include "support/test_random.h"

#include <hypercache/types.h>

#include <stdbool.h>

#define SIM_LATER_BYTES_MAX 512u /* that a message may grow by */

/* Writes `message` as later versions would to `out`, of message.size + SIM_LATER_BYTES_MAX bytes;
 * returns its size.  `datagram_bytes_max` 0: no limit. */
size_t sim_later_replica(hc_span message, const uint8_t secret[16], test_random *random,
                         uint8_t *out);
size_t sim_later_members(hc_span message, const uint8_t secret[16], test_random *random,
                         size_t datagram_bytes_max, uint8_t *out);

#endif
