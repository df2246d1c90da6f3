/*
 * persistence.c - open, recover, close, and the calls that only look.
 */
#include "base/options.h"
#include "persistence/recover.h"

void hci_persistence_tell(hc_persistence *p, const hc_persistence_event *event)
{
    if (p->hooks.event != NULL) p->hooks.event(p->hooks.ctx, event);
}

void hci_persistence_damage(const hc_persistence_hooks *hooks, const hc_damage *damage)
{
    if (hooks->damage != NULL) hooks->damage(hooks->ctx, damage);
}

/* ---- options ---- */

#define RING_BYTES_MIN (256u << 10)
#define RING_BYTES_MAX (UINT64_C(1) << 32)
#define SEGMENT_BYTES_MIN (64u << 10)
#define SEGMENT_BYTES_MAX (UINT64_C(1) << 32)

static void default_u64(uint64_t *value, uint64_t if_zero)
{
    if (*value == 0) *value = if_zero;
}

static void default_u32(uint32_t *value, uint32_t if_zero)
{
    if (*value == 0) *value = if_zero;
}

static hc_status options_resolve(const hc_persistence_options *from, hc_persistence_options *o)
{
    if (from == NULL) return HC_ERR_INVALID;
    hc_status status = hci_options_copy(o, sizeof *o, from, from->size);
    if (status != HC_OK) return status;
    default_u32(&o->sync, HC_SYNC_EVERYSEC);
    default_u32(&o->on_disk_error, HC_DISK_ERROR_REFUSE);
    default_u32(&o->sync_interval_ms, 1000);
    default_u32(&o->compression_level, 1);
    default_u64(&o->ring_bytes, 32u << 20);
    default_u64(&o->segment_bytes, 64u << 20);
    default_u64(&o->log_bytes_max, 256u << 20);
    default_u64(&o->reserve_bytes, 16u << 20);
    default_u64(&o->low_disk_bytes, 256u << 20);
    default_u32(&o->generations, 2);
    default_u32(&o->threads, 1);
    if (o->reserve_bytes == UINT64_MAX) o->reserve_bytes = 0;
    bool fits = o->sync <= HC_SYNC_NO && o->on_disk_error <= HC_DISK_ERROR_ABORT &&
                (o->compression_level <= 3 || o->compression_level == UINT32_MAX) &&
                o->generations <= GENERATIONS_MAX && o->threads <= HC_PERSISTENCE_THREADS_MAX &&
                o->ring_bytes >= RING_BYTES_MIN && o->ring_bytes <= RING_BYTES_MAX &&
                (o->ring_bytes & (o->ring_bytes - 1)) == 0 &&
                o->segment_bytes >= SEGMENT_BYTES_MIN && o->segment_bytes <= SEGMENT_BYTES_MAX;
    o->segment_bytes &= ~(uint64_t)(BLOCK_ALIGN - 1);
    return fits ? HC_OK : HC_ERR_INVALID;
}

/* ---- open ---- */

static void destroy(hc_persistence *p)
{
    hci_host host = p->host;
    if (p->plan != NULL) {
        hci_plan_fini(p->plan, &host);
        hci_release(&host, p->plan, sizeof *p->plan);
    }
    if (p->stores != NULL) {
        for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++) {
            hci_follow_stop(p, i);
            hci_store_entry_clear(&host, &p->stores[i].entry);
        }
        hci_release(&host, p->stores, HC_PERSISTED_STORES_MAX * sizeof *p->stores);
    }
    log_state *log = &p->log;
    hci_segment_stop(p);
    if (log->spare != NULL) hci_dir_close(&p->dir, log->spare);
    if (log->files != NULL) {
        hci_release(&host, log->files, log->file_capacity * sizeof *log->files);
    }
    hci_ring_fini(&log->ring, &host);
    hci_dir_close(&p->dir, p->lock_file);
    hci_lock_fini(&log->lock);
    hci_lock_fini(&p->stores_lock);
    hci_lock_fini(&p->snapshot_lock);
    hci_release(&host, p, sizeof *p);
}

