/*
 * log_write.c - from the ring to the disk: frames, syncs, what to do when the disk fails.
 *
 *     frame = block of whole records, as many as were published meanwhile, FRAME_BYTES_MAX at most
 *     group commit: while one frame is being synced, the next gathers in the ring
 *
 * States
 *     works    frames are written to `file`; a good sync moves durable_end and frees the ring
 *     failed   `file` is closed and never touched again, since nobody knows what it holds behind
 *              durable_end.  By and by, later and later, a new file is begun there and everything
 *              that is still in the ring, which is all that is not durable, is written to it
 *     lost     the ring ran full meanwhile: what comes is not noted until the next snapshot
 *
 * What a sync says of the old file is never asked twice: a second sync of the same pages would say
 * "good" of data that the system has given up.
 */
#include "persistence/persistence_private.h"

#define RETRY_NS_MIN (100 * NS_PER_MS)
#define RETRY_NS_MAX (5000 * NS_PER_MS)
#define SYNC_SHARE                                                                                 \
    8u /* of the ring: so much is synced at once, long before writers are held back */
#define NO_SYNC_NS (30000 * NS_PER_MS) /* of HC_SYNC_NO: the oldest change not synced */
#define MARK_NS (1000 * NS_PER_MS)     /* idle for so long: say on disk what is durable */

static const uint8_t zeros[BLOCK_ALIGN];

static hc_status failed_status(const hc_persistence *p)
{
    return (hc_status)atomic_load_explicit(&((hc_persistence *)(uintptr_t)p)->log.failed,
                                           memory_order_relaxed);
}

/* ---- blocks ---- */

static hc_status block_write(hc_persistence *p, block_type type, uint64_t end, uint32_t records)
{
    log_state *log = &p->log;
    uint8_t head[BLOCK_HEADER_BYTES];
    hc_span parts[4] = {hc_span_make(head, sizeof head)};
    size_t count = 1 + hci_ring_spans(&log->ring, log->written_lsn, end, parts + 1);
    uint32_t bytes = (uint32_t)(end - log->written_lsn);
    block_header header = {.type = type,
                           .raw_bytes = bytes,
                           .stored_bytes = bytes,
                           .records = records,
                           .seq = log->written_lsn,
                           .durable_lsn = log->durable_end.lsn,
                           .payload_sum = hci_block_sum(log->seed, parts + 1, count - 1)};
    header.chain = hci_chain_next(log->chain, header.payload_sum);
    hci_block_header_put(&header, log->seed, log->now.id, head);
    uint64_t stride = block_stride(bytes);
    parts[count++] = hc_span_make(zeros, stride - BLOCK_HEADER_BYTES - bytes);
    hc_status status = hci_file_write(&p->dir, log->file, parts, count, log->offset);
    if (status != HC_OK) return status;
    uint64_t now_ns = hci_monotonic_ns(&p->host);
    if (log->unsynced_since_ns == 0 && bytes > 0) log->unsynced_since_ns = now_ns;
    log->written_at_ns = now_ns;
    log->offset += stride;
    log->chain = header.chain;
    log->written_lsn = end;
    log->testified_lsn = header.durable_lsn;
    log->bytes_written += stride;
    log->frames += type == BLOCK_FRAME;
    return HC_OK;
}

/* Everything written is durable. */
static void durable_end_set(log_state *log)
{
    log->durable_end = (file_link){
        .id = log->now.id, .lsn = log->written_lsn, .bytes = log->offset, .chain = log->chain};
}

static void durable_tell(hc_persistence *p)
{
    log_state *log = &p->log;
    atomic_store_explicit(&log->durable_lsn, log->durable_end.lsn, memory_order_release);
    if (p->hooks.durable != NULL) p->hooks.durable(p->hooks.ctx, log->durable_end.lsn);
}

