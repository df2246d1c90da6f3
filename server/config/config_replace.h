/* config_replace.h - a file's content exchanged as one step. */
#ifndef HYPERCACHE_SERVER_CONFIG_REPLACE_H
#define HYPERCACHE_SERVER_CONFIG_REPLACE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes beside `path`, forces that to the disk and renames; owner and mode stay.  A symbolic link
 * stays one.  False: errno tells why, and the file is as it was. */
bool config_replace(const char *path, const char *text, size_t bytes);

#endif
