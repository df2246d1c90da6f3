/*
 * log_frames.c - reading one log file through a window, frame by frame.
 *
 * A block counts only if everything about it fits: its header's checksum, which is of this file;
 * its LSN, which is the next; the checksum of its payload; and the chain of all before it.
 */
#include "persistence/log_read.h"

#define WINDOW_BYTES (256u << 10)

hc_status hci_frames_open(frame_reader *r, const persist_dir *dir, const uint8_t *uuid, uint64_t id,
                          uint64_t limit)
{
    char name[NAME_BYTES_MAX];
    *r = (frame_reader){.dir = dir,
                        .id = id,
                        .seed = hci_file_seed(uuid, id),
                        .offset = FILE_HEADER_BYTES,
                        .limit = limit};
    hci_name_log(name, id);
    return hci_dir_open(dir, name, HC_OPEN_READ, &r->file);
}

void hci_frames_close(frame_reader *r)
{
    hci_dir_close(r->dir, r->file);
    if (r->window != NULL) hci_release(r->dir->host, r->window, r->window_capacity);
    r->file = NULL;
    r->window = NULL;
}

static hc_status window_grow(frame_reader *r, size_t bytes)
{
    if (bytes <= r->window_capacity) return HC_OK;
    size_t capacity = bytes < WINDOW_BYTES ? WINDOW_BYTES : bytes;
    uint8_t *grown = hci_allocate(r->dir->host, capacity);
    if (grown == NULL) return HC_ERR_NO_MEMORY;
    if (r->window != NULL) hci_release(r->dir->host, r->window, r->window_capacity);
    r->window = grown;
    r->window_capacity = capacity;
    r->window_bytes = 0;
    return HC_OK;
}

/* Bytes [offset, offset + bytes) of the file; HC_ERR_NOT_FOUND: it is not that long. */
static hc_status window_get(frame_reader *r, uint64_t offset, size_t bytes, const uint8_t **out)
{
    if (offset + bytes > r->limit) return HC_ERR_NOT_FOUND;
    bool inside = offset >= r->window_at && offset + bytes <= r->window_at + r->window_bytes;
    if (!inside) {
        hc_status status = window_grow(r, bytes);
        if (status != HC_OK) return status;
        uint64_t left = r->limit - offset;
        size_t want = left < r->window_capacity ? (size_t)left : r->window_capacity;
        r->window_at = offset;
        r->window_bytes = 0;
        status = r->dir->host->io.read(r->dir->host->io.ctx, r->file, r->window, want, offset,
                                       &r->window_bytes);
        if (status != HC_OK) return status;
        if (r->window_bytes < bytes) return HC_ERR_NOT_FOUND;
    }
    *out = r->window + (offset - r->window_at);
    return HC_OK;
}

hc_status hci_frames_next(frame_reader *r)
{
    const uint8_t *at;
    hc_status status = window_get(r, r->offset, BLOCK_HEADER_BYTES, &at);
    if (status != HC_OK) return status;
    if (!hci_block_header_get(at, r->seed, r->id, &r->block) || r->block.flags != 0 ||
        r->block.seq != r->lsn || r->block.type > BLOCK_SEAL ||
        r->block.raw_bytes % RECORD_ALIGN != 0) {
        return HC_ERR_NOT_FOUND;
    }
    uint64_t stride = block_stride(r->block.stored_bytes);
    if (r->offset + stride > r->limit) return HC_ERR_NOT_FOUND;
    status = window_get(r, r->offset, (size_t)stride, &at);
    if (status != HC_OK) return status;
    hc_span payload = hc_span_make(at + BLOCK_HEADER_BYTES, r->block.stored_bytes);
    uint64_t sum = hci_block_sum(r->seed, &payload, 1);
    if (sum != r->block.payload_sum || hci_chain_next(r->chain, sum) != r->block.chain) {
        return HC_ERR_NOT_FOUND;
    }
    r->payload = payload.data;
    r->offset += stride;
    r->lsn += r->block.raw_bytes;
    r->chain = r->block.chain;
    return HC_OK;
}
