/*
 * store_compress.h - values stored smaller than they are, and read back as they were.
 *
 * What stands in place of a compressed value (ITEM_COMPRESSED) is a head of 2..5 bytes and what is
 * left of a zstd frame (RFC 8878) when all that can be told without it is taken away:
 *
 *     | dictionary:4  size code:2  whole:1  0 | raw size 1, 2 or 4 | block          |   short
 *     |  "                                    |  "                 | the whole frame |   whole
 *
 * The short form is that of one compressed block, hence of nearly every value: magic number, frame
 * header, raw size and block header, 9 bytes at least, follow from the head and the item's size.
 * Dictionary 0 is none.  Every value names its own, so old ones stay readable after training.
 *
 * Threads.  Reader and writer alike hold a codec (contexts and buffers, one a thread as a rule)
 * from before they look at a dictionary until they are through with it; store_train.c frees a
 * dictionary only when no item uses it and every codec has been put back since.
 * Errors: packing cannot fail, the value is stored raw then.  Unpacking needs memory.
 */
#ifndef HYPERCACHE_STORE_COMPRESS_H
#define HYPERCACHE_STORE_COMPRESS_H

#include "store/store_private.h"
#include "store/store_write.h"

#define COMPRESSION_MIN_BYTES_DEFAULT 64u
#define COMPRESSION_MIN_BYTES_MIN 32u /* hence no number is compressed */
#define PACKED_HEAD_BYTES_MAX 5u
#define PACKED_DICTIONARY 0x0Fu
#define PACKED_SIZE_SHIFT 4u
#define PACKED_WHOLE 0x40u

typedef struct packed_head {
    unsigned dictionary;
    bool whole;
    uint32_t raw_bytes;
    uint32_t head_bytes;
} packed_head;

/* Decodes the head at `from`, of which 8 bytes can be read.  Any bytes are safe. */
static inline packed_head packed_head_get(const uint8_t *from)
{
    packed_head head = {.dictionary = from[0] & PACKED_DICTIONARY,
                        .whole = (from[0] & PACKED_WHOLE) != 0};
    uint32_t size_bytes = 1u << (from[0] >> PACKED_SIZE_SHIFT & 3);
    if (size_bytes > 4) size_bytes = 4; /* torn */
    memcpy(&head.raw_bytes, from + 1, size_bytes);
    head.head_bytes = 1 + size_bytes;
    return head;
}

typedef struct hci_codec hci_codec;

/* Both set store->compressor; without compression it stays NULL. */
hc_status hci_compressor_create(hc_store *store, const hc_store_options *options);
void hci_compressor_destroy(hc_store *store);

/* A value as it will be stored. */
typedef struct packing {
    new_value value;  /* what is stored is as given, or lives in `codec` */
    hci_codec *codec; /* held until hci_pack_end; may be NULL */
} packing;

/* Cannot fail.  Takes no lock; may run under one. */
packing hci_pack(hc_store *store, hc_span value);
void hci_pack_end(hc_store *store, packing *packed);

/* NULL: no memory. */
hci_codec *hci_codec_take(hc_store *store);
/* Accepts NULL. */
void hci_codec_put(hc_store *store, hci_codec *codec);
/* Room for the stored bytes of a value; valid until the next call.  NULL: no memory. */
uint8_t *hci_codec_stored_room(hc_store *store, hci_codec *codec, size_t bytes);
/* Unpacks `stored` to `to`, which has room for its raw size.  `stored` may be what
 * hci_codec_stored_room gave.
 *   HC_ERR_NO_MEMORY
 *   HC_ERR_CORRUPT    cannot happen to bytes that hci_pack made */
hc_status hci_unpack(hc_store *store, hci_codec *codec, hc_span stored, void *to);
/* The same to a buffer of the codec's, valid until the next call.  *value_out has no data on error.
 */
hc_status hci_unpack_view(hc_store *store, hci_codec *codec, hc_span stored, hc_span *value_out);

/* The raw value of a compressed item for hc_txn_get, until hci_views_drop.
 *   HC_ERR_NO_MEMORY */
hc_status hci_views_add(hc_txn *txn, hc_span stored, hc_span *value_out);
void hci_views_drop(hc_txn *txn);

/* The raw size of a stored value. */
size_t hci_unpacked_bytes(hc_span stored);
/* Bytes of an item's value for everybody outside the store.  Under the lock. */
size_t hci_item_raw_bytes(const item_ref *item);
/* An item begins or ceases to be what the index points at; does nothing for raw ones. */
void hci_packed_account(shard *s, const item_ref *item, int sign);

/* Trains a dictionary when one is due, and frees one that nobody needs. */
void hci_compressor_maintain(hc_store *store);
void hci_compressor_stats(hc_store *store, hc_store_stats *out);
void hci_compressor_stats_reset(hc_store *store);
/* Of contexts, buffers and dictionaries; counted in memory_bytes. */
uint64_t hci_compressor_bytes(const hc_store *store);

#endif
