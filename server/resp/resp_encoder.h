/*
 * resp_encoder.h - the reply table for RESP2 and RESP3: answers as bytes in one growing buffer.
 *
 *     resp_encoder encoder;
 *     resp_encoder_init(&encoder, limit);
 *     encoder.base.protocol = 3;
 *     ... commands call encoder.base.ops ...
 *     send(fd, encoder.data, encoder.size); resp_encoder_clear(&encoder);
 *
 *     reply        RESP2            RESP3
 *     null         $-1              _
 *     null_array   *-1              _
 *     real         $4 1.25          ,1.25
 *     boolean      :1               #t
 *     verbatim     $2 hi            =6 txt:hi
 *     map          *4 (flat)        %2
 *     set, push    *n               ~n  >n
 *
 * Views:   values that lie in a store may be lent for sending from there.  Then `queued` is raised
 *          by RESP_LENT_PENDING, so that nothing more is run before the transport took them; one
 *          command (MGET, EXEC) may lend several, RESP_LENTS_MAX of them at most.
 * Errors:  a reply that finds no memory, or would pass `bytes_max`, sets `failed`; from then on
 *          nothing is added and the connection is to be dropped.
 * Threads: an encoder belongs to one thread.
 */
#ifndef HYPERCACHE_SERVER_RESP_RESP_ENCODER_H
#define HYPERCACHE_SERVER_RESP_RESP_ENCODER_H

#include "command/reply.h"

#define RESP_LENTS_MAX 4096u

typedef struct resp_lent {
    hc_view view;
    size_t at; /* it belongs before data[at] */
} resp_lent;

typedef struct resp_encoder {
    reply base; /* first: commands see only this */
    uint8_t *data;
    size_t size;     /* bytes of answers */
    size_t capacity; /* bytes */
    size_t bulk_at;  /* where the latest bulk began; RESP_NO_BULK: something came after it */
    size_t queued;   /* bytes the same client has waiting elsewhere; pending() adds them */
    size_t bytes_max;
    bool failed;
    bool may_lend;     /* the transport can take views; false after clear */
    resp_lent *lents;  /* in their order; the transport takes all, or clear releases them */
    size_t lent_count; /* 0: none */
    size_t lent_capacity;
} resp_encoder;

#define RESP_NO_BULK SIZE_MAX
#define RESP_LENT_PENDING (SIZE_MAX / 2)

/* Allocates nothing yet.  The protocol is 2. */
void resp_encoder_init(resp_encoder *encoder, size_t bytes_max);
void resp_encoder_fini(resp_encoder *encoder);
/* Of an array that was taken from an encoder: releases the views from number `first` on. */
void resp_lents_release(resp_lent *lents, size_t first, size_t count);
/* Forgets answers and failure; gives back a buffer that only a huge answer needed. */
void resp_encoder_clear(resp_encoder *encoder);

#endif
