/*
 * set_commands.c - SET and its family: one description of what to write, filled in by each.
 */
#include "command/command_args.h"
#include "command/handlers.h"

/* How a time can be given; SET, SETEX, GETEX agree on these. */
typedef enum expiry_form {
    EXPIRY_NOT_GIVEN = 0,
    EXPIRY_EX,
    EXPIRY_PX,
    EXPIRY_EXAT,
    EXPIRY_PXAT
} expiry_form;

static const struct {
    const char *name;
    int64_t unit_ms;
    bool absolute;
} expiry_forms[] = {[EXPIRY_NOT_GIVEN] = {"", 0, false},
                    [EXPIRY_EX] = {"ex", 1000, false},
                    [EXPIRY_PX] = {"px", 1, false},
                    [EXPIRY_EXAT] = {"exat", 1000, true},
                    [EXPIRY_PXAT] = {"pxat", 1, true}};

typedef struct set_wish {
    expiry_form form;
    hc_span expiry;            /* as given, when there is a form */
    bool keep_expiry, persist; /* KEEPTTL, PERSIST */
    bool get;
    hc_condition condition;
} set_wish;

/* Is args[at] an expiry option with a number after it?  Then it is taken; the same one again
 * replaces it. */
static bool take_expiry(const request *of, size_t at, set_wish *wish)
{
    if (wish->keep_expiry || wish->persist || at + 1 >= of->argc) return false;
    for (expiry_form form = EXPIRY_EX; form <= EXPIRY_PXAT; form++) {
        if (!argument_is(of->args[at], expiry_forms[form].name)) continue;
        if (wish->form != EXPIRY_NOT_GIVEN && wish->form != form) return false;
        wish->form = form;
        wish->expiry = of->args[at + 1];
        return true;
    }
    return false;
}

static bool take_set_flag(hc_span argument, set_wish *wish)
{
    if (argument_is(argument, "nx") && wish->condition != HC_IF_PRESENT)
        wish->condition = HC_IF_ABSENT;
    else if (argument_is(argument, "xx") && wish->condition != HC_IF_ABSENT)
        wish->condition = HC_IF_PRESENT;
    else if (argument_is(argument, "get"))
        wish->get = true;
    else if (argument_is(argument, "keepttl") && wish->form == EXPIRY_NOT_GIVEN)
        wish->keep_expiry = true;
    else
        return false;
    return true;
}

/* Reads wish->expiry: answers with the error and returns false when it is no time. */
static bool expiry_read(request *of, const set_wish *wish, int64_t *expires_at_ms_out)
{
    *expires_at_ms_out = HC_EXPIRY_NONE;
    if (wish->form == EXPIRY_NOT_GIVEN) return true;
    int64_t value;
    if (!request_integer(of, wish->expiry, &value)) return false;
    int64_t base_ms = expiry_forms[wish->form].absolute ? 0 : node_now_ms(of->node);
    int64_t unit_ms = expiry_forms[wish->form].unit_ms;
    if (value > 0 && expiry_from(value, unit_ms, base_ms, expires_at_ms_out)) return true;
    request_error_expiry(of);
    return false;
}

static void reply_set(request *of, hc_status status)
{
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_CONFLICT)
        of->reply->ops->null(of->reply);
    else
        request_fail(of, status, of->args[1]);
}

/* Writes and answers with the value before it. */
static void set_and_get(request *of, hc_span value, const hc_set_options *options)
{
    hc_txn txn;
    hc_item item;
    hc_span key = of->args[1];
    hc_store_begin(of->session->store, &key, 1, &txn);
    hc_status status = string_get(&txn, key, &item);
    bool found = status == HC_OK;
    if (found) reply_text(of->reply, item.value);
    if (found || status == HC_ERR_NOT_FOUND) status = hc_txn_set(&txn, key, value, options);
    hc_store_end(&txn);
    if (status == HC_OK || status == HC_ERR_CONFLICT) {
        if (!found) of->reply->ops->null(of->reply);
        return;
    }
    if (found) of->reply->ops->bulk_cancel(of->reply);
    request_fail(of, status, key);
}

