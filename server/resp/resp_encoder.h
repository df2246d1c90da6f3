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
 * Errors:  a reply that finds no memory, or would pass `bytes_max`, sets `failed`; from then on
 *          nothing is added and the connection is to be dropped.
 * Threads: an encoder belongs to one thread.
 */
#ifndef HYPERCACHE_SERVER_RESP_RESP_ENCODER_H
#define HYPERCACHE_SERVER_RESP_RESP_ENCODER_H

#include "command/reply.h"

typedef struct resp_encoder {
    reply base; /* first: commands see only this */
    uint8_t *data;
    size_t size;     /* bytes of answers */
    size_t capacity; /* bytes */
    size_t bulk_at;  /* where the latest bulk began; RESP_NO_BULK: something came after it */
    size_t queued;   /* bytes the same client has waiting elsewhere; pending() adds them */
    size_t bytes_max;
    bool failed;
} resp_encoder;

#define RESP_NO_BULK SIZE_MAX

/* Allocates nothing yet.  The protocol is 2. */
void resp_encoder_init(resp_encoder *encoder, size_t bytes_max);
void resp_encoder_fini(resp_encoder *encoder);
/* Forgets answers and failure; gives back a buffer that only a huge answer needed. */
void resp_encoder_clear(resp_encoder *encoder);

#endif
