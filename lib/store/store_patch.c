/*
 * store_patch.c - writing over a part of a string, without writing the rest again.
 *
 *     in a block of its own, not being read, with room      the bytes change where they lie
 *     in a block otherwise                                  a new block, with room to grow if it
 * grew packed in a segment, and staying small                the item anew: less than 8 KiB
 *
 * A block that somebody views is never changed (store_extent.c), hence the copy; it is this key's
 * alone afterwards.  A compressed value is unpacked first and stays so, as when it is appended to.
 */
#include "store/store_private.h"
#include "store/store_write.h"

#define PATCH_SLACK_BYTES_MAX (64u << 20)

/* What is to be done to one key, whose value has `old_bytes` now. */
typedef struct patching {
    hc_span key, patch;
    size_t offset;
    size_t old_bytes, new_bytes;
} patching;

/* Zero bytes from the old end on, then the patch. */
static void apply(const patching *p, uint8_t *value)
{
    if (p->new_bytes > p->old_bytes) memset(value + p->old_bytes, 0, p->new_bytes - p->old_bytes);
    if (p->patch.size > 0) memcpy(value + p->offset, p->patch.data, p->patch.size);
}

/* Followers hear of the whole value: an effect is a result, not an operation. */
static write_request request_make(const hc_store *store, const patching *p, const item_ref *item,
                                  const uint8_t *value)
{
    bool created = item == NULL;
    return (write_request){.key = p->key,
                           .value_bytes = p->new_bytes,
                           .expires_at_ms = created ? hci_write_default_expiry(store)
                                                    : item->header.expires_at_ms,
                           .effect = HC_EFFECT_SET,
                           .told = hc_span_make(value, p->new_bytes),
                           .silent = p->patch.size == 0 && p->new_bytes == p->old_bytes};
}

static bool fits(const patching *p, const hci_extent *extent)
{
    return extent->references == 1 && p->new_bytes <= extent->capacity - extent->key_bytes;
}

/* The stub of a value that grows is written first, for that may fail; the bytes that were there
 * change when nothing can. */
static hc_status patch_in_extent(hc_store *store, shard *s, uint64_t hash, const patching *p,
                                 const item_ref *item)
{
    hci_extent *extent = item->extent;
    uint8_t *value = extent->bytes + extent->key_bytes;
    write_request request = request_make(store, p, item, value);
    if (p->new_bytes > p->old_bytes) {
        write_request grow = request;
        grow.silent = true;
        grow.extent = extent;
        memset(value + p->old_bytes, 0, p->new_bytes - p->old_bytes);
        extent->value_bytes = p->new_bytes;
        extent->references++; /* of the stub to come; the one there is gives its own up */
        hc_status status = hci_write_put(store, s, hash, &grow);
        if (status != HC_OK) {
            extent->value_bytes = p->old_bytes;
            hci_extent_release(store, extent);
            return status;
        }
    }
    if (p->patch.size > 0) memcpy(value + p->offset, p->patch.data, p->patch.size);
    hci_write_told(store, s, &request);
    return HC_OK;
}

/* Only a value that grows at its end is likely to grow on. */
static size_t capacity_for(const patching *p)
{
    size_t bytes = p->new_bytes;
    if (p->new_bytes == p->old_bytes || p->offset > p->old_bytes) return p->key.size + bytes;
    bytes += bytes < PATCH_SLACK_BYTES_MAX ? bytes : PATCH_SLACK_BYTES_MAX;
    return p->key.size + (bytes < HC_VALUE_BYTES_MAX ? bytes : HC_VALUE_BYTES_MAX);
}

static hc_status patch_to_extent(hc_store *store, shard *s, uint64_t hash, patching *p)
{
    slot at;
    item_ref item;
    hc_status status = hci_reclaim_room(store, s, sizeof(hci_extent) + capacity_for(p));
    if (status != HC_OK) return status;
    bool live = hci_write_find(store, s, hash, p->key, &at, &item);
    if (!live) p->old_bytes = 0; /* it was evicted to make the room */
    hc_span old = live ? item.value : hc_span_make(NULL, 0);
    hci_extent *extent = hci_extent_create(store, p->key, &old, 1, capacity_for(p));
    if (extent == NULL) return HC_ERR_NO_MEMORY;
    uint8_t *value = extent->bytes + extent->key_bytes;
    apply(p, value);
    extent->value_bytes = p->new_bytes;
    write_request request = request_make(store, p, live ? &item : NULL, value);
    request.extent = extent;
    status = hci_write_put(store, s, hash, &request);
    if (status != HC_OK) hci_extent_release(store, extent);
    return status;
}

static hc_status patch_packed(hc_store *store, shard *s, uint64_t hash, const patching *p,
                              const item_ref *item)
{
    uint8_t body[PACKED_BYTES_MAX];
    if (p->old_bytes > 0) memcpy(body, item->value.data, p->old_bytes);
    apply(p, body);
    write_request request = request_make(store, p, item, body);
    request.parts[0] = hc_span_make(body, p->new_bytes);
    return hci_write_put(store, s, hash, &request);
}

hc_status hci_write_patch(hc_store *store, shard *s, uint64_t hash, hc_span key, size_t offset,
                          hc_span patch, size_t *size_out)
{
    slot at;
    item_ref item;
    hci_reclaim_ahead(store, s);
    bool live = hci_write_find(store, s, hash, key, &at, &item);
    if (live && item_type(&item.header) != HC_TYPE_STRING) return HC_ERR_TYPE;
    if (live && item.header.flags & ITEM_COMPRESSED) {
        hc_status unpacked = hci_write_unpack(store, s, hash, key);
        if (unpacked != HC_OK) return unpacked;
        live = hci_write_find(store, s, hash, key, &at, &item);
    }
    if (offset > HC_VALUE_BYTES_MAX || patch.size > HC_VALUE_BYTES_MAX - offset)
        return HC_ERR_LIMIT;
    patching p = {.key = key,
                  .patch = patch,
                  .offset = offset,
                  .old_bytes = live ? item.value.size : 0,
                  .new_bytes = offset + patch.size};
    if (p.new_bytes < p.old_bytes) p.new_bytes = p.old_bytes;
    if (size_out != NULL) *size_out = p.new_bytes;
    s->counters.sets++;
    if (live && item.extent != NULL && fits(&p, item.extent))
        return patch_in_extent(store, s, hash, &p, &item);
    bool is_large = hci_value_is_large(key.size, p.new_bytes) || (live && item.extent != NULL);
    return is_large ? patch_to_extent(store, s, hash, &p)
                    : patch_packed(store, s, hash, &p, live ? &item : NULL);
}
