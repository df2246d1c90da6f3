/*
 * manifest.c - the list of files that count, written anew each time, under a rising number.
 *
 *     write MANIFEST-n.tmp, sync it, rename it to MANIFEST-n, sync the directory
 *
 * It is there whole or not at all, and the one before stays until the next: a reader takes the
 * greatest number that is intact.  Its one block holds entries:
 *
 *     | tag u16 | size u32 | size bytes |   tag >= 0x8000: may be skipped by who does not know it
 *
 *     1 summary, 2 store, 3 snapshot, 4 part of it (in order), 0x8001 keys of a store;
 *     their fields are in docs/format/persistence.md
 */
#include "persistence/persistence_private.h"

#define TAG_SUMMARY 1u
#define TAG_STORE 2u
#define TAG_SNAPSHOT 3u
#define TAG_PART 4u
#define TAG_MAY_SKIP 0x8000u
#define TAG_KEYS 0x8001u
#define ENTRY_HEADER_BYTES 6u
#define SUMMARY_BYTES 40u
#define QUAD_BYTES 32u
#define STORE_FIXED_BYTES 4u
#define KEYS_BYTES 10u

hc_status hci_manifest_init(manifest *m, const hci_host *host)
{
    *m = (manifest){.number = 0};
    m->stores = hci_allocate(host, HC_PERSISTED_STORES_MAX * sizeof *m->stores);
    if (m->stores == NULL) return HC_ERR_NO_MEMORY;
    memset(m->stores, 0, HC_PERSISTED_STORES_MAX * sizeof *m->stores);
    return HC_OK;
}

void hci_store_entry_clear(const hci_host *host, store_entry *entry)
{
    if (entry->used) {
        hci_release(host, entry->bytes, (size_t)entry->name_bytes + entry->settings_bytes);
    }
    *entry = (store_entry){.used = false};
}

void hci_manifest_fini(manifest *m, const hci_host *host)
{
    if (m->stores == NULL) return;
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++)
        hci_store_entry_clear(host, &m->stores[i]);
    hci_release(host, m->stores, HC_PERSISTED_STORES_MAX * sizeof *m->stores);
    *m = (manifest){.number = 0};
}

hc_status hci_store_entry_set(const hci_host *host, store_entry *entry, hc_span name,
                              hc_span settings, hc_strategy strategy)
{
    store_entry next = {.used = true,
                        .strategy = strategy,
                        .name_bytes = (uint32_t)name.size,
                        .settings_bytes = (uint32_t)settings.size};
    next.bytes = hci_allocate(host, name.size + settings.size);
    if (next.bytes == NULL) return HC_ERR_NO_MEMORY;
    memcpy(next.bytes, name.data, name.size);
    if (settings.size > 0) memcpy(next.bytes + name.size, settings.data, settings.size);
    hci_store_entry_clear(host, entry);
    *entry = next;
    return HC_OK;
}

/* ---- writing ---- */

typedef struct payload {
    uint8_t *bytes;
    size_t size, capacity;
} payload;

static uint8_t *entry_add(payload *to, unsigned tag, size_t size)
{
    uint8_t *at = to->bytes + to->size;
    wire_put_u16(at, (uint16_t)tag);
    wire_put_u32(at + 2, (uint32_t)size);
    to->size += ENTRY_HEADER_BYTES + size;
    return at + ENTRY_HEADER_BYTES;
}

static size_t payload_bytes(const manifest *m)
{
    size_t bytes = ENTRY_HEADER_BYTES + SUMMARY_BYTES;
    bytes += (ENTRY_HEADER_BYTES + QUAD_BYTES) * (1 + (size_t)m->snapshot.parts);
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++) {
        const store_entry *e = &m->stores[i];
        if (!e->used) continue;
        bytes += ENTRY_HEADER_BYTES + STORE_FIXED_BYTES + e->name_bytes + e->settings_bytes;
        if (e->keys > 0) bytes += ENTRY_HEADER_BYTES + KEYS_BYTES;
    }
    return bytes;
}

static void payload_fill(payload *to, const manifest *m)
{
    uint8_t *at = entry_add(to, TAG_SUMMARY, SUMMARY_BYTES);
    wire_put_u64(at, m->log_first);
    wire_put_u64(at + 8, m->log_first_lsn);
    wire_put_u64(at + 16, m->durable_lsn);
    wire_put_u64(at + 24, (uint64_t)m->created_at_ms);
    wire_put_u64(at + 32, m->previous_sum);
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++) {
        const store_entry *e = &m->stores[i];
        if (!e->used) continue;
        at = entry_add(to, TAG_STORE, STORE_FIXED_BYTES + e->name_bytes + e->settings_bytes);
        wire_put_u16(at, (uint16_t)i);
        at[2] = (uint8_t)e->strategy;
        at[3] = (uint8_t)e->name_bytes;
        memcpy(at + 4, e->bytes, (size_t)e->name_bytes + e->settings_bytes);
        if (e->keys == 0) continue;
        at = entry_add(to, TAG_KEYS, KEYS_BYTES);
        wire_put_u16(at, (uint16_t)i);
        wire_put_u64(at + 2, e->keys);
    }
    if (m->snapshot.id == 0) return;
    at = entry_add(to, TAG_SNAPSHOT, QUAD_BYTES);
    wire_put_u64(at, m->snapshot.id);
    wire_put_u64(at + 8, m->snapshot.lsn_from);
    wire_put_u64(at + 16, m->snapshot.lsn_to);
    wire_put_u64(at + 24, (uint64_t)m->snapshot.finished_at_ms);
    for (uint32_t i = 0; i < m->snapshot.parts; i++) {
        const snapshot_part *part = &m->snapshot.part[i];
        at = entry_add(to, TAG_PART, QUAD_BYTES);
        wire_put_u64(at, part->bytes);
        wire_put_u64(at + 8, part->records);
        wire_put_u64(at + 16, part->blocks);
        wire_put_u64(at + 24, part->chain);
    }
}

