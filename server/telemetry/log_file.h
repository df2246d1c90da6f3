/*
 * log_file.h - a file that lines are appended to, and its older ones.
 *
 *     node.log     the present one, at most bytes_max
 *     node.log.1   the one before          node.log.<files_max - 1>: the oldest
 *
 * A file that would pass its size becomes .1, that one .2 and so on; the oldest goes.  What cannot
 * be renamed is appended to on: lines matter more than sizes.
 *
 * Threads: all calls on one handle belong to one thread.
 */
#ifndef HYPERCACHE_SERVER_TELEMETRY_LOG_FILE_H
#define HYPERCACHE_SERVER_TELEMETRY_LOG_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_FILES_MAX 1000u

typedef struct log_file {
    int fd;             /* -1: none */
    uint64_t size;      /* of the present file */
    uint64_t bytes_max; /* 0: it is never rotated */
    unsigned files_max; /* with the present one */
    char path[PATH_MAX];
} log_file;

/* Opens for appending, created with mode 0640.  False: errno tells; the handle is closed. */
bool log_file_open(log_file *of, const char *path, uint64_t bytes_max, unsigned files_max);
void log_file_close(log_file *of); /* also one that is not open */
/* The file of that name, which may be another one by now.  False: errno tells; the old one is kept.
 */
bool log_file_reopen(log_file *of);
/* Appends whole lines, after a rotation if need be; returns how many were lost. */
uint64_t log_file_write(log_file *of, const char *text, size_t bytes);

/* Writes all of `text` to a descriptor, or gives up; returns how many lines were lost.  Waits a
 * second at most for one that is set not to block. */
uint64_t log_output_write(int fd, const char *text, size_t bytes);

#endif
