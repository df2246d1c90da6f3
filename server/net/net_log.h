/*
 * net_log.h - log lines of the network, through the host's log.
 */
#ifndef HYPERCACHE_SERVER_NET_NET_LOG_H
#define HYPERCACHE_SERVER_NET_NET_LOG_H

#include <hypercache/host.h>

bool net_log_wants(const hc_host *host, hc_log_level level);

/* One line with up to two facts; a `name` that is NULL ends them.  `operation` and `message` are
 * static texts. */
typedef struct net_fact {
    const char *name;
    const char *text; /* NULL: `number` */
    int64_t number;
} net_fact;

void net_log(const hc_host *host, hc_log_level level, const char *operation, const char *message,
             net_fact first, net_fact second);

#define NET_NO_FACT ((net_fact){.name = NULL})

#endif
