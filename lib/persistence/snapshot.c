/*
 * snapshot.c - all keys to files while they change, without a fork and without holding anything.
 *
 *     S0  every store notes its changes; the log is at S0
 *     ..  walk each store with the cursor of hc_store_scan, which misses no key that was there all
 *         the time, and copy what it shows, a few items under a shard's lock at a time
 *     S1  the log is at S1; no group is open across it
 *     ..  sync parts, directory, log up to S1; then the manifest says that it counts
 *
 * What was copied is of no single moment, but every change behind S0 is in the log, and replaying
 * final values over it ends at S1 and after with exactly what the log says.  So nothing is pinned
 * and no item is copied for the snapshot's sake; its memory is two blocks.
 *
 *     part:  | file header | DATA block | DATA block | ... | END block |
 *
 * Values too large for the walk are noted by key and read afterwards without a lock; being borrowed
 * (hc_store_view), they stream into as many blocks as they need.
 */
#include "persistence/persistence_private.h"

#include <zstd.h>

#define SNAPSHOT_BLOCK_BYTES (256u << 10) /* of records in one block */
#define BLOCK_ROOM_BYTES (SNAPSHOT_BLOCK_BYTES + RECORD_BYTES_MAX)
#define WALK_ITEMS 32u              /* in one look at a store */
#define WALK_VALUE_BYTES_MAX 16384u /* a larger value is read after the walk */
#define PROBE_BYTES (64u << 10)     /* compressed to see whether it pays */
#define PROBE_BLOCKS 64u            /* a probe speaks for so many */
#define PAYS_PERCENT 87u            /* stored bytes in 100 of raw: more, and it stays raw */
#define NO_COMPRESSION UINT32_MAX
#define SNAPSHOT_RETRY_NS (10000 * NS_PER_MS)

typedef enum snapshot_phase { PHASE_WALK, PHASE_END, PHASE_GROUPS, PHASE_LOG } snapshot_phase;

struct snapshot_writer {
    snapshot_phase phase;
    uint64_t id, lsn_from, lsn_to;
    uint64_t begun_ns;
    uint32_t store; /* being walked */
    uint64_t cursor;
    uint32_t group_epoch;
    /* the part being written */
    hc_file *file;
    uint64_t seed, offset;
    snapshot_part part;
    uint64_t synced; /* bytes handed to the disk */
    /* the block being filled */
    uint8_t *block;
    size_t block_bytes;
    uint32_t block_records;
    uint8_t *packed;
    size_t packed_capacity;
    ZSTD_CCtx *zstd;
    uint32_t probe_left;
    bool pays;
    /* keys met in this look whose values come later: size u32, key */
    uint8_t *later;
    size_t later_bytes, later_capacity;
    hc_status status;  /* of the walk's callback */
    bool *partial;     /* by store: to be restored if this fails */
    manifest manifest; /* to be published */
    hc_persistence *p;
};

/* ---- blocks ---- */

/* The compressor's own memory, 1 MiB while a snapshot is written, is zstd's business. */
static hc_status zstd_prepare(snapshot_writer *w)
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
static size_t block_pack(snapshot_writer *w)
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

static hc_status block_put(snapshot_writer *w, block_type type)
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
    w->block_bytes = 0;
    w->block_records = 0;
    atomic_store_explicit(&w->p->snapshot_done_records, w->part.records, memory_order_relaxed);
    return HC_OK;
}

