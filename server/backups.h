/*
 * backups.h - copies of what the node keeps, made while it serves, each in a directory of its own.
 *
 *     HC.BACKUP monday   ->   persistence.backup_dir/monday
 *
 * Whoever asks chooses a name and no path: all copies lie directly below the one directory that the
 * operator has named, and none is written over another.  One is made at a time, by a thread of its
 * own; it is read again before it counts, and one that fails leaves nothing behind.
 *
 * Threads: create and stop are the keeper's; begin and look are anybody's.
 */
#ifndef HYPERCACHE_SERVER_BACKUPS_H
#define HYPERCACHE_SERVER_BACKUPS_H

#include "command/durable.h"

typedef struct backups backups;

typedef struct backups_options {
    const hc_log *log;    /* NULL: silent */
    node *node;           /* for its clock */
    hc_persistence *data; /* its hook `stops` ends a copy */
    const char *folder;   /* copied; "": none are made */
} backups_options;

/*   HC_ERR_NO_MEMORY */
hc_status backups_create(const backups_options *options, backups **out);
/* Waits for the copy that is being made; accepts NULL. */
void backups_stop(backups *of);
/* As durable_calls says; `ctx` is the backups. */
hc_status backups_begin(void *ctx, hc_span name, char *why, size_t why_bytes);
void backups_look(void *ctx, durable_backup *out);

#endif
