/*
 * key_commands.c - keys as such: delete, count, rename, copy, move.
 *
 * RENAME, COPY and MOVE write a value that came from the store, so they carry it aside in between.
 * What goes from one database to another is one step because no other command runs meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "command/cluster.h"
#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

/* Several keys go in one step. */
void run_del(request *of)
{
    int64_t deleted = 0;
    hc_txn txn;
    request_begin(of, &of->args[1], of->argc - 1, &txn);
    for (size_t i = 1; i < of->argc; i++) {
        if (hc_txn_delete(&txn, of->args[i]) != HC_OK) continue;
        deleted++;
        notify(of, NOTIFY_GENERIC, "del", of->args[i]);
    }
    hc_store_end(&txn);
    of->reply->ops->integer(of->reply, deleted);
}

/* As many as there are, of one moment. */
static int64_t count_present(request *of, hc_status (*look)(hc_txn *, hc_span, hc_item *))
{
    int64_t found = 0;
    hc_txn txn;
    hc_item item;
    request_begin(of, &of->args[1], of->argc - 1, &txn);
    for (size_t i = 1; i < of->argc; i++)
        if (look(&txn, of->args[i], &item) == HC_OK) found++;
    hc_store_end(&txn);
    return found;
}

void run_exists(request *of)
{
    hc_item item;
    int64_t found;
    if (of->argc == 2) /* takes no lock */
        found = hc_store_stat(of->session->store, of->args[1], &item) == HC_OK ? 1 : 0;
    else
        found = count_present(of, hc_txn_stat);
    of->reply->ops->integer(of->reply, found);
}

static hc_status touch_in(hc_txn *txn, hc_span key, hc_item *item)
{
    (void)item;
    return hc_txn_touch(txn, key);
}

void run_touch(request *of)
{
    int64_t found;
    if (of->argc == 2)
        found = hc_store_touch(of->session->store, of->args[1]) == HC_OK ? 1 : 0;
    else
        found = count_present(of, touch_in);
    of->reply->ops->integer(of->reply, found);
}

void run_type(request *of)
{
    hc_item item;
    hc_status status = hc_store_stat(of->session->store, of->args[1], &item);
    const char *name = status == HC_OK ? type_name(item.type) : "none";
    of->reply->ops->status(of->reply, hc_span_make(name, strlen(name)));
}

/* ---- a value on its way from one key to another ---- */

typedef struct parcel {
    uint8_t *data;
    hc_item item; /* value.data is `data` */
} parcel;

/*   HC_ERR_NOT_FOUND, HC_ERR_NO_MEMORY */
static hc_status parcel_take(parcel *of, hc_txn *txn, hc_span key)
{
    hc_status status = hc_txn_get(txn, key, &of->item);
    if (status != HC_OK) return status;
    size_t size = of->item.value.size;
    of->data = malloc(size > 0 ? size : 1);
    if (of->data == NULL) return HC_ERR_NO_MEMORY;
    if (size > 0) memcpy(of->data, of->item.value.data, size);
    of->item.value.data = of->data;
    return HC_OK;
}

static hc_set_options parcel_options(const parcel *of, bool only_if_absent)
{
    return (hc_set_options){.size = sizeof(hc_set_options),
                            .expires_at_ms = of->item.expires_at_ms,
                            .type = of->item.type,
                            .condition = only_if_absent ? HC_IF_ABSENT : HC_IF_ALWAYS};
}

/* A copy keeps the source's expiry, and "none" must stay none where the store has a default. */
static hc_status parcel_put(const parcel *of, hc_txn *txn, hc_span key, bool only_if_absent)
{
    hc_set_options options = parcel_options(of, only_if_absent);
    hc_status status = hc_txn_set(txn, key, of->item.value, &options);
    if (status == HC_OK && of->item.expires_at_ms == HC_EXPIRY_NONE)
        status = hc_txn_expire(txn, key, HC_EXPIRY_NONE);
    return status;
}

