/*
 * multi_set_commands.c - MSET, MSETNX, MSETEX: several keys set in one step, all of them or none.
 *
 * The shards of all keys are held, so nobody sees a part.  What can go wrong half way is that there
 * is no room for one of the values.  Then what was done is undone: values that were new are
 * deleted, values that were overwritten are put back from copies.  The copies are only made where
 * room can be refused at all, that is in a store that does not evict and comes near its limit; a
 * full house costs each such command one copy of what it overwrites.  Should there be no room to
 * put a value back, its key is deleted: a cache may forget a value, but not mix two states.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"
#include "command/set_wish.h"

enum {
    KEYS_INLINE_MAX = 64, /* more are gathered on the heap */
    CAREFUL_PAYLOAD_BYTES =
        1 << 20 /* of arguments: more may not fit, however much room there seems */
};

typedef struct multi_set {
    const hc_span *pairs;   /* key, value, key, value ... */
    size_t count;           /* of pairs, 1 or more */
    hc_condition condition; /* on all keys together */
    hc_set_options options;
    hc_span *keys; /* `few`, or on the heap */
    hc_span few[KEYS_INLINE_MAX];
} multi_set;

/* What a key had before it was set; `data` NULL: nothing. */
typedef struct saved {
    uint8_t *data;
    hc_item item; /* value.data is `data` */
} saved;

/* ---- undoing ---- */

/*   HC_ERR_NO_MEMORY */
static hc_status save(saved *to, hc_txn *txn, hc_span key)
{
    *to = (saved){0};
    hc_status status = hc_txn_get(txn, key, &to->item);
    if (status != HC_OK) return status == HC_ERR_NOT_FOUND ? HC_OK : status;
    size_t size = to->item.value.size;
    to->data = malloc(size > 0 ? size : 1);
    if (to->data == NULL) return HC_ERR_NO_MEMORY;
    if (size > 0) memcpy(to->data, to->item.value.data, size);
    to->item.value.data = to->data;
    return HC_OK;
}

static void put_back(const saved *from, hc_txn *txn, hc_span key)
{
    (void)hc_txn_delete(txn, key); /* gives room for the old value, or is all there is to do */
    if (from->data == NULL) return;
    int64_t expires_at_ms = from->item.expires_at_ms;
    const hc_set_options options = {
        .size = sizeof options, .expires_at_ms = expires_at_ms, .type = from->item.type};
    hc_status status = hc_txn_set(txn, key, from->item.value, &options);
    if (status == HC_OK && expires_at_ms == HC_EXPIRY_NONE) /* no default takes its place */
        status = hc_txn_expire(txn, key, HC_EXPIRY_NONE);
    if (status != HC_OK) (void)hc_txn_delete(txn, key);
}

