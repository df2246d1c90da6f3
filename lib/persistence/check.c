/*
 * check.c - reading all there is in a directory: to say whether it is whole, or to save the rest.
 */
#include "persistence/recover.h"

#include "base/options.h"

/* ---- verify ---- */

typedef struct checker {
    const hc_persistence_hooks *to; /* the caller's */
    hc_persistence_check *check;
    uint64_t bytes, bytes_all;
} checker;

static void damage_count(void *ctx, const hc_damage *damage)
{
    checker *c = ctx;
    c->check->damages++;
    hci_persistence_damage(c->to, damage);
}

static bool checker_stops(void *ctx)
{
    const checker *c = ctx;
    return hooks_go_on(c->to) != HC_OK;
}

/* A manifest that was passed over is damage too, though all can be recovered. */
static void skipped_count(void *ctx, const hc_persistence_event *event)
{
    if (event->kind != HC_PERSISTENCE_MANIFEST_SKIPPED) return;
    damage_count(ctx, &(hc_damage){.file = event->file, .what = "a manifest cannot be used"});
}

static hc_status record_count(void *ctx, const record *r, uint64_t lsn)
{
    checker *c = ctx;
    (void)lsn;
    c->check->records += r->kind == RECORD_SET;
    return HC_OK;
}

static hc_status block_count(void *ctx, uint64_t bytes)
{
    checker *c = ctx;
    c->bytes += bytes;
    if (c->to->progress != NULL) {
        c->to->progress(c->to->ctx, c->bytes, c->bytes_all, c->check->records);
    }
    return hooks_go_on(c->to);
}

static hc_status snapshot_check(const persist_dir *dir, const manifest *m,
                                const hc_persistence_hooks *hooks, checker *c)
{
    snapshot_source source = {
        .dir = dir, .uuid = m->uuid, .snapshot = &m->snapshot, .hooks = hooks};
    hc_status status = HC_OK;
    for (uint32_t i = 0; i < m->snapshot.parts && status == HC_OK; i++) {
        c->check->files++;
        status = hci_snapshot_read(&source, i, record_count, block_count, c);
    }
    return status;
}

/* The result as far as the plan knows it. */
static void check_fill(const recovery_plan *plan, checker *c)
{
    const manifest *m = &plan->manifest;
    hc_persistence_check *check = c->check;
    check->files = 1 + plan->scan.chain_count;
    check->records = plan->scan.records;
    check->lsn = plan->scan.end_lsn;
    check->durable_lsn = plan->scan.durable_lsn;
    check->torn = plan->scan.torn;
    check->snapshot_lsn = m->snapshot.lsn_to;
    check->snapshot_at_ms = m->snapshot.finished_at_ms;
    check->format_major = FORMAT_MAJOR;
    memcpy(check->uuid, m->uuid, UUID_BYTES);
    c->bytes = c->bytes_all = plan->scan.bytes;
    for (uint32_t i = 0; i < m->snapshot.parts; i++)
        c->bytes_all += m->snapshot.part[i].bytes;
    check->bytes = c->bytes_all;
    for (uint32_t i = 0; m->stores != NULL && i < HC_PERSISTED_STORES_MAX; i++)
        check->stores += m->stores[i].used;
}

hc_status hci_verify(const persist_dir *dir, const hc_persistence_hooks *hooks,
                     hc_persistence_check *check)
{
    checker c = {.to = hooks, .check = check};
    hc_persistence_hooks counting = *hooks;
    counting.ctx = &c;
    counting.damage = damage_count;
    counting.event = skipped_count;
    counting.stops = checker_stops;
    recovery_plan plan;
    hc_status status = hci_plan_make(dir, &counting, false, &plan);
    if (!plan.empty) check_fill(&plan, &c);
    if (status == HC_OK) {
        status = plan.empty ? HC_ERR_NOT_FOUND : snapshot_check(dir, &plan.manifest, &counting, &c);
    }
    hci_plan_fini(&plan, dir->host);
    return status;
}

/* The lock of a directory that is there; looking must not make one. */
static hc_status lock_existing(const persist_dir *dir, hc_file **lock_out)
{
    dir_listing listing;
    *lock_out = NULL;
    hc_status status = hci_dir_list(dir, &listing);
    bool is_locked = false;
    for (size_t i = 0; i < listing.count; i++)
        is_locked |= listing.entries[i].kind == NAME_LOCK;
    hci_dir_listing_fini(&listing);
    return status == HC_OK && is_locked ? hci_dir_lock(dir, lock_out) : status;
}

hc_status hc_persistence_verify(const hc_host *host, const char *directory,
                                const hc_persistence_hooks *hooks, hc_persistence_check *check)
{
    hci_host resolved;
    persist_dir dir;
    hc_persistence_hooks h;
    hc_file *lock;
    hc_persistence_check result = {.size = check->size};
    hc_status status = hci_host_resolve(host, &resolved);
    if (status == HC_OK) status = hci_hooks_copy(hooks, &h);
    if (status == HC_OK) status = hci_dir_init(&dir, &resolved, directory);
    if (status == HC_OK) status = lock_existing(&dir, &lock);
    if (status == HC_OK) {
        status = hci_verify(&dir, &h, &result);
        hci_dir_close(&dir, lock);
    }
    memcpy(check, &result, check->size < sizeof result ? check->size : sizeof result);
    return status;
}

