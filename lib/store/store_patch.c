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
#include "store/store_compress.h"
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

/* Followers hear of the whole value, unless it stays where it is (patch_in_extent). */
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
    return extent->references == 1 && p->new_bytes <= extent_room(extent);
}

/* The stub of a value that grows is written first, for that may fail; the bytes that were there
 * change when nothing can. */
static hc_status patch_in_extent(hc_store *store, shard *s, uint64_t hash, const patching *p,
                                 const item_ref *item)
{
    hci_extent *extent = item->extent;
    uint8_t *value = extent_value(extent);
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
    request.effect = HC_EFFECT_PATCH;
    request.told = p->patch;
    request.offset = p->offset;
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

/* The old value is held or copied while room is made, for its item may be evicted by that. */
static hc_status patch_to_extent(hc_store *store, shard *s, uint64_t hash, const patching *p,
                                 const item_ref *item)
{
    uint8_t body[PACKED_BYTES_MAX];
    hci_extent *held = item != NULL ? item->extent : NULL;
    hc_span old = item != NULL ? item->value : hc_span_make(NULL, 0);
    if (held != NULL) {
        held->references++;
    } else if (old.size > 0) {
        memcpy(body, old.data, old.size);
        old.data = body;
    }
    write_request request = {0};
    hc_status status = hci_reclaim_room(store, s, sizeof(hci_extent) + capacity_for(p));
    if (status == HC_OK) {
        request.extent = hci_extent_create(store, p->key, &old, 1, capacity_for(p));
        if (request.extent == NULL) status = HC_ERR_NO_MEMORY;
    }
    if (status == HC_OK) {
        hci_extent *extent = request.extent;
        uint8_t *value = extent_value(extent);
        apply(p, value);
        extent->value_bytes = p->new_bytes;
        request = request_make(store, p, item, value);
        request.extent = extent;
        status = hci_write_put(store, s, hash, &request);
    }
    if (status != HC_OK) hci_extent_release(store, request.extent);
    hci_extent_release(store, held);
    return status;
}

/* Of the size it had, it is overwritten where it lies. */
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

/* Finds the live item of the key, unpacked if it was compressed, for a write up to `end`.  False
 * and HC_OK: there is none.  Only a write that needs room does some of the shard's reclaiming,
 * since that may evict this very item. */
static bool find_raw(hc_store *store, shard *s, uint64_t hash, hc_span key, size_t end,
                     item_ref *item_out, hc_status *status_out)
{
    slot at;
    *status_out = HC_OK;
    bool live = hci_write_find(store, s, hash, key, &at, item_out);
    if (!live || end > hci_item_raw_bytes(item_out)) {
        hci_reclaim_ahead(store, s);
        live = hci_write_find(store, s, hash, key, &at, item_out);
    }
    if (live && item_type(&item_out->header) != HC_TYPE_STRING) {
        *status_out = HC_ERR_TYPE;
    } else if (live && item_out->header.flags & ITEM_COMPRESSED) {
        *status_out = hci_write_unpack(store, s, hash, key);
        live = *status_out == HC_OK && hci_write_find(store, s, hash, key, &at, item_out);
        if (*status_out == HC_OK && !live) *status_out = HC_ERR_FULL; /* evicted by that */
    }
    return live;
}

hc_status hci_write_patch(hc_store *store, shard *s, uint64_t hash, hc_span key, size_t offset,
                          hc_span patch, size_t *size_out)
{
    item_ref item;
    hc_status status;
    bool is_long = offset > HC_VALUE_BYTES_MAX || patch.size > HC_VALUE_BYTES_MAX - offset;
    bool live = find_raw(store, s, hash, key, is_long ? 0 : offset + patch.size, &item, &status);
    if (status != HC_OK) return status;
    if (is_long) return HC_ERR_LIMIT;
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
    return is_large ? patch_to_extent(store, s, hash, &p, live ? &item : NULL)
                    : patch_packed(store, s, hash, &p, live ? &item : NULL);
}
