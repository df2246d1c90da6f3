/*
 * store_write.h - one write to one shard, whose lock the caller holds.
 */
#ifndef HYPERCACHE_STORE_WRITE_H
#define HYPERCACHE_STORE_WRITE_H

#include "store/store_private.h"

/* A value on its way in. */
typedef struct new_value {
    hc_span raw;    /* as it was given */
    hc_span stored; /* the same, or compressed */
    uint8_t flags;  /* of `stored`: 0 or ITEM_COMPRESSED */
} new_value;

typedef struct write_request {
    hc_span key;
    hc_span parts[2]; /* the value, in one or two pieces */
    size_t value_bytes;
    int64_t expires_at_ms; /* decided: HC_EXPIRY_NONE is none */
    hc_type type;
    uint8_t flags;      /* ITEM_COMPRESSED: `parts` or `extent` are in the stored form */
    hci_extent *extent; /* ready made for large values; taken over on success */
    bool silent;        /* content is as before: nobody is told */
    hc_effect_kind effect;
    hc_span told;  /* the effect's value */
    size_t offset; /* of HC_EFFECT_PATCH */
} write_request;

bool hci_value_is_large(size_t key_bytes, size_t value_bytes);
hc_status hci_write_set(hc_store *store, shard *s, uint64_t hash, hc_span key,
                        const new_value *value, const hc_set_options *options, hci_extent **extent);
/* A large value over one of its size that nobody is reading, in its extent: no memory to find, no
 * pages to touch for the first time.  False: it must be written the other way. */
#define OVER_EXTENT_BYTES_MAX (4u << 20) /* copied under the lock */
bool hci_write_over_extent(hc_store *store, shard *s, uint64_t hash, hc_span key,
                           const new_value *value, const hc_set_options *options);
hc_status hci_write_expire(hc_store *store, shard *s, uint64_t hash, hc_span key,
                           int64_t expires_at_ms);
hc_status hci_write_delete(hc_store *store, shard *s, uint64_t hash, hc_span key);
hc_status hci_write_delete_if(hc_store *store, shard *s, uint64_t hash, hc_span key,
                              uint64_t version);
hc_status hci_write_append(hc_store *store, shard *s, uint64_t hash, hc_span key, hc_span tail,
                           size_t *size_out);
/* store_patch.c: hc_txn_patch to a locked shard. */
hc_status hci_write_patch(hc_store *store, shard *s, uint64_t hash, hc_span key, size_t offset,
                          hc_span patch, size_t *size_out);
hc_status hci_write_increment(hc_store *store, shard *s, uint64_t hash, hc_span key, int64_t delta,
                              int64_t *value_out);
/* Parts of the above, for store_patch.c: a live compressed item as it was before; the item as the
 * request has it, in place of what there is; followers hear of what was done in place. */
hc_status hci_write_unpack(hc_store *store, shard *s, uint64_t hash, hc_span key);
hc_status hci_write_put(hc_store *store, shard *s, uint64_t hash, const write_request *request);
void hci_write_told(hc_store *store, shard *s, const write_request *request);
/* When a write that names no expiry expires. */
int64_t hci_write_default_expiry(const hc_store *store);
/* The live item of `key`; an expired one is not found. */
bool hci_write_find(hc_store *store, shard *s, uint64_t hash, hc_span key, slot *slot_out,
                    item_ref *item_out);

#endif
