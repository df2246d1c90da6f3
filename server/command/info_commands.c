/*
 * info_commands.c - INFO, a section at a time.
 *
 * The names are Redis's, since clients and monitoring read them; a field that has no meaning here
 * yet is told as what it would be in a Redis that does not use the feature.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "command/command_args.h"
#include "command/command_text.h"
#include "command/config_values.h"
#include "command/handlers.h"
#include "command/pubsub.h"

enum { INFO_BYTES_MAX = 1 << 20, HUMAN_CHARS = 32 };

static void print_server(text *to, node *of)
{
    struct utsname system;
    if (uname(&system) != 0) memset(&system, 0, sizeof system);
    uint64_t uptime_s = (node_now_ns(of) - of->started_ns) / 1000000000u;
    int64_t now_ms = node_now_ms(of);
    text_printf(to,
                "redis_version:" NODE_REDIS_VERSION "\r\n"
                "redis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:0\r\n"
                "redis_mode:standalone\r\nos:%s %s %s\r\narch_bits:%zu\r\n"
                "monotonic_clock:POSIX clock_gettime\r\nmultiplexing_api:epoll\r\n",
                system.sysname, system.release, system.machine, sizeof(void *) * 8);
    text_printf(to,
                "gcc_version:%d.%d.%d\r\nprocess_id:%ld\r\nrun_id:%s\r\ntcp_port:%u\r\n"
                "server_time_usec:%" PRId64 "\r\nuptime_in_seconds:%" PRIu64
                "\r\nuptime_in_days:%" PRIu64 "\r\nhz:10\r\nconfigured_hz:10\r\n",
                __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__, (long)getpid(), of->run_id,
                of->options.resp_port, now_ms * 1000, uptime_s, uptime_s / 86400);
    text_printf(to,
                "executable:%s\r\nconfig_file:%s\r\nio_threads_active:%d\r\n"
                "hypercache_version:" HC_VERSION "\r\nhypercache_node_id:%s\r\n"
                "hypercache_workers:%u\r\nhttp_port:%u\r\ncluster_port:%u\r\n",
                of->options.executable, of->options.config_file, of->options.workers > 1,
                of->options.node_id, of->options.workers, of->options.http_port,
                of->options.cluster_port);
}

static void print_clients(text *to, node *of)
{
    text_printf(to,
                "connected_clients:%zu\r\ncluster_connections:0\r\nmaxclients:%" PRId64 "\r\n"
                "client_recent_max_input_buffer:0\r\nclient_recent_max_output_buffer:0\r\n"
                "blocked_clients:0\r\ntracking_clients:0\r\npubsub_clients:%zu\r\n"
                "clients_in_timeout_table:0\r\n",
                node_session_count(of),
                config_setting_number(of, "network.max_clients", of->options.clients_max),
                pubsub_sessions(of));
}

/* Resident bytes of this process; 0 where that cannot be read. */
static uint64_t resident_bytes(void)
{
    char line[256] = "";
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    if (fgets(line, sizeof line, file) != NULL) {
        const char *second = strchr(line, ' '); /* total, then resident */
        if (second != NULL) pages = strtoul(second, NULL, 10);
    }
    (void)fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static const char *human(uint64_t bytes, char chars[HUMAN_CHARS])
{
    static const char units[] = "BKMGTP";
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 2 < sizeof units) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        (void)snprintf(chars, HUMAN_CHARS, "%" PRIu64 "B", bytes);
    else
        (void)snprintf(chars, HUMAN_CHARS, "%.2f%c", value, units[unit]);
    return chars;
}

static void print_size(text *to, const char *name, uint64_t bytes)
{
    char chars[HUMAN_CHARS];
    text_printf(to, "%s:%" PRIu64 "\r\n%s_human:%s\r\n", name, bytes, name, human(bytes, chars));
}

static void sum_compression(hc_store_stats *sum, const hc_store_stats *one)
{
    sum->compressed_items += one->compressed_items;
    sum->compressed_raw_bytes += one->compressed_raw_bytes;
    sum->compressed_stored_bytes += one->compressed_stored_bytes;
    sum->compression_memory_bytes += one->compression_memory_bytes;
    sum->compressions += one->compressions;
    sum->compressions_skipped += one->compressions_skipped;
    sum->decompressions += one->decompressions;
    sum->dictionary_trainings += one->dictionary_trainings;
    sum->compression_ns += one->compression_ns;
    sum->decompression_ns += one->decompression_ns;
}

/* All stores together. */
static hc_store_stats sum_stores(node *of)
{
    hc_store_stats sum = {.size = sizeof sum};
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        hc_store_stats one = {.size = sizeof one};
        hc_store_stats_get(ref.store, &one);
        sum.keys += one.keys;
        sum.live_bytes += one.live_bytes;
        sum.memory_bytes += one.memory_bytes;
        sum.segment_bytes += one.segment_bytes;
        sum.extent_bytes += one.extent_bytes;
        sum.index_bytes += one.index_bytes;
        sum.hits += one.hits;
        sum.misses += one.misses;
        sum.evicted += one.evicted;
        sum.expired += one.expired;
        sum_compression(&sum, &one);
    }
    return sum;
}

