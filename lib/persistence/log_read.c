/*
 * log_read.c - see log_read.h for the rule: torn tail, or damage?
 */
#include "persistence/log_read.h"

#define EVIDENCE_BYTES (256u << 10) /* looked at in one read */

/* A log file that is there, with its header if that is intact. */
typedef struct there {
    uint64_t id, length;
    bool begun; /* the header is intact and its own */
    file_header header;
} there;

typedef struct scanning {
    const persist_dir *dir;
    const manifest *m;
    const hc_persistence_hooks *hooks;
    log_scan *out;
    there *files; /* by id */
    size_t count;
    uint64_t lsn, chain; /* reached */
} scanning;

/* ---- what is there ---- */

static hc_status header_read(scanning *s, there *file)
{
    char name[NAME_BYTES_MAX];
    uint8_t page[FILE_HEADER_BYTES];
    hc_file *handle;
    hci_name_log(name, file->id);
    hc_status status = hci_dir_open(s->dir, name, HC_OPEN_READ, &handle);
    if (status != HC_OK) return status;
    const hc_io *io = &s->dir->host->io;
    status = io->length(io->ctx, handle, &file->length);
    if (status == HC_OK) status = hci_file_read(s->dir, handle, page, sizeof page, 0);
    hci_dir_close(s->dir, handle);
    if (status == HC_OK) status = hci_file_header_get(page, FILE_LOG, &file->header);
    if (status == HC_ERR_CORRUPT) return HC_OK; /* not begun, or torn, or rot: see evidence */
    if (status != HC_OK) return status;
    file->begun =
        file->header.id == file->id && memcmp(file->header.uuid, s->m->uuid, UUID_BYTES) == 0;
    return HC_OK;
}

static hc_status files_find(scanning *s, const dir_listing *listing)
{
    size_t count = 0;
    for (size_t i = 0; i < listing->count; i++)
        count += listing->entries[i].kind == NAME_LOG;
    if (count == 0) return HC_OK;
    s->files = hci_allocate(s->dir->host, count * sizeof *s->files);
    if (s->files == NULL) return HC_ERR_NO_MEMORY;
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->entries[i].kind != NAME_LOG) continue;
        there *file = &s->files[s->count++];
        *file = (there){.id = listing->entries[i].number};
        s->out->id_max = file->id;
    }
    for (size_t i = 0; i < s->count; i++) { /* those before the first are garbage */
        if (s->files[i].id < s->m->log_first) continue;
        hc_status status = header_read(s, &s->files[i]);
        if (status != HC_OK) return status;
        /* it begins where everything was durable */
        const file_header *header = &s->files[i].header;
        if (s->files[i].begun && header->base_lsn > s->out->durable_lsn) {
            s->out->durable_lsn = header->base_lsn;
        }
    }
    return HC_OK;
}

static const there *file_of(const scanning *s, uint64_t id)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->files[i].id == id) return &s->files[i];
    }
    return NULL;
}

/* The file that goes on from file `id`: of several the last that was begun. */
static const there *successor(const scanning *s, uint64_t id)
{
    const there *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const there *file = &s->files[i];
        if (file->begun && file->id > id && file->header.previous.id == id) found = file;
    }
    return found;
}

/* ---- groups ---- */

bool hci_log_group_open(const log_scan *scan, uint64_t group)
{
    for (size_t i = 0; i < scan->group_count; i++) {
        if (scan->groups[i] == group) return true;
    }
    return false;
}

static hc_status group_note(log_scan *scan, const record *r)
{
    if (r->group == 0) return HC_OK;
    size_t at = 0;
    while (at < scan->group_count && scan->groups[at] != r->group)
        at++;
    if (r->kind == RECORD_COMMIT) {
        if (at < scan->group_count) scan->groups[at] = scan->groups[--scan->group_count];
        return HC_OK;
    }
    if (at < scan->group_count) return HC_OK;
    if (scan->group_count == scan->group_capacity) {
        size_t capacity = scan->group_capacity == 0 ? 16 : 2 * scan->group_capacity;
        uint64_t *grown = hci_resize(scan->host, scan->groups, scan->group_capacity * sizeof *grown,
                                     capacity * sizeof *grown);
        if (grown == NULL) return HC_ERR_NO_MEMORY;
        scan->groups = grown;
        scan->group_capacity = capacity;
    }
    scan->groups[scan->group_count++] = r->group;
    return HC_OK;
}

/* ---- walking the chain ---- */

