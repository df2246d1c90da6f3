/*
 * retention.c - which files nobody needs any more.
 *
 * A generation is a manifest, its snapshot and the log from there on.  The newest few are kept;
 * what only older ones needed goes, after the newest manifest is durable, never before.  One log
 * file is kept back to be used again under a new name.
 */
#include "persistence/persistence_private.h"

void hci_generation_add(hc_persistence *p, const manifest *m)
{
    if (p->generation_count == p->options.generations) {
        memmove(p->generations, p->generations + 1,
                (p->generation_count - 1) * sizeof p->generations[0]);
        p->generation_count--;
    }
    p->generations[p->generation_count++] =
        (generation){.manifest = m->number, .snapshot = m->snapshot.id, .log_first = m->log_first};
}

static bool is_needed(const hc_persistence *p, const dir_entry *entry)
{
    for (uint32_t i = 0; i < p->generation_count; i++) {
        const generation *g = &p->generations[i];
        if (entry->kind == NAME_MANIFEST && entry->number == g->manifest) return true;
        if (entry->kind == NAME_SNAPSHOT && entry->number == g->snapshot) return true;
        if (entry->kind == NAME_LOG && entry->number >= g->log_first) return true;
    }
    return entry->kind == NAME_LOCK || entry->kind == NAME_RESERVE;
}

static void name_of(const dir_entry *entry, char *name)
{
    switch (entry->kind) {
    case NAME_LOG:
        hci_name_log(name, entry->number);
        break;
    case NAME_SNAPSHOT:
        hci_name_snapshot(name, entry->number, entry->part);
        break;
    default:
        hci_name_manifest(name, entry->number);
        if (entry->kind == NAME_TEMPORARY) memcpy(name + strlen(name), ".tmp", sizeof ".tmp");
        break;
    }
}

/* Log files that went are not in the list any more. */
static void log_files_forget(hc_persistence *p, uint64_t first)
{
    log_state *log = &p->log;
    size_t kept = 0;
    for (size_t i = 0; i < log->file_count; i++) {
        if (log->files[i].id >= first) log->files[kept++] = log->files[i];
    }
    log->file_count = kept;
}

/* Keeps back one log file that nobody needs, if there is none yet; returns its number. */
static uint64_t recycle_choose(hc_persistence *p, const dir_listing *listing, uint64_t first)
{
    log_state *log = &p->log;
    hci_lock_acquire(&log->lock);
    log_files_forget(p, first);
    for (size_t i = 0; i < listing->count && log->recycle_id == 0; i++) {
        const dir_entry *entry = &listing->entries[i];
        if (entry->kind == NAME_LOG && entry->number < first) log->recycle_id = entry->number;
    }
    uint64_t chosen = log->recycle_id;
    hci_lock_release(&log->lock);
    return chosen;
}

void hci_retention_clean(hc_persistence *p)
{
    dir_listing listing;
    char name[NAME_BYTES_MAX];
    if (p->pinned) return; /* the next time */
    if (hci_dir_list(&p->dir, &listing) != HC_OK || p->generation_count == 0) {
        hci_dir_listing_fini(&listing);
        return;
    }
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < p->generation_count; i++) {
        if (p->generations[i].log_first < first) first = p->generations[i].log_first;
    }
    uint64_t recycled = recycle_choose(p, &listing, first);
    for (size_t i = 0; i < listing.count; i++) {
        const dir_entry *entry = &listing.entries[i];
        if (is_needed(p, entry)) continue;
        if (entry->kind == NAME_LOG && entry->number == recycled) continue;
        name_of(entry, name);
        (void)hci_dir_unlink(&p->dir, name); /* if it stays, it goes the next time */
    }
    hci_dir_listing_fini(&listing);
}
