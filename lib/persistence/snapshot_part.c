/*
 * snapshot_part.c - one part of a snapshot: the walk through shards, records, blocks.
 *
 *     | file header | DATA block | DATA block | ... | END block |
 *
 * Values too large for the walk are noted by key and read afterwards without a lock; being borrowed
 * (hc_store_view), they stream into as many blocks as they need.
 *
 * Parts take shards from one list (hci_snapshot_shard_next), so those whose thread is faster get
 * more of them.  A store is not dropped while a part looks at it; between two blocks it may be.
 */
#include "persistence/snapshot_part.h"

#include "store/store_internal.h"

#define SNAPSHOT_BLOCK_BYTES (256u << 10) /* of records in one block */
#define BLOCK_ROOM_BYTES (SNAPSHOT_BLOCK_BYTES + RECORD_BYTES_MAX)
#define WALK_ITEMS 32u              /* in one look at a store */
#define WALK_VALUE_BYTES_MAX 16384u /* a larger value is read after the walk */
#define PROBE_BYTES (64u << 10)     /* compressed to see whether it pays */
#define PROBE_BLOCKS 64u            /* a probe speaks for so many */
#define PAYS_PERCENT 87u            /* stored bytes in 100 of raw: more, and it stays raw */
#define NO_COMPRESSION UINT32_MAX

/* ---- blocks ---- */

/* The compressor's own memory, 1 MiB while a snapshot is written, is zstd's business. */
static hc_status zstd_prepare(part_writer *w)
{
    if (w->p->options.compression_level == NO_COMPRESSION) return HC_OK;
    w->packed_capacity = ZSTD_compressBound(BLOCK_ROOM_BYTES);
    w->packed = hci_allocate(&w->p->host, w->packed_capacity);
    if (w->packed == NULL) return HC_ERR_NO_MEMORY;
    w->zstd = ZSTD_createCCtx();
    if (w->zstd == NULL) return HC_ERR_NO_MEMORY;
    (void)ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel,
                                 (int)w->p->options.compression_level);
    (void)ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 0);
    return HC_OK;
}

/* 0: it does not pay. */
static size_t block_pack(part_writer *w)
{
    if (w->zstd == NULL) return 0;
    if (w->probe_left == 0) {
        size_t probe = w->block_bytes < PROBE_BYTES ? w->block_bytes : PROBE_BYTES;
        size_t bytes = ZSTD_compress2(w->zstd, w->packed, w->packed_capacity, w->block, probe);
        w->pays = !ZSTD_isError(bytes) && bytes * 100 <= probe * PAYS_PERCENT;
        w->probe_left = PROBE_BLOCKS;
    }
    w->probe_left--;
    if (!w->pays) return 0;
    size_t bytes = ZSTD_compress2(w->zstd, w->packed, w->packed_capacity, w->block, w->block_bytes);
    return ZSTD_isError(bytes) || bytes >= w->block_bytes ? 0 : bytes;
}

hc_status hci_part_block_put(part_writer *w, block_type type)
{
    static const uint8_t zeros[BLOCK_ALIGN];
    uint8_t head[BLOCK_HEADER_BYTES];
    size_t packed_bytes = w->block_bytes > 0 ? block_pack(w) : 0;
    hc_span payload = packed_bytes > 0 ? hc_span_make(w->packed, packed_bytes)
                                       : hc_span_make(w->block, w->block_bytes);
    block_header header = {.type = type,
                           .flags = packed_bytes > 0 ? BLOCK_ZSTD : 0,
                           .raw_bytes = (uint32_t)w->block_bytes,
                           .stored_bytes = (uint32_t)payload.size,
                           .records = w->block_records,
                           .seq = w->part.blocks,
                           .payload_sum = hci_block_sum(w->seed, &payload, 1)};
    header.chain = hci_chain_next(w->part.chain, header.payload_sum);
    hci_block_header_put(&header, w->seed, w->id, head);
    uint64_t stride = block_stride(header.stored_bytes);
    hc_span parts[3] = {hc_span_make(head, sizeof head), payload,
                        hc_span_make(zeros, stride - BLOCK_HEADER_BYTES - payload.size)};
    hc_status status = hci_file_write(&w->p->dir, w->file, parts, 3, w->offset);
    if (status != HC_OK) return status;
    w->offset += stride;
    w->part.bytes = w->offset;
    w->part.records += w->block_records;
    w->part.chain = header.chain;
    w->part.blocks++;
    atomic_fetch_add_explicit(&w->p->snapshot_done_records, w->block_records, memory_order_relaxed);
    w->block_bytes = 0;
    w->block_records = 0;
    return HC_OK;
}

