/*
 * catalogue_private.h - the parts of a catalogue.
 *
 *     catalogue.c         definitions: made, dropped, merged; who is told
 *     catalogue_wire.c    messages and images to bytes and back
 *     catalogue_hold.c    messages for stores that are not known yet
 */
#ifndef HYPERCACHE_CATALOGUE_PRIVATE_H
#define HYPERCACHE_CATALOGUE_PRIVATE_H

#include "host/host_internal.h"

#include <hypercache/catalogue.h>

#define MS UINT64_C(1000000)
#define NOWHERE UINT32_MAX

typedef struct definition {
    uint8_t name_bytes;
    uint16_t settings_bytes;
    bool dropped;
    uint32_t generation; /* 1 and up */
    int64_t made_at_ms;  /* of a dropped one: when it was dropped */
    uint64_t store_id;
    uint8_t name[HC_STORE_NAME_BYTES_MAX];
    uint8_t settings[HC_CATALOGUE_SETTINGS_BYTES_MAX];
} definition;

typedef struct waiting {
    struct waiting *next;
    uint64_t store_id, until_ns;
    size_t bytes; /* of the message behind it */
} waiting;

struct hc_catalogue {
    hci_host host;
    hc_catalogue_options options;
    hc_catalogue_calls calls;
    definition *definitions;
    uint32_t count, capacity;
    hc_node_id *nodes; /* other members that may be asked */
    uint32_t node_count, node_capacity;
    uint32_t compared; /* the one in turn */
    uint64_t compare_ns;
    waiting *first, *last;
    uint8_t *message;
    size_t message_capacity;
    hc_catalogue_stats stats;
};

/* ---- catalogue.c ---- */
uint32_t hci_catalogue_by_id(const hc_catalogue *c, uint64_t store_id); /* or NOWHERE */
hc_definition hci_catalogue_show(const definition *d);
/* Takes over what is newer; true: something is. */
bool hci_catalogue_merge(hc_catalogue *c, const definition *said, bool tell);
uint64_t hci_catalogue_digest(const hc_catalogue *c);
uint64_t hci_catalogue_store_id(hc_span name, uint32_t generation);

/* ---- catalogue_wire.c ---- */
typedef enum catalogue_kind {
    CATALOGUE_DIGEST = 1, /* what do you know? */
    CATALOGUE_SOME = 2,   /* definitions */
    CATALOGUE_ALL = 3,    /* all that the sender has; `number`: and yours, please */
    CATALOGUE_ASK = 4     /* number: of a store */
} catalogue_kind;

typedef struct catalogue_message {
    catalogue_kind kind;
    hc_node_id from;
    uint64_t number; /* DIGEST, ALL, ASK */
    hc_span rest;    /* definitions, taken with hci_catalogue_take */
} catalogue_message;

/* A message with the definition `only`, or all of them (NOWHERE, of ALL), or none; empty: no
 * memory. */
hc_span hci_catalogue_make(hc_catalogue *c, catalogue_kind kind, uint64_t number, uint32_t only);
hc_status hci_catalogue_open(const hc_catalogue *c, hc_span bytes, catalogue_message *out);
/* False: the end, or the rest is not one. */
bool hci_catalogue_take(hc_span *rest, definition *out);

/* ---- catalogue_hold.c ---- */
void hci_hold_deliver(hc_catalogue *c, uint64_t store_id, bool drop);
uint64_t hci_hold_tick(hc_catalogue *c, uint64_t now_ns);
void hci_hold_fini(hc_catalogue *c);

#endif
