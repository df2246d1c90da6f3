/*
 * keyspace_commands.c - all keys of a database: SCAN, KEYS, RANDOMKEY, DBSIZE, FLUSHDB, FLUSHALL,
 * SWAPDB, WAIT.
 *
 * A walk (key_walk.h) stops when what it gathered passes a bound: SCAN then returns early (COUNT is
 * a hint), KEYS with an error.  In a cluster SCAN, KEYS and DBSIZE are about the keys that this
 * node serves, as clients of Redis Cluster expect of a master.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/cluster.h"
#include "command/command_args.h"
#include "command/flush_argument.h"
#include "command/handlers.h"
#include "command/key_walk.h"
#include "command/tracking.h"
#include "command/watchers.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    SCAN_BYTES_MAX = 1 << 20,  /* SCAN returns early beyond it */
    KEYS_BYTES_MAX = 64 << 20, /* KEYS refuses beyond it */
    RANDOM_TRIES = 32          /* RANDOMKEY in a cluster */
};

static void reply_keys(reply *to, const text *keys, size_t count)
{
    size_t at = 0;
    hc_span key;
    to->ops->array(to, count);
    while (key_next(keys, &at, &key))
        reply_text(to, key);
}

static bool pattern_fits(request *of, hc_span pattern)
{
    if (pattern.size <= HC_GLOB_PATTERN_BYTES_MAX) return true;
    request_errorf(of, "ERR pattern is longer than %u bytes", HC_GLOB_PATTERN_BYTES_MAX);
    return false;
}

/* In a cluster: the keys that this node serves. */
static void walk(const request *of, uint64_t *cursor, size_t count, hc_visit visit, void *ctx)
{
    if (!cluster_scan(of->node, cursor, count, visit, ctx))
        hc_store_scan_keys(of->session->store, cursor, count, visit, ctx);
}

/* ---- SCAN ---- */

typedef struct scan_wish {
    uint64_t cursor;
    int64_t count;
    hc_span pattern;
    bool has_pattern;
    hc_span type;
    bool has_type;
} scan_wish;

typedef struct scan_catch {
    text *keys;
    const scan_wish *wish;
} scan_catch;

static void gather_type(void *ctx, const hc_item *item)
{
    scan_catch *to = ctx;
    char lower[16];
    size_t size = 0;
    for (const char *c = type_name(item->type); *c != '\0'; c++)
        lower[size++] = (char)tolower((unsigned char)*c);
    lower[size] = '\0';
    if (argument_is(to->wish->type, lower)) key_gather(to->keys, item);
}

static bool take_scan_options(request *of, scan_wish *wish)
{
    for (size_t i = 2; i < of->argc; i += 2) {
        hc_span value = i + 1 < of->argc ? of->args[i + 1] : (hc_span){0};
        bool has_value = i + 1 < of->argc;
        if (has_value && argument_is(of->args[i], "count")) {
            if (!request_integer(of, value, &wish->count)) return false;
            if (wish->count >= 1) continue;
        } else if (has_value && argument_is(of->args[i], "match")) {
            if (!pattern_fits(of, value)) return false;
            wish->pattern = value;
            wish->has_pattern = true;
            continue;
        } else if (has_value && argument_is(of->args[i], "type")) {
            wish->type = value;
            wish->has_type = true;
            continue;
        }
        request_error(of, ERROR_SYNTAX);
        return false;
    }
    return true;
}

/* Walks until about `count` keys were seen, SCAN_BYTES_MAX were gathered, or the end. */
static void scan(const request *of, scan_wish *wish, text *keys)
{
    int64_t left = wish->count;
    do {
        size_t slice = left < KEY_SLICE_KEYS ? (size_t)left : KEY_SLICE_KEYS;
        if (wish->has_type)
            walk(of, &wish->cursor, slice, gather_type, &(scan_catch){keys, wish});
        else
            walk(of, &wish->cursor, slice, key_gather, keys);
        left -= (int64_t)slice;
    } while (wish->cursor != 0 && left > 0 && keys->size < SCAN_BYTES_MAX && !keys->failed);
}

void run_scan(request *of)
{
    scan_wish wish = {.count = SCAN_COUNT_DEFAULT};
    if (!key_cursor_parse(of->args[1], &wish.cursor)) {
        request_error(of, "ERR invalid cursor");
        return;
    }
    if (!take_scan_options(of, &wish)) return;
    if (wish.count > HC_SCAN_COUNT_MAX) wish.count = HC_SCAN_COUNT_MAX;
    text keys;
    text_init(&keys, SCAN_BYTES_MAX + KEY_SLICE_BYTES_MAX);
    scan(of, &wish, &keys);
    if (keys.failed) { /* keys behind the cursor would be lost */
        request_error(of, ERROR_NO_MEMORY);
        text_fini(&keys);
        return;
    }
    size_t count = wish.has_pattern ? key_filter(&keys, 0, &wish.pattern) : key_count(&keys);
    char cursor[24];
    int chars = snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)wish.cursor);
    of->reply->ops->array(of->reply, 2);
    reply_text(of->reply, hc_span_make(cursor, (size_t)chars));
    reply_keys(of->reply, &keys, count);
    text_fini(&keys);
}

