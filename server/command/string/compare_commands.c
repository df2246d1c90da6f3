/*
 * compare_commands.c - compare and delete in one step: DELEX (Redis 8.4), DELIFEQ (Valkey 9), and
 * DIGEST, which saves sending the value that is compared.  Compare and set is SET IFEQ.
 */
#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"
#include "command/value_test.h"

/* Deletes the key if `test` holds for its string.
 *   HC_ERR_NOT_FOUND, HC_ERR_TYPE, HC_ERR_CONFLICT, HC_ERR_INVALID (no digest), HC_ERR_NO_MEMORY */
static hc_status delete_tested(request *of, const value_test *test)
{
    hc_txn txn;
    hc_item item;
    hc_span key = of->args[1];
    request_begin(of, &key, 1, &txn);
    hc_status status = string_get(&txn, key, &item);
    if (status == HC_OK) status = value_test_check(test, &item.value);
    if (status == HC_OK) status = hc_txn_delete(&txn, key);
    hc_store_end(&txn);
    return status;
}

static void reply_deleted(request *of, hc_status status)
{
    if (status == HC_OK) notify(of, NOTIFY_GENERIC, "del", of->args[1]);
    if (status == HC_OK || status == HC_ERR_NOT_FOUND || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, of->args[1]);
}

void run_delex(request *of)
{
    if (of->argc == 2) {
        reply_deleted(of, hc_store_delete(of->session->store, of->args[1]));
        return;
    }
    if (of->argc != 4) {
        request_error_arity(of);
        return;
    }
    /* Redis looks for the key first: for one that is absent any condition will do. */
    hc_item item;
    value_test test = {value_test_named(of->args[2]), of->args[3]};
    hc_status status = hc_store_stat(of->session->store, of->args[1], &item);
    bool is_string = status == HC_OK && item.type == HC_TYPE_STRING;
    if (is_string && test.kind == VALUE_TEST_NONE) {
        request_error(of, "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
        return;
    }
    if (test.kind == VALUE_TEST_NONE) /* the key is of another type, or absent */
        status = status == HC_OK ? HC_ERR_TYPE : status;
    else
        status = delete_tested(of, &test);
    if (status == HC_ERR_TYPE)
        request_error(of, "ERR Key should be of string type if conditions are specified");
    else if (status == HC_ERR_INVALID)
        request_error(of, ERROR_DIGEST);
    else
        reply_deleted(of, status);
}

void run_delifeq(request *of)
{
    const value_test test = {VALUE_TEST_EQUAL, of->args[2]};
    reply_deleted(of, delete_tested(of, &test));
}

void run_digest(request *of)
{
    char digits[VALUE_DIGEST_CHARS];
    hc_txn txn;
    hc_item item;
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = string_get(&txn, of->args[1], &item);
    if (status == HC_OK) value_digest(item.value, digits);
    hc_store_end(&txn);
    if (status == HC_OK)
        reply_text(of->reply, hc_span_make(digits, sizeof digits));
    else if (status == HC_ERR_NOT_FOUND)
        of->reply->ops->null(of->reply);
    else
        request_fail(of, status, of->args[1]);
}
