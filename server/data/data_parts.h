/*
 * data_parts.h - the files that one import reads, in their order, and what each consists of.
 *
 *     dump.rdb                                   [ RDB ]
 *     appendonly.aof                             [ commands ]  or  [ RDB | commands ]
 *     appendonlydir/, or the manifest in it      [ base ] [ incr ] [ incr ] ...
 */
#ifndef HYPERCACHE_SERVER_DATA_DATA_PARTS_H
#define HYPERCACHE_SERVER_DATA_DATA_PARTS_H

#include <hypercache/types.h>

typedef struct data_part {
    char *path;
    bool listed;        /* in a manifest: it may be empty */
    uint64_t rdb_bytes; /* 0: it does not begin with an RDB */
    uint64_t aof_bytes; /* whole commands are in [rdb_bytes, aof_bytes) */
} data_part;

/* All-zero: none. */
typedef struct data_parts {
    data_part *parts;
    size_t count;
} data_parts;

/* Which files `path` stands for.  On error `why` says what is wrong.
 *   HC_ERR_NOT_FOUND, HC_ERR_CORRUPT (a manifest), HC_ERR_IO, HC_ERR_NO_MEMORY */
hc_status data_parts_find(data_parts *to, const char *path, char *why, size_t why_bytes);
void data_parts_fini(data_parts *of);

#endif