/* The directory's own name is durable only when its parent is synced. */
static hc_status directory_make(hc_persistence *p)
{
    const hc_io *io = &p->host.io;
    hc_status status = io->make_dir(io->ctx, p->dir.path);
    if (status == HC_ERR_EXISTS) return HC_OK;
    if (status != HC_OK) return status;
    char parent[HC_PATH_BYTES_MAX];
    memcpy(parent, p->dir.path, sizeof parent);
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/')
        length--;
    while (length > 0 && parent[length - 1] != '/')
        length--;
    while (length > 1 && parent[length - 1] == '/')
        length--;
    if (length == 0) parent[length++] = '.';
    parent[length] = '\0';
    return io->sync_dir(io->ctx, parent);
}

static hc_status fresh_make(hc_persistence *p, manifest *m)
{
    hc_status status = hci_manifest_init(m, &p->host);
    if (status != HC_OK) return status;
    hci_random_fill(&p->host, m->uuid, UUID_BYTES);
    m->number = 1;
    m->created_at_ms = hci_wall_ms(&p->host);
    m->log_first = 1;
    m->log_first_lsn = m->durable_lsn = LSN_FIRST;
    return hci_manifest_write(&p->dir, m);
}

static hc_status plan_prepare(hc_persistence *p)
{
    p->plan = hci_allocate(&p->host, sizeof *p->plan);
    if (p->plan == NULL) return HC_ERR_NO_MEMORY;
    *p->plan = (recovery_plan){.empty = true};
    p->plan->scan.host = p->plan->listing.host = &p->host;
    hc_status status = hci_plan_make(&p->dir, &p->hooks, false, p->plan);
    if (status != HC_OK || !p->plan->empty) return status;
    /* a temporary manifest of an earlier try may be in the way */
    (void)hci_dir_unlink(&p->dir, "MANIFEST-0000000000000001.tmp");
    status = fresh_make(p, &p->plan->manifest);
    log_scan *scan = &p->plan->scan;
    scan->end_lsn = scan->durable_lsn = LSN_FIRST;
    scan->resume = (file_link){.lsn = LSN_FIRST};
    return status;
}

static hc_status parts_make(hc_persistence *p)
{
    p->stores = hci_allocate(&p->host, HC_PERSISTED_STORES_MAX * sizeof *p->stores);
    if (p->stores == NULL) return HC_ERR_NO_MEMORY;
    memset(p->stores, 0, HC_PERSISTED_STORES_MAX * sizeof *p->stores);
    hc_status status = directory_make(p);
    if (status == HC_OK) status = hci_dir_lock(&p->dir, &p->lock_file);
    if (status == HC_OK) status = plan_prepare(p);
    if (status != HC_OK) return status;
    memcpy(p->uuid, p->plan->manifest.uuid, UUID_BYTES);
    return hci_ring_init(&p->log.ring, &p->host, p->options.ring_bytes, p->plan->scan.resume.lsn);
}

hc_status hc_persistence_open(const hc_host *host, const hc_persistence_options *options,
                              hc_persistence **out)
{
    hci_host resolved;
    hc_persistence_options o;
    hc_persistence_hooks hooks;
    *out = NULL;
    hc_status status = hci_host_resolve(host, &resolved);
    if (status == HC_OK) status = options_resolve(options, &o);
    if (status == HC_OK) status = hci_hooks_copy(o.hooks, &hooks);
    if (status != HC_OK) return status;
    hc_persistence *p = hci_allocate(&resolved, sizeof *p);
    if (p == NULL) return HC_ERR_NO_MEMORY;
    memset(p, 0, sizeof *p);
    p->host = resolved;
    p->hooks = hooks;
    p->options = o;
    p->log.sync_policy = o.sync;
    hci_lock_init(&p->log.lock);
    hci_lock_init(&p->stores_lock);
    hci_lock_init(&p->snapshot_lock);
    status = hci_dir_init(&p->dir, &p->host, o.directory);
    p->options.directory = p->dir.path;
    if (status == HC_OK) status = parts_make(p);
    if (status == HC_OK) {
        *out = p;
    } else {
        destroy(p);
    }
    return status;
}

