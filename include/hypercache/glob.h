/*
 * glob.h - patterns for keys, as Redis reads them.
 *
 *     *       any bytes, none too        [abc]  [a-c]   one byte of a set
 *     ?       one byte                   [^abc]         one byte that is not of the set
 *     \x      the byte x as it is
 *
 * A set that is not closed reaches to the end of the pattern; a last `\` is itself.  The whole text
 * must match.  Bytes are bytes: no characters, no locale.
 *
 * Cost:    at most pattern times text steps, on `*a*a*a*b` too, where the usual recursion is
 *          exponential; patterns from strangers should be held to HC_GLOB_PATTERN_BYTES_MAX.
 * Threads: touches nothing but its arguments.
 */
#ifndef HYPERCACHE_GLOB_H
#define HYPERCACHE_GLOB_H

#include <hypercache/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest pattern that hc_store_scan_match and the daemon's commands accept. */
#define HC_GLOB_PATTERN_BYTES_MAX 1024u

HC_API
bool hc_glob_match(hc_span pattern, hc_span text);
/* A-Z and a-z are the same. */
HC_API
bool hc_glob_match_any_case(hc_span pattern, hc_span text);

#ifdef __cplusplus
}
#endif
#endif