static hc_status chain_push(log_scan *scan, chain_file file)
{
    if (scan->chain_count == scan->chain_capacity) {
        size_t capacity = scan->chain_capacity == 0 ? 16 : 2 * scan->chain_capacity;
        chain_file *grown =
            hci_resize(scan->host, scan->chain, scan->chain_capacity * sizeof *grown,
                       capacity * sizeof *grown);
        if (grown == NULL) return HC_ERR_NO_MEMORY;
        scan->chain = grown;
        scan->chain_capacity = capacity;
    }
    scan->chain[scan->chain_count++] = file;
    return HC_OK;
}

/* HC_ERR_NOT_FOUND: a gap, or what no writer writes; the log ends before this frame. */
static hc_status frame_note(scanning *s, const frame_reader *r)
{
    const uint8_t *at = r->payload;
    uint64_t left = r->block.raw_bytes;
    uint64_t lsn = r->lsn - left;
    record one;
    while (left > 0) {
        uint64_t stride = hci_record_get(at, left, &one);
        if (stride == 0) return HC_ERR_CORRUPT;
        if (one.kind == RECORD_GAP && lsn >= s->m->snapshot.lsn_from) {
            s->out->gap = true;
            s->lsn = lsn;
            return HC_ERR_NOT_FOUND;
        }
        hc_status status = group_note(s->out, &one);
        if (status != HC_OK) return status;
        hci_sketch_note(s->out, &one);
        s->out->records++;
        at += stride;
        left -= stride;
        lsn += stride;
    }
    s->lsn = r->lsn;
    return HC_OK;
}

/* An intact frame that no writer of this version writes. */
static hc_status frame_bad(const scanning *s, frame_reader *r, uint64_t offset)
{
    char name[NAME_BYTES_MAX];
    hci_name_log(name, r->id);
    hci_persistence_damage(s->hooks, &(hc_damage){.file = name,
                                                  .what = "a frame holds what is no record",
                                                  .offset = offset,
                                                  .bytes = r->block.stored_bytes,
                                                  .lsn_from = s->lsn,
                                                  .lsn_to = r->lsn,
                                                  .records = r->block.records});
    hci_frames_close(r);
    return HC_ERR_CORRUPT;
}

/* Reads one file up to `limit`; *offset_out is where it stopped. */
static hc_status file_walk(scanning *s, const there *file, uint64_t limit, uint64_t *offset_out)
{
    frame_reader r;
    hc_status status = hci_frames_open(&r, s->dir, s->m->uuid, file->id, limit);
    r.lsn = s->lsn;
    s->chain = 0;
    while (status == HC_OK) {
        *offset_out = r.offset;
        status = hooks_go_on(s->hooks);
        if (status == HC_OK) status = hci_frames_next(&r);
        if (status != HC_OK) break;
        s->chain = r.chain;
        s->out->bytes += block_stride(r.block.stored_bytes);
        if (r.block.durable_lsn > s->out->durable_lsn) s->out->durable_lsn = r.block.durable_lsn;
        status = frame_note(s, &r);
        if (status == HC_ERR_CORRUPT) return frame_bad(s, &r, *offset_out);
        *offset_out = r.offset;
        if (r.block.type == BLOCK_SEAL) status = HC_ERR_NOT_FOUND;
    }
    hci_frames_close(&r);
    return status == HC_ERR_NOT_FOUND ? HC_OK : status;
}

/* ---- where it ends ---- */

/* Looks behind the end for frames that say what was durable. */
static hc_status evidence_find(scanning *s, const there *file, uint64_t offset)
{
    char name[NAME_BYTES_MAX];
    hc_file *handle;
    const hci_host *host = s->dir->host;
    uint8_t *buffer = hci_allocate(host, EVIDENCE_BYTES);
    if (buffer == NULL) return HC_ERR_NO_MEMORY;
    uint64_t seed = hci_file_seed(s->m->uuid, file->id);
    hci_name_log(name, file->id);
    hc_status status = hci_dir_open(s->dir, name, HC_OPEN_READ, &handle);
    while (status == HC_OK && offset + BLOCK_HEADER_BYTES <= file->length) {
        uint64_t left = file->length - offset;
        size_t bytes =
            left < EVIDENCE_BYTES ? (size_t)left & ~(size_t)(BLOCK_ALIGN - 1) : EVIDENCE_BYTES;
        status = hci_file_read(s->dir, handle, buffer, bytes, offset);
        for (size_t at = 0; status == HC_OK && at < bytes; at += BLOCK_ALIGN) {
            block_header block;
            if (!hci_block_header_get(buffer + at, seed, file->id, &block)) continue;
            if (block.durable_lsn > s->out->durable_lsn) s->out->durable_lsn = block.durable_lsn;
            if (block.type == BLOCK_FRAME) s->out->lost_records += block.records;
        }
        offset += bytes;
    }
    hci_dir_close(s->dir, handle);
    hci_release(host, buffer, EVIDENCE_BYTES);
    return status;
}