static hc_status log_sync(hc_persistence *p)
{
    log_state *log = &p->log;
    uint64_t begun_ns = hci_monotonic_ns(&p->host);
    hc_status status = hci_file_sync(&p->dir, log->file);
    if (status != HC_OK) return status;
    uint64_t took_ns = hci_monotonic_ns(&p->host) - begun_ns;
    log->syncs++;
    log->sync_ns += took_ns;
    if (took_ns > log->sync_ns_max) log->sync_ns_max = took_ns;
    durable_end_set(log);
    log->unsynced_since_ns = 0;
    hci_ring_release(&log->ring, log->written_lsn);
    if (log->hidden_header == NULL) durable_tell(p);
    return HC_OK;
}

/* Fills up the current file with a seal and begins the next. */
static hc_status rotate(hc_persistence *p)
{
    log_state *log = &p->log;
    hc_status status = block_write(p, BLOCK_SEAL, log->written_lsn, 0);
    if (status == HC_OK) status = log_sync(p);
    if (status == HC_OK) status = hci_log_files_push(p, log->now);
    if (status != HC_OK) return status;
    hci_segment_stop(p);
    return hci_segment_start(p);
}

static hc_status frame_write(hc_persistence *p, uint64_t end, uint32_t records)
{
    log_state *log = &p->log;
    uint64_t need = block_stride((uint32_t)(end - log->written_lsn)) + BLOCK_HEADER_BYTES;
    if (log->offset > FILE_HEADER_BYTES && log->offset + need > p->options.segment_bytes) {
        hc_status status = rotate(p);
        if (status != HC_OK) return status;
    }
    return block_write(p, BLOCK_FRAME, end, records);
}

static uint64_t frame_bytes_max(const hc_persistence *p)
{
    uint64_t room = p->options.segment_bytes - FILE_HEADER_BYTES - 2 * (uint64_t)BLOCK_HEADER_BYTES;
    return room < FRAME_BYTES_MAX ? room : FRAME_BYTES_MAX;
}

static bool sync_due(const hc_persistence *p, uint64_t now_ns)
{
    const log_state *log = &p->log;
    uint64_t unsynced = log->written_lsn - log->durable_end.lsn;
    uint32_t policy = ((hc_persistence *)(uintptr_t)p)->log.sync_policy;
    if (unsynced == 0) return false;
    if (policy == HC_SYNC_ALWAYS || unsynced > log->ring.mask / SYNC_SHARE) return true;
    uint64_t age_ns = now_ns - log->unsynced_since_ns;
    if (policy == HC_SYNC_NO) return age_ns >= NO_SYNC_NS;
    return age_ns >= p->options.sync_interval_ms * NS_PER_MS;
}

/* Frames for what was published up to now. */
static hc_status frames_write(hc_persistence *p, bool sync_now)
{
    log_state *log = &p->log;
    uint64_t head = ring_head(&log->ring);
    hc_status status = HC_OK;
    while (status == HC_OK && log->written_lsn < head) {
        uint32_t records;
        uint64_t end =
            hci_ring_published(&log->ring, log->written_lsn, frame_bytes_max(p), &records);
        if (end == log->written_lsn) break; /* its writer is still copying */
        status = frame_write(p, end, records);
        if (status == HC_OK && sync_due(p, hci_monotonic_ns(&p->host))) status = log_sync(p);
    }
    bool unsynced = log->written_lsn > log->durable_end.lsn;
    if (status != HC_OK || !unsynced) return status;
    return sync_now || sync_due(p, hci_monotonic_ns(&p->host)) ? log_sync(p) : HC_OK;
}

/* ---- failure and repair ---- */

static void reserve_give_up(hc_persistence *p)
{
    if (!p->log.reserve_held) return;
    (void)hci_dir_unlink(&p->dir, "reserve");
    p->log.reserve_held = false;
}

