/*
 * filter_commands.c - cuckoo filters as RedisBloom documents them: all CF commands but those that
 * add (filter_add_commands.c).
 *
 * Answers that are yes or no are booleans in RESP3 and 1 or 0 in RESP2, as RedisBloom's.
 */
#include <string.h>

#include "command/command_args.h"
#include "command/filter_reply.h"
#include "command/filter_value.h"
#include "command/handlers.h"

enum { BUCKET_SLOTS = 4, BUCKETSIZE_DEFAULT = 2, BUCKETSIZE_MAX = 255, ITERATIONS_MAX = 65535 };
enum { EXPANSION_GIVEN_MAX = 32768, EXPANSION_MAX = 16, EXPANSION_DEFAULT = 1 };

void filter_reply_error(request *of, hc_status status, const char *not_found)
{
    if (status == HC_ERR_NOT_FOUND)
        request_error(of, not_found);
    else if (status == HC_ERR_LIMIT && of->args[1].size <= HC_KEY_BYTES_MAX)
        request_error(of, FILTER_ERROR_EXPANSIONS);
    else
        request_fail(of, status, of->args[1]);
}

bool filter_take_capacity(request *of, hc_span text, int64_t bucket_size, uint64_t *capacity_out)
{
    int64_t capacity;
    if (!integer_parse(text, &capacity)) {
        request_error(of, "ERR Bad capacity");
    } else if (capacity < bucket_size * 2) {
        request_error(of, "ERR Capacity must be at least (BucketSize * 2)");
    } else if (capacity > FILTER_CAPACITY_MAX) {
        request_errorf(of, "ERR Capacity must be at most %u", FILTER_CAPACITY_MAX);
    } else {
        *capacity_out = (uint64_t)capacity;
        return true;
    }
    return false;
}

/* ---- CF.RESERVE ---- */

typedef struct reserve_option {
    const char *name, *upper;
    int64_t min, max, value;
} reserve_option;

static bool take_reserve_option(request *of, size_t at, reserve_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reserve_option *one = &options[i];
        if (!argument_is(of->args[at], one->name)) continue;
        if (!integer_parse(of->args[at + 1], &one->value)) {
            request_errorf(of, "ERR Couldn't parse %s", one->upper);
            return false;
        }
        if (one->value >= one->min && one->value <= one->max) return true;
        request_errorf(of, "ERR %s: value must be an integer between %d and %d, inclusive.",
                       one->upper, (int)one->min, (int)one->max);
        return false;
    }
    request_error(of, ERROR_SYNTAX);
    return false;
}

/* The next power of two, as RedisBloom, but no more than our filter's greatest; 0 stays 0. */
static uint32_t expansion_of(int64_t given)
{
    uint32_t expansion = given > 0 ? 1 : 0;
    while (given > 0 && expansion < given && expansion < EXPANSION_MAX)
        expansion *= 2;
    return expansion;
}

static void reserve(request *of, const filter_settings *wish)
{
    filter_edit edit;
    hc_status status = filter_edit_begin(of, of->args[1], &edit);
    bool absent = status == HC_ERR_NOT_FOUND;
    if (absent) status = filter_edit_create(of, wish, &edit);
    if (absent && status == HC_OK) status = filter_edit_save(&edit);
    filter_edit_end(&edit);
    if (!absent && status == HC_OK)
        request_error(of, "ERR item exists");
    else if (status == HC_OK)
        reply_ok(of->reply);
    else
        filter_reply_error(of, status, FILTER_ERROR_NOT_FOUND);
}

