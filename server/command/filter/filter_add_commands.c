/*
 * filter_add_commands.c - CF.ADD, CF.ADDNX, CF.INSERT, CF.INSERTNX: one way to add, and four ways
 * to ask for it and to tell what came of it.
 *
 * All items of a command are added in one step: the filter is written back once, behind the last.
 * What became of each is noted meanwhile, for the reply can only begin when that has worked.
 */
#include <stdlib.h>

#include "command/command_args.h"
#include "command/filter_reply.h"
#include "command/filter_value.h"
#include "command/handlers.h"

enum { OUTCOMES_INLINE_MAX = 64 /* more are gathered on the heap */, BUCKETSIZE_DEFAULT = 2 };

typedef enum outcome { ADDED = 1, THERE_ALREADY = 0, IS_FULL = -1 } outcome;

typedef struct add_wish {
    const hc_span *items;
    size_t count;
    uint64_t capacity; /* of a filter that is created */
    bool only_absent, no_create;
} add_wish;

/* A filter that is full for one item may have room for another that goes elsewhere. */
static hc_status add_items(hc_filter *filter, const add_wish *wish, int8_t *outcomes)
{
    for (size_t i = 0; i < wish->count; i++) {
        hc_status status = wish->only_absent ? hc_filter_add_absent(filter, wish->items[i])
                                             : hc_filter_add(filter, wish->items[i]);
        if (status == HC_OK)
            outcomes[i] = ADDED;
        else if (status == HC_ERR_EXISTS)
            outcomes[i] = THERE_ALREADY;
        else if (status == HC_ERR_FULL)
            outcomes[i] = IS_FULL;
        else
            return status;
    }
    return HC_OK;
}

static bool any_added(const int8_t *outcomes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (outcomes[i] == ADDED) return true;
    return false;
}

static bool chain_ended(hc_filter *filter)
{
    hc_filter_stats stats = {.size = sizeof stats};
    hc_filter_stats_get(filter, &stats);
    return stats.layers == HC_FILTER_LAYERS_MAX;
}

/* *chain_ended_out: the filter could not grow any more. */
static hc_status add(const request *of, const add_wish *wish, int8_t *outcomes,
                     bool *chain_ended_out)
{
    const filter_settings fresh = {
        .capacity = wish->capacity, .kicks_max = FILTER_KICKS_DEFAULT, .expansion = 1};
    filter_edit edit;
    hc_status status = filter_edit_begin(of, of->args[1], &edit);
    bool changed = status == HC_ERR_NOT_FOUND && !wish->no_create;
    if (changed) status = filter_edit_create(of, &fresh, &edit);
    if (status == HC_OK) {
        status = add_items(edit.filter, wish, outcomes);
        changed = changed || any_added(outcomes, wish->count);
    }
    if (changed) filter_edit_touch(&edit);
    if (status == HC_OK && changed) status = filter_edit_save(&edit);
    *chain_ended_out = status == HC_OK && chain_ended(edit.filter);
    filter_edit_end(&edit);
    return status;
}

/* ---- CF.ADD, CF.ADDNX ---- */

static void add_one(request *of, bool only_absent)
{
    const add_wish wish = {.items = &of->args[2],
                           .count = 1,
                           .capacity = FILTER_CAPACITY_DEFAULT,
                           .only_absent = only_absent};
    int8_t became = IS_FULL;
    bool ended;
    hc_status status = add(of, &wish, &became, &ended);
    if (status != HC_OK)
        filter_reply_error(of, status, FILTER_ERROR_NOT_FOUND);
    else if (became == IS_FULL)
        request_error(of, ended ? FILTER_ERROR_EXPANSIONS : FILTER_ERROR_FULL);
    else
        of->reply->ops->boolean(of->reply, became == ADDED);
}

void run_cf_add(request *of)
{
    add_one(of, false);
}

void run_cf_addnx(request *of)
{
    add_one(of, true);
}

/* ---- CF.INSERT, CF.INSERTNX ---- */

static bool take_insert_options(request *of, add_wish *wish)
{
    size_t at = 2;
    for (; at < of->argc && !argument_is(of->args[at], "items"); at++) {
        if (argument_is(of->args[at], "nocreate")) {
            wish->no_create = true;
        } else if (!argument_is(of->args[at], "capacity")) {
            request_error(of, "ERR Unknown argument received");
            return false;
        } else if (++at == of->argc) {
            break;
        } else if (!filter_take_capacity(of, of->args[at], BUCKETSIZE_DEFAULT, &wish->capacity)) {
            return false;
        }
    }
    if (at + 1 >= of->argc) {
        request_error_arity(of);
        return false;
    }
    wish->items = &of->args[at + 1];
    wish->count = of->argc - at - 1;
    return true;
}

/* RESP3 has booleans for CF.INSERT, where "no" means full; CF.INSERTNX has three answers. */
static void reply_outcomes(reply *to, const add_wish *wish, const int8_t *outcomes)
{
    to->ops->array(to, wish->count);
    for (size_t i = 0; i < wish->count; i++) {
        if (to->protocol == 3 && !wish->only_absent)
            to->ops->boolean(to, outcomes[i] == ADDED);
        else
            to->ops->integer(to, outcomes[i]);
    }
}

static void insert(request *of, bool only_absent)
{
    add_wish wish = {.capacity = FILTER_CAPACITY_DEFAULT, .only_absent = only_absent};
    if (!take_insert_options(of, &wish)) return;
    int8_t few[OUTCOMES_INLINE_MAX] = {0};
    int8_t *outcomes = wish.count <= OUTCOMES_INLINE_MAX ? few : calloc(wish.count, 1);
    bool ended;
    hc_status status = outcomes != NULL ? add(of, &wish, outcomes, &ended) : HC_ERR_NO_MEMORY;
    if (status == HC_OK)
        reply_outcomes(of->reply, &wish, outcomes);
    else
        filter_reply_error(of, status, FILTER_ERROR_NOT_FOUND);
    if (outcomes != few) free(outcomes);
}

void run_cf_insert(request *of)
{
    insert(of, false);
}

void run_cf_insertnx(request *of)
{
    insert(of, true);
}