hc_status hc_persistence_close(hc_persistence *p)
{
    if (p == NULL) return HC_OK;
    hc_status status = HC_OK;
    hci_snapshot_abandon(p);
    if (p->log.started) {
        status = hc_persistence_sync(p);
        hci_lock_acquire(&p->log.lock);
        if (status == HC_OK) hci_log_mark(p);
        hci_lock_release(&p->log.lock);
    }
    destroy(p);
    return status;
}

/* ---- recover ---- */

typedef struct relog {
    hc_persistence *p;
    uint64_t lsn; /* of the next record */
} relog;

/* What may not be durable goes into the new file once more, at the same LSNs. */
static hc_status relog_visit(void *ctx, const record *r, uint64_t lsn)
{
    relog *to = ctx;
    hc_persistence *p = to->p;
    if (lsn != to->lsn) return HC_ERR_CORRUPT;
    if (hci_ring_put(&p->log.ring, r, &to->lsn)) return HC_OK;
    hc_status status = hci_log_flush(p, true);
    if (status != HC_OK) return status;
    return hci_ring_put(&p->log.ring, r, &to->lsn) ? HC_OK : HC_ERR_LIMIT;
}

static hc_status log_start(hc_persistence *p)
{
    log_state *log = &p->log;
    const recovery_plan *plan = p->plan;
    const log_scan *scan = &plan->scan;
    hc_status status = HC_OK;
    for (size_t i = 0; i < scan->chain_count && status == HC_OK; i++) {
        status = hci_log_files_push(
            p, (log_file){.id = scan->chain[i].id, .base_lsn = scan->chain[i].base_lsn});
    }
    if (status != HC_OK) return status;
    log->next_id =
        (scan->id_max > plan->manifest.log_first ? scan->id_max : plan->manifest.log_first) + 1;
    if (plan->empty) log->next_id = 1;
    log->durable_end = scan->resume;
    log->durable_lsn = scan->resume.lsn;
    log->group_next = scan->end_lsn;
    log->retry_wait_ns = 0;
    uint8_t page[FILE_HEADER_BYTES];
    hci_lock_acquire(&log->lock);
    log->hidden_header = page;
    status = hci_segment_start(p);
    relog to = {.p = p, .lsn = scan->resume.lsn};
    if (status == HC_OK) {
        status = hci_log_replay(&p->dir, p->uuid, scan, scan->resume.lsn, relog_visit, &to);
    }
    if (status == HC_OK && to.lsn != scan->end_lsn) status = HC_ERR_CORRUPT;
    if (status == HC_OK) status = hci_log_show(p);
    log->hidden_header = NULL;
    log->started = status == HC_OK;
    hci_lock_release(&log->lock);
    return status;
}

static void generations_find(hc_persistence *p)
{
    const dir_listing *l = &p->plan->listing;
    for (size_t i = 0; i < l->count; i++) {
        if (l->entries[i].kind != NAME_MANIFEST) continue;
        p->manifest_number = l->entries[i].number;
        if (l->entries[i].number >= p->plan->manifest.number) continue;
        manifest older;
        if (hci_manifest_read(&p->dir, l->entries[i].number, &older) != HC_OK) continue;
        hci_generation_add(p, &older);
        hci_manifest_fini(&older, &p->host);
    }
    for (size_t i = 0; i < l->count; i++) {
        if (l->entries[i].kind == NAME_SNAPSHOT) p->snapshot_id = l->entries[i].number;
    }
    const manifest *m = &p->plan->manifest;
    if (m->number > p->manifest_number) p->manifest_number = m->number;
    p->manifest_sum = m->sum;
    p->snapshot_lsn = m->snapshot.lsn_to;
    p->snapshot_at_ms = m->snapshot.finished_at_ms;
    p->log_from_lsn = m->snapshot.id != 0 ? m->snapshot.lsn_from : m->log_first_lsn;
    p->snapshot_finished_ns = hci_monotonic_ns(&p->host);
    hci_generation_add(p, m);
}

