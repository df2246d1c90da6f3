/*
 * store_write.c - one write to one shard, whose lock the caller holds.
 *
 * A value of the size it had is overwritten in place, the readers being warned (flux).  Any other
 * is written to the open segment first, complete and out of sight, and becomes visible by one
 * store: the slot's place.  So a failure at any point before that leaves the key as it was.
 *
 * Finding room may move or evict items, this key's own too: a slot found before is looked up again.
 */
#include "store/store_write.h"
#include "store/store_compress.h"
#include "store/store_private.h"

#include "base/number.h"

#define SMALL_ITEM_BYTES 256u
#define APPEND_STEPS_MAX 65536u
#define APPEND_SLACK_BYTES_MAX (64u << 20)

typedef struct found {
    bool present; /* in the index, perhaps expired */
    bool live;
    slot at;
    item_ref item;
} found;

static found find(hc_store *store, shard *s, uint64_t hash, hc_span key)
{
    found f = {0};
    f.present = hci_index_find(store, s, hash, key, &f.at);
    if (!f.present) return f;
    item_at(s, hci_index_place(s, f.at), &f.item);
    f.live = !item_expired(store, &f.item.header);
    return f;
}

bool hci_write_find(hc_store *store, shard *s, uint64_t hash, hc_span key, slot *slot_out,
                    item_ref *item_out)
{
    found f = find(store, s, hash, key);
    *slot_out = f.at;
    *item_out = f.item;
    return f.live;
}

bool hci_value_is_large(size_t key_bytes, size_t value_bytes)
{
    return ITEM_HEADER_BYTES_MAX + key_bytes + value_bytes > PACKED_BYTES_MAX;
}

int64_t hci_write_default_expiry(const hc_store *store)
{
    if (store->default_ttl_ms == 0) return HC_EXPIRY_NONE;
    return hci_wall_ms(&store->host) + store->default_ttl_ms;
}

static void expiry_count(shard *s, int64_t before_ms, int64_t after_ms)
{
    s->count_with_expiry -= before_ms != HC_EXPIRY_NONE;
    s->count_with_expiry += after_ms != HC_EXPIRY_NONE;
}

static bool fits_in_place(const found *f, const item_header *header, const hci_extent *extent)
{
    return f->present && f->item.extent == NULL && extent == NULL &&
           f->item.header.flags == header->flags &&
           f->item.header.value_bytes == header->value_bytes;
}

static void write_parts(uint8_t *to, const hc_span *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > 0) racy_store(to, parts[i].data, parts[i].size);
        to += parts[i].size;
    }
}

/* Writing a key again is a use of it. */
static void use_add(shard *s, slot at)
{
    unsigned use = hci_index_use(s, at);
    if (use < BUCKET_USE_MAX) hci_index_use_set(s, at, use + 1);
}

static void overwrite(shard *s, const found *f, const item_header *header,
                      const write_request *request)
{
    uint8_t text[ITEM_HEADER_BYTES_MAX];
    uint8_t *to = (uint8_t *)(uintptr_t)f->item.start;
    item_header_put(header, text);
    hci_packed_account(s, &f->item, -1);
    flux_begin(s);
    racy_store(to, text, header->header_bytes);
    write_parts(to + header->header_bytes + header->key_bytes, request->parts, 2);
    flux_end(s);
    hci_packed_account(s, &f->item, 1); /* its spans show the new bytes */
    use_add(s, f->at);
    hci_segment_expiry_note(s, hci_index_place(s, f->at), header->expires_at_ms);
    expiry_count(s, f->item.header.expires_at_ms, header->expires_at_ms);
}

/* A place for `bytes` in an open segment, whatever has to be reclaimed for it. */
static hc_status place_find(hc_store *store, shard *s, segment_class class, size_t bytes,
                            uint32_t *place_out)
{
    for (uint32_t step = 0; step < APPEND_STEPS_MAX; step++) {
        if (hci_segment_append(store, s, class, false, bytes, place_out)) return HC_OK;
        if (hci_grave_any(store) && hci_grave_dig(store, SEGMENT_BYTES)) continue;
        if (hci_reclaim_step(store, s, RECLAIM_URGENT, RECLAIM_ITEMS_MAX)) continue;
        /* nothing to gain in this shard: the memory is elsewhere */
        hc_status status = hci_reclaim_room(store, s, SEGMENT_BYTES);
        if (status != HC_OK) return status;
    }
    return HC_ERR_FULL;
}

