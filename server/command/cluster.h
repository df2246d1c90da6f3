/*
 * cluster.h - the cluster as the rest of the daemon sees it: who is in it, who serves which slot,
 * how far each peer is behind.  NULL everywhere: this node is alone.
 *
 *     const cluster_view *view = cluster_view_acquire(node);
 *     if (view != NULL) {
 *         for (size_t i = 0; i < view->member_count; i++) ... view->members[i]; 0 is this node
 *         uint16_t who = view->acting[hc_ring_slot(key)];      a member, or CLUSTER_NOBODY
 *         cluster_view_release(view);
 *     }
 *
 * A view is a picture that never changes; when members or slots change, the next acquire gives
 * another (`number` grows).  It is made anew CLUSTER_VIEW_MS after a change of the members and ten
 * times a second in any case, so it may be that much behind.  Numbers that change all the time are
 * asked for by cluster_figures_get.
 *
 * Who fills it: server/peer, through cluster_attach.  Who reads: commands, HTTP, metrics, console.
 * Threads: any.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_CLUSTER_H
#define HYPERCACHE_SERVER_COMMAND_CLUSTER_H

#include <stdatomic.h>

#include <hypercache/hypercache.h>

typedef struct node node;

#define CLUSTER_NOBODY UINT16_MAX
#define CLUSTER_ID_CHARS 40u   /* of a node: HC_NODE_ID_BYTES in hex */
#define CLUSTER_HOST_CHARS 48u /* a numeric address with its NUL */
#define CLUSTER_VIEW_MS 20u

typedef struct cluster_member {
    hc_member is;                  /* id, boot id, incarnation, state, ring, ports, weight, zone */
    char id[CLUSTER_ID_CHARS + 1]; /* of `is.id` */
    char host[CLUSTER_HOST_CHARS]; /* of its address, for clients too */
    bool is_self;
    bool linked;            /* this node's stream to it is up */
    bool agrees;            /* it said lately that it knows the same ring: MOVED may name it */
    int64_t since_ms;       /* Unix: this node knows the present state since */
    uint32_t slots_acting;  /* slots it serves, as this node sees it */
    uint64_t synced_blocks; /* blocks of which it has all data, by its own word */
    uint32_t slots_held;    /* slots of which it has, or is to have, a copy */
} cluster_member;

/* Neighbouring slots that the same members hold and serve. */
typedef struct cluster_range {
    uint16_t first, last; /* slots, both included */
    uint16_t acting;      /* a member: runs all commands of these slots; or CLUSTER_NOBODY */
    uint8_t holder_count, next_count;
    uint16_t holders[HC_RING_REPLICAS_MAX]; /* members, best first */
    uint16_t next[HC_RING_REPLICAS_MAX];    /* when the change under way is done */
} cluster_range;

typedef enum cluster_state {
    CLUSTER_FORMING = 0, /* no ring yet: nothing is served */
    CLUSTER_OK = 1,
    CLUSTER_PARTIAL = 2 /* some slots have nobody who serves them */
} cluster_state;

typedef struct cluster_view {
    _Atomic unsigned users; /* for acquire and release alone */
    uint64_t number;
    cluster_state state;
    bool ready;        /* this node has the data of all slots that it holds */
    bool moving;       /* the ring is changing: members come or go */
    uint64_t epoch;    /* of the ring as this node counts its changes */
    uint64_t topology; /* equal on nodes that know the same ring */
    uint32_t replicas; /* copies of each key */
    uint32_t slots_served;
    unsigned health; /* 0: well; 8: this node does not trust its own judgement of others */
    size_t member_count;
    const cluster_member *members; /* this node first, the others by id */
    size_t range_count;
    const cluster_range *ranges;    /* by slot, together all of them */
    uint16_t acting[HC_RING_SLOTS]; /* as in ranges */
} cluster_view;

/* Of one other member. */
typedef struct cluster_peer_figures {
    hc_node_id id;
    uint64_t queue_bytes;      /* writes sent or to be sent to it, and not confirmed */
    uint64_t lag_ms;           /* age of the oldest of those; 0: none */
    uint64_t hinted_slots;     /* slots with writes it missed, which it gets when it can */
    uint64_t link_queue_bytes; /* not yet taken by the socket */
    uint64_t sent_bytes, received_bytes; /* of the present and all earlier links */
    uint64_t connects;                   /* links made since the start */
    uint64_t dropped;                    /* messages dropped: no link, or the queue full */
    int64_t clock_offset_ms;             /* its wall clock less ours, as measured */
} cluster_peer_figures;

