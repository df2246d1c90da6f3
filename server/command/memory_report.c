/* memory_report.c - adds up stores, connections and what the allocator says. */
#include "command/memory_report.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/session.h"

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

hc_store_stats node_stores_total(node *of)
{
    hc_store_stats sum = {.size = sizeof sum};
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        hc_store_stats one = {.size = sizeof one};
        hc_store_stats_get(ref.store, &one);
        sum.keys += one.keys;
        sum.keys_with_expiry += one.keys_with_expiry;
        sum.live_bytes += one.live_bytes;
        sum.memory_bytes += one.memory_bytes;
        sum.garbage_bytes += one.garbage_bytes;
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

bool process_memory(uint64_t *space_bytes_out, uint64_t *resident_bytes_out)
{
    char line[256], *rest; /* pages of address space, resident pages, ... */
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    *space_bytes_out = *resident_bytes_out = 0;
    if (file == NULL) return false;
    bool read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    if (!read) return false;
    *space_bytes_out = strtoull(line, &rest, 10) * page_bytes;
    *resident_bytes_out = strtoull(rest, NULL, 10) * page_bytes;
    return true;
}

static uint64_t clients_bytes(node *of, size_t *count_out)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&of->sessions_lock);
    for (session *one = of->sessions; one != NULL; one = one->next) {
        bytes += atomic_load_explicit(&one->input_bytes_held, memory_order_relaxed) +
                 atomic_load_explicit(&one->output_bytes_pending, memory_order_relaxed) +
                 atomic_load_explicit(&one->queued_bytes, memory_order_relaxed) + sizeof *one;
    }
    *count_out = of->session_count;
    pthread_mutex_unlock(&of->sessions_lock);
    return bytes;
}

memory_report memory_report_make(node *of)
{
    uint64_t space_bytes;
    memory_report made = {.stores = node_stores_total(of)};
    const struct mallinfo2 heap = mallinfo2();
    made.used_bytes = made.stores.memory_bytes;
    made.peak_bytes = atomic_load(&of->memory_peak_bytes);
    if (made.peak_bytes < made.used_bytes) made.peak_bytes = made.used_bytes;
    made.startup_bytes = of->startup_bytes;
    made.dataset_bytes = made.stores.live_bytes;
    if (made.dataset_bytes > made.used_bytes) made.dataset_bytes = made.used_bytes;
    made.overhead_bytes = made.used_bytes - made.dataset_bytes;
    (void)process_memory(&space_bytes, &made.resident_bytes);
    made.client_bytes = clients_bytes(of, &made.clients);
    made.heap_bytes = heap.uordblks + heap.hblkhd;
    made.heap_held_bytes = heap.arena + heap.hblkhd;
    made.system_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return made;
}