/* Sets all, or none: *failed_out is the pair that could not be set. */
static hc_status set_all_or_none(const multi_set *of, hc_txn *txn, size_t *failed_out)
{
    saved *before = calloc(of->count, sizeof *before);
    if (before == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = HC_OK;
    size_t done = 0;
    while (done < of->count && status == HC_OK) {
        status = save(&before[done], txn, of->keys[done]);
        if (status == HC_OK)
            status = hc_txn_set(txn, of->keys[done], of->pairs[2 * done + 1], &of->options);
        if (status == HC_OK) done++;
    }
    *failed_out = done < of->count ? done : 0;
    for (size_t i = done; status != HC_OK && i-- > 0;) /* backwards: a key may be there twice */
        put_back(&before[i], txn, of->keys[i]);
    for (size_t i = 0; i < of->count; i++)
        free(before[i].data);
    free(before);
    return status;
}

static hc_status set_each(const multi_set *of, hc_txn *txn, size_t *failed_out)
{
    hc_status status = HC_OK;
    for (size_t i = 0; i < of->count && status == HC_OK; i++) {
        status = hc_txn_set(txn, of->keys[i], of->pairs[2 * i + 1], &of->options);
        *failed_out = i;
    }
    return status;
}

/* May the store refuse a value for want of room? */
static bool room_may_be_refused(const request *of, const multi_set *wish)
{
    uint32_t eviction = hc_store_eviction(of->session->store);
    bool keeps_all = eviction == HC_EVICTION_NONE || (eviction & HC_EVICTION_VOLATILE) != 0;
    size_t bytes = 0;
    for (size_t i = 0; i < 2 * wish->count; i++)
        bytes += wish->pairs[i].size;
    return bytes > CAREFUL_PAYLOAD_BYTES ||
           (keeps_all && hc_store_pressure(of->session->store) != HC_PRESSURE_NONE);
}

/* ---- what the three have in common ---- */

/* Do all keys meet the condition?  NX: none is there; XX: each is. */
static bool condition_holds(const multi_set *of, hc_txn *txn)
{
    hc_item item;
    if (of->condition == HC_IF_ALWAYS) return true;
    for (size_t i = 0; i < of->count; i++) {
        bool present = hc_txn_get(txn, of->keys[i], &item) != HC_ERR_NOT_FOUND;
        if (present != (of->condition == HC_IF_PRESENT)) return false;
    }
    return true;
}

/*   HC_ERR_CONFLICT  the condition does not hold
 * or as hc_store_set; nothing is set then, and *failed_out is the pair it failed at. */
static hc_status set_pairs(request *of, const multi_set *wish, size_t *failed_out)
{
    for (size_t i = 0; i < wish->count; i++) {
        *failed_out = i;
        if (wish->keys[i].size > HC_KEY_BYTES_MAX) return HC_ERR_LIMIT;
    }
    bool careful = room_may_be_refused(of, wish);
    hc_txn txn;
    hc_status status = HC_ERR_CONFLICT;
    request_begin(of, wish->keys, wish->count, &txn);
    if (condition_holds(wish, &txn))
        status =
            careful ? set_all_or_none(wish, &txn, failed_out) : set_each(wish, &txn, failed_out);
    hc_store_end(&txn);
    return status;
}

static void notify_of_pairs(const request *of, const multi_set *wish)
{
    for (size_t i = 0; i < wish->count; i++) {
        notify(of, NOTIFY_STRING, "set", wish->keys[i]);
        if (wish->options.expires_at_ms != HC_EXPIRY_NONE)
            notify(of, NOTIFY_GENERIC, "expire", wish->keys[i]);
    }
}

/* `first` is the argument where the pairs begin. */
static hc_status run_multi_set(request *of, multi_set *wish, size_t first, size_t *failed_out)
{
    wish->pairs = &of->args[first];
    wish->keys = wish->few;
    if (wish->count > KEYS_INLINE_MAX) wish->keys = malloc(wish->count * sizeof *wish->keys);
    if (wish->keys == NULL) return HC_ERR_NO_MEMORY;
    for (size_t i = 0; i < wish->count; i++)
        wish->keys[i] = wish->pairs[2 * i];
    hc_status status = set_pairs(of, wish, failed_out);
    if (status == HC_OK && notify_wants(of->node, NOTIFY_STRING | NOTIFY_GENERIC))
        notify_of_pairs(of, wish);
    if (wish->keys != wish->few) free(wish->keys);
    return status;
}

static void reply_multi_set(request *of, hc_status status, hc_span failed)
{
    if (status == HC_OK || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, failed);
}

/* ---- the commands ---- */

/* All arguments are pairs.  *failed_out is the key that failed. */
static hc_status set_arguments(request *of, hc_condition condition, hc_span *failed_out)
{
    multi_set wish;
    wish.count = (of->argc - 1) / 2;
    wish.condition = condition;
    wish.options = (hc_set_options){.size = sizeof wish.options};
    size_t failed = 0;
    hc_status status = run_multi_set(of, &wish, 1, &failed);
    *failed_out = of->args[1 + 2 * failed];
    return status;
}

void run_mset(request *of)
{
    hc_span failed;
    if (of->argc % 2 == 0) {
        request_error_arity(of);
        return;
    }
    hc_status status = set_arguments(of, HC_IF_ALWAYS, &failed);
    if (status == HC_OK)
        reply_ok(of->reply);
    else
        request_fail(of, status, failed);
}

void run_msetnx(request *of)
{
    hc_span failed;
    if (of->argc % 2 == 0) {
        request_error_arity(of);
        return;
    }
    hc_status status = set_arguments(of, HC_IF_ABSENT, &failed);
    reply_multi_set(of, status, failed);
}

static bool take_msetex_options(request *of, size_t at, set_wish *wish)
{
    for (; at < of->argc; at++) {
        if (set_wish_take_flag(wish, of->args[at])) continue;
        if (!set_wish_take_expiry(wish, of, at)) {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
        at++;
    }
    return true;
}

void run_msetex(request *of)
{
    int64_t count;
    if (!integer_parse(of->args[1], &count) || count < 1 || count > INT32_MAX) {
        request_error(of, "ERR invalid numkeys value");
        return;
    }
    if ((size_t)count > (of->argc - 2) / 2) {
        request_error(of, "ERR wrong number of key-value pairs");
        return;
    }
    set_wish asked = {0};
    int64_t expires_at_ms;
    if (!take_msetex_options(of, 2 + 2 * (size_t)count, &asked)) return;
    if (!set_wish_expiry(&asked, of, &expires_at_ms)) return;
    multi_set wish;
    wish.count = (size_t)count;
    wish.condition = asked.condition;
    wish.options = (hc_set_options){.size = sizeof wish.options,
                                    .expires_at_ms = expires_at_ms,
                                    .keep_expiry = asked.keep_expiry};
    size_t failed = 0;
    hc_status status = run_multi_set(of, &wish, 2, &failed);
    reply_multi_set(of, status, of->args[2 + 2 * failed]);
}