void run_set(request *of)
{
    if (of->argc == 3) {
        reply_set(of, hc_store_set(of->session->store, of->args[1], of->args[2], NULL));
        return;
    }
    set_wish wish = {0};
    for (size_t i = 3; i < of->argc; i++) {
        if (take_set_flag(of->args[i], &wish)) continue;
        if (!take_expiry(of, i, &wish)) {
            request_error(of, ERROR_SYNTAX);
            return;
        }
        i++;
    }
    int64_t expires_at_ms;
    if (!expiry_read(of, &wish, &expires_at_ms)) return;
    const hc_set_options options = {.size = sizeof options,
                                    .expires_at_ms = expires_at_ms,
                                    .condition = wish.condition,
                                    .keep_expiry = wish.keep_expiry};
    if (wish.get)
        set_and_get(of, of->args[2], &options);
    else
        reply_set(of, hc_store_set(of->session->store, of->args[1], of->args[2], &options));
}

static void set_for(request *of, expiry_form form)
{
    set_wish wish = {.form = form, .expiry = of->args[2]};
    int64_t expires_at_ms;
    if (!expiry_read(of, &wish, &expires_at_ms)) return;
    const hc_set_options options = {.size = sizeof options, .expires_at_ms = expires_at_ms};
    reply_set(of, hc_store_set(of->session->store, of->args[1], of->args[3], &options));
}

void run_setex(request *of)
{
    set_for(of, EXPIRY_EX);
}

void run_psetex(request *of)
{
    set_for(of, EXPIRY_PX);
}

void run_setnx(request *of)
{
    const hc_set_options options = {.size = sizeof options, .condition = HC_IF_ABSENT};
    hc_status status = hc_store_set(of->session->store, of->args[1], of->args[2], &options);
    if (status == HC_OK || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, of->args[1]);
}

void run_getset(request *of)
{
    set_and_get(of, of->args[2], NULL);
}

/* Redis looks for the key before it reads the time: a bad time for no key is no error. */
static bool exists(const request *of)
{
    hc_item item;
    return hc_store_stat(of->session->store, of->args[1], &item) == HC_OK;
}

void run_getex(request *of)
{
    set_wish wish = {0};
    for (size_t i = 2; i < of->argc; i++) {
        if (argument_is(of->args[i], "persist") && wish.form == EXPIRY_NOT_GIVEN) {
            wish.persist = true;
            continue;
        }
        if (!take_expiry(of, i, &wish)) {
            request_error(of, ERROR_SYNTAX);
            return;
        }
        i++;
    }
    int64_t expires_at_ms;
    if (wish.form != EXPIRY_NOT_GIVEN && !exists(of)) {
        of->reply->ops->null(of->reply);
        return;
    }
    if (!expiry_read(of, &wish, &expires_at_ms)) return;
    if (expires_at_ms == HC_EXPIRY_NONE && !wish.persist) {
        hc_status read = reply_value(of->reply, of->session->store, of->args[1]);
        if (read != HC_OK) request_fail(of, read, of->args[1]);
        return;
    }
    hc_txn txn;
    hc_item item;
    hc_store_begin(of->session->store, &of->args[1], 1, &txn);
    hc_status status = string_get(&txn, of->args[1], &item);
    bool found = status == HC_OK;
    if (found) {
        reply_text(of->reply, item.value);
        status = hc_txn_expire(&txn, of->args[1], expires_at_ms);
    } else if (status == HC_ERR_NOT_FOUND) {
        status = HC_OK;
    }
    hc_store_end(&txn);
    if (status != HC_OK) {
        if (found) of->reply->ops->bulk_cancel(of->reply);
        request_fail(of, status, of->args[1]);
    } else if (!found) {
        of->reply->ops->null(of->reply);
    }
}
