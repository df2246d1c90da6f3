/*
 * backup.c - copies of a directory that are complete: of one in use, and back.
 *
 * Files that count are never changed but at the end of the newest log file, so copying them while
 * others write is enough: the snapshot, the log from there to what is durable now, and last the
 * manifest, which makes the copy count.  While a backup runs, nothing is removed (`pinned`).  What
 * a copy that fails has made is removed again.
 */
#include "persistence/recover.h"

#define COPY_BYTES (1u << 20)

/* What is to be copied. */
typedef struct copy_list {
    const persist_dir *from, *to;
    const hc_persistence_hooks *hooks;
    const manifest *m;
    const log_file *logs;
    size_t log_count;
    uint64_t last_id, last_bytes; /* of the newest log file */
    _Atomic uint64_t *copied;     /* bytes; NULL: nobody looks */
} copy_list;

/* The first `bytes` of a file; UINT64_MAX: all of it. */
static hc_status file_copy(const copy_list *list, const char *name, uint64_t bytes, uint8_t *buffer)
{
    const persist_dir *from = list->from, *to = list->to;
    const hc_io *io = &from->host->io;
    hc_file *in = NULL, *out = NULL;
    uint64_t length = 0;
    hc_status status = hci_dir_open(from, name, HC_OPEN_READ, &in);
    if (status == HC_OK) status = io->length(io->ctx, in, &length);
    if (status == HC_OK) status = hci_dir_open(to, name, HC_OPEN_CREATE, &out);
    if (length < bytes) bytes = length;
    for (uint64_t at = 0; at < bytes && status == HC_OK;) {
        size_t piece = bytes - at < COPY_BYTES ? (size_t)(bytes - at) : COPY_BYTES;
        status = hooks_go_on(list->hooks);
        if (status == HC_OK) status = hci_file_read(from, in, buffer, piece, at);
        hc_span part = hc_span_make(buffer, piece);
        if (status == HC_OK) status = hci_file_write(to, out, &part, 1, at);
        if (list->copied != NULL) *list->copied += piece;
        at += piece;
    }
    if (status == HC_OK) status = hci_file_sync(to, out);
    hci_dir_close(to, out);
    hci_dir_close(from, in);
    return status;
}

static hc_status copy_all(const copy_list *list, uint8_t *buffer)
{
    char name[NAME_BYTES_MAX];
    hc_status status = HC_OK;
    for (uint32_t i = 0; i < list->m->snapshot.parts && status == HC_OK; i++) {
        hci_name_snapshot(name, list->m->snapshot.id, i);
        status = file_copy(list, name, UINT64_MAX, buffer);
    }
    for (size_t i = 0; i < list->log_count && status == HC_OK; i++) {
        uint64_t id = list->logs[i].id;
        if (id < list->m->log_first || id > list->last_id) continue;
        hci_name_log(name, id);
        uint64_t bytes = id == list->last_id ? list->last_bytes : UINT64_MAX;
        status = file_copy(list, name, bytes, buffer);
    }
    if (status == HC_OK) status = hci_dir_sync(list->to); /* before it counts */
    hci_name_manifest(name, list->m->number);
    if (status == HC_OK) status = file_copy(list, name, UINT64_MAX, buffer);
    return status == HC_OK ? hci_dir_sync(list->to) : status;
}

/* The manifest goes first: without it nothing counts. */
static void copy_remove(const persist_dir *dir)
{
    dir_listing listing;
    char name[NAME_BYTES_MAX];
    if (hci_dir_list(dir, &listing) == HC_OK) {
        for (unsigned pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < listing.count; i++) {
                const dir_entry *e = &listing.entries[i];
                if ((e->kind == NAME_MANIFEST) != (pass == 0)) continue;
                if (e->kind == NAME_MANIFEST)
                    hci_name_manifest(name, e->number);
                else if (e->kind == NAME_LOG)
                    hci_name_log(name, e->number);
                else if (e->kind == NAME_SNAPSHOT)
                    hci_name_snapshot(name, e->number, e->part);
                else
                    continue;
                (void)hci_dir_unlink(dir, name);
            }
        }
    }
    hci_dir_listing_fini(&listing);
}

