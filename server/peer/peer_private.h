/*
 * peer_private.h - the parts of a peer and who may touch them.
 *
 *     peer.c           start, stop, the thread, turning the wheels of membership and replica
 *     peer_wire.c      bytes of a stream (peer_wire.h)
 *     peer_link.c      streams to others: queue, connect, greet, back off
 *     peer_accept.c    streams from others: greeting, frames
 *     peer_gossip.c    datagrams
 *     peer_seeds.c     seeds, by list and by DNS
 *     peer_identity.c  what survives a restart
 *     peer_address.c   addresses of both kinds
 *     peer_calls.c     what commands ask: requests, figures, orders
 *     peer_update.c    commands of other nodes, and of this one, on keys of one slot
 *     peer_view.c      pictures for cluster_view_publish
 *     peer_events.c    what is worth an event
 *     peer_log.c       facts as fields of log lines and events
 *     peer_traced.c    what is done for requests of others: log lines
 *     peer_spans.c     the same as spans
 *
 * Threads: the cluster's thread owns everything but what stands under `lock`.  A worker that puts
 *          requests holds `lock` meanwhile; what the replica sends then is queued in its links, and
 *          the thread is woken to hand it to the sockets.
 */
#ifndef HYPERCACHE_SERVER_PEER_PEER_PRIVATE_H
#define HYPERCACHE_SERVER_PEER_PEER_PRIVATE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <pthread.h>
#include <sys/socket.h>

#include "command/cluster.h"
#include "command/cluster/cluster_turn.h"
#include "peer/peer.h"
#include "peer/peer_wire.h"
#include "resp/resp_encoder.h"

#define PEER_LINKS_MAX 1024u                  /* to others */
#define PEER_ACCEPTED_MAX 1024u               /* from others */
#define PEER_LINK_QUEUE_BYTES_MAX (64u << 20) /* not yet at the socket, of one link */
#define PEER_SOCKET_BYTES_MAX (4u << 20)      /* given to a socket, and not taken */
#define PEER_SEED_ADDRESSES_MAX 16u           /* of one name */
#define PEER_ORDERS_MAX 64u
#define PEER_SPANS_MAX 64u         /* of traced requests under way */
#define PEER_GREETING_MS_MAX 5000u /* to say who one is */
#define PEER_SILENT_MS_MAX                                                                         \
    3000u                   /* bytes on the way that nobody confirms: a new stream is tried        \
                             */
#define PEER_RETRY_MS 3000u /* the dead, and seeds, are looked for again */
#define PEER_REQUEST_MS 1000u
#define PEER_LARGE_BYTES (1u << 20)   /* a request with more has more time, */
#define PEER_LARGE_BYTES_PER_MS 5000u /* as if links moved 5 MB/s */
#define PEER_STRANGER_MS 2000u
#define PEER_BACKOFF_MS_MIN 20u
#define PEER_BACKOFF_MS_MAX 2000u
#define PEER_GOSSIP_MS                                                                             \
    20u /* news waits so long at most: until a new ring is known to all, its nodes                 \
           refuse each other's writes */
#define PEER_TICK_MS_MIN 1u
#define PEER_TICK_MS_BUSY 2u /* while requests are open */
#define PEER_TICK_MS_MAX 20u
#define PEER_DATAGRAMS_PER_TURN 64u
#define PEER_IMAGE_MS 1000u /* between looks whether the members are to be written again */
#define PEER_RESOLVE_MS 30000u
#define PEER_FORM_MS 3000u      /* a new node looks for its seeds so long before it forms a ring */
#define PEER_FLUSH_MS_MAX 2000u /* at the end, for others to take what was written */
#define PEER_LEAVE_MS_MAX 60000u
#define PEER_GOODBYE_MS 300u /* it is said again and again for so long */
#define PEER_NS_PER_MS UINT64_C(1000000)