/* There is room: a block is put as soon as it is full, and has RECORD_BYTES_MAX behind that. */
static void record_add(snapshot_writer *w, const record *r)
{
    uint64_t word;
    uint8_t *at = w->block + w->block_bytes;
    size_t size = hci_record_fields_put(r, at, &word);
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

static void later_add(snapshot_writer *w, hc_span key)
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
    snapshot_writer *w = ctx;
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
static hc_status value_put(snapshot_writer *w, hc_span key, const hc_view *view)
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
        if (w->block_bytes >= SNAPSHOT_BLOCK_BYTES) status = block_put(w, BLOCK_DATA);
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

static hc_status later_put(snapshot_writer *w, hc_store *store)
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

/* Fills and puts one block, or comes to the end. */
static hc_status walk(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    hc_status status = HC_OK;
    hci_lock_acquire(&p->stores_lock); /* nobody drops the store meanwhile */
    while (status == HC_OK && w->block_bytes < SNAPSHOT_BLOCK_BYTES) {
        followed_store *f = &p->stores[w->store];
        if (f->store != NULL && f->entry.strategy != HC_STRATEGY_DISABLED) {
            hc_store_scan(f->store, &w->cursor, WALK_ITEMS, walk_visit, w);
            status = w->status;
            if (status == HC_OK) status = later_put(w, f->store);
        } else {
            w->cursor = 0;
        }
        if (w->cursor != 0) continue;
        if (++w->store == HC_PERSISTED_STORES_MAX) break;
    }
    hci_lock_release(&p->stores_lock);
    if (status == HC_OK && w->block_bytes > 0) status = block_put(w, BLOCK_DATA);
    if (w->store == HC_PERSISTED_STORES_MAX) w->phase = PHASE_END;
    return status;
}

/* ---- begin ---- */

static hc_status part_begin(snapshot_writer *w)
{
    char name[NAME_BYTES_MAX];
    uint8_t page[FILE_HEADER_BYTES];
    file_header header = {.kind = FILE_SNAPSHOT,
                          .id = w->id,
                          .created_at_ms = hci_wall_ms(&w->p->host),
                          .base_lsn = w->lsn_from,
                          .parts = 1};
    memcpy(header.uuid, w->p->uuid, UUID_BYTES);
    hci_name_snapshot(name, w->id, 0);
    hc_status status = hci_dir_open(&w->p->dir, name, HC_OPEN_CREATE, &w->file);
    if (status != HC_OK) return status;
    hci_file_header_put(&header, page);
    hc_span part = hc_span_make(page, sizeof page);
    w->seed = snapshot_seed(w->p->uuid, w->id, 0);
    w->offset = FILE_HEADER_BYTES;
    w->part.bytes = w->offset;
    return hci_file_write(&w->p->dir, w->file, &part, 1, 0);
}

/* Everything noted so far is durable, and nothing is lost from now on. */
static hc_status log_prepare(hc_persistence *p)
{
    log_state *log = &p->log;
    hc_status status = hc_persistence_sync(p);
    if (status != HC_OK || !log->lost) return status;
    record gap = {.kind = RECORD_GAP};
    uint64_t lsn;
    hci_lock_acquire(&log->lock);
    bool is_noted = hci_ring_put(&log->ring, &gap, &lsn); /* empty: nobody else notes anything */
    if (is_noted) atomic_store_explicit(&log->lost, false, memory_order_release);
    hci_lock_release(&log->lock);
    return is_noted ? HC_OK : HC_ERR_IO;
}

static void writer_destroy(snapshot_writer *w)
{
    const hci_host *host = &w->p->host;
    if (w->block != NULL) hci_release(host, w->block, BLOCK_ROOM_BYTES);
    if (w->packed != NULL) hci_release(host, w->packed, w->packed_capacity);
    if (w->later != NULL) hci_release(host, w->later, w->later_capacity);
    if (w->partial != NULL) hci_release(host, w->partial, HC_PERSISTED_STORES_MAX);
    (void)ZSTD_freeCCtx(w->zstd);
    hci_dir_close(&w->p->dir, w->file);
    hci_manifest_fini(&w->manifest, host);
    hci_release(host, w, sizeof *w);
}

static hc_status writer_create(hc_persistence *p, snapshot_writer **out)
{
    snapshot_writer *w = hci_allocate(&p->host, sizeof *w);
    if (w == NULL) return HC_ERR_NO_MEMORY;
    *w = (snapshot_writer){.p = p, .begun_ns = hci_monotonic_ns(&p->host)};
    w->block = hci_allocate(&p->host, BLOCK_ROOM_BYTES);
    w->partial = hci_allocate(&p->host, HC_PERSISTED_STORES_MAX);
    hc_status status = w->block == NULL || w->partial == NULL ? HC_ERR_NO_MEMORY : HC_OK;
    if (status == HC_OK) memset(w->partial, 0, HC_PERSISTED_STORES_MAX);
    if (status == HC_OK) status = hci_manifest_init(&w->manifest, &p->host);
    if (status == HC_OK) status = zstd_prepare(w);
    if (status == HC_OK) {
        *out = w;
    } else {
        writer_destroy(w);
    }
    return status;
}

static void all_follow(hc_persistence *p, bool snapshot_active)
{
    hci_lock_acquire(&p->stores_lock);
    p->snapshot_active = snapshot_active;
    hci_follow_all(p, snapshot_active);
    hci_lock_release(&p->stores_lock);
}

/* ---- end ---- */

static void snapshot_fail(snapshot_writer *w, hc_status status)
{
    hc_persistence *p = w->p;
    char name[NAME_BYTES_MAX];
    hci_name_snapshot(name, w->id, 0);
    hci_dir_close(&p->dir, w->file);
    w->file = NULL;
    (void)hci_dir_unlink(&p->dir, name);
    hci_lock_acquire(&p->stores_lock);
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++)
        p->stores[i].partial |= w->partial[i];
    hci_lock_release(&p->stores_lock);
    all_follow(p, false);
    /* what was noted behind a gap does not count without this snapshot */
    if (p->rebuild) atomic_store_explicit(&p->log.lost, true, memory_order_release);
    p->snapshots_failed++;
    p->snapshot_retry_ns = hci_monotonic_ns(&p->host) + SNAPSHOT_RETRY_NS;
    p->snapshot = NULL;
    p->snapshot_status = status;
    hci_persistence_tell(
        p, &(hc_persistence_event){.kind = HC_PERSISTENCE_SNAPSHOT_FAILED, .status = status});
    writer_destroy(w);
}

