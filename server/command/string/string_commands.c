/*
 * string_commands.c - reading and changing values as strings.
 *
 * A plain read goes from the store straight into the reply (reply_value).  A command that looks
 * and then writes does both between hc_store_begin and hc_store_end, so no other write comes
 * between; values it changes are copied aside first, since the store moves them as it writes.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

void run_get(request *of)
{
    hc_status status = reply_value(of, of->args[1]);
    if (status != HC_OK) request_fail(of, status, of->args[1]);
}

/* Several values are those of one moment, so that a MSET is seen whole or not at all: their shards
 * are held meanwhile. */
void run_mget(request *of)
{
    const hc_span *keys = &of->args[1];
    size_t count = of->argc - 1;
    of->reply->ops->array(of->reply, count);
    if (count == 1) {
        hc_status status = reply_value(of, keys[0]);
        if (status != HC_OK) of->reply->ops->null(of->reply);
        return;
    }
    hc_txn txn;
    hc_item item;
    request_begin(of, keys, count, &txn);
    for (size_t i = 0; i < count; i++) {
        if (string_get(&txn, keys[i], &item) == HC_OK)
            reply_part(of, &txn, keys[i], item.value);
        else
            of->reply->ops->null(of->reply);
    }
    hc_store_end(&txn);
}

void run_strlen(request *of)
{
    hc_item item;
    hc_status status = hc_store_stat(of->session->store, of->args[1], &item);
    if (status == HC_OK && item.type != HC_TYPE_STRING)
        request_fail(of, HC_ERR_TYPE, of->args[1]);
    else
        of->reply->ops->integer(of->reply, status == HC_OK ? (int64_t)item.value.size : 0);
}

void run_append(request *of)
{
    size_t size;
    hc_status status = hc_store_append(of->session->store, of->args[1], of->args[2], &size);
    if (status != HC_OK) {
        request_fail(of, status, of->args[1]);
        return;
    }
    notify(of, NOTIFY_STRING, "append", of->args[1]);
    of->reply->ops->integer(of->reply, (int64_t)size);
}

void run_getdel(request *of)
{
    hc_txn txn;
    hc_item item;
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = string_get(&txn, of->args[1], &item);
    if (status == HC_OK) {
        reply_part(of, &txn, of->args[1], item.value);
        (void)hc_txn_delete(&txn, of->args[1]); /* it is there */
    } else if (status == HC_ERR_NOT_FOUND) {
        of->reply->ops->null(of->reply);
    }
    hc_store_end(&txn);
    if (status == HC_OK) notify(of, NOTIFY_GENERIC, "del", of->args[1]);
    if (status == HC_ERR_NOT_FOUND) notify(of, NOTIFY_MISS, "keymiss", of->args[1]);
    if (status != HC_OK && status != HC_ERR_NOT_FOUND) request_fail(of, status, of->args[1]);
}

/* The part of a value of `size` bytes between two indexes, either of which may count from the end
 * and may lie outside. */
static hc_span range_of(hc_span value, int64_t first, int64_t last)
{
    int64_t size = (int64_t)value.size; /* at most HC_VALUE_BYTES_MAX */
    if (first < 0 && last < 0 && first > last) return hc_span_make(NULL, 0);
    if (first < 0) first = first < -size ? 0 : first + size;
    if (last < 0) last = last < -size ? 0 : last + size;
    if (last >= size) last = size - 1;
    if (first > last || size == 0) return hc_span_make(NULL, 0);
    return hc_span_make(value.data + first, (size_t)(last - first + 1));
}

void run_getrange(request *of)
{
    int64_t first, last;
    if (!request_integer(of, of->args[2], &first)) return;
    if (!request_integer(of, of->args[3], &last)) return;
    hc_txn txn;
    hc_item item;
    request_begin(of, &of->args[1], 1, &txn);
    hc_span part = {0};
    hc_status status = string_get(&txn, of->args[1], &item);
    if (status == HC_OK) part = range_of(item.value, first, last);
    if (status == HC_OK || status == HC_ERR_NOT_FOUND)
        reply_part(of, &txn, of->args[1], part);
    else
        request_fail(of, status, of->args[1]);
    hc_store_end(&txn);
}

void run_setrange(request *of)
{
    hc_span key = of->args[1], patch = of->args[3];
    int64_t offset;
    if (!request_integer(of, of->args[2], &offset)) return;
    if (offset < 0) {
        request_error(of, "ERR offset is out of range");
        return;
    }
    hc_txn txn;
    hc_item item;
    hc_status status;
    size_t size = 0;
    request_begin(of, &key, 1, &txn);
    if (patch.size > 0) {
        status = hc_txn_patch(&txn, key, (size_t)offset, patch, &size);
    } else { /* changes nothing, and makes no key */
        status = string_get(&txn, key, &item);
        if (status == HC_OK) size = item.value.size;
        if (status == HC_ERR_NOT_FOUND) status = HC_OK;
    }
    hc_store_end(&txn);
    if (status == HC_OK && patch.size > 0) notify(of, NOTIFY_STRING, "setrange", key);
    if (status != HC_OK)
        request_fail(of, status, key);
    else
        of->reply->ops->integer(of->reply, (int64_t)size);
}