/* ---- salvage ---- */

/* The stores that are brought over, in memory. */
typedef struct salvaged {
    const hc_host *host;
    hc_store *stores[HC_PERSISTED_STORES_MAX];
} salvaged;

static hc_status salvage_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    salvaged *s = ctx;
    hc_status status = hc_store_create(s->host, NULL, store_out);
    if (status == HC_OK) s->stores[info->id] = *store_out;
    return status;
}

static void salvage_drop(void *ctx, const hc_persisted_store *info, hc_store *store)
{
    salvaged *s = ctx;
    s->stores[info->id] = NULL;
    hc_store_destroy(store);
}

static hc_status salvage_write(const hc_host *host, const char *to, const loader *l)
{
    hc_persistence_options options = {.size = sizeof options, .directory = to};
    const hc_recovery none = {.size = sizeof none, .open = salvage_open};
    hc_persistence *p;
    hc_status status = hc_persistence_open(host, &options, &p);
    if (status != HC_OK) return status;
    status = hc_persistence_recover(p, &none);
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX && status == HC_OK; i++) {
        const store_entry *e = &l->entries[i];
        uint32_t id;
        if (!e->used || l->stores[i].store == NULL) continue;
        hc_persisted_store info = {
            .name = entry_name(e), .settings = entry_settings(e), .strategy = e->strategy};
        status = hc_persistence_add(p, &info, l->stores[i].store, &id);
    }
    if (status == HC_OK) status = hc_persistence_snapshot(p);
    hc_status closed = hc_persistence_close(p);
    return status != HC_OK ? status : closed;
}

static hc_status salvage_run(const hc_host *host, const persist_dir *from, const char *to,
                             const hc_persistence_hooks *hooks, hc_persistence_check *check)
{
    checker c = {.to = hooks, .check = check};
    hc_persistence_hooks counting = *hooks;
    counting.ctx = &c;
    counting.damage = damage_count;
    counting.progress = NULL;
    counting.event = NULL;
    counting.stops = checker_stops;
    recovery_plan plan;
    salvaged *s = hci_allocate(from->host, sizeof *s);
    size_t bytes = HC_PERSISTED_STORES_MAX * sizeof(loaded_store);
    loaded_store *stores = hci_allocate(from->host, bytes);
    hc_status status = s == NULL || stores == NULL ? HC_ERR_NO_MEMORY : HC_OK;
    if (status == HC_OK) {
        *s = (salvaged){.host = host};
        memset(stores, 0, bytes);
        status = hci_plan_make(from, &counting, true, &plan);
        if (status == HC_OK && plan.empty) status = HC_ERR_NOT_FOUND;
        const hc_recovery recovery = {
            .size = sizeof recovery, .ctx = s, .open = salvage_open, .drop = salvage_drop};
        loader l = {.dir = from,
                    .hooks = &counting,
                    .plan = &plan,
                    .recovery = &recovery,
                    .salvage = true,
                    .threads = 1,
                    .entries = plan.manifest.stores,
                    .stores = stores};
        if (status == HC_OK) check_fill(&plan, &c);
        if (status == HC_OK) status = hci_load(&l);
        if (status == HC_OK) status = salvage_write(host, to, &l);
        hci_load_fini(&l);
        hci_plan_fini(&plan, from->host);
        for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++)
            hc_store_destroy(s->stores[i]);
    }
    if (stores != NULL) hci_release(from->host, stores, bytes);
    if (s != NULL) hci_release(from->host, s, sizeof *s);
    return status;
}

hc_status hc_persistence_salvage(const hc_host *host, const char *from, const char *to,
                                 const hc_persistence_hooks *hooks, hc_persistence_check *check)
{
    hci_host resolved;
    persist_dir from_dir, to_dir;
    hc_persistence_hooks h;
    hc_file *lock = NULL;
    hc_persistence_check result = {.size = check->size};
    hc_status status = hci_host_resolve(host, &resolved);
    if (status == HC_OK) status = hci_hooks_copy(hooks, &h);
    if (status == HC_OK) status = hci_dir_init(&from_dir, &resolved, from);
    if (status == HC_OK) status = hci_dir_init(&to_dir, &resolved, to);
    if (status == HC_OK) status = lock_existing(&from_dir, &lock);
    if (status == HC_OK) status = hci_dir_make_empty(&to_dir);
    if (status == HC_OK) status = salvage_run(host, &from_dir, to, &h, &result);
    if (lock != NULL) hci_dir_close(&from_dir, lock);
    memcpy(check, &result, check->size < sizeof result ? check->size : sizeof result);
    return status;
}
