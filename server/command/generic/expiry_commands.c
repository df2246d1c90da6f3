/* expiry_commands.c - EXPIRE in its four forms, TTL in its four forms, PERSIST. */
#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

typedef struct expiry_condition {
    bool absent, present, greater, less; /* NX XX GT LT */
} expiry_condition;

static bool take_condition(request *of, expiry_condition *wish)
{
    for (size_t i = 3; i < of->argc; i++) {
        hc_span option = of->args[i];
        if (argument_is(option, "nx"))
            wish->absent = true;
        else if (argument_is(option, "xx"))
            wish->present = true;
        else if (argument_is(option, "gt"))
            wish->greater = true;
        else if (argument_is(option, "lt"))
            wish->less = true;
        else {
            request_errorf(of, "ERR Unsupported option %.*s",
                           option.size < 128 ? (int)option.size : 128, (const char *)option.data);
            return false;
        }
    }
    if (wish->absent && (wish->present || wish->greater || wish->less)) {
        request_error(of, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (wish->greater && wish->less) {
        request_error(of, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* No expiry counts as one that never comes: GT never passes it, LT always does. */
static bool condition_holds(const expiry_condition *wish, int64_t old_ms, int64_t new_ms)
{
    bool has = old_ms != HC_EXPIRY_NONE;
    if (wish->absent && has) return false;
    if (wish->present && !has) return false;
    if (wish->greater && (!has || new_ms <= old_ms)) return false;
    if (wish->less && has && new_ms >= old_ms) return false;
    return true;
}

static hc_status expire_if(hc_store *store, hc_span key, const expiry_condition *wish,
                           int64_t expires_at_ms)
{
    hc_txn txn;
    hc_item item;
    hc_store_begin(store, &key, 1, &txn);
    hc_status status = hc_txn_get(&txn, key, &item);
    if (status == HC_OK) {
        bool holds = condition_holds(wish, item.expires_at_ms, expires_at_ms);
        status = holds ? hc_txn_expire(&txn, key, expires_at_ms) : HC_ERR_CONFLICT;
    }
    hc_store_end(&txn);
    return status;
}

static void expire(request *of, int64_t unit_ms, bool absolute)
{
    expiry_condition wish = {0};
    if (!take_condition(of, &wish)) return;
    int64_t value, expires_at_ms;
    if (!request_integer(of, of->args[2], &value)) return;
    if (!expiry_from(value, unit_ms, absolute ? 0 : node_now_ms(of->node), &expires_at_ms)) {
        request_error_expiry(of);
        return;
    }
    hc_store *store = of->session->store;
    hc_status status = of->argc == 3 ? hc_store_expire(store, of->args[1], expires_at_ms)
                                     : expire_if(store, of->args[1], &wish, expires_at_ms);
    if (status == HC_OK) notify_of_expiry(of, of->args[1], expires_at_ms);
    if (status == HC_OK || status == HC_ERR_NOT_FOUND || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, of->args[1]);
}

void run_expire(request *of)
{
    expire(of, 1000, false);
}

void run_pexpire(request *of)
{
    expire(of, 1, false);
}

void run_expireat(request *of)
{
    expire(of, 1000, true);
}

void run_pexpireat(request *of)
{
    expire(of, 1, true);
}

/* -2: no key; -1: no expiry; otherwise the time, or what is left of it, rounded to whole units. */
static void reply_expiry(request *of, int64_t unit_ms, bool absolute)
{
    hc_item item;
    int64_t answer = -2;
    if (hc_store_stat(of->session->store, of->args[1], &item) == HC_OK) {
        int64_t time_ms = item.expires_at_ms;
        if (!absolute) time_ms -= node_now_ms(of->node);
        if (time_ms < 0) time_ms = 0;
        answer = item.expires_at_ms == HC_EXPIRY_NONE ? -1 : (time_ms + unit_ms / 2) / unit_ms;
    }
    of->reply->ops->integer(of->reply, answer);
}

void run_ttl(request *of)
{
    reply_expiry(of, 1000, false);
}

void run_pttl(request *of)
{
    reply_expiry(of, 1, false);
}

void run_expiretime(request *of)
{
    reply_expiry(of, 1000, true);
}

void run_pexpiretime(request *of)
{
    reply_expiry(of, 1, true);
}

void run_persist(request *of)
{
    const expiry_condition only_present = {.present = true};
    hc_status status = expire_if(of->session->store, of->args[1], &only_present, HC_EXPIRY_NONE);
    if (status == HC_OK) notify(of, NOTIFY_GENERIC, "persist", of->args[1]);
    if (status == HC_OK || status == HC_ERR_NOT_FOUND || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, of->args[1]);
}
