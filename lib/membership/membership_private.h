/*
 * membership_private.h - the parts of a membership, and the calls between its files.
 *
 *     membership.c    making one, messages in, the time, the public calls
 *     member_wire.c   messages to bytes and back
 *     member_table.c  records by id; what a newer record changes; suspicion
 *     member_probe.c  is it there: direct, through others, over the reliable link
 *     member_gossip.c what is new goes to a few, all of it goes to one now and then; the lost are
 *                     looked for
 *
 * All times are monotonic nanoseconds.  Nothing depends on the order of pointers; random numbers
 * come from one generator that was seeded by the host, so a run can be repeated.
 */
#ifndef HYPERCACHE_MEMBERSHIP_PRIVATE_H
#define HYPERCACHE_MEMBERSHIP_PRIVATE_H

#include "host/host_internal.h"

#include <hypercache/membership.h>

#define MS UINT64_C(1000000)
#define NEVER UINT64_MAX
#define NOBODY UINT32_MAX

#define HEALTH_MAX 8u
#define RELAYS 3u            /* asked to probe for us */
#define RELAYING_MAX 64u     /* probes made for others at a time */
#define CONFIRMATIONS 2u     /* that make a suspicion as short as it gets */
#define SUSPICION_STRETCH 6u /* longest by shortest */
#define GOSSIP_FANOUT 3u
#define GOSSIP_MULTIPLIER 4u /* times log10 of the members: how often news is told */
#define ACCUSERS_MAX 4u
#define RING_VERSIONS_OUT                                                                          \
    16u /* whoever takes a node out outbids what it does alone meanwhile, a version each: join,    \
           be done, leave.  Else it would be back among those who hold data, with old data */
#define TABLE_LOOK_NS (200 * MS) /* between two looks through all records, if nothing changed */
#define PAUSE_NS (1000 * MS)     /* between two ticks: this process stood still */
#define TIMEOUT_MIN_NS (50 * MS)
#define INDEX_SLOTS (2 * HC_MEMBERS_MAX)

typedef struct record {
    hc_member member;
    uint64_t since_ns;   /* of the state */
    uint32_t sends_left; /* news: so often to be told */
    /* of SUSPECT */
    uint64_t suspect_until_ns;
    uint64_t accusers[ACCUSERS_MAX]; /* marks, see hci_mark */
    bool refused[ACCUSERS_MAX];
    uint32_t accuser_count;
    uint64_t retry_ns; /* of DEAD: when it is looked for again */
} record;

typedef struct probe {
    uint32_t sequence;
    hc_node_id target;
    uint64_t sent_ns, relay_ns, end_ns; /* end 0: none runs */
    bool acked, relayed;
    uint32_t nacks_due;
} probe;

/* A probe made for another. */
typedef struct relaying {
    uint32_t sequence;        /* ours; 0: free */
    uint32_t origin_sequence; /* theirs */
    hc_address origin;
    uint64_t nack_ns, end_ns;
    bool nacked;
} relaying;

struct hc_membership {
    hci_host host;
    hc_membership_options options; /* zeros replaced */
    hc_membership_calls calls;
    record *records; /* number 0 is the node itself */
    uint32_t count, capacity, order_capacity;
    uint32_t news;               /* records with sends left */
    uint16_t index[INDEX_SLOTS]; /* number + 1 of a record; 0: free */
    uint32_t *order;             /* of probing: numbers of records, shuffled */
    uint32_t order_at;
    uint64_t random;
    uint32_t sequence;
    unsigned health;
    uint64_t rtt_ns, rtt_deviation_ns; /* smoothed; 0: not measured */
    probe probe;
    relaying relaying[RELAYING_MAX];
    uint64_t table_ns; /* when the records are to be looked through again */
    uint64_t ticked_ns, probe_ns, gossip_ns, sync_ns, seeds_ns;
    hc_address seeds[HC_MEMBERSHIP_SEEDS_MAX];
    uint32_t seed_count;
    bool left, superseded;
    hc_membership_stats stats;
    uint8_t message[HC_MEMBERSHIP_MESSAGE_BYTES_MAX];
};

/* ---- member_wire.c ---- */

typedef enum message_kind {
    MESSAGE_PING = 1,     /* sequence, target; ACK is due */
    MESSAGE_ACK = 2,      /* sequence */
    MESSAGE_PING_REQ = 3, /* sequence, target, its address; ACK or NACK is due */
    MESSAGE_NACK = 4,     /* sequence: it has not answered me yet */
    MESSAGE_GOSSIP = 5,
    MESSAGE_SYNC = 6,  /* all records, and yours please */
    MESSAGE_SYNCED = 7 /* all records */
} message_kind;

