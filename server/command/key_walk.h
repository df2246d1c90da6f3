/*
 * key_walk.h - walking over the keys of a store, and deleting those that match.
 *
 * The store hands out keys under a lock, so they are only copied there, one after another, each
 * behind its size; patterns are matched afterwards.  A walk goes in short slices.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_KEY_WALK_H
#define HYPERCACHE_SERVER_COMMAND_KEY_WALK_H

#include <hypercache/hypercache.h>

#include "command/command_text.h"

#define KEY_SLICE_KEYS 64u
/* A slice may pass a bound by its own size: its keys and one bucket of the store. */
#define KEY_SLICE_BYTES_MAX ((KEY_SLICE_KEYS + 16) * (HC_KEY_BYTES_MAX + 8))

/* An hc_visit: adds the item's key to the text `ctx`. */
void key_gather(void *ctx, const hc_item *item);
/* The key at *at, which moves on; false at the end. */
bool key_next(const text *keys, size_t *at, hc_span *key_out);
/* Drops the keys that do not match from index `at` on; returns how many stay. */
size_t key_filter(text *keys, size_t at, const hc_span *pattern);
size_t key_count(const text *keys);

/* As SCAN reads a cursor; an empty one is 0. */
bool key_cursor_parse(hc_span digits, uint64_t *cursor_out);

/* Who is told of each key after it was deleted; NULL instead of one: nobody. */
typedef struct key_deleted {
    void (*told)(void *ctx, hc_span key);
    void *ctx;
} key_deleted;

/* Deletes keys that match among about `count` that it looks at, from *cursor on, which moves; done
 * when it is 0 again.  Each key goes in a step of its own: others may write meanwhile, also what
 * matches.  *deleted_out counts also on error.
 *   HC_ERR_LIMIT      the pattern is longer than HC_GLOB_PATTERN_BYTES_MAX
 *   HC_ERR_NO_MEMORY  *cursor is where the keys that are left begin */
hc_status key_delete_match(hc_store *store, hc_span pattern, uint64_t *cursor, size_t count,
                           const key_deleted *each, uint64_t *deleted_out);

#endif