typedef enum link_state {
    LINK_IDLE = 0,   /* nothing to say */
    LINK_CONNECTING, /* until the socket is there */
    LINK_GREETING,   /* until WELCOME */
    LINK_OPEN,
    LINK_WAITING /* for its next try */
} link_state;

/* A stream to the node at an address. */
typedef struct peer_link {
    peer *in;
    hc_address to;
    /* The cluster's thread. */
    link_state state;
    struct bufferevent *stream;
    struct event *timer; /* of a try, or until the next one */
    uint32_t backoff_ms;
    bool wanted; /* a member is there */
    /* Under peer.lock. */
    bool open;
    hc_node_id node; /* who answered last */
    bool node_known;
    struct evbuffer *queue;
    uint64_t sent_bytes, connects, dropped, socket_bytes;
} peer_link;

/* A stream from another node. */
typedef struct peer_accepted {
    peer *in;
    struct peer_accepted *next, *previous;
    struct bufferevent *stream;
    bool greeted;
    hc_node_id node;
    uint64_t boot_id;
    hc_address address;      /* of its gossip */
    uint64_t waits_since_ns; /* its frames wait until the node is known; 0: they do not */
} peer_accepted;

typedef struct peer_route { /* where a member is found */
    hc_node_id node;
    peer_link *link;
    uint64_t received_bytes;
} peer_route;

typedef enum order_kind { ORDER_MEET, ORDER_FORGET, ORDER_LEAVE } order_kind;
typedef struct peer_order {
    order_kind kind;
    hc_address address;
    hc_node_id node;
} peer_order;

typedef struct peer_seed {
    peer *in;
    char host[256];
    uint16_t port;
    hc_address addresses[PEER_SEED_ADDRESSES_MAX];
    size_t count;
    struct evdns_getaddrinfo_request *asked; /* NULL: no question is under way */
} peer_seed;

typedef struct peer_identity {
    hc_node_id node;
    uint64_t boot_id;
    hc_member_ring ring;
    bool is_new; /* there was none */
} peer_identity;

typedef struct peer_since { /* when a member's state was seen to change */
    hc_node_id node;
    uint64_t boot_id;
    hc_member_state state;
    int64_t since_ms;
    bool seen;
} peer_since;

/* A request of the cluster that is traced and under way here. */
typedef struct peer_span {
    uint64_t since_ns;      /* 0: none */
    uint64_t sending_ns;    /* since when the other holders get it; 0: not yet */
    hc_trace_context under; /* it goes on under that */
    hc_trace_context above; /* of "replicate": its parent */
    bool runs_for_other;    /* `span` is to be told */
    hc_trace_span span;
} peer_span;

struct peer {
    peer_options options;
    uint64_t cluster_id;
    uint8_t secret[HC_MEMBERSHIP_SECRET_BYTES];
    peer_identity identity;
    hc_address address; /* as others are told */
    uint16_t port;
    int udp, tcp;
    sa_family_t family; /* of both sockets */

    pthread_t thread;
    bool thread_started;
    struct event_base *base;
    struct evdns_base *dns;
    struct event *gossip, *acceptable, *woken, *timer, *image_timer, *resolve_timer;
    int wake_fd;
    _Atomic bool stop, wake_sent;
    _Atomic unsigned traced; /* 1u << hc_topic of those at TRACE, as of the last second */

    /* The cluster's thread. */
    hc_membership *members;
    bool members_changed, flip_wanted, ready_wanted, ready_told, leaving, superseded_told;
    uint64_t started_ns, pumped_ns, stopping_ns, left_ns;
    peer_seed seeds[PEER_SEEDS_MAX];
    size_t seed_count;
    hc_address met[PEER_ORDERS_MAX]; /* by CLUSTER MEET: like seeds */
    size_t met_count;
    peer_accepted *accepted;
    size_t accepted_count;
    uint8_t *image; /* as last written */
    size_t image_bytes;
    cluster_view *view_next; /* scratch of peer_view.c */
    peer_since *since;
    size_t since_count;
    uint64_t view_ns;
    bool view_stale;
    hc_replica_stats told; /* as of the last look of peer_events.c */
    bool is_few, formed_told;
    bool may_be_alone; /* peer_company.c */
    uint64_t ring_sum; /* of who was in the ring when the replica was last told */
    bool ready;