/* A small item is put together first: one store for header, key and value. */
static void item_write_small(uint8_t *to, const item_header *header, const write_request *request)
{
    uint8_t text[ITEM_HEADER_BYTES_MAX + SMALL_ITEM_BYTES];
    const hc_span parts[3] = {request->key, request->parts[0], request->parts[1]};
    size_t at = header->header_bytes;
    item_header_put(header, text);
    for (unsigned i = 0; i < 3; i++) {
        if (parts[i].size > 0) memcpy(text + at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    racy_store(to, text, at);
}

static void item_write(shard *s, uint32_t place, const item_header *header,
                       const write_request *request, uint64_t hash)
{
    uint8_t text[ITEM_HEADER_BYTES_MAX];
    uint8_t *to = s->data + place;
    if (request->extent == NULL && item_body_bytes(header) <= SMALL_ITEM_BYTES) {
        item_write_small(to, header, request);
        return;
    }
    item_header_put(header, text);
    racy_store(to, text, header->header_bytes);
    to += header->header_bytes;
    if (request->extent != NULL) {
        racy_store(to, &request->extent, sizeof request->extent);
        racy_store(to + sizeof request->extent, &hash, sizeof hash);
        return;
    }
    hc_span parts[3] = {request->key, request->parts[0], request->parts[1]};
    write_parts(to, parts, 3);
}

/* Makes the complete item at `place` the one the index points at. */
static hc_status publish(hc_store *store, shard *s, uint64_t hash, found *f, uint32_t place,
                         const item_header *header)
{
    item_ref item;
    item_at(s, place, &item);
    if (!f->present) {
        hc_status status = hci_index_insert(store, s, hash, place);
        if (status != HC_OK) return status;
        hci_store_filter_add(store, s, hash);
        s->count++;
        hci_packed_account(s, &item, 1);
        expiry_count(s, HC_EXPIRY_NONE, header->expires_at_ms);
        hci_segment_live_add(s, place, item_bytes(header));
        hci_index_grow(store, s);
        return HC_OK;
    }
    uint32_t old_place = hci_index_place(s, f->at);
    use_add(s, f->at);
    hci_index_place_set(s, f->at, place);
    hci_packed_account(s, &item, 1);
    hci_packed_account(s, &f->item, -1);
    hci_segment_live_add(s, place, item_bytes(header));
    expiry_count(s, f->item.header.expires_at_ms, header->expires_at_ms);
    hci_segment_live_subtract(store, s, old_place, item_bytes(&f->item.header));
    if (f->item.extent != NULL) {
        hci_extent_unlink(s, f->item.extent);
        hci_extent_release(store, f->item.extent);
    }
    return HC_OK;
}

/* The request is done, in place of what `f` found. */
static void tell(hc_store *store, shard *s, const found *f, const write_request *request)
{
    if (request->silent) return;
    if (f->present && !f->live && effect_wanted(store, HC_EFFECT_EXPIRED)) {
        hci_effect_tell(store, s, &(hc_effect){.kind = HC_EFFECT_EXPIRED, .key = request->key});
    }
    if (!effect_wanted(store, request->effect)) return;
    bool is_append = request->effect == HC_EFFECT_APPEND;
    size_t before = is_append ? request->value_bytes - request->told.size : request->offset;
    hci_effect_tell(store, s,
                    &(hc_effect){.kind = request->effect,
                                 .type = request->type,
                                 .created = !f->live,
                                 .key = request->key,
                                 .value = request->told,
                                 .expires_at_ms = request->expires_at_ms,
                                 .offset = before});
}

/* Stores the request in place of what `f` found.  The request's spans must not lie in the store. */
static hc_status put(hc_store *store, shard *s, uint64_t hash, found *f,
                     const write_request *request)
{
    uint8_t flags = (uint8_t)(request->type | request->flags);
    if (request->extent != NULL) flags |= ITEM_EXTENT;
    item_header header =
        item_header_make(flags, request->key.size, request->value_bytes, request->expires_at_ms);
    if (fits_in_place(f, &header, request->extent)) {
        overwrite(s, f, &header, request);
        tell(store, s, f, request);
        return HC_OK;
    }
    uint64_t moves = s->moves;
    uint32_t place = 0;
    const segment *old_segment =
        f->present ? &s->segments[segment_of(hci_index_place(s, f->at))] : NULL;
    segment_class class = hci_policy_class(store, s, hash, old_segment, request->expires_at_ms);
    hc_status status = place_find(store, s, class, item_bytes(&header), &place);
    if (status != HC_OK) return status;
    if (s->moves != moves) *f = find(store, s, hash, request->key);
    item_write(s, place, &header, request, hash);
    status = publish(store, s, hash, f, place, &header);
    if (status != HC_OK) return status;
    hci_segment_expiry_note(s, place, header.expires_at_ms);
    if (request->extent != NULL) {
        hci_extent_link(s, request->extent);
        hci_segment_weight_add(s, place, request->extent->capacity);
    }
    tell(store, s, f, request);
    return HC_OK;
}

/* Of HC_IF_VERSION. */
static hc_status version_check(hc_store *store, const found *f, uint64_t version)
{
    if (!f->live) return HC_ERR_NOT_FOUND;
    uint64_t present;
    hc_status status = hci_item_version(store, &f->item, &present);
    if (status != HC_OK) return status;
    return present == version ? HC_OK : HC_ERR_CONFLICT;
}

hc_status hci_write_set(hc_store *store, shard *s, uint64_t hash, hc_span key,
                        const new_value *value, const hc_set_options *options, hci_extent **extent)
{
    hci_reclaim_ahead(store, s);
    found f = find(store, s, hash, key);
    if (options->condition == HC_IF_ABSENT && f.live) return HC_ERR_CONFLICT;
    if (options->condition == HC_IF_PRESENT && !f.live) return HC_ERR_CONFLICT;
    if (options->condition == HC_IF_VERSION) {
        hc_status status = version_check(store, &f, options->version);
        if (status != HC_OK) return status;
    }
    int64_t expires_at_ms = options->expires_at_ms;
    if (options->keep_expiry && f.live) expires_at_ms = f.item.header.expires_at_ms;
    s->counters.sets++;
    if (expires_at_ms != HC_EXPIRY_NONE &&
        expiry_passed(expires_at_ms, hci_wall_ms(&store->host))) {
        if (f.present) hci_item_remove(store, s, f.at, f.live ? REMOVED_DELETED : REMOVED_EXPIRED);
        return HC_OK;
    }
    write_request request = {.key = key,
                             .parts = {value->stored, {NULL, 0}},
                             .value_bytes = value->stored.size,
                             .expires_at_ms = expires_at_ms,
                             .type = options->type,
                             .flags = value->flags,
                             .extent = *extent,
                             .effect = HC_EFFECT_SET,
                             .told = value->raw};
    hc_status status = put(store, s, hash, &f, &request);
    if (status == HC_OK) *extent = NULL;
    return status;
}

bool hci_write_over_extent(hc_store *store, shard *s, uint64_t hash, hc_span key,
                           const new_value *value, const hc_set_options *options)
{
    if (options->condition != HC_IF_ALWAYS && options->condition != HC_IF_PRESENT) return false;
    found f = find(store, s, hash, key);
    hci_extent *extent = f.item.extent;
    if (!f.live || extent == NULL || extent->references != 1) return false;
    int64_t expires_at_ms =
        options->keep_expiry ? f.item.header.expires_at_ms : options->expires_at_ms;
    if (expires_at_ms != HC_EXPIRY_NONE &&
        expiry_passed(expires_at_ms, hci_wall_ms(&store->host))) {
        return false;
    }
    hc_span bytes = value->stored;
    item_header header = item_header_make((uint8_t)(options->type | value->flags | ITEM_EXTENT),
                                          key.size, bytes.size, expires_at_ms);
    if (header.flags != f.item.header.flags || bytes.size != f.item.header.value_bytes) {
        return false;
    }
    memcpy(extent_value(extent), bytes.data, bytes.size);
    write_request request = {.key = key,
                             .expires_at_ms = expires_at_ms,
                             .type = options->type,
                             .effect = HC_EFFECT_SET,
                             .told = value->raw};
    overwrite(s, &f, &header, &request);
    tell(store, s, &f, &request);
    s->counters.sets++;
    return true;
}

hc_status hci_write_delete(hc_store *store, shard *s, uint64_t hash, hc_span key)
{
    found f = find(store, s, hash, key);
    if (!f.present) return HC_ERR_NOT_FOUND;
    hci_item_remove(store, s, f.at, f.live ? REMOVED_DELETED : REMOVED_EXPIRED);
    for (unsigned i = 0; i < 2 && hci_index_shrink(store, s); i++) {
    }
    return f.live ? HC_OK : HC_ERR_NOT_FOUND;
}

hc_status hci_write_delete_if(hc_store *store, shard *s, uint64_t hash, hc_span key,
                              uint64_t version)
{
    found f = find(store, s, hash, key);
    hc_status status = version_check(store, &f, version);
    return status == HC_OK ? hci_write_delete(store, s, hash, key) : status;
}

/* Writes a found item anew, with another expiry and a copy of its body. */
static hc_status rewrite_expiry(hc_store *store, shard *s, uint64_t hash, found *f, hc_span key,
                                int64_t expires_at_ms)
{
    uint8_t body[PACKED_BYTES_MAX];
    write_request request = {.key = key,
                             .value_bytes = f->item.header.value_bytes,
                             .expires_at_ms = expires_at_ms,
                             .type = item_type(&f->item.header),
                             .flags = f->item.header.flags & ITEM_COMPRESSED,
                             .extent = f->item.extent,
                             .effect = HC_EFFECT_EXPIRY};
    if (request.extent != NULL) {
        /* the old stub gives up its reference in publish, the new one takes this */
        request.extent->references++;
    } else {
        memcpy(body, f->item.value.data, f->item.value.size);
        request.parts[0] = hc_span_make(body, f->item.value.size);
    }
    hc_status status = put(store, s, hash, f, &request);
    if (status != HC_OK) hci_extent_release(store, request.extent);
    return status;
}

hc_status hci_write_expire(hc_store *store, shard *s, uint64_t hash, hc_span key,
                           int64_t expires_at_ms)
{
    hci_reclaim_ahead(store, s);
    found f = find(store, s, hash, key);
    if (!f.live) return HC_ERR_NOT_FOUND;
    if (expires_at_ms != HC_EXPIRY_NONE &&
        expiry_passed(expires_at_ms, hci_wall_ms(&store->host))) {
        hci_item_remove(store, s, f.at, REMOVED_DELETED);
        return HC_OK;
    }
    item_header header = f.item.header;
    if (!(header.flags & ITEM_EXPIRY)) {
        if (expires_at_ms == HC_EXPIRY_NONE) return HC_OK;
        return rewrite_expiry(store, s, hash, &f, key, expires_at_ms);
    }
    uint8_t text[ITEM_HEADER_BYTES_MAX];
    header.expires_at_ms = expires_at_ms;
    item_header_put(&header, text);
    flux_begin(s);
    racy_store((uint8_t *)(uintptr_t)f.item.start, text, header.header_bytes);
    flux_end(s);
    hci_segment_expiry_note(s, hci_index_place(s, f.at), expires_at_ms);
    expiry_count(s, f.item.header.expires_at_ms, expires_at_ms);
    tell(store, s, &f,
         &(write_request){.key = key, .expires_at_ms = expires_at_ms, .effect = HC_EFFECT_EXPIRY});
    return HC_OK;
}

hc_status hci_write_increment(hc_store *store, shard *s, uint64_t hash, hc_span key, int64_t delta,
                              int64_t *value_out)
{
    hci_reclaim_ahead(store, s);
    found f = find(store, s, hash, key);
    int64_t value = 0;
    if (f.live) {
        if (item_type(&f.item.header) != HC_TYPE_STRING) return HC_ERR_TYPE;
        /* a compressed value is longer than any number */
        if (f.item.header.flags & ITEM_COMPRESSED) return HC_ERR_NOT_NUMBER;
        if (!hci_parse_int64(f.item.value, &value)) return HC_ERR_NOT_NUMBER;
    }
    if (__builtin_add_overflow(value, delta, &value)) return HC_ERR_RANGE;
    char text[HCI_INT64_TEXT_MAX];
    size_t text_bytes = hci_format_int64(value, text);
    write_request request = {.key = key,
                             .parts = {hc_span_make(text, text_bytes), {NULL, 0}},
                             .value_bytes = text_bytes,
                             .expires_at_ms = f.live ? f.item.header.expires_at_ms
                                                     : hci_write_default_expiry(store),
                             .effect = HC_EFFECT_SET,
                             .told = hc_span_make(text, text_bytes)};
    s->counters.sets++;
    hc_status status = put(store, s, hash, &f, &request);
    if (status == HC_OK) *value_out = value;
    return status;
}

/* ---- append ---- */

/* Extends an extent that nobody is reading and that has room. */
static bool extent_extend(hci_extent *extent, hc_span tail)
{
    size_t free_bytes = extent_room(extent) - extent->value_bytes;
    if (extent->references != 1 || free_bytes < tail.size) return false;
    memcpy(extent_value(extent) + extent->value_bytes, tail.data, tail.size);
    extent->value_bytes += tail.size;
    return true;
}

/* The appended value as an extent with room to grow, so that appending again and again is linear.
 */
static hc_status append_large(hc_store *store, shard *s, uint64_t hash, hc_span tail,
                              write_request *request)
{
    hc_span key = request->key;
    size_t capacity = key.size + request->value_bytes;
    capacity += capacity < APPEND_SLACK_BYTES_MAX ? capacity : APPEND_SLACK_BYTES_MAX;
    hc_status status = hci_reclaim_room(store, s, sizeof(hci_extent) + capacity);
    if (status != HC_OK) return status;
    found f = find(store, s, hash, key);
    hc_span parts[2] = {f.live ? f.item.value : hc_span_make(NULL, 0), tail};
    request->value_bytes = parts[0].size + tail.size;
    request->expires_at_ms = f.live ? f.item.header.expires_at_ms : hci_write_default_expiry(store);
    request->effect = f.live ? HC_EFFECT_APPEND : HC_EFFECT_SET;
    request->extent = hci_extent_create(store, key, parts, 2, capacity);
    if (request->extent == NULL) return HC_ERR_NO_MEMORY;
    status = put(store, s, hash, &f, request);
    if (status != HC_OK) hci_extent_release(store, request->extent);
    return status;
}

/* Writes a compressed item as it was before, for it is about to grow; compressing it again and
 * again would cost the square of its size.  *f is what there is afterwards. */
static hc_status unpack_item(hc_store *store, shard *s, uint64_t hash, found *f, hc_span key)
{
    write_request request = {.key = key,
                             .value_bytes = hci_item_raw_bytes(&f->item),
                             .expires_at_ms = f->item.header.expires_at_ms,
                             .type = item_type(&f->item.header),
                             .silent = true};
    bool is_large = hci_value_is_large(key.size, request.value_bytes);
    hci_codec *codec = hci_codec_take(store);
    if (codec == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = hci_unpack_view(store, codec, f->item.value, &request.parts[0]);
    if (status == HC_OK && is_large) {
        size_t bytes = sizeof(hci_extent) + key.size + request.value_bytes;
        status = hci_reclaim_room(store, s, bytes);
        *f = find(store, s, hash, key);
        if (status == HC_OK && f->live) {
            request.extent = hci_extent_create(store, key, request.parts, 1, 0);
            if (request.extent == NULL) status = HC_ERR_NO_MEMORY;
        }
    }
    if (status == HC_OK && f->live) status = put(store, s, hash, f, &request);
    if (status != HC_OK) hci_extent_release(store, request.extent);
    hci_codec_put(store, codec);
    *f = find(store, s, hash, key);
    return status;
}

hc_status hci_write_unpack(hc_store *store, shard *s, uint64_t hash, hc_span key)
{
    found f = find(store, s, hash, key);
    return unpack_item(store, s, hash, &f, key);
}

hc_status hci_write_put(hc_store *store, shard *s, uint64_t hash, const write_request *request)
{
    found f = find(store, s, hash, request->key);
    return put(store, s, hash, &f, request);
}

void hci_write_told(hc_store *store, shard *s, const write_request *request)
{
    const found f = {.present = true, .live = true};
    tell(store, s, &f, request);
}

hc_status hci_write_append(hc_store *store, shard *s, uint64_t hash, hc_span key, hc_span tail,
                           size_t *size_out)
{
    hci_reclaim_ahead(store, s);
    found f = find(store, s, hash, key);
    if (f.live && item_type(&f.item.header) != HC_TYPE_STRING) return HC_ERR_TYPE;
    if (f.live && f.item.header.flags & ITEM_COMPRESSED) {
        hc_status unpacked = unpack_item(store, s, hash, &f, key);
        if (unpacked != HC_OK) return unpacked;
    }
    size_t old_bytes = f.live ? f.item.value.size : 0;
    if (tail.size > HC_VALUE_BYTES_MAX - old_bytes) return HC_ERR_LIMIT;
    write_request request = {.key = key,
                             .value_bytes = old_bytes + tail.size,
                             .expires_at_ms = f.live ? f.item.header.expires_at_ms
                                                     : hci_write_default_expiry(store),
                             .effect = f.live ? HC_EFFECT_APPEND : HC_EFFECT_SET,
                             .told = tail};
    uint8_t body[PACKED_BYTES_MAX];
    hc_status status;
    s->counters.sets++;
    if (f.live && f.item.extent != NULL && extent_extend(f.item.extent, tail)) {
        request.extent = f.item.extent;
        request.extent->references++;
        status = put(store, s, hash, &f, &request);
        if (status != HC_OK) {
            request.extent->value_bytes -= tail.size;
            hci_extent_release(store, request.extent);
        }
    } else if (hci_value_is_large(key.size, request.value_bytes)) {
        status = append_large(store, s, hash, tail, &request);
    } else {
        if (old_bytes > 0) memcpy(body, f.item.value.data, old_bytes);
        request.parts[0] = hc_span_make(body, old_bytes);
        request.parts[1] = tail;
        status = put(store, s, hash, &f, &request);
    }
    if (status == HC_OK && size_out != NULL) *size_out = request.value_bytes;
    return status;
}
