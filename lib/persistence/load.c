/*
 * load.c - snapshot and log into stores, by several threads of the host's.
 *
 *     snapshot   ranges of blocks, which a task takes one after the other from one list; each key
 *                is there once, or in states of which any will do: their order does not matter
 *     log        a batch of frames, a few MiB:
 *
 *          |  set a  set b  del c  set a  ..  | flush |  set d ..      |   the same bytes for all
 *          |  each task what is in its shards | alone | each task ..   |
 *
 * A key's records are all applied by one task, in their order.  What concerns more than one key
 * (flush, stores, values in pieces) is a barrier: everything before it is done, then it is done
 * alone.  Shards are dealt out, so tasks share no lock.
 *
 * Records of groups that were not committed are passed over.  A store whose strategy does not log
 * counts up to S1 only: what was noted later is what another snapshot, which failed, left.
 */
#include "persistence/recover.h"

#include "host/lock.h"
#include "store/store_internal.h"

#define RANGE_BLOCKS 8u           /* of a snapshot, that a task takes at a time */
#define BATCH_BYTES (4u << 20)    /* of the log, replayed at a time; one frame at least */
#define TOGETHER_RECORDS_MIN 256u /* fewer between two barriers are not worth a start */

/* What one task has to itself. */
typedef struct load_worker {
    loader *l;
    replay *replay;
    uint64_t lsn;  /* of the record being applied */
    uint64_t told; /* of its records, in l->records */
} load_worker;

/* ---- stores ---- */

static hc_persisted_store info_of(const loader *l, uint32_t id)
{
    const store_entry *e = &l->entries[id];
    return (hc_persisted_store){
        .name = entry_name(e), .settings = entry_settings(e), .strategy = e->strategy, .id = id};
}

static bool strategy_logs(hc_strategy strategy)
{
    return strategy == HC_STRATEGY_HYBRID || strategy == HC_STRATEGY_LOG;
}

static hc_status store_open(loader *l, uint32_t id)
{
    hc_persisted_store info = info_of(l, id);
    loaded_store *s = &l->stores[id];
    *s = (loaded_store){.whole = strategy_logs(info.strategy)};
    hc_status status = l->recovery->open(l->recovery->ctx, &info, &s->store);
    if (status != HC_OK) return status;
    if (s->store == NULL) return HC_ERR_INVALID;
    uint64_t keys = l->entries[id].keys;
    uint64_t log_keys = hci_log_keys(&l->plan->scan, id);
    if (keys > l->snapshot_records) keys = l->snapshot_records; /* a hint may be anything */
    hci_store_presize(s->store, keys > log_keys ? keys : log_keys);
    return HC_OK;
}

static void store_drop(loader *l, uint32_t id)
{
    hc_persisted_store info = info_of(l, id);
    if (l->recovery->drop != NULL) {
        l->recovery->drop(l->recovery->ctx, &info, l->stores[id].store);
    }
    l->stores[id] = (loaded_store){.store = NULL};
    hci_store_entry_clear(l->dir->host, &l->entries[id]);
}

static hc_status store_record(void *ctx, const record *r)
{
    loader *l = ((load_worker *)ctx)->l;
    if (r->store >= HC_PERSISTED_STORES_MAX) return HC_ERR_CORRUPT;
    store_entry *entry = &l->entries[r->store];
    if (r->kind == RECORD_DROP) {
        if (entry->used) store_drop(l, r->store);
        return HC_OK;
    }
    if (!hc_store_name_fits(r->key) || r->type < HC_STRATEGY_HYBRID ||
        r->type > HC_STRATEGY_DISABLED || r->value.size > HC_PERSISTED_SETTINGS_BYTES_MAX) {
        return HC_ERR_CORRUPT;
    }
    bool is_new = !entry->used;
    hc_status status =
        hci_store_entry_set(l->dir->host, entry, r->key, r->value, (hc_strategy)r->type);
    if (status != HC_OK) return status;
    if (is_new) return store_open(l, r->store);
    l->stores[r->store].whole &= strategy_logs(entry->strategy);
    hc_persisted_store info = info_of(l, r->store);
    if (l->recovery->update != NULL) {
        l->recovery->update(l->recovery->ctx, &info, l->stores[r->store].store);
    }
    return HC_OK;
}