/* The log file in which `lsn` is. */
static log_file log_file_of(hc_persistence *p, uint64_t lsn)
{
    log_state *log = &p->log;
    hci_lock_acquire(&log->lock);
    log_file found = log->now;
    if (log->file == NULL || found.base_lsn > lsn) {
        for (size_t i = log->file_count; i > 0; i--) {
            found = log->files[i - 1];
            if (found.base_lsn <= lsn) break;
        }
    }
    hci_lock_release(&log->lock);
    return found;
}

/* S1: the stores as they are now, and nothing half done. */
static hc_status lists_take(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    hc_status status = HC_OK;
    hci_lock_acquire(&p->stores_lock);
    w->lsn_to = hc_persistence_lsn(p);
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX && status == HC_OK; i++) {
        const store_entry *e = &p->stores[i].entry;
        if (!e->used) continue;
        w->partial[i] = p->stores[i].partial;
        p->stores[i].partial = false;
        status = hci_store_entry_set(&p->host, &w->manifest.stores[i], entry_name(e),
                                     entry_settings(e), e->strategy);
    }
    hci_lock_release(&p->stores_lock);
    return status;
}

static hc_status publish(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    manifest *m = &w->manifest;
    log_file first = log_file_of(p, w->lsn_from);
    memcpy(m->uuid, p->uuid, UUID_BYTES);
    m->number = ++p->manifest_number;
    m->created_at_ms = hci_wall_ms(&p->host);
    m->log_first = first.id;
    m->log_first_lsn = first.base_lsn;
    m->durable_lsn = hc_persistence_durable_lsn(p);
    m->previous_sum = p->manifest_sum;
    m->snapshot.id = w->id;
    m->snapshot.lsn_from = w->lsn_from;
    m->snapshot.lsn_to = w->lsn_to;
    m->snapshot.finished_at_ms = m->created_at_ms;
    m->snapshot.parts = 1;
    m->snapshot.part[0] = w->part;
    return hci_manifest_write(&p->dir, m);
}

static void snapshot_done(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    const manifest *m = &w->manifest;
    uint64_t took_ns = hci_monotonic_ns(&p->host) - w->begun_ns;
    p->rebuild = false;
    p->manifest_sum = m->sum;
    p->snapshot_lsn = m->snapshot.lsn_to;
    p->snapshot_at_ms = m->snapshot.finished_at_ms;
    p->snapshot_finished_ns = hci_monotonic_ns(&p->host);
    p->log_from_lsn = m->snapshot.lsn_from;
    p->snapshots++;
    p->snapshot_records = w->part.records;
    p->snapshot_bytes = w->part.bytes;
    p->snapshot_ns = took_ns;
    p->snapshot = NULL;
    p->snapshot_status = HC_OK;
    all_follow(p, false);
    hci_generation_add(p, m);
    hci_retention_clean(p);
    hci_persistence_tell(p, &(hc_persistence_event){.kind = HC_PERSISTENCE_SNAPSHOT_FINISHED,
                                                    .records = w->part.records,
                                                    .bytes = w->part.bytes,
                                                    .lsn = m->snapshot.lsn_to,
                                                    .duration_ns = took_ns});
    writer_destroy(w);
}

/* ---- the public calls ---- */

