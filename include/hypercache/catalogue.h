/*
 * catalogue.h - which named stores a cluster has: every node knows all of them, and makes and drops
 * them where anybody did.
 *
 *     hc_catalogue *catalogue;
 *     hc_catalogue_create(host, &options, &calls, now, &catalogue);
 *     hc_catalogue_members(catalogue, now, members, member_count);    whenever they change
 *     hc_catalogue_add(catalogue, now, HC_SPAN("users"), settings, &store_id);
 *     for (;;) {  wait for a message, or until `next_ns`
 *         if (hc_catalogue_is_message(message)) hc_catalogue_receive(catalogue, now, message);
 *         else if (hc_replica_message_peek(message, &store_id, &from) == HC_OK) {
 *             if (there is a replica for store_id) hc_replica_receive(it, now, message);
 *             else hc_catalogue_hold(catalogue, now, store_id, &from, message);
 *         }
 *         uint64_t next_ns = hc_catalogue_tick(catalogue, now);
 *     }
 *
 * A machine without I/O, as replication.h.
 *
 * Life:      a name has generations: making a store begins one, dropping it ends it.  The id of a
 *            store follows from its name and generation, so a store that was dropped and made again
 *            is another one, and two nodes that make a name at once make the same store.
 * Merging:   the later generation wins; of one generation an end wins; of two beginnings the one
 *            that was made earlier, then the one of the smaller settings.  In any order, any
 *            number of times: all nodes come to the same.
 * Ends:      are kept, the last HC_CATALOGUE_ENDS_MAX of them, so that a node that was away brings
 *            no store back.
 * Unknown:   a message for a store that is not known here waits, within bounds, while its sender is
 *            asked for the definition; then it is delivered, or dropped when the store has ended.
 * Ownership: everything passed in is copied.
 * Threads:   one at a time for each object; `calls` come from inside the calls below and must not
 *            call back.
 */
#ifndef HYPERCACHE_CATALOGUE_H
#define HYPERCACHE_CATALOGUE_H

#include <hypercache/host.h>
#include <hypercache/membership.h>
#include <hypercache/replication.h>
#include <hypercache/stores.h>
#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hc_catalogue hc_catalogue;

#define HC_CATALOGUE_ENDS_MAX 1024u /* of stores that are no more; the oldest are forgotten */
#define HC_CATALOGUE_SETTINGS_BYTES_MAX 256u
#define HC_CATALOGUE_MESSAGE_BYTES_MAX (1u << 20)

typedef struct hc_definition {
    size_t size;
    hc_span name;     /* borrowed until the next call that takes `now` */
    hc_span settings; /* likewise; what the program gave to hc_catalogue_add */
    uint64_t store_id;
    int64_t made_at_ms; /* Unix time */
    uint32_t generation;
    uint32_t dropped; /* 0 or 1 */
} hc_definition;

typedef struct hc_catalogue_calls {
    size_t size;
    void *ctx;
    /* Over the link to that node; may be lost. */
    void (*send)(void *ctx, const hc_node_id *to, hc_span message);
    /* A store has begun, or ended (definition->dropped): make or drop it.  Not for what this node
     * itself added or dropped.  It may come for a store that is there already, when another node's
     * settings have won. */
    void (*changed)(void *ctx, const hc_definition *definition);
    /* A message that waited: the store is known now. */
    void (*deliver)(void *ctx, uint64_t store_id, hc_span message);
} hc_catalogue_calls;

typedef struct hc_catalogue_options {
    size_t size;
    uint64_t cluster_id;
    uint8_t secret[HC_MEMBERSHIP_SECRET_BYTES];
    hc_node_id self;
    uint32_t stores_max;     /* 1..HC_STORES_MAX; 0: HC_STORES_MAX */
    hc_span image;           /* as hc_catalogue_image gave it; empty: none.  Not told of */
    uint32_t compare_ms;     /* with one other node in turn; 0: 2000 */
    uint32_t hold_ms;        /* a message waits at most so long; 0: 2000 */
    uint64_t hold_bytes_max; /* of all that wait; 0: 4 MiB */
} hc_catalogue_options;