static void print_memory(text *to, node *of)
{
    hc_store_stats sum = sum_stores(of);
    uint64_t peak = atomic_load(&of->memory_peak_bytes);
    if (peak < sum.memory_bytes) peak = sum.memory_bytes;
    uint64_t resident = resident_bytes();
    uint64_t system = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    double used = sum.memory_bytes > 0 ? (double)sum.memory_bytes : 1;
    print_size(to, "used_memory", sum.memory_bytes);
    print_size(to, "used_memory_rss", resident);
    print_size(to, "used_memory_peak", peak);
    text_printf(to,
                "used_memory_overhead:%" PRIu64 "\r\nused_memory_dataset:%" PRIu64
                "\r\nused_memory_dataset_perc:%.2f%%\r\n",
                sum.memory_bytes - (sum.live_bytes < sum.memory_bytes ? sum.live_bytes : 0),
                sum.live_bytes, 100 * (double)sum.live_bytes / used);
    print_size(to, "total_system_memory", system);
    print_size(to, "maxmemory", node_max_memory(of));
    text_printf(to,
                "maxmemory_policy:%s\r\nmem_fragmentation_ratio:%.2f\r\n"
                "mem_fragmentation_bytes:%" PRId64 "\r\nmem_allocator:segments\r\n"
                "lazyfree_pending_objects:0\r\n",
                config_policy_name(node_eviction(of)), (double)resident / used,
                (int64_t)resident - (int64_t)sum.memory_bytes);
    text_printf(to,
                "hypercache_segment_bytes:%" PRIu64 "\r\nhypercache_extent_bytes:%" PRIu64
                "\r\nhypercache_index_bytes:%" PRIu64 "\r\n",
                sum.segment_bytes, sum.extent_bytes, sum.index_bytes);
    text_printf(to,
                "hypercache_compressed_keys:%" PRIu64 "\r\nhypercache_compressed_raw_bytes:%" PRIu64
                "\r\nhypercache_compressed_stored_bytes:%" PRIu64
                "\r\nhypercache_compression_ratio:%.2f\r\nhypercache_compression_bytes:%" PRIu64
                "\r\n",
                sum.compressed_items, sum.compressed_raw_bytes, sum.compressed_stored_bytes,
                sum.compressed_stored_bytes > 0
                    ? (double)sum.compressed_raw_bytes / (double)sum.compressed_stored_bytes
                    : 1,
                sum.compression_memory_bytes);
}

static void print_persistence(text *to, node *of)
{
    text_printf(to,
                "loading:0\r\nasync_loading:0\r\nrdb_changes_since_last_save:0\r\n"
                "rdb_bgsave_in_progress:0\r\nrdb_last_save_time:%" PRId64
                "\r\nrdb_last_bgsave_status:ok\r\naof_enabled:0\r\naof_rewrite_in_progress:0\r\n"
                "aof_last_write_status:ok\r\n",
                of->started_ms / 1000);
}

static void print_compression(text *to, const hc_store_stats *sum)
{
    text_printf(
        to,
        "hypercache_compressions:%" PRIu64 "\r\nhypercache_compressions_skipped:%" PRIu64
        "\r\nhypercache_decompressions:%" PRIu64 "\r\nhypercache_dictionary_trainings:%" PRIu64
        "\r\nhypercache_compression_usec:%" PRIu64 "\r\nhypercache_decompression_usec:%" PRIu64
        "\r\n",
        sum->compressions, sum->compressions_skipped, sum->decompressions,
        sum->dictionary_trainings, sum->compression_ns / 1000, sum->decompression_ns / 1000);
}

static void print_stats(text *to, node *of)
{
    node_counters totals;
    node_totals(of, &totals);
    hc_store_stats sum = sum_stores(of);
    text_printf(to,
                "total_connections_received:%" PRIu64 "\r\ntotal_commands_processed:%" PRIu64
                "\r\ninstantaneous_ops_per_sec:%" PRIu64 "\r\ntotal_net_input_bytes:%" PRIu64
                "\r\ntotal_net_output_bytes:%" PRIu64 "\r\nrejected_connections:%" PRIu64 "\r\n",
                atomic_load(&totals.connections), atomic_load(&totals.commands),
                atomic_load(&of->ops_per_second), atomic_load(&totals.input_bytes),
                atomic_load(&totals.output_bytes), atomic_load(&totals.connections_rejected));
    text_printf(to,
                "client_output_buffer_limit_disconnections:%" PRIu64 "\r\n"
                "hypercache_pushes:%" PRIu64 "\r\n",
                atomic_load(&totals.push_overflows), atomic_load(&totals.pushes));
    print_compression(to, &sum);
    text_printf(to,
                "expired_keys:%" PRIu64 "\r\nevicted_keys:%" PRIu64 "\r\nevicted_clients:0\r\n"
                "keyspace_hits:%" PRIu64 "\r\nkeyspace_misses:%" PRIu64
                "\r\npubsub_channels:%zu\r\npubsub_patterns:%zu\r\npubsubshard_channels:%zu\r\n"
                "latest_fork_usec:0\r\n"
                "total_forks:0\r\nunexpected_error_replies:0\r\ntotal_error_replies:%" PRIu64
                "\r\nprotocol_errors:%" PRIu64 "\r\n",
                sum.expired, sum.evicted, sum.hits, sum.misses, pubsub_names(of, PUBSUB_CHANNEL),
                pubsub_names(of, PUBSUB_PATTERN), pubsub_names(of, PUBSUB_SHARD),
                atomic_load(&totals.errors), atomic_load(&totals.protocol_errors));
}