/* Writes header and block to a new file under a temporary name and syncs it. */
static hc_status file_write(const persist_dir *dir, manifest *m, const char *name,
                            const payload *body)
{
    static const uint8_t zeros[BLOCK_ALIGN];
    uint8_t page[FILE_HEADER_BYTES], head[BLOCK_HEADER_BYTES];
    file_header header = {.kind = FILE_MANIFEST,
                          .id = m->number,
                          .created_at_ms = m->created_at_ms,
                          .base_lsn = m->durable_lsn};
    memcpy(header.uuid, m->uuid, UUID_BYTES);
    hci_file_header_put(&header, page);
    uint64_t seed = hci_file_seed(m->uuid, m->number);
    hc_span bytes = hc_span_make(body->bytes, body->size);
    block_header block = {.type = BLOCK_MANIFEST,
                          .raw_bytes = (uint32_t)body->size,
                          .stored_bytes = (uint32_t)body->size,
                          .payload_sum = hci_block_sum(seed, &bytes, 1)};
    block.chain = hci_chain_next(0, block.payload_sum);
    hci_block_header_put(&block, seed, m->number, head);
    uint64_t padding = block_stride(block.stored_bytes) - BLOCK_HEADER_BYTES - body->size;
    hc_span parts[4] = {hc_span_make(page, sizeof page), hc_span_make(head, sizeof head), bytes,
                        hc_span_make(zeros, padding)};
    hc_file *file;
    hc_status status = hci_dir_open(dir, name, HC_OPEN_CREATE, &file);
    if (status != HC_OK) return status;
    status = hci_file_write(dir, file, parts, 4, 0);
    if (status == HC_OK) status = hci_file_sync(dir, file);
    hci_dir_close(dir, file);
    m->sum = block.payload_sum;
    return status;
}

hc_status hci_manifest_write(const persist_dir *dir, manifest *m)
{
    char name[NAME_BYTES_MAX], temporary[NAME_BYTES_MAX];
    payload body = {.capacity = payload_bytes(m)};
    if (body.capacity > BLOCK_RAW_BYTES_MAX) return HC_ERR_LIMIT;
    body.bytes = hci_allocate(dir->host, body.capacity);
    if (body.bytes == NULL) return HC_ERR_NO_MEMORY;
    payload_fill(&body, m);
    hci_name_manifest(name, m->number);
    hci_name_manifest(temporary, m->number);
    memcpy(temporary + strlen(temporary), ".tmp", sizeof ".tmp");
    hc_status status = file_write(dir, m, temporary, &body);
    if (status == HC_OK) status = hci_dir_rename(dir, temporary, name);
    if (status == HC_OK) {
        status = hci_dir_sync(dir);
    } else if (status != HC_ERR_EXISTS) {
        (void)hci_dir_unlink(dir, temporary);
    }
    hci_release(dir->host, body.bytes, body.capacity);
    return status;
}

/* ---- reading ---- */

static hc_status store_get(const hci_host *host, wire_reader in, manifest *m)
{
    uint32_t id = wire_get_u16(&in);
    hc_span fixed = wire_get_span(&in, 2);
    if (in.failed || id >= HC_PERSISTED_STORES_MAX || m->stores[id].used) return HC_ERR_CORRUPT;
    uint8_t strategy = fixed.data[0];
    hc_span name = wire_get_span(&in, fixed.data[1]);
    if (in.failed || !hc_store_name_fits(name) || in.left > HC_PERSISTED_SETTINGS_BYTES_MAX ||
        strategy < HC_STRATEGY_HYBRID || strategy > HC_STRATEGY_DISABLED) {
        return HC_ERR_CORRUPT;
    }
    return hci_store_entry_set(host, &m->stores[id], name, wire_get_span(&in, in.left),
                               (hc_strategy)strategy);
}

/* Of a store that was listed before. */
static hc_status keys_get(wire_reader in, manifest *m)
{
    uint32_t id = wire_get_u16(&in);
    uint64_t keys = wire_get_u64(&in);
    if (in.failed || id >= HC_PERSISTED_STORES_MAX) return HC_ERR_CORRUPT;
    if (m->stores[id].used) m->stores[id].keys = keys;
    return HC_OK;
}