/* ---- KEYS ---- */

void run_keys(request *of)
{
    hc_span pattern = of->args[1];
    if (!pattern_fits(of, pattern)) return;
    bool all = pattern.size == 1 && pattern.data[0] == '*';
    text keys;
    text_init(&keys, KEYS_BYTES_MAX + KEY_SLICE_BYTES_MAX);
    uint64_t cursor = 0;
    size_t count = 0;
    do {
        size_t filtered = keys.size;
        walk(of, &cursor, KEY_SLICE_KEYS, key_gather, &keys);
        if (!all && !keys.failed) count += key_filter(&keys, filtered, &pattern);
    } while (cursor != 0 && keys.size <= KEYS_BYTES_MAX && !keys.failed);
    if (keys.failed)
        request_error(of, ERROR_NO_MEMORY);
    else if (keys.size > KEYS_BYTES_MAX)
        request_error(of, "ERR KEYS would return more than 64 MiB, use SCAN");
    else
        reply_keys(of->reply, &keys, all ? key_count(&keys) : count);
    text_fini(&keys);
}

/* One that this node serves: the store has others', too, and what is left of deleted keys. */
static size_t random_served(const request *of, text *keys)
{
    uint64_t cursor = 0;
    for (unsigned i = 0; i < RANDOM_TRIES; i++) {
        size_t at = 0;
        hc_span key;
        keys->size = 0;
        if (hc_store_random(of->session->store, key_gather, keys) == 0) return 0;
        if (key_next(keys, &at, &key) && cluster_has(of->node, key)) return 1;
    }
    do { /* there are few: the first */
        keys->size = 0;
        walk(of, &cursor, KEY_SLICE_KEYS, key_gather, keys);
    } while (keys->size == 0 && cursor != 0);
    return keys->size > 0;
}

void run_randomkey(request *of)
{
    text keys;
    text_init(&keys, KEY_SLICE_BYTES_MAX);
    size_t found = cluster_enabled(of->node)
                       ? random_served(of, &keys)
                       : hc_store_random(of->session->store, key_gather, &keys);
    size_t at = 0;
    hc_span key;
    if (keys.failed)
        request_error(of, ERROR_NO_MEMORY);
    else if (found > 0 && key_next(&keys, &at, &key))
        reply_text(of->reply, key);
    else
        of->reply->ops->null(of->reply);
    text_fini(&keys);
}

/* ---- sizes and flushes ---- */

static void count_one(void *ctx, const hc_item *item)
{
    (void)item;
    ++*(int64_t *)ctx;
}

void run_dbsize(request *of)
{
    int64_t served = 0;
    uint64_t cursor = 0;
    while (cluster_scan(of->node, &cursor, HC_SCAN_COUNT_MAX, count_one, &served))
        if (cursor == 0) {
            of->reply->ops->integer(of->reply, served);
            return;
        }
    of->reply->ops->integer(of->reply, (int64_t)hc_store_count(of->session->store));
}

static bool flush_refused(request *of)
{
    bool fits = flush_argument_fits(of);
    if (!fits) request_error(of, ERROR_SYNTAX);
    return !fits;
}

void run_flushdb(request *of)
{
    if (flush_refused(of)) return;
    hc_store_flush(of->session->store);
    reply_ok(of->reply);
}

void run_flushall(request *of)
{
    if (flush_refused(of)) return;
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of->node, &at, &ref); hc_store_ref_release(&ref))
        hc_store_flush(ref.store);
    reply_ok(of->reply);
}

/* ---- SWAPDB: its row says that it runs alone, as FLUSHALL's does ---- */

static bool take_database(request *of, hc_span argument, const char *which, unsigned *index_out)
{
    int64_t index;
    if (!integer_parse(argument, &index) || index < INT32_MIN || index > INT32_MAX) {
        request_errorf(of, "ERR invalid %s DB index", which);
        return false;
    }
    *index_out = (unsigned)index; /* a negative one is out of range, too */
    return true;
}

void run_swapdb(request *of)
{
    unsigned first, second;
    if (!take_database(of, of->args[1], "first", &first)) return;
    if (!take_database(of, of->args[2], "second", &second)) return;
    unsigned count = node_databases(of->node);
    if (first >= count || second >= count) {
        request_error(of, ERROR_DATABASE);
        return;
    }
    if (node_swap(of->node, first, second) != HC_OK) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    session_look_for_swaps(of->session);
    watchers_swapped(of->node, node_store(of->node, first), node_store(of->node, second));
    if (first != second) tracking_flushed(of->node);
    reply_ok(of->reply);
}