static hc_status evidence_gather(scanning *s, uint64_t stop_id, uint64_t stop_offset)
{
    hc_status status = HC_OK;
    for (size_t i = 0; i < s->count && status == HC_OK; i++) {
        const there *file = &s->files[i];
        if (file->id < stop_id) continue;
        status = evidence_find(s, file, file->id == stop_id ? stop_offset : FILE_HEADER_BYTES);
    }
    return status;
}

static hc_status damage_tell(const scanning *s, const there *stop, uint64_t offset)
{
    char name[NAME_BYTES_MAX];
    hci_name_log(name, stop != NULL ? stop->id : s->m->log_first);
    hc_damage damage = {.file = name,
                        .what = stop == NULL   ? "the log file is missing"
                                : !stop->begun ? "the header of the log file is damaged"
                                               : "records that were durable are damaged",
                        .offset = stop != NULL && stop->begun ? offset : 0,
                        .lsn_from = s->lsn,
                        .lsn_to = s->out->durable_lsn,
                        .records = s->out->lost_records};
    if (stop != NULL && stop->length > offset) damage.bytes = stop->length - offset;
    hci_persistence_damage(s->hooks, &damage);
    return HC_ERR_CORRUPT;
}

/* The end of the last frame that ends at or before `lsn` and has records.  Blocks without any, a
 * seal or a mark, and a file that was only begun may be read and yet not be on the disk: the
 * process that wrote them was killed, or ended without a sync.  A chain through them would break
 * when the power fails. */
static hc_status resume_find(scanning *s, uint64_t lsn)
{
    log_scan *out = s->out;
    size_t at = out->chain_count;
    while (at > 1 && out->chain[at - 1].base_lsn >= lsn)
        at--;
    out->resume = (file_link){.id = s->m->log_first, .lsn = s->m->log_first_lsn};
    if (at == 0) return HC_OK;
    frame_reader r;
    const chain_file *file = &out->chain[at - 1];
    hc_status status = hci_frames_open(&r, s->dir, s->m->uuid, file->id, file->bytes);
    r.lsn = file->base_lsn;
    out->resume = (file_link){.id = file->id, .lsn = r.lsn, .bytes = r.offset};
    while (status == HC_OK) {
        status = hci_frames_next(&r);
        if (status != HC_OK || r.lsn > lsn) break;
        if (r.block.raw_bytes == 0) continue;
        out->resume =
            (file_link){.id = file->id, .lsn = r.lsn, .bytes = r.offset, .chain = r.chain};
    }
    hci_frames_close(&r);
    return status == HC_ERR_NOT_FOUND ? HC_OK : status;
}

/* Follows the chain; *stop_out (NULL: the first file is not there) and *offset_out are its end. */
static hc_status chain_walk(scanning *s, const there **stop_out, uint64_t *offset_out)
{
    const there *file = file_of(s, s->m->log_first);
    *stop_out = file;
    *offset_out = 0;
    if (file == NULL || !file->begun) { /* it never was: is there one that goes on from nothing? */
        const there *next = successor(s, s->m->log_first);
        if (next != NULL && next->header.previous.bytes == 0) file = next;
    }
    while (file != NULL && file->begun) {
        const there *next = successor(s, file->id);
        uint64_t limit = next != NULL ? next->header.previous.bytes : file->length;
        uint64_t base_lsn = s->lsn;
        if (file->header.base_lsn != base_lsn) break;
        if (limit > file->length) limit = file->length;
        hc_status status = file_walk(s, file, limit, offset_out);
        *stop_out = file;
        if (status != HC_OK) return status;
        status = chain_push(s->out, (chain_file){file->id, base_lsn, *offset_out});
        if (status != HC_OK || next == NULL || s->out->gap) return status;
        const file_link *link = &next->header.previous;
        if (link->bytes != *offset_out || link->lsn != s->lsn || link->chain != s->chain) break;
        file = next;
        *stop_out = file;
        *offset_out = FILE_HEADER_BYTES;
    }
    return HC_OK;
}

