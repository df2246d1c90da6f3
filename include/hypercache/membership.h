/*
 * membership.h - who is in the cluster, and who of them is alive: SWIM with Lifeguard.
 *
 *     hc_membership *members;
 *     hc_membership_create(host, &options, &calls, now_ns, &members);
 *     hc_membership_seeds(members, now_ns, seeds, seed_count);
 *     for (;;) {  wait for a message, or until `next_ns`
 *         hc_membership_receive(members, now_ns, &from, reliable, message);
 *         uint64_t next_ns = hc_membership_tick(members, now_ns);
 *     }
 *
 * A machine without I/O: messages and the time come in, messages and changes go out through
 * `calls`. The same object runs in the daemon, in an embedding program and in a simulator.
 *
 * Identity:  a node is its id, which it keeps for ever, and its boot id, which grows with each
 * start. An address is only where it is found now. Liveness:  each node probes one other in turn;
 * who does not answer, nor through three others, nor over the reliable link, is suspected; who does
 * not object in time is dead.  A node whose own probes fail too often doubts itself first (health).
 * Ring:      who holds data is another matter than who is alive, with a version of its own: a node
 *            stays in the ring for evict_after_ms after its death, so a restart moves nothing.
 * Trust:     every message carries the cluster's id and a keyed checksum; others are dropped.
 * Source:    Das, Gupta, Motivala 2002 (SWIM); Dadgar, Phillips, Currey 2017 (Lifeguard).
 * Ownership: everything passed in is copied.
 * Threads:   one at a time for each object; `calls` come from inside the calls below and must not
 *            call back.
 */
#ifndef HYPERCACHE_MEMBERSHIP_H
#define HYPERCACHE_MEMBERSHIP_H

#include <hypercache/host.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_membership hc_membership;

#define HC_MEMBERS_MAX 1024u
#define HC_NODE_ID_BYTES 20u
#define HC_MEMBER_ZONE_BYTES_MAX 31u
#define HC_MEMBER_TAGS 1024u /* as many tags as members: HC_MEMBERS_MAX */
#define HC_MEMBERSHIP_SEEDS_MAX 64u
#define HC_MEMBERSHIP_DATAGRAM_BYTES_MAX 1200u
#define HC_MEMBERSHIP_MESSAGE_BYTES_MAX (256u << 10) /* of a reliable one */
#define HC_MEMBERSHIP_SECRET_BYTES 16u
#define HC_MEMBERSHIP_ATTACHMENT_BYTES_MAX 64u

typedef struct hc_node_id {
    uint8_t bytes[HC_NODE_ID_BYTES];
} hc_node_id;

/* IPv4 is ::ffff:a.b.c.d. */
typedef struct hc_address {
    uint8_t ip[16];
    uint16_t port;
} hc_address;

/* In rising order: at one incarnation the later one wins. */
typedef enum hc_member_state {
    HC_MEMBER_ALIVE = 0,
    HC_MEMBER_SUSPECT = 1,
    HC_MEMBER_DEAD = 2,
    HC_MEMBER_LEFT = 3 /* said so itself */
} hc_member_state;

/* Likewise at one ring version. */
typedef enum hc_member_ring {
    HC_RING_JOINING = 0,
    HC_RING_ACTIVE = 1,
    HC_RING_LEAVING = 2,
    HC_RING_OUT = 3
} hc_member_ring;

typedef struct hc_member {
    hc_node_id id;
    uint64_t boot_id;
    uint32_t incarnation; /* grows when the node has something new to say of itself */
    hc_member_state state;
    hc_member_ring ring;
    uint32_t ring_version;
    hc_address address; /* of gossip, datagrams and reliable ones */
    uint16_t resp_port, http_port;
    uint16_t weight; /* 1..65535 */
    uint16_t tag;    /* below HC_MEMBER_TAGS, unlike all others': membership picks it */
    bool ready;      /* has its data */
    char zone[HC_MEMBER_ZONE_BYTES_MAX + 1];
} hc_member;

typedef struct hc_membership_options {
    size_t size;
    uint64_t cluster_id; /* of name and secret; messages of others are dropped */
    uint8_t secret[HC_MEMBERSHIP_SECRET_BYTES];
    hc_member self; /* id, boot_id, ring, address, ports, weight (0: 100), zone, ready; else 0 */
    hc_span image;  /* as hc_membership_image gave it before the restart; empty: none */
    uint32_t probe_interval_ms;  /* 0: 200, and 300 with more than 16 members */
    uint32_t probe_timeout_ms;   /* of a direct answer before any was measured; 0: 100 */
    uint32_t gossip_interval_ms; /* 0: 100 */
    uint32_t sync_interval_ms;   /* all records with somebody; 0: 15000, rarer with many */
    uint32_t retry_interval_ms;  /* of the dead and of seeds; 0: 10000 */
    uint32_t evict_after_ms;     /* dead so long: out of the ring; 0: 300000 */
    uint32_t forget_after_ms;    /* dead or left, and out, so long: forgotten; 0: 3600000 */
    uint32_t pause_ms; /* standing still for so long kills nobody; more with many; 0: 2000 */
} hc_membership_options;

