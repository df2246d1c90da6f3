/*
 * persistence_metrics.c - how safe the data is: log, syncs, snapshots, recovery, the disk.
 *
 * A node that keeps nothing tells hypercache_persistence_enabled 0 and no more.
 */
#include <sys/statvfs.h>

#include "command/durable.h"
#include "metrics/collectors.h"

GAUGE(enabled, "hypercache_persistence_enabled", NULL, "1 if data is kept on disk.");
GAUGE(loading, "hypercache_loading", NULL, "1 while data is brought back after a start.");
GAUGE(healthy, "hypercache_persistence_healthy", NULL, "0 while writing to the disk fails.");
GAUGE(low_disk, "hypercache_disk_low", NULL, "1 while little room is left on the disk.");
GAUGE(disk_free, "hypercache_disk_free_bytes", "bytes",
      "Room left for us on the data directory's disk.");
GAUGE(disk_size, "hypercache_disk_size_bytes", "bytes", "Size of that disk.");
GAUGE(log_bytes, "hypercache_log_replay_bytes", "bytes",
      "Log that the next recovery would replay.");
GAUGE(log_files, "hypercache_log_files", NULL, "Files of the log.");
GAUGE(behind, "hypercache_log_behind_bytes", "bytes", "Log that is not yet durable.");
GAUGE(sync_max, "hypercache_fsync_max_seconds", "seconds", "The longest sync since the start.");
GAUGE(snapshot_active, "hypercache_snapshot_active", NULL, "1 while a snapshot is written.");
GAUGE(snapshot_at, "hypercache_snapshot_timestamp_seconds", "seconds",
      "When the last snapshot was finished, Unix time; 0: never.");
GAUGE(snapshot_took, "hypercache_snapshot_duration_seconds", "seconds", "How long it took.");
GAUGE(snapshot_keys, "hypercache_snapshot_keys", NULL, "Keys in it.");
GAUGE(snapshot_bytes, "hypercache_snapshot_bytes", "bytes", "Its size.");
GAUGE(recovery_took, "hypercache_recovery_duration_seconds", "seconds",
      "How long the recovery at the start took.");
GAUGE(recovery_keys, "hypercache_recovery_records", NULL, "Records it read.");
COUNTER(written, "hypercache_log_written_bytes", "Bytes written to the log.");
COUNTER(disk_errors, "hypercache_disk_errors", "Writes and syncs that failed.");
COUNTER(unkept, "hypercache_log_dropped_records", "Records that are in memory only.");
COUNTER(snapshots, "hypercache_snapshots", "Snapshots written.");
COUNTER(snapshots_failed, "hypercache_snapshot_failures", "Snapshots that failed.");
static const hc_metric_family syncs = {.name = "hypercache_fsync_duration_seconds",
                                       .kind = HC_METRIC_SUMMARY,
                                       .unit = "seconds",
                                       .help = "Syncs of the log."};

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static void tell_disk(hc_metrics_page *page, const char *folder)
{
    struct statvfs disk;
    if (folder == NULL || statvfs(folder, &disk) != 0) return;
    tell_count(page, &disk_free, (uint64_t)disk.f_bavail * disk.f_frsize);
    tell_count(page, &disk_size, (uint64_t)disk.f_blocks * disk.f_frsize);
}

static void tell_log(hc_metrics_page *page, const hc_persistence_stats *s)
{
    tell_count(page, &healthy, s->disk_status == HC_OK);
    tell_count(page, &low_disk, s->low_disk);
    tell_count(page, &disk_errors, s->disk_errors);
    tell_count(page, &log_bytes, s->log_bytes);
    tell_count(page, &log_files, s->log_files);
    tell_count(page, &behind, s->lsn > s->durable_lsn ? s->lsn - s->durable_lsn : 0);
    tell_count(page, &written, s->bytes_written);
    tell_count(page, &unkept, s->dropped);
    hc_page_family(page, &syncs);
    hc_page_summary(page, NULL, 0, s->sync_ns, s->syncs);
    tell_value(page, &sync_max, seconds(s->sync_ns_max));
}

static void tell_snapshots(hc_metrics_page *page, const hc_persistence_stats *s)
{
    tell_count(page, &snapshots, s->snapshots);
    tell_count(page, &snapshots_failed, s->snapshots_failed);
    tell_count(page, &snapshot_active, s->snapshot_active);
    tell_value(page, &snapshot_at, (double)s->snapshot_at_ms / 1000);
    tell_value(page, &snapshot_took, seconds(s->snapshot_ns));
    tell_count(page, &snapshot_keys, s->snapshot_records);
    tell_count(page, &snapshot_bytes, s->snapshot_bytes);
    tell_value(page, &recovery_took, seconds(s->recovered_ns));
    tell_count(page, &recovery_keys, s->recovered_records);
}

void persistence_metrics(void *ctx, hc_metrics_page *page)
{
    const exposition *of = ctx;
    hc_persistence *log = durable_log(of->options.node);
    hc_persistence_stats stats = {.size = sizeof stats};
    tell_count(page, &enabled, log != NULL);
    tell_count(page, &loading, durable_is_loading(of->options.node));
    if (log == NULL) return;
    hc_persistence_stats_get(log, &stats);
    tell_log(page, &stats);
    tell_snapshots(page, &stats);
    tell_disk(page, of->options.data_dir);
}
