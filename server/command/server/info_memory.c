/*
 * info_memory.c - INFO memory.
 *
 * What Redis tells of scripts, replication and defragmentation is 0, for there is nothing of it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "command/config_values.h"
#include "command/info_sections.h"
#include "command/memory_report.h"

enum { HUMAN_CHARS = 32 };

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

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* Of the heap beside the stores' segments, which come from the system directly. */
static void print_allocator(text *to, const memory_report *now)
{
    text_printf(to,
                "allocator_allocated:%" PRIu64 "\r\nallocator_active:%" PRIu64
                "\r\nallocator_resident:%" PRIu64 "\r\n",
                now->heap_bytes, now->heap_held_bytes, now->heap_held_bytes);
    print_size(to, "total_system_memory", now->system_bytes);
    print_size(to, "used_memory_lua", 0);
    text_printf(to, "used_memory_vm_eval:0\r\nused_memory_scripts_eval:0\r\n"
                    "number_of_cached_scripts:0\r\nnumber_of_functions:0\r\n"
                    "number_of_libraries:0\r\nused_memory_vm_functions:0\r\n");
    print_size(to, "used_memory_vm_total", 0);
    text_printf(to, "used_memory_functions:0\r\n");
    print_size(to, "used_memory_scripts", 0);
}

static void print_fragmentation(text *to, const memory_report *now)
{
    text_printf(to,
                "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%" PRId64
                "\r\nallocator_rss_ratio:1.00\r\nallocator_rss_bytes:0\r\n"
                "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%" PRId64 "\r\n",
                ratio(now->heap_held_bytes, now->heap_bytes),
                (int64_t)now->heap_held_bytes - (int64_t)now->heap_bytes,
                ratio(now->resident_bytes, now->heap_held_bytes),
                (int64_t)now->resident_bytes - (int64_t)now->heap_held_bytes);
    text_printf(to, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%" PRId64 "\r\n",
                ratio(now->resident_bytes, now->used_bytes),
                (int64_t)now->resident_bytes - (int64_t)now->used_bytes);
    text_printf(to,
                "mem_not_counted_for_evict:0\r\nmem_replication_backlog:0\r\n"
                "mem_total_replication_buffers:0\r\nmem_clients_slaves:0\r\n"
                "mem_clients_normal:%" PRIu64 "\r\nmem_cluster_links:0\r\nmem_aof_buffer:0\r\n"
                "mem_allocator:segments\r\nactive_defrag_running:0\r\n"
                "lazyfree_pending_objects:0\r\nlazyfreed_objects:0\r\n",
                now->client_bytes);
}

static void print_ours(text *to, const hc_store_stats *sum)
{
    text_printf(to,
                "hypercache_segment_bytes:%" PRIu64 "\r\nhypercache_extent_bytes:%" PRIu64
                "\r\nhypercache_index_bytes:%" PRIu64 "\r\n",
                sum->segment_bytes, sum->extent_bytes, sum->index_bytes);
    text_printf(to,
                "hypercache_compressed_keys:%" PRIu64 "\r\nhypercache_compressed_raw_bytes:%" PRIu64
                "\r\nhypercache_compressed_stored_bytes:%" PRIu64
                "\r\nhypercache_compression_ratio:%.2f\r\nhypercache_compression_bytes:%" PRIu64
                "\r\n",
                sum->compressed_items, sum->compressed_raw_bytes, sum->compressed_stored_bytes,
                sum->compressed_stored_bytes > 0
                    ? (double)sum->compressed_raw_bytes / (double)sum->compressed_stored_bytes
                    : 1,
                sum->compression_memory_bytes);
}

void info_memory(text *to, node *of)
{
    const memory_report now = memory_report_make(of);
    print_size(to, "used_memory", now.used_bytes);
    print_size(to, "used_memory_rss", now.resident_bytes);
    print_size(to, "used_memory_peak", now.peak_bytes);
    text_printf(to,
                "used_memory_peak_perc:%.2f%%\r\nused_memory_overhead:%" PRIu64
                "\r\nused_memory_startup:%" PRIu64 "\r\nused_memory_dataset:%" PRIu64
                "\r\nused_memory_dataset_perc:%.2f%%\r\n",
                100 * ratio(now.used_bytes, now.peak_bytes), now.overhead_bytes, now.startup_bytes,
                now.dataset_bytes, 100 * ratio(now.dataset_bytes, now.used_bytes));
    print_allocator(to, &now);
    print_size(to, "maxmemory", node_max_memory(of));
    text_printf(to, "maxmemory_policy:%s\r\n", config_policy_name(node_eviction(of)));
    print_fragmentation(to, &now);
    print_ours(to, &now.stores);
}
