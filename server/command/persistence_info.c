/*
 * persistence_info.c - INFO persistence: the fields that clients and exporters know, then ours.
 *
 * A snapshot is told both as Redis's RDB and as a rewrite of its AOF, for it is both.
 */
#include "command/persistence_info.h"

#include <inttypes.h>

#include "command/durable.h"

static const char *sync_name(uint32_t sync)
{
    static const char *const names[] = {"everysec", "always", "everysec", "no"};
    return sync < sizeof names / sizeof names[0] ? names[sync] : "";
}

static void print_loading(text *to, node *of)
{
    durable_loading now = durable_loading_of(of);
    double percent = now.bytes_all > 0 ? 100.0 * (double)now.bytes / (double)now.bytes_all : 0;
    int64_t took_ms = node_now_ms(of) - now.started_ms;
    double left = percent > 0 ? (double)took_ms / 1000 * (100 - percent) / percent : 0;
    text_printf(to,
                "loading_start_time:%" PRId64 "\r\nloading_total_bytes:%" PRIu64
                "\r\nloading_loaded_bytes:%" PRIu64
                "\r\nloading_loaded_perc:%.2f\r\nloading_eta_seconds:%.0f\r\n",
                now.started_ms / 1000, now.bytes_all, now.bytes, percent, left);
}

static void print_ours(text *to, const hc_persistence_stats *s)
{
    text_printf(to,
                "hypercache_sync_policy:%s\r\nhypercache_lsn:%" PRIu64
                "\r\nhypercache_durable_lsn:%" PRIu64 "\r\nhypercache_log_files:%" PRIu64
                "\r\nhypercache_log_bytes_written:%" PRIu64 "\r\nhypercache_syncs:%" PRIu64
                "\r\nhypercache_sync_usec:%" PRIu64 "\r\nhypercache_sync_usec_max:%" PRIu64
                "\r\nhypercache_disk_errors:%" PRIu64 "\r\nhypercache_disk_status:%s\r\n"
                "hypercache_low_disk:%u\r\nhypercache_snapshots:%" PRIu64
                "\r\nhypercache_snapshots_failed:%" PRIu64 "\r\nhypercache_snapshot_keys:%" PRIu64
                "\r\nhypercache_snapshot_bytes:%" PRIu64 "\r\nhypercache_snapshot_usec:%" PRIu64
                "\r\nhypercache_recovered_keys:%" PRIu64 "\r\nhypercache_recovery_usec:%" PRIu64
                "\r\n",
                sync_name(s->sync), s->lsn, s->durable_lsn, s->log_files, s->bytes_written,
                s->syncs, s->sync_ns / 1000, s->sync_ns_max / 1000, s->disk_errors,
                hc_status_text((hc_status)s->disk_status), s->low_disk, s->snapshots,
                s->snapshots_failed, s->snapshot_records, s->snapshot_bytes, s->snapshot_ns / 1000,
                s->recovered_records, s->recovered_ns / 1000);
}

static void print_backup(text *to, node *of, const hc_persistence_stats *s)
{
    const durable_calls *calls = durable_calls_of(of);
    durable_backup last = {.active = false};
    if (calls->backup_look != NULL) calls->backup_look(calls->backup_ctx, &last);
    const char *status = last.ended_ms == 0 ? "none" : last.status == HC_OK ? "ok" : "err";
    text_printf(
        to,
        "hypercache_backup_in_progress:%d\r\nhypercache_backup_name:%s\r\n"
        "hypercache_backup_bytes:%" PRIu64 "\r\nhypercache_backup_total_bytes:%" PRIu64
        "\r\nhypercache_last_backup_status:%s\r\nhypercache_last_backup_time:%" PRId64 "\r\n",
        last.active, last.name, s->backup_bytes, s->backup_bytes_all, status, last.ended_ms / 1000);
}

void persistence_info(text *to, node *of)
{
    hc_persistence *log = durable_log(of);
    hc_persistence_stats s = {.size = sizeof s};
    if (log != NULL) hc_persistence_stats_get(log, &s);
    bool loading = durable_is_loading(of);
    uint32_t strategy = durable_strategy(of);
    bool logs = log != NULL && (strategy == HC_STRATEGY_HYBRID || strategy == HC_STRATEGY_LOG);
    int64_t saved_ms = s.snapshot_at_ms != 0 ? s.snapshot_at_ms : of->started_ms;
    const char *disk = s.disk_status == HC_OK ? "ok" : "err";
    text_printf(to,
                "loading:%d\r\nasync_loading:0\r\nrdb_changes_since_last_save:%" PRIu64
                "\r\nrdb_bgsave_in_progress:%u\r\nrdb_last_save_time:%" PRId64
                "\r\nrdb_last_bgsave_status:%s\r\nrdb_last_bgsave_time_sec:%" PRId64
                "\r\naof_enabled:%d\r\naof_rewrite_in_progress:%u\r\naof_rewrite_scheduled:0\r\n"
                "aof_last_bgrewrite_status:%s\r\naof_last_write_status:%s\r\n",
                loading, s.lsn > s.snapshot_lsn ? s.lsn - s.snapshot_lsn : 0, s.snapshot_active,
                saved_ms / 1000, durable_snapshot_status(of) == HC_OK ? "ok" : "err",
                s.snapshots > 0 ? (int64_t)(s.snapshot_ns / 1000000000u) : -1, logs,
                logs ? s.snapshot_active : 0, durable_snapshot_status(of) == HC_OK ? "ok" : "err",
                disk);
    if (logs) text_printf(to, "aof_current_size:%" PRIu64 "\r\n", s.log_bytes);
    if (loading) print_loading(to, of);
    if (log != NULL) print_ours(to, &s);
    if (log != NULL && !loading) print_backup(to, of, &s);
}
