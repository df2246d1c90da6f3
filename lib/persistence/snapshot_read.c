/*
 * snapshot_read.c - one part of a snapshot, block by block, each checked before it is used.
 */
#include "persistence/persistence_private.h"

#include <zstd.h>

typedef struct part_reader {
    const snapshot_source *source;
    hc_file *file;
    char name[NAME_BYTES_MAX];
    uint64_t seed, offset;
    snapshot_part so_far;
    uint8_t *stored, *raw;
    size_t stored_capacity, raw_capacity;
    ZSTD_DCtx *zstd;
    block_header block;
} part_reader;

hc_status hci_snapshot_present(const persist_dir *dir, const manifest_snapshot *snapshot)
{
    hc_status status = HC_OK;
    for (uint32_t i = 0; i < snapshot->parts && status == HC_OK; i++) {
        char name[NAME_BYTES_MAX];
        hc_file *file;
        uint64_t bytes = 0;
        hci_name_snapshot(name, snapshot->id, i);
        status = hci_dir_open(dir, name, HC_OPEN_READ, &file);
        if (status != HC_OK) break;
        status = dir->host->io.length(dir->host->io.ctx, file, &bytes);
        hci_dir_close(dir, file);
        if (status == HC_OK && bytes != snapshot->part[i].bytes) status = HC_ERR_CORRUPT;
    }
    return status;
}

static hc_status damage(part_reader *r, const char *what, uint64_t bytes, uint64_t records)
{
    hci_persistence_damage(r->source->hooks, &(hc_damage){.file = r->name,
                                                          .what = what,
                                                          .offset = r->offset,
                                                          .bytes = bytes,
                                                          .records = records});
    return HC_ERR_CORRUPT;
}

static hc_status room(part_reader *r, uint8_t **buffer, size_t *capacity, size_t bytes)
{
    if (bytes <= *capacity) return HC_OK;
    const hci_host *host = r->source->dir->host;
    uint8_t *grown = hci_allocate(host, bytes);
    if (grown == NULL) return HC_ERR_NO_MEMORY;
    if (*buffer != NULL) hci_release(host, *buffer, *capacity);
    *buffer = grown;
    *capacity = bytes;
    return HC_OK;
}

static hc_status header_check(part_reader *r, uint32_t part)
{
    uint8_t page[FILE_HEADER_BYTES];
    file_header header;
    hc_status status = hci_file_read(r->source->dir, r->file, page, sizeof page, 0);
    if (status == HC_OK) status = hci_file_header_get(page, FILE_SNAPSHOT, &header);
    if (status == HC_OK && (header.id != r->source->snapshot->id || header.part != part ||
                            memcmp(header.uuid, r->source->uuid, UUID_BYTES) != 0)) {
        status = HC_ERR_CORRUPT;
    }
    if (status != HC_ERR_CORRUPT) return status;
    return damage(r, "the header of a snapshot is damaged, or of another", 0,
                  r->source->snapshot->part[part].records);
}

/* The payload in *out; HC_ERR_NOT_FOUND: its bytes are not what was written. */
static hc_status payload_read(part_reader *r, hc_span *out)
{
    const block_header *b = &r->block;
    hc_status status = room(r, &r->stored, &r->stored_capacity, (size_t)b->stored_bytes + 1);
    if (status == HC_OK) status = room(r, &r->raw, &r->raw_capacity, (size_t)b->raw_bytes + 1);
    if (status != HC_OK) return status;
    status = hci_file_read(r->source->dir, r->file, r->stored, b->stored_bytes,
                           r->offset + BLOCK_HEADER_BYTES);
    if (status == HC_ERR_CORRUPT) return HC_ERR_NOT_FOUND;
    if (status != HC_OK) return status;
    hc_span stored = hc_span_make(r->stored, b->stored_bytes);
    uint64_t sum = hci_block_sum(r->seed, &stored, 1);
    if (sum != b->payload_sum) return HC_ERR_NOT_FOUND;
    *out = stored;
    if (!(b->flags & BLOCK_ZSTD)) return HC_OK;
    if (r->zstd == NULL) r->zstd = ZSTD_createDCtx();
    if (r->zstd == NULL) return HC_ERR_NO_MEMORY;
    size_t bytes = ZSTD_decompressDCtx(r->zstd, r->raw, b->raw_bytes, r->stored, b->stored_bytes);
    if (ZSTD_isError(bytes) || bytes != b->raw_bytes) return HC_ERR_NOT_FOUND;
    *out = hc_span_make(r->raw, b->raw_bytes);
    return HC_OK;
}