static hc_store *store_of(void *ctx, uint32_t id)
{
    const load_worker *w = ctx;
    const loader *l = w->l;
    if (id >= HC_PERSISTED_STORES_MAX || !l->entries[id].used) return NULL;
    if (l->entries[id].strategy == HC_STRATEGY_DISABLED) return NULL;
    bool counts = l->stores[id].whole || w->lsn < l->plan->manifest.snapshot.lsn_to;
    return counts ? l->stores[id].store : NULL;
}

static hc_status visit(void *ctx, const record *r, uint64_t lsn)
{
    load_worker *w = ctx;
    w->lsn = lsn;
    if (r->group != 0 && hci_log_group_open(&w->l->plan->scan, r->group)) return HC_OK;
    return hci_replay_record(w->replay, r);
}

/* ---- tasks ---- */

static void tell_damage(void *ctx, const hc_damage *damage)
{
    loader *l = ctx;
    hci_lock_acquire(&l->tell_lock);
    hci_persistence_damage(l->hooks, damage);
    hci_lock_release(&l->tell_lock);
}

static void tell_progress(loader *l, uint64_t bytes)
{
    hci_lock_acquire(&l->tell_lock);
    l->bytes += bytes;
    if (l->hooks->progress != NULL) {
        l->hooks->progress(l->hooks->ctx, l->bytes, l->bytes_all, l->records);
    }
    hci_lock_release(&l->tell_lock);
}

static void records_tell(load_worker *w)
{
    loader *l = w->l;
    uint64_t count = hci_replay_count(w->replay);
    hci_lock_acquire(&l->tell_lock);
    l->records += count - w->told;
    hci_lock_release(&l->tell_lock);
    w->told = count;
}

static hc_status status_of(const loader *l)
{
    return (hc_status)atomic_load_explicit(&((loader *)(uintptr_t)l)->status, memory_order_relaxed);
}

static void status_note(loader *l, hc_status status)
{
    int32_t ok = HC_OK;
    if (status != HC_OK) (void)atomic_compare_exchange_strong(&l->status, &ok, status);
}

static hc_status run(loader *l, void (*task)(void *ctx, uint32_t index), void *ctx)
{
    if (l->threads > 1 && l->hooks->parallel != NULL) {
        l->hooks->parallel(l->hooks->ctx, l->threads, task, ctx);
    } else {
        for (uint32_t i = 0; i < l->threads; i++)
            task(ctx, i);
    }
    return status_of(l);
}

/* ---- the snapshot ---- */

typedef struct snapshot_work {
    loader *l;
    snapshot_source source;
    uint32_t part;
    snapshot_blocks blocks;
    /* by section, one a task: the block in it that nobody has taken */
    _Atomic size_t next[HC_PERSISTENCE_THREADS_MAX];
} snapshot_work;

static hc_status block_end(void *ctx, uint64_t bytes)
{
    load_worker *w = ctx;
    hc_status status = hci_replay_flush(w->replay);
    records_tell(w);
    tell_progress(w->l, bytes);
    if (status == HC_OK) status = hooks_go_on(w->l->hooks);
    return status == HC_OK ? status_of(w->l) : status;
}

static size_t section_begin(const snapshot_work *work, uint32_t section)
{
    return work->blocks.count * section / work->l->threads;
}

/* A range of the section that nobody has taken; false: there is none. */
static bool range_take(snapshot_work *work, uint32_t section, size_t *from_out, size_t *to_out)
{
    size_t end = section_begin(work, section + 1);
    *from_out = atomic_fetch_add_explicit(&work->next[section], RANGE_BLOCKS, memory_order_relaxed);
    *to_out = *from_out + RANGE_BLOCKS < end ? *from_out + RANGE_BLOCKS : end;
    return *from_out < end;
}

/* A task has a section to itself and then helps in the others': neighbouring blocks are likely to
 * be of one shard, whose lock two tasks would fight for. */
