/*
 * persistence_commands.c - SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, WAITAOF, HC.BACKUP.
 *
 * One kind of snapshot stands for all of them: it is written beside the work, without a fork, and
 * makes the log short again.  SAVE answers when it is done; other clients are served meanwhile, and
 * no thread waits.
 */
#include <stdio.h>

#include "command/command_args.h"
#include "command/durable.h"
#include "command/handlers.h"

/* NULL: answered with an error. */
static hc_persistence *log_of(request *of)
{
    hc_persistence *log = durable_log(of->node);
    if (log == NULL) {
        request_error(of, "ERR persistence is not enabled (persistence.enabled, node.data_dir)");
    }
    return log;
}

static hc_status snapshot_ask(request *of, bool later, uint64_t *ticket_out)
{
    const durable_calls *calls = durable_calls_of(of->node);
    return calls->snapshot(calls->ctx, later, ticket_out);
}

/* SAVE begins a snapshot when it is first looked at, and is held back until that one is over. */
bool save_holds(request *of)
{
    session *who = of->session;
    uint64_t ticket;
    if (who->held_mark == 0) {
        if (snapshot_ask(of, false, &ticket) != HC_OK) return false;
        who->held_mark = ticket;
    }
    return !durable_snapshot_is_over(of->node, who->held_mark);
}

void run_save(request *of)
{
    uint64_t ticket = of->session->held_mark;
    of->session->held_mark = 0;
    if (log_of(of) == NULL) return;
    if (ticket == 0)
        request_error(of, "ERR Background save already in progress");
    else if (durable_snapshot_is_good(of->node, ticket))
        reply_ok(of->reply);
    else
        request_error(of, "ERR the snapshot failed, see the log");
}

void run_bgsave(request *of)
{
    bool later = of->argc == 2 && argument_is(of->args[1], "schedule");
    if (of->argc > 2 || (of->argc == 2 && !later)) {
        request_error(of, ERROR_SYNTAX);
        return;
    }
    if (log_of(of) == NULL) return;
    uint64_t ticket;
    hc_status status = snapshot_ask(of, later, &ticket);
    if (status == HC_OK)
        of->reply->ops->status(of->reply, HC_SPAN("Background saving started"));
    else if (status == HC_ERR_BUSY)
        request_error(of, "ERR Background save already in progress");
    else
        request_errorf(of, "ERR the snapshot cannot begin: %s", hc_status_text(status));
}

void run_bgrewriteaof(request *of)
{
    uint64_t ticket;
    if (log_of(of) == NULL) return;
    hc_status status = snapshot_ask(of, true, &ticket);
    if (status == HC_OK) {
        of->reply->ops->status(of->reply, HC_SPAN("Background append only file rewriting started"));
    } else {
        request_errorf(of, "ERR the snapshot cannot begin: %s", hc_status_text(status));
    }
}

/* Unix seconds; of the start, while there was none. */
void run_lastsave(request *of)
{
    int64_t at_ms = of->node->started_ms;
    hc_persistence *log = durable_log(of->node);
    if (log != NULL) {
        hc_persistence_stats stats = {.size = sizeof stats};
        hc_persistence_stats_get(log, &stats);
        if (stats.snapshot_at_ms != 0) at_ms = stats.snapshot_at_ms;
    }
    of->reply->ops->integer(of->reply, at_ms / 1000);
}

/* HC.BACKUP name */
void run_hc_backup(request *of)
{
    char why[256] = "the node is about to end";
    if (log_of(of) == NULL) return;
    const durable_calls *calls = durable_calls_of(of->node);
    hc_status status = calls->backup == NULL
                           ? HC_ERR_UNSUPPORTED
                           : calls->backup(calls->backup_ctx, of->args[1], why, sizeof why);
    if (status == HC_OK)
        of->reply->ops->status(of->reply, HC_SPAN("Background backup started"));
    else
        request_errorf(of, "ERR %s", why);
}

/* ---- WAITAOF ---- */

typedef struct waitaof_wish {
    int64_t local, replicas, timeout_ms;
} waitaof_wish;

static const char *waitaof_read(const request *of, waitaof_wish *wish)
{
    if (!integer_parse(of->args[1], &wish->local)) return ERROR_NOT_INTEGER;
    if (wish->local < 0 || wish->local > 1) {
        return "ERR value is out of range, must be between 0 and 1";
    }
    if (!integer_parse(of->args[2], &wish->replicas)) return ERROR_NOT_INTEGER;
    if (wish->replicas < 0) return "ERR value is out of range, must be positive";
    if (!integer_parse(of->args[3], &wish->timeout_ms)) {
        return "ERR timeout is not an integer or out of range";
    }
    return wish->timeout_ms < 0 ? "ERR timeout is negative" : NULL;
}

static bool is_durable(const request *of)
{
    hc_persistence *log = durable_log(of->node);
    return log != NULL && of->session->written_lsn <= hc_persistence_durable_lsn(log);
}

/* There are no replicas to wait for. */
bool waitaof_holds(request *of)
{
    session *who = of->session;
    waitaof_wish wish;
    bool first = !who->held_for_log;
    who->held_for_log = waitaof_read(of, &wish) == NULL && wish.local > 0 && !is_durable(of);
    if (!who->held_for_log) return false;
    uint64_t now_ns = node_now_ns(of->node);
    if (first) {
        bool forever = wish.timeout_ms == 0 || wish.timeout_ms > INT64_MAX / 1000000;
        who->held_until_ns = forever ? UINT64_MAX : now_ns + (uint64_t)wish.timeout_ms * 1000000u;
    }
    who->held_for_log = now_ns < who->held_until_ns;
    return who->held_for_log;
}

void run_waitaof(request *of)
{
    waitaof_wish wish;
    const char *refusal = waitaof_read(of, &wish);
    of->session->held_until_ns = 0;
    if (refusal != NULL) {
        request_error(of, refusal);
    } else if (wish.local > 0 && durable_log(of->node) == NULL) {
        request_error(
            of, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    } else {
        of->reply->ops->array(of->reply, 2);
        of->reply->ops->integer(of->reply, is_durable(of) ? 1 : 0);
        of->reply->ops->integer(of->reply, 0);
    }
}
