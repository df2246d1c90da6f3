/*
 * set_commands.c - SET and its family: one description of what to write, filled in by each.
 */
#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"
#include "command/set_wish.h"

/* What was set, with the time that was given, if any. */
static void notify_of_set(request *of, const hc_set_options *options)
{
    notify(of, NOTIFY_STRING, "set", of->args[1]);
    if (options != NULL && options->expires_at_ms != HC_EXPIRY_NONE)
        notify(of, NOTIFY_GENERIC, "expire", of->args[1]);
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

bool command_takes_block(hc_span name)
{
    static const char *const names[] = {"set", "setex", "psetex", "setnx", "getset"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (argument_is(name, names[i])) return true;
    return false;
}

/* The options, in `room` if the value may be taken over with the block that it lies in. */
static const hc_set_options *options_with_block(const request *of, const hc_set_options *options,
                                                hc_set_options *room)
{
    if (__builtin_expect(of->session->arrived == NULL, 1)) return options;
    *room = options != NULL ? *options : (hc_set_options){.size = sizeof *room};
    room->block = of->session->arrived;
    return room;
}

static void set_plainly(request *of, hc_span value, const hc_set_options *options)
{
    hc_set_options room;
    options = options_with_block(of, options, &room);
    hc_status status = hc_store_set(of->session->store, of->args[1], value, options);
    if (status == HC_OK) notify_of_set(of, options);
    reply_set(of, status);
}

/* Looks at the value before, answers with it if asked, and writes if its test holds. */
static void set_after_look(request *of, hc_span value, const set_wish *wish,
                           const hc_set_options *options)
{
    hc_txn txn;
    hc_item item;
    hc_set_options room;
    hc_span key = of->args[1];
    options = options_with_block(of, options, &room);
    request_begin(of, &key, 1, &txn);
    hc_status status = string_get(&txn, key, &item);
    bool found = status == HC_OK, answered = found && wish->get;
    if (status == HC_ERR_NOT_FOUND && wish->get) notify(of, NOTIFY_MISS, "keymiss", key);
    if (answered) reply_part(of, &txn, key, item.value);
    if (found || status == HC_ERR_NOT_FOUND)
        status = value_test_check(&wish->test, found ? &item.value : NULL);
    bool no_digest = status == HC_ERR_INVALID;
    if (status == HC_OK) status = hc_txn_set(&txn, key, value, options);
    hc_store_end(&txn);
    if (status == HC_OK) notify_of_set(of, options);
    if (wish->get && (status == HC_OK || status == HC_ERR_CONFLICT)) {
        if (!found) of->reply->ops->null(of->reply);
        return;
    }
    if (answered) of->reply->ops->bulk_cancel(of->reply);
    if (no_digest)
        request_error(of, ERROR_DIGEST);
    else
        reply_set(of, status);
}

void run_set(request *of)
{
    if (of->argc == 3) {
        set_plainly(of, of->args[2], NULL);
        return;
    }
    set_wish wish = {0};
    for (size_t i = 3; i < of->argc; i++) {
        if (set_wish_take_flag(&wish, of->args[i])) continue;
        if (argument_is(of->args[i], "get")) {
            wish.get = true;
            continue;
        }
        if (!set_wish_take_expiry(&wish, of, i) && !set_wish_take_test(&wish, of, i)) {
            request_error(of, ERROR_SYNTAX);
            return;
        }
        i++;
    }
    int64_t expires_at_ms;
    if (!set_wish_expiry(&wish, of, &expires_at_ms)) return;
    const hc_set_options options = {.size = sizeof options,
                                    .expires_at_ms = expires_at_ms,
                                    .condition = wish.condition,
                                    .keep_expiry = wish.keep_expiry};
    if (wish.get || wish.test.kind != VALUE_TEST_NONE)
        set_after_look(of, of->args[2], &wish, &options);
    else
        set_plainly(of, of->args[2], &options);
}

static void set_for(request *of, expiry_form form)
{
    set_wish wish = {.form = form, .expiry = of->args[2]};
    int64_t expires_at_ms;
    if (!set_wish_expiry(&wish, of, &expires_at_ms)) return;
    const hc_set_options options = {.size = sizeof options, .expires_at_ms = expires_at_ms};
    set_plainly(of, of->args[3], &options);
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
    const hc_set_options options = {
        .size = sizeof options, .condition = HC_IF_ABSENT, .block = of->session->arrived};
    hc_status status = hc_store_set(of->session->store, of->args[1], of->args[2], &options);
    if (status == HC_OK) notify_of_set(of, NULL);
    if (status == HC_OK || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, of->args[1]);
}

void run_getset(request *of)
{
    const set_wish wish = {.get = true};
    set_after_look(of, of->args[2], &wish, NULL);
}

/* Redis looks for the key before it reads the time: a bad time for no key is no error. */
static bool exists(const request *of)
{
    hc_item item;
    return hc_store_stat(of->session->store, of->args[1], &item) == HC_OK;
}

static void notify_of_getex(request *of, int64_t expires_at_ms, bool had_expiry)
{
    if (expires_at_ms != HC_EXPIRY_NONE)
        notify_of_expiry(of, of->args[1], expires_at_ms);
    else if (had_expiry)
        notify(of, NOTIFY_GENERIC, "persist", of->args[1]);
}

void run_getex(request *of)
{
    set_wish wish = {0};
    for (size_t i = 2; i < of->argc; i++) {
        if (argument_is(of->args[i], "persist") && wish.form == EXPIRY_NOT_GIVEN) {
            wish.persist = true;
            continue;
        }
        if (!set_wish_take_expiry(&wish, of, i)) {
            request_error(of, ERROR_SYNTAX);
            return;
        }
        i++;
    }
    int64_t expires_at_ms;
    if (notify_wants(of->node, NOTIFY_MISS)) notify_misses(of);
    if (wish.form != EXPIRY_NOT_GIVEN && !exists(of)) {
        of->reply->ops->null(of->reply);
        return;
    }
    if (!set_wish_expiry(&wish, of, &expires_at_ms)) return;
    if (expires_at_ms == HC_EXPIRY_NONE && !wish.persist) {
        hc_status read = reply_value(of, of->args[1]);
        if (read != HC_OK) request_fail(of, read, of->args[1]);
        return;
    }
    hc_txn txn;
    hc_item item;
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = string_get(&txn, of->args[1], &item);
    bool found = status == HC_OK, had_expiry = false;
    if (found) {
        reply_part(of, &txn, of->args[1], item.value);
        status = hc_txn_expire(&txn, of->args[1], expires_at_ms);
        had_expiry = item.expires_at_ms != HC_EXPIRY_NONE;
    } else if (status == HC_ERR_NOT_FOUND) {
        status = HC_OK;
    }
    hc_store_end(&txn);
    if (found && status == HC_OK) notify_of_getex(of, expires_at_ms, had_expiry);
    if (status != HC_OK) {
        if (found) of->reply->ops->bulk_cancel(of->reply);
        request_fail(of, status, of->args[1]);
    } else if (!found) {
        of->reply->ops->null(of->reply);
    }
}
