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
 * Views:   one value that lies in a store may be lent for sending from there.  Then `queued` is
 *          raised by RESP_LENT_PENDING, so that nothing more is run before the transport took it.
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
    bool may_lend;  /* the transport can take one view; false after clear */
    size_t lent_at; /* `lent` belongs before data[lent_at] */
    hc_view lent;   /* held NULL: none; the transport takes it, or clear releases it */
} resp_encoder;

#define RESP_NO_BULK SIZE_MAX
#define RESP_LENT_PENDING (SIZE_MAX / 2)

/* Allocates nothing yet.  The protocol is 2. */
void resp_encoder_init(resp_encoder *encoder, size_t bytes_max);
void resp_encoder_fini(resp_encoder *encoder);
/* Forgets answers and failure; gives back a buffer that only a huge answer needed. */
void resp_encoder_clear(resp_encoder *encoder);

#endif
