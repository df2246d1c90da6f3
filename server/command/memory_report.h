/*
 * memory_report.h - where the process's memory is: for INFO memory, MEMORY STATS and DOCTOR.
 *
 * `used_bytes` is what counts against the limit: segments, large values, index and tables of all
 * stores.  Connections, the allocator and the program itself are told beside it.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_MEMORY_REPORT_H
#define HYPERCACHE_SERVER_COMMAND_MEMORY_REPORT_H

#include "command/node.h"

typedef struct memory_report {
    hc_store_stats stores; /* all of them together */
    uint64_t used_bytes, peak_bytes, startup_bytes;
    uint64_t dataset_bytes;   /* of used_bytes: items */
    uint64_t overhead_bytes;  /* of used_bytes: all else */
    uint64_t resident_bytes;  /* of the process; 0 where that cannot be read */
    uint64_t client_bytes;    /* buffers, queues and records of connections */
    uint64_t heap_bytes;      /* the allocator's: handed out */
    uint64_t heap_held_bytes; /* ... and taken from the system for that */
    uint64_t system_bytes;    /* of the machine */
    size_t clients;
} memory_report;

/* All stores together, databases included. */
hc_store_stats node_stores_total(node *of);
memory_report memory_report_make(node *of);
/* Address space and resident memory of this process.  False, and 0: they cannot be read. */
bool process_memory(uint64_t *space_bytes_out, uint64_t *resident_bytes_out);

#endif
