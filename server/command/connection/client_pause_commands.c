/* client_pause_commands.c - CLIENT PAUSE, UNPAUSE, UNBLOCK; pause.h has the idea. */
#include <string.h>

#include "command/handlers.h"
#include "command/pause.h"
#include "command/transaction.h"
#include "command/wait.h"

enum { NS_PER_MS = 1000000 };

uint64_t pause_left_ns(node *of)
{
    if (!pause_may_hold(of)) return 0;
    uint64_t until_ns = atomic_load(&of->pause_until_ns), now_ns = node_now_ns(of);
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

static void end(node *of)
{
    atomic_store(&of->pause_mode, PAUSE_NONE);
    node_care_set(of, NODE_PAUSED, false);
}

static bool may_write(const request *of)
{
    const uint32_t writes = COMMAND_WRITE | COMMAND_MAY_REPLICATE;
    const transaction *queue = of->session->transaction;
    if ((of->command->flags & writes) != 0) return true;
    if (of->command->run == run_publish || of->command->run == run_spublish) return true;
    return of->command->run == run_exec && queue != NULL && (queue->flags & writes) != 0;
}

bool pause_holds(const request *of)
{
    if (pause_left_ns(of->node) == 0) {
        end(of->node); /* inside the gate, where no PAUSE runs beside it */
        return false;
    }
    return atomic_load(&of->node->pause_mode) == PAUSE_ALL || may_write(of);
}

static void refuse_form(request *of)
{
    int bytes = of->args[1].size < 128 ? (int)of->args[1].size : 128;
    request_errorf(of,
                   "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try CLIENT "
                   "HELP.",
                   bytes, (const char *)of->args[1].data);
}

static bool take_mode(request *of, pause_mode *mode_out)
{
    *mode_out = PAUSE_ALL;
    if (of->argc == 3 || argument_is(of->args[3], "all")) return true;
    *mode_out = PAUSE_WRITES;
    if (argument_is(of->args[3], "write")) return true;
    request_error(of, "ERR CLIENT PAUSE mode must be WRITE or ALL");
    return false;
}

/* Runs alone. */
void run_client_pause(request *of)
{
    int64_t ms;
    pause_mode mode;
    if (of->argc > 4) {
        refuse_form(of);
    } else if (!take_mode(of, &mode)) {
        return;
    } else if (!integer_parse(of->args[2], &ms)) {
        request_error(of, "ERR timeout is not an integer or out of range");
    } else if (ms < 0) {
        request_error(of, "ERR timeout is negative");
    } else {
        node *on = of->node;
        uint64_t now_ns = node_now_ns(on), until_ns = UINT64_MAX;
        if ((uint64_t)ms < (UINT64_MAX - now_ns) / NS_PER_MS)
            until_ns = now_ns + (uint64_t)ms * NS_PER_MS;
        if (pause_left_ns(on) == 0) {
            atomic_store(&on->pause_mode, PAUSE_NONE);
            atomic_store(&on->pause_until_ns, 0);
        }
        if (until_ns > atomic_load(&on->pause_until_ns))
            atomic_store(&on->pause_until_ns, until_ns);
        if ((int)mode > atomic_load(&on->pause_mode)) atomic_store(&on->pause_mode, (int)mode);
        node_care_set(on, NODE_PAUSED, true);
        reply_ok(of->reply);
    }
}

void run_client_unpause(request *of)
{
    end(of->node);
    if (of->node->unpaused != NULL) of->node->unpaused(of->node->unpaused_ctx);
    reply_ok(of->reply);
}

/* Of a client that is not in WAIT there is nothing to let go. */
void run_client_unblock(request *of)
{
    int64_t id;
    if (of->argc > 4) {
        refuse_form(of);
    } else if (of->argc == 4 && !argument_is(of->args[3], "timeout") &&
               !argument_is(of->args[3], "error")) {
        request_error(of, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    } else if (request_integer(of, of->args[2], &id)) {
        bool fails = of->argc == 4 && argument_is(of->args[3], "error");
        of->reply->ops->integer(of->reply, wait_end(of->node, id, fails) ? 1 : 0);
    }
}