/* There is room: a block is put as soon as it is full, and has RECORD_BYTES_MAX behind that. */
static void record_add(part_writer *w, const record *r)
{
    uint64_t word;
    uint8_t *at = w->block + w->block_bytes;
    size_t size = record_fields_put(r, at, &word);
    if (r->key.size > 0) memcpy(at + size, r->key.data, r->key.size);
    size += r->key.size;
    if (r->value.size > 0) memcpy(at + size, r->value.data, r->value.size);
    size += r->value.size;
    size_t stride = (size_t)record_stride((uint32_t)size);
    memset(at + size, 0, stride - size);
    w->block_bytes += stride;
    w->block_records++;
}

/* ---- the walk ---- */

static void later_add(part_writer *w, hc_span key)
{
    size_t need = w->later_bytes + 4 + key.size;
    if (need > w->later_capacity) {
        size_t capacity = 2 * need;
        uint8_t *grown = hci_resize(&w->p->host, w->later, w->later_capacity, capacity);
        if (grown == NULL) {
            w->status = HC_ERR_NO_MEMORY;
            return;
        }
        w->later = grown;
        w->later_capacity = capacity;
    }
    wire_put_u32(w->later + w->later_bytes, (uint32_t)key.size);
    if (key.size > 0) memcpy(w->later + w->later_bytes + 4, key.data, key.size);
    w->later_bytes = need;
}

static void walk_visit(void *ctx, const hc_item *item)
{
    part_writer *w = ctx;
    bool is_large = item->value.size > WALK_VALUE_BYTES_MAX;
    bool is_unread = item->value.data == NULL && item->value.size > 0;
    if (is_large || is_unread || w->block_bytes >= SNAPSHOT_BLOCK_BYTES) {
        later_add(w, item->key);
        return;
    }
    record_add(w, &(record){.kind = RECORD_SET,
                            .type = (uint8_t)item->type,
                            .store = (uint16_t)w->store,
                            .expires_at_ms = item->expires_at_ms,
                            .key = item->key,
                            .value = item->value});
}

/* One value, in pieces if need be. */
static hc_status value_put(part_writer *w, hc_span key, const hc_view *view)
{
    hc_span rest = view->value;
    record r = {.kind = RECORD_SET,
                .type = (uint8_t)view->type,
                .store = (uint16_t)w->store,
                .expires_at_ms = view->expires_at_ms,
                .key = key};
    bool in_pieces = rest.size > RECORD_PIECE_BYTES_MAX;
    hc_status status = HC_OK;
    do {
        if (w->block_bytes >= SNAPSHOT_BLOCK_BYTES) status = hci_part_block_put(w, BLOCK_DATA);
        if (status != HC_OK) return status;
        size_t piece = rest.size < RECORD_PIECE_BYTES_MAX ? rest.size : RECORD_PIECE_BYTES_MAX;
        r.value = hc_span_make(rest.data, piece);
        r.flags = piece < rest.size ? RECORD_MORE : 0;
        r.group = in_pieces ? 1 : 0; /* the pieces of one value follow each other here */
        record_add(w, &r);
        rest = hc_span_make(rest.data + piece, rest.size - piece);
        r = (record){.kind = RECORD_PIECE, .store = r.store};
    } while (rest.size > 0);
    return HC_OK;
}

static hc_status later_put(part_writer *w, hc_store *store)
{
    uint8_t scratch[HC_STORE_PACKED_BYTES_MAX];
    hc_status status = HC_OK;
    for (size_t at = 0; at < w->later_bytes && status == HC_OK;) {
        hc_span key = hc_span_make(w->later + at + 4, wire_u32(w->later + at));
        at += 4 + key.size;
        hc_view view;
        status = hc_store_view(store, key, scratch, sizeof scratch, &view);
        if (status == HC_OK) {
            status = value_put(w, key, &view);
            hc_view_release(&view);
        } else if (status == HC_ERR_NOT_FOUND) {
            status = HC_OK; /* gone: the log tells */
        }
    }
    w->later_bytes = 0;
    return status;
}

