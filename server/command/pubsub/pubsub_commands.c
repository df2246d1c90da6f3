/*
 * pubsub_commands.c - SUBSCRIBE and its kin, PUBLISH, PUBSUB.
 *
 * The answers of (UN)SUBSCRIBE are messages of their own, one a name, and come whatever CLIENT
 * REPLY says.  What was published before an UNSUBSCRIBE is sent before its answer: a RESP2 client
 * that has left its last channel takes whatever comes next for the reply to its next command.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/command_text.h"
#include "command/handlers.h"
#include "command/pubsub.h"
#include "command/push.h"

enum { NAMES_BYTES_MAX = 512 << 20 };

/* ---- subscribing ---- */

static reply *reply_heard(const request *of)
{
    return of->session->muted != NULL ? of->session->muted : of->reply;
}

/* What the answers count: shard channels alone, or channels and patterns together. */
static size_t counted(const session *who, pubsub_kind kind)
{
    if (kind == PUBSUB_SHARD) return pubsub_count(who, PUBSUB_SHARD);
    return pubsub_count(who, PUBSUB_CHANNEL) + pubsub_count(who, PUBSUB_PATTERN);
}

/* `name` NULL: there was none to unsubscribe from. */
static void answer(const request *of, hc_span what, pubsub_kind kind, const hc_span *name)
{
    reply *to = reply_heard(of);
    to->ops->push(to, 3);
    reply_text(to, what);
    if (name != NULL)
        reply_text(to, *name);
    else
        to->ops->null(to);
    to->ops->integer(to, (int64_t)counted(of->session, kind));
}

static void subscribe(request *of, hc_span what, pubsub_kind kind)
{
    for (size_t i = 1; i < of->argc; i++) {
        hc_status status = pubsub_subscribe(of->session, kind, of->args[i]);
        if (status == HC_OK || status == HC_ERR_EXISTS)
            answer(of, what, kind, &of->args[i]);
        else if (status == HC_ERR_LIMIT)
            request_errorf(of, "ERR too many subscriptions, at most %u", PUBSUB_SUBSCRIPTIONS_MAX);
        else
            request_error(of, ERROR_NO_MEMORY);
    }
}

void run_subscribe(request *of)
{
    subscribe(of, HC_SPAN("subscribe"), PUBSUB_CHANNEL);
}

void run_psubscribe(request *of)
{
    subscribe(of, HC_SPAN("psubscribe"), PUBSUB_PATTERN);
}

void run_ssubscribe(request *of)
{
    subscribe(of, HC_SPAN("ssubscribe"), PUBSUB_SHARD);
}

/* ---- unsubscribing ---- */

static void leave(request *of, hc_span what, pubsub_kind kind, hc_span name)
{
    (void)pubsub_unsubscribe(of->session, kind, name);
    /* Nothing more can come for that name.  In EXEC, what had come has been sent. */
    if (!of->session->in_exec) push_deliver(of->session, reply_heard(of), SIZE_MAX);
    answer(of, what, kind, &name);
}

/* From the oldest on.  A name is the subscription's, so it is copied before that ends. */
static void leave_all(request *of, hc_span what, pubsub_kind kind)
{
    hc_span name;
    while (pubsub_oldest(of->session, kind, &name)) {
        uint8_t *copy = malloc(name.size + 1);
        if (copy == NULL) {
            request_error(of, ERROR_NO_MEMORY);
            return;
        }
        if (name.size > 0) memcpy(copy, name.data, name.size);
        leave(of, what, kind, hc_span_make(copy, name.size));
        free(copy);
    }
}

static void unsubscribe(request *of, hc_span what, pubsub_kind kind)
{
    for (size_t i = 1; i < of->argc; i++)
        leave(of, what, kind, of->args[i]);
    if (of->argc > 1) return;
    if (pubsub_count(of->session, kind) == 0)
        answer(of, what, kind, NULL);
    else
        leave_all(of, what, kind);
}

void run_unsubscribe(request *of)
{
    unsubscribe(of, HC_SPAN("unsubscribe"), PUBSUB_CHANNEL);
}

void run_punsubscribe(request *of)
{
    unsubscribe(of, HC_SPAN("punsubscribe"), PUBSUB_PATTERN);
}

void run_sunsubscribe(request *of)
{
    unsubscribe(of, HC_SPAN("sunsubscribe"), PUBSUB_SHARD);
}

/* ---- publishing ---- */

static void publish(request *of, pubsub_kind kind)
{
    size_t receivers = pubsub_publish(of->node, kind, of->args[1], of->args[2]);
    if (receivers > 0) push_pace(of->session);
    of->reply->ops->integer(of->reply, (int64_t)receivers);
}

void run_publish(request *of)
{
    publish(of, PUBSUB_CHANNEL);
}

void run_spublish(request *of)
{
    publish(of, PUBSUB_SHARD);
}

/* ---- PUBSUB ---- */

/* Names behind each other, each behind its size. */
typedef struct names {
    text found;
    size_t count;
    bool all;
    hc_span pattern;
} names;

static void names_add(void *ctx, hc_span name)
{
    names *to = ctx;
    if (!to->all && !hc_glob_match(to->pattern, name)) return;
    text_add(&to->found, &name.size, sizeof name.size);
    text_add(&to->found, name.data, name.size);
    to->count++;
}

static void list_names(request *of, pubsub_kind kind)
{
    names list = {.all = of->argc == 2};
    if (of->argc > 3) {
        int bytes = of->args[1].size < 128 ? (int)of->args[1].size : 128;
        request_errorf(of,
                       "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try PUBSUB "
                       "HELP.",
                       bytes, (const char *)of->args[1].data);
        return;
    }
    if (!list.all) list.pattern = of->args[2];
    text_init(&list.found, NAMES_BYTES_MAX);
    pubsub_each(of->node, kind, names_add, &list);
    hc_span rest = text_span(&list.found);
    if (list.found.failed) {
        request_error(of, ERROR_NO_MEMORY);
    } else {
        of->reply->ops->array(of->reply, list.count);
        for (size_t i = 0; i < list.count; i++) {
            size_t size;
            memcpy(&size, rest.data, sizeof size);
            reply_text(of->reply, hc_span_make(rest.data + sizeof size, size));
            rest.data += sizeof size + size;
        }
    }
    text_fini(&list.found);
}

void run_pubsub_channels(request *of)
{
    list_names(of, PUBSUB_CHANNEL);
}

void run_pubsub_shardchannels(request *of)
{
    list_names(of, PUBSUB_SHARD);
}

static void count_listeners(request *of, pubsub_kind kind)
{
    of->reply->ops->array(of->reply, 2 * (of->argc - 2));
    for (size_t i = 2; i < of->argc; i++) {
        reply_text(of->reply, of->args[i]);
        size_t listeners = pubsub_listeners(of->node, kind, of->args[i]);
        of->reply->ops->integer(of->reply, (int64_t)listeners);
    }
}

void run_pubsub_numsub(request *of)
{
    count_listeners(of, PUBSUB_CHANNEL);
}

void run_pubsub_shardnumsub(request *of)
{
    count_listeners(of, PUBSUB_SHARD);
}

void run_pubsub_numpat(request *of)
{
    of->reply->ops->integer(of->reply, (int64_t)pubsub_names(of->node, PUBSUB_PATTERN));
}

void run_pubsub_help(request *of)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
