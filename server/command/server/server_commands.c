/* server_commands.c - TIME, SHUTDOWN, LOLWUT. */
#include <inttypes.h>
#include <stdio.h>

#include "command/command_args.h"
#include "command/durable.h"
#include "command/handlers.h"

static void reply_number_text(reply *to, int64_t value)
{
    char digits[24];
    int chars = snprintf(digits, sizeof digits, "%" PRId64, value);
    reply_text(to, hc_span_make(digits, (size_t)chars));
}

/* Seconds and microseconds. */
void run_time(request *of)
{
    int64_t now_us = node_now_us(of->node);
    of->reply->ops->array(of->reply, 2);
    reply_number_text(of->reply, now_us / 1000000);
    reply_number_text(of->reply, now_us % 1000000);
}

/* A second time it has no answer, as in Redis. */
void run_monitor(request *of)
{
    hc_status status = monitor_start(of->session);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_LIMIT)
        request_errorf(of, "ERR there are %u clients that monitor already", MONITORS_MAX);
    else if (status != HC_ERR_EXISTS)
        request_error(of, ERROR_NO_MEMORY);
}

/* There are no replicas. */
void run_role(request *of)
{
    of->reply->ops->array(of->reply, 3);
    reply_text(of->reply, HC_SPAN("master"));
    of->reply->ops->integer(of->reply, 0);
    of->reply->ops->array(of->reply, 0);
}

typedef struct shutdown_wish {
    bool save, no_save, cancel, other;
} shutdown_wish;

static bool take_shutdown_options(const request *of, shutdown_wish *wish)
{
    for (size_t i = 1; i < of->argc; i++) {
        if (argument_is(of->args[i], "nosave"))
            wish->no_save = true;
        else if (argument_is(of->args[i], "save"))
            wish->save = true;
        else if (argument_is(of->args[i], "abort"))
            wish->cancel = true;
        else if (argument_is(of->args[i], "now") || argument_is(of->args[i], "force"))
            wish->other = true;
        else
            return false;
    }
    if (wish->save && wish->no_save) return false;
    return !wish->cancel || of->argc == 2;
}

/* No reply when it works: the connection closes. */
void run_shutdown(request *of)
{
    shutdown_wish wish = {0};
    const node_options *options = &of->node->options;
    if (!take_shutdown_options(of, &wish)) {
        request_error(of, ERROR_SYNTAX);
    } else if (wish.cancel) {
        request_error(of, "ERR No shutdown in progress.");
    } else if ((wish.save && durable_log(of->node) == NULL) || options->shutdown == NULL) {
        /* There is nothing that could save: better refused than lost. */
        request_error(of, "ERR Errors trying to SHUTDOWN. Check logs.");
    } else {
        of->session->close = true;
        durable_set_last_snapshot(of->node, wish.save ? 1 : wish.no_save ? -1 : 0);
        options->shutdown(options->shutdown_ctx);
    }
}

void run_lolwut(request *of)
{
    int64_t version;
    if (of->argc >= 3 && argument_is(of->args[1], "version") &&
        !request_integer(of, of->args[2], &version))
        return;
    of->reply->ops->verbatim(of->reply, HC_SPAN("HyperCache ver. " HC_VERSION "\n"));
}