typedef struct cluster_figures {
    hc_replica_stats replica;
    hc_membership_stats membership;
    uint64_t waiting;       /* requests of clients that wait for another node */
    uint64_t asked;         /* requests put to the cluster since the start */
    uint64_t timeouts;      /* of those: ended without knowing whether they were applied */
    uint64_t refused_hello; /* links refused: another cluster, version or an unknown node */
    uint64_t bad_frames;    /* links ended for what they sent */
    uint64_t datagrams_bad;
} cluster_figures;

/* NULL: no cluster, or it is not started yet (cluster_enabled tells them apart).  To be released.
 */
const cluster_view *cluster_view_acquire(node *of);
void cluster_view_release(const cluster_view *view); /* accepts NULL */

/* Is this node to be one of a cluster? */
bool cluster_enabled(const node *of);

/* Fills *figures_out, and at most `peers_max` of the other members; returns how many there are, in
 * the order of the view's members.  All zero without a cluster. */
size_t cluster_figures_get(node *of, cluster_figures *figures_out, cluster_peer_figures *peers,
                           size_t peers_max);

/* As hc_replica_scan: keys with a value, of slots that this node serves.  False: no cluster, and
 * nothing was visited. */
bool cluster_scan(node *of, uint64_t *cursor, size_t count, hc_visit visit, void *ctx);

/* Is there a value of this key, in a slot that this node serves? */
bool cluster_has(node *of, hc_span key);

/* ---- orders; carried out by the cluster's thread soon after ---- */

/* Contacts whoever is at this address; "[v6]:port", "v4:port".
 *   HC_ERR_INVALID      no such address
 *   HC_ERR_UNSUPPORTED  no cluster
 *   HC_ERR_LIMIT        too many such orders wait */
hc_status cluster_meet(node *of, hc_span address);
/* Takes a dead member out of the ring; 40 hex digits.
 *   HC_ERR_INVALID, HC_ERR_NOT_FOUND, HC_ERR_CONFLICT (it is alive, or this node),
 *   HC_ERR_UNSUPPORTED, HC_ERR_LIMIT */
hc_status cluster_forget(node *of, hc_span id);
/* Gives this node's slots to the others, then it is out of the ring; it can be stopped when the
 * view says HC_RING_OUT of it.
 *   HC_ERR_UNSUPPORTED, HC_ERR_LIMIT */
hc_status cluster_leave(node *of);

/* ---- for server/peer ---- */

typedef struct cluster_calls {
    void *ctx;
    size_t (*figures)(void *ctx, cluster_figures *figures_out, cluster_peer_figures *peers,
                      size_t peers_max);
    void (*scan)(void *ctx, uint64_t *cursor, size_t count, hc_visit visit, void *visit_ctx);
    bool (*has)(void *ctx, hc_span key);
    hc_status (*meet)(void *ctx, const hc_address *address);
    hc_status (*forget)(void *ctx, const hc_node_id *id);
    hc_status (*leave)(void *ctx);
    /* Requests are put between these two, which lock: answers come inside. */
    void (*enter)(void *ctx);
    void (*exit)(void *ctx);
    /* As hc_replica_request; answered by cluster_part_answer. */
    hc_status (*ask)(void *ctx, const hc_request *request);
    hc_level reads, writes;
    int64_t default_ttl_ms; /* 0: none */
} cluster_calls;

/*   HC_ERR_NO_MEMORY */
hc_status cluster_init(node *of);
void cluster_fini(node *of); /* accepts a node that has none */

/* Until cluster_attach, commands on keys are refused as while data is loaded.  Before the first
 * client. */
void cluster_expect(node *of);
void cluster_attach(node *of, const cluster_calls *calls);
/* No call is made from here on; those under way have ended. */
void cluster_detach(node *of);

/* An empty view with room for so many; NULL: no memory. */
cluster_view *cluster_view_create(size_t member_count, size_t range_count);
/* Takes it over, and its first reference; the one before goes when its last reader has done. */
void cluster_view_publish(node *of, cluster_view *view);

/* "10.0.0.1" or "fe80::1"; the port is 0 then.  With port: "10.0.0.1:7946", "[fe80::1]:7946". */
bool cluster_host_parse(const char *host, hc_address *out);
bool cluster_address_parse(hc_span text, hc_address *out);
void cluster_id_text(const hc_node_id *id, char text[CLUSTER_ID_CHARS + 1]);
bool cluster_id_parse(hc_span text, hc_node_id *id_out);
/* "alive", "suspect", "dead", "left"; "joining", "active", "leaving", "out".  Static. */
const char *cluster_state_word(unsigned member_state);
const char *cluster_ring_word(unsigned ring_state);
/* "10.0.0.1", "fe80::1" */
void cluster_host_text(const hc_address *address, char text[CLUSTER_HOST_CHARS]);

#endif
