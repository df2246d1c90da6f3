/*
 * snapshot.c - all keys to files while they change, without a fork and without holding anything.
 *
 *     S0  every store notes its changes; the log is at S0
 *     ..  walk each shard with the cursor of hc_store_scan, which misses no key that was there all
 *         the time, and copy what it shows, a few items under a shard's lock at a time
 *         (snapshot_part.c); several threads work at several parts
 *     S1  the log is at S1; no group is open across it
 *     ..  sync parts, directory, log up to S1; then the manifest says that it counts
 *
 * What was copied is of no single moment, but every change behind S0 is in the log, and replaying
 * final values over it ends at S1 and after with exactly what the log says.  So nothing is pinned
 * and no item is copied for the snapshot's sake; its memory is two blocks a part.
 */
#include "persistence/snapshot_part.h"

#include "store/store_internal.h"

#define SNAPSHOT_RETRY_NS (10000 * NS_PER_MS)

typedef enum snapshot_phase { PHASE_WALK, PHASE_END, PHASE_GROUPS, PHASE_LOG } snapshot_phase;

struct snapshot_writer {
    snapshot_phase phase;
    uint64_t id, lsn_from, lsn_to;
    uint64_t begun_ns;
    uint32_t store_next, shard_next; /* that no part has taken; under stores_lock */
    uint32_t group_epoch;
    uint32_t busy; /* parts that a thread works at; under snapshot_lock, as is what follows */
    hc_status status;
    bool *partial;     /* by store: to be restored if this fails */
    manifest manifest; /* to be published */
    hc_persistence *p;
    uint32_t parts;
    part_writer part[HC_PERSISTENCE_THREADS_MAX];
};

bool hci_snapshot_shard_next(part_writer *to)
{
    hc_persistence *p = to->p;
    snapshot_writer *w = p->snapshot;
    bool found = false;
    hci_lock_acquire(&p->stores_lock);
    for (; w->store_next < HC_PERSISTED_STORES_MAX && !found; w->store_next++, w->shard_next = 0) {
        followed_store *f = &p->stores[w->store_next];
        if (f->store == NULL || f->entry.strategy == HC_STRATEGY_DISABLED) continue;
        if (w->shard_next == 0) w->manifest.stores[w->store_next].keys = hc_store_count(f->store);
        if (w->shard_next >= hci_store_shards(f->store)) continue;
        to->store = w->store_next;
        to->shard = w->shard_next++;
        to->position = 0;
        to->has_shard = found = true;
        break;
    }
    hci_lock_release(&p->stores_lock);
    return found;
}

/* ---- begin ---- */

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
    for (uint32_t i = 0; i < w->parts; i++)
        hci_part_fini(&w->part[i]);
    if (w->partial != NULL) hci_release(host, w->partial, HC_PERSISTED_STORES_MAX);
    hci_manifest_fini(&w->manifest, host);
    hci_release(host, w, sizeof *w);
}

static hc_status writer_create(hc_persistence *p, snapshot_writer **out)
{
    snapshot_writer *w = hci_allocate(&p->host, sizeof *w);
    if (w == NULL) return HC_ERR_NO_MEMORY;
    *w = (snapshot_writer){
        .p = p, .begun_ns = hci_monotonic_ns(&p->host), .parts = p->options.threads};
    w->partial = hci_allocate(&p->host, HC_PERSISTED_STORES_MAX);
    hc_status status = w->partial == NULL ? HC_ERR_NO_MEMORY : HC_OK;
    if (status == HC_OK) memset(w->partial, 0, HC_PERSISTED_STORES_MAX);
    if (status == HC_OK) status = hci_manifest_init(&w->manifest, &p->host);
    for (uint32_t i = 0; i < w->parts && status == HC_OK; i++)
        status = hci_part_init(&w->part[i], p, i);
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
    for (uint32_t i = 0; i < w->parts; i++) {
        char name[NAME_BYTES_MAX];
        if (w->part[i].file == NULL) continue;
        hci_name_snapshot(name, w->id, i);
        hci_dir_close(&p->dir, w->part[i].file);
        w->part[i].file = NULL;
        (void)hci_dir_unlink(&p->dir, name);
    }
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
        uint64_t keys = w->manifest.stores[i].keys;
        status = hci_store_entry_set(&p->host, &w->manifest.stores[i], entry_name(e),
                                     entry_settings(e), e->strategy);
        w->manifest.stores[i].keys = keys;
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
    m->snapshot.parts = w->parts;
    for (uint32_t i = 0; i < w->parts; i++)
        m->snapshot.part[i] = w->part[i].part;
    return hci_manifest_write(&p->dir, m);
}

