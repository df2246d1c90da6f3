/*
 * peer_wire.h - what two nodes say on a stream, as bytes; all numbers little-endian.
 *
 *     connector                                  acceptor
 *        | HELLO  versions, cluster, who          |
 *        |--------------------------------------->|
 *        |                 WELCOME  version, who, |
 *        |<---------------------------------------|  or why not, then the end
 *        | frame, frame, frame ...                |
 *        |--------------------------------------->|
 *
 *     frame     | size of the rest 4 | kind 1 | 0 3 | bytes |
 *     greeting  | "HCPL" | lowest version 2 | highest 2 | verdict 2 | port 2 | cluster 8 |
 *               | node 20 | 0 4 | boot 8 | ip 16 |
 *
 * A stream carries frames one way; two nodes that talk have two.  Frames carry messages of
 * membership and replica, each of which has a keyed checksum of its own.
 * Pure functions over bytes: any bytes are safe.
 */
#ifndef HYPERCACHE_SERVER_PEER_PEER_WIRE_H
#define HYPERCACHE_SERVER_PEER_PEER_WIRE_H

#include <hypercache/membership.h>
#include <hypercache/replication.h>

#define PEER_VERSION_MIN 1u
#define PEER_VERSION_MAX 1u
#define PEER_GREETING_BYTES 72u
#define PEER_FRAME_HEAD_BYTES 8u
#define PEER_FRAME_BYTES_MAX HC_REPLICA_MESSAGE_BYTES_MAX /* of what is behind the head */

typedef enum peer_frame_kind { PEER_FRAME_MEMBERS = 1, PEER_FRAME_REPLICA = 2 } peer_frame_kind;

typedef enum peer_verdict {
    PEER_WELCOME = 0,
    PEER_OTHER_CLUSTER = 1, /* of another name or secret */
    PEER_OTHER_VERSION = 2,
    PEER_MYSELF = 3,
    PEER_FULL = 4
} peer_verdict;

typedef struct peer_greeting {
    uint16_t version_min, version_max;
    uint16_t verdict; /* of a WELCOME */
    uint64_t cluster_id;
    hc_node_id node;
    uint64_t boot_id;
    hc_address address; /* where the node's gossip is */
} peer_greeting;

void peer_greeting_write(uint8_t to[PEER_GREETING_BYTES], const peer_greeting *from);
/* False: no greeting. */
bool peer_greeting_read(const uint8_t from[PEER_GREETING_BYTES], peer_greeting *out);
/* What an acceptor says to it. */
peer_verdict peer_greeting_judge(const peer_greeting *from, const peer_greeting *own);

void peer_frame_write(uint8_t to[PEER_FRAME_HEAD_BYTES], peer_frame_kind kind, size_t bytes);
/* False: no frame, or a larger one than there may be.  Kinds that are not known are passed over. */
bool peer_frame_read(const uint8_t from[PEER_FRAME_HEAD_BYTES], unsigned *kind_out,
                     size_t *bytes_out);

#endif