    pthread_mutex_t lock; /* guards what follows, and links' fields that say so */
    hc_replica *replica;
    peer_link *links[PEER_LINKS_MAX];
    size_t link_count;
    peer_route *routes;
    size_t route_count;
    bool outgoing;              /* some queue has something */
    uint64_t flush, flush_kept; /* version of the last one; the one on disk */
    bool in_calls;              /* of the replica: what it says is acted upon afterwards */
    hc_membership_stats membership_stats;
    uint64_t asked, answered, timeouts, refused_hello, bad_frames, datagrams_bad;
    uint64_t receiving_ns; /* when the present frame was taken up */
    peer_span spans[PEER_SPANS_MAX];
    hc_store *scratch; /* of peer_update.c, with those below */
    session runner;
    resp_encoder answer;
    uint8_t *results[CLUSTER_KEYS_MAX]; /* what a group's keys became */
    size_t result_count;
    uint8_t *result; /* the latest of them */
    hc_span *arguments;
    size_t argument_room;

    pthread_mutex_t orders_lock;
    peer_order orders[PEER_ORDERS_MAX];
    size_t order_count;
};

/* ---- peer.c ---- */
hc_moment peer_now(const peer *of);
uint64_t peer_now_ns(const peer *of);
/* The cluster's thread is to look at its queues and orders soon.  Any thread. */
void peer_wake(peer *of);
/* Something came in: membership and replica are to turn soon. */
void peer_turn_soon(peer *of);

/* ---- peer_log.c ---- */
typedef struct peer_fact { /* one field of a log line or an event; name NULL: none */
    const char *name, *text;
    uint64_t number; /* text NULL */
} peer_fact;
#define PEER_NO_FACT ((peer_fact){.name = NULL})
void peer_log(const peer *of, hc_log_level level, hc_topic topic, const char *operation,
              const char *message, peer_fact first, peer_fact second);
/* Once a second: whose messages the log wants to be told of. */
void peer_trace_watch(peer *of);
void peer_trace_message(const peer *of, hc_topic topic, const char *operation,
                        const hc_address *with, size_t bytes);
/* A line at TRACE for a message of GOSSIP or REPLICATION; one load and comparison while that is
 * not wanted.  `operation` is static: "send", "receive". */
static inline void peer_trace(const peer *of, hc_topic topic, const char *operation,
                              const hc_address *with, size_t bytes)
{
    unsigned traced = atomic_load_explicit(&of->traced, memory_order_relaxed);
    if (__builtin_expect((traced >> topic & 1u) != 0, 0))
        peer_trace_message(of, topic, operation, with, bytes);
}
static inline hc_topic peer_frame_topic(unsigned kind)
{
    return kind == PEER_FRAME_REPLICA ? HC_TOPIC_REPLICATION : HC_TOPIC_GOSSIP;
}
/* An event; without the lock. */
void peer_tell(const peer *of, hc_event_kind kind, const char *message, peer_fact first,
               peer_fact second);

/* ---- peer_events.c; without the lock ---- */
void peer_tell_member(const peer *of, const hc_member *before, const hc_member *after);
void peer_tell_view(peer *of, const cluster_view *before, const cluster_view *view);
void peer_tell_stats(peer *of); /* once a second */

