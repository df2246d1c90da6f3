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

#include "command/cluster.h"
#include "command/command_args.h"
#include "command/command_text.h"
#include "command/config_values.h"
#include "command/handlers.h"
#include "command/info_sections.h"
#include "command/leases.h"
#include "command/memory_report.h"
#include "command/persistence_info.h"
#include "command/pubsub.h"
#include "command/tracking.h"

enum { INFO_BYTES_MAX = 1 << 20 };

static void print_server(text *to, node *of)
{
    struct utsname system;
    if (uname(&system) != 0) memset(&system, 0, sizeof system);
    uint64_t uptime_s = (node_now_ns(of) - of->started_ns) / 1000000000u;
    int64_t now_ms = node_now_ms(of);
    text_printf(to,
                "redis_version:" NODE_REDIS_VERSION "\r\n"
                "redis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:0\r\n"
                "redis_mode:%s\r\nos:%s %s %s\r\narch_bits:%zu\r\n"
                "monotonic_clock:POSIX clock_gettime\r\nmultiplexing_api:epoll\r\n"
                "atomicvar_api:c11-builtin\r\nprocess_supervised:no\r\n",
                cluster_enabled(of) ? "cluster" : "standalone", system.sysname, system.release,
                system.machine, sizeof(void *) * 8);
    text_printf(
        to,
        "gcc_version:%d.%d.%d\r\nprocess_id:%ld\r\nrun_id:%s\r\ntcp_port:%u\r\n"
        "server_time_usec:%" PRId64 "\r\nuptime_in_seconds:%" PRIu64 "\r\nuptime_in_days:%" PRIu64
        "\r\nhz:10\r\nconfigured_hz:10\r\nlru_clock:%" PRId64 "\r\n",
        __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__, (long)getpid(), of->run_id,
        of->options.resp_port, now_ms * 1000, uptime_s, uptime_s / 86400, now_ms / 1000 & 0xffffff);
    text_printf(to,
                "executable:%s\r\nconfig_file:%s\r\nio_threads_active:%d\r\n"
                "hypercache_version:" HC_VERSION "\r\nhypercache_node_id:%s\r\n"
                "hypercache_workers:%u\r\nhttp_port:%u\r\ncluster_port:%u\r\n",
                of->options.executable, of->options.config_file,
                of->options.workers - of->options.helpers > 1, of->options.node_id,
                of->options.workers - of->options.helpers, atomic_load(&of->http_port),
                atomic_load(&of->cluster_port));
}

static void print_clients(text *to, node *of)
{
    text_printf(to,
                "connected_clients:%zu\r\ncluster_connections:0\r\nmaxclients:%" PRId64 "\r\n"
                "client_recent_max_input_buffer:0\r\nclient_recent_max_output_buffer:0\r\n"
                "blocked_clients:%zu\r\ntracking_clients:%zu\r\npubsub_clients:%zu\r\n"
                "clients_in_timeout_table:0\r\n",
                node_session_count(of),
                config_setting_number(of, "network.max_clients", of->options.clients_max),
                atomic_load(&of->parked), tracking_totals_of(of).clients, pubsub_sessions(of));
}

static void print_persistence(text *to, node *of)
{
    persistence_info(to, of);
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

/* What Redis tells of a link to replicas or of defragmentation is 0: there is none. */
static void print_rates(text *to, node *of, const node_counters *totals)
{
    text_printf(to,
                "total_reads_processed:%" PRIu64 "\r\ntotal_writes_processed:%" PRIu64
                "\r\ninstantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
                atomic_load(&totals->reads), atomic_load(&totals->writes),
                (double)atomic_load(&of->input_per_second) / 1024,
                (double)atomic_load(&of->output_per_second) / 1024);
    text_printf(to, "total_net_repl_input_bytes:0\r\ntotal_net_repl_output_bytes:0\r\n"
                    "instantaneous_input_repl_kbps:0.00\r\ninstantaneous_output_repl_kbps:0.00\r\n"
                    "sync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n"
                    "expired_stale_perc:0.00\r\nexpired_time_cap_reached_count:0\r\n"
                    "total_eviction_exceeded_time:0\r\ncurrent_eviction_exceeded_time:0\r\n"
                    "migrate_cached_sockets:0\r\nslave_expires_tracked_keys:0\r\n"
                    "active_defrag_hits:0\r\nactive_defrag_misses:0\r\nactive_defrag_key_hits:0\r\n"
                    "active_defrag_key_misses:0\r\ntotal_active_defrag_time:0\r\n"
                    "current_active_defrag_time:0\r\ndump_payload_sanitizations:0\r\n"
                    "io_threaded_reads_processed:0\r\nio_threaded_writes_processed:0\r\n");
}

static void print_stats(text *to, node *of)
{
    const tracking_totals caches = tracking_totals_of(of);
    node_counters totals;
    node_totals(of, &totals);
    hc_store_stats sum = node_stores_total(of);
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
    leases_counts leased = leases_count(of->leases);
    text_printf(to,
                "hypercache_leases_taken:%" PRIu64 "\r\nhypercache_leases_refused:%" PRIu64
                "\r\nhypercache_leases_forgotten:%" PRIu64 "\r\n",
                leased.taken, leased.refused, leased.forgotten);
    print_compression(to, &sum);
    print_rates(to, of, &totals);
    text_printf(
        to,
        "expired_keys:%" PRIu64 "\r\nevicted_keys:%" PRIu64 "\r\nevicted_clients:0\r\n"
        "keyspace_hits:%" PRIu64 "\r\nkeyspace_misses:%" PRIu64
        "\r\npubsub_channels:%zu\r\npubsub_patterns:%zu\r\npubsubshard_channels:%zu\r\n"
        "latest_fork_usec:0\r\n"
        "total_forks:0\r\ntracking_total_keys:%zu\r\ntracking_total_items:%zu\r\n"
        "tracking_total_prefixes:%zu\r\nunexpected_error_replies:0\r\ntotal_error_replies:%" PRIu64
        "\r\nprotocol_errors:%" PRIu64 "\r\n",
        sum.expired, sum.evicted, sum.hits, sum.misses, pubsub_names(of, PUBSUB_CHANNEL),
        pubsub_names(of, PUBSUB_PATTERN), pubsub_names(of, PUBSUB_SHARD), caches.keys, caches.items,
        caches.prefixes, atomic_load(&totals.errors), atomic_load(&totals.protocol_errors));
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
    info_copies(to, of);
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

static const struct {
    const char *name, *title;
    void (*print)(text *, node *);
    bool by_default;
} sections[] = {
    {"server", "Server", print_server, true},
    {"clients", "Clients", print_clients, true},
    {"memory", "Memory", info_memory, true},
    {"persistence", "Persistence", print_persistence, true},
    {"stats", "Stats", print_stats, true},
    {"replication", "Replication", print_replication, true},
    {"cpu", "CPU", print_cpu, true},
    {"modules", "Modules", print_modules, true},
    {"commandstats", "Commandstats", info_commandstats, false},
    {"errorstats", "Errorstats", info_errorstats, true},
    {"latencystats", "Latencystats", info_latencystats, false},
    {"cluster", "Cluster", info_cluster, true},
    {"keyspace", "Keyspace", info_keyspace, true},
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
