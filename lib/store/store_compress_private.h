/*
 * store_compress_private.h - the compressor of a store, as its two files see it.
 *
 *     store_compress.c   codecs, packing, unpacking
 *     store_train.c      samples, training, the ring of dictionaries
 *
 * A thread sticks to one stripe (hci_read_stripe), finds its codec there as a rule, and counts
 * there.
 */
#ifndef HYPERCACHE_STORE_COMPRESS_PRIVATE_H
#define HYPERCACHE_STORE_COMPRESS_PRIVATE_H

#include "store/store_compress.h"

#define ZSTD_STATIC_LINKING_ONLY /* only these calls take the host's memory */
#include <zstd.h>

#define COMPRESSION_LEVEL 1
/* Up to here a dictionary helps; larger values bring their own context. */
#define SMALL_VALUE_BYTES_MAX 8192u
/* Larger ones stay raw: no call should keep a core for more than some milliseconds. */
#define COMPRESSED_VALUE_BYTES_MAX (4u << 20)
#define SAVING_SHIFT 3u /* what does not save an eighth is stored raw */

typedef struct dictionary {
    unsigned number; /* 1..DICTIONARIES_MAX */
    uint64_t id;     /* of all that ever were */
    ZSTD_CDict *compress;
    ZSTD_DDict *decompress;
    uint8_t *bytes; /* both refer to them */
    size_t size;
} dictionary;

typedef struct codec_stripe {
    _Alignas(64) _Atomic(hci_codec *) idle;
    _Atomic uint32_t held;   /* codecs taken here and not yet put back */
    _Atomic uint32_t misses; /* values in a row that did not pay */
    _Atomic uint32_t pause;  /* values to store raw without trying */
    /* of small values; never reset, for training goes by them */
    _Atomic uint64_t small_values, small_raw_bytes, small_stored_bytes;
    _Alignas(64) _Atomic uint64_t compressions; /* values packed */
    _Atomic uint64_t skipped;                   /* values large enough, stored raw */
    _Atomic uint64_t decompressions;
    _Atomic uint64_t compression_ns, decompression_ns; /* projected from one in TIMED_ONE_IN */
} codec_stripe;

typedef enum retire_phase { RETIRE_NONE, RETIRE_WRITERS, RETIRE_READERS } retire_phase;

/* Small values written, since the store was made or some moment after. */
typedef struct small_sums {
    uint64_t values, raw_bytes, stored_bytes;
} small_sums;

struct hci_compressor {
    uint32_t value_bytes_min;
    _Atomic uint64_t bytes; /* of memory */
    _Atomic(dictionary *) current;
    _Atomic(dictionary *) dictionaries[DICTIONARIES_MAX + 1]; /* number 0 stays NULL */
    _Atomic uint64_t trainings;
    codec_stripe stripes[STRIPES];

    hci_lock train_lock;  /* only ever tried; guards the rest */
    small_sums window;    /* when the window being watched began */
    uint64_t train_at;    /* small values written that the next training waits for */
    uint64_t patience;    /* small values between trainings; grows when one brought nothing */
    uint64_t next_id;     /* of a dictionary */
    uint32_t baseline;    /* stored bytes in 1/1024 of raw ones after training; 0: not known yet */
    uint32_t sample_next; /* shard */
    retire_phase phase;
    unsigned retiring; /* number of a dictionary */
    uint64_t quiet;    /* one bit for each stripe seen without a codec in use */
};
static_assert(STRIPES == 64, "quiet has one bit a stripe");

/* Memory of the host's, counted; `bytes` > 0. */
void *hci_compressor_allocate(hc_store *store, size_t bytes);
void hci_compressor_release(hc_store *store, void *block, size_t bytes);
ZSTD_customMem hci_compressor_memory(hc_store *store);
/* The frame that `with` (may be NULL) makes of `value`; 0 when `room` is too small, or no memory.
 */
size_t hci_codec_frame(hc_store *store, hci_codec *codec, const dictionary *with, hc_span value,
                       void *room, size_t room_bytes);
void hci_train_init(hci_compressor *c);
/* Accepts NULL. */
void hci_dictionary_destroy(hc_store *store, dictionary *d);

#endif