static void snapshot_done(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    const manifest *m = &w->manifest;
    uint64_t took_ns = hci_monotonic_ns(&p->host) - w->begun_ns;
    uint64_t records = 0, bytes = 0;
    for (uint32_t i = 0; i < w->parts; i++) {
        records += w->part[i].part.records;
        bytes += w->part[i].part.bytes;
    }
    p->rebuild = false;
    p->manifest_sum = m->sum;
    p->snapshot_lsn = m->snapshot.lsn_to;
    p->snapshot_at_ms = m->snapshot.finished_at_ms;
    p->snapshot_finished_ns = hci_monotonic_ns(&p->host);
    p->log_from_lsn = m->snapshot.lsn_from;
    p->snapshots++;
    p->snapshot_records = records;
    p->snapshot_bytes = bytes;
    p->snapshot_ns = took_ns;
    p->snapshot = NULL;
    p->snapshot_status = HC_OK;
    all_follow(p, false);
    hci_generation_add(p, m);
    hci_retention_clean(p);
    hci_persistence_tell(p, &(hc_persistence_event){.kind = HC_PERSISTENCE_SNAPSHOT_FINISHED,
                                                    .records = records,
                                                    .bytes = bytes,
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
    for (uint32_t i = 0; i < w->parts && status == HC_OK; i++)
        status = hci_part_begin(&w->part[i], w->lsn_from, w->parts);
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

static hc_status parts_end(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    hc_status status = HC_OK;
    for (uint32_t i = 0; i < w->parts && status == HC_OK; i++) {
        status = hci_part_block_put(&w->part[i], BLOCK_END);
        if (status == HC_OK) status = hci_file_sync(&p->dir, w->part[i].file);
    }
    if (status == HC_OK) status = hci_dir_sync(&p->dir);
    w->group_epoch = hci_groups_flip(p);
    w->phase = PHASE_GROUPS;
    return status;
}

/* What one thread does alone.  HC_ERR_BUSY: groups are open still. */
static hc_status phase_step(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    hc_status status = HC_OK;
    switch (w->phase) {
    case PHASE_WALK:
        return HC_OK;
    case PHASE_END:
        return parts_end(w);
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

/* A part that nobody works at and that is not done; NULL: none. */
static part_writer *part_take(snapshot_writer *w)
{
    for (uint32_t i = 0; i < w->parts; i++) {
        part_writer *part = &w->part[i];
        if (part->busy || part->done) continue;
        part->busy = true;
        w->busy++;
        return part;
    }
    return NULL;
}

static bool parts_done(const snapshot_writer *w)
{
    for (uint32_t i = 0; i < w->parts; i++) {
        if (!w->part[i].done) return false;
    }
    return true;
}

/* snapshot_lock is held, and given up while a block is made. */
static uint64_t walk_step(snapshot_writer *w)
{
    hc_persistence *p = w->p;
    part_writer *part = w->status == HC_OK ? part_take(w) : NULL;
    if (part == NULL) return NS_PER_MS; /* others are at it */
    uint64_t before = part->offset;
    uint32_t together = w->busy;
    hci_lock_release(&p->snapshot_lock);
    hc_status status = hci_part_walk(part);
    hci_lock_acquire(&p->snapshot_lock);
    part->busy = false;
    part->done = part->ended;
    w->busy--;
    if (w->status == HC_OK) w->status = status;
    uint64_t wait_ns = budget_wait(p, (part->offset - before) * together);
    if (w->busy > 0) return wait_ns;
    if (w->status != HC_OK) {
        snapshot_fail(w, w->status);
        return HC_PERSISTENCE_NEVER;
    }
    if (parts_done(w)) w->phase = PHASE_END;
    return wait_ns;
}

static uint64_t writer_step(snapshot_writer *w)
{
    if (w->phase == PHASE_WALK) return walk_step(w);
    bool is_last = w->phase == PHASE_LOG;
    hc_status status = phase_step(w);
    if (status == HC_ERR_BUSY) return NS_PER_MS;
    if (status != HC_OK) {
        snapshot_fail(w, status);
        return HC_PERSISTENCE_NEVER;
    }
    if (!is_last) return 0;
    snapshot_done(w);
    return HC_PERSISTENCE_NEVER;
}

uint64_t hc_persistence_snapshot_step(hc_persistence *p)
{
    if (!hci_lock_try_acquire(&p->snapshot_lock)) return NS_PER_MS;
    uint64_t wait_ns = HC_PERSISTENCE_NEVER;
    if (p->snapshot != NULL) wait_ns = writer_step(p->snapshot);
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
