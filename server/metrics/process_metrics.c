/*
 * process_metrics.c - build, process and log: what is not of the cache itself.
 *
 * The process_ families are those that Prometheus's own client libraries tell.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/memory_report.h"
#include "metrics/collectors.h"

#define FAMILY(variable, family_kind, family_name, family_unit, family_help)                       \
    static const hc_metric_family variable = {                                                     \
        .name = family_name, .kind = family_kind, .unit = family_unit, .help = family_help}

FAMILY(build, HC_METRIC_INFO, "hypercache_build", NULL, "The version that runs.");
FAMILY(uptime, HC_METRIC_GAUGE, "hypercache_uptime_seconds", "seconds", "Since the node started.");
FAMILY(workers, HC_METRIC_GAUGE, "hypercache_workers", NULL, "Threads that run requests.");
FAMILY(dropped, HC_METRIC_COUNTER, "hypercache_log_lines_dropped", NULL,
       "Log lines lost: the queue was full or an output refused them.");
FAMILY(queued, HC_METRIC_GAUGE, "hypercache_log_queue_bytes", "bytes",
       "Log lines that wait to be written.");
FAMILY(cpu, HC_METRIC_COUNTER, "process_cpu_seconds", "seconds", "User and system time spent.");
FAMILY(resident, HC_METRIC_GAUGE, "process_resident_memory_bytes", "bytes", "Resident memory.");
FAMILY(virtual, HC_METRIC_GAUGE, "process_virtual_memory_bytes", "bytes", "Address space.");
FAMILY(started, HC_METRIC_GAUGE, "process_start_time_seconds", "seconds",
       "When the process started, Unix time.");
FAMILY(descriptors, HC_METRIC_GAUGE, "process_open_fds", NULL, "Open file descriptors.");
FAMILY(descriptors_max, HC_METRIC_GAUGE, "process_max_fds", NULL,
       "File descriptors that may be open.");

static void tell_memory(hc_metrics_page *page)
{
    uint64_t space_bytes, resident_bytes;
    if (!process_memory(&space_bytes, &resident_bytes)) return;
    tell_count(page, &virtual, space_bytes);
    tell_count(page, &resident, resident_bytes);
}

static uint64_t descriptors_count(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return 0;
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count > 3 ? count - 3 : 0; /* ".", "..", and its own */
}

static void tell_descriptors(hc_metrics_page *page)
{
    struct rlimit limit;
    struct stat folder;
    uint64_t count = 0;
    /* Linux tells the number as the folder's size since 6.2; before, they are counted. */
    if (stat("/proc/self/fd", &folder) == 0) count = (uint64_t)folder.st_size;
    if (count == 0) count = descriptors_count();
    tell_count(page, &descriptors, count);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        tell_count(page, &descriptors_max, (uint64_t)limit.rlim_cur);
}

void process_metrics(void *ctx, hc_metrics_page *page)
{
    const exposition *of = ctx;
    node *on = of->options.node;
    hc_metric_label labels[] = {{"version", HC_SPAN(HC_VERSION)},
                                {"redis_version", HC_SPAN(NODE_REDIS_VERSION)}};
    struct rusage used;
    hc_page_family(page, &build);
    hc_page_count(page, labels, 2, 1);
    tell_value(page, &uptime, (double)(node_now_ns(on) - on->started_ns) / 1e9);
    tell_count(page, &workers, on->options.workers);
    if (of->options.sink != NULL) {
        tell_count(page, &dropped, log_sink_dropped(of->options.sink));
        tell_count(page, &queued, log_sink_queued(of->options.sink));
    }
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        tell_value(page, &cpu,
                   (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    }
    tell_memory(page);
    tell_value(page, &started, (double)on->started_ms / 1000);
    tell_descriptors(page);
}