typedef struct hc_membership_calls {
    size_t size;
    void *ctx;
    /* A datagram of at most HC_MEMBERSHIP_DATAGRAM_BYTES_MAX bytes, or a reliable message. May be
     * lost either way. */
    void (*send)(void *ctx, const hc_address *to, bool reliable, hc_span message);
    /* `before` NULL: new; `after` NULL: forgotten.  Not called for the node itself, but for its tag
     * and ring. */
    void (*changed)(void *ctx, const hc_member *before, const hc_member *after);
    /* Another node lives under this id and was started later: this one must end.  It is silent from
     * now on. */
    void (*superseded)(void *ctx, const hc_member *by);
    /* Bytes to send along with every probe and its answer; returns how many.  May be NULL. */
    size_t (*attach)(void *ctx, uint8_t to[HC_MEMBERSHIP_ATTACHMENT_BYTES_MAX]);
    void (*attached)(void *ctx, const hc_node_id *from, hc_span bytes); /* may be NULL */
} hc_membership_calls;

/* `now_ns` is monotonic time, as in all calls.
 *   HC_ERR_INVALID      a field is out of range, or a call is missing
 *   HC_ERR_CORRUPT      the image
 *   HC_ERR_UNSUPPORTED, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_membership_create(const hc_host *host, const hc_membership_options *options,
                               const hc_membership_calls *calls, uint64_t now_ns,
                               hc_membership **members_out);
/* Accepts NULL.  Silent: others will find out; see hc_membership_leave. */
HC_API
void hc_membership_destroy(hc_membership *members);

/* Any bytes are safe.
 *   HC_ERR_CORRUPT      not a message of this cluster, or damaged; dropped
 *   HC_ERR_UNSUPPORTED  of a kind not known here; dropped */
HC_API
hc_status hc_membership_receive(hc_membership *members, uint64_t now_ns, const hc_address *from,
                                bool reliable, hc_span message);
/* Does what is due; returns when to call again at the latest. */
HC_API
uint64_t hc_membership_tick(hc_membership *members, uint64_t now_ns);

/* Where others may be found: a list or an answer of DNS, replacing the one before.  They are asked
 * at once, and again every retry_interval_ms while no live member has that address, so that islands
 * find each other.  More than HC_MEMBERSHIP_SEEDS_MAX are ignored. */
HC_API
void hc_membership_seeds(hc_membership *members, uint64_t now_ns, const hc_address *seeds,
                         size_t count);

/* The transport was refused by a node's machine: nothing listens there.  When two members say so
 * (or the only other one), the node is dead without further waiting. */
HC_API
void hc_membership_refused(hc_membership *members, uint64_t now_ns, const hc_node_id *node);

/* Says goodbye; the object is silent from then on but for messages to repeat it. */
HC_API
void hc_membership_leave(hc_membership *members, uint64_t now_ns);

/* Changes what the node says of itself. */
HC_API
void hc_membership_set_ring(hc_membership *members, uint64_t now_ns, hc_member_ring ring);
HC_API
void hc_membership_set_ready(hc_membership *members, uint64_t now_ns, bool ready);
/* Takes another node out of the ring by hand.
 *   HC_ERR_NOT_FOUND, HC_ERR_CONFLICT (it is alive) */
HC_API
hc_status hc_membership_forget(hc_membership *members, uint64_t now_ns, const hc_node_id *node);

/* The node itself is number 0.  Pointers are good until the next call that takes `now_ns`. */
HC_API
size_t hc_membership_count(const hc_membership *members);
HC_API
const hc_member *hc_membership_at(const hc_membership *members, size_t index);
/* NULL: not known. */
HC_API
const hc_member *hc_membership_find(const hc_membership *members, const hc_node_id *node);
/* 0: well; 8: this node cannot be trusted to judge others. */
HC_API
unsigned hc_membership_health(const hc_membership *members);

/* What to keep over a restart, so that the cluster is found again without a seed: writes at most
 * `bytes` to `to` and returns how many there are.  Call it with none to learn the size. */
HC_API
size_t hc_membership_image(const hc_membership *members, void *to, size_t bytes);

typedef struct hc_membership_stats {
    size_t size;
    uint64_t sent, sent_bytes;         /* messages of both kinds */
    uint64_t received, received_bytes; /* good ones */
    uint64_t dropped;                  /* bad ones */
    uint64_t probes, probes_failed;
    uint64_t suspicions, deaths; /* declared or heard of */
    uint64_t refuted;            /* this node objected to its own death */
    uint64_t pauses;             /* of this process, noticed */
} hc_membership_stats;
HC_API
void hc_membership_stats_get(const hc_membership *members, hc_membership_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