/*   HC_ERR_INVALID, HC_ERR_UNSUPPORTED, HC_ERR_NO_MEMORY
 *   HC_ERR_CORRUPT  the image */
HC_API
hc_status hc_catalogue_create(const hc_host *host, const hc_catalogue_options *options,
                              const hc_catalogue_calls *calls, hc_moment now,
                              hc_catalogue **catalogue_out);
/* Accepts NULL. */
HC_API
void hc_catalogue_destroy(hc_catalogue *catalogue);

/* All members, as hc_replica_members.
 *   HC_ERR_LIMIT, HC_ERR_NO_MEMORY */
HC_API
hc_status hc_catalogue_members(hc_catalogue *catalogue, hc_moment now, const hc_member *members,
                               size_t count);

/* Begins a store of this name.
 *   HC_ERR_EXISTS   there is one
 *   HC_ERR_INVALID  the name does not fit (hc_store_name_fits), or the settings are too long
 *   HC_ERR_LIMIT    there are stores_max
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_catalogue_add(hc_catalogue *catalogue, hc_moment now, hc_span name, hc_span settings,
                           uint64_t *store_id_out);
/* Ends it, everywhere and for good.
 *   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_catalogue_drop(hc_catalogue *catalogue, hc_moment now, hc_span name);

/*   HC_ERR_NOT_FOUND  there is none, or it has ended */
HC_API
hc_status hc_catalogue_find(const hc_catalogue *catalogue, hc_span name, hc_definition *out);
/* Those that have ended included; 0 .. hc_catalogue_count()-1.
 *   HC_ERR_NOT_FOUND */
HC_API
hc_status hc_catalogue_at(const hc_catalogue *catalogue, size_t index, hc_definition *out);
HC_API
size_t hc_catalogue_count(const hc_catalogue *catalogue);

/* Is it one for a catalogue?  Nothing is believed yet. */
HC_API
bool hc_catalogue_is_message(hc_span message);
/* Any bytes are safe.
 *   HC_ERR_CORRUPT      not of this cluster, or damaged; dropped
 *   HC_ERR_UNSUPPORTED  of a version not known here; dropped
 *   HC_ERR_NOT_FOUND    of a node that is not known; dropped */
HC_API
hc_status hc_catalogue_receive(hc_catalogue *catalogue, hc_moment now, hc_span message);
/* Keeps a message for a store without a replica here until the store is known; asks `from`.
 *   HC_ERR_NOT_FOUND  the store has ended, or the node is not known: the message is dropped
 *   HC_ERR_LIMIT      hold_bytes_max wait already: likewise
 *   HC_ERR_NO_MEMORY */
HC_API
hc_status hc_catalogue_hold(hc_catalogue *catalogue, hc_moment now, uint64_t store_id,
                            const hc_node_id *from, hc_span message);
/* Does what is due; returns when to call again at the latest. */
HC_API
uint64_t hc_catalogue_tick(hc_catalogue *catalogue, hc_moment now);

/* What to keep over a restart: writes at most `bytes` to `to` and returns how many there are. */
HC_API
size_t hc_catalogue_image(const hc_catalogue *catalogue, void *to, size_t bytes);

typedef struct hc_catalogue_stats {
    size_t size;
    uint64_t stores, ends;
    uint64_t sent, received, dropped;         /* messages; bad ones */
    uint64_t held, held_bytes;                /* now waiting */
    uint64_t delivered, held_late, held_full; /* of those that waited; for too long; no room */
    uint64_t digest;                          /* equal where the same is known */
} hc_catalogue_stats;
HC_API
void hc_catalogue_stats_get(const hc_catalogue *catalogue, hc_catalogue_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