/* ---- peer_address.c ---- */
bool peer_address_same(const hc_address *a, const hc_address *b);
bool peer_address_is_any(const hc_address *address);
/* As the family of the sockets wants it; returns its bytes, 0: it cannot be reached so. */
socklen_t peer_sockaddr(const peer *of, const hc_address *from, struct sockaddr_storage *to);
void peer_address_of(const struct sockaddr *from, hc_address *to);
/* "10.0.0.1:7946" */
#define PEER_ADDRESS_CHARS 64u
void peer_address_text(const hc_address *address, char text[PEER_ADDRESS_CHARS]);
/* Opens both sockets on one port, and finds out what to tell others. */
hc_status peer_sockets_open(peer *of, char *why, size_t why_bytes);

/* ---- peer_link.c ---- */
/* Under the lock: queues a message; without room or a link it is dropped. */
void peer_link_send(peer *of, const hc_address *to, peer_frame_kind kind, hc_span message);
void peer_link_queue(peer_link *link, peer_frame_kind kind, hc_span message);
/* Under the lock; NULL: too many, or no memory. */
peer_link *peer_link_to(peer *of, const hc_address *to);
/* Hands queues to sockets, and connects where there is something to say. */
void peer_links_flush(peer *of);
void peer_links_destroy(peer *of);
/* Members have changed: under the lock. */
void peer_routes_renew(peer *of);
bool peer_links_empty(const peer *of); /* under the lock */
void peer_greeting_own(const peer *of, peer_greeting *out);
struct bufferevent *peer_stream(const peer *of, int fd, bool accepted);

/* ---- peer_accept.c ---- */
hc_status peer_accept_start(peer *of);
void peer_accept_stop(peer *of);
/* Members have become known: streams of theirs go on. */
void peer_accepted_look(peer *of);

/* ---- peer_gossip.c ---- */
hc_status peer_gossip_start(peer *of);
void peer_gossip_stop(peer *of);
void peer_gossip_send(peer *of, const hc_address *to, hc_span message);

/* ---- peer_seeds.c ---- */
hc_status peer_seeds_init(peer *of, char *why, size_t why_bytes);
void peer_seeds_resolve(peer *of); /* asks, and tells membership what is known */
void peer_seeds_tell(peer *of);
void peer_seeds_stop(peer *of);

/* ---- peer_identity.c ---- */
hc_status peer_identity_load(peer *of, char *why, size_t why_bytes);
bool peer_identity_store(peer *of, hc_member_ring ring);
void peer_image_load(peer *of); /* to of->image; nothing: there is none */
/* If it has changed; `synced`: it is on the disk then. */
void peer_image_store(peer *of, bool synced);
/* The version of the last flush of a store, as of before the restart; 0: none. */
uint64_t peer_flush_load(const peer *of, uint64_t store_id);
bool peer_flush_store(const peer *of, uint64_t store_id, uint64_t version);

/* ---- peer_company.c; the cluster's thread ---- */
/* Members are known as from before the restart; `has_list`: there was a list that could be used. */
void peer_company_begin(peer *of, bool has_list);
void peer_company_formed(peer *of); /* this node has put itself into the ring */
/* `list` is what the replica is to be told, this node first: keeps it, and corrects it. */
void peer_company_tell(peer *of, hc_member *list, size_t count);

/* ---- peer_calls.c ---- */
void peer_calls_attach(peer *of);
void peer_orders_take(peer *of);

/* ---- peer_update.c; under the lock ---- */
hc_status peer_update_init(peer *of);
void peer_update_fini(peer *of);
hc_status peer_update(void *ctx, hc_update *update);
hc_status peer_update_group(void *ctx, hc_update *updates, size_t count);

/* ---- peer_traced.c; under the lock ---- */
void peer_traced(void *ctx, hc_traced *what);
hc_span peer_request_name(hc_request_kind kind); /* "SET"; static, with a NUL behind it */

/* ---- peer_spans.c; under the lock ---- */
void peer_spans_note(peer *of, hc_traced *what);

/* ---- peer_view.c ---- */
void peer_view_renew(peer *of, bool now);

#endif