static hc_status scan(scanning *s, const dir_listing *listing, bool salvage)
{
    log_scan *out = s->out;
    const there *stop;
    uint64_t offset;
    hc_status status = files_find(s, listing);
    if (status == HC_OK) status = chain_walk(s, &stop, &offset);
    if (status != HC_OK) return status;
    out->stop_id = stop != NULL ? stop->id : s->m->log_first;
    out->stop_offset = offset;
    if (!out->gap) status = evidence_gather(s, out->stop_id, offset);
    if (status != HC_OK) return status;
    out->end_lsn = s->lsn;
    out->torn = out->lost_records > 0;
    if (!out->gap && out->durable_lsn > s->lsn) {
        status = damage_tell(s, stop, offset);
        if (!salvage) return status;
    }
    return resume_find(s, out->durable_lsn < s->lsn ? out->durable_lsn : s->lsn);
}

hc_status hci_log_scan(const persist_dir *dir, const manifest *m, const dir_listing *listing,
                       const hc_persistence_hooks *hooks, bool salvage, log_scan *out)
{
    *out = (log_scan){.host = dir->host, .durable_lsn = m->durable_lsn};
    scanning s = {.dir = dir, .m = m, .hooks = hooks, .out = out, .lsn = m->log_first_lsn};
    hc_status status = scan(&s, listing, salvage);
    if (s.files != NULL) hci_release(dir->host, s.files, s.count * sizeof *s.files);
    return status;
}

void hci_log_scan_fini(log_scan *scan)
{
    if (scan->chain != NULL) {
        hci_release(scan->host, scan->chain, scan->chain_capacity * sizeof *scan->chain);
    }
    if (scan->groups != NULL) {
        hci_release(scan->host, scan->groups, scan->group_capacity * sizeof *scan->groups);
    }
    hci_sketches_fini(scan);
    *scan = (log_scan){.host = scan->host};
}

/* ---- replay ---- */

/* The records of the frame just read that lie in [from_lsn, end_lsn); *lsn_out is where they
 * begin. */
static hc_status frame_part(const frame_reader *r, uint64_t from_lsn, uint64_t end_lsn,
                            hc_span *out, uint64_t *lsn_out)
{
    uint64_t lsn = r->lsn - r->block.raw_bytes;
    const uint8_t *at = r->payload;
    record one;
    *lsn_out = lsn;
    *out = hc_span_make(at, 0);
    if (r->lsn <= from_lsn) return HC_OK;
    for (uint64_t stride; lsn < from_lsn; at += stride, lsn += stride) {
        stride = hci_record_get(at, r->lsn - lsn, &one);
        if (stride == 0) return HC_ERR_CORRUPT;
    }
    uint64_t end = r->lsn < end_lsn ? r->lsn : end_lsn;
    *lsn_out = lsn;
    *out = hc_span_make(at, end > lsn ? (size_t)(end - lsn) : 0);
    return HC_OK;
}

hc_status hci_log_frames(const persist_dir *dir, const uint8_t *uuid, const log_scan *scan,
                         uint64_t from_lsn, frame_visit visit, void *ctx)
{
    hc_status status = HC_OK;
    for (size_t i = 0; i < scan->chain_count && status == HC_OK; i++) {
        const chain_file *file = &scan->chain[i];
        frame_reader r;
        status = hci_frames_open(&r, dir, uuid, file->id, file->bytes);
        r.lsn = file->base_lsn;
        while (status == HC_OK && r.offset < file->bytes) {
            hc_span bytes;
            uint64_t lsn;
            status = hci_frames_next(&r);
            if (status == HC_ERR_NOT_FOUND) status = HC_ERR_CORRUPT; /* it was there before */
            if (status == HC_OK) status = frame_part(&r, from_lsn, scan->end_lsn, &bytes, &lsn);
            if (status == HC_OK) {
                status = visit(ctx, bytes, lsn, block_stride(r.block.stored_bytes));
            }
        }
        hci_frames_close(&r);
    }
    return status;
}

typedef struct record_visiting {
    record_visit visit;
    void *ctx;
} record_visiting;

static hc_status records_visit(void *ctx, hc_span bytes, uint64_t lsn, uint64_t file_bytes)
{
    const record_visiting *v = ctx;
    record one;
    (void)file_bytes;
    for (size_t at = 0; at < bytes.size;) {
        uint64_t stride = hci_record_get(bytes.data + at, bytes.size - at, &one);
        if (stride == 0) return HC_ERR_CORRUPT;
        hc_status status = v->visit(v->ctx, &one, lsn + at);
        if (status != HC_OK) return status;
        at += (size_t)stride;
    }
    return HC_OK;
}

hc_status hci_log_replay(const persist_dir *dir, const uint8_t *uuid, const log_scan *scan,
                         uint64_t from_lsn, record_visit visit, void *ctx)
{
    record_visiting v = {visit, ctx};
    return hci_log_frames(dir, uuid, scan, from_lsn, records_visit, &v);
}