static void print_replication(text *to, node *of)
{
    text_printf(to,
                "role:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n"
                "master_replid:%s\r\n"
                "master_replid2:0000000000000000000000000000000000000000\r\n"
                "master_repl_offset:0\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:0\r\n"
                "repl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:0\r\n"
                "repl_backlog_histlen:0\r\n",
                of->run_id);
}

static void print_cpu(text *to, node *of)
{
    (void)of;
    struct rusage used = {0};
    (void)getrusage(RUSAGE_SELF, &used);
    text_printf(to,
                "used_cpu_sys:%ld.%06ld\r\nused_cpu_user:%ld.%06ld\r\n"
                "used_cpu_sys_children:0.000000\r\nused_cpu_user_children:0.000000\r\n",
                (long)used.ru_stime.tv_sec, (long)used.ru_stime.tv_usec, (long)used.ru_utime.tv_sec,
                (long)used.ru_utime.tv_usec);
}

static void print_modules(text *to, node *of)
{
    (void)to, (void)of;
}

static void print_commandstats(text *to, node *of)
{
    node_counters totals;
    node_totals(of, &totals);
    for (size_t i = 0; i < command_row_count(); i++) {
        uint64_t calls = atomic_load(&totals.calls[i]);
        uint64_t rejected = atomic_load(&totals.rejections[i]);
        uint64_t failed = atomic_load(&totals.failures[i]);
        if (calls + rejected == 0) continue;
        char name[COMMAND_NAME_CHARS];
        command_full_name(command_row(i), name);
        double microseconds = (double)atomic_load(&totals.busy_ns[i]) / 1000;
        text_printf(to,
                    "cmdstat_%s:calls=%" PRIu64 ",usec=%.0f,usec_per_call=%.2f,rejected_calls="
                    "%" PRIu64 ",failed_calls=%" PRIu64 "\r\n",
                    name, calls, microseconds, calls > 0 ? microseconds / (double)calls : 0,
                    rejected, failed > rejected ? failed - rejected : 0);
    }
}

static void print_cluster(text *to, node *of)
{
    (void)of;
    text_printf(to, "cluster_enabled:0\r\n");
}

/* A name may hold a colon, at which readers of INFO divide a line: so it stands behind one. */
static void print_named(text *to, node *of)
{
    unsigned number = 0, database;
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        hc_store_info info = {.size = sizeof info};
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_ref_info(&ref, &info);
        if (node_database_named(of, info.name, &database)) continue;
        hc_store_stats_get(ref.store, &stats);
        text_printf(to, "store%u:name=%.*s,keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=0\r\n",
                    number++, (int)info.name.size, (const char *)info.name.data, stats.keys,
                    stats.keys_with_expiry);
    }
}

static void print_keyspace(text *to, node *of)
{
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        if (store == NULL) continue;
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_stats_get(store, &stats);
        if (stats.keys == 0) continue;
        text_printf(to, "db%u:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=0\r\n", i, stats.keys,
                    stats.keys_with_expiry);
    }
    print_named(to, of);
}

static const struct {
    const char *name, *title;
    void (*print)(text *, node *);
    bool by_default;
} sections[] = {
    {"server", "Server", print_server, true},
    {"clients", "Clients", print_clients, true},
    {"memory", "Memory", print_memory, true},
    {"persistence", "Persistence", print_persistence, true},
    {"stats", "Stats", print_stats, true},
    {"replication", "Replication", print_replication, true},
    {"cpu", "CPU", print_cpu, true},
    {"modules", "Modules", print_modules, true},
    {"commandstats", "Commandstats", print_commandstats, false},
    {"cluster", "Cluster", print_cluster, true},
    {"keyspace", "Keyspace", print_keyspace, true},
};

static bool section_wanted(const request *of, size_t section)
{
    if (of->argc == 1) return sections[section].by_default;
    for (size_t i = 1; i < of->argc; i++) {
        if (argument_is(of->args[i], sections[section].name)) return true;
        if (argument_is(of->args[i], "all") || argument_is(of->args[i], "everything")) return true;
        if (argument_is(of->args[i], "default") && sections[section].by_default) return true;
    }
    return false;
}

void run_info(request *of)
{
    text answer;
    text_init(&answer, INFO_BYTES_MAX);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!section_wanted(of, i)) continue;
        text_printf(&answer, "%s# %s\r\n", answer.size > 0 ? "\r\n" : "", sections[i].title);
        sections[i].print(&answer, of->node);
    }
    if (answer.failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        of->reply->ops->verbatim(of->reply, text_span(&answer));
    text_fini(&answer);
}