/* The loaded stores are followed from here on. */
static hc_status stores_take(hc_persistence *p, loader *l)
{
    hc_status status = HC_OK;
    hci_lock_acquire(&p->stores_lock);
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX && status == HC_OK; i++) {
        if (!l->entries[i].used) continue;
        followed_store *f = &p->stores[i];
        f->entry = l->entries[i];
        l->entries[i] = (store_entry){.used = false};
        f->partial = !l->stores[i].whole && f->entry.strategy <= HC_STRATEGY_LOG;
        status = hci_follow_start(p, i, l->stores[i].store);
        p->store_next = (i + 1) % HC_PERSISTED_STORES_MAX;
        p->store_count++;
    }
    hci_lock_release(&p->stores_lock);
    return status;
}

static hc_status recover(hc_persistence *p, loader *l)
{
    uint64_t begun_ns = hci_monotonic_ns(&p->host);
    hc_status status = hci_load(l);
    if (status == HC_OK) status = log_start(p);
    if (status == HC_OK) status = stores_take(p, l);
    if (status != HC_OK) return status;
    generations_find(p);
    hci_retention_clean(p);
    p->recovered_records = l->records;
    p->recovered_bytes = l->bytes;
    p->recovered_ns = hci_monotonic_ns(&p->host) - begun_ns;
    if (p->plan->scan.torn) {
        char name[NAME_BYTES_MAX];
        hci_name_log(name, p->plan->scan.stop_id);
        hci_persistence_tell(p, &(hc_persistence_event){.kind = HC_PERSISTENCE_TORN_TAIL,
                                                        .file = name,
                                                        .records = p->plan->scan.lost_records,
                                                        .lsn = p->plan->scan.end_lsn});
    }
    hci_persistence_tell(p, &(hc_persistence_event){.kind = HC_PERSISTENCE_RECOVERED,
                                                    .records = p->recovered_records,
                                                    .bytes = p->recovered_bytes,
                                                    .lsn = p->plan->scan.end_lsn,
                                                    .duration_ns = p->recovered_ns});
    return HC_OK;
}

hc_status hc_persistence_recover(hc_persistence *p, const hc_recovery *recovery)
{
    hc_recovery copy;
    if (p->plan == NULL || p->log.started) return HC_ERR_INVALID;
    hc_status status =
        hci_options_copy(&copy, sizeof copy, recovery, recovery == NULL ? 0 : recovery->size);
    if (status != HC_OK) return status;
    if (copy.open == NULL) return HC_ERR_INVALID;
    loader l = {.dir = &p->dir,
                .hooks = &p->hooks,
                .plan = p->plan,
                .recovery = &copy,
                .threads = p->options.threads,
                .entries = p->plan->manifest.stores};
    size_t bytes = HC_PERSISTED_STORES_MAX * sizeof *l.stores;
    l.stores = hci_allocate(&p->host, bytes);
    if (l.stores == NULL) return HC_ERR_NO_MEMORY;
    memset(l.stores, 0, bytes);
    status = recover(p, &l);
    hci_load_fini(&l);
    hci_release(&p->host, l.stores, bytes);
    if (status == HC_OK) {
        hci_plan_fini(p->plan, &p->host);
        hci_release(&p->host, p->plan, sizeof *p->plan);
        p->plan = NULL;
    }
    return status;
}

/* ---- looking ---- */

uint64_t hc_persistence_lsn(const hc_persistence *p)
{
    return ring_head(&p->log.ring);
}

uint64_t hc_persistence_durable_lsn(const hc_persistence *p)
{
    log_state *log = &((hc_persistence *)(uintptr_t)p)->log;
    return atomic_load_explicit(&log->durable_lsn, memory_order_acquire);
}

hc_status hc_persistence_policy(hc_persistence *p, hc_sync_policy sync)
{
    if ((unsigned)sync > HC_SYNC_NO) return HC_ERR_INVALID;
    if (sync == HC_SYNC_DEFAULT) sync = HC_SYNC_EVERYSEC;
    atomic_store_explicit(&p->log.sync_policy, sync, memory_order_relaxed);
    if (p->hooks.wake != NULL) p->hooks.wake(p->hooks.ctx);
    return HC_OK;
}

/* How far the ring is past its half: 0..1024. */
static uint64_t ring_pressure(const log_state *log)
{
    uint64_t half = (log->ring.mask + 1) / 2;
    uint64_t used = ring_used(&log->ring);
    if (used <= half) return 0;
    return used >= 2 * half ? 1024 : (used - half) * 1024 / half;
}

