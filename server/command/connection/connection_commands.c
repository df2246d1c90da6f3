/*
 * connection_commands.c - greeting, protocol, database, farewell.
 *
 * There are no users yet: the default user has no password, as in a fresh Redis, so AUTH with a
 * password alone is an error and AUTH for "default" takes any password.
 */
#include <ctype.h>
#include <string.h>

#include "command/client_name.h"
#include "command/cluster.h"
#include "command/command_args.h"
#include "command/correlation.h"
#include "command/handlers.h"
#include "command/monitor.h"
#include "command/pubsub.h"
#include "command/push.h"
#include "command/tracking.h"
#include "command/transaction.h"
#include "command/watchers.h"

enum { SHOWN_USER_BYTES = 64 };

/* In the form of a message, which is all that such a client expects. */
static void ping_subscriber(request *of)
{
    of->reply->ops->array(of->reply, 2);
    reply_text(of->reply, HC_SPAN("pong"));
    reply_text(of->reply, of->argc == 2 ? of->args[1] : HC_SPAN(""));
}

void run_ping(request *of)
{
    if (of->argc > 2)
        request_error_arity(of);
    else if (of->reply->protocol == 2 && pubsub_subscribed(of->session))
        ping_subscriber(of);
    else if (of->argc == 2)
        reply_text(of->reply, of->args[1]);
    else
        of->reply->ops->status(of->reply, HC_SPAN("PONG"));
}

void run_echo(request *of)
{
    reply_text(of->reply, of->args[1]);
}

void run_quit(request *of)
{
    reply_ok(of->reply);
    of->session->close = true;
}

static void select_name(request *of, hc_span name)
{
    hc_status status = session_select_name(of->session, name);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_NO_MEMORY)
        request_error(of, ERROR_NO_MEMORY);
    else
        request_error_store(of, name);
}

void run_select(request *of)
{
    int64_t index;
    if (!integer_parse(of->args[1], &index) && hc_store_name_fits(of->args[1])) {
        select_name(of, of->args[1]);
        return;
    }
    if (!request_small_integer(of, of->args[1], &index)) return;
    if (index < 0 || index >= node_databases(of->node))
        request_error(of, ERROR_DATABASE);
    else if (index > 0 && cluster_enabled(of->node))
        request_error(of, "ERR SELECT is not allowed in cluster mode");
    else if (session_select(of->session, (unsigned)index) != HC_OK)
        request_error(of, ERROR_NO_MEMORY);
    else
        reply_ok(of->reply);
}

/* ---- AUTH ---- */

static void tell_refused(const request *of, hc_span user)
{
    char id[CORRELATION_CHARS];
    const char *address = of->session->address;
    request_correlation(of, id);
    hc_log_field fields[] = {
        {.name = "client", .kind = HC_FIELD_TEXT, .text = hc_span_make(address, strlen(address))},
        {.name = "user", .kind = HC_FIELD_TEXT, .text = user}};
    if (user.size > SHOWN_USER_BYTES) fields[1].text.size = SHOWN_USER_BYTES;
    hc_event event = {.message = "a client was refused",
                      .correlation_id = hc_span_make(id, strlen(id)),
                      .fields = fields,
                      .field_count = 2};
    hc_events_emit(of->node->options.events, HC_EVENT_AUTH_FAILED, &event);
}

static bool user_exists(request *of, hc_span user)
{
    if (user.size == 7 && memcmp(user.data, "default", 7) == 0) return true;
    tell_refused(of, user);
    request_error(of, "WRONGPASS invalid username-password pair or user is disabled.");
    return false;
}

void run_auth(request *of)
{
    if (of->argc > 3)
        request_error(of, ERROR_SYNTAX);
    else if (of->argc == 2)
        request_error(of, "ERR AUTH <password> called without any password configured for the "
                          "default user. Are you sure your configuration is correct?");
    else if (user_exists(of, of->args[1]))
        reply_ok(of->reply);
}

/* ---- HELLO ---- */

static void reply_pair_text(reply *to, hc_span name, hc_span value)
{
    reply_text(to, name);
    reply_text(to, value);
}

static void reply_hello(request *of)
{
    reply *to = of->reply;
    to->ops->map(to, 7);
    reply_pair_text(to, HC_SPAN("server"), HC_SPAN("redis"));
    reply_pair_text(to, HC_SPAN("version"), HC_SPAN(NODE_REDIS_VERSION));
    reply_text(to, HC_SPAN("proto"));
    to->ops->integer(to, to->protocol);
    reply_text(to, HC_SPAN("id"));
    to->ops->integer(to, (int64_t)of->session->id);
    reply_pair_text(to, HC_SPAN("mode"),
                    cluster_enabled(of->node) ? HC_SPAN("cluster") : HC_SPAN("standalone"));
    reply_pair_text(to, HC_SPAN("role"), HC_SPAN("master"));
    reply_text(to, HC_SPAN("modules"));
    to->ops->array(to, 0);
}

static void protocol_set(request *of, int protocol)
{
    of->reply->protocol = protocol;
    atomic_store_explicit(&of->session->protocol, protocol, memory_order_relaxed);
}

/* Reads AUTH and SETNAME; nothing has changed when it answers with an error. */
static bool take_hello_options(request *of, hc_span *name_out, bool *has_name)
{
    for (size_t i = 2; i < of->argc; i++) {
        size_t left = of->argc - 1 - i;
        if (left >= 2 && argument_is(of->args[i], "auth")) {
            if (!user_exists(of, of->args[i + 1])) return false;
            i += 2;
        } else if (left >= 1 && argument_is(of->args[i], "setname")) {
            *name_out = of->args[++i];
            *has_name = true;
            if (!client_name_fits(of, *name_out)) return false;
        } else {
            int bytes = of->args[i].size < 128 ? (int)of->args[i].size : 128;
            request_errorf(of, "ERR Syntax error in HELLO option '%.*s'", bytes,
                           (const char *)of->args[i].data);
            return false;
        }
    }
    return true;
}

void run_hello(request *of)
{
    int64_t protocol = of->reply->protocol;
    if (of->argc > 1 && !integer_parse(of->args[1], &protocol)) {
        request_error(of, "ERR Protocol version is not an integer or out of range");
        return;
    }
    if (protocol < 2 || protocol > 3) {
        request_error(of, "NOPROTO unsupported protocol version");
        return;
    }
    hc_span name = {0};
    bool has_name = false;
    if (!take_hello_options(of, &name, &has_name)) return;
    if (has_name) client_name_set(of->session, name);
    protocol_set(of, (int)protocol);
    reply_hello(of);
}

void run_reset(request *of)
{
    session *who = of->session;
    request_unmute(of);
    transaction_drop(who);
    watch_drop(who);
    tracking_off(who);
    pubsub_end(who);
    monitor_stop(who);
    push_deliver(who, of->reply, SIZE_MAX); /* in the protocol they were meant for */
    atomic_store_explicit(&who->no_touch, false, memory_order_relaxed);
    atomic_store_explicit(&who->no_evict, false, memory_order_relaxed);
    (void)session_select(who, 0); /* is there since node_create */
    client_name_set(who, (hc_span){0});
    protocol_set(of, 2);
    of->reply->ops->status(of->reply, HC_SPAN("RESET"));
}