static hc_status payload_visit(part_reader *r, hc_span payload, record_visit visit, void *ctx)
{
    uint64_t at = 0;
    record one;
    while (at < payload.size) {
        uint64_t stride = hci_record_get(payload.data + at, payload.size - at, &one);
        if (stride == 0 || (one.kind != RECORD_SET && one.kind != RECORD_PIECE)) {
            return damage(r, "a block holds what is no item", payload.size, r->block.records);
        }
        hc_status status = visit(ctx, &one, 0);
        if (status != HC_OK) return status;
        at += stride;
    }
    return HC_OK;
}

/* The header of the block at r->offset, or of the next one there is. */
static hc_status block_find(part_reader *r, uint64_t end)
{
    uint8_t head[BLOCK_HEADER_BYTES];
    uint64_t asked = r->offset;
    for (; r->offset + BLOCK_HEADER_BYTES <= end; r->offset += BLOCK_ALIGN) {
        hc_status status = hci_file_read(r->source->dir, r->file, head, sizeof head, r->offset);
        if (status == HC_ERR_CORRUPT) break;
        if (status != HC_OK) return status;
        bool fits = hci_block_header_get(head, r->seed, r->source->snapshot->id, &r->block) &&
                    r->offset + block_stride(r->block.stored_bytes) <= end;
        if (fits && r->offset == asked) return HC_OK;
        if (r->offset == asked) (void)damage(r, "the header of a block is damaged", 0, 0);
        if (fits) return HC_OK;
        if (!r->source->salvage) return HC_ERR_CORRUPT;
    }
    if (r->offset == asked) (void)damage(r, "a snapshot ends too early", 0, 0);
    return HC_ERR_CORRUPT;
}

static hc_status blocks_read(part_reader *r, const snapshot_part *want, record_visit visit,
                             block_visit block_end, void *ctx)
{
    bool salvage = r->source->salvage;
    for (;;) {
        hc_span payload;
        hc_status status = block_find(r, want->bytes);
        if (status == HC_ERR_CORRUPT && salvage) return HC_OK;
        if (status != HC_OK) return status;
        uint64_t stride = block_stride(r->block.stored_bytes);
        status = payload_read(r, &payload);
        if (status == HC_ERR_NOT_FOUND) {
            status = damage(r, "a block is damaged", stride, r->block.records);
            if (!salvage) return status;
            r->offset += stride;
            continue;
        }
        if (status != HC_OK) return status;
        r->so_far.chain = hci_chain_next(r->so_far.chain, r->block.payload_sum);
        bool follows = r->block.seq == r->so_far.blocks && r->block.chain == r->so_far.chain;
        if (!follows && !salvage) {
            return damage(r, "a block is missing, or in another place", 0, r->block.records);
        }
        r->so_far.blocks++;
        r->so_far.records += r->block.records;
        if (r->block.type == BLOCK_END) break;
        status = payload_visit(r, payload, visit, ctx);
        if (status == HC_ERR_CORRUPT && salvage) status = HC_OK;
        if (status == HC_OK && block_end != NULL) status = block_end(ctx, stride);
        if (status != HC_OK) return status;
        r->offset += stride;
    }
    bool whole = r->so_far.records == want->records && r->so_far.blocks == want->blocks &&
                 r->so_far.chain == want->chain;
    return whole || salvage ? HC_OK : damage(r, "a snapshot is not the one that was listed", 0, 0);
}

static hc_status reader_open(part_reader *r, const snapshot_source *source, uint32_t part)
{
    *r = (part_reader){.source = source,
                       .seed = snapshot_seed(source->uuid, source->snapshot->id, part),
                       .offset = FILE_HEADER_BYTES};
    hci_name_snapshot(r->name, source->snapshot->id, part);
    hc_status status = hci_dir_open(source->dir, r->name, HC_OPEN_READ, &r->file);
    if (status != HC_ERR_NOT_FOUND) return status;
    return damage(r, "a part of the snapshot is missing", 0, source->snapshot->part[part].records);
}

static void reader_close(part_reader *r)
{
    const hci_host *host = r->source->dir->host;
    hci_dir_close(r->source->dir, r->file);
    if (r->stored != NULL) hci_release(host, r->stored, r->stored_capacity);
    if (r->raw != NULL) hci_release(host, r->raw, r->raw_capacity);
    (void)ZSTD_freeDCtx(r->zstd);
}

