/*
 * sim_replicas.h - a cluster of replicas with real stores on a network in memory; who is a member,
 * and alive, is what the test says.
 *
 *     sim_replicas *c = sim_replicas_start(seed, 3);
 *     sim_replicas_run(c, 2);                                virtual seconds
 *     sim_reply *said = sim_replica_set(c, 0, HC_LEVEL_ONE, "key", "value");
 *     sim_replicas_run(c, 1);
 */
#ifndef HYPERCACHE_TESTS_SIM_REPLICAS_H
#define HYPERCACHE_TESTS_SIM_REPLICAS_H

#include "support/sim_network.h"
#include "support/test_clock.h"

#include <hypercache/replication.h>

#define SIM_REPLICAS_MAX 16u
#define SIM_REPLIES_MAX 8192u

typedef struct sim_replicas sim_replicas;

/* What became of a request; `said` is false until then. */
typedef struct sim_reply {
    bool said;
    hc_outcome outcome;
    hc_status status;
    uint64_t version;
    uint32_t have, need;
    char value[64]; /* text */
} sim_reply;

typedef struct sim_replica {
    sim_replicas *in;
    uint32_t number;
    hc_replica *replica; /* NULL: down */
    hc_store *store;
    uint64_t boot_id;
    uint64_t flush;  /* the last that it told, as its disk has it */
    int64_t skew_ms; /* of its wall clock */
    bool ready, may_flip;
    char text[64];               /* of an update */
    char texts[2][64];           /* of a group */
    uint64_t epoch, topology_id; /* as told */
    unsigned
        traced[HC_TRACED_KINDS]; /* of hc_traced_kind: that came with the trace of the cluster */
    unsigned strangers, untaken; /* with another one; not taken */
} sim_replica;

struct sim_replicas {
    sim_network *network;
    test_random random;
    hc_host host;
    uint32_t count;
    sim_replica nodes[SIM_REPLICAS_MAX];
    hc_member members[SIM_REPLICAS_MAX]; /* what all are told: see sim_replicas_tell */
    hc_replica_options options;          /* for those to be started */
    hc_store_options store_options;
    hc_trace_context trace; /* of requests */
    hc_span correlation;    /* likewise */
    bool respans;   /* who runs a request goes on under its own span, of bytes 0xE0 + its number */
    uint32_t flags; /* likewise */
    sim_reply replies[SIM_REPLIES_MAX];
    uint32_t reply_count;
    uint32_t rules_off; /* of those to be started: see replication_internal.h */
};

/* Nobody runs yet. */
sim_replicas *sim_replicas_make(uint64_t seed, uint32_t count);
/* All run, and know each other. */
sim_replicas *sim_replicas_start(uint64_t seed, uint32_t count);
void sim_replicas_end(sim_replicas *c);
void sim_replicas_run(sim_replicas *c, double seconds);

/* `keep`: with what its store had before. */
void sim_replica_start(sim_replicas *c, uint32_t number, bool keep);
void sim_replica_stop(sim_replicas *c, uint32_t number, bool keep);
/* All that run hear of the members. */
void sim_replicas_tell(sim_replicas *c);
void sim_replica_tell(sim_replica *n); /* this one alone */
void sim_replica_state(sim_replicas *c, uint32_t number, hc_member_state state);
hc_moment sim_replica_now(const sim_replica *at);

sim_reply *sim_replica_ask(sim_replicas *c, uint32_t at, hc_request_kind kind, hc_level level,
                           const char *key, const char *value);
sim_reply *sim_replica_set(sim_replicas *c, uint32_t at, hc_level level, const char *key,
                           const char *value);
sim_reply *sim_replica_get(sim_replicas *c, uint32_t at, hc_level level, const char *key);
/* Takes `amount` from the first key and gives it to the second; HC_ERR_CONFLICT if there is less.
 * They have one hash tag. */
sim_reply *sim_replica_transfer(sim_replicas *c, uint32_t at, hc_level level, const char *from,
                                const char *to, const char *amount);
/* Asks and lets a second pass. */
sim_reply sim_replica_do(sim_replicas *c, uint32_t at, hc_request_kind kind, hc_level level,
                         const char *key, const char *value);

/* The number of the node that acts for the key, as `at` sees it. */
uint32_t sim_replica_acting(sim_replicas *c, uint32_t at, const char *key);
/* A key for which `number` acts. */
const char *sim_replica_key(sim_replicas *c, uint32_t number, unsigned nth);
/* All that hold a slot have the same of it. */
bool sim_replicas_agree(sim_replicas *c);

#endif
