/* clustering.c - see clustering.h: the configuration's cluster keys as options of a peer. */
#include "clustering.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/cluster.h"
#include "event_log.h"
#include "peer/peer.h"

struct clustering {
    const char *seeds[PEER_SEEDS_MAX];
    peer *peer;
};

bool clustering_expect(node *of, const config *cfg, char *why, size_t why_bytes)
{
    if (cfg->cluster.enabled) {
        cluster_expect(of);
        return true;
    }
    if (!cfg->persistence.enabled || !peer_was_here(cfg->node.data_dir)) return true;
    (void)snprintf(why, why_bytes,
                   "node.data_dir: %s holds the data of a node of a cluster; set cluster.enabled: "
                   "true, or choose another directory",
                   cfg->node.data_dir);
    return false;
}

/* Others reach an address that is no loopback one, if there is such a one. */
static const char *bind_of(const config *cfg)
{
    const config_list *bind = &cfg->network.bind;
    for (size_t i = 0; i < bind->count; i++) {
        bool local = strncmp(bind->items[i], "127.", 4) == 0 || strcmp(bind->items[i], "::1") == 0;
        if (!local) return bind->items[i];
    }
    return bind->items[0];
}

static size_t seeds_of(clustering *to, const config *cfg)
{
    size_t count = 0;
    for (size_t i = 0; i < cfg->cluster.seeds.count && count < PEER_SEEDS_MAX; i++)
        to->seeds[count++] = cfg->cluster.seeds.items[i];
    if (cfg->cluster.seed_dns[0] != '\0' && count < PEER_SEEDS_MAX)
        to->seeds[count++] = cfg->cluster.seed_dns;
    return count;
}

hc_status clustering_start(const clustering_options *options, clustering **clustering_out,
                           char *why, size_t why_bytes)
{
    const config *cfg = options->cfg;
    why[0] = '\0';
    *clustering_out = NULL;
    if (!cfg->cluster.enabled) return HC_OK;
    clustering *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    peer_options p = {
        .host = options->host,
        .node = options->node,
        .cluster_name = cfg->cluster.name,
        .secret = cfg->security.cluster_secret,
        .node_name = cfg->node.id,
        .name_is_own = cfg->origins[CONFIG_NODE_ID].source != CONFIG_FROM_DEFAULT,
        .data_dir = cfg->node.data_dir,
        .bind = bind_of(cfg),
        .port = (uint16_t)cfg->network.cluster_port,
        .advertise = cfg->network.advertise,
        .resp_port = (uint16_t)options->resp_port,
        .http_port = (uint16_t)options->http_port,
        .zone = cfg->node.zone,
        .seeds = made->seeds,
        .seed_count = seeds_of(made, cfg),
        .replicas = (uint32_t)cfg->cluster.replication_factor,
        .blocks = (uint32_t)cfg->cluster.blocks,
        .expect_nodes = (uint32_t)cfg->cluster.expect_nodes,
        .reads = cfg->cluster.level == HC_LEVEL_ONE ? HC_LEVEL_ONE : HC_LEVEL_QUORUM,
        .writes = (hc_level)cfg->cluster.level,
        .default_ttl_ms = cfg->cache.default_ttl_ms,
        .worker = options->worker,
        .leave_on_stop = cfg->cluster.leave_on_stop,
        .superseded = options->fatal,
        .superseded_ctx = options->fatal_ctx,
    };
    hc_status status = peer_start(&p, &made->peer, why, why_bytes);
    if (status != HC_OK) {
        free(made);
        return status;
    }
    node_set_cluster_port(options->node, peer_port(made->peer));
    if (cfg->security.cluster_secret[0] == '\0')
        event_log(options->host->log, HC_LOG_WARN, "start",
                  "security.cluster_secret is empty: whoever reaches the cluster's port may join",
                  NULL, 0);
    *clustering_out = made;
    return HC_OK;
}

void clustering_stop(clustering *of)
{
    if (of == NULL) return;
    peer_stop(of->peer);
    free(of);
}