/* Into a directory that was empty. */
static hc_status copy_and_verify(const copy_list *list)
{
    hc_persistence_check check = {.size = sizeof check};
    uint8_t *buffer = hci_allocate(list->from->host, COPY_BYTES);
    if (buffer == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = copy_all(list, buffer);
    hci_release(list->from->host, buffer, COPY_BYTES);
    if (status == HC_OK) status = hci_verify(list->to, list->hooks, &check);
    if (status != HC_OK) copy_remove(list->to);
    return status;
}

hc_status hci_dir_make_empty(const persist_dir *dir)
{
    const hc_io *io = &dir->host->io;
    dir_listing listing;
    hc_status status = io->make_dir(io->ctx, dir->path);
    if (status == HC_OK || status != HC_ERR_EXISTS) return status;
    status = hci_dir_list(dir, &listing);
    if (status == HC_OK && listing.count > 0) status = HC_ERR_EXISTS;
    hci_dir_listing_fini(&listing);
    return status;
}

/* ---- of a directory in use ---- */

/* The log files there are, the current one included, and how far the last is durable. */
static hc_status logs_take(hc_persistence *p, copy_list *list, log_file **logs_out,
                           size_t *capacity_out)
{
    log_state *log = &p->log;
    hci_lock_acquire(&log->lock);
    size_t capacity = log->file_count + 1;
    log_file *logs = hci_allocate(&p->host, capacity * sizeof *logs);
    if (logs != NULL) {
        if (log->file_count > 0) memcpy(logs, log->files, log->file_count * sizeof *logs);
        list->log_count = log->file_count;
        if (log->file != NULL) logs[list->log_count++] = log->now;
        list->last_id = log->durable_end.id;
        list->last_bytes = log->durable_end.bytes;
    }
    hci_lock_release(&log->lock);
    *logs_out = logs;
    *capacity_out = capacity;
    list->logs = logs;
    return logs != NULL ? HC_OK : HC_ERR_NO_MEMORY;
}

/* HC_ERR_BUSY: there is another backup. */
static hc_status pin(hc_persistence *p, uint64_t *manifest_out)
{
    hc_status status = HC_ERR_BUSY;
    hci_lock_acquire(&p->snapshot_lock);
    if (!p->pinned && p->generation_count > 0) {
        p->pinned = true;
        *manifest_out = p->generations[p->generation_count - 1].manifest;
        status = HC_OK;
    }
    hci_lock_release(&p->snapshot_lock);
    return status;
}

static void unpin(hc_persistence *p)
{
    hci_lock_acquire(&p->snapshot_lock);
    p->pinned = false;
    hci_lock_release(&p->snapshot_lock);
}

/* About how much there is to copy. */
static uint64_t bytes_of(hc_persistence *p, const copy_list *list)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < list->m->snapshot.parts; i++)
        bytes += list->m->snapshot.part[i].bytes;
    for (size_t i = 0; i < list->log_count; i++) {
        uint64_t id = list->logs[i].id;
        if (id < list->m->log_first || id > list->last_id) continue;
        bytes += id == list->last_id ? list->last_bytes : p->options.segment_bytes;
    }
    return bytes;
}

static hc_status pinned_copy(hc_persistence *p, uint64_t number, const persist_dir *to,
                             const hc_persistence_hooks *hooks)
{
    manifest m = {.number = 0};
    log_file *logs = NULL;
    size_t capacity = 0;
    copy_list list = {
        .from = &p->dir, .to = to, .hooks = hooks, .m = &m, .copied = &p->backup_bytes};
    hc_status status = hci_manifest_read(&p->dir, number, &m);
    if (status == HC_OK) status = hci_dir_make_empty(to);
    if (status == HC_OK) status = logs_take(p, &list, &logs, &capacity);
    if (status == HC_OK) {
        p->backup_bytes_all = bytes_of(p, &list);
        status = copy_and_verify(&list);
    }
    if (logs != NULL) hci_release(&p->host, logs, capacity * sizeof *logs);
    hci_manifest_fini(&m, &p->host);
    return status;
}

hc_status hc_persistence_backup(hc_persistence *p, const char *to)
{
    persist_dir to_dir;
    uint64_t number = 0;
    /* the copy is read again, which is no recovery of ours */
    hc_persistence_hooks hooks = p->hooks;
    hooks.event = NULL;
    hooks.progress = NULL;
    hc_status status = hci_dir_init(&to_dir, &p->host, to);
    if (status == HC_OK) status = hc_persistence_sync(p);
    if (status != HC_OK) return status;
    status = pin(p, &number);
    if (status != HC_OK) return status;
    p->backup_bytes = p->backup_bytes_all = 0;
    p->backup_active = true;
    status = pinned_copy(p, number, &to_dir, &hooks);
    p->backup_active = false;
    unpin(p);
    return status;
}

/* ---- of one that nobody uses ---- */

static hc_status restore(const persist_dir *from, const persist_dir *to,
                         const hc_persistence_hooks *hooks)
{
    recovery_plan plan;
    hc_persistence_check check = {.size = sizeof check};
    hc_status status = hci_verify(from, hooks, &check);
    if (status != HC_OK) return status;
    status = hci_dir_make_empty(to);
    if (status != HC_OK) return status;
    status = hci_plan_make(from, hooks, false, &plan);
    size_t bytes = (plan.scan.chain_count + 1) * sizeof(log_file);
    log_file *logs = hci_allocate(from->host, bytes);
    if (status == HC_OK && logs == NULL) status = HC_ERR_NO_MEMORY;
    copy_list list = {.from = from, .to = to, .hooks = hooks, .m = &plan.manifest, .logs = logs};
    for (size_t i = 0; i < plan.scan.chain_count && status == HC_OK; i++) {
        logs[list.log_count++] = (log_file){.id = plan.scan.chain[i].id};
        list.last_id = plan.scan.chain[i].id;
        list.last_bytes = plan.scan.chain[i].bytes;
    }
    if (status == HC_OK) status = copy_and_verify(&list);
    if (logs != NULL) hci_release(from->host, logs, bytes);
    hci_plan_fini(&plan, from->host);
    return status;
}

hc_status hc_persistence_restore(const hc_host *host, const char *from, const char *to,
                                 const hc_persistence_hooks *hooks)
{
    hci_host resolved;
    persist_dir from_dir, to_dir;
    hc_persistence_hooks h;
    hc_status status = hci_host_resolve(host, &resolved);
    if (status == HC_OK) status = hci_hooks_copy(hooks, &h);
    if (status == HC_OK) status = hci_dir_init(&from_dir, &resolved, from);
    if (status == HC_OK) status = hci_dir_init(&to_dir, &resolved, to);
    return status == HC_OK ? restore(&from_dir, &to_dir, &h) : status;
}
