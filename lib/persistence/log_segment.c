/*
 * log_segment.c - log files: made ahead, filled with zeros, begun, left.
 *
 *     spare: create or recycle -> zeros, a piece a step -> sync, sync directory -> ready
 *     begin: header that says where it goes on from (file, LSN, bytes, chain), then frames
 *
 * Writing over zeros that are on disk already makes a sync cost half of what it costs while a file
 * grows: the file system has nothing to note.  A recycled file needs no zeros: its old header has
 * another number than its name, and its old blocks are of another identity, so both count as none.
 */
#include "persistence/persistence_private.h"

#define FILL_BYTES (1u << 20) /* of zeros in one step */
#define SPARE_SHARE 4u        /* of a file that is full before the next one is made */
#define SPARE_RETRY_NS (UINT64_C(1000) * NS_PER_MS)

static uint8_t zeros_page[65536]; /* never written: lies in no file and in no memory until read */

hc_status hci_log_files_push(hc_persistence *p, log_file file)
{
    log_state *log = &p->log;
    if (log->file_count == log->file_capacity) {
        size_t capacity = log->file_capacity == 0 ? 16 : 2 * log->file_capacity;
        log_file *grown = hci_resize(&p->host, log->files, log->file_capacity * sizeof *grown,
                                     capacity * sizeof *grown);
        if (grown == NULL) return HC_ERR_NO_MEMORY;
        log->files = grown;
        log->file_capacity = capacity;
    }
    log->files[log->file_count++] = file;
    return HC_OK;
}

/* ---- the spare ---- */

void hci_spare_drop(hc_persistence *p)
{
    log_state *log = &p->log;
    char name[NAME_BYTES_MAX];
    if (log->spare == NULL) return;
    hci_dir_close(&p->dir, log->spare);
    hci_name_log(name, log->spare_id);
    (void)hci_dir_unlink(&p->dir, name);
    log->spare = NULL;
    log->spare_ready = false;
}

/* A file under the next number: one that counts no more, under its new name, or a new one. */
static hc_status spare_make(hc_persistence *p)
{
    log_state *log = &p->log;
    char name[NAME_BYTES_MAX], old_name[NAME_BYTES_MAX];
    log->spare_id = log->next_id++;
    hci_name_log(name, log->spare_id);
    log->spare_filled = 0;
    if (log->recycle_id != 0) {
        hci_name_log(old_name, log->recycle_id);
        log->recycle_id = 0;
        hc_status status = hci_dir_rename(&p->dir, old_name, name);
        if (status == HC_OK) status = hci_dir_open(&p->dir, name, HC_OPEN_WRITE, &log->spare);
        if (status == HC_OK) {
            uint64_t length;
            status = p->host.io.length(p->host.io.ctx, log->spare, &length);
            if (status == HC_OK && length >= p->options.segment_bytes) {
                log->spare_filled = p->options.segment_bytes;
            }
        }
        return status;
    }
    hc_status status = hci_dir_open(&p->dir, name, HC_OPEN_CREATE, &log->spare);
    if (status != HC_OK) return status;
    status = p->host.io.allocate(p->host.io.ctx, log->spare, p->options.segment_bytes);
    return status == HC_ERR_UNSUPPORTED ? HC_OK : status;
}

static hc_status spare_fill(hc_persistence *p)
{
    log_state *log = &p->log;
    hc_status status = HC_OK;
    for (uint64_t filled = 0; filled < FILL_BYTES && status == HC_OK;) {
        uint64_t left = p->options.segment_bytes - log->spare_filled;
        if (left == 0) break;
        size_t piece = left < sizeof zeros_page ? (size_t)left : sizeof zeros_page;
        hc_span part = hc_span_make(zeros_page, piece);
        status = hci_file_write(&p->dir, log->spare, &part, 1, log->spare_filled);
        log->spare_filled += piece;
        log->bytes_filled += piece;
        filled += piece;
    }
    return status;
}

/* A node that writes little needs no room for a second file.  One to be used again takes none. */
static bool spare_wanted(const hc_persistence *p)
{
    const log_state *log = &p->log;
    return log->spare != NULL || log->recycle_id != 0 || log->file == NULL ||
           log->offset >= p->options.segment_bytes / SPARE_SHARE;
}

