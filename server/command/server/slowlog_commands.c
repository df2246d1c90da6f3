/* slowlog_commands.c - SLOWLOG: the log itself is in slow_log.c, what enters it in timing.c. */
#include "command/command_args.h"
#include "command/handlers.h"

enum { ENTRIES_SHOWN = 10 /* where no count is asked for */ };

void run_slowlog_get(request *of)
{
    int64_t count = ENTRIES_SHOWN;
    bool correlated = of->argc == 4 && argument_is(of->args[3], "correlation");
    if (of->argc > 3 && !correlated) {
        request_errorf(
            of,
            "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG "
            "HELP.",
            (int)of->args[1].size, (const char *)of->args[1].data);
        return;
    }
    if (of->argc >= 3 && (!integer_parse(of->args[2], &count) || count < -1)) {
        request_error(of, "ERR count should be greater than or equal to -1");
        return;
    }
    slow_log *log = &of->node->observer.slow_log;
    slow_log_reply(log, of->reply, count < 0 ? SIZE_MAX : (size_t)count, correlated);
}

void run_slowlog_len(request *of)
{
    size_t count = slow_log_count(&of->node->observer.slow_log);
    of->reply->ops->integer(of->reply, (int64_t)count);
}

void run_slowlog_reset(request *of)
{
    slow_log_reset(&of->node->observer.slow_log);
    reply_ok(of->reply);
}

void run_slowlog_help(request *of)
{
    static const char *const lines[] = {
        "GET [<count> [CORRELATION]]",
        "    Return the latest <count> entries of the slow log (10 by default, -1: all).",
        "    Each tells its number, time, duration in microseconds, arguments, client address",
        "    and client name; with CORRELATION also its correlation id.",
        "LEN",
        "    Return the number of entries.",
        "RESET",
        "    Forget all entries.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
