/*
 * recover.c - from a directory to stores.
 *
 *     newest manifest that is intact and whose snapshot is there
 *     log from that manifest on: where does it end, and is that an accident (log_read.c)?
 *     snapshot into stores, then the log behind S0 over them
 *
 * Records of groups that were not committed are passed over.  A store whose strategy does not log
 * counts up to S1 only: what was noted later is what another snapshot, which failed, left.
 */
#include "persistence/recover.h"

#include "base/options.h"

/* ---- the plan ---- */

static void skipped_tell(const hc_persistence_hooks *hooks, uint64_t number, hc_status status)
{
    char name[NAME_BYTES_MAX];
    hci_name_manifest(name, number);
    hc_persistence_event event = {
        .kind = HC_PERSISTENCE_MANIFEST_SKIPPED, .status = status, .file = name};
    if (hooks->event != NULL) hooks->event(hooks->ctx, &event);
}

/* The newest manifest that can be used. */
static hc_status manifest_choose(const persist_dir *dir, const hc_persistence_hooks *hooks,
                                 recovery_plan *plan)
{
    const dir_listing *l = &plan->listing;
    for (size_t i = l->count; i > 0; i--) {
        if (l->entries[i - 1].kind != NAME_MANIFEST) continue;
        uint64_t number = l->entries[i - 1].number;
        hc_status status = hci_manifest_read(dir, number, &plan->manifest);
        if (status == HC_OK) {
            status = hci_snapshot_present(dir, &plan->manifest.snapshot);
            if (status == HC_OK) return HC_OK;
            hci_manifest_fini(&plan->manifest, dir->host);
        }
        if (status != HC_ERR_CORRUPT && status != HC_ERR_NOT_FOUND) return status;
        skipped_tell(hooks, number, status);
    }
    hci_persistence_damage(hooks,
                           &(hc_damage){.file = "MANIFEST", .what = "no manifest can be used"});
    return HC_ERR_CORRUPT;
}

static bool holds_data(const dir_listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        name_kind kind = l->entries[i].kind;
        if (kind == NAME_LOG || kind == NAME_SNAPSHOT || kind == NAME_MANIFEST) return true;
    }
    return false;
}

hc_status hci_plan_make(const persist_dir *dir, const hc_persistence_hooks *hooks, bool salvage,
                        recovery_plan *out)
{
    *out = (recovery_plan){.empty = true};
    out->scan.host = dir->host;
    hc_status status = hci_dir_list(dir, &out->listing);
    if (status != HC_OK) return status;
    out->empty = !holds_data(&out->listing);
    if (out->empty) return HC_OK;
    status = manifest_choose(dir, hooks, out);
    if (status != HC_OK) return status;
    status = hci_log_scan(dir, &out->manifest, &out->listing, hooks, salvage, &out->scan);
    if (status != HC_OK) return status;
    if (out->manifest.snapshot.id != 0 && out->scan.end_lsn < out->manifest.snapshot.lsn_to &&
        !salvage) {
        return HC_ERR_CORRUPT; /* told: the manifest says that more was durable */
    }
    return HC_OK;
}

void hci_plan_fini(recovery_plan *plan, const hci_host *host)
{
    hci_log_scan_fini(&plan->scan);
    hci_manifest_fini(&plan->manifest, host);
    hci_dir_listing_fini(&plan->listing);
}

/* ---- loading ---- */

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
    return status == HC_OK && s->store == NULL ? HC_ERR_INVALID : status;
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
    loader *l = ctx;
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
    loader *l = ctx;
    if (id >= HC_PERSISTED_STORES_MAX || !l->entries[id].used) return NULL;
    if (l->entries[id].strategy == HC_STRATEGY_DISABLED) return NULL;
    bool counts = l->stores[id].whole || l->lsn < l->plan->manifest.snapshot.lsn_to;
    return counts ? l->stores[id].store : NULL;
}

static hc_status visit(void *ctx, const record *r, uint64_t lsn)
{
    loader *l = ctx;
    l->lsn = lsn;
    if (r->group != 0 && hci_log_group_open(&l->plan->scan, r->group)) return HC_OK;
    return hci_replay_record(l->replay, r);
}

static hc_status block_end(void *ctx, uint64_t bytes)
{
    loader *l = ctx;
    hc_status status = hci_replay_flush(l->replay);
    l->bytes += bytes;
    if (l->hooks->progress != NULL) {
        l->hooks->progress(l->hooks->ctx, l->bytes, l->bytes_all, hci_replay_count(l->replay));
    }
    return status;
}

static hc_status snapshot_load(loader *l)
{
    const manifest *m = &l->plan->manifest;
    snapshot_source source = {.dir = l->dir,
                              .uuid = m->uuid,
                              .snapshot = &m->snapshot,
                              .hooks = l->hooks,
                              .salvage = l->salvage};
    hc_status status = HC_OK;
    for (uint32_t i = 0; i < m->snapshot.parts && status == HC_OK; i++) {
        status = hci_snapshot_read(&source, i, visit, block_end, l);
    }
    return status;
}

hc_status hci_load(loader *with)
{
    loader *l = with;
    const manifest *m = &l->plan->manifest;
    const replay_target target = {.ctx = l, .store_of = store_of, .store_record = store_record};
    hc_status status = hci_replay_create(l->dir->host, &target, &l->replay);
    if (status != HC_OK) return status;
    l->bytes_all = l->plan->scan.bytes;
    for (uint32_t i = 0; i < m->snapshot.parts; i++)
        l->bytes_all += m->snapshot.part[i].bytes;
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX && status == HC_OK; i++) {
        if (l->entries[i].used) status = store_open(l, i);
    }
    if (status == HC_OK) status = snapshot_load(l);
    if (status == HC_OK) {
        status = hci_log_replay(l->dir, m->uuid, &l->plan->scan, m->snapshot.lsn_from, visit,
                                block_end, l);
    }
    if (status == HC_OK) status = hci_replay_flush(l->replay);
    return status;
}

hc_status hci_hooks_copy(const hc_persistence_hooks *from, hc_persistence_hooks *to)
{
    return hci_options_copy(to, sizeof *to, from, from == NULL ? 0 : from->size);
}