bool hci_spare_step(hc_persistence *p, uint64_t now_ns)
{
    log_state *log = &p->log;
    if (log->spare_ready || now_ns < log->spare_retry_ns || !spare_wanted(p)) return false;
    hc_status status = log->spare == NULL ? spare_make(p) : HC_OK;
    if (status == HC_OK) status = spare_fill(p);
    /* piece by piece: one sync of all of it would keep the log waiting */
    if (status == HC_OK) status = hci_file_sync(&p->dir, log->spare);
    if (status == HC_OK && log->spare_filled < p->options.segment_bytes) return true;
    if (status == HC_OK) status = hci_dir_sync(&p->dir);
    if (status == HC_OK) {
        log->spare_ready = true;
        return false;
    }
    hci_spare_drop(p); /* nothing depends on it: try again later */
    log->spare_retry_ns = now_ns + SPARE_RETRY_NS;
    return false;
}

/* ---- the current file ---- */

/* Zeros are left for the frames to come: somebody waits for this file. */
static hc_status spare_hurry(hc_persistence *p)
{
    log_state *log = &p->log;
    if (log->spare_ready) return HC_OK;
    hci_spare_drop(p); /* half filled, or on a disk that failed */
    hc_status status = spare_make(p);
    if (status == HC_OK) status = hci_file_sync(&p->dir, log->spare);
    if (status == HC_OK) status = hci_dir_sync(&p->dir);
    if (status == HC_OK) {
        log->spare_ready = true;
    } else {
        hci_spare_drop(p);
    }
    return status;
}

static hc_status header_write(hc_persistence *p, hc_file *file, const file_header *header)
{
    uint8_t page[FILE_HEADER_BYTES];
    hci_file_header_put(header, page);
    hc_span part = hc_span_make(page, sizeof page);
    return hci_file_write(&p->dir, file, &part, 1, 0);
}

hc_status hci_segment_start(hc_persistence *p)
{
    log_state *log = &p->log;
    hc_status status = spare_hurry(p);
    if (status != HC_OK) return status;
    file_header header = {.kind = FILE_LOG,
                          .id = log->spare_id,
                          .created_at_ms = hci_wall_ms(&p->host),
                          .base_lsn = log->durable_end.lsn,
                          .previous = log->durable_end};
    memcpy(header.uuid, p->uuid, UUID_BYTES);
    if (log->hidden_header != NULL && log->hidden_id == 0) {
        log->hidden_id = header.id;
        hci_file_header_put(&header, log->hidden_header);
    } else {
        status = header_write(p, log->spare, &header);
    }
    if (status != HC_OK) {
        hci_spare_drop(p);
        return status;
    }
    log->file = log->spare;
    log->spare = NULL;
    log->spare_ready = false;
    log->now = (log_file){.id = header.id, .base_lsn = header.base_lsn};
    log->seed = hci_file_seed(p->uuid, header.id);
    log->offset = FILE_HEADER_BYTES;
    log->chain = 0;
    log->written_lsn = header.base_lsn;
    log->bytes_written += FILE_HEADER_BYTES;
    char name[NAME_BYTES_MAX];
    hci_name_log(name, header.id);
    hci_persistence_tell(p, &(hc_persistence_event){.kind = HC_PERSISTENCE_LOG_ROTATED,
                                                    .file = name,
                                                    .lsn = header.base_lsn});
    return HC_OK;
}

hc_status hci_segment_show(hc_persistence *p)
{
    log_state *log = &p->log;
    char name[NAME_BYTES_MAX];
    hc_file *file;
    hci_name_log(name, log->hidden_id);
    hc_status status = hci_dir_open(&p->dir, name, HC_OPEN_WRITE, &file);
    if (status != HC_OK) return status;
    hc_span part = hc_span_make(log->hidden_header, FILE_HEADER_BYTES);
    status = hci_file_write(&p->dir, file, &part, 1, 0);
    if (status == HC_OK) status = hci_file_sync(&p->dir, file);
    hci_dir_close(&p->dir, file);
    return status;
}

void hci_segment_stop(hc_persistence *p)
{
    log_state *log = &p->log;
    if (log->file == NULL) return;
    hci_dir_close(&p->dir, log->file);
    log->file = NULL;
}
