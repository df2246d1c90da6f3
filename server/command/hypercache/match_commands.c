/*
 * match_commands.c - HC.DELMATCH: deletes by pattern, some keys at a time.
 *
 * KEYS and then DEL holds up everybody and carries every key to the client and back; SCAN and then
 * UNLINK carries them too.  This is SCAN's walk with the deletion done here: a call looks at COUNT
 * keys and gives the cursor for the next one.
 */
#include <inttypes.h>
#include <stdio.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/key_walk.h"
#include "command/notify.h"

enum { COUNT_DEFAULT = 1000 };

static bool take_match_options(request *of, uint64_t *cursor, int64_t *count)
{
    for (size_t i = 2; i < of->argc; i += 2) {
        bool has_value = i + 1 < of->argc;
        if (has_value && argument_is(of->args[i], "cursor")) {
            if (key_cursor_parse(of->args[i + 1], cursor)) continue;
            request_error(of, "ERR invalid cursor");
            return false;
        }
        if (has_value && argument_is(of->args[i], "count")) {
            if (!request_integer(of, of->args[i + 1], count)) return false;
            if (*count >= 1) continue;
        }
        request_error(of, ERROR_SYNTAX);
        return false;
    }
    return true;
}

static void note_deleted(void *ctx, hc_span key)
{
    notify(ctx, NOTIFY_GENERIC, "del", key);
}

void run_hc_delmatch(request *of)
{
    uint64_t cursor = 0, deleted;
    int64_t count = COUNT_DEFAULT;
    if (!take_match_options(of, &cursor, &count)) return;
    if (count > HC_SCAN_COUNT_MAX) count = HC_SCAN_COUNT_MAX;
    const key_deleted each = {note_deleted, of};
    hc_status status =
        key_delete_match(of->session->store, of->args[1], &cursor, (size_t)count, &each, &deleted);
    if (status == HC_ERR_LIMIT) {
        request_errorf(of, "ERR pattern is longer than %u bytes", HC_GLOB_PATTERN_BYTES_MAX);
        return;
    }
    if (status != HC_OK && deleted == 0) {
        request_fail(of, status, of->args[1]);
        return;
    }
    char digits[24];
    int chars = snprintf(digits, sizeof digits, "%" PRIu64, cursor);
    of->reply->ops->array(of->reply, 2);
    reply_text(of->reply, hc_span_make(digits, (size_t)chars));
    of->reply->ops->integer(of->reply, (int64_t)deleted);
}
