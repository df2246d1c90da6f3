/*
 * aof_reader.h - the commands of an append-only file, as Redis writes it, in their order.
 *
 *     #TS:1700000000 CRLF           a note; passed over
 *     *3 CRLF $3 CRLF SET CRLF ...  a command
 *     MULTI ... EXEC                several that count together; what is between is told, the two
 *                                   words are not
 *
 * Bytes are never trusted: a length beyond the end of the file takes no memory, and what cannot be
 * a command is a fault with its offset.  A file may break off in the middle of a command or of a
 * transaction, or end in zero bytes, as after a power loss: then it is `truncated`, and good up to
 * `whole_bytes`.
 *
 * Threads: one at a time for each call.
 */
#ifndef HYPERCACHE_SERVER_DATA_AOF_READER_H
#define HYPERCACHE_SERVER_DATA_AOF_READER_H

#include <hypercache/rdb.h>
#include <hypercache/types.h>

#define AOF_BATCH_MAX 64u       /* commands told at once */
#define AOF_NOTE_BYTES_MAX 128u /* of a line that begins with '#' */
#define AOF_FAULT_BYTES_MAX 96u

typedef struct aof_command {
    uint64_t offset; /* in the file */
    const hc_span *args;
    size_t argc; /* >= 1 */
} aof_command;

/* Takes 1..AOF_BATCH_MAX commands; all is borrowed until it returns.  Anything but HC_OK ends the
 * reading, which returns it. */
typedef hc_status (*aof_visit)(void *ctx, const aof_command *commands, size_t count);

typedef struct aof_report {
    uint64_t commands;               /* that were told */
    uint64_t transactions;           /* MULTI ... EXEC */
    uint64_t whole_bytes;            /* where the last whole command, or transaction, ends */
    bool truncated;                  /* HC_ERR_CORRUPT, but good up to whole_bytes */
    char fault[AOF_FAULT_BYTES_MAX]; /* what is wrong; "": nothing */
    uint64_t fault_offset;
} aof_report;

/* Reads the commands in [from, to) of the source; `to` UINT64_MAX: to its end.  `visit` may be
 * NULL. `report` is filled in any case.  Commands of a transaction that breaks off are told as
 * well. HC_ERR_CORRUPT    report->fault HC_ERR_IO         the source could not be read
 *   HC_ERR_NO_MEMORY
 *   and what `visit` returned */
hc_status aof_read(const hc_rdb_source *source, uint64_t from, uint64_t to, aof_visit visit,
                   void *ctx, aof_report *report);

#endif