void run_cf_reserve(request *of)
{
    reserve_option options[] = {
        {"bucketsize", "BUCKETSIZE", 1, BUCKETSIZE_MAX, BUCKETSIZE_DEFAULT},
        {"maxiterations", "MAXITERATIONS", 1, ITERATIONS_MAX, FILTER_KICKS_DEFAULT},
        {"expansion", "EXPANSION", 0, EXPANSION_GIVEN_MAX, EXPANSION_DEFAULT},
    };
    filter_settings wish;
    if (of->argc % 2 == 0) {
        request_error_arity(of);
        return;
    }
    for (size_t i = 3; i < of->argc; i += 2)
        if (!take_reserve_option(of, i, options, sizeof options / sizeof options[0])) return;
    if (!filter_take_capacity(of, of->args[2], options[0].value, &wish.capacity)) return;
    int64_t kicks = options[1].value;
    wish.kicks_max = kicks < HC_FILTER_KICKS_MAX ? (uint32_t)kicks : HC_FILTER_KICKS_MAX;
    wish.expansion = expansion_of(options[2].value);
    reserve(of, &wish);
}

/* ---- looking ---- */

/* Answers with an error unless there is a filter, or nothing at all: then *filter_out is NULL. */
static bool open_or_none(request *of, hc_filter **filter_out)
{
    hc_status status = filter_read(of, of->args[1], filter_out);
    if (status == HC_OK || status == HC_ERR_NOT_FOUND) return true;
    filter_reply_error(of, status, FILTER_ERROR_NOT_FOUND);
    return false;
}

void run_cf_exists(request *of)
{
    hc_filter *filter;
    if (!open_or_none(of, &filter)) return;
    bool found = filter != NULL && hc_filter_contains(filter, of->args[2]);
    of->reply->ops->boolean(of->reply, found);
}

void run_cf_mexists(request *of)
{
    hc_filter *filter;
    if (!open_or_none(of, &filter)) return;
    of->reply->ops->array(of->reply, of->argc - 2);
    for (size_t i = 2; i < of->argc; i++) {
        bool found = filter != NULL && hc_filter_contains(filter, of->args[i]);
        of->reply->ops->boolean(of->reply, found);
    }
}

void run_cf_count(request *of)
{
    hc_filter *filter;
    if (!open_or_none(of, &filter)) return;
    size_t count = filter != NULL ? hc_filter_count(filter, of->args[2]) : 0;
    of->reply->ops->integer(of->reply, (int64_t)count);
}

void run_cf_info(request *of)
{
    hc_filter *filter;
    hc_status status = filter_read(of, of->args[1], &filter);
    if (status != HC_OK) {
        filter_reply_error(of, status, FILTER_ERROR_NOT_FOUND);
        return;
    }
    hc_filter_stats stats = {.size = sizeof stats};
    hc_filter_stats_get(filter, &stats);
    bool grows = stats.growth == HC_FILTER_GROWTH_CHAIN;
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"Size", stats.memory_bytes},
        {"Number of buckets", stats.buckets},
        {"Number of filters", stats.layers},
        {"Number of items inserted", stats.items},
        {"Number of items deleted", stats.deleted},
        {"Bucket size", BUCKET_SLOTS},
        {"Expansion rate", grows ? stats.expansion : 0},
        {"Max iterations", stats.kicks_max},
    };
    of->reply->ops->map(of->reply, sizeof fields / sizeof fields[0]);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        of->reply->ops->status(of->reply, hc_span_make(fields[i].name, strlen(fields[i].name)));
        of->reply->ops->integer(of->reply, (int64_t)fields[i].value);
    }
}

/* ---- CF.DEL ---- */

void run_cf_del(request *of)
{
    filter_edit edit;
    bool deleted = false;
    hc_status status = filter_edit_begin(of, of->args[1], &edit);
    if (status == HC_OK) {
        deleted = hc_filter_delete(edit.filter, of->args[2]) == HC_OK;
        if (deleted) filter_edit_touch(&edit);
        if (deleted) status = filter_edit_save(&edit);
    }
    filter_edit_end(&edit);
    if (status == HC_OK)
        of->reply->ops->boolean(of->reply, deleted);
    else
        filter_reply_error(of, status, "ERR Not found");
}
