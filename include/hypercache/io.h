/*
 * io.h - files, as the library asks for them: what persistence.h needs and nothing else.
 *
 * The default does what its names say with the operating system.  A test puts a disk in memory
 * here, which loses power, tears writes and fails on demand.
 *
 * Paths:     as the library builds them: the directory it was given, '/', a name of its own.
 * Errors:    HC_ERR_IO, HC_ERR_NO_SPACE (disk or quota full), HC_ERR_NO_MEMORY from any call;
 *            further ones are named.  EINTR is not an error: the call goes on.
 * Durable:   what was written is safe from power loss after `sync` of its file, and a name that was
 *            made, renamed or removed after `sync_dir` of its directory.  When `sync` has failed,
 *            nothing written since the last good one may be trusted: the library never syncs that
 *            file again.
 * Threads:   calls for different files come from several threads at once, reads and writes of
 *            different parts of one file too.  May block.
 */
#ifndef HYPERCACHE_IO_H
#define HYPERCACHE_IO_H

#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HC_PATH_BYTES_MAX 1024u /* of a path, its final NUL included */
#define HC_IO_PARTS_MAX 8u      /* spans of one write */

typedef struct hc_file hc_file; /* the implementation's own */

typedef enum hc_open_flags {
    HC_OPEN_READ = 0,      /* must exist: HC_ERR_NOT_FOUND */
    HC_OPEN_WRITE = 1,     /* reading and writing; must exist */
    HC_OPEN_CREATE = 2 | 1 /* must not exist: HC_ERR_EXISTS; empty */
} hc_open_flags;

typedef struct hc_io {
    size_t size; /* sizeof(hc_io) */
    void *ctx;
    /* *file_out is NULL on error.  Only regular files are opened: HC_ERR_INVALID. */
    hc_status (*open)(void *ctx, const char *path, uint32_t flags, hc_file **file_out);
    /* `file` may be NULL. */
    void (*close)(void *ctx, hc_file *file);
    hc_status (*length)(void *ctx, hc_file *file, uint64_t *bytes_out);
    /* Reads at most `bytes`; fewer only at the end of the file. */
    hc_status (*read)(void *ctx, hc_file *file, void *buffer, size_t bytes, uint64_t offset,
                      size_t *read_out);
    /* Writes `count` <= HC_IO_PARTS_MAX spans one after the other; all of them, or it is an error
     * and any part of them may be there. */
    hc_status (*write)(void *ctx, hc_file *file, const hc_span *parts, size_t count,
                       uint64_t offset);
    hc_status (*sync)(void *ctx, hc_file *file);
    /* Takes room for `bytes` from the start on, so that writes there find it; the file is at least
     * that long then.  HC_ERR_UNSUPPORTED: this file system cannot. */
    hc_status (*allocate)(void *ctx, hc_file *file, uint64_t bytes);
    hc_status (*truncate)(void *ctx, hc_file *file, uint64_t bytes);
    /* Replaces what was at `to`.  HC_ERR_NOT_FOUND */
    hc_status (*rename)(void *ctx, const char *from, const char *to);
    hc_status (*unlink)(void *ctx, const char *path);   /* HC_ERR_NOT_FOUND */
    hc_status (*make_dir)(void *ctx, const char *path); /* HC_ERR_EXISTS */
    hc_status (*sync_dir)(void *ctx, const char *path);
    /* Calls `visit` with the name of each entry, in any order, "." and ".." left out.
     * HC_ERR_NOT_FOUND */
    hc_status (*list)(void *ctx, const char *path, void (*visit)(void *to, const char *name),
                      void *to);
    /* Makes the file if need be and holds it alone among all processes until it is closed or the
     * process ends.  HC_ERR_BUSY */
    hc_status (*lock)(void *ctx, const char *path, hc_file **file_out);
    /* Bytes that can still be written to the file system of directory `path`. */
    hc_status (*free_space)(void *ctx, const char *path, uint64_t *bytes_out);
} hc_io;

#ifdef __cplusplus
}
#endif
#endif
