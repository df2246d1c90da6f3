/*
 * recover.c - what to recover, decided before anything is loaded (load.c).
 *
 *     newest manifest that is intact and whose snapshot is there
 *     log from that manifest on: where does it end, and is that an accident (log_read.c)?
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

hc_status hci_hooks_copy(const hc_persistence_hooks *from, hc_persistence_hooks *to)
{
    return hci_options_copy(to, sizeof *to, from, from == NULL ? 0 : from->size);
}
