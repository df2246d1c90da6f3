/*
 * dump_commands.c - DUMP and RESTORE: a value as the bytes Redis would give it.
 *
 * A payload is believed only when its checksum holds; then its format is checked before a key is
 * touched.  DUMP of a cuckoo filter gives a module's value, which RESTORE here takes back.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

void run_dump(request *of)
{
    hc_view view;
    uint8_t *scratch = malloc(HC_STORE_PACKED_BYTES_MAX);
    if (scratch == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    hc_status status = request_view(of, of->args[1], scratch, HC_STORE_PACKED_BYTES_MAX, &view);
    uint8_t *dump = NULL;
    if (status == HC_OK) {
        dump = malloc(view.value.size + HC_RDB_DUMP_BYTES_MORE);
        if (dump == NULL) {
            status = HC_ERR_NO_MEMORY;
        } else {
            reply_text(of->reply, hc_span_make(dump, hc_rdb_dump(view.type, view.value, dump)));
        }
        hc_view_release(&view);
    }
    if (status == HC_ERR_NOT_FOUND)
        of->reply->ops->null(of->reply);
    else if (status != HC_OK)
        request_error(of, ERROR_NO_MEMORY);
    free(dump);
    free(scratch);
}

/* ---- RESTORE ---- */

typedef struct restore_wish {
    bool replace, absolute;
    int64_t idle_s, frequency; /* -1: not said; they have no effect here */
} restore_wish;

static bool take_number(request *of, size_t at, int64_t most, const char *refusal, int64_t *out)
{
    if (!request_integer(of, of->args[at], out)) return false;
    if (*out >= 0 && *out <= most) return true;
    request_error(of, refusal);
    return false;
}

static bool take_options(request *of, restore_wish *wish)
{
    *wish = (restore_wish){.idle_s = -1, .frequency = -1};
    for (size_t i = 4; i < of->argc; i++) {
        bool more = i + 1 < of->argc;
        if (argument_is(of->args[i], "replace")) {
            wish->replace = true;
        } else if (argument_is(of->args[i], "absttl")) {
            wish->absolute = true;
        } else if (argument_is(of->args[i], "idletime") && more && wish->frequency < 0) {
            if (!take_number(of, ++i, INT64_MAX, "ERR Invalid IDLETIME value, must be >= 0",
                             &wish->idle_s)) {
                return false;
            }
        } else if (argument_is(of->args[i], "freq") && more && wish->idle_s < 0) {
            if (!take_number(of, ++i, 255, "ERR Invalid FREQ value, must be >= 0 and <= 255",
                             &wish->frequency)) {
                return false;
            }
        } else {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

static bool take_expiry(request *of, bool absolute, int64_t *expires_at_ms)
{
    int64_t ttl_ms;
    *expires_at_ms = HC_EXPIRY_NONE;
    if (!take_number(of, 2, INT64_MAX, "ERR Invalid TTL value, must be >= 0", &ttl_ms))
        return false;
    if (ttl_ms == 0) return true;
    int64_t base_ms = absolute ? 0 : node_now_ms(of->node);
    if (expiry_from(ttl_ms, 1, base_ms, expires_at_ms)) return true;
    request_error_expiry(of);
    return false;
}

/* The value, in the payload or in *block, which the caller frees.  False: answered. */
static bool take_value(request *of, hc_rdb_payload *payload, hc_span *value, uint8_t **block)
{
    hc_status status = hc_rdb_payload_open(of->args[3], payload);
    if (status == HC_ERR_CORRUPT) {
        request_error(of, "ERR DUMP payload version or checksum are wrong");
        return false;
    }
    if (status == HC_OK && payload->value_bytes > HC_VALUE_BYTES_MAX) status = HC_ERR_INVALID;
    *value = payload->stored;
    if (status == HC_OK && (payload->is_packed || payload->is_number)) {
        *block = malloc(payload->value_bytes);
        *value = hc_span_make(*block, payload->value_bytes);
        status = *block != NULL ? hc_rdb_payload_value(payload, *block) : HC_ERR_NO_MEMORY;
    }
    if (status == HC_OK) return true;
    request_error(of, status == HC_ERR_NO_MEMORY ? ERROR_NO_MEMORY : "ERR Bad data format");
    return false;
}

static hc_status put(request *of, hc_type type, hc_span value, int64_t expires_at_ms, bool replace)
{
    hc_set_options options = {.size = sizeof options,
                              .expires_at_ms = expires_at_ms,
                              .condition = replace ? HC_IF_ALWAYS : HC_IF_ABSENT,
                              .type = type};
    hc_txn txn;
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = hc_txn_set(&txn, of->args[1], value, &options);
    /* no expiry stays none where the store has a default */
    if (status == HC_OK && expires_at_ms == HC_EXPIRY_NONE)
        status = hc_txn_expire(&txn, of->args[1], HC_EXPIRY_NONE);
    hc_store_end(&txn);
    return status;
}

void run_restore(request *of)
{
    restore_wish wish;
    hc_rdb_payload payload;
    hc_span value;
    hc_item item;
    uint8_t *block = NULL;
    int64_t expires_at_ms;
    if (!take_options(of, &wish)) return;
    hc_status status = HC_ERR_CONFLICT;
    bool taken = !wish.replace && hc_store_stat(of->session->store, of->args[1], &item) == HC_OK;
    if (!taken) {
        if (!take_expiry(of, wish.absolute, &expires_at_ms)) return;
        if (!take_value(of, &payload, &value, &block)) {
            free(block);
            return;
        }
        status = put(of, payload.type, value, expires_at_ms, wish.replace);
        free(block);
    }
    if (status == HC_OK) notify(of, NOTIFY_GENERIC, "restore", of->args[1]);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_CONFLICT)
        request_error(of, "BUSYKEY Target key name already exists.");
    else
        request_fail(of, status, of->args[1]);
}