/* Nobody drops the store until store_leave; false: it is not there any more. */
static bool store_enter(const part_writer *w)
{
    hc_persistence *p = w->p;
    hci_lock_acquire(&p->stores_lock);
    followed_store *f = &p->stores[w->store];
    bool is_there = f->store != NULL && f->entry.strategy != HC_STRATEGY_DISABLED &&
                    w->shard < hci_store_shards(f->store);
    if (is_there) atomic_fetch_add_explicit(&f->walkers, 1, memory_order_relaxed);
    hci_lock_release(&p->stores_lock);
    return is_there;
}

static void store_leave(const part_writer *w)
{
    atomic_fetch_sub_explicit(&w->p->stores[w->store].walkers, 1, memory_order_release);
}

hc_status hci_part_walk(part_writer *w)
{
    hc_status status = HC_OK;
    while (status == HC_OK && w->block_bytes < SNAPSHOT_BLOCK_BYTES) {
        if (!w->has_shard && !hci_snapshot_shard_next(w)) break;
        if (!store_enter(w)) {
            w->has_shard = false;
            continue;
        }
        hc_store *store = w->p->stores[w->store].store;
        do {
            hci_store_scan_shard(store, w->shard, &w->position, WALK_ITEMS, walk_visit, w);
            status = w->status;
            if (status == HC_OK) status = later_put(w, store);
        } while (status == HC_OK && w->position != 0 && w->block_bytes < SNAPSHOT_BLOCK_BYTES);
        store_leave(w);
        w->has_shard = w->position != 0;
    }
    w->ended = status == HC_OK && !w->has_shard && w->block_bytes < SNAPSHOT_BLOCK_BYTES;
    if (status == HC_OK && w->block_bytes > 0) status = hci_part_block_put(w, BLOCK_DATA);
    return status;
}

/* ---- its life ---- */

hc_status hci_part_begin(part_writer *w, uint64_t lsn_from, uint32_t parts)
{
    char name[NAME_BYTES_MAX];
    uint8_t page[FILE_HEADER_BYTES];
    file_header header = {.kind = FILE_SNAPSHOT,
                          .id = w->id,
                          .created_at_ms = hci_wall_ms(&w->p->host),
                          .base_lsn = lsn_from,
                          .part = w->number,
                          .parts = parts};
    memcpy(header.uuid, w->p->uuid, UUID_BYTES);
    hci_name_snapshot(name, w->id, w->number);
    hc_status status = hci_dir_open(&w->p->dir, name, HC_OPEN_CREATE, &w->file);
    if (status != HC_OK) return status;
    hci_file_header_put(&header, page);
    hc_span part = hc_span_make(page, sizeof page);
    w->seed = snapshot_seed(w->p->uuid, w->id, w->number);
    w->offset = FILE_HEADER_BYTES;
    w->part.bytes = w->offset;
    return hci_file_write(&w->p->dir, w->file, &part, 1, 0);
}

hc_status hci_part_init(part_writer *w, hc_persistence *p, uint32_t number)
{
    *w = (part_writer){.p = p, .number = number, .id = p->snapshot_id + 1};
    w->block = hci_allocate(&p->host, BLOCK_ROOM_BYTES);
    return w->block == NULL ? HC_ERR_NO_MEMORY : zstd_prepare(w);
}

void hci_part_fini(part_writer *w)
{
    if (w->p == NULL) return;
    const hci_host *host = &w->p->host;
    if (w->block != NULL) hci_release(host, w->block, BLOCK_ROOM_BYTES);
    if (w->packed != NULL) hci_release(host, w->packed, w->packed_capacity);
    if (w->later != NULL) hci_release(host, w->later, w->later_capacity);
    (void)ZSTD_freeCCtx(w->zstd);
    hci_dir_close(&w->p->dir, w->file);
}