typedef struct message {
    message_kind kind;
    uint32_t sequence;
    hc_node_id sender;
    uint64_t sender_boot;
    hc_node_id target;         /* PING, PING_REQ */
    hc_address target_address; /* PING_REQ */
    hc_span attachment;        /* PING, ACK */
    hc_span records;           /* read with hci_wire_record */
} message;

/* What one member says of another: the record and who accuses it. */
typedef struct news {
    hc_member member;
    uint64_t accuser; /* of SUSPECT; a mark */
    bool refused;
} news;

/* Writes a message without its records to members->message; returns its bytes so far. */
size_t hci_wire_begin(hc_membership *members, const message *what);
/* Adds a record, if it fits below `bytes_max`; returns the bytes then. */
size_t hci_wire_add(hc_membership *members, size_t bytes, const record *of, size_t bytes_max);
/* Puts the length and the checksum; returns the whole. */
hc_span hci_wire_end(hc_membership *members, size_t bytes);
/*   HC_ERR_CORRUPT, HC_ERR_UNSUPPORTED */
hc_status hci_wire_open(const hc_membership *members, hc_span bytes, message *out);
/* Takes the next record; false: there is none, or the rest is not one. */
bool hci_wire_record(hc_span *records, news *out);
#define WIRE_TAIL_BYTES 16u /* what hci_wire_end adds */

/* ---- member_table.c ---- */

uint64_t hci_mark(const hc_node_id *id); /* a short name of a node */
bool hci_same_id(const hc_node_id *a, const hc_node_id *b);
bool hci_same_address(const hc_address *a, const hc_address *b);
uint32_t hci_table_find(const hc_membership *members, const hc_node_id *id); /* or NOBODY */
/*   HC_ERR_LIMIT, HC_ERR_NO_MEMORY */
hc_status hci_table_add(hc_membership *members, uint64_t now_ns, const hc_member *member);
void hci_table_remove(hc_membership *members, uint32_t number);
/* Takes over what is newer in `what`; it becomes news to tell. */
void hci_table_merge(hc_membership *members, uint64_t now_ns, const news *what);
/* This node suspects that one. */
void hci_table_accuse(hc_membership *members, uint64_t now_ns, uint32_t number, bool refused);
/* Suspicions whose time is over; the dead whose time in the ring is over; those to forget. */
uint64_t hci_table_tick(hc_membership *members, uint64_t now_ns);
void hci_table_tell(hc_membership *members, uint32_t number); /* it is news */
/* This node has something new to say of itself. */
void hci_table_renew(hc_membership *members, uint32_t incarnation_over);
void hci_table_shift(hc_membership *members, uint64_t by_ns);
unsigned hci_table_alive(const hc_membership *members); /* this node included */

static inline record *self_of(hc_membership *members)
{
    return &members->records[0];
}

static inline bool is_there(const record *r)
{
    return r->member.state == HC_MEMBER_ALIVE || r->member.state == HC_MEMBER_SUSPECT;
}

/* ---- member_probe.c ---- */

uint64_t hci_probe_interval_ns(const hc_membership *members); /* of a healthy one */
uint64_t hci_probe_tick(hc_membership *members, uint64_t now_ns);
void hci_probe_message(hc_membership *members, uint64_t now_ns, const hc_address *from,
                       bool reliable, const message *what);
void hci_probe_shift(hc_membership *members, uint64_t by_ns);
void hci_health_change(hc_membership *members, int by);

/* ---- member_gossip.c ---- */

/* Those of the dead that are to be asked again. */
uint64_t hci_dead_tick(hc_membership *members, uint64_t now_ns);
uint64_t hci_gossip_tick(hc_membership *members, uint64_t now_ns);
/* A datagram with what is new, the record `first` (or NOBODY) before all. */
void hci_gossip_send(hc_membership *members, const hc_address *to, bool reliable,
                     const message *what, uint32_t first);
void hci_sync_send(hc_membership *members, const hc_address *to, message_kind kind);
void hci_sync_seeds(hc_membership *members, uint64_t now_ns, bool all);

/* ---- membership.c ---- */

void hci_send(hc_membership *members, const hc_address *to, bool reliable, hc_span bytes);
uint64_t hci_random_next(hc_membership *members);
static inline uint32_t random_below(hc_membership *members, uint32_t bound)
{
    return (uint32_t)((hci_random_next(members) >> 32) * bound >> 32);
}
message hci_message_of(const hc_membership *members, message_kind kind);

#endif
