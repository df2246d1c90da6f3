/*
 * aof_manifest.h - which files an append-only directory of Redis 7 consists of.
 *
 *     file appendonly.aof.1.base.rdb seq 1 type b        a snapshot, or commands
 *     file appendonly.aof.1.incr.aof seq 1 type i        what came since, in the order of seq
 *     file appendonly.aof.0.incr.aof seq 0 type h        of before; counts no more
 *
 * Any bytes are safe.
 */
#ifndef HYPERCACHE_SERVER_DATA_AOF_MANIFEST_H
#define HYPERCACHE_SERVER_DATA_AOF_MANIFEST_H

#include <hypercache/types.h>

#define AOF_MANIFEST_BYTES_MAX (256u << 10)
#define AOF_PARTS_MAX 1024u
#define AOF_NAME_BYTES_MAX 255u

typedef struct aof_part {
    char name[AOF_NAME_BYTES_MAX + 1]; /* of a file beside the manifest */
    uint64_t sequence;
} aof_part;

/* All-zero is an empty one. */
typedef struct aof_manifest {
    aof_part *parts; /* in the order in which they are read */
    size_t count;
} aof_manifest;

/* `text` is changed.
 *   HC_ERR_CORRUPT  `why`, of `why_bytes`, says what is wrong, with its line
 *   HC_ERR_LIMIT    too many files; likewise
 *   HC_ERR_NO_MEMORY */
hc_status aof_manifest_read(aof_manifest *to, uint8_t *text, size_t bytes, char *why,
                            size_t why_bytes);
void aof_manifest_fini(aof_manifest *of);

#endif