static void fail(hc_persistence *p, hc_status status)
{
    log_state *log = &p->log;
    bool first = failed_status(p) == HC_OK;
    uint64_t now_ns = hci_monotonic_ns(&p->host);
    char name[NAME_BYTES_MAX];
    hci_name_log(name, log->now.id);
    log->disk_errors++;
    if (log->file != NULL) {
        hci_segment_stop(p);
        /* a file in which something is durable counts; any other is garbage for retention.c */
        (void)hci_log_files_push(p, log->now);
    }
    if (status == HC_ERR_NO_SPACE) reserve_give_up(p);
    log->retry_wait_ns = first ? RETRY_NS_MIN : 2 * log->retry_wait_ns;
    if (log->retry_wait_ns > RETRY_NS_MAX) log->retry_wait_ns = RETRY_NS_MAX;
    log->retry_at_ns = now_ns + log->retry_wait_ns;
    atomic_store_explicit(&log->failed, status, memory_order_relaxed);
    if (!first) return;
    hc_persistence_event event = {.kind = HC_PERSISTENCE_DISK_FAILED,
                                  .status = status,
                                  .file = name,
                                  .lsn = log->durable_end.lsn};
    hci_persistence_tell(p, &event);
    if (p->options.on_disk_error != HC_DISK_ERROR_ABORT) return;
    event.kind = HC_PERSISTENCE_FATAL;
    hci_persistence_tell(p, &event);
}

/* Everything that is not durable, once more, to a new file. */
static hc_status repair(hc_persistence *p)
{
    log_state *log = &p->log;
    uint64_t before = log->bytes_written;
    hci_spare_drop(p); /* made before or during the failure */
    hc_status status = hci_segment_start(p);
    if (status == HC_OK) status = frames_write(p, true);
    if (status != HC_OK) return status;
    log->relogged_bytes += log->bytes_written - before;
    atomic_store_explicit(&log->failed, HC_OK, memory_order_relaxed);
    hci_persistence_tell(p, &(hc_persistence_event){.kind = HC_PERSISTENCE_DISK_RECOVERED,
                                                    .bytes = log->bytes_written - before,
                                                    .lsn = log->durable_end.lsn});
    return HC_OK;
}

hc_status hci_log_flush(hc_persistence *p, bool sync_now)
{
    if (failed_status(p) != HC_OK) return failed_status(p);
    hc_status status = frames_write(p, sync_now);
    if (status != HC_OK) fail(p, status);
    return status;
}

hc_status hci_log_work(hc_persistence *p, bool sync_now)
{
    log_state *log = &p->log;
    if (failed_status(p) != HC_OK && hci_monotonic_ns(&p->host) >= log->retry_at_ns) {
        hc_status status = repair(p);
        if (status != HC_OK) fail(p, status);
    }
    return hci_log_flush(p, sync_now);
}

/* ---- what is due ---- */

/* A mark tells a later recovery that everything before it was durable. */
static bool mark_due(const hc_persistence *p, uint64_t now_ns)
{
    const log_state *log = &p->log;
    return failed_status(p) == HC_OK && log->written_lsn == log->durable_end.lsn &&
           log->testified_lsn < log->durable_end.lsn && now_ns - log->written_at_ns >= MARK_NS;
}

static void mark(hc_persistence *p)
{
    hc_status status = block_write(p, BLOCK_FRAME, p->log.written_lsn, 0);
    if (status != HC_OK) fail(p, status);
}

void hci_log_mark(hc_persistence *p)
{
    log_state *log = &p->log;
    if (log->file == NULL || log->testified_lsn >= log->durable_end.lsn) return;
    hc_status status = block_write(p, BLOCK_FRAME, log->written_lsn, 0);
    if (status == HC_OK) (void)log_sync(p); /* all that counts is durable already */
}

hc_status hci_log_show(hc_persistence *p)
{
    hc_status status = frames_write(p, true);
    if (status == HC_OK) status = hci_segment_show(p);
    if (status != HC_OK) return status;
    durable_end_set(&p->log);
    durable_tell(p);
    return HC_OK;
}

#define DISK_CHECK_NS (5000 * NS_PER_MS)