hc_status hci_snapshot_read(const snapshot_source *source, uint32_t part, record_visit visit,
                            block_visit block_end, void *ctx)
{
    part_reader r;
    hc_status status = reader_open(&r, source, part);
    if (status == HC_OK) status = header_check(&r, part);
    if (status == HC_ERR_CORRUPT && source->salvage && r.file != NULL) status = HC_OK;
    if (status == HC_OK) {
        status = blocks_read(&r, &source->snapshot->part[part], visit, block_end, ctx);
    }
    reader_close(&r);
    return status;
}

/* ---- in ranges ---- */

void hci_snapshot_blocks_fini(snapshot_blocks *blocks)
{
    if (blocks->block != NULL) {
        hci_release(blocks->host, blocks->block, blocks->capacity * sizeof *blocks->block);
    }
    blocks->block = NULL;
    blocks->count = blocks->capacity = 0;
}

static hc_status blocks_add(snapshot_blocks *to, const part_reader *r)
{
    if (to->count == to->capacity) {
        size_t capacity = to->capacity == 0 ? 64 : 2 * to->capacity;
        snapshot_block *grown =
            hci_resize(to->host, to->block, to->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) return HC_ERR_NO_MEMORY;
        to->block = grown;
        to->capacity = capacity;
    }
    to->block[to->count++] = (snapshot_block){.offset = r->offset, .header = r->block};
    return HC_OK;
}

static hc_status headers_read(part_reader *r, const snapshot_part *want, snapshot_blocks *out)
{
    for (;;) {
        hc_status status = block_find(r, want->bytes);
        if (status != HC_OK) return status;
        r->so_far.chain = hci_chain_next(r->so_far.chain, r->block.payload_sum);
        if (r->block.seq != r->so_far.blocks || r->block.chain != r->so_far.chain) {
            return damage(r, "a block is missing, or in another place", 0, r->block.records);
        }
        r->so_far.blocks++;
        r->so_far.records += r->block.records;
        if (r->block.type == BLOCK_END) break;
        status = blocks_add(out, r);
        if (status != HC_OK) return status;
        r->offset += block_stride(r->block.stored_bytes);
    }
    bool whole = r->so_far.records == want->records && r->so_far.blocks == want->blocks &&
                 r->so_far.chain == want->chain;
    return whole ? HC_OK : damage(r, "a snapshot is not the one that was listed", 0, 0);
}

hc_status hci_snapshot_list(const snapshot_source *source, uint32_t part, snapshot_blocks *out)
{
    part_reader r;
    *out = (snapshot_blocks){.host = source->dir->host};
    hc_status status = reader_open(&r, source, part);
    if (status == HC_OK) status = header_check(&r, part);
    if (status == HC_OK) status = headers_read(&r, &source->snapshot->part[part], out);
    reader_close(&r);
    return status;
}

typedef struct range_visiting {
    record_visit visit;
    void *ctx;
    bool begun;     /* a record was visited: pieces before belong to the range before */
    bool goes_on;   /* the last one has pieces to come */
    bool only_rest; /* stop at the first record that is no such piece */
} range_visiting;

static hc_status range_visit(void *ctx, const record *r, uint64_t lsn)
{
    range_visiting *v = ctx;
    bool is_piece = r->kind == RECORD_PIECE;
    if (!v->begun && is_piece) return HC_OK;
    if (v->only_rest && !(v->goes_on && is_piece)) {
        v->goes_on = false;
        return HC_OK;
    }
    v->begun = true;
    v->goes_on = (r->flags & RECORD_MORE) != 0;
    return v->visit(v->ctx, r, lsn);
}

hc_status hci_snapshot_read_blocks(const snapshot_source *source, uint32_t part,
                                   const snapshot_blocks *list, size_t from, size_t to,
                                   record_visit visit, block_visit block_end, void *ctx)
{
    part_reader r;
    range_visiting v = {.visit = visit, .ctx = ctx};
    hc_status status = reader_open(&r, source, part);
    for (size_t i = from; status == HC_OK && i < list->count && (i < to || v.goes_on); i++) {
        hc_span payload;
        r.offset = list->block[i].offset;
        r.block = list->block[i].header;
        uint64_t stride = block_stride(r.block.stored_bytes);
        v.only_rest = i >= to;
        status = payload_read(&r, &payload);
        if (status == HC_ERR_NOT_FOUND) {
            status = damage(&r, "a block is damaged", stride, r.block.records);
        }
        if (status == HC_OK) status = payload_visit(&r, payload, range_visit, &v);
        if (status == HC_OK) status = block_end(ctx, i < to ? stride : 0);
    }
    reader_close(&r);
    return status;
}
