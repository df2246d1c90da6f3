/* data_kept.c - see data_kept.h. */
#include "data/data_kept.h"

#include <inttypes.h>
#include <string.h>

#include "command/durable.h"

/* ---- words ---- */

void data_print_damage(FILE *to, const hc_damage *damage)
{
    (void)fprintf(to, "damaged: %s at offset %" PRIu64 ": %s", damage->file, damage->offset,
                  damage->what);
    if (damage->bytes != 0) (void)fprintf(to, "; %" PRIu64 " bytes", damage->bytes);
    if (damage->lsn_to != 0)
        (void)fprintf(to, "; lsn %" PRIu64 " to %" PRIu64, damage->lsn_from, damage->lsn_to);
    if (damage->records != 0) (void)fprintf(to, "; %" PRIu64 " records", damage->records);
    (void)fputc('\n', to);
}

const char *data_status_text(hc_status status)
{
    switch (status) {
    case HC_ERR_BUSY:
        return "a server, or another command, has it open";
    case HC_ERR_NOT_FOUND:
        return "there is no data in it";
    case HC_ERR_EXISTS:
        return "there is something in it already";
    case HC_ERR_CORRUPT:
        return "its data is damaged";
    case HC_ERR_UNSUPPORTED:
        return "it was written by a later version";
    default:
        return hc_status_text(status);
    }
}

/* ---- what the library tells ---- */

static void on_damage(void *ctx, const hc_damage *damage)
{
    data_kept *of = ctx;
    data_bar_end(&of->bar);
    data_print_damage(of->err, damage);
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t bytes_all, uint64_t records)
{
    data_kept *of = ctx;
    (void)records;
    data_bar_move(&of->bar, bytes, bytes_all);
}

static void on_event(void *ctx, const hc_persistence_event *event)
{
    data_kept *of = ctx;
    if (event->kind != HC_PERSISTENCE_DISK_FAILED || of->disk_failed) return;
    of->disk_failed = true;
    data_bar_end(&of->bar);
    (void)fprintf(of->err, "the disk failed: %s: %s\n", event->file != NULL ? event->file : "",
                  hc_status_text(event->status));
}

/* ---- its life ---- */

hc_status data_kept_init(data_kept *of, FILE *err)
{
    *of = (data_kept){.err = err};
    data_clock_init(&of->clock);
    of->host = (hc_host){.size = sizeof(hc_host), .clock = &of->clock.table};
    const node_options options = {.host = &of->host,
                                  .eviction = HC_EVICTION_NONE,
                                  .databases = NODE_DATABASES_MAX,
                                  .stores_max = NODE_STORES_MAX,
                                  .workers = 1};
    return node_create(&options, &of->node);
}

void data_kept_fini(data_kept *of)
{
    (void)data_kept_close(of);
    node_destroy(of->node);
    of->node = NULL;
}

hc_status data_kept_open(data_kept *of, const char *directory)
{
    const hc_persistence_hooks hooks = {.size = sizeof hooks,
                                        .ctx = of,
                                        .event = on_event,
                                        .damage = on_damage,
                                        .progress = on_progress};
    const hc_persistence_options options = {
        .size = sizeof options,
        .directory = directory,
        .hooks = &hooks,
        .sync = HC_SYNC_NO,
        .on_disk_error = HC_DISK_ERROR_VOLATILE /* the snapshot at the end says if it worked */};
    data_bar_begin(&of->bar, of->err, "loading");
    hc_status status = hc_persistence_open(&of->host, &options, &of->log);
    if (status == HC_OK) {
        durable_attach(of->node, of->log, &(durable_calls){0});
        char why[128] = "";
        status = durable_recover(of->node, why, sizeof why);
        if (why[0] != '\0') {
            data_bar_end(&of->bar);
            (void)fprintf(of->err, "%s\n", why);
        }
        if (status != HC_OK) (void)data_kept_close(of);
    }
    data_bar_end(&of->bar);
    return status;
}

hc_status data_kept_save(data_kept *of)
{
    hc_status status = hc_persistence_snapshot(of->log);
    if (status != HC_ERR_BUSY) return status;
    while (hc_persistence_snapshot_step(of->log) != HC_PERSISTENCE_NEVER) {
    }
    return hc_persistence_snapshot(of->log);
}

hc_status data_kept_close(data_kept *of)
{
    if (of->log == NULL) return HC_OK;
    durable_detach(of->node);
    hc_status status = hc_persistence_close(of->log);
    of->log = NULL;
    return status;
}

bool data_kept_next(data_kept *of, uint32_t *at, data_kept_store *out)
{
    hc_store_ref ref;
    hc_store_info info = {.size = sizeof info};
    if (!node_store_next(of->node, at, &ref)) return false;
    hc_store_ref_info(&ref, &info);
    *out = (data_kept_store){
        .store = ref.store, .database = node_database_of(of->node, ref.store), .name = info.name};
    hc_store_ref_release(&ref); /* nobody drops it: there is but one thread */
    return true;
}