/* How far the oldest change that is not durable is past twice the time it may take: 0..1024. */
static uint64_t sync_pressure(const hc_persistence *p)
{
    log_state *log = &((hc_persistence *)(uintptr_t)p)->log;
    uint64_t since_ns = atomic_load_explicit(&log->unsynced_since_ns, memory_order_relaxed);
    if (since_ns == 0 || log->sync_policy == HC_SYNC_NO) return 0;
    uint64_t now_ns = hci_monotonic_ns(&p->host);
    uint64_t limit_ns = 2 * NS_PER_MS * p->options.sync_interval_ms;
    if (now_ns <= since_ns + limit_ns) return 0;
    uint64_t over_ns = now_ns - since_ns - limit_ns;
    return over_ns >= limit_ns ? 1024 : over_ns * 1024 / limit_ns;
}

hc_status hc_persistence_admit(const hc_persistence *p, uint64_t *wait_ns_out)
{
    log_state *log = &((hc_persistence *)(uintptr_t)p)->log;
    hc_status failed = (hc_status)atomic_load_explicit(&log->failed, memory_order_relaxed);
    bool rebuild =
        atomic_load_explicit(&((hc_persistence *)(uintptr_t)p)->rebuild, memory_order_relaxed) ||
        atomic_load_explicit(&log->lost, memory_order_relaxed);
    *wait_ns_out = 0;
    if (failed != HC_OK || rebuild) {
        if (p->options.on_disk_error == HC_DISK_ERROR_VOLATILE) return HC_OK;
        return failed != HC_OK ? failed : HC_ERR_IO;
    }
    uint64_t part = ring_pressure(log);
    uint64_t late = sync_pressure(p);
    if (late > part) part = late;
    /* by the square, so that it begins softly */
    *wait_ns_out = part * part * HC_ADMIT_WAIT_NS_MAX / (1024 * 1024);
    return HC_OK;
}

/* No locks: they are held while the disk is waited for. */
void hc_persistence_stats_get(hc_persistence *p, hc_persistence_stats *stats)
{
    log_state *log = &p->log;
    hc_persistence_stats s = {.size = stats->size,
                              .lsn = ring_head(&log->ring),
                              .written_lsn = log->written_lsn,
                              .durable_lsn = log->durable_lsn,
                              .log_files = log->file_count + 1,
                              .bytes_written = log->bytes_written,
                              .bytes_filled = log->bytes_filled,
                              .frames = log->frames,
                              .syncs = log->syncs,
                              .sync_ns = log->sync_ns,
                              .sync_ns_max = log->sync_ns_max,
                              .ring_full = log->ring_full,
                              .disk_errors = log->disk_errors,
                              .relogged_bytes = log->relogged_bytes,
                              .dropped = log->dropped,
                              .snapshots = p->snapshots,
                              .snapshots_failed = p->snapshots_failed,
                              .snapshot_lsn = p->snapshot_lsn,
                              .snapshot_at_ms = p->snapshot_at_ms,
                              .snapshot_records = p->snapshot_records,
                              .snapshot_bytes = p->snapshot_bytes,
                              .snapshot_ns = p->snapshot_ns,
                              .snapshot_done_records = p->snapshot_done_records,
                              .recovered_records = p->recovered_records,
                              .recovered_bytes = p->recovered_bytes,
                              .recovered_ns = p->recovered_ns,
                              .snapshot_active = p->snapshot_active,
                              .disk_status = log->failed,
                              .low_disk = log->low_disk,
                              .stores = p->store_count,
                              .sync = log->sync_policy,
                              .rebuild_needed = log->lost || p->rebuild,
                              .backup_bytes = p->backup_bytes,
                              .backup_bytes_all = p->backup_bytes_all,
                              .backup_active = p->backup_active};
    uint64_t from_lsn = p->log_from_lsn;
    s.log_bytes = s.lsn > from_lsn ? s.lsn - from_lsn : 0;
    memcpy(stats, &s, stats->size < sizeof s ? stats->size : sizeof s);
}
