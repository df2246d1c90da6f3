/* monitor.c - a request as one line, posted to every monitor. */
#include "command/monitor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "command/command_args.h"
#include "command/command_text.h"
#include "command/push.h"
#include "command/redaction.h"

void monitors_init(monitors *of)
{
    memset(of, 0, sizeof *of);
    pthread_mutex_init(&of->lock, NULL);
}

void monitors_fini(monitors *of)
{
    assert(atomic_load(&of->count) == 0);
    pthread_mutex_destroy(&of->lock);
}

hc_status monitor_start(session *who)
{
    monitors *in = &who->node->monitors;
    if (atomic_load_explicit(&who->monitors, memory_order_relaxed)) return HC_ERR_EXISTS;
    push_inbox *inbox = push_inbox_of(who);
    if (inbox == NULL) return HC_ERR_NO_MEMORY;
    hc_status status = HC_ERR_LIMIT;
    pthread_mutex_lock(&in->lock);
    uint32_t count = atomic_load_explicit(&in->count, memory_order_relaxed);
    if (count < MONITORS_MAX) {
        push_inbox_retain(inbox);
        in->inboxes[count] = inbox;
        atomic_store_explicit(&in->count, count + 1, memory_order_relaxed);
        node_care_set(who->node, NODE_MONITORED, true);
        atomic_store_explicit(&who->monitors, true, memory_order_relaxed);
        status = HC_OK;
    }
    pthread_mutex_unlock(&in->lock);
    return status;
}

void monitor_stop(session *who)
{
    if (!atomic_load_explicit(&who->monitors, memory_order_relaxed)) return;
    monitors *in = &who->node->monitors;
    push_inbox *inbox = NULL;
    pthread_mutex_lock(&in->lock);
    uint32_t count = atomic_load_explicit(&in->count, memory_order_relaxed);
    for (uint32_t i = 0; i < count && inbox == NULL; i++) {
        if (push_inbox_session(in->inboxes[i]) != who->id) continue;
        inbox = in->inboxes[i];
        in->inboxes[i] = in->inboxes[count - 1];
        atomic_store_explicit(&in->count, count - 1, memory_order_relaxed);
        if (count == 1) node_care_set(who->node, NODE_MONITORED, false);
    }
    atomic_store_explicit(&who->monitors, false, memory_order_relaxed);
    pthread_mutex_unlock(&in->lock);
    push_inbox_release(inbox);
}

/* ---- a line ---- */

static bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
}

static size_t plain_bytes(const uint8_t *bytes, size_t count)
{
    size_t plain = 0;
    while (plain < count && is_plain(bytes[plain]))
        plain++;
    return plain;
}

static void add_escaped(text *to, uint8_t byte)
{
    static const char named[] = "\n\r\t\a\b", letters[] = "nrtab";
    char escape[4] = {'\\', (char)byte, 0, 0};
    const char *at = byte != 0 ? strchr(named, byte) : NULL;
    if (byte == '"' || byte == '\\') {
        text_add(to, escape, 2);
    } else if (at != NULL) {
        escape[1] = letters[at - named];
        text_add(to, escape, 2);
    } else {
        escape[1] = 'x';
        escape[2] = "0123456789abcdef"[byte >> 4];
        escape[3] = "0123456789abcdef"[byte & 15];
        text_add(to, escape, 4);
    }
}

static void add_argument(text *to, hc_span argument)
{
    size_t shown = argument.size < MONITOR_ARGUMENT_BYTES ? argument.size : MONITOR_ARGUMENT_BYTES;
    text_add(to, " \"", 2);
    for (size_t i = 0; i < shown;) {
        size_t plain = plain_bytes(argument.data + i, shown - i);
        text_add(to, argument.data + i, plain);
        i += plain;
        if (i < shown) add_escaped(to, argument.data[i++]);
    }
    if (shown < argument.size) text_printf(to, "... (%zu more bytes)", argument.size - shown);
    text_add(to, "\"", 1);
}

static void print_line(text *to, const request *of)
{
    const session *who = of->session;
    int64_t now_us = node_now_us(of->node);
    int database = atomic_load_explicit(&who->database, memory_order_relaxed);
    text_printf(to, "%" PRId64 ".%06" PRId64 " [", now_us / 1000000, now_us % 1000000);
    if (database == SESSION_NAMED)
        text_printf(to, "%s %s]", who->store_name, who->address);
    else
        text_printf(to, "%d %s]", database, who->address);
    size_t from, end;
    request_secrets(of, &from, &end);
    for (size_t i = 0; i < of->argc; i++)
        add_argument(to, i >= from && i < end ? HC_SPAN("(redacted)") : of->args[i]);
}

void monitor_tell(const request *of)
{
    monitors *to = &of->node->monitors;
    if ((of->command->flags & COMMAND_ADMIN) != 0) return;
    text line;
    text_init(&line, MONITOR_LINE_BYTES);
    pthread_mutex_lock(&to->lock);
    print_line(&line, of); /* under the lock, so that times rise */
    push_item item = push_status(text_span(&line));
    push *what = push_create(of->node, &item, 1);
    uint32_t count = atomic_load_explicit(&to->count, memory_order_relaxed);
    for (uint32_t i = 0; i < count && what != NULL; i++)
        (void)push_post(to->inboxes[i], what);
    pthread_mutex_unlock(&to->lock);
    push_pace(of->session); /* rather than that a monitor which reads is outrun, and closed */
    push_release(what);
    text_fini(&line);
}
