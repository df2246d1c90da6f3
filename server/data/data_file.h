/* data_file.h - a file that is read at any offset, as the readers of RDB and AOF want it. */
#ifndef HYPERCACHE_SERVER_DATA_DATA_FILE_H
#define HYPERCACHE_SERVER_DATA_DATA_FILE_H

#include <hypercache/rdb.h>

#include "data/data_output.h"

/* Not moved once it is open: source.ctx is the file. */
typedef struct data_file {
    int fd; /* -1: closed */
    hc_rdb_source source;
    data_bar *bar; /* moves as it is read; NULL: none */
} data_file;

/* False: `errno` says why; EISDIR and EINVAL for what is no regular file. */
bool data_file_open(data_file *of, const char *path);
void data_file_close(data_file *of); /* accepts a closed one */

#endif
