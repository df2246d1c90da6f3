/*
 * peer_seeds.c - where others may be: a list of addresses and names.  Names are looked up anew
 * every half minute, for ever, so that islands that started before their DNS find each other.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/peer_private.h"

static bool port_read(const char *text, uint16_t *out)
{
    unsigned value = 0;
    if (*text == '\0' || strlen(text) > 5) return false;
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text)) return false;
        value = value * 10 + (unsigned)(*text - '0');
    }
    *out = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX;
}

/* "host", "host:port", "v6", "[v6]", "[v6]:port" */
static bool seed_read(peer_seed *seed, const char *text, uint16_t usual_port)
{
    const char *host = text, *port = NULL;
    size_t size = strlen(text);
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) return false;
        host = text + 1;
        size = (size_t)(end - host);
        port = end[1] == ':' ? end + 2 : NULL;
    } else if (strchr(text, ':') == strrchr(text, ':') && strchr(text, ':') != NULL) {
        port = strchr(text, ':') + 1;
        size = (size_t)(port - 1 - text);
    }
    seed->port = usual_port;
    if (size == 0 || size >= sizeof seed->host) return false;
    if (port != NULL && !port_read(port, &seed->port)) return false;
    memcpy(seed->host, host, size);
    seed->host[size] = '\0';
    if (cluster_host_parse(seed->host, &seed->addresses[0])) {
        seed->addresses[0].port = seed->port;
        seed->count = 1;
    }
    return true;
}

hc_status peer_seeds_init(peer *of, char *why, size_t why_bytes)
{
    uint16_t usual = of->options.seed_port != 0 ? of->options.seed_port : of->port;
    bool names = false;
    for (size_t i = 0; i < of->options.seed_count && i < PEER_SEEDS_MAX; i++) {
        peer_seed *seed = &of->seeds[of->seed_count++];
        seed->in = of;
        if (!seed_read(seed, of->options.seeds[i], usual)) {
            (void)snprintf(why, why_bytes, "cluster.seeds: %s is no host with a port",
                           of->options.seeds[i]);
            return HC_ERR_INVALID;
        }
        names = names || seed->count == 0;
    }
    if (!names) return HC_OK;
    of->dns = evdns_base_new(of->base,
                             EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (of->dns != NULL) return HC_OK;
    peer_log(of, HC_LOG_WARN, HC_TOPIC_GOSSIP, "seeds",
             "names of seeds cannot be looked up: no name server is known", PEER_NO_FACT,
             PEER_NO_FACT);
    return HC_OK;
}

void peer_seeds_tell(peer *of)
{
    hc_address all[HC_MEMBERSHIP_SEEDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < of->met_count && count < HC_MEMBERSHIP_SEEDS_MAX; i++)
        all[count++] = of->met[i];
    for (size_t i = 0; i < of->seed_count; i++) {
        const peer_seed *seed = &of->seeds[i];
        for (size_t k = 0; k < seed->count && count < HC_MEMBERSHIP_SEEDS_MAX; k++) {
            if (!peer_address_same(&seed->addresses[k], &of->address))
                all[count++] = seed->addresses[k];
        }
    }
    hc_membership_seeds(of->members, peer_now_ns(of), all, count);
    peer_turn_soon(of);
}

static void on_resolved(int error, struct evutil_addrinfo *found, void *ctx)
{
    peer_seed *seed = ctx;
    seed->asked = NULL;
    if (error != 0) { /* what was known before is kept */
        if (error != EVUTIL_EAI_CANCEL)
            peer_log(seed->in, HC_LOG_DEBUG, HC_TOPIC_GOSSIP, "seeds", "a seed's name is not known",
                     (peer_fact){.name = "name", .text = seed->host},
                     (peer_fact){.name = "error", .text = evutil_gai_strerror(error)});
        return;
    }
    seed->count = 0;
    for (struct evutil_addrinfo *one = found; one != NULL && seed->count < PEER_SEED_ADDRESSES_MAX;
         one = one->ai_next) {
        hc_address *to = &seed->addresses[seed->count++];
        peer_address_of(one->ai_addr, to);
        to->port = seed->port;
    }
    if (found != NULL) evutil_freeaddrinfo(found);
    peer_seeds_tell(seed->in);
}

void peer_seeds_resolve(peer *of)
{
    struct evutil_addrinfo hints = {.ai_family = of->family == AF_INET ? AF_INET : AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM};
    hc_address numeric;
    for (size_t i = 0; of->dns != NULL && i < of->seed_count; i++) {
        peer_seed *seed = &of->seeds[i];
        if (seed->asked != NULL || cluster_host_parse(seed->host, &numeric)) continue;
        struct evdns_getaddrinfo_request *asked =
            evdns_getaddrinfo(of->dns, seed->host, NULL, &hints, on_resolved, seed);
        if (asked != NULL) seed->asked = asked; /* NULL: answered already */
    }
    peer_seeds_tell(of);
}

void peer_seeds_stop(peer *of)
{
    for (size_t i = 0; i < of->seed_count; i++) {
        if (of->seeds[i].asked != NULL) evdns_getaddrinfo_cancel(of->seeds[i].asked);
    }
    if (of->dns != NULL) evdns_base_free(of->dns, 0);
    of->dns = NULL;
}
