/*
 * clustering.h - puts this node into its cluster as the configuration says.
 *
 *     clustering_expect    before the first client: keys are not served alone
 *     clustering_start     after the data is loaded and the ports are known
 *     clustering_stop      after net_stop, before the data is closed
 *
 * Threads: these calls are main's.
 */
#ifndef HYPERCACHE_SERVER_CLUSTERING_H
#define HYPERCACHE_SERVER_CLUSTERING_H

#include "command/node.h"
#include "config/config.h"

typedef struct clustering clustering;

typedef struct clustering_options {
    const hc_host *host; /* borrowed until clustering_stop, with the two below */
    node *node;
    const config *cfg;
    unsigned resp_port, http_port;
    unsigned worker; /* peer_options.worker */
    /* The node has to end.  Any thread. */
    void (*fatal)(void *ctx);
    void *fatal_ctx;
} clustering_options;

/* False: this directory's data is not of the kind that the configuration asks for; `why` says so.
 */
bool clustering_expect(node *of, const config *cfg, char *why, size_t why_bytes);
/* *clustering_out is NULL when cluster.enabled is false.  Errors: as peer_start. */
hc_status clustering_start(const clustering_options *options, clustering **clustering_out,
                           char *why, size_t why_bytes);
void clustering_stop(clustering *of); /* accepts NULL */

#endif
