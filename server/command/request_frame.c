/* request_frame.c - arguments to a frame, as much of it as is kept. */
#include "command/request_frame.h"

#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/node.h"
#include "command/redaction.h"
#include "command/session.h"

typedef struct frame {
    size_t size; /* of the whole frame; what does not fit is only counted */
    uint8_t data[CAPTURE_KEPT_BYTES_MAX];
} frame;

static void frame_add(frame *to, const void *bytes, size_t size)
{
    size_t at = to->size < sizeof to->data ? to->size : sizeof to->data;
    size_t fits = sizeof to->data - at < size ? sizeof to->data - at : size;
    if (fits > 0) memcpy(to->data + at, bytes, fits);
    to->size += size;
}

static void frame_argument(frame *to, hc_span argument)
{
    char head[32];
    int chars = snprintf(head, sizeof head, "$%zu\r\n", argument.size);
    frame_add(to, head, (size_t)chars);
    frame_add(to, argument.data, argument.size);
    frame_add(to, "\r\n", 2);
}

static const command *row_of(const request *of)
{
    const command *row = command_find(of->args[0]);
    if (row == NULL || row->subcommand_count == 0 || of->argc < 2) return row;
    const command *sub = command_find_sub(row, of->args[1]);
    return sub != NULL ? sub : row;
}

/* Arguments that are the command's name. */
static size_t names_of(const command *row)
{
    if (row == NULL) return 1;
    return row->container != NULL ? 2 : 1;
}

static bool is_key(const request *of, const command *row, size_t at)
{
    if (row == NULL || row->keys.first == 0 || row->keys.access == COMMAND_ACCESS_CHANNEL)
        return false;
    size_t count = command_key_count(row, of->args, of->argc);
    for (size_t i = 0; i < count; i++)
        if (command_key_at(row, i) == at) return true;
    return false;
}

/* The argument as it may be shown; `text` has room for what stands in its place. */
static hc_span shown(const request *of, const command *row, size_t at, hc_log_keys keys,
                     char text[32])
{
    hc_span argument = of->args[at];
    if (keys == HC_LOG_KEYS_PLAIN || at < names_of(row)) return argument;
    if (!is_key(of, row, at)) {
        int chars = snprintf(text, 32, "(%zu bytes)", argument.size);
        return hc_span_make(text, (size_t)chars);
    }
    if (keys == HC_LOG_KEYS_HASHED) return hc_log_key(keys, argument, text);
    return HC_SPAN("(key)");
}

void capture_request(capture *to, const capture_talk *talk, const request *of)
{
    frame made = {.size = 0};
    char text[32];
    size_t secret_from, secret_end;
    const command *row = row_of(of);
    request known = *of;
    known.command = row;
    hc_log_keys keys = (hc_log_keys)atomic_load(&of->session->node->debugging.keys);
    request_secrets(&known, &secret_from, &secret_end);
    frame_add(&made, text, (size_t)snprintf(text, sizeof text, "*%zu\r\n", of->argc));
    for (size_t i = 0; i < of->argc; i++) {
        bool secret = i >= secret_from && i < secret_end;
        frame_argument(&made, secret ? HC_SPAN("(redacted)") : shown(of, row, i, keys, text));
    }
    size_t kept = made.size < sizeof made.data ? made.size : sizeof made.data;
    capture_note(to, talk, true, made.data, kept, made.size);
}

void capture_reply(capture *to, const capture_talk *talk, const node *on, const void *data,
                   size_t size)
{
    char text[48];
    if (atomic_load(&on->debugging.keys) == HC_LOG_KEYS_PLAIN) {
        capture_note(to, talk, false, data, size, size);
        return;
    }
    int chars = snprintf(text, sizeof text, "+(%zu bytes)\r\n", size);
    capture_note(to, talk, false, text, (size_t)chars, (size_t)chars);
}