static hc_status begin(hc_persistence *p)
{
    snapshot_writer *w;
    if (p->snapshot != NULL) return HC_ERR_BUSY;
    hc_status status = writer_create(p, &w);
    if (status != HC_OK) return status;
    p->rebuild |= p->log.lost;
    w->id = ++p->snapshot_id;
    p->snapshot = w;
    all_follow(p, true);
    status = log_prepare(p);
    w->lsn_from = hc_persistence_lsn(p);
    if (status == HC_OK) status = part_begin(w);
    if (status != HC_OK) {
        snapshot_fail(w, status);
        return status;
    }
    p->snapshot_done_records = 0;
    hci_persistence_tell(
        p, &(hc_persistence_event){.kind = HC_PERSISTENCE_SNAPSHOT_STARTED, .lsn = w->lsn_from});
    return HC_OK;
}

hc_status hc_persistence_snapshot_begin(hc_persistence *p)
{
    if (!hci_lock_try_acquire(&p->snapshot_lock)) return HC_ERR_BUSY;
    hc_status status = begin(p);
    hci_lock_release(&p->snapshot_lock);
    return status;
}

/* HC_ERR_BUSY: groups are open still. */
static hc_status phase_step(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    hc_status status = HC_OK;
    switch (w->phase) {
    case PHASE_WALK:
        return walk(w);
    case PHASE_END:
        status = block_put(w, BLOCK_END);
        if (status == HC_OK) status = hci_file_sync(&p->dir, w->file);
        if (status == HC_OK) status = hci_dir_sync(&p->dir);
        w->group_epoch = hci_groups_flip(p);
        w->phase = PHASE_GROUPS;
        return status;
    case PHASE_GROUPS:
        if (!hci_groups_closed(p, w->group_epoch)) return HC_ERR_BUSY;
        w->phase = PHASE_LOG;
        return lists_take(w);
    case PHASE_LOG:
        status = hc_persistence_sync(p);
        return status == HC_OK ? publish(w) : status;
    }
    return status;
}

static uint64_t budget_wait(const hc_persistence *p, uint64_t bytes)
{
    uint64_t rate = p->options.snapshot_bytes_per_s;
    return rate == 0 ? 0 : bytes * UINT64_C(1000000000) / rate;
}

uint64_t hc_persistence_snapshot_step(hc_persistence *p)
{
    if (!hci_lock_try_acquire(&p->snapshot_lock)) return NS_PER_MS;
    uint64_t wait_ns = HC_PERSISTENCE_NEVER;
    snapshot_writer *w = p->snapshot;
    if (w != NULL) {
        uint64_t before = w->offset;
        bool is_last = w->phase == PHASE_LOG;
        hc_status status = phase_step(w);
        if (status == HC_ERR_BUSY) {
            wait_ns = NS_PER_MS;
        } else if (status != HC_OK) {
            snapshot_fail(w, status);
        } else if (is_last) {
            snapshot_done(w);
        } else {
            wait_ns = budget_wait(p, w->offset - before);
        }
    }
    hci_lock_release(&p->snapshot_lock);
    return wait_ns;
}

hc_status hc_persistence_snapshot(hc_persistence *p)
{
    hc_status status = hc_persistence_snapshot_begin(p);
    if (status != HC_OK) return status;
    while (hc_persistence_snapshot_step(p) != HC_PERSISTENCE_NEVER) {
    }
    hci_lock_acquire(&p->snapshot_lock);
    status = p->snapshot_status;
    hci_lock_release(&p->snapshot_lock);
    return status;
}

static bool any_partial(hc_persistence *p)
{
    bool found = false;
    hci_lock_acquire(&p->stores_lock);
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++)
        found |= p->stores[i].partial;
    hci_lock_release(&p->stores_lock);
    return found;
}

bool hc_persistence_snapshot_due(hc_persistence *p)
{
    if (!hci_lock_try_acquire(&p->snapshot_lock)) return false;
    uint64_t now_ns = hci_monotonic_ns(&p->host);
    uint64_t lsn = hc_persistence_lsn(p);
    uint64_t interval_ns = p->options.snapshot_interval_ms * NS_PER_MS;
    bool is_due = p->log.lost || any_partial(p) || lsn - p->log_from_lsn > p->options.log_bytes_max;
    if (interval_ns != 0 && now_ns - p->snapshot_finished_ns >= interval_ns) {
        is_due |= lsn > p->snapshot_lsn;
    }
    is_due = is_due && p->snapshot == NULL && now_ns >= p->snapshot_retry_ns;
    hci_lock_release(&p->snapshot_lock);
    return is_due;
}

void hci_snapshot_abandon(hc_persistence *p)
{
    hci_lock_acquire(&p->snapshot_lock);
    if (p->snapshot != NULL) snapshot_fail(p->snapshot, HC_ERR_CONFLICT);
    hci_lock_release(&p->snapshot_lock);
}
