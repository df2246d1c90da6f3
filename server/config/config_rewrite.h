/*
 * config_rewrite.h - CONFIG REWRITE: values that were set at run time go into the file they
 * belong in, which otherwise stays as its owner wrote it.
 *
 * Threads: one call at a time for one file.
 */
#ifndef HYPERCACHE_SERVER_CONFIG_REWRITE_H
#define HYPERCACHE_SERVER_CONFIG_REWRITE_H

#include "config/config.h"

/* The text of a file, `bytes` of `text`, with the values that `cfg` has for the `chosen` keys where
 * they differ.  *out is to be freed.  False: `why` holds the reason. */
bool config_rewrite_text(const config *cfg, const bool chosen[CONFIG_KEY_COUNT], const char *text,
                         size_t bytes, char **out, size_t *out_bytes, char *why, size_t why_bytes);

/* The same with the file cfg->path, as one step: a crash leaves the old file or the new one.  A
 * file that needs no change is not touched. */
bool config_rewrite(const config *cfg, const bool chosen[CONFIG_KEY_COUNT], char *why,
                    size_t why_bytes);

#endif