static void reserve_take(hc_persistence *p, uint64_t free_bytes)
{
    hc_file *file;
    if (p->log.reserve_held || p->options.reserve_bytes == 0) return;
    if (free_bytes < 2 * p->options.reserve_bytes) return;
    hc_status status = hci_dir_open(&p->dir, "reserve", HC_OPEN_CREATE, &file);
    if (status == HC_OK) {
        status = p->host.io.allocate(p->host.io.ctx, file, p->options.reserve_bytes);
        hci_dir_close(&p->dir, file);
    }
    p->log.reserve_held = status == HC_OK || status == HC_ERR_EXISTS;
    if (!p->log.reserve_held) (void)hci_dir_unlink(&p->dir, "reserve");
}

static void disk_check(hc_persistence *p, uint64_t now_ns)
{
    log_state *log = &p->log;
    uint64_t free_bytes;
    if (log->disk_checked_ns != 0 && now_ns - log->disk_checked_ns < DISK_CHECK_NS) return;
    log->disk_checked_ns = now_ns;
    if (p->host.io.free_space(p->host.io.ctx, p->dir.path, &free_bytes) != HC_OK) return;
    bool is_low = free_bytes < p->options.low_disk_bytes;
    if (is_low && !log->low_disk) {
        hci_persistence_tell(
            p, &(hc_persistence_event){.kind = HC_PERSISTENCE_LOW_DISK, .bytes = free_bytes});
    }
    log->low_disk = is_low;
    if (failed_status(p) == HC_OK) reserve_take(p, free_bytes);
}

#define STEP_BUSY_NS (10 * NS_PER_MS)
#define STEP_IDLE_NS (100 * NS_PER_MS)

/* After how long to come again, nothing being left to do now. */
static uint64_t step_wait(hc_persistence *p, uint64_t now_ns)
{
    log_state *log = &p->log;
    if (failed_status(p) != HC_OK) {
        return log->retry_at_ns > now_ns ? log->retry_at_ns - now_ns : 0;
    }
    bool is_always = log->sync_policy == HC_SYNC_ALWAYS;
    bool is_quiet =
        log->written_lsn == ring_head(&log->ring) && log->written_lsn == log->durable_end.lsn;
    if (p->hooks.wake == NULL) return is_quiet ? STEP_IDLE_NS : STEP_BUSY_NS;
    if (!is_always && !is_quiet) return STEP_BUSY_NS;
    (void)atomic_exchange_explicit(&log->idle, 1, memory_order_acq_rel);
    if (log->written_lsn == ring_head(&log->ring)) return is_always ? MARK_NS : STEP_IDLE_NS;
    atomic_store_explicit(&log->idle, 0, memory_order_relaxed);
    return is_always ? 0 : STEP_BUSY_NS;
}

uint64_t hc_persistence_step(hc_persistence *p)
{
    log_state *log = &p->log;
    if (!hci_lock_try_acquire(&log->lock)) return STEP_BUSY_NS;
    uint64_t wait_ns = 0;
    if (log->started) {
        atomic_store_explicit(&log->idle, 0, memory_order_relaxed);
        (void)hci_log_work(p, false);
        uint64_t now_ns = hci_monotonic_ns(&p->host);
        if (mark_due(p, now_ns)) mark(p);
        disk_check(p, now_ns);
        bool more = failed_status(p) == HC_OK && hci_spare_step(p, now_ns);
        wait_ns = more ? 0 : step_wait(p, now_ns);
    } else {
        wait_ns = STEP_IDLE_NS;
    }
    hci_lock_release(&log->lock);
    return wait_ns;
}

hc_status hc_persistence_sync(hc_persistence *p)
{
    log_state *log = &p->log;
    uint64_t lsn = ring_head(&log->ring);
    hc_status status = HC_OK;
    while (status == HC_OK && hc_persistence_durable_lsn(p) < lsn) {
        hci_lock_acquire(&log->lock);
        status = hci_log_work(p, true);
        hci_lock_release(&log->lock);
    }
    return status;
}