static hc_status entry_get(const hci_host *host, unsigned tag, wire_reader in, manifest *m)
{
    manifest_snapshot *snapshot = &m->snapshot;
    switch (tag) {
    case TAG_SUMMARY:
        m->log_first = wire_get_u64(&in);
        m->log_first_lsn = wire_get_u64(&in);
        m->durable_lsn = wire_get_u64(&in);
        m->created_at_ms = (int64_t)wire_get_u64(&in);
        m->previous_sum = wire_get_u64(&in);
        return in.failed ? HC_ERR_CORRUPT : HC_OK;
    case TAG_STORE:
        return store_get(host, in, m);
    case TAG_SNAPSHOT:
        snapshot->id = wire_get_u64(&in);
        snapshot->lsn_from = wire_get_u64(&in);
        snapshot->lsn_to = wire_get_u64(&in);
        snapshot->finished_at_ms = (int64_t)wire_get_u64(&in);
        return in.failed || snapshot->id == 0 ? HC_ERR_CORRUPT : HC_OK;
    case TAG_PART:
        if (snapshot->parts == SNAPSHOT_PARTS_MAX) return HC_ERR_CORRUPT;
        snapshot_part *part = &snapshot->part[snapshot->parts++];
        part->bytes = wire_get_u64(&in);
        part->records = wire_get_u64(&in);
        part->blocks = wire_get_u64(&in);
        part->chain = wire_get_u64(&in);
        return in.failed ? HC_ERR_CORRUPT : HC_OK;
    case TAG_KEYS:
        return keys_get(in, m);
    default:
        return tag >= TAG_MAY_SKIP ? HC_OK : HC_ERR_UNSUPPORTED;
    }
}

#define LSN_MAX (UINT64_C(1) << 62)

/* Numbers that the rest counts on. */
static bool makes_sense(const manifest *m)
{
    const manifest_snapshot *s = &m->snapshot;
    if (m->log_first == 0 || m->log_first == UINT64_MAX) return false;
    if (m->log_first_lsn < LSN_FIRST || m->log_first_lsn % RECORD_ALIGN != 0) return false;
    if (m->log_first_lsn > LSN_MAX) return false;
    if (s->id == 0) return s->parts == 0;
    return s->id != UINT64_MAX && m->log_first_lsn <= s->lsn_from && s->lsn_from <= s->lsn_to;
}

static hc_status payload_get(const hci_host *host, hc_span body, manifest *m)
{
    wire_reader in = {.at = body.data, .left = body.size};
    hc_status status = HC_OK;
    while (in.left > 0 && status == HC_OK) {
        unsigned tag = wire_get_u16(&in);
        hc_span entry = wire_get_span(&in, wire_get_u32(&in));
        if (in.failed) return HC_ERR_CORRUPT;
        status = entry_get(host, tag, (wire_reader){.at = entry.data, .left = entry.size}, m);
    }
    return status == HC_OK && !makes_sense(m) ? HC_ERR_CORRUPT : status;
}

/* Header, then block; `m` holds the number. */
static hc_status file_read(const persist_dir *dir, hc_file *file, manifest *m)
{
    uint8_t page[FILE_HEADER_BYTES + BLOCK_HEADER_BYTES];
    file_header header;
    block_header block;
    hc_status status = hci_file_read(dir, file, page, sizeof page, 0);
    if (status == HC_OK) status = hci_file_header_get(page, FILE_MANIFEST, &header);
    if (status != HC_OK) return status;
    memcpy(m->uuid, header.uuid, UUID_BYTES);
    uint64_t seed = hci_file_seed(m->uuid, m->number);
    if (header.id != m->number ||
        !hci_block_header_get(page + FILE_HEADER_BYTES, seed, m->number, &block) ||
        block.type != BLOCK_MANIFEST || block.flags != 0 || block.stored_bytes == 0) {
        return HC_ERR_CORRUPT;
    }
    uint8_t *body = hci_allocate(dir->host, block.stored_bytes);
    if (body == NULL) return HC_ERR_NO_MEMORY;
    status = hci_file_read(dir, file, body, block.stored_bytes, sizeof page);
    hc_span bytes = hc_span_make(body, block.stored_bytes);
    m->sum = block.payload_sum;
    if (status == HC_OK && hci_block_sum(seed, &bytes, 1) != block.payload_sum) {
        status = HC_ERR_CORRUPT;
    }
    if (status == HC_OK) status = payload_get(dir->host, bytes, m);
    hci_release(dir->host, body, block.stored_bytes);
    return status;
}

hc_status hci_manifest_read(const persist_dir *dir, uint64_t number, manifest *m)
{
    char name[NAME_BYTES_MAX];
    hc_file *file;
    hci_name_manifest(name, number);
    hc_status status = hci_manifest_init(m, dir->host);
    if (status != HC_OK) return status;
    m->number = number;
    status = hci_dir_open(dir, name, HC_OPEN_READ, &file);
    if (status == HC_OK) {
        status = file_read(dir, file, m);
        hci_dir_close(dir, file);
    }
    if (status != HC_OK) hci_manifest_fini(m, dir->host);
    return status;
}