static bool same_key(hc_span a, hc_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ---- RENAME, RENAMENX ---- */

static hc_status rename_key(request *of, bool only_if_absent)
{
    hc_span from = of->args[1], to = of->args[2];
    parcel carried = {0};
    bool renamed = false;
    hc_txn txn;
    request_begin(of, &of->args[1], 2, &txn);
    hc_status status;
    if (same_key(from, to)) {
        status = hc_txn_get(&txn, from, &carried.item);
        if (status == HC_OK && only_if_absent) status = HC_ERR_CONFLICT;
    } else {
        status = parcel_take(&carried, &txn, from);
        if (status == HC_OK) status = parcel_put(&carried, &txn, to, only_if_absent);
        if (status == HC_OK) (void)hc_txn_delete(&txn, from);
        renamed = status == HC_OK;
    }
    hc_store_end(&txn);
    if (renamed) {
        notify(of, NOTIFY_GENERIC, "rename_from", from);
        notify(of, NOTIFY_GENERIC, "rename_to", to);
    }
    free(carried.data);
    return status;
}

static void reply_renamed(request *of, hc_status status)
{
    if (status == HC_ERR_NOT_FOUND)
        request_error(of, ERROR_NO_KEY);
    else
        request_fail(of, status, of->args[2]);
}

void run_rename(request *of)
{
    hc_status status = rename_key(of, false);
    if (status == HC_OK)
        reply_ok(of->reply);
    else
        reply_renamed(of, status);
}

void run_renamenx(request *of)
{
    hc_status status = rename_key(of, true);
    if (status == HC_OK || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        reply_renamed(of, status);
}

/* ---- COPY ---- */

typedef struct copy_wish {
    int64_t database; /* -1: the session's own store */
    bool replace;
} copy_wish;

static bool take_copy_options(request *of, copy_wish *wish)
{
    for (size_t i = 3; i < of->argc; i++) {
        if (argument_is(of->args[i], "replace")) {
            wish->replace = true;
        } else if (argument_is(of->args[i], "db") && i + 1 < of->argc) {
            if (!request_small_integer(of, of->args[++i], &wish->database)) return false;
            if (wish->database < 0 || wish->database >= node_databases(of->node)) {
                request_error(of, ERROR_DATABASE);
                return false;
            }
        } else {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

static hc_status copy_within(request *of, bool replace)
{
    parcel carried = {0};
    hc_txn txn;
    request_begin(of, &of->args[1], 2, &txn);
    hc_status status = parcel_take(&carried, &txn, of->args[1]);
    if (status == HC_OK) status = parcel_put(&carried, &txn, of->args[2], !replace);
    hc_store_end(&txn);
    free(carried.data);
    return status;
}

/* A thread holds one store at a time, so nobody else may run meanwhile. */
static hc_status copy_across(request *of, unsigned database, hc_span to_key, bool replace)
{
    hc_store *to = node_store(of->node, database);
    if (to == NULL) return HC_ERR_NO_MEMORY;
    parcel carried = {0};
    hc_txn txn;
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = parcel_take(&carried, &txn, of->args[1]);
    hc_store_end(&txn);
    if (status == HC_OK) {
        hc_store_begin(to, &to_key, 1, &txn);
        status = parcel_put(&carried, &txn, to_key, !replace);
        hc_store_end(&txn);
    }
    free(carried.data);
    return status;
}

static void reply_copied(request *of, hc_status status, hc_span key)
{
    if (status == HC_OK || status == HC_ERR_NOT_FOUND || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, key);
}

void run_copy(request *of)
{
    int here = atomic_load_explicit(&of->session->database, memory_order_relaxed);
    copy_wish wish = {.database = -1};
    if (!take_copy_options(of, &wish)) return;
    bool across = wish.database >= 0 && wish.database != here;
    if (across && cluster_enabled(of->node)) {
        request_error(of, "ERR Copying to another database is not allowed in cluster mode");
        return;
    }
    if (!across && same_key(of->args[1], of->args[2])) {
        request_error(of, "ERR source and destination objects are the same");
        return;
    }
    hc_status status;
    if (across) {
        bool begun = request_alone_begin(of);
        status = copy_across(of, (unsigned)wish.database, of->args[2], wish.replace);
        if (begun) request_alone_end(of);
    } else {
        status = copy_within(of, wish.replace);
    }
    if (status == HC_OK && notify_wants(of->node, NOTIFY_GENERIC)) {
        if (across)
            notify_raise_in(of->node, (unsigned)wish.database, "copy_to", of->args[2]);
        else
            notify_raise(of, "copy_to", of->args[2]);
    }
    if (status == HC_ERR_NOT_FOUND) notify(of, NOTIFY_MISS, "keymiss", of->args[1]);
    reply_copied(of, status, of->args[2]);
}

/* ---- MOVE: its row says that it runs alone ---- */

void run_move(request *of)
{
    int64_t database;
    int here = atomic_load_explicit(&of->session->database, memory_order_relaxed);
    if (!request_small_integer(of, of->args[2], &database)) return;
    if (database < 0 || database >= node_databases(of->node)) {
        request_error(of, ERROR_DATABASE);
        return;
    }
    if (database == here) {
        request_error(of, "ERR source and destination objects are the same");
        return;
    }
    hc_status status = copy_across(of, (unsigned)database, of->args[1], false);
    if (status == HC_OK) (void)hc_store_delete(of->session->store, of->args[1]);
    if (status == HC_OK && notify_wants(of->node, NOTIFY_GENERIC)) {
        notify_raise(of, "move_from", of->args[1]);
        notify_raise_in(of->node, (unsigned)database, "move_to", of->args[1]);
    }
    reply_copied(of, status, of->args[1]);
}