static void ranges_load(void *ctx, uint32_t index)
{
    snapshot_work *work = ctx;
    hc_status status = HC_OK;
    size_t from, to;
    for (uint32_t i = 0; i < work->l->threads; i++) {
        uint32_t section = (index + i) % work->l->threads;
        while (status == HC_OK && status_of(work->l) == HC_OK &&
               range_take(work, section, &from, &to)) {
            status = hci_snapshot_read_blocks(&work->source, work->part, &work->blocks, from, to,
                                              visit, block_end, &work->l->workers[index]);
        }
    }
    status_note(work->l, status);
}

static hc_status part_load(snapshot_work *work)
{
    hc_status status = hci_snapshot_list(&work->source, work->part, &work->blocks);
    for (uint32_t i = 0; i < work->l->threads; i++)
        atomic_init(&work->next[i], section_begin(work, i));
    if (status == HC_OK) status = run(work->l, ranges_load, work);
    hci_snapshot_blocks_fini(&work->blocks);
    return status;
}

static hc_status snapshot_load(loader *l)
{
    const manifest *m = &l->plan->manifest;
    snapshot_work work = {.l = l,
                          .source = {.dir = l->dir,
                                     .uuid = m->uuid,
                                     .snapshot = &m->snapshot,
                                     .hooks = &l->telling,
                                     .salvage = l->salvage}};
    hc_status status = HC_OK;
    for (work.part = 0; work.part < m->snapshot.parts && status == HC_OK; work.part++) {
        status = l->salvage
                     ? hci_snapshot_read(&work.source, work.part, visit, block_end, &l->workers[0])
                     : part_load(&work);
    }
    return status;
}

/* ---- the log ---- */

typedef struct log_batch {
    loader *l;
    uint8_t *bytes;
    size_t size, capacity;
    uint64_t lsn;    /* of its first byte */
    size_t from, to; /* what the tasks are at: no barrier in it */
    uint64_t file_bytes;
} log_batch;

static bool is_barrier(const record *r)
{
    if ((r->flags & RECORD_MORE) != 0) return true;
    switch (r->kind) {
    case RECORD_FLUSH:
    case RECORD_PIECE:
    case RECORD_STORE:
    case RECORD_DROP:
        return true;
    default:
        return false;
    }
}

/* Which task applies it. */
static uint32_t task_of(load_worker *w, const record *r)
{
    if (w->l->threads == 1 || r->key.data == NULL) return 0;
    const hc_store *store = store_of(w, r->store);
    return store == NULL ? 0 : hci_store_shard_of(store, r->key) % w->l->threads;
}

static void shards_replay(void *ctx, uint32_t index)
{
    const log_batch *batch = ctx;
    load_worker *w = &batch->l->workers[index];
    hc_status status = HC_OK;
    record one;
    for (size_t at = batch->from; at < batch->to && status == HC_OK;) {
        uint64_t stride = hci_record_get(batch->bytes + at, batch->to - at, &one);
        if (stride == 0) status = HC_ERR_CORRUPT;
        w->lsn = batch->lsn + at;
        if (status == HC_OK && task_of(w, &one) == index) {
            status = visit(w, &one, batch->lsn + at);
        }
        at += (size_t)stride;
    }
    if (status == HC_OK) status = hci_replay_flush(w->replay);
    records_tell(w);
    status_note(batch->l, status);
}

/* Records [from, to) of the batch, one after the other, by whom their keys belong to. */
static hc_status replay_alone(log_batch *batch, size_t from, size_t to)
{
    hc_status status = HC_OK;
    load_worker *workers = batch->l->workers;
    record one;
    while (from < to && status == HC_OK) {
        uint64_t stride = hci_record_get(batch->bytes + from, to - from, &one);
        if (stride == 0) return HC_ERR_CORRUPT;
        status = visit(&workers[0], &one, batch->lsn + from);
        from += (size_t)stride;
    }
    return status == HC_OK ? hci_replay_flush(workers[0].replay) : status;
}

static hc_status replay_between(log_batch *batch, size_t from, size_t to, size_t records)
{
    if (from == to) return HC_OK;
    if (records < TOGETHER_RECORDS_MIN) return replay_alone(batch, from, to);
    batch->from = from;
    batch->to = to;
    return run(batch->l, shards_replay, batch);
}

