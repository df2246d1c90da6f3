/*
 * peer.h - this node's part in its cluster: gossip by UDP, streams by TCP, and the thread on which
 * membership and replica run.
 *
 *     peer *peer;
 *     if (peer_start(&options, &peer, why, sizeof why) != HC_OK) ...
 *     ... clients' commands reach the replica through cluster_calls (command/cluster.h) ...
 *     peer_stop(peer);
 *
 * Ports:    one number for both, UDP and TCP.
 * Identity: below data_dir, in `cluster`: the node's id, how often it started, whom it knew.  A
 * node whose disk was lost is another node, unless its name was chosen (options.name_is_own).
 * Threads:  start and stop belong to one thread.
 */
#ifndef HYPERCACHE_SERVER_PEER_PEER_H
#define HYPERCACHE_SERVER_PEER_PEER_H

#include "command/node.h"

typedef struct peer peer;
struct bufferevent;
struct event_base;

#define PEER_SEEDS_MAX 17u /* names; each may have several addresses */

typedef struct peer_options {
    const hc_host *host; /* borrowed until peer_stop, as is all that is pointed at */
    node *node;
    const char *cluster_name, *secret;
    const char *node_name;
    bool name_is_own; /* chosen for this node alone: its id follows from it */
    const char *data_dir;
    const char *bind;      /* numeric; of UDP and TCP */
    uint16_t port;         /* 0: the system chooses */
    const char *advertise; /* numeric; "": as `bind`, or found out */
    uint16_t resp_port, http_port;
    const char *zone;
    const char *const *seeds;                /* "host:port", "host", "[v6]:port" */
    size_t seed_count;                       /* at most PEER_SEEDS_MAX */
    uint16_t seed_port;                      /* of those without one; 0: `port` */
    uint32_t replicas, blocks, expect_nodes; /* as hc_replica_options */
    hc_level reads, writes;
    int64_t default_ttl_ms;
    unsigned worker;    /* whose counters count what runs for other nodes; no worker of net */
    bool leave_on_stop; /* give the data away first */
    /* TLS, or any other dress of a stream: makes the bufferevent for a connected or accepted
     * descriptor, which it then owns.  NULL: plain. */
    struct bufferevent *(*dress)(void *ctx, struct event_base *base, int fd, bool accepted);
    void *dress_ctx;
    /* Another process lives under this node's id and was started later: this one has to end.  The
     * cluster's thread. */
    void (*superseded)(void *ctx);
    void *superseded_ctx;
} peer_options;

/* On error *peer_out is NULL and `why` (`why_bytes`) is a sentence.
 *   HC_ERR_INVALID, HC_ERR_EXISTS (the port), HC_ERR_IO, HC_ERR_CORRUPT (the identity),
 *   HC_ERR_CONFLICT (data of a node that was alone), HC_ERR_NO_MEMORY */
hc_status peer_start(const peer_options *options, peer **peer_out, char *why, size_t why_bytes);
/* Waits a moment until the others have what was written here, then goes.  No client's command
 * runs any more.  Accepts NULL. */
void peer_stop(peer *of);

uint16_t peer_port(const peer *of);

/* Does the directory hold a cluster's data? */
bool peer_was_here(const char *data_dir);

#endif
