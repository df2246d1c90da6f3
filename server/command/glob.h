/* glob.h - patterns of KEYS, SCAN MATCH, CONFIG GET, COMMAND LIST. */
#ifndef HYPERCACHE_SERVER_COMMAND_GLOB_H
#define HYPERCACHE_SERVER_COMMAND_GLOB_H

#include <hypercache/types.h>

/* Longest pattern a command accepts: bounds the work of one match (glob.c). */
#define GLOB_PATTERN_BYTES_MAX 1024u

/* `*` any bytes, `?` one byte, `[a-c]`, `[^a-c]` one byte of a set, `\` takes the next byte as it
 * is; as Redis reads them, unclosed sets and a last `\` included.  `any_case` folds A-Z. */
bool glob_matches(hc_span pattern, hc_span text, bool any_case);

#endif
