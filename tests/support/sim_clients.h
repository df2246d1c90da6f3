/*
 * sim_clients.h - clients of a simulated cluster: one request at a time each, and what became of
 * it, written down by key.
 *
 * Keys come in classes, a few of each at a time; a key that was used SIM_KEY_OPS_MAX times makes
 * room for another, so that a history stays short enough to be checked whole:
 *
 *     register   QUORUM: get, set, delete, compare-and-set, set if absent
 *     counter    QUORUM: increment, get
 *     lock       QUORUM: set if absent, delete, get
 *     lease      QUORUM: set with an expiry, get
 *     plain      ONE: get, set, delete, increment; no order is promised, but no value from nowhere
 *     ballast    ONE: large values, so that others are evicted
 *
 * A value is a number that was never written before, the key's number in its low bits.
 */
#ifndef HYPERCACHE_TESTS_SIM_CLIENTS_H
#define HYPERCACHE_TESTS_SIM_CLIENTS_H

#include "support/sim_history.h"
#include "support/sim_nodes.h"

#define SIM_CLIENTS_MAX 8u
#define SIM_KEYS_MAX 512u
#define SIM_KEY_OPS_MAX 60u
#define SIM_KEYS_AT_ONCE 2u /* of each class */
#define SIM_FLUSHES_MAX 64u
#define SIM_CLIENT_PATIENCE_NS (3 * SIM_SECOND)
#define SIM_REPLIES_KEPT 64u
#define SIM_OUTCOMES 8u /* of hc_outcome */

typedef enum sim_class {
    SIM_CLASS_REGISTER,
    SIM_CLASS_COUNTER,
    SIM_CLASS_LOCK,
    SIM_CLASS_LEASE,
    SIM_CLASS_PLAIN,
    SIM_CLASS_BALLAST,
    SIM_CLASSES
} sim_class;

typedef struct sim_key {
    sim_class class;
    char name[16];
    sim_history *history; /* NULL: of plain and ballast */
    uint32_t uses;
    uint64_t acked_version;  /* the highest of a write at QUORUM that was acknowledged */
    uint64_t lease_until_ns; /* when the longest lease written or perhaps written is over */
} sim_key;

typedef struct sim_client {
    uint32_t number, node;
    uint64_t seq, answered;             /* seq of the request under way; up to which all are over */
    uint64_t replied[SIM_REPLIES_KEPT]; /* seqs of replies, late ones too */
    bool waits;
    uint32_t key; /* of the request */
    size_t op;    /* in its history; SIZE_MAX: none */
    size_t flush; /* likewise, of the flush; SIZE_MAX: none */
    uint64_t until_ns;
} sim_client;

typedef struct sim_clients {
    sim_world *world;
    test_random random;
    uint32_t count;
    sim_client clients[SIM_CLIENTS_MAX];
    uint32_t key_count;
    sim_key keys[SIM_KEYS_MAX];
    uint32_t current[SIM_CLASSES][SIM_KEYS_AT_ONCE];
    uint32_t class_weights[SIM_CLASSES]; /* set them before start; 0: none of these */
    sim_op flushes[SIM_FLUSHES_MAX];
    size_t flush_count;
    bool flushes_too, stopped;
    bool leases_exact; /* no clock is wrong: what expired is not read 500 ms later */
    uint32_t think_ms; /* between an answer and the next request, on average */
    int64_t values;    /* given out */
    uint64_t outcomes[SIM_OUTCOMES], unanswered, refused_at_once;
    char broken[160]; /* what a reply showed to be wrong; empty: nothing */
    char broken_name[8];
} sim_clients;

/* The first timers of the world are theirs. */
void sim_clients_init(sim_clients *c, sim_world *world, uint64_t seed, uint32_t count);
void sim_clients_fini(sim_clients *c);
void sim_clients_start(sim_clients *c);
void sim_clients_timer(sim_clients *c, uint32_t timer);
void sim_clients_reply(sim_clients *c, sim_node *at, const hc_reply *reply);
hc_status sim_clients_update(hc_update *update);
/* No more requests; those under way are waited for. */
void sim_clients_stop(sim_clients *c);
bool sim_clients_idle(const sim_clients *c);
/* Has `client` read `key` at QUORUM by way of `node`; stopped clients only. */
void sim_clients_read(sim_clients *c, uint32_t client, uint32_t key, uint32_t node);
/* All that is known of a key, flushes included: each is one step among the key's own. */
void sim_clients_history(const sim_clients *c, uint32_t key, sim_history *out);

#endif