static hc_status batch_replay(log_batch *batch)
{
    hc_status status = HC_OK;
    size_t from = 0, at = 0, records = 0;
    record one;
    while (at < batch->size && status == HC_OK) {
        uint64_t stride = hci_record_get(batch->bytes + at, batch->size - at, &one);
        if (stride == 0) return HC_ERR_CORRUPT;
        size_t next = at + (size_t)stride;
        if (is_barrier(&one)) {
            status = replay_between(batch, from, at, records);
            if (status == HC_OK) status = replay_alone(batch, at, next);
            from = next;
            records = 0;
        } else {
            records++;
        }
        at = next;
    }
    if (status == HC_OK) status = replay_between(batch, from, at, records);
    records_tell(&batch->l->workers[0]);
    tell_progress(batch->l, batch->file_bytes);
    if (status == HC_OK) status = hooks_go_on(batch->l->hooks);
    batch->size = 0;
    batch->file_bytes = 0;
    return status;
}

/* Frames follow each other without a hole, so their records do in the batch. */
static hc_status frame_add(void *ctx, hc_span bytes, uint64_t lsn, uint64_t file_bytes)
{
    log_batch *batch = ctx;
    hc_status status = HC_OK;
    if (batch->size + bytes.size > BATCH_BYTES) status = batch_replay(batch);
    if (status != HC_OK) return status;
    if (bytes.size > batch->capacity - batch->size) {
        const hci_host *host = batch->l->dir->host;
        size_t capacity = bytes.size > BATCH_BYTES ? bytes.size : BATCH_BYTES;
        uint8_t *grown = hci_resize(host, batch->bytes, batch->capacity, capacity);
        if (grown == NULL) return HC_ERR_NO_MEMORY;
        batch->bytes = grown;
        batch->capacity = capacity;
    }
    if (batch->size == 0) batch->lsn = lsn;
    if (bytes.size > 0) memcpy(batch->bytes + batch->size, bytes.data, bytes.size);
    batch->size += bytes.size;
    batch->file_bytes += file_bytes;
    return HC_OK;
}

static hc_status log_load(loader *l)
{
    const manifest *m = &l->plan->manifest;
    log_batch batch = {.l = l};
    hc_status status =
        hci_log_frames(l->dir, m->uuid, &l->plan->scan, m->snapshot.lsn_from, frame_add, &batch);
    if (status == HC_OK) status = batch_replay(&batch);
    if (batch.bytes != NULL) hci_release(l->dir->host, batch.bytes, batch.capacity);
    return status;
}

/* ---- all of it ---- */

static hc_status workers_make(loader *l)
{
    const hci_host *host = l->dir->host;
    l->workers = hci_allocate(host, l->threads * sizeof *l->workers);
    if (l->workers == NULL) return HC_ERR_NO_MEMORY;
    memset(l->workers, 0, l->threads * sizeof *l->workers);
    hc_status status = HC_OK;
    for (uint32_t i = 0; i < l->threads && status == HC_OK; i++) {
        const replay_target target = {
            .ctx = &l->workers[i], .store_of = store_of, .store_record = store_record};
        l->workers[i].l = l;
        status = hci_replay_create(host, &target, i * 256 / l->threads, &l->workers[i].replay);
    }
    return status;
}

void hci_load_fini(loader *with)
{
    if (with->workers == NULL) return;
    for (uint32_t i = 0; i < with->threads; i++)
        hci_replay_destroy(with->workers[i].replay);
    hci_release(with->dir->host, with->workers, with->threads * sizeof *with->workers);
    with->workers = NULL;
    hci_lock_fini(&with->tell_lock);
}

hc_status hci_load(loader *with)
{
    loader *l = with;
    const manifest *m = &l->plan->manifest;
    hci_lock_init(&l->tell_lock);
    hc_status status = workers_make(l);
    if (status != HC_OK) return status;
    l->telling = (hc_persistence_hooks){.size = sizeof l->telling, .ctx = l, .damage = tell_damage};
    l->bytes_all = l->plan->scan.bytes;
    for (uint32_t i = 0; i < m->snapshot.parts; i++) {
        l->bytes_all += m->snapshot.part[i].bytes;
        l->snapshot_records += m->snapshot.part[i].records;
    }
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX && status == HC_OK; i++) {
        if (l->entries[i].used) status = store_open(l, i);
    }
    if (status == HC_OK) status = snapshot_load(l);
    return status == HC_OK ? log_load(l) : status;
}
